"""Problems small enough that every plan can be looked at, and a judge that counts pair by pair."""

from itertools import combinations, product

from hypothesis import strategies as st


@st.composite
def small_worlds(draw):
    """Any mix of rules on up to six members and three groups; many of them leave no plan."""
    groups = [f"g{at}" for at in range(draw(st.integers(1, 3)))]
    ids = [f"m{at}" for at in range(draw(st.integers(1, 6)))]
    now = [*groups, None, "closing"]
    members = [
        {
            "id": one,
            "current": draw(st.sampled_from(now)),
            "allowed": draw(st.one_of(st.none(), st.none(), st.lists(st.sampled_from(groups), min_size=1, unique=True))),
            "tags": {"city": draw(st.sampled_from(["a", "b"])), "skill": draw(st.lists(st.sampled_from("xyz"), max_size=2, unique=True))},
        }
        for one in ids
    ]
    for one in members:
        one["pinned"] = one["current"] in groups and draw(st.integers(0, 7)) == 0
    pair = st.lists(st.sampled_from(ids), min_size=2, max_size=2, unique=True) if len(ids) > 1 else st.nothing()
    history = [_cohort(draw, at, ids, groups) for at in range(draw(st.integers(0, 3)))]
    some = len(ids) > 1
    return {
        "groups": [{"id": name, "min": draw(st.integers(0, 2)), "max": draw(st.integers(2, 6))} for name in groups],
        "members": members,
        "history": history,
        "lambdas": [0.5**at for at in range(len(history))],
        "bonds": draw(st.lists(pair, max_size=2)) if some else [],
        "apart": draw(st.lists(pair, max_size=2)) if some else [],
        "max_moves": draw(st.one_of(st.none(), st.integers(0, 6))),
        "weights": {"known": 1, "size": 0.5, "city": 0.25, "skill": 0.125, "tie": 2},
        "ties": [[*two, 1] for two in draw(st.lists(pair, max_size=2))] if some else [],
    }


def _cohort(draw, at, ids, groups):
    where = st.one_of(st.none(), st.sampled_from([*groups, "gone"]))
    placed = {one: draw(where) for one in ids}
    return {"cohort": f"c{at}", "placed": {one: group for one, group in placed.items() if group}}


def all_plans(raw):
    """Every plan that keeps all rules."""
    ids, names = [one["id"] for one in raw["members"]], [group["id"] for group in raw["groups"]]
    for seats in product(names, repeat=len(ids)):
        plan = dict(zip(ids, seats, strict=True))
        if keeps_all_rules(raw, plan):
            yield plan


def keeps_all_rules(raw, plan):
    seats = list(plan.values())
    sizes = all(group["min"] <= seats.count(group["id"]) <= group["max"] for group in raw["groups"])
    pins = all(plan[one["id"]] == one["current"] for one in raw["members"] if one["pinned"])
    may = all(one["allowed"] is None or plan[one["id"]] in one["allowed"] for one in raw["members"])
    bonds = all(len({plan[one] for one in bond}) == 1 for bond in raw["bonds"])
    apart = all(plan[one] != plan[other] for one, other in raw["apart"])
    budget = raw["max_moves"] is None or moves(raw, plan) <= raw["max_moves"]
    return sizes and pins and may and bonds and apart and budget


def moves(raw, plan):
    return sum(one["current"] is not None and plan[one["id"]] != one["current"] for one in raw["members"])


def shared(raw, plan):
    """The pairs of the plan who share a group: [(one, other, in how many and which cohorts they met)]"""
    for one, other in combinations(sorted(plan), 2):
        if plan[one] == plan[other]:
            halves = enumerate(half["placed"] for half in raw["history"])
            yield one, other, [at for at, sat in halves if one in sat and sat[one] == sat.get(other)]


def repeats(raw, plan):
    return sum(raw["lambdas"][at] for *_, met in shared(raw, plan) for at in met)


def known_pairs(raw, plan):
    return sum(bool(met) for *_, met in shared(raw, plan))


def cost(raw, plan):
    weights = raw["weights"]
    total = repeats(raw, plan) + weights["known"] * known_pairs(raw, plan) + weights["size"] * _uneven(raw, plan, list(plan))
    for tag in ("city", "skill"):
        holders = {}
        for one in raw["members"]:
            has = one["tags"][tag]
            for value in has if isinstance(has, list) else [has]:
                holders.setdefault(value, []).append(one["id"])
        total += weights[tag] * sum(_uneven(raw, plan, some) for some in holders.values())
    return total + weights["tie"] * sum(strength for one, other, strength in raw["ties"] if plan[one] == plan[other])


def _uneven(raw, plan, some):
    """Pairs of these in one group, less what the most even spread would give."""
    rooms = len(raw["groups"])
    pairs = sum(plan[one] == plan[other] for one, other in combinations(some, 2))
    return pairs - sum(at // rooms for at in range(len(some)))
