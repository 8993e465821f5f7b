"""What the trail says of arrivals, and what it takes back of them."""

import datetime

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.tenancy import trail
from crm.tenancy.models import Tenant
from crm.tenancy.scope import active_tenant
from members.models import Member

from . import answering, arrivals, evenings, stickers
from .models import Arrival, ArrivalStep, Group, Sticker, Task

State = Arrival.State
KINDS = ["arrival.added", "arrival.planned", "arrival.hurried", "arrival.unplanned", "arrival.called_off", "arrival.returned"]

CALLERS = ["caller.woken", "caller.rests_again"]

trail.topic("arrivals", pgettext_lazy("topic", "Arrivals"))
for kind, words, icon, tone in [
    ("arrival.added", _("Waits to enter"), "hourglass", ""),
    ("arrival.planned", _("Enters on %(day)s at %(at)s"), "calendar-event", ""),
    ("arrival.hurried", _("Enters at once, on %(day)s at %(at)s"), "bolt", "warn"),
    ("arrival.unplanned", _("Is back in the queue of arrivals"), "arrow-back-up", ""),
    ("arrival.called_off", _("Called off the arrival"), "ban", "warn"),
    ("arrival.returned", _("Brought back an arrival that was called off"), "arrow-back-up", ""),
    ("arrival.entered", _("Entered the group"), "door-enter", "good"),
    ("arrival.left_again", _("No longer sits in the group: the introduction was taken back"), "arrow-back-up", ""),
    ("arrival.welcomed", _("Was welcomed; %(named)s members were named"), "sparkles", "good"),
    ("arrival.step_skipped", _("Skipped a step of the arrival: %(step)s"), "ban", "warn"),
    ("arrival.chased", _("Was asked for the introduction once more"), "bell", ""),
    ("arrival.chain_noted", _("The greeting chain had %(length)s lines"), "list-numbers", ""),
    ("arrival.caller_swapped", _("Named somebody else in a welcome"), "arrows-exchange", ""),
    ("arrival.answered", _("%(many)s of %(named)s who were named in the welcome answered"), "message", ""),
    ("caller.woken", _("Is named in welcomes again"), "bell", ""),
    ("caller.rests_again", _("Rests again and is not named in welcomes"), "player-pause", ""),
    ("evenings.set", _("Changed the evenings of arrivals"), "adjustments", ""),
    ("sticker.added", _("Added a sticker"), "photo", ""),
    ("sticker.dropped", _("Dropped a sticker"), "trash", ""),
    ("sticker.returned", _("Brought back a sticker"), "arrow-back-up", ""),
]:
    trail.tell(kind, words, icon=icon, topic="arrivals", tone=tone, whys=dict(Task.Reason.choices))

trail.PAGES |= {"arrival": "groups:arrival"}
trail.VALUES |= {"step": lambda code: str(ArrivalStep.Kind(code).label) if code in ArrivalStep.Kind.values else code}
trail.NAMES |= {
    "arrival": lambda ids: dict(Arrival.objects.filter(pk__in=ids).values_list("pk", "member__nickname")),
    "sticker": lambda ids: dict(Sticker.objects.filter(pk__in=ids).values_list("pk", "name")),
}


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


def _undoes(kind, among, do):
    """Of what was done to an arrival the newest, where nobody sits in the group already."""

    def can(facts):
        facts = trail.newest(facts, KINDS)
        there = set(among().filter(pk__in=[fact.subject for fact in facts]).values_list("pk", flat=True))
        return [fact.pk for fact in facts if fact.subject in there]

    def take_back(fact, by):
        arrival = among().select_related("member").filter(pk=fact.subject).first()
        if arrival is None:
            raise trail.overtaken(fact)
        do(arrival, fact, by)
        return _now("%(name)s: taken back.") % {"name": arrival.member.nickname}

    trail.undoes(kind, "matrix", can, take_back)


def _unplan(arrival, fact, by):
    """As it was before: in its other evening and group, or in the queue."""
    if fact.before.get("state") == State.PLANNED and fact.before.get("day"):
        group = Group.objects.filter(pk=fact.before["group"]).first()
        arrivals.plan(arrival, datetime.date.fromisoformat(fact.before["day"]), _tenant(), by=by, group=group)
    else:
        arrivals.back_into_queue(arrival, by=by)


def _planned():
    return Arrival.objects.filter(state=State.PLANNED, placement=None)


_undoes("arrival.added", lambda: Arrival.objects.open().filter(placement=None), lambda arrival, fact, by: arrivals.call_off(arrival, by=by))
_undoes("arrival.planned", _planned, _unplan)
_undoes("arrival.hurried", _planned, _unplan)
_undoes(
    "arrival.called_off",
    lambda: Arrival.objects.filter(state=State.CALLED_OFF, member__standing=Member.Standing.CURRENT),
    lambda arrival, fact, by: arrivals.bring_back(arrival, _tenant(), by=by),
)


def _said_before(fact, by):
    arrival = Arrival.objects.select_related("member").filter(pk=fact.subject, state=State.WELCOMED).first()
    if arrival is None:
        raise trail.overtaken(fact)
    answering.put_back(arrival, fact.before, by=by)
    return _now("Who answered %(name)s is as it was said before.") % {"name": arrival.member.nickname}


def _still_said(facts):
    facts = trail.newest(facts, ["arrival.answered"])
    there = Arrival.objects.filter(pk__in=[fact.subject for fact in facts], state=State.WELCOMED)
    there = set(there.values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in there]


trail.undoes("arrival.answered", "arrivals", _still_said, _said_before)


def _rests_again(fact, by):
    member = Member.objects.current().filter(pk=fact.subject).first()
    if member is None:
        raise trail.overtaken(fact)
    answering.let_rest(member, fact.before["callings"], by=by)
    return _now("%(name)s rests again.") % {"name": member.nickname}


trail.undoes("caller.woken", "matrix", lambda facts: [each.pk for each in trail.newest(facts, CALLERS)], _rests_again)


def _evenings_back(fact, by):
    evenings.change(_with_times(fact.before), by=by, seen=fact.after)
    return _now("The evenings are as they were before.")


def _with_times(codes):
    return {name: datetime.time.fromisoformat(value) if name in ("begins", "ends") else value for name, value in codes.items()}


def _newest(kind):
    return lambda facts: [fact.pk for fact in trail.newest(facts, [kind])]


trail.undoes("evenings.set", "matrix", _newest("evenings.set"), _evenings_back)


def _dropped(facts):
    there = set(Sticker.objects.exclude(dropped_at=None).values_list("pk", flat=True))
    return [fact.pk for fact in trail.newest(facts, ["sticker.dropped", "sticker.returned"]) if fact.subject in there]


def _sticker_back(fact, by):
    sticker = Sticker.objects.filter(pk=fact.subject).first()
    if sticker is None:
        raise trail.overtaken(fact)
    stickers.bring_back(sticker, by=by)
    return _now("The sticker is offered again.")


trail.undoes("sticker.dropped", "matrix", _dropped, _sticker_back)
