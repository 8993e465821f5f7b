"""What the community costs in hands: minutes planned and done, by week, by group, by practice and by assistant.

A task counts in the week in which it is due. What is laid out for this week and not handed out yet is planned, too.
"""

import datetime
from collections import Counter
from dataclasses import dataclass, field

from django.db.models import CharField, DateField, F, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce, NullIf, TruncWeek

from crm.tenancy.counting import ranked

from .calendar import instant
from .models import Channel, Occurrence, Slot, Task

A_DAY = datetime.timedelta(days=1)
A_WEEK = datetime.timedelta(days=7)
WEEKS = 5  # this one and four before it
# A red packet ahead of a talk is of the talk.
PRACTICE = Coalesce(F("occurrences__slot__practice"), F("following__occurrences__slot__practice"))
LABELS = dict(Task.Kind.choices) | dict(Slot.Practice.choices)  # a talk is one practice, by the rhythm or handed out


@dataclass
class Effort:
    """Minutes, planned and done."""

    planned: int = 0
    done: int = 0
    who: str = ""

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
    """Of one group or of all, by one question."""
    monday = monday_of(tenant.today())
    mondays = [monday - back * A_WEEK for back in range(weeks)]
    found = Efforts({each: Effort() for each in mondays})
    rows = _of_tasks(tenant, group, mondays[-1], monday + A_WEEK).union(_laid_out(tenant, group, monday), all=True)
    for kind, practice, seat, who, week, planned, done in rows:
        week = week.date() if isinstance(week, datetime.datetime) else week
        found.weeks[week].add(planned, done or 0)
        found.practices.setdefault(LABELS[practice or kind], Effort()).add(planned, done or 0)
        if week == monday:
            found.assistants.setdefault(seat, Effort(who=who or "")).add(planned, done or 0)
    found.practices = dict(sorted(found.practices.items(), key=lambda pair: -pair[1].planned))
    return found


ROW = ("kind", "practice", "seat", "who", "week", "planned", "done")


def _name(seat):
    """As a seat is called, without asking for the seats anew."""
    called = (NullIf(f"{seat}__{name}", Value(""), output_field=CharField()) for name in ("name", "user__name"))
    return Coalesce(*called, f"{seat}__user__email", output_field=CharField())


def _due(tenant, since, until):
    due = {"due_at__gte": _midnight(since, tenant), "due_at__lt": _midnight(until, tenant)}
    return Task.objects.exclude(state=Task.State.WITHDRAWN).filter(**due)


def _waiting(since, until):
    """What waits for its hour, in the hands of the group's assistant; what a robot sends costs nobody a minute."""
    edges = [datetime.datetime.combine(day, datetime.time(0), datetime.UTC) for day in (since, until)]
    waiting = Occurrence.objects.filter(state=Occurrence.State.WAITING, wall_time__gte=edges[0], wall_time__lt=edges[1])
    robots = Channel.objects.open().filter(state=Channel.State.ON)
    return waiting.exclude(slot__given=Slot.Given.ROBOT, group__in=robots.values("group"))


def _week_of_task(tenant):
    return TruncWeek("due_at", tzinfo=tenant.zone, output_field=DateField())


def _of_tasks(tenant, group, since, until):
    tasks = _due(tenant, since, until)
    tasks = tasks.filter(group=group) if group else tasks
    week = _week_of_task(tenant)
    by_week = tasks.order_by().values("kind", practice=PRACTICE, seat=F("assistant"), who=_name("assistant"), week=week)
    done = Sum("minutes", filter=Q(state=Task.State.DONE))
    return by_week.annotate(planned=Sum("minutes"), done=done).values_list(*ROW)


def _laid_out(tenant, group, monday):
    waiting = _waiting(monday, monday + A_WEEK)
    waiting = waiting.filter(group=group) if group else waiting
    same = {"kind": Value(str(Task.Kind.SLOT)), "week": Value(monday, output_field=DateField())}
    by_practice = waiting.order_by().values(
        practice=F("slot__practice"), seat=F("group__assistant"), who=_name("group__assistant"), **same
    )
    return by_practice.annotate(planned=Sum("slot__minutes"), done=Value(0)).values_list(*ROW)


def _midnight(day, tenant):
    return instant(datetime.datetime.combine(day, datetime.time(0)), tenant.zone)


BY = ("week", "group", "practice", "assistant")
NOWHERE = ""  # where a task is of no group, or a group has no assistant


def sums(tenant, since, until, by, *, mine=None, **only):
    """Minutes of these days, by some of `BY`, where `only` narrows any of them and `mine` to one seat; by one question.

    Yields {each of them: …, "planned": …, "done": …} in their order. What a task is about is its practice, or else its kind.
    """
    tasks = {"group": F("group"), "assistant": F("assistant"), "week": Cast(_week_of_task(tenant), DateField())}
    tasks["practice"] = Coalesce("occurrences__slot__practice", "following__occurrences__slot__practice", "kind", output_field=CharField())
    laid_out = {"group": F("group"), "assistant": F("group__assistant"), "practice": F("slot__practice")}
    laid_out["week"] = Cast(TruncWeek("wall_time", tzinfo=datetime.UTC, output_field=DateField()), DateField())
    done = Sum("minutes", filter=Q(state=Task.State.DONE), default=0)
    due, waiting = _due(tenant, since, until + A_DAY), _waiting(since, until + A_DAY)
    if mine:
        due, waiting = due.filter(assistant=mine), waiting.filter(group__assistant=mine)
    rows = _by(due, tasks, by, only, planned_=Sum("minutes"), done_=done)
    rows = rows.union(_by(waiting, laid_out, by, only, planned_=Sum("slot__minutes"), done_=Value(0)), all=True)
    found = {}
    for *key, planned, done in rows:
        found.setdefault(tuple(each or None for each in key), Effort()).add(planned, done)
    for key in sorted(found, key=lambda key: [each or NOWHERE for each in key]):
        yield dict(zip(by, key, strict=True)) | {"planned": found[key].planned, "done": found[key].done}


def _by(rows, parts, by, only, **figures):
    texts = {f"{name}_": Coalesce(Cast(part, CharField()), Value(NOWHERE)) for name, part in parts.items()}
    rows = rows.order_by().annotate(**texts).filter(**{f"{name}_": str(value) for name, value in only.items()})
    names = [f"{name}_" for name in by]
    return rows.values(*names).annotate(**figures).values_list(*names, *figures)


def of_seat(seat, days):
    """What one has done in so many days: {practice: {"done": how many, "minutes": …}}, most work first; by one question."""
    since = seat.tenant.today() - datetime.timedelta(days=days - 1)
    ended = Task.objects.of(seat).filter(
        state=Task.State.DONE, ended_at__gte=instant(datetime.datetime.combine(since, datetime.time(0)), seat.tenant.zone)
    )
    done = Counter()
    minutes = Counter()
    for kind, practice, each in ended.order_by().annotate(practice=PRACTICE).values_list("kind", "practice", "minutes"):
        done[LABELS[practice or kind]] += 1
        minutes[LABELS[practice or kind]] += each
    return {label: {"done": done[label], "minutes": number} for label, number in ranked(minutes)}
