"""Whom the names of a pasted list mean: by handle, by what they go by in this group, then among everybody.

Within the group a name that only one person has is that person. Outside it a bare first name is nobody's for certain: it is asked.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from django.db.models import Q
from django.utils.crypto import salted_hmac

from members import handles
from members.models import FormerNickname, Handle, Member
from members.names import called, sort_key

from .models import Move, Placement, Roster, RosterLine
from .pasting import bare, key

MOST_CANDIDATES = 5
TELLING = 5  # letters from which on a name that one person of the community has is theirs, whatever group they sit in
State = RosterLine.State


@dataclass
class Found:
    """What a name turned out to mean."""

    entry: object
    state: str = State.UNKNOWN
    member: object = None
    candidates: list = field(default_factory=list)
    is_repeated: bool = False  # it and its neighbour stood in the list before, as where two halves of it overlap

    @property
    def is_open(self):
        return self.member is None and not self.candidates


class Scope:
    """Who sits in a group or is on the way to it, by every name they go by."""

    def __init__(self, group):
        self.group = group
        seated = Placement.objects.open().filter(group=group).values("member")
        coming = Move.objects.coming().filter(to_group=group).values("member")
        people = Member.objects.known().filter(Q(pk__in=seated) | Q(pk__in=coming))
        self.names = dict(people.values_list("pk", "nickname"))
        former = FormerNickname.objects.filter(member__in=list(self.names)).values_list("member", "nickname")
        self.nicknames, self.former, self.bare = defaultdict(set), defaultdict(set), defaultdict(set)
        self.first_names = defaultdict(set)
        for pk, name in self.names.items():
            self.nicknames[key(name)].add(pk)
            self.bare[bare(name)].add(pk)
            self.first_names[_first(name)].add(pk)
        for pk, name in former:
            self.former[key(name)].add(pk)
            self.bare[bare(name)].add(pk)
        for index in (self.bare, self.first_names):
            index.pop("", None)


def _first(name):
    return bare(called(name))


def mark(group, name):
    """What is kept of a name that is nobody's: nobody can read it, and the same name has the same mark."""
    return salted_hmac(f"roster:{group.pk}", key(name)).hexdigest()


def names_of(matrix):
    """{name's key: groups in which somebody by this name sits}, of one matrix or of all."""
    found = defaultdict(set)
    seats = Placement.objects.open().filter(member__standing=Member.Standing.CURRENT)
    if matrix is not None:
        seats = seats.filter(matrix=matrix)
    for name, group in seats.values_list("member__nickname", "group").iterator(10_000):
        found[key(name)].add(group)
    return found


def recognise(group, entries):
    """What each entry means, in their order. Nobody is meant twice; a name that stands there once more says nothing more."""
    scope, found, taken = Scope(group), [Found(entry) for entry in entries], set()
    _mark_repeated(found)
    _by_handle(found, lambda entry: [entry.handle], taken)
    for index, telling in ((scope.nicknames, key), (scope.former, key), (scope.bare, bare)):
        _by_name(found, index, telling, taken)
    _by_handle(found, lambda entry: entry.names, taken)
    _among_everybody(found, scope, taken)
    passed = {each for marks in Roster.objects.filter(group=group).values_list("passed_over", flat=True) for each in marks}
    kept, settled = [], set()
    for each in found:
        if each.member is None and each.is_open and any(mark(group, name) in passed for name in each.entry.names):
            each.state = State.PASSED
        elif each.member is None:
            each.state = State.DOUBTFUL if each.candidates else State.UNKNOWN
        else:
            each.state = State.KNOWN
        if each.member in settled or (each.is_open and (each.is_repeated or _says_nothing_more(each, scope, taken))):
            continue
        settled |= {each.member} - {None}
        kept.append(each)
    return kept


def _mark_repeated(found):
    """Two names in a row that stood there before in the same order. Two people of one name have other neighbours."""
    seen = set()
    for one, other in pairwise(found):
        both = key(one.entry.names[0]), key(other.entry.names[0])
        if both in seen and both[0] != both[1]:
            one.is_repeated = other.is_repeated = True
        seen.add(both)


def _says_nothing_more(each, scope, taken):
    """A second line of somebody who is settled, as where two halves of a list overlap."""
    return any(
        people and people <= taken
        for name in each.entry.names
        for people in (scope.nicknames.get(key(name), set()), scope.former.get(key(name), set()), scope.bare.get(bare(name), set()))
    )


# By handle


def _by_handle(found, texts_of, taken):
    """Who is meant by a handle that stands beside the name, or in its place."""
    asked = defaultdict(list)
    for each in found:
        for text in texts_of(each.entry) if each.is_open else ():
            for value in {handles.wechat(text), handles.phone(text) if text[-4:].isdigit() else None} - {None}:
                asked[value].append(each)
    known = Handle.objects.filter(value__in=list(asked), member__standing__in=[Member.Standing.CURRENT, Member.Standing.PAST])
    for value, pk in known.order_by("platform", "id").values_list("value", "member_id"):
        for each in asked[value]:
            each.member = each.member or pk
            taken.add(each.member)


# By name, in the group


def _by_name(found, index, telling, taken):
    """As many people as lines of one name: they are all meant. More people than lines: somebody says who."""
    for place in range(max((len(each.entry.names) for each in found), default=0)):
        lines = defaultdict(list)
        for each in found:
            if each.is_open and place < len(each.entry.names):
                lines[telling(each.entry.names[place])].append(each)
        for name, same in lines.items():
            people = sorted(index.get(name, set()) - taken) if name else []
            if len(people) > len(same) or (people and telling is bare and len(name) == 1):
                for each in same:
                    each.candidates = people[:MOST_CANDIDATES]
            else:
                for each, pk in zip(same, people, strict=False):
                    each.member = pk
                    taken.add(pk)


# Among everybody


def _among_everybody(found, scope, taken):
    rest = [each for each in found if each.is_open and not each.is_repeated]
    if not rest:
        return
    by_sound, by_former = _sounding({name for each in rest for name in each.entry.names})
    lines = Counter(key(each.entry.names[0]) for each in found)  # who is meant by one of them may be meant by the other
    for each in rest:
        same, alike = set(), {}
        for name in each.entry.names:
            for pk, nickname in by_sound.get(sort_key(name)[:200], ()):
                if pk not in taken:
                    if key(nickname) == key(name):
                        same.add(pk)
                    alike[pk] = 0 if key(nickname) == key(name) else 2
            alike |= dict.fromkeys(by_former.get(key(name), set()) - taken, 1)
            first = _first(name)
            near = scope.first_names.get(first, set()) | scope.bare.get(first, set()) if first else set()
            alike = dict.fromkeys(near - taken, 1) | alike
        if len(same) == 1 and lines[key(each.entry.names[0])] == 1 and len(bare(each.entry.names[0])) >= TELLING:
            each.member = same.pop()
        else:
            each.candidates = sorted(alike, key=lambda pk: (alike[pk], pk))[:MOST_CANDIDATES]
    once = defaultdict(list)
    for each in rest:
        if each.member:
            once[each.member].append(each)
    for pk, several in once.items():
        for each in several if len(several) > 1 else ():
            each.member, each.candidates = None, [pk]


def _sounding(names):
    """({sound: (id, nickname)}, {name's key: ids who went by it}) of everybody, in two questions."""
    by_sound, by_former = defaultdict(set), defaultdict(set)
    people = Member.objects.known().filter(sort_key__in={sort_key(name)[:200] for name in names})
    for sound, pk, nickname in people.values_list("sort_key", "pk", "nickname"):
        by_sound[sound].add((pk, nickname))
    former = FormerNickname.objects.filter(nickname__in=names, member__standing__in=[Member.Standing.CURRENT, Member.Standing.PAST])
    for pk, nickname in former.values_list("member_id", "nickname"):
        by_former[key(nickname)].add(pk)
    return by_sound, by_former
