"""A week in which somebody has too much to do, and the smallest hand-over that mends it: to one other, or to as many as it takes."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, trail
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import laying, occurrences, weeks
from .models import Occurrence, Slot, Task
from .spreading import spread
from .weeks import Entry, Hands

MOST = 3  # proposals on a page
MENDED, SPREAD = KINDS = "week.mended", "week.spread"  # to one, to several
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
    laying.at_once()
    week = weeks.week_of(tenant, monday)
    mending = next((each for each in proposals(week) if each.hands.seat.pk == seat), None)
    if mending is None or not mending.shares or mending.mark != mark:
        raise Refused(_("The week has changed since this was proposed. Look at it as it is now."), code="changed_meanwhile")
    given = {str(entry.occurrence.pk): str(share.to.seat.pk) for share in mending.shares for entry in share.entries}
    chosen = {str(entry.occurrence.pk): str(entry.occurrence.assistant_id) for entry in mending.entries if entry.occurrence.assistant_id}
    kept = _keep_the_rest(week, given)
    for share in mending.shares:
        occurrences.give([entry.occurrence.pk for entry in share.entries], seat, share.to.seat.pk)
        Occurrence.objects.filter(pk__in=[entry.occurrence.pk for entry in share.entries]).update(assistant=share.to.seat.pk)
    to = mending.shares[0].to.seat
    after = {"assistant": str(to.pk), "people": len(mending.shares), "slots": len(given), "minutes": mending.minutes}
    kind = MENDED if len(mending.shares) == 1 else SPREAD
    return mending, events.note(
        kind, to, by=by, before={"whose": str(seat), "chosen": chosen}, after=after | {"given": given, "kept": kept}
    )


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


def _mended_last(facts):
    """While somebody stands to whom it could go back, and some of it is not done."""
    rows = {pk for fact in facts for pk in _given(fact)}
    given = Occurrence.objects.filter(pk__in=rows).exclude(assistant=None).select_related("task")
    now_with = {(str(row.pk), str(row.assistant_id)) for row in given if row.task is None or row.task.state in Task.UNENDED}
    there = {str(pk) for pk in Seat.objects.standing().filter(tenant=active_tenant()).values_list("pk", flat=True)}
    return [fact.pk for fact in facts if fact.before.get("whose") in there and now_with & set(_given(fact).items())]


def _give_back(fact, by):
    laying.at_once()
    whose, chosen, given, back = fact.before["whose"], fact.before.get("chosen", {}), _given(fact), 0
    done = Occurrence.objects.filter(pk__in=given, state=Occurrence.State.HANDED_OUT).exclude(task__state__in=Task.UNENDED)
    done = {str(pk) for pk in done.values_list("pk", flat=True)}
    for pk, to in given.items():
        if pk not in done and Occurrence.objects.filter(pk=pk, assistant=to).update(assistant=chosen.get(pk)):
            occurrences.give([pk], to, whose)
            back += 1
    for pk, seat in fact.after.get("kept", {}).items():
        Occurrence.objects.filter(pk=pk, assistant=seat).update(assistant=None)
    whose = Seat.objects.get(tenant=active_tenant(), pk=whose)
    events.note("week.unmended", whose, by=by, after={"whose": str(whose.pk), "slots": back})
    return _("%(name)s has it again.") % {"name": whose}


for kind, words in (
    (MENDED, gettext_lazy("Gave %(slots)s slots of %(whose)s to %(assistant)s, for one week")),
    (SPREAD, gettext_lazy("Gave %(slots)s slots of %(whose)s to %(people)s others, for one week")),
):
    trail.tell(kind, words, icon="arrows-exchange", topic="rhythm")
    trail.undoes(kind, "matrix", _mended_last, _give_back)
trail.tell("week.unmended", gettext_lazy("Gave %(slots)s slots back to %(whose)s"), icon="arrow-back-up", topic="rhythm")
