"""Handing tasks over: some of them, or what somebody has to do today or this week, in one move with one way back."""

import datetime
from collections import defaultdict

from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import events
from crm.tenancy.models import Event, Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from .calendar import instant
from .models import Group, Task
from .names import as_uuid

HANDED_OVER, STANDS_IN = "tasks.handed_over", "tasks.stood_in"
SEAT_ENDED = "seat_ended"
FIRST_THE_PACKET = F("after").asc(nulls_first=True)  # in this order a tick holds the two


class Span(models.TextChoices):
    """How much of what somebody has to do."""

    TODAY = "today", gettext_lazy("today")
    WEEK = "week", gettext_lazy("this week")
    ALL = "all", gettext_lazy("everything")


def of(seat, span, tenant):
    """What this seat has to do until the end of the day or the week; what is late from before is of today."""
    if span not in Span.values:
        raise Refused(_("Say how much: today, this week or everything."), code="no_such_span", status=400, field="span")
    found, until = Task.objects.open().of(seat), day_after(span, tenant)
    return found.filter(due_at__lt=instant(datetime.datetime.combine(until, datetime.time(0)), tenant.zone)) if until else found


def day_after(span, tenant):
    """The first day that is not of it; None: everything is."""
    today = tenant.today()
    days = {Span.TODAY: 1, Span.WEEK: 7 - today.weekday()}
    return today + datetime.timedelta(days=days[span]) if span in days else None


@transaction.atomic
def hand_over(found, to, *, by, because=""):
    """These open tasks are theirs from now on, each with what waits for it. Returns the fact, by which it is taken back."""
    to = who_works(to)
    whose = hold(found, to)
    if not whose:
        raise nothing()
    return give(whose, to, by=by, because=because)


def hold(found, to):
    """{task's id: seat's id} of the open ones that are somebody else's, each with what waits for it. No tick of them meanwhile."""
    open_ones = found.open().order_by().values("pk")
    with_pairs = Task.objects.filter(Q(pk__in=open_ones) | Q(after__in=open_ones, state=Task.State.BARRED)).exclude(assistant=to)
    return {str(task.pk): str(task.assistant_id) for task in with_pairs.order_by(FIRST_THE_PACKET, "id").select_for_update(of=["self"])}


def give(whose, to, *, by, because="", kind=HANDED_OVER, ahead=None):
    """What is held is theirs. `ahead` is what went along of the days to come, as `groups.ahead` says it."""
    Task.objects.filter(pk__in=whose).update(assistant=to)
    after = {"assistant": str(to.pk), "tasks": len(whose)}
    return events.note(kind, to, by=by, because=because, before={"whose": whose} | (ahead or {}), after=after)


def nothing():
    return Refused(_("None of these tasks is open and somebody else's, so nothing changes hands."), code="nothing_to_hand_over")


def who_works(pk, field="give_to"):
    """A seat that stands and works."""
    seat = Seat.objects.standing().filter(tenant_id=active_tenant(), pk=as_uuid(pk)).select_related("user").first()
    if seat is None:
        raise Refused(_("This seat was taken away; choose another one."), code="seat_ended", field=field)
    if seat.role == Seat.Role.VIEWER:
        raise Refused(_("A viewer does no work; choose another role."), code="viewer_works_not", field=field)
    return seat


def loads(tenant):
    """{seat: minutes of work to do}, of everybody who works, the freest first; owners last, since the work is kept from them."""
    minutes = dict(Task.objects.unended().order_by().values_list("assistant").annotate(Sum("minutes")))
    return in_order(Seat.objects.filter(tenant=tenant).select_related("user").order_by("id"), minutes)


def in_order(seats, minutes):
    """The same of seats and minutes that are known already."""
    found = {seat: minutes.get(seat.pk, 0) for seat in seats if seat.works}
    return dict(sorted(found.items(), key=lambda pair: (pair[0].is_owner, pair[1])))


def freest(tenant, but=()):
    """Whoever has least to do, leaving out these seats; None where only the owner works beside them."""
    today = tenant.today()
    return next((seat for seat in loads(tenant) if seat.pk not in but and not seat.is_owner and not seat.is_stood_in_for(today)), None)


# A seat that ends, or only looks on from now on, leaves nothing undone


@transaction.atomic
def scatter(seat, *, by):
    free = {each: minutes for each, minutes in loads(Tenant.objects.get(pk=active_tenant())).items() if each.pk != seat.pk}
    _deal(Task.objects.open().of(seat), free, by)


def give_on(tasks, tenant):
    """Of these, which are open again, what is somebody's who works no more goes as it had gone when they left."""
    working = Seat.objects.standing().filter(tenant=tenant).exclude(role=Seat.Role.VIEWER)
    left = Task.objects.open().filter(pk__in=[task.pk for task in tasks]).exclude(assistant__in=working.values("pk"))
    if left.exists():
        _deal(left, loads(tenant), None)


def _deal(tasks, free, by):
    """Each chat's go to whoever works for it now, else to whoever is free; a chat stays in one hand."""
    piles = defaultdict(list)
    for pk, group, minutes in tasks.order_by("due_at", "id").values_list("pk", "group", "minutes"):
        piles[group].append((pk, minutes))
    assistants = dict(Group.objects.filter(pk__in=filter(None, piles)).values_list("pk", "assistant_id"))
    goes = defaultdict(list)
    for group, pile in piles.items() if free else ():
        to = next((each for each in free if each.pk == assistants.get(group)), None)
        to = to or min(free, key=lambda each: (each.is_owner, free[each]))
        goes[to] += [pk for pk, _minutes in pile]
        free[to] += sum(minutes for _pk, minutes in pile)
    for to, theirs in goes.items():
        hand_over(Task.objects.filter(pk__in=theirs), to.pk, by=by, because=SEAT_ENDED)


def gather(seat, since, *, by):
    """Who has the seat again has what was handed on when it ended, and is still to be done."""
    facts = list(Event.objects.filter(kind=HANDED_OVER, because=SEAT_ENDED, at__gte=since))
    for fact in [fact for fact in facts if str(seat.pk) in fact.before.get("whose", {}).values()]:
        if still_there([fact]):
            give_back(fact, by)


# Taking back


def still_there(facts):
    """Those of which some task is still open where it was handed to."""
    asked = {pk for fact in facts for pk in fact.before.get("whose", {})}
    there = set(Task.objects.unended().filter(pk__in=asked).values_list("pk", "assistant"))
    there = {(str(pk), seat) for pk, seat in there}
    return [fact.pk for fact in facts if any((pk, fact.subject) in there for pk in fact.before.get("whose", {}))]


def still_open(fact):
    """What went by this fact and is still to be done where it went, held."""
    there = Task.objects.unended().filter(pk__in=fact.before["whose"], assistant=fact.subject)
    return list(there.order_by(FIRST_THE_PACKET, "id").select_for_update(of=["self"]).values_list("pk", flat=True))


@transaction.atomic
def give_back(fact, by, and_ahead=0):
    """To whom they were; what was done meanwhile, or went on from there, stays. Who works no more gets nothing back.

    `and_ahead` is how much of the days to come is back already."""
    working = {str(seat.pk): seat for seat in loads(Tenant.objects.get(pk=active_tenant()))}
    back = defaultdict(list)
    for pk in still_open(fact):
        if (whose := fact.before["whose"][str(pk)]) in working:
            back[whose].append(pk)
    if not back and not and_ahead:
        raise Refused(_("Whoever had these tasks works here no more, so they stay where they are."), code="nobody_to_give_back_to")
    for whose, tasks in back.items():
        Task.objects.filter(pk__in=tasks).update(assistant=working[whose])
    number = sum(map(len, back.values())) + and_ahead
    whose = next(iter(back)) if back else fact.before["seat"]
    events.note("tasks.handed_back", working[whose], by=by, after={"tasks": number})
    return ngettext("%(n)s task is back where it was.", "%(n)s tasks are back where they were.", number) % {"n": f"{number:,}"}
