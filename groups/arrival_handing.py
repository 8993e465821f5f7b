"""A step that is due becomes somebody's task, or the push of a group's robot; who is named in a welcome is chosen with it."""

import datetime

from django.db import transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members import introductions
from members.models import Member

from . import arrival_words, callers, delivery, rises, waves
from .arrival_laying import CAUSE, hold, introduced, mark, pushes, take_down, withdraw
from .models import Arrival, ArrivalStep, Channel, Sticker, Task

Kind, State = ArrivalStep.Kind, ArrivalStep.State
MINUTES = {Kind.FORM: 2, Kind.CHASE: 2, Kind.ANNOUNCE: 1, Kind.PACKET: 1, Kind.INTRODUCTION: 1, Kind.WELCOME: 4, Kind.CHAIN: 1}
WITHIN = {Kind.FORM: 720, Kind.CHASE: 90, Kind.ANNOUNCE: 60, Kind.PACKET: 20, Kind.INTRODUCTION: 25, Kind.WELCOME: 30, Kind.CHAIN: 720}
A_MINUTE = datetime.timedelta(minutes=1)
LINK_DAYS = 7


def of_tenant():
    return Tenant.objects.get(pk=active_tenant())


@transaction.atomic
def keep(pk):
    """A due step becomes its task. Whoever flips the state owns it, so two sweeps make one task."""
    step = ArrivalStep.objects.filter(pk=pk, state=State.WAITING, due_at__lte=now()).first()
    if step is None:
        return
    arrival = Arrival.objects.select_related("member", "group", "matrix").get(pk=step.arrival_id)
    if is_left := _has_left(arrival):
        try:
            arrival = hold(arrival)
        except Refused:  # of a tick that was faster; the next sweep finds the step again
            return
    else:
        arrival = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=arrival.pk)
    step = ArrivalStep.objects.filter(pk=pk, state=State.WAITING, due_at__lte=now()).first()
    if step and _has_left(arrival):
        if is_left:  # else since a moment ago: the next sweep holds what is taken down first
            _left_meanwhile(arrival)
    elif step and arrival.day and arrival.state != Arrival.State.CALLED_OFF:
        hand_out(step, arrival, of_tenant())
    elif step:
        mark(step, state=State.WITHDRAWN)


def _has_left(arrival):
    return arrival.member.standing != Member.Standing.CURRENT and arrival.placement_id is None


def _left_meanwhile(arrival):
    """Whoever left the community before they entered comes no more. What is to do for them is held, with the arrival."""
    before = {"state": arrival.state, "day": arrival.day and str(arrival.day), "group": arrival.group_id and str(arrival.group_id)}
    take_down(arrival)
    Arrival.objects.filter(pk=arrival.pk).update(state=Arrival.State.CALLED_OFF)
    events.note("arrival.called_off", arrival, member=arrival.member_id, before=before)


def hand_out(step, arrival, tenant):
    """The arrival is held. A reminder that nobody needs any more is withdrawn."""
    if step.kind in (Kind.FORM, Kind.CHASE) and arrival.member_id in introduced([arrival.member_id]):
        return mark(step, state=State.WITHDRAWN)
    seat = _who_does_it(arrival, tenant)
    if step.kind == Kind.ANNOUNCE and _robots(arrival.group).exists():
        return _push(step, arrival, tenant)
    with translation.override(tenant.language):
        picture = None
        if step.kind == Kind.WELCOME:
            callers.name(arrival, tenant)
            picture = _sticker()
        text = _text(step, arrival, tenant, seat)
        if text is None:
            return mark(step, state=State.WITHDRAWN)
        known = Task.objects.filter(pk=step.task_id, kind=Task.Kind.ARRIVAL).first()
        task = _task(step, arrival, seat, text, picture, known)
    if known:
        rises.again([task], tenant)
    else:
        rises.promise([task], tenant)
    mark(step, state=State.HANDED_OUT, task=task, due_at=step.due_at, ended_at=None)
    return None


def _text(step, arrival, tenant, seat):
    """None: they have answered, so nothing is asked."""
    if step.kind not in (Kind.FORM, Kind.CHASE):
        return arrival_words.WRITES[step.kind](arrival, tenant)
    try:
        with transaction.atomic():
            _introduction, link = introductions.ask(arrival.member, by=seat, days=LINK_DAYS)
    except Refused:
        return None
    return arrival_words.form(arrival, link, tenant, LINK_DAYS)


def _task(step, arrival, seat, text, picture, known):
    due = max(step.due_at, now())
    fields = {
        "kind": Task.Kind.ARRIVAL, "group": arrival.group, "member": arrival.member, "assistant": seat, "due_at": due,
        "late_at": due + WITHIN[step.kind] * A_MINUTE, "rank": step.number, "minutes": MINUTES[step.kind],
        "title": arrival_words.title(step), "text": text, "picture": picture, "state": Task.State.OPEN, "ended_at": None,
        "ended_by": None, "reason": "", "note": "", "risen": 0,
    }  # fmt: skip
    if known is None:
        return Task.objects.create(**fields)
    Task.objects.filter(pk=known.pk).update(**fields)
    return Task.objects.get(pk=known.pk)


def _robots(group):
    return Channel.objects.open().filter(group=group, state=Channel.State.ON, text=True)


def _push(step, arrival, tenant):
    """The group's robot says it. Where it cannot, somebody is given it, and we hear of that."""
    mark(step, state=State.HANDED_OUT, task=None)
    with translation.override(tenant.language):
        title, text = arrival_words.title(step), arrival_words.announce(arrival, tenant)
    cause = f"{CAUSE}:{step.pk}:{pushes(step).count()}"  # planned anew, it is said anew
    minutes, due_at = MINUTES[step.kind], max(step.due_at, now())
    delivery.push(arrival.group, cause=cause, title=title, text=text, minutes=minutes, due_at=due_at, member=arrival.member)


def _who_does_it(arrival, tenant):
    """Whoever was given this arrival, while they work; else whoever works for the group."""
    working = Seat.objects.standing().filter(tenant=tenant).exclude(role=Seat.Role.VIEWER)
    seat = working.filter(pk=arrival.assistant_id).select_related("user").first()
    if seat is None and arrival.group_id:
        hands = waves.hands({str(arrival.group_id)}, tenant, tenant.today())
        seat = Seat.objects.select_related("user").get(pk=hands[str(arrival.group_id)])
    seat = seat or waves.free_hand(tenant)
    if seat.pk != arrival.assistant_id:
        arrival.assistant = seat
        arrival.save(update_fields=["assistant"])
    if seat.is_stood_in_for(today := tenant.today()):  # they enter when whoever has this is back
        return working.select_related("user").get(pk=waves.in_their_place(seat, working.in_bulk(), today))
    return seat


def _sticker():
    """The community's stickers take turns."""
    there = list(Sticker.objects.filter(dropped_at=None).order_by("added_at", "id").select_related("picture"))
    sent = Task.objects.filter(picture__in=[each.picture_id for each in there]).count() if there else 0
    return there[sent % len(there)].picture if there else None


def rewrite(step, arrival, tenant):
    """The welcome names other people now."""
    with translation.override(tenant.language):
        Task.objects.filter(pk=step.task_id).update(text=arrival_words.welcome(arrival, tenant))


@transaction.atomic
def chase(arrival, *, by):
    """Ask for the introduction once more, now: with another link, since nobody can read the first one again."""
    arrival = hold(arrival)
    if arrival.state not in (Arrival.State.PLANNED, Arrival.State.WAITING):
        raise Refused(_("They are in already."), code="arrival_over")
    if arrival.group_id is None:
        raise Refused(_("Plan an evening first; the link goes out with it."), code="not_planned")
    if arrival.member_id in introduced([arrival.member_id]):
        raise Refused(_("They have introduced themselves already."), code="introduced_already")
    form = arrival.steps.filter(kind=Kind.FORM, state=State.HANDED_OUT).first()
    if form:
        withdraw([form], by=by)
        mark(form, state=State.WITHDRAWN)
    step, _made = ArrivalStep.objects.get_or_create(arrival=arrival, kind=Kind.CHASE, defaults={"due_at": now()})
    withdraw([step], by=by)
    step.due_at, step.ended_at = now(), None
    hand_out(step, arrival, of_tenant())
    events.note("arrival.chased", arrival, by=by, member=arrival.member_id)
