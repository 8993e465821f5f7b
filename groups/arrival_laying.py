"""The steps of an arrival as rows: laid out for an evening, taken down, held while somebody acts on them."""

import datetime

from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import effects
from crm.tenancy.refusals import Refused
from members.models import Introduction, Member

from . import callers, delivery, evenings, rises
from .models import Arrival, ArrivalStep, Push, Task

Kind, State = ArrivalStep.Kind, ArrivalStep.State
ORDER = (Kind.ANNOUNCE, Kind.PACKET, Kind.INTRODUCTION, Kind.WELCOME, Kind.CHAIN)
A_MINUTE = datetime.timedelta(minutes=1)
AHEAD = {Kind.ANNOUNCE: 60, Kind.CHASE: 120}  # minutes before they enter
CAUSE = "arrival-step"  # of a push


def introduced(members):
    """Of these, who has said who they are: by the form, or as we knew it before."""
    sent = Q(introductions__state__in=(Introduction.State.SENT, Introduction.State.TAKEN))
    known = ~Q(offers="") | ~Q(seeks="")
    return set(Member.objects.filter(Q(pk__in=members) & (sent | known)).values_list("pk", flat=True))


def lay_out(arrival, tenant):
    """All steps of a planned arrival, once each. Planned anew, those that have not ended wait for the new evening."""
    known = {step.kind: step for step in arrival.steps.all()}
    enters, moment = evenings.moment(arrival.day, arrival.at, tenant), now()
    has_said = arrival.member_id in introduced([arrival.member_id])
    withdraw([step for step in known.values() if step.kind != Kind.FORM])
    fresh, again = [], []
    for kind in Kind.values:
        step = known.get(kind) or ArrivalStep(arrival=arrival, kind=kind, number=ORDER.index(kind) + 1 if kind in ORDER else 0)
        if kind == Kind.ANNOUNCE and _told_another_evening(step, known, arrival, tenant):
            step.task, step.ended_at, step.because = None, None, ""
        elif step.is_ended or (kind == Kind.FORM and kind in known and step.state != State.WITHDRAWN):
            continue
        step.due_at = max(due_at(kind, enters, moment), moment)
        step.state = _begins_as(kind, has_said, arrival, enters, moment)
        (again if kind in known else fresh).append(step)
    ArrivalStep.objects.bulk_create(fresh)
    ArrivalStep.objects.bulk_update(again, ["due_at", "state", "task", "ended_at", "because"])
    for step in [*fresh, *again]:
        if step.state == State.WAITING and step.due_at <= moment:
            effects.nudge(step)


def _told_another_evening(step, known, arrival, tenant):
    """The group was told of an evening on which they did not come, and nothing was done since: it is told anew."""
    is_last = not any(each.is_ended and each.number > step.number for each in known.values())
    return step.is_ended and is_last and step.due_at.astimezone(tenant.zone).date() != arrival.day


def due_at(kind, enters, moment):
    return moment if kind == Kind.FORM else enters - AHEAD.get(kind, 0) * A_MINUTE


def _begins_as(kind, has_said, arrival, enters, moment):
    if kind in (Kind.FORM, Kind.CHASE):
        is_too_late = kind == Kind.CHASE and (arrival.is_urgent or enters - moment < AHEAD[kind] * A_MINUTE)
        return State.WITHDRAWN if has_said or is_too_late else State.WAITING
    return State.WAITING if kind == ORDER[0] else State.BARRED


def take_down(arrival, *, by=None):
    """Nothing of it is done any more; what was done stays done."""
    steps = list(arrival.steps.all())
    withdraw(steps, by=by)
    arrival.steps.filter(pk__in=[step.pk for step in steps if not step.is_ended]).update(state=State.WITHDRAWN)
    callers.free(arrival)


def withdraw(steps, *, by=None):
    for step in steps:
        if step.kind == Kind.ANNOUNCE and step.state == State.HANDED_OUT:
            for push in pushes(step).filter(state__in=delivery.UNDER_WAY):
                delivery.withdraw(push, by=by)
    ids = [step.task_id for step in steps if step.task_id and step.state == State.HANDED_OUT]
    open_ones = list(Task.objects.open().select_for_update(of=["self"]).filter(pk__in=ids))
    Task.objects.filter(pk__in=[task.pk for task in open_ones]).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    for task in open_ones:
        rises.withdraw(task)


def hold(arrival):
    """The arrival and what is to do for it, held: the tasks first, as a tick does it, then its messages, as who sends them does it."""
    theirs = Task.objects.open().filter(arrival_steps__arrival=arrival).select_for_update(of=["self"])
    ids = set(theirs.order_by("pk").values_list("pk", flat=True))
    for step in ArrivalStep.objects.filter(arrival=arrival, kind=Kind.ANNOUNCE):
        list(pushes(step).select_for_update(of=["self"]).order_by("pk").values_list("pk"))
    found = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=arrival.pk)
    if set(Task.objects.open().filter(arrival_steps__arrival=arrival).values_list("pk", flat=True)) != ids:
        raise Refused(_("Somebody has just done a step of it. Look again."), code="changed_meanwhile")
    return found


def pushes(step):
    return Push.objects.filter(cause__startswith=f"{CAUSE}:{step.pk}:")


def mark(step, **fields):
    for name, value in fields.items():
        setattr(step, name, value)
    step.save(update_fields=list(fields))
