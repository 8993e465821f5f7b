"""Whose turn it is: which of the due rows a sweep hands over, so that none waits for ever behind others.

Each row that was handed over bears a mark for a while: until when it is left alone, how often it was handed over, and whether its job
failed. So a long queue is worked off before it is queued anew, and what fails rests, each time for longer, and lets the others pass. The
marks lie in the cache. Without them everything gets its turn at once, which costs time and nothing else.
"""

import time
from typing import NamedTuple

from django.core.cache import cache

from .effects import TOGETHER

AGAIN_AFTER = 30.0  # seconds in which a row that was handed over is left alone; then its message is void and it is handed over anew
LONGEST_REST = 3600.0
KNOWN_FOR = 600.0  # seconds beyond, for which it is known what became of the last time
AT_ONCE = 2_000  # rows of one kind that are on their way together; of what is kept together, tenants
OF_FAILED = 10  # while there are enough others, one in so many is a row that failed before


class Mark(NamedTuple):
    until: float
    times: int = 1
    has_failed: bool = False


class Turn(NamedTuple):
    tenant: str
    row: str
    mark: Mark | None


def next_of(model, due):
    """The turns of this sweep. `due` are the due rows of the model as (tenant's id, row's id, due at)."""
    fresh, failed, room = [], [], AT_ONCE
    for rows in _pages(model, due):
        marks, moment = cache.get_many([_key(pk) for _tenant, pk, _due_at in rows]), time.time()
        for tenant, pk, _due_at in rows:
            mark = marks.get(_key(pk)) and Mark(*marks[_key(pk)])
            if mark is None or mark.until <= moment:
                (failed if mark and mark.has_failed else fresh).append(Turn(str(tenant), str(pk), mark))
            elif not mark.has_failed:  # it is on its way
                room -= 1
        if len(fresh) >= room:
            break
    room = max(room, 0)
    failed.sort(key=lambda turn: turn.mark.until)
    failed = failed[: max(room // OF_FAILED, room - len(fresh))]
    return failed + fresh[: room - len(failed)]


def given(turns):
    """These are handed over now. Without it the messages of a long queue would all be void before a worker comes to them."""
    until = time.time() + AGAIN_AFTER
    marks = {_key(row): (until, mark.times + 1, mark.has_failed) if mark else (until,) for _tenant, row, mark in turns}
    if marks:
        cache.set_many(marks, AGAIN_AFTER + KNOWN_FOR)


def failed(row):
    """Its job ended in an error, or with its worker: it rests."""
    times = Mark(*cache.get(_key(row), (0,))).times
    rest = min(AGAIN_AFTER * 2 ** (times - 1), LONGEST_REST)
    cache.set(_key(row), (time.time() + rest, times, True), rest + KNOWN_FOR)


def _key(row):
    return f"turn:{row}"


def _pages(model, due):
    """Those due longest first. Of what is kept together the first of each tenant stands for all of its rows."""
    if model in TOGETHER:
        first = due.order_by("tenant_id", "due_at", "pk").distinct("tenant_id")
        if rows := sorted(first, key=lambda row: row[2]):
            yield rows
        return
    due, after = due.order_by("due_at", "pk"), None
    while True:
        rows = list((due.filter(due_at__gte=after[2]).exclude(due_at=after[2], pk__lte=after[1]) if after else due)[:AT_ONCE])
        if rows:
            yield rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1]
