"""The way out by a channel: a worker claims the next message of a push, sends it, and notes what came of it.

Before the call the row says that it is being sent, in a transaction of its own. So whatever dies in between, no message goes out
twice: a robot or a mail cannot drop a repeat, and twice in a chat is worse than a question to somebody. One found in that state when
its time is over may have been sent, and asks. A signed webhook drops repeats by their id, and is simply sent again.
"""

import datetime
import random
from dataclasses import dataclass

from django.utils import translation
from django.utils.timezone import now

from crm.tenancy import events, files
from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for

from . import delivery, senders
from .calendar import instant
from .models import Channel, Push
from .senders.outside import NotSent
from .senders.pieces import Piece, TooLong

State = Push.State
PATIENCE = datetime.timedelta(seconds=60)  # in which a worker says what came of it, or is taken for dead; a call takes 20 at most
MINUTE = datetime.timedelta(seconds=65)  # of the pace: a message may be some seconds on its way
MOST_TRIES = 5
PAUSE = 20  # seconds after the first try; each further one is twice as long
LONGEST_WAIT = datetime.timedelta(hours=1)  # for a channel that rests; beyond it somebody sends by hand
DAY = datetime.timedelta(days=1)
MAY_BE_OUT = ("no_answer", "line_cut", "server_error", "worker_died")  # reasons after which one that drops repeats is sent again


@dataclass(frozen=True)
class Going:
    """One message on its way. The channel is read, so nothing is open while the line is."""

    push: Push
    channel: Channel
    piece: Piece
    is_last: bool

    @property
    def key(self):
        return f"{self.push.pk}-{self.push.parts}"


def keep(tenant_id, pk):
    """One message after another, until the push has gone out, waits or is somebody's."""
    while going := _claimed(tenant_id, pk):
        said = senders.send(going.channel, going.piece, going.key)
        with acting_for(tenant_id):
            _note(going, said)


def _claimed(tenant_id, pk):
    """The next message of a push that is due, which from now on is being sent; None where nothing is to be sent now."""
    with acting_for(tenant_id):
        tenant = Tenant.objects.get(pk=tenant_id)
        with translation.override(tenant.language):
            due = Push.objects.filter(pk=pk, state__in=Push.swept, due_at__lte=now())
            found = due.first()
            if found is None:
                return None
            # Channels before pushes, as those who change a channel lock them; two workers share its pace one after the other.
            channels = list(Channel.objects.open().in_order().filter(group=found.group_id).select_for_update())
            push = due.select_for_update(of=["self"], skip_locked=True).select_related("group", "picture", "member", "task").first()
            return push and _begun(push, channels, tenant)


def _begun(push, channels, tenant):
    if push.state == State.SENDING and not senders.drops_repeats(push.channel.kind):
        return delivery.turn(push, State.UNSURE, reason="worker_died")
    if push.state == State.SENDING:
        push.reason = "worker_died"
        if push.tries >= MOST_TRIES:
            return _not_by_channel(push, "worker_died")
    channel = delivery.way(push, channels)
    if channel is None:
        return _not_by_channel(push, "switched_off" if push.channel_id else "")
    try:
        pieces = _pieces(push, channel)
    except TooLong:
        return _not_by_channel(push, "too_long")
    except NotSent as problem:
        return _not_by_channel(push, problem.code)
    if waits := _waits(push, channel, tenant):
        return _put_off(push, channel, *waits)
    moment = now()
    Channel.objects.filter(pk=channel.pk).update(sent=[*_recent(channel, moment), moment], rests_until=None)
    push.state, push.channel, push.due_at, push.tries = State.SENDING, channel, moment + PATIENCE, push.tries + 1
    push.begun_at = push.begun_at or moment
    push.save(update_fields=["state", "channel", "due_at", "tries", "begun_at", "reason"])
    return Going(push, channel, pieces[push.parts], push.parts + 1 == len(pieces))


def _pieces(push, channel):
    if not push.picture_id:
        return senders.messages(push, channel.kind)
    try:
        picture = files.path_of(push.picture).read_bytes()
    except OSError:
        raise NotSent("no_picture") from None
    return senders.messages(push, channel.kind, picture)


def _not_by_channel(push, reason):
    """By hand instead, unless an earlier try may have got there: then somebody looks first. A test only says so."""
    perhaps = next((code for code in (reason, push.reason) if code in MAY_BE_OUT), None)
    if delivery.is_test(push):
        delivery.turn(push, State.FAILED, reason=reason or "switched_off")
    elif perhaps:
        delivery.turn(push, State.UNSURE, reason=perhaps)
    else:
        delivery.give_to_hand(push, reason=reason)


# When it may go out


def _waits(push, channel, tenant):
    """(until when, why) it has to wait here; None if it may go."""
    moment = now()
    if channel.is_resting:
        return channel.rests_until, "rests"
    if (end := quiet_end(channel, moment, tenant)) and not delivery.is_test(push):
        return end, "quiet"
    if channel.a_day and push.begun_at is None and not delivery.is_test(push):
        midnight = _midnight(tenant.today(), tenant)
        if Push.objects.filter(channel=channel, begun_at__gte=midnight).count() >= channel.a_day:
            return _midnight(tenant.today() + DAY, tenant), "a_day"
    recent = _recent(channel, moment)
    return (recent[-channel.a_minute] + MINUTE, "pace") if len(recent) >= channel.a_minute else None


def quiet_end(channel, moment, tenant):
    """When the quiet hours end that it is now; None outside them."""
    start, end = channel.quiet_from, channel.quiet_until
    wall = moment.astimezone(tenant.zone)
    if start is None or start == end:
        return None
    day, at = wall.date(), wall.time()
    if start < end and not start <= at < end:
        return None
    if start > end:
        if end <= at < start:
            return None
        day += DAY if at >= start else datetime.timedelta(0)
    until = datetime.datetime.combine(day, end)
    ends = instant(until, tenant.zone)
    return ends if ends > moment else until.replace(tzinfo=tenant.zone, fold=1)  # the night that has an hour twice


def _midnight(day, tenant):
    return instant(datetime.datetime.combine(day, datetime.time(0)), tenant.zone)


def _recent(channel, moment):
    """When the messages went out that count for the pace, oldest first."""
    return [each for each in channel.sent if each > moment - MINUTE]


def _put_off(push, channel, until, why):
    waits_too_long = why == "rests" and until > now() + LONGEST_WAIT
    if delivery.is_test(push) and why != "pace":
        delivery.turn(push, State.FAILED, reason=why)
    elif waits_too_long or (why in ("quiet", "a_day") and channel.otherwise == Channel.Otherwise.BY_HAND):
        _not_by_channel(push, why)
    else:
        delivery.put_off(push, until, push.reason if push.reason in MAY_BE_OUT else why)


# What came of it


def _note(going, said):
    """Whoever was slower than the patience with it says what they know all the same, unless somebody has decided meanwhile."""
    push = Push.objects.select_for_update(of=["self"]).select_related("group", "picture", "member", "task").get(pk=going.push.pk)
    is_ours = (push.tries, push.parts) == (going.push.tries, going.push.parts)
    if not is_ours or push.state not in (State.SENDING, State.UNSURE) or (push.state == State.UNSURE and said.what == "unsure"):
        return
    if push.state == State.UNSURE and not senders.drops_repeats(going.channel.kind):
        push.reason = ""  # this one try is known now, and there was no other
    with translation.override(Tenant.objects.get(pk=push.tenant_id).language):
        {"sent": _sent, "again": _again, "no": _refused, "dead": _dead, "unsure": _unsure}[said.what](push, going, said)


def _sent(push, going, said):
    if going.is_last:
        delivery.turn(push, State.SENT, parts=push.parts + 1, sent_at=now(), reason="")
    else:
        push.parts, push.tries, push.state, push.due_at, push.reason = push.parts + 1, 0, State.WAITING, now(), ""
        push.save(update_fields=["parts", "tries", "state", "due_at", "reason"])


def _again(push, going, said):
    if said.after:
        Channel.objects.filter(pk=going.channel.pk).update(rests_until=now() + datetime.timedelta(seconds=said.after), because=said.code)
    if push.tries >= MOST_TRIES or delivery.is_test(push) or said.after > LONGEST_WAIT.total_seconds():
        _not_by_channel(push, said.code)
        return
    pause = said.after or PAUSE * 2 ** (push.tries - 1)
    until = now() + datetime.timedelta(seconds=pause * random.uniform(1, 1.25))
    delivery.put_off(push, until, said.code)


def _refused(push, going, said):
    _not_by_channel(push, said.code)


def _dead(push, going, said):
    """The channel takes nothing any more: it is switched off, and what waits for it goes by hand."""
    if Channel.objects.filter(pk=going.channel.pk, state=Channel.State.ON).update(state=Channel.State.OFF, because=said.code):
        events.note("channel.died", going.channel, because=said.code)
    _not_by_channel(push, said.code)
    delivery.look_again(going.channel.group_id)


def _unsure(push, going, said):
    delivery.turn(push, State.UNSURE, reason=said.code)
