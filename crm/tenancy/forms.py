"""Forms over a row that somebody else may change while they are filled in."""

import json

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _

from . import changes
from .refusals import Refused

LONGEST_SEEN = 10_000


class SeenForm(forms.Form):
    """Its fields are fields of a row. `seen` holds what they were when the page was opened.

    Inherit and give `check(name, value)`, which refuses what may not be, and `act(wanted, by=, seen=)`, the verb.
    """

    seen = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}), required=False)  # several forms stand on one page

    def __init__(self, row, data=None, **kwargs):
        self.row = row
        self.names = [name for name in self.base_fields if name != "seen"]
        super().__init__(data, initial=changes.seen_of(row, self.names) | {"seen": self._seen(row)}, **kwargs)

    def _seen(self, row):
        return json.dumps(changes.seen_of(row, self.names))

    def check(self, name, value):
        return value

    def act(self, wanted, *, by, seen):
        raise NotImplementedError

    def clean(self):
        for name in self.names:
            if name in self.cleaned_data and changes.code(self.cleaned_data[name]) != self.was.get(name):  # left alone, it may stay
                try:
                    self.cleaned_data[name] = self.check(name, self.cleaned_data[name])
                except Refused as refusal:
                    self.refused(refusal, name)

    @property
    def was(self):
        """What the row held when the page was opened."""
        try:
            found = json.loads(self.cleaned_data.get("seen", "")[:LONGEST_SEEN] or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def wanted(self):
        return {name: self.cleaned_data[name] for name in self.names}

    def save(self, *, by):
        """What the fields held before; None where that was refused, which then stands beside the fields."""
        try:
            self.row, before = self.act(self.wanted, by=by, seen=self.was)
        except changes.Overtaken as overtaken:
            return self.overtaken(overtaken)
        except Refused as refusal:
            return self.refused(refusal, refusal.details.get("field"))
        return before

    def refused(self, refusal, name):
        known = name if name in self.fields else None
        self.add_error(known, with_proposal(self[name], refusal) if known else refusal.sentence)

    def overtaken(self, overtaken):
        """What the asker touched stays as they typed it; what they left alone is shown as it is now."""
        for name, found in overtaken.found.items():
            self.add_error(name, changes.sentence(found, self._said(name, found["now"])))
        self.row, data, was, now = overtaken.row, self.data.copy(), self.was, changes.seen_of(overtaken.row, self.names)
        for name in self.names:
            if name not in overtaken.found and changes.code(self.cleaned_data.get(name)) == was.get(name):
                _put(data, self.add_prefix(name), now[name])
        data[self.add_prefix("seen")] = self._seen(overtaken.row)
        self.data = data

    def _said(self, name, code):
        choices = getattr(self.fields[name].widget, "choices", ())
        flat = [pair for value, label in choices for pair in (label if isinstance(label, list | tuple) else [(value, label)])]
        return {str(value): label for value, label in flat}.get(str(code or ""), "—" if code in (None, "") else code)


def _put(data, name, value):
    """As a browser would send it: a box that is not ticked sends nothing."""
    if value is False:
        data.pop(name, None)
    else:
        data[name] = "on" if value is True else "" if value is None else value


def with_proposal(field, refusal):
    """The sentence of a refusal, with a button that sets what would do."""
    proposal = refusal.details.get("proposal")
    if proposal is None:
        return refusal.sentence
    button = '{} <button type="button" class="btn-word" data-set="#{}" data-value="{}">{}</button>'
    return format_html(button, refusal.sentence, field.id_for_label, proposal, _("Change to %(value)s") % {"value": proposal})
