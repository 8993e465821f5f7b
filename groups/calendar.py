"""The half-years of a matrix, laid out ahead as rows: when its plan is proposed and when it begins."""

import datetime
from contextlib import suppress
from functools import lru_cache

from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import community
from crm.tenancy.refusals import Refused

from .models import CalendarStep, Cohort, Reshuffle, Wave

PROPOSED_AT = datetime.time(9)
BEGINS_AT = datetime.time(0)
HANDED_OUT_AT = datetime.time(9)
SECOND = datetime.timedelta(seconds=1)


def half_of(day):
    return day.year, 1 if day.month < 7 else 2


def following(year, half):
    return (year, 2) if half == 1 else (year + 1, 1)


def present(matrix):
    return Cohort.objects.filter(matrix=matrix, state=Cohort.State.CURRENT).first()


def lay_out(matrix, tenant):
    """The next half-year with its steps; twice changes nothing. Returns its reshuffle, or None where nobody was placed yet."""
    current = present(matrix)
    if current is None or not matrix.is_reshuffled:
        return None
    # A history that ends years ago is followed by the half-year that comes next, not by all those it missed.
    year, half = following(current.year, current.half)
    if not _was_taken_back(matrix, year, half):
        year, half = max((year, half), following(*half_of(tenant.today())))
    cohort, _made = Cohort.objects.get_or_create(matrix=matrix, year=year, half=half)
    reshuffle, _made = Reshuffle.objects.get_or_create(matrix=matrix, cohort=cohort)
    moments = {
        CalendarStep.Kind.PROPOSE: proposed_at(cohort, matrix.lead_days),
        CalendarStep.Kind.BEGIN: datetime.datetime.combine(cohort.begins_on, BEGINS_AT),
    }
    CalendarStep.objects.bulk_create([_step(cohort, kind, moment, tenant) for kind, moment in moments.items()], ignore_conflicts=True)
    return reshuffle


def lay_out_anew(matrix, tenant):
    """As `lay_out`; returns the ids of half-years that were not there before."""
    known = set(matrix.cohorts.values_list("pk", flat=True))
    reshuffle = lay_out(matrix, tenant)
    return [reshuffle.cohort_id] if reshuffle and reshuffle.cohort_id not in known else []


def _was_taken_back(matrix, year, half):
    """A half-year that has begun once and was rolled back is still to be made, also while its months run."""
    steps = CalendarStep.objects.filter(cohort__matrix=matrix, cohort__year=year, cohort__half=half, cohort__reshuffles__state="open")
    return steps.filter(kind=CalendarStep.Kind.BEGIN, state=CalendarStep.State.PASSED).exists()


def begin_late(cohort, last_day, tenant):
    """A half-year that was taken back begins by itself on the day after its last wave."""
    moment = datetime.datetime.combine(last_day + datetime.timedelta(days=1), BEGINS_AT)
    fields = {"wall_time": moment.replace(tzinfo=datetime.UTC), "due_at": instant(moment, tenant.zone), "time_zone": tenant.time_zone}
    passed = CalendarStep.objects.filter(cohort=cohort, kind=CalendarStep.Kind.BEGIN, state=CalendarStep.State.PASSED)
    passed.update(state=CalendarStep.State.WAITING, **fields)


def proposed_at(cohort, lead_days):
    """On the tenant's wall."""
    return datetime.datetime.combine(cohort.begins_on - datetime.timedelta(days=lead_days), PROPOSED_AT)


def waiting(matrix):
    """What the calendar will still do for a matrix, soonest first."""
    steps = CalendarStep.objects.filter(cohort__matrix=matrix, state=CalendarStep.State.WAITING)
    return steps.select_related("cohort").order_by("due_at")


def put_off(matrix, tenant):
    """Other lead days: the plan that was not proposed yet is proposed on another day, at once where that is over."""
    for step in waiting(matrix).filter(kind=CalendarStep.Kind.PROPOSE):
        moment = proposed_at(step.cohort, matrix.lead_days)
        fields = {"wall_time": moment.replace(tzinfo=datetime.UTC), "due_at": instant(moment, tenant.zone), "time_zone": tenant.time_zone}
        CalendarStep.objects.filter(pk=step.pk, state=CalendarStep.State.WAITING).update(**fields)


def take_down(matrix):
    """A matrix that is no longer reshuffled has nothing ahead; what was done stays."""
    waiting(matrix).delete()


def take_away(cohorts):
    """Half-years that were laid out ahead of somebody who is not placed after all, unless somebody has begun to work on them."""
    worked_on = Q(drafts__isnull=False) | Q(waves__isnull=False) | Q(moves__isnull=False) | ~Q(state=Reshuffle.State.OPEN)
    planned = Cohort.objects.filter(pk__in=cohorts, state=Cohort.State.PLANNED).exclude(matrix__cohorts__state=Cohort.State.CURRENT)
    for cohort in planned:
        has_begun = cohort.steps.exclude(state=CalendarStep.State.WAITING).exists()
        if has_begun or cohort.reshuffles.filter(worked_on).exists():
            continue
        with suppress(ProtectedError), transaction.atomic():  # a further room may hold on to it
            cohort.reshuffles.all().delete()
            cohort.delete()


def in_another_zone(zone):
    """What has not begun keeps its wall time: steps of the calendar, and waves still to be handed out. Tasks were handed out already."""
    steps = CalendarStep.objects.filter(state=CalendarStep.State.WAITING).select_related("cohort__matrix")
    for step in steps:
        words = {"matrix": step.cohort.matrix.name, "what": step.get_kind_display(), "half": step.cohort.name}
        label = _("%(matrix)s: %(what)s, %(half)s") % words
        yield community.Moved(step, label, instant(step.wall_time.replace(tzinfo=None), zone), {"time_zone": str(zone)})
    for wave in Wave.objects.filter(state=Wave.State.WAITING).select_related("assistant__user", "reshuffle__matrix"):
        label = _("%(matrix)s: tasks for %(assistant)s") % {"matrix": wave.reshuffle.matrix.name, "assistant": wave.assistant}
        yield community.Moved(wave, label, instant(datetime.datetime.combine(wave.day, HANDED_OUT_AT), zone))


community.ON_ZONE_CHANGE.append(in_another_zone)


def _step(cohort, kind, moment, tenant):
    """`wall_time` is what a clock on the tenant's wall says, whatever the zone; `due_at` the instant."""
    wall = moment.replace(tzinfo=datetime.UTC)
    return CalendarStep(cohort=cohort, kind=kind, wall_time=wall, time_zone=tenant.time_zone, due_at=instant(moment, tenant.zone))


@lru_cache(maxsize=4096)  # all groups of a tenant share these moments
def instant(moment, zone):
    """An hour that the clock skips becomes the next valid minute, one that it repeats its first."""
    try:
        return _instant(moment, zone)
    except OverflowError:  # the last evening of the year 9999
        raise Refused(_("There is no such day."), code="no_such_day", status=400) from None


def _instant(moment, zone):
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) == moment:
        return first.astimezone(datetime.UTC)
    # Skipped: before the gap by the new offset, behind it by the old one. The clock is turned somewhere between the two.
    before, behind = (moment.replace(tzinfo=datetime.UTC) - each.utcoffset() for each in (second, first))
    while behind - before > SECOND:
        middle = before + (behind - before) // 2
        if middle.astimezone(zone).utcoffset() == first.utcoffset():
            before = middle
        else:
            behind = middle
    return behind.replace(microsecond=0)


def claim(step, as_state):
    """Whoever flips the state owns the step."""
    waiting = CalendarStep.objects.filter(pk=step, state=CalendarStep.State.WAITING, due_at__lte=now())
    return waiting.update(state=as_state) == 1
