"""Verbs of channels: the ways by which the product sends into a group by itself. An address and a secret go in and never come out."""

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import changes, events, trail
from crm.tenancy.refusals import Refused

from . import delivery, senders
from .models import Channel, Group

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_SECRET = 60, 500, 200
MOST_A_DAY = 10_000
ABILITIES = senders.ABILITIES
CHANGED = ["name", *ABILITIES, "a_day", "a_minute", "quiet_from", "quiet_until", "otherwise"]
KINDS = dict.fromkeys(CHANGED, "channel.changed") | {"state": "channel.switched"}


@transaction.atomic
def add(group, kind, address, *, by, secret="", name="", **fields):
    """Its limits and switches are those of its kind unless they are said."""
    if kind not in Channel.Kind.values:
        raise Refused(_("There is no such kind of channel."), code="no_such_kind", status=400, field="kind")
    group = Group.objects.select_for_update().get(pk=group.pk)
    if group.closed_on:
        raise Refused(_("This group is closed; nothing is sent into it any more."), code="group_closed", field="group")
    address, secret = _checked(kind, address, secret)
    channel = Channel(group=group, kind=kind, name=_a_name(name or Channel.Kind(kind).label), address=address, secret=secret)
    channel.hint, channel.a_minute = senders.hint(kind, address), senders.OF[kind].A_MINUTE
    for ability in ABILITIES:
        setattr(channel, ability, ability in senders.OF[kind].ABILITIES)
    for field, value in fields.items():
        setattr(channel, field, check(channel, field, value))
    _refuse_half_quiet(channel.quiet_from, channel.quiet_until)
    channel.save(force_insert=True)
    events.note("channel.added", channel, by=by, after={"kind": kind})
    delivery.look_again(group.pk)
    return channel


@transaction.atomic
def change(channel, wanted, *, by, seen=None):
    """Returns the channel as it is now, and what the changed fields held before."""
    channel = _open(channel)
    checked = {name: check(channel, name, value) for name, value in wanted.items()}
    _refuse_half_quiet(*(checked.get(name, getattr(channel, name)) for name in ("quiet_from", "quiet_until")))
    channel, before = changes.change(channel, checked, KINDS, by=by, seen=seen)
    if "state" in before:
        channel.because, channel.rests_until = "", None
        channel.save(update_fields=["because", "rests_until"])
    if before:
        delivery.look_again(channel.group_id)
    return channel, before


@transaction.atomic
def readdress(channel, address, *, by, secret=None):
    """Another address, or another secret to the one that there is; a channel that was dead is on again."""
    channel = _open(channel, lock=True)
    secret = channel.secret if secret is None else secret
    channel.address, channel.secret = _checked(channel.kind, address or channel.address, secret)
    channel.hint = senders.hint(channel.kind, channel.address)
    if channel.because:
        channel.state, channel.because, channel.rests_until = Channel.State.ON, "", None
    channel.save(update_fields=["address", "secret", "hint", "state", "because", "rests_until"])
    events.note("channel.readdressed", channel, by=by)
    delivery.look_again(channel.group_id)
    return channel


@transaction.atomic
def drop(channel, tenant, *, by):
    """Nothing goes out by it any more; what waits for it goes another way. What went out by it stays known."""
    channel = _open(channel, lock=True)
    channel.ended_on = tenant.today()
    channel.save(update_fields=["ended_on"])
    events.note("channel.dropped", channel, by=by)
    delivery.look_again(channel.group_id)
    return channel


@transaction.atomic
def bring_back(channel, *, by):
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    if channel.ended_on is None:
        raise Refused(_("This channel is there already."), code="already_there")
    if channel.group.closed_on:
        raise Refused(_("This group is closed; nothing is sent into it any more."), code="group_closed")
    channel.ended_on = None
    channel.save(update_fields=["ended_on"])
    events.note("channel.returned", channel, by=by)
    return channel


def try_out(channel, *, by, text=""):
    channel = _open(channel)
    words = text.strip() or _("A test from %(name)s, at %(time)s. Nothing is to be done.") % {
        "name": by.tenant.name,
        "time": f"{now().astimezone(by.tenant.zone):%H:%M:%S}",
    }
    return delivery.try_out(channel, words, by=by)


def check(channel, name, value):
    """What may stand in a field of this channel."""
    if name == "name":
        return _a_name(value)
    if name in ABILITIES and value and name not in senders.OF[channel.kind].ABILITIES:
        raise Refused(_("A channel of this kind cannot do that."), code="not_able", status=400, field=name)
    if name == "a_minute":
        return _within(name, value, 1, senders.OF[channel.kind].A_MINUTE)
    if name == "a_day":
        return None if value is None else _within(name, value, 1, MOST_A_DAY)
    return value


def _within(name, value, least, most):
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        words = {"least": f"{least:,}", "most": f"{most:,}"}
        raise Refused(_("A number from %(least)s to %(most)s.") % words, code="out_of_range", status=400, field=name, proposal=most)
    return value


def _a_name(name):
    name = " ".join(str(name).split())
    if not name or len(name) > LONGEST_NAME:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST_NAME}
        raise Refused(sentence, code="name_malformed", status=400, field="name")
    return name


def _checked(kind, address, secret):
    address, secret = address.strip(), secret.strip()
    if len(secret) > LONGEST_SECRET or not secret.isprintable():
        raise Refused(_("This secret is not valid."), code="no_secret", status=400, field="secret")
    senders.check(kind, address, secret)
    return address, secret


def _refuse_half_quiet(start, end):
    if (start is None) != (end is None):
        field = "quiet_until" if end is None else "quiet_from"
        raise Refused(_("Quiet hours need a beginning and an end."), code="quiet_hours_begin_and_end", status=400, field=field)


def _open(channel, *, lock=False):
    rows = Channel.objects.select_for_update() if lock else Channel.objects
    channel = rows.get(pk=channel.pk)
    if channel.ended_on:
        raise Refused(_("This channel was dropped; bring it back first."), code="channel_dropped")
    return channel


# What the trail takes back


def _still_dropped(facts):
    facts = trail.newest(facts, ["channel.dropped", "channel.returned"])
    gone = set(Channel.objects.exclude(ended_on=None).filter(pk__in=[fact.subject for fact in facts]).values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in gone]


def _return(fact, by):
    channel = bring_back(Channel.objects.get(pk=fact.subject), by=by)
    return _("“%(name)s” is there again.") % {"name": channel.name}


trail.undoes("channel.dropped", "matrix", _still_dropped, _return)
