"""What the community costs in hands: minutes planned and done, by week, by group, by practice and by assistant.

A task counts in the week in which it is due. What is laid out for this week and not handed out yet is planned, too.
"""

import datetime
from collections import Counter
from dataclasses import dataclass, field

from django.db.models import F, Q, Sum
from django.db.models.functions import TruncWeek

from .calendar import instant
from .models import Occurrence, Slot, Task

A_WEEK = datetime.timedelta(days=7)
WEEKS = 5  # this one and four before it
LABELS = dict(Task.Kind.choices) | dict(Slot.Practice.choices)


@dataclass
class Effort:
    """Minutes, planned and done."""

    planned: int = 0
    done: int = 0

    def add(self, planned, done):
        self.planned += planned
        self.done += done

    @property
    def share(self):
        return round(100 * self.done / self.planned) if self.planned else 0


@dataclass
class Efforts:
    """Of these weeks, the present one first: each week, and over all of them each practice; of the present one each assistant."""

    weeks: dict
    practices: dict = field(default_factory=dict)
    assistants: dict = field(default_factory=dict)

    @property
    def this_week(self):
        return next(iter(self.weeks.values()))

    @property
    def most(self):
        """The longest bar."""
        return max(1, *(week.planned for week in self.weeks.values()))

    @property
    def is_any(self):
        return any(week.planned for week in self.weeks.values())


def monday_of(day):
    return day - datetime.timedelta(days=day.weekday())


def of(tenant, *, group=None, weeks=WEEKS):
    """Of one group or of all, by two questions."""
    monday = monday_of(tenant.today())
    mondays = [monday - back * A_WEEK for back in range(weeks)]
    found = Efforts({each: Effort() for each in mondays})
    rows = [*_of_tasks(tenant, group, mondays[-1], monday + A_WEEK), *_laid_out(tenant, group, monday)]
    for row in rows:
        minutes = row["planned"], row["done"] or 0
        found.weeks[row["week"]].add(*minutes)
        found.practices.setdefault(LABELS[row["practice"] or row["kind"]], Effort()).add(*minutes)
        if row["week"] == monday:
            found.assistants.setdefault(row["seat"], Effort()).add(*minutes)
    found.practices = dict(sorted(found.practices.items(), key=lambda pair: -pair[1].planned))
    return found


def _of_tasks(tenant, group, since, until):
    edges = [instant(datetime.datetime.combine(day, datetime.time(0)), tenant.zone) for day in (since, until)]
    tasks = Task.objects.exclude(state=Task.State.WITHDRAWN).filter(due_at__gte=edges[0], due_at__lt=edges[1])
    tasks = tasks.filter(group=group) if group else tasks
    by_week = tasks.order_by().values("kind", seat=F("assistant"), practice=F("occurrences__slot__practice"), week=_week(tenant))
    rows = by_week.annotate(planned=Sum("minutes"), done=Sum("minutes", filter=Q(state=Task.State.DONE)))
    return [row | {"week": row["week"].date()} for row in rows]


def _week(tenant):
    return TruncWeek("due_at", tzinfo=tenant.zone)


def _laid_out(tenant, group, monday):
    """What waits for its hour, in the hands of the group's assistant."""
    edges = [datetime.datetime.combine(day, datetime.time(0), datetime.UTC) for day in (monday, monday + A_WEEK)]
    waiting = Occurrence.objects.filter(state=Occurrence.State.WAITING, wall_time__gte=edges[0], wall_time__lt=edges[1])
    waiting = waiting.filter(group=group) if group else waiting
    sums = waiting.order_by().values(practice=F("slot__practice"), seat=F("group__assistant")).annotate(planned=Sum("slot__minutes"))
    return [row | {"kind": Task.Kind.SLOT, "done": 0, "week": monday} for row in sums]


def of_seat(seat, days):
    """What one has done in so many days: {practice: {"done": how many, "minutes": …}}, most work first; by one question."""
    since = seat.tenant.today() - datetime.timedelta(days=days - 1)
    ended = Task.objects.of(seat).filter(
        state=Task.State.DONE, ended_at__gte=instant(datetime.datetime.combine(since, datetime.time(0)), seat.tenant.zone)
    )
    done = Counter()
    minutes = Counter()
    for kind, practice, each in ended.order_by().values_list("kind", "occurrences__slot__practice", "minutes"):
        done[LABELS[practice or kind]] += 1
        minutes[LABELS[practice or kind]] += each
    return {label: {"done": done[label], "minutes": number} for label, number in minutes.most_common()}
