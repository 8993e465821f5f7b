"""A draft as its owner looks at it: who goes where with the first so many moves, what each group becomes, what to mind."""

import uuid
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat
from crm.tenancy.scope import ActiveTenant

from .models import Cohort, Draft, Group
from .names import short

PORTRAIT = ("star", "city", "skill", "newcomer", "size")
ENOUGH = 3  # of one city or skill in a group, so that they find each other
TIGHT = 0.01  # a bound within a hundredth of the plan proves it good
SHARES = (0.25, 0.5, 0.75, 1)  # the points of the short table

WHAT = {
    "star": _("Star members"),
    "city": _("Cities with 3 or more"),
    "skill": _("Skills with 3 or more"),
    "newcomer": _("New in the community"),
    "size": _("Headcount"),
}
SHORTLY = {"star": _("stars"), "city": _("cities"), "skill": _("skills"), "newcomer": _("new")}  # beside a small picture
WHY_STAY = {
    "pin": _("are pinned to their group"),
    "bond": _("stay beside those they are bound to"),
    "closed": _("may not sit in other groups"),
    "budget": _("stay because the moves are used up"),
    "choice": _("sit best where they are"),
    "later": _("move only when more moves are made"),
}


@dataclass(frozen=True)
class Point:
    """What the first so many moves bring, in new people per member."""

    moves: int
    mean: float
    least: int | None
    by_chance: float | None
    at_most: float | None
    minutes: int
    price: float | None = None  # minutes of work for one more new face than the point before

    @property
    def more_than_chance(self):
        return None if self.by_chance is None else self.mean - self.by_chance

    @property
    def room(self):
        return None if self.at_most is None else max(self.at_most - self.mean, 0)

    @property
    def is_tight(self):
        return self.at_most is not None and self.room <= TIGHT * self.at_most


@dataclass
class Reading:
    """A ready draft and, of its moves, the first so many. Members and groups are places in the plan's lists."""

    draft: Draft
    asked: int | None = None
    start: np.ndarray = field(init=False)
    goal: np.ndarray = field(init=False)
    order: np.ndarray = field(init=False)

    def __post_init__(self):
        plan = self.draft.plan
        self.start, self.goal = np.array(plan["from"], np.int64), np.array(plan["to"], np.int64)
        self.order = np.array(plan["order"], np.int64)

    @cached_property
    def points(self):
        pace = self.draft.reshuffle.matrix.minutes_per_move
        return priced([_point(raw, pace) for raw in self.draft.curve or []])

    @property
    def most(self):
        return len(self.order)

    @cached_property
    def point(self):
        """The point of the curve next to what was asked for; the whole plan where nothing was."""
        if not self.points:
            return None
        wanted = self.most if self.asked is None else self.asked
        return min(reversed(self.points), key=lambda point: abs(point.moves - wanted))

    @property
    def moves(self):
        return self.point.moves if self.point else self.most

    @property
    def is_whole(self):
        return self.moves >= self.most

    @cached_property
    def short_table(self):
        """A quarter, half, three quarters, all; and the chosen one."""
        wanted = {min(self.points, key=lambda point: abs(point.moves - share * self.most)).moves for share in SHARES if self.points}
        rows = [point for point in self.points if point.moves in wanted | {self.moves} and point.moves]
        return priced(rows)

    @cached_property
    def at(self):
        """Where everybody sits after these moves; newcomers sit where the plan puts them from the start."""
        at = np.where(self.start < 0, self.goal, self.start)
        moved = self.order[: self.moves]
        at[moved] = self.goal[moved]
        return at

    @cached_property
    def flow(self):
        """[from, to] -> how many; the last row counts the newcomers."""
        return self._flow(np.ones(len(self.at), bool))

    def flow_of(self, who):
        """The same of these members alone, given by id."""
        inside = np.zeros(len(self.at), bool)
        inside[[self.place[pk] for pk in who if pk in self.place]] = True
        return self._flow(inside)

    @cached_property
    def place(self):
        """Member's id -> place in the plan's lists."""
        return {pk: at for at, pk in enumerate(self.draft.plan["members"])}

    def _flow(self, inside):
        many = len(self.draft.plan["groups"])
        row = np.where(self.start < 0, many, self.start)[inside]
        return np.bincount(row * many + self.at[inside], minlength=(many + 1) * many).reshape(many + 1, many)

    @property
    def people(self):
        return len(self.at)

    @cached_property
    def seated(self):
        return int((self.start >= 0).sum())

    @property
    def newcomers(self):
        return self.people - self.seated

    @cached_property
    def sizes(self):
        return np.bincount(self.at, minlength=len(self.draft.plan["groups"]))

    @property
    def mates(self):
        """With how many others a member sits, on average."""
        return float((self.sizes * (self.sizes - 1)).sum() / max(self.people, 1))

    @cached_property
    def known_pairs(self):
        """Pairs who know each other and sit together: all pairs less the new ones."""
        if self.is_whole:
            return self.draft.figures["known_pairs"]
        return round((self.mates - self.point.mean) * self.people / 2)

    @property
    def minutes(self):
        return self.moves * self.draft.reshuffle.matrix.minutes_per_move

    @property
    def stays(self):
        """[(why, how many)] of those who keep their group."""
        found = [(WHY_STAY.get(why, why), many) for why, many in (self.draft.figures.get("stays") or {}).items() if many]
        return found if self.is_whole else [*found, (WHY_STAY["later"], self.most - self.moves)]

    @property
    def share(self):
        return self.moves / self.seated if self.seated else 0


def _point(raw, pace):
    least = raw.get("new_people_least")
    return Point(
        moves=int(raw["moves"]),
        mean=float(raw["new_people_mean"]),
        least=None if least is None else int(least),
        by_chance=raw.get("random_new_people_mean"),
        at_most=raw.get("bound_new_people_mean"),
        minutes=int(raw["moves"]) * pace,
    )


def priced(points):
    """Each with the price of one more new face than the point before it."""
    priced, before = [], None
    for point in points:
        minutes = point.minutes - (before.minutes if before else 0)
        more = point.mean - (before.mean if before else 0)
        price = minutes / more if minutes and more > 0.05 else None
        priced.append(Point(**{**point.__dict__, "price": price}))
        before = point
    return priced


# Groups


def groups_of(draft):
    """The plan's groups in its order, with their assistants."""
    found = Group.objects.select_related("assistant__user").in_bulk(draft.plan["groups"])
    by_text = {str(pk): group for pk, group in found.items()}
    for group in found.values():
        group.said = short(group.number, group.name)  # dozens of times on a page
    return [by_text[pk] for pk in draft.plan["groups"]]


def portraits(reading, groups):
    """Per group {what: (before, after)}. What the engine did not count is left out."""
    counted = reading.draft.figures.get("groups") or {}
    if not reading.is_whole:
        after = _counted_again(reading)
    rows = []
    for at, group in enumerate(groups):
        known = counted.get(group.name) or {"before": {}, "after": {}}
        then = known["after"] if reading.is_whole else {name: int(many[at]) for name, many in after.items()}
        rows.append({name: (known["before"][name], then[name]) for name in PORTRAIT if name in known["before"] and name in then})
    return rows


def _counted_again(reading):
    """The portraits after the first so many moves, from what the plan keeps of its people; the engine counted those of the whole."""
    traits, many, at = reading.draft.plan.get("traits"), len(reading.draft.plan["groups"]), reading.at
    if not traits:
        return {"size": reading.sizes}
    found = {"size": reading.sizes}
    for name in ("star", "newcomer"):
        found[name] = np.bincount(at[np.array(traits[name], np.int64)], minlength=many)
    for name in ("city", "skill"):
        values, people = (np.array(column, np.int64) for column in traits[name])
        counted = np.bincount(values * many + at[people], minlength=(values.max(initial=-1) + 1) * many).reshape(-1, many)
        found[name] = (counted >= ENOUGH).sum(0)
    return found


def ranges(rows):
    """[(what, (lowest, highest) before, the same after)] over all groups; an empty group, closed or not begun, says nothing."""
    found = []
    for name in PORTRAIT:
        values = [row[name] for row in rows if name in row]
        before = [value for (value, _), row in zip(values, rows, strict=False) if row.get("size", (1, 1))[0]]
        after = [value for (_, value), row in zip(values, rows, strict=False) if row.get("size", (1, 1))[1]]
        if before and after:
            found.append((WHAT[name], (min(before), max(before)), (min(after), max(after))))
    return found


# Drafts beside each other, and what stands around a plan: all in the question for the draft


@cache
def _with_surroundings():
    """The question, which takes longer to put together than to answer; of whose drafts is decided when it is asked."""
    owner = Seat.objects.standing().filter(tenant=ActiveTenant()).owner_first()
    who = JSONObject(pk="pk", name="name", user="user__name", email="user__email")
    present = Cohort.objects.filter(matrix=OuterRef("reshuffle__matrix"), state=Cohort.State.CURRENT)
    beside = Draft.objects.filter(reshuffle=OuterRef("reshuffle")).order_by("number")
    figures = {"moves": "figures__moves", "mean": "figures__new_people__mean"}
    said = JSONObject(pk="pk", number="number", state="state", max_moves="max_moves", **figures)
    return Draft.objects.select_related("reshuffle__matrix", "reshuffle__cohort").annotate(
        present=Subquery(present.values(json=JSONObject(year="year", half="half"))[:1]),
        beside=ArraySubquery(beside.values(json=said)),
        owner=Subquery(owner.values(json=who)[:1]),
    )


def with_surroundings():
    """Each draft with its reshuffle, the other drafts' main figures, the present half-year, and the owner."""
    return _with_surroundings().all()


def drafts_of(draft):
    """All drafts of this one's reshuffle, itself too."""
    pace = draft.reshuffle.matrix.minutes_per_move
    rows = [row | {"letter": Draft(number=row["number"]).letter, "is_this": row["pk"] == str(draft.pk)} for row in draft.beside]
    return [row | {"minutes": None if row["moves"] is None else row["moves"] * pace} for row in rows]


def owner_of(draft):
    """Who works for groups without an assistant, and whom others ask to approve."""
    who = draft.owner
    return Seat(pk=uuid.UUID(who["pk"]), name=who["name"] or who["user"] or who["email"], role=Seat.Role.OWNER)


def present_of(draft):
    return Cohort(**draft.present) if draft.present else None
