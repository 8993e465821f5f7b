"""What the trail takes back of this room: a rule while it still stands, a pin that was let go while there is no other, an assistant
while nobody gave the group to another."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import changes, trail
from crm.tenancy.models import Seat
from crm.tenancy.scope import active_tenant
from members.models import Member

from . import delivery, rules, setup
from .models import Apart, Bond, Group, Pin, Push, Star

ASSIGNED = {"assistant": "group.assigned"}


def _rule(model, sentence):
    """How a rule of this model is taken back."""

    def can(facts):
        there = set(model.objects.filter(pk__in=[fact.subject for fact in facts]).values_list("pk", flat=True))
        return [fact.pk for fact in facts if fact.subject in there]

    def do(fact, by):
        rule = model.objects.select_for_update().filter(pk=fact.subject).first()
        if rule is None:
            raise trail.overtaken(fact)
        rules.drop(rule, by=by)
        return str(sentence)

    trail.undoes(f"{model._meta.model_name}.added", "matrix", can, do)


def _let_go_last(facts):
    """While the member is still here and nobody pinned them anew."""
    facts = [fact for fact in trail.newest(facts, ["pin.added", "pin.removed"]) if "matrix" in fact.before]
    members = [fact.member for fact in facts]
    here = set(Member.objects.known().filter(pk__in=members).values_list("pk", flat=True))
    pinned = {(member, str(matrix)) for member, matrix in Pin.objects.filter(member__in=members).values_list("member_id", "matrix_id")}
    return [fact.pk for fact in facts if fact.member in here and (fact.member, fact.before["matrix"]) not in pinned]


def _pin_again(fact, by):
    """The same pin, so that the trail tells one story of it."""
    rules.keep(Pin(pk=fact.subject, member_id=fact.member, matrix_id=fact.before["matrix"], because=fact.before["because"]), by=by)
    return _("The pin is set again: a reshuffle leaves this member in their group.")


def _assigned_last(facts):
    """While the group is still with whom it was given to, and whoever had it before still works here."""
    facts = trail.newest(facts, ["group.assigned"])
    groups = dict(Group.objects.open().filter(pk__in=[fact.subject for fact in facts]).values_list("pk", "assistant"))
    working = Seat.objects.standing().filter(tenant=active_tenant()).exclude(role=Seat.Role.VIEWER)
    there = {str(pk) for pk in working.filter(pk__in=filter(None, map(_before, facts))).values_list("pk", flat=True)} | {None}
    return [
        fact.pk
        for fact in facts
        if fact.subject in groups and changes.code(groups[fact.subject]) == fact.after.get("assistant") and _before(fact) in there
    ]


def _before(fact):
    return fact.before.get("assistant")


def _give_back(fact, by):
    wanted, seen = {"assistant": setup.check_group("assistant", _before(fact))}, {"assistant": fact.after.get("assistant")}
    group, _held = changes.change(Group.objects.get(pk=fact.subject), wanted, ASSIGNED, by=by, seen=seen)
    if group.assistant_id is None:
        return _("%(group)s is with nobody again, so with the owner.") % {"group": group.name}
    return _("%(group)s is with %(seat)s again.") % {"group": group.name, "seat": group.assistant}


def _still_so(facts):
    """What somebody said of a message, and nothing has happened to it since. A task's tick is taken back where it was given."""
    kinds = [f"push.{each}" for each in ("sent", "withdrawn", "taken_back", "again", "by_hand", "failed", "unsure", "reopened")]
    told = [fact for fact in trail.newest(facts, kinds) if fact.before.get("state")]
    states = dict(Push.objects.filter(pk__in=[fact.subject for fact in told]).exclude(task__state="done").values_list("pk", "state"))
    return [fact.pk for fact in told if states.get(fact.subject) == fact.kind.removeprefix("push.")]


def _as_before(fact, by):
    push = delivery.take_back(Push.objects.get(pk=fact.subject), fact.before, by=by)
    return _("“%(title)s”: %(state)s.") % {"title": push.title, "state": push.get_state_display()}


_rule(Pin, gettext_lazy("The pin is taken back: a reshuffle may move this member again."))
_rule(Star, gettext_lazy("The star is taken back."))
_rule(Apart, gettext_lazy("These two may sit in one group again."))
_rule(Bond, gettext_lazy("These members need not stay together any more."))
trail.undoes("pin.removed", "matrix", _let_go_last, _pin_again)
trail.undoes("group.assigned", "matrix", _assigned_last, _give_back)
trail.undoes("push.sent", "matrix", _still_so, _as_before)
trail.undoes("push.withdrawn", "matrix", _still_so, _as_before)
