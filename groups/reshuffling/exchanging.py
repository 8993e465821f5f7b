"""While a plan is carried out: who goes instead of somebody who stays, and what it costs to seat one alone elsewhere.

Costs are differences of the cost that plans are measured by, in millionths, counted from where everybody sits; with numpy alone, so
that a page may ask.
"""

from dataclasses import dataclass, field

import numpy as np

from .problem import MILLION

SHOWN = 3  # of those who fit, with what it brings them
ROUNDS = 5  # of choosing anew, each in turn, while the others stay as they are


@dataclass
class Exchange:
    """Somebody keeps their group `a`, so `b` lacks one. `fits` are those who may go, the best first, the chosen one too."""

    kept: int
    a: int
    b: int
    chosen: int = -1
    fits: list = field(default_factory=list)  # (member, cost)
    facts: dict = field(default_factory=dict)  # of the first of them: how many of `b` they have never sat with, and what it evens out
    may_do_without: bool = False


class Seating:
    """`at` holds each member's group by number, -1 where they sit in none. It changes as members are seated.

    Where the problem is of some people only, `sizes` counts the others, too, and `beyond` {(tag, value): how many of each group}."""

    def __init__(self, problem, at, sizes=None):
        self.problem, self.at = problem, np.array(at, np.int64)
        self.sizes = np.bincount(self.at[self.at >= 0], minlength=len(problem.groups)) if sizes is None else np.array(sizes, np.int64)
        self.beyond = {}
        self.bond, self.foes, self.may_come = {}, {}, {}  # the last: {member: group} of those who said no and may come yet
        for bond in problem.bonds:
            whole = set(bond).union(*(self.bond.get(member, ()) for member in bond))
            self.bond |= dict.fromkeys(whole, whole)
        for one, other in problem.apart:
            self.foes.setdefault(one, set()).add(other)
            self.foes.setdefault(other, set()).add(one)

    def seat(self, member, group):
        """-1: in none."""
        if self.at[member] >= 0:
            self.sizes[self.at[member]] -= 1
        self.at[member] = group
        if group >= 0:
            self.sizes[group] += 1

    # Costs

    def costs(self, who, group):
        """What it costs to take each of these alone into a group; they all sit in one, or in none."""
        who = np.asarray(who, np.int64)
        home = int(self.at[who[0]])
        found = self.evenness(who, group) + self._beside(who, group)
        return found - self._beside(who, home) if home >= 0 else found

    def evenness(self, who, group):
        """Of that what it does to how evenly sizes and tags are spread."""
        who = np.asarray(who, np.int64)
        home = int(self.at[who[0]])
        seats = int(self.sizes[group]) - (int(self.sizes[home]) - 1 if home >= 0 else 0)
        found = np.full(len(who), self.problem.weight("size") * seats, np.int64)
        index = np.full(len(self.at), -1, np.int64)
        index[who] = np.arange(len(who))
        for tag, values in self.problem.tags.items():
            for value, having in values.items() if self.problem.weight(tag) else ():
                have = index[having]
                if (have := have[have >= 0]).size:
                    there = self._having(tag, value, having, group)
                    leaves = self._having(tag, value, having, home) - 1 if home >= 0 else 0
                    found[have] += self.problem.weight(tag) * (there - leaves)
        return found

    def _having(self, tag, value, having, group):
        """How many of a group, of the people `having` this tag and of those beyond the problem."""
        more = self.beyond.get((tag, value))
        return int((self.at[having] == group).sum()) + (int(more[group]) if more is not None else 0)

    def _beside(self, who, group):
        """What each costs with those of a group, by whom they have sat with and by ties."""
        others = np.flatnonzero(self.at == group)
        worth, met = self._met(who, others)
        worth += self.problem.weight("known") * met
        return worth.sum(1) + self._ties(who, others)

    def _met(self, who, others):
        worth, met = np.zeros((len(who), len(others)), np.int64), np.zeros((len(who), len(others)), np.bool_)
        for sat, weight in zip(self.problem.sat, self.problem.lambdas, strict=True):
            same = (sat[who][:, None] == sat[others]) & (sat[who] >= 0)[:, None] & (who[:, None] != others)
            worth += int(weight) * same
            met |= same
        return worth, met

    def _ties(self, who, others):
        if not len(self.problem.tie_pairs) or not self.problem.weight("tie"):
            return 0
        found, inside = np.zeros(len(who), np.int64), np.zeros(len(self.at), np.bool_)
        inside[others] = True
        for pairs in (self.problem.tie_pairs, self.problem.tie_pairs[:, ::-1]):
            of = {int(member): n for n, member in enumerate(who)}
            for (one, other), strength in zip(pairs.tolist(), self.problem.tie_strengths.tolist(), strict=True):
                if one in of and inside[other]:
                    found[of[one]] += strength * self.problem.weight("tie") // MILLION
        return found

    def known(self, member, group):
        """How many of a group, themselves left out, this one has ever sat with."""
        return int(self._met(np.array([member]), np.flatnonzero(self.at == group))[1].sum())

    # Rules

    def why_not(self, member, group):
        """The rule that would break if this one alone went there from where they sit; empty where none would."""
        home, may = int(self.at[member]), self.problem.allowed[member]
        if self.problem.pinned[member]:
            return "pinned"
        if may is not None and group not in may:
            return "closed"
        if self.sizes[group] >= self.problem.high[group]:
            return "group_full"
        if home >= 0 and self.sizes[home] <= self.problem.low[home]:
            return "group_too_small"
        if any(self.at[other] != group for other in self.bond.get(member, ()) if other != member):
            return "bound"
        return "kept_apart" if self.enemies(member, group) else ""

    def enemies(self, member, group):
        return [other for other in self.foes.get(member, ()) if group in (self.at[other], self.may_come.get(other))]

    # Choosing

    def fitting(self, exchange, may):
        """[(member, cost)] of those who may go from `a` to `b`, the best first. `may` says of each member whether they are free to."""
        who = np.flatnonzero(may & (self.at == exchange.a))
        if enemies := self.enemies(exchange.kept, exchange.a):  # the one whom they cannot sit beside goes
            who = np.intersect1d(who, enemies) if len(enemies) == 1 else who[:0]
        who = np.array([member for member in who if not self.why_not(member, exchange.b)], np.int64)
        if not len(who):
            return []
        costs = self.costs(who, exchange.b)
        return [(int(who[n]), int(costs[n])) for n in np.lexsort((who, costs))]

    def choose(self, exchanges, may):
        """One who goes for each of these, solved together: each is chosen anew while the others stay, as long as that is better."""
        free = np.array(may, np.bool_)
        for _round in range(ROUNDS):
            changed = False
            for exchange in exchanges:
                before = exchange.chosen
                self._take_back(exchange, free)
                fits = self.fitting(exchange, free)
                self._take(exchange, fits[0][0] if fits else -1, free)
                changed |= exchange.chosen != before
            if not changed:
                break
        for exchange in exchanges:
            chosen = exchange.chosen
            self._take_back(exchange, free)
            exchange.fits = self.fitting(exchange, free)
            for who, _cost in exchange.fits[:SHOWN]:
                new = int(self.sizes[exchange.b]) - self.known(who, exchange.b)
                exchange.facts[who] = new, int(self.evenness([who], exchange.b)[0])
            exchange.may_do_without = self.fits_without(exchange)
            self._take(exchange, chosen, free)
        return exchanges

    def fits_without(self, exchange):
        """Whether the sizes and who is kept apart allow that nobody goes."""
        a, b = exchange.a, exchange.b
        fits = self.sizes[a] <= self.problem.high[a] and self.sizes[b] >= self.problem.low[b]
        return bool(fits) and not self.enemies(exchange.kept, a)

    def _take(self, exchange, member, free):
        exchange.chosen = member
        if member >= 0:
            self.seat(member, exchange.b)
            free[member] = False

    def _take_back(self, exchange, free):
        if exchange.chosen >= 0:
            self.seat(exchange.chosen, exchange.a)
            free[exchange.chosen] = True
            exchange.chosen = -1
