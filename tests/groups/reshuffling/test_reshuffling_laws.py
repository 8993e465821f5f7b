"""Laws that hold for every problem, tried on worlds so small that all plans can be counted."""

import random

import pytest
from hypothesis import HealthCheck, assume, given, settings

from groups import reshuffling
from groups.reshuffling import Problem, broken_rules, clashes, figures, order_of_moves, solve
from groups.reshuffling.bounds import bounds
from groups.reshuffling.plans import seats_of
from tests.groups.reshuffling import small_worlds as worlds

STEPS = 3000
often = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def solved(raw, seed=1):
    problem = Problem.from_json(raw)
    try:
        return problem, solve(problem, seed=seed, steps=STEPS)
    except reshuffling.NoPlan:
        assume(False)


@often
@given(raw=worlds.small_worlds())
def test_there_is_a_plan_that_keeps_every_rule_or_the_proof_that_none_exists(raw):
    possible = any(True for _ in worlds.all_plans(raw))
    problem = Problem.from_json(raw)

    if possible:
        plan = solve(problem, seed=1, steps=STEPS)
        assert worlds.keeps_all_rules(raw, plan.assignment)
        assert plan.moves == worlds.moves(raw, plan.assignment)
    else:
        with pytest.raises(reshuffling.NoPlan) as none:
            solve(problem, seed=1, steps=STEPS)
        assert all(clash.sentence for clash in none.value.clashes)


@often
@given(raw=worlds.small_worlds())
def test_what_the_quick_clashes_refuse_has_no_plan(raw):
    assume(clashes(Problem.from_json(raw)))

    assert list(worlds.all_plans(raw)) == []


@often
@given(raw=worlds.small_worlds())
def test_the_check_after_solving_breaks_the_same_plans_as_counting_by_hand(raw):
    problem = Problem.from_json(raw)
    ids, names = [one["id"] for one in raw["members"]], [group["id"] for group in raw["groups"]]
    dice = random.Random(1)

    for _ in range(20):
        plan = reshuffling.Plan({one: dice.choice(names) for one in ids}, 0)
        assert (broken_rules(problem, plan) == []) == worlds.keeps_all_rules(raw, plan.assignment)


@often
@given(raw=worlds.small_worlds())
def test_figures_are_what_counting_pair_by_pair_gives(raw):
    problem, plan = solved(raw)

    found = figures(problem, plan, bound_seconds=0.02, random_deals=1)

    seats = plan.assignment
    met = {(one, other) for one, other, met in worlds.shared(raw, seats) if met}
    fresh = {one: sum(seats[one] == seats[other] for other in seats) - 1 - sum(one in two for two in met) for one in seats}
    assert found["cost"] == pytest.approx(worlds.cost(raw, seats), abs=1e-5)
    assert found["terms"]["repeats"] == pytest.approx(worlds.repeats(raw, seats), abs=1e-5)
    assert found["known_pairs"] == len(met)
    assert found["moves"] == worlds.moves(raw, seats)
    assert found["new_people"]["mean"] == pytest.approx(sum(fresh.values()) / len(fresh), abs=1e-3)
    assert found["new_people"]["least"] == min(fresh.values()) == fresh[found["new_people"]["least_member"]]


@often
@given(raw=worlds.small_worlds())
def test_no_plan_is_cheaper_than_the_bounds(raw):
    problem, plan = solved(raw)

    at = seats_of(problem, plan.assignment)
    found = bounds(problem, at, worlds.cost(raw, plan.assignment), worlds.repeats(raw, plan.assignment), seconds=0.05)

    plans = list(worlds.all_plans(raw))
    assert found["cost"] <= min(worlds.cost(raw, one) for one in plans) + 1e-6
    assert found["repeats"] <= min(worlds.repeats(raw, one) for one in plans) + 1e-6
    assert found["known_pairs"] <= min(worlds.known_pairs(raw, one) for one in plans)


@often
@given(raw=worlds.small_worlds())
def test_the_cheapest_of_all_plans_is_found(raw):
    _, plan = solved(raw)

    best = min(worlds.cost(raw, one) for one in worlds.all_plans(raw))
    assert worlds.cost(raw, plan.assignment) == pytest.approx(best, abs=1e-5)


@often
@given(raw=worlds.small_worlds())
def test_the_order_in_which_members_are_listed_changes_nothing(raw):
    _, plan = solved(raw)
    turned = {**raw, "members": raw["members"][::-1]}

    assert solved(turned)[1] == plan


@often
@given(raw=worlds.small_worlds())
def test_all_moves_and_newcomers_of_a_plan_are_in_its_order_once(raw):
    problem, plan = solved(raw)

    order = order_of_moves(problem, plan)

    now = {one["id"]: one["current"] for one in raw["members"]}
    moves = [(one, now[one], group) for one, group in plan.assignment.items() if now[one] not in (None, group)]
    assert sorted(order.moves) == sorted(moves)
    assert sorted(order.newcomers) == sorted((one, group) for one, group in plan.assignment.items() if now[one] is None)
    assert order.curve[-1]["moves"] == plan.moves
    assert order.curve[-1]["cost"] == pytest.approx(worlds.cost(raw, plan.assignment), abs=1e-3)


@often
@given(raw=worlds.small_worlds())
def test_wherever_an_order_may_stop_no_group_is_fuller_than_allowed(raw):
    problem, plan = solved(raw)
    order = order_of_moves(problem, plan)
    high = {group["id"]: group["max"] for group in raw["groups"]}
    seats = {one["id"]: one["current"] or plan.assignment[one["id"]] for one in raw["members"]}
    before = {group: list(seats.values()).count(group) for group in high}

    for done in range(plan.moves + 1):
        if done:
            one, _, group = order.moves[done - 1]
            seats[one] = group
        for group, most in high.items() if done in order.stops else ():
            assert list(seats.values()).count(group) <= max(most, before[group])
    assert order.stops[-1] == plan.moves
