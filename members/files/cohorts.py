"""Rows of a cohort file become placements: who sat in which group in which half-year."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from .columns import COHORT_FIELDS, Columns
from .faults import Fault
from .rows import group_in, handles_in
from .values import GroupNames, half_year


class Placement(NamedTuple):
    line: int
    year: int
    half: int
    group: str  # a key of GroupNames
    wechat: str | None
    phone: str | None = None

    @property
    def cohort(self):
        return cohort_name(self.year, self.half)

    @property
    def handles(self):
        return [handle for handle in (self.wechat, self.phone) if handle]


@dataclass(slots=True)
class Cohorts:
    placements: list
    rejected: list
    repeated: list  # [line, a later line that says the same]
    blank: list
    rows: int
    groups: GroupNames
    halves: list  # (year, half), the last of which is the present one
    unknown_columns: list
    columns: Columns | None = None
    now: tuple | None = None  # (year, half) that the community is in; a history that ends before it says nothing of today

    @property
    def names(self):
        return [cohort_name(*half) for half in self.halves]

    @property
    def present(self):
        last = self.halves[-1] if self.halves else None
        return None if last and self.now and last < self.now else last

    def headcount(self):
        """Placements of each half-year, by its name."""
        counted = Counter((placement.year, placement.half) for placement in self.placements)
        return {cohort_name(*half): counted[half] for half in self.halves}


def cohort_name(year, half):
    return f"{year}H{half}"


def read_cohorts(table, region="CN", known_groups=(), mapping=None, now=None):
    """The placements in a table. Its own spelling of a group comes last and so becomes the name."""
    columns = Columns(table, COHORT_FIELDS, mapping)
    for needed in ("cohort",), ("group",), ("wechat", "phone"):
        columns.require(*needed)
    cohort, group, wechat, phone = map(columns.reader, ("cohort", "group", "wechat", "phone"))
    spellings = reversed(dict.fromkeys(group(cells) for _, cells in reversed(table.rows)))
    groups = GroupNames([*known_groups, *spellings])
    placements, rejected = [], list(table.rejected)
    seats = Seats(groups)
    for line, cells in table.rows:
        try:
            who = handles_in(wechat(cells), phone(cells), region)
            when = half_year(cohort(cells))
            if not when:
                raise Fault("unknown_cohort", value=cohort(cells).strip())
            where = group_in(group(cells), groups)
            if not where:
                raise Fault("no_group", example=next(map(groups.name, groups), "会员1群"))
            placement = Placement(line, *when, where, *who)
            if seats.take(placement, *filter(None, who)):
                placements.append(placement)
        except Fault as fault:
            rejected.append(fault.at(line, cells))
    rejected.sort(key=lambda rejection: rejection.line)
    halves = sorted({(placement.year, placement.half) for placement in placements})
    return Cohorts(placements, rejected, seats.repeated, table.blank, table.row_count, groups, halves, columns.unknown, columns, now)


class Seats:
    """Nobody sits in two groups of one half-year."""

    def __init__(self, groups):
        self.groups, self.taken, self.repeated = groups, {}, []

    def take(self, placement, *people):
        """True for a new seat, False for one that is said again; a Fault for a second one."""
        keys = [(person, placement.year, placement.half) for person in people]
        first = next((self.taken[key] for key in keys if key in self.taken), None)
        if not first:
            self.taken.update(dict.fromkeys(keys, placement))
            return True
        if first.group == placement.group:
            self.repeated.append([first.line, placement.line])
            return False
        names = {"value": self.groups.name(placement.group), "other": self.groups.name(first.group)}
        raise Fault("placed_twice", **names, first_line=first.line)
