"""While a reshuffle is carried out: stopping, passing on, asking again, late joiners, and taking a half-year back."""

import datetime

import pytest
from uuid_utils.compat import uuid7

from crm.tenancy import trail
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups import carrying, joining, progress, reshuffles, tasks, thinking, waves
from groups.models import CalendarStep, Cohort, Draft, Group, Move, Placement, Reshuffle, Task, Wave
from tests.factories import ArrivalFactory, MemberFactory, SeatFactory, StarFactory
from tests.groups.communities import ready_draft, small_community

CLOCK = datetime.datetime(2026, 11, 24, 4, tzinfo=datetime.UTC)
TODAY = datetime.date(2026, 11, 24)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def running(house, owner, time_machine):
    """Approved, two moves a day for each assistant."""
    time_machine.move_to(CLOCK)
    house.tasks_a_day = 2
    house.save()
    draft = ready_draft(small_community(house))
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
        return Reshuffle.objects.select_related("cohort__matrix").get(pk=draft.reshuffle_id)


def end(owner, reason=""):
    """One of the open tasks ends; its move."""
    task = Task.objects.open().filter(kind="move").order_by("rank").first()
    tasks.tick(task.pk, "impossible" if reason else "done", uuid7(), by=owner.seat, reason=reason)
    return Move.objects.get(task=task)


def take_back(owner, kind):
    with acting_for(owner.seat.tenant_id):
        fact = Event.objects.filter(kind=kind).newest_first().first()
        return trail.take_back(fact, by=owner.seat)


def dealt():
    """{seat: [(day, moves)]} of what is not handed out."""
    found = {}
    for wave in Wave.objects.filter(state__in=["waiting", "paused"]).order_by("day"):
        if many := wave.moves.count():
            found.setdefault(wave.assistant_id, []).append((wave.day, many))
    return found


def state():
    return (
        sorted(Placement.objects.values_list("member", "group", "cohort", "since", "until"), key=str),
        sorted(Move.objects.values_list("member", "state", "wave"), key=str),
        sorted(Task.objects.values_list("member", "assistant", "state"), key=str),
    )


def test_inviting_stops_and_goes_on_a_wave_a_day(house, owner, running, time_machine):
    with acting_for(house.pk):
        before = dealt()
    owner.post(f"/reshuffles/{running.pk}/pausing/")
    time_machine.move_to(CLOCK + 3 * DAY)
    with acting_for(house.pk):
        assert set(Wave.objects.values_list("state", flat=True)) == {"handed_out", "paused"}
        for wave in Wave.objects.filter(state="paused"):
            waves.hand_out(wave.pk, house)
        assert dealt() == before
    assert b"qx-note warn" in owner.get(f"/reshuffles/{running.pk}/").content

    owner.post(f"/reshuffles/{running.pk}/resuming/")
    with acting_for(house.pk):
        after = dealt()
        assert {seat: [many for _day, many in days] for seat, days in after.items()} == {
            seat: [many for _day, many in days] for seat, days in before.items()
        }  # fmt: skip
        assert all(day >= TODAY + 3 * DAY and len({day for day, _ in days}) == len(days) for days in after.values() for day, _ in days)
    assert owner.post(f"/reshuffles/{running.pk}/resuming/").status_code == 409


def test_moves_are_passed_on_within_what_a_day_holds_and_come_back(house, owner, running):
    with acting_for(house.pk):
        before, start = dealt(), state()
        slow, quick = sorted(before, key=lambda seat: sum(many for _day, many in before[seat]))[::-2]
        had = sum(many for _day, many in before[slow])
    number = had + 1  # with one that is handed out already

    page = owner.get(f"/reshuffles/{running.pk}/passing/?whose={slow}")
    answer = owner.post(f"/reshuffles/{running.pk}/passing/", {"whose": str(slow), "give_to": str(quick), "number": number})
    with acting_for(house.pk):
        assert (page.context["later"], answer.status_code) == (had, 302)
        after = dealt()
        assert (slow in after, max(many for _day, many in after[quick])) == (False, 2)
        assert sum(many for _day, many in after[quick]) == had + sum(many for _day, many in before.get(quick, []))
        assert Event.objects.filter(kind="tasks.handed_over").count() == 1
        hands = progress.of(running, house, owner.seat).hands
        assert {hand.seat.pk: hand.tally.all for hand in hands}[quick] >= number

    take_back(owner, "moves.passed_on")
    take_back(owner, "tasks.handed_over")
    with acting_for(house.pk):
        assert (dealt(), state()) == (before, start)


def test_what_cannot_be_passed_on_is_said_in_the_field(house, owner, running):
    with acting_for(house.pk):
        slow, quick = list(dealt())[:2]
    way = f"/reshuffles/{running.pk}/passing/"
    for data, field in [({"give_to": str(quick), "number": 0}, "number"), ({"give_to": str(slow), "number": 1}, "give_to")]:
        answer = owner.post(way, {"whose": str(slow)} | data)
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])


def test_who_did_not_come_is_asked_again_stars_by_the_owner(house, owner, running):
    with acting_for(house.pk):
        star, quiet, other, no = (end(owner, reason) for reason in ("no_answer", "no_answer", "other", "declined"))
        StarFactory(member=star.member)
    page = owner.get(f"/reshuffles/{running.pk}/")
    assert [move.act for move in page.context["stragglers"]["rows"]] == ["owner", "again", "again", "swap"]
    assert page.context["again"] == 2

    owner.post(f"/reshuffles/{running.pk}/asking/", {"all": "1", "number": "2"})
    owner.post(f"/reshuffles/{running.pk}/asking/", {"move": str(star.pk), "owner": "1"})
    with acting_for(house.pk):
        again = Task.objects.open().filter(moves__in=[star, quiet, other]).order_by("rank")
        assert {task.moves.get().pk: task.assistant_id == owner.seat.pk for task in again} == {
            star.pk: True,
            quiet.pk: False,
            other.pk: False,
        }
        assert {Move.objects.get(pk=move.pk).state for move in (star, quiet, other)} == {"waiting"}
        assert Move.objects.get(pk=no.pk).state == "refused"
    assert owner.post(f"/reshuffles/{running.pk}/asking/", {"all": "1", "number": "2"}).status_code == 409

    take_back(owner, "moves.asked_again")
    with acting_for(house.pk):
        assert Move.objects.get(pk=star.pk).state == "unreachable"


def test_joining_is_booked_from_the_list_of_moves_and_taken_back(house, owner, viewer, running):
    with acting_for(house.pk):
        before, move = state(), Move.objects.order_by("rank").first()
    page = owner.get(f"/reshuffles/{running.pk}/moves/?group={move.to_group_id}")
    assert move.pk in [each.pk for each in page.context["moves"]]
    assert viewer.post(f"/moves/{move.pk}/joining/").status_code == 403
    owner.post(f"/moves/{move.pk}/joining/")
    assert [each.pk for each in owner.get(f"/reshuffles/{running.pk}/moves/?state=joined").context["moves"]] == [move.pk]
    with acting_for(house.pk):
        assert not Task.objects.open().filter(moves=move).exists()

    take_back(owner, "move.joined")
    with acting_for(house.pk):
        assert state() == before


def test_who_came_after_the_plan_is_seated_where_room_is_and_stays(house, owner, running):
    with acting_for(house.pk):
        late = [MemberFactory(nickname=f"Late {n}", created_at=CLOCK + DAY) for n in range(3)]
        ArrivalFactory(member=MemberFactory(created_at=CLOCK + DAY), matrix=running.matrix)  # comes in of an evening
    assert owner.get(f"/reshuffles/{running.pk}/").context["late_people"] == 3
    owner.post(f"/reshuffles/{running.pk}/late/", {"number": "3"})
    with acting_for(house.pk):
        seats = {each.member_id: each.group_id for each in Placement.objects.open().filter(member__in=late)}
        assert (len(seats), len(set(seats.values()))) == (3, 3)
        assert carrying.late(running).count() == 0
        reshuffles.begin(running.cohort, house)
        assert {each.member_id: each.group_id for each in Placement.objects.open().filter(member__in=late)} == seats


def test_nobody_late_takes_the_place_of_whoever_may_still_be_asked(house, owner, running):
    with acting_for(house.pk):
        late = MemberFactory(created_at=CLOCK + DAY)
        Group.objects.update(capacity=8)
        move = end(owner, "no_answer")

    answer = owner.post(f"/reshuffles/{running.pk}/late/", {"number": "1"}, headers={"accept": "application/json"})
    with acting_for(house.pk):
        assert (answer.status_code, Placement.objects.filter(member=late).exists()) == (409, False)
        Task.objects.filter(pk=move.task_id).update(reason="declined")  # they are not asked again
    owner.post(f"/reshuffles/{running.pk}/late/", {"number": "1"})
    with acting_for(house.pk):
        assert Placement.objects.get(member=late).group_id == move.to_group_id


def test_a_half_year_that_went_wrong_is_taken_back_and_made_anew(house, owner, operator, running, time_machine):
    """One was asked by hand, one came early; the others were only seated when the day came."""
    way = f"/reshuffles/{running.pk}/rolling-back/"
    assert operator.post(way, {"number": 0}).status_code == 403
    with acting_for(house.pk):
        before = sorted(Placement.objects.open().values_list("member", "group"), key=str)
        asked = end(owner)
        came = Move.objects.filter(state="waiting").first()
        joining.join(came, by=owner.seat)
        time_machine.move_to(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC))
        CalendarStep.objects.filter(kind="begin").update(state="done")
        reshuffles.begin(running.cohort, house)
        moves = Move.objects.count()
    owner.force_login(owner.seat.user)
    assert owner.post(way, {"number": moves - 1}).status_code == 409
    assert owner.get(way).context["figures"].by_hand == 2

    owner.post(way, {"number": moves})
    with acting_for(house.pk):
        assert sorted(Placement.objects.open().values_list("member", "group"), key=str) == before
        assert {task.member_id for task in Task.objects.open()} == {asked.member_id, came.member_id}
        reshuffle = Reshuffle.objects.get(pk=running.pk)
        assert (reshuffle.state, Cohort.objects.get(state="current").code, Move.objects.count()) == ("open", "2026H2", 0)
        draft = reshuffles.propose(running.matrix, house, by=owner.seat, steps=2_000, at_once=True)
        assert draft.reshuffle_id == running.pk
    thinking.think_now(house.pk, draft.pk)
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
        step = CalendarStep.objects.get(kind="begin", cohort=running.cohort)
        assert (step.state, step.wall_time.date() > Wave.objects.order_by("-day").first().day) == ("waiting", True)


def test_only_the_present_half_year_is_taken_back_and_nobody_takes_it_back_twice(house, owner, running):
    with acting_for(house.pk):
        moves = Move.objects.count()
        open_tasks = Task.objects.open().count()
    assert owner.get(f"/reshuffles/{running.pk}/rolling-back/").context["figures"].tasks == open_tasks
    owner.post(f"/reshuffles/{running.pk}/rolling-back/", {"number": moves})
    again = owner.post(f"/reshuffles/{running.pk}/rolling-back/", {"number": 0})

    assert again.status_code == 409
    with acting_for(house.pk):
        assert not Task.objects.open().exists()
        assert Event.objects.get(kind="reshuffle.rolled_back").after["moves"] == moves


def test_the_latest_hand_is_mended_by_a_proposal(house, running):
    with acting_for(house.pk):
        seats = [SeatFactory(tenant=house, role="assistant") for _ in range(2)]

    def hand(seat, waiting, pace):
        days = [(TODAY + DAY * n, 90, 0) for n in range(waiting // 90)]
        return progress.Hand(seat, [], progress.Tally(waiting=waiting), days, 0, 90, TODAY, pace)

    slow, quick = hand(seats[0], 450, 30), hand(seats[1], 90, 90)
    state = progress.Progress(progress.Tally(), [slow, quick], [], [], [], TODAY, 0, {})

    found = carrying.proposal(state)

    assert (found["slow"], found["quick"], found["number"]) == (slow, quick, 310)
    assert found["day"] == TODAY + 5 * DAY
