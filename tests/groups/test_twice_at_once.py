"""What nobody may bring about: a thing done twice, or undone, by two who act on it at once or one after the other."""

from uuid import uuid4

import pytest

from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import channels, delivery, sending, tasks
from groups.models import Channel, Move, Push, Task
from tests.factories import TaskFactory
from tests.groups.test_phone import a_task, fresh, tick
from tests.groups.test_sending import CUT, a_channel, due, group, kept, robots, sent  # noqa: F401


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def refused(call):
    with pytest.raises(Refused) as found:
        call()
    return found.value.code


# A message


@pytest.mark.parametrize("decision", ["again", "by_hand", "withdraw", "was_sent"])
def test_a_message_that_goes_another_way_is_nobodys_task_again(group, decision):  # noqa: F811
    """Who could not send it takes that back only while nobody has decided otherwise."""
    seat = group.assistant
    push = delivery.push(group, cause="news:1", title="Evening news", text="Good evening!")
    tasks.tick(push.task_id, "impossible", uuid4(), by=seat, reason="other")
    getattr(delivery, decision)(push, by=seat)
    before = [(each.state, each.task_id) for each in Push.objects.all()], Task.objects.open().count()

    assert refused(lambda: tasks.tick(push.task_id, "undo", uuid4(), by=seat)) == "decided_otherwise"
    assert ([(each.state, each.task_id) for each in Push.objects.all()], Task.objects.open().count()) == before


def test_a_webhook_that_may_have_got_there_is_not_sent_by_hand_as_well(robots, group):  # noqa: F811
    a_channel(robots, group, "webhook")
    robots.says(CUT)

    push = sent(group)
    while push.state == "waiting":
        push = due(push)
    assert (push.state, push.reason, push.tries) == ("unsure", "line_cut", sending.MOST_TRIES)

    other = sent(group, cause="news:2")
    Channel.objects.update(state="off")
    assert (due(other).state, Task.objects.count()) == ("unsure", 0)


def test_a_test_that_is_on_its_way_is_not_sent_again(robots, group):  # noqa: F811
    channel, seat = a_channel(robots, group), group.assistant
    robots.says((200, {"errcode": 0}))

    made = channels.try_out(channel, by=seat)
    assert refused(lambda: channels.try_out(channel, by=seat)) == "test_under_way"
    assert kept(made).state == "sent"
    assert kept(channels.try_out(channel, by=seat)).state == "sent"


# A task


def test_somebody_asked_anew_is_not_asked_by_the_old_task_too(assistant, house):
    task = a_task(assistant)
    assert tick(assistant, task, "impossible", reason="no_answer").status_code == 200
    with acting_for(house.pk):
        Move.objects.filter(task=task).update(task=TaskFactory(assistant=assistant.seat, member=task.member), state="waiting")

    answer = tick(assistant, task, "undo")

    assert (answer.status_code, answer.json()["code"], fresh(task).state) == (409, "asked_anew", "impossible")


@pytest.mark.parametrize("note", ["a\0b", "a\ud800b", "👩‍👩‍👧" * 200, "\u202eabc\u200b"])
def test_whatever_stands_in_a_note_the_tick_counts(assistant, note):
    task = a_task(assistant)

    assert tick(assistant, task, note=note).status_code == 200
    assert fresh(task).state == "done"
