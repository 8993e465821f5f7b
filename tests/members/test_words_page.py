"""The lists of words and the fields among the settings."""

import pytest

from crm.tenancy.scope import acting_for
from members import words
from members.models import CustomField, Member, Spelling, Word
from tests.factories import CustomFieldFactory, MemberFactory, WordFactory


def undo_of(response):
    """The address that the toast of the page after a redirect posts to."""
    stored = [message.extra_tags for message in response.context["messages"]]
    return stored[-1].partition("undo=")[2] if stored else ""


def filled(house, cities=("深圳", "深圳", "深镇")):
    with acting_for(house.pk):
        known = words.known()
        for city in cities:
            MemberFactory(city=known.city(city))
        known.settle()


def test_new_spellings_come_first_with_the_nearest_word(owner, house):
    filled(house, ["深圳市", "鹏城", "深镇", "火星基地"])

    page = owner.get("/settings/words/")

    assert [(each["word"].name, each["near"] and each["near"].name, each["people"]) for each in page.context["proposals"]] == [
        ("火星基地", None, 1),
        ("深镇", "深圳", 1),
    ]
    assert [(row["word"].name, row["people"]) for row in page.context["rows"]] == [("深圳", 2)]


def test_one_click_says_it_is_the_same_and_one_takes_it_back(operator, house):
    filled(house)
    with acting_for(house.pk):
        new, old = Word.objects.get(name="深镇"), Word.objects.get(name="深圳")

    page = operator.post(f"/settings/words/{new.pk}/merge/", {"into": str(old.pk)}, follow=True)
    with acting_for(house.pk):
        assert set(Member.objects.values_list("city", flat=True)) == {"深圳"}
    assert "1" in str(next(iter(page.context["messages"])))

    operator.post(undo_of(page), follow=True)
    with acting_for(house.pk):
        assert sorted(Member.objects.values_list("city", flat=True)) == ["深圳", "深圳", "深镇"]
        assert Word.objects.get(name="深镇").state == "proposed"


def test_a_new_word_is_accepted_and_that_is_taken_back(operator, house):
    filled(house)
    with acting_for(house.pk):
        new = Word.objects.get(name="深镇")

    page = operator.post(f"/settings/words/{new.pk}/acceptance/", follow=True)
    with acting_for(house.pk):
        assert Word.objects.get(pk=new.pk).state == "accepted"
    operator.post(undo_of(page))
    with acting_for(house.pk):
        assert Word.objects.get(pk=new.pk).state == "proposed"
    assert operator.post(f"/settings/words/{new.pk}/acceptance/").status_code == 302
    assert operator.post(f"/settings/words/{new.pk}/acceptance/").status_code == 409


def test_the_other_word_is_found_while_one_types(operator, house):
    filled(house, ["深圳", "上海", "北京", "火星基地"])
    with acting_for(house.pk):
        new = Word.objects.get(name="火星基地")

    found = operator.get(f"/settings/words/{new.pk}/alike/", {"same": "shang"}, headers={"HX-Request": "true"})

    assert ["上海" in found.content.decode(), "北京" in found.content.decode()] == [True, False]


def test_names_and_spellings_are_changed_and_refused_beside_the_field(operator, house):
    filled(house, ["深圳", "上海"])
    with acting_for(house.pk):
        word = Word.objects.get(name="深圳")

    refused = operator.post(f"/settings/words/{word.pk}/name/", {"name": "上海"})
    assert (refused.status_code, refused.context["refused"]["typed"]) == (422, "上海")
    assert operator.post(f"/settings/words/{word.pk}/spellings/", {"text": "魔都"}).status_code == 422

    page = operator.post(f"/settings/words/{word.pk}/spellings/", {"text": "深城"}, follow=True)
    operator.post(undo_of(page))
    with acting_for(house.pk):
        assert not Spelling.objects.filter(text="深城").exists()
    page = operator.post(f"/settings/words/{word.pk}/name/", {"name": "深圳湾区"}, follow=True)
    with acting_for(house.pk):
        assert Member.objects.filter(city="深圳湾区").count() == 1
    operator.post(undo_of(page))
    with acting_for(house.pk):
        assert Member.objects.filter(city="深圳").count() == 1


def test_a_spelling_is_taken_away_and_comes_back(operator, house):
    filled(house, ["上海"])
    with acting_for(house.pk):
        spelling = Spelling.objects.get(text="魔都")

    page = operator.post(f"/settings/words/spellings/{spelling.pk}/dropping/", follow=True)
    with acting_for(house.pk):
        assert not Spelling.objects.filter(text="魔都").exists()
    operator.post(undo_of(page))
    with acting_for(house.pk):
        assert Spelling.objects.filter(text="魔都").exists()


def test_a_word_is_added_and_one_that_is_there_is_refused(operator, house):
    page = operator.post("/settings/words/new/", {"kind": "skill", "name": "古琴", "spellings": "七弦琴，guqin"}, follow=True)
    again = operator.post("/settings/words/new/", {"kind": "skill", "name": "Gu Qin"})

    assert {each.text for each in page.context["chosen"]["spellings"]} == {"七弦琴", "guqin"}
    assert (again.status_code, again.context["new"]["name"]) == (422, "Gu Qin")


def test_what_stands_at_members_alone_is_taken_in(operator, house):
    with acting_for(house.pk):
        MemberFactory(city="深圳市", skills=["拉大提琴"])

    assert operator.get("/settings/words/").context["missing"] == 2
    operator.post("/settings/words/taking-in/", {"kind": "city"})

    assert operator.get("/settings/words/").context["missing"] == 0
    with acting_for(house.pk):
        assert Member.objects.get().city == "深圳"


def test_who_only_looks_changes_nothing(viewer, assistant, house):
    filled(house)
    with acting_for(house.pk):
        word = Word.objects.get(name="深圳")

    assert viewer.get("/settings/words/").status_code == 200
    assert viewer.post(f"/settings/words/{word.pk}/name/", {"name": "x"}).status_code == 403
    assert assistant.get("/settings/words/").status_code == 403


@pytest.mark.parametrize("path", ["/settings/words/?kind=skill", "/settings/fields/"])
def test_thirty_rows_cost_no_more_questions_than_one(owner, house, path, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def cost():
        owner.get(path)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert owner.get(path).status_code == 200
        return len(asked)

    with acting_for(house.pk):
        words.add("skill", "文案", by=None)
        WordFactory(kind="skill", name="文安", state="proposed")
        CustomFieldFactory(kind="choice", choices=["A"])
    one = cost()
    with acting_for(house.pk):
        for n in range(30):
            WordFactory(kind="skill", name=f"技{n}", state="proposed" if n % 2 else "accepted")
            CustomFieldFactory(kind="choice", choices=["A"], place=n)

    assert cost() == one


def test_words_stand_by_how_many_have_them_or_as_they_are_said(owner, house):
    with acting_for(house.pk):
        for name, people in ("阿坝", 1), ("北海", 3), ("安康", 2):
            WordFactory(kind="city", name=name)
            for _ in range(people):
                MemberFactory(city=name)

    def shown(sort):
        return [row["word"].name for row in owner.get(f"/settings/words/?kind=city&sort={sort}").context["rows"]]

    assert shown("") == shown("nonsense") == ["北海", "安康", "阿坝"]
    assert shown("people") == shown("name") == ["阿坝", "安康", "北海"]
    assert shown("-name") == ["北海", "安康", "阿坝"]


def test_two_thousand_words_come_in_pages(owner, house):
    with acting_for(house.pk):
        Word.objects.bulk_create(Word(kind="skill", name=f"skill {n}") for n in range(2_000))

    page = owner.get("/settings/words/?kind=skill&page=40")

    assert (len(page.context["rows"]), page.context["cut"].pages) == (50, 40)
    assert [row["word"].name for row in owner.get("/settings/words/?kind=skill&q=skill 1999").context["rows"]] == ["skill 1999"]


# Fields


def test_a_field_is_added_changed_and_changed_back(operator, house):
    operator.post("/settings/fields/new/", {"name": "尺码", "kind": "choice", "choices": "S\nM\nL"})
    with acting_for(house.pk):
        field = CustomField.objects.get()
        member = MemberFactory(custom={str(field.pk): "M"})
    seen = operator.get(f"/settings/fields/{field.pk}/").context["seen"]

    lost = operator.post(f"/settings/fields/{field.pk}/", {"name": "尺码", "choice": ["S", "", "L"], "more": "XL", "seen": seen})
    assert (lost.status_code, lost.context["refused"].code) == (422, "choice_in_use")

    page = operator.post(
        f"/settings/fields/{field.pk}/", {"name": "大小", "choice": ["S", "中", "L"], "more": "XL", "seen": seen}, follow=True
    )
    with acting_for(house.pk):
        field.refresh_from_db()
        member.refresh_from_db()
        assert (field.name, field.choices, member.custom) == ("大小", ["S", "中", "L", "XL"], {str(field.pk): "中"})

    stale = operator.post(f"/settings/fields/{field.pk}/", {"name": "x", "choice": ["S", "M", "L"], "seen": seen})
    assert (stale.status_code, stale.context["refused"].code) == (422, "changed_meanwhile")

    operator.post(undo_of(page))
    with acting_for(house.pk):
        field.refresh_from_db()
        member.refresh_from_db()
        assert (field.name, field.choices, member.custom) == ("尺码", ["S", "M", "L"], {str(field.pk): "M"})


def test_newcomers_are_asked_for_a_field_or_not(operator, house):
    operator.post("/settings/fields/new/", {"name": "尺码", "kind": "text", "is_asked": "1"})
    with acting_for(house.pk):
        field = CustomField.objects.get()
    assert field.is_asked
    seen = operator.get(f"/settings/fields/{field.pk}/").context["seen"]

    page = operator.post(f"/settings/fields/{field.pk}/", {"name": "尺码", "seen": seen}, follow=True)

    with acting_for(house.pk):
        assert not CustomField.objects.get().is_asked
    operator.post(undo_of(page))
    with acting_for(house.pk):
        assert CustomField.objects.get().is_asked


def test_a_field_changes_its_kind_while_nobody_holds_anything_in_it(operator, house):
    with acting_for(house.pk):
        field = CustomFieldFactory(name="尺码")
    address, seen = f"/settings/fields/{field.pk}/", operator.get(f"/settings/fields/{field.pk}/").context["seen"]

    page = operator.post(address, {"name": "尺码", "kind": "choice", "more": "S\nM", "seen": seen}, follow=True)
    stale = operator.post(address, {"name": "尺码", "kind": "text", "more": "", "seen": seen})
    with acting_for(house.pk):
        field.refresh_from_db()
    assert (field.kind, field.choices, stale.context["refused"].code) == ("choice", ["S", "M"], "changed_meanwhile")

    operator.post(undo_of(page))
    with acting_for(house.pk):
        field.refresh_from_db()
        MemberFactory(custom={str(field.pk): "S"})
    assert (field.kind, field.choices) == ("text", [])
    refused = operator.post(address, {"name": "尺码", "kind": "number"})
    assert (refused.status_code, refused.context["refused"].code) == (422, "kind_in_use")
    assert str(refused.context["refused"].sentence) in refused.content.decode()
    assert 'id="id_kind"' not in operator.get(address).content.decode()


def test_fields_are_moved_retired_and_brought_back(operator, house):
    with acting_for(house.pk):
        one, other = CustomFieldFactory(name="one", place=0), CustomFieldFactory(name="other", place=1)

    operator.post("/settings/fields/order/", {"move": f"{other.pk}:up"})
    assert [row["field"].name for row in operator.get("/settings/fields/").context["rows"]] == ["other", "one"]
    page = operator.post(f"/settings/fields/{one.pk}/retirement/", follow=True)
    assert [row["field"].name for row in page.context["retired"]] == ["one"]
    assert [row["field"].name for row in operator.post(undo_of(page), follow=True).context["rows"]] == ["other", "one"]


def test_a_field_that_is_refused_keeps_what_was_typed(operator):
    page = operator.post("/settings/fields/new/", {"name": "尺码", "kind": "choice", "choices": "A\na"})

    assert (page.status_code, page.context["refused"].code, page.context["new"]["choices"]) == (422, "choice_twice", "A\na")
