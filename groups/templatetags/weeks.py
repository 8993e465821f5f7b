"""Days and slots of the week calendar."""

from django import template
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import pgettext_lazy

from ..names import short
from ..pairs import minutes_of

register = template.Library()

WEEKDAYS = [
    pgettext_lazy("short weekday", "Mon"),
    pgettext_lazy("short weekday", "Tue"),
    pgettext_lazy("short weekday", "Wed"),
    pgettext_lazy("short weekday", "Thu"),
    pgettext_lazy("short weekday", "Fri"),
    pgettext_lazy("short weekday", "Sat"),
    pgettext_lazy("short weekday", "Sun"),
]


@register.filter
def weekday(day):
    """Tue, 周二; of a day, or of its number with Monday as 0."""
    return WEEKDAYS[day if isinstance(day, int) else day.weekday()]


@register.filter
def wall(moment):
    """A wall time is kept as if in UTC; read so, it is not put into a zone a second time."""
    return moment.replace(tzinfo=None)


@register.filter
def with_days(row, days):
    """Day by day: its slots, and the talks that somebody handed out."""
    return [(day, entries, row.talks.get(day, ())) for day, entries in zip(days, row.days, strict=True)]


@register.filter
def with_packet(task):
    """Minutes of a talk and of its red packet."""
    return minutes_of(task)


@register.filter
def short_of(group):
    """7群 where the groups of its matrix are alike."""
    return short(group.number, group.name, group.matrix.is_reshuffled)


@register.filter
def add_id(kind, row):
    """`group:` and its id, as a select says for whom something is."""
    return f"{kind}{row.pk}"


@register.filter
def id_of(entry):
    return f"at-{entry.slot.pk}-{entry.group.pk}-{entry.day.isoformat()}"


@register.filter
def panel_of(entry, week):
    """The address of the calendar with this slot at its side."""
    asked = {"week": week.monday.isoformat(), "group": entry.group.pk}
    if entry.occurrence:
        asked["once"] = entry.occurrence.pk
    return f"{reverse('groups:slot', args=[entry.slot.pk])}?{urlencode(asked)}#chosen"
