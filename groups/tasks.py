"""Verbs of tasks: tick, undo. A kind of task may have a follower, which hears of each act."""

from django.db import transaction
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events, rights
from crm.tenancy.refusals import Refused

from .models import Move, Task, Tick

FOLLOWERS = {}


def follows(kind):
    """Register who hears of acts on tasks of this kind: `follower(task, by=seat)`, in the same transaction."""

    def register(follower):
        FOLLOWERS[kind] = follower
        return follower

    return register


@transaction.atomic
def tick(task_id, act, key, *, by, reason="", note=""):
    """Do one act on a task under an id made by the phone. The same id again is the same act, not a second one."""
    task = Task.objects.select_for_update(of=["self"]).select_related("ended_by__user").filter(pk=task_id).first()
    if task is None or not (rights.sees_all(by, "tasks") or task.assistant_id == by.pk):
        raise Refused(_("This task is not yours, or it is gone."), code="no_such_task", status=404)
    if known := Tick.objects.filter(key=key).first():
        if known.task_id != task.pk:
            raise Refused(_("This id was used for another task."), code="key_reused")
        return task
    if act == Tick.Act.UNDO:
        _reopen(task, by)
    else:
        _end(task, act, by, reason, note)
    Tick.objects.create(key=key, task=task, act=act, seat=by)
    events.note(f"task.{'reopened' if act == Tick.Act.UNDO else act}", task, by=by, member=task.member_id, because=reason)
    if follower := FOLLOWERS.get(task.kind):
        follower(task, by=by)
    return task


def _end(task, act, by, reason, note):
    if task.state == Task.State.WITHDRAWN:
        raise Refused(_("This task was withdrawn; nothing is left to do."), code="withdrawn")
    if task.state != Task.State.OPEN:
        raise Refused(_already(task), code="already_ended", by=str(task.ended_by), at=task.ended_at, state=task.state)
    if act == Tick.Act.IMPOSSIBLE and reason not in Task.Reason.values:
        raise Refused(_("Say why it is not possible: choose one of the reasons."), code="reason_missing", status=400)
    task.state = Task.State.DONE if act == Tick.Act.DONE else Task.State.IMPOSSIBLE
    task.reason = reason if act == Tick.Act.IMPOSSIBLE else ""
    task.note = note[:200]
    task.ended_at, task.ended_by = now(), by
    task.save(update_fields=["state", "reason", "note", "ended_at", "ended_by"])


def _already(task):
    words = {"who": task.ended_by, "when": date_format(task.ended_at.astimezone(task.ended_by.tenant.zone), "H:i")}
    if task.state == Task.State.DONE:
        return _("%(who)s did this already, at %(when)s.") % words
    return _("%(who)s marked this as not possible, at %(when)s.") % words


def _reopen(task, by):
    if task.state not in (Task.State.DONE, Task.State.IMPOSSIBLE):
        raise Refused(_("This task is open; there is nothing to take back."), code="nothing_to_undo")
    if task.ended_by_id != by.pk and not rights.sees_all(by, "tasks"):
        raise Refused(_("%(who)s did this; only they or the owner take it back.") % {"who": task.ended_by}, code="not_yours")
    if Move.objects.filter(task=task, state=Move.State.JOINED).exists():
        raise Refused(_("This member has joined the new group already."), code="already_joined")
    task.state, task.reason, task.note, task.ended_at, task.ended_by = Task.State.OPEN, "", "", None, None
    task.save(update_fields=["state", "reason", "note", "ended_at", "ended_by"])


@follows(Task.Kind.MOVE)
def move_of_task(task, *, by):
    """What the tick says of the member's move."""
    if task.state == Task.State.OPEN:
        state = Move.State.WAITING
    elif task.state == Task.State.DONE:
        state = Move.State.ASKED
    else:
        state = Move.State.REFUSED if task.reason == Task.Reason.DECLINED else Move.State.UNREACHABLE
    Move.objects.filter(task=task).update(state=state, changed_at=now())
