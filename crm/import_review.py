"""What a person looks at before an import: the columns, and row by row what would be new, changed, doubtful.

It holds people, so it is kept as a file beside the uploads and goes with them, not in the job's row."""

import json
from collections import Counter

from members import doubtful
from members.files import Columns
from members.files.columns import FIELDS
from members.files.samples import columns_of
from members.intake import as_code
from members.models import Member

MOST = 300  # rows of a tab
WEIGHED = ("expires_on", "group")  # fields that are counted by name; the others together


def columns_alone(tables, mappings):
    """The columns of files that could not be read to their end."""
    return {"columns": {kind: columns_of(table, Columns(table, FIELDS[kind], _once(mappings.get(kind)))) for kind, table in tables.items()}}


def _once(mapping):
    """A mapping without fields that it names twice, so that it can be shown."""
    times = Counter((mapping or {}).values())
    return {key: field for key, field in (mapping or {}).items() if times[field] == 1 or not field}


def review(reading, seen, tenant):
    """Everything for the page. `seen` is what `imports.compared` found; None for interactions."""
    shown = {"tables": [_table(kind, table) for kind, table in reading.tables.items()], "columns": _columns(reading, tenant)}
    if not seen:
        names = reading.interactions.unknown_groups
        return shown | {"unknown_groups": names[:MOST], "speakers": reading.interactions.speakers.most_common(10)}
    people = reading.community.people
    shown["dates"] = _dates(people)
    lines = {pk: person.lines[0] for person, pk in zip(people.people, seen.compared.ids, strict=True)}
    group_of = {pk: reading.community.groups.name(key) for pk, key in seen.sits.items()}
    changed, fields = _changed(seen, lines, reading)
    members = [*seen.compared.fresh, *seen.compared.changed]
    pairs = doubtful.pairs(members, seen.compared.before.keys())
    fresh = [member for member in seen.compared.fresh if member.pk in lines]
    return shown | {
        "new": [_person(member, lines, group_of) for member in fresh[:MOST]],
        "changed": changed[:MOST],
        "changed_people": len(changed),
        "fields": fields,
        "same": len(set(seen.compared.ids)) - len(changed) - len(fresh),
        "doubtful": [_pair(one, other, lines, group_of) for one, other in pairs],
    }


def _table(kind, table):
    return {
        "kind": kind,
        "name": table.name,
        "encoding": table.encoding,
        "sheet": table.sheet,
        "other_sheets": table.other_sheets,
        "header_line": table.header_line,
        "rows": table.row_count,
        "totals": len(table.totals),
    }


def _columns(reading, tenant):
    found = {}
    for kind, table in reading.tables.items():
        dates = groups = None
        if kind == "interactions":
            columns = reading.interactions.columns
        elif kind == "cohorts":
            columns, groups = reading.community.cohorts.columns, reading.community.groups
        else:
            people = reading.community.people
            columns, dates, groups = people.columns, people.dates, reading.community.groups
        found[kind] = columns_of(table, columns, dates=dates, groups=groups, region=tenant.country, words=reading.how.words)
    return found


def _dates(people):
    """The convention of a file whose dates need one, with a date of it and what that is read as."""
    if not people.date_example:
        return {}
    try:
        day = people.dates.read(people.date_example)
    except ValueError:
        day = None
    return {
        "order": people.date_order,
        "doubtful": people.dates_doubtful,
        "example": people.date_example.strip(),
        "day": day.isoformat() if day else "",
    }


def _changed(seen, lines, reading):
    """Each member that would change, field by field, and how many change which field."""
    groups, counted, rows = reading.community.groups, Counter(), []
    touched = {member.pk: member for member in seen.compared.changed}
    names = dict(_names(set(seen.difference.moves) - touched.keys()))
    more = {row[1] for row in seen.compared.handles} & seen.compared.before.keys()
    for pk in dict.fromkeys([*touched, *seen.difference.moves]):
        member = touched.get(pk)
        differs = seen.compared.differences(member) if member else {}
        fields = [[name, _text(was), _text(becomes)] for name, (was, becomes) in differs.items()]
        if pk in seen.difference.moves:
            was, key = seen.difference.moves[pk]
            fields.append(["group", _text(was), groups.name(key)])
        if pk in more:
            fields.append(["handles", "", ""])
        if not fields:
            fields.append(["names", "", ""])
        counted.update(name for name, *_ in fields)
        rows.append({"id": str(pk), "name": member.nickname if member else names.get(pk, ""), "line": lines.get(pk), "fields": fields})
    rows.sort(key=lambda row: row["line"] or 0)
    return rows, dict(counted)


def _names(ids):
    return Member.objects.filter(pk__in=ids).values_list("pk", "nickname")


def _text(value):
    if isinstance(value, dict):
        return json.dumps(list(value.values()), ensure_ascii=False)[1:-1]
    return "、".join(map(str, value)) if isinstance(value, list) else str(as_code(value) or "")


def _person(member, lines, group_of):
    return {
        "line": lines.get(member.pk),
        "name": member.nickname,
        "city": member.city,
        "skills": member.skills[:4],
        "group": group_of.get(member.pk, ""),
        "expires": _text(member.expires_on),
    }


def _pair(one, other, lines, group_of):
    """Two people side by side: (field, the one's, the other's)."""
    fields = []
    for name in ("nickname", "city", "industry", "skills", "joined_on", "expires_on"):
        pair = [_text(getattr(member, name)) for member in (one, other)]
        fields.append([name, *pair])
    fields.append(["group", group_of.get(one.pk, ""), group_of.get(other.pk, "")])
    return {"lines": [lines.get(one.pk), lines.get(other.pk)], "ids": [str(one.pk), str(other.pk)], "fields": fields}
