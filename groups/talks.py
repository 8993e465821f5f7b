"""A talk that somebody hands out: a member speaks in a group, at an hour, and the red packet goes first. Two tasks, an ordered pair."""

import datetime

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, trail
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members.models import Member

from . import handovers, pairs, rises, texts, waves
from .calendar import instant
from .models import Group, Task
from .rhythms import LONGEST_NAME, check

GIVEN, TAKEN_BACK = "talk.given", "talk.taken_back"
FARTHEST = 366  # days ahead
MINUTES, OF_PACKET, MOST_MINUTES = 15, 1, 480
WITHIN = datetime.timedelta(hours=1)  # until it is late
USUALLY_AT = datetime.time(20, 30)


@transaction.atomic
def give(group, speaker, day, at, *, by, title="", text="", minutes=MINUTES, packet_minutes=OF_PACKET, assistant=None):
    """Hand it out to whoever works for the group, or to this seat. Returns the talk, whose `after` is its red packet.

    The same one again is the one that is there: a form without script may be sent twice.
    """
    tenant = Tenant.objects.get(pk=active_tenant())
    group, speaker = _open(group), _here(speaker)
    moment = _ahead(day, check("at", at), tenant)
    minutes, packet_minutes = _minutes("minutes", minutes), _minutes("packet_minutes", packet_minutes)
    texts.check(text)
    seat = handovers.who_works(assistant, "assistant").pk if assistant else waves.hands({str(group.pk)}, tenant, day)[str(group.pk)]
    about = {"kind": Task.Kind.TALK, "group": group, "member": speaker}
    talk, packet = Task(assistant_id=seat, due_at=moment, late_at=moment + WITHIN, minutes=minutes, **about), Task(**about)
    with translation.override(tenant.language):
        talk.title = _title(title) or (_("Talk by %(name)s") % {"name": speaker.nickname})[:LONGEST_NAME]
        talk.text = texts.filled(text, group, moment.astimezone(tenant.zone))
        if there := _there(talk):
            return there
        pairs.put_ahead(packet, talk, talk.title, packet_minutes)
    packet.save(force_insert=True)
    talk.save(force_insert=True)
    rises.promise([packet], tenant)
    after = {"group": str(group.pk), "assistant": str(seat), "minutes": minutes + packet_minutes, "packet": str(packet.pk)}
    events.note(GIVEN, talk, by=by, member=speaker.pk, after=after)
    return talk


def _there(talk):
    """Of two at once the second waits for the first, since both hold who speaks."""
    same = {"group": talk.group, "member": talk.member, "due_at": talk.due_at}
    found = Task.objects.unended().filter(kind=Task.Kind.TALK, **same).exclude(after=None).select_related("after").first()
    if found and (found.title, found.text) != (talk.title, talk.text):
        raise Refused(_("They give another talk in this group at that hour; choose a later one."), code="talk_there", field="at")
    return found


def _open(group):
    group = Group.objects.get(pk=group.pk)
    if group.closed_on:
        raise Refused(_("This group is closed; choose another one."), code="group_closed", field="group")
    return group


def _here(speaker):
    speaker = Member.objects.select_for_update(no_key=True).get(pk=speaker.pk)
    if speaker.standing != Member.Standing.CURRENT:
        raise Refused(_("They are not in the community any more; choose somebody else."), code="member_left", field="speaker")
    return speaker


def _ahead(day, at, tenant):
    moment = instant(datetime.datetime.combine(day, at), tenant.zone)
    if moment <= now():
        raise Refused(_("That moment is over; choose a later one."), code="moment_over", status=400, field="day")
    if (day - tenant.today()).days > FARTHEST:
        raise Refused(_("At most %(days)s days ahead.") % {"days": FARTHEST}, code="too_far", status=400, field="day")
    return moment


def _minutes(name, value):
    if not 1 <= value <= MOST_MINUTES:
        words = {"least": 1, "most": MOST_MINUTES}
        raise Refused(_("A number from %(least)s to %(most)s.") % words, code="out_of_range", status=400, field=name)
    return value


def _title(title):
    return check("title", title) if " ".join(title.split()) else ""


# Taking it back: what nobody has done yet. A packet that was sent stays sent


def _not_given_yet(facts):
    there = set(Task.objects.unended().filter(pk__in=[fact.subject for fact in facts]).values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in there]


def _take_back(fact, by):
    pair = [fact.subject, fact.after["packet"]]
    held = Task.objects.unended().select_for_update(of=["self"]).filter(pk__in=pair)
    tasks = list(held.order_by(F("after").asc(nulls_first=True)))  # the packet first, as a tick of it holds them
    talk = next((task for task in tasks if task.pk == fact.subject), None)
    if talk is None:
        raise trail.overtaken(fact)
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    for task in tasks:
        rises.withdraw(task)
    events.note(TAKEN_BACK, talk, by=by, member=talk.member_id, after={"tasks": len(tasks)})
    if len(tasks) == 1:
        return _("The talk is taken back. Its red packet was sent already.")
    return _("The talk and its red packet are taken back.")


trail.tell(GIVEN, gettext_lazy("Handed out a talk to %(assistant)s: a red packet, then the talk"), icon="speakerphone", topic="tasks")
trail.tell(TAKEN_BACK, gettext_lazy("Took back a talk"), icon="arrow-back-up", topic="tasks")
trail.undoes(GIVEN, "matrix", _not_given_yet, _take_back)
