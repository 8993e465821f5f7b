"""What the week calendar shows: groups by days with their slots, who carries how much, and where a light group has too much."""

import datetime
from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Q, Sum
from django.utils.timezone import now

from crm.tenancy.models import Seat

from . import occurrences, pairs, robots, waves
from .calendar import instant
from .models import Group, Occurrence, Pause, Push, Rhythm, Slot, Task
from .names import short

A_DAY, A_WEEK = datetime.timedelta(days=1), datetime.timedelta(days=7)
FARTHEST = datetime.timedelta(days=3660)
PLANNED = "planned"  # further ahead than occurrences are laid out


@dataclass
class Entry:
    """One slot of a group on one day."""

    slot: Slot
    group: Group
    day: datetime.date
    at: datetime.time
    state: str
    assistant: object = None  # id of the seat that carries it
    occurrence: Occurrence | None = None
    is_too_much: bool = False
    is_robots: bool = False  # nobody spends a minute on it

    @property
    def task(self):
        return self.occurrence.task if self.occurrence else None

    @property
    def push(self):
        return self.occurrence.push if self.occurrence and self.state == Occurrence.State.PUSHED else None

    @property
    def minutes(self):
        if self.is_robots:
            return 0
        return pairs.minutes_of(self.task) if self.state == Occurrence.State.HANDED_OUT else self.slot.minutes

    @property
    def is_movable(self):
        """What is laid out and not done. What is further ahead moves with its slot."""
        if self.state == Occurrence.State.HANDED_OUT:
            return self.task.state in Task.UNENDED
        if self.push:
            return robots.can_be_taken_back(self.push)
        return self.state == Occurrence.State.WAITING

    @property
    def is_done(self):
        if self.push:
            return self.push.state == Push.State.SENT
        return self.state == Occurrence.State.HANDED_OUT and self.task.state == Task.State.DONE

    @property
    def asks(self):
        """Somebody has to look whether it went out, or what is to become of it."""
        return self.push is not None and self.push.state in (Push.State.UNSURE, Push.State.FAILED)

    @property
    def counts(self):
        """Whether it is work: not what rests, and not what came to nothing."""
        if self.state == Occurrence.State.HANDED_OUT:
            return self.task.state in (*Task.UNENDED, Task.State.DONE)
        if self.push:
            return self.push.state != Push.State.WITHDRAWN
        return self.state in (Occurrence.State.WAITING, PLANNED)


@dataclass
class Row:
    group: Group
    rhythm: Rhythm | None
    days: list  # of lists of entries, Monday first
    other_minutes: int = 0  # of tasks that are no slots
    talks: dict = field(default_factory=dict)  # that somebody handed out: {day: tasks}

    @property
    def entries(self):
        return [entry for day in self.days for entry in day if entry.counts]

    @property
    def slot_minutes(self):
        return sum(entry.minutes for entry in self.entries)

    @property
    def minutes(self):
        return self.slot_minutes + self.other_minutes


@dataclass
class Hands:
    """One who works, and how much of the week is theirs."""

    seat: Seat
    minutes: int
    groups: list = field(default_factory=list)

    @property
    def budget(self):
        return self.seat.minutes_a_week

    @property
    def over(self):
        return max(self.minutes - self.budget, 0) if self.budget else 0

    @property
    def free(self):
        return max(self.budget - self.minutes, 0) if self.budget else 0

    @property
    def within(self):
        return min(self.minutes, self.budget) if self.budget else self.minutes

    @property
    def scale(self):
        return max(self.minutes, self.budget or 0, 1)

    @property
    def works_for(self):
        return in_short(self.groups)


@dataclass
class Week:
    monday: datetime.date
    today: datetime.date
    rows: list
    hands: list
    rhythms: list
    pauses: list
    usual: int = 0  # slots of a light group

    @property
    def days(self):
        return [self.monday + A_DAY * n for n in range(7)]

    @property
    def sunday(self):
        return self.monday + A_DAY * 6

    @property
    def number(self):
        return self.monday.isocalendar().week

    @property
    def is_present(self):
        return self.monday == monday_of(self.today)

    @property
    def is_next(self):
        return self.monday == monday_of(self.today) + A_WEEK

    @property
    def entries(self):
        return [entry for row in self.rows for entry in row.entries]

    @property
    def too_much(self):
        return [entry for entry in self.entries if entry.is_too_much]

    @property
    def over(self):
        return [each for each in self.hands if each.over]

    @property
    def minutes(self):
        return sum(each.minutes for each in self.hands)

    def paused(self, day, group):
        return next((pause for pause in self.pauses if pause.since <= day <= pause.until and pause.group_id in (None, group.pk)), None)

    def by_day(self):
        """For a narrow page: day by day, each slot once with the groups in which it is done."""
        for n, day in enumerate(self.days):
            together = {}
            for entry in sorted((entry for row in self.rows for entry in row.days[n]), key=lambda entry: entry.at):
                together.setdefault((entry.slot.pk, entry.at), []).append(entry)
            yield {
                "day": day,
                "talks": [(row.group, talk) for row in self.rows for talk in row.talks.get(day, ())],
                "slots": list(together.values()),
                "pauses": [each for each in self.pauses if each.since <= day <= each.until],
            }


def monday_of(day):
    return day - A_DAY * day.weekday()


def asked_for(text, tenant):
    """The Monday of the week that an address names by any of its days; this week where it names none, or one of another age."""
    today = tenant.today()
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        day = today
    return monday_of(day if abs(day - today) < FARTHEST else today)


def week_of(tenant, monday):
    """By as many questions for thirty groups as for one."""
    rhythms = list(Rhythm.objects.open().in_order())
    groups = list(Group.objects.open().in_order().select_related("matrix"))
    pauses = list(Pause.objects.filter(until__gte=monday, since__lt=monday + A_WEEK).order_by("since", "id"))
    week = Week(monday, tenant.today(), [], [], rhythms, pauses)
    follows = {group: rhythm_of(group, rhythms) for group in groups}
    hands = waves.hands([str(group.pk) for group in groups], tenant) if groups else {}
    slots = list(Slot.objects.filter(ended_on=None).select_related("rhythm"))
    does = robots.Robots(slots).does
    entries = _laid_out(monday, tenant, does) if groups else []
    known = {(each.slot.pk, each.group.pk, each.occurrence.day) for each in entries}
    entries += _planned(week, tenant, slots, follows, known, hands, does)
    usual = next((rhythm for rhythm in rhythms if rhythm.is_usual and rhythm.mode == Group.Mode.LIGHT), None)
    most = week.usual = sum(1 for slot in slots if usual and slot.rhythm_id == usual.pk)
    others, talks = _other_minutes(monday, tenant), _talks(monday, tenant)
    cells = defaultdict(list)
    for entry in entries:
        if monday <= entry.day <= week.sunday and entry.state != Occurrence.State.DROPPED:
            cells[entry.group.pk, entry.day].append(entry)
    for group in groups:
        days = [sorted(cells[group.pk, day], key=lambda entry: (entry.at, entry.slot.title)) for day in week.days]
        row = Row(group, follows[group], days, others.get(group.pk, 0), talks[group.pk])
        if usual and group.mode == Group.Mode.LIGHT:
            _mark_too_much(row, usual, most)
        week.rows.append(row)
    week.hands = _hands(tenant, week, hands)
    return week


def rhythm_of(group, rhythms):
    """As `rhythms.of`, out of rhythms that were read already."""
    if group.rhythm_id:
        return next((rhythm for rhythm in rhythms if rhythm.pk == group.rhythm_id), None)
    return next((rhythm for rhythm in rhythms if rhythm.is_usual and rhythm.mode == group.mode), None)


def over(tenant, change):
    """Whom a change would take over the budget, found by doing it and taking it back: what stands beside its button."""
    found = occurrences.over_budget(tenant, change)
    return [{"seat": seat, "minutes": minutes, "budget": budget, "over": minutes - budget} for seat, minutes, budget in found]


def followers(rhythm):
    """The open groups of a rhythm."""
    mine = Q(rhythm=rhythm)
    if rhythm.is_usual:
        mine |= Q(rhythm=None, mode=rhythm.mode)
    return list(Group.objects.open().filter(mine).in_order().select_related("matrix", "assistant__user"))


def _laid_out(monday, tenant, does):
    """Also those of this week's days that were moved out of it: they are not planned a second time."""
    start = datetime.datetime.combine(monday, datetime.time(), datetime.UTC)
    here = Q(wall_time__gte=start, wall_time__lt=start + A_WEEK) | Q(day__gte=monday, day__lt=monday + A_WEEK)
    rows = Occurrence.objects.filter(here, group__closed_on=None).select_related("slot__rhythm", "group__matrix", "task__after", "push")
    found = list(rows.order_by("wall_time"))
    busy = [row for row in found if row.state in (Occurrence.State.WAITING, Occurrence.State.HANDED_OUT)]
    carried = occurrences.seats_of(busy, tenant)
    return [
        Entry(
            each.slot, each.group, each.wall_time.date(), each.wall_time.time(), each.state, carried.get(each.pk), each,
            is_robots=each.state != Occurrence.State.HANDED_OUT and (each.push_id is not None or does(each.slot, each.group_id)),
        )
        for each in found
    ]  # fmt: skip


def _planned(week, tenant, slots, follows, known, hands, does):
    """What the slots say for days that are not laid out yet."""
    of, entries = defaultdict(list), []
    for slot in slots:
        of[slot.rhythm_id or slot.group_id].append(slot)
    for group, rhythm in follows.items():
        for slot in [*(of[rhythm.pk] if rhythm else ()), *of[group.pk]]:
            day = week.monday + A_DAY * slot.weekday
            if (slot.pk, group.pk, day) in known or instant(datetime.datetime.combine(day, slot.at), tenant.zone) <= now():
                continue
            state = Occurrence.State.PAUSED if week.paused(day, group) else PLANNED
            is_robots = does(slot, group.pk)
            assistant = None if is_robots else hands.get(str(group.pk))
            entries.append(Entry(slot, group, day, slot.at, state, assistant, is_robots=is_robots))
    return entries


def _other_minutes(monday, tenant):
    """{group: minutes} of what is due this week and comes of no slot."""
    first, last = (instant(datetime.datetime.combine(day, datetime.time()), tenant.zone) for day in (monday, monday + A_WEEK))
    tasks = Task.objects.filter(due_at__gte=first, due_at__lt=last).exclude(kind=Task.Kind.SLOT).exclude(state=Task.State.WITHDRAWN)
    return dict(tasks.exclude(group=None).order_by().values_list("group").annotate(Sum("minutes")))


def _talks(monday, tenant):
    """{group's id: {day: talks that somebody handed out}}"""
    first, last = (instant(datetime.datetime.combine(day, datetime.time()), tenant.zone) for day in (monday, monday + A_WEEK))
    found = defaultdict(lambda: defaultdict(list))
    tasks = Task.objects.filter(kind=Task.Kind.TALK, due_at__gte=first, due_at__lt=last).exclude(state=Task.State.WITHDRAWN)
    for task in tasks.exclude(after=None).select_related("after").order_by("due_at", "id"):
        found[task.group_id][task.due_at.astimezone(tenant.zone).date()].append(task)
    return found


def _mark_too_much(row, usual, most):
    """A light group that gets more than the usual slots of the light: of those that are not usual, the last ones."""
    others = [entry for entry in row.entries if entry.slot.rhythm_id != usual.pk]
    surplus = min(len(row.entries) - most, len(others))
    for entry in others[len(others) - surplus :] if surplus > 0 else []:
        entry.is_too_much = True


def _hands(tenant, week, hands):
    """Whoever works for a group, has work in this week, or a budget; who is over it first."""
    minutes = dict(occurrences.load(tenant, week.monday))
    for entry in week.entries:
        if entry.state == PLANNED and entry.assistant:
            minutes[entry.assistant] = minutes.get(entry.assistant, 0) + entry.minutes
    works_for = defaultdict(list)
    for row in week.rows:
        works_for[hands.get(str(row.group.pk))].append(row.group)
    seats = Seat.objects.standing().filter(tenant=tenant).select_related("user").order_by("created_at", "id")
    found = [
        Hands(seat, minutes.get(seat.pk, 0), works_for[seat.pk])
        for seat in seats
        if minutes.get(seat.pk) or works_for[seat.pk] or (seat.minutes_a_week and seat.role != Seat.Role.VIEWER)
    ]
    return sorted(found, key=lambda each: -each.over)


def in_short(groups):
    """1–4群, 7群: groups in a row as one span."""
    spans, names = [], []
    for group in groups:
        if spans and group.number and spans[-1][-1].number == group.number - 1 and spans[-1][-1].matrix_id == group.matrix_id:
            spans[-1].append(group)
        else:
            spans.append([group])
    for span in spans:
        first, last = (short(each.number, each.name, each.matrix.is_reshuffled) for each in (span[0], span[-1]))
        names.append(first if len(span) == 1 else f"{first}–{last}")
    return names
