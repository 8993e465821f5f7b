"""Verbs: two rows of one person become one, and two again.

The row that goes stays where it is, as `merged`: nothing finds it, and what was noted of it keeps its member. Who reads facts
of somebody asks by `ids_of`, which knows the rows that were merged into theirs.
"""

from django.db import transaction
from django.db.models import F
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events
from crm.tenancy.refusals import Refused

from . import following, people
from .following import plain
from .models import Member, Merge, Twin

DECIDED = "decided"  # by somebody who looked; anything else is a certain sign
BECAUSE = {
    DECIDED: gettext_lazy("looked at and decided"),
    "phone": gettext_lazy("the same phone"),
    "wechat": gettext_lazy("the same WeChat id"),
    "handle": gettext_lazy("the same handle"),
}
KNOWN = (Member.Standing.CURRENT, Member.Standing.PAST)
JOINED = ("skills", "tags")  # lists
FILLED = ("city", "industry", "offers", "seeks", "photo_id", "inviter_id")


# Who is who


def ids_of(member):
    """This member's id, and those of the rows that were merged into theirs, over any number of steps."""
    found = edge = [member.pk]
    while edge:
        edge = list(Member.objects.filter(merged_into__in=edge, standing=Member.Standing.MERGED).values_list("pk", flat=True))
        found = found + edge
    return found


def root_of(member):
    """Whom a merged row became part of, in the end; anybody else is that themselves."""
    while member.standing == Member.Standing.MERGED and member.merged_into_id:
        member = Member.objects.get(pk=member.merged_into_id)
    return member


def is_nameless(member, handles):
    """A past member whom only the history knows is called by the handle."""
    return member.nickname.lower() in {value.lower() for value in handles}


# Merging


@transaction.atomic
def merge(kept, gone, because, *, by):
    """Everything that points at `gone` points at `kept` from now on."""
    kept, gone = _both(kept.pk, gone.pk)
    _refuse_unknown(kept, gone)
    book = following.Book(by)
    values = outcome(kept, gone, *map(_handles, (kept, gone)))
    before = {name: {"was": plain(getattr(kept, name)), "set": plain(value)} for name, value in values.items()}
    was = {"standing": gone.standing}
    for name, value in values.items():
        setattr(kept, name, value)
    Member.objects.filter(pk=kept.pk).update(**values)
    Member.objects.filter(pk=gone.pk).update(standing=Member.Standing.MERGED, merged_into=kept, search="")
    following.follow(kept, gone, book)
    people.refresh(kept)
    made = Merge.objects.create(kept=kept, gone=gone, because=because, by=by, before={"kept": before, "gone": was, **book.as_json()})
    events.note("member.merged", kept, by=by, member=gone, because=because, after={"merge": str(made.pk), "gone": str(gone.pk)})
    return made


def _both(one, other):
    """Locked, in one order for everybody, so that two who merge at once wait for each other and do not block each other."""
    if one == other:
        raise Refused(_("These are one row already."), code="the_same_row", status=400)
    found = {member.pk: member for member in Member.objects.select_for_update().filter(pk__in=[one, other]).order_by("pk")}
    return found[one], found[other]


def _refuse_unknown(kept, gone):
    for member in (kept, gone):
        if member.standing == Member.Standing.MERGED:
            sentence = _("“%(name)s” was merged with another row in the meantime, so nothing is merged here.")
            raise Refused(sentence % {"name": member.nickname}, code="merged_already")
        if member.standing not in KNOWN:
            raise Refused(_("One of these two was erased, so nothing is merged."), code="member_erased")


def _handles(member):
    return list(member.handles.values_list("value", flat=True))


def outcome(kept, gone, kept_handles, gone_handles):
    """What changes in the row that stays: {name of the column: value}. Its own values win, what it lacks comes from the other."""
    values = {}
    if is_nameless(kept, kept_handles) and not is_nameless(gone, gone_handles):
        values["nickname"] = gone.nickname
    values["standing"] = Member.Standing.CURRENT if Member.Standing.CURRENT in (kept.standing, gone.standing) else kept.standing
    values["tier"] = Member.Tier.PARTNER if Member.Tier.PARTNER in (kept.tier, gone.tier) else kept.tier
    values |= {name: list(dict.fromkeys([*getattr(kept, name), *getattr(gone, name)])) for name in JOINED}
    values["skill_levels"] = gone.skill_levels | kept.skill_levels
    values["custom"] = gone.custom | {name: value for name, value in kept.custom.items() if value not in (None, "", [])}
    own = {name: getattr(kept, name) for name in FILLED}
    strangers = {"inviter_id": (kept.pk, gone.pk)}  # nobody was invited by themselves
    for name, value in own.items():
        lent = getattr(gone, name)
        value = None if value in strangers.get(name, ()) else value
        values[name] = value or (lent if lent not in strangers.get(name, ()) else value)
    values["joined_on"] = min(filter(None, (kept.joined_on, gone.joined_on)), default=None)
    values["first_spoke_on"] = min(filter(None, (kept.first_spoke_on, gone.first_spoke_on)), default=None)
    values["expires_on"] = max(filter(None, (kept.expires_on, gone.expires_on)), default=None)
    values["note"] = "\n".join(dict.fromkeys(filter(None, (kept.note, gone.note))))
    return {name: value for name, value in values.items() if value != getattr(kept, name)}


# Taking back


def can_be_taken_back(merges):
    """Those of these merges that nothing stands in the way of."""
    there = merges.filter(undone_at=None, kept__standing__in=KNOWN, gone__standing=Member.Standing.MERGED, gone__merged_into=F("kept"))
    return there.exclude(before={})  # what is needed for it was erased


@transaction.atomic
def take_back(merge, *, by):
    """Two rows again. Returns what was changed since and stays: {field of the member or table: how many}."""
    kept, gone = _both(merge.kept_id, merge.gone_id)
    merge = Merge.objects.select_for_update().get(pk=merge.pk)
    _refuse_way_back(merge, kept, gone)
    stays = _fields_back(merge, kept)
    stays |= following.Restoring(merge.before, kept, gone).run()
    gone.standing, gone.merged_into = merge.before["gone"]["standing"], None
    gone.save(update_fields=["standing", "merged_into"])
    people.refresh(kept)
    people.refresh(gone)
    merge.undone_at = now()
    merge.save(update_fields=["undone_at"])
    if merge.because != DECIDED:
        _never_again(kept, gone, by)
    after = {"merge": str(merge.pk), "gone": str(gone.pk), "stays": sum(stays.values())}
    events.note("member.unmerged", kept, by=by, member=gone, after=after)
    return stays


def _refuse_way_back(merge, kept, gone):
    if merge.undone_at:
        raise Refused(_("This merge has been taken back already."), code="undone_already")
    if kept.standing == Member.Standing.MERGED:
        sentence = _("“%(name)s” was merged with “%(other)s” since. Take that back first, then this.")
        words = {"name": kept.nickname, "other": Member.objects.get(pk=kept.merged_into_id).nickname}
        raise Refused(sentence % words, code="merged_since")
    if kept.standing not in KNOWN or gone.standing != Member.Standing.MERGED or not merge.before:
        raise Refused(_("This person was erased since, so there is no way back."), code="member_erased")


def _fields_back(merge, kept):
    """A field that was changed since stays. What a later merge changed on top of it is handed on to that one's way back."""
    later = list(Merge.objects.select_for_update().filter(kept=kept, undone_at=None, at__gt=merge.at).order_by("at", "id"))
    back, stays = {}, {}
    for name, step in merge.before["kept"].items():
        value, handed = _before(plain(getattr(kept, name)), step), CHANGED
        if on_top := next((each.before["kept"][name] for each in later if name in each.before.get("kept", {})), None):
            handed = _before(on_top["was"], step)
            on_top["was"] = on_top["was"] if handed is CHANGED else handed
        if value is not CHANGED:
            back[name] = following.read(Member, name, value)
        elif handed is CHANGED:
            stays[name] = 1
    for each in later:
        each.save(update_fields=["before"])
    joined, expires = (back.get(name, getattr(kept, name)) for name in ("joined_on", "expires_on"))
    if joined and expires and joined > expires:  # one of them was changed since, and the other would not fit to it
        stays |= {name: 1 for name in ("joined_on", "expires_on") if back.pop(name, CHANGED) is not CHANGED}
    for name, value in back.items():
        setattr(kept, name, value)
    if back:
        Member.objects.filter(pk=kept.pk).update(**back)
    return stays


CHANGED = object()


def _before(value, step):
    """What stood there before this step of a merge; of lists and own fields, what it added is taken out."""
    was, put = step["was"], step["set"]
    if value == put:
        return was
    if isinstance(put, list):
        return [each for each in value if each in was or each not in put]
    if isinstance(put, dict):
        kept = {name: each for name, each in value.items() if name in was or put.get(name) != each}
        return kept | {name: each for name, each in was.items() if value.get(name) == put.get(name)}
    return CHANGED


def _never_again(one, other, by):
    """A certain sign that was taken back is certain no more: these two are not looked at again."""
    one, other = sorted((one, other), key=lambda member: member.pk)
    decided = {"state": Twin.State.APART, "decided_at": now(), "decided_by": by}
    Twin.objects.update_or_create(one=one, other=other, defaults=decided)


def what_stays(stays):
    """In words, after something was taken back; empty where all of it was."""
    words = {model._meta.label_lower: label for model, label in following.WORDS.items()} | people.LABELS
    named = [str(words.get(code.removesuffix("_id"), _("other things"))) for code in stays]
    return _("Changed since, so it stays as it is: %(things)s.") % {"things": _(", ").join(dict.fromkeys(named))} if named else ""
