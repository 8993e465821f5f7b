"""People read from a file become members: added or brought up to date, never twice.

They are compared with who is here first (`comparing.py`). Of every member that this touches it is noted what they were before, so that
the whole can be taken back."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from types import MappingProxyType, NoneType

from babel.numbers import get_currency_precision
from django.contrib.postgres.aggregates import ArrayAgg
from django.utils.timezone import now
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load, renew

from .comparing import AT_ONCE, FIELDS, handles_of, new_names, new_term, values_of
from .models import FormerNickname, Handle, ImportedRow, Member, Note, Renewal
from .names import search_of, sort_key

COLUMNS = [*FIELDS, "search", "sort_key"]
CUSTOM = FIELDS.index("custom")
EMPTY = "{}"  # an empty JSON object, which most of them are, as the database reads it
LONGEST_KEY = 200
PLAIN = {str, list, int, NoneType}


@dataclass
class Intake:
    """`ids` are the members of the people, `past_ids` of the past ones, both in their order."""

    ids: list
    past_ids: list
    added: int
    changed: int
    left: int


def write(found, tenant, *, by=None):
    moment = now()
    for members, handles, names, paid in _ahead(_to_be_added(found, moment)):
        load(Member, ["id", "created_at", "skill_levels", *COLUMNS], members)
        load(Handle, HANDLE, handles)
        _load_more(names, paid, tenant, by)
    touched = found.touched()
    while some := list(islice(touched, AT_ONCE)):
        ids = [each.member.pk for each in some]
        handles, notes = _all_of(ids, Handle, "value"), _all_of(ids, Note, "text")
        renew(Member, COLUMNS, [(each.member.pk, *_row(each.member, each.former, handles, notes)) for each in some])
        if new := [row for each in some for row in each.handles]:
            load(Handle, HANDLE, new)
        _load_more([row for each in some for row in each.names], [row for each in some for row in each.paid], tenant, by)
    left = Member.objects.filter(pk__in=found.left).update(standing=Member.Standing.PAST)
    return Intake(found.ids, found.past_ids, added=found.added, changed=found.changed, left=left)


HANDLE = ["id", "member", "platform", "value"]


def _to_be_added(found, moment):
    """Rows of those who are new, of their handles, former names and terms, some at a time. Asks no database."""
    fresh = found.fresh()
    while some := list(islice(fresh, AT_ONCE)):
        members = [(member.pk, moment, EMPTY, *_row(member, getattr(member.person, "former", ()))) for member in some]
        handles = [(uuid7(), member.pk, *handle) for member in some for handle in found.new_handles(member)]
        names = [row for member in some for row in new_names(getattr(member.person, "former", ()), member, {}, moment)]
        yield members, handles, names, [row for member in some for row in _terms_of_new(member)]


def _terms_of_new(member):
    return new_term(member.person, member, None, {}) if getattr(member.person, "paid", None) is not None else []


def _ahead(steps):
    """Each of the steps, the next one being made ready meanwhile: the database has the other half of the work."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, steps, None)
        while (step := coming.result()) is not None:
            coming = worker.submit(next, steps, None)
            yield step


def keep_what_was(found, job, seated=None):
    """A row for each member that an import has touched, for whoever takes it back. Returns how many."""
    many, steps = 0, _what_was(found, job, seated or {})
    for some in _ahead(iter(lambda: list(islice(steps, AT_ONCE)), [])):
        many += load(ImportedRow, ["id", "job", "member", "is_new", "before", "after"], some)
    return many


def _what_was(found, job, seated):
    made = {}
    for name, rows in seated.items():
        for member, *what in rows:
            made.setdefault(member, {}).setdefault(name, []).append([str(part) for part in what])
    for member in found.fresh():
        # Theirs go with them, so their number is enough.
        after = {"digest": digest(member), "handles": len(found.new_handles(member))}
        if terms := _terms_of_new(member):
            after["paid"] = len(terms)
        yield uuid7(), job.pk, member.pk, True, EMPTY, Jsonb(after | made.pop(member.pk, {}))
    for each in found.touched():
        member, differs = each.member, each.differences
        before = {name: as_code(was) for name, (was, _) in differs.items()}
        after = {"fields": {name: as_code(becomes) for name, (_, becomes) in differs.items()}, "digest": digest(member)}
        after |= {name: [str(row[0]) for row in rows] for name in ("handles", "names", "paid") if (rows := getattr(each, name))}
        yield uuid7(), job.pk, member.pk, False, Jsonb(before), Jsonb(after | made.pop(member.pk, {}))
    for pk in found.left:
        before, fields = {"standing": Member.Standing.CURRENT.value}, {"standing": Member.Standing.PAST.value}
        yield uuid7(), job.pk, pk, False, Jsonb(before), Jsonb({"fields": fields} | made.pop(pk, {}))
    for pk, what in made.items():
        yield uuid7(), job.pk, pk, False, EMPTY, Jsonb(what)


def digest(member):
    """Tells whether the fields of a member are as they were left."""
    values = values_of(member)
    held = [value if type(value) in PLAIN else sorted(value.items()) if isinstance(value, dict) else as_code(value) for value in values]
    return hashlib.md5(repr(held).encode(), usedforsecurity=False).hexdigest()


def as_code(value):
    """A value as JSON holds it."""
    return value if value is None or isinstance(value, int | list | dict) else str(value)


def _row(member, former=(), handles=MappingProxyType({}), notes=MappingProxyType({})):
    """The values of COLUMNS. What they are found by is worked out here, since of a hundred thousand it is too much to keep."""
    values = list(values_of(member))
    values[CUSTOM] = Jsonb(values[CUSTOM]) if values[CUSTOM] else EMPTY
    known_by = dict.fromkeys([*handles.get(member.pk, ()), *(value for _platform, value in handles_of(member.person))])
    former = sorted({*former} - {member.nickname})
    return [*values, search_of(member, known_by, former, notes.get(member.pk, ())), sort_key(member.nickname)[:LONGEST_KEY]]


def _all_of(ids, model, column):
    """{member's id: values}, which they are found by."""
    rows = model.objects.filter(member__in=ids).order_by().values("member_id").annotate(all=ArrayAgg(column, order_by="id"))
    return {row["member_id"]: row["all"] for row in rows}


def _load_more(names, paid, tenant, by):
    """Former names, and terms, where there are any."""
    if names:
        load(FormerNickname, ["id", "member", "nickname", "noted_at"], names)
    if paid:
        scale = Decimal(10) ** (get_currency_precision(tenant.currency) - 2)
        more = tenant.currency, Renewal.Source.OTHER.value, "", now(), by and by.pk
        rows = ((pk, member, begins, ends, int(price * scale), begins, *more) for pk, member, begins, ends, price in paid)
        names = ["id", "member", "begins_on", "ends_on", "price", "paid_on", "currency", "source", "note", "noted_at", "noted_by"]
        load(Renewal, names, rows)
