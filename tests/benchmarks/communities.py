"""Invented communities of qinghe's kind, as raw reshuffle problems; the same seed makes the same community."""

import random

CITIES = ["深圳"] * 9 + ["广州"] * 4 + ["上海"] * 3 + ["北京"] * 2 + ["杭州", "成都", "长沙", "厦门"]


def community(members, groups, cohorts, *, seed=1, stayed=0.2, growth=0.75, balance=False):
    """Who sits together: each half-year a fifth stay and the rest are dealt anew; earlier half-years had fewer people."""
    dice = random.Random(seed)
    ids = [f"m{at:06}" for at in range(members)]
    names = [f"{at + 1}群" for at in range(groups)]
    history, sizes = [], [max(groups, int(members * growth**age)) for age in range(cohorts)]
    seated = {}
    for age in reversed(range(cohorts)):
        rooms = names[: max(2, groups - 2 * age)]
        seated = _dealt(dice, ids[: sizes[age]], rooms, seated, stayed)
        history.insert(0, {"cohort": f"{age} half-years ago", "placed": seated})
    now = history[0]["placed"] if history else {}
    return {
        "groups": [{"id": name, "min": int(0.8 * members / groups), "max": int(1.5 * members / groups) + 1} for name in names],
        "members": [
            {"id": one, "current": now.get(one), "pinned": False, "allowed": None, "tags": _tags(dice) if balance else {}} for one in ids
        ],
        "history": history,
        "lambdas": [0.5**age for age in range(cohorts)],
        "bonds": [],
        "apart": [],
        "max_moves": None,
        "weights": {"size": 1, "known": 1, **({"star": 20, "city": 0.5} if balance else {})},
        "ties": [],
    }


def _dealt(dice, people, rooms, before, stayed):
    seats = {one: before[one] for one in people if before.get(one) in rooms and dice.random() < stayed}
    rest = [one for one in people if one not in seats]
    dice.shuffle(rest)
    return {**seats, **{one: rooms[at % len(rooms)] for at, one in enumerate(rest)}}


def _tags(dice):
    tags = {"city": dice.choice(CITIES)}
    if dice.random() < 0.02:
        tags["star"] = "yes"
    return tags


def with_rules(raw, *, seed=1, pins=2, bonds=60, apart=40, closed=100):
    """Pins per group, Bonds of 3 to 8 (half of them sit together now), pairs apart, and members with closed groups."""
    dice = random.Random(seed)
    names = [group["id"] for group in raw["groups"]]
    by_group = {name: [one for one in raw["members"] if one["current"] == name] for name in names}
    for some in by_group.values():
        for one in some[:pins]:
            one["pinned"] = True
    free = [one for one in raw["members"] if not one["pinned"]]
    dice.shuffle(free)
    for at in range(bonds):
        size = dice.randint(3, 8)
        home = free[0]["current"]
        team = [one for one in free if at % 2 or one["current"] == home][:size]
        raw["bonds"].append([one["id"] for one in team])
        free = [one for one in free if one not in team]
    for one in free[:closed]:
        one["allowed"] = sorted({*dice.sample(names, max(2, len(names) // 2)), one["current"] or names[0]})
    loose = [one["id"] for one in free[closed:]]
    raw["apart"] = [loose[2 * at : 2 * at + 2] for at in range(min(apart, len(loose) // 2))]
    return raw


def with_budget(raw, share):
    return {**raw, "max_moves": int(share * sum(one["current"] is not None for one in raw["members"]))}
