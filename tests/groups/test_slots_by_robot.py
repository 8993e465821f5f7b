"""A slot that is given to the group's robot: a message at its moment, somebody's task where no channel can send it."""

import datetime

import pytest
import time_machine

from crm.tenancy.models import Event, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import delivery, efforts, occurrences, rhythms, weeks
from groups.models import Channel, Occurrence, Push, Slot, Task
from tests.factories import ChannelFactory, GroupFactory, RhythmFactory, SeatFactory, SlotFactory

from .test_rhythms import handed_out

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
TUESDAY = datetime.datetime(2026, 12, 1, 6, 0, tzinfo=SHANGHAI)
MONDAY = datetime.date(2026, 11, 30)


@pytest.fixture
def clock():
    with time_machine.travel(TUESDAY - datetime.timedelta(days=1), tick=False) as clock:
        yield clock


@pytest.fixture
def groups(clock, house, english):
    """Two groups of one rhythm, of which the first has a robot; the slot is Tuesday, half past eight."""
    with acting_for(house.pk):
        man = SeatFactory(tenant=house, role="assistant", name="Man")
        rhythm = RhythmFactory(is_usual=True)
        groups = [GroupFactory(name=f"Members {n}", number=n, assistant=man) for n in (1, 2)]
        for group in groups:
            group.rhythm = rhythm
            group.save()
        ChannelFactory(group=groups[0])
        SlotFactory(rhythm=rhythm, text="Good morning, {group}!", given="robot", minutes=5)
        occurrences.lay_out(house)
    return groups


@pytest.fixture
def english(settings, house):
    settings.LANGUAGE_CODE = "en"
    Tenant.objects.filter(pk=house.pk).update(language="en")


def of(group):
    return Occurrence.objects.select_related("push__task", "task", "slot").filter(group=group).order_by("day").first()


def test_at_its_moment_it_is_sent_and_where_there_is_no_robot_it_is_a_task(groups, house, clock):
    clock.move_to(TUESDAY)
    handed_out(house)  # early in the day nobody has anything to do yet
    with acting_for(house.pk):
        before = (Push.objects.count(), Task.objects.count())
    clock.move_to(TUESDAY.replace(hour=8, minute=30))
    handed_out(house)
    handed_out(house)

    with acting_for(house.pk):
        sent, by_hand = of(groups[0]).push, of(groups[1]).push
        task = Task.objects.get()
        counted = efforts.of(house, group=groups[0]).this_week.planned

    assert before == (0, 0)
    assert (sent.state, sent.text, sent.title) == ("waiting", "Good morning, Members 1!", "Morning topic")
    assert (by_hand.state, by_hand.task) == ("by_hand", task)
    assert (task.text, str(task.assistant), task.minutes, task.kind) == ("Good morning, Members 2!", "Man", 5, "push")
    assert counted == 0


def test_what_has_not_gone_out_follows_a_change_and_is_said_once(groups, house, clock):
    clock.move_to(TUESDAY.replace(hour=8, minute=30))
    handed_out(house)
    with acting_for(house.pk):
        by, slot = SeatFactory(tenant=house, role="owner"), Slot.objects.get()
        first = of(groups[0]).push
        Push.objects.filter(pk=first.pk).update(state="sent", parts=1)
        rhythms.change_slot(slot, {"text": "Hello, {group}!"}, by=by)
    handed_out(house)

    with acting_for(house.pk):
        pushes = list(Push.objects.order_by("id").values_list("group__number", "text", "state"))
        told = Event.objects.filter(kind="occurrence.pushed").count()
        with pytest.raises(Refused) as refusal:
            occurrences.drop(of(groups[0]), by=by)
        occurrences.drop(of(groups[1]), by=by)
        tasks = list(Task.objects.values_list("state", flat=True))

    assert sorted(pushes) == [
        (1, "Good morning, Members 1!", "sent"), (2, "Good morning, Members 2!", "withdrawn"), (2, "Hello, Members 2!", "by_hand"),
    ]  # fmt: skip
    assert (told, refusal.value.code, tasks) == (3, "already_done", ["withdrawn", "withdrawn"])


def test_after_its_hour_a_slot_that_comes_back_is_somebodys_task(groups, house, clock):
    with acting_for(house.pk):
        by, slot = SeatFactory(tenant=house, role="owner"), Slot.objects.get()
        pause = rhythms.add_pause({"name": "Holiday", "since": TUESDAY.date(), "until": TUESDAY.date()}, by=by)
    clock.move_to(TUESDAY.replace(hour=11))
    with acting_for(house.pk):
        rhythms.drop_pause(pause, by=by)
    handed_out(house)

    with acting_for(house.pk):
        late = of(groups[0]).push
        seen = (late.state, late.reason, str(late.task.assistant), late.task.text)
        told = list(Event.objects.filter(subject=late.pk).order_by("id").values_list("kind", "because"))
        rhythms.change_slot(slot, {"at": "11:30"}, by=by)
    clock.move_to(TUESDAY.replace(hour=11, minute=30))
    handed_out(house)

    assert seen == ("by_hand", "hour_over", "Man", "Good morning, Members 1!")
    assert told == [("push.made", ""), ("push.by_hand", "hour_over")]
    with acting_for(house.pk):
        assert [(of(groups[0]).push.state, of(groups[0]).push.reason), Task.objects.get(pk=late.task_id).state] == [
            ("waiting", ""), "withdrawn",
        ]  # fmt: skip


def test_a_robot_says_nothing_that_did_not_wait_at_its_hour(groups, house, owner, clock):
    """A few minutes after it: what waited goes out late; what comes out of a pause, or was dropped, is somebody's."""
    with acting_for(house.pk):
        by, slot = SeatFactory(tenant=house, role="owner"), Slot.objects.get()
        kept = GroupFactory(name="Members 3", number=3, rhythm=slot.rhythm)
        [ChannelFactory(group=group) for group in (groups[1], kept)]
        occurrences.lay_out(house)
        pause = rhythms.add_pause({"name": "Rest", "since": TUESDAY.date(), "until": TUESDAY.date(), "group": groups[0]}, by=by)
        occurrences.drop(of(groups[1]), by=by)
    said = owner.get("rhythms/").content.decode()
    clock.move_to(TUESDAY.replace(hour=8, minute=35))
    owner.post(f"pauses/{pause.pk}/dropping/")
    with acting_for(house.pk):
        occurrences.bring_back(of(groups[1]), by=by)
    handed_out(house)

    with acting_for(house.pk):
        ways = [(of(group).push.state, of(group).push.reason) for group in (*groups, kept)]
        rhythms.change_slot(slot, {"text": "Hello!"}, by=by)
    handed_out(house)
    with acting_for(house.pk):
        anew = [(of(group).push.state, of(group).push.text) for group in (*groups, kept)]

    assert "whose hour is over does not go out" in said
    assert ways == [("by_hand", "hour_over"), ("by_hand", "hour_over"), ("waiting", "")]
    assert anew == [("by_hand", "Hello!"), ("by_hand", "Hello!"), ("waiting", "Hello!")]


def test_from_a_task_to_the_robot_and_back(groups, house, clock):
    with acting_for(house.pk):
        by, slot = SeatFactory(tenant=house, role="owner"), Slot.objects.get()
        rhythms.change_slot(slot, {"given": "group"}, by=by)
    clock.move_to(TUESDAY)
    handed_out(house)
    with acting_for(house.pk):
        rhythms.change_slot(slot, {"given": "robot"}, by=by)
        waits = [(of(group).state, of(group).task.state, of(group).due_at) for group in groups]
        rhythms.change_slot(slot, {"given": "group"}, by=by)
    handed_out(house)

    with acting_for(house.pk):
        again = [(of(group).state, of(group).task.state) for group in groups]
        count = Task.objects.count()

    assert waits == [("waiting", "withdrawn", TUESDAY.replace(hour=8, minute=30))] * 2
    assert (again, count) == ([("handed_out", "open")] * 2, 2)


def test_the_calendar_counts_minutes_only_where_somebody_does_it(groups, house, owner, clock):
    ahead = [owner.get(f"week/?week={day}").context["week"] for day in (MONDAY, MONDAY + datetime.timedelta(weeks=6))]
    with acting_for(house.pk):
        slot = Slot.objects.get()
    page = owner.get(f"week/slots/{slot.pk}/?week={MONDAY}").content.decode()

    for week in ahead:
        assert [row.slot_minutes for row in week.rows] == [0, 5]
        assert [(str(each.seat), each.minutes) for each in week.hands] == [("Man", 5)]
    assert "In 1 group no channel can send it" in page

    clock.move_to(TUESDAY.replace(hour=8, minute=30))
    handed_out(house)
    with acting_for(house.pk):
        Push.objects.filter(group=groups[0]).update(state="unsure")
        entry = weeks.week_of(house, MONDAY).rows[0].entries[0]
        by = SeatFactory(tenant=house, role="owner")
        asks, movable = entry.asks, entry.is_movable
        delivery.was_sent(entry.push, by=by)
        done = weeks.week_of(house, MONDAY).rows[0].entries[0].is_done
    shown = owner.get(f"week/slots/{slot.pk}/?week={MONDAY}&once={entry.occurrence.pk}").content.decode()

    assert (asks, movable, done) == (True, False, True)
    assert "/pushes/" in shown


def test_a_switched_off_channel_makes_it_a_task_and_no_robot_gives_a_talk(groups, house, owner, api, clock):
    with acting_for(house.pk):
        Channel.objects.update(state="off")
        slot, rhythm = Slot.objects.get(), str(Slot.objects.get().rhythm_id)
    clock.move_to(TUESDAY.replace(hour=8, minute=30))
    handed_out(house)
    refused = api.patch(f"slots/{slot.pk}/", {"practice": "talk"})
    said = {"rhythm": rhythm, "weekday": 2, "at": "20:00", "title": "Talk", "practice": "talk", "given": "robot"}
    added = api.post("slots/", said)
    seen = api.get("occurrences/", {"state": "pushed"}).json()

    with acting_for(house.pk):
        assert list(Push.objects.values_list("state", flat=True)) == ["by_hand", "by_hand"]
        assert {row["push"] for row in seen["results"]} == {str(pk) for pk in Push.objects.values_list("pk", flat=True)}
    assert [(each.status_code, each.json()["code"]) for each in (refused, added)] == [(400, "talk_by_robot")] * 2
