"""What the assistant's phone shows: what is open today, chat group by chat group, and what was done."""

import datetime
import uuid
from dataclasses import dataclass

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, When
from django.db.models.functions import TruncDate
from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import rights
from crm.tenancy.templatetags.qx import ago, clock

from . import rises
from .calendar import instant
from .models import ArrivalStep, Draft, GroupCode, Move, Occurrence, Placement, Rise, Slot, Task, Wave
from .tasks import Until, moment_of

MOST = 200  # rows that a phone holds at once; the others follow while these are done
MOST_ENDED = 100
SHOWN = 4  # rows of a group before «more»
UNFOLDED = 2  # groups
DAYS = 7
ENDED = [Task.State.DONE, Task.State.IMPOSSIBLE]


def named(task):
    """Whom or what a sentence about a task names."""
    if task.member:
        return task.member.nickname
    return task.title or (task.group.short if task.group else task.get_kind_display())


def untils(tenant):
    """For how long a task may be put off now, and until when that is."""
    moments = {each: moment_of(each, tenant, now()) for each in Until}
    if moments[Until.EVENING] == moments[Until.HOUR]:  # it is evening
        del moments[Until.EVENING]
    return [(each.value, each.label, moment) for each, moment in moments.items()]


@dataclass
class Line:
    """One task as a row of the list."""

    task: Task
    move: Move | None
    moment: datetime.datetime
    step: ArrivalStep | None = None

    @property
    def is_open(self):
        return self.task.state == Task.State.OPEN

    @property
    def is_late(self):
        return self.is_open and self.task.late_at <= self.moment

    @property
    def is_reminded(self):
        return self.is_late and self.task.risen > 0

    # A day has some ninety rows, and a template's tags for each cost more than all the rest of the page.

    @property
    def name(self):
        return named(self.task)

    @property
    def to(self):
        """Whom a text is for."""
        return self.task.member.nickname if self.task.member else self.where

    @property
    def where(self):
        return self.task.group.short if self.task.group else _("in no group")

    @property
    def title(self):
        name = format_html('<bdi lang="zh">{}</bdi>', self.name)
        if self.move:
            return mark_safe(_("Invite %(name)s into %(group)s") % {"name": name, "group": escape(self.move.to_group.short)})
        if self.step:
            return mark_safe(_("%(what)s: %(name)s") % {"what": escape(self.task.title), "name": name})
        if self.task.title:
            return format_html('<bdi lang="zh">{}</bdi>', self.task.title)
        return mark_safe(_("Write to %(name)s") % {"name": name})

    @property
    def due(self):
        return _("was due %(day)s, %(time)s") % {"day": ago(self.task.due_at), "time": clock(self.task.due_at)}

    @property
    def about(self):
        """By what the eye finds the person."""
        member = self.task.member
        where = self.where if self.is_for_later else ""
        return "·".join(filter(None, [where, member and member.city, member and member.industry]))

    @property
    def when(self):
        return clock(self.task.due_at) if self.has_hour and not self.is_late else ""

    @property
    def has_hour(self):
        """What the rhythm asks for is due at a time of day, and so is what was put off; a wave is due all day."""
        return self.task.kind in (Task.Kind.SLOT, Task.Kind.ARRIVAL) or self.is_for_later

    @property
    def is_for_later(self):
        return self.is_open and self.task.due_at > self.moment

    @property
    def minutes(self):
        minutes = _("%(minutes)s min") % {"minutes": self.task.minutes}
        return _("%(time)s · %(minutes)s") % {"time": clock(self.task.due_at), "minutes": minutes} if self.has_hour else minutes

    @property
    def chat(self):
        """Where the chat opens."""
        return self.task.group.chat_url if self.task.group else ""

    @property
    def picture_name(self):
        return self.task.picture.name if self.task.picture else ""


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
    def first(self):
        return self.lines[0].task

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
    moment: datetime.datetime

    @property
    def first(self):
        """The next one, where there is one."""
        return [self.next] if self.next else []

    @property
    def total(self):
        return self.left + len(self.ended)

    @property
    def unfolded(self):
        return self.piles[:UNFOLDED]

    @property
    def folded(self):
        return self.piles[UNFOLDED:]

    @property
    def minutes_done(self):
        return sum(line.task.minutes for line in self.ended)


def today(seat):
    moment = now()
    mine = Task.objects.of(seat)
    due = _due(seat)
    sums = due.aggregate(left=Count("id"), minutes=Sum("minutes"))
    tasks = list(_first_things_first(due).select_related("member", "group")[:MOST])
    ended = list(
        mine.filter(state__in=ENDED, ended_at__gte=_midnight(seat.tenant))
        .select_related("member", "group", "ended_by__user")
        .order_by("-ended_at", "id")[:MOST_ENDED]
    )
    lines = _as_lines([*tasks, *ended], moment)
    open_ones = lines[: len(tasks)]
    piles = [Pile(pile) for pile in _by_group([line for line in open_ones if not line.is_for_later], lambda line: line.task.group_id)]
    later = [line for line in open_ones if line.is_for_later]
    first = piles[0].lines.pop(0) if piles else None
    return Day(
        next=first,
        piles=[pile for pile in piles if pile.lines],
        later=later,
        ended=lines[len(tasks) :],
        left=sums["left"],
        minutes=sums["minutes"] or 0,
        waiting=sums["left"] - len(tasks),
        moment=moment,
    )


def find(seat, pk):
    """A task that this seat may work on, or None."""
    tasks = Task.objects.all() if rights.sees_all(seat, "tasks") else Task.objects.of(seat)
    task = tasks.select_related("member", "group", "picture", "proof", "ended_by__user").filter(pk=pk).first()
    line = _as_lines([task], now())[0] if task else None
    if line and line.move and task.picture and not GroupCode.objects.filter(picture=task.picture_id, expires_at__gt=now()).exists():
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


def place(seat, task):
    """Of the next one only the id: it comes from the same chat as long as there is one, and at the end from the beginning."""
    moment, rows = now(), list(_first_things_first(_due(seat)).values("id", "group_id", "due_at"))
    due = _by_group([row for row in rows if row["due_at"] <= moment], lambda row: row["group_id"])
    ids = [row["id"] for pile in due for row in pile] + [row["id"] for row in rows if row["due_at"] > moment]
    ended = Task.objects.of(seat).filter(state__in=ENDED, ended_at__gte=_midnight(seat.tenant)).count()
    if task.pk not in ids:
        return Place(ended, ended + len(ids), ids[0] if ids else None)
    at = ids.index(task.pk)
    others = ids[at + 1 :] + ids[:at]
    return Place(ended + at + 1, ended + len(ids), others[0] if others else None)


def faces(move):
    """How many of those planned for the new group the member sat with already, and how many are new; None where no plan says it."""
    plan = Draft.objects.filter(reshuffle=move.reshuffle_id, pk=F("reshuffle__chosen")).values_list("plan", flat=True).first()
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


def _as_lines(tasks, moment):
    # One query for the moves; a prefetch builds a manager and a queryset for every task.
    moves = {move.task_id: move for move in Move.objects.filter(task__in=[task.pk for task in tasks]).select_related("to_group")}
    entering = [task.pk for task in tasks if task.kind == Task.Kind.ARRIVAL]
    steps = {step.task_id: step for step in ArrivalStep.objects.filter(task__in=entering).select_related("arrival")} if entering else {}
    return [Line(task, moves.get(task.pk), moment, steps.get(task.pk)) for task in tasks]


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


def _by_group(rows, group_of):
    """Rows in their order, chat by chat; the chat of the first row comes first."""
    piles = {}
    for row in rows:
        piles.setdefault(group_of(row), []).append(row)
    return list(piles.values())
