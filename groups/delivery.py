"""What goes into a chat group: a push, once for each cause, by a channel of the group that can, or by an assistant's task."""

import datetime

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from crm.tenancy import effects, events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import rises, senders, tasks, waves
from .models import Channel, Push, Task, Tick
from .models.delivery import TEST

State = Push.State
HEARERS = {}
LONGEST_TITLE, LONGEST_TEXT, LONGEST_CAUSE = 60, 20_000, 80
LATE_AFTER = datetime.timedelta(hours=1)
TAKEN_BACK = [State.SENT, State.WITHDRAWN]  # where somebody said so
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

    `cause` is `<kind>:<id>`; `withdraws` the cause of a push whose place this one takes, where that has not gone out yet. A push without
    text, picture and card is something to do in the group, and so always somebody's task.
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
        _go(made)
    return made


@transaction.atomic
def try_out(channel, text, *, by):
    """A message that shows whether the channel works. What comes of it stands in its own push, and nobody is asked about it.

    One at a time: who presses the button ten times does not fill a chat."""
    Channel.objects.select_for_update().get(pk=channel.pk)
    if Push.objects.filter(channel=channel, cause__startswith=TEST, state__in=Push.swept).exists():
        raise Refused(_("A test is on its way already; what becomes of it stands below in a moment."), code="test_under_way")
    fields = {"group_id": channel.group_id, "channel": channel, "title": _("Test"), "text": text, "due_at": now(), "by": by}
    made = Push.objects.create(cause=f"{TEST}{uuid7()}", **fields)
    events.note("channel.tested", channel, by=by)
    effects.nudge(made)
    return made


def is_test(push):
    return push.cause.startswith(TEST)


def _go(push):
    """At once by hand where no channel could; else a worker sends it."""
    if way(push, Channel.objects.open().in_order().filter(group=push.group_id)):
        effects.nudge(push)
    else:
        give_to_hand(push)


def way(push, channels):
    """The first of its group's channels that is on and can; what has begun goes on where it began. None: by hand."""
    wanted = senders.wants(push)
    able = [each for each in channels if each.state == Channel.State.ON and wanted and all(senders.can(each, one) for one in wanted)]
    if push.channel_id and (push.parts or is_test(push)):
        able = [each for each in channels if each.pk == push.channel_id and (is_test(push) or each in able)]
    return next(iter(able), None)


# What becomes of it. The row is held, or was just made


def turn(push, state, *, by=None, note=None, **fields):
    """The push is in this state now: the fact is noted, and whoever waits for it hears of it."""
    before = {"state": push.state, "reason": push.reason} if state in TAKEN_BACK and by and not note else {}
    for name, value in (fields | {"state": state}).items():
        setattr(push, name, value)
    push.save(update_fields=["state", *fields])
    after = {"assistant": str(push.task.assistant_id)} if state == State.BY_HAND else {}
    events.note(note or f"push.{state}", push, by=by, member=push.member_id, because=push.reason, before=before, after=after)
    _hear(push)


def give_to_hand(push, *, reason="", by=None):
    """A task of whoever works for the group."""
    tenant = _tenant()
    due_at = push.due_at if push.state == State.WAITING and not reason else now()
    task = Task(kind=Task.Kind.PUSH, group=push.group, member=push.member, minutes=push.minutes, title=push.title)
    task.text, task.picture = _by_hand(push)
    task.due_at, task.late_at = due_at, max(due_at, now()) + LATE_AFTER
    task.assistant_id = waves.hands({str(push.group_id)}, tenant, tenant.today())[str(push.group_id)]
    task.save(force_insert=True)
    rises.promise([task], tenant)
    turn(push, State.BY_HAND, by=by, task=task, reason=reason)


def _by_hand(push):
    """Text and picture as one pastes them: without what is out already, with the address of a card below it."""
    if push.card:
        return f"{push.text.strip()}\n{push.card['url']}".strip(), push.picture
    if not push.parts:
        return push.text, push.picture
    rest = senders.messages(push, push.channel.kind)[push.parts :]
    return "\n\n".join(piece.text for piece in rest), None if senders.goes_together(push.channel.kind) else push.picture


def put_off(push, until, reason):
    """It waits for a better moment."""
    push.state, push.due_at, push.reason = State.WAITING, until, reason
    push.save(update_fields=["state", "due_at", "reason"])
    _hear(push)


def look_again(group):
    """What a channel of this group had put off is looked at anew: it may go by hand, or at last by another channel."""
    Push.objects.filter(group=group, state=State.WAITING).exclude(reason="").update(due_at=now())


# What somebody decides


@transaction.atomic
def withdraw(push, *, by=None):
    """It is not to go out any more."""
    push = _held(push)
    if push.state not in UNDER_WAY:
        raise _gone(push)
    _drop_task(push, by)
    turn(push, State.WITHDRAWN, by=by)
    return push


@transaction.atomic
def was_sent(push, *, by):
    """Somebody looked into the group: it is there."""
    push = _held(push)
    if push.state not in (State.UNSURE, State.FAILED):
        raise _not_asked(push)
    turn(push, State.SENT, by=by, sent_at=now(), reason="")
    return push


@transaction.atomic
def again(push, *, by):
    """Somebody looked: it is not there, so it goes out once more, by channel if one can."""
    push = _held(push)
    if push.state not in (State.UNSURE, State.FAILED):
        raise _not_asked(push)
    push.state, push.tries, push.due_at, push.reason = State.WAITING, 0, now(), ""
    push.save(update_fields=["state", "tries", "due_at", "reason"])
    events.note("push.again", push, by=by, member=push.member_id)
    _go(push)
    if push.state == State.WAITING:
        _hear(push)
    return push


@transaction.atomic
def by_hand(push, *, by):
    """Somebody is to send it, whatever the channel could."""
    push = _held(push)
    if push.state not in (State.WAITING, State.UNSURE, State.FAILED):
        raise _gone(push)
    give_to_hand(push, by=by, reason="decided")
    return push


@transaction.atomic
def take_back(push, before, *, by):
    """It was said of it that it was sent, or is not to be sent; it is as it was before."""
    push = _held(push)
    if before["state"] == State.BY_HAND:
        Task.objects.filter(pk=push.task_id, state=Task.State.WITHDRAWN).update(state=Task.State.OPEN, ended_at=None, ended_by=None)
        rises.again([push.task])
    turn(push, before["state"], by=by, note="push.taken_back", reason=before["reason"], sent_at=None)
    return push


def _held(push):
    """The row and its task, held until this act stands: the task first, as a tick does it."""
    if push.task_id:
        Task.objects.select_for_update(of=["self"]).get(pk=push.task_id)
    held = Push.objects.select_for_update(of=["self"]).select_related("group", "channel", "task", "member", "picture")
    return held.get(pk=push.pk)


def _drop_task(push, by):
    if push.task_id and push.task.state == Task.State.OPEN:
        Task.objects.filter(pk=push.task_id).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
        rises.withdraw(push.task)


def _gone(push):
    sentence = _("This has gone out already, or may have; it cannot be withdrawn.")
    return Refused(sentence, code="gone_out", state=push.state)


def _not_asked(push):
    sentence = _("Nobody has to decide about this message any more: %(state)s.") % {"state": push.get_state_display()}
    return Refused(sentence, code="not_asked", state=push.state)


@tasks.guards(Task.Kind.PUSH)
def nobody_decided_otherwise(task, act, *, reason, note):
    """A tick is taken back only while what it said of the message holds: else it would go out by hand beside another way."""
    if act != Tick.Act.UNDO or task.state not in (Task.State.DONE, Task.State.IMPOSSIBLE):
        return
    push = Push.objects.select_for_update(of=["self"]).filter(task=task).first()
    if push is None or push.state != (State.SENT if task.state == Task.State.DONE else State.FAILED):
        sentence = _("Somebody has decided otherwise about this message since, so the task stays as it ended.")
        raise Refused(sentence, code="decided_otherwise")


@tasks.follows(Task.Kind.PUSH)
def push_of_task(task, *, by):
    """What the tick says of the push that the task carries."""
    push = Push.objects.select_for_update(of=["self"]).select_related("task").filter(task=task).first()
    if push is None:
        return
    if task.state == Task.State.DONE:
        turn(push, State.SENT, by=by, sent_at=task.ended_at, reason="")
    elif task.state == Task.State.IMPOSSIBLE:
        turn(push, State.FAILED, by=by, reason=task.reason)
    else:
        turn(push, State.BY_HAND, by=by, note="push.reopened", sent_at=None, reason="")
