"""Many members seated in another group, or each given as a task to whoever works for their group; taken back as one."""

import datetime

import pytest
from django.utils.timezone import localdate

from crm.tenancy.models import Job
from crm.tenancy.scope import acting_for
from groups.models import Pin, Placement, Task
from members import bulk
from tests.factories import (
    CohortFactory,
    GroupFactory,
    MatrixFactory,
    MemberFactory,
    PlacementFactory,
    SeatFactory,
    SegmentFactory,
)


@pytest.fixture
def groups(house):
    matrix = MatrixFactory(tenant=house)
    cohort = CohortFactory(matrix=matrix, state="current")
    old, new = (GroupFactory(matrix=matrix, name=name, capacity=2, tenant=house) for name in ("old", "new"))
    return cohort, old, new


@pytest.fixture
def people(house, groups):
    cohort, old, _new = groups
    found = [MemberFactory(nickname=name, tenant=house) for name in "ABC"]
    for member in found[:2]:
        PlacementFactory(member=member, group=old, matrix=old.matrix, cohort=cohort, since="2026-07-01")
    return found


def sits(house):
    with acting_for(house.pk):
        return dict(Placement.objects.open().order_by("member__nickname").values_list("member__nickname", "group__name"))


def acted(client, verb, people, **said):
    picked = {"member": [member.pk for member in people], "sure": str(len(people))}
    return client.post("/members/bulk/", {"verb": verb} | picked | said)


def taken_back(client, house):
    with acting_for(house.pk):
        job = Job.objects.filter(kind=bulk.KIND).latest("asked_at")
    return client.post(f"/members/bulk/{job.pk}/undo/", follow=True)


def test_who_is_moved_sits_in_the_new_group_alone_and_then_where_they_sat_before(owner, house, groups, people):
    assert acted(owner, "move", [people[0], people[2]], group=groups[2].pk).status_code == 302
    assert sits(house) == {"A": "new", "B": "old", "C": "new"}

    taken_back(owner, house)
    assert sits(house) == {"A": "old", "B": "old"}
    with acting_for(house.pk):
        assert Placement.objects.count() == 2


def test_a_group_takes_no_more_than_it_holds(owner, house, groups, people):
    answer = acted(owner, "move", people, group=groups[2].pk)

    assert answer.status_code == 422
    assert sits(house) == {"A": "old", "B": "old"}


def test_who_was_moved_again_since_stays_there(owner, house, groups, people):
    acted(owner, "move", people[:1], group=groups[2].pk)
    with acting_for(house.pk):
        first = Job.objects.get(kind=bulk.KIND)
        Placement.objects.open().filter(member=people[0]).delete()

    owner.post(f"/members/bulk/{first.pk}/undo/")

    assert sits(house) == {"B": "old"}


def test_each_task_goes_to_whoever_works_for_the_group(owner, house, groups, people):
    doudou = SeatFactory(tenant=house, role="assistant")
    with acting_for(house.pk):
        groups[1].assistant = doudou
        groups[1].save()

    acted(owner, "task", people, text="请填一下问卷", due=str(localdate() + datetime.timedelta(days=2)))

    with acting_for(house.pk):
        tasks = Task.objects.order_by("member__nickname")
        assert [(task.member.nickname, task.assistant_id, task.text, task.state) for task in tasks] == [
            ("A", doudou.pk, "请填一下问卷", "open"),
            ("B", doudou.pk, "请填一下问卷", "open"),
        ]
        tasks.filter(member=people[0]).update(state="done")
    page = taken_back(owner, house)
    with acting_for(house.pk):
        assert list(Task.objects.order_by("member__nickname").values_list("state", flat=True)) == ["done", "withdrawn"]
    assert str(list(page.context["messages"])[-1]).endswith("A")


@pytest.mark.parametrize("said", [{"text": ""}, {"text": "x", "due": "2020-01-01"}, {"text": "x", "due": "x"}])
def test_a_task_needs_words_and_a_day_to_come(owner, house, people, said):
    assert acted(owner, "task", people, **({"due": str(localdate())} | said)).status_code == 422


def test_for_who_sits_nowhere_there_is_nobody_to_do_it(owner, house, people):
    answer = acted(owner, "task", people[2:], text="x", due=str(localdate()))

    assert answer.status_code == 422
    with acting_for(house.pk):
        assert Task.objects.count() == 0


def pins(house):
    with acting_for(house.pk):
        return dict(Pin.objects.order_by("member__nickname").values_list("member__nickname", "because"))


def test_who_is_pinned_stays_is_found_so_and_it_is_taken_back(owner, house, groups, people):
    acted(owner, "pin", people[:1], because="host")
    assert acted(owner, "pin", people, because="wish").status_code == 302
    assert pins(house) == {"A": "host", "B": "wish"}
    assert [row.member.nickname for row in owner.get("/members/?pinned=wish").context["list"].rows] == ["B"]
    assert [row.member.nickname for row in owner.get("/members/?pinned=none").context["list"].rows] == ["C"]

    taken_back(owner, house)
    assert pins(house) == {"A": "host"}

    acted(owner, "pin", people, because="free")
    assert pins(house) == {}
    taken_back(owner, house)
    assert pins(house) == {"A": "host"}


def test_a_segment_is_pinned_as_a_whole(owner, house, groups, people):
    with acting_for(house.pk):
        segment = SegmentFactory(name="留下", asked={"q": "B"})

    owner.post(f"/members/bulk/?segment={segment.pk}", {"verb": "pin", "all": "1", "sure": "1", "because": "wish"})

    assert pins(house) == {"B": "wish"}


def test_who_sits_nowhere_cannot_stay_and_who_is_not_pinned_cannot_be_let_go(owner, house, people):
    assert acted(owner, "pin", people[2:], because="wish").status_code == 422
    assert acted(owner, "pin", people, because="free").status_code == 422
    assert pins(house) == {}
