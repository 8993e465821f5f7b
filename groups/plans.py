"""A draft as its owner looks at it: who goes where with the first so many moves, what each group becomes, what to mind."""

import datetime
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache, cached_property, reduce

import numpy as np
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Exists, F, OuterRef, Q, Subquery, UUIDField, Value
from django.db.models.functions import Cast, JSONObject, Right
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat
from crm.tenancy.prepared import SOME_DAY, SOMEBODY, Counts
from crm.tenancy.scope import ActiveTenant
from members.models import Handle, Member

from . import waves
from .models import BondMember, Cohort, Draft, Group, Pin, Placement, Star
from .names import short

PORTRAIT = ("star", "city", "skill", "newcomer", "size")
ENOUGH = 3  # of one city or skill in a group, so that they find each other
LARGE_BOND = 0.05  # of a group: a bond so large keeps to itself
TIGHT = 0.01  # a bound within a hundredth of the plan proves it good
SHARES = (0.25, 0.5, 0.75, 1)  # the points of the short table
ONE_DAY = datetime.timedelta(days=1)
UNFAIR = 0.8  # of the mean: who meets fewer than that is named before approving

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
WHY_FEW = {
    "pin": _("pinned to the group"),
    "bond": _("bound to others"),
    "closed": _("kept out of other groups"),
    "budget": _("kept in place, the moves are used up"),
    "chance": _("already acquainted with many"),
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


# Rules that held


@dataclass(frozen=True)
class Kept:
    """How many of the owner's rules hold after these moves."""

    pins: int
    pins_kept: int
    hosts: int
    bonds: int
    bonds_kept: int
    large: list  # bonds that move as a block: (name, size, group's place, share of the group)


@dataclass
class Marks:
    """The owner's rules about single members, in one question: who is pinned, who is bound to whom, who shines."""

    pins: dict = field(default_factory=dict)  # member -> why
    bonds: dict = field(default_factory=lambda: defaultdict(list))  # (bond, name) -> members
    stars: set = field(default_factory=set)


def marks(matrix):
    def row(kind, word, bond):
        return {"kind": Value(kind), "who": F("member_id"), "word": Cast(word, CharField()), "bond_of": Cast(bond, UUIDField())}

    names = ("kind", "who", "word", "bond_of")
    pins = Pin.objects.filter(matrix=matrix).annotate(**row("pin", F("because"), Value(None))).values_list(*names)
    bonds = BondMember.objects.filter(bond__matrix=matrix).annotate(**row("bond", F("bond__name"), F("bond_id"))).values_list(*names)
    stars = Star.objects.shining().annotate(**row("star", F("because"), Value(None))).values_list(*names)
    found = Marks()
    for kind, who, word, bond in pins.union(bonds, stars, all=True):
        if kind == "pin":
            found.pins[str(who)] = word
        elif kind == "bond":
            found.bonds[bond, word].append(str(who))
        else:
            found.stars.add(str(who))
    return found


def kept(reading, marks):
    place = reading.place
    pins = [(place[pk], why) for pk, why in marks.pins.items() if pk in place and reading.start[place[pk]] >= 0]
    bonds = {bond: [place[pk] for pk in who if pk in place] for bond, who in marks.bonds.items()}
    bonds = {bond: who for bond, who in bonds.items() if len(who) > 1}
    whole = {bond: who for bond, who in bonds.items() if len(set(reading.at[who].tolist())) == 1}
    large = []
    for (_bond, name), who in whole.items():
        group = int(reading.at[who[0]])
        share = len(who) / max(int(reading.sizes[group]), 1)
        if share >= LARGE_BOND and (reading.start[who] != group).any():
            large.append((name, len(who), group, share))
    return Kept(
        pins=len(pins),
        pins_kept=sum(1 for at, _why in pins if reading.at[at] == reading.start[at]),
        hosts=sum(1 for _at, why in pins if why == Pin.Because.HOST),
        bonds=len(bonds),
        bonds_kept=len(whole),
        large=sorted(large, key=lambda each: -each[1])[:3],
    )


# Who is meant: figures name members by our ids, clashes as files do


def named(keys):
    """{key of the problem: Member} of those who are found."""
    keys = list(dict.fromkeys(keys))
    phones = {key.removeprefix("tel:") for key in keys if key.startswith("tel:")}
    ids = [key.removeprefix("id:") for key in keys if key.startswith("id:")]
    found = {f"id:{member.pk}": member for member in Member.objects.filter(pk__in=ids)} if ids else {}
    outside = [key for key in keys if not key.startswith("id:")]
    if not outside:
        return found
    asked = Q(platform=Handle.Platform.WECHAT, value__in=outside) | Q(platform=Handle.Platform.PHONE, end__in=phones)
    for handle in Handle.objects.annotate(end=Right("value", 11)).filter(asked).select_related("member"):
        key = handle.value if handle.platform == Handle.Platform.WECHAT else f"tel:{handle.end}"
        found.setdefault(key, handle.member)
    return found


def listed(names):
    """Lin, Zhou, Chen; 林、周、陈."""
    return reduce(lambda said, name: _now("%(names)s, %(name)s") % {"names": said, "name": name}, names)


def worst(draft, stars=()):
    """Who meets fewest: member, new people, all mates, why, and whether they are a star."""
    rows = draft.figures.get("worst") or []
    who = named(row["member"] for row in rows)
    said = [{**row, "member": who.get(row["member"]), "why": WHY_FEW.get(row["why"], "")} for row in rows]
    return [{**row, "is_star": str(row["member"].pk) in stars} for row in said if row["member"]]


def least_words(rows):
    """(fewest, most, [(why, how many)]) of those who fare worst."""
    news = [row["new"] for row in rows]
    return {"least": min(news), "most": max(news), "whys": Counter(row["why"] for row in rows).most_common()}


# Work


@dataclass(frozen=True)
class Work:
    """What approving gives to each assistant, and until when."""

    loads: list
    per_day: int
    begins_on: datetime.date

    @property
    def last_day(self):
        return max((load.last_day for load in self.loads), default=None)

    @property
    def days(self):
        return max(((load.last_day - load.first_day).days + 1 for load in self.loads), default=0)

    @property
    def approve_by(self):
        """The last day on which all is through before the half-year begins."""
        return self.begins_on - datetime.timedelta(days=self.days)

    @property
    def is_late(self):
        return self.last_day is not None and self.last_day >= self.begins_on


def work(reading, groups, tenant, owner):
    """Who gets how much, and until when: `waves.in_daily_waves` counted instead of dealt."""
    seats, many = {}, Counter()
    leaving = np.bincount(reading.start[reading.order[: reading.moves]], minlength=len(groups))
    for group, leave in zip(groups, leaving.tolist(), strict=True):
        if leave:
            seat = group.assistant if group.assistant and _stands(group.assistant) else owner
            seats[seat.pk] = seat
            many[seat.pk] += leave
    today = tenant.today()
    loads = [waves.Load(seats[pk], moves, today, today + (moves - 1) // tenant.tasks_a_day * ONE_DAY) for pk, moves in many.items()]
    loads.sort(key=lambda load: (-load.moves, str(load.assistant)))
    return Work(loads, tenant.tasks_a_day, reading.draft.reshuffle.cohort.begins_on)


def _stands(seat):
    return seat.ended_at is None and seat.user.is_active


# What changed since


def _present(matrix, begins_on):
    everybody, sits = Member.objects.current(), Placement.objects.open()
    here = sits.filter(matrix=matrix, member__standing=Member.Standing.CURRENT)
    return {
        "nowhere": everybody.filter(~Exists(sits.filter(member=OuterRef("pk")))),
        "seated": here,
        "ending": here.filter(member__expires_on__lt=begins_on),
    }


PRESENT = Counts(_present, matrix=SOMEBODY, begins_on=SOME_DAY)


def since(draft):
    """How many more or fewer people there are than when the plan was made, and whose term ends before it begins."""
    found = PRESENT.ask(matrix=draft.reshuffle.matrix_id, begins_on=draft.reshuffle.cohort.begins_on)
    people, mark = found["nowhere"] + found["seated"], draft.mark or {}
    return {
        "is_changed": bool(mark) and (mark.get("people"), mark.get("seated")) != (people, found["seated"]),
        "more": people - mark.get("people", people),
        "ending": found["ending"],
    }


# What to look at before approving


def warnings(reading, changed, worst_words, rules, load, owner):
    """[{kind, tone, …}], what weighs most first; `warn` is counted in the brief."""
    found = []
    if changed and changed["is_changed"]:
        found.append({"kind": "changed", "tone": "warn", "more": changed["more"], "fewer": -changed["more"]})
    if load.is_late and reading.draft.reshuffle.is_open:
        found.append({"kind": "late", "tone": "warn"})
    if worst_words and reading.is_whole:
        unfair = worst_words["least"] < UNFAIR * reading.point.mean if reading.point else False
        found.append({"kind": "worst", "tone": "warn" if unfair else "plain", **worst_words})
    if rules.bonds_kept < rules.bonds:
        found.append({"kind": "split", "tone": "warn", "bonds": rules.bonds - rules.bonds_kept})
    for name, size, at, share in rules.large:
        found.append({"kind": "block", "tone": "warn", "name": name, "size": size, "at": at, "share": share})
    if mine := sum(each.moves for each in load.loads if each.assistant.pk == owner.pk):
        found.append({"kind": "owner", "tone": "plain", "moves": mine})
    if changed and changed["ending"]:
        found.append({"kind": "ending", "tone": "plain", "members": changed["ending"]})
    return sorted(found, key=lambda each: each["tone"] != "warn")


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
