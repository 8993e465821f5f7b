"""Filters and columns of the member list. A room further right adds its own in `AppConfig.ready`.

A filter says which members fit one value of `?name=value`, as a condition over Member; where several values are asked for,
any of them will do. Its `choices` is a queryset of `(value, label, count)`, all three by these names, so that the choices of
all filters are one question to the database. A filter of days or numbers has no choices but a span, `from..to`.
A column says what is read with each row, in the same question as the row, and how that is shown and exported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FILTERS = {}
COLUMNS = {}
SOURCES = []

CHOICES, DAYS, NUMBER, TEXT = "choices", "days", "number", "text"


@dataclass(frozen=True)
class Filter:
    name: str
    label: Any
    icon: str
    fits: Callable  # (value) -> a condition (Q, Exists), or None where the value means nothing
    choices: Callable | None = None  # () -> queryset with `value`, `label`, `count`
    order: int = 50
    says: Callable | None = None  # how a stored code is said; without it the label is somebody's own word
    fixed: tuple = ()  # further (value, label), not counted
    names: Callable | None = None  # (values) -> {value: label}, where a value is an id
    kind: str = CHOICES
    is_more: bool = False  # stands in the menu of further conditions

    @property
    def is_data(self):
        return self.says is None and self.kind in (CHOICES, TEXT)


@dataclass(frozen=True)
class Column:
    name: str
    label: Any
    reads: Callable  # () -> expression over Member; its value stands at the row under `name`
    draws: Callable  # (value) -> safe HTML of one cell
    exports: Callable  # (value) -> text
    order: int = 50
    beside_name: bool = False  # a mark at the avatar instead of a cell of its own


def add_filter(added):
    FILTERS[added.name] = added


def add_filters_of(source):
    """`source()` gives filters that are the tenant's own, such as those of its fields."""
    SOURCES.append(source)


def add_column(added):
    COLUMNS[added.name] = added


def filters():
    return sorted([*FILTERS.values(), *(each for source in SOURCES for each in source())], key=lambda each: each.order)


def columns():
    return sorted(COLUMNS.values(), key=lambda each: each.order)
