"""How each act on the page of a person is taken back, from the slip that said it was done."""

import hashlib

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

from . import people, photos, records
from .models import Consent, Handle, Module, Note


def _fields_back(row, was, now, seat):
    people.change(row, was, by=seat, seen=now, because=people.UNDONE)


def _note_back(note, text, now, seat):
    if digest(note.text) != now:
        raise Refused(_("Somebody changed this note in the meantime, so nothing is overwritten."), code="changed_meanwhile")
    records.change_note(note, text, by=seat, seen=note.text)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


BACK = {
    "fields": _fields_back,
    "photo": lambda row, was, now, seat: photos.wear(row, was["photo"], by=seat, seen=now, because=people.UNDONE),
    "handle_dropped": lambda row, was, now, seat: people.add_handle(row, *was, by=seat),
    "handle_added": lambda row, was, now, seat: people.drop_handle(get_object_or_404(Handle, pk=was, member=row), by=seat),
    "note_dropped": lambda row, was, now, seat: records.bring_back_note(row, was, by=seat),
    "note_written": lambda row, was, now, seat: records.drop_note(get_object_or_404(Note, pk=was, member=row), by=seat),
    "note_changed": lambda row, was, now, seat: _note_back(get_object_or_404(Note, pk=was["note"], member=row), was["text"], now, seat),
    "module_dropped": lambda row, was, now, seat: records.add_module(row, by=seat, **was),
    "module_added": lambda row, was, now, seat: records.drop_module(get_object_or_404(Module, pk=was, member=row), by=seat),
    "consent_given": lambda row, was, now, seat: records.withdraw_consent(get_object_or_404(Consent, pk=was, member=row), by=seat),
    "consent_withdrawn": lambda row, was, now, seat: records.give_consent(row, was[0], by=seat, source=was[1]),
}  # kind of an act -> how it is taken back
