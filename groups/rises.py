"""A late task is brought to somebody: to whoever has it, then to somebody else who is free, then to the owner; once each.

The first step is laid out with the task, each next one by the step before it. At night nobody is disturbed.
"""

import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm.tenancy import bulk, community, events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.scope import active_tenant

from . import handovers
from .calendar import instant
from .models import Rise, Task

REMIND, PASS_ON, BRING_UP = STEPS = range(1, 4)
KINDS = {REMIND: "task.reminded", PASS_ON: "task.passed_on", BRING_UP: "task.brought_up"}
MORNING, NIGHT = datetime.time(9), datetime.time(22)


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


def moment_of(late_at, step, tenant):
    return _awake(late_at, tenant.rises_after[step - 1], tenant)


def _awake(start, minutes, tenant):
    """So many minutes after; what falls into the night waits for the morning, and keeps its minutes."""
    minutes = datetime.timedelta(minutes=minutes)
    wall = (start + minutes).astimezone(tenant.zone)
    if MORNING <= wall.time() < NIGHT:
        return start + minutes
    day = wall.date() + datetime.timedelta(days=wall.time() >= NIGHT)
    return instant(datetime.datetime.combine(day, MORNING), tenant.zone) + minutes


def _after(task, step, tenant):
    """When the step that follows this one, done now, is due: whoever was reached a day late has their time all the same."""
    gap = tenant.rises_after[step] - tenant.rises_after[step - 1]
    return max(moment_of(task.late_at, step + 1, tenant), _awake(now(), gap, tenant))


def promise(tasks, tenant):
    """The first step of these new tasks."""
    moments = {late_at: moment_of(late_at, REMIND, tenant) for late_at in {task.late_at for task in tasks}}
    rises = [(uuid7(), task.pk, REMIND, "waiting", moments[task.late_at]) for task in tasks]
    bulk.add(Rise, ["id", "task", "step", "state", "due_at"], rises)


def lay_out(tenant):
    """For open tasks that nobody promised anything of; twice changes nothing."""
    promise(Task.objects.open().exclude(Exists(Rise.objects.filter(task=OuterRef("pk")))).only("pk", "tenant", "late_at"), tenant)


# What happens to the task happens to its steps; they are called while it is held


def withdraw(task):
    Rise.objects.filter(task=task, state=Rise.State.WAITING).update(state=Rise.State.WITHDRAWN)


def again(tasks, tenant=None):
    """They are open again, or due at another time: what has not begun waits for its moment. What was done is not done twice."""
    if tasks:
        tenant = tenant or _tenant()
        handovers.give_on(tasks, tenant)
        _wait(Rise.objects.filter(task__in=tasks).exclude(state=Rise.State.DONE), tenant)


def others_now(tenant):
    """The tenant says other times: what has not begun follows."""
    _wait(Rise.objects.filter(state=Rise.State.WAITING), tenant)


def _wait(found, tenant):
    rows = list(found.select_related("task"))
    for row in rows:
        row.state, row.due_at = Rise.State.WAITING, moment_of(row.task.late_at, row.step, tenant)
    Rise.objects.bulk_update(rows, ["state", "due_at"], batch_size=500)


@transaction.atomic
def rise(pk):
    """Keep one step. Task before step, as every act on a task locks them; whoever flips the state owns the step."""
    waiting = Rise.objects.filter(pk=pk, state=Rise.State.WAITING, due_at__lte=now())
    found = waiting.first()
    if found is None:
        return
    task = Task.objects.select_for_update(of=["self"]).get(pk=found.task_id)
    if not waiting.update(state=Rise.State.DONE):
        return
    step = Rise.objects.filter(pk=pk)
    if task.state != Task.State.OPEN:
        step.update(state=Rise.State.WITHDRAWN)
        return
    tenant = _tenant()
    if (moment := moment_of(task.late_at, found.step, tenant)) > now():  # it was put off, or the minutes are others
        step.update(state=Rise.State.WAITING, due_at=moment)
        return
    to = _brought_to(task, found.step, tenant)
    step.update(to=to)
    Task.objects.filter(pk=task.pk).update(risen=found.step, assistant=to if found.step == PASS_ON else task.assistant_id)
    events.note(KINDS[found.step], task, member=task.member_id, after={"assistant": str(to.pk)})
    if found.step < BRING_UP:
        Rise.objects.get_or_create(task=task, step=found.step + 1, defaults={"due_at": _after(task, found.step, tenant)})


def _brought_to(task, step, tenant):
    """The owner hears of it and leaves the task where it is. Where nobody else works, it stays where it is, too."""
    if step == BRING_UP:
        return Seat.objects.standing().filter(tenant=tenant).owner_first().first()
    other = handovers.freest(tenant, but={task.assistant_id}) if step == PASS_ON else None
    return other or Seat.objects.get(tenant=tenant, pk=task.assistant_id)


community.FOLLOWERS["rises_after"] = others_now
