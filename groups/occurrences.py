"""Verbs of what is laid out: move one for this once or for every week, drop it; and who carries how much in a week."""

import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import community, events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from crm.tenancy.templatetags.qx import iso

from . import handing, laying, pairs, rhythms, robots, texts
from .handing import Hands, hand_out
from .laying import A_DAY, lay_out
from .models import Occurrence, Pause, Task

__all__ = ["assistant_of", "bring_back", "drop", "hand_out", "lay_out", "load", "move", "over_budget", "text_of", "within_budget"]

State = Occurrence.State
FARTHEST = 60  # days ahead
MIDNIGHT = datetime.time(0)


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


def _mine(occurrence):
    """As it is now, with whether its task was ended; a tick waits until this act stands."""
    handing.hold(Occurrence.objects.filter(pk=occurrence.pk).exclude(task=None).values("task"))
    found = Occurrence.objects.select_related("slot__rhythm", "group", "task", "push").filter(pk=occurrence.pk).first()
    if found is None or found.slot.ended_on:
        raise Refused(_("This was taken out of the rhythm meanwhile."), code="occurrence_gone")
    is_done = found.state == State.HANDED_OUT and found.task.state not in Task.UNENDED
    if is_done or (found.state == State.PUSHED and not robots.can_be_taken_back(found.push)):
        raise Refused(_("This was done already; it stays where it is."), code="already_done")
    return found


@transaction.atomic
def move(occurrence, day, at, *, by, always=False):
    """To another day and time: this once, or for every week; then in all groups of the slot's rhythm."""
    tenant = laying.at_once()
    row, at = _mine(occurrence), rhythms.check("at", at)
    if row.state == State.DROPPED:
        raise Refused(_("This was dropped for this week; bring it back first."), code="occurrence_dropped")
    _refuse_day(row, day, at, tenant)
    if always:
        Occurrence.objects.filter(pk=row.pk).update(is_moved=False)
        rhythms.change_slot(row.slot, {"weekday": day.weekday(), "at": at}, by=by)
        return Occurrence.objects.filter(slot=row.slot_id, group=row.group_id, day__gte=tenant.today()).order_by("day").first()
    before = row.wall_time
    Occurrence.objects.filter(pk=row.pk).update(wall_time=laying.wall(day, at), is_moved=True)
    _again(row, tenant)
    after = {"day": str(day), "at": str(at), "group": str(row.group_id)}
    was = {"day": str(before.date()), "at": str(before.time()), "moved": row.is_moved}
    events.note("occurrence.moved", row, by=by, before=was, after=after)
    return Occurrence.objects.get(pk=row.pk)


def _refuse_day(row, day, at, tenant):
    if laying.moment_of(laying.wall(day, at), tenant) <= now():
        raise Refused(_("That moment is over; choose a later one."), code="moment_over", status=400, field="day")
    if day > tenant.today() + FARTHEST * A_DAY:
        raise Refused(_("At most %(days)s days ahead.") % {"days": FARTHEST}, code="too_far", status=400, field="day")
    pause = Pause.objects.filter(Q(group=None) | Q(group=row.group_id), since__lte=day, until__gte=day).first()
    if pause:
        words = {"day": iso(day), "pause": pause.name}
        raise Refused(_("Nothing is done on %(day)s: %(pause)s.") % words, code="paused", field="day")


def _again(row, tenant):
    """After its own time was changed, it is due then; a task that was handed out is rewritten, or waits for the new day."""
    wall = Occurrence.objects.get(pk=row.pk).wall_time
    due_at = laying.due_at(row.slot, wall, tenant.zone)
    fields = {"due_at": due_at}
    if row.state in (State.PAUSED, State.PUSHED) or (row.state == State.HANDED_OUT and due_at > now()):
        _take_away(row)
        fields["state"] = State.WAITING
    Occurrence.objects.filter(pk=row.pk).update(**fields)
    if row.state == State.HANDED_OUT and due_at <= now():
        handing.rewrite([row.pk], tenant)
    laying.follow()


def _take_away(row):
    """Its task or its message."""
    if row.state == State.HANDED_OUT:
        handing.withdraw([row.task_id])
    elif row.state == State.PUSHED and not robots.take_back(row.push):
        raise Refused(_("This was done already; it stays where it is."), code="already_done")


@transaction.atomic
def put_back(occurrence, *, by):
    """A moved one stands again where its slot says."""
    tenant = laying.at_once()
    row = _mine(occurrence)
    if row.is_moved:
        _refuse_day(row, row.day, row.slot.at, tenant)
        was = row.wall_time
        Occurrence.objects.filter(pk=row.pk).update(is_moved=False, wall_time=laying.wall(row.day, row.slot.at))
        _again(row, tenant)
        events.note("occurrence.put_back", row, by=by, before={"day": str(was.date()), "at": str(was.time())})


@transaction.atomic
def drop(occurrence, *, by):
    """Not done this once; next week it is again."""
    laying.at_once()
    row = _mine(occurrence)
    if row.state == State.DROPPED:
        return
    _take_away(row)
    Occurrence.objects.filter(pk=row.pk).update(state=State.DROPPED)
    events.note("occurrence.dropped", row, by=by, before={"day": str(row.wall_time.date()), "group": str(row.group_id)})


@transaction.atomic
def bring_back(occurrence, *, by):
    """Undo a drop. Where its day is over, nothing comes back."""
    tenant = laying.at_once()
    row = _mine(occurrence)
    if row.state != State.DROPPED:
        return
    if row.wall_time.date() < tenant.today():
        raise Refused(_("Its day is over."), code="moment_over")
    Occurrence.objects.filter(pk=row.pk).update(state=State.PAUSED)  # what follows lets it wait, as after a pause
    events.note("occurrence.returned", row, by=by, after={"day": str(row.wall_time.date()), "group": str(row.group_id)})
    laying.follow()


def text_of(occurrence):
    """What would be sent, as far as it is known today."""
    if occurrence.task_id and occurrence.state == State.HANDED_OUT:
        return occurrence.task.text
    if occurrence.state == State.PUSHED:
        return occurrence.push.text
    zone = _tenant().zone
    return texts.filled(occurrence.slot.text, occurrence.group, occurrence.wall_time.replace(tzinfo=zone))


# Who carries how much


def give(rows, whose, to):
    """Their tasks that were handed out already, with what goes ahead of them."""
    handing.hold(Occurrence.objects.filter(pk__in=rows).exclude(task=None).values("task"))
    of_rows = Q(occurrences__in=rows) | Q(following__occurrences__in=rows)
    Task.objects.filter(pk__in=Task.objects.unended().filter(of_rows, assistant=whose).values("pk")).update(assistant=to)


def assistant_of(occurrence):
    """The seat that does it: of its task, or who would be given it today. None where a robot does it."""
    if occurrence.task_id and occurrence.state == State.HANDED_OUT:
        return occurrence.task.assistant
    seat = seats_of([occurrence], _tenant()).get(occurrence.pk)
    return seat and Seat.objects.select_related("user").get(pk=seat)


def seats_of(rows, tenant):
    """{occurrence's id: seat's id}, as they would be handed out one after another; by as many questions for many as for one.

    What a robot does is nobody's. Where it could not, its message is a task like any other."""
    does = robots.Robots(row.slot for row in rows).does
    rows = [row for row in rows if row.state != State.PUSHED and (row.state == State.HANDED_OUT or not does(row.slot, row.group_id))]
    rows = sorted(rows, key=lambda row: (row.wall_time, row.pk))
    hands = Hands([row for row in rows if row.state != State.HANDED_OUT], tenant)
    return {row.pk: row.task.assistant_id if row.state == State.HANDED_OUT else hands.take(row) for row in rows}


def of_week(monday):
    """What is done in a week, with all that a page shows of it; paused and dropped ones, too."""
    rows = Occurrence.objects.filter(wall_time__gte=laying.wall(monday, MIDNIGHT), wall_time__lt=laying.wall(monday + 7 * A_DAY, MIDNIGHT))
    return rows.select_related("slot", "group", "task__after").order_by("wall_time", "id")


def load(tenant, monday):
    """{seat's id: minutes} of a week: what is planned and done of the rhythm, and the other tasks due then that are to be done."""
    rows = [row for row in of_week(monday).exclude(state__in=[State.PAUSED, State.DROPPED]) if not _came_to_nothing(row)]
    seats, minutes = seats_of(rows, tenant), {}
    for row in (row for row in rows if row.pk in seats):
        spent = pairs.minutes_of(row.task) if row.state == State.HANDED_OUT else row.slot.minutes
        minutes[seats[row.pk]] = minutes.get(seats[row.pk], 0) + spent
    counted = [pk for row in rows if row.task_id for pk in (row.task_id, row.task.after_id) if pk]
    tasks = Task.objects.unended().filter(due_at__lt=laying.moment_of(laying.wall(monday + 7 * A_DAY, MIDNIGHT), tenant))
    if monday > tenant.today():  # what is open since long ago weighs on this week
        tasks = tasks.filter(due_at__gte=laying.moment_of(laying.wall(monday, MIDNIGHT), tenant))
    for seat, spent in tasks.exclude(pk__in=counted).values_list("assistant", "minutes"):
        minutes[seat] = minutes.get(seat, 0) + spent
    return minutes


def _came_to_nothing(row):
    return row.state == State.HANDED_OUT and row.task.state in (Task.State.WITHDRAWN, Task.State.IMPOSSIBLE)


class Over(NamedTuple):
    seat: Seat
    minutes: int
    budget: int


class _Tried(Exception):
    pass


def over_budget(tenant, change):
    """Whom a change would take over their weekly budget, or further over it, in this week or the next two: [(seat, minutes, budget)].

    `change` does it, as `lambda: rhythms.change_slot(…)`; here it is done and taken back. What it refuses is raised."""
    try:
        with transaction.atomic():
            over = _weighed(tenant, change)[1]
            raise _Tried
    except _Tried:
        return over


@transaction.atomic
def within_budget(tenant, change):
    """What `change` gives. Where it takes somebody over their budget, as above, it is refused and nothing is changed."""
    made, over = _weighed(tenant, change)
    if over:
        told = [{"seat": str(each.seat.pk), "minutes": each.minutes, "budget": each.budget} for each in over]
        raise Refused(" ".join(map(_too_much, over)), code="over_budget", over=told)
    return made


def _too_much(each):
    words = {"name": each.seat, "minutes": f"{each.minutes:,}", "budget": f"{each.budget:,}", "over": f"{each.minutes - each.budget:,}"}
    return _("%(name)s would have %(minutes)s of %(budget)s minutes in that week, %(over)s too much.") % words


def _weighed(tenant, change):
    """What the change gives, done, and whom it took over."""
    seats = Seat.objects.standing().filter(tenant=tenant).exclude(minutes_a_week=None).select_related("user").order_by("id")
    budgets = {seat.pk: seat for seat in seats}
    this = tenant.today() - tenant.today().weekday() * A_DAY
    mondays = [this + 7 * n * A_DAY for n in range(3)]
    before = [load(tenant, monday) for monday in mondays] if budgets else []
    made = change()
    after = [load(tenant, monday) for monday in mondays] if budgets else []
    worst = {}
    for was, will in zip(before, after, strict=True):
        for pk, minutes in will.items():
            if pk in budgets and minutes > max(budgets[pk].minutes_a_week, was.get(pk, 0)):
                worst[pk] = max(minutes, worst.get(pk, 0))
    return made, [Over(seat, worst[pk], seat.minutes_a_week) for pk, seat in budgets.items() if pk in worst]


# Another time zone


class _Rhythm(community.Moved):
    """All that is laid out, as one line of what a change of the zone moves."""

    def keep(self):
        laying.follow(anew=True)


def in_another_zone(zone):
    """What waits, and today's open tasks, keep their wall time."""
    waiting = Occurrence.objects.filter(state=State.WAITING, due_at__gt=now())
    first = waiting.select_related("slot").order_by("due_at").first()
    if first is not None:
        label = _("The rhythm: %(number)s tasks of the next days") % {"number": f"{waiting.count():,}"}
        yield _Rhythm(first, label, laying.due_at(first.slot, first.wall_time, zone))


community.ON_ZONE_CHANGE.append(in_another_zone)
