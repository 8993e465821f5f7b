"""Verbs of what is kept beside a member's fields: notes, consents, and the bricks of what they can do."""

import datetime

from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import checks, people, words
from .models import Consent, Module, Note

LONGEST_NOTE = 2000  # so that one that was deleted fits into the address that brings it back
LONGEST_SAYING = 200


# Notes


@transaction.atomic
def write_note(member, text, *, by):
    member = people.held(member)
    note = Note.objects.create(member=member, text=_a_note(text), seat=by)
    events.note("note.written", note, by=by, member=member)
    return note


@transaction.atomic
def change_note(note, text, *, by, seen=None):
    """`seen` is the text as it was read. Returns the note and what stood there before."""
    text, note = _a_note(text), _held(Note, note)
    before = note.text
    if text == before:
        return note, before
    if seen is not None and seen != before:
        raise Refused(
            _("Somebody changed this note in the meantime, so nothing is overwritten. Look at it as it is now."), code="stale_note"
        )
    note.text, note.changed_at = text, now()
    note.save(update_fields=["text", "changed_at"])
    events.note("note.changed", note, by=by, member=note.member_id)
    return note, before


@transaction.atomic
def drop_note(note, *, by):
    """Returns what brings it back, as codes."""
    note = _held(Note, note)
    was = {"text": note.text, "seat": str(note.seat_id or ""), "written_at": note.written_at.isoformat()}
    events.note("note.dropped", note, by=by, member=note.member_id)
    note.delete()
    return was


@transaction.atomic
def bring_back_note(member, was, *, by):
    member = people.held(member)
    seat = Seat.objects.filter(tenant_id=active_tenant(), pk=was["seat"]).first() if was["seat"] else None
    written_at = datetime.datetime.fromisoformat(was["written_at"])
    note = Note.objects.create(member=member, text=was["text"], seat=seat, written_at=written_at)
    events.note("note.written", note, by=by, member=member, because=people.UNDONE)
    return note


def _a_note(text):
    text = str(text or "").replace("\0", "").replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST_NOTE:
        sentence = _("A note of one to %(most)s characters, please.") % {"most": f"{LONGEST_NOTE:,}"}
        raise Refused(sentence, code="note_malformed", status=400, field="text")
    return text


# Consents


@transaction.atomic
def give_consent(member, to, *, by, source=Consent.Source.TOLD):
    """Asked for twice, it is the one that stands."""
    member = people.held(member)
    if to not in Consent.To.values or source not in Consent.Source.values:
        raise Refused(_("There is no such consent."), code="no_such_consent", status=400, field="to")
    if standing := Consent.objects.filter(member=member, to=to, withdrawn_at=None).first():
        return standing
    consent = Consent.objects.create(member=member, to=to, source=source)
    events.note("consent.given", consent, by=by, member=member, because=to, after={"source": str(source)})
    return consent


@transaction.atomic
def withdraw_consent(consent, *, by):
    consent = _held(Consent, consent)
    if consent.withdrawn_at:
        raise Refused(_("This consent was withdrawn already."), code="already_withdrawn")
    consent.withdrawn_at = now()
    consent.save(update_fields=["withdrawn_at"])
    events.note("consent.withdrawn", consent, by=by, member=consent.member_id, because=consent.to)
    return consent


# Modules


@transaction.atomic
def add_module(member, industry, skill, *, by, says=""):
    member = people.held(member)
    known = words.known()
    industry, skill = (_a_word(name, text, known) for name, text in (("industry", industry), ("skill", skill)))
    says = " ".join(str(says or "").replace("\0", "").split())
    if len(says) > LONGEST_SAYING:
        raise Refused(_("At most %(most)s characters.") % {"most": LONGEST_SAYING}, code="too_long", status=400, field="says")
    try:
        with transaction.atomic():
            module = Module.objects.create(member=member, industry=industry, skill=skill, says=says)
    except IntegrityError:
        raise Refused(_("This member has this module already."), code="module_there", field="skill") from None
    known.settle(by=by)
    events.note("module.added", module, by=by, member=member)
    return module


@transaction.atomic
def drop_module(module, *, by):
    """Returns what it was."""
    module = _held(Module, module)
    was = {"industry": module.industry, "skill": module.skill, "says": module.says}
    events.note("module.dropped", module, by=by, member=module.member_id)
    module.delete()
    return was


def _a_word(name, text, known):
    text = " ".join(str(text or "").replace("\0", "").split())
    if not text or len(text) > checks.LONGEST_SKILL:
        sentence = _("One to %(most)s characters, please.") % {"most": checks.LONGEST_SKILL}
        raise Refused(sentence, code="word_missing", status=400, field=name)
    word = getattr(known, name)(text)
    if not word:
        raise Refused(_("“%(text)s” stands for nothing; write a word.") % {"text": text}, code="word_missing", status=400, field=name)
    return word


def _held(model, row):
    """Locked; of somebody whose data may still be changed."""
    people.held(row.member)
    found = model.objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise Refused(_("This is taken away already."), code="already_dropped")
    return found
