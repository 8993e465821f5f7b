"""Verbs of one person: added, changed, known by one handle more or less.

Facts say which fields were changed, by their names; of personal fields never what stood there. What an edit overwrote is returned
to its door, which may hold it for taking back (`changes.undo`), and is kept nowhere.
"""

import datetime
import uuid

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.tenancy import changes, events, files
from crm.tenancy.models import File, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import custom
from . import handles as forms
from . import words as spellings
from .hidden import hidden_from, hides, hides_field, without  # noqa: F401  whoever shows a person asks here
from .models import FormerNickname, Handle, Member
from .names import search_of, sort_key

LABELS = {
    "nickname": gettext_lazy("Nickname"),
    "standing": gettext_lazy("Standing"),
    "tier": gettext_lazy("Tier"),
    "city": gettext_lazy("City"),
    "industry": gettext_lazy("Industry"),
    "skills": gettext_lazy("Skills"),
    "skill_levels": gettext_lazy("Levels of skills"),
    "offers": gettext_lazy("What they offer"),
    "seeks": gettext_lazy("What they seek"),
    "joined_on": pgettext_lazy("day", "Joined"),
    "expires_on": pgettext_lazy("day", "Expires"),
    "inviter": gettext_lazy("Invited by"),
    "tags": gettext_lazy("Tags"),
    "note": gettext_lazy("Note"),
    "custom": gettext_lazy("Own fields"),
    "photo": gettext_lazy("Photo"),
}
KINDS = dict.fromkeys(LABELS, "member.changed")
CODES = ("tier", "standing")  # of these a fact holds what they were and are
UNDONE = "undone"  # `because` of a change that takes one back
LONGEST = {"nickname": 200, "city": 60, "industry": 60, "note": 10_000, "offers": 2000, "seeks": 2000}
LONGEST_SKILL, MOST_SKILLS = 60, 40
LONGEST_TAG, MOST_TAGS = 40, 40
LEVELS = (1, 2, 3)
FIRST_YEAR, LAST_YEAR = 1990, 2199


@transaction.atomic
def add(values, *, by, because=""):
    """Somebody new. `values` holds fields as `change` takes them, and under `handles` pairs of platform and text."""
    words = spellings.known()
    member, known_by = made_of(values, words)
    for platform, value in known_by:
        _refuse_taken(platform, value, member)
    member.save(force_insert=True)
    for platform, value in known_by:
        _keep_handle(member, platform, value)
    words.settle(by=by)
    _look_for_twins(member)
    events.note(**_added(member, by, because))
    return member


@transaction.atomic
def add_all(made, words, *, by, because=""):
    """Many at once, as `made_of` gave them; nobody has their handles."""
    Member.objects.bulk_create(member for member, _known_by in made)
    Handle.objects.bulk_create(
        Handle(member=member, platform=platform, value=value) for member, known_by in made for platform, value in known_by
    )
    words.settle(by=by)
    for member, _known_by in made:
        _look_for_twins(member)
    events.note_all(_added(member, by, because) for member, _known_by in made)


def made_of(values, words, region=None):
    """Somebody who is not kept yet, and their handles, in normal forms. What cannot be is refused."""
    known_by = list(dict.fromkeys(normal(platform, text, region) for platform, text in values.get("handles", ())))
    member = Member()
    said = {name: value for name, value in values.items() if name in LABELS}
    if not str(said.get("nickname") or "").strip() and known_by:
        said["nickname"] = known_by[0][1]
    said.setdefault("nickname", "")
    for name, value in _checked(member, said, words).items():
        setattr(member, Member._meta.get_field(name).attname, getattr(value, "pk", value))
    _tidy_levels(member)
    _refuse_backwards(member)
    member.search = search_of(member, [value for _platform, value in sorted(known_by, key=lambda pair: pair[0])])
    member.sort_key = sort_key(member.nickname)[:200]
    return member, known_by


def _added(member, by, because):
    after = {"tier": member.tier, "standing": member.standing}
    return {"kind": "member.added", "subject": member, "by": by, "member": member, "because": because, "after": after}


@transaction.atomic
def change(member, values, *, by, seen=None, because="", words=None):
    """Returns the member as it is now, and what the changed fields held before: {name: code}.

    Of `custom` only the fields that are named change, None empties one; `before` holds those alone.
    """
    member = held(member)
    words = words or spellings.known()
    meant = {name: value for name, value in values.items() if seen is None or changes.code(value) != seen.get(name)}
    differs = changes.differences(member, _checked(member, meant, words), KINDS, seen)
    before = changes.seen_of(member, differs)
    if "custom" in differs:
        old, new = member.custom, differs["custom"]
        before["custom"] = {pk: old.get(pk) for pk in {*old, *new} if old.get(pk) != new.get(pk)}
    levels = dict(member.skill_levels)
    for name, value in differs.items():
        setattr(member, Member._meta.get_field(name).attname, getattr(value, "pk", value))
    if {"skills", "skill_levels"} & differs.keys():
        _tidy_levels(member)
        before.pop("skill_levels", None)
        if member.skill_levels != levels:
            before["skill_levels"] = levels
    if not before:
        return member, {}
    _refuse_backwards(member)
    member.save(update_fields=list(before))
    if "nickname" in before:
        _keep_name(member, before["nickname"], because)
    if SEARCHED & before.keys():
        refresh(member)
    words.settle(by=by)
    if COMPARED & before.keys():
        _look_for_twins(member)
    codes = [name for name in CODES if name in before]
    events.note(
        "member.changed",
        member,
        by=by,
        member=member,
        because=because,
        before={name: before[name] for name in codes},
        after={"fields": [name for name in LABELS if name in before]} | {name: getattr(member, name) for name in codes},
    )
    return member, before


def seen_of(member):
    """All that `change` may be told was seen."""
    return changes.seen_of(member, LABELS)


def held(member):
    """The member's row, locked. Who was merged or erased in the meantime is changed no more."""
    found = Member.objects.select_for_update().filter(pk=member.pk).first()
    if found is None or found.standing == Member.Standing.ERASED:
        raise Refused(_("The data of this person were erased; nothing is kept of them any more."), code="erased")
    if found.standing == Member.Standing.MERGED:
        raise Refused(_("This row was merged into another person's. Change that one."), code="merged", into=str(found.merged_into_id))
    return found


def refresh(member):
    """Write anew what a member is found and sorted by."""
    handles = member.handles.order_by("platform", "id").values_list("value", flat=True)
    former = member.former_nicknames.order_by("noted_at", "id").values_list("nickname", flat=True)
    member.search = search_of(member, handles, former, member.notes.order_by("id").values_list("text", flat=True))
    member.sort_key = sort_key(member.nickname)[:200]
    Member.objects.filter(pk=member.pk).update(search=member.search, sort_key=member.sort_key)


def _keep_name(member, old, because):
    """The name they went by is kept, except where it was a slip that is taken back."""
    member.former_nicknames.filter(nickname=member.nickname).delete()
    if because != UNDONE and old:
        FormerNickname.objects.get_or_create(member=member, nickname=old)


COMPARED = {"nickname", "city", "inviter", "joined_on", "expires_on"}
SEARCHED = {"nickname", "standing", "skills", "tags", "offers", "seeks", "note"}


def _look_for_twins(member):
    """After the transaction, whether this person is here twice."""
    from .jobs import look_soon  # which merges, and so knows this module

    look_soon(member)


def _tidy_levels(member):
    member.skill_levels = {skill: level for skill, level in member.skill_levels.items() if skill in member.skills}


def _refuse_backwards(member):
    if member.joined_on and member.expires_on and member.expires_on < member.joined_on:
        sentence = _("The term ends before it begins. It begins on %(day)s.") % {"day": member.joined_on.isoformat()}
        raise _refused("expires_on", sentence, "term_backwards", proposal=member.joined_on.isoformat())


# Handles


@transaction.atomic
def add_handle(member, platform, text, *, by):
    member = held(member)
    platform, value = normal(platform, text)
    _refuse_taken(platform, value, member)
    handle = _keep_handle(member, platform, value)
    refresh(member)
    _look_for_twins(member)
    events.note("member.handle_added", member, by=by, member=member, after={"platform": platform, "handle": str(handle.pk)})
    return handle


@transaction.atomic
def drop_handle(handle, *, by):
    """Returns what it was, (platform, value)."""
    member = held(handle.member)
    handle = Handle.objects.select_for_update().filter(pk=handle.pk).first()
    if handle is None:
        raise Refused(_("This is taken away already."), code="already_dropped")
    was, pk = (handle.platform, handle.value), str(handle.pk)
    handle.delete()
    refresh(member)
    events.note("member.handle_dropped", member, by=by, member=member, after={"platform": was[0], "handle": pk})
    return was


def _keep_handle(member, platform, value):
    try:
        with transaction.atomic():
            return Handle.objects.create(member=member, platform=platform, value=value)
    except IntegrityError:  # somebody was given it at this very moment
        _refuse_taken(platform, value, member)
        raise


def _refuse_taken(platform, value, member):
    whose = Handle.objects.filter(platform=platform, value=value).select_related("member").first()
    if whose is None:
        return
    if whose.member_id == member.pk:
        raise Refused(_("They have this one already."), code="handle_there", field="value")
    sentence = _("%(name)s has this one. If the two are one person, merge them.") % {"name": whose.member.nickname}
    raise Refused(sentence, code="handle_taken", field="value", platform=platform, member=str(whose.member_id))


EXAMPLES = {
    "wechat": "haiyan_live",
    "phone": "138 0013 8000",
    "email": "haiyan@example.com",
    "wecom": "haiyan",
    "planet": "88421",
}


def normal(platform, text, region=None):
    """Platform and value as they are kept. `region` is the tenant's country, where it is known already."""
    platform = str(platform or "").strip().lower()
    if platform not in Handle.Platform.values and not forms.SYSTEM.fullmatch(platform):
        sentence = _("Call the system by a short name: small letters and digits, such as shop.")
        raise Refused(sentence, code="platform_malformed", status=400, field="platform")
    if region is None:
        region = country() if platform == "phone" else ""
    value = forms.normal(platform, str(text or "").replace("\0", ""), region)
    if value is None:
        words = {"platform": platform_name(platform), "example": EXAMPLES.get(platform, "A-1024")}
        sentence = _("This cannot be one of %(platform)s. Written for example: %(example)s") % words
        raise Refused(sentence, code="handle_malformed", status=400, field="value")
    return platform, value


def country():
    return Tenant.objects.filter(pk=active_tenant()).values_list("country", flat=True).get()


def platform_name(platform):
    return str(Handle.Platform(platform).label) if platform in Handle.Platform.values else platform


# What each field may hold


def _refused(name, sentence, code, **more):
    return Refused(sentence, code=code, status=400, field=name, **more)


def _checked(member, values, words):
    return {name: CHECKS[name](name, value, member, words) for name, value in values.items() if name in CHECKS}


def check(name, value, member=None):
    """One field alone, for a form: the value as it would be kept."""
    return CHECKS[name](name, value, member or Member(), spellings.known())


def _line(text):
    return " ".join(str(text or "").replace("\0", "").split())


def _nickname(name, value, member, words):
    value = _line(value)
    if not value or len(value) > LONGEST[name]:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST[name]}
        raise _refused(name, sentence, "name_malformed")
    return value


def _prose(name, value, member, words):
    value = str(value or "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(value) > LONGEST[name]:
        sentence = _("At most %(most)s characters; these are %(there)s.") % {"most": f"{LONGEST[name]:,}", "there": f"{len(value):,}"}
        raise _refused(name, sentence, "too_long")
    return value


def _word(name, value, member, words):
    value = _line(value)
    if len(value) > LONGEST[name]:
        raise _refused(name, _("At most %(most)s characters.") % {"most": LONGEST[name]}, "too_long")
    return getattr(words, name)(value) if value else ""


def _skills(name, value, member, words):
    found = _several(name, value, LONGEST_SKILL, MOST_SKILLS)
    return list(dict.fromkeys(filter(None, map(words.skill, found))))


def _levels(name, value, member, words):
    if not isinstance(value, dict):
        raise _refused(name, _("Levels are given by skill."), "levels_malformed")
    levels = {}
    for skill, level in value.items():
        if level in (None, ""):
            continue
        if level not in LEVELS or isinstance(level, bool | float):
            raise _refused(name, _("A level is 1, 2 or 3."), "levels_malformed")
        levels[words.skill(_line(skill))] = level
    return levels


def _tags(name, value, member, words):
    return _several(name, value, LONGEST_TAG, MOST_TAGS)


def _several(name, value, longest, most):
    found = list(dict.fromkeys(filter(None, map(_line, value or ()))))
    if too_long := next((each for each in found if len(each) > longest), None):
        sentence = _("“%(word)s” is too long: at most %(most)s characters each.") % {"word": too_long[:20], "most": longest}
        raise _refused(name, sentence, "too_long")
    if len(found) > most:
        raise _refused(name, _("At most %(most)s of them.") % {"most": most}, "too_many")
    return found


def _day(name, value, member, words):
    if value in (None, ""):
        return None
    try:
        day = value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _refused(name, _("A day such as 2026-11-24, please."), "day_malformed")
    return day


def _inviter(name, value, member, words):
    if value in (None, ""):
        return None
    found = value if isinstance(value, Member) else Member.objects.filter(pk=as_uuid(value)).first()
    if found is None or found.standing not in (Member.Standing.CURRENT, Member.Standing.PAST):
        raise _refused(name, _("There is no such member."), "no_such_member")
    if found.pk == member.pk:
        raise _refused(name, _("Nobody invites themselves."), "own_inviter")
    return found


def _choice(name, value, member, words):
    allowed = Member.Tier.values if name == "tier" else [Member.Standing.CURRENT, Member.Standing.PAST]
    if value not in allowed:
        raise _refused(name, _("One of these: %s.") % ", ".join(allowed), "no_such_choice")
    return str(value)


def _custom(name, value, member, words):
    """The values of the tenant's own fields, laid over those that are there."""
    if not isinstance(value, dict):
        raise _refused(name, _("Own fields are given by their ids."), "custom_malformed")
    fields, kept = {str(field.pk): field for field in custom.fields()}, dict(member.custom)
    for pk, each in value.items():
        if str(pk) in fields and (cleaned := custom.clean(fields[str(pk)], each)) is not None:
            kept[str(pk)] = cleaned
        elif str(pk) in fields or each is None:
            kept.pop(str(pk), None)
        elif kept.get(str(pk)) != each:
            raise _refused(name, _("There is no such field any more."), "no_such_field")
    return kept


def _photo(name, value, member, words):
    if value in (None, ""):
        return None
    pictures = File.objects.filter(content_type__in=files.SHOWN).exclude(kind="logo")
    found = value if isinstance(value, File) else pictures.filter(pk=as_uuid(value)).first()
    if found is None:
        raise _refused(name, _("This photo is not there any more."), "no_such_photo")
    return found


CHECKS = {
    "nickname": _nickname, "standing": _choice, "tier": _choice, "city": _word, "industry": _word, "skills": _skills,
    "skill_levels": _levels, "offers": _prose, "seeks": _prose, "joined_on": _day, "expires_on": _day, "inviter": _inviter,
    "tags": _tags, "note": _prose, "custom": _custom, "photo": _photo,
}  # fmt: skip


def as_uuid(text):
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
