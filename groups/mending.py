"""A week in which somebody has too much to do, and the smallest hand-over that mends it exactly."""

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, trail
from crm.tenancy.models import Seat
from crm.tenancy.scope import active_tenant

from . import laying
from .models import Occurrence, Task
from .weeks import Entry, Hands

MOST = 3  # proposals on a page


@dataclass
class Mending:
    hands: Hands  # who has too much
    to: Hands | None  # who has room for it
    entries: list[Entry]
    can_go: bool = True  # something of this week can still be given on

    @property
    def minutes(self):
        return sum(entry.minutes for entry in self.entries)

    @property
    def left(self):
        return self.to.free - self.minutes

    @property
    def mark(self):
        """Names this very proposal, so that no other one is carried out for it."""
        named = [f"{entry.occurrence.pk}:{entry.minutes}" for entry in self.entries]
        return hashlib.sha256("|".join([str(self.to and self.to.seat.pk), *named]).encode()).hexdigest()[:16]


def proposals(week):
    """For each who is over their budget, as if those before were carried out."""
    room = {each.seat.pk: each.free for each in week.hands if each.budget}
    found = []
    for each in week.over[:MOST]:
        mending = _for(each, week, room)
        if mending.to:
            room[mending.to.seat.pk] -= mending.minutes
        found.append(mending)
    return found


def _for(hands, week, room):
    """Fewest minutes that are enough, in as few pieces as can be, to the one who has most room for them."""
    can_go = [entry for entry in week.entries if entry.assistant == hands.seat.pk and entry.is_movable]
    others = sorted((each for each in week.hands if each is not hands and room.get(each.seat.pk)), key=lambda each: -room[each.seat.pk])
    most = max((room[each.seat.pk] for each in others), default=0)
    chosen = _least(can_go, hands.over, most)
    return Mending(hands, others[0] if chosen else None, chosen, bool(can_go))


def _least(entries, wanted, most):
    """The entries whose minutes make the smallest sum from `wanted` to `most`; none where no such sum can be made."""
    best = {0: ()}  # sum of minutes -> the fewest entries that make it
    for entry in entries:
        for minutes, taken in sorted(best.items(), reverse=True):
            total = minutes + entry.minutes
            if minutes < wanted and total <= most and len(taken) + 1 < len(best.get(total, range(10**6))):
                best[total] = (*taken, entry)
    enough = [total for total in best if total >= wanted]
    return list(best[min(enough)]) if enough else []


# Carrying it out, and taking it back


@transaction.atomic
def carry_out(mending, *, by):
    """These are done by somebody else, this once."""
    laying.at_once()
    rows = [entry.occurrence.pk for entry in mending.entries]
    _give(rows, mending.hands.seat.pk, mending.to.seat.pk, chosen=mending.to.seat.pk)
    after = {"assistant": str(mending.to.seat.pk), "slots": len(rows), "minutes": mending.minutes, "occurrences": [str(pk) for pk in rows]}
    return events.note("week.mended", mending.to.seat, by=by, before={"whose": str(mending.hands.seat.pk)}, after=after)


def _give(rows, whose, to, *, chosen):
    of_rows = Q(occurrences__in=rows) | Q(following__occurrences__in=rows)
    Task.objects.unended().filter(of_rows, assistant=whose).update(assistant=to)
    Occurrence.objects.filter(pk__in=rows).update(assistant=chosen)


def _mended_last(facts):
    """While somebody stands to whom it could go back, and some of it is not done."""
    rows = {pk for fact in facts for pk in fact.after.get("occurrences", ())}
    given = Occurrence.objects.filter(pk__in=rows).exclude(assistant=None).select_related("task")
    now_with = {str(row.pk): str(row.assistant_id) for row in given if row.task is None or row.task.state in Task.UNENDED}
    there = {str(pk) for pk in Seat.objects.standing().filter(tenant=active_tenant()).values_list("pk", flat=True)}
    return [
        fact.pk
        for fact in facts
        if fact.before.get("whose") in there
        and any(now_with.get(pk) == fact.after.get("assistant") for pk in fact.after.get("occurrences", ()))
    ]


def _give_back(fact, by):
    laying.at_once()
    rows = list(Occurrence.objects.filter(pk__in=fact.after["occurrences"], assistant=fact.after["assistant"]).values_list("pk", flat=True))
    _give(rows, fact.after["assistant"], fact.before["whose"], chosen=None)
    whose = Seat.objects.get(tenant=active_tenant(), pk=fact.before["whose"])
    events.note("week.unmended", whose, by=by, after={"whose": str(whose.pk), "slots": len(rows)})
    return _("%(name)s has it again.") % {"name": whose}


trail.tell(
    "week.mended", gettext_lazy("Gave %(slots)s slots of %(whose)s to %(assistant)s, for one week"), icon="arrows-exchange", topic="rhythm"
)
trail.tell("week.unmended", gettext_lazy("Gave %(slots)s slots back to %(whose)s"), icon="arrow-back-up", topic="rhythm")
trail.undoes("week.mended", "matrix", _mended_last, _give_back)
