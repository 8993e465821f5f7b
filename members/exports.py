"""Members as a file: the columns that were chosen, without what the seat's role does not see."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.tenancy import sheets
from crm.tenancy.scope import acting_for

from . import registry
from .hidden import hides, hides_field
from .list_rows import with_all
from .models import CustomField, Handle, Member

CHUNK = 500
KINDS = {"csv": sheets.CSV, "xlsx": sheets.XLSX}


@dataclass(frozen=True)
class Cell:
    name: str
    label: Any
    reads: Callable  # (member) -> what stands in the cell


def name_of(tenant, kind):
    return f"{tenant.slug}-members-{timezone.localdate():%Y-%m-%d}.{kind}"


def columns(hidden=frozenset()):
    """All that a file of members may hold for whom these fields are hidden."""
    own = [Cell("nickname", _("Nickname"), lambda member: member.nickname)]
    own += [_handle(platform, hidden) for platform in (Handle.Platform.WECHAT, Handle.Platform.PHONE) if not hides(hidden, platform)]
    own += [
        Cell("city", _("City"), lambda member: member.city),
        Cell("industry", _("Industry"), lambda member: member.industry),
        Cell("skills", _("Skills"), lambda member: "/".join(member.skills)),
        Cell("tier", _("Tier"), lambda member: Member.Tier(member.tier).label),
        Cell("standing", _("Standing"), lambda member: Member.Standing(member.standing).label),
        Cell("joined_on", pgettext_lazy("day", "Joined"), lambda member: member.joined_on or ""),
        Cell("expires_on", pgettext_lazy("day", "Expires"), lambda member: member.expires_on or ""),
        Cell("inviter", _("Invited by"), lambda member: member.inviter.nickname if member.inviter else ""),
        Cell("former", _("Former nicknames"), lambda member: "/".join(member.formerly)),
        *(_text(name, label) for name, label in TEXTS.items() if not hides_field(hidden, name)),
        Cell("tags", _("Tags"), lambda member: "/".join(member.tags)),
    ]
    others = [platform for platform in Handle.Platform if platform not in (Handle.Platform.WECHAT, Handle.Platform.PHONE)]
    own += [_handle(platform, hidden) for platform in others if not hides(hidden, platform)]
    if "handles" not in hidden:
        own.append(Cell("ids", _("Ids of other systems"), _other_ids))
    if "custom" not in hidden:
        own += [_custom(field) for field in CustomField.objects.filter(retired_at=None).order_by("place", "id")]
    return [*own, *(_registered(column) for column in registry.columns())]


TEXTS = {"note": _("Note"), "offers": _("What they offer"), "seeks": _("What they seek")}


def _text(name, label):
    return Cell(name, label, lambda member: getattr(member, name))


def _handle(platform, hidden):
    return Cell(str(platform), platform.label, lambda member: _values(member, lambda each: each == platform))


def _values(member, wanted):
    return " ".join(each["value"] for each in member.known_by if wanted(each["platform"]))


def _other_ids(member):
    others = [each for each in member.known_by if each["platform"] not in Handle.Platform.values]
    return " ".join(f"{each['platform']}:{each['value']}" for each in others)


def _custom(field):
    key = str(field.pk)

    def reads(member):
        value = member.custom.get(key, "")
        return "/".join(map(str, value)) if isinstance(value, list) else value

    return Cell(key, field.name, reads)


def _registered(column):
    return Cell(column.name, column.label, lambda member: column.exports(getattr(member, f"column_{column.name}")))


def file_of(tenant, members, kind, chosen):
    """The file piece by piece. The request's scope, clock and language are gone when it is read, so it opens its own."""
    language = translation.get_language()

    def rows():
        with acting_for(tenant.pk), translation.override(language), timezone.override(tenant.zone):
            for member in with_all(members).iterator(CHUNK):
                yield [cell.reads(member) for cell in chosen]

    heads = [str(cell.label) for cell in chosen]
    return sheets.as_xlsx(heads, rows()) if kind == "xlsx" else sheets.as_csv(heads, rows())
