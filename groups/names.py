"""How groups and half-years are said in little room, and ids read out of an address."""

import uuid

from django.utils.translation import gettext as _


def short(number, name, is_parallel=True):
    """7群 where the groups of a matrix are alike, else the whole name."""
    return _("G%(number)d") % {"number": number} if number and is_parallel else name


def short_half(year, half):
    """26上, 26 H1."""
    words = {"year": f"{year % 100:02}"}
    return _("%(year)s H1") % words if half == 1 else _("%(year)s H2") % words


def as_number(text, otherwise=None):
    """A whole number as people type it; of a thousand digits none is made."""
    text = str(text).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else otherwise


def as_uuid(text):
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
