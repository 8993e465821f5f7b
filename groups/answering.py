"""Asking back after a welcome: who of the named answered; and who rests, since they never do.

Nobody has to say it, and what nobody said counts for nothing. Who is said to have been silent three times in a row rests for as long
as the community has it, from the third naming on. When that is over, or somebody wakes them, counting begins anew; an answer ends it.
"""

import datetime
from collections import defaultdict
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from members.models import Member

from . import evenings
from .calendar import instant
from .models import Arrival, Calling

SILENCES = 3
A_DAY = datetime.timedelta(days=1)


# Who rests


def rest(namings, days):
    """Until when somebody rests, or did: of [(when named, answered)], oldest first, without those of which nothing was said."""
    silences, until = 0, None
    for at, answered in namings:
        if answered:
            silences, until = 0, None
        elif until is None or at >= until:
            silences += 1
            if silences == SILENCES:
                silences, until = 0, at + days * A_DAY
    return until


def resting(days, moment):
    """{member: until when} of those who rest."""
    counted = Calling.objects.exclude(answered=None).filter(is_forgiven=False)
    silent = counted.filter(answered=False, at__gt=moment - days * A_DAY)  # of who rests, the last of the three
    rows, namings = counted.filter(member__in=silent.values("member")).order_by("at", "id"), defaultdict(list)
    for member, at, answered in rows.values_list("member", "at", "answered"):
        namings[member].append((at, answered))
    found = {member: rest(of_member, days) for member, of_member in namings.items()}
    return {member: until for member, until in found.items() if until and until > moment}


@dataclass
class Resting:
    member: Member
    until: datetime.datetime


def all_resting():
    """Every present member who rests; who wakes first comes first."""
    found = resting(evenings.of_tenant().rest_days, now())
    members = Member.objects.current().in_bulk(list(found))
    rests = [Resting(members[pk], until) for pk, until in found.items() if pk in members]
    return sorted(rests, key=lambda each: (each.until, str(each.member.pk)))


@transaction.atomic
def wake(member, *, by):
    """They are named again from now on, and their silence so far does not count."""
    if member.pk not in {each.member.pk for each in all_resting()}:
        raise Refused(_("%(name)s does not rest.") % {"name": member.nickname}, code="does_not_rest")
    silent = Calling.objects.filter(member=member, answered=False, is_forgiven=False)
    ids = sorted(str(pk) for pk in silent.values_list("pk", flat=True))
    silent.update(is_forgiven=True)
    return events.note("caller.woken", member, by=by, member=member, before={"callings": ids})


@transaction.atomic
def let_rest(member, ids, *, by):
    """Taken back: their silence counts again."""
    Calling.objects.filter(member=member, pk__in=ids, answered=False).update(is_forgiven=False)
    return events.note("caller.rests_again", member, by=by, member=member)


# Who answered


def ends_at(arrival, tenant):
    """Who answered is noted on the day of the welcome and on the next one."""
    day = arrival.welcomed_at.astimezone(tenant.zone).date() + 2 * A_DAY
    return instant(datetime.datetime.combine(day, datetime.time(0)), tenant.zone)


def is_asked(arrival, tenant):
    return arrival.state == Arrival.State.WELCOMED and arrival.welcomed_at is not None and now() < ends_at(arrival, tenant)


def unasked(arrivals, tenant):
    """Of these, the welcomed ones of today and yesterday of whom nobody has said who answered."""
    midnight = instant(datetime.datetime.combine(tenant.today() - A_DAY, datetime.time(0)), tenant.zone)
    found = arrivals.filter(state=Arrival.State.WELCOMED, welcomed_at__gte=midnight)
    named = Calling.objects.filter(answered=None, arrival__welcomed_at__gte=midnight)
    return found.filter(pk__in=named.values("arrival")).select_related("member", "group").order_by("welcomed_at", "id")


@dataclass
class Asked:
    """For a page: who was named, in the order of the text, and whether it can still be said."""

    callings: list
    is_open: bool

    @property
    def is_said(self):
        return any(each.answered is not None for each in self.callings)

    @property
    def answered(self):
        return sum(bool(each.answered) for each in self.callings)


def asked(arrival, tenant):
    """None where nobody was named, or they are not welcomed yet."""
    if arrival.state != Arrival.State.WELCOMED:
        return None
    return asked_of([arrival], tenant).get(arrival.pk)


def asked_of(arrivals, tenant):
    """{arrival: who was named}, of those in whose welcome somebody was; by one question for all."""
    named = defaultdict(list)
    for calling in Calling.objects.filter(arrival__in=[each.pk for each in arrivals]).select_related("member"):
        named[calling.arrival_id].append(calling)
    for callings in named.values():
        callings.sort(key=lambda each: (-sum(points for _code, points, _word in each.why), str(each.member_id)))
    return {each.pk: Asked(named[each.pk], is_asked(each, tenant)) for each in arrivals if named[each.pk]}


@transaction.atomic
def note(arrival, answered, tenant, *, by, at=None):
    """These answered, and the others who were named did not. Said once more it is corrected; the same again is nothing.

    `at` is when it was said: what somebody else said after that holds, and what was said in time may come late.
    """
    return _note(_held(arrival), {str(pk) for pk in answered}, tenant, by, at)


@transaction.atomic
def note_one(arrival, member, has_answered, tenant, *, by, at=None):
    """Of one of them; what was said of the others stands, and of whom nothing was said is silent."""
    arrival, one = _held(arrival), {str(member)}
    answered = {str(pk) for pk in arrival.callings.filter(answered=True).values_list("member", flat=True)}
    return _note(arrival, answered | one if has_answered else answered - one, tenant, by, at)


@transaction.atomic
def note_all(arrival, have_answered, tenant, *, by, at=None):
    arrival = _held(arrival)
    named = {str(pk) for pk in arrival.callings.values_list("member", flat=True)}
    return _note(arrival, named if have_answered else set(), tenant, by, at)


def _note(arrival, answered, tenant, by, at):
    if arrival.state != Arrival.State.WELCOMED:
        raise Refused(_("They are not welcomed yet; who answers shows afterwards."), code="not_welcomed")
    if (at or now()) >= ends_at(arrival, tenant):
        raise Refused(_("Who answered is noted until the day after the welcome."), code="answers_closed")
    named = {str(pk) for pk in arrival.callings.values_list("member", flat=True)}
    if not named or answered - named:
        raise Refused(_("They are not named in this welcome."), code="not_named", status=400, field="answered")
    if at and Event.objects.of(arrival).filter(kind="arrival.answered", at__gt=at).exclude(seat=by).exists():
        return None
    return _put(arrival, answered, named - answered, by)


@transaction.atomic
def put_back(arrival, before, *, by):
    """What was said before; with nothing, as if nobody had said anything."""
    return _put(_held(arrival), set(before.get("answered", ())), set(before.get("silent", ())), by)


def _held(arrival):
    return Arrival.objects.select_for_update(of=["self"]).get(pk=arrival.pk)


def _put(arrival, answered, silent, by):
    before = _said(arrival)
    arrival.callings.exclude(member__in=answered | silent).update(answered=None)
    arrival.callings.filter(member__in=answered).update(answered=True)
    arrival.callings.filter(member__in=silent).update(answered=False)
    after = _said(arrival)
    if after == before:
        return None
    return events.note("arrival.answered", arrival, by=by, member=arrival.member_id, before=before, after=after)


def _said(arrival):
    """Ids of members: who is thanked for an answer reads them out of the fact."""
    rows = list(arrival.callings.exclude(answered=None).order_by("member").values_list("member", "answered"))
    ids = {word: [str(pk) for pk, has in rows if has == is_so] for word, is_so in (("answered", True), ("silent", False))}
    return ids | {"many": len(ids["answered"]), "named": len(rows)}
