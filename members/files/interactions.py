"""Rows of an interaction file, checked: who spoke to whom, when and in which group. They are counted here and read later."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time

from members.handles import plain, wechat

from .columns import INTERACTION_FIELDS, Columns
from .dates import Dates
from .faults import Fault
from .values import GroupNames

CLOCK = re.compile(r"(.+?)[\sT]+(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)


@dataclass(slots=True)
class Interactions:
    rows: int
    rejected: list
    blank: list
    speakers: Counter  # WeChat id -> how often they spoke
    began: dict  # WeChat id -> when they first spoke
    acts: Counter
    groups: Counter  # spelling -> rows
    unknown_groups: list
    first: datetime | None
    last: datetime | None
    columns: Columns


def read_interactions(table, known_groups=(), mapping=None, order=None):
    columns = Columns(table, INTERACTION_FIELDS, mapping)
    columns.require("when")
    columns.require("speaker")
    when, group, who_spoke, act, target = map(columns.reader, INTERACTION_FIELDS)
    days = Dates({_day_of(when(cells)) for _, cells in table.rows}, order)
    rejected, speakers, began, acts, groups, first, last = list(table.rejected), Counter(), {}, Counter(), Counter(), None, None
    for line, cells in table.rows:
        try:
            moment = _moment(when(cells), days, columns)
            who, to = plain(who_spoke(cells)), plain(target(cells))
            for text in (who, to) if to else (who,):
                if not wechat(text):
                    raise Fault("bad_wechat_id", value=text)
        except Fault as fault:
            rejected.append(fault.at(line, cells))
            continue
        speaker = wechat(who)
        speakers[speaker] += 1
        began[speaker] = min(began.get(speaker, moment), moment)
        acts[plain(act(cells))] += 1
        groups[group(cells).strip()] += 1
        first, last = min(first or moment, moment), max(last or moment, moment)
    rejected.sort(key=lambda rejection: rejection.line)
    known = GroupNames(known_groups)
    unknown = [name for name in groups if name and not known.find(name)] if known_groups else []
    return Interactions(table.row_count, rejected, table.blank, speakers, began, acts, groups, unknown, first, last, columns)


def _day_of(text):
    found = CLOCK.fullmatch(plain(text))
    return found[1] if found else plain(text)


def _moment(text, days, columns):
    found = CLOCK.fullmatch(plain(text))
    try:
        day = days.read(found[1]) if found else days.read(plain(text))
        if not isinstance(day, date):
            raise ValueError(text)
        return datetime.combine(day, time(int(found[2]), int(found[3])) if found else time())
    except ValueError:
        raise Fault("bad_moment", value=text.strip()[:40], column=columns.header_of("when")) from None
