"""The problem as the inner loops want it.

A unit is a Bond or a single member. What two units cost when they share a group comes in two forms: acquaintances and
ties as lists of neighbours (their sums lie in the gain table of the search), tags as features with counts per group.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from .problem import MILLION, BadProblem

MOST_NEIGHBOURS = 80_000_000  # beyond it (some 30,000 members) the history is counted by features, see `_features`


class Tables(NamedTuple):
    size: np.ndarray
    allowed: np.ndarray  # [unit, group]
    moves: np.ndarray  # [unit, group] -> how many moves it takes to sit there
    home: np.ndarray  # where a unit sits with the fewest moves; -1 for newcomers
    low: np.ndarray
    high: np.ndarray
    nptr: np.ndarray  # neighbours of u: neighbour[nptr[u]:nptr[u + 1]], in order
    neighbour: np.ndarray
    price: np.ndarray
    fptr: np.ndarray  # features of u, likewise
    feature: np.ndarray
    times: np.ndarray  # members of the unit that have the feature
    worth: np.ndarray  # [feature] -> cost of one pair
    aptr: np.ndarray
    foe: np.ndarray
    peak: np.ndarray  # nothing costs u more with one other unit
    pool: np.ndarray  # units with a choice
    hptr: np.ndarray  # units of the pool by home
    at_home: np.ndarray
    size_worth: int
    budget: int  # -1: none


@dataclass
class Units:
    of: np.ndarray  # [member] -> unit
    first: np.ndarray  # members of u: member[first[u]:first[u + 1]]
    member: np.ndarray

    def __len__(self):
        return len(self.first) - 1

    def sums(self, values):
        """Per unit the sum of a column or a table over its members."""
        out = np.zeros((len(self), *values.shape[1:]), np.int64)
        np.add.at(out, self.of, values)
        return out


def units_of(problem):
    root = list(range(len(problem.members)))

    def find(at):
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    for bond in problem.bonds:
        for member in bond[1:]:
            one, other = sorted((find(bond[0]), find(member)))
            root[other] = one
    roots = np.array([find(at) for at in range(len(root))], np.int64)
    _, unit = np.unique(roots, return_inverse=True)
    unit = unit.astype(np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(unit))]).astype(np.int64)
    return Units(unit, first, np.argsort(unit, kind="stable"))


def open_to(problem, units):
    """[unit, group]: no member of the unit is pinned elsewhere, and the group is closed to none."""
    barred = np.zeros((len(problem.members), len(problem.groups)), np.bool_)
    for at, may in enumerate(problem.allowed):
        if may is not None:
            barred[at] = True
            barred[at, sorted(may)] = False
    for at in np.flatnonzero(problem.pinned):
        keep = barred[at, problem.current[at]]
        barred[at] = True
        barred[at, problem.current[at]] = keep
    return units.sums(barred.astype(np.int64)) == 0


def moves_to(problem, units):
    seated = np.zeros((len(problem.members), len(problem.groups)), np.int64)
    has = np.flatnonzero(problem.current >= 0)
    seated[has, problem.current[has]] = 1
    return units.sums(problem.sits.astype(np.int64))[:, None] - units.sums(seated)


def homes(problem, units, allowed, moves):
    """The open group that takes the fewest moves, for units of which somebody sits in one of these groups."""
    seated = units.sums((problem.current >= 0).astype(np.int64)) > 0
    cheapest = np.where(allowed, moves, np.iinfo(np.int64).max)
    return np.where(seated & allowed.any(1), cheapest.argmin(1), -1)


def tables_of(problem, units=None, *, with_neighbours=True):
    units = units or units_of(problem)
    allowed = open_to(problem, units)
    moves = moves_to(problem, units)
    home = homes(problem, units, allowed, moves)
    pool = np.flatnonzero(allowed.sum(1) > 1)
    by_lists = _neighbours_fit(problem)
    nptr, neighbour, price = _neighbours(problem, units, by_lists) if with_neighbours else _no_neighbours(units)
    fptr, feature, times, worth = _features(problem, units, with_neighbours and not by_lists)
    aptr, foe = _foes(problem, units)
    size = np.diff(units.first)
    tables = Tables(
        size, allowed, moves, home, problem.low, problem.high, nptr, neighbour, price, fptr, feature, times, worth,
        aptr, foe, np.zeros(len(units), np.int64), pool, *_by_home(pool, home, len(problem.groups)),
        problem.weight("size"), -1 if problem.max_moves is None else problem.max_moves,
    )  # fmt: skip
    _peaks(tables)
    return tables


def _by_home(pool, home, groups):
    with_home = pool[home[pool] >= 0]
    order = with_home[np.argsort(home[with_home], kind="stable")]
    return np.concatenate([[0], np.cumsum(np.bincount(home[with_home], minlength=groups))]).astype(np.int64), order


def _foes(problem, units):
    foes = [[] for _ in range(len(units))]
    for one, other in problem.apart:
        a, b = int(units.of[one]), int(units.of[other])
        foes[a].append(b)
        foes[b].append(a)
    flat = np.array([foe for some in foes for foe in some], np.int64)
    return np.concatenate([[0], np.cumsum([len(some) for some in foes])]).astype(np.int64), flat


@njit(cache=True)
def _peaks(tables):
    for u in range(len(tables.size)):
        most = 0
        for e in range(tables.nptr[u], tables.nptr[u + 1]):
            most = max(most, tables.price[e])
        for e in range(tables.fptr[u], tables.fptr[u + 1]):
            most += tables.worth[tables.feature[e]] * tables.times[e] * tables.size.max()
        tables.peak[u] = most + tables.size_worth * tables.size[u] * tables.size.max()


# Features


def _features(problem, units, with_history):
    """Counts per (unit, feature). In huge communities the history joins them: there a pair who sat together in several
    cohorts pays the price of a known pair for each of them while searching; the figures count it once."""
    rows, columns, worth = [], [], []
    for tag, values in problem.tags.items():
        for who in values.values() if problem.weight(tag) else ():
            rows.append(units.of[who])
            columns.append(np.full(len(who), len(worth)))
            worth.append(problem.weight(tag))
    for sat, weight in zip(problem.sat, problem.lambdas + problem.weight("known"), strict=True):
        if with_history and weight:
            who = np.flatnonzero(sat >= 0)
            rows.append(units.of[who])
            columns.append(sat[who] + len(worth))
            worth += [int(weight)] * (int(sat.max()) + 1)
    if not rows:
        return np.zeros(len(units) + 1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(1, np.int64)
    row, column = np.concatenate(rows), np.concatenate(columns).astype(np.int64)
    cells, times = np.unique(row * len(worth) + column, return_counts=True)
    row, column = np.divmod(cells, len(worth))
    pointer = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(units)))]).astype(np.int64)
    return pointer, column, times.astype(np.int64), np.array(worth, np.int64)


# Neighbours


def _neighbours_fit(problem):
    return sum(int((np.bincount(sat[sat >= 0]).astype(np.int64) ** 2).sum()) for sat in problem.sat) <= MOST_NEIGHBOURS


def _neighbours(problem, units, with_history):
    members = len(problem.members)
    mates = mates_by_cohort(problem.sat if with_history else problem.sat[:0], members)
    ties = _ties_by_member(problem, members)
    prices = (units.of, units.first, units.member, *mates, problem.lambdas, problem.weight("known"), *ties)
    counts = _pair_up(*prices, np.zeros(len(units) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))
    nptr = np.cumsum(counts)
    neighbour, price = np.zeros(nptr[-1], np.int32), np.zeros(nptr[-1], np.int32)
    if _pair_up(*prices, nptr, neighbour, price)[0] < 0:
        raise BadProblem("The weights are too large: two members who meet may cost at most 2,000.")
    return nptr, neighbour, price


def _no_neighbours(units):
    return np.zeros(len(units) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)


def mates_by_cohort(sat, members):
    """(label[cohort, member], class_first, class_member): who shared an old group, all cohorts in one list."""
    label = np.full((len(sat), members), -1, np.int64)
    ends, flat, known = [[0]], [], 0
    for row, old in zip(label, sat, strict=True):
        who = np.flatnonzero(old >= 0)
        row[who] = old[who] + known
        flat.append(who[np.argsort(old[who], kind="stable")])
        sizes = np.bincount(old[who]) if len(who) else np.zeros(0, np.int64)
        ends.append(sum(map(len, flat[:-1])) + np.cumsum(sizes))
        known += len(sizes)
    return label, np.concatenate(ends).astype(np.int64), np.concatenate([*flat, []]).astype(np.int64)


def _ties_by_member(problem, members):
    worth = (problem.tie_strengths * problem.weight("tie") + MILLION // 2) // MILLION
    real = (worth > 0) & (problem.tie_pairs[:, 0] != problem.tie_pairs[:, 1])
    one, other = problem.tie_pairs[real].T
    whose, whom, price = np.concatenate([one, other]), np.concatenate([other, one]), np.tile(worth[real], 2)
    order = np.argsort(whose, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(whose, minlength=members))]).astype(np.int64)
    return first, whom[order].astype(np.int64), price[order].astype(np.int64)


@njit(cache=True)
def _pair_up(unit, first, member, label, cfirst, cmember, lambdas, known, tfirst, tother, tprice, nptr, neighbour, price):
    """Counts the neighbours of each unit, or with room given writes them; -1 in front: a price is too large."""
    units = len(first) - 1
    counts = np.zeros(units + 1, np.int64)
    total = np.zeros(units, np.int64)
    touched = np.zeros(units, np.int64)
    met = np.full(len(unit), -1, np.int64)
    for u in range(units):
        many = 0
        for m in range(first[u], first[u + 1]):
            i = member[m]
            for k in range(len(label)):
                if label[k, i] < 0 or lambdas[k] + known == 0:
                    continue
                for e in range(cfirst[label[k, i]], cfirst[label[k, i] + 1]):
                    j = cmember[e]
                    v = unit[j]
                    if v == u:
                        continue
                    worth = lambdas[k]
                    if met[j] != i:
                        met[j] = i
                        worth += known
                    if total[v] == 0 and worth > 0:
                        touched[many] = v
                        many += 1
                    total[v] += worth
            for e in range(tfirst[i], tfirst[i + 1]):
                v = unit[tother[e]]
                if v == u:
                    continue
                if total[v] == 0:
                    touched[many] = v
                    many += 1
                total[v] += tprice[e]
        counts[u + 1] = many
        if len(neighbour):
            touched[:many].sort()
        for t in range(many):
            v = touched[t]
            if len(neighbour):
                neighbour[nptr[u] + t] = v
                price[nptr[u] + t] = total[v]
                if total[v] > 2_000_000_000:
                    counts[0] = -1
            total[v] = 0
    return counts
