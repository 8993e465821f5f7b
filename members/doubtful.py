"""Who of a file may be somebody else of it, or somebody who is here: the same name, city and inviter under other handles."""

from collections import defaultdict
from uuid import UUID

from . import merging
from .files.packed import Twice
from .models import Member
from .names import called

SAME, APART, LATER = DECISIONS = ("same", "apart", "later")


def key_of(nickname, city, inviter):
    """What near misses have in common; None where too little is known to tell."""
    name = called(nickname).lower()
    return (name, city, str(inviter)) if name and city and inviter else None


def is_new(member):
    return getattr(member, "is_new", False)  # the row of a member has no such mark


def pairs(members):
    """(member of the file, another member) who look like one person. `members` tells each time anew of whom the file says something, as
    there may be a hundred thousand: first only hashes of what near misses have in common are kept."""
    twice, cities, named = Twice(), set(), set()
    for member in members():
        if not member.is_new:
            named.add(member.pk.bytes)
        if key := _key(member):
            twice.add(key)
            cities.add(key[1])
    if not cities:
        return []
    looked_for, once = twice.found(), twice.all()
    here = []
    for member in Member.objects.known().filter(city__in=cities).exclude(inviter=None).only("nickname", "city", "inviter").iterator():
        if (key := _key(member)) and hash(key) in once and member.pk.bytes not in named:
            here.append((key, member))
            looked_for.add(hash(key))
    return _together(members, looked_for, here) if looked_for else []


def _together(members, looked_for, here):
    groups, found = defaultdict(list), []
    for member in members():
        if (key := _key(member)) and hash(key) in looked_for:
            groups[key].append(member)
    for key, member in here:
        if key in groups:
            groups[key].append(member)
    for same in groups.values():
        found += [(same[0], other) for other in same[1:]]
    return [(one, other) for one, other in found if is_new(one) or is_new(other)]


def _key(member):
    return key_of(member.nickname, member.city, member.inviter_id)


# What somebody said of them. A pair is called "<line>:<line>" or "<line>:<id of a member>", which holds for the same file read again.


def absorbed(key, known):
    """The part of a pair's key that becomes part of the other one when both are the same person. `known`: whether each is here."""
    line, other = key.split(":")
    return line if known[1] else other


def joins(said):
    """{line: [line or id of a member]} of people who are the same as somebody above them in the file or somebody who is here."""
    found = {}
    for key, decision in said.items():
        if decision == SAME:
            line, other = _parts(key)
            line, other = (other, line) if isinstance(other, int) and other > line else (line, other)
            found.setdefault(line, []).append(other)
    return _as_they_are_now(found)


def apart(said, line_to_id):
    """[(id, id)] of those who were said to be two."""
    found = []
    for key, decision in said.items():
        if decision == APART:
            one, other = (line_to_id.get(part, part) for part in _parts(key))
            if isinstance(one, UUID) and isinstance(other, UUID) and one != other:
                found.append((one, other))
    return found


def _parts(key):
    line, _, other = key.partition(":")
    return int(line), int(other) if other.isdecimal() else UUID(other)


def _as_they_are_now(found):
    """Members who were merged since are whom they became part of; who was erased is nobody."""
    ids = {target for targets in found.values() for target in targets if isinstance(target, UUID)}
    now = {}
    for member in Member.objects.filter(pk__in=ids):
        root = merging.root_of(member)
        if root.standing in merging.KNOWN:
            now[member.pk] = root.pk
    for line, targets in found.items():
        found[line] = [now.get(target, target) for target in targets if isinstance(target, int) or target in now]
    return found
