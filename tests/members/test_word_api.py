"""Words, spellings and fields through the API."""

from crm.tenancy.scope import acting_for
from members import words
from members.models import CustomField, Member
from tests.factories import MemberFactory, WordFactory


def test_words_are_listed_by_kind_state_and_spelling(api, house):
    with acting_for(house.pk):
        known = words.known()
        for text in ("魔都", "火星基地"):
            known.city(text)
        known.skill("写文案")
        known.settle()

    assert [row["name"] for row in api.get("words/?kind=city&state=proposed").json()["results"]] == ["火星基地"]
    assert [(row["name"], row["province"]) for row in api.get("words/?search=shangh").json()["results"]] == [("上海", "")]
    assert "Shanghai" in api.get("words/?search=魔都").json()["results"][0]["spellings"]


def test_words_are_made_renamed_merged_and_taken_apart(api, house):
    made = api.post("words/", {"kind": "skill", "name": "写稿子", "spellings": ["写稿"]})
    other = api.post("words/", {"kind": "skill", "name": "文案"}).json()
    word = made.json()
    with acting_for(house.pk):
        member = MemberFactory(skills=["写稿子"])

    assert (made.status_code, word["spellings"], word["state"]) == (201, ["写稿子", "写稿"], "accepted")
    assert api.post("words/", {"kind": "skill", "name": "写 稿"}).json()["code"] == "spelling_taken"
    assert api.patch(f"words/{word['id']}/", {"name": "撰稿"}).json()["name"] == "撰稿"
    assert api.post(f"words/{word['id']}/merge/", {"into": other["id"]}).json()["into"] == other["id"]
    with acting_for(house.pk):
        assert Member.objects.get(pk=member.pk).skills == ["文案"]
    assert api.post(f"words/{word['id']}/separation/").json()["state"] == "accepted"
    with acting_for(house.pk):
        assert Member.objects.get(pk=member.pk).skills == ["撰稿"]
    assert api.delete(f"words/{word['id']}/").json()["code"] == "word_in_use"


def test_a_proposed_word_is_accepted_once(api, house):
    with acting_for(house.pk):
        word = WordFactory(state="proposed")

    assert api.post(f"words/{word.pk}/acceptance/").json()["state"] == "accepted"
    assert api.post(f"words/{word.pk}/acceptance/").json()["code"] == "not_proposed"


def test_spellings_are_added_and_dropped(api):
    word = api.post("words/", {"kind": "city", "name": "深圳"}).json()

    added = api.post("spellings/", {"word": word["id"], "text": "深城"})
    assert (added.status_code, added.json()["kind"]) == (201, "city")
    assert api.delete(f"spellings/{added.json()['id']}/").status_code == 204
    own = next(row for row in api.get(f"spellings/?word={word['id']}").json()["results"] if row["text"] == "深圳")
    assert api.delete(f"spellings/{own['id']}/").json()["code"] == "own_name"


def test_fields_are_made_changed_retired_and_brought_back(api, house):
    field = api.post("fields/", {"name": "尺码", "kind": "choice", "choices": ["S", "M"]}).json()
    with acting_for(house.pk):
        member = MemberFactory(custom={field["id"]: "M"})

    assert api.patch(f"fields/{field['id']}/", {"choices": ["S"]}).json()["code"] == "choice_in_use"
    changed = api.patch(f"fields/{field['id']}/", {"choices": ["S", "中"], "renamed": {"M": "中"}}).json()
    assert changed["choices"] == ["S", "中"]
    with acting_for(house.pk):
        assert Member.objects.get(pk=member.pk).custom == {field["id"]: "中"}
    assert api.post(f"fields/{field['id']}/retirement/").json()["retired_at"]
    assert [row["id"] for row in api.get("fields/?in_use=true").json()["results"]] == []
    assert api.post(f"fields/{field['id']}/return/").json()["retired_at"] is None
    with acting_for(house.pk):
        assert CustomField.objects.count() == 1


def test_fields_are_put_into_another_order(api):
    one, two, three = (api.post("fields/", {"name": name, "kind": "text"}).json()["id"] for name in ("one", "two", "three"))

    def order():
        return [row["name"] for row in api.get("fields/?ordering=place&in_use=true").json()["results"]]

    assert api.patch(f"fields/{three}/", {"before": one}).json()["place"] == 0
    assert order() == ["three", "one", "two"]
    api.patch(f"fields/{one}/", {"before": None})
    api.patch(f"fields/{two}/", {"before": two})
    assert order() == ["three", "two", "one"]
    api.post(f"fields/{two}/retirement/")
    assert api.patch(f"fields/{one}/", {"before": two}).json()["code"] == "field_retired"
    assert api.patch(f"fields/{two}/", {"before": one}).json()["code"] == "field_retired"
    assert order() == ["three", "one"]


def test_a_field_becomes_another_kind_while_nobody_holds_anything_in_it(api, house):
    field = api.post("fields/", {"name": "尺码", "kind": "text"}).json()["id"]
    address = f"fields/{field}/"

    assert api.patch(address, {"kind": "choice"}).json()["code"] == "no_choices"
    assert api.patch(address, {"kind": "choice", "choices": ["S", "M"]}).json()["choices"] == ["S", "M"]
    assert api.patch(address, {"kind": "date"}).json()["choices"] == []
    with acting_for(house.pk):
        MemberFactory(custom={field: "2026-11-29"}, standing="merged")
    refused = api.patch(address, {"kind": "text"})
    assert (refused.status_code, refused.json()["code"], refused.json()["members"]) == (409, "kind_in_use", 1)
    assert api.patch(address, {"name": "Day", "kind": "date"}).json()["name"] == "Day"
