"""A matrix as a reshuffle problem, in the words of the engine, and the way back to our rows."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast

from members.models import Handle, Member

from .models import Apart, BondMember, Cohort, Group, Pin, Placement, Star

FORGOTTEN_AFTER = 60  # half-years
# Of the many rows of a history: a text is found in a dict in a fraction of the time that an id takes.
AS_TEXTS = {f"{name}_": Cast(name, CharField()) for name in ("cohort", "member", "group")}
ID_AS_TEXT = Cast("pk", CharField())


@dataclass(frozen=True)
class Posed:
    """`raw` is what the engine and the judge read; the rest says who and what its ids are."""

    raw: dict
    members: dict  # key in the problem -> Member's id
    groups: dict  # key in the problem -> Group's id

    @property
    def mark(self):
        """Changes when a rule changes. Who came and went is compared with the plan itself, so that it can be named."""
        rules = {name: self.raw[name] for name in ("groups", "bonds", "apart", "weights", "lambdas")}
        rules["pinned"] = [member["id"] for member in self.raw["members"] if member["pinned"]]
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def seated(self):
        return sum(1 for member in self.raw["members"] if member["current"] is not None)


def present(matrix):
    """Whom a problem of this matrix is about, by their ids as texts: who sits in it now, and who sits in no group at all."""
    seats = Placement.objects.open().filter(member=OuterRef("pk"))
    found = Member.objects.current().filter(Q(Exists(seats.filter(matrix=matrix))) | ~Q(Exists(seats)))
    return set(found.annotate(id_=ID_AS_TEXT).values_list("id_", flat=True))


def ruled(matrix):
    """Whom a pin, a bond or a wish to be apart concerns, by their ids as texts."""
    pins, bonds = Pin.objects.filter(matrix=matrix), BondMember.objects.filter(bond__matrix=matrix)
    pairs = Apart.objects.filter(matrix=matrix).values_list("one_id", "other_id")
    found = {*pins.values_list("member_id", flat=True), *bonds.values_list("member_id", flat=True), *(pk for pair in pairs for pk in pair)}
    return set(map(str, found))


def pose(matrix, *, max_moves=None, only=None, people=None):
    """Everybody who sits in the matrix now, and who sits in none yet, to be dealt to its open groups.

    With `only`, nothing is read of anybody but these, of so many `people` who are `present`."""
    of = {} if only is None else {"member__in": only}
    groups = list(Group.objects.filter(matrix=matrix).in_order())
    names = {group.pk: group.name for group in groups}
    here = Placement.objects.open().filter(matrix=matrix, member__standing="current", **of)
    now_at = dict(here.values_list("member_id", "group_id"))
    who = _people(now_at, only)
    keys = _keys(who, of)
    history = _history(matrix, keys, now_at, names, of)
    pinned = set(Pin.objects.filter(matrix=matrix).values_list("member_id", flat=True)) & now_at.keys()
    stars = set(Star.objects.shining().values_list("member_id", flat=True))
    veterans = {key for cohort in history[1:] for key in cohort["placed"]}
    members = [
        {
            "id": key,
            "current": names.get(now_at.get(pk)),
            "pinned": pk in pinned,
            "allowed": None,
            "tags": _tags(who[pk], pk in stars, key not in veterans),
        }
        for key, pk in sorted((key, pk) for pk, key in keys.items())
    ]
    many = len(members) if people is None else people
    open_groups = [group for group in groups if group.closed_on is None]
    raw = {
        "matrix": matrix.name,
        "groups": [
            {"id": group.name, "min": _least(group, matrix, many, len(open_groups)), "max": group.capacity} for group in open_groups
        ],
        "members": members,
        "history": history,
        "lambdas": [_dimmed(age, matrix.half_life) for age in range(len(history))],
        "bonds": _bonds(matrix, keys),
        "apart": _aparts(matrix, keys),
        "max_moves": max_moves,
        "weights": matrix.weights,
        "ties": [],
    }
    return Posed(raw, {key: pk for pk, key in keys.items()}, {group.name: group.pk for group in groups})


def _people(now_at, only):
    """{id: (city, industry, skills)}. Newcomers sit in no group at all; who sits in another matrix only is none of ours."""
    current = Member.objects.current().values_list("pk", "city", "industry", "skills")
    if only is not None:
        return {pk: said for pk, *said in current.filter(pk__in=only)}
    elsewhere = set(Placement.objects.open().values_list("member_id", flat=True)) - now_at.keys()
    return {pk: said for pk, *said in current if pk not in elsewhere}


def _keys(who, of):
    """How files name a member: by WeChat id, else by phone. The first of each counts, so a second handle changes nothing."""
    found = {}
    for pk, platform, value in Handle.objects.filter(**of).order_by("id").values_list("member_id", "platform", "value"):
        if pk in who:
            found.setdefault(pk, {}).setdefault(platform, value)
    return {pk: _key(pk, found.get(pk, {})) for pk in who}


def _key(pk, handles):
    if wechat := handles.get("wechat"):
        return wechat
    if phone := handles.get("phone"):
        return f"tel:{phone[-11:].lstrip('+')}"
    return f"id:{pk}"


def _history(matrix, keys, now_at, names, of):
    """Newest first. The present cohort is where people sit now; later rows of one cohort overwrite earlier ones."""
    cohorts = [cohort for cohort in Cohort.objects.filter(matrix=matrix).newest_first() if cohort.state != Cohort.State.PLANNED]
    sat = defaultdict(dict)
    rows = Placement.objects.filter(matrix=matrix, **of).order_by("since", "id").annotate(**AS_TEXTS).values_list(*AS_TEXTS)
    key_of, name_of = {str(pk): key for pk, key in keys.items()}, {str(pk): name for pk, name in names.items()}
    for cohort, member, group in rows.iterator(chunk_size=10_000):
        if member in key_of:
            sat[cohort][key_of[member]] = name_of[group]
    for cohort in cohorts:
        if cohort.state == Cohort.State.CURRENT:
            sat[str(cohort.pk)] = {keys[pk]: names[group_id] for pk, group_id in now_at.items()}
    return [{"cohort": cohort.code, "placed": sat[str(cohort.pk)]} for cohort in cohorts]


def _tags(said, is_star, is_newcomer):
    city, industry, skills = said
    tags = {"city": city, "industry": industry, "skill": skills}
    if is_star:
        tags["star"] = "yes"
    if is_newcomer:
        tags["newcomer"] = "yes"
    return {name: value for name, value in tags.items() if value}


def who_has(matrix, tag, value):
    """The other way round: all whose tag says so, by their ids as texts."""
    if tag == "newcomer":
        return present(matrix) - _veterans(matrix)
    if tag == "star":
        return set(map(str, Star.objects.shining().values_list("member_id", flat=True)))
    said = {"skills__contains": [value]} if tag == "skill" else {tag: value}
    return set(Member.objects.current().filter(**said).annotate(id_=ID_AS_TEXT).values_list("id_", flat=True))


def _veterans(matrix):
    """Who sat there in a half-year before the newest one."""
    began = [cohort.pk for cohort in Cohort.objects.filter(matrix=matrix).newest_first() if cohort.state != Cohort.State.PLANNED]
    sat = Placement.objects.filter(matrix=matrix, cohort__in=began[1:]).annotate(member_=AS_TEXTS["member_"])
    return set(sat.values_list("member_", flat=True).distinct())


def _least(group, matrix, people, groups):
    return group.least if group.least is not None else people * matrix.least_percent // (100 * groups)


def _dimmed(age, half_life):
    return round(0.5 ** (age / half_life), 6) if age < FORGOTTEN_AFTER else 0.0


def _bonds(matrix, keys):
    together = defaultdict(list)
    for bond_id, member_id in BondMember.objects.filter(bond__matrix=matrix).values_list("bond_id", "member_id"):
        if member_id in keys:
            together[bond_id].append(keys[member_id])
    return sorted(sorted(bond) for bond in together.values() if len(bond) > 1)


def _aparts(matrix, keys):
    pairs = Apart.objects.filter(matrix=matrix).values_list("one_id", "other_id")
    return sorted(sorted([keys[one], keys[other]]) for one, other in pairs if one in keys and other in keys)
