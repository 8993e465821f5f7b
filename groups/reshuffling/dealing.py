"""First plans: everybody at home, or each in turn where it costs least; then broken rules are mended by small steps."""

import numpy as np
from numba import njit

from .annealing import USED, below, draw, meets_foe, seat


def deal(tables, state):
    """Large units first, equals in random order."""
    units = len(tables.size)
    if tables.budget >= 0:
        for u in np.flatnonzero(tables.home >= 0):
            seat(tables, state, u, tables.home[u])
    for u in np.flatnonzero((tables.allowed.sum(1) == 1) & (state.at < 0)):
        seat(tables, state, u, tables.allowed[u].argmax())
    shuffled = np.arange(units)
    shuffle(state.dice, shuffled)
    order = shuffled[np.argsort(-tables.size[shuffled], kind="stable")]
    deal_greedily(tables, state, order)


@njit(cache=True)
def shuffle(dice, some):
    for i in range(len(some) - 1, 0, -1):
        j = below(dice, i + 1)
        some[i], some[j] = some[j], some[i]


@njit(cache=True)
def deal_greedily(t, s, order):
    for u in order:
        if s.at[u] >= 0:
            continue
        best, where = np.int64(0), -1
        for g in range(len(s.seats)):
            if not t.allowed[u, g]:
                continue
            cost = s.gain[u, g] + max(t.size_worth, 1) * t.size[u] * s.seats[g]
            for e in range(t.fptr[u], t.fptr[u + 1]):
                cost += t.worth[t.feature[e]] * t.times[e] * s.counts[t.feature[e], g]
            if s.seats[g] + t.size[u] > t.high[g] or meets_foe(t, s, u, g, -1):
                cost += np.int64(1) << 60
            if where < 0 or cost < best:
                best, where = cost, g
        seat(t, s, u, where)


@njit(cache=True)
def broken(t, s):
    """How far the plan is from keeping sizes, pairs apart and the budget."""
    total = max(0, s.tally[USED] - t.budget) if t.budget >= 0 else 0
    for g in range(len(s.seats)):
        total += max(0, s.seats[g] - t.high[g]) + max(0, t.low[g] - s.seats[g])
    for u in range(len(s.at)):
        for e in range(t.aptr[u], t.aptr[u + 1]):
            if t.foe[e] > u and s.at[t.foe[e]] == s.at[u]:
                total += 1
    return total


@njit(cache=True)
def _worse(t, s, u, b):
    """How much further from the rules u in b would be."""
    a, m = s.at[u], t.size[u]
    d = max(0, s.seats[b] + m - t.high[b]) - max(0, s.seats[b] - t.high[b])
    d += max(0, t.low[b] - s.seats[b] - m) - max(0, t.low[b] - s.seats[b])
    d += max(0, s.seats[a] - m - t.high[a]) - max(0, s.seats[a] - t.high[a])
    d += max(0, t.low[a] - s.seats[a] + m) - max(0, t.low[a] - s.seats[a])
    if t.budget >= 0:
        then = s.tally[USED] + t.moves[u, b] - t.moves[u, a]
        d += max(0, then - t.budget) - max(0, s.tally[USED] - t.budget)
    for e in range(t.aptr[u], t.aptr[u + 1]):
        d += (s.at[t.foe[e]] == b) - (s.at[t.foe[e]] == a)
    return d


@njit(cache=True)
def mend(t, s, steps):
    """Random single steps and swaps that bring the plan no further from the rules, rarely one that does."""
    left = broken(t, s)
    for _ in range(steps):
        if left == 0 or len(t.pool) == 0:
            break
        u = t.pool[below(s.dice, len(t.pool))]
        a, b, v = s.at[u], below(s.dice, len(s.seats)), -1
        if draw(s.dice) & np.uint64(1):
            v = t.pool[below(s.dice, len(t.pool))]
            b = s.at[v]
        if a == b or not t.allowed[u, b] or (v >= 0 and not t.allowed[v, a]):
            continue
        before = left
        left += _worse(t, s, u, b)
        seat(t, s, u, b)
        if v >= 0:
            left += _worse(t, s, v, a)
            seat(t, s, v, a)
        if left > before and below(s.dice, 1000) >= (20 if left == before + 1 else 2):
            seat(t, s, u, a)
            if v >= 0:
                seat(t, s, v, b)
            left = before
    return left
