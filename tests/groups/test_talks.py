"""A talk of the rhythm: the red packet first, then the talk, an ordered pair of tasks."""

import re
from uuid import uuid4

import pytest

from crm.tenancy.models import Event, Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import efforts, occurrences, rhythms, tasks, weeks
from groups.models import Occurrence, Rise, Slot, Task
from members import erasure
from tests.conftest import KeyClient
from tests.factories import GroupFactory, MatrixFactory, MemberFactory, PlacementFactory, RhythmFactory, SeatFactory, SlotFactory

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


# Handed out by somebody


@pytest.fixture
def speaker(clock, house, english, assistant):  # noqa: F811
    """Gui sits in Members 1, which is the assistant's."""
    with acting_for(house.pk):
        matrix = MatrixFactory(is_reshuffled=True)
        group = GroupFactory(matrix=matrix, name="Members 1", number=1, assistant=assistant.seat)
        member = MemberFactory(nickname="Gui")
        PlacementFactory(member=member, group=group)
        return member


def given(house):
    """(packet, talk) of what was handed out last."""
    with acting_for(house.pk):
        talk = Task.objects.filter(kind="talk").exclude(after=None).select_related("after").order_by("-id").first()
        return talk and (talk.after, talk)


def said(speaker, **more):
    group = str(speaker.placements.get().group_id)
    return {
        "speaker": str(speaker.pk), "group": group, "day": "2026-12-02", "at": "20:30", "title": "", "text": "Gui speaks in {group}.",
        "minutes": 14, "packet_minutes": 2, "assistant": "",
    } | more  # fmt: skip


def test_an_operator_finds_the_speaker_and_hands_the_talk_out_and_takes_it_back(speaker, house, operator, assistant, clock):  # noqa: F811
    with acting_for(house.pk):
        asked = said(speaker)
    found = operator.get("tasks/talks/?q=gui").content.decode()
    form = operator.get(f"tasks/talks/?speaker={speaker.pk}").context["form"]

    page = operator.post("tasks/talks/", asked, follow=True)
    packet, talk = given(house)
    shown = operator.get("week/?week=2026-11-30").content.decode()
    clock.move_to(talk.due_at)
    phone = assistant.get("phone/").content.decode()
    undone = operator.post(re.search(r'action="/qinghe(/trail/[^"]+/undo/)"', page.content.decode())[1], follow=True)

    assert f"speaker={speaker.pk}" in found
    assert (form.initial["group"], form.initial["minutes"]) == (asked["group"], 15)
    assert (packet.state, packet.minutes, packet.assistant_id, packet.due_at) == ("open", 2, assistant.seat.pk, talk.due_at)
    assert (talk.state, talk.minutes, talk.title, talk.text) == ("barred", 14, "Talk by Gui", "Gui speaks in Members 1.")
    assert "Talk by Gui" in shown
    assert [f'<b class="title"><bdi lang="zh">{each}</bdi></b>' in phone for each in (packet.title, talk.title)] == [False, True]
    assert (str(packet.pk) in phone, f'<article class="tk barred" data-task="{talk.pk}"' in phone) == (True, True)
    assert "The talk and its red packet are taken back." in undone.content.decode()
    assert [task.state for task in given(house)] == ["withdrawn", "withdrawn"]


def test_its_order_is_held_the_exception_reasoned_and_a_sent_packet_stays(speaker, house, operator, assistant):
    with acting_for(house.pk):
        asked = said(speaker)
    operator.post("tasks/talks/", asked)
    packet, talk = given(house)
    with acting_for(house.pk):
        with pytest.raises(Refused) as too_early:
            tick(talk, "done", assistant.seat)
        tick(packet, "impossible", assistant.seat, reason="other", note="none tonight")
        effort = {str(label): each.planned for label, each in efforts.of(house, weeks=5).practices.items()}
        fact = Event.objects.get(kind="talk.given")
    opened = [task.state for task in given(house)]
    operator.post(f"trail/{fact.pk}/undo/")

    assert (too_early.value.code, opened) == ("not_its_turn", ["impossible", "open"])
    assert [task.state for task in given(house)] == ["impossible", "withdrawn"]
    assert effort == {"talk": 16}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"day": "2026-11-20"}, "day"),
        ({"day": "2028-11-20"}, "day"),
        ({"minutes": 0}, "minutes"),
        ({"text": "Hello {grup}"}, "text"),
        ({"group": "nothing"}, "group"),
        ({"assistant": "nobody"}, "assistant"),
    ],
)
def test_what_cannot_be_stands_beside_its_field_and_what_was_typed_stays(speaker, house, operator, wrong, field):
    with acting_for(house.pk):
        asked = said(speaker, **wrong)

    page = operator.post("tasks/talks/", asked)

    assert (page.status_code, list(page.context["form"].errors), given(house)) == (422, [field], None)
    assert page.context["form"]["at"].value() == "20:30"


def test_who_would_get_too_much_by_it_is_said_before(speaker, house, operator, assistant):
    Seat.objects.filter(pk=assistant.seat.pk).update(minutes_a_week=10)
    with acting_for(house.pk):
        asked = said(speaker)

    refused = operator.post("tasks/talks/", asked)
    before = given(house)
    operator.post("tasks/talks/", asked | {"anyway": refused.context["over_mark"]})

    assert (refused.status_code, [each["over"] for each in refused.context["over"]], before) == (422, [6], None)
    assert given(house) is not None


def test_a_program_hands_a_talk_out_and_an_assistant_does_not(speaker, house, api, assistant):
    with acting_for(house.pk):
        other = SeatFactory(tenant=house, role="assistant")
        asked = said(speaker, assistant=str(other.pk), title="Live streams")

    made = api.post("tasks/talks/", asked)
    past = api.post("tasks/talks/", asked | {"day": "2026-11-01"})
    refused = KeyClient(assistant.seat).post("tasks/talks/", asked)

    packet, talk = given(house)
    assert (made.status_code, made.json()["after"], made.json()["state"], talk.title) == (201, str(packet.pk), "barred", "Live streams")
    assert made["Location"].endswith(f"/tasks/{talk.pk}/")
    assert (packet.assistant_id, past.json()["code"], refused.status_code) == (other.pk, "moment_over", 403)


def test_whose_data_are_erased_gives_no_talk(speaker, house, operator, owner):
    with acting_for(house.pk):
        asked = said(speaker)
    operator.post("tasks/talks/", asked)
    with acting_for(house.pk):
        erasure.erase(speaker, "Gui", by=owner.seat)

    assert [(task.state, task.title, task.text) for task in given(house)] == [("withdrawn", "", "")] * 2
