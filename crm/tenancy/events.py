"""Facts are noted by the verb that makes them, in its transaction; everybody reads them."""

from contextlib import contextmanager
from contextvars import ContextVar

from .models import Event

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
    return Event.objects.create(**_fields(kind, subject, by, member, because, before, after))


def note_all(facts):
    """Write many at once; each is a dict of what `note` takes."""
    blank = {"by": None, "member": None, "because": "", "before": None, "after": None}
    return Event.objects.bulk_create([Event(**_fields(**blank | fact)) for fact in facts])


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
