"""A talk of the rhythm: the red packet first, then the talk, an ordered pair of tasks."""

from uuid import uuid4

import pytest

from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import efforts, occurrences, rhythms, tasks, weeks
from groups.models import Occurrence, Rise, Slot, Task
from tests.factories import GroupFactory, RhythmFactory, SlotFactory

from .test_rhythms import handed_out
from .test_slots_by_robot import MONDAY, TUESDAY, clock, english  # noqa: F401  fixtures


@pytest.fixture
def talk(clock, house, english, assistant):  # noqa: F811
    """A talk of fifteen minutes, on Tuesday at half past eight, handed out."""
    with acting_for(house.pk):
        rhythm = RhythmFactory(is_usual=True)
        group = GroupFactory(name="Members 1", number=1, assistant=assistant.seat)
        group.rhythm = rhythm
        group.save()
        SlotFactory(rhythm=rhythm, practice="talk", title="Talk", text="Tonight: live streams.", minutes=15)
        occurrences.lay_out(house)
    clock.move_to(TUESDAY)
    handed_out(house)
    return group


def pair():
    talk = Occurrence.objects.exclude(task=None).select_related("task__after").order_by("day").first().task
    return talk.after, talk


def states():
    return [each.state for each in pair()]


def tick(task, act, by, **more):
    return tasks.tick(task.pk, act, uuid4(), by=by, **more)


def test_the_talk_opens_when_the_packet_is_ticked_and_closes_when_that_is_taken_back(talk, house, assistant):
    seat = assistant.seat
    with acting_for(house.pk):
        packet, later = pair()
        first = (states(), packet.minutes, later.minutes, packet.title)
        with pytest.raises(Refused) as too_early:
            tick(later, "done", seat)
        tick(packet, "done", seat)
        opened = states()
        tick(packet, "undo", seat)
        barred = states()
        tick(packet, "impossible", seat, reason="other", note="none tonight")
        tick(later, "done", seat)
        with pytest.raises(Refused) as under:
            tick(packet, "undo", seat)
        tick(later, "undo", seat)
        tick(packet, "undo", seat)

        assert first == (["open", "barred"], 1, 14, "Red packet before the talk")
        assert (too_early.value.code, under.value.code) == ("not_its_turn", "later_task_done")
        assert (opened, barred, states()) == (["done", "open"], ["open", "barred"], ["open", "barred"])
        assert sorted(Rise.objects.filter(step=1).values_list("task", "state")) == sorted([(packet.pk, "waiting"), (later.pk, "withdrawn")])


def test_on_the_phone_the_talk_comes_by_itself_after_its_packet(talk, house, assistant):
    with acting_for(house.pk):
        packet, later = pair()

    before = assistant.get("phone/").content.decode()
    locked = assistant.get(f"phone/tasks/{later.pk}/").content.decode()
    answer = assistant.post("phone/ticks/", {"task": packet.pk, "act": "done", "key": uuid4(), "then": ""})
    after = assistant.get("phone/").content.decode()

    locked_row = f'<article class="tk barred" data-task="{later.pk}"'
    assert (str(packet.pk) in before, locked_row in before, locked_row in after, str(later.pk) in after) == (True, True, False, True)
    assert "after “Red packet before the talk”" in before
    assert "First comes “Red packet before the talk”" in locked
    assert [act for act in ("done", "impossible", "later") if f'name="act" value="{act}"' in locked] == []
    assert str(later.pk) in answer["Location"]


def test_both_count_and_both_follow_their_slot(talk, house, owner, api):
    with acting_for(house.pk):
        slot, by = Slot.objects.get(), owner.seat
        shown = weeks.week_of(house, MONDAY)
        counted = ([row.slot_minutes for row in shown.rows], [each.minutes for each in shown.hands])
        effort = efforts.of(house).practices
        rhythms.change_slot(slot, {"practice": "post"}, by=by)
        as_post = (states(), pair()[1].minutes)
        rhythms.change_slot(slot, {"practice": "talk", "minutes": 20}, by=by)
        as_talk = (states(), [each.minutes for each in pair()])
        row = Occurrence.objects.exclude(task=None).get()
        occurrences.drop(row, by=by)
        dropped = states()
        occurrences.bring_back(row, by=by)
    handed_out(house)
    shown = {row["state"]: row["after"] for row in api.get("tasks/").json()["results"]}
    page = owner.get("tasks/?state=barred").content.decode()

    assert counted == ([15], [15])
    assert {str(label): each.planned for label, each in effort.items()} == {"talk": 15}
    assert (as_post, as_talk, dropped) == ((["withdrawn", "open"], 20 - 5), (["open", "barred"], [1, 19]), ["withdrawn", "withdrawn"])
    with acting_for(house.pk):
        packet, _talk = pair()
        assert (shown, Task.objects.count()) == ({"open": None, "barred": str(packet.pk)}, 2)
    assert "Talk" in page
