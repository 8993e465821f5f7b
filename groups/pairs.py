"""A red packet goes before a talk, as two tasks: the talk opens when the packet is ticked. After the words the scramble would bury them."""

from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

from . import rises
from .models import Slot, Task

OVER = (Task.State.DONE, Task.State.IMPOSSIBLE)
OF_PACKET = 1  # minutes, out of those of the slot
WRITTEN = ["assistant", "state", "due_at", "late_at", "minutes", "title", "text"]


def packet_of(task, slot):
    """What goes ahead of this task, written anew, where its slot is a talk; else None. Says in which state each of the two is."""
    if slot.practice != Slot.Practice.TALK:
        if task.after_id and task.after.state == Task.State.OPEN:
            task.after.state = Task.State.WITHDRAWN
            task.state = Task.State.OPEN
            return task.after
        return None
    packet = task.after or Task(kind=Task.Kind.SLOT, group_id=task.group_id)
    if packet.state not in OVER:
        put_ahead(packet, task, slot.title, min(OF_PACKET, slot.minutes - 1))
    task.after, task.minutes = packet, max(slot.minutes - OF_PACKET, 1)
    return packet


def put_ahead(packet, task, talk, minutes):
    """The red packet is to be done, at the hour of the talk, and bars it."""
    packet.state, task.state, task.after = Task.State.OPEN, Task.State.BARRED, packet
    packet.assistant_id, packet.due_at, packet.late_at = task.assistant_id, task.due_at, task.late_at
    packet.title = _("Red packet before the talk")
    packet.text = _("“%(talk)s” begins in a moment. Catch this one first, then stay and listen 🧧") % {"talk": talk}
    packet.minutes = minutes


def minutes_of(task):
    """Of both."""
    return task.minutes + (task.after.minutes if task.after_id and task.after.state != Task.State.WITHDRAWN else 0)


# What a tick of one does to the other. The one that is ticked is held


def refuse_before(task):
    if task.state == Task.State.BARRED:
        words = {"ahead": task.after.title, "task": task.title}
        sentence = _("First comes “%(ahead)s”, then “%(task)s”. Do that one, or say why it cannot be done.") % words
        raise Refused(sentence, code="not_its_turn", task=str(task.after_id))


def refuse_under_a_later_one(task):
    following = list(task.following.select_for_update())  # who ticks that one now is waited for
    if later := next((each for each in following if each.state in OVER), None):
        raise Refused(_("“%(task)s” was done after it. Take that back first.") % {"task": later.title}, code="later_task_done")


def follow(task, tenant):
    """Whoever did the first one does the second."""
    for later in task.following.select_for_update().filter(state__in=Task.UNENDED):
        if task.state in OVER and later.state == Task.State.BARRED:
            later.state, later.assistant_id = Task.State.OPEN, task.assistant_id
            later.late_at = max(later.late_at, now() + (later.late_at - later.due_at) / 2)
            later.save(update_fields=["state", "assistant", "late_at"])
            rises.promise([later], tenant)
            rises.again([later], tenant)
        elif task.state == Task.State.OPEN and later.state == Task.State.OPEN:
            later.state = Task.State.BARRED
            later.save(update_fields=["state"])
            rises.withdraw(later)
