"""From a problem to a plan: clashes first, then a first plan, then the search, and a check by other code."""

import time
from decimal import Context, Decimal
from functools import cache

from .annealing import CHANGE, anneal, blank_state, logarithms, seat
from .checking import broken_rules
from .clashing import clashes
from .dealing import deal, mend
from .feasible import NONE, UNKNOWN, smallest_clash, some_plan
from .measuring import cost_of
from .plans import Plan
from .problem import MILLION, Problem
from .tables import tables_of, units_of

# Temperatures in millionths of a pair of the present cohort: (hottest, coldest, levels) for each time it cools. Colder
# than 0.4 the large communities only waste steps; the last levels are without heat anyway.
# Small communities have valleys that only heat leaves; afterwards they are warmed a little, twice.
COOLING = ((2_000_000, 400_000, 300),)
COOLING_WHEN_SMALL = ((8_000_000, 300_000, 200), (2_000_000, 300_000, 80), (1_000_000, 150_000, 80))
SMALL = 1_500
LEAST_STEPS, STEPS_PER_MEMBER = 400_000, 2_341.5  # 12 million for 5,125 members
MENDING_PER_UNIT = 400


class NoPlan(Exception):
    """No plan can exist; `clashes` says why."""

    def __init__(self, clashes):
        super().__init__(" ".join(clash.sentence for clash in clashes))
        self.clashes = clashes


class NotFound(Exception):
    """The search found no plan, which proves nothing."""


def solve(problem, *, seed, steps=None, seconds=None, progress=None, stop=None):
    """The best plan found. Seed and steps give the same plan on every machine; `seconds` only chooses the steps."""
    found = clashes(problem)
    if found:
        raise NoPlan(found)
    if not problem.members:
        return Plan({}, 0)
    units = units_of(problem)
    search = Search(tables_of(problem, units), seed, progress=progress, stop=stop)
    if not search.begin():
        search.begin_at(_exact_start(problem, units))
    search.first_cost = cost_of(problem, Plan.seating(problem, search.best[units.of]))
    steps = usual_steps(problem) if steps is None else int(steps)
    if seconds is not None:
        steps = search.steps_within(seconds)
    at = search.run(steps)
    plan = Plan.seating(problem, at[units.of])
    wrong = broken_rules(problem, plan)
    if wrong:
        raise AssertionError("The search broke a rule: " + " ".join(wrong[:5]))
    return plan


def _exact_start(problem, units):
    """For problems so tight that small steps find no plan."""
    answer, at = some_plan(problem, units)
    if answer == NONE:
        raise NoPlan([smallest_clash(problem)])
    if answer == UNKNOWN:
        raise NotFound("No plan that keeps all rules was found. That does not prove that there is none.")
    return at


def usual_steps(problem):
    return max(LEAST_STEPS, int(STEPS_PER_MEMBER * len(problem.members)))


class Search:
    def __init__(self, tables, seed, *, progress=None, stop=None):
        self.tables, self.seed = tables, seed
        self.progress, self.stop = progress, stop
        self.logs = logarithms()
        self.state = blank_state(tables, seed)
        self.told_at, self.first_cost = 0.0, 0.0

    def begin(self):
        deal(self.tables, self.state)
        self.best, self.best_change = self.state.at.copy(), 0
        is_whole = mend(self.tables, self.state, 20_000 + MENDING_PER_UNIT * len(self.tables.size)) == 0
        self.best[:] = self.state.at
        return is_whole

    def begin_at(self, at):
        self.state = blank_state(self.tables, self.seed)
        for unit, group in enumerate(at):
            seat(self.tables, self.state, unit, group)
        self.best[:] = at

    def steps_within(self, seconds):
        """How many steps fit, by trying some on a copy."""
        trial = type(self.state)(*(part.copy() for part in self.state))
        many, started = 100_000, time.perf_counter()
        anneal(self.tables, trial, many, COOLING[0][1], self.logs)
        return max(1000, int(many * seconds / max(1e-6, time.perf_counter() - started)))

    def run(self, steps):
        if len(self.tables.pool) == 0:
            return self.best
        cooling = COOLING_WHEN_SMALL if len(self.tables.size) < SMALL else COOLING
        levels = [heat for part in cooling for heat in heats(*part)]
        done = 0
        for level, heat in enumerate(levels):
            until = steps * (level + 1) // len(levels)
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
            self.progress(done, steps, self.first_cost + self.best_change / MILLION)
        return bool(self.stop and self.stop())


@cache
def heats(hot, cold, levels):
    """Falling by the same ratio each time, then none; by decimal arithmetic, the same on every machine."""
    exact = Context(prec=14)
    ratio = exact.divide(exact.ln(exact.divide(Decimal(cold), Decimal(hot))), Decimal(levels - 1))
    last = max(1, levels // 25)
    return [round(exact.multiply(Decimal(hot), exact.exp(ratio * at))) for at in range(levels - last)] + [0] * last


def warm():
    """Compile everything once on a tiny problem, and keep it for later runs."""
    from .measuring import figures
    from .ordering import order_of_moves

    problem = Problem.from_json(tiny())

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
