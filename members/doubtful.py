"""Who of a file may be somebody else of it, or somebody who is here: the same name, city and inviter under other handles."""

from collections import defaultdict
from uuid import UUID

from . import merging
from .models import Member
from .names import called

SAME, APART, LATER = DECISIONS = ("same", "apart", "later")


def key_of(nickname, city, inviter):
    """What near misses have in common; None where too little is known to tell."""
    name = called(nickname).lower()
    return (name, city, str(inviter)) if name and city and inviter else None


def pairs(members, known):
    """(member of the file, another member) who look like one person; `known` are the ids of those who were here before."""
    groups, found = defaultdict(list), []
    for member in {member.pk: member for member in members}.values():
        if key := key_of(member.nickname, member.city, member.inviter_id):
            groups[key].append(member)
    named = {member.pk for member in members}
    here = Member.objects.known().filter(city__in={city for _, city, _ in groups}).exclude(inviter=None)
    for member in here.only("nickname", "city", "inviter") if groups else ():
        key = key_of(member.nickname, member.city, member.inviter_id)
        if key in groups and member.pk not in named:
            groups[key].append(member)
    for same in groups.values():
        found += [(same[0], other) for other in same[1:]]
    return [(one, other) for one, other in found if one.pk not in known or other.pk not in known]


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
