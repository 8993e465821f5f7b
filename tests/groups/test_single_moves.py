"""One person is moved to another group by themselves: at any time, by the reshuffle's own measure, with a task and a way back."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from crm.tenancy import trail
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import joining, reshuffles, rosters, single_moves, tasks
from groups.models import Cohort, Draft, Group, Move, Placement, Reshuffle, Task
from groups.roster_booking import book
from tests.conftest import KeyClient
from tests.factories import ApartFactory, GroupFactory, PinFactory
from tests.groups.communities import ready_draft, small_community

CLOCK = datetime.datetime(2026, 11, 24, 4, tzinfo=datetime.UTC)


@pytest.fixture
def small(house, time_machine):
    time_machine.move_to(CLOCK)
    return small_community(house)


def sits(member):
    return Placement.objects.open().get(member=member).group_id


def send(owner, member, group):
    return owner.post(f"/members/{member.pk}/moving/", {"group": str(group.pk)})


def take_back(owner, kind):
    with acting_for(owner.seat.tenant_id):
        return trail.take_back(Event.objects.filter(kind=kind).newest_first().first(), by=owner.seat)


def test_groups_are_offered_best_first_and_the_tick_seats_them(house, owner, small):
    member = small.members[3]  # of the first group
    page = owner.get(f"/members/{member.pk}/moving/")
    offers = page.context["offers"]
    assert [offer.cost for offer in offers] == sorted(offer.cost for offer in offers)
    assert {offer.group.pk for offer in offers} == {group.pk for group in small.groups[1:]}
    assert str(offers[0].new) in offers[0].says

    send(owner, member, offers[0].group)
    with acting_for(house.pk):
        move = Move.objects.select_related("task").get(member=member)
        assert (move.task.assistant_id, move.task.state) == (small.assistants[0].pk, "open")
        assert offers[0].group.name in move.task.text
        assert sits(member) == small.groups[0].pk
        tasks.tick(move.task_id, "done", uuid7(), by=owner.seat)
        assert (sits(member), Move.objects.get(pk=move.pk).state) == (offers[0].group.pk, "joined")
        tasks.tick(move.task_id, "undo", uuid7(), by=owner.seat)
        assert (sits(member), Placement.objects.filter(member=member).count()) == (small.groups[0].pk, 2)

        tasks.tick(move.task_id, "done", uuid7(), by=owner.seat)
        Group.objects.filter(pk=small.groups[0].pk).update(closed_on=CLOCK)
        with pytest.raises(Refused) as into_a_closed_group:
            tasks.tick(move.task_id, "undo", uuid7(), by=owner.seat)
        assert (into_a_closed_group.value.code, sits(member)) == ("group_closed", offers[0].group.pk)
        Group.objects.filter(pk=small.groups[0].pk).update(closed_on=None)
        tasks.tick(move.task_id, "undo", uuid7(), by=owner.seat)
    panel = owner.get(f"/members/{member.pk}/panels/groups/", headers={"accept-language": "en"})
    assert b"being asked into" in panel.content
    assert owner.get(f"/members/{member.pk}/moving/").context["on_the_way"].pk == move.pk

    take_back(owner, "move.made")
    with acting_for(house.pk):
        assert not Move.objects.exists()
        assert not Task.objects.open().exists()


def test_the_chats_list_seats_them_too(house, owner, small):
    member, group = small.members[3], small.groups[1]
    send(owner, member, group)
    with acting_for(house.pk):
        here = [each.member.nickname for each in Placement.objects.open().filter(group=group).select_related("member")]
        roster = rosters.paste("\n".join([*here, member.nickname]), group, by=owner.seat)
        book(roster, by=owner.seat)
        assert (sits(member), Move.objects.get().state, Task.objects.get().state) == (group.pk, "joined", "withdrawn")


def test_rules_are_said_and_only_some_may_be_passed_over(house, owner, viewer, small):
    pinned, apart = small.members[3], small.members[6]
    with acting_for(house.pk):
        PinFactory(matrix=small.matrix, member=pinned)
        ApartFactory(matrix=small.matrix, one=apart, other=small.members[1])
        small.groups[2].capacity = 8
        small.groups[2].save()

    assert viewer.get(f"/members/{apart.pk}/moving/").status_code == 403
    assert send(owner, apart, small.groups[1]).status_code == 422  # the other one sits there
    assert send(owner, apart, small.groups[2]).context["refusal"] == str(single_moves.SENTENCES["group_full"])
    assert send(owner, pinned, small.groups[1]).status_code == 422
    assert owner.post(f"/members/{pinned.pk}/moving/", {"group": str(small.groups[1].pk), "anyway": "on"}).status_code == 302
    assert send(owner, pinned, small.groups[1]).status_code == 422  # on the way already
    assert owner.post(f"/members/{apart.pk}/moving/", {}).status_code == 422
    with acting_for(house.pk):
        small.groups[0].least = 7  # one is on the way out already
        small.groups[0].save()
    offers = owner.get(f"/members/{small.members[9].pk}/moving/").context["offers"]
    assert [offer.because for offer in offers] == ["group_too_small", "group_full"]


def test_while_a_reshuffle_is_carried_out_their_part_of_it_ends_and_comes_back(house, owner, small):
    draft = ready_draft(small, max_moves=9)
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
        planned = Move.objects.select_related("member").order_by("rank").first()
        third = next(group for group in small.groups if group.pk not in (planned.from_group_id, planned.to_group_id))
    send(owner, planned.member, third)
    with acting_for(house.pk):
        assert Move.objects.get(pk=planned.pk).state == "kept"
        assert Task.objects.get(pk=planned.task_id).state == "withdrawn"
    take_back(owner, "move.made")
    with acting_for(house.pk):
        assert Move.objects.get(pk=planned.pk).state == "waiting"
        assert Task.objects.get(pk=planned.task_id).state == "open"

    send(owner, planned.member, third)
    with acting_for(house.pk):
        tasks.tick(Move.objects.single().get().task_id, "done", uuid7(), by=owner.seat)
        reshuffles.begin(Cohort.objects.select_related("matrix").get(pk=draft.reshuffle.cohort_id), house)
        assert sits(planned.member) == third.pk


def test_a_plan_approved_meanwhile_leaves_alone_whom_somebody_sends_elsewhere(house, owner, small):
    draft = ready_draft(small)
    with acting_for(house.pk):
        who = draft.plan["members"][draft.plan["order"][0]]
        seat = Placement.objects.open().select_related("group__matrix").get(member=who)
        move, _fact = single_moves.make(seat, single_moves.offers(seat)[0].group, house, by=owner.seat)
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
        assert Move.objects.get(member=who, reshuffle__state=Reshuffle.State.APPROVED).state == "kept"
        assert Task.objects.open().get(member=who).pk == move.task_id


def test_what_came_since_is_not_undone_by_a_tick_taken_back(house, owner, small):
    member = small.members[3]
    with acting_for(house.pk):
        seat = single_moves.seats_of(member)[0]
        move, _fact = single_moves.make(seat, small.groups[1], house, by=owner.seat)
        tasks.tick(move.task_id, "done", uuid7(), by=owner.seat)
        again, _fact = single_moves.make(single_moves.seats_of(member)[0], small.groups[2], house, by=owner.seat)
        with pytest.raises(Refused) as refused:
            tasks.tick(move.task_id, "undo", uuid7(), by=owner.seat)
        assert refused.value.code == "on_the_way"
        joining.join(Move.objects.get(pk=again.pk), by=owner.seat)
        with pytest.raises(Refused) as refused:
            tasks.tick(move.task_id, "undo", uuid7(), by=owner.seat)
        assert refused.value.code == "moved_on"
        assert sits(member) == small.groups[2].pk


def test_a_program_asks_where_somebody_could_go_and_sends_them(house, owner, small):
    key, member = KeyClient(owner.seat), small.members[3]
    with acting_for(house.pk):
        seat = Placement.objects.open().get(member=member)
    offers = key.get(f"placements/{seat.pk}/offers/").json()
    made = key.post("moves/", {"placement": str(seat.pk), "to_group": offers[0]["group"]})

    assert (len(offers), made.status_code, made.json()["reshuffle"]) == (2, 201, None)
    assert key.post("moves/", {"placement": str(seat.pk), "to_group": offers[1]["group"]}).json()["code"] == "on_the_way"


def test_two_groups_and_twelve_are_offered_by_the_same_number_of_queries(house, owner, small):
    def offered():
        with CaptureQueriesContext(connection) as found:
            page = owner.get(f"/members/{small.members[3].pk}/moving/")
        return len(page.context["offers"]), len(found)

    offered()
    two = offered()
    with acting_for(house.pk):
        GroupFactory.create_batch(10, matrix=small.matrix)

    assert (two[0], offered()) == (2, (12, two[1]))
