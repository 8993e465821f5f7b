"""Two members side by side: field by field what is the same, what differs, and what the merge would keep."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from crm.tenancy.templatetags.qx import iso

from . import custom, following, merging, people, registry, resemblance
from .list_rows import Row, with_all
from .models import Handle, Member

SAME, DIFFERENT, ONE_SIDED = "same", "different", "one"
VERY_LIKELY = 80


@dataclass(frozen=True)
class Field:
    label: Any
    one: Any  # shown, as a list of (text, is marked); or safe HTML of a registered column
    other: Any
    state: str
    is_html: bool = False


class Beside:
    def __init__(self, pair, seat):
        self.pair, self.hidden = pair, people.hidden_from(seat)
        found = with_all(Member.objects.filter(pk__in=[pair.one_id, pair.other_id])).in_bulk()
        self.one, self.other = found[pair.one_id], found[pair.other_id]

    @property
    def is_very_likely(self):
        return self.pair.score >= VERY_LIKELY

    @property
    def signs(self):
        """(words, whether it is only nearly so)"""
        return [(resemblance.SAID.get(code, code), code.startswith("near") or code == "same_pinyin") for code in self.pair.because]

    @cached_property
    def seen(self):
        """A fingerprint of what is shown: who changed it since has to look again."""
        shown = [[following.values_of(member), member.known_by, member.formerly] for member in (self.one, self.other)]
        return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()[:24]

    # Field by field

    @cached_property
    def fields(self):
        return [*self._of_members(), *self._registered(), *self._own()]

    @property
    def differing(self):
        return [field.label for field in self.fields if field.state == DIFFERENT]

    def _of_members(self):
        yield self._texts(_("Nickname"), [self.one.nickname], [self.other.nickname])
        yield from self._of_each(_("Former nicknames"), lambda member: member.formerly)
        for platform in self._platforms():
            yield from self._of_each(people.platform_name(platform), lambda member, of=platform: _of_platform(member, of))
        yield from self._of_each(_("City"), lambda member: [member.city])
        yield from self._of_each(_("Industry"), lambda member: [member.industry])
        yield from self._of_each(_("Skills"), lambda member: member.skills)
        yield from self._of_each(people.LABELS["joined_on"], lambda member: [member.joined_on and iso(member.joined_on)])
        yield from self._of_each(people.LABELS["expires_on"], lambda member: [member.expires_on and iso(member.expires_on)])
        yield from self._of_each(_("Invited by"), lambda member: [member.inviter and member.inviter.nickname])
        yield from self._of_each(_("Tier"), lambda member: [str(Member.Tier(member.tier).label)])
        yield from self._of_each(_("Standing"), lambda member: [str(Member.Standing(member.standing).label)])
        yield from self._of_each(_("Tags"), lambda member: member.tags)
        for name in ("offers", "seeks", "note"):
            if not people.hides_field(self.hidden, name):
                yield from self._of_each(people.LABELS[name], lambda member, of=name: [_shortened(getattr(member, of))])

    def _platforms(self):
        """Those that one of them has and this seat may see; the usual ones first."""
        usual = list(Handle.Platform.values)
        there = {known["platform"] for member in (self.one, self.other) for known in member.known_by}
        shown = [each for each in there if not people.hides(self.hidden, each)]
        return sorted(shown, key=lambda each: (usual.index(each) if each in usual else len(usual), each))

    def _registered(self):
        """What rooms further right show of a member: the groups."""
        ours, theirs = ({column["label"]: column for column in Row(member).cells} for member in (self.one, self.other))
        for column in registry.columns():
            if not column.beside_name and (ours[column.label]["value"] or theirs[column.label]["value"]):
                one, other = ours[column.label], theirs[column.label]
                yield Field(column.label, one["html"], other["html"], _state(one["value"], other["value"]), is_html=True)

    def _own(self):
        if people.hides_field(self.hidden, "custom") or not (self.one.custom or self.other.custom):
            return
        for field in custom.fields():
            said = [member.custom.get(str(field.pk)) for member in (self.one, self.other)]
            shown = [[custom.shown(field, value)] if value not in (None, "", []) else [] for value in said]
            if any(shown):
                yield self._texts(field.name, *shown)

    def _of_each(self, label, reads):
        one, other = ([text for text in reads(member) if text] for member in (self.one, self.other))
        if one or other:
            yield self._texts(label, one, other)

    def _texts(self, label, one, other):
        state = _state(sorted(map(str, one)), sorted(map(str, other)))
        if state == DIFFERENT and len(one) == len(other) == 1 and resemblance.is_near(one[0], other[0]):
            return Field(label, *_marked(one[0], other[0]), state)
        return Field(
            label, [("、".join(map(str, one)), False)] if one else [], [("、".join(map(str, other)), False)] if other else [], state
        )

    # What a merge keeps

    @cached_property
    def ways(self):
        """Both ways of merging: (who stays, which key, what is kept in words)."""
        sides = [(self.one, self.other, "M"), (self.other, self.one, "N")]
        return [{"kept": kept, "gone": gone, "key": key, "says": self._outcome(kept, gone)} for kept, gone, key in sides]

    def _outcome(self, kept, gone):
        known = [[each["value"] for each in member.known_by] for member in (kept, gone)]
        values = merging.outcome(kept, gone, *known)
        taken = [str(people.LABELS[name.removesuffix("_id")]) for name in values if name not in ("nickname", "standing")]
        follows = [f"{following.WORDS[model]} {number:,}" for model, number in following.how_many(gone.pk).items()]
        name = values.get("nickname", kept.nickname)
        said = []
        if name != gone.nickname and not merging.is_nameless(gone, known[1]):
            said.append(_("“%(name)s” becomes a former nickname.") % {"name": gone.nickname})
        if taken:
            said.append(_("Filled or joined from the other one: %(fields)s.") % {"fields": _(", ").join(taken)})
        if follows:
            said.append(_("What comes along: %(things)s.") % {"things": _(", ").join(follows)})
        return {"name": name, "said": said}


def _joined(texts):
    return [("、".join(map(str, texts)), False)] if texts else []


def _of_platform(member, platform):
    return [known["value"] for known in member.known_by if known["platform"] == platform]


def _shortened(text, most=120):
    return text if len(text) <= most else text[: most - 1] + "…"


def _state(one, other):
    if not one or not other:
        return ONE_SIDED
    return SAME if one == other else DIFFERENT


def _marked(one, other):
    """Both cut where they differ."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest = 0
    while rest < min(len(one), len(other)) - at and one[-1 - rest] == other[-1 - rest]:
        rest += 1
    return [[(text[:at], False), (text[at : len(text) - rest], True), (text[len(text) - rest :], False)] for text in (one, other)]
