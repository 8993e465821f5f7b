"""Rules that cannot all hold are named: which members, which groups, which rule."""

import json

import pytest

from groups.reshuffling import WORDS, BadProblem, NoPlan, Problem, clashes, solve


def problem(*, members, groups=((0, 4), (0, 4)), **rules):
    """Members are given as {id: fields}; groups as (min, max), named 1群, 2群 and so on."""
    people = [{"id": one, "current": "1群", **fields} for one, fields in members.items()]
    rooms = [{"id": f"{at + 1}群", "min": low, "max": high} for at, (low, high) in enumerate(groups)]
    return Problem.from_json({"groups": rooms, "members": people, "history": [], "weights": {"size": 1}, **rules})


def people(*names, **fields):
    return {name: dict(fields) for name in names}


def only_clash(found):
    assert len(found) == 1, found
    return found[0].code, found[0].data


def test_fewer_seats_than_members():
    crowded = problem(members=people("Lin", "Zhou", "Wu"), groups=((0, 1), (0, 1)))

    assert only_clash(clashes(crowded)) == ("too_few_seats", {"members": 3, "seats": 2})


def test_more_least_seats_than_members():
    empty = problem(members=people("Lin"), groups=((1, 4), (1, 4)))

    assert only_clash(clashes(empty)) == ("too_many_least_seats", {"members": 1, "seats": 2})


def test_a_bond_larger_than_every_group():
    tight = problem(members=people("Lin", "Zhou", "Wu"), groups=((0, 2), (0, 2)), bonds=[["Lin", "Zhou"], ["Zhou", "Wu"]])

    assert only_clash(clashes(tight)) == ("bond_too_large", {"members": ["Lin", "Wu", "Zhou"], "size": 3, "seats": 2})


def test_a_bond_pinned_in_two_groups():
    torn = {"Lin": {"pinned": True}, "Zhou": {"pinned": True, "current": "2群"}}

    found = clashes(problem(members=torn, bonds=[["Lin", "Zhou"]]))

    assert only_clash(found) == ("bond_pinned_in_two", {"members": ["Lin", "Zhou"], "groups": ["1群", "2群"]})


def test_a_bond_with_no_open_group_in_common():
    torn = {"Lin": {"allowed": ["1群"]}, "Zhou": {"allowed": ["2群"]}}

    found = clashes(problem(members=torn, bonds=[["Lin", "Zhou"]]))

    assert only_clash(found) == ("bond_without_group", {"members": ["Lin", "Zhou"]})


def test_two_kept_apart_inside_one_bond():
    found = clashes(problem(members=people("Lin", "Zhou"), bonds=[["Lin", "Zhou"]], apart=[["Zhou", "Lin"]]))

    assert only_clash(found) == ("apart_in_bond", {"members": ["Lin", "Zhou"]})


def test_two_kept_apart_but_pinned_in_one_group():
    found = clashes(problem(members=people("Lin", "Zhou", pinned=True), apart=[["Lin", "Zhou"]]))

    assert only_clash(found) == ("apart_pinned_together", {"members": ["Lin", "Zhou"], "groups": ["1群"]})


def test_a_budget_below_the_moves_that_rules_force():
    shut_out = {"Lin": {"allowed": ["2群"]}, "Zhou": {"allowed": ["2群"]}, "Wu": {"current": "closing"}}

    assert only_clash(clashes(problem(members=shut_out, max_moves=2))) == ("budget_too_small", {"moves": 3, "budget": 2})
    assert clashes(problem(members=shut_out, max_moves=3)) == []


def test_a_budget_below_the_moves_that_a_smaller_group_forces():
    found = clashes(problem(members=people("Lin", "Zhou", "Wu"), groups=((0, 1), (0, 4)), max_moves=1))

    assert only_clash(found) == ("budget_too_small", {"moves": 2, "budget": 1})


def test_members_with_too_few_open_seats():
    keen = people("Lin", "Zhou", "Wu", allowed=["2群", "3群"]) | people("Sun", "Qian")

    found = clashes(problem(members=keen, groups=((0, 9), (0, 1), (0, 1))))

    assert only_clash(found) == ("too_few_open_seats", {"members": ["Lin", "Wu", "Zhou"], "groups": ["2群", "3群"], "seats": 2})


def test_a_group_that_too_few_members_may_enter():
    shy = people("Lin", "Zhou", allowed=["1群"]) | people("Sun")

    found = clashes(problem(members=shy, groups=((0, 4), (2, 4))))

    assert only_clash(found) == ("too_few_may_enter", {"groups": ["2群"], "seats": 2, "members": ["Sun"], "many": 1})


def test_rules_that_clash_only_together_are_named_and_no_others():
    three = people("Lin", "Zhou", "Wu", "Sun")
    fits_nowhere = problem(members=three, groups=((2, 2), (2, 2)), bonds=[["Lin", "Zhou"]], apart=[["Wu", "Sun"]], max_moves=4)

    with pytest.raises(NoPlan) as none:
        solve(fits_nowhere, seed=1, steps=1000)

    code, data = only_clash(none.value.clashes)
    assert code == "rules_together"
    assert {"bond: Lin, Zhou", "apart: Sun, Wu"} < set(data["rules"])
    assert "at most 4 moves" not in data["rules"]


def test_three_who_avoid_each_other_do_not_fit_into_two_groups():
    apart = [["Lin", "Zhou"], ["Zhou", "Wu"], ["Lin", "Wu"]]

    with pytest.raises(NoPlan) as none:
        solve(problem(members=people("Lin", "Zhou", "Wu"), apart=apart), seed=1, steps=1000)

    _, data = only_clash(none.value.clashes)
    assert sorted(data["rules"]) == ["apart: Lin, Wu", "apart: Lin, Zhou", "apart: Wu, Zhou"]


def test_a_clash_reads_as_a_sentence_and_travels_as_json():
    many = people(*(f"m{at:02}" for at in range(20)), allowed=["2群"])

    clash = clashes(problem(members=many, groups=((0, 99), (0, 9))))[0]

    names = ", ".join(f"m{at:02}" for at in range(12))
    assert clash.sentence == f"{names}, … (20) may only sit in 2群, which hold at most 9 members."
    assert clash.sentence == WORDS[clash.code] % clash.words
    assert json.loads(json.dumps(clash.data)) == clash.data


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"max_moves": -1}, "The number of moves must not be negative."),
        ({"weights": {"size": -1}}, "The weight of size must lie between 0 and a million, not -1."),
        ({"weights": {"size": float("nan")}}, "The weight of size must lie between 0 and a million, not nan."),
        ({"lambdas": [1, 1]}, "There must be one lambda for each cohort of the history."),
        ({"groups": [{"id": "1群", "min": 3, "max": 2}]}, "1群 must hold at least 3 and at most 2 members: that cannot be."),
        ({"groups": []}, "There is no group to place anybody in."),
        ({"groups": [{"id": "1群"}, {"id": "1群"}]}, "The group 1群 is listed twice."),
        ({"members": [{"id": "Lin"}, {"id": "Lin"}]}, "The member Lin is listed twice."),
        ({"members": [{"id": "Lin", "pinned": True}]}, "Lin is pinned, but sits in none of these groups."),
        ({"apart": [["Lin", "Lin"]]}, "Lin cannot be kept apart from Lin: they are one."),
        ({"members": [{}]}, "The problem lacks 'id'."),
        ({"members": 7}, "The problem cannot be read: 'int' object is not iterable."),
    ],
)
def test_nonsense_is_refused_in_words(change, sentence):
    sound = {"groups": [{"id": "1群"}], "members": [{"id": "Lin", "current": "1群"}], "history": []}

    with pytest.raises(BadProblem) as bad:
        Problem.from_json({**sound, **change})

    assert str(bad.value) == sentence
