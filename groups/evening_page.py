"""What the page of arrivals shows: an evening with its steps, who comes tomorrow, who waits, who is stuck where, and what it brings."""

import datetime
import statistics
from dataclasses import dataclass, field

from django.db.models import Count, Q, Sum
from django.utils.timezone import now

from crm.tenancy import rights
from crm.tenancy.refusals import Refused
from members import speaking

from . import answering, arrival_laying, callers, evenings
from .arrivals import MOST_AT_ONCE, Rooms, left_over, matrix_of_newcomers, unseated
from .models import Arrival, ArrivalStep, Task

LOOKS_BACK = datetime.timedelta(days=90)
A_DAY = datetime.timedelta(days=1)
WEEK, MONTH = 7 * A_DAY, 30 * A_DAY
CHAINS = 8
QUEUE = 30
DAYS = 7  # that an arrival can be put off to
State = Arrival.State


def seen_by(seat):
    """An assistant sees the arrivals that are theirs or of their groups."""
    if rights.sees_all(seat, "arrivals"):
        return Arrival.objects.all()
    return Arrival.objects.filter(Q(assistant=seat) | Q(group__assistant=seat) | Q(steps__task__assistant=seat)).distinct()


@dataclass
class Row:
    """One newcomer with the steps in their order."""

    arrival: Arrival
    steps: list
    is_introduced: bool
    moment: datetime.datetime

    @property
    def next(self):
        return next((step for step in self.steps if not step.is_ended), None)

    @property
    def last(self):
        """The one that can be taken back."""
        return next((step for step in reversed(self.steps) if step.is_ended), None)

    @property
    def is_open(self):
        return self.arrival.state == State.PLANNED or (self.next is not None and self.arrival.state in (State.WELCOMED, State.ENTERED))

    @property
    def is_stuck(self):
        step = self.next
        return bool(step and step.task_id and step.state == "handed_out" and step.task.late_at <= self.moment)

    @property
    def is_by_robot(self):
        """The group's robot is on its way with it, so nobody has a task."""
        return self.is_next and self.next.task_id is None

    @property
    def is_next(self):
        """Its step stands on somebody's phone now."""
        return self.next is not None and self.next.state == ArrivalStep.State.HANDED_OUT

    @property
    def who(self):
        step = self.next
        return step.task.assistant if step and step.task_id and step.state == "handed_out" else self.arrival.assistant


def rows(arrivals, moment=None):
    """By as many questions for many as for one."""
    found = list(arrivals.select_related("member__inviter", "group", "matrix", "assistant__user"))
    steps = {}
    asked = ArrivalStep.objects.filter(arrival__in=[each.pk for each in found], number__gt=0).order_by("number")
    for step in asked.select_related("task__assistant__user", "task__ended_by__user"):
        steps.setdefault(step.arrival_id, []).append(step)
    said = arrival_laying.introduced([each.member_id for each in found])
    moment = moment or now()
    return [Row(each, steps.get(each.pk, []), each.member_id in said, moment) for each in found]


@dataclass
class Evening:
    day: datetime.date
    settings: object
    rows: list
    moment: datetime.datetime
    tomorrow: list = field(default_factory=list)
    queue: list = field(default_factory=list)
    waiting: int = 0
    unseated: int = 0
    is_over: bool = False
    left_over: int = 0  # planned for an evening that is over
    stuck: list = field(default_factory=list)
    urgent: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    unasked: list = field(default_factory=list)  # welcomed ones of whom nobody has said who answered
    resting: list = field(default_factory=list)

    @property
    def planned(self):
        return [row for row in self.rows if not row.arrival.is_urgent]

    @property
    def left(self):
        return max(self.settings.cap - len(self.planned), 0)

    @property
    def to_do(self):
        return [row for row in self.rows if row.is_next and not row.is_by_robot]

    @property
    def queue_more(self):
        return self.waiting - len(self.queue)

    @property
    def silent(self):
        """Who has not introduced themselves, though the evening depends on it."""
        return [row for row in self.rows if not row.is_introduced and row.is_open]

    @property
    def by_group(self):
        groups = {}
        for row in self.tomorrow:
            groups[row.arrival.group] = groups.get(row.arrival.group, 0) + 1
        return sorted(groups.items(), key=lambda pair: (pair[0].number or 0, pair[0].name))

    @property
    def tomorrow_introduced(self):
        return sum(row.is_introduced for row in self.tomorrow)


def of(day, tenant, seat):
    mine, moment, today = seen_by(seat), now(), tenant.today()
    shown = Evening(day, evenings.of_tenant(), rows(mine.on(day), moment), moment)
    shown.tomorrow = rows(mine.on(today + A_DAY)) if day != today + A_DAY else []
    if rights.sees_all(seat, "arrivals"):
        waiting = Arrival.objects.waiting()
        shown.waiting, shown.queue = waiting.count(), list(waiting.select_related("member", "matrix")[:QUEUE])
        shown.unseated = min(_unseated(), MOST_AT_ONCE)
        shown.resting = answering.all_resting()
    shown.is_over = evenings.is_over(shown.settings, day, tenant)
    left = left_over(tenant).values("pk")
    entered = mine.filter(state=State.PLANNED, day__lt=today).exclude(placement=None)
    late = mine.filter(steps__number__gt=0, steps__task__late_at__lte=moment, steps__task__state="open")
    earlier = mine.filter(pk__in=left) | entered | late
    shown.left_over = len(left) if rights.sees_all(seat, "arrivals") else 0
    shown.stuck = [row for row in rows(Arrival.objects.filter(pk__in=earlier.values("pk")).order_by("day", "at")) if row.next]
    first = today.replace(day=1)
    shown.urgent = list(mine.exclude(urgent_because="").filter(day__gte=first).select_related("member", "group").order_by("-day", "-at"))
    shown.unasked = list(answering.unasked(mine, tenant)[:QUEUE])
    shown.figures = figures(mine, moment) | {"first_week": first_week(mine, today)}
    return shown


def _unseated():
    try:
        return unseated(matrix_of_newcomers()).count()
    except Refused:  # no group is open yet
        return 0


def figures(mine, moment):
    """What it brings: from paid to welcomed, the chains, the minutes of each. Medians, so that one who waited a month weighs as one."""
    welcomed = list(mine.filter(welcomed_at__gte=moment - LOOKS_BACK).values_list("paid_at", "added_at", "welcomed_at", "chain", "pk"))
    waits = [(at - (paid or added)).total_seconds() / 3600 for paid, added, at, _chain, _pk in welcomed]
    chains = [chain for *_, chain, _pk in welcomed if chain is not None]
    steps = Task.objects.filter(arrival_steps__arrival__in=[pk for *_, pk in welcomed], state=Task.State.DONE)
    minutes = steps.aggregate(sum=Sum("minutes"), many=Count("arrival_steps__arrival", distinct=True))
    return {
        "welcomed": len(welcomed),
        "hours": statistics.median(waits) if waits else None,
        "chain": round(statistics.median(chains)) if chains else None,
        "minutes": round(minutes["sum"] / minutes["many"], 1) if minutes["many"] else None,
    }


def first_week(mine, today):
    """The share of newcomers who spoke within their first seven days, of the last month that the interaction files tell of, and of the
    month before. Who was heard before they entered is no newcomer to the talk. None where there is nothing to say."""
    days = speaking.known_days()
    if days is None:
        return None
    since, until = map(datetime.date.fromisoformat, days)
    last = min(until, today) - WEEK + A_DAY  # who entered then has had their week
    if last < today - 2 * MONTH:
        return None
    entered = mine.filter(state__in=(State.ENTERED, State.WELCOMED), day__gt=max(last - 2 * MONTH, since - A_DAY), day__lte=last)
    shares = {True: [], False: []}  # of the last month, and of the one before
    for day, spoke_on, _pk in entered.values_list("day", "member__first_spoke_on", "pk"):
        if spoke_on is None or spoke_on >= day:
            shares[day > last - MONTH].append(spoke_on is not None and spoke_on < day + WEEK)
    month, before = (sum(spoke) / len(spoke) if spoke else None for spoke in shares.values())
    return None if month is None else {"share": month, "before": before, "of": len(shares[True])}


def side(row, tenant):
    """The chosen one: the step that comes next, who is named, where else they could go."""
    arrival = row.arrival
    shown = {"row": row, "arrival": arrival, "said": callers.said_of(arrival.member), "step": row.next}
    if arrival.group_id and row.next and row.next.kind in ("packet", "introduction", "welcome"):
        shown["callers"] = callers.shown(arrival, tenant)
    shown["answers"] = answering.asked(arrival, tenant)
    if arrival.group_id:
        shown["chains"] = chains(arrival.group)
    if arrival.state in (State.WAITING, State.PLANNED) and not arrival.placement_id:
        rooms = Rooms(arrival.matrix)
        left = [(group, rooms.left(group.pk)) for group in rooms.groups.values()]
        shown["groups"] = [(group, places) for group, places in left if places > 0 or group == arrival.group]
        shown["days"] = [tenant.today() + n * A_DAY for n in range(DAYS)]
    return shown


def chains(group):
    """The lengths of the last greeting chains of a group, oldest first, as a line of 190 by 44."""
    last = Arrival.objects.filter(group=group).exclude(chain=None).exclude(welcomed_at=None).order_by("-welcomed_at")
    lengths = list(last.values_list("chain", flat=True)[:CHAINS])[::-1]
    if len(lengths) < 2:
        return None
    low, high = min(lengths), max(lengths)
    across, down = 186 / (len(lengths) - 1), 38 / max(high - low, 1)
    points = [(round(2 + n * across, 1), round(41 - (each - low) * down, 1)) for n, each in enumerate(lengths)]
    line = " ".join(f"{x},{y}" for x, y in points)
    return {"lengths": lengths, "median": round(statistics.median(lengths)), "points": line, "last": points[-1]}


def to_do(seat, today):
    """For the rail: newcomers of this evening who are not welcomed yet."""
    return seen_by(seat).filter(state=State.PLANNED, day__lte=today)
