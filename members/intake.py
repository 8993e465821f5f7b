"""People read from a file become members: found by their handles, added or brought up to date, never twice."""

from dataclasses import dataclass

from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load

from .models import FormerNickname, Handle, Member
from .names import search_text, sort_key

COLUMNS = ["nickname", "standing", "tier", "city", "industry", "skills", "joined_on", "expires_on", "note", "inviter", "search", "sort_key"]


@dataclass
class Intake:
    """`ids` are the members of the people, `past_ids` of the past ones, both in their order."""

    ids: list
    past_ids: list
    added: int
    changed: int
    left: int


def handles_of(person):
    """(platform, value) of everything that a person of a file is known by."""
    return [*(("wechat", value) for value in person.wechat), *(("phone", value) for value in person.phones)]


@dataclass
class Comparison:
    """What the people of a file are to those who are here, worked out and not written."""

    ids: list
    past_ids: list
    fresh: list
    changed: list
    left: list  # ids
    handles: list
    names: list
    added: int  # current members who are new


def compare(people, past_members):
    """An owner's whole export beside who is here. Who is not in it any more becomes a past member; so does everybody whom only
    its history knows."""
    by_handle = _known_handles()
    known = Member.objects.in_bulk({by_handle[handle] for person in people for handle in handles_of(person) if handle in by_handle})
    formers = _former_nicknames()
    handles, names, before = [], [], {pk: _values(member) for pk, member in known.items()}
    members = []
    for person in people:
        member = _found(person, by_handle, known) or Member(standing=Member.Standing.CURRENT)
        _bring_up_to_date(member, person, formers.get(member.pk, set()))
        handles += _new_handles(person, member, by_handle)
        names += _new_names(person, member, formers)
        members.append(member)
    past = [_past_member(person, by_handle, handles) for person in past_members]
    _name_inviters(people, members, by_handle)
    ids = [member.pk for member in members]
    here = set(ids)
    return Comparison(
        ids=ids,
        past_ids=[getattr(member, "pk", member) for member in past],
        fresh=[member for member in members if member.pk not in known] + [member for member in past if isinstance(member, Member)],
        changed=[member for pk, member in known.items() if _values(member) != before[pk]],
        left=[pk for pk in Member.objects.current().values_list("pk", flat=True) if pk not in here],
        handles=handles,
        names=names,
        added=len(here - known.keys()),
    )


def write(found):
    load(Member, ["id", "created_at", *COLUMNS], [(member.pk, member.created_at, *_values(member)) for member in found.fresh])
    load(Handle, ["id", "member", "platform", "value"], found.handles)
    load(FormerNickname, ["id", "member", "nickname", "noted_at"], found.names)
    Member.objects.bulk_update(found.changed, COLUMNS, batch_size=500)
    left = Member.objects.filter(pk__in=found.left).update(standing=Member.Standing.PAST)
    return Intake(found.ids, found.past_ids, added=found.added, changed=len(found.changed), left=left)


def _values(member):
    return tuple(member.inviter_id if name == "inviter" else getattr(member, name) for name in COLUMNS)


def _past_member(person, by_handle, handles):
    """Somebody whom only the history knows, or the id of a member it turns out to be; called by their handle, for want of a name."""
    known = next((by_handle[handle] for handle in handles_of(person) if handle in by_handle), None)
    if known:
        return known
    name = handles_of(person)[0][1]
    search = search_text(name, [value for _, value in handles_of(person)])
    member = Member(nickname=name, standing=Member.Standing.PAST, search=search, sort_key=sort_key(name))
    handles += _new_handles(person, member, by_handle)
    return member


def _known_handles():
    return {(platform, value): pk for platform, value, pk in Handle.objects.values_list("platform", "value", "member_id")}


def _former_nicknames():
    found = {}
    for member_id, nickname in FormerNickname.objects.values_list("member_id", "nickname"):
        found.setdefault(member_id, set()).add(nickname)
    return found


def _found(person, by_handle, known):
    return next((known[by_handle[handle]] for handle in handles_of(person) if by_handle.get(handle) in known), None)


def _bring_up_to_date(member, person, former):
    """Take over what the file says; an empty cell says nothing."""
    said = {
        "nickname": person.nickname or person.handles[0],
        "standing": Member.Standing.CURRENT,
        "tier": Member.Tier.PARTNER if person.partner else Member.Tier.MEMBER,
        "city": person.city,
        "industry": person.industry,
        "skills": list(person.skills),
        "joined_on": person.joined,
        "expires_on": person.expires,
        "note": person.note,
    }
    names = former | set(person.former) | ({member.nickname} if member.nickname else set())
    for name, value in said.items():
        if value:
            setattr(member, name, value)
    member.search = search_text(member.nickname, person.handles, sorted(names - {member.nickname}))
    member.sort_key = sort_key(member.nickname)[:200]


def _new_handles(person, member, by_handle):
    new = [handle for handle in dict.fromkeys(handles_of(person)) if handle not in by_handle]
    by_handle.update(dict.fromkeys(new, member.pk))
    return [(uuid7(), member.pk, *handle) for handle in new]


def _new_names(person, member, formers):
    known = formers.setdefault(member.pk, set())
    rows = [(uuid7(), member.pk, name, member.created_at) for name in person.former if name not in known and name != member.nickname]
    known.update(person.former)
    return rows


def _name_inviters(people, members, by_handle):
    """Inviters may stand further down in the file, or be past members."""
    for person, member in zip(people, members, strict=True):
        inviter = by_handle.get(("wechat", person.inviter)) or by_handle.get(("phone", person.inviter))
        if inviter and inviter != member.pk:
            member.inviter_id = inviter
