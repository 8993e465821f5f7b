"""Facts are noted by the verb that makes them, in its transaction; everybody reads them."""

from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

from django.utils.timezone import now
from uuid_utils.compat import uuid7

from . import bulk
from .models import Event
from .prepared import Insert

AT_ONCE = 2000
COLUMNS = ["id", "at", "before", "after", "member", "seat", "subject", "door", "kind", "subject_kind", "because"]
NOTED = Insert(Event)
_door = ContextVar("door", default=Event.Door.COMMAND)


@contextmanager
def through(door):
    """Say through which door the verbs inside are called."""
    token = _door.set(door)
    try:
        yield
    finally:
        _door.reset(token)


def door():
    return _door.get()


def note(kind, subject, *, by=None, member=None, because="", before=None, after=None):
    """Write one fact. `before` and `after` hold ids, codes and numbers, never names."""
    return NOTED.add(Event(**_fields(kind, subject, by, member, because, before, after)), unheard=True)


def note_all(facts):
    """Write many at once; each is a dict of what `note` takes."""
    blank, moment = {"by": None, "member": None, "because": "", "before": None, "after": None}, now()
    rows = (_row(moment, **_fields(**blank | fact)) for fact in facts)
    while some := list(islice(rows, AT_ONCE)):
        bulk.add(Event, COLUMNS, some)


def _row(moment, before, after, member, seat_id, door, **told):
    kind, subject_kind, subject, because = told.values()
    return uuid7(), moment, before, after, member, seat_id, subject, door, kind, subject_kind, because


def _fields(kind, subject, by, member, because, before, after):
    return {
        "kind": kind,
        "subject_kind": subject._meta.model_name,
        "subject": subject.pk,
        "member": getattr(member, "pk", member),
        "seat_id": getattr(by, "pk", by),
        "because": because,
        "door": _door.get(),
        "before": before or {},
        "after": after or {},
    }
