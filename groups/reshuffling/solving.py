"""From a problem to a plan: clashes first, then a first plan, then the search, and a check by other code."""

import math
import time
from decimal import Context, Decimal

import numpy as np

from .annealing import CHANGE, anneal, blank_state, logarithms
from .checking import broken_rules
from .clashing import clashes
from .dealing import broken, deal, mend
from .plans import Plan
from .problem import MILLION, Problem
from .tables import tables_of

LEVELS = 300  # temperatures on the way down
HOT, COLD = 2_000_000, 100_000  # from two pairs of the present cohort to a tenth of one
HOT_WHEN_SMALL = 10_000_000
SMALL = 1_500
LEAST_STEPS, STEPS_PER_MEMBER = 400_000, 2_341.5  # 12 million for 5,125 members
MENDING = 2_000_000


class NoPlan(Exception):
    """No plan can exist; `clashes` says why."""

    def __init__(self, clashes):
        super().__init__(" ".join(clash.sentence for clash in clashes))
        self.clashes = clashes


class NotFound(Exception):
    """The search found no plan, which proves nothing."""


def solve(problem, *, seed, steps=None, seconds=None, progress=None, stop=None):
    """The best plan found. The same seed and steps give the same plan on every machine; `seconds` only chooses the steps."""
    found = clashes(problem)
    if found:
        raise NoPlan(found)
    if not problem.members:
        return Plan({}, 0)
    tables = tables_of(problem)
    search = Search(tables, seed, progress=progress, stop=stop)
    search.begin()
    steps = usual_steps(problem) if steps is None else int(steps)
    if seconds is not None:
        steps = search.steps_within(seconds)
    at = search.run(steps)
    plan = Plan.seating(problem, at[_unit_of_member(problem)])
    wrong = broken_rules(problem, plan)
    if wrong:
        raise AssertionError("The search broke a rule: " + " ".join(wrong[:5]))
    return plan


def _unit_of_member(problem):
    from .tables import units_of

    return units_of(problem).of


def usual_steps(problem):
    return max(LEAST_STEPS, int(STEPS_PER_MEMBER * len(problem.members)))


class Search:
    def __init__(self, tables, seed, *, progress=None, stop=None):
        self.tables, self.seed = tables, seed
        self.progress, self.stop = progress, stop
        self.logs = logarithms()
        self.state = blank_state(tables, seed)
        self.told_at = 0.0

    def begin(self):
        deal(self.tables, self.state)
        if mend(self.tables, self.state, MENDING):
            raise NotFound("No plan that keeps all rules was found. That does not prove that there is none.")
        self.best, self.best_change = self.state.at.copy(), 0

    def steps_within(self, seconds):
        """How many steps fit, by trying some on a copy."""
        trial = type(self.state)(*(part.copy() for part in self.state))
        many, started = 100_000, time.perf_counter()
        anneal(self.tables, trial, many, HOT // 8, self.logs)
        return max(1000, int(many * seconds / max(1e-6, time.perf_counter() - started)))

    def run(self, steps):
        if len(self.tables.pool) == 0:
            return self.best
        hot = HOT_WHEN_SMALL if len(self.tables.size) < SMALL else HOT
        done = 0
        for level, heat in enumerate(heats(hot, COLD, LEVELS)):
            until = steps * (level + 1) // LEVELS
            anneal(self.tables, self.state, until - done, heat, self.logs)
            done = until
            self.keep_best()
            if self.is_stopped(done, steps):
                break
        return self.best

    def keep_best(self):
        if self.state.tally[CHANGE] < self.best_change:
            self.best_change = int(self.state.tally[CHANGE])
            self.best[:] = self.state.at

    def is_stopped(self, done, steps):
        now = time.monotonic()
        if self.progress and (now - self.told_at > 0.25 or done == steps):
            self.told_at = now
            self.progress(done, steps, self.best_change / MILLION)
        return bool(self.stop and self.stop())


def heats(hot, cold, levels):
    """Falling by the same ratio each time, then none; by decimal arithmetic, the same on every machine."""
    exact = Context(prec=14)
    ratio = exact.divide(exact.ln(exact.divide(Decimal(cold), Decimal(hot))), Decimal(levels - 1))
    last = max(1, levels // 25)
    return [round(exact.multiply(Decimal(hot), exact.exp(ratio * at))) for at in range(levels - last)] + [0] * last


def warm():
    """Compile everything once on a tiny problem."""
    problem = Problem.from_json(tiny())
    solve(problem, seed=1, steps=2000)
    from .measuring import figures
    from .ordering import order_of_moves

    plan = solve(problem, seed=1, steps=2000)
    figures(problem, plan, bound_seconds=0.05, random_deals=1)
    order_of_moves(problem, plan)


def tiny():
    members = [{"id": f"m{at:02}", "current": f"g{at % 3}", "tags": {"star": "yes"} if at < 4 else {}} for at in range(24)]
    placed = {member["id"]: member["current"] for member in members}
    groups = [{"id": f"g{at}", "min": 4, "max": 14} for at in range(3)]
    return {
        "groups": groups,
        "members": members,
        "history": [{"cohort": "now", "placed": placed}],
        "lambdas": [1],
        "bonds": [["m00", "m01"]],
        "apart": [["m02", "m05"]],
        "max_moves": 12,
        "weights": {"star": 20, "size": 1, "known": 1, "tie": 5},
        "ties": [["m03", "m04", 2]],
    }
