"""A push into a group: once for each cause, by a task where no channel can."""

import datetime

import pytest
from django.utils.timezone import now

from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import delivery, jobs
from groups.models import Group, Push, Task
from tests.factories import GroupFactory

from .test_phone import tick

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def heard(monkeypatch):
    """What a hearer of causes `news:…` was told, one state after another."""
    said = []
    monkeypatch.setitem(delivery.HEARERS, "news", lambda push: said.append(push.state))
    return said


@pytest.fixture
def group(assistant):
    with acting_for(assistant.tenant.pk):
        return GroupFactory(assistant=assistant.seat)


def pushed(client, group, **fields):
    with acting_for(client.tenant.pk):
        return delivery.push(group, **{"cause": "news:1", "title": "Evening news", "text": "Good evening!"} | fields)


def fresh(push):
    with acting_for(push.tenant_id):
        return Push.objects.select_related("task").get(pk=push.pk)


def test_a_push_becomes_one_task_of_the_groups_assistant_however_often_it_is_asked_for(assistant, group, heard):
    first, second = (pushed(assistant, group, minutes=4) for _ in range(2))

    with acting_for(assistant.tenant.pk):
        tasks = list(Task.objects.values_list("kind", "group", "assistant", "title", "text", "minutes"))
    assert first == second
    assert tasks == [("push", group.pk, assistant.seat.pk, "Evening news", "Good evening!", 4)]
    assert (fresh(first).state, heard) == ("by_hand", ["by_hand"])


def test_what_the_assistant_ticks_the_push_and_whoever_asked_for_it_hear(assistant, group, heard):
    push = fresh(pushed(assistant, group))

    states = []
    for act, more in (("done", {}), ("undo", {}), ("impossible", {"reason": "not_found"})):
        assert tick(assistant, push.task, act, **more).status_code == 200
        after = fresh(push)
        states.append((after.state, after.reason, after.sent_at is not None))

    assert states == [("sent", "", True), ("by_hand", "", False), ("failed", "not_found", False)]
    assert heard == ["by_hand", "sent", "by_hand", "failed"]


def test_what_is_due_later_waits_for_its_moment_and_then_is_one_task(assistant, group, heard, time_machine):
    push = pushed(assistant, group, due_at=now() + HOUR)
    assert (push.state, push.task) == ("waiting", None)
    jobs.keep_push(str(push.tenant_id), str(push.pk))
    assert fresh(push).state == "waiting"

    time_machine.move_to(now() + 2 * HOUR)
    for _ in range(2):
        jobs.keep_push(str(push.tenant_id), str(push.pk))

    with acting_for(push.tenant_id):
        assert (Task.objects.count(), heard) == (1, ["by_hand"])


def test_a_push_takes_the_place_of_an_earlier_one_unless_that_has_gone_out(assistant, group, heard):
    first = pushed(assistant, group)
    second = pushed(assistant, group, cause="news:2", withdraws="news:1")
    tick(assistant, fresh(second).task, "done")
    pushed(assistant, group, cause="news:3", withdraws="news:2")

    with acting_for(assistant.tenant.pk):
        found = dict(Push.objects.values_list("cause", "task__state"))
        states = dict(Push.objects.values_list("cause", "state"))
        with pytest.raises(Refused) as refusal:
            delivery.withdraw(fresh(second))
    assert states == {"news:1": "withdrawn", "news:2": "sent", "news:3": "by_hand"}
    assert found == {"news:1": "withdrawn", "news:2": "done", "news:3": "open"}
    assert refusal.value.code == "gone_out"
    assert fresh(first).task.ended_at


def test_facts_of_a_push_hold_no_words(assistant, group):
    push = pushed(assistant, group)

    with acting_for(push.tenant_id):
        facts = list(Event.objects.filter(subject=push.pk).order_by("at", "id").values_list("kind", "after"))
        assert Group.objects.get() == group
    assert facts == [("push.made", {}), ("push.by_hand", {"assistant": str(assistant.seat.pk)})]
