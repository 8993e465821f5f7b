"""What a person looks at before an import: the columns, and row by row what would be new, changed, doubtful.

It holds people, so it is kept as a file beside the uploads and goes with them, not in the job's row."""

import heapq
import json
from collections import Counter

from members import doubtful
from members.files import Columns
from members.files.columns import FIELDS
from members.files.samples import columns_of
from members.intake import as_code
from members.models import Member

from .import_reading import settled_groups, unknown_groups

MOST = 300  # of what is only named


def columns_alone(tables, mappings):
    """The columns of files that could not be read to their end."""
    return {"columns": {kind: columns_of(table, Columns(table, FIELDS[kind], _once(mappings.get(kind)))) for kind, table in tables.items()}}


def _once(mapping):
    """A mapping without fields that it names twice, so that it can be shown."""
    times = Counter((mapping or {}).values())
    return {key: field for key, field in (mapping or {}).items() if times[field] == 1 or not field}


def of_interactions(reading, tenant):
    read = reading.interactions
    return _head(reading, tenant) | {"unknown_groups": read.unknown_groups[:MOST], "speakers": read.speakers.most_common(10)}


def _head(reading, tenant):
    return {"tables": [_table(kind, table) for kind, table in reading.tables.items()], "columns": _columns(reading, tenant)}


class Review:
    """Everything for the page. `seen` is what `imports.compared` found.

    `rows` are worked out as they are asked for, since a file may have a hundred thousand; `numbers` are whole afterwards."""

    def __init__(self, reading, seen, tenant):
        self.reading, self.seen = reading, seen
        found = seen.compared
        self.head = _head(reading, tenant) | {"dates": _dates(reading.community.people)}
        self.head["spellings"] = unknown_groups(reading)[:MOST]
        self.head["settled"] = settled_groups(reading)[:MOST]
        self.pairs = doubtful.pairs(self._everybody)
        self.head["pairs"] = []  # the key of each, and whether each of the two is here: for what a page asks of all of them
        self.fields = Counter()
        moved = seen.difference.moves.keys()
        if moved:
            moved = moved - {each.member.pk for each in found.touched()}
        self.lines = self._lines_of({*moved, *(other.pk for _one, other in self.pairs if not hasattr(other, "person"))})
        fresh = (member for member in found.fresh() if hasattr(member.person, "lines"))
        self.rows = {"new": map(self._person, fresh), "changed": self._changed(moved), "doubtful": map(self._pair, self.pairs)}
        many = found.changed + len(moved)
        same = max(0, found.members - many - found.added)
        self.numbers = {"same": same, "doubtful": len(self.pairs), "fields": self.fields, "touched": many}

    def _lines_of(self, ids):
        """{member's id: the first line of the file that tells of them}"""
        lines = {}
        for (_at, person), pk in zip(self.seen.compared.told(), self.seen.compared.ids, strict=True) if ids else ():
            if pk in ids:
                lines.setdefault(pk, person.lines[0])
        return lines

    def _everybody(self):
        """Of whom the file tells something new."""
        yield from self.seen.compared.fresh()
        yield from (each.member for each in self.seen.compared.touched())

    def _group_of(self, pk):
        key = self.seen.sits.get(pk)
        return self.reading.community.groups.name(key) if key else ""

    def _changed(self, moved):
        """Each member that would change, field by field, in the order of the file; how many change which field is counted."""
        names = dict(_names(moved))
        sitting = [(self.lines.get(pk, 0), pk, names.get(pk, ""), self._seat_of(pk)) for pk in moved]
        sitting.sort(key=lambda row: row[:2])
        found = ((each.member, self._fields(each)) for each in self.seen.compared.touched())
        touched = ((member.person.lines[0], member.pk, member.nickname, fields) for member, fields in found)
        for line, pk, name, fields in heapq.merge(touched, sitting, key=lambda row: row[:2]):
            self.fields.update(each for each, *_ in fields)
            yield {"id": str(pk), "name": name, "line": line or None, "fields": fields}

    def _fields(self, touched):
        fields = [[name, _text(was), _text(becomes)] for name, (was, becomes) in touched.differences.items()]
        fields += self._seat_of(touched.member.pk)
        if touched.handles:
            fields.append(["handles", "", ""])
        for _id, _pk, begins, ends, price in touched.paid:
            fields.append(["paid", "", f"{price / 100:,.2f} · {begins} – {ends}"])
        return fields or [["names", "", ""]]

    def _seat_of(self, pk):
        if pk not in self.seen.difference.moves:
            return []
        was, key = self.seen.difference.moves[pk]
        return [["group", _text(was), self.reading.community.groups.name(key)]]

    def _person(self, member):
        return {
            "line": member.person.lines[0],
            "name": member.nickname,
            "city": member.city,
            "skills": member.skills[:4],
            "group": self._group_of(member.pk),
            "expires": _text(member.expires_on),
        }

    def _pair(self, pair):
        """Two people side by side: (field, the one's, the other's). Lines and ids outlast the reading, so the pair is called by them."""
        one, other = pair
        fields = []
        for name in ("nickname", "city", "industry", "skills", "joined_on", "expires_on"):
            fields.append([name, *(_text(getattr(member, name)) for member in pair)])
        fields.append(["group", *(self._group_of(member.pk) for member in pair)])
        lines = [member.person.lines[0] if hasattr(member, "person") else self.lines.get(member.pk) for member in pair]
        key = f"{lines[0]}:{lines[1] or other.pk}"
        known = [not doubtful.is_new(member) for member in pair]
        self.head["pairs"].append([key, known])
        return {"key": key, "lines": lines, "ids": [str(one.pk), str(other.pk)], "known": known, "fields": fields}


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


def _names(ids):
    return Member.objects.filter(pk__in=ids).values_list("pk", "nickname")


def _text(value):
    if isinstance(value, dict):
        return json.dumps(list(value.values()), ensure_ascii=False)[1:-1]
    return "、".join(map(str, value)) if isinstance(value, list) else str(as_code(value) or "")
