"""Rules that cannot all hold, each in words that name the members, the groups and the rule."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from .tables import moves_to, open_to, units_of

WORDS = {
    "too_few_seats": "%(members)s members need a seat, but the groups hold at most %(seats)s together.",
    "too_many_least_seats": "The groups must hold at least %(seats)s members together, but there are only %(members)s.",
    "bond_too_large": "The bond of %(members)s has %(size)s members, but no group holds more than %(seats)s.",
    "bond_pinned_in_two": "The bond of %(members)s is pinned in more than one group: %(groups)s.",
    "bond_without_group": "No group is open to all of %(members)s, who stay together.",
    "apart_in_bond": "%(members)s are kept apart, but one bond holds them together.",
    "apart_pinned_together": "%(members)s are kept apart, but both are pinned in %(groups)s.",
    "budget_too_small": "The rules force %(moves)s moves, but at most %(budget)s are allowed.",
    "too_few_open_seats": "%(members)s may only sit in %(groups)s, which hold at most %(seats)s members.",
    "too_few_may_enter": "%(groups)s must hold at least %(seats)s, but only %(many)s may sit there: %(members)s.",
    "rules_together": "These rules cannot all hold: %(rules)s. Loosen one of them.",
}
MOST_NAMES = 12


@dataclass(frozen=True)
class Clash:
    code: str
    data: dict

    @property
    def words(self):
        """The data for the template of this code: lists become names in a row."""
        return {name: _in_a_row(value) if isinstance(value, list) else value for name, value in self.data.items()}

    @property
    def sentence(self):
        return WORDS[self.code] % self.words


def _in_a_row(names):
    shown = ", ".join(map(str, names[:MOST_NAMES]))
    return shown if len(names) <= MOST_NAMES else f"{shown}, … ({len(names)})"


def clashes(problem):
    """The quick ones. An empty list proves nothing; each that is found proves that no plan exists."""
    if not problem.members:
        return _sizes(problem)
    units = units_of(problem)
    allowed = open_to(problem, units)
    found = [*_sizes(problem), *_bonds(problem, units, allowed), *_aparts(problem, units)]
    return found or [*_seats(problem, units, allowed)] or [*_budget(problem, units, allowed)]


def _sizes(problem):
    many, seats, least = len(problem.members), int(problem.high.sum()), int(problem.low.sum())
    found = []
    if seats < many:
        found.append(Clash("too_few_seats", {"members": many, "seats": seats}))
    if least > many:
        found.append(Clash("too_many_least_seats", {"members": many, "seats": least}))
    return found


def _bonds(problem, units, allowed):
    largest = int(problem.high.max())
    for u in range(len(units)):
        who = units.member[units.first[u] : units.first[u + 1]]
        names = [problem.members[at] for at in who]
        pins = sorted({int(problem.current[at]) for at in who if problem.pinned[at]})
        if len(who) > 1 and len(who) > largest:
            yield Clash("bond_too_large", {"members": names, "size": len(who), "seats": largest})
        if len(pins) > 1:
            yield Clash("bond_pinned_in_two", {"members": names, "groups": [problem.groups[g] for g in pins]})
        elif not allowed[u].any():
            yield Clash("bond_without_group", {"members": names})


def _aparts(problem, units):
    for one, other in problem.apart:
        data = {"members": [problem.members[one], problem.members[other]]}
        if units.of[one] == units.of[other]:
            yield Clash("apart_in_bond", data)
        elif problem.pinned[one] and problem.pinned[other] and problem.current[one] == problem.current[other]:
            yield Clash("apart_pinned_together", {**data, "groups": [problem.groups[problem.current[one]]]})


# Seats: members with the same open groups are one node of the flow.


def _seats(problem, units, allowed):
    choices, kind = np.unique(allowed[units.of], axis=0, return_inverse=True)
    many = np.bincount(kind.ravel(), minlength=len(choices))
    short = _cut(many, choices, problem.high)
    if short is not None:
        kinds, groups = short
        names = [problem.members[at] for at in np.flatnonzero(np.isin(kind.ravel(), kinds))]
        data = {
            "members": names,
            "groups": [problem.groups[g] for g in groups],
            "seats": int(problem.high[groups].sum()),
        }
        yield Clash("too_few_open_seats", data)
    short = _cut(problem.low, choices.T, many)
    if short is not None:
        groups, kinds = short
        names = [problem.members[at] for at in np.flatnonzero(np.isin(kind.ravel(), kinds))]
        seats = int(problem.low[groups].sum())
        yield Clash(
            "too_few_may_enter",
            {"groups": [problem.groups[g] for g in groups], "seats": seats, "members": names, "many": len(names)},
        )


def _cut(wanted, links, room):
    """Where no flow brings all that is wanted across: the lefts of a smallest cut and all the rights they may reach."""
    left, right = links.shape
    source, sink = left + right, left + right + 1
    much = int(wanted.sum())
    edges = [(source, at, int(wanted[at])) for at in range(left)]
    edges += [(int(a), left + int(b), much) for a, b in np.argwhere(links)]
    edges += [(left + at, sink, min(int(room[at]), much)) for at in range(right)]
    rows, columns, capacity = np.array(edges, np.int32).T
    network = csr_array((capacity, (rows, columns)), shape=(sink + 1, sink + 1))
    result = maximum_flow(network, source, sink)
    if result.flow_value >= much:
        return None
    rest = network - result.flow
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    lefts = sorted(int(at) for at in reached if at < left)
    return lefts, sorted(int(g) for g in np.flatnonzero(links[lefts].any(0)))


def _budget(problem, units, allowed):
    if problem.max_moves is None:
        return
    moves = np.where(allowed, moves_to(problem, units), len(problem.members))
    by_rules = int(moves.min(1).sum())
    over = np.bincount(problem.current[problem.current >= 0], minlength=len(problem.groups)) - problem.high
    leavers = int((problem.sits & (problem.current < 0)).sum())
    forced = max(by_rules, int(np.maximum(over, 0).sum()) + leavers)
    if forced > problem.max_moves:
        yield Clash("budget_too_small", {"moves": forced, "budget": problem.max_moves})
