"""Members brought up to date by their ids in another system, many at once, each with its own outcome."""

import copy
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.tenancy import changes
from crm.tenancy.refusals import Refused

from . import checks, many, people
from .handles import normal
from .models import Handle, Member

MOST = 1_000
BECAUSE = "batch"


@dataclass(frozen=True)
class Row:
    external_id: Any
    said: dict | None  # None where its fields are wrong
    errors: Any = None


@transaction.atomic
def bring(platform, rows, *, by):
    """One outcome for each row. Who is here is asked for all rows together; who is new, and who is changed, is written together."""
    known = checks.Known()
    handles = [_handles(platform, row, known.region) for row in rows]
    whose, members = _known([pair for some in handles for pair in some])
    known.look_up({row.said["inviter"] for row in rows if row.said and row.said.get("inviter")})
    batch, outcomes, seen = _Batch(whose, members, known, by), [], set()
    for row, some in zip(rows, handles, strict=True):
        outcomes.append(_refused_before(row, some, seen) or batch.take(row, some))
        seen.add(some[0] if some else None)
    batch.write()
    return outcomes


def _handles(platform, row, region):
    """The row's own id first, then what else it is known by, in their normal forms where they have one."""
    if row.said is None:
        return []
    given = [(platform, row.said["external_id"]), *((each["platform"], each["value"]) for each in row.said.get("handles", []))]
    return [(name.strip().lower(), normal(name.strip().lower(), value, region) or value) for name, value in given]


def _known(pairs):
    """{handle: member's id} and {id: member}, whose rows are locked, in two questions."""
    by_platform = {}
    for platform, value in pairs:
        by_platform.setdefault(platform, set()).add(value)
    wanted = Q(pk=None)
    for platform, values in by_platform.items():
        wanted |= Q(platform=platform, value__in=values)
    found = {(platform, value): pk for platform, value, pk in Handle.objects.filter(wanted).values_list("platform", "value", "member_id")}
    return found, {member.pk: member for member in Member.objects.select_for_update().filter(pk__in=set(found.values())).order_by("id")}


def _refused_before(row, handles, seen):
    if row.said is None:
        return _refused(row, "invalid", _("Some fields are wrong."), _plain(row.errors))
    if handles[0] in seen:
        return _refused(row, "twice", _("This id stands in the batch already."))
    return None


class _Batch:
    """Who is known so far, who is new, and whom a row changes; nothing is written before the last row."""

    def __init__(self, whose, members, known, by):
        self.whose, self.members, self.known, self.by = whose, members, known, by
        self.made, self.changes = {}, []
        self.told = {}  # {member's id: [(row, outcome)]} of those who are made or changed

    def take(self, row, handles):
        whose = {self.whose[pair] for pair in handles if pair in self.whose}
        if len(whose) > 1:
            return _refused(row, "two_people", _("These handles belong to two people. If the two are one person, merge them."))
        values = {name: value for name, value in row.said.items() if name not in ("external_id", "handles")}
        member = self.members[whose.pop()] if whose else None
        if member:
            values = {name: value for name, value in values.items() if _differs(member, name, value)}
        fresh = [pair for pair in dict.fromkeys(handles) if pair not in self.whose]
        if member and not values and not fresh:
            return _outcome(row, "same", member)
        kept = set(self.known.words.new)
        try:
            member, outcome = self._change(member, values, fresh) if member else self._make(values, fresh)
        except Refused as refusal:
            self.known.words.forget(kept)
            return _refused(row, refusal.code, str(refusal.sentence))
        self.whose.update(dict.fromkeys(fresh, member.pk))
        self.members[member.pk] = member
        said = _outcome(row, outcome, member)
        if outcome != "same":
            self.told.setdefault(member.pk, []).append((row, said))
        return said

    def _make(self, values, fresh):
        member, known_by = people.made_of(values | {"handles": fresh}, self.known)
        self.made[member.pk] = member, known_by
        return member, "made"

    def _change(self, member, values, fresh):
        people.refuse_gone(member)
        member = copy.copy(member)  # a row that is refused halfway leaves the other as it was
        before = people.altered(member, values, self.known)
        handles = [people.normal(platform, value, self.known) for platform, value in fresh]
        if not before and not handles:
            return member, "same"
        if member.pk in self.made:
            self.made[member.pk] = member, self.made[member.pk][1]
        self.changes.append(many.Change.of(member, before, handles, by=self.by, because=BECAUSE))
        return member, "changed"

    def write(self):
        """All together; person by person where somebody was given one of their handles at this very moment."""
        try:
            self._write(self.made, self.changes)
        except IntegrityError:
            for pk, told in self.told.items():
                self._write_one(pk, told)

    def _write_one(self, pk, told):
        made = {pk: self.made[pk]} if pk in self.made else {}
        try:
            self._write(made, [each for each in self.changes if each.member.pk == pk])
        except IntegrityError:
            for row, said in told:
                said |= _refused(row, "handle_taken", _("Somebody else was given one of these handles just now. Send the row again."))

    def _write(self, made, some):
        with transaction.atomic():
            if made:
                many.add(list(made.values()), by=self.by, because=BECAUSE)
            if some:
                many.change(some, by=self.by)
            self.known.words.settle(by=self.by)


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
