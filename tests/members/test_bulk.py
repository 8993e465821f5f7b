"""Acts on those who are picked, or on all whom the list finds: the number first, all of it taken back as one."""

import pytest

from crm.tenancy import work
from crm.tenancy.models import Event, Job
from crm.tenancy.scope import acting_for
from members import bulk
from members.models import Member
from tests.factories import MemberFactory


@pytest.fixture
def people(house):
    return [MemberFactory(nickname=name, city=city, tenant=house) for name, city in [("A", "深圳"), ("B", "深圳"), ("C", "杭州")]]


def held(house, field):
    with acting_for(house.pk):
        return dict(Member.objects.order_by("nickname").values_list("nickname", field))


def acted(client, verb, address="", **said):
    return client.post(f"/members/bulk/{address}", {"verb": verb} | said)


def job_of(house):
    with acting_for(house.pk):
        return Job.objects.filter(kind=bulk.KIND).latest("asked_at")


def test_the_number_is_said_before_anything_is_done(owner, people, house):
    asks = acted(owner, "tag", "?city=深圳", all="1")

    assert asks.context["number"] == 2
    assert "深圳" not in held(house, "tags")
    assert held(house, "tags") == {"A": [], "B": [], "C": []}


def test_who_is_picked_is_tagged_found_by_it_and_it_is_taken_back(owner, people, house):
    acted(owner, "tag", sure="2", tag=" 重点  客户 ", member=[people[0].pk, people[2].pk])

    assert held(house, "tags") == {"A": ["重点 客户"], "B": [], "C": ["重点 客户"]}
    assert [row.member.nickname for row in owner.get("/members/?q=重点").context["list"].rows] == ["A", "C"]
    with acting_for(house.pk):
        assert Event.objects.filter(kind="member.tagged").count() == 2
        assert "重点" not in str(list(Event.objects.values_list("after", "before", "because")))

    owner.post(f"/members/bulk/{job_of(house).pk}/undo/")

    assert held(house, "tags") == {"A": [], "B": [], "C": []}
    assert names(owner, "重点") == []


def names(client, words):
    return [row.member.nickname for row in client.get("/members/", {"q": words}).context["list"].rows]


def test_all_whom_the_list_finds_are_meant_not_only_its_page(owner, people, house):
    acted(owner, "tier", "?city=深圳", all="1", sure="2", tier="partner")

    assert held(house, "tier") == {"A": "partner", "B": "partner", "C": "member"}


def test_who_was_touched_since_stays_and_is_named(owner, people, house):
    acted(owner, "tier", all="1", sure="3", tier="partner")
    acted(owner, "tier", sure="1", tier="member", member=[people[1].pk])
    with acting_for(house.pk):
        first = Job.objects.filter(kind=bulk.KIND).earliest("asked_at")

    page = owner.post(f"/members/bulk/{first.pk}/undo/", follow=True)

    assert held(house, "tier") == {"A": "member", "B": "member", "C": "member"}
    assert str(list(page.context["messages"])[-1]).endswith("B")
    assert owner.post(f"/members/bulk/{first.pk}/undo/").status_code == 409


def test_who_has_it_already_is_not_touched_and_keeps_it(owner, people, house):
    with acting_for(house.pk):
        Member.objects.filter(pk=people[0].pk).update(tags=["老"])
    acted(owner, "tag", all="1", sure="3", tag="老")
    owner.post(f"/members/bulk/{job_of(house).pk}/undo/")

    assert held(house, "tags") == {"A": ["老"], "B": [], "C": []}


def test_a_tag_is_taken_off(owner, people, house):
    acted(owner, "tag", all="1", sure="3", tag="老")
    acted(owner, "untag", sure="1", tag="老", member=[people[0].pk])

    assert held(house, "tags") == {"A": [], "B": ["老"], "C": ["老"]}


def test_another_number_than_was_said_is_refused_with_what_was_typed(owner, people, house):
    answer = acted(owner, "tag", all="1", sure="2", tag="老")

    assert answer.status_code == 422
    assert 'value="老"' in answer.content.decode()
    assert held(house, "tags") == {"A": [], "B": [], "C": []}


@pytest.mark.parametrize("said", [{"verb": "nonsense", "all": "1"}, {"verb": "tag"}, {"verb": "tag", "member": "nonsense"}])
def test_what_means_nothing_is_refused(owner, people, said):
    assert owner.post("/members/bulk/", said).status_code in (400, 404)


@pytest.mark.parametrize("values", [{"tag": ""}, {"tag": "x" * 41}])
def test_what_is_asked_for_is_checked(owner, people, house, values):
    assert acted(owner, "tag", all="1", sure="3", **values).status_code == 422
    assert acted(owner, "tier", all="1", sure="3", tier="king").status_code == 422


def test_more_than_five_hundred_are_a_job_with_progress_and_so_is_taking_it_back(owner, house, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    for number in range(5):
        MemberFactory(nickname=f"N{number}", tenant=house)

    answer = acted(owner, "tag", all="1", sure="5", tag="老")
    job = job_of(house)
    assert answer["Location"].endswith(f"/members/bulk/{job.pk}/")
    assert "every 2s" in owner.get(f"/members/bulk/{job.pk}/").content.decode()

    work.keep_job(str(house.pk), str(job.pk))
    assert set(map(tuple, held(house, "tags").values())) == {("老",)}
    assert "every 2s" not in owner.get(f"/members/bulk/{job.pk}/").content.decode()

    owner.post(f"/members/bulk/{job.pk}/undo/")
    with acting_for(house.pk):
        undoing = Job.objects.get(kind=bulk.UNDOING)
    work.keep_job(str(house.pk), str(undoing.pk))
    assert set(map(tuple, held(house, "tags").values())) == {()}


def test_a_job_that_is_done_twice_touches_nobody_twice(owner, house, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    for number in range(5):
        MemberFactory(nickname=f"N{number}", tenant=house)
    acted(owner, "tier", all="1", sure="5", tier="partner")
    job = job_of(house)
    with acting_for(house.pk):
        Job.objects.filter(pk=job.pk).update(tries=1)
    work.keep_job(str(house.pk), str(job.pk))

    with acting_for(house.pk):
        assert Event.objects.filter(kind="member.tier_set").count() == 5
        assert Job.objects.get(pk=job.pk).outcome == {"members": 5, "chosen": 5}


def test_who_only_looks_acts_on_nobody_and_others_take_back_only_their_own(owner, operator, viewer, people, house):
    acted(owner, "tier", all="1", sure="3", tier="partner")

    assert acted(viewer, "tier", all="1", sure="3", tier="member").status_code == 403
    assert operator.post(f"/members/bulk/{job_of(house).pk}/undo/").status_code == 409
    assert "data-when-picked" not in viewer.get("/members/").content.decode()


def test_another_tenants_people_are_not_touched(two, owner):
    theirs = MemberFactory(tenant=two[1])

    assert acted(owner, "tag", sure="1", tag="老", member=[theirs.pk]).status_code == 400
    assert held(two[1], "tags") == {theirs.nickname: []}
