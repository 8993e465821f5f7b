"""Verbs of tasks: tick, put off, undo, show as done by a photo. A kind of task may have a follower, which hears of how it ends."""

import datetime

from django.db import models, transaction
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, files, pictures, rights
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused

from . import pairs, rises
from .calendar import instant
from .models import Move, Reshuffle, Task, Tick

FOLLOWERS, GUARDS = {}, {}
HOUR = datetime.timedelta(hours=1)
EVENING, MORNING = datetime.time(19), datetime.time(9)
LONGEST_WAY = datetime.timedelta(days=14)  # that a tick may have taken from a phone to us
HEAVIEST_PROOF = 15 * 10**6
PROOF_SIDE = 1600


class Until(models.TextChoices):
    """For how long a task is put off."""

    HOUR = "hour", gettext_lazy("in an hour")
    EVENING = "evening", gettext_lazy("this evening")
    TOMORROW = "tomorrow", gettext_lazy("tomorrow morning")


def follows(kind):
    """Register who hears of acts on tasks of this kind: `follower(task, by=seat)`, in the same transaction."""

    def register(follower):
        FOLLOWERS.setdefault(kind, []).append(follower)
        return follower

    return register


def guards(kind):
    """Register who may refuse acts on tasks of this kind, before they are done: `guard(task, act, reason=, note=)`."""

    def register(guard):
        GUARDS.setdefault(kind, []).append(guard)
        return guard

    return register


@transaction.atomic
def tick(task_id, act, key, *, by, reason="", note="", until="", ago=0):
    """Do one act on a task under an id made by the phone. The same id again is the same act, not a second one.

    `ago` is how many seconds the act took to us: in a lift a phone keeps it until there is a network.
    """
    task = _of(task_id, by)
    if known := Tick.objects.filter(key=key).first():
        if known.task_id != task.pk:
            raise Refused(_("This id was used for another task."), code="key_reused")
        return task
    at = moment_said(ago)
    before = _times(task)
    for guard in GUARDS.get(task.kind, ()):
        guard(task, act, reason=reason, note=note)
    if act == Tick.Act.UNDO:
        _take_back(task, by)
    elif act == Tick.Act.LATER:
        _put_off(task, until, by, at)
    else:
        _end(task, act, by, reason, note, at)
    Tick.objects.create(key=key, task=task, act=act, seat=by)
    moved = {} if _times(task) == before else {"before": before, "after": _times(task)}
    kind = f"task.{'reopened' if act == Tick.Act.UNDO else act}"
    events.note(kind, task, by=by, member=task.member_id, because=until if act == Tick.Act.LATER else reason, **moved)
    if act != Tick.Act.LATER:
        pairs.follow(task, by.tenant)
    for follower in FOLLOWERS.get(task.kind, ()) if act != Tick.Act.LATER else ():
        follower(task, by=by)
    return task


def moment_said(ago):
    """So many seconds ago: in a lift a phone keeps what was tapped until there is a network."""
    return now() - min(max(datetime.timedelta(seconds=ago), datetime.timedelta(0)), LONGEST_WAY)


def _of(task_id, by):
    """The task, held until this act stands, if it is theirs to work on."""
    task = Task.objects.select_for_update(of=["self"]).select_related("ended_by__user").filter(pk=task_id).first()
    if task is None or not (rights.sees_all(by, "tasks") or task.assistant_id == by.pk):
        raise Refused(_("This task is not yours, or it is gone."), code="no_such_task", status=404)
    return task


def _times(task):
    return {"due_at": task.due_at.isoformat(), "late_at": task.late_at.isoformat()}


def _refuse_ended(task):
    if task.state == Task.State.WITHDRAWN:
        raise Refused(_("This task was withdrawn; nothing is left to do."), code="withdrawn")
    pairs.refuse_before(task)
    if task.state != Task.State.OPEN:
        raise Refused(_already(task), code="already_ended", by=str(task.ended_by), at=task.ended_at, state=task.state)


def _end(task, act, by, reason, note, at):
    _refuse_ended(task)
    if act == Tick.Act.IMPOSSIBLE and reason not in Task.Reason.values:
        raise Refused(_("Say why it is not possible: choose one of the reasons."), code="reason_missing", status=400)
    if act == Tick.Act.DONE and task.wants_proof and not task.proof_id:
        raise Refused(_("This task wants a photo that shows it. Add one, and it is done."), code="proof_missing")
    task.state = Task.State.DONE if act == Tick.Act.DONE else Task.State.IMPOSSIBLE
    task.reason = reason if act == Tick.Act.IMPOSSIBLE else ""
    task.note = note[:200]
    task.ended_at, task.ended_by = at, by
    task.save(update_fields=["state", "reason", "note", "ended_at", "ended_by"])
    rises.withdraw(task)


def _put_off(task, until, by, at):
    """It is due then, and late as long after as it would have been. What is due later anyway stays where it is."""
    _refuse_ended(task)
    if until not in Until.values:
        raise Refused(_("Say until when: an hour, this evening or tomorrow."), code="until_missing", status=400)
    lasts = task.late_at - task.due_at
    task.due_at = max(task.due_at, moment_of(until, by.tenant, at))
    task.late_at = task.due_at + lasts
    task.save(update_fields=["due_at", "late_at"])
    rises.again([task])


def moment_of(until, tenant, at):
    """On the tenant's wall. Who says «this evening» in the evening means in an hour."""
    day = at.astimezone(tenant.zone).date()
    if until == Until.TOMORROW:
        return instant(datetime.datetime.combine(day + datetime.timedelta(days=1), MORNING), tenant.zone)
    in_an_hour = (at + HOUR).replace(second=0, microsecond=0)
    if until == Until.EVENING:
        return max(in_an_hour, instant(datetime.datetime.combine(day, EVENING), tenant.zone))
    return in_an_hour


def _already(task):
    words = {"who": task.ended_by, "when": date_format(task.ended_at.astimezone(task.ended_by.tenant.zone), "H:i")}
    if task.state == Task.State.DONE:
        return _("%(who)s did this already, at %(when)s.") % words
    return _("%(who)s marked this as not possible, at %(when)s.") % words


def _take_back(task, by):
    last = task.ticks.order_by("-at", "-id").first()
    if task.state == Task.State.OPEN and last and last.act == Tick.Act.LATER:
        return _put_back(task, last, by)
    return _reopen(task, by)


def _put_back(task, last, by):
    """Due when it was before it was put off."""
    _refuse_others(last.seat, by)
    fact = Event.objects.of(task).filter(kind="task.later").newest_first().first()
    if fact and fact.before:
        task.due_at, task.late_at = (datetime.datetime.fromisoformat(fact.before[name]) for name in ("due_at", "late_at"))
        task.save(update_fields=["due_at", "late_at"])
        rises.again([task])


def _refuse_others(seat, by):
    if seat.pk != by.pk and not rights.sees_all(by, "tasks"):
        raise Refused(_("%(who)s did this; only they or the owner take it back.") % {"who": seat}, code="not_yours")


def _reopen(task, by):
    if task.state not in (Task.State.DONE, Task.State.IMPOSSIBLE):
        raise Refused(_("This task is open; there is nothing to take back."), code="nothing_to_undo")
    _refuse_others(task.ended_by, by)
    if Move.objects.filter(task=task, state=Move.State.JOINED).exclude(reshuffle=None).exists():
        raise Refused(_("This member has joined the new group already."), code="already_joined")
    if Move.objects.filter(task=task, state=Move.State.KEPT).exists():
        raise Refused(_("This member keeps the old group by now. The trail takes that back."), code="keeps_group")
    pairs.refuse_under_a_later_one(task)
    task.state, task.reason, task.note, task.ended_at, task.ended_by = Task.State.OPEN, "", "", None, None
    task.save(update_fields=["state", "reason", "note", "ended_at", "ended_by"])
    rises.again([task])


@guards(Task.Kind.MOVE)
def nobody_was_asked_anew(task, act, *, reason, note):
    """Whose move has another task by now, or is no more, is not asked by this one again; nor is anybody once the half-year has begun."""
    if act != Tick.Act.UNDO or task.state not in (Task.State.DONE, Task.State.IMPOSSIBLE):
        return
    move = Move.objects.filter(task=task).select_related("reshuffle").first()
    if move is None:
        raise Refused(_("This was handed out anew or taken back since, so the old task stays as it ended."), code="asked_anew")
    if move.reshuffle and move.reshuffle.state == Reshuffle.State.DONE and move.state not in (Move.State.JOINED, Move.State.KEPT):
        raise Refused(_("The half-year has begun since, so the task stays as it ended."), code="half_year_begun")


@transaction.atomic
def prove(task_id, upload, *, by):
    """A photo that shows what was done. Another one takes its place."""
    task = _of(task_id, by)
    if task.state == Task.State.WITHDRAWN:
        _refuse_ended(task)
    if upload is None:
        raise Refused(_("Choose a photo first."), code="no_file", status=400)
    files.check(upload, most=HEAVIEST_PROOF, types=files.SHOWN)
    photo = files.keep(pictures.as_jpeg(upload, side=PROOF_SIDE), "proof", by=by, most=HEAVIEST_PROOF)
    before, task.proof = task.proof, photo
    task.save(update_fields=["proof"])
    if before:
        files.drop(before)
    events.note("task.proved", task, by=by, member=task.member_id)
    return task


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
