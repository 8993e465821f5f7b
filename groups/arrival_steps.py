"""The steps of an arrival, each an assistant's task, held in their order: the next one is handed out when the one ahead has ended.

The red packet goes before the words: after them, the scramble buries what was said. Who wants it otherwise skips a step with a reason.
Somebody sits in the group from the introduction on: the packet is sent before anybody has come, and may still come to nothing; who
is introduced is there.
"""

import uuid

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.refusals import Refused
from members.models import Member

from . import answering, calendar, callers, delivery, tasks
from .arrival_handing import hand_out, of_tenant, rewrite
from .arrival_laying import CAUSE, hold, mark, withdraw
from .models import Arrival, ArrivalStep, Cohort, Placement, Push, Task, Tick
from .names import as_number

Kind, State = ArrivalStep.Kind, ArrivalStep.State
LONGEST_REASON = 200
LONGEST_CHAIN = 9999


# The order


def _neighbours(step):
    """(the first one ahead that has not ended, the first one after it that has)"""
    if not step.number:
        return None, None
    others = list(ArrivalStep.objects.filter(arrival=step.arrival_id, number__gt=0).order_by("number"))
    ahead = next((each for each in others if each.number < step.number and not each.is_ended), None)
    after = next((each for each in others if each.number > step.number and each.is_ended), None)
    return ahead, after


def refuse_out_of_order(step):
    ahead, _after = _neighbours(step)
    if ahead:
        words = {"ahead": ahead.get_kind_display(), "step": step.get_kind_display()}
        sentence = _("First comes “%(ahead)s”, then “%(step)s”. Do that one, or skip it with a reason.") % words
        raise Refused(sentence, code="not_its_turn", step=str(ahead.pk))


def _refuse_under_a_later_one(step):
    _ahead, after = _neighbours(step)
    if after:
        sentence = _("“%(step)s” was done after it. Take that back first.") % {"step": after.get_kind_display()}
        raise Refused(sentence, code="later_step_done", step=str(after.pk))


@tasks.guards(Task.Kind.ARRIVAL)
def order_is_held(task, act, *, reason, note):
    """Whatever the door: no step before the one ahead of it has ended, none taken back under a later one, none skipped without a word."""
    step = ArrivalStep.objects.filter(task=task).first()
    if step is None:
        return
    if act == Tick.Act.UNDO:
        if task.state in (Task.State.DONE, Task.State.IMPOSSIBLE):
            # Who ticks one of them now has it before the arrival, and so must who takes it away.
            later = Task.objects.open().filter(arrival_steps__arrival=step.arrival_id, arrival_steps__number__gt=step.number)
            list(later.select_for_update(of=["self"]).order_by("pk").values_list("pk"))
            _refuse_under_a_later_one(step)
    elif act in (Tick.Act.DONE, Tick.Act.IMPOSSIBLE):
        refuse_out_of_order(step)
        if act == Tick.Act.IMPOSSIBLE and reason == Task.Reason.OTHER and not note.strip():
            raise Refused(_("Say in a few words why it is skipped."), code="reason_missing", status=400, field="because")
        if act == Tick.Act.DONE and step.kind == Kind.CHAIN and note.strip():
            length_of(note)


def length_of(text):
    """Of a greeting chain."""
    length = as_number(text, -1)
    if not 0 <= length <= LONGEST_CHAIN:
        sentence = _("The length of the chain is a number from 0 to %(most)s.") % {"most": f"{LONGEST_CHAIN:,}"}
        raise Refused(sentence, code="no_length", status=400, field="length")
    return length


@delivery.heard(CAUSE)
def step_of_push(push):
    """What became of an announcement that a robot, or somebody in its place, was to send."""
    step = ArrivalStep.objects.filter(pk=push.cause.split(":")[1]).first()
    if step is None or push.state in (Push.State.WAITING, Push.State.SENDING, Push.State.WITHDRAWN, Push.State.UNSURE):
        return
    arrival = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=step.arrival_id)
    if push.state == Push.State.BY_HAND:
        _refuse_under_a_later_one(step)
        if step.is_ended:
            _reopened(step, arrival, None)
        mark(step, state=State.HANDED_OUT, task=push.task)
    elif push.state == Push.State.SENT:
        _ended(step, arrival, None, at=push.sent_at or now())
    elif push.task_id and push.task.state == Task.State.IMPOSSIBLE:
        _ended(step, arrival, None, at=now(), is_done=False, because=push.task.note or push.task.reason, code=push.task.reason)


@tasks.follows(Task.Kind.ARRIVAL)
def step_of_task(task, *, by):
    """What the tick says of the step that the task carries."""
    step = ArrivalStep.objects.filter(task=task).first()
    if step is None:
        return
    arrival = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=step.arrival_id)
    # Once more: somebody may have done another step while we waited for the arrival.
    (_refuse_under_a_later_one if task.state == Task.State.OPEN else refuse_out_of_order)(step)
    if task.state == Task.State.OPEN:
        _reopened(step, arrival, by)
    elif task.state == Task.State.DONE:
        _ended(step, arrival, by, at=task.ended_at, note=task.note)
    else:
        _ended(step, arrival, by, at=task.ended_at, is_done=False, because=task.note or task.reason, code=task.reason)


def _ended(step, arrival, by, *, at, is_done=True, because="", code="", note=""):
    tenant = of_tenant()
    mark(step, state=State.DONE if is_done else State.SKIPPED, ended_at=at, because=because)
    if not is_done:
        events.note("arrival.step_skipped", arrival, by=by, member=arrival.member_id, because=code, after={"step": step.kind})
    if step.kind == Kind.INTRODUCTION:
        _seat(arrival, tenant, by)
    elif step.kind == Kind.WELCOME:
        _welcomed(arrival, is_done, at, by)
    elif step.kind == Kind.CHAIN and is_done and note:
        _chain(arrival, length_of(note), by)
    following = arrival.steps.filter(number=step.number + 1, state=State.BARRED).first() if step.number else None
    if following:
        following.state = State.WAITING
        following.save(update_fields=["state"])
        if following.due_at <= now() or step.kind != Kind.ANNOUNCE:  # once the evening of somebody has begun, it goes on
            hand_out(following, arrival, tenant)


def _reopened(step, arrival, by):
    mark(step, state=State.HANDED_OUT, ended_at=None, because="")
    if step.kind == Kind.INTRODUCTION:
        _unseat(arrival, by)
    elif step.kind == Kind.WELCOME:
        answering.put_back(arrival, {}, by=by)
        Arrival.objects.filter(pk=arrival.pk).update(state=Arrival.State.PLANNED, welcomed_at=None)
        if not arrival.callings.exists():  # it was skipped, and its people were free in the meantime
            callers.name(arrival, of_tenant())
            rewrite(step, arrival, of_tenant())
    elif step.kind == Kind.CHAIN:
        Arrival.objects.filter(pk=arrival.pk).update(chain=None)
    for later in arrival.steps.filter(number__gt=step.number, state__in=[State.WAITING, State.HANDED_OUT]) if step.number else ():
        withdraw([later], by=by)
        if later.kind == Kind.WELCOME:
            callers.free(arrival)
        mark(later, state=State.BARRED)


# What a step does


def _seat(arrival, tenant, by):
    """They sit in the group now. Who sits in another one of the matrix by now stays there."""
    Member.objects.select_for_update(no_key=True).get(pk=arrival.member_id)
    if Placement.objects.open().filter(member=arrival.member_id, matrix=arrival.matrix_id).exists():
        return
    placement = Placement.objects.create(
        member=arrival.member, group=arrival.group, matrix=arrival.matrix, cohort=_present(arrival.matrix, tenant), since=tenant.today()
    )
    Arrival.objects.filter(pk=arrival.pk).update(placement=placement)
    events.note("arrival.entered", arrival, by=by, member=arrival.member_id, after={"group": str(arrival.group_id)})


def _present(matrix, tenant):
    """The half-year that runs; where nobody was placed yet, it begins with the first newcomer."""
    if found := calendar.present(matrix):
        return found
    year, half = calendar.half_of(tenant.today())
    return Cohort.objects.update_or_create(matrix=matrix, year=year, half=half, defaults={"state": Cohort.State.CURRENT})[0]


def _unseat(arrival, by):
    placement = Placement.objects.open().filter(pk=arrival.placement_id, group=arrival.group_id).first()
    if placement:
        Arrival.objects.filter(pk=arrival.pk).update(placement=None)
        placement.delete()
        events.note("arrival.left_again", arrival, by=by, member=arrival.member_id, before={"group": str(arrival.group_id)})


def _welcomed(arrival, is_done, at, by):
    state = Arrival.State.WELCOMED if is_done else Arrival.State.ENTERED
    Arrival.objects.filter(pk=arrival.pk).update(state=state, welcomed_at=at if is_done else None)
    if is_done:
        named = arrival.callings.count()
        events.note("arrival.welcomed", arrival, by=by, member=arrival.member_id, after={"group": str(arrival.group_id), "named": named})
    else:
        callers.free(arrival)


def _chain(arrival, length, by):
    Arrival.objects.filter(pk=arrival.pk).update(chain=length)
    events.note("arrival.chain_noted", arrival, by=by, member=arrival.member_id, after={"length": length})


# Acts on a step, from a desk or a program: the same ticks as on a phone


@transaction.atomic
def done(step, *, by, length=None):
    note = "" if length in (None, "") else str(length_of(length))
    return _tick(step, Tick.Act.DONE, by, note=note)


@transaction.atomic
def skip(step, because, *, by):
    because = " ".join(str(because or "").replace("\0", "").split())
    if not because or len(because) > LONGEST_REASON:
        sentence = _("Say why it is skipped, in %(most)s characters at most.") % {"most": LONGEST_REASON}
        raise Refused(sentence, code="reason_missing", status=400, field="because")
    return _tick(step, Tick.Act.IMPOSSIBLE, by, reason=Task.Reason.OTHER, note=because)


@transaction.atomic
def undo(step, *, by):
    if step.task_id is None:
        raise Refused(_("This step was not done yet; there is nothing to take back."), code="nothing_to_undo")
    return _tick(step, Tick.Act.UNDO, by)


def _tick(step, act, by, **more):
    """What comes next may be done before its time; then its task is made for it now."""
    if step.task_id is None or step.state in (State.WAITING, State.BARRED):
        arrival = hold(step.arrival)
        if arrival.day is None:
            raise Refused(_("They have no evening yet; plan one first."), code="not_planned")
        step = ArrivalStep.objects.get(pk=step.pk)
        refuse_out_of_order(step)
        if step.state == State.WAITING:
            hand_out(step, arrival, of_tenant())
    if step.task_id is None and step.state == State.HANDED_OUT:
        raise Refused(_("A robot of the group sends this; it is done when it has gone out."), code="robot_sends_it")
    if step.task_id is None:
        raise Refused(_("This step is not to be done any more."), code="withdrawn")
    tasks.tick(step.task_id, act, uuid.uuid4(), by=by, **more)
    return ArrivalStep.objects.select_related("arrival").get(pk=step.pk)
