"""Is there a plan at all? An exact answer for what the quick clashes and the search leave open, and a smallest set of
rules that cannot hold together.

Units alike to every hard rule are one integer variable per group, so even a large community is a small program.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from .clashing import Clash
from .tables import moves_to, open_to, units_of

FOUND, NONE, UNKNOWN = "found", "none", "unknown"


def some_plan(problem, units, seconds=10):
    """(FOUND, [unit] -> group), (NONE, None) where that is proved, else (UNKNOWN, None)."""
    classes = _classes(problem, units)
    result = _solve(problem, classes, seconds)
    if result.status == 2:
        return NONE, None
    if result.x is None:
        return UNKNOWN, None
    return FOUND, _dealt(classes, np.round(result.x).astype(int).reshape(classes.allowed.shape), len(units))


@dataclass
class _Classes:
    units: list  # per class the units in it
    size: np.ndarray
    allowed: np.ndarray
    moves: np.ndarray
    foes: list  # pairs of classes of one unit each


def _classes(problem, units):
    allowed, moves, size = open_to(problem, units), moves_to(problem, units), np.diff(units.first)
    pairs = [(int(units.of[one]), int(units.of[other])) for one, other in problem.apart]
    alone = {unit for pair in pairs for unit in pair}
    number, members = {}, []
    for u in range(len(units)):
        key = (u if u in alone else -1, size[u], allowed[u].tobytes(), moves[u].tobytes())
        if key not in number:
            number[key] = len(members)
            members.append([])
        members[number[key]].append(u)
    first = [some[0] for some in members]
    of = {u: at for at, some in enumerate(members) for u in some}
    return _Classes(members, size[first], allowed[first], moves[first], [(of[a], of[b]) for a, b in pairs])


def _solve(problem, classes, seconds):
    """x[class, group]: how many of the class sit there."""
    many = np.array([len(some) for some in classes.units])
    rows, groups = classes.allowed.shape
    at = np.arange(rows * groups).reshape(rows, groups)
    sums, low, high = [], [], []

    def rule(columns, factors, least, most):
        sums.append((columns, factors))
        low.append(least)
        high.append(most)

    for c in range(rows):
        rule(at[c], np.ones(groups), many[c], many[c])
    for g in range(groups):
        rule(at[:, g], classes.size, problem.low[g], problem.high[g])
    for a, b in classes.foes:
        for g in range(groups):
            rule(np.array([at[a, g], at[b, g]]), np.ones(2), 0, 1)
    if problem.is_budgeted:
        rule(at.ravel(), classes.moves.ravel(), 0, problem.max_moves)
    row = np.repeat(np.arange(len(sums)), [len(columns) for columns, _ in sums])
    matrix = csr_array(
        (np.concatenate([f for _, f in sums]), (row, np.concatenate([c for c, _ in sums]))),
        shape=(len(sums), rows * groups),
    )
    room = np.where(classes.allowed, many[:, None], 0).ravel()
    limits = [LinearConstraint(matrix, low, high)]
    price = classes.moves.ravel().astype(float) if problem.is_budgeted else np.zeros(rows * groups)
    return milp(
        price,
        constraints=limits,
        bounds=Bounds(0, room),
        integrality=np.ones(rows * groups),
        options={"time_limit": seconds},
    )


def _dealt(classes, seats, many):
    at = np.full(many, -1, np.int64)
    for some, row in zip(classes.units, seats, strict=True):
        at[some] = np.repeat(np.arange(len(row)), row)
    return at


# Which rules clash


def smallest_clash(problem, seconds=10):
    """Rules as the owner knows them are taken away one by one; what cannot be spared clashes."""
    until = time.monotonic() + seconds
    kept = _rules(problem)
    for kind in dict.fromkeys(rule[0] for rule in kept):
        kept = _spare(problem, kept, [rule for rule in kept if rule[0] == kind], until)
    return Clash("rules_together", {"rules": [_in_words(problem, rule) for rule in kept]})


def _spare(problem, kept, some, until):
    """Without as many of these as possible while there is still no plan; by halves, so that long lists shrink fast."""
    if not some or time.monotonic() > until:
        return kept
    fewer = [rule for rule in kept if rule not in set(some)]
    loose = _with_rules(problem, fewer)
    if some_plan(loose, units_of(loose), 2)[0] == NONE:
        return fewer
    if len(some) == 1:
        return kept
    middle = len(some) // 2
    return _spare(problem, _spare(problem, kept, some[:middle], until), some[middle:], until)


def _rules(problem):
    rules = [("apart", at) for at in range(len(problem.apart))]
    rules += [("closed", at) for at, may in enumerate(problem.allowed) if may is not None]
    rules += [("bond", at) for at in range(len(problem.bonds))]
    rules += [("pin", int(at)) for at in np.flatnonzero(problem.pinned)]
    rules += [("min", int(g)) for g in np.flatnonzero(problem.low > 0)]
    rules += [("max", int(g)) for g in np.flatnonzero(problem.high < len(problem.members))]
    return rules + ([("budget", 0)] if problem.is_budgeted else [])


def _with_rules(problem, rules):
    kept = set(rules)
    everybody, groups = range(len(problem.members)), range(len(problem.groups))
    return replace(
        problem,
        apart=[pair for at, pair in enumerate(problem.apart) if ("apart", at) in kept],
        bonds=[bond for at, bond in enumerate(problem.bonds) if ("bond", at) in kept],
        allowed=[problem.allowed[at] if ("closed", at) in kept else None for at in everybody],
        pinned=np.array([("pin", at) in kept for at in everybody], np.bool_),
        low=np.array([problem.low[g] if ("min", g) in kept else 0 for g in groups], np.int64),
        high=np.array([problem.high[g] if ("max", g) in kept else len(problem.members) for g in groups], np.int64),
        max_moves=problem.max_moves if ("budget", 0) in kept else None,
    )


def _in_words(problem, rule):
    kind, at = rule
    names = problem.members
    if kind == "apart":
        return "apart: " + ", ".join(names[member] for member in problem.apart[at])
    if kind == "bond":
        return "bond: " + ", ".join(names[member] for member in problem.bonds[at])
    if kind == "closed":
        return f"only {', '.join(problem.groups[g] for g in sorted(problem.allowed[at]))}: {names[at]}"
    if kind == "pin":
        return f"pinned in {problem.groups[problem.current[at]]}: {names[at]}"
    if kind == "min":
        return f"at least {problem.low[at]}: {problem.groups[at]}"
    if kind == "max":
        return f"at most {problem.high[at]}: {problem.groups[at]}"
    return f"at most {problem.max_moves} moves"
