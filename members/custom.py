"""Fields that the tenant defines: what may stand in one, how it is shown, and the verbs that change the fields themselves."""

import datetime
import re

from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

from .files.dates import Dates
from .handles import plain
from .models import CustomField

Kind = CustomField.Kind
WITH_CHOICES = (Kind.CHOICE, Kind.CHOICES)
MOST_CHOICES = 100
LONGEST_NAME, LONGEST_CHOICE, LONGEST_TEXT = 40, 60, 2000
PARTS = re.compile(r"[、,;/|\n\t]+")
NUMBER = re.compile(r"[+-]?\d[\d,. ']*", re.ASCII)
TIMES = {"万": 10_000, "亿": 100_000_000, "k": 1000}
LARGEST = 1e15


def fields():
    """Those in use, in their order."""
    return list(CustomField.objects.filter(retired_at=None).order_by("place", "id"))


def asked():
    """Those that newcomers are asked for in their introduction."""
    return list(CustomField.objects.filter(retired_at=None, is_asked=True).order_by("place", "id"))


# What stands in one


def clean(field, value, dates=None):
    """The value as `Member.custom` keeps it; None for nothing. `dates` reads a file's dates in that file's order."""
    if isinstance(value, str):
        value = value.replace("\0", "").strip() if field.kind == Kind.TEXT else plain(value.replace("\0", ""))
    if value is None or value == "" or value == []:
        return None
    return READS[field.kind](field, value, dates)


def shown(field, value):
    if value is None or value == "":
        return ""
    if field.kind == Kind.CHOICES and isinstance(value, list):
        return _(", ").join(map(str, value))
    if field.kind == Kind.NUMBER and isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) or not value.is_integer() else f"{int(value):,}"
    return str(value)


def _malformed(field, sentence):
    return Refused(sentence, code="custom_malformed", status=400, field=str(field.pk))


def _text(field, value, dates):
    text = str(value)
    if len(text) > LONGEST_TEXT:
        raise _malformed(field, _("At most %(most)s characters, please.") % {"most": f"{LONGEST_TEXT:,}"})
    return text


def _number(field, value, dates):
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else _number_in(str(value))
    if number is None or not -LARGEST < number < LARGEST:
        raise _malformed(field, _("“%(value)s” is no number.") % {"value": short(value)})
    return int(number) if float(number).is_integer() else number


def _number_in(text):
    """1,234.5 and 1.234,5 and ¥1 234 and 1.2万; None where it is none."""
    text = text.lower().strip(" ¥$€元")
    times = next((factor for end, factor in TIMES.items() if text.endswith(end)), 1)
    text = text.rstrip("".join(TIMES)).strip()
    if not NUMBER.fullmatch(text):
        return None
    text = re.sub(r"[ ']", "", text)
    point = max(text.rfind(","), text.rfind("."))
    commas, points = text.count(","), text.count(".")
    if commas and not points and re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text):
        point = -1  # they part thousands
    elif commas + points > 1 and not (commas and points):
        point = -1
    whole, rest = (text, "") if point < 0 else (text[:point], text[point + 1 :])
    whole = re.sub("[,.]", "", whole)
    try:
        number = float(f"{whole}.{rest}") if rest else int(whole)
    except ValueError:
        return None
    return round(number * times, 6) if times > 1 else number


def _date(field, value, dates):
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        found = (dates or Dates([str(value)])).read(str(value))
    except ValueError:
        raise _malformed(field, _("“%(value)s” is no day.") % {"value": short(value)}) from None
    return found.isoformat() if found else None


def _choice(field, value, dates):
    found = _among(field, str(value))
    if found is None:
        raise _no_choice(field, value)
    return found


def _choices(field, value, dates):
    """Several in a text are parted by the usual separators, or by blanks where no choice has one."""
    texts = [str(each) for each in value] if isinstance(value, list | tuple | set) else _parts(field, str(value))
    found = []
    for text in filter(None, map(str.strip, texts)):
        choice = _among(field, text)
        if choice is None:
            raise _no_choice(field, text)
        found.append(choice)
    return sorted(set(found), key=field.choices.index) or None


def _parts(field, text):
    if _among(field, text) is not None:
        return [text]
    parts = [part.strip() for part in PARTS.split(text)]
    return [each for part in parts for each in ([part] if _among(field, part) is not None else part.split())]


def _among(field, text):
    wanted = plain(text).casefold()
    return next((choice for choice in field.choices if plain(choice).casefold() == wanted), None)


def _no_choice(field, value):
    words = {"value": short(value), "choices": _(", ").join(field.choices)}
    return _malformed(field, _("“%(value)s” is none of the choices: %(choices)s.") % words)


def short(value):
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "…"


READS = {Kind.TEXT: _text, Kind.NUMBER: _number, Kind.DATE: _date, Kind.CHOICE: _choice, Kind.CHOICES: _choices}
