"""What somebody will have to do and is no task yet: slots that wait, waves of a reshuffle, steps of arrivals. Handed over with the tasks
in one move, and taken back with them.

Who stands in for whom is written under the lock of the tenant alone, and whoever is given all that is at work from then on: so nobody
stands in for somebody who stands in for them, whoever acts at the same time. Tasks are held before arrivals, as a tick does it.
"""

import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from crm.tenancy import events, trail
from crm.tenancy.models import Seat
from crm.tenancy.scope import active_tenant

from . import handovers, laying, occurrences
from .models import Arrival, ArrivalStep, Move, Occurrence, Reshuffle, Slot, Task, Wave

AT_WORK = {"stand_in": None, "stand_in_until": None}
DEALT = (Slot.Given.TURN, Slot.Given.FREE)
WAITS = (ArrivalStep.State.BARRED, ArrivalStep.State.WAITING, ArrivalStep.State.HANDED_OUT)
RESTS = (Wave.State.WAITING, Wave.State.PAUSED)
MIDNIGHT = datetime.time(0)


@transaction.atomic
def hand_over(found, seat, span, to, tenant, *, by):
    """All that this seat has to do until the end of the span: `found`, which are tasks, and what becomes one until then.

    What comes up by then goes to the same hand; of everything, as far as it is laid out ahead. So it is where nothing is to do yet."""
    laying.at_once()
    to, until = handovers.who_works(to), handovers.day_after(span, tenant)
    if seat.pk == to.pk:
        return handovers.hand_over(found, to.pk, by=by)
    _hold_reshuffles(Wave.objects.filter(assistant=seat, state__in=RESTS))
    whose = handovers.hold(found, to)
    ahead = _slots(seat, to, until, tenant) | _waves(seat, to, until) | _arrivals(seat, to, until)
    ahead = {name: rows for name, rows in ahead.items() if rows}
    until = until or tenant.today() + laying.AHEAD * laying.A_DAY
    if not whose and not ahead and not _is_news(seat, to, until):
        raise handovers.nothing()
    kind = handovers.HANDED_OVER if whose or ahead else handovers.STANDS_IN
    ahead |= {"seat": str(seat.pk), "until": str(until), "stood_in": _stood_in([seat.pk, to.pk])}
    fact = handovers.give(whose, to, by=by, kind=kind, ahead=ahead)
    Seat.objects.filter(pk=seat.pk).update(stand_in=to.pk, stand_in_until=until)
    Seat.objects.filter(pk=to.pk).update(**AT_WORK)
    return fact


def _stood_in(seats):
    """{seat's id: [who stands in, until when]} of those of these whom somebody stands in for."""
    rows = Seat.objects.filter(tenant=active_tenant(), pk__in=seats).exclude(stand_in=None)
    return {str(pk): [str(to), str(until)] for pk, to, until in rows.values_list("pk", "stand_in", "stand_in_until")}


def _hold_reshuffles(waves):
    """Whoever hands out a wave holds its reshuffle."""
    list(Reshuffle.objects.filter(pk__in=waves.values("reshuffle")).select_for_update(no_key=True).order_by("pk").values_list("pk"))


def _is_news(seat, to, until):
    """They work, and it is not so already that this one stands in for them."""
    working = Seat.objects.standing().filter(tenant=active_tenant(), pk=seat.pk).exclude(role=Seat.Role.VIEWER)
    return working.exclude(stand_in=to.pk, stand_in_until=until).exists()


def number_of(fact):
    """How many went along, that are no tasks yet."""
    return sum(len(fact.before.get(name, ())) for name in ("slots", "moves", "arrivals"))


def _slots(seat, to, until, tenant):
    """Those of a robot are nobody's. What is dealt to others stays with them: dealt anew, it would come back to whoever has least to do."""
    rows = Occurrence.objects.filter(state=Occurrence.State.WAITING, wall_time__gte=laying.wall(tenant.today(), MIDNIGHT))
    rows = rows.filter(wall_time__lt=laying.wall(until, MIDNIGHT)) if until else rows
    rows = list(rows.select_related("slot", "group", "task").order_by("wall_time", "id"))
    carried = occurrences.seats_of(rows, tenant)
    theirs = [row for row in rows if carried.get(row.pk) == seat.pk]
    kept = [row for row in rows if row.slot.given in DEALT and row.assistant_id is None and carried.get(row.pk) not in (None, seat.pk)]
    before = {"slots": {str(row.pk): str(row.assistant_id or "") for row in theirs}}
    for row in theirs:
        row.assistant_id = to.pk
    for row in kept if theirs else ():
        row.assistant_id = carried[row.pk]
    Occurrence.objects.bulk_update([*theirs, *kept], ["assistant"])
    return before | {"kept": {str(row.pk): str(row.assistant_id) for row in kept} if theirs else {}}


def _waves(seat, to, until):
    """Move by move, since both may have a wave of one day."""
    moves = {}
    waves = Wave.objects.filter(assistant=seat, state__in=RESTS)
    for wave in (waves.filter(day__lt=until) if until else waves).order_by("day", "id"):
        same = {"reshuffle": wave.reshuffle_id, "assistant": to, "day": wave.day}
        there = Wave.objects.filter(**same).first()
        if there is not None and there.state != wave.state:
            continue  # it was handed out, or it rests: this one stays where it is
        if there is None:
            there = Wave.objects.create(reshuffle_id=wave.reshuffle_id, assistant=to, day=wave.day, due_at=wave.due_at, state=wave.state)
        going = wave.moves.filter(task=None, state=Move.State.WAITING)
        moves |= {str(pk): str(wave.pk) for pk in going.values_list("pk", flat=True)}
        going.update(wave=there)
    return {"moves": moves}


def _arrivals(seat, to, until):
    """Who enters until then: the step at hand is a task, and the later ones come to the same hand."""
    steps = ArrivalStep.objects.filter(state__in=WAITS)
    theirs = Arrival.objects.filter(assistant=seat, pk__in=steps.values("arrival"))
    theirs = theirs.filter(Q(day=None) | Q(day__lt=until)) if until else theirs
    pks = [str(pk) for pk in theirs.order_by("id").values_list("pk", flat=True)]
    Arrival.objects.filter(pk__in=pks).update(assistant=to)
    return {"arrivals": pks}


# Taking back


def _still_there(facts):
    """Some task is where it was handed to, or something that went along is, and whoever had it works here."""
    found = set(handovers.still_there(facts))
    along = [fact for fact in facts if fact.pk not in found and "seat" in fact.before]
    working = set(Seat.objects.standing().filter(tenant=active_tenant()).exclude(role=Seat.Role.VIEWER).values_list("pk", flat=True))
    rows = {pk for fact in along for pk in fact.before.get("slots", ())}
    slots = set(_to_do(Occurrence.objects.filter(pk__in=rows)).values_list("pk", "assistant"))
    rows = {pk for fact in along for pk in fact.before.get("moves", ())}
    slots |= set(Move.objects.filter(pk__in=rows, task=None).values_list("pk", "wave__assistant"))
    rows = {pk for fact in along for pk in fact.before.get("arrivals", ())}
    slots |= set(Arrival.objects.filter(pk__in=rows).values_list("pk", "assistant"))
    there = {(str(pk), seat) for pk, seat in slots}
    stood_in = _stand_in_still(along)
    for fact in along:
        went = [pk for name in ("slots", "moves", "arrivals") for pk in fact.before.get(name, ())]
        is_there = any((pk, fact.subject) in there for pk in went) or fact.pk in stood_in
        if is_there and fact.before["seat"] in map(str, working):
            found.add(fact.pk)
    return list(found)


def _stand_in_still(facts):
    """The ids of those by which somebody still stands in."""
    seats = Seat.objects.filter(tenant=active_tenant(), stand_in_until__gt=localdate()).exclude(stand_in=None)
    there = {(str(pk), to) for pk, to in seats.values_list("pk", "stand_in")}
    return {fact.pk for fact in facts if (fact.before["seat"], fact.subject) in there}


def _to_do(rows):
    return rows.filter(Q(state=Occurrence.State.WAITING) | Q(task__state__in=Task.UNENDED))


@transaction.atomic
def _give_back(fact, by):
    tenant = laying.at_once()
    _hold_reshuffles(Wave.objects.filter(pk__in=set(fact.before.get("moves", {}).values())))
    handovers.still_open(fact)
    back = 0
    if whose := fact.before.get("seat"):
        back = _slots_back(fact, whose) + _moves_back(fact)
        arrivals = Arrival.objects.filter(pk__in=fact.before.get("arrivals", ()), assistant=fact.subject)
        back += arrivals.update(assistant=whose)
        is_back = Seat.objects.filter(pk=whose, stand_in=fact.subject).update(**AT_WORK)
        if is_back:
            _as_before(fact.before.get("stood_in", {}), tenant)
        if is_back and not back and not handovers.still_there([fact]):
            events.note("tasks.handed_back", Seat(pk=whose), by=by, after={"tasks": 0})
            return _who_has_it_now(whose, tenant)
    return handovers.give_back(fact, by, and_ahead=back)


def _as_before(stood_in, tenant):
    """Who stood in before does so again until the same day, unless it went in a circle by now."""
    for pk, (to, until) in stood_in.items():
        rows = Seat.objects.filter(tenant=tenant).exclude(stand_in=None).values_list("pk", "stand_in")
        stand_ins, last = {str(seat): str(other) for seat, other in rows}, to
        while last in stand_ins:
            last = stand_ins.pop(last)
        if until > str(tenant.today()) and last != pk:
            Seat.objects.filter(tenant=tenant, pk=pk, stand_in=None).update(stand_in=to, stand_in_until=until)


def _who_has_it_now(whose, tenant):
    seat = Seat.objects.get(tenant=tenant, pk=whose)
    if not seat.is_stood_in_for(tenant.today()):
        return _("What comes up from now on is theirs again.")
    who = Seat.objects.select_related("user").get(tenant=tenant, pk=seat.stand_in)
    return _("What comes up from now on goes to %(who)s again.") % {"who": who}


def _slots_back(fact, whose):
    """Also what has become a task since, and is not done."""
    went = fact.before.get("slots", {})
    rows = list(_to_do(Occurrence.objects.filter(pk__in=went, assistant=fact.subject)))
    for row in rows:
        row.assistant_id = went[str(row.pk)] or None
    Occurrence.objects.bulk_update(rows, ["assistant"])
    occurrences.give([row.pk for row in rows], fact.subject, whose)
    for pk, seat in fact.before.get("kept", {}).items():
        Occurrence.objects.filter(pk=pk, assistant=seat, state=Occurrence.State.WAITING).update(assistant=None)
    return len(rows)


def _moves_back(fact):
    went, back = fact.before.get("moves", {}), 0
    for wave in Wave.objects.filter(pk__in=set(went.values()), state__in=RESTS).order_by("pk"):
        mine = [pk for pk, before in went.items() if before == str(wave.pk)]
        back += Move.objects.filter(pk__in=mine, task=None, wave__assistant=fact.subject).update(wave=wave)
    return back


for kind in (handovers.HANDED_OVER, handovers.STANDS_IN):
    trail.undoes(kind, "tasks", _still_there, _give_back)
