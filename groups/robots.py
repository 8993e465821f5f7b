"""Slots that the group's robot does: which ones, their messages, and which of these have not gone out yet."""

import datetime
from collections import defaultdict

from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

from . import delivery
from .models import Channel, Occurrence, Push, Slot

CAUSE = "occurrence"  # of a push
LATEST = datetime.timedelta(minutes=10)  # after its hour, for workers that were down while it waited
HOUR_OVER = "hour_over"  # why it is somebody's
GOES_ON = [Push.State.WAITING, Push.State.BY_HAND, Push.State.FAILED]  # nothing of these has gone into the group


class Robots:
    """Of all groups, by one question for many as for one; none where no slot is done by a robot."""

    def __init__(self, slots):
        self.channels = defaultdict(list)
        if any(slot.given == Slot.Given.ROBOT for slot in slots):
            for channel in Channel.objects.open().filter(state=Channel.State.ON).in_order():
                self.channels[channel.group_id].append(channel)

    def does(self, slot, group):
        """Whether a robot of this group would send it. Where none can, it is the work of somebody."""
        if slot.given != Slot.Given.ROBOT:
            return False
        return delivery.way(Push(text=slot.text, picture_id=slot.picture_id), self.channels.get(group, ())) is not None


def push(row, text, due_at):
    """The message of one that is due: said anew, where it was taken back before. What did not wait when its hour came, since a pause was
    lifted or a slot came back later, is somebody's task like any other: a robot does not speak at an hour that nobody chose."""
    slot = row.slot
    many = Push.objects.filter(cause__startswith=f"{CAUSE}:{row.pk}:").count()
    made = delivery.push(
        row.group, cause=f"{CAUSE}:{row.pk}:{many}", title=slot.title, text=text, picture=slot.picture, minutes=slot.minutes, due_at=due_at
    )
    if made.state == Push.State.WAITING and (row.due_at > due_at or due_at < now() - LATEST):
        delivery.give_to_hand(made, reason=HOUR_OVER)
    return made


def take_back(push):
    """Whether it does not go out any more."""
    if not can_be_taken_back(push):
        return False
    try:
        delivery.withdraw(push)
    except Refused:  # a worker was faster
        push.refresh_from_db()
        return False
    return True


def can_be_taken_back(push):
    return push.state in GOES_ON and not push.parts


def ahead():
    """Occurrences of which nothing has gone out."""
    return ~Q(state=Occurrence.State.PUSHED) | Q(push__state__in=GOES_ON, push__parts=0)


def refuse_talk(practice, given):
    if (practice, given) == (Slot.Practice.TALK, Slot.Given.ROBOT):
        sentence = _("A red packet goes before a talk, and no robot can send one: give it to somebody.")
        raise Refused(sentence, code="talk_by_robot", status=400, field="given")
