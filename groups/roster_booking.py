"""Booking a pasted roster, and taking that back as a whole."""

import datetime

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from crm.tenancy import events, trail, work
from crm.tenancy.bulk import load
from crm.tenancy.models import Event, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members.models import Member

from . import codes, joining, rises, waves
from .calendar import instant
from .models import Cohort, Move, Placement, Reshuffle, Roster, RosterLine, Task
from .roster_meaning import outcome, questions
from .rosters import COLUMNS, make_room, opened

AT_ONCE = 1_000  # people touched in a request; more are work for a worker
MOST_NAMED = 10
BOOKING, UNDOING = "roster.booking", "roster.undoing"
State, Line = Roster.State, RosterLine.State


@transaction.atomic
def book(roster, *, by, expected=None, ends=False, asks_out=False, sure=False):
    """Who is in the chat sits in the group. `expected` is how many people change seats, as the asker was told; with `ends` the seats
    of those who are not in the list end; with `asks_out` the assistant is asked to take out who should not be there; `sure` says
    that the questions were answered with yes. Returns the job where it is long work."""
    roster = _with_people(opened(roster))
    found = outcome(roster)
    touched = found.acts + (len(found.missing) if ends else 0)
    if expected is not None and expected != touched:
        words = {"now": f"{touched:,}", "then": f"{expected:,}"}
        sentence = _("It was %(then)s people when you looked, now it is %(now)s. Look again.") % words
        raise Refused(sentence, code="changed_meanwhile", now=touched)
    asked = questions(roster, found)
    if asked and not sure:
        raise Refused(asked[0][1], code=asked[0][0], questions=[code for code, _sentence in asked])
    _cohort(roster.group, bool(found.seated))
    if touched > AT_ONCE:
        job = work.ask(BOOKING, by=by, roster=str(roster.pk), ends=ends, asks_out=asks_out)
        Roster.objects.filter(pk=roster.pk).update(state=State.WORKING, job=job, booked_by=by)
        return job
    _book(roster, found, ends, asks_out, by)
    return None


def _with_people(roster):
    """Whom it names and who sits in its group, held until the booking stands: nobody is seated elsewhere between looking and booking."""
    listed = roster.lines.filter(state=Line.KNOWN).exclude(member=None).values("member")
    seated = Placement.objects.open().filter(group=roster.group_id).values("member")
    people = Member.objects.select_for_update(no_key=True).filter(Q(pk__in=listed) | Q(pk__in=seated))
    list(people.order_by("pk").values_list("pk", flat=True))
    return roster


def _as_before(job):
    """Its worker gave up or was stopped: the list is open again, or booked as it was."""
    for working, before in ((State.WORKING, State.OPEN), (State.UNDOING, State.BOOKED)):
        Roster.objects.filter(job=job, state=working).update(state=before)


def _cohort(group, is_needed):
    cohort = Cohort.objects.filter(matrix=group.matrix_id, state=Cohort.State.CURRENT).first()
    if cohort is None and is_needed:
        raise Refused(_("No half-year of this matrix has begun yet, so nobody can sit in it."), code="no_half_year")
    return cohort


@work.does_work(BOOKING, gettext_lazy("Book a pasted list"), left_undone=_as_before)
def _work_booking(hold):
    with hold.step():
        roster = Roster.objects.select_for_update(of=["self"]).select_related("group__matrix").get(pk=hold.job.asked["roster"])
        if roster.state == State.WORKING:
            return _book(roster, outcome(_with_people(roster)), hold.job.asked["ends"], hold.job.asked["asks_out"], hold.job.seat)
        return roster.counts


def _book(roster, found, ends, asks_out, by):
    tenant = Tenant.objects.get(pk=active_tenant())
    today = tenant.today()
    done = _join(found.joined, today, by) | _seat(roster, [*found.moved, *found.seated], today, by)
    if ends:
        done |= _unseat(found.missing, today, by)
    asked_out = _ask_out(roster.group, found.wrong, tenant, by) if asks_out else {}
    done |= asked_out
    counts = {
        "joined": len(found.joined), "moved": len(found.moved), "seated": len(found.seated), "ended": len(found.missing) if ends else 0,
        "inside": len(found.inside), "wrong": len(found.wrong), "missing": len(found.missing), "awaited": len(found.awaited),
        "arriving": len(found.arriving),
        "asked_out": len(asked_out),
        "open": roster.lines.filter(state__in=[Line.DOUBTFUL, Line.UNKNOWN]).count(),
    }  # fmt: skip
    roster.lines.all().delete()  # names were kept until here
    touched = enumerate(done.items(), start=1)
    load(RosterLine, COLUMNS, ((uuid7(), roster.pk, n, Line.KNOWN, "", "", pk, [], "{}", Jsonb(booked)) for n, (pk, booked) in touched))
    codes.look_again([roster.group_id])
    Roster.objects.filter(pk=roster.pk).update(state=State.BOOKED, booked_at=now(), booked_by=by, counts=counts)
    told = {name: counts[name] for name in ("joined", "moved", "seated", "ended")}
    events.note("roster.booked", roster, by=by, after=told | {"group": str(roster.group_id), "people": sum(told.values())})
    return counts


def _join(seen, today, by):
    moves = [each.move.pk for each in seen]
    joined = joining.join_all(moves, today, by=by, because="roster")
    return {each.move.member_id: each.as_ids | {"did": "joined"} for each in joined}


def _seat(roster, seen, today, by):
    """Who changed groups keeps their half-year; who sat nowhere sits in the present one."""
    cohort = _cohort(roster.group, any(each.sits is None for each in seen))
    _end([each.sits for each in seen if each.sits], today)
    made = Placement.objects.bulk_create(
        Placement(
            member=each.member, group=roster.group, matrix_id=roster.group.matrix_id, since=today,
            cohort_id=each.sits.cohort_id if each.sits else cohort.pk,
        )
        for each in seen
    )  # fmt: skip
    events.note_all(
        {
            "kind": "member.moved", "subject": each.member, "member": each.member.pk, "by": by, "because": "roster",
            "before": _seat_of(each.sits), "after": _seat_of(placement),
        }
        for each, placement in zip(seen, made, strict=True)
    )  # fmt: skip
    return {
        each.member.pk: {
            "did": "moved" if each.sits else "seated", "made": str(placement.pk), "ended": str(each.sits.pk) if each.sits else None,
        }
        for each, placement in zip(seen, made, strict=True)
    }  # fmt: skip


def _unseat(seen, today, by):
    _end([each.sits for each in seen], today)
    events.note_all(
        {
            "kind": "member.unseated", "subject": each.member, "member": each.member.pk, "by": by, "because": "roster",
            "before": _seat_of(each.sits),
        }
        for each in seen
    )  # fmt: skip
    return {each.member.pk: {"did": "ended", "made": None, "ended": str(each.sits.pk)} for each in seen}


def _ask_out(group, seen, tenant, by):
    """A task each of whoever works for the group: take them out of the chat. Whom an older list asked about is not asked about twice."""
    given = Event.objects.filter(kind="task.given", because="roster", member__in=[each.member.pk for each in seen])
    asked = set(Task.objects.open().filter(group=group, pk__in=given.values("subject")).values_list("member", flat=True))
    seen = [each for each in seen if each.member.pk not in asked]
    late = instant(datetime.datetime.combine(tenant.today() + datetime.timedelta(days=2), datetime.time(0)), tenant.zone)
    seat = waves.hands({str(group.pk)}, tenant, tenant.today())[str(group.pk)]
    with translation.override(tenant.language):
        title = _("Take out of the chat")
    same = {"kind": Task.Kind.GIVEN, "group": group, "assistant_id": seat, "title": title, "due_at": now(), "late_at": late, "minutes": 1}
    tasks = Task.objects.bulk_create(Task(member=each.member, **same) for each in seen)
    rises.promise(tasks, tenant)
    events.note_all({"kind": "task.given", "subject": task, "member": task.member_id, "by": by, "because": "roster"} for task in tasks)
    return {task.member_id: {"did": "asked_out", "made": None, "ended": None, "task": str(task.pk)} for task in tasks}


def _end(placements, today):
    Placement.objects.filter(pk__in=[each.pk for each in placements]).update(until=Greatest(F("since"), Value(today)))


def _seat_of(placement):
    return {"group": str(placement.group_id), "placement": str(placement.pk)} if placement else {}


# Taking back


@transaction.atomic
def undo(roster, *, by):
    """(job, left alone): all of it as one. Who was moved on since stays where they are, and is named by id."""
    roster = Roster.objects.select_for_update(of=["self"]).select_related("group").get(pk=roster.pk)
    if roster.state != State.BOOKED or Roster.objects.filter(group=roster.group_id, state=State.WORKING).exists():
        raise Refused(_("This cannot be taken back any more."), code="too_late")
    newer = Roster.objects.filter(group=roster.group_id, state=State.BOOKED, booked_at__gt=roster.booked_at)
    if newer.exists():
        raise Refused(_("A newer list of this group was booked since. Take that one back first."), code="newer_booked")
    if roster.lines.count() > AT_ONCE:
        make_room(roster.group, by)
        job = work.ask(UNDOING, by=by, roster=str(roster.pk))
        Roster.objects.filter(pk=roster.pk).update(state=State.UNDOING, job=job)
        return job, []
    return None, _undo(roster, by)


@work.does_work(UNDOING, gettext_lazy("Take back a pasted list"), left_undone=_as_before)
def _work_undoing(hold):
    with hold.step():
        roster = Roster.objects.select_for_update(of=["self"]).select_related("group").get(pk=hold.job.asked["roster"])
        kept = _undo(roster, hold.job.seat) if roster.state == State.UNDOING else []
    return {"kept": [str(pk) for pk in kept[:MOST_NAMED]], "kept_all": len(kept)}


def _undo(roster, by):
    lines = {line.member_id: line.booked for line in roster.lines.exclude(member=None)}
    list(Member.objects.select_for_update(no_key=True).filter(pk__in=lines).order_by("pk"))
    seats = Placement.objects.open().filter(member__in=lines, matrix=roster.group.matrix_id)
    sits = {pk: str(placement) for pk, placement in seats.values_list("member_id", "pk")}
    asked_out = [booked["task"] for booked in lines.values() if booked["did"] == "asked_out"]
    Task.objects.open().filter(pk__in=asked_out).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    lines = {pk: booked for pk, booked in lines.items() if booked["did"] != "asked_out"}
    over = _no_way_back(lines.values())
    lines_here = {pk: booked for pk, booked in lines.items() if not over & {booked["ended"], booked.get("move")}}
    back = {pk: booked for pk, booked in lines_here.items() if sits.get(pk) == booked["made"]}
    Placement.objects.filter(pk__in=[booked["made"] for booked in back.values() if booked["made"]]).delete()
    Placement.objects.filter(pk__in=[booked["ended"] for booked in back.values() if booked["ended"]]).update(until=None)
    joining.unjoin_all([(each["move"], each["was"], each["task"]) for each in back.values() if each["did"] == "joined"], by=by)
    members = Member.objects.in_bulk([pk for pk, booked in back.items() if booked["did"] != "joined"])
    events.note_all({"kind": "member.moved", "subject": each, "member": pk, "by": by, "because": "undone"} for pk, each in members.items())
    kept = [pk for pk in lines if pk not in back]
    roster.lines.all().delete()
    Roster.objects.filter(pk=roster.pk).update(state=State.UNDONE, counts=roster.counts | _what_came_back(back, kept))
    events.note("roster.undone", roster, by=by, after={"people": len(back), "kept": len(kept)})
    return kept


def _no_way_back(booked):
    """Seats of a half-year that is past, of a group that is closed or of somebody who has left, and moves of a reshuffle that has ended."""
    booked = list(booked)
    is_over = Q(cohort__state=Cohort.State.PAST) | ~Q(group__closed_on=None) | ~Q(member__standing=Member.Standing.CURRENT)
    seats = Placement.objects.filter(is_over, pk__in=[each["ended"] for each in booked if each["ended"]])
    moves = Move.objects.filter(pk__in=[each["move"] for each in booked if each["did"] == "joined"])
    ended = moves.exclude(reshuffle__state=Reshuffle.State.APPROVED)
    return {str(pk) for rows in (seats, ended) for pk in rows.values_list("pk", flat=True)}


def _what_came_back(back, kept):
    return {"back": len(back), "kept": len(kept), "left_alone": [str(pk) for pk in kept[:MOST_NAMED]]}


def left_alone(kept, number=None):
    """Who was touched since and stays, by name; `number` where more were than are named."""
    if not kept:
        return ""
    number = number or len(kept)
    names = Member.objects.filter(pk__in=kept[:MOST_NAMED]).values_list("nickname", flat=True)
    words = ngettext("%(n)s person was touched since and stays: %(names)s", "%(n)s people were touched since and stay: %(names)s", number)
    return words % {"n": f"{number:,}", "names": _(", ").join(names) + ("…" if number > MOST_NAMED else "")}


def _can(facts):
    """The newest of each group that is booked."""
    rosters = Roster.objects.filter(pk__in=[fact.subject for fact in facts], state=State.BOOKED)
    last = dict(Roster.objects.filter(state=State.BOOKED).order_by("group", "-booked_at").distinct("group").values_list("group_id", "pk"))
    there = {roster.pk for roster in rosters if last.get(roster.group_id) == roster.pk}
    return [fact.pk for fact in facts if fact.subject in there]


def _take_back(fact, by):
    job, kept = undo(Roster(pk=fact.subject), by=by)
    return _("It is being taken back.") if job else " ".join(filter(None, [_("All of it is taken back."), left_alone(kept)]))


trail.undoes("roster.booked", "matrix", _can, _take_back)
