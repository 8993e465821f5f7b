"""What is due becomes a task: of the group's assistant, of whose turn it is, or of whoever is free. Or the group's robot sends it."""

import datetime

from django.db import transaction
from django.db.models import F, Max, Q, Sum, prefetch_related_objects
from django.utils import translation
from django.utils.timezone import now

from crm.tenancy import bulk, events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.scope import active_tenant

from . import pairs, rises, robots, texts, waves
from .calendar import instant
from .models import Occurrence, Slot, Task

NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)
Given = Slot.Given
OF_GROUP = (Given.GROUP, Given.ROBOT)  # where a robot cannot, it is the group's assistant


class Hands:
    """Who takes the next occurrence, one after another: each one given counts for the next."""

    def __init__(self, occurrences, tenant, day=None):
        """`day` where they are handed out now: whoever is away on it is given nothing."""
        groups = {row.group_id: row.group.assistant_id for row in occurrences}
        self.of_group = waves.hands_of(groups.items(), tenant, day) if groups else {}
        dealt = {row.slot_id for row in occurrences if row.slot.given not in OF_GROUP}
        self.chosen = _who_works({row.assistant_id for row in occurrences} - {None}, tenant)
        self.working, self.minutes, self.turns = [], {}, {}
        if dealt:
            roles = [Seat.Role.OPERATOR, Seat.Role.ASSISTANT]
            seats = Seat.objects.at_work(day) if day else Seat.objects.standing()
            self.working = list(seats.filter(tenant=tenant, role__in=roles).order_by("id").values_list("pk", flat=True))
            self.working = self.working or [waves.free_hand(tenant).pk]
            self.minutes = dict(Task.objects.unended().order_by().values_list("assistant").annotate(Sum("minutes")))
            done = Occurrence.objects.filter(slot__in=dealt).exclude(task=None).order_by()
            self.turns = {(slot, seat): last for slot, seat, last in done.values_list("slot", "task__assistant").annotate(Max("due_at"))}

    def take(self, row):
        """The seat that does this one."""
        if row.assistant_id in self.chosen:
            seat = row.assistant_id
        elif row.slot.given in OF_GROUP:
            seat = self.of_group[str(row.group_id)]
        else:
            seat = min(self.working, key=lambda seat: self._waits(row, seat))
            self.turns[row.slot_id, seat] = row.due_at
        self.minutes[seat] = self.minutes.get(seat, 0) + row.slot.minutes
        return seat

    def _waits(self, row, seat):
        """By turns, whoever did it longest ago; else, and among equals, whoever has the fewest minutes to do."""
        turn = self.turns.get((row.slot_id, seat), NEVER) if row.slot.given == Given.TURN else NEVER
        return turn, self.minutes.get(seat, 0), seat


def _who_works(seats, tenant):
    """Those of these that stand and work."""
    if not seats:
        return set()
    standing = Seat.objects.standing().filter(tenant=tenant, pk__in=seats).exclude(role=Seat.Role.VIEWER)
    return set(standing.values_list("pk", flat=True))


def locked():
    return Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())


@transaction.atomic
def hand_out(pk):
    """Turn all that is due, of which this row was found, into tasks and messages. Whoever flips the state owns it."""
    tenant = locked()
    due = Occurrence.objects.filter(state=Occurrence.State.WAITING, due_at__lte=now())
    found = _with_theirs(due.select_for_update().order_by("wall_time", "id"))
    if all(str(row.pk) != str(pk) for row in found):
        return
    rows = [row for row in found if row.slot.given != Given.ROBOT]
    hands = Hands(rows, tenant, tenant.today())
    fresh, again, packets, new = [], [], [], bulk.blanks(Task, kind=Task.Kind.SLOT)
    with translation.override(tenant.language):
        _push([row for row in found if row.slot.given == Given.ROBOT], tenant)
        for row in rows:
            task = row.task or new()
            (again if row.task else fresh).append(task)
            task.group_id, task.assistant_id, task.state, row.task = row.group_id, hands.take(row), Task.State.OPEN, task
            packets.append(_write(task, row, tenant))
            row.state = Occurrence.State.HANDED_OUT
    _keep(fresh, packets, tenant)
    Task.objects.bulk_update(again, ["assistant", *WRITTEN])
    rises.again(again, tenant)
    bulk.mark(Occurrence, ["state", "task"], [(row.pk, row.state, row.task_id) for row in rows])
    events.note_all({"kind": "occurrence.handed_out", "subject": row, "after": _told(row.task)} for row in rows)


def _with_theirs(due):
    """Many rows are of few slots and groups, so these are read once."""
    rows = list(due)
    prefetch_related_objects(rows, "slot__picture", "group")
    prefetch_related_objects([row for row in rows if row.task_id], "task__after")
    return rows


def _told(task):
    return {"assistant": str(task.assistant_id), "minutes": pairs.minutes_of(task)}


def _push(rows, tenant):
    for row in rows:
        moment = instant(row.wall_time.replace(tzinfo=None), tenant.zone)
        row.push = robots.push(row, texts.filled(row.slot.text, row.group, moment.astimezone(tenant.zone)), moment)
        row.state = Occurrence.State.PUSHED
        row.save(update_fields=["state", "push"])
        events.note("occurrence.pushed", row)


WRITTEN = ["state", "after", "due_at", "late_at", "minutes", "title", "text", "picture", "wants_proof", "risen"]


def _write(task, row, tenant):
    """What the slot says, at its moment. Returns the red packet ahead of it, if one is concerned."""
    slot, moment = row.slot, instant(row.wall_time.replace(tzinfo=None), tenant.zone)
    task.due_at, task.late_at, task.risen = moment, moment + datetime.timedelta(minutes=slot.within), 0
    task.minutes, task.title, task.picture_id, task.wants_proof = slot.minutes, slot.title, slot.picture_id, slot.wants_proof
    task.text = texts.filled(slot.text, row.group, moment.astimezone(tenant.zone))
    return pairs.packet_of(task, slot)


def _keep(fresh, packets, tenant):
    """New tasks, and the red packets ahead of these and of others, with their first steps."""
    packets = [packet for packet in packets if packet]
    again = [packet for packet in packets if not packet._state.adding]
    fresh = [*(packet for packet in packets if packet._state.adding), *fresh]
    bulk.create(fresh)
    Task.objects.bulk_update(again, pairs.WRITTEN)
    rises.promise([task for task in [*again, *fresh] if task.state == Task.State.OPEN], tenant)
    rises.again([packet for packet in again if packet.state == Task.State.OPEN], tenant)


def rewrite(occurrences, tenant):
    """Open tasks of these follow their slots."""
    if not occurrences:
        return
    rows = list(Occurrence.objects.filter(pk__in=occurrences, task__state__in=Task.UNENDED).select_related("slot", "group", "task__after"))
    with translation.override(tenant.language):
        _keep([], [_write(row.task, row, tenant) for row in rows], tenant)
    Task.objects.bulk_update([row.task for row in rows], WRITTEN)
    is_open = [row.task for row in rows if row.task.state == Task.State.OPEN]
    rises.promise(is_open, tenant)
    rises.again(is_open, tenant)


def hold(tasks):
    """[(id, state, seat's id)] of these and of what goes ahead of them, locked: that first, as a tick of it locks them."""
    both = Task.objects.filter(Q(pk__in=tasks) | Q(following__in=tasks)).select_for_update(of=["self"])
    return list(both.order_by(F("after").asc(nulls_first=True), "pk").values_list("pk", "state", "assistant"))


def withdraw(tasks):
    """Nobody has to do these any more; what was done stays done."""
    if tasks := list(tasks):
        Task.objects.unended().filter(Q(pk__in=tasks) | Q(following__in=tasks)).update(state=Task.State.WITHDRAWN)


def give_on(rows, tenant):
    """Open tasks of somebody who left, or only looks on now, go to whoever does it from now on."""
    if not rows:
        return
    standing = Seat.objects.standing().filter(tenant=tenant).exclude(role=Seat.Role.VIEWER)
    there = set(standing.filter(pk__in={row.task_of for row in rows}).values_list("pk", flat=True))
    if not (left := [row.pk for row in rows if row.task_of not in there]):
        return
    left = list(Occurrence.objects.filter(pk__in=left).select_related("slot", "group", "task__after").order_by("wall_time", "id"))
    hands = Hands(left, tenant)
    for row in left:
        row.task.assistant_id = hands.take(row)
        events.note("occurrence.handed_out", row, after=_told(row.task), because="seat_left")
    Task.objects.bulk_update([row.task for row in left], ["assistant"])
