"""Members brought up to date by their ids in another system, many at once, each with its own outcome."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.tenancy import changes
from crm.tenancy.refusals import Refused

from . import people
from .handles import normal
from .models import Handle, Member

MOST = 1_000


@dataclass(frozen=True)
class Row:
    external_id: Any
    said: dict | None  # None where its fields are wrong
    errors: Any = None


def bring(platform, rows, *, by):
    """One outcome for each row. Who is here is asked for all rows together, so rows that change nothing cost nothing more."""
    handles = [_handles(platform, row) for row in rows]
    known, members = _known([pair for some in handles for pair in some])
    outcomes, seen = [], set()
    for row, some in zip(rows, handles, strict=True):
        outcome = _refused_before(row, some, seen) or _one(row, some, known, members, by)
        seen.add(some[0] if some else None)
        outcomes.append(outcome)
    return outcomes


def _handles(platform, row):
    """The row's own id first, then what else it is known by, in their normal forms where they have one."""
    if row.said is None:
        return []
    given = [(platform, row.said["external_id"]), *((each["platform"], each["value"]) for each in row.said.get("handles", []))]
    return [(name.strip().lower(), normal(name.strip().lower(), value, "CN") or value) for name, value in given]


def _known(pairs):
    """{handle: member's id} and {id: member}, in two questions."""
    by_platform = {}
    for platform, value in pairs:
        by_platform.setdefault(platform, set()).add(value)
    wanted = Q(pk=None)
    for platform, values in by_platform.items():
        wanted |= Q(platform=platform, value__in=values)
    found = {(platform, value): pk for platform, value, pk in Handle.objects.filter(wanted).values_list("platform", "value", "member_id")}
    return found, Member.objects.in_bulk(set(found.values()))


def _refused_before(row, handles, seen):
    if row.said is None:
        return _refused(row, "invalid", _("Some fields are wrong."), _plain(row.errors))
    if handles[0] in seen:
        return _refused(row, "twice", _("This id stands in the batch already."))
    return None


def _one(row, handles, known, members, by):
    whose = {known[pair] for pair in handles if pair in known}
    if len(whose) > 1:
        return _refused(row, "two_people", _("These handles belong to two people. If the two are one person, merge them."))
    values = {name: value for name, value in row.said.items() if name not in ("external_id", "handles")}
    member = members[whose.pop()] if whose else None
    if member:
        values = {name: value for name, value in values.items() if _differs(member, name, value)}
    fresh = [pair for pair in dict.fromkeys(handles) if pair not in known]
    if member and not values and not fresh:
        return _outcome(row, "same", member)
    try:
        with transaction.atomic():  # a row that is refused halfway leaves nothing
            member, outcome = _written(member, values, fresh, by)
    except Refused as refusal:
        return _refused(row, refusal.code, str(refusal.sentence))
    known.update(dict.fromkeys(fresh, member.pk))
    members[member.pk] = member
    return _outcome(row, outcome, member)


def _written(member, values, fresh, by):
    if member is None:
        return people.add(values | {"handles": fresh}, by=by, because="batch"), "made"
    before = {}
    if values:
        member, before = people.change(member, values, by=by, because="batch")
    for platform, value in fresh:
        people.add_handle(member, platform, value, by=by)
    return member, "changed" if before or fresh else "same"


def _differs(member, name, value):
    if name == "custom":
        return any(member.custom.get(key) != each for key, each in value.items() if key in member.custom or each not in (None, "", []))
    return changes.code(value) != changes.code(getattr(member, Member._meta.get_field(name).attname))


def _outcome(row, outcome, member):
    return {"external_id": row.said["external_id"], "outcome": outcome, "member": member.pk, "code": "", "detail": "", "fields": {}}


def _refused(row, code, detail, fields=None):
    said = row.external_id if isinstance(row.external_id, str) else ""
    return {"external_id": said[:120], "outcome": "refused", "member": None, "code": code, "detail": detail, "fields": fields or {}}


def _plain(errors):
    return {str(name): [str(each) for each in (some if isinstance(some, list) else [some])] for name, some in dict(errors).items()}
