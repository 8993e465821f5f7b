"""What the assistant's phone shows: what is open today, chat group by chat group, and what was done."""

import datetime
import uuid
from dataclasses import dataclass

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, When
from django.db.models.functions import TruncDate
from django.utils.timezone import now

from crm.tenancy import rights

from . import rises
from .calendar import instant
from .lines import Line, Sight, briefs
from .models import ArrivalStep, Draft, Group, GroupCode, Move, Occurrence, Placement, Rise, Slot, Task, Wave
from .tasks import Until, moment_of

MOST = 600  # rows that a phone holds at once; the others follow while these are done
MOST_ENDED = 100
SHOWN = 4  # rows of a group before «more»
UNFOLDED = 2  # groups
DAYS = 7
ENDED = [Task.State.DONE, Task.State.IMPOSSIBLE]


def untils(tenant):
    """For how long a task may be put off now, and until when that is."""
    moments = {each: moment_of(each, tenant, now()) for each in Until}
    if moments[Until.EVENING] == moments[Until.HOUR]:  # it is evening
        del moments[Until.EVENING]
    return [(each.value, each.label, moment) for each, moment in moments.items()]


@dataclass
class Pile:
    """The open tasks of one chat group: the hand is in that chat."""

    lines: list

    @property
    def group(self):
        return self.lines[0].task.group

    @property
    def where(self):
        return self.lines[0].where

    @property
    def chat(self):
        return self.lines[0].chat

    @property
    def first_at(self):
        """When the first of them is due, of those that have an hour."""
        return next((line.when for line in self.lines if line.when), "")

    @property
    def late(self):
        return sum(line.is_late for line in self.lines)

    @property
    def shown(self):
        return self.lines[:SHOWN]

    @property
    def folded(self):
        return self.lines[SHOWN:]


@dataclass
class Day:
    """Everything on the page of today."""

    next: Line | None
    piles: list  # without the next one
    later: list  # what has its hour later today, by the hour
    ended: list
    left: int
    minutes: int
    waiting: int  # open ones that are not on this page
    done: int  # today, also beyond the last ones that are listed
    minutes_done: int
    moment: datetime.datetime

    @property
    def first(self):
        """The next one, where there is one."""
        return [self.next] if self.next else []

    @property
    def total(self):
        return self.left + self.done

    @property
    def unfolded(self):
        return self.piles[:UNFOLDED]

    @property
    def folded(self):
        return self.piles[UNFOLDED:]


def today(seat):
    sight, due = Sight(now()), _due(seat)
    ended = Task.objects.of(seat).filter(state__in=ENDED, ended_at__gte=_midnight(seat.tenant)).order_by("-ended_at", "id")
    first, barred, last = briefs(_first_things_first(due)[:MOST], _after(due), ended[:MOST_ENDED])
    done, minutes_done = len(last), sum(task.minutes for task in last)
    if done == MOST_ENDED:
        done, minutes_done = ended.order_by().aggregate(done=Count("pk"), minutes=Sum("minutes")).values()
    sight.tell_apart({task.group for task in first} - {None})
    open_ones = _as_lines(_each_after_its_own(first, barred), sight)
    left, minutes = len(open_ones), sum(line.task.minutes for line in open_ones)
    waiting = due.count() - MOST if len(first) == MOST else 0
    piles = [Pile(pile) for pile in by_group([line for line in open_ones if not line.is_for_later], lambda line: line.task.group_id)]
    return Day(
        next=piles[0].lines.pop(0) if piles else None,
        piles=[pile for pile in piles if pile.lines],
        later=[line for line in open_ones if line.is_for_later],
        ended=_as_lines(last, sight),
        left=left + waiting,
        minutes=minutes,
        waiting=waiting,
        done=done,
        minutes_done=minutes_done,
        moment=sight.moment,
    )


def _after(due):
    """What waits for one of these: a talk for its red packet. It is read with it, and opens on the phone when that is ticked there."""
    return Task.objects.filter(state=Task.State.BARRED, after__in=due)


def _each_after_its_own(first, barred):
    following = {}
    for task in barred:
        following.setdefault(task.after_id, []).append(task)
    return [task for ahead in first for task in (ahead, *following.get(ahead.pk, ()))]


def find(seat, pk):
    """A task that this seat may work on, or None."""
    tasks = Task.objects.all() if rights.sees_all(seat, "tasks") else Task.objects.of(seat)
    task = tasks.select_related("member", "group", "picture", "proof", "ended_by__user").filter(pk=pk).first()
    line = _as_lines([task], Sight(now()))[0] if task else None
    if line and line.to_group and task.picture and not GroupCode.objects.filter(picture=task.picture_id, expires_at__gt=now()).exists():
        task.picture = None  # a code that lets nobody in any more, in the minute before the sweep takes it away
    return line


def onward(task, seat):
    """What opened when this one ended, where it stands on this phone: the talk after its packet, the next of a newcomer's steps."""
    if later := Task.objects.open().of(seat).filter(after=task).values_list("pk", flat=True).first():
        return later
    step = ArrivalStep.objects.filter(task=task, number__gt=0).first()
    if step is None or not step.is_ended:
        return None
    following = ArrivalStep.objects.filter(arrival=step.arrival_id, number=step.number + 1, state=ArrivalStep.State.HANDED_OUT)
    return following.filter(task__assistant=seat).values_list("task", flat=True).first()


@dataclass
class Place:
    """Where a task stands among today's, and which one comes after it."""

    number: int
    total: int
    next: uuid.UUID | None
    then: uuid.UUID | None = None  # what opens when this one is ended


def place(seat, task):
    """Of the next one only the id: it comes from the same chat as long as there is one, and at the end from the beginning."""
    moment, rows = now(), list(_first_things_first(_due(seat)).values("id", "group_id", "due_at"))
    due = by_group([row for row in rows if row["due_at"] <= moment], lambda row: row["group_id"])
    ids = [row["id"] for pile in due for row in pile] + [row["id"] for row in rows if row["due_at"] > moment]
    ended = Task.objects.of(seat).filter(state__in=ENDED, ended_at__gte=_midnight(seat.tenant)).count()
    then = Task.objects.filter(state=Task.State.BARRED, after=task.pk).values_list("pk", flat=True).first()
    if task.pk not in ids:
        return Place(ended, ended + len(ids), ids[0] if ids else None, then)
    at = ids.index(task.pk)
    others = ids[at + 1 :] + ids[:at]
    return Place(ended + at + 1, ended + len(ids), others[0] if others else None, then)


def faces(task):
    """How many of those planned for the new group the member sat with already, and how many are new; None where no plan says it."""
    move = Move.objects.filter(task=task.pk).first()
    plan = move and Draft.objects.filter(reshuffle=move.reshuffle_id, pk=F("reshuffle__chosen")).values_list("plan", flat=True).first()
    if not plan or str(move.to_group_id) not in plan["groups"]:
        return None
    to, who = plan["groups"].index(str(move.to_group_id)), str(move.member_id)
    there = [member for member, group in zip(plan["members"], plan["to"], strict=True) if group == to and member != who]
    beside = Placement.objects.filter(member=move.member_id, cohort=OuterRef("cohort"), group=OuterRef("group"))
    known = Placement.objects.filter(Exists(beside), member__in=there).aggregate(people=Count("member", distinct=True))["people"]
    return {"known": known, "new": len(there) - known}


def next_wave(seat):
    """When the next tasks come by themselves, and how many: of a reshuffle, or of the rhythm."""
    waves = Wave.objects.filter(assistant=seat, state=Wave.State.WAITING).annotate(tasks=Count("moves")).order_by("due_at")
    mine = Occurrence.objects.filter(group__assistant=seat, slot__given=Slot.Given.GROUP, state=Occurrence.State.WAITING)
    rhythm = mine.order_by("due_at").values("due_at").annotate(tasks=Count("pk"))
    found = [*waves.values("due_at", "tasks")[:1], *rhythm[:1]]
    return min(found, key=lambda each: each["due_at"], default=None)


def last_days(seat):
    """The last days, today first: how many were done, and their minutes."""
    tenant = seat.tenant
    days = [tenant.today() - datetime.timedelta(days=back) for back in range(DAYS)]
    ended = Task.objects.of(seat).filter(state__in=ENDED, ended_at__gte=_midnight(tenant, days[-1]))
    sums = ended.values(day=TruncDate("ended_at", tzinfo=tenant.zone)).annotate(done=Count("id"), work=Sum("minutes"))
    by_day = {row["day"]: row for row in sums}
    return [{"day": day, "done": 0, "work": 0} | by_day.get(day, {}) for day in days]


def _as_lines(tasks, sight):
    moving = [task.pk for task in tasks if task.kind == Task.Kind.MOVE]
    moves = dict(Move.objects.filter(task__in=moving).values_list("task", "to_group")) if moving else {}
    groups = Group.objects.in_bulk(set(moves.values())) if moves else {}
    entering = [task.pk for task in tasks if task.kind == Task.Kind.ARRIVAL]
    steps = {step.task_id: step for step in ArrivalStep.objects.filter(task__in=entering).select_related("arrival")} if entering else {}
    titles = {task.pk: task.title for task in tasks}
    return [Line(task, groups.get(moves.get(task.pk)), sight, steps.get(task.pk), titles.get(task.after_id, "")) for task in tasks]


def _due(seat):
    tomorrow = _midnight(seat.tenant, seat.tenant.today() + datetime.timedelta(days=1))
    mine = Q(assistant=seat)
    if seat.is_owner:  # what was brought before them as well
        brought = Rise.objects.filter(to=seat, step=rises.BRING_UP, state=Rise.State.DONE)
        mine |= Q(pk__in=brought.values("task"))
    return Task.objects.open().filter(mine, due_at__lt=tomorrow)


def _first_things_first(tasks):
    """What somebody was reminded of stands before everything else."""
    is_reminded = Case(When(risen__gt=0, late_at__lte=now(), then=0), default=1)
    return tasks.order_by(is_reminded, "due_at", "rank", "id")


def _midnight(tenant, day=None):
    return instant(datetime.datetime.combine(day or tenant.today(), datetime.time(0)), tenant.zone)


def by_group(rows, group_of):
    """Rows in their order, chat by chat; the chat of the first row comes first."""
    piles = {}
    for row in rows:
        piles.setdefault(group_of(row), []).append(row)
    return list(piles.values())
