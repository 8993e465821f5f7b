"""Members, handles, segments and batches through the API: the verbs of the pages, each row of a batch with its own outcome."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from members import batches
from members.models import Handle, Member, Word
from tests.conftest import KeyClient
from tests.factories import CustomFieldFactory, HandleFactory, MemberFactory, SeatFactory, SegmentFactory


def found(api, asked):
    answer = api.get(f"/members/?{asked}")
    assert answer.status_code == 200, answer.content
    return sorted(row["nickname"] for row in answer.json()["results"])


def outcomes(answer):
    assert answer.status_code == 200, answer.content
    return [(row["external_id"], row["outcome"], row["code"]) for row in answer.json()["rows"]]


# One


def test_a_member_is_made_with_all_that_is_known(api, house):
    said = {
        "nickname": "海燕",
        "city": "深圳",
        "skills": ["直播"],
        "tags": ["老"],
        "joined_on": "2025-01-02",
        "handles": [{"platform": "phone", "value": "138 0000 0643"}],
    }

    answer = api.post("/members/", said)

    assert answer.status_code == 201
    assert (answer.json()["city"], answer.json()["skills"]) == ("深圳", ["直播"])
    assert answer.json()["handles"] == [{"platform": "phone", "value": "+8613800000643"}]
    assert found(api, "search=haiyan&tag=老") == ["海燕"]
    with acting_for(house.pk):
        assert Event.objects.get(kind="member.added").door == "api"


def test_a_handle_of_somebody_else_is_refused(api, house):
    HandleFactory(member=MemberFactory(tenant=house), platform="phone", value="+8613800000643")

    answer = api.post("/members/", {"nickname": "x", "handles": [{"platform": "phone", "value": "13800000643"}]})

    assert (answer.status_code, answer.json()["code"]) == (409, "handle_taken")
    with acting_for(house.pk):
        assert Member.objects.count() == 1


def test_only_what_is_named_changes_and_not_over_a_newer_state(api, house):
    member = MemberFactory(nickname="A", city="深圳", tenant=house)
    old = api.get(f"/members/{member.pk}/")["ETag"]

    first = api.patch(f"/members/{member.pk}/", {"note": "x"}, headers={"If-Match": old})
    late = api.patch(f"/members/{member.pk}/", {"city": "杭州"}, headers={"If-Match": old})

    assert (first.status_code, first.json()["city"], first.json()["note"]) == (200, "深圳", "x")
    assert late.status_code == 412


WRONG = [{"city": 5}, {"skills": "x"}, {"standing": "merged"}, {"nickname": ""}, {"joined_on": "x"}, {"unknown": 1}, {"custom": {"x": 1}}]


@pytest.mark.parametrize("said", WRONG)
def test_what_cannot_be_is_refused_by_its_name(api, house, said):
    member = MemberFactory(tenant=house)

    assert api.patch(f"/members/{member.pk}/", said).status_code == 400


def test_what_a_role_does_not_see_is_not_said(house):
    member = MemberFactory(note="x", tenant=house)
    HandleFactory(member=member, platform="phone", value="+8613800000643")
    with acting_for(house.pk):
        house.hidden_fields = {"viewer": ["phone", "note"]}
        house.save()
    viewer = KeyClient(SeatFactory(tenant=house, role="viewer"))

    said = viewer.get(f"/members/{member.pk}/").json()

    assert (said["handles"], said["note"]) == ([], "")
    assert viewer.get("/handles/").json()["results"] == []
    assert viewer.get("/members/?search=0000643").json()["results"] == []
    assert viewer.patch(f"/members/{member.pk}/", {"note": "y"}).status_code == 403


def test_handles_have_an_address_of_their_own(api, house):
    member = MemberFactory(tenant=house)

    made = api.post("/handles/", {"member": str(member.pk), "platform": "shop", "value": "A-1"})
    assert made.status_code == 201
    assert [row["value"] for row in api.get(f"/handles/?member={member.pk}").json()["results"]] == ["A-1"]
    assert api.delete(f"/handles/{made.json()['id']}/").status_code == 204
    with acting_for(house.pk):
        assert Handle.objects.count() == 0


# Filters and segments


def test_filters_are_those_of_the_list(api, house):
    field = CustomFieldFactory(kind="number", tenant=house)
    lin = MemberFactory(nickname="Lin", city="深圳", skills=["直播"], custom={str(field.pk): 7}, tenant=house)
    MemberFactory(nickname="Zhou", city="杭州", inviter=lin, tenant=house)
    MemberFactory(nickname="Wu", city="上海", standing="past", tenant=house)
    HandleFactory(member=lin, platform="phone", value="+8613800000643")

    assert found(api, "city=深圳,杭州") == ["Lin", "Zhou"]
    assert found(api, "skill=直播") == found(api, "phone=yes") == found(api, f"custom={field.pk}:1..9") == ["Lin"]
    assert found(api, f"inviter={lin.pk}&introduction=none") == ["Zhou"]
    assert found(api, "standing=past") == ["Wu"]
    assert found(api, f"custom={lin.pk}:1") == []
    for nonsense in ("custom=nonsense:1", f"custom={field.pk}", "introduction=nonsense", "standing=merged"):
        assert api.get(f"/members/?{nonsense}").status_code == 400
    assert api.get("/members/?fields=id,nickname").json()["results"][0].keys() == {"id", "nickname"}


def test_a_segment_is_made_used_changed_and_dropped(api, house):
    MemberFactory(nickname="Lin", city="深圳", tenant=house)
    MemberFactory(nickname="Zhou", city="杭州", tenant=house)

    made = api.post("/segments/", {"name": "南方", "asked": {"city": ["深圳"]}})
    address = f"/segments/{made.json()['id']}/"
    assert (made.status_code, made.json()["is_shared"]) == (201, True)
    assert found(api, f"segment={made.json()['id']}") == ["Lin"]

    assert api.patch(address, {"asked": {"city": "杭州"}}).json()["asked"] == {"city": ["杭州"]}
    assert found(api, f"segment={made.json()['id']}") == ["Zhou"]
    assert api.delete(address).status_code == 204
    assert api.get(f"/members/?segment={made.json()['id']}").status_code == 404


def test_a_segment_of_nothing_known_is_refused(api, house):
    SegmentFactory(name="taken", tenant=house)

    codes = [api.post("/segments/", said).json()["code"] for said in (
        {"name": "x", "asked": {"shoe": ["42"]}}, {"name": "x", "asked": {}}, {"name": "taken", "asked": {"city": "深圳"}},
    )]  # fmt: skip

    assert codes == ["filter_unknown", "nothing_asked", "a_segment_once"]


# Batches


def batch(api, *rows, platform="shop"):
    return api.post("/members/batch/", {"platform": platform, "rows": list(rows)})


def test_each_row_has_its_own_outcome_and_the_same_again_changes_nothing(api, house):
    rows = [{"external_id": "1", "nickname": "Lin", "city": "深圳"}, {"external_id": "2", "nickname": "Zhou", "tags": ["老"]}]
    assert outcomes(batch(api, *rows)) == [("1", "made", ""), ("2", "made", "")]
    assert outcomes(batch(api, *rows)) == [("1", "same", ""), ("2", "same", "")]

    rows[0]["city"] = "杭州"
    more = [{"external_id": "3", "nickname": ""}, {"external_id": "1", "nickname": "x"}, {"nickname": "x"}, {"external_id": "4", "city": 5}]
    assert outcomes(batch(api, *rows, *more)) == [
        ("1", "changed", ""), ("2", "same", ""), ("3", "refused", "invalid"), ("1", "refused", "twice"), ("", "refused", "invalid"),
        ("4", "refused", "invalid"),
    ]  # fmt: skip
    assert found(api, "city=杭州") == ["Lin"]


def test_who_is_known_by_another_handle_is_the_same_person(api, house):
    lin, zhou = (MemberFactory(nickname=name, tenant=house) for name in ("Lin", "Zhou"))
    HandleFactory(member=lin, platform="phone", value="+8613800000643")
    HandleFactory(member=zhou, platform="wechat", value="zhou_live")
    phone, wechat = {"platform": "phone", "value": "138 0000 0643"}, {"platform": "wechat", "value": "ZHOU_live"}

    answer = batch(api, {"external_id": "1", "handles": [phone]}, {"external_id": "2", "handles": [phone, wechat]})

    assert outcomes(answer) == [("1", "changed", ""), ("2", "refused", "two_people")]
    with acting_for(house.pk):
        assert Handle.objects.get(platform="shop").member_id == lin.pk
        assert Member.objects.count() == 2


def test_a_refused_row_leaves_nothing_behind(api, house):
    wrong = {"external_id": "1", "nickname": "x", "joined_on": "2025-02-01", "expires_on": "2025-01-01"}

    assert outcomes(batch(api, wrong)) == [("1", "refused", "term_backwards")]
    with acting_for(house.pk):
        assert (Member.objects.count(), Handle.objects.count()) == (0, 0)


def test_rows_that_change_nothing_cost_nothing_more(api, house):
    rows = [{"external_id": str(n), "nickname": f"N{n}"} for n in range(30)]
    batch(api, *rows)

    def asked(some):
        with CaptureQueriesContext(connection) as queries:
            assert {outcome for _, outcome, _ in outcomes(batch(api, *some))} == {"same"}
        return len(queries)

    assert asked(rows[:1]) == asked(rows)


def test_new_people_cost_as_many_questions_when_they_are_many(api, house):
    def asked(rows):
        with CaptureQueriesContext(connection) as queries:
            assert {outcome for _, outcome, _ in outcomes(batch(api, *rows))} == {"made"}
        return len(queries)

    phone = "138 0000 {:04}".format
    rows = [
        {"external_id": str(n), "nickname": f"N{n}", "city": "深圳", "handles": [{"platform": "phone", "value": phone(n)}]}
        for n in range(41)
    ]
    batch(api, rows[0])

    assert asked(rows[1:2]) == asked(rows[2:])
    assert len(found(api, "city=深圳&search=n1")) == 11
    with acting_for(house.pk):
        assert Event.objects.filter(kind="member.added", because="batch").count() == Member.objects.count() == 41


def test_changed_people_cost_as_many_questions_when_they_are_many(api, house):
    inviter = MemberFactory(nickname="Old", tenant=house)
    field = CustomFieldFactory(tenant=house, name="Shoe", kind="number", choices=[])

    def asked(rows):
        with CaptureQueriesContext(connection) as queries:
            assert {outcome for _, outcome, _ in outcomes(batch(api, *rows))} == {"changed"}
        return len(queries)

    rows = [{"external_id": str(n), "nickname": f"N{n}", "city": "深圳"} for n in range(31)]
    batch(api, *rows)
    phone = "138 0000 {:04}".format
    for n, row in enumerate(rows):
        row |= {"nickname": f"M{n}", "city": "杭州", "tags": ["老"], "inviter": str(inviter.pk), "custom": {str(field.pk): n}}
        row["handles"] = [{"platform": "phone", "value": phone(n)}]

    asked(rows[:1])  # the new city is taken in
    assert asked(rows[1:2]) == asked(rows[2:]) < 36
    assert len(found(api, "city=杭州&search=m1")) == len(found(api, "search=n1")) == 11
    with acting_for(house.pk):
        one = Member.objects.get(nickname="M7")
        assert (one.inviter, one.tags, one.custom) == (inviter, ["老"], {str(field.pk): 7})
        assert list(one.former_nicknames.values_list("nickname", flat=True)) == ["N7"]
        assert [*Event.objects.filter(member=one.pk).order_by("at", "id").values_list("kind", "because")] == [
            ("member.added", "batch"), ("member.changed", "batch"), ("member.handle_added", ""),
        ]  # fmt: skip
    assert {outcome for _, outcome, _ in outcomes(batch(api, *rows))} == {"same"}


def test_two_rows_of_one_person_are_laid_over_each_other_and_a_refused_one_leaves_the_other(api, house):
    phone = {"platform": "phone", "value": "138 0000 0643"}
    batch(api, {"external_id": "1", "nickname": "Lin", "handles": [phone]})

    answer = batch(
        api,
        {"external_id": "1", "nickname": "Lin Hai", "city": "深圳"},
        {"external_id": "2", "nickname": "Hai", "industry": "电商", "handles": [phone]},
        {"external_id": "3", "city": "杭州", "joined_on": "2025-02-01", "expires_on": "2025-01-01", "handles": [phone]},
    )

    assert outcomes(answer) == [("1", "changed", ""), ("2", "changed", ""), ("3", "refused", "term_backwards")]
    with acting_for(house.pk):
        one = Member.objects.get()
        assert (one.nickname, one.city, one.industry, one.expires_on) == ("Hai", "深圳", "电商", None)
        assert set(one.former_nicknames.values_list("nickname", flat=True)) == {"Lin", "Lin Hai"}
        assert set(one.handles.values_list("value", flat=True)) == {"1", "2", "+8613800000643"}


def test_who_is_changed_while_a_handle_is_given_away_is_refused_alone(api, house, monkeypatch):
    batch(api, {"external_id": "1", "nickname": "Lin"}, {"external_id": "2", "nickname": "Zhou"})
    HandleFactory(member=MemberFactory(tenant=house), platform="phone", value="+8613800000643")
    known = batches._known
    monkeypatch.setattr(batches, "_known", lambda pairs: known([pair for pair in pairs if pair[0] != "phone"]))  # as it was a moment ago

    phone = {"platform": "phone", "value": "138 0000 0643"}
    answer = batch(api, {"external_id": "1", "city": "深圳"}, {"external_id": "2", "city": "深圳", "handles": [phone]})

    assert outcomes(answer) == [("1", "changed", ""), ("2", "refused", "handle_taken")]
    assert found(api, "city=深圳") == ["Lin"]


def test_the_word_of_a_row_that_is_refused_is_not_taken_in(api, house):
    wrong = {"external_id": "1", "nickname": "x", "city": "火星基地", "joined_on": "2025-02-01", "expires_on": "2025-01-01"}

    assert outcomes(batch(api, wrong, {"external_id": "2", "nickname": "y", "city": "木星基地"})) == [
        ("1", "refused", "term_backwards"), ("2", "made", ""),
    ]  # fmt: skip
    with acting_for(house.pk):
        assert list(Word.objects.values_list("name", flat=True)) == ["木星基地"]


def test_a_row_is_found_by_what_another_of_the_batch_brought(api, house):
    phone = {"platform": "phone", "value": "138 0000 0643"}

    answer = batch(api, {"external_id": "1", "nickname": "Lin", "handles": [phone]}, {"external_id": "2", "handles": [phone]})

    assert outcomes(answer) == [("1", "made", ""), ("2", "changed", "")]
    with acting_for(house.pk):
        assert sorted(Handle.objects.filter(member__nickname="Lin").values_list("value", flat=True)) == ["+8613800000643", "1", "2"]


def test_whose_handle_was_given_away_at_this_very_moment_is_refused_alone(api, house, monkeypatch):
    HandleFactory(member=MemberFactory(tenant=house), platform="shop", value="2")
    monkeypatch.setattr(batches, "_known", lambda pairs: ({}, {}))  # as it was a moment ago

    answer = batch(api, {"external_id": "1", "nickname": "Lin"}, {"external_id": "2", "nickname": "Zhou"})

    assert outcomes(answer) == [("1", "made", ""), ("2", "refused", "handle_taken")]


def test_more_than_a_thousand_are_refused(api):
    rows = [{"external_id": str(n)} for n in range(1001)]

    assert batch(api, *rows).status_code == 400
    assert batch(api).status_code == 400
