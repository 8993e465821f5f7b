"""Random dealing: the yardstick for a plan, with the same number of moves and the rules as far as that is easy."""

import numpy as np
from numba import njit

from .annealing import below, draw, meets_foe
from .dealing import shuffle


def seed_dice(seed):
    dice = np.array([(int(seed) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64 or 1], np.uint64)
    for _ in range(16):
        draw(dice)
    return dice


def deal_at_random(tables, state, moves, dice):
    """[unit] -> group. With `moves` None all are dealt anew, else so many leave and the others stay."""
    order = np.arange(len(tables.size))
    shuffle(dice, order)
    fixed = tables.allowed.sum(1) == 1
    if moves is None:
        stay = fixed
    else:
        stay = tables.home >= 0
        leave = _leavers(tables, order, moves)
        stay[leave] = False
    at = np.where(fixed, tables.allowed.argmax(1), np.where(stay, tables.home, -1))
    state.at[:] = at
    seats = np.bincount(at[at >= 0], weights=tables.size[at >= 0], minlength=len(tables.low)).astype(np.int64)
    bound_first = order[np.argsort(-tables.size[order], kind="stable")]
    _deal(tables, state, seats, bound_first, moves is not None, dice)
    return state.at.copy()


def _leavers(tables, order, moves):
    """Single members in random order, after what the rules force."""
    homed = np.flatnonzero(tables.home >= 0)
    spent = int(tables.moves[homed, tables.home[homed]].sum())
    loose = order[(tables.home[order] >= 0) & (tables.size[order] == 1) & (tables.allowed[order].sum(1) > 1)]
    return loose[: max(0, moves - spent)]


@njit(cache=True)
def _deal(t, s, seats, order, leaves, dice):
    for u in order:
        if s.at[u] >= 0:
            continue
        best, where, ties = np.int64(0), -1, 0
        for g in range(len(seats)):
            if not t.allowed[u, g]:
                continue
            full = seats[g] + t.size[u] > t.high[g] or meets_foe(t, s, u, g, -1) or (leaves and g == t.home[u])
            cost = seats[g] + (np.int64(1) << 40) * full
            if where < 0 or cost < best:
                best, where, ties = cost, g, 1
            elif cost == best:
                ties += 1
                if below(dice, ties) == 0:
                    where = g
        s.at[u] = where
        seats[where] += t.size[u]
