"""What is asked: members, groups, who sat where, and the rules. Read once, checked, and turned into arrays."""

from dataclasses import dataclass, field

import numpy as np

MILLION = 1_000_000  # weights and lambdas are whole millionths, so that sums are exact on every machine
NOT_TAGS = ("size", "tie", "known")
SUMMANDS = 4_000_000_000_000_000_000  # int64 with room to spare


class BadProblem(Exception):
    """The file is no reshuffle problem; the message says why."""


@dataclass
class Problem:
    """Members stand in the order of their ids, groups in the order given. -1 stands for no group."""

    groups: list
    low: np.ndarray
    high: np.ndarray
    members: list
    current: np.ndarray
    sits: np.ndarray  # has a present group, be it one that is being closed
    pinned: np.ndarray
    allowed: list  # per member None, or the set of groups open to them
    cohorts: list
    sat: np.ndarray  # [cohort, member] -> number of the old group
    lambdas: np.ndarray
    bonds: list
    apart: list
    max_moves: int | None
    weights: dict  # in millionths
    tags: dict = field(default_factory=dict)  # tag -> {value: members}; also of tags without a weight
    tie_pairs: np.ndarray = None
    tie_strengths: np.ndarray = None
    group_names_now: list = None  # the present group's name, also of one that is being closed

    @classmethod
    def from_json(cls, raw):
        try:
            return _read(raw)
        except KeyError as error:
            raise BadProblem(f"The problem lacks {error.args[0]!r}.") from error
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadProblem(f"The problem cannot be read: {error}.") from error

    @property
    def is_budgeted(self):
        return self.max_moves is not None

    def weight(self, name):
        return self.weights.get(name, 0)

    def moved(self, at):
        """Who leaves the present group under this assignment; newcomers do not."""
        return self.sits & (at != self.current)


def millionths(number, name):
    number = float(number)
    if not 0 <= number < 1e6:
        raise BadProblem(f"{name} must lie between 0 and a million, not {number:g}.")
    return round(number * MILLION)


def _read(raw):
    groups = [str(group["id"]) for group in raw["groups"]]
    people = sorted(raw["members"], key=lambda member: str(member["id"]))
    members = [str(member["id"]) for member in people]
    _refuse_twins("group", groups)
    _refuse_twins("member", members)
    if members and not groups:
        raise BadProblem("There is no group to place anybody in.")
    seat = {group: at for at, group in enumerate(groups)}
    place = {member: at for at, member in enumerate(members)}
    low, high = _sizes(raw["groups"], len(members))
    now = [None if member.get("current") in (None, "") else str(member["current"]) for member in people]
    history = raw.get("history") or []
    weights = {str(name): millionths(weight or 0, f"The weight of {name}") for name, weight in (raw.get("weights") or {}).items()}
    problem = Problem(
        groups=groups,
        low=low,
        high=high,
        members=members,
        current=np.array([seat.get(name, -1) for name in now], np.int64),
        sits=np.array([name is not None for name in now], np.bool_),
        pinned=np.array([bool(member.get("pinned")) for member in people], np.bool_),
        allowed=[_open_groups(member, seat) for member in people],
        cohorts=[str(cohort.get("cohort", at)) for at, cohort in enumerate(history)],
        sat=_sat(history, members),
        lambdas=_lambdas(raw.get("lambdas"), history),
        bonds=_bonds(raw.get("bonds"), place),
        apart=_apart(raw.get("apart"), place),
        max_moves=_budget(raw.get("max_moves")),
        weights=weights,
        group_names_now=now,
    )
    named = {str(tag) for member in people for tag in member.get("tags") or {}}
    problem.tags = {tag: _tag_values(tag, people) for tag in sorted(named | set(weights)) if tag not in NOT_TAGS}
    problem.tie_pairs, problem.tie_strengths = _ties(raw.get("ties"), place)
    _check(problem)
    return problem


def _check(problem):
    for at in np.flatnonzero(problem.pinned & (problem.current < 0)):
        raise BadProblem(f"{problem.members[at]} is pinned, but sits in none of these groups.")
    for group, low, high in zip(problem.groups, problem.low, problem.high, strict=True):
        if low > high:
            raise BadProblem(f"{group} must hold at least {low} and at most {high} members: that cannot be.")
    heaviest = max([*problem.weights.values(), int(problem.lambdas.sum()), 1])
    if heaviest * len(problem.members) ** 2 > SUMMANDS:
        raise BadProblem("The weights are too large for so many members.")


def _refuse_twins(what, names):
    seen = set()
    for name in names:
        if name in seen:
            raise BadProblem(f"The {what} {name} is listed twice.")
        seen.add(name)


def _sizes(groups, everybody):
    low = [int(group.get("min") or 0) for group in groups]
    high = [everybody if group.get("max") is None else int(group["max"]) for group in groups]
    if any(size < 0 for size in low + high):
        raise BadProblem("The size of a group must not be negative.")
    return np.array(low, np.int64), np.array(high, np.int64)


def _open_groups(member, seat):
    if member.get("allowed") is None:
        return None
    return {seat[str(group)] for group in member["allowed"] if str(group) in seat}


def _sat(history, members):
    sat = np.full((len(history), len(members)), -1, np.int32)
    for row, cohort in zip(sat, history, strict=True):
        placed = {str(member): group for member, group in cohort["placed"].items()}
        number = {}
        for at, member in enumerate(members):
            group = placed.get(member)
            if group is not None:
                row[at] = number.setdefault(str(group), len(number))
    return sat


def _lambdas(raw, history):
    lambdas = list(raw) if raw else [1.0] * len(history)
    if len(lambdas) != len(history):
        raise BadProblem("There must be one lambda for each cohort of the history.")
    return np.array([millionths(number, "A lambda") for number in lambdas], np.int64)


def _bonds(raw, place):
    bonds = [sorted({place[str(member)] for member in bond if str(member) in place}) for bond in raw or []]
    return [bond for bond in bonds if len(bond) > 1]


def _apart(raw, place):
    pairs = [(str(one), str(other)) for one, other in raw or []]
    for one, other in pairs:
        if one == other:
            raise BadProblem(f"{one} cannot be kept apart from {other}: they are one.")
    return sorted({tuple(sorted((place[a], place[b]))) for a, b in pairs if a in place and b in place})


def _budget(raw):
    if raw is None:
        return None
    if int(raw) < 0:
        raise BadProblem("The number of moves must not be negative.")
    return int(raw)


def _tag_values(tag, people):
    values = {}
    for at, member in enumerate(people):
        has = (member.get("tags") or {}).get(tag)
        for value in has if isinstance(has, list) else [has]:
            if value not in (None, "", False):
                values.setdefault(str(value), set()).add(at)
    return {value: np.array(sorted(who), np.int64) for value, who in values.items()}


def _ties(raw, place):
    known = [(place[str(a)], place[str(b)], s) for a, b, s in raw or [] if str(a) in place and str(b) in place]
    pairs = np.array([(a, b) for a, b, _ in known], np.int64).reshape(-1, 2)
    return pairs, np.array([millionths(strength, "The strength of a tie") for *_, strength in known], np.int64)
