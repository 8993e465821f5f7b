"""What to mind before a plan is approved: rules that held, who fares worst, the work it makes, what changed since."""

import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from django.db.models import CharField, Exists, F, OuterRef, Q, UUIDField, Value
from django.db.models.functions import Cast, Right
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.prepared import SOME_DAY, SOMEBODY, Counts
from members.models import Handle, Member

from . import waves
from .models import BondMember, Pin, Placement, Star

LARGE_BOND = 0.05  # of a group: a bond so large keeps to itself
UNFAIR = 0.8  # of the mean: who meets fewer than that is named before approving
ONE_DAY = datetime.timedelta(days=1)
WHY_FEW = {
    "pin": _("pinned to the group"),
    "bond": _("bound to others"),
    "closed": _("kept out of other groups"),
    "budget": _("kept in place, the moves are used up"),
    "chance": _("already acquainted with many"),
}


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
            seat = group.assistant if group.assistant and group.assistant.works else owner
            seats[seat.pk] = seat
            many[seat.pk] += leave
    today = tenant.today()
    loads = [waves.Load(seats[pk], moves, today, today + (moves - 1) // tenant.tasks_a_day * ONE_DAY) for pk, moves in many.items()]
    loads.sort(key=lambda load: (-load.moves, str(load.assistant)))
    return Work(waves.with_stand_ins(loads, tenant), tenant.tasks_a_day, reading.draft.reshuffle.cohort.begins_on)


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
