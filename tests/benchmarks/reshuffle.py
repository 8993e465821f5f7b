"""How good the plans of the engine are, against dealing and climbing in the same run.

    uv run python -m tests.benchmarks.reshuffle [--full] [--seconds 5]

One table per instance: generated communities of qinghe's kind and small ones. Where a folder `shared` lies beside this
checkout, also the communities in it. Nothing here is asserted; the tests do that.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from groups.reshuffling import Plan, Problem, broken_rules, figures, solve, warm
from groups.reshuffling.measuring import count_known
from groups.reshuffling.plans import seats_of
from tests.benchmarks.communities import community, with_budget, with_rules
from tests.benchmarks.peers import climbing, greedy, random_plan, striped

SHARED = Path(__file__).parents[2].parent / "shared"
RULES = ["--pins", "2", "--bonds", "60", "--apart", "40", "--closed", "100"]
MADE = {
    "free": [],
    "10%": ["--max-moves", "10%"],
    "25%": ["--max-moves", "25%"],
    "50%": ["--max-moves", "50%"],
    "rules": RULES,
    "rules, balance, stars": [*RULES, "--balance", "--stars", "100"],
    "rules, balance, stars, ties": [*RULES, "--balance", "--stars", "100", "--ties"],
    "rules, balance, stars, ties, 25%": [*RULES, "--balance", "--stars", "100", "--ties", "--max-moves", "25%"],
}
HEAD = ("", "seconds", "cost", "bound", "gap", "R", "new", "least", "worst", "moves", "broken")


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--full", action="store_true", help="30 seconds as well, and the large ones")
    ask.add_argument("--seconds", type=float, default=5)
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--only", default="", help="only instances whose name holds this")
    asked = ask.parse_args()
    warm()
    for name, raw in instances(asked.full):
        if asked.only in name:
            print_table(name, Problem.from_json(raw()), asked)


def instances(full):
    """(name, how to make it)"""
    yield "small, 60 members", lambda: community(60, 4, 3)
    yield "small, 120 members", lambda: community(120, 6, 3)
    yield (
        "small, 240 members, rules, 40%",
        lambda: with_budget(with_rules(community(240, 6, 4, balance=True), bonds=6, apart=8, closed=12), 0.4),
    )
    yield "generated, 5,000 members", lambda: community(5000, 16, 8)
    for share in (0.1, 0.25, 0.5):
        yield f"generated, 5,000 members, {share:.0%}", lambda share=share: with_budget(community(5000, 16, 8), share)
    yield "generated, 5,000 members, rules", lambda: with_rules(community(5000, 16, 8, balance=True))
    for folder in ("qinghe", "yuanfan") if (SHARED / "tools/make_problem.py").exists() else ():
        for name, options in MADE.items():
            yield f"{folder}, {name}", lambda folder=folder, options=options: made(folder, options)
    if full:
        yield "large, 25,000 members", lambda: community(25_000, 80, 8)


def made(folder, options):
    with tempfile.TemporaryDirectory() as there:
        path = Path(there) / "problem.json"
        command = [sys.executable, SHARED / "tools/make_problem.py", SHARED / "data" / folder, *options, "-o", path]
        subprocess.run(command, check=True, capture_output=True)
        return json.loads(path.read_text(encoding="utf-8"))


def print_table(name, problem, asked):
    print(f"\n{name}: {len(problem.members)} members, {len(problem.groups)} groups, {len(problem.cohorts)} cohorts")
    print("{:24} {:>8} {:>13} {:>13} {:>8} {:>11} {:>7} {:>6} {:>7} {:>6} {:>6}".format(*HEAD))
    bound = 0.0
    for seconds in (asked.seconds, 30) if asked.full else (asked.seconds,):
        for seed in range(1, asked.seeds + 1):
            started = time.perf_counter()
            plan = solve(problem, seed=seed, seconds=seconds)
            took = time.perf_counter() - started
            bound = bound or figures(problem, plan, bound_seconds=5, random_deals=0)["bounds"]["cost"]
            print_row(f"engine, seed {seed}", problem, plan, took, bound)
    for peer in (random_plan, striped, greedy, climbing):
        if peer is climbing and len(problem.members) > 10_000:
            continue  # its matrix of pairs would not fit
        started = time.perf_counter()
        plan = peer(problem, seed=1, seconds=asked.seconds)
        print_row(peer.__name__, problem, plan, time.perf_counter() - started, bound)


def print_row(name, problem, plan: Plan, seconds, bound):
    found = figures(problem, plan, bound_seconds=0, random_deals=0)
    at = seats_of(problem, plan.assignment)
    _, weighted, _ = count_known(at, problem.sat, problem.lambdas, len(problem.groups))
    new, gap = found["new_people"], f"{found['cost'] / bound - 1:.2%}" if bound else ""
    broken = len(broken_rules(problem, plan))
    print(
        f"{name:24} {seconds:8.2f} {found['cost']:13,.1f} {bound:13,.1f} {gap:>8} {found['terms']['repeats']:11,.0f} {new['mean']:7.1f} "
        f"{new['least']:6} {np.max(weighted, initial=0) / 1e6:7.1f} {found['moves']:6} {broken:6}",
        flush=True,
    )


if __name__ == "__main__":
    main()
