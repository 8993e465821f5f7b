"""The half-years of a matrix, laid out ahead as rows: when its plan is proposed and when it begins."""

import datetime

from django.utils.timezone import now

from .models import CalendarStep, Cohort, Reshuffle

PROPOSED_AT = datetime.time(9)
BEGINS_AT = datetime.time(0)


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
    year, half = max(following(current.year, current.half), following(*half_of(tenant.today())))
    cohort, _ = Cohort.objects.get_or_create(matrix=matrix, year=year, half=half)
    reshuffle, _ = Reshuffle.objects.get_or_create(matrix=matrix, cohort=cohort)
    propose_on = cohort.begins_on - datetime.timedelta(days=matrix.lead_days)
    moments = {
        CalendarStep.Kind.PROPOSE: datetime.datetime.combine(propose_on, PROPOSED_AT),
        CalendarStep.Kind.BEGIN: datetime.datetime.combine(cohort.begins_on, BEGINS_AT),
    }
    CalendarStep.objects.bulk_create([_step(cohort, kind, moment, tenant) for kind, moment in moments.items()], ignore_conflicts=True)
    return reshuffle


def _step(cohort, kind, moment, tenant):
    """`wall_time` is what a clock on the tenant's wall says, whatever the zone; `due_at` the instant."""
    wall = moment.replace(tzinfo=datetime.UTC)
    return CalendarStep(cohort=cohort, kind=kind, wall_time=wall, time_zone=tenant.time_zone, due_at=instant(moment, tenant.zone))


def instant(moment, zone):
    """An hour that the clock skips becomes the next valid minute, one that it repeats its first."""
    local = moment.replace(tzinfo=zone, fold=0)
    back = local.astimezone(datetime.UTC).astimezone(zone)
    return (back if back.replace(tzinfo=None) != moment else local).astimezone(datetime.UTC)


def claim(step, as_state):
    """Whoever flips the state owns the step."""
    waiting = CalendarStep.objects.filter(pk=step, state=CalendarStep.State.WAITING, due_at__lte=now())
    return waiting.update(state=as_state) == 1
