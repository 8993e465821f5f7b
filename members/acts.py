"""The acts of this room on many members: tag, untag, change the tier."""

from django import forms
from django.db.models import Count, F, Func, TextField
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import events

from . import bulk, search
from .models import Member

LONGEST_TAG, MOST_TAGS, MOST_PROPOSED = 40, 40, 100


def tags_in_use():
    each = Func(F("tags"), function="unnest", output_field=TextField())
    found = Member.objects.known().values(value=each).annotate(n=Count("pk")).order_by("-n", "value")
    return list(found.values_list("value", flat=True)[:MOST_PROPOSED])


class TagForm(forms.Form):
    tag = forms.CharField(label=gettext_lazy("Tag"), max_length=LONGEST_TAG)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.proposed = tags_in_use()
        self.fields["tag"].widget.attrs |= {"list": "tags-in-use", "autocomplete": "off"}

    def clean_tag(self):
        return " ".join(self.cleaned_data["tag"].split())


class UntagForm(forms.Form):
    tag = forms.ChoiceField(label=gettext_lazy("Tag"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["tag"].choices = [(tag, tag) for tag in tags_in_use()]


class TierForm(forms.Form):
    tier = forms.ChoiceField(label=gettext_lazy("Tier"), choices=Member.Tier.choices)


def _held(ids):
    return list(Member.objects.known().select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))


def _tagged(ids, tag, is_on):
    """Puts a tag on those who lack it, or takes it off those who have it. Returns whom it touched."""
    touched = []
    for member in _held(ids):
        if (tag in member.tags) != is_on and (not is_on or len(member.tags) < MOST_TAGS):
            member.tags = [*member.tags, tag] if is_on else [each for each in member.tags if each != tag]
            touched.append(member)
    Member.objects.bulk_update(touched, ["tags"])
    search.write(touched)
    return touched


def _note(kind, members, by, job, before=lambda member: None):
    events.note_all(
        {"kind": kind, "subject": member, "member": member.pk, "by": by, "before": before(member), "after": {"job": str(job.pk)}}
        for member in members
    )


def _putting(is_on):
    def act(ids, values, *, by, job):
        _note("member.tagged" if is_on else "member.untagged", _tagged(ids, values["tag"], is_on), by, job)

    def undo(facts, values, *, by):
        ids = [fact.member for fact in facts]
        touched = _tagged(ids, values["tag"], not is_on)
        kinds = "member.untagged" if is_on else "member.tagged"
        events.note_all({"kind": kinds, "subject": member, "member": member.pk, "by": by, "because": "undone"} for member in touched)
        return [pk for pk in ids if pk not in {member.pk for member in touched}]

    return act, undo


def _set_tier(ids, values, *, by, job):
    touched = [member for member in _held(ids) if member.tier != values["tier"]]
    held = {member.pk: member.tier for member in touched}
    Member.objects.filter(pk__in=held).update(tier=values["tier"])
    events.note_all(
        {
            "kind": "member.tier_set", "subject": member, "member": member.pk, "by": by,
            "before": {"tier": held[member.pk]}, "after": {"tier": values["tier"], "job": str(job.pk)},
        }
        for member in touched
    )  # fmt: skip


def _set_tier_back(facts, values, *, by):
    before = {fact.member: fact.before["tier"] for fact in facts}
    touched = [member for member in _held(before) if member.tier == values["tier"]]
    for member in touched:
        member.tier = before[member.pk]
    Member.objects.bulk_update(touched, ["tier"])
    events.note_all(
        {
            "kind": "member.tier_set", "subject": member, "member": member.pk, "by": by, "because": "undone",
            "before": {"tier": values["tier"]}, "after": {"tier": member.tier},
        }
        for member in touched
    )  # fmt: skip
    return [pk for pk in before if pk not in {member.pk for member in touched}]


def _says_tagged(number, values):
    words = ngettext("%(n)s person is tagged “%(tag)s”.", "%(n)s people are tagged “%(tag)s”.", number)
    return words % {"n": f"{number:,}", "tag": values["tag"]}


def _says_untagged(number, values):
    words = ngettext("The tag “%(tag)s” is off %(n)s person.", "The tag “%(tag)s” is off %(n)s people.", number)
    return words % {"n": f"{number:,}", "tag": values["tag"]}


def _says_tier(number, values):
    words = ngettext("%(n)s person is in the tier %(tier)s now.", "%(n)s people are in the tier %(tier)s now.", number)
    return words % {"n": f"{number:,}", "tier": Member.Tier(values["tier"]).label}


for _name, _label, _icon, _form, _is_on, _says, _order in [
    ("tag", gettext_lazy("Tag them"), "tag", TagForm, True, _says_tagged, 10),
    ("untag", gettext_lazy("Take a tag off"), "x", UntagForm, False, _says_untagged, 12),
]:
    _act, _undo = _putting(_is_on)
    bulk.verb(_name, _label, icon=_icon, form=_form, act=_act, undo=_undo, says=_says, order=_order)
bulk.verb(
    "tier", gettext_lazy("Change the tier"), icon="diamond", form=TierForm, act=_set_tier, undo=_set_tier_back, says=_says_tier, order=14
)
