"""Members brought up to date by their ids in another system, many at once, each with its own outcome."""

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.tenancy import changes
from crm.tenancy.refusals import Refused

from . import people
from . import words as spellings
from .handles import normal
from .models import Handle, Member

MOST = 1_000


@dataclass(frozen=True)
class Row:
    external_id: Any
    said: dict | None  # None where its fields are wrong
    errors: Any = None


def bring(platform, rows, *, by):
    """One outcome for each row. Who is here is asked for all rows together, and who is new is written together."""
    region = people.country()
    handles = [_handles(platform, row, region) for row in rows]
    batch = _Batch(*_known([pair for some in handles for pair in some]), region, by)
    outcomes, seen = [], set()
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


class _Batch:
    """Who is known so far, and who is new and not written yet."""

    def __init__(self, known, members, region, by):
        self.known, self.members, self.region, self.by = known, members, region, by
        self.made, self.told, self.new_words, self.words = {}, {}, spellings.known(), None

    def take(self, row, handles):
        whose = {self.known[pair] for pair in handles if pair in self.known}
        if len(whose) > 1:
            return _refused(row, "two_people", _("These handles belong to two people. If the two are one person, merge them."))
        values = {name: value for name, value in row.said.items() if name not in ("external_id", "handles")}
        member = self.members[whose.pop()] if whose else None
        if member:
            values = {name: value for name, value in values.items() if _differs(member, name, value)}
        fresh = [pair for pair in dict.fromkeys(handles) if pair not in self.known]
        if member and not values and not fresh:
            return _outcome(row, "same", member)
        try:
            member, outcome = self._change(member, values, fresh) if member else self._make(values, fresh)
        except Refused as refusal:
            return _refused(row, refusal.code, str(refusal.sentence))
        self.known.update(dict.fromkeys(fresh, member.pk))
        self.members[member.pk] = member
        said = _outcome(row, outcome, member)
        if outcome == "made":
            self.told[member.pk] = row, said
        return said

    def _make(self, values, fresh):
        """Checked now, written with the others."""
        kept = set(self.new_words.new)
        try:
            made = people.made_of(values | {"handles": fresh}, self.new_words, self.region)
        except Refused:
            self.new_words.forget(kept)
            raise
        self.made[made[0].pk] = made
        return made[0], "made"

    def _change(self, member, values, fresh):
        if member.pk in self.made:
            self.write()
        self.words = self.words or spellings.known()
        before = {}
        try:
            with transaction.atomic():  # a row that is refused halfway leaves nothing
                if values:
                    member, before = people.change(member, values, by=self.by, because="batch", words=self.words)
                for platform, value in fresh:
                    people.add_handle(member, platform, value, by=self.by)
        except Refused:
            self.words = None
            raise
        return member, "changed" if before or fresh else "same"

    def write(self):
        """Those who are new, together; one by one where somebody was given one of their handles at this very moment."""
        made, self.made = list(self.made.values()), {}
        if not made:
            return
        try:
            self._add(made)
        except IntegrityError:
            for each in made:
                try:
                    self._add([each])
                except IntegrityError:
                    row, said = self.told[each[0].pk]
                    said |= _refused(row, "handle_taken", _("Somebody else was given one of these handles just now. Send the row again."))

    def _add(self, made):
        with transaction.atomic():
            people.add_all(made, self.new_words, by=self.by, because="batch")


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
