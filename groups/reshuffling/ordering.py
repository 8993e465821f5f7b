"""The moves of a plan, best first, so that every prefix is a good plan: a reshuffle may stop on any evening."""

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from .annealing import blank_state, meets_foe, relocation, seat
from .bounds import fewest_pairs, pairs_left_by_moves
from .measuring import count_known, mates_of, random_seats, terms_of
from .plans import seats_of
from .problem import MILLION
from .tables import tables_of

POINTS = 13


@dataclass(frozen=True)
class Order:
    moves: list  # (member, from group, to group), best first
    newcomers: list  # (member, to group)
    stops: list  # after so many moves every bond is whole and no group is fuller than it may be
    curve: list


def order_of_moves(problem, plan):
    """Members of a Bond follow each other. Where every way leads into a full group, an exchange is begun by a move that
    passes the limit and closed by the next ones; `stops` leaves such moments out."""
    goal = seats_of(problem, plan.assignment)
    wide = _with_closing_groups(problem)
    start = np.where(problem.sits, wide.current, goal)
    tables = tables_of(wide)
    state = blank_state(tables, 0)
    for member, group in enumerate(start):
        seat(tables, state, member, group)
    first, member = _bundles(problem, np.flatnonzero(start != goal))
    ranks = best_first(tables, state, goal, first, member)
    bundles = [member[first[b] : first[b + 1]] for b in ranks]
    order = np.concatenate([*bundles, []]).astype(np.int64)
    names, groups, now = problem.members, problem.groups, problem.group_names_now
    return Order(
        moves=[(names[at], now[at], groups[goal[at]]) for at in order],
        newcomers=[(names[at], groups[goal[at]]) for at in np.flatnonzero(~problem.sits)],
        stops=_stops(wide, start, goal, bundles),
        curve=_curve(problem, wide, start, goal, order),
    )


def _with_closing_groups(problem):
    """The same, each member single and free, with the groups that are being closed as groups to leave."""
    closing = sorted({problem.group_names_now[at] for at in np.flatnonzero(problem.sits & (problem.current < 0))})
    number = {name: len(problem.groups) + at for at, name in enumerate(closing)}
    current = [number.get(name, now) for name, now in zip(problem.group_names_now, problem.current, strict=True)]
    many = len(problem.members)
    return replace(
        problem,
        groups=problem.groups + closing,
        low=np.concatenate([problem.low, np.zeros(len(closing), np.int64)]),
        high=np.concatenate([problem.high, np.full(len(closing), many)]),
        current=np.array(current, np.int64),
        bonds=[],
        allowed=[None] * many,
        max_moves=None,
    )


def _bundles(problem, movers):
    """Movers of one bond together, all others each for themselves."""
    head = np.arange(len(problem.members))
    for bond in problem.bonds:
        head[np.isin(head, head[bond])] = head[bond].min()
    movers = movers[np.argsort(head[movers], kind="stable")]
    _, many = np.unique(head[movers], return_counts=True)
    return np.concatenate([[0], np.cumsum(many)]).astype(np.int64), movers


MIN, FOE, FULL = 1, 2, 4


@njit(cache=True)
def _hurts(t, s, goal, some):
    """Which rules this step would break for a while."""
    b, hurts = goal[some[0]], 0
    if s.seats[b] + len(some) > t.high[b]:
        hurts += FULL
    for u in some:
        if meets_foe(t, s, u, b, -1):
            hurts |= FOE
        if s.seats[s.at[u]] <= t.low[s.at[u]]:
            hurts |= MIN
    return hurts


@njit(cache=True)
def _relieves(t, s, some):
    for u in some:  # noqa: SIM110
        if s.seats[s.at[u]] > t.high[s.at[u]]:
            return True
    return False


@njit(cache=True)
def best_first(t, s, goal, first, member):
    """Of the steps that hurt least the one that gains most per move, again and again; out of overfull groups first."""
    left = np.arange(len(first) - 1)
    ranks = np.zeros(len(left), np.int64)
    for place in range(len(ranks)):
        most, best, chosen = np.int64(0), np.int64(0), -1
        overfull = (s.seats > t.high).any()
        for x in range(len(left) - place):
            some = member[first[left[x]] : first[left[x] + 1]]
            hurts = _hurts(t, s, goal, some)
            if overfull and not _relieves(t, s, some):
                hurts += 8
            if chosen >= 0 and hurts > most:
                continue
            d = np.int64(0)
            for u in some:
                d += relocation(t, s, u, s.at[u], goal[u])
            d //= len(some)
            if chosen < 0 or hurts < most or d < best or (d == best and left[x] < left[chosen]):
                most, best, chosen = hurts, d, x
        ranks[place] = left[chosen]
        for u in member[first[left[chosen]] : first[left[chosen] + 1]]:
            seat(t, s, u, goal[u])
        left[chosen] = left[len(left) - place - 1]
    return ranks


def _stops(wide, start, goal, bundles):
    seats = np.bincount(start, minlength=len(wide.groups))
    limit = np.maximum(wide.high, seats)
    stops, done = [0], 0
    for bundle in bundles:
        np.subtract.at(seats, start[bundle], 1)
        np.add.at(seats, goal[bundle], 1)
        limit = np.maximum(wide.high, np.minimum(limit, seats))
        done += len(bundle)
        if (seats <= limit).all():
            stops.append(done)
    return stops


# The curve: what the first so many moves bring


def _curve(problem, wide, start, goal, order):
    if not problem.members:
        return [dict.fromkeys(_Point.names, 0) for _ in range(POINTS)]
    counts = [len(order) * at // (POINTS - 1) for at in range(POINTS)]
    by_chance = random_seats(problem, counts, seed=1)
    return [_Point(problem, wide, start, goal, order[:many], chance).as_dict() for many, chance in zip(counts, by_chance, strict=True)]


@dataclass
class _Point:
    problem: object
    wide: object
    start: np.ndarray
    goal: np.ndarray
    moved: np.ndarray
    chance: np.ndarray

    names = ("moves", "new_people_mean", "new_people_least", "random_new_people_mean", "bound_new_people_mean", "cost")

    def as_dict(self):
        at = self.start.copy()
        at[self.moved] = self.goal[self.moved]
        known, pairs, mates = self._count(at)
        known_by_chance, _, mates_by_chance = self._count(self.chance)
        fresh = mates - known
        at_most = max(mates.mean(), mates_by_chance.mean()) - 2 * self._fewest() / len(at)
        cost = sum(terms_of(self.problem, at, known, pairs).values()) / MILLION
        values = (len(self.moved), fresh.mean(), fresh.min(), (mates_by_chance - known_by_chance).mean(), at_most, cost)
        return {
            name: round(float(value), 4) if isinstance(value, float) else int(value) for name, value in zip(self.names, values, strict=True)
        }

    def _count(self, at):
        groups = len(self.wide.groups)
        known, _, pairs = count_known(at, self.problem.sat, self.problem.lambdas, groups)
        return known, pairs, mates_of(at, groups)

    def _fewest(self):
        """No plan with so many moves has fewer known pairs."""
        fewest = fewest_pairs(self.wide)
        by_moves = pairs_left_by_moves(self.wide, len(self.moved)) if fewest else []
        return max([*fewest, *by_moves[-1:], 0])
