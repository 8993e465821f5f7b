"""What goes into a chat group: a push, once for each cause, by a channel of the group that can, or by an assistant's task."""

import datetime

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import rises, tasks, waves
from .models import Push, Task

State = Push.State
HEARERS = {}
LONGEST_TITLE, LONGEST_TEXT = 60, 20_000
LATE_AFTER = datetime.timedelta(hours=1)
UNDER_WAY = [State.WAITING, State.BY_HAND, State.FAILED]  # what can still be withdrawn


def heard(kind):
    """Register who hears of pushes whose cause begins with this word: `hearer(push)`, in the transaction in which it changed.

    `push.state` says what became of it: `sent` (by whoever), `unsure` (it may have been sent), `failed`, `by_hand` (an assistant has
    it as `push.task`; also after its tick was taken back), `waiting` (put off, or sent anew), `withdrawn`.
    """

    def register(hearer):
        HEARERS[kind] = hearer
        return hearer

    return register


def _hear(push):
    if hearer := HEARERS.get(push.cause.partition(":")[0]):
        hearer(push)


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


@transaction.atomic
def push(group, *, cause, title, text="", picture=None, card=None, minutes=2, due_at=None, member=None, by=None, withdraws=None):
    """Send this into the group, once for this cause: asked for again, it is the push that there is.

    `cause` is `<kind>:<id>`; `withdraws` the cause of a push whose place this one takes, where that has not gone out yet.
    """
    if withdraws and (earlier := Push.objects.filter(cause=withdraws, state__in=UNDER_WAY).first()):
        withdraw(earlier, by=by)
    fields = {"title": title[:LONGEST_TITLE], "text": text, "picture": picture, "card": card, "minutes": minutes, "member": member}
    fields |= {"group": group, "due_at": due_at or now(), "by": by}
    made, is_new = Push.objects.get_or_create(cause=cause, defaults=fields)
    if not is_new:
        return made
    events.note("push.made", made, by=by, member=member)
    if made.due_at <= now():
        give_to_hand(made)
    return made


@transaction.atomic
def keep(pk):
    """What is due goes out. Whoever flips the state owns it, so two sweeps make one task."""
    found = Push.objects.select_for_update(skip_locked=True).filter(pk=pk, state=State.WAITING, due_at__lte=now()).first()
    if found:
        give_to_hand(found)


def give_to_hand(push, *, reason="", by=None):
    """A task of whoever works for the group. The row is held, or was just made."""
    tenant = _tenant()
    due_at = max(push.due_at, now()) if push.state != State.WAITING else push.due_at
    task = Task(kind=Task.Kind.PUSH, group=push.group, member=push.member, picture=push.picture, minutes=push.minutes)
    task.title, task.text, task.due_at, task.late_at = push.title, push.text, due_at, due_at + LATE_AFTER
    task.assistant_id = waves.hands({str(push.group_id)}, tenant)[str(push.group_id)]
    task.save(force_insert=True)
    rises.promise([task], tenant)
    _turn(push, State.BY_HAND, by=by, task=task, reason=reason)


def _turn(push, state, *, by=None, note=None, **fields):
    """The push is in this state now: the fact is noted, and whoever waits for it hears of it."""
    for name, value in (fields | {"state": state}).items():
        setattr(push, name, value)
    push.save(update_fields=["state", *fields])
    after = {"assistant": str(push.task.assistant_id)} if state == State.BY_HAND else {}
    events.note(note or f"push.{state}", push, by=by, member=push.member_id, because=push.reason, after=after)
    _hear(push)


@transaction.atomic
def withdraw(push, *, by=None):
    """It is not to go out any more."""
    push = _held(push)
    if push.state not in UNDER_WAY:
        raise Refused(_("This has gone out already, or may have; it cannot be withdrawn."), code="gone_out", state=push.state)
    if push.task_id and push.task.state == Task.State.OPEN:
        Task.objects.filter(pk=push.task_id).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
        rises.withdraw(push.task)
    _turn(push, State.WITHDRAWN, by=by)
    return push


def _held(push):
    """The row and its task, held until this act stands: the task first, as a tick does it."""
    if push.task_id:
        Task.objects.select_for_update(of=["self"]).get(pk=push.task_id)
    return Push.objects.select_for_update(of=["self"]).select_related("group", "task", "member", "picture").get(pk=push.pk)


@tasks.follows(Task.Kind.PUSH)
def push_of_task(task, *, by):
    """What the tick says of the push that the task carries."""
    push = Push.objects.select_for_update(of=["self"]).select_related("task").filter(task=task).first()
    if push is None:
        return
    if task.state == Task.State.DONE:
        _turn(push, State.SENT, by=by, sent_at=task.ended_at, reason="")
    elif task.state == Task.State.IMPOSSIBLE:
        _turn(push, State.FAILED, by=by, reason=task.reason)
    else:
        _turn(push, State.BY_HAND, by=by, note="push.reopened", sent_at=None, reason="")
