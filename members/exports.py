"""The member list as a file."""

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.tenancy.scope import acting_for
from crm.tenancy.sheets import csv_line

from . import registry
from .lists import with_all
from .models import Handle, Member

CHUNK = 500


def name_of(tenant):
    return f"{tenant.slug}-members-{timezone.localdate():%Y-%m-%d}.csv"


def as_csv(tenant, queryset):
    """Lines of the file, as text. The request's scope is closed when they are read, so they open one of their own."""
    language = translation.get_language()
    with translation.override(language):
        yield "\ufeff" + csv_line([str(title) for title in _titles()])
    with acting_for(tenant.pk), translation.override(language):
        for member in with_all(queryset).iterator(CHUNK):
            yield csv_line(_cells(member))


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
