"""When newcomers enter, as the community has it: from when until when, how many, how far apart; and how often somebody is named."""

import datetime

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import changes
from crm.tenancy.refusals import Refused

from . import handing
from .calendar import instant
from .models import Evenings

KINDS = dict.fromkeys(["begins", "ends", "cap", "minutes_between", "callers", "calls_a_week", "rest_days"], "evenings.set")
LIMITS = {"cap": (1, 60), "minutes_between": (1, 60), "callers": (3, 5), "calls_a_week": (1, 7), "rest_days": (0, 180)}
A_MINUTE = datetime.timedelta(minutes=1)


def of_tenant():
    """As they are; what nobody has said yet is the house's."""
    return Evenings.objects.first() or Evenings()


def held():
    """The same, under the lock of the tenant: who plans waits for others who plan, so no evening takes more than it may, and for whoever
    closes a group, so nobody is planned into one that is closed at this moment."""
    handing.locked()
    return Evenings.objects.get_or_create()[0]


@transaction.atomic
def change(wanted, *, by, seen=None):
    """What is planned stays as it is; the next ones follow."""
    row = held()
    wanted = {name: check(name, value) for name, value in wanted.items()}
    begins, ends = wanted.get("begins", row.begins), wanted.get("ends", row.ends)
    if begins >= ends:
        sentence = _("The evening ends after it begins, on the same day.")
        raise Refused(sentence, code="ends_before_it_begins", status=400, field="ends")
    return changes.change(row, wanted, KINDS, by=by, seen=seen)


def check(name, value):
    if name in LIMITS:
        least, most = LIMITS[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            words = {"least": least, "most": most}
            sentence = _("A number from %(least)s to %(most)s.") % words
            raise Refused(sentence, code="out_of_range", status=400, field=name, proposal=Evenings._meta.get_field(name).default)
    return value


def times(evenings):
    """When one after another enters: as many as fit between the first and the last minute."""
    day, found = datetime.date(2000, 1, 1), []
    moment, end = (datetime.datetime.combine(day, at) for at in (evenings.begins, evenings.ends))
    while moment < end:
        found.append(moment.time())
        moment += evenings.minutes_between * A_MINUTE
    return found


def free_time(evenings, day, taken, tenant):
    """The first time of this evening that is neither taken nor over; None where there is none."""
    wall = now().astimezone(tenant.zone)
    open_ones = [at for at in times(evenings) if at not in taken and (day > wall.date() or at >= wall.time())]
    return open_ones[0] if open_ones else None


def is_over(evenings, day, tenant):
    wall = now().astimezone(tenant.zone)
    return day < wall.date() or (day == wall.date() and wall.time() >= evenings.ends)


def moment(day, at, tenant):
    return instant(datetime.datetime.combine(day, at), tenant.zone)
