"""People read from a file become members: found by their handles, added or brought up to date, never twice.

First they are compared with who is here, which writes nothing; then what was found is written. Of every member that this touches
it is noted what they were before, so that the whole can be taken back."""

import hashlib
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain, islice, repeat
from operator import attrgetter
from types import MappingProxyType, NoneType
from uuid import UUID

from babel.numbers import get_currency_precision
from django.contrib.postgres.aggregates import ArrayAgg
from django.utils.timezone import now
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load, renew

from .files.people import join
from .merging import DECIDED
from .models import FormerNickname, Handle, ImportedRow, Member, Note, Renewal
from .names import search_of, sort_key
from .terms import A_DAY

FIELDS = [
    "nickname", "standing", "tier", "city", "industry", "skills", "joined_on", "expires_on", "note", "inviter", "tags", "offers", "seeks",
    "custom",
]  # fmt: skip
COLUMNS = [*FIELDS, "search", "sort_key"]
CUSTOM = FIELDS.index("custom")
AT_ONCE = 5000  # ids in one question
SHARED = {"standing", "tier", "city", "industry", "skills", "tags", "joined_on", "expires_on"}
EMPTY = "{}"  # an empty JSON object, which most of them are, as the database reads it
LONGEST_KEY = 200
PLAIN = {str, list, int, NoneType}


CURRENT, PARTNER, MEMBER = Member.Standing.CURRENT.value, Member.Tier.PARTNER.value, Member.Tier.MEMBER.value
NO_WORDS = []  # one for all: lists of these rows are set and never added to
NOTHING_ELSE = {}


@dataclass(slots=True, eq=False)
class Light:
    """A member's row, as light as a hundred thousand of them have to be: of somebody who is here, or of a newcomer."""

    pk: UUID = field(default_factory=uuid7)
    nickname: str = ""
    standing: str = CURRENT
    tier: str = MEMBER
    city: str = ""
    industry: str = ""
    skills: list = field(default_factory=lambda: NO_WORDS)
    joined_on: date | None = None
    expires_on: date | None = None
    note: str = ""
    inviter_id: UUID | None = None
    tags: list = field(default_factory=lambda: NO_WORDS)
    offers: str = ""
    seeks: str = ""
    custom: dict = field(default_factory=lambda: NOTHING_ELSE)
    person: object = None  # of the file, whom they are told of as


@dataclass
class Intake:
    """`ids` are the members of the people, `past_ids` of the past ones, both in their order."""

    ids: list
    past_ids: list
    added: int
    changed: int
    left: int


def handles_of(person):
    """(platform, value) of everything that a person of a file is known by."""
    return [
        *(("wechat", value) for value in person.wechat),
        *(("phone", value) for value in person.phones),
        *getattr(person, "others", ()),
    ]


@dataclass
class Comparison:
    """What the people of a file are to those who are here, worked out and not written."""

    ids: list
    past_ids: list
    fresh: list
    changed: list
    left: list  # ids
    by_handle: dict  # {handle: member's id}, of those who are here first
    handles_here: int  # how many of these are kept already
    handles: list  # rows of what is new of those who are here: id, member's id, platform, value
    names: list  # rows: id, member's id, nickname, moment
    former: dict  # {member's id: nicknames}, with the new ones
    added: int  # current members who are new
    here: set = field(default_factory=set)  # ids of those who are current members now
    before: dict = field(default_factory=dict)  # {member's id: values of FIELDS}, of everybody known
    joins: list = field(default_factory=list)  # (member's id, other member's id, platform) that a row of the file shows to be one
    paid: list = field(default_factory=list)  # (id, member's id, first day, last day, price in hundredths) of terms that are told of

    def differences(self, member):
        """{field: (before, after)} of a changed member; empty where only their handles or former names are new."""
        pairs = zip(FIELDS, self.before[member.pk], _values(member), strict=True)
        return {name: (was, becomes) for name, was, becomes in pairs if was != becomes}

    def handles_of_fresh(self):
        """(handle, member's id) of everybody who is new."""
        new = islice(self.by_handle.items(), self.handles_here, None)
        return ((handle, pk) for handle, pk in new if pk not in self.before)


def compare(people, past_members, *, whole=True, same=MappingProxyType({})):
    """The people of a file beside who is here. Who is not in it any more becomes a past member if it is the `whole` community;
    everybody whom only its history knows is one. `same` is what somebody said: {line: [line or id of a member who is that person]}."""
    by_handle = _known_handles()
    handles_here = len(by_handle)
    stands_for = _one_each(people, by_handle, same)
    wanted = {by_handle[handle] for person in people for handle in handles_of(person) if handle in by_handle}
    wanted |= {target for targets in same.values() for target in targets if isinstance(target, UUID)}
    known = _known(wanted)
    former = _former_nicknames()
    handles, names, moment, before = [], [], now(), {pk: _values(member) for pk, member in known.items()}
    members, joins, paid, spans, lists = [], [], [], _known_spans(people), {}
    for at, person in enumerate(people):
        if stands_for[at] != at:
            members.append(members[stands_for[at]])
            continue
        found = _found(person, by_handle, known, same)
        member = found[0][0] if found else Light()
        joins += [(member.pk, other.pk, platform) for other, platform in found[1:]]
        was, ended = member.nickname, member.expires_on
        _bring_up_to_date(member, person, lists)
        new = _new_handles(person, member, by_handle)
        if found:
            handles += [(uuid7(), member.pk, *handle) for handle in new]
        names += _new_names([*person.former, *([was] if was else [])], member, former, moment)
        if person.paid is not None:
            paid += _new_term(person, member, ended, spans)
        members.append(member)
    past = [_past_member(person, by_handle) for person in past_members]
    _name_inviters(people, members, by_handle)
    ids, more = [member.pk for member in members], {row[1] for row in (*handles, *names, *paid)}
    here, current = set(ids), {known[pk].pk if pk in known else pk for pk in Member.objects.current().values_list("pk", flat=True)}
    return Comparison(
        ids=ids,
        past_ids=[getattr(member, "pk", member) for member in past],
        fresh=[member for pk, member in {member.pk: member for member in members}.items() if pk not in known]
        + [member for member in past if isinstance(member, Light)],
        changed=[member for pk, member in known.items() if pk in more or _values(member) != before[pk]],
        left=[pk for pk in current if pk not in here] if whole else [],
        by_handle=by_handle,
        handles_here=handles_here,
        handles=handles,
        names=names,
        former=former,
        added=len(here - known.keys()),
        here=current,
        before=before,
        joins=joins,
        paid=paid,
    )


def write(found, tenant, *, by=None):
    moment = now()
    fresh = ((member.pk, moment, EMPTY, *_row(member, found)) for member in found.fresh)
    load(Member, ["id", "created_at", "skill_levels", *COLUMNS], fresh)
    theirs = ((uuid7(), pk, *handle) for handle, pk in found.handles_of_fresh())
    load(Handle, ["id", "member", "platform", "value"], chain(found.handles, theirs))
    load(FormerNickname, ["id", "member", "nickname", "noted_at"], found.names)
    for some in _some(found.changed):
        ids = [member.pk for member in some]
        handles, notes = _all_of(ids, Handle, "value"), _all_of(ids, Note, "text")
        renew(Member, COLUMNS, [(member.pk, *_row(member, found, handles, notes)) for member in some])
    _load_terms(found.paid, tenant, by)
    left = Member.objects.filter(pk__in=found.left).update(standing=Member.Standing.PAST)
    return Intake(found.ids, found.past_ids, added=found.added, changed=len(found.changed), left=left)


def keep_what_was(found, job, seated=None):
    """A row for each member that an import has touched, for whoever takes it back. Returns how many."""
    return load(ImportedRow, ["id", "job", "member", "is_new", "before", "after"], _what_was(found, job, seated or {}))


def _what_was(found, job, seated):
    made, given = {}, Counter(pk for _handle, pk in found.handles_of_fresh())  # theirs go with them, so their number is enough
    for name, rows in ("handles", found.handles), ("names", found.names), ("paid", found.paid):
        for pk, member, *_ in rows:
            made.setdefault(member, {}).setdefault(name, []).append(str(pk))
    for name, rows in seated.items():
        for member, *what in rows:
            made.setdefault(member, {}).setdefault(name, []).append([str(part) for part in what])
    for member in found.fresh:
        after = {"digest": digest(member), "handles": given[member.pk]} | made.pop(member.pk, {})
        yield uuid7(), job.pk, member.pk, True, EMPTY, Jsonb(after)
    for member in found.changed:
        differs = found.differences(member)
        before = {name: as_code(was) for name, (was, _) in differs.items()}
        after = {"fields": {name: as_code(becomes) for name, (_, becomes) in differs.items()}, "digest": digest(member)}
        yield uuid7(), job.pk, member.pk, False, Jsonb(before), Jsonb(after | made.pop(member.pk, {}))
    for pk in found.left:
        before, fields = {"standing": Member.Standing.CURRENT.value}, {"standing": Member.Standing.PAST.value}
        yield uuid7(), job.pk, pk, False, Jsonb(before), Jsonb({"fields": fields} | made.pop(pk, {}))
    for pk, what in made.items():
        yield uuid7(), job.pk, pk, False, EMPTY, Jsonb(what)


def digest(member):
    """Tells whether the fields of a member are as they were left."""
    values = _values(member)
    held = [value if type(value) in PLAIN else sorted(value.items()) if isinstance(value, dict) else as_code(value) for value in values]
    return hashlib.md5(repr(held).encode(), usedforsecurity=False).hexdigest()


def as_code(value):
    """A value as JSON holds it."""
    return value if value is None or isinstance(value, int | list | dict) else str(value)


_values = attrgetter(*("inviter_id" if name == "inviter" else name for name in FIELDS))


def _row(member, found, handles=MappingProxyType({}), notes=MappingProxyType({})):
    """The values of COLUMNS. What they are found by is worked out here, since of a hundred thousand it is too much to keep."""
    values = list(_values(member))
    values[CUSTOM] = Jsonb(values[CUSTOM]) if values[CUSTOM] else EMPTY
    known_by = dict.fromkeys([*handles.get(member.pk, ()), *(value for _platform, value in handles_of(member.person))])
    former = sorted(found.former.get(member.pk, set()) - {member.nickname})
    return [*values, search_of(member, known_by, former, notes.get(member.pk, ())), sort_key(member.nickname)[:LONGEST_KEY]]


def _past_member(person, by_handle):
    """Somebody whom only the history knows, or the id of a member it turns out to be; called by their handle, for want of a name."""
    known = next((by_handle[handle] for handle in handles_of(person) if handle in by_handle), None)
    if known:
        return known
    member = Light(nickname=handles_of(person)[0][1], standing=Member.Standing.PAST.value, person=person)
    _new_handles(person, member, by_handle)
    return member


def _known_handles():
    same, rows = {}, Handle.objects.order_by().values_list("platform", "value", "member_id").iterator()
    return {(sys.intern(platform), value): same.setdefault(pk, pk) for platform, value, pk in rows}


def _known(ids):
    """{id: their row} of those of these who are neither merged into another nor erased."""
    found, same, ids = {}, {}, {pk: pk for pk in ids}
    for some in _some(list(ids)):
        rows = Member.objects.known().filter(pk__in=some).order_by().values_list("pk", *FIELDS)
        found |= {ids[pk]: Light(ids[pk], *map(_once, values, FIELDS, repeat(same))) for pk, *values in rows}
    return found


def _once(value, name, same):
    """Many rows hold few different cities, skills and days; each of them is kept once."""
    if name not in SHARED:
        return value
    return same.setdefault((name, *value) if isinstance(value, list) else value, value)


def _some(things):
    return (things[at : at + AT_ONCE] for at in range(0, len(things), AT_ONCE))


def _all_of(ids, model, column):
    """{member's id: values}, which they are found by."""
    rows = model.objects.filter(member__in=ids).order_by().values("member_id").annotate(all=ArrayAgg(column, order_by="id"))
    return {row["member_id"]: row["all"] for row in rows}


def _former_nicknames():
    found = {}
    for member_id, nickname in FormerNickname.objects.values_list("member_id", "nickname"):
        found.setdefault(member_id, set()).add(nickname)
    return found


def _one_each(people, by_handle, same):
    """For each person the position of the one they are told of with: rows without a handle in common may be one member's, by a handle
    that only the member has, or because somebody said so. What the first one lacks comes from the others."""
    at_line = {person.lines[0]: at for at, person in enumerate(people)} if same else {}
    first, stands_for = {}, []
    for at, person in enumerate(people):
        names = [by_handle[handle] for handle in handles_of(person) if handle in by_handle]
        said = same.get(person.lines[0], ())
        names += [target for target in said if isinstance(target, UUID)]
        roots = [stands_for[at_line[line]] for line in said if line in at_line] + [first[name] for name in names if name in first]
        root = roots[0] if roots else at
        stands_for.append(root)
        first |= {name: root for name in names if name not in first}
        if root != at:
            join(people[root], person)
    return stands_for


def _found(person, by_handle, known, same):
    """The members whom a person's handles name, each with the platform that did, and whom somebody named; more than one, and they are
    joined."""
    found = {}
    for platform, value in handles_of(person):
        pk = by_handle.get((platform, value))
        if pk in known:
            found.setdefault(pk, platform)
    for line in person.lines if same else ():
        for target in same.get(line, ()):
            if target in known:
                found.setdefault(target, DECIDED)
    return [(known[pk], platform) for pk, platform in found.items()]


def _bring_up_to_date(member, person, lists):
    """Take over what the file says; an empty cell says nothing. Who have the same skills share a list."""
    said = {
        "nickname": person.nickname or member.nickname or person.handles[0],
        "standing": CURRENT,
        "tier": "" if person.partner is None else PARTNER if person.partner else MEMBER,
        "city": person.city,
        "industry": person.industry,
        "skills": lists.setdefault(person.skills, [*person.skills]),
        "joined_on": person.joined,
        "expires_on": person.expires,
        "note": person.note,
        "tags": list(dict.fromkeys([*member.tags, *person.tags])) if person.tags else [],
        "offers": person.offers,
        "seeks": person.seeks,
        "custom": {**member.custom, **person.custom} if person.custom else {},
    }
    for name, value in said.items():
        if value:
            setattr(member, name, value)
    member.person = person


def _new_handles(person, member, by_handle):
    new = [handle for handle in dict.fromkeys(handles_of(person)) if handle not in by_handle]
    by_handle.update(dict.fromkeys(new, member.pk))
    return new


def _new_names(names, member, former, moment):
    if not names:
        return []
    known = former.setdefault(member.pk, set())
    new = [name for name in dict.fromkeys(names) if name not in known and name != member.nickname]
    known.update(new)
    return [(uuid7(), member.pk, name, moment) for name in new]


def _known_spans(people):
    """{member's id: [(first day, last day)]} of terms that are noted, if the file tells what was paid."""
    found = {}
    if any(person.paid is not None for person in people):
        for pk, begins, ends in Renewal.objects.values_list("member_id", "begins_on", "ends_on"):
            found.setdefault(pk, []).append((begins, ends))
    return found


def _new_term(person, member, ended, spans):
    """The term that a price stands for: since they joined, or, where the file puts their last day off, since the last one was over.
    A day that is in a noted term already was paid for by that."""
    begins = ended + A_DAY if ended and person.expires and person.expires > ended else person.joined or member.joined_on
    ends = person.expires
    known = spans.setdefault(member.pk, [])
    if not begins or not ends or ends < begins or any(first <= ends and begins <= last for first, last in known):
        return []
    known.append((begins, ends))
    return [(uuid7(), member.pk, begins, ends, person.paid)]


def _load_terms(paid, tenant, by):
    scale = Decimal(10) ** (get_currency_precision(tenant.currency) - 2)
    more = tenant.currency, Renewal.Source.OTHER.value, "", now(), by and by.pk
    rows = ((pk, member, begins, ends, int(price * scale), begins, *more) for pk, member, begins, ends, price in paid)
    names = ["id", "member", "begins_on", "ends_on", "price", "paid_on", "currency", "source", "note", "noted_at", "noted_by"]
    if paid:
        load(Renewal, names, rows)


def _name_inviters(people, members, by_handle):
    """Inviters may stand further down in the file, or be past members."""
    for person, member in zip(people, members, strict=True):
        inviter = by_handle.get(("wechat", person.inviter)) or by_handle.get(("phone", person.inviter))
        if inviter and inviter != member.pk:
            member.inviter_id = inviter
