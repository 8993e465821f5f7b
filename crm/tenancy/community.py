"""Verbs of the community itself: its name and address, where it lives, how it looks, how much a day may hold."""

import difflib
import re
import uuid
import zoneinfo
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import changes, colours, events, files, pictures, pinyin, places, trail
from .models import File, Tenant
from .models.people import SLUG
from .refusals import Refused
from .slugs import RESERVED

KINDS = {
    "name": "tenant.named",
    "slug": "tenant.moved",
    "language": "tenant.language_set",
    "time_zone": "tenant.zone_set",
    "currency": "tenant.currency_set",
    "country": "tenant.country_set",
    "colour": "tenant.colour_set",
    "tasks_a_day": "tenant.limit_set",
    "renewal_days": "tenant.renewal_days_set",
    "rises_after": "tenant.rises_after_set",
}
MOST_TASKS_A_DAY = 2000
MOST_RENEWAL_DAYS = 180
MOST_RISING = 2 * 1440  # minutes
LONGEST_SLUG = 40
HEAVIEST_LOGO = 2 * 10**6
LOGO_SIDE = 512

# Whoever keeps promises at a wall time registers (zone) -> [Moved]: what has not begun, with the same wall time in that zone.
ON_ZONE_CHANGE = []
# Whoever lays something out by a field of the tenant registers (tenant), by the field's name.
FOLLOWERS = {}


@dataclass(frozen=True)
class Moved:
    row: Any  # a DueModel
    label: str
    due_at: datetime
    also: dict = field(default_factory=dict)

    def keep(self):
        """One that has begun in the meantime stays as it was."""
        return type(self.row).objects.filter(pk=self.row.pk, state="waiting").update(due_at=self.due_at, **self.also)


def moved_by(zone):
    """What a change to this zone will move, soonest first."""
    return sorted((each for room in ON_ZONE_CHANGE for each in room(zone)), key=lambda each: each.due_at)


@transaction.atomic
def change(tenant, wanted, *, by, seen=None):
    """Returns the tenant as it is now and what the changed fields held before."""
    wanted = {name: CHECKS[name](tenant, value) for name, value in wanted.items()}
    try:
        with transaction.atomic():
            tenant, before = changes.change(tenant, wanted, KINDS, by=by, seen=seen)
    except IntegrityError:  # another community was given the slug at this very moment
        raise _taken(wanted["slug"]) from None
    if "time_zone" in before:
        for each in moved_by(tenant.zone):
            each.keep()
    for name in before:
        if name in FOLLOWERS:
            FOLLOWERS[name](tenant)
    return tenant, before


# What each field may hold


def _refused(name, sentence, code, **more):
    return Refused(sentence, code=code, status=400, field=name, **more)


def _name(tenant, name):
    name = " ".join(str(name).split())
    if not name or len(name) > 80:
        raise _refused("name", _("A name of one to 80 characters, please."), "name_missing" if not name else "name_too_long")
    return name


def _slug(tenant, slug):
    slug = str(slug).strip().lower()
    if slug == tenant.slug:
        return slug
    if not re.fullmatch(SLUG, slug) or len(slug) > LONGEST_SLUG:
        sentence = _("Small letters, digits and hyphens between them, 40 at most.")
        raise _refused("slug", sentence, "slug_malformed", proposal=free_slug(slug or tenant.name))
    if slug in RESERVED:
        sentence = _("“%(slug)s” is used by the house itself.") % {"slug": slug}
        raise _refused("slug", sentence, "slug_reserved", proposal=free_slug(slug))
    if Tenant.objects.filter(slug=slug).exclude(pk=tenant.pk).exists():
        raise _taken(slug)
    return slug


def _taken(slug):
    return Refused(_("Another community has “%(slug)s”.") % {"slug": slug}, code="slug_taken", field="slug", proposal=free_slug(slug))


def free_slug(words):
    """One that is neither taken nor reserved, as near to these words as can be."""
    stem = slugify("".join(pinyin.syllables(str(words))))[: LONGEST_SLUG - 6].strip("-_").replace("_", "-") or "community"
    taken = set(Tenant.objects.filter(slug__startswith=stem).values_list("slug", flat=True)) | RESERVED
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


def _language(tenant, language):
    if language not in Tenant.Language.values:
        raise _refused("language", _("One of these two languages, please: zh-hans or en."), "no_such_language")
    return language


def _time_zone(tenant, zone):
    known = zoneinfo.available_timezones()
    if zone in known:
        return zone
    near = difflib.get_close_matches(str(zone).replace(" ", "_"), known, n=1, cutoff=0.5)
    sentence = _("There is no time zone “%(zone)s”.") % {"zone": str(zone)[:40]}
    raise _refused("time_zone", sentence, "no_such_zone", proposal=near[0] if near else "Asia/Shanghai")


def _currency(tenant, currency):
    currency = str(currency).strip().upper()
    if currency not in places.currency_codes() and currency != tenant.currency:
        raise _refused("currency", _("A currency by its three letters, such as CNY."), "no_such_currency", proposal="CNY")
    return currency


def _country(tenant, country):
    country = str(country).strip().upper()
    if country not in places.country_codes() and country != tenant.country:
        raise _refused("country", _("A country by its two letters, such as CN."), "no_such_country", proposal="CN")
    return country


def _colour(tenant, colour):
    """Empty: the house's own."""
    colour = str(colour).strip().lower()
    if not colour:
        return ""
    if not re.fullmatch("#[0-9a-f]{6}", colour):
        raise _refused("colour", _("A colour such as #0b6e78."), "colour_malformed", proposal="#0b6e78")
    if colours.ink_on(colour) is None:
        sentence = _("Neither black nor white words can be read on this colour.")
        raise _refused("colour", sentence, "colour_unreadable", proposal=colours.nearest_readable(colour))
    return colour


def _tasks_a_day(tenant, number):
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MOST_TASKS_A_DAY:
        sentence = _("A number from 1 to %(most)s.") % {"most": f"{MOST_TASKS_A_DAY:,}"}
        raise _refused("tasks_a_day", sentence, "out_of_range", proposal=tenant.tasks_a_day)
    return number


def _renewal_days(tenant, number):
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MOST_RENEWAL_DAYS:
        sentence = _("A number from 1 to %(most)s.") % {"most": MOST_RENEWAL_DAYS}
        raise _refused("renewal_days", sentence, "out_of_range", proposal=tenant.renewal_days)
    return number


def _rises_after(tenant, minutes):
    """Three numbers, each at least as large as the one before it."""
    numbers = list(minutes) if isinstance(minutes, list | tuple) else []
    if len(numbers) != 3 or any(not isinstance(each, int) or isinstance(each, bool) or not 0 <= each <= MOST_RISING for each in numbers):
        sentence = _("Three numbers of minutes, each from 0 to %(most)s.") % {"most": f"{MOST_RISING:,}"}
        raise _refused("rises_after", sentence, "out_of_range")
    if numbers != sorted(numbers):
        raise _refused("rises_after", _("Each of the three comes no earlier than the one before it."), "not_in_order")
    return numbers


CHECKS = {
    "name": _name, "slug": _slug, "language": _language, "time_zone": _time_zone, "currency": _currency, "country": _country,
    "colour": _colour, "tasks_a_day": _tasks_a_day, "renewal_days": _renewal_days, "rises_after": _rises_after,
}  # fmt: skip


# The logo: a file of the tenant's. The one before stays until the next change, so that a change can be taken back


@transaction.atomic
def set_logo(tenant, upload, *, by):
    """Returns the ids of the logo before and of the new one, as codes."""
    files.check(upload, most=HEAVIEST_LOGO, types=files.SHOWN)
    logo = files.keep(pictures.as_png(upload, side=LOGO_SIDE), "logo", by=by, most=HEAVIEST_LOGO)
    return _wear(tenant, logo.pk, by), str(logo.pk)


@transaction.atomic
def remove_logo(tenant, *, by):
    if tenant.logo is None:
        raise Refused(_("There is no logo to take away."), code="no_logo")
    return _wear(tenant, None, by)


@transaction.atomic
def take_back(tenant, before, after, *, by):
    """What a change did is undone, if nothing was changed since."""
    if "logo" not in before:
        return change(tenant, before, by=by, seen=after)
    row = Tenant.objects.get(pk=tenant.pk)
    old = as_uuid(before["logo"])
    if changes.code(row.logo) != after["logo"] or (old and not File.objects.filter(pk=old, kind="logo").exists()):
        raise Refused(_("The logo was changed again since, so it stays as it is."), code="changed_meanwhile")
    _wear(tenant, old, by)
    return row, before


def _wear(tenant, pk, by):
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    old, row.logo = row.logo, pk
    row.save(update_fields=["logo"])
    for file in File.objects.filter(kind="logo").exclude(pk__in=[each for each in (old, pk) if each]):
        files.drop(file)
    kind = "tenant.logo_set" if pk else "tenant.logo_removed"
    events.note(kind, row, by=by, before={"logo": changes.code(old)}, after={"logo": changes.code(pk)})
    return changes.code(old)


def logo_of(tenant_id, file_id):
    """The file of a community's logo. Any other file of it is none."""
    wears = Tenant.objects.filter(pk=as_uuid(tenant_id), logo=as_uuid(file_id)).exclude(logo=None).exists()
    return File.objects.filter(pk=file_id, kind="logo").first() if wears else None


def as_uuid(text):
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


for _kind, _words, _icon in [
    ("tenant.named", gettext_lazy("Gave the community another name"), "pencil"),
    ("tenant.moved", gettext_lazy("Moved the community to the address /%(slug)s/"), "link"),
    ("tenant.language_set", gettext_lazy("Set the community's language to %(language)s"), "language"),
    ("tenant.zone_set", gettext_lazy("Set the time zone to %(time_zone)s"), "clock"),
    ("tenant.currency_set", gettext_lazy("Set the currency to %(currency)s"), "coins"),
    ("tenant.country_set", gettext_lazy("Set the country to %(country)s"), "world"),
    ("tenant.colour_set", gettext_lazy("Chose the colour %(colour)s"), "photo"),
    ("tenant.limit_set", gettext_lazy("Set the most tasks a day for one assistant to %(tasks_a_day)s"), "adjustments"),
    ("tenant.renewal_days_set", gettext_lazy("Has renewal asked about %(renewal_days)s days before a term ends"), "calendar-event"),
    ("tenant.rises_after_set", gettext_lazy("Set after how many minutes a late task rises: %(rises_after)s"), "bell"),
    ("tenant.logo_set", gettext_lazy("Gave the community a new logo"), "photo"),
    ("tenant.logo_removed", gettext_lazy("Took the logo away"), "photo"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="settings")

trail.VALUES |= {
    "language": lambda code: str(Tenant.Language(code).label) if code in Tenant.Language.values else code,
    "time_zone": places.zone_name,
    "currency": places.currency_name,
    "country": places.country_name,
    "colour": lambda code: code or _("of the house"),
    "rises_after": lambda minutes: ", ".join(f"{each:,}" for each in minutes),
}
