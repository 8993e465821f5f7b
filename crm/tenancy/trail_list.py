"""The trail as an address asks for it: conditions, what they find, and what to drop where they find nothing."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import rights, trail
from .models import Event, Seat
from .pages import SIZE
from .scope import active_tenant

NOBODY = "none"
EPOCH, MICROSECOND = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(microseconds=1)
YEARS = range(1971, 2200)
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Condition:
    name: str  # in the address
    label: Any
    says: Any  # its value, for people
    narrows: Any  # from the facts to fewer of them
    is_data: bool = False  # a name, which is not translated


class TrailList:
    """Who may see their own acts alone gets those alone, whatever the address asks for."""

    LABELS = {
        "topic": gettext_lazy("About"),
        "door": gettext_lazy("Door"),
        "seat": gettext_lazy("Who"),
        "member": gettext_lazy("Member"),
        "subject": gettext_lazy("Thing"),
        "from": gettext_lazy("From"),
        "to": gettext_lazy("To"),
    }

    def __init__(self, asked, seat):
        self.seat = seat
        self.chosen = {name: asked.get(name, "").strip()[:80] for name in self.LABELS}
        self.before = asked.get("before", "")
        self.sees_everybody = rights.sees_all(seat, "trail")
        self.faults = []
        self.conditions = {name: Condition(name, self.LABELS[name], *made) for name in self.LABELS if (made := self._condition(name))}

    @cached_property
    def seats(self):
        return {seat.pk: seat for seat in Seat.objects.filter(tenant=active_tenant()).select_related("user").owner_first()}

    # What was asked for, in words and as a filter

    def _condition(self, name):
        value = self.chosen[name]
        return getattr(self, f"_by_{name}")(value) if value else None

    def _by_topic(self, code):
        kinds = trail.kinds_of(code)
        if code == "other":
            kinds += [kind for kind in Event.objects.kinds() if kind not in trail.SENTENCES]
        return trail.TOPICS.get(code, code), lambda found: found.filter(kind__in=kinds)

    def _by_door(self, code):
        return dict(Event.Door.choices).get(code, code), lambda found: found.filter(door=code)

    def _by_seat(self, asked):
        if asked == NOBODY:
            return _("nobody"), lambda found: found.filter(seat=None)
        seat = self.seats.get(_uuid(asked))
        return (seat, lambda found: found.filter(seat=seat), True) if seat else (asked, lambda found: found.none())

    def _by_member(self, asked):
        member = _uuid(asked)
        return self._named("member", member), lambda found: found.about_member(member) if member else found.none(), True

    def _by_subject(self, asked):
        """Also what happened to its parts: to a reshuffle belong its plans and waves."""
        kind, _colon, pk = asked.rpartition(":")
        pk = _uuid(pk)
        return self._named(kind, pk), lambda found: found.filter(subject__in=trail.with_parts(kind, pk)) if pk else found.none(), True

    def _named(self, kind, pk):
        names = trail.NAMES[kind]([pk]) if pk and kind in trail.NAMES else {}
        return names.get(pk) or _("one thing")

    def _by_from(self, asked):
        day = self._day(asked)
        return day and (day.isoformat(), lambda found: found.filter(at__gte=_begins(day)))

    def _by_to(self, asked):
        day = self._day(asked)
        return day and (day.isoformat(), lambda found: found.filter(at__lt=_begins(day + datetime.timedelta(days=1))))

    def _day(self, asked):
        try:
            day = datetime.date.fromisoformat(asked)
        except ValueError:
            day = None
        if day is None or day.year not in YEARS:
            self.faults.append(_("“%(day)s” is no day. Write it as 2026-11-24.") % {"day": asked})
            return None
        return day

    # What is found

    @property
    def address(self):
        """What stands behind the question mark, without what was left empty."""
        return urlencode({name: value for name, value in {**self.chosen, "before": self.before}.items() if value})

    @cached_property
    def everything(self):
        found = Event.objects.newest_first()
        return found if self.sees_everybody else found.filter(seat=self.seat)

    @cached_property
    def found(self):
        return self._without(None)

    def _without(self, dropped):
        found = self.everything
        for name, condition in self.conditions.items():
            if name != dropped:
                found = condition.narrows(found)
        return found

    @cached_property
    def total(self):
        """As many as are worth counting while a page is looked at: of more it is said that they are more."""
        return self.found.order_by()[: MOST_COUNTED + 1].count()

    @property
    def is_more(self):
        return self.total > MOST_COUNTED

    @cached_property
    def _page(self):
        return list(after(self.found, self.before)[: SIZE + 1])

    @cached_property
    def told(self):
        return trail.told(self._page[:SIZE], self.seats)

    @cached_property
    def undoable(self):
        return trail.undoable(self._page[:SIZE], self.seat)

    @property
    def days(self):
        days = {}
        for each in self.told:
            days.setdefault(timezone.localdate(each.at), []).append(each)
        return days

    @property
    def older(self):
        """The mark of the next page; empty on the last one."""
        return mark(self._page[SIZE - 1]) if len(self._page) > SIZE else ""

    @property
    def is_newest(self):
        return not self.before

    @cached_property
    def ways_out(self):
        """Where nothing is found: the conditions that stand in the way alone, with how many facts dropping each brings."""
        brings = [(condition, self._without(name).order_by()[: MOST_COUNTED + 1].count()) for name, condition in self.conditions.items()]
        return [{"condition": condition, "brings": min(n, MOST_COUNTED), "is_more": n > MOST_COUNTED} for condition, n in brings if n]


def _uuid(text):
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _begins(day):
    """Midnight of the tenant's clock, which the request has set."""
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time()))


def mark(event):
    """Where the next page begins: moment and id, since several facts may share a moment."""
    return f"{(event.at - EPOCH) // MICROSECOND}_{event.pk}"


def after(found, mark):
    moment, _line, pk = mark.partition("_")
    try:
        at, pk = EPOCH + int(moment) * MICROSECOND, uuid.UUID(pk)
    except (ValueError, OverflowError):
        return found
    return found.filter(Q(at__lt=at) | Q(pk__lt=pk), at__lte=at)
