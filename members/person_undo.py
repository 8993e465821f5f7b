"""How each act on the page of a person is taken back: from the slip that said it was done, and for as long from the timeline.

The link of the slip stands in the cache beside the fact that the act noted. Where the cache was emptied, it is not offered there.
"""

import datetime
import hashlib
from contextlib import suppress

from django.core import signing
from django.core.cache import cache
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from crm.tenancy import changes
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import people, photos, records
from .models import Consent, Handle, Module, Note


def remember(member, link, *, by):
    """The fact that the act has just noted gets the link that takes it back."""
    with suppress(RedisError):
        if link and (fact := Event.objects.about_member(member).filter(seat=by).newest_first().first()):
            cache.set(_key(fact), link, changes.TAKEN_BACK_WITHIN)


def links(facts, member):
    """{fact's id: link} of those that may still be taken back: nobody has changed the same since."""
    since = now() - datetime.timedelta(seconds=changes.TAKEN_BACK_WITHIN)
    keys = {_key(fact): fact.pk for fact in facts if fact.at > since}
    with suppress(RedisError):
        found = cache.get_many(keys) if keys else {}
        return {keys[key]: link for key, link in found.items() if _stands(member, link)}
    return {}


def _stands(member, link):
    try:
        after = changes.read(QueryDict(link.partition("?")[2]).get("of", ""))[2]
    except signing.BadSignature:
        return False
    fields = after.get("fields") or after.get("photo") or {}
    return changes.seen_of(member, fields) == fields


def forget(members, link=None):
    """This link; without one all that was done to these members, since the links hold what stood there before."""
    since = now() - datetime.timedelta(seconds=changes.TAKEN_BACK_WITHIN)
    with suppress(RedisError):
        found = cache.get_many([_key(fact) for fact in Event.objects.about_member(*members).filter(at__gt=since)])
        cache.delete_many([key for key, known in found.items() if link in (None, known)])


def _key(fact):
    return f"undo:{active_tenant()}:{fact.pk}"


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
