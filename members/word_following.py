"""When a word gets another name, whoever has it follows: members, their levels, modules, and saved segments."""

from collections import Counter

from django.db.models import Count, F, Func

from . import search
from .models import Member, Module, Segment, Word

SKILL = Word.Kind.SKILL
CHUNK = 1_000


def members_with(kind, name):
    """The known ones."""
    return _named(Member.objects.known(), kind, name)


def _named(members, kind, name):
    return members.filter(skills__contains=[name]) if kind == SKILL else members.filter(**{kind: name})


def said(kind):
    """All words of a kind that stand at members, most of them first."""
    return [name for name, _ in sorted(counts(kind).items(), key=lambda pair: (-pair[1], pair[0]))]


def counts(kind):
    """{name: how many members have it}"""
    if kind == SKILL:
        found = Counter(Member.objects.known().values_list(Func(F("skills"), function="unnest"), flat=True))
    else:
        found = dict(Member.objects.known().order_by().values_list(str(kind)).annotate(Count("pk")))
    found.pop("", None)
    return found


def take_along(kind, name, into):
    """Returns how many known members followed, and what is needed to take that back."""
    followed = {"modules": [], "gone": []}
    people = members_with(kind, name).count()
    if kind == SKILL:
        followed["skills"] = _replace_skill(name, into)
    else:
        rows = _named(Member.objects.all(), kind, name)
        followed["members"] = list(map(str, rows.values_list("pk", flat=True)))
        rows.update(**{kind: into})
    if kind in ("industry", "skill"):
        followed["modules"], followed["gone"] = _move_modules(kind, name, into)
    followed["segments"] = rename_in_segments(str(kind), {name: into})
    return people, followed


def bring_back(kind, name, into, followed):
    """The other way round, for all who were not changed since. Returns how many members followed."""
    if kind == SKILL:
        people = _restore_skills(name, into, followed.get("skills", {}))
    else:
        rows = Member.objects.filter(pk__in=followed.get("members", []), **{kind: into})
        people = rows.filter(standing__in=(Member.Standing.CURRENT, Member.Standing.PAST)).count()
        rows.update(**{kind: name})
    _restore_modules(kind, name, into, followed)
    _restore_segments(str(kind), name, into, followed.get("segments", {}))
    return people


def _replaced(skills, levels, name, into):
    new = list(dict.fromkeys(into if skill == name else skill for skill in skills))
    levels = dict(levels)
    if name in levels:
        level = levels.pop(name)
        levels.setdefault(into, level)
    return new, levels


def _replace_skill(name, into):
    before, changed = {}, []
    for member in _named(Member.objects.all(), SKILL, name):
        before[str(member.pk)] = [member.skills, member.skill_levels]
        member.skills, member.skill_levels = _replaced(member.skills, member.skill_levels, name, into)
        changed.append(member)
    _keep_skills(changed)
    return before


def _restore_skills(name, into, before):
    changed, people = [], 0
    for member in Member.objects.filter(pk__in=list(before)):
        skills, levels = before[str(member.pk)]
        if (member.skills, member.skill_levels) == _replaced(skills, levels, name, into):
            member.skills, member.skill_levels = skills, levels
        elif into in member.skills and name not in member.skills:
            _part_skill(member, name, into, skills, levels)
        else:
            continue
        changed.append(member)
        people += member.standing in (Member.Standing.CURRENT, Member.Standing.PAST)
    _keep_skills(changed)
    return people


def _keep_skills(members):
    """A search finds members by their skills, too."""
    Member.objects.bulk_update(members, ["skills", "skill_levels"], batch_size=CHUNK)
    for at in range(0, len(members), CHUNK):
        search.write(members[at : at + CHUNK])


def _part_skill(member, name, into, skills, levels):
    """Somebody changed this member since: only the two words are put as they were."""
    if into in skills:
        member.skills = [*member.skills, name]
    else:
        member.skills = [name if skill == into else skill for skill in member.skills]
    if name in levels:
        member.skill_levels[name] = levels[name]
    if into not in skills:
        member.skill_levels.pop(into, None)


def _move_modules(kind, name, into):
    """A member who has the other module already keeps that one; theirs is kept aside."""
    other = "skill" if kind == "industry" else "industry"
    there = set(Module.objects.filter(**{kind: into}).values_list("member_id", other))
    moved, gone = [], []
    for module in Module.objects.filter(**{kind: name}):
        if (module.member_id, getattr(module, other)) in there:
            gone.append(module)
        else:
            moved.append(module.pk)
    Module.objects.filter(pk__in=moved).update(**{kind: into})
    kept = [
        {"id": str(each.pk), "member": str(each.member_id), other: getattr(each, other), "says": each.says, "since": each.since.isoformat()}
        for each in gone
    ]
    Module.objects.filter(pk__in=[each.pk for each in gone]).delete()
    return list(map(str, moved)), kept


def _restore_modules(kind, name, into, followed):
    if kind not in ("industry", "skill"):
        return
    other = "skill" if kind == "industry" else "industry"
    there = set(Module.objects.filter(**{kind: name}).values_list("member_id", other))
    moved = Module.objects.filter(pk__in=followed.get("modules", []), **{kind: into}).values_list("pk", "member_id", other)
    Module.objects.filter(pk__in=[pk for pk, *rest in moved if tuple(rest) not in there]).update(**{kind: name})
    known = set(Member.objects.filter(pk__in=[each["member"] for each in followed.get("gone", [])]).values_list("pk", flat=True))
    Module.objects.bulk_create(
        [
            Module(id=each["id"], member_id=each["member"], says=each["says"], since=each["since"], **{kind: name, other: each[other]})
            for each in followed.get("gone", [])
            if each["member"] in map(str, known)
        ],
        ignore_conflicts=True,
    )


def rename_in_segments(filter_name, renamed):
    """Saved filters name words and choices, too. Returns what those that were changed held before: {id: value}."""
    before, changed = {}, []
    for segment in Segment.objects.filter(asked__has_key=filter_name):
        said = segment.asked[filter_name]
        if (new := _renamed(said, renamed)) != said:
            before[str(segment.pk)] = said
            segment.asked[filter_name] = new
            changed.append(segment)
    Segment.objects.bulk_update(changed, ["asked"])
    return before


def _renamed(said, renamed):
    return list(dict.fromkeys(renamed.get(each, each) for each in said)) if isinstance(said, list) else renamed.get(said, said)


def _restore_segments(filter_name, name, into, before):
    changed = []
    for segment in Segment.objects.filter(pk__in=list(before), asked__has_key=filter_name):
        said, was = segment.asked[filter_name], before[str(segment.pk)]
        segment.asked[filter_name] = was if said == _renamed(was, {name: into}) else _renamed(said, {into: name})
        changed.append(segment)
    Segment.objects.bulk_update(changed, ["asked"])
