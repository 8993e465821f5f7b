"""The people of a file beside who is here: who is new, what of whom would change. Nothing is written.

A file may tell of a hundred thousand, so they are looked at some at a time, and what is found is packed or told anew."""

from dataclasses import dataclass, field, fields
from datetime import date
from functools import cached_property
from itertools import islice, repeat
from operator import attrgetter
from types import MappingProxyType
from uuid import UUID

from django.utils.timezone import now
from uuid_utils.compat import uuid7

from .files.packed import Packed, Twice
from .files.people import Folk, join
from .files.rows import Person
from .merging import DECIDED
from .models import FormerNickname, Handle, Member, Renewal
from .terms import A_DAY

FIELDS = [
    "nickname", "standing", "tier", "city", "industry", "skills", "joined_on", "expires_on", "note", "inviter", "tags", "offers", "seeks",
    "custom",
]  # fmt: skip
AT_ONCE = 2000  # people who are compared or written together
SHARED = {"standing", "tier", "city", "industry", "skills", "tags", "joined_on", "expires_on"}
CURRENT, PARTNER, MEMBER = Member.Standing.CURRENT.value, Member.Tier.PARTNER.value, Member.Tier.MEMBER.value
NO_WORDS = []  # one for all: lists of these rows are set and never added to
NOTHING_ELSE = {}
values_of = attrgetter(*("inviter_id" if name == "inviter" else name for name in FIELDS))


def handles_of(person):
    """(platform, value) of everything that a person of a file is known by."""
    return [
        *(("wechat", value) for value in person.wechat),
        *(("phone", value) for value in person.phones),
        *getattr(person, "others", ()),
    ]


@dataclass(slots=True, eq=False)
class Light:
    """A member's row, as light as a hundred thousand of them have to be: of somebody who is here, or of a newcomer."""

    pk: UUID = field(default_factory=uuid7)
    nickname: str = ""
    standing: str = CURRENT
    tier: str = MEMBER
    city: str = ""
    industry: str = ""
    skills: list = field(default_factory=lambda: NO_WORDS)
    joined_on: date | None = None
    expires_on: date | None = None
    note: str = ""
    inviter_id: UUID | None = None
    tags: list = field(default_factory=lambda: NO_WORDS)
    offers: str = ""
    seeks: str = ""
    custom: dict = field(default_factory=lambda: NOTHING_ELSE)
    person: object = None  # of the file, whom they are told of as
    is_new: bool = True


class Ids:
    """Members' ids, in sixteen bytes each."""

    def __init__(self):
        self._bytes = bytearray()

    def append(self, pk):
        self._bytes += pk.bytes

    def __len__(self):
        return len(self._bytes) // 16

    def __getitem__(self, at):
        return UUID(bytes=bytes(self._bytes[16 * at : 16 * at + 16]))

    def __iter__(self):
        return map(self.__getitem__, range(len(self)))


@dataclass(slots=True)
class Touched:
    """Somebody who is here and of whom the file says something new; rows begin with their ids."""

    member: Light
    before: tuple  # values of FIELDS
    former: tuple  # nicknames, with the new ones
    handles: list  # rows: id, member's id, platform, value
    names: list  # rows: id, member's id, nickname, moment
    paid: list  # rows: id, member's id, first day, last day, price in hundredths

    @property
    def differences(self):
        """{field: (before, after)}; empty where only their handles or former names are new."""
        pairs = zip(FIELDS, self.before, values_of(self.member), strict=True)
        return {name: (was, becomes) for name, was, becomes in pairs if was != becomes}

    @property
    def is_one(self):
        return bool(self.handles or self.names or self.paid or self.before != values_of(self.member))


OF_LIGHT = tuple(each.name for each in fields(Light) if each.name != "person")
OF_TOUCHED = attrgetter("before", "former", "handles", "names", "paid")
LIGHT = attrgetter(*OF_LIGHT)


class AllTouched(Packed):
    @staticmethod
    def pack(block):
        return Packed.pack([(LIGHT(each.member), Folk.values(each.member.person), OF_TOUCHED(each)) for each in block])

    @staticmethod
    def unpack(block):
        return [_opened(*packed) for packed in Packed.unpack(block)]


def _opened(light, person, more):
    member = Light(**dict(zip(OF_LIGHT, light, strict=True)), person=Person(*person))
    return Touched(member, *more)


@dataclass
class Comparison:
    """What the people of a file are to those who are here, worked out and not written. Who is new, and who is changed, is told anew each
    time, since there may be a hundred thousand."""

    people: object
    stands_for: dict  # {position of one of the people: that of an earlier one who is the same member}
    joined: dict  # {position: person with what such later ones say}
    ids: Ids = field(default_factory=Ids)  # of each of the people their member's
    is_fresh: bytearray = field(default_factory=bytearray)  # of each of the people
    past_ids: list = field(default_factory=list)
    fresh_past: list = field(default_factory=list)
    all_touched: AllTouched = field(default_factory=AllTouched)
    left: list = field(default_factory=list)  # ids
    named: dict = field(default_factory=dict)  # {handle: member's id} of who is somebody's inviter
    taken: set = field(default_factory=set)  # handles of those who are not members any more
    joins: list = field(default_factory=list)  # (member's id, other member's id, platform) that a row of the file shows to be one
    added: int = 0  # current members who are new
    changed: int = 0
    partners: int = 0

    def told(self):
        """Each of the people with their position."""
        return ((at, self.joined.get(at, person)) for at, person in enumerate(self.people))

    @property
    def members(self):
        """How many members the people are."""
        return len(self.ids) - len(self.stands_for)

    def fresh(self):
        """Everybody who is new."""
        lists = {}
        for at, person in self.told():
            if self.is_fresh[at]:
                member = Light(self.ids[at])
                _bring_up_to_date(member, person, lists)
                self.name_inviter(member)
                yield member
        yield from self.fresh_past

    def touched(self):
        for each in self.all_touched:
            self.name_inviter(each.member)
            if each.is_one:
                yield each

    def name_inviter(self, member):
        """Inviters may stand further down in the file, or be past members. Returns whether there is none to be found."""
        said = member.person.inviter
        inviter = (self.named.get(("wechat", said)) or self.named.get(("phone", said))) if said else None
        if inviter and inviter != member.pk:
            member.inviter_id = inviter
        return bool(said) and not inviter

    def new_handles(self, member):
        """Of somebody who is new."""
        return [handle for handle in dict.fromkeys(handles_of(member.person)) if handle not in self.taken]

    def known_ids(self):
        """Of those of the people who are here."""
        known = (at for at, is_fresh in enumerate(self.is_fresh) if not is_fresh and at not in self.stands_for)
        return {self.ids[at] for at in known}

    @cached_property
    def here(self):
        """Ids of those who are current members, where only a history is read."""
        return set(Member.objects.current().values_list("pk", flat=True))


def compare(people, past_members, *, whole=True, same=MappingProxyType({})):
    """The people of a file beside who is here. Who is not in it any more becomes a past member if it is the `whole` community;
    everybody whom only its history knows is one. `same` is what somebody said: {line: [line or id of a member who is that person]}."""
    found, twice = _compared(people, past_members, same, *(_one_each(people, same) if same else ({}, {})))
    if twice:
        found, _ = _compared(people, past_members, same, *_one_each(people, same, twice))
    if whole:
        ids = {pk.bytes for pk in found.ids}
        found.left = [pk for pk in Member.objects.current().order_by().values_list("pk", flat=True).iterator() if pk.bytes not in ids]
    return found


def _compared(people, past_members, same, stands_for, joined):
    """The comparison, and hashes of the members whom several rows told of."""
    found, twice, waits = Comparison(people, stands_for, joined), Twice(), False
    inviters = people.inviters if isinstance(people, Folk) else {person.inviter for person in people if person.inviter}
    for some in _some(list(inviters)):
        found.named |= _by_handle((platform, value) for platform in ("wechat", "phone") for value in some)
    for some in _some(past_members):
        _compare_past(found, some, inviters)
    told, moment, lists = found.told(), now(), {}
    while some := list(islice(told, AT_ONCE)):
        here = Here(some, same, moment, lists)
        found.taken |= here.taken
        for at, person in some:
            if at in stands_for:
                found.ids.append(found.ids[stands_for[at]])
                found.is_fresh.append(False)
                continue
            rows = here.members_of(person)
            for member, _platform in rows:
                twice.add(member.pk)
            waits |= _take(found, person, rows, here)
            found.named |= {handle: found.ids[at] for handle in handles_of(person) if handle[1] in inviters and handle not in found.named}
    if waits:
        found.changed = sum(1 for _each in found.touched())
    return found, twice.found()


def _take(found, person, rows, here):
    """One of the people into the comparison, of whom these are the members. Whether their inviter may stand further down."""
    found.ids.append(rows[0][0].pk if rows else uuid7())
    found.is_fresh.append(not rows)
    found.partners += bool(person.partner)
    if not rows:
        found.added += 1
        return False
    member = rows[0][0]
    found.joins += [(member.pk, other.pk, platform) for other, platform in rows[1:]]
    touched = here.told_of(member, person)
    waits = found.name_inviter(member)
    if touched.is_one or waits:
        found.all_touched.append(touched)
    found.changed += touched.is_one
    return waits


class Here:
    """Who of some of the people is here, and what is known of them."""

    def __init__(self, some, same, moment, lists):
        people = [person for _at, person in some]
        self.same, self.moment, self.lists = same, moment, lists
        self.by_handle = _by_handle(handle for person in people for handle in handles_of(person))
        wanted = {*self.by_handle.values(), *_said_to_be(same, people)}
        self.known = _known(wanted) if wanted else {}
        self.taken = {handle for handle, pk in self.by_handle.items() if pk not in self.known}
        self.former, self.spans = _former_nicknames(self.known), _known_spans(self.known, people)

    def members_of(self, person):
        """The members whom a person's handles name, each with the platform that did, and whom somebody named; more than one, and they are
        joined."""
        found = {}
        for platform, value in handles_of(person):
            pk = self.by_handle.get((platform, value))
            if pk in self.known:
                found.setdefault(pk, platform)
        for line in person.lines if self.same else ():
            for target in self.same.get(line, ()):
                if target in self.known:
                    found.setdefault(target, DECIDED)
        return [(self.known[pk], platform) for pk, platform in found.items()]

    def told_of(self, member, person):
        """A member who is here, with all that the file says of them."""
        was, ended, before = member.nickname, member.expires_on, values_of(member)
        _bring_up_to_date(member, person, self.lists)
        handles = [handle for handle in dict.fromkeys(handles_of(person)) if handle not in self.by_handle]
        handles = [(uuid7(), member.pk, *handle) for handle in handles]
        names = new_names([*person.former, *([was] if was else [])], member, self.former, self.moment)
        paid = new_term(person, member, ended, self.spans) if person.paid is not None else []
        return Touched(member, before, tuple(self.former.get(member.pk, ())), handles, names, paid)


def _compare_past(found, people, inviters):
    """Those whom only the history knows. A new one is called by their handle, for want of a name."""
    by_handle = _by_handle(handle for person in people for handle in handles_of(person))
    for person in people:
        handles = handles_of(person)
        pk = next((by_handle[handle] for handle in handles if handle in by_handle), None)
        if not pk:
            member = Light(nickname=handles[0][1], standing=Member.Standing.PAST.value, person=person)
            found.fresh_past.append(member)
            pk = member.pk
        found.past_ids.append(pk)
        found.named |= {handle: pk for handle in handles if handle[1] in inviters and handle not in found.named}


def _by_handle(handles):
    """{handle: member's id} of those of these that are kept here."""
    found, values = {}, {}
    for platform, value in handles:
        values.setdefault(platform, []).append(value)
    for platform, some in values.items():
        rows = Handle.objects.filter(platform=platform, value__in=some).order_by()
        found |= {(platform, value): pk for value, pk in rows.values_list("value", "member_id")}
    return found


def _said_to_be(same, people):
    """Members whom somebody said some of these people are."""
    lines = (line for person in people for line in person.lines) if same else ()
    return {target for line in lines for target in same.get(line, ()) if isinstance(target, UUID)}


def _known(ids):
    """{id: their row} of those of these who are neither merged into another nor erased."""
    same = {pk: pk for pk in ids}
    rows = Member.objects.known().filter(pk__in=ids).order_by().values_list("pk", *FIELDS)
    return {same[pk]: Light(same[pk], *map(_once, values, FIELDS, repeat(same)), is_new=False) for pk, *values in rows}


def _once(value, name, same):
    """Many rows hold few different cities, skills and days; each of them is kept once."""
    if name not in SHARED:
        return value
    return same.setdefault((name, *value) if isinstance(value, list) else value, value)


def _some(things):
    return (things[at : at + AT_ONCE] for at in range(0, len(things), AT_ONCE))


def _former_nicknames(members):
    found = {}
    rows = FormerNickname.objects.filter(member__in=members).order_by() if members else FormerNickname.objects.none()
    for member_id, nickname in rows.values_list("member_id", "nickname"):
        found.setdefault(member_id, set()).add(nickname)
    return found


def _one_each(people, same, twice=None):
    """{position: that of an earlier person who is the same member} and {position: person with what such later ones say}: rows without a
    handle in common may be one member's, by a handle that only the member has, or because somebody said so. With `twice` only members
    with one of these hashes are looked for."""
    said = {*same, *(target for targets in same.values() for target in targets)}
    at_line, first, stands_for, joined = {}, {}, {}, {}
    for begin in range(0, len(people), AT_ONCE):
        some = people[begin : begin + AT_ONCE]
        by_handle = _by_handle(handle for person in some for handle in handles_of(person))
        for at, person in enumerate(some, start=begin):
            if person.lines[0] in said:
                at_line[person.lines[0]] = at
            names = [by_handle[handle] for handle in handles_of(person) if handle in by_handle]
            targets = same.get(person.lines[0], ())
            names += [target for target in targets if isinstance(target, UUID)]
            names = [name for name in names if twice is None or hash(name) in twice]
            roots = [at_line[line] for line in targets if line in at_line] + [first[name] for name in names if name in first]
            root = stands_for.get(roots[0], roots[0]) if roots else at
            first |= {name: root for name in names if name not in first}
            if root != at:
                stands_for[at] = root
                if root not in joined:
                    joined[root] = people[root]
                join(joined[root], person)
    return stands_for, joined


def _bring_up_to_date(member, person, lists):
    """Take over what the file says; an empty cell says nothing. Who have the same skills share a list."""
    said = {
        "nickname": person.nickname or member.nickname or person.handles[0],
        "standing": CURRENT,
        "tier": "" if person.partner is None else PARTNER if person.partner else MEMBER,
        "city": person.city,
        "industry": person.industry,
        "skills": lists.setdefault(person.skills, [*person.skills]),
        "joined_on": person.joined,
        "expires_on": person.expires,
        "note": person.note,
        "tags": list(dict.fromkeys([*member.tags, *person.tags])) if person.tags else [],
        "offers": person.offers,
        "seeks": person.seeks,
        "custom": {**member.custom, **person.custom} if person.custom else {},
    }
    for name, value in said.items():
        if value:
            setattr(member, name, value)
    member.person = person


def new_names(names, member, former, moment):
    if not names:
        return []
    known = former.setdefault(member.pk, set())
    new = [name for name in dict.fromkeys(names) if name not in known and name != member.nickname]
    known.update(new)
    return [(uuid7(), member.pk, name, moment) for name in new]


def _known_spans(members, people):
    """{member's id: [(first day, last day)]} of terms that are noted, if the file tells what was paid."""
    found = {}
    if members and any(person.paid is not None for person in people):
        for pk, begins, ends in Renewal.objects.filter(member__in=members).values_list("member_id", "begins_on", "ends_on"):
            found.setdefault(pk, []).append((begins, ends))
    return found


def new_term(person, member, ended, spans):
    """The term that a price stands for: since they joined, or, where the file puts their last day off, since the last one was over.
    A day that is in a noted term already was paid for by that."""
    begins = ended + A_DAY if ended and person.expires and person.expires > ended else person.joined or member.joined_on
    ends = person.expires
    known = spans.setdefault(member.pk, [])
    if not begins or not ends or ends < begins or any(first <= ends and begins <= last for first, last in known):
        return []
    known.append((begins, ends))
    return [(uuid7(), member.pk, begins, ends, person.paid)]
