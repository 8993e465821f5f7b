"""Rows of a member file become people: checked, and several rows of one person joined."""

import re
from collections import Counter
from dataclasses import dataclass, fields
from operator import attrgetter

from .columns import IDENTITIES, MEMBER_FIELDS, Columns
from .dates import Dates
from .faults import Fault
from .packed import Packed, Twice
from .rows import Manner, Person, RowReader
from .values import GroupNames, parts_of_a_group

SECOND_SELF = re.compile(
    r"\s*[-(（\[【]?\s*(小号|副号|备用号?|分号|马甲|第?[二三]?号机|(?<=[(（\[【])\d{1,2})\s*[)）\]】]?\s*$"
)


FIELDS = tuple(field.name for field in fields(Person))


class Folk(Packed):
    """People, of whom each is only a copy that is made when it is asked for."""

    values = attrgetter(*FIELDS)

    def __init__(self, people=()):
        self.inviters = set()  # how rows name them
        super().__init__(people)

    def append(self, person):
        if person.inviter:
            self.inviters.add(person.inviter)
        super().append(person)

    @classmethod
    def pack(cls, block):
        return Packed.pack([cls.values(person) for person in block])

    @staticmethod
    def unpack(block):
        return [Person(*values) for values in Packed.unpack(block)]


@dataclass(slots=True)
class People:
    people: object  # a sequence of Person
    merged: list  # [first line of a person, a later line of theirs]
    rejected: list
    blank: list
    rows: int
    unknown_columns: list
    groups: GroupNames
    date_order: str = "ymd"
    dates_doubtful: bool = False  # day and month could be read either way round in the whole file
    date_example: str = ""  # a date of the file that has to be read in one order or the other
    columns: Columns | None = None
    dates: Dates | None = None


def read_people(table, groups=None, region="CN", manner=None):
    """The people in a table. Without a list of groups, those of the file itself are taken for right."""
    manner = manner or Manner()
    columns = Columns(table, MEMBER_FIELDS, manner.mapping)
    if not any(field.startswith("id:") for field in columns.at):
        columns.require(*IDENTITIES)
    days = [columns.reader(name) for name in ("joined", "expires")]
    dates = Dates((day(cells) for _, cells in table.rows for day in days), manner.order)
    groups = groups or _groups_of(table, columns)
    read = RowReader(columns, dates, groups, region, manner).read
    good, twice, rejected = Folk(), Twice(), list(table.rejected)
    for line, cells in table.rows:
        try:
            person = read(line, cells)
        except Fault as fault:
            rejected.append(fault.at(line, cells))
            continue
        good.append(person)
        for identity in person.identities:
            twice.add(identity)
    people, merged = _merge(good, twice.found())
    rejected.sort(key=lambda rejection: rejection.line)
    return People(
        people, merged, rejected, table.blank, table.row_count, columns.unknown, groups, dates.order, dates.doubtful,
        dates.example, columns, dates,
    )  # fmt: skip


def _groups_of(table, columns):
    """The groups a member file names itself, under the way it spells most of them."""
    cell = columns.reader("group")
    spellings = Counter(cell(cells) for _, cells in table.rows)
    words = Counter()
    for spelling, count in spellings.items():
        words[parts_of_a_group(spelling)[0]] += count
    return GroupNames(sorted(spellings, key=lambda spelling: (words[parts_of_a_group(spelling)[0]], spelling)))


def roots(handles_of_each):
    """For each item the position of the first that is the same person, joined by handles in common."""
    parent, first_with = [], {}

    def root(at):
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for at, item in enumerate(handles_of_each):
        parent.append(at)
        for handle in item:
            one, other = root(first_with.setdefault(handle, at)), root(at)
            parent[max(one, other)] = min(one, other)
    return [root(at) for at in range(len(parent))]


def _merge(rows, twice):
    """One person for all rows that are the same one's, and which lines were joined. Whoever has nothing in common with another row by
    `twice`, the hashes of identities that came again, is only handed on."""
    if not twice:
        return rows, []
    some = {at: row for at, row in enumerate(rows) if any(hash(identity) in twice for identity in row.identities)}
    found, merged, gone = list(some.values()), [], set()
    for (at, row), root in zip(some.items(), roots(row.identities for row in found), strict=True):
        if found[root] is not row:
            merged.append([found[root].lines[0], row.lines[0]])
            join(found[root], row)
            gone.add(at)
    return Folk(some.get(at, row) for at, row in enumerate(rows) if at not in gone), merged


def join(person, row):
    """Fill what the person lacks from a later row. No name and no handle is lost."""
    person.lines += row.lines
    for name in ("wechat", "phones", "others"):
        known = getattr(person, name)
        setattr(person, name, known + tuple(value for value in getattr(row, name) if value not in known))
    person.custom = row.custom | person.custom or person.custom
    for name in ("city", "industry", "skills", "joined", "expires", "group", "tags", "offers", "seeks", "paid"):
        if not getattr(person, name):
            setattr(person, name, getattr(row, name))
    if not person.inviter and not person.inviter_text:
        person.inviter, person.inviter_text = row.inviter, row.inviter_text
    person.partner = person.partner or row.partner
    if row.note and row.note not in person.note.split("\n"):
        person.note = f"{person.note}\n{row.note}" if person.note else row.note
    names = list(dict.fromkeys(filter(None, (person.nickname, *person.former, row.nickname))))
    names.sort(key=lambda name: bool(SECOND_SELF.search(name[-12:])))  # the sort is stable: else the first row's name is shown
    if names:
        person.nickname, person.former = names[0], tuple(names[1:])
