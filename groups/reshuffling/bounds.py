"""What no feasible plan can go below. Every figure here is a proof, however badly its prices were searched."""

import time
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from .measuring import even_pairs
from .problem import MILLION
from .tables import moves_to, open_to, units_of


def fewest_pairs(problem):
    """Per cohort the fewest pairs who sat together then and must again: old groups spread as evenly as pins, sizes and
    (for the present cohort) the move budget allow."""
    fewest = [_spread(problem, sat) for sat in problem.sat]
    if fewest and problem.is_budgeted:
        by_moves = pairs_left_by_moves(problem, problem.max_moves)
        fewest[0] = max(fewest[0], by_moves[-1] if by_moves else 0)
    return fewest


def _spread(problem, sat):
    total = 0
    for old in range(int(sat.max(initial=-1)) + 1):
        who = sat == old
        least = np.bincount(problem.current[who & problem.pinned], minlength=len(problem.groups))
        total += water_filled(least, problem.high, int(who.sum()))
    return total


def water_filled(least, most, many):
    """The fewest pairs when so many people fill rooms, the lowest first, between `least` and `most` of each."""
    most = np.maximum(least, most)
    low, high = 0, many + 1
    while low < high - 1:
        level = (low + high) // 2
        low, high = (level, high) if np.clip(level, least, most).sum() <= many else (low, level)
    filled = np.clip(low, least, most)
    rest = max(0, many - int(filled.sum()))
    return int((filled * (filled - 1) // 2).sum()) + rest * low


def pairs_left_by_moves(problem, most):
    """[moves] -> fewest pairs of the present cohort left. Empty where present groups and newest cohort differ."""
    groups, now = len(problem.groups), problem.sat[0]
    stay = np.bincount(problem.current[(now >= 0) & (problem.current >= 0)], minlength=groups)
    mixed = any(len(set(now[(problem.current == g) & (now >= 0)].tolist())) > 1 for g in range(groups))
    if mixed or stay.sum() != (now >= 0).sum() or len(set(now[now >= 0].tolist())) != (stay > 0).sum():
        return []
    gone = np.zeros(groups, np.int64)
    pairs = [int((stay * (stay - 1) // 2).sum())]
    rooms = max(1, groups - 1)
    for _ in range(most if groups > 1 else 0):
        gain = np.where(stay > 0, stay - 1 - gone // rooms, -1)
        g = int(gain.argmax())
        if gain[g] <= 0:
            break
        stay[g] -= 1
        gone[g] += 1
        pairs.append(pairs[-1] - int(gain[g]))
    return pairs


def bounds(problem, at, cost, repeats, seconds):
    """Lower bounds on cost, repeats (in units, not millionths) and known pairs, and which argument gave the first."""
    fewest = fewest_pairs(problem)
    lambdas, known = problem.lambdas / MILLION, problem.weight("known") / MILLION
    simple = float(np.dot(lambdas, fewest)) if fewest else 0.0
    best_cohort = int(np.argmax(fewest)) if fewest else -1
    low_repeats = max(simple, Prices(problem, at, only_repeats=True).bound(repeats, seconds / 3))
    whole = simple + known * max(fewest, default=0)
    priced = Prices(problem, at, known_as=best_cohort).bound(cost, seconds * 2 / 3)
    kind = "priced" if priced > whole else "budget" if problem.is_budgeted else "even"
    return {
        "cost": _safe(max(whole, priced, low_repeats)),
        "kind": kind,
        "repeats": _safe(low_repeats),
        "known_pairs": max(fewest, default=0),
    }


def _safe(value):
    """Below what rounding may have added."""
    return max(0.0, round(value * (1 - 1e-9) - 1e-5, 4))


@dataclass
class Prices:
    """A price for each seat of each feature in each group: with it, groups and units choose apart from each other, and
    both choices together cost no more than any feasible plan."""

    problem: object
    at: np.ndarray
    only_repeats: bool = False
    known_as: int = -1  # known pairs are at least the pairs of this cohort
    worth: np.ndarray = field(init=False)

    def __post_init__(self):
        problem = self.problem
        self.units = units_of(problem)
        self.moves = moves_to(problem, self.units).astype(float)
        self.barred = ~open_to(problem, self.units)
        self.groups = len(problem.groups)
        self._gather()
        self.where = self.at[self.units.member[self.units.first[:-1]]]
        self.sure, self.alpha = 0.0, None
        if not self.only_repeats and problem.weight("tie"):
            self._hold_ties()

    def _gather(self):
        problem, rows, columns, worth = self.problem, [], [], []
        self.shift = 0.0
        for k, sat in enumerate(problem.sat):
            weight = int(problem.lambdas[k]) + (problem.weight("known") if k == self.known_as else 0)
            who = np.flatnonzero(sat >= 0)
            if weight:
                rows.append(who)
                columns.append(sat[who] + len(worth))
                worth += [weight / MILLION] * (int(sat.max(initial=-1)) + 1)
        for weight, who in () if self.only_repeats else self._tags():
            rows.append(who)
            columns.append(np.full(len(who), len(worth)))
            worth.append(weight)
            self.shift += weight * even_pairs(len(who), self.groups)
        self.worth = np.array(worth)[:, None]
        row, column = np.concatenate([*rows, []]).astype(int), np.concatenate([*columns, []]).astype(int)
        shape = (len(self.units), len(worth))
        self.has = csr_array((np.ones(len(row)), (self.units.of[row], column)), shape=shape)
        self.had_by = self.has.T.tocsr()

    def _tags(self):
        problem = self.problem
        for tag, values in problem.tags.items():
            if problem.weight(tag):
                yield from ((problem.weight(tag) / MILLION, who) for who in values.values())
        if problem.weight("size"):
            yield problem.weight("size") / MILLION, np.arange(len(problem.members))

    def _hold_ties(self):
        """Two of one present group who both stay pay their tie; under a budget it is priced like the rest."""
        problem = self.problem
        one, other = problem.tie_pairs.T
        worth = problem.tie_strengths / MILLION * (problem.weight("tie") / MILLION)
        same = self.units.of[one] == self.units.of[other]
        self.sure = float(worth[same].sum())
        now = problem.current
        held = ~same & (now[one] >= 0) & (now[one] == now[other])
        if problem.is_budgeted and held.any():
            stay = (self.at[one] == now[one]) & (self.at[other] == now[one])
            self.tied = self.units.of[one[held]], self.units.of[other[held]], now[one[held]]
            self.tie_worth = worth[held]
            self.alpha = np.where(stay[held], worth[held], 0.0)

    def counts(self, where):
        seats = csr_array((np.ones(len(where)), (np.arange(len(where)), where)), shape=(len(where), self.groups))
        return (self.had_by @ seats).toarray()

    def evaluate(self, price, alpha=None):
        """(bound, where each unit is cheapest, how many each group would like)"""
        wish = np.maximum(0, np.floor(price) + 1)
        value = float((self.worth * (wish * (wish - 1) / 2 - price * wish)).sum()) + self.sure - self.shift
        cost = self.has @ (self.worth * price)
        if alpha is not None:
            one, other, now = self.tied
            np.add.at(cost, (one, now), alpha)
            np.add.at(cost, (other, now), alpha)
            value -= float(alpha.sum())
        cost[self.barred] = np.inf
        if self.problem.is_budgeted:
            mu = self._price_of_a_move(cost)
            cost += mu * self.moves
            value -= mu * self.problem.max_moves
        where = cost.argmin(1)
        return value + float(cost[np.arange(len(where)), where].sum()), where, wish

    def _price_of_a_move(self, cost):
        rows, budget = np.arange(len(cost)), self.problem.max_moves
        if self.moves[rows, cost.argmin(1)].sum() <= budget:
            return 0.0
        low, high = 0.0, float(np.where(np.isfinite(cost), cost, 0).max() - cost.min()) + 1
        for _ in range(22):
            mu = (low + high) / 2
            spent = self.moves[rows, (cost + mu * self.moves).argmin(1)].sum()
            low, high = (mu, high) if spent > budget else (low, mu)
        return high

    def bound(self, target, seconds):
        if not len(self.worth) or not self.groups:
            return 0.0
        self.best, started = -np.inf, time.monotonic()
        plan = self.counts(self.where)
        even = np.repeat(plan.sum(1, keepdims=True) / self.groups, self.groups, axis=1)
        for guess in (np.floor(even), plan - 0.5):
            self._try(guess, self.alpha)
        self._frank_wolfe(plan, started + seconds / 2)
        self._polyak(target, started + seconds)
        return self.best

    def _try(self, price, alpha):
        value, where, wish = self.evaluate(price, alpha)
        is_better = value > self.best + 1e-9
        if is_better:
            self.best, self.best_price, self.best_alpha = value, price.copy(), None if alpha is None else alpha.copy()
        return is_better, value, where, wish

    def _frank_wolfe(self, mean, until):
        """The smooth problem: groups may hold parts of people."""
        for _ in range(2000):
            if time.monotonic() > until:
                return
            _, _, where, _ = self._try(mean - 0.5, self.alpha)
            toward = self.counts(where) - mean
            slope = -float((self.worth * (mean - 0.5) * toward).sum())
            bend = float((self.worth * toward**2).sum())
            if slope <= 1e-9 or bend <= 0:
                return
            mean = mean + min(1.0, slope / bend) * toward

    def _polyak(self, target, until):
        """Subgradient steps on the exact one; back to the best prices, with smaller steps, after eight in vain."""
        step, vain, smooth = 1.0, 0, None
        price, alpha = self.best_price.copy(), self.best_alpha
        while time.monotonic() < until and step > 1e-4:
            is_better, value, where, wish = self._try(price, alpha)
            vain = 0 if is_better else vain + 1
            if vain >= 8:
                step, vain, smooth = step * 0.6, 0, None
                price, alpha = self.best_price.copy(), self.best_alpha
                _, value, where, wish = self._try(price, alpha)
            way = self.counts(where) - wish
            smooth = way if smooth is None else 0.7 * smooth + 0.3 * way
            pull = self._tie_pull(where) if alpha is not None else np.zeros(1)
            length = float((self.worth * smooth**2).sum() + (pull**2).sum())
            if length <= 0:
                return
            stride = step * max(target - value, 1e-6) / length
            price = price + stride * smooth
            if alpha is not None:
                alpha = np.clip(alpha + stride * pull, 0, self.tie_worth)

    def _tie_pull(self, where):
        one, other, now = self.tied
        return (where[one] == now).astype(float) + (where[other] == now) - 1
