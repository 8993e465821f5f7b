"""Who of a file may be somebody else of it, or somebody who is here: the same name, city and inviter under other handles."""

from collections import defaultdict

from .models import Member
from .names import called

MOST = 500  # pairs


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
    return [(one, other) for one, other in found if one.pk not in known or other.pk not in known][:MOST]
