"""What may be chosen above the list of members: each filter with its choices, and what is chosen."""

from dataclasses import dataclass, field

from django.db.models import Value
from django.utils import timezone

from . import registry

MOST_CHOICES = 200


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count: int | None
    is_set: bool = False


@dataclass
class Menu:
    """One filter with what may be chosen."""

    filter: registry.Filter
    values: list
    choices: list = field(default_factory=list)

    @property
    def is_shown(self):
        return bool(self.choices) or self.filter.kind != registry.CHOICES or self.filter.choices is None

    @property
    def fixed(self):
        return [Choice(value, label, None, value in self.values) for value, label in self.filter.fixed]

    @property
    def ends(self):
        first, _dots, last = (self.values[0] if self.values else "").partition("..")
        return {"first": first, "last": last}


@dataclass(frozen=True)
class Chip:
    """One value of one filter as it stands above the list."""

    filter: registry.Filter
    value: str
    label: str
    without: str  # the address without it


ASKED, MOST_ASKED = {}, 200  # {day and filters: their choices as one question}, and how many of them are kept


def all_choices(filters):
    """Put together once for a day and these filters; whose members are counted is decided when it is asked."""
    key = timezone.localdate(), tuple(each.name for each in filters)
    if key not in ASKED:
        if len(ASKED) >= MOST_ASKED:
            ASKED.clear()
        each_one = [
            each.choices().annotate(filter=Value(each.name)).values_list("filter", "value", "label", "count")[:MOST_CHOICES]
            for each in filters
        ]
        ASKED[key] = each_one[0].union(*each_one[1:], all=True)
    return ASKED[key].all()


def keep_chosen(menu):
    """What is chosen stands in its menu, though few have it."""
    there = {choice.value for choice in menu.choices} | {value for value, _label in menu.filter.fixed}
    missing = [value for value in menu.values if value not in there] if menu.filter.kind == registry.CHOICES else []
    named = menu.filter.names(missing) if menu.filter.names and missing else {}
    for value in missing:
        said = named.get(value) or (menu.filter.says(value) if menu.filter.says else value)
        menu.choices.insert(0, Choice(value, said, None, True))
