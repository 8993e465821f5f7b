"""The member list as a file. A cell that a spreadsheet would work out is made to be text."""

import csv

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.tenancy.scope import acting_for

from . import registry
from .lists import with_all
from .models import Handle, Member

CHUNK = 500
WORKED_OUT = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cell):
    """Spreadsheets work out a cell that begins like a formula; with a ' before it they show it."""
    text = "" if cell is None else str(cell)
    return "'" + text if text.startswith(WORKED_OUT) or text.lstrip().startswith(WORKED_OUT) else text


def name_of(tenant):
    return f"{tenant.slug}-members-{timezone.localdate():%Y-%m-%d}.csv"


def as_csv(tenant, queryset):
    """Lines of the file, as text. The request's scope is closed when they are read, so they open one of their own."""
    language = translation.get_language()
    with translation.override(language):
        yield "\ufeff" + _line([str(title) for title in _titles()])
    with acting_for(tenant.pk), translation.override(language):
        for member in with_all(queryset).iterator(CHUNK):
            yield _line(_cells(member))


def _titles():
    own = [
        _("Nickname"),
        _("WeChat"),
        _("Phone"),
        _("City"),
        _("Industry"),
        _("Skills"),
        _("Tier"),
        _("Standing"),
        _("Joined"),
        _("Expires"),
        _("Invited by"),
    ]
    return [*own, _("Former nicknames"), _("Note"), *(column.label for column in registry.columns())]


def _cells(member):
    known = {
        platform: " ".join(each["value"] for each in member.known_by if each["platform"] == platform) for platform in Handle.Platform.values
    }
    return [
        member.nickname,
        known[Handle.Platform.WECHAT],
        known[Handle.Platform.PHONE],
        member.city,
        member.industry,
        "/".join(member.skills),
        Member.Tier(member.tier).label,
        Member.Standing(member.standing).label,
        member.joined_on or "",
        member.expires_on or "",
        member.inviter.nickname if member.inviter else "",
        "/".join(member.formerly),
        member.note,
        *(column.exports(getattr(member, f"column_{column.name}")) for column in registry.columns()),
    ]


class _Echo:
    def write(self, line):
        return line


def _line(cells):
    return csv.writer(_Echo()).writerow([harmless(cell) for cell in cells])
