"""Verbs of one person: added, changed, known by one handle more or less.

Facts say which fields were changed, by their names; of personal fields never what stood there. What an edit overwrote is returned
to its door, which may hold it for taking back (`changes.undo`), and is kept nowhere.
"""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.tenancy import changes, events
from crm.tenancy.refusals import Refused

from . import handles as forms
from .checks import Known, checked, country, refused
from .hidden import hidden_from, hides, hides_field, without  # noqa: F401  whoever shows a person asks here
from .models import FormerNickname, Handle, Member, Note
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


@transaction.atomic
def add(values, *, by, because=""):
    """Somebody new. `values` holds fields as `change` takes them, and under `handles` pairs of platform and text."""
    known = Known()
    member, known_by = made_of(values, known)
    for platform, value in known_by:
        _refuse_taken(platform, value, member)
    member.save(force_insert=True)
    for platform, value in known_by:
        _keep_handle(member, platform, value)
    known.words.settle(by=by)
    look_for_twins(member)
    events.note(**added(member, by, because))
    return member


def made_of(values, known):
    """Somebody who is not kept yet, and their handles, in normal forms. What cannot be is refused."""
    known_by = list(dict.fromkeys(normal(platform, text, known) for platform, text in values.get("handles", ())))
    member = Member()
    said = {name: value for name, value in values.items() if name in LABELS}
    if not str(said.get("nickname") or "").strip() and known_by:
        said["nickname"] = known_by[0][1]
    said.setdefault("nickname", "")
    for name, value in checked(member, said, known).items():
        setattr(member, Member._meta.get_field(name).attname, getattr(value, "pk", value))
    _tidy_levels(member)
    _refuse_backwards(member)
    member.search = search_of(member, [value for _platform, value in sorted(known_by, key=lambda pair: pair[0])])
    member.sort_key = sort_key(member.nickname)[:200]
    return member, known_by


def added(member, by, because):
    """The fact of it, as `events.note` takes it."""
    after = {"tier": member.tier, "standing": member.standing}
    return {"kind": "member.added", "subject": member, "by": by, "member": member, "because": because, "after": after}


@transaction.atomic
def change(member, values, *, by, seen=None, because=""):
    """Returns the member as it is now, and what the changed fields held before: {name: code}.

    Of `custom` only the fields that are named change, None empties one; `before` holds those alone.
    """
    member, known = held(member), Known()
    before = altered(member, values, known, seen)
    if not before:
        return member, {}
    member.save(update_fields=list(before))
    if "nickname" in before:
        _keep_name(member, before["nickname"], because)
    if SEARCHED & before.keys():
        refresh(member)
    known.words.settle(by=by)
    if COMPARED & before.keys():
        look_for_twins(member)
    events.note(**changed(member, before, by, because))
    return member, before


def altered(member, values, known, seen=None):
    """Set what differs, without keeping it; returns what the changed fields held before. What cannot be is refused."""
    meant = {name: value for name, value in values.items() if seen is None or changes.code(value) != seen.get(name)}
    differs = changes.differences(member, checked(member, meant, known), KINDS, seen)
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
    if before:
        _refuse_backwards(member)
    return before


def changed(member, before, by, because):
    codes = [name for name in CODES if name in before]
    was = {name: before[name] for name in codes}
    after = {"fields": [name for name in LABELS if name in before]} | {name: getattr(member, name) for name in codes}
    return {
        "kind": "member.changed", "subject": member, "by": by, "member": member, "because": because, "before": was, "after": after,
    }  # fmt: skip


def seen_of(member):
    """All that `change` may be told was seen."""
    return changes.seen_of(member, LABELS)


def held(member):
    """The member's row, locked. Who was merged or erased in the meantime is changed no more."""
    found = Member.objects.select_for_update().filter(pk=member.pk).first()
    refuse_gone(found)
    return found


def refuse_gone(found):
    if found is None or found.standing == Member.Standing.ERASED:
        raise Refused(_("The data of this person were erased; nothing is kept of them any more."), code="erased")
    if found.standing == Member.Standing.MERGED:
        raise Refused(_("This row was merged into another person's. Change that one."), code="merged", into=str(found.merged_into_id))


def refresh(member):
    """Write anew what a member is found and sorted by."""
    find_by([member])
    Member.objects.filter(pk=member.pk).update(search=member.search, sort_key=member.sort_key)


def find_by(members):
    """Set what they are found and sorted by, as it is now."""
    ids = [member.pk for member in members]
    handles = _texts(Handle.objects.filter(member__in=ids).order_by("platform", "id"), "value")
    former = _texts(FormerNickname.objects.filter(member__in=ids).order_by("noted_at", "id"), "nickname")
    notes = _texts(Note.objects.filter(member__in=ids).order_by("id"), "text")
    for member in members:
        member.search = search_of(member, handles.get(member.pk, ()), former.get(member.pk, ()), notes.get(member.pk, ()))
        member.sort_key = sort_key(member.nickname)[:200]


def _texts(rows, column):
    found = {}
    for pk, text in rows.values_list("member_id", column):
        found.setdefault(pk, []).append(text)
    return found


def _keep_name(member, old, because):
    """The name they went by is kept, except where it was a slip that is taken back."""
    member.former_nicknames.filter(nickname=member.nickname).delete()
    if because != UNDONE and old:
        FormerNickname.objects.get_or_create(member=member, nickname=old)


COMPARED = {"nickname", "city", "inviter", "joined_on", "expires_on"}
SEARCHED = {"nickname", "standing", "skills", "tags", "offers", "seeks", "note"}


def look_for_twins(member):
    """After the transaction, whether this person is here twice."""
    from .jobs import look_soon  # which merges, and so knows this module

    look_soon(member)


def _tidy_levels(member):
    member.skill_levels = {skill: level for skill, level in member.skill_levels.items() if skill in member.skills}


def _refuse_backwards(member):
    if member.joined_on and member.expires_on and member.expires_on < member.joined_on:
        sentence = _("The term ends before it begins. It begins on %(day)s.") % {"day": member.joined_on.isoformat()}
        raise refused("expires_on", sentence, "term_backwards", proposal=member.joined_on.isoformat())


# Handles


@transaction.atomic
def add_handle(member, platform, text, *, by):
    member = held(member)
    platform, value = normal(platform, text)
    _refuse_taken(platform, value, member)
    handle = _keep_handle(member, platform, value)
    refresh(member)
    look_for_twins(member)
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


def normal(platform, text, known=None):
    """Platform and value as they are kept."""
    platform = str(platform or "").strip().lower()
    if platform not in Handle.Platform.values and not forms.SYSTEM.fullmatch(platform):
        sentence = _("Call the system by a short name: small letters and digits, such as shop.")
        raise Refused(sentence, code="platform_malformed", status=400, field="platform")
    region = "" if platform != "phone" else known.region if known else country()
    value = forms.normal(platform, str(text or "").replace("\0", ""), region)
    if value is None:
        words = {"platform": platform_name(platform), "example": EXAMPLES.get(platform, "A-1024")}
        sentence = _("This cannot be one of %(platform)s. Written for example: %(example)s") % words
        raise Refused(sentence, code="handle_malformed", status=400, field="value")
    return platform, value


def platform_name(platform):
    return str(Handle.Platform(platform).label) if platform in Handle.Platform.values else platform
