"""Dates in the forms people and programs write, under one convention per file."""

# ruff: noqa: SIM905 (lists to be read)

import re
from contextlib import suppress
from datetime import date, timedelta

from members.handles import plain

CLOCK = r"(?:\s*T?\s*(?:上午|下午|am|pm)?\s*\d{1,2}\s*[:时点]\s*\d{1,2}.*)?"
WEEKDAY = r"(?:\s*\(?(?:星期|周|礼拜)[一二三四五六日天]\)?)?"
BETWEEN = r"\s*[-/.年月_,\s–—]\s*"
YEAR_FIRST = re.compile(
    rf"(\d{{4}}){BETWEEN}(\d{{1,2}}){BETWEEN}(\d{{1,2}})\s*[日号]?{WEEKDAY}{CLOCK}", re.ASCII | re.IGNORECASE
)
COMPACT = re.compile(rf"(\d{{4}})(\d\d)(\d\d){CLOCK}", re.ASCII | re.IGNORECASE)
YEAR_ELSEWHERE = re.compile(
    rf"(\d{{1,2}})\s*([-/.,\s年])\s*(\d{{1,2}})\s*[-/.,\s月]\s*(\d{{4}}|\d{{1,2}})日?{CLOCK}", re.ASCII | re.IGNORECASE
)
MONTH_NAME = re.compile(r"([a-z]{3,9})\.?", re.IGNORECASE)
DAY_SUFFIX = re.compile(r"(?<=\d)(st|nd|rd|th)\b", re.IGNORECASE)
MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)}
SERIAL = re.compile(r"\d{5}", re.ASCII)
NO_END = frozenset("永久 长期 终身 终生 无限期 永久有效 长期有效 不限 forever lifetime never".split())
ORDERS = {"ymd": (0, 1, 2), "mdy": (2, 0, 1), "dmy": (2, 1, 0)}


class Dates:
    """Reads a file's dates. Whether its 1/2/2025 is a day in January or in February is found from all of them."""

    def __init__(self, values, order=None):
        """`order` is one of ORDERS where somebody said it."""
        self.seen = {}
        found = {value: numbers for value in set(values) if (numbers := _year_elsewhere(plain(value)))}
        self.order, self.doubtful = _order_of(set(found.values()))
        if order in ORDERS:
            self.order, self.doubtful = order, False
        # One by which the order shows: 1/2/2025 rather than 1/1/2025.
        self.example = min(found, key=lambda value: (found[value][0] == found[value][1], value), default="")

    def read(self, value):
        """The date, None where there is none; ValueError where the calendar has no such day."""
        if value not in self.seen:
            self.seen[value] = self._read(plain(value))
        found = self.seen[value]
        if found is ValueError:
            raise ValueError(value)
        return found

    def _read(self, text):
        if not text or text.lower() in NO_END:
            return None
        try:
            if found := YEAR_FIRST.fullmatch(text) or COMPACT.fullmatch(text):
                return _day(*map(int, found.groups()))
            if (
                SERIAL.fullmatch(text) and 36526 <= int(text) < 73051
            ):  # a date Excel forgot to draw as one; 2000 to 2099
                return date(1899, 12, 30) + timedelta(int(text))
            if found := _named_month(text):
                return _day(*found)
            if found := _year_elsewhere(text):
                return _in_order(found, self.order)
        except ValueError:
            pass
        return ValueError


def _order_of(numbers):
    """The order that suits a file's dates best, and whether a second one suits them as well."""
    if not numbers:
        return "ymd", False
    suits = {order: _suits(numbers, order) for order in ORDERS}
    best = [order for order in ORDERS if suits[order] == max(suits.values())]
    # Slashes come from American Excel more often than not, dots and hyphens from elsewhere.
    slashes = any(found[3] == "/" for found in numbers)
    preferred = ("ymd", "mdy", "dmy") if slashes else ("ymd", "dmy", "mdy")
    return next(order for order in preferred if order in best), len(best) > 1


def _suits(numbers, order):
    """How many dates can be read in this order, how many then lie in our time, and how near they are to each other."""
    years = []
    for found in numbers:
        with suppress(ValueError):
            years.append(_in_order(found, order).year)
    return len(years), sum(2010 < year < 2050 for year in years), min(years, default=0) - max(years, default=0)


def _in_order(found, order):
    year, month, day = (found[at] for at in ORDERS[order])
    if (order == "ymd" and (found[2] > 99 or year > 99)) or (order != "ymd" and found[3] == "年"):
        raise ValueError(found)
    return _day(year if year > 99 else 2000 + year, month, day)


def _year_elsewhere(text):
    """Three numbers and what stands between them, where the first is not a year of four digits."""
    found = YEAR_ELSEWHERE.fullmatch(text)
    return (int(found[1]), int(found[3]), int(found[4]), found[2]) if found else None


def _named_month(text):
    """2 Jan 2025, Jan 2, 2025 and 2025-Jan-02."""
    named = MONTH_NAME.search(text)
    month = named and MONTHS.get(named[1][:3].lower())
    numbers = re.findall(r"\d+", DAY_SUFFIX.sub("", text.split(":")[0]), re.ASCII)[:3]
    if not month or len(numbers) < 2:
        return None
    first, second = map(int, numbers[:2])
    year, day = (first, second) if len(numbers[0]) == 4 else (second, first)
    return (year if year > 99 else 2000 + year), month, day


def _day(year, month, day):
    if year < 1900:
        raise ValueError(year)
    return date(year, month, day)
