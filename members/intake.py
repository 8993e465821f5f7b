"""People read from a file become members: found by their handles, added or brought up to date, never twice."""

from dataclasses import dataclass, field

from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load

from .models import FormerNickname, Handle, Member
from .names import search_text, sort_key

FIELDS = ["nickname", "standing", "tier", "city", "industry", "skills", "joined_on", "expires_on", "note", "search", "sort_key"]


@dataclass
class Intake:
    """`ids` are the members of the people, `past_ids` of the past ones, both in their order."""

    ids: list
    past_ids: list
    by_handle: dict
    added: int = 0
    changed: int = 0
    left: list = field(default_factory=list)


def handles_of(person):
    """(platform, value) of everything that a person of a file is known by."""
    return [*(("wechat", value) for value in person.wechat), *(("phone", value) for value in person.phones)]


def take_in(people, past_members):
    """Write everybody of an owner's whole export. Who is not in it any more becomes a past member; so does everybody whom
    only its history knows."""
    intake = Intake([], [], _known_handles())
    known = Member.objects.in_bulk(_owners(people, intake.by_handle))
    formers = _former_nicknames()
    fresh, changed, handles, names = [], [], [], []
    for person in people:
        member = _found(person, intake.by_handle, known)
        is_new = member is None
        if is_new:
            member = Member(standing=Member.Standing.CURRENT)
            intake.added += 1
        if _bring_up_to_date(member, person, formers.get(member.pk, set())) and not is_new:
            changed.append(member)
        if is_new:
            fresh.append(member)
        handles += _new_handles(person, member, intake.by_handle)
        names += _new_names(person, member, formers)
        intake.ids.append(member.pk)
    for person in past_members:
        member = _past_member(person, intake, fresh, handles)
        intake.past_ids.append(member)
    load(Member, ["id", "created_at", *FIELDS], [_row(member) for member in fresh])
    load(Handle, ["id", "member", "platform", "value"], handles)
    load(FormerNickname, ["id", "member", "nickname", "noted_at"], names)
    Member.objects.bulk_update(changed, FIELDS, batch_size=500)
    intake.changed = len(changed)
    _name_inviters(people, intake)
    intake.left = _who_left(intake)
    return intake


def _past_member(person, intake, fresh, handles):
    """The id of somebody whom only the history knows; they are called by their handle until somebody knows better."""
    known = next((intake.by_handle[handle] for handle in handles_of(person) if handle in intake.by_handle), None)
    if known:
        return known
    name = handles_of(person)[0][1]
    member = Member(nickname=name, standing=Member.Standing.PAST, sort_key=sort_key(name))
    handles += _new_handles(person, member, intake.by_handle)
    member.search = search_text(name, [value for _, value in handles_of(person)])
    fresh.append(member)
    return member.pk


def _known_handles():
    return {(platform, value): pk for platform, value, pk in Handle.objects.values_list("platform", "value", "member_id")}


def _owners(people, by_handle):
    return {by_handle[handle] for person in people for handle in handles_of(person) if handle in by_handle}


def _former_nicknames():
    found = {}
    for member_id, nickname in FormerNickname.objects.values_list("member_id", "nickname"):
        found.setdefault(member_id, set()).add(nickname)
    return found


def _found(person, by_handle, known):
    return next((known[by_handle[handle]] for handle in handles_of(person) if by_handle.get(handle) in known), None)


def _bring_up_to_date(member, person, former):
    """Take over what the file says; an empty cell says nothing. True where that changes something."""
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
    before = {name: getattr(member, name) for name in FIELDS}
    for name, value in said.items():
        if value:
            setattr(member, name, value)
    names = former | set(person.former) | ({before["nickname"]} if before["nickname"] else set())
    values = person.handles
    member.search = search_text(member.nickname, values, sorted(names - {member.nickname}))
    member.sort_key = sort_key(member.nickname)[:200]
    return before != {name: getattr(member, name) for name in FIELDS}


def _row(member):
    return (member.pk, member.created_at, *(getattr(member, name) for name in FIELDS))


def _new_handles(person, member, by_handle):
    new = [handle for handle in dict.fromkeys(handles_of(person)) if handle not in by_handle]
    by_handle.update(dict.fromkeys(new, member.pk))
    return [(uuid7(), member.pk, *handle) for handle in new]


def _new_names(person, member, formers):
    known = formers.setdefault(member.pk, set())
    rows = [(uuid7(), member.pk, name, member.created_at) for name in person.former if name not in known and name != member.nickname]
    known.update(person.former)
    return rows


def _name_inviters(people, intake):
    """Inviters may stand further down in the file, or be past members."""
    wanted = {}
    for person, pk in zip(people, intake.ids, strict=True):
        inviter = intake.by_handle.get(("wechat", person.inviter)) or intake.by_handle.get(("phone", person.inviter))
        if inviter and inviter != pk:
            wanted[pk] = inviter
    changed = [member for member in Member.objects.filter(pk__in=wanted).only("inviter", "tenant") if member.inviter_id != wanted[member.pk]]
    for member in changed:
        member.inviter_id = wanted[member.pk]
    Member.objects.bulk_update(changed, ["inviter"], batch_size=1000)


def _who_left(intake):
    """Current members whom a whole export does not hold any more."""
    here = set(intake.ids)
    gone = [pk for pk in Member.objects.current().values_list("pk", flat=True) if pk not in here]
    Member.objects.filter(pk__in=gone).update(standing=Member.Standing.PAST)
    return gone
