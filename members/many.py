"""Many people added or changed at once, by as many questions for a thousand of them as for one."""

from dataclasses import dataclass

from django.db import transaction
from psycopg.types.json import Jsonb

from crm.tenancy import bulk, events

from .models import FormerNickname, Handle, Member
from .people import COMPARED, added, changed, find_by, look_for_twins


@dataclass(frozen=True)
class Change:
    """Of one row of many: whom it changes, as they are behind it, what the changed fields held before, and handles they get."""

    member: Member
    before: dict
    handles: list  # (platform, value)
    fact: dict | None  # of the changed fields

    @classmethod
    def of(cls, member, before, handles, *, by, because):
        return cls(member, before, handles, changed(member, before, by, because) if before else None)


@transaction.atomic
def add(made, *, by, because=""):
    """As `people.made_of` gave them; nobody has their handles."""
    Member.objects.bulk_create(member for member, _known_by in made)
    Handle.objects.bulk_create(
        Handle(member=member, platform=platform, value=value) for member, known_by in made for platform, value in known_by
    )
    for member, _known_by in made:
        look_for_twins(member)
    events.note_all(added(member, by, because) for member, _known_by in made)


@transaction.atomic
def change(some, *, by):
    """As `people.altered` left them: their rows are locked, and nobody has these handles."""
    members = {each.member.pk: each.member for each in some}  # the last of one person's holds all
    handles = [[Handle(member=each.member, platform=platform, value=value) for platform, value in each.handles] for each in some]
    Handle.objects.bulk_create(handle for theirs in handles for handle in theirs)
    _keep_names(members, [(each.member.pk, each.before["nickname"]) for each in some if each.before.get("nickname")])
    find_by(members.values())
    _write(members.values(), {name for each in some for name in each.before})
    for each in some:
        if each.handles or COMPARED & each.before.keys():
            look_for_twins(each.member)
    events.note_all(fact for each, theirs in zip(some, handles, strict=True) for fact in _facts(each, theirs, by))


def _keep_names(members, was):
    """The names they went by, each once and none that they go by now."""
    called = {pk: members[pk].nickname for pk, _old in was}
    kept = FormerNickname.objects.filter(member__in=called).values_list("pk", "member_id", "nickname") if was else ()
    FormerNickname.objects.filter(pk__in=[pk for pk, member, name in kept if name == called[member]]).delete()
    new = [FormerNickname(member_id=pk, nickname=old) for pk, old in dict.fromkeys(was) if old != called[pk]]
    FormerNickname.objects.bulk_create(new, ignore_conflicts=True)


def _write(members, names):
    names = [*sorted(names), "search", "sort_key"]
    columns = [Member._meta.get_field(name).attname for name in names]
    bulk.renew(Member, names, [(member.pk, *(_as_sent(getattr(member, column)) for column in columns)) for member in members])


def _as_sent(value):
    return Jsonb(value) if isinstance(value, dict) else value


def _facts(change, handles, by):
    if change.fact:
        yield change.fact
    for handle in handles:
        after = {"platform": handle.platform, "handle": str(handle.pk)}
        yield {"kind": "member.handle_added", "subject": change.member, "by": by, "member": change.member, "after": after}
