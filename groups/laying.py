"""The slots of two weeks as rows, once each whatever happens; what has not begun follows every change.

An occurrence has begun when its task was ended, when something of its message has gone out, or when its day is over. Everything here
happens under the lock of the tenant, so two workers who lay out at once, or lay out while a slot is changed, wait for each other.
"""

import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm.tenancy import bulk

from . import handing, robots
from .calendar import instant
from .models import Group, Occurrence, Pause, Rhythm, Slot, Task

AHEAD = 14
EARLY = datetime.time(5)  # from then on the tasks of a day stand on the phones
A_DAY = datetime.timedelta(days=1)
State = Occurrence.State


def at_once():
    """The tenant as it is, under its lock: changes of rhythms wait for each other, and for whoever lays out or hands out."""
    return handing.locked()


def lay_out(tenant, days=AHEAD):
    """The days that have come into sight; twice changes nothing. A group that is new begins tomorrow."""
    return _lay(days, begins_in=1)


def follow(*, changed=None, anew=False):
    """After a change: what has not begun is as the slots say, from this moment on.

    Open tasks of the slot `changed` are written again, all of them with `anew`."""
    return _lay(AHEAD, begins_in=0, changed=changed, anew=anew)


@transaction.atomic
def _lay(days, begins_in, changed=None, anew=False):
    tenant = at_once()
    today, slots = tenant.today(), slots_of_groups()
    pauses = list(Pause.objects.filter(until__gte=today).values_list("since", "until", "group"))
    rows = _laid_out(today)
    _hold(rows.values())
    _let_go(rows, slots, today)
    _follow(list(rows.values()), slots, pauses, tenant, changed, anew)
    return _add(rows, slots, pauses, tenant, today + begins_in * A_DAY, today + days * A_DAY)


def on_another_weekday(slot, tenant):
    """It is done once a week: what was done, moved or dropped by hand in this week or a later one stands for the new day of that week."""
    today = tenant.today()
    monday = today - today.weekday() * A_DAY
    rows = list(Occurrence.objects.filter(Q(day__gte=monday) | _ahead(today), slot=slot))
    for row in rows:
        row.day += (slot.weekday - row.day.weekday()) * A_DAY
    Occurrence.objects.bulk_update(rows, ["day"])


def take_away(groups):
    """What was laid out for groups that are not needed after all."""
    Occurrence.objects.filter(group__in=list(groups), task=None).delete()


def slots_of_groups():
    """{group's id: {slot's id: slot}} of the open groups: those of its rhythm and its own."""
    usual = dict(Rhythm.objects.open().filter(is_usual=True).values_list("mode", "pk"))
    of_rhythm, of_group = {}, {}
    for slot in Slot.objects.open():
        holder = of_rhythm.setdefault(slot.rhythm_id, {}) if slot.rhythm_id else of_group.setdefault(slot.group_id, {})
        holder[slot.pk] = slot
    groups = Group.objects.open().values_list("pk", "rhythm", "mode")
    return {pk: of_rhythm.get(rhythm or usual.get(mode), {}) | of_group.get(pk, {}) for pk, rhythm, mode in groups}


def is_paused(pauses, group, day):
    return any(since <= day <= until and of in (None, group) for since, until, of in pauses)


def wall(day, at):
    """What the clock on the tenant's wall says, kept as if in UTC."""
    return datetime.datetime.combine(day, at, datetime.UTC)


def moment_of(wall_time, tenant):
    """When it is done."""
    return instant(wall_time.replace(tzinfo=None), tenant.zone)


def due_at(slot, wall_time, zone):
    """A robot sends it at its moment. Somebody has it early on its day, or at its moment where that is sooner."""
    if slot.given == Slot.Given.ROBOT:
        return instant(wall_time.replace(tzinfo=None), zone)
    return min(instant(datetime.datetime.combine(wall_time.date(), EARLY), zone), instant(wall_time.replace(tzinfo=None), zone))


def _laid_out(today):
    """{(slot, group, day): row} of today and later, and of what waits since before."""
    rows = Occurrence.objects.filter(_ahead(today)).select_related("push")
    rows = rows.annotate(task_state=F("task__state"), task_of=F("task__assistant"))
    return {(row.slot_id, row.group_id, row.day): row for row in rows}


def _hold(rows):
    """Their open tasks stay as they are until this act stands: a tick comes before it, and then the row has begun, or after it."""
    open_ones = {row.task_id: row for row in rows if row.state == State.HANDED_OUT and row.task_state in Task.UNENDED}
    for pk, state, seat in handing.hold(list(open_ones)) if open_ones else ():
        if pk in open_ones:
            open_ones[pk].task_state, open_ones[pk].task_of = state, seat


def _ahead(today):
    return Q(day__gte=today) | Q(wall_time__gte=wall(today, datetime.time(0))) | Q(state=State.WAITING)


def has_begun(row):
    if row.state == State.PUSHED:
        return not robots.can_be_taken_back(row.push)
    return row.state == State.HANDED_OUT and row.task_state not in Task.UNENDED


def _let_go(rows, slots, today):
    """What no slot says any more. What was dropped by hand stays dropped, if the slot comes back."""
    gone = [row for row in rows.values() if row.state != State.DROPPED and not has_begun(row) and not _is_wanted(row, slots, today)]
    gone = [row for row in gone if row.state != State.PUSHED or robots.take_back(row.push)]
    if gone:
        handing.withdraw(row.task_id for row in gone if row.state == State.HANDED_OUT)
        Occurrence.objects.filter(pk__in=[row.pk for row in gone]).delete()
    for row in gone:
        del rows[row.slot_id, row.group_id, row.day]


def _is_wanted(row, slots, today):
    slot = slots.get(row.group_id, {}).get(row.slot_id)
    if slot is None or row.day.weekday() != slot.weekday:
        return False
    wall_time = _wall_of(row, slot)
    return wall_time.date() >= today or wall_time == row.wall_time


def _wall_of(row, slot):
    return row.wall_time if row.is_moved else wall(row.day, slot.at)


def _follow(rows, slots, pauses, tenant, changed, anew):
    """Other times and pauses; a task that was handed out and is not done goes along."""
    differing, rewritten, withdrawn = [], [], []
    for row in rows:
        if row.state == State.DROPPED or has_begun(row):
            continue
        slot, before = slots[row.group_id][row.slot_id], (row.wall_time, row.due_at, row.state)
        row.wall_time = _wall_of(row, slot)
        row.due_at = due_at(slot, row.wall_time, tenant.zone)
        is_out, is_other = row.state == State.HANDED_OUT, anew or slot.pk == changed or row.wall_time != before[0]
        if is_paused(pauses, row.group_id, row.wall_time.date()):
            row.state = State.PAUSED
        elif _waits_again(row, slot, is_other):
            row.state = State.WAITING
        if before[2] == State.PUSHED != row.state and not robots.take_back(row.push):
            row.wall_time, row.due_at, row.state = before
            continue
        if row.state == State.WAITING and slot.given == Slot.Given.ROBOT and _missed_its_hour(row, *before[1:]):
            row.due_at = now()
        if is_out and row.state != State.HANDED_OUT:
            withdrawn.append(row.task_id)
        elif is_out and is_other:
            rewritten.append(row.pk)
        if before != (row.wall_time, row.due_at, row.state):
            differing.append(row)
    Occurrence.objects.bulk_update(differing, ["wall_time", "due_at", "state"])
    handing.withdraw(withdrawn)
    handing.rewrite(rewritten, tenant)
    handing.give_on([row for row in rows if row.state == State.HANDED_OUT and row.task_state in Task.UNENDED], tenant)


def _missed_its_hour(row, due_before, state_before):
    """It did not wait when its hour came, as in a pause. It is due later than its hour: that is how `robots.push` knows."""
    did_wait = state_before == State.WAITING or (state_before == State.PUSHED and row.push.reason != robots.HOUR_OVER)
    return row.due_at <= now() and not (did_wait and due_before == row.due_at)


def _waits_again(row, slot, is_other):
    if row.state == State.HANDED_OUT:
        return row.due_at > now() or slot.given == Slot.Given.ROBOT
    return row.state != State.PUSHED or is_other


def _add(rows, slots, pauses, tenant, first, until):
    """Everything between two days that is not there."""
    days, moment, added = [first + n * A_DAY for n in range((until - first).days)], now(), []
    on = {weekday: [day for day in days if day.weekday() == weekday] for weekday in range(7)}
    for group, its in slots.items():
        for slot in its.values():
            for day in on[slot.weekday]:
                wall_time = wall(day, slot.at)
                if (slot.pk, group, day) in rows or moment_of(wall_time, tenant) <= moment:
                    continue
                state = State.PAUSED if is_paused(pauses, group, day) else State.WAITING
                added.append((uuid7(), slot.pk, group, day, wall_time, due_at(slot, wall_time, tenant.zone), False, str(state)))
    return bulk.add(Occurrence, ["id", "slot", "group", "day", "wall_time", "due_at", "is_moved", "state"], added)
