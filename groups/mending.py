"""A week in which somebody has too much to do, and the smallest hand-over that mends it: to one other, or to as many as it takes."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from crm.tenancy import events, trail
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import laying, occurrences, weeks
from .models import Occurrence, Slot, Task
from .spreading import spread
from .weeks import Entry, Hands

MOST = 3  # proposals on a page
MENDED, SPREAD, EVENED = "week.mended", "week.spread", "week.evened"  # of one to one, to several; of several
DEALT = (Slot.Given.TURN, Slot.Given.FREE)


@dataclass
class Share:
    """What one of the others takes, out of the room they had."""

    to: Hands
    room: int
    entries: list[Entry]

    @property
    def minutes(self):
        return sum(entry.minutes for entry in self.entries)

    @property
    def left(self):
        return self.room - self.minutes


@dataclass
class Mending:
    hands: Hands  # who has too much
    shares: list[Share] = field(default_factory=list)
    can_go: bool = True  # something of this week can still be given on

    @property
    def entries(self):
        return [entry for share in self.shares for entry in share.entries]

    @property
    def minutes(self):
        return sum(share.minutes for share in self.shares)

    @property
    def stays_over(self):
        return max(self.hands.over - self.minutes, 0)

    @property
    def mark(self):
        """Names this very proposal, so that no other one is carried out for it."""
        named = [f"{share.to.seat.pk}:{entry.occurrence.pk}:{entry.minutes}" for share in self.shares for entry in share.entries]
        return hashlib.sha256("|".join(named).encode()).hexdigest()[:16]


def proposals(week):
    """For each who is over their budget, as if those before were carried out."""
    room = {each.seat.pk: each.free for each in week.hands if each.budget}
    found = []
    for each in week.over[:MOST]:
        mending = _for(each, week, room)
        for share in mending.shares:
            room[share.to.seat.pk] -= share.minutes
        found.append(mending)
    return found


def _for(hands, week, room):
    can_go = [entry for entry in week.entries if entry.assistant == hands.seat.pk and entry.is_movable and entry.minutes]
    day = max(week.monday, week.today)
    others = [each for each in week.hands if each is not hands and room.get(each.seat.pk) and not each.seat.is_stood_in_for(day)]
    goes = spread([entry.minutes for entry in can_go], [room[each.seat.pk] for each in others], hands.over)
    shares = defaultdict(list)
    for place in sorted(goes):
        shares[goes[place]].append(can_go[place])
    found = [Share(others[to], room[others[to].seat.pk], entries) for to, entries in shares.items()]
    return Mending(hands, sorted(found, key=lambda share: -share.minutes), bool(can_go))


# Carrying it out, and taking it back


@transaction.atomic
def carry_out(tenant, monday, seat, mark, *, by):
    """The proposal that was seen, if it would still be made: these are done by others, this once. Returns it with its fact."""
    week, found = _proposed_now(tenant, monday)
    mending = next((each for each in found if each.hands.seat.pk == seat), None)
    if mending is None or mending.mark != mark:
        raise _changed()
    return mending, _do(week, [mending], by)


@transaction.atomic
def carry_out_all(tenant, monday, mark, *, by):
    """All proposals that were seen together, if all of them would still be made. Returns them with their one fact."""
    week, found = _proposed_now(tenant, monday)
    if not found or mark_of(found) != mark:
        raise _changed()
    return found, _do(week, found, by)


def mark_of(mendings):
    """Names these very proposals, together."""
    return hashlib.sha256("|".join(each.mark for each in mendings).encode()).hexdigest()[:16]


def _proposed_now(tenant, monday):
    laying.at_once()
    week = weeks.week_of(tenant, monday)
    return week, [each for each in proposals(week) if each.shares]


def _changed():
    return Refused(_("The week has changed since this was proposed. Look at it as it is now."), code="changed_meanwhile")


def _do(week, mendings, by):
    shares = [(mending.hands.seat, share) for mending in mendings for share in mending.shares]
    given = {str(entry.occurrence.pk): str(share.to.seat.pk) for _whose, share in shares for entry in share.entries}
    chosen = [entry.occurrence for mending in mendings for entry in mending.entries if entry.occurrence.assistant_id]
    kept = _keep_the_rest(week, given)
    for whose, share in shares:
        rows = [entry.occurrence.pk for entry in share.entries]
        occurrences.give(rows, whose.pk, share.to.seat.pk)
        Occurrence.objects.filter(pk__in=rows).update(assistant=share.to.seat.pk)
    before = {"chosen": {str(row.pk): str(row.assistant_id) for row in chosen}}
    after = {"assistant": str(shares[0][1].to.seat.pk), "people": len(set(given.values())), "slots": len(given)}
    after |= {"minutes": sum(mending.minutes for mending in mendings), "given": given, "kept": kept}
    if len(mendings) == 1:
        kind, before["whose"] = MENDED if len(shares) == 1 else SPREAD, str(shares[0][0].pk)
    else:
        kind, after["relieved"] = EVENED, len(mendings)
        before["of"] = {str(entry.occurrence.pk): str(whose.pk) for whose, share in shares for entry in share.entries}
    return events.note(kind, shares[0][1].to.seat, by=by, before=before, after=after)


def _keep_the_rest(week, given):
    """What is dealt by turns or to whoever is free stays with whom the proposal saw it; dealt anew, it would come back to somebody."""
    kept = {
        entry.occurrence: entry.assistant
        for entry in week.entries
        if entry.state == Occurrence.State.WAITING and entry.slot.given in DEALT and entry.assistant
        if entry.occurrence.assistant_id is None and str(entry.occurrence.pk) not in given
    }
    for occurrence, seat in kept.items():
        occurrence.assistant_id = seat
    Occurrence.objects.bulk_update(kept, ["assistant"])
    return {str(occurrence.pk): str(seat) for occurrence, seat in kept.items()}


def _given(fact):
    """{occurrence's id: seat's id}; a fact of before had one taker alone."""
    return fact.after.get("given") or dict.fromkeys(fact.after.get("occurrences", ()), fact.after.get("assistant"))


def _whose(fact):
    """{occurrence's id: the seat's id that had it}"""
    return fact.before.get("of") or dict.fromkeys(_given(fact), fact.before.get("whose"))


def _standing():
    return {str(pk) for pk in Seat.objects.standing().filter(tenant=active_tenant()).values_list("pk", flat=True)}


def _mended_last(facts):
    """While somebody stands to whom it could go back, and some of it is not done."""
    rows = {pk for fact in facts for pk in _given(fact)}
    given = Occurrence.objects.filter(pk__in=rows).exclude(assistant=None).select_related("task")
    now_with, there = {(str(row.pk), str(row.assistant_id)) for row in given if not _is_done(row)}, _standing()
    return [fact.pk for fact in facts if any(pair in now_with and _whose(fact)[pair[0]] in there for pair in _given(fact).items())]


def _is_done(row):
    return row.task is not None and row.task.state not in Task.UNENDED


def _give_back(fact, by):
    laying.at_once()
    whose, chosen, given, there, back = _whose(fact), fact.before.get("chosen", {}), _given(fact), _standing(), defaultdict(list)
    for row in Occurrence.objects.filter(pk__in=given).select_related("task").order_by("pk"):
        pk = str(row.pk)
        if not _is_done(row) and str(row.assistant_id) == given[pk] and whose[pk] in there:
            row.assistant_id = chosen.get(pk)
            back[whose[pk], given[pk]].append(row)
    Occurrence.objects.bulk_update([row for rows in back.values() for row in rows], ["assistant"])
    for (seat, to), rows in back.items():
        occurrences.give([row.pk for row in rows], to, seat)
    for pk, seat in fact.after.get("kept", {}).items():
        Occurrence.objects.filter(pk=pk, assistant=seat).update(assistant=None)
    seats = Seat.objects.filter(tenant=active_tenant(), pk__in={seat for seat, _to in back}).select_related("user")
    seats = sorted(seats, key=lambda seat: (str(seat), seat.pk))
    for seat in seats:
        slots = sum(len(rows) for (pk, _to), rows in back.items() if pk == str(seat.pk))
        events.note("week.unmended", seat, by=by, after={"whose": str(seat.pk), "slots": slots})
    names = pgettext("between names", ", ").join(map(str, seats))
    return ngettext("%(name)s has it again.", "%(name)s have it again.", len(seats)) % {"name": names}


for kind, words in (
    (MENDED, gettext_lazy("Gave %(slots)s slots of %(whose)s to %(assistant)s, for one week")),
    (SPREAD, gettext_lazy("Gave %(slots)s slots of %(whose)s to %(people)s others, for one week")),
    (EVENED, gettext_lazy("Gave others %(slots)s slots of %(relieved)s people who had too much, for one week")),
):
    trail.tell(kind, words, icon="arrows-exchange", topic="rhythm")
    trail.undoes(kind, "matrix", _mended_last, _give_back)
trail.tell("week.unmended", gettext_lazy("Gave %(slots)s slots back to %(whose)s"), icon="arrow-back-up", topic="rhythm")
