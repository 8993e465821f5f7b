"""The sections of a person's page as forms: small ones, over the member's row that somebody else may change meanwhile."""

import json
import re

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.tenancy.forms import SeenForm
from crm.tenancy.refusals import Refused

from . import checks, custom, handles, people
from .models import Consent, Handle, Member

BETWEEN = re.compile(r"[,，、;；\n\r]+")
MOST_NAMED = 5
STANDINGS = [(each.value, each.label) for each in (Member.Standing.CURRENT, Member.Standing.PAST)]
LEVELS = [("", gettext_lazy("not known")), ("1", gettext_lazy("beginner")), ("2", gettext_lazy("able")), ("3", gettext_lazy("master"))]


class Words(forms.CharField):
    """Several words in one line, with commas between them."""

    def prepare_value(self, value):
        return "、".join(value) if isinstance(value, list) else value

    def to_python(self, value):
        return [part for part in (" ".join(each.split()) for each in BETWEEN.split(value or "")) if part]


class Somebody(forms.CharField):
    """A member by their name, WeChat id or phone."""

    there = None  # whoever it is already is found by their name, though several be called so

    def prepare_value(self, value):
        if pk := checks.as_uuid(value):
            return Member.objects.filter(pk=pk).values_list("nickname", flat=True).first() or ""
        return value

    def clean(self, value):
        text = " ".join((value or "").split())
        if self.there and text == " ".join(self.there.nickname.split()):
            return str(self.there.pk)
        return str(found_by(text).pk) if text else None


def found_by(text):
    """The one member meant by this text. Where several could be, it says which."""
    found = Member.objects.known()
    values = [value for value in (handles.wechat(text), handles.phone(text), handles.plain(text)) if value]
    for way in ({"handles__value__in": values}, {"nickname": text}):
        if len(exact := list(found.filter(**way).distinct()[:2])) == 1:
            return exact[0]
    near = list(found.matching(text).by_name()[: MOST_NAMED + 1])
    if len(near) == 1:
        return near[0]
    if not near:
        sentence = _("Nobody here is called “%(text)s”. A nickname, a WeChat id or a phone, please.")
        raise forms.ValidationError(sentence % {"text": text[:40]})
    raise forms.ValidationError(_which(near))


def _which(near):
    known = dict(Handle.objects.filter(member__in=near).order_by("-platform").values_list("member", "value"))
    choices = format_html_join(
        " ",
        '<button type="button" class="btn-word" data-set="#id_inviter" data-value="{}"><bdi lang="zh">{}</bdi></button>',
        ((known.get(each.pk, each.nickname), each.nickname) for each in near[:MOST_NAMED]),
    )
    return format_html("{} {}", _("Several people are meant by this. Which one?"), choices)


class Section(SeenForm):
    """One section of the page."""

    def check(self, name, value):
        return checks.check(name, value, self.row)

    def act(self, wanted, *, by, seen):
        return people.change(self.row, wanted, by=by, seen=seen)

    def _said(self, name, code):
        return super()._said(name, "、".join(code) if isinstance(code, list) else code)

    @property
    def wanted(self):
        """As the verb checks them: what was refused here is not in it."""
        return {name: self.cleaned_data[name] for name in self.names if name in self.cleaned_data}


class Who(Section):
    nickname = forms.CharField(max_length=200, label=gettext_lazy("Nickname"))
    city = forms.CharField(required=False, label=gettext_lazy("City"))
    industry = forms.CharField(required=False, label=gettext_lazy("Industry"))
    tier = forms.ChoiceField(choices=Member.Tier.choices, label=gettext_lazy("Tier"))
    standing = forms.ChoiceField(choices=STANDINGS, label=gettext_lazy("Standing"))
    tags = Words(required=False, label=gettext_lazy("Tags"), help_text=gettext_lazy("Commas between them."))


class Term(Section):
    joined_on = forms.DateField(
        required=False, label=pgettext_lazy("day", "Joined"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    expires_on = forms.DateField(
        required=False, label=pgettext_lazy("day", "Expires"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    inviter = Somebody(
        required=False, label=gettext_lazy("Invited by"), help_text=gettext_lazy("A nickname, a WeChat id or a phone of a member.")
    )

    def __init__(self, row, data=None, **kwargs):
        super().__init__(row, data, **kwargs)
        self.fields["inviter"].there = row.inviter

    def _said(self, name, code):
        return self.fields[name].prepare_value(code) or "—" if name == "inviter" else super()._said(name, code)


class Abilities(Section):
    skills = Words(
        required=False, label=gettext_lazy("Skills"), help_text=gettext_lazy("Commas between them. Each has a level once it is saved.")
    )
    offers = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label=gettext_lazy("What they offer"))
    seeks = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label=gettext_lazy("What they seek"))

    def __init__(self, row, data=None, **kwargs):
        super().__init__(row, data, **kwargs)
        self.levels = {}
        for place, skill in enumerate(row.skills):
            name = f"level_{place}"
            level = row.skill_levels.get(skill)
            self.fields[name] = forms.ChoiceField(
                choices=LEVELS, required=False, initial=str(level or ""), label=_("Level of %(skill)s") % {"skill": skill}
            )
            self.levels[skill] = name
        self.fields["levels_of"] = forms.CharField(required=False, initial="\n".join(row.skills), widget=forms.HiddenInput)

    @property
    def wanted(self):
        """The levels stand in the order of the skills that the page showed."""
        shown = (self.data.get("levels_of") or "").splitlines()
        said = {skill: self.data.get(f"level_{place}", "") for place, skill in enumerate(shown)}
        levels = dict(self.row.skill_levels) | {skill: int(level) if level in "123" and level else None for skill, level in said.items()}
        levels = {skill: level for skill, level in levels.items() if level and skill in self.cleaned_data.get("skills", ())}
        return super().wanted | {"skill_levels": levels}

    def act(self, wanted, *, by, seen):
        return people.change(self.row, wanted, by=by, seen=seen | {"skill_levels": self.row.skill_levels})

    @property
    def level_fields(self):
        return [self[name] for name in self.levels.values()]


class NoteOfFile(Section):
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 6}), label=gettext_lazy("Note"))


class Own(forms.Form):
    """The tenant's own fields, whatever they are now."""

    def __init__(self, row, data=None):
        self.row, self.kept = row, {f"field-{each.pk}": each for each in custom.fields()}
        super().__init__(data, initial={"seen": _seen(row)})
        self.fields["seen"] = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"id": False}))
        for name, each in self.kept.items():
            self.fields[name] = _own_field(each, row.custom.get(str(each.pk)))

    def clean(self):
        for name, each in self.kept.items():
            try:
                self.cleaned_data[name] = custom.clean(each, self.cleaned_data.get(name))
            except Refused as refusal:
                self.add_error(name, refusal.sentence)

    def save(self, *, by):
        said = {str(each.pk): self.cleaned_data[name] for name, each in self.kept.items()}
        seen = _read(self.cleaned_data["seen"])
        meant = {pk: value for pk, value in said.items() if value != seen.get(pk)}
        now = Member.objects.filter(pk=self.row.pk).values_list("custom", flat=True).get()
        for pk in meant:
            if now.get(pk) != seen.get(pk) and now.get(pk) != meant[pk]:
                self.add_error(f"field-{pk}", _("Somebody changed this after you opened the page. Save again to set yours."))
        if self.errors:
            self.data = self.data.copy()
            self.data["seen"] = _seen(Member(custom=now))
            return None
        self.row, before = people.change(self.row, {"custom": meant}, by=by)
        return before


def _seen(row):
    return json.dumps(row.custom)


def _read(text):
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _own_field(field, value):
    more = {"required": False, "label": field.name, "initial": value}
    choices = [(each, each) for each in dict.fromkeys([*field.choices, *(value if isinstance(value, list) else [value] if value else [])])]
    if field.kind == "choice":
        return forms.ChoiceField(choices=[("", "—"), *choices], **more)
    if field.kind == "choices":
        return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **more)
    widget = {"date": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), "number": forms.TextInput(attrs={"inputmode": "decimal"})}
    return forms.CharField(widget=widget.get(field.kind, forms.TextInput()), max_length=2000, **more)


SECTIONS = {"who": Who, "term": Term, "abilities": Abilities, "note": NoteOfFile, "own": Own}
TITLES = {
    "who": gettext_lazy("Who they are"),
    "term": gettext_lazy("Term and inviter"),
    "abilities": gettext_lazy("Skills, offers and wishes"),
    "note": gettext_lazy("Note of the file"),
    "own": gettext_lazy("Own fields"),
}


class HandleForm(forms.Form):
    platform = forms.CharField(max_length=20, widget=forms.Select, label=gettext_lazy("Platform"))
    system = forms.CharField(
        max_length=20,
        required=False,
        label=gettext_lazy("Short name of the other system"),
        help_text=gettext_lazy("Small letters and digits, such as shop."),
    )
    value = forms.CharField(max_length=200, label=gettext_lazy("Id or number"))
    OTHER = "other"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["platform"].widget.choices = [*Handle.Platform.choices, (self.OTHER, _("Another system"))]

    @property
    def said(self):
        chosen = self.cleaned_data["platform"]
        return (self.cleaned_data["system"] if chosen == self.OTHER else chosen), self.cleaned_data["value"]


class ModuleForm(forms.Form):
    industry = forms.CharField(max_length=60, label=gettext_lazy("Industry"))
    skill = forms.CharField(max_length=60, label=gettext_lazy("Skill"))
    says = forms.CharField(max_length=200, required=False, label=gettext_lazy("What it is"))


class NoteForm(forms.Form):
    text = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), label=gettext_lazy("Note"))


class ConsentForm(forms.Form):
    to = forms.ChoiceField(choices=Consent.To.choices, label=gettext_lazy("Allowed"))


class NewMember(forms.Form):
    """Somebody who is added by hand."""

    nickname = forms.CharField(max_length=200, required=False, label=gettext_lazy("Nickname"))
    wechat = forms.CharField(max_length=60, required=False, label=gettext_lazy("WeChat id"))
    phone = forms.CharField(max_length=60, required=False, label=gettext_lazy("Phone"))
    city = forms.CharField(max_length=60, required=False, label=gettext_lazy("City"))
    industry = forms.CharField(max_length=60, required=False, label=gettext_lazy("Industry"))
    skills = Words(required=False, label=gettext_lazy("Skills"), help_text=gettext_lazy("Commas between them."))
    joined_on = forms.DateField(
        required=False, label=pgettext_lazy("day", "Joined"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    expires_on = forms.DateField(
        required=False, label=pgettext_lazy("day", "Expires"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    inviter = Somebody(
        required=False, label=gettext_lazy("Invited by"), help_text=gettext_lazy("A nickname, a WeChat id or a phone of a member.")
    )
    tier = forms.ChoiceField(choices=Member.Tier.choices, label=gettext_lazy("Tier"))
    HANDLES = ("wechat", "phone")

    def clean(self):
        if not any(self.cleaned_data.get(name) for name in ("nickname", *self.HANDLES)) and not self.errors:
            self.add_error("nickname", _("A nickname, a WeChat id or a phone, please: one of the three at least."))
        for name in self.HANDLES:
            if text := self.cleaned_data.get(name):
                try:
                    people.normal(name, text)
                except Refused as refusal:
                    self.add_error(name, refusal.sentence)

    def save(self, *, by):
        """The member; None where that was refused, which then stands beside the field."""
        said = {name: value for name, value in self.cleaned_data.items() if name not in self.HANDLES}
        said["handles"] = [(name, self.cleaned_data[name]) for name in self.HANDLES if self.cleaned_data.get(name)]
        try:
            return people.add(said, by=by)
        except Refused as refusal:
            name = refusal.details.get("platform") or refusal.details.get("field")
            self.add_error(name if name in self.fields else None, refusal.sentence)
            self.whose = refusal.details.get("member")
            return None
