"""Verbs of the rules that a reshuffle keeps: pins, bonds, aparts, stars. Each is noted, and each can be taken back."""

from django.db import transaction
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.prepared import Insert
from crm.tenancy.refusals import Refused

from .models import Apart, Bond, BondMember, Pin, Star

SMALLEST_BOND = 2  # members
NEW = {model: Insert(model) for model in (Pin, Apart, Star)}


@transaction.atomic
def keep(rule, *, by):
    """Store a new pin, apart or star."""
    NEW[type(rule)].add(rule)
    events.note(f"{rule._meta.model_name}.added", rule, by=by, member=_member(rule))
    return rule


@transaction.atomic
def bind(matrix, members, because=Bond.Because.TEAM, name="", *, by):
    """Keep these members together."""
    if len(set(members)) < SMALLEST_BOND:
        raise Refused(_("A bond needs two members at least."), code="bond_too_small", status=400)
    bond = Bond.objects.create(matrix=matrix, because=because, name=name)
    BondMember.objects.bulk_create([BondMember(bond=bond, member=member) for member in dict.fromkeys(members)])
    events.note("bond.added", bond, by=by, after={"members": len(set(members))})
    return bond


@transaction.atomic
def drop(rule, *, by):
    """Take a rule back. The plan made under it is stale from then on."""
    events.note(f"{rule._meta.model_name}.removed", rule, by=by, member=_member(rule), before=_as_it_was(rule))
    rule.delete()


def _as_it_was(rule):
    """What the trail needs to set a pin again."""
    return {"matrix": str(rule.matrix_id), "because": rule.because} if isinstance(rule, Pin) else None


def _member(rule):
    return getattr(rule, "member_id", None) or getattr(rule, "one_id", None)
