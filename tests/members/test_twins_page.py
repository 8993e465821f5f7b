"""The queue of pairs: one key each, the next comes by itself, whoever was slower hears a sentence; and the same by the API."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from members import merging, twins
from members.models import Member, Merge, Twin
from tests.factories import GroupFactory, HandleFactory, MemberFactory, NoteFactory, PlacementFactory, TwinFactory

HX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def in_english(owner, viewer):
    for client in (owner, viewer):
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"


@pytest.fixture
def pair(tenant):
    one = MemberFactory(nickname="深圳-海燕-直播", city="深圳", industry="美业", skills=["直播"])
    other = MemberFactory(nickname="海燕(小号)", city="深圳", note="<b>hi</b>")
    HandleFactory(member=one, platform="phone", value="+8613800000643")
    HandleFactory(member=other, platform="phone", value="+8613800000644")
    NoteFactory(member=other)
    PlacementFactory(member=one, group=GroupFactory(name="会员7群"))
    return TwinFactory(one=one, other=other, because=["near_phone", "same_name", "same_city"], score=80)


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.content.decode()))


def seen(answer):
    return re.search(r'name="seen" value="(\w+)"', answer.content.decode())[1]


# What it shows


def test_a_longer_list_has_pages(tenant, owner):
    TwinFactory.create_batch(52)

    first, second = owner.get("/members/twins/"), owner.get("/members/twins/?page=2")

    assert ("?page=2" in first.content.decode(), "?page=1" in second.content.decode()) == (True, True)
    assert [(len(page.context["rows"]), page.context["number"]) for page in (first, second)] == [(50, 1), (2, 51)]


def test_the_pair_stands_side_by_side_with_what_is_the_same_and_what_the_merge_keeps(pair, owner):
    page = owner.get("/members/twins/")

    fields = {str(field.label): field.state for field in page.context["beside"].fields}
    assert fields == {
        "Nickname": "different", "Phone": "different", "City": "same", "Industry": "one", "Skills": "one", "Tier": "same",
        "Standing": "same", "Note": "one", "Group": "one",
    }  # fmt: skip
    said = text(page)
    assert "Very likely one person" in said
    assert (
        "“海燕(小号)” becomes a former nickname. Filled or joined from the other one: Note. What comes along: identities 1, notes 1."
        in said
    )
    assert "&lt;b&gt;hi&lt;/b&gt;" in page.content.decode()
    assert "+861380000064<mark>3</mark>" in page.content.decode()


def test_what_a_role_does_not_see_is_not_there(pair, viewer):
    page = viewer.get("/members/twins/")

    assert page.status_code == 200
    assert "+8613800000643" not in page.content.decode()
    assert 'data-key="M"' not in page.content.decode()
    assert viewer.post(f"/members/twins/{pair.pk}/merge/", {"keep": pair.one_id}).status_code == 403


def test_an_assistant_does_not_see_it(pair, assistant):
    assert assistant.get("/members/twins/").status_code == 403


def test_nothing_to_decide_says_so(tenant, owner):
    page = owner.get("/members/twins/")

    assert "No pair waits to be decided" in text(page)


def test_pairs_of_merged_and_erased_members_do_not_wait(pair, owner):
    Member.objects.filter(pk=pair.one_id).update(standing="erased")

    assert owner.get("/members/twins/").context["counts"]["waiting"] == 0


def test_as_many_questions_for_thirty_pairs_as_for_one(tenant, owner):
    def asked():
        with CaptureQueriesContext(connection) as found:
            assert owner.get("/members/twins/").status_code == 200
        return len(found)

    TwinFactory()
    merging.merge(MemberFactory(), MemberFactory(), "decided", by=owner.seat)
    asked()
    few = asked()
    for _ in range(30):
        TwinFactory()
    for _ in range(5):
        merging.merge(MemberFactory(), MemberFactory(), "decided", by=owner.seat)

    assert asked() == few


# Deciding


@pytest.mark.parametrize(("keep", "gone"), [("one", "other"), ("other", "one")])
def test_merging_keeps_the_chosen_one_and_the_next_pair_comes(pair, owner, keep, gone):
    following = TwinFactory(score=10)
    page = owner.get("/members/twins/")

    answer = owner.post(f"/members/twins/{pair.pk}/merge/", {"keep": getattr(pair, f"{keep}_id"), "seen": seen(page)}, headers=HX)

    assert f'aria-current="true"><bdi lang="zh">{following.one.nickname}</bdi>' in answer.content.decode()
    assert answer["HX-Replace-Url"].endswith(f"?pair={following.pk}")
    made = Merge.objects.get()
    assert (made.kept_id, made.gone_id) == (getattr(pair, f"{keep}_id"), getattr(pair, f"{gone}_id"))
    assert f"/members/merges/{made.pk}/undo/" in answer["HX-Trigger"]


def test_without_script_it_leads_to_the_next_pair_and_says_what_was_done(pair, owner):
    answer = owner.post(f"/members/twins/{pair.pk}/apart/", follow=True)

    assert answer.redirect_chain[-1][0] == "/qinghe/members/twins/"
    assert "深圳-海燕-直播 and 海燕(小号) are not the same person." in text(answer)


def test_one_put_off_comes_last(pair, owner):
    weaker = TwinFactory(score=10)

    owner.post(f"/members/twins/{pair.pk}/later/", headers=HX)

    assert [row["pair"] for row in owner.get("/members/twins/").context["rows"]] == [weaker, pair]


@pytest.mark.parametrize("act", ["apart", "later"])
def test_what_was_decided_can_be_taken_back(pair, owner, act):
    owner.post(f"/members/twins/{pair.pk}/{act}/")

    owner.post(f"/members/twins/{pair.pk}/reopening/")

    assert Twin.objects.get().state == "open"


def test_a_merge_is_taken_back_from_the_list_of_the_latest(pair, owner):
    owner.post(f"/members/twins/{pair.pk}/merge/", {"keep": pair.one_id})
    made = Merge.objects.get()
    page = owner.get("/members/twins/")

    answer = owner.post(f"/members/merges/{made.pk}/undo/", {"next": "//evil.example/"}, follow=True)

    assert f"/qinghe/members/merges/{made.pk}/undo/" in page.content.decode()
    assert answer.redirect_chain[-1][0] == "/qinghe/members/twins/"
    assert "The two are two again." in text(answer)
    assert answer.context["pair"] == pair


def test_the_page_of_a_person_has_what_was_merged_into_it(pair, owner):
    assert owner.get(f"/members/{pair.one_id}/merged/").content == b""
    owner.post(f"/members/twins/{pair.pk}/merge/", {"keep": pair.one_id})

    panel = owner.get(f"/members/{pair.one_id}/merged/")

    assert "Rows merged into this person" in text(panel)
    assert "海燕(小号)" in text(panel)


# Whoever is slower


def test_a_pair_that_was_decided_meanwhile_gets_a_sentence(pair, owner):
    twins.apart(pair, by=owner.seat)

    answer = owner.post(f"/members/twins/{pair.pk}/merge/", {"keep": pair.one_id}, headers=HX)

    assert answer.status_code == 200
    assert "was decided already: not the same person" in answer["HX-Trigger"]
    assert not Merge.objects.exists()


def test_a_member_that_was_changed_meanwhile_is_looked_at_again(pair, owner):
    page = owner.get("/members/twins/")
    Member.objects.filter(pk=pair.other_id).update(city="广州")

    answer = owner.post(f"/members/twins/{pair.pk}/merge/", {"keep": pair.one_id, "seen": seen(page)}, headers=HX)

    assert "was changed since you opened the page" in answer["HX-Trigger"]
    assert "深圳-海燕-直播" in text(answer)
    assert not Merge.objects.exists()
    owner.post(f"/members/twins/{pair.pk}/merge/", {"keep": pair.one_id, "seen": seen(answer)}, headers=HX)
    assert Merge.objects.exists()


def test_a_pair_that_is_gone_is_not_found(pair, owner):
    Twin.objects.all().delete()

    assert owner.post(f"/members/twins/{pair.pk}/apart/", headers=HX).status_code == 404


# All alike


def test_all_alike_are_merged_after_their_number_was_said_and_taken_back_at_once(tenant, owner):
    pairs = [TwinFactory(because=["same_name", "same_city", "same_inviter"]) for _ in range(3)]
    TwinFactory(because=["near_phone", "same_name"])
    page = owner.get(f"/members/twins/?pair={pairs[0].pk}")

    answer = owner.post(f"/members/twins/{pairs[0].pk}/alike/", {"number": page.context["alike"]})
    undo = next(iter(answer.wsgi_request._messages)).extra_tags.removeprefix("undo=")
    merged = Merge.objects.filter(undone_at=None).count()
    owner.post(undo)

    assert (page.context["alike"], merged) == (3, 3)
    assert Merge.objects.filter(undone_at=None).count() == 0
    assert twins.waiting().count() == 4


def test_another_number_than_was_said_merges_nothing(tenant, owner):
    pairs = [TwinFactory(because=["same_name", "same_city", "same_inviter"]) for _ in range(2)]

    answer = owner.post(f"/members/twins/{pairs[0].pk}/alike/", {"number": 3}, headers=HX)

    assert "There are 2 such pairs now" in answer["HX-Trigger"]
    assert not Merge.objects.exists()


# Looking


def test_looking_again_says_what_it_found(tenant, owner):
    inviter = MemberFactory()
    for _ in range(2):
        MemberFactory(nickname="海燕", city="深圳", inviter=inviter)

    answer = owner.post("/members/twins/look/", follow=True)

    assert "1 new pair was found." in text(answer)


def test_a_seat_without_the_right_cannot_act(pair, viewer):
    with acting_for(viewer.tenant.pk):
        made = merging.merge(MemberFactory(), MemberFactory(), "decided", by=None)
    for path in (f"twins/{pair.pk}/apart/", f"twins/{pair.pk}/alike/", "twins/look/", f"merges/{made.pk}/undo/", "merges/undo/"):
        assert viewer.post(f"/members/{path}").status_code == 403
    assert Event.objects.filter(kind="member.unmerged").count() == 0


# For programs


def test_a_program_decides_pairs(pair, api):
    second, third = TwinFactory(), TwinFactory()

    listed = api.get("/twins/?state=open").json()["results"]
    merged = api.post(f"/twins/{pair.pk}/merge/", {"keep": str(pair.other_id)})
    apart = api.post(f"/twins/{second.pk}/apart/")
    later = api.post(f"/twins/{third.pk}/later/")
    back = api.post(f"/twins/{second.pk}/reopening/")
    again = api.post(f"/twins/{pair.pk}/apart/")

    assert [each["because"] for each in listed] == [["near_phone", "same_name", "same_city"], *[["same_name", "same_city"]] * 2]
    assert (merged.status_code, merged.json()["kept"], merged.json()["because"]) == (201, str(pair.other_id), "decided")
    assert [answer.json()["state"] for answer in (apart, later, back)] == ["apart", "later", "open"]
    assert (again.status_code, again.json()["code"]) == (409, "decided_already")


def test_a_program_merges_by_ids_and_takes_it_back(pair, api):
    made = api.post("/merges/", {"kept": str(pair.one_id), "gone": str(pair.other_id)})
    again = api.post("/merges/", {"kept": str(pair.one_id), "gone": str(pair.other_id)})
    itself = api.post("/merges/", {"kept": str(pair.one_id), "gone": str(pair.one_id)})
    Member.objects.filter(pk=pair.one_id).update(note="new")
    back = api.post(f"/merges/{made.json()['id']}/undo/")
    twice = api.post(f"/merges/{made.json()['id']}/undo/")

    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/merges/{made.json()['id']}/")
    assert (again.status_code, again.json()["code"]) == (409, "merged_already")
    assert (itself.status_code, itself.json()["code"]) == (400, "the_same_row")
    assert back.json() == {"stays": {"note": 1}}
    assert (twice.status_code, twice.json()["code"]) == (409, "undone_already")
    assert api.get(f"/merges/?kept={pair.one_id}").json()["results"][0]["undone_at"]
