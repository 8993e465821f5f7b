"""Verbs of the codes by which people come into a chat: kept, asked for anew in time, never shown when they let nobody in."""

import datetime

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import effects, events, files, pictures
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import inviting, rises, setup, tasks, waves
from .models import Group, GroupCode, Move, Task

AHEAD = datetime.timedelta(days=1)  # the next code is asked for so long before this one dies
NEARLY = 20  # scans that are left when the next one is asked for
LONGEST = datetime.timedelta(days=366)
HEAVIEST = 8 * 10**6
SIDE = 1200
MINUTES = 3
MOST_SCANS = 100_000
IN_USE = GroupCode.State.WAITING


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


@transaction.atomic
def keep(group, *, by, upload=None, link="", expires_at=None):
    """Another code of this group, a picture or a link, from now on. Open invitations follow it."""
    link = _link(link)
    if upload is None and not link:
        raise Refused(_("Choose the picture of the code, or paste its link."), code="no_code", status=400, field="picture")
    picture = files.keep(pictures.as_png(upload, side=SIDE), "code", by=by, most=HEAVIEST) if upload is not None else None
    group = _held(group.pk)
    if group.closed_on:
        raise Refused(_("This group is closed; choose another one."), code="group_closed")
    moment = now()
    expires_at = expires_at or moment + datetime.timedelta(days=group.matrix.code_days)
    if not moment < expires_at <= moment + LONGEST:
        sentence = _("A code dies some time ahead, within a year.")
        raise Refused(sentence, code="dies_when", status=400, field="expires_at")
    for older in GroupCode.objects.filter(group=group, state=IN_USE).select_related("task"):
        _end(older)
        _answered(older, by)
    code = GroupCode.objects.create(
        group=group, picture=picture, link=link, made_by=by, made_at=moment, expires_at=expires_at, due_at=max(moment, expires_at - AHEAD)
    )
    events.note("code.kept", code, by=by, after={"group": str(group.pk), "day": expires_at.date().isoformat()})
    follow([group.pk])
    return code


def _held(group):
    """The group, and ahead of it the task that asks for its next code, in the order in which a tick of that holds them."""
    asking = Task.objects.open().filter(codes__group=group, codes__state=IN_USE).select_for_update(of=["self"])
    list(asking.order_by("pk").values_list("pk", flat=True))
    return Group.objects.select_for_update(of=["self"], no_key=True).select_related("matrix").get(pk=group)


def _link(link):
    try:
        return setup.check_group("chat_url", link)
    except Refused as refusal:
        raise Refused(refusal.sentence, code="no_link", status=400, field="link") from None


def _answered(code, by):
    """Whoever was asked for this one has brought it."""
    if code.task and code.task.state == Task.State.OPEN:
        done = {"state": Task.State.DONE, "ended_at": now(), "ended_by": by} if by else {"state": Task.State.WITHDRAWN, "ended_at": now()}
        Task.objects.filter(pk=code.task_id, state=Task.State.OPEN).update(**done)
        rises.withdraw(code.task)


def _end(code):
    return GroupCode.objects.filter(pk=code.pk, state=IN_USE).update(state=GroupCode.State.OVER)


@transaction.atomic
def drop(code, *, by):
    _held(code.group_id)
    if not _end(code):
        raise Refused(_("This code is no longer used."), code="code_over")
    _answered(code, None)
    events.note("code.dropped", code, by=by, after={"group": str(code.group_id)})
    follow([code.group_id])


@transaction.atomic
def count(code, scans, *, by):
    """How often it was scanned beside what is seen here, as somebody tells."""
    code = GroupCode.objects.select_for_update(of=["self"]).filter(pk=code.pk, state=IN_USE).first()
    if code is None:
        raise Refused(_("This code is no longer used."), code="code_over")
    if not 0 <= scans <= MOST_SCANS:
        words = {"least": 0, "most": f"{MOST_SCANS:,}"}
        raise Refused(_("A number from %(least)s to %(most)s.") % words, code="out_of_range", status=400, field="scans")
    before, code.scans = code.scans, scans
    code.save(update_fields=["scans"])
    events.note("code.counted", code, by=by, before={"scans": before}, after={"scans": scans})
    look_again([code.group_id])
    return code


# By itself


@transaction.atomic
def keep_due(pk):
    """Ask for the next one; and when its time or its scans are over, use it no more."""
    due = GroupCode.objects.filter(pk=pk, state=IN_USE, due_at__lte=now())
    if (code := due.first()) is None:
        return
    _held(code.group_id)
    if due.select_for_update(of=["self"]).first() is None:
        return
    code = inviting.with_used(GroupCode.objects.select_related("group__matrix", "task")).get(pk=pk)
    is_over = code.expires_at <= now() or code.used >= inviting.SCANS
    if code.task is None:
        _ask(code)
    GroupCode.objects.filter(pk=pk).update(task=code.task, due_at=code.expires_at, state=GroupCode.State.OVER if is_over else IN_USE)
    if is_over:
        events.note("code.over", code, because="full" if code.expires_at > now() else "old", after={"group": str(code.group_id)})
        follow([code.group_id])


def _ask(code):
    """A task of whoever works for the group. Where so many sit that no code lets anybody in, none is wanted."""
    group, tenant = code.group, _tenant()
    if group.closed_on or inviting.ways([group.pk])[group.pk].is_past_codes:
        return
    seat = waves.hands({str(group.pk)}, tenant, tenant.today())[str(group.pk)]
    with translation.override(tenant.language):
        title = _("New code of the group")
    late = max(code.expires_at, now() + datetime.timedelta(hours=2))
    code.task = Task.objects.create(
        kind=Task.Kind.CODE, group=group, assistant_id=seat, due_at=now(), late_at=late, minutes=MINUTES, title=title, wants_proof=True
    )
    rises.promise([code.task], tenant)
    events.note("code.asked", code, after={"group": str(group.pk), "assistant": str(seat)})


@tasks.follows(Task.Kind.CODE)
def _code_of_task(task, *, by):
    """The photo that shows it is the code."""
    if task.state == Task.State.DONE and task.proof and GroupCode.objects.filter(task=task).exists():
        keep(task.group, by=by, upload=ContentFile(files.path_of(task.proof).read_bytes(), name="code.png"))


@tasks.follows(Task.Kind.MOVE)
def _scanned(task, *, by):
    look_again(Move.objects.filter(task=task).values_list("to_group", flat=True))


def look_again(groups):
    """Somebody was asked into these groups, or has come: codes that are nearly full are asked for anew, full ones end."""
    for code in inviting.with_used(GroupCode.objects.filter(group__in=list(groups), state=IN_USE)):
        if code.used >= inviting.SCANS or (code.task_id is None and code.used >= inviting.SCANS - NEARLY):
            GroupCode.objects.filter(pk=code.pk, state=IN_USE).update(due_at=now())
            effects.nudge(code)
        elif inviting.ways([code.group_id])[code.group_id].is_past_codes:
            follow([code.group_id])


@transaction.atomic
def follow(groups):
    """Open invitations into these groups say and show how one comes in now. What somebody worded otherwise stays."""
    tenant, ways = _tenant(), inviting.ways(groups)
    moves = Move.objects.filter(to_group__in=groups, task__state=Task.State.OPEN).select_related("member", "to_group", "task")
    codes = {}
    for code in GroupCode.objects.filter(group__in=groups):
        codes.setdefault(code.group_id, []).append(code)
    changed = []
    with translation.override(tenant.language):
        for move in moves:
            way, task = ways[move.to_group_id], move.task
            ours = codes.get(move.to_group_id, ())
            text = inviting.invitation(move, way) if inviting.as_ours(move, task.text, ours) else task.text
            picture = way.picture.pk if way.picture else None
            if (text, picture) != (task.text, task.picture_id):
                task.text, task.picture_id = text, picture
                changed.append(task)
    Task.objects.bulk_update(changed, ["text", "picture"], batch_size=500)


def dying(groups):
    """Codes of these groups that let people in and will not in two days, or are nearly full: {group's id: code}."""
    soon = now() + 2 * AHEAD
    codes = inviting.with_used(GroupCode.objects.filter(group__in=groups, state=IN_USE).select_related("group"))
    return {code.group_id: code for code in codes if code.expires_at <= soon or code.used >= inviting.SCANS - NEARLY}
