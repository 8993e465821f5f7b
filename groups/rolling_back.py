"""A half-year that went wrong is taken back: everybody sits where they sat, and what was done by hand in chats is asked to be undone."""

import datetime
from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.refusals import Refused
from members.models import Member

from . import rises, waves
from .calendar import instant
from .models import CalendarStep, Cohort, Draft, Move, Placement, Reshuffle, Task, Wave

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Figures:
    """What taking it back would touch."""

    moves: int
    tasks: int  # open ones, which are withdrawn
    by_hand: int  # who was asked into another chat, or is there


def can_be(reshuffle):
    """While it is carried out, or its half-year is the present one."""
    if reshuffle.state == Reshuffle.State.APPROVED:
        return True
    return reshuffle.state == Reshuffle.State.DONE and reshuffle.chosen_id is not None and reshuffle.cohort.state == Cohort.State.CURRENT


def figures(reshuffle):
    return Figures(reshuffle.moves.count(), _open_tasks(reshuffle).count(), _by_hand(reshuffle).count())


def _open_tasks(reshuffle):
    return Task.objects.open().filter(moves__reshuffle=reshuffle)


def _by_hand(reshuffle):
    """Who was really asked or seen there, not who was seated because the day came."""
    early = Placement.objects.filter(
        member=OuterRef("member"), group=OuterRef("to_group"), cohort=reshuffle.cohort_id, since__lt=reshuffle.cohort.begins_on
    )
    seen = Q(task__state=Task.State.DONE) | Exists(early)
    return reshuffle.moves.filter(seen, state__in=[Move.State.ASKED, Move.State.JOINED], member__standing=Member.Standing.CURRENT)


@transaction.atomic
def roll_back(reshuffle, number, tenant, *, by):
    """`number` is how many moves the owner was told."""
    reshuffle = Reshuffle.objects.select_for_update(of=["self"]).select_related("matrix", "cohort").get(pk=reshuffle.pk)
    idle = list(_open_tasks(reshuffle).select_for_update(of=["self"]).order_by("pk").values_list("pk", flat=True))  # no tick meanwhile
    if not can_be(reshuffle):
        raise Refused(_("This half-year is not carried out and not the present one, so it is not taken back."), code="not_present")
    told = figures(reshuffle)
    if told.moves != number:
        words = {"now": f"{told.moves:,}", "then": f"{number:,}"}
        sentence = _("It was %(then)s moves when you looked, now it is %(now)s. Look again.") % words
        raise Refused(sentence, code="changed_meanwhile", now=told.moves)
    has_begun = reshuffle.state == Reshuffle.State.DONE
    before = _half_before(reshuffle, has_begun)
    if before is None:
        raise Refused(_("There is no half-year before this one, so nobody can sit where they sat."), code="nothing_before")
    back = _undo_by_hand(reshuffle, tenant)
    people = _seat_as_before(reshuffle, before)
    Move.objects.filter(reshuffle=reshuffle).delete()
    Wave.objects.filter(reshuffle=reshuffle).delete()
    Task.objects.open().filter(pk__in=idle).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    if has_begun:
        Cohort.objects.filter(pk=reshuffle.cohort_id).update(state=Cohort.State.PLANNED)
        Cohort.objects.filter(pk=before.pk).update(state=Cohort.State.CURRENT)
        CalendarStep.objects.filter(cohort=reshuffle.cohort_id).update(state=CalendarStep.State.PASSED)
    Reshuffle.objects.filter(pk=reshuffle.pk).update(state=Reshuffle.State.OPEN, chosen=None, approved_at=None, approved_by=None)
    Draft.objects.filter(reshuffle=reshuffle, state=Draft.State.WAITING).update(state=Draft.State.STOPPED)
    after = {"moves": told.moves, "people": people, "tasks": len(idle), "by_hand": len(back)}
    return events.note("reshuffle.rolled_back", reshuffle, by=by, after=after)


def _half_before(reshuffle, has_begun):
    state = Cohort.State.PAST if has_begun else Cohort.State.CURRENT
    return Cohort.objects.filter(matrix=reshuffle.matrix_id, state=state).newest_first().first()


def _seat_as_before(reshuffle, before):
    """Everybody who sits in the new half-year sits where they sat; who sat nowhere before stays, in the half-year that goes on."""
    made = Placement.objects.filter(cohort=reshuffle.cohort_id)
    sits = dict(made.filter(until=None).values_list("member_id", "pk"))
    past = Placement.objects.filter(matrix=reshuffle.matrix_id, member__in=list(sits)).exclude(cohort=reshuffle.cohort_id)
    last = past.exclude(until=None).order_by("member", F("until").desc(), "-since").distinct("member")
    return_to = dict(last.filter(member__standing=Member.Standing.CURRENT).values_list("member_id", "pk"))
    stay = [pk for member, pk in sits.items() if member not in return_to]
    made.filter(pk__in=stay).update(cohort=before)
    Placement.objects.filter(cohort=reshuffle.cohort_id).delete()
    Placement.objects.filter(pk__in=return_to.values()).update(until=None)
    return len(return_to)


def _undo_by_hand(reshuffle, tenant):
    """A task each, in daily portions, of whoever works for the group they are wanted back in."""
    moves = list(_by_hand(reshuffle).in_order().select_related("member", "from_group", "to_group"))
    today, tasks, dealt = tenant.today(), [], Counter()
    hands = waves.hands({str(move.from_group_id) for move in moves}, tenant, today) if moves else {}
    with translation.override(tenant.language):
        for move in moves:
            seat = hands[str(move.from_group_id)]
            day = today + dealt[seat] // tenant.tasks_a_day * DAY
            dealt[seat] += 1
            late_at = instant(datetime.datetime.combine(day + DAY, datetime.time(0)), tenant.zone)
            tasks.append(
                Task(
                    kind=Task.Kind.GIVEN, group=move.from_group, member=move.member, assistant_id=seat, title=_("Back into the old group"),
                    due_at=waves.due_at(day, tenant, today), late_at=late_at, minutes=reshuffle.matrix.minutes_per_move, text=_back(move),
                )
            )  # fmt: skip
    Task.objects.bulk_create(tasks)
    rises.promise(tasks, tenant)
    events.note_all({"kind": "task.given", "subject": task, "member": task.member_id, "because": "rolled_back"} for task in tasks)
    return tasks


def _back(move):
    """Leaves the house, so it is written in the tenant's language."""
    return _(
        "Hello %(name)s! We mixed our groups too early and take that back for now. Please stay in %(old)s, and leave %(new)s again"
        " if you are there already. Sorry for the trouble!"
    ) % {"name": move.member.nickname, "old": move.from_group.name, "new": move.to_group.name}
