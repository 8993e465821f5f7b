"""Everything that happened to one person, newest first: the facts of the trail, and what was so before anybody noted facts.

A room whose rows know more than its facts say registers `@timeline.knows("groups")`: a function of the member that gives `Known`.
"""

import datetime
from collections import Counter
from dataclasses import dataclass, replace

from django.db.models import Count
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from crm.tenancy import trail
from crm.tenancy.models import Event
from crm.tenancy.trail_list import after, mark

from . import merging
from .models import ImportedRow

SIZE = 20
KNOWS = []


@dataclass(frozen=True)
class Known:
    """One line that no fact tells. Of a day alone it is known that it was that day."""

    at: datetime.datetime
    sentence: str
    icon: str
    tone: str = ""
    why: str = ""
    who: str = ""
    url: str = ""
    is_day: bool = False
    undo: str = ""


def of_day(day, sentence, icon, **more):
    at = timezone.make_aware(datetime.datetime.combine(day, datetime.time()))
    return Known(at, str(sentence), icon, is_day=True, **more)


def knows(topic):
    def register(function):
        KNOWS.append((topic, function))
        return function

    return register


class Timeline:
    def __init__(self, member, asked, links=None):
        """`links` says of facts {id: link that takes it back}, for whoever may."""
        self.member, self.links = member, links or (lambda facts: {})
        self.topic = asked.get("topic", "")[:40]
        self.before = asked.get("before", "")[:80]

    @cached_property
    def _facts(self):
        return Event.objects.about_member(*merging.ids_of(self.member))

    @cached_property
    def _kinds(self):
        return dict(self._facts.order_by().values_list("kind").annotate(n=Count("pk")))

    @cached_property
    def _known(self):
        return [(topic, each) for topic, function in KNOWS for each in function(self.member)]

    @cached_property
    def topics(self):
        """Only those of which there is something: [(code, label, how many)]."""
        found = Counter(topic for topic, _each in self._known)
        for kind, number in self._kinds.items():
            found[trail.SENTENCES[kind].topic if kind in trail.SENTENCES else "other"] += number
        return [{"code": code, "label": label, "count": found[code]} for code, label in trail.TOPICS.items() if found[code]]

    @cached_property
    def _page(self):
        facts = self._facts.newest_first()
        if self.topic:
            kinds = [kind for kind in self._kinds if (trail.SENTENCES[kind].topic if kind in trail.SENTENCES else "other") == self.topic]
            facts = facts.filter(kind__in=kinds)
        return list(after(facts, self.before)[: SIZE + 1])

    @cached_property
    def lines(self):
        """The facts of this page, and between them what else is known of these days."""
        links = self.links(self._page[:SIZE])
        told = [replace(each, undo=links.get(each.event.pk, "")) for each in trail.told(self._page[:SIZE])]
        newest = _moment(self.before)
        oldest = told[-1].at if told and self.older else None
        known = [
            each
            for topic, each in self._known
            if (not self.topic or topic == self.topic) and (newest is None or each.at < newest) and (oldest is None or each.at >= oldest)
        ]
        return sorted([*told, *known], key=lambda line: line.at, reverse=True)

    @property
    def older(self):
        """What stands behind the question mark of the next page; empty on the last one."""
        if len(self._page) <= SIZE:
            return ""
        return urlencode({name: value for name, value in {"topic": self.topic, "before": mark(self._page[SIZE - 1])}.items() if value})

    @property
    def is_first(self):
        return not self.before


def _moment(text):
    moment, _line, _pk = text.partition("_")
    try:
        return datetime.datetime.fromtimestamp(int(moment) / 10**6, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None


@knows("people")
def _joined(member):
    if member.joined_on:
        yield of_day(member.joined_on, _("Came into the community"), "door-enter", tone="good")


@knows("people")
def _imported(member):
    for row in ImportedRow.objects.filter(member=member).select_related("job__seat__user").order_by("job__asked_at"):
        words = _("Came out of an imported file") if row.is_new else _("Brought up to date by an imported file")
        yield Known(row.job.asked_at, words, "file-import", who=str(row.job.seat or ""))
