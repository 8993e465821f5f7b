"""Time zones, currencies and countries: their codes, and their names in the reader's language."""

import datetime
import zoneinfo
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location
from django.utils.timezone import now
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from . import pinyin

# Territories of the Unicode repository that ISO 3166 does not know as countries.
NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
REGIONS = {
    "Asia": "142", "Europe": "150", "Africa": "002", "America": "019", "Australia": "009", "Pacific": "009", "Indian": "", "Atlantic": "",
    "Antarctica": "AQ", "Arctic": "150",
}  # fmt: skip
OFTEN = {
    "zones": ["Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Europe/London", "America/New_York"],
    "currencies": ["CNY", "HKD", "TWD", "SGD", "MYR", "JPY", "USD", "EUR", "GBP"],
    "countries": ["CN", "HK", "MO", "TW", "SG", "MY", "JP", "US", "GB"],
}


def _locale():
    return _parsed("zh_Hans" if (get_language() or "").startswith("zh") else "en")


_parsed = lru_cache(Locale.parse)


@lru_cache
def zone_codes():
    """One name for each zone: not the old ones that only point to another."""
    known = zoneinfo.available_timezones()
    return frozenset(zone for zone in get_global("zone_territories") if zone in known and zone.partition("/")[0] in REGIONS) | {"UTC"}


@lru_cache
def currency_codes():
    """What is legal tender somewhere today."""
    spans = [span for spans in get_global("territory_currencies").values() for span in spans]
    return frozenset(code for code, _since, until, is_tender in spans if until is None and is_tender)


@lru_cache
def country_codes():
    return frozenset(code for code in Locale("en").territories if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES)


def zone_name(code):
    """上海·UTC+8, Shanghai · UTC+8: with the hours it is ahead today."""
    return _("%(city)s · %(offset)s") % {"city": _city(code, _locale()), "offset": _offset(code)}


@lru_cache(maxsize=4096)
def _city(code, locale):
    if code == "UTC":
        return "UTC"
    city = locale.time_zones.get(code, {}).get("city")
    return city or get_timezone_location(code, locale=locale, return_city=True)


def _offset(code):
    minutes = round(now().astimezone(zoneinfo.ZoneInfo(code)).utcoffset() / datetime.timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return "UTC" + (f"{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "")


def currency_name(code):
    return _named(code, _locale().currencies)


def country_name(code):
    return _named(code, _locale().territories)


def _named(code, names):
    return _("%(name)s (%(code)s)") % {"name": names.get(code, code), "code": code}


# Choices for selects: the usual ones first, then all in the order of the reader's language


def zones(also):
    """By region; `also` is there in any case, an old name of a zone included."""
    return _zones(_locale(), also, now().replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=64)
def _zones(locale, also, hour):
    """Their clocks change, so the list is good for an hour."""
    offsets = {code: hour.astimezone(zoneinfo.ZoneInfo(code)).utcoffset() for code in zone_codes() | {also}}
    regions = {}
    for code in sorted(offsets, key=lambda code: (offsets[code], _city(code, locale))):
        regions.setdefault(REGIONS.get(code.partition("/")[0], ""), []).append((code, zone_name(code)))
    named = {region: locale.territories[region] if region else _("Oceans and others") for region in regions}
    order = sorted(regions, key=lambda region: (not region, named[region]))
    often = [(code, zone_name(code)) for code in OFTEN["zones"]]
    return [(_("Often chosen"), often), *((named[region], regions[region]) for region in order)]


def currencies(also):
    return _with_often(OFTEN["currencies"], currency_codes() | {also}, currency_name)


def countries(also):
    return _with_often(OFTEN["countries"], country_codes() | {also}, country_name)


def _with_often(often, codes, name):
    everything = sorted(((code, name(code)) for code in codes), key=lambda choice: _sorted_as(choice[1]))
    return [(_("Often chosen"), [(code, name(code)) for code in often]), (_("All"), everything)]


@lru_cache(maxsize=4096)
def _sorted_as(name):
    return "".join(pinyin.syllables(name)).lower()
