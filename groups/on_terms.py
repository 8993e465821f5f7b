"""Whose term ends soon becomes one task of whoever works for their group, or of whoever is free where they sit in none.

It is laid out as rows, kept by the sweep, and withdrawn when they renew.
"""

import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import community
from crm.tenancy.models import Tenant
from crm.tenancy.scope import active_tenant
from crm.tenancy.templatetags.qx import iso
from members import terms
from members.models import Member

from . import rises, waves
from .calendar import HANDED_OUT_AT, instant
from .models import Placement, Task, TermReminder

MINUTES = 3


def lay_out(tenant):
    """A row for everybody whose term ends within the days that the tenant says, once for each last day; twice changes nothing."""
    today = tenant.today()
    until = today + datetime.timedelta(days=tenant.renewal_days)
    known = TermReminder.objects.filter(member=OuterRef("pk"), ends_on=OuterRef("expires_on"))
    due = terms.due(today, until).exclude(Exists(known)).values_list("pk", "expires_on")
    moment = instant(datetime.datetime.combine(today, HANDED_OUT_AT), tenant.zone)
    rows = [TermReminder(member_id=pk, ends_on=ends_on, due_at=moment) for pk, ends_on in due]
    TermReminder.objects.bulk_create(rows, ignore_conflicts=True)
    withdraw(TermReminder.objects.exclude(Q(ends_on=F("member__expires_on"), member__standing=Member.Standing.CURRENT)))


@transaction.atomic
def remind(pk):
    """Turn a due row into its task. Whoever flips the state owns it, so two sweeps make one task."""
    waiting = TermReminder.objects.filter(pk=pk, state=TermReminder.State.WAITING, due_at__lte=now())
    if not waiting.update(state=TermReminder.State.DONE):
        return
    row = TermReminder.objects.select_related("member").get(pk=pk)
    tenant = Tenant.objects.get(pk=active_tenant())
    if row.member.expires_on != row.ends_on or row.member.standing != Member.Standing.CURRENT:
        TermReminder.objects.filter(pk=pk).update(state=TermReminder.State.WITHDRAWN)
        return
    sits = Placement.objects.open().filter(member=row.member_id).select_related("group").order_by("-matrix__is_reshuffled", "id").first()
    row.task = _task(row, sits and sits.group, tenant)
    row.save(update_fields=["task"])


def _task(row, group, tenant):
    assistant = waves.hands({str(group.pk)}, tenant, tenant.today())[str(group.pk)] if group else waves.free_hand(tenant).pk
    last = max(row.ends_on, tenant.today()) + datetime.timedelta(days=1)
    with translation.override(tenant.language):
        text = words(row.member, row.ends_on)
    task = Task.objects.create(
        kind=Task.Kind.RENEWAL,
        group=group,
        member=row.member,
        assistant_id=assistant,
        due_at=row.due_at,
        late_at=instant(datetime.datetime.combine(last, datetime.time(0)), tenant.zone),
        minutes=MINUTES,
        text=text,
    )
    rises.promise([task], tenant)
    return task


def words(member, ends_on):
    """Leaves the house, so it is written in the tenant's language."""
    return _(
        "Hello %(name)s! Your membership runs until %(day)s. Shall we go on together for another year?"
        " Say the word, and I will send you how to pay; your place in the group stays yours."
    ) % {"name": member.nickname, "day": iso(ends_on)}


def withdraw(reminders):
    """What nobody needs any more; what was done stays done."""
    gone = reminders.filter(Q(state=TermReminder.State.WAITING) | Q(task__state=Task.State.OPEN))
    tasks = list(gone.exclude(task=None).values_list("task", flat=True))
    TermReminder.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).update(state=TermReminder.State.WITHDRAWN)
    Task.objects.filter(pk__in=tasks, state=Task.State.OPEN).update(state=Task.State.WITHDRAWN)


@terms.follows
def last_day_changed(member, *, by):
    """A renewed member is not reminded of the old day; one whose renewal was taken back is again, by the same task."""
    mine = TermReminder.objects.filter(member=member.pk)
    withdraw(mine.exclude(ends_on=member.expires_on) if member.expires_on else mine)
    if member.expires_on is None:
        return
    back = mine.filter(ends_on=member.expires_on, state=TermReminder.State.WITHDRAWN)
    again = list(Task.objects.filter(pk__in=back.values("task"), state=Task.State.WITHDRAWN))
    Task.objects.filter(pk__in=[task.pk for task in again]).update(state=Task.State.OPEN)
    rises.again(again)
    back.exclude(task=None).update(state=TermReminder.State.DONE)
    back.filter(task=None).update(state=TermReminder.State.WAITING)


def in_another_zone(zone):
    """What waits until the morning waits until the morning there."""
    for row in TermReminder.objects.filter(state=TermReminder.State.WAITING, due_at__gt=now()).select_related("member"):
        day = row.due_at.astimezone(row.tenant.zone).date()
        label = _("%(name)s: reminder of the term") % {"name": row.member.nickname}
        yield community.Moved(row, label, instant(datetime.datetime.combine(day, HANDED_OUT_AT), zone))


community.ON_ZONE_CHANGE.append(in_another_zone)
