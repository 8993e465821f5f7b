"""The search: simulated annealing over plans that keep every hard rule, in whole numbers throughout.

`gain[u, g]` holds what u would cost with the neighbours that sit in g now, so that a proposal costs a few look-ups and
only an accepted one walks the neighbours.
"""

from decimal import Context, Decimal
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit

# ruff: noqa: SIM110 (compiled code knows no generators)

LOG_STEPS = 4096


@cache
def logarithms():
    """-ln(r) for even steps of r in units of 2^-16, by decimal arithmetic: the same on every machine."""
    exact = Context(prec=14)
    steps = (exact.divide(Decimal(2 * at + 1), Decimal(2 * LOG_STEPS)) for at in range(LOG_STEPS))
    return np.array([round(-exact.ln(step) * 65536) for step in steps], np.int64)


class State(NamedTuple):
    at: np.ndarray  # [unit] -> group, -1 while not dealt
    seats: np.ndarray
    gain: np.ndarray  # [unit, group]
    counts: np.ndarray  # [feature, group]
    movers: np.ndarray  # units that are not at home, in the first `tally[MOVERS]` places
    place: np.ndarray  # [unit] -> place among the movers or -1
    tally: np.ndarray
    dice: np.ndarray


USED, MOVERS, CHANGE = 0, 1, 2  # places of the tally: moves used, number of movers, change of cost


def blank_state(tables, seed):
    units, groups = tables.allowed.shape
    mixed = (int(seed) * 0x9E3779B97F4A7C15 + 0x2545F4914F6CDD1D) % 2**64 or 1
    state = State(
        np.full(units, -1, np.int64), np.zeros(groups, np.int64), np.zeros((units, groups), np.int64),
        np.zeros((len(tables.worth), groups), np.int64), np.zeros(units, np.int64), np.full(units, -1, np.int64),
        np.zeros(3, np.int64), np.array([mixed], np.uint64),
    )  # fmt: skip
    for _ in range(16):
        draw(state.dice)
    return state


@njit(cache=True)
def draw(dice):
    x = dice[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    dice[0] = x
    return (x * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(32)


@njit(cache=True)
def below(dice, n):
    return np.int64((draw(dice) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True)
def relocation(t, s, u, a, b):
    """What it costs to take u from a to b while nobody else moves."""
    m = t.size[u]
    d = s.gain[u, b] - s.gain[u, a] + t.size_worth * m * (s.seats[b] - s.seats[a] + m)
    for e in range(t.fptr[u], t.fptr[u + 1]):
        f = t.feature[e]
        m = t.times[e]
        d += t.worth[f] * m * (s.counts[f, b] - s.counts[f, a] + m)
    return d


@njit(cache=True)
def together(t, u, v):
    """What u and v cost when they share a group."""
    d = t.size_worth * t.size[u] * t.size[v]
    i, j = t.fptr[u], t.fptr[v]
    while i < t.fptr[u + 1] and j < t.fptr[v + 1]:
        if t.feature[i] < t.feature[j]:
            i += 1
        elif t.feature[i] > t.feature[j]:
            j += 1
        else:
            d += t.worth[t.feature[i]] * t.times[i] * t.times[j]
            i += 1
            j += 1
    low, high = t.nptr[u], t.nptr[u + 1]
    while low < high:
        middle = (low + high) >> 1
        if t.neighbour[middle] < v:
            low = middle + 1
        else:
            high = middle
    if low < t.nptr[u + 1] and t.neighbour[low] == v:
        d += t.price[low]
    return d


@njit(cache=True)
def seat(t, s, u, b):
    """Put u into b, out of where it sits."""
    a = s.at[u]
    s.at[u] = b
    s.seats[b] += t.size[u]
    s.tally[USED] += t.moves[u, b]
    for e in range(t.fptr[u], t.fptr[u + 1]):
        s.counts[t.feature[e], b] += t.times[e]
    if a < 0:
        for e in range(t.nptr[u], t.nptr[u + 1]):
            s.gain[t.neighbour[e], b] += t.price[e]
    else:
        s.seats[a] -= t.size[u]
        s.tally[USED] -= t.moves[u, a]
        for e in range(t.fptr[u], t.fptr[u + 1]):
            s.counts[t.feature[e], a] -= t.times[e]
        for e in range(t.nptr[u], t.nptr[u + 1]):
            v, w = t.neighbour[e], t.price[e]
            s.gain[v, b] += w
            s.gain[v, a] -= w
    _list_mover(t, s, u)


@njit(cache=True)
def _list_mover(t, s, u):
    away = t.home[u] >= 0 and s.at[u] != t.home[u]
    if away and s.place[u] < 0:
        s.place[u] = s.tally[MOVERS]
        s.movers[s.place[u]] = u
        s.tally[MOVERS] += 1
    elif not away and s.place[u] >= 0:
        s.tally[MOVERS] -= 1
        last = s.movers[s.tally[MOVERS]]
        s.movers[s.place[u]] = last
        s.place[last] = s.place[u]
        s.place[u] = -1


@njit(cache=True)
def meets_foe(t, s, u, b, leaving):
    """Somebody kept apart from u sits in b and is not about to leave."""
    for e in range(t.aptr[u], t.aptr[u + 1]):
        if s.at[t.foe[e]] == b and t.foe[e] != leaving:
            return True
    return False


@njit(cache=True)
def are_foes(t, u, v):
    for e in range(t.aptr[u], t.aptr[u + 1]):
        if t.foe[e] == v:
            return True
    return False


@njit(cache=True)
def size_fits(t, s, g, more):
    return more == 0 or t.low[g] <= s.seats[g] + more <= t.high[g]


@njit(cache=True)
def try_shift(t, s, u, b, limit):
    """Take u to b, if the rules let it and it costs no more than `limit`."""
    a, m = s.at[u], t.size[u]
    if a == b or not t.allowed[u, b] or s.seats[b] + m > t.high[b] or s.seats[a] - m < t.low[a]:
        return False
    if t.budget >= 0 and s.tally[USED] + t.moves[u, b] - t.moves[u, a] > max(t.budget, s.tally[USED]):
        return False
    d = relocation(t, s, u, a, b)
    if d > limit or meets_foe(t, s, u, b, -1):
        return False
    seat(t, s, u, b)
    s.tally[CHANGE] += d
    return True


@njit(cache=True)
def try_pair(t, s, u, b, v, c, limit):
    """Take u to b and v to c at once, likewise."""
    a, e = s.at[u], s.at[v]
    if u == v or a == b or e == c or not t.allowed[u, b] or not t.allowed[v, c]:
        return False
    if t.budget >= 0:
        extra = t.moves[u, b] - t.moves[u, a] + t.moves[v, c] - t.moves[v, e]
        if extra > 0 and s.tally[USED] + extra > t.budget:
            return False
    cross = (b == c) - (b == e) - (a == c) + (a == e)
    d = relocation(t, s, u, a, b) + relocation(t, s, v, e, c)
    if cross < 0 and d + cross * min(t.peak[u], t.peak[v]) > limit:
        return False
    if cross != 0:
        d += cross * together(t, u, v)
    if d > limit or not _pair_fits(t, s, u, a, b, v, e, c):
        return False
    seat(t, s, u, b)
    seat(t, s, v, c)
    s.tally[CHANGE] += d
    return True


@njit(cache=True)
def _pair_fits(t, s, u, a, b, v, e, c):
    if meets_foe(t, s, u, b, v) or meets_foe(t, s, v, c, u) or (b == c and are_foes(t, u, v)):
        return False
    if a == c and b == e and t.size[u] == t.size[v]:
        return True
    fits = True
    for g in (a, b, e, c):
        more = t.size[u] * ((g == b) - (g == a)) + t.size[v] * ((g == c) - (g == e))
        fits = fits and size_fits(t, s, g, more)
    return fits


SAMPLES = 6


@njit(cache=True)
def try_whole_bond(t, s, u, b, limit, others):
    """Take a Bond to b; for the moves that takes, others go home, or others leave for those it gives back. Or nobody moves."""
    a = s.at[u]
    if a == b or not t.allowed[u, b]:
        return False
    spent = s.tally[USED]
    d = relocation(t, s, u, a, b)
    seat(t, s, u, b)
    many = 0
    while many < len(others) and s.tally[USED] != spent:
        v, g = _cheapest_home(t, s, u) if s.tally[USED] > spent else _cheapest_leaver(t, s, a, b)
        if v < 0:
            break
        others[many, 0], others[many, 1] = v, s.at[v]
        many += 1
        d += relocation(t, s, v, s.at[v], g)
        seat(t, s, v, g)
    if d <= limit and s.tally[USED] <= t.budget and _all_fits(t, s, u, others, many):
        s.tally[CHANGE] += d
        return True
    for x in range(many - 1, -1, -1):
        seat(t, s, others[x, 0], others[x, 1])
    seat(t, s, u, a)
    return False


@njit(cache=True)
def _cheapest_home(t, s, bond):
    """Of some single members who have moved, the one whose going home costs least."""
    best, who = np.int64(0), -1
    for _ in range(SAMPLES if s.tally[MOVERS] > 0 else 0):
        v = s.movers[below(s.dice, s.tally[MOVERS])]
        if v == bond or t.size[v] > 1:
            continue
        d = relocation(t, s, v, s.at[v], t.home[v])
        if who < 0 or d < best:
            best, who = d, v
    return who, t.home[who]


@njit(cache=True)
def _cheapest_leaver(t, s, left, entered):
    """Of some single members at home, mostly where the Bond came in, the one whose leaving pays most, and where to."""
    best, who, where = np.int64(0), -1, -1
    for x in range(SAMPLES):
        v = t.pool[below(s.dice, len(t.pool))]
        if x > 0 and t.hptr[entered + 1] > t.hptr[entered]:
            v = t.at_home[t.hptr[entered] + below(s.dice, t.hptr[entered + 1] - t.hptr[entered])]
        if t.size[v] > 1 or s.at[v] != t.home[v]:
            continue
        g = left if x & 1 else below(s.dice, len(s.seats))
        if g == s.at[v] or not t.allowed[v, g]:
            continue
        d = relocation(t, s, v, s.at[v], g)
        if who < 0 or d < best:
            best, who, where = d, v, g
    return who, where


@njit(cache=True)
def _all_fits(t, s, u, others, many):
    for g in range(len(s.seats)):
        if s.seats[g] < t.low[g] or s.seats[g] > t.high[g]:
            return False
    for x in range(many):
        if meets_foe(t, s, others[x, 0], s.at[others[x, 0]], -1):
            return False
    return not meets_foe(t, s, u, s.at[u], -1)


@njit(cache=True)
def anneal(t, s, steps, heat, logs):
    """`steps` proposals at one temperature, in millionths."""
    groups = len(s.seats)
    others = np.zeros((2 * t.size.max(), 2), np.int64)  # room for `try_whole_bond`
    for _ in range(steps):
        limit = (heat * logs[draw(s.dice) >> np.uint64(20)]) >> 16
        u = t.pool[below(s.dice, len(t.pool))]
        kind = below(s.dice, 64)
        if t.budget < 0 or s.tally[MOVERS] == 0:
            if kind < 48:
                v = t.pool[below(s.dice, len(t.pool))]
                try_pair(t, s, u, s.at[v], v, s.at[u], limit)
            else:
                try_shift(t, s, u, below(s.dice, groups), limit)
        else:
            _with_budget(t, s, u, kind, limit, others)


@njit(cache=True)
def _with_budget(t, s, u, kind, limit, others):
    v = s.movers[below(s.dice, s.tally[MOVERS])]
    if kind < 12:  # two who have moved
        u = s.movers[below(s.dice, s.tally[MOVERS])]
        try_pair(t, s, u, s.at[v], v, s.at[u], limit)
    elif kind < 26:  # one goes home, and another of that home takes the seat
        h = t.home[v]
        if t.hptr[h + 1] > t.hptr[h]:
            u = t.at_home[t.hptr[h] + below(s.dice, t.hptr[h + 1] - t.hptr[h])]
            try_pair(t, s, u, s.at[v], v, s.at[u], limit)
    elif kind < 32:  # anybody
        v = t.pool[below(s.dice, len(t.pool))]
        try_pair(t, s, u, s.at[v], v, s.at[u], limit)
    elif kind < 43:  # one who has moved tries another group
        try_shift(t, s, v, below(s.dice, len(s.seats)), limit)
    else:
        b = below(s.dice, len(s.seats))
        if t.size[u] > 1 and t.home[u] >= 0 and kind & 1:
            b = t.home[u] if s.at[u] != t.home[u] else b
            try_whole_bond(t, s, u, b, limit, others)
        elif s.tally[USED] + t.moves[u, b] - t.moves[u, s.at[u]] > t.budget:  # one who has moved goes home instead
            try_pair(t, s, u, b, v, t.home[v], limit)
        else:
            try_shift(t, s, u, b, limit)
