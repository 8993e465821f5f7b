"""The operator's side: links are given and taken back, answers are looked at, taken over or not, and all of it is undone."""

import datetime
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from PIL import Image

from crm.tenancy import files
from crm.tenancy.models import AccessToken, Event
from crm.tenancy.scope import acting_for
from members import introductions
from members.models import Consent, Introduction, Member
from tests.factories import CustomFieldFactory, IntroductionFactory, MemberFactory, SegmentFactory

SAID = {
    "nickname": "深圳-海燕", "city": "深圳", "industry": "知识付费",
    "skills": [{"name": "直播", "level": 3}, {"name": "写作", "level": None}],
    "offers": "帮你看直播间", "seeks": "找合伙人", "consents": ["contact"],
}  # fmt: skip


def lin_of(house, **fields):
    with acting_for(house.pk):
        return MemberFactory(**{"nickname": "Lin", "city": "", "industry": "", "skills": [], "joined_on": house.today()} | fields)


def sent(house, **fields):
    """An answer that waits for a look."""
    lin = lin_of(house)
    with acting_for(house.pk):
        answer = {"state": "sent", "sent_at": now(), "expires_at": now() + datetime.timedelta(days=3), "answers": SAID, "version": 1}
        return lin, IntroductionFactory(member=lin, **answer | fields)


def all_of(answers):
    values = {f"value-{name}": answers[name] for name in ("nickname", "city", "industry", "offers", "seeks")}
    return values | {"value-skills": "直播 3, 写作", "take": ["nickname", "city", "industry", "skills", "offers", "seeks"]}


def fresh(house, row):
    with acting_for(house.pk):
        return type(row).objects.get(pk=row.pk)


def link_in(answer):
    return answer.content.decode().partition("/hello/")[2].partition("/")[0]


def kinds(house):
    with acting_for(house.pk):
        return list(Event.objects.order_by("at", "id").values_list("kind", flat=True))


# Links


def test_a_link_is_given_once_copy_ready_in_the_tenants_language(operator, house):
    lin = lin_of(house)

    answer = operator.post(f"/members/{lin.pk}/introduction/link/", {"days": "7"})

    assert "Lin，您好" in answer.content.decode() or "Hello Lin" in answer.content.decode()
    assert link_in(answer).startswith("qx_hello_")
    with acting_for(house.pk):
        assert Introduction.objects.get().state == "asked"
        assert link_in(answer) not in str(list(Event.objects.values()))
    assert link_in(operator.get(f"/members/{lin.pk}/introduction/")) == ""
    assert Client().get(f"/hello/{link_in(answer)}/").status_code == 200


def test_a_new_link_ends_the_one_before_and_keeps_what_was_typed(operator, house):
    lin = lin_of(house)
    first = link_in(operator.post(f"/members/{lin.pk}/introduction/link/"))
    Client().post(f"/hello/{first}/draft/", {"version": 0, "answers": SAID}, content_type="application/json")

    second = link_in(operator.post(f"/members/{lin.pk}/introduction/link/"))

    assert Client().get(f"/hello/{first}/").status_code == 410
    assert "帮你看直播间" in Client().get(f"/hello/{second}/").content.decode()
    with acting_for(house.pk):
        assert Introduction.objects.count() == 1


def test_a_link_taken_back_opens_nothing_until_that_is_undone(operator, house):
    lin = lin_of(house)
    link = link_in(operator.post(f"/members/{lin.pk}/introduction/link/"))
    with acting_for(house.pk):
        pk = Introduction.objects.get().pk

    operator.post(f"/members/introductions/{pk}/revocation/")
    gone = Client().get(f"/hello/{link}/").status_code
    operator.post(f"/members/introductions/{pk}/return/")

    assert (gone, Client().get(f"/hello/{link}/").status_code) == (410, 200)
    assert kinds(house) == ["introduction.asked", "introduction.revoked", "introduction.restored"]


def test_who_has_answered_gets_no_new_link_before_a_look(operator, house):
    lin, _ = sent(house)

    assert operator.post(f"/members/{lin.pk}/introduction/link/").status_code == 409


def test_several_newcomers_get_links_as_a_list_to_copy(operator, house):
    members = [lin_of(house, nickname=f"New {n}") for n in range(3)]

    answer = operator.post("/members/introductions/links/", {"member": [str(each.pk) for each in members], "days": "7"})

    assert [member.nickname for member, link in answer.context["links"] if "/hello/qx_hello_" in link] == ["New 0", "New 1", "New 2"]
    assert operator.get("/members/introductions/").context["newcomers"] == []


# Looking


def test_an_answer_stands_beside_what_is_known_and_fills_the_fields(operator, house):
    lin, answer = sent(house)

    shown = operator.get("/members/introductions/").context["answers"][0]
    done = operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID) | {"consent": "contact"})

    assert [(line.name, line.now, line.said) for line in shown.lines][:2] == [("nickname", "Lin", "深圳-海燕"), ("city", "", "深圳")]
    assert done.status_code == 302
    lin = fresh(house, lin)
    assert (lin.nickname, lin.city, lin.industry, lin.offers) == ("深圳-海燕", "深圳", "知识付费", "帮你看直播间")
    assert (lin.skills, lin.skill_levels) == (["直播", "写作"], {"直播": 3})
    with acting_for(house.pk):
        assert [(each.to, each.source) for each in Consent.objects.all()] == [("contact", "form")]
        assert Member.objects.matching("haiyan").count() == 1
    assert fresh(house, answer).state == "taken"


def test_only_what_is_ticked_is_taken_as_it_was_edited(operator, house):
    lin, answer = sent(house)

    operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID) | {"take": ["city"], "value-city": "广州"})

    lin = fresh(house, lin)
    assert (lin.city, lin.nickname, lin.offers) == ("广州", "Lin", "")


def test_a_consent_that_was_not_given_is_not_taken(operator, house):
    _, answer = sent(house)

    operator.post(f"/members/introductions/{answer.pk}/taking/", {"consent": ["contact", "photo"]})

    with acting_for(house.pk):
        assert list(Consent.objects.values_list("to", flat=True)) == ["contact"]


def test_taking_over_is_undone_whole(operator, house):
    lin, answer = sent(house)
    operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID) | {"consent": "contact"})

    undone = operator.post(f"/members/introductions/{answer.pk}/undo/")

    lin = fresh(house, lin)
    assert undone.status_code == 302
    assert (lin.nickname, lin.city, lin.skills, lin.skill_levels, fresh(house, answer).state) == ("Lin", "", [], {}, "sent")
    with acting_for(house.pk):
        assert Consent.objects.filter(withdrawn_at=None).count() == 0


def test_what_somebody_changed_since_is_not_undone_unseen(operator, owner, house):
    lin, answer = sent(house)
    operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID))
    with acting_for(house.pk):
        from members import people

        people.change(lin, {"city": "北京"}, by=owner.seat)

    undone = operator.post(f"/members/introductions/{answer.pk}/undo/")

    assert (undone.status_code, fresh(house, lin).city, fresh(house, answer).state) == (409, "北京", "taken")


def test_not_taking_over_wants_a_reason_and_is_undone_from_the_trail(operator, owner, house):
    lin, answer = sent(house)

    without = operator.post(f"/members/introductions/{answer.pk}/leaving/", {"because": " "})
    operator.post(f"/members/introductions/{answer.pk}/leaving/", {"because": "is another person"})
    left = fresh(house, answer).state
    with acting_for(house.pk):
        fact = Event.objects.get(kind="introduction.left")
    owner.post(f"/trail/{fact.pk}/undo/")

    assert (without.status_code, left, fresh(house, answer).state, fresh(house, lin).nickname) == (400, "left", "sent", "Lin")


def test_an_answer_is_taken_once(operator, house):
    _, answer = sent(house)

    first = operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID))
    second = operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID))

    assert (first.status_code, second.status_code) == (302, 409)


def test_what_cannot_be_kept_stands_beside_its_field_with_what_was_typed(operator, house):
    lin, answer = sent(house)

    said = operator.post(f"/members/introductions/{answer.pk}/taking/", all_of(SAID) | {"value-city": "x" * 61})

    assert said.status_code == 422
    assert "x" * 61 in said.content.decode()
    assert fresh(house, lin).city == ""


def test_the_photo_is_taken_over_and_shown_to_a_seat_alone(operator, house, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    lin, answer = sent(house)
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(out, "PNG")
    with acting_for(house.pk):
        introductions.put_photo(answer, SimpleUploadedFile("me.png", out.getvalue()))

    shown = operator.get(f"/members/introductions/{answer.pk}/photo/")
    operator.post(f"/members/introductions/{answer.pk}/taking/", {"take": "photo"})

    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    with acting_for(house.pk):
        photo = Member.objects.select_related("photo").get(pk=lin.pk).photo
        assert (photo.kind, files.path_of(photo).exists()) == ("photo", True)
    assert Client().get(f"/qinghe/members/introductions/{answer.pk}/photo/").status_code == 302


def test_the_queue_is_of_a_segment_where_one_is_chosen_and_asks_those_of_it_who_came_long_ago_too(operator, house):
    for city in "深圳", "上海":
        lin, _answer = sent(house)
        with acting_for(house.pk):
            Member.objects.filter(pk=lin.pk).update(city=city)
    lin_of(house, nickname="Old", city="深圳", joined_on=house.today() - datetime.timedelta(days=400))
    lin_of(house, nickname="New", city="上海")
    with acting_for(house.pk):
        segment = SegmentFactory(asked={"city": ["深圳"]})

    everybody, those = operator.get("/members/introductions/"), operator.get(f"/members/introductions/?segment={segment.pk}")

    assert [len(page.context["answers"]) for page in (everybody, those)] == [2, 1]
    assert [[member.nickname for member in page.context["newcomers"]] for page in (everybody, those)] == [["New"], ["Old"]]
    assert [page.context["counts"]["waiting"] for page in (everybody, those)] == [2, 2]


def test_the_queue_asks_as_much_for_ten_as_for_one(operator, house):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert operator.get("/members/introductions/").status_code == 200
        return len(queries)

    sent(house)
    asked()
    one = asked()
    for _ in range(9):
        sent(house)

    assert asked() == one


def test_unanswered_ones_that_are_over_stand_apart(operator, house):
    with acting_for(house.pk):
        IntroductionFactory(member=MemberFactory(nickname="over"), expires_at=now() - datetime.timedelta(days=1))
        IntroductionFactory(member=MemberFactory(nickname="out"), expires_at=now() + datetime.timedelta(days=1))

    shown = {
        state: [each.member.nickname for each in operator.get("/members/introductions/", {"state": state}).context["answers"]]
        for state in ("over", "out")
    }

    assert shown == {"over": ["over"], "out": ["out"]}


@pytest.mark.parametrize("path", ["introductions/", "introductions/{pk}/photo/"])
def test_a_viewer_sees_no_answers(viewer, house, path):
    _, answer = sent(house)

    assert viewer.get("/members/" + path.format(pk=answer.pk)).status_code == 403


def test_the_api_gives_a_link_lists_and_takes_back(api, house):
    lin = lin_of(house)

    made = api.post("/introductions/", {"member": str(lin.pk), "days": 7})
    row = api.get("/introductions/").json()["results"][0]
    gone = api.delete(f"/introductions/{made.json()['id']}/")

    assert made.status_code == 201
    assert "/hello/qx_hello_" in made.json()["link"]
    assert (row["state"], row["answers"], "link" in row, gone.status_code) == ("asked", None, False, 204)
    assert AccessToken.objects.filter(kind="introduction", revoked_at=None).count() == 0


# The tenant's own fields


@pytest.fixture
def own(house):
    """One of each kind that is asked, and one that is not."""
    with acting_for(house.pk):
        size = CustomFieldFactory(name="尺码", kind="choice", choices=["S", "M"], is_asked=True)
        days = CustomFieldFactory(name="何时有空", kind="choices", choices=["周一", "周二", "周三"], is_asked=True, place=1)
        years = CustomFieldFactory(name="做了几年", kind="number", is_asked=True, place=2)
        secret = CustomFieldFactory(name="内部评级", place=3)
        return size, days, years, secret


def test_fields_of_the_tenants_own_are_asked_and_fill_the_member(operator, owner, house, own):
    size, days, years, secret = own
    lin = lin_of(house, custom={str(size.pk): "S"})
    link = "/hello/" + link_in(operator.post(f"/members/{lin.pk}/introduction/link/", {"days": "7"})) + "/"
    form = Client().get(link).content.decode()
    assert [field.name in form for field in own] == [True, True, True, False]

    said = {"nickname": "Lin", "offers": "x", "version": "0", "act": "send", f"field-{size.pk}": "M"}
    said |= {f"field-{days.pk}": ["周三", "周一"], f"field-{years.pk}": "many", f"field-{secret.pk}": "A"}
    refused = Client().post(link, said)
    assert (refused.status_code, list(refused.context["errors"])) == (422, [f"field-{years.pk}"])
    assert 'value="many"' in refused.content.decode()
    assert Client().post(link, said | {"version": "1", f"field-{years.pk}": "1,200"}).status_code == 302

    shown = operator.get("/members/introductions/").context["answers"][0]
    assert [(line.label, line.now, line.said) for line in shown.lines][6:] == [
        ("尺码", "S", "M"), ("何时有空", "", "周一，周三"), ("做了几年", "", "1,200"),
    ]  # fmt: skip
    with acting_for(house.pk):
        answer = Introduction.objects.get()
    took = {"take": [f"field-{size.pk}", f"field-{days.pk}", f"field-{years.pk}"], f"value-field-{size.pk}": "M"}
    took |= {f"value-field-{days.pk}": ["周一", "周三"], f"value-field-{years.pk}": "x"}
    refused = operator.post(f"/members/introductions/{answer.pk}/taking/", took)
    assert (refused.status_code, [line.error != "" for line in refused.context["answers"][0].lines][6:]) == (422, [False, False, True])

    operator.post(f"/members/introductions/{answer.pk}/taking/", took | {f"value-field-{years.pk}": "12"})
    assert fresh(house, lin).custom == {str(size.pk): "M", str(days.pk): ["周一", "周三"], str(years.pk): 12}
    operator.post(f"/members/introductions/{answer.pk}/undo/")
    assert fresh(house, lin).custom == {str(size.pk): "S"}


def test_a_draft_keeps_of_own_fields_what_is_asked(operator, house, own):
    size, days, years, secret = own
    lin = lin_of(house)
    link = "/hello/" + link_in(operator.post(f"/members/{lin.pk}/introduction/link/", {"days": "7"})) + "/"
    typed = {str(size.pk): {"x": 1}, str(days.pk): ["周一", "", "周一"], str(years.pk): "half", str(secret.pk): "A"}

    answer = Client().post(f"{link}draft/", {"version": 0, "answers": {"nickname": "Lin", "custom": typed}}, "application/json")

    assert answer.json() == {"version": 1, "filled": 3}
    with acting_for(house.pk):
        assert Introduction.objects.get().answers["custom"] == {str(days.pk): ["周一"], str(years.pk): "half"}
