"""Some fields of a row are set by somebody who saw it a while ago: what differs is set and noted, one fact for each field.

`seen` is what they had before their eyes. What they left alone stays as it is now, and what somebody else changed since is not
overwritten unseen: that is refused, and says who and when.
"""

from django.core import signing
from django.db import transaction
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from . import events
from .models import Event
from .refusals import Refused
from .scope import active_tenant

UNTOLD = {"name", "title", "text", "chat_url"}  # facts hold ids, codes and numbers, never names
TAKEN_BACK_WITHIN = 3600
LONGEST_LINK = 6000


class Overtaken(Refused):
    """`fields` says of each field what it is now and whose doing that is."""

    def __init__(self, row, fields):
        names = sorted({found["by"] for found in fields.values() if found["by"]})
        who = _(", ").join(names) or _("Somebody")
        sentence = _("%(who)s changed this in the meantime, so nothing is overwritten. Look at it as it is now.") % {"who": who}
        super().__init__(sentence, code="changed_meanwhile", fields=sorted(fields))
        self.row, self.found, self.also = row, fields, []


def code(value):
    """A value as forms and facts hold it."""
    value = getattr(value, "pk", value)
    return value if value is None or isinstance(value, bool | int | float | str | dict | list) else str(value)


def seen_of(row, names):
    return {name: code(_value(row, name)) for name in names}


@transaction.atomic
def change(row, wanted, kinds, *, by, seen=None):
    """`kinds` says of each field which fact its change is; fields that share a kind make one fact.

    Returns the row as it is now, and what the changed fields held before: {name: code}.
    """
    row = type(row)._default_manager.select_for_update().get(pk=row.pk)
    return row, keep(row, differences(row, wanted, kinds, seen), kinds, by=by)


def differences(row, wanted, kinds, seen=None):
    """What is to be set of a locked row."""
    differs = {name: wanted[name] for name in kinds if name in wanted and _is_meant(name, wanted[name], row, seen)}
    if seen is not None and (overtaken := {name for name in differs if code(_value(row, name)) != seen.get(name)}):
        raise Overtaken(row, {name: _whose_doing(row, name, kinds[name]) for name in overtaken})
    return differs


def keep(row, differs, kinds, *, by):
    before, after = seen_of(row, differs), {name: code(value) for name, value in differs.items()}
    for name, value in differs.items():
        setattr(row, row._meta.get_field(name).attname, getattr(value, "pk", value))
    if differs:
        row.save(update_fields=list(differs))
    for kind in dict.fromkeys(kinds[name] for name in differs):
        told = [name for name in differs if kinds[name] == kind and name not in UNTOLD]
        events.note(kind, row, by=by, before={name: before[name] for name in told}, after={name: after[name] for name in told})
    return before


def _value(row, name):
    return getattr(row, row._meta.get_field(name).attname)


def _is_meant(name, value, row, seen):
    return code(value) != code(_value(row, name)) and (seen is None or code(value) != seen.get(name))


def _whose_doing(row, name, kind):
    fact = Event.objects.of(row).filter(kind=kind).newest_first().select_related("seat__user").first()
    return {
        "now": code(_value(row, name)),
        "by": str(fact.seat) if fact and fact.seat else "",
        "at": date_format(localtime(fact.at), "H:i") if fact else "",
    }


def sentence(found, label):
    """Under a field that somebody else was faster with: who, when, and what it is now."""
    words = {"who": found["by"] or _("Somebody"), "at": found["at"], "now": label}
    if found["at"]:
        return _("%(who)s changed this at %(at)s, after you opened the page. It is now: %(now)s. Save again to set yours.") % words
    return _("Somebody changed this after you opened the page. It is now: %(now)s. Save again to set yours.") % words


# Taking back: the address of the toast holds what to set again, signed, and for an hour


def undo(url, before, after):
    """The address that a toast posts to; empty where there is nothing to take back, or too much for an address."""
    if not before:
        return ""
    signed = signing.dumps([str(active_tenant()), before, after], salt="undo", compress=True)
    return f"{url}?of={signed}" if len(signed) < LONGEST_LINK else ""


def read(signed):
    """(tenant, before, after) of such an address; raises `BadSignature` where it is none or too old."""
    return signing.loads(signed, salt="undo", max_age=TAKEN_BACK_WITHIN)


def to_undo(request):
    """What to set again, and what it must still be."""
    try:
        tenant, before, after = read(request.GET.get("of", ""))
    except signing.BadSignature:
        tenant, before, after = None, None, None
    if tenant != str(active_tenant()):
        raise too_late()
    return before, after


def too_late():
    return Refused(_("This can no longer be taken back here. The trail says what was changed."), code="too_late")
