"""Plan a reshuffle from a file.

PROBLEM holds groups, members, history, lambdas, bonds, apart, max_moves, weights and ties as JSON; PLAN is written as
{member: group}. Figures go to standard output, what went wrong to standard error. Exit status 0: a plan was written;
1: the problem cannot be read, or no plan was found; 3: no plan can exist, and the clashing rules are named.
"""

import argparse
import json
import sys
from pathlib import Path

from . import BadProblem, NoPlan, NotFound, Problem, figures, solve


def main(arguments=None):
    asked = _arguments(arguments)
    try:
        problem = Problem.from_json(json.loads(asked.problem.read_text(encoding="utf-8")))
        plan = solve(problem, seed=asked.seed, steps=asked.steps, seconds=asked.seconds)
        asked.plan.write_text(json.dumps(plan.to_json(), ensure_ascii=False), encoding="utf-8")
    except NoPlan as none:
        return _explain(none.clashes, asked.json)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}")
    except ValueError as error:
        return _fail(f"{asked.problem} is not JSON: {error}")
    except (BadProblem, NotFound) as error:
        return _fail(str(error))
    found = figures(problem, plan, bound_seconds=asked.bound_seconds, random_deals=asked.random, seed=asked.seed)
    print(json.dumps(found, ensure_ascii=False, indent=1) if asked.json else in_short(found))
    return 0


def _arguments(arguments):
    parser = argparse.ArgumentParser(
        "python -m groups.reshuffling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", type=Path, metavar="PROBLEM")
    parser.add_argument("plan", type=Path, metavar="PLAN")
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--steps", type=_positive(int), help="how many proposals to try; the same seed and steps give the same plan")
    how_long.add_argument("--seconds", type=_positive(float), help="about how long to search; chooses the number of steps")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another plan (default 1)")
    parser.add_argument("--json", action="store_true", help="figures, or clashes, as JSON")
    parser.add_argument("--bound-seconds", type=float, default=5, help="how long to tighten the bounds (default 5)")
    parser.add_argument("--random", type=int, default=10, help="how many random plans to compare with (default 10)")
    return parser.parse_args(arguments)


def _positive(kind):
    def number(text):
        value = kind(text)
        if not 0 < value < 1e12:
            raise ValueError
        return value

    number.__name__ = f"positive {kind.__name__}"
    return number


def _fail(sentence):
    print(sentence, file=sys.stderr)
    return 1


def _explain(clashes, as_json):
    print("No plan can exist:", file=sys.stderr)
    for clash in clashes:
        print(f"- {clash.sentence}", file=sys.stderr)
    if as_json:
        rows = [{"code": clash.code, "data": clash.data, "sentence": clash.sentence} for clash in clashes]
        print(json.dumps({"clashes": rows}, ensure_ascii=False, indent=1))
    return 3


def in_short(found):
    bounds, new, chance = found["bounds"], found["new_people"], found["random"]
    gap = "" if bounds["gap"] is None else f", {bounds['gap']:.2%} above it"
    lines = [
        f"A member sits with {found['mates']:.0f} others, {new['mean']:.1f} of them new, at least {new['least']}.",
        f"Moves: {found['moves']}" + ("" if found["max_moves"] is None else f" of at most {found['max_moves']}"),
        f"Cost: {found['cost']:,.2f}; no plan can go below {bounds['cost']:,.2f} (by {bounds['kind']}{gap}).",
        f"Known pairs left: {found['known_pairs']:,}; no plan can go below {bounds['known_pairs']:,}.",
    ]
    if chance:
        lines.append(f"Random dealing: {chance['new_people_mean']:.1f} new people, cost {chance['cost']:,.2f}.")
    return "\n".join([*lines, *(f"  {name}: {value:,.2f}" for name, value in found["terms"].items())])


if __name__ == "__main__":
    sys.exit(main())
