"""What a plan is worth, counted exactly: everything an owner is told about it, before and after."""

import numpy as np
from numba import njit

from .plans import seats_of
from .problem import MILLION


@njit(cache=True)
def count_known(at, sat, lambdas, groups):
    """Per member how many of the new group they have ever sat with, the same weighted; per cohort the pairs."""
    members, cohorts = len(at), len(sat)
    first = np.zeros(groups + 1, np.int64)
    for i in range(members):
        first[at[i] + 1] += 1
    first = np.cumsum(first)
    inside = np.argsort(at, kind="mergesort")
    known, weighted, pairs = np.zeros(members, np.int64), np.zeros(members, np.int64), np.zeros(cohorts, np.int64)
    turned = sat.T.copy()
    for g in range(groups):
        for x in range(first[g], first[g + 1]):
            i = inside[x]
            for y in range(x + 1, first[g + 1]):
                j = inside[y]
                worth, met = np.int64(0), False
                for k in range(cohorts):
                    if turned[i, k] >= 0 and turned[i, k] == turned[j, k]:
                        met = True
                        pairs[k] += 1
                        worth += lambdas[k]
                if met:
                    known[i] += 1
                    known[j] += 1
                    weighted[i] += worth
                    weighted[j] += worth
    return known, weighted, pairs


def even_pairs(many, rooms):
    """The fewest pairs that share a room when so many people are dealt to so many rooms."""
    each, more = divmod(int(many), rooms)
    return rooms * each * (each - 1) // 2 + more * each


def terms_of(problem, at, known, pairs):
    """The terms of the cost in millionths."""
    groups = len(problem.groups)
    terms = {"repeats": sum(int(weight) * int(many) for weight, many in zip(problem.lambdas, pairs, strict=True))}
    if "known" in problem.weights:
        terms["known"] = problem.weight("known") * (int(known.sum()) // 2)
    for tag, values in problem.tags.items():
        terms[f"uneven {tag}"] = problem.weight(tag) * sum(_unevenness(at[who], groups) for who in values.values())
    if "size" in problem.weights:
        terms["uneven size"] = problem.weight("size") * _unevenness(at, groups)
    if len(problem.tie_pairs) and "tie" in problem.weights:
        one, other = problem.tie_pairs.T
        terms["ties"] = problem.weight("tie") * int(problem.tie_strengths[at[one] == at[other]].sum()) // MILLION
    return terms


def _unevenness(where, groups):
    many = np.bincount(where, minlength=groups)
    return int((many * (many - 1) // 2).sum()) - even_pairs(len(where), groups)


def cost_of(problem, plan):
    at = seats_of(problem, plan.assignment)
    known, _, pairs = count_known(at, problem.sat, problem.lambdas, len(problem.groups))
    return sum(terms_of(problem, at, known, pairs).values()) / MILLION


def figures(problem, plan, *, bound_seconds=5, random_deals=10, seed=1):
    at = seats_of(problem, plan.assignment)
    known, weighted, pairs = count_known(at, problem.sat, problem.lambdas, len(problem.groups))
    terms = terms_of(problem, at, known, pairs)
    cost = sum(terms.values()) / MILLION
    mates = mates_of(at, len(problem.groups))
    stays = _why_they_stay(problem, at)
    return {
        "cost": cost,
        "terms": {name: micros / MILLION for name, micros in terms.items()},
        "moves": plan.moves,
        "max_moves": problem.max_moves,
        "mates": _mean(mates),
        "new_people": _new_people(problem, mates - known),
        "known_people": {"mean": _mean(known), "most": int(known.max(initial=0))},
        "worst_weighted_known": int(weighted.max(initial=0)) / MILLION,
        "known_pairs": int(known.sum()) // 2,
        "repeated_pairs": dict(zip(problem.cohorts, map(int, pairs), strict=True)),
        "bounds": _bounds(problem, at, cost, terms["repeats"] / MILLION, int(known.sum()) // 2, mates, bound_seconds),
        "random": _at_random(problem, plan, random_deals, seed),
        "worst": _worst(problem, at, known, mates),
        "stays": {reason: stays.count(reason) for reason in ("pin", "bond", "closed", "budget", "choice")},
        "groups": _groups(problem, at),
    }


def mates_of(at, groups):
    return np.bincount(at, minlength=groups)[at] - 1


def _mean(values):
    return round(float(values.mean()), 4) if len(values) else 0.0


def _new_people(problem, fresh):
    if not len(fresh):
        return {"mean": 0.0, "least": 0, "least_member": None}
    worst = int(fresh.argmin())
    return {"mean": _mean(fresh), "least": int(fresh[worst]), "least_member": problem.members[worst]}


def _bounds(problem, at, cost, repeats, known_pairs, mates, seconds):
    from .bounds import bounds

    if not len(at):
        return {
            "cost": 0.0,
            "kind": "even",
            "gap": None,
            "repeats": 0.0,
            "repeats_gap": None,
            "known_pairs": 0,
            "new_people_mean_at_most": 0.0,
        }
    found = bounds(problem, at, cost, repeats, seconds)
    found["cost"], found["repeats"] = min(found["cost"], cost), min(found["repeats"], repeats)
    found["known_pairs"] = min(found["known_pairs"], known_pairs)
    at_most = float(mates.mean()) - 2 * found["known_pairs"] / len(at)
    return {
        **found,
        "gap": round(cost / found["cost"] - 1, 6) if found["cost"] > 0 else None,
        "repeats_gap": round(repeats / found["repeats"] - 1, 6) if found["repeats"] > 0 else None,
        "new_people_mean_at_most": round(at_most + 1e-4, 4),
    }


def _at_random(problem, plan, deals, seed):
    """Means over random plans with as many moves; without a budget everybody is dealt anew."""
    if not problem.members or deals < 1:
        return None
    moves = plan.moves if problem.is_budgeted else None
    rows = [_one_random(problem, at) for at in random_seats(problem, [moves] * deals, seed=seed)]
    cost, new_mean, new_least, known, moves = (round(float(column.mean()), 4) for column in np.array(rows).T)
    return {
        "cost": cost,
        "new_people_mean": new_mean,
        "new_people_least": new_least,
        "known_pairs_left": known,
        "moves": moves,
    }


def random_seats(problem, moves, *, seed):
    """One random plan for each number of moves; None deals everybody anew."""
    from .annealing import blank_state
    from .chance import deal_at_random, seed_dice
    from .tables import tables_of, units_of

    units = units_of(problem)
    tables = tables_of(problem, units, with_neighbours=False)
    state, dice = blank_state(tables, 0), seed_dice(seed)
    for many in moves:
        yield deal_at_random(tables, state, many, dice)[units.of]


def _one_random(problem, at):
    known, _, pairs = count_known(at, problem.sat, problem.lambdas, len(problem.groups))
    fresh = mates_of(at, len(problem.groups)) - known
    cost = sum(terms_of(problem, at, known, pairs).values()) / MILLION
    return cost, fresh.mean(), fresh.min(), known.sum() // 2, problem.moved(at).sum()


# Who is worst off, and who stays


def _reasons(problem, at):
    """Per member the rule that holds them most, or None."""
    in_bond = {member for bond in problem.bonds for member in bond}
    reasons = []
    for member in range(len(at)):
        if problem.pinned[member]:
            reasons.append("pin")
        elif member in in_bond:
            reasons.append("bond")
        elif problem.allowed[member] is not None:
            reasons.append("closed")
        else:
            reasons.append(None)
    return reasons


def _is_spent(problem, at):
    return problem.is_budgeted and problem.moved(at).sum() >= problem.max_moves


def _why_they_stay(problem, at):
    otherwise = "budget" if _is_spent(problem, at) else "choice"
    stayed = (problem.current >= 0) & (at == problem.current)
    return [reason or otherwise for reason, stays in zip(_reasons(problem, at), stayed, strict=True) if stays]


def _worst(problem, at, known, mates):
    reasons, spent, rows = _reasons(problem, at), _is_spent(problem, at), []
    for member in np.lexsort((np.arange(len(at)), -known))[:10]:
        stays = at[member] == problem.current[member]
        why = reasons[member] or ("budget" if spent and stays else "chance")
        numbers = {"new": mates[member] - known[member], "known": known[member], "mates": mates[member]}
        rows.append({"member": problem.members[member], **{name: int(many) for name, many in numbers.items()}, "why": why})
    return rows


# Groups, before and after


def _groups(problem, at):
    now = np.array([name or "" for name in problem.group_names_now], object)
    then = np.array([problem.groups[g] for g in at], object)
    names = problem.groups + sorted(set(now) - set(problem.groups) - {""})
    return {name: {"before": _portrait(problem, now == name), "after": _portrait(problem, then == name)} for name in names}


def _portrait(problem, inside):
    """Size, and per tag: with one value only how many have it, else how many values at least three share."""
    portrait = {"size": int(inside.sum())}
    for tag, values in problem.tags.items():
        shared = [int(inside[who].sum()) for who in values.values()]
        portrait[tag] = sum(shared) if len(shared) <= 1 else sum(many >= 3 for many in shared)
    return portrait
