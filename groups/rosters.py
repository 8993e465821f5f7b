"""Verbs of pasted rosters: read one, settle its open names, book who is in the chat, take that back as a whole.

What a roster means is worked out anew each time it is looked at, from its lines and from who sits where now; so a page that is an
hour old books nothing that is not so any more.
"""

import datetime
from collections import Counter
from dataclasses import dataclass, field

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
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members import aliases, people
from members.models import Handle, Member

from . import codes, reshuffles, rises, waves
from .calendar import instant
from .models import Cohort, Group, Move, Placement, Reshuffle, Roster, RosterLine, Task
from .pasting import key, read
from .recognising import mark, names_of, recognise

LONGEST_TEXT = 1_000_000
MOST_NAMES = 20_000
AT_ONCE = 1_000  # people touched in a request; more are work for a worker
KEPT_FOR = datetime.timedelta(days=14)  # an open list, since it holds names
FEW = 0.6  # of those who should be there; a list with fewer is asked about
SURE = 0.6  # of the names that were recognised, in the group that a list is taken for
MOST_NAMED = 10
BOOKING, UNDOING = "roster.booking", "roster.undoing"
State, Line = Roster.State, RosterLine.State
COLUMNS = ["id", "roster", "number", "state", "text", "handle", "member", "candidates", "learnt", "booked"]


# Pasting


@transaction.atomic
def paste(text, group=None, *, by):
    """An open roster with its lines. An older open one of this group is set aside. Without a group it is found by the names."""
    if len(text) > LONGEST_TEXT:
        sentence = _("This text is too long for a list of members; at most %(most)s characters.") % {"most": f"{LONGEST_TEXT:,}"}
        raise Refused(sentence, code="too_long", status=400, field="text")
    known = names_of(group.matrix if group else None)
    pasted = read(text, lambda name: key(name) in known)
    if not pasted.entries:
        sentence = _("There is no name in this text. Copy the list of members and paste it here.")
        raise Refused(sentence, code="empty", status=400, field="text")
    if len(pasted.entries) > MOST_NAMES:
        words = {"names": f"{len(pasted.entries):,}", "most": f"{MOST_NAMES:,}"}
        sentence = _("These are %(names)s names; at most %(most)s at once.") % words
        raise Refused(sentence, code="too_many", status=400, field="text")
    group = group or _guess(pasted.entries, known)
    group = Group.objects.select_for_update(of=["self"]).select_related("matrix").get(pk=group.pk)
    if group.closed_on:
        raise Refused(_("This group is closed; choose another one."), code="group_closed", field="group")
    _make_room(group, by)
    found = recognise(group, pasted.entries)
    roster = Roster.objects.create(group=group, pasted_by=by, names=len(found), said=pasted.said)
    load(RosterLine, COLUMNS, (_as_row(roster, number, each) for number, each in enumerate(found, start=1)))
    events.note("roster.pasted", roster, by=by, after={"group": str(group.pk), "names": len(found)})
    return roster


def _as_row(roster, number, found):
    """Of who is known for certain the id alone."""
    is_settled = found.state == Line.KNOWN
    text, handle = ("", "") if is_settled else (found.entry.names[0][:200], found.entry.handle[:120])
    return uuid7(), roster.pk, number, found.state, text, handle, found.member, found.candidates, "{}", "{}"


def _guess(entries, known):
    """The group in which most of those sit who are named; refused where that is not clear."""
    seen = Counter()
    for entry in entries:
        groups = next((known[key(name)] for name in entry.names if key(name) in known), ())
        seen.update(groups)
    if seen:
        (group, many), rest = seen.most_common(1)[0], sum(seen.values())
        if many >= SURE * rest:
            return Group.objects.select_related("matrix").get(pk=group)
    raise Refused(_("The names do not say for certain which group this is. Choose it."), code="which_group", status=400, field="group")


def _make_room(group, by):
    older = Roster.objects.select_for_update().filter(group=group, state__in=[State.OPEN, State.WORKING, State.UNDOING]).first()
    if older is None:
        return
    if older.is_working:
        raise Refused(_("A list of this group is being booked just now. Look again in a moment."), code="being_booked")
    _drop(older, by, because="newer")


@transaction.atomic
def drop(roster, *, by):
    _drop(_open(roster), by)


def _drop(roster, by, because=""):
    roster.lines.all().delete()
    Roster.objects.filter(pk=roster.pk).update(state=State.DROPPED)
    events.note("roster.dropped", roster, by=by, because=because)


def forget():
    """Lists that nobody booked hold names, so they do not stay."""
    for roster in Roster.objects.filter(state=State.OPEN, pasted_at__lt=now() - KEPT_FOR):
        _drop(roster, None, because="forgotten")


def _open(roster):
    found = Roster.objects.select_for_update(of=["self"]).select_related("group__matrix").get(pk=roster.pk)
    if found.state != State.OPEN:
        sentence = _("This list is no longer open: %(state)s.") % {"state": found.get_state_display()}
        raise Refused(sentence, code="not_open", state=found.state)
    return found


# What it means


@dataclass
class Seen:
    """One person of a list, with what is known of their seat."""

    member: Member
    sits: Placement | None = None
    move: Move | None = None
    why: str = ""


@dataclass
class Outcome:
    inside: list = field(default_factory=list)  # sit here already
    joined: list = field(default_factory=list)  # have come by their move
    moved: list = field(default_factory=list)  # sit elsewhere by what we know
    seated: list = field(default_factory=list)  # sat in no group of this matrix
    wrong: list = field(default_factory=list)  # should not be there: `why` is left, elsewhere
    missing: list = field(default_factory=list)  # sit here by what we know, and are not in the list
    awaited: list = field(default_factory=list)  # on their way here, and not in the list
    elsewhere: Counter = field(default_factory=Counter)  # {group: how many of the list sit there}

    @property
    def acts(self):
        return len(self.joined) + len(self.moved) + len(self.seated)

    @property
    def acts_and_ends(self):
        return self.acts + len(self.missing)

    @property
    def expected(self):
        return len(self.inside) + len(self.missing)


LEFT, GONE_ON = "left", "elsewhere"
SHOWN = ("id", "tenant", "nickname", "sort_key", "standing", "city")


def outcome(roster):
    """Whom the settled lines name, by what is to be done about them; the same number of questions for any list."""
    group, found = roster.group, Outcome()
    listed = roster.lines.filter(state=Line.KNOWN).exclude(member=None).values("member")
    seats = list(Placement.objects.open().filter(Q(member__in=listed) | Q(group=group), matrix=group.matrix_id))
    known = Member.objects.only(*SHOWN).filter(Q(pk__in=listed) | Q(pk__in=[each.member_id for each in seats])).in_bulk()
    groups = Group.objects.in_bulk({each.group_id for each in seats})
    for each in seats:
        each.member, each.group = known[each.member_id], groups[each.group_id]
    sits = {each.member_id: each for each in seats}
    named = {pk: known[pk] for pk in set(listed.values_list("member", flat=True))}
    moves = Move.objects.filter(to_group=group, reshuffle__state=Reshuffle.State.APPROVED).exclude(state=Move.State.JOINED)
    coming = {move.member_id: move for move in moves.select_related("member", "from_group", "task")}
    apart = [pk for pk in named if pk in sits and sits[pk].group_id != group.pk and pk not in coming]
    before = _sat_before(apart, group.matrix_id)
    for pk, member in named.items():
        each = Seen(member, sits.get(pk), coming.get(pk))
        if each.sits and each.sits.group_id != group.pk:
            found.elsewhere[each.sits.group] += 1
        _place(each, before.get(pk), group, found)
    found.missing = [Seen(each.member, each) for pk, each in sits.items() if each.group_id == group.pk and pk not in named]
    found.awaited = [Seen(move.member, sits.get(pk), move) for pk, move in coming.items() if pk not in named and _may_come(move)]
    for name in ("inside", "joined", "moved", "seated", "wrong", "missing", "awaited"):
        getattr(found, name).sort(key=lambda each: (each.member.sort_key, each.member.pk))
    return found


def _may_come(move):
    return move.state in (Move.State.WAITING, Move.State.ASKED) and move.member.standing == Member.Standing.CURRENT


def _place(each, before, group, found):
    if each.member.standing != Member.Standing.CURRENT:
        each.why = LEFT
        found.wrong.append(each)
    elif each.sits and each.sits.group_id == group.pk:
        found.inside.append(each)
    elif each.move:
        found.joined.append(each)
    elif each.sits and before == group.pk:  # went on from here, and has not left the chat
        each.why = GONE_ON
        found.wrong.append(each)
    elif each.sits:
        found.moved.append(each)
    else:
        found.seated.append(each)


def _sat_before(members, matrix):
    """{member's id: the group they sat in last before they came where they sit now}"""
    past = Placement.objects.filter(member__in=members, matrix=matrix).exclude(until=None)
    return dict(past.order_by("member", "-until", "-since").distinct("member").values_list("member_id", "group_id"))


# What is asked before it is booked


def questions(roster, found):
    """[(code, sentence)]: why this may not be the whole list of this group."""
    asked = []
    here = len(found.inside) + len(found.joined)
    for other, many in found.elsewhere.most_common(1):
        if many > here and many >= 3:
            words = {"group": other.name, "n": f"{many:,}", "this": roster.group.name, "here": f"{here:,}"}
            sentence = _("This looks like the list of %(group)s: %(n)s of these people sit there, and %(here)s in %(this)s.")
            asked.append(("other_group", sentence % words))
    if found.expected >= 10 and roster.names < FEW * found.expected:
        words = {"names": f"{roster.names:,}", "expected": f"{found.expected:,}"}
        asked.append(("half_a_list", _("%(names)s names, and %(expected)s people should sit here: is this the whole list?") % words))
    if roster.said and roster.names < 0.9 * roster.said:
        words = {"names": f"{roster.names:,}", "said": f"{roster.said:,}"}
        asked.append(("fewer_than_said", _("The chat says %(said)s people, and %(names)s names were pasted. Some are missing.") % words))
    return asked


# Settling open lines


def _held(line, *states):
    roster = _open(Roster(pk=line.roster_id))
    line = RosterLine.objects.select_for_update(of=["self"]).filter(pk=line.pk).first()
    if line is None or line.state not in states:
        raise Refused(_("This name was settled already, by somebody else or in another tab."), code="settled_already")
    line.roster = roster
    return line


@transaction.atomic
def settle(line, member, *, by):
    """This name is that member. It is kept as a name that they go by, so that the next list knows it."""
    line = _held(line, Line.DOUBTFUL, Line.UNKNOWN, Line.PASSED)
    member = Member.objects.known().filter(pk=member).first()
    if member is None:
        raise Refused(_("There is no such member."), code="no_such_member", status=400, field="member")
    if line.roster.lines.filter(member=member, state=Line.KNOWN).exists():
        raise Refused(_("%(name)s stands in this list already, under another name.") % {"name": member.nickname}, code="named_twice")
    line.learnt = _learn(line, member, by)
    return _settled(line, member, by)


def _learn(line, member, by):
    name = aliases.learn(member, line.text)
    learnt = {"nickname": str(name.pk)} if name else {}
    if line.handle and not Handle.objects.filter(platform="wechat", value=line.handle.lower()).exists():
        try:
            with transaction.atomic():
                learnt["handle"] = str(people.add_handle(member, "wechat", line.handle, by=by).pk)
        except Refused:  # what stands there can be no handle
            pass
    return learnt


def _settled(line, member, by):
    line.was, line.state, line.member, line.decided_by = line.state, Line.KNOWN, member, by
    line.save(update_fields=["state", "member", "decided_by", "learnt"])
    events.note("roster.settled", line.roster, by=by, member=member, after={"line": line.number})
    return line


@transaction.atomic
def add_member(line, *, by):
    """Nobody knew this person: they are a member from now on."""
    line = _held(line, Line.DOUBTFUL, Line.UNKNOWN, Line.PASSED)
    handles = [("wechat", line.handle)] if line.handle else []
    member = people.add({"nickname": line.text, "handles": handles}, by=by, because="roster")
    line.learnt = {"member": str(member.pk)}
    return _settled(line, member, by)


@transaction.atomic
def pass_over(line, *, by):
    """Nobody of ours: not in this list, and not in the next one of this group."""
    line = _held(line, Line.DOUBTFUL, Line.UNKNOWN)
    line.state, line.decided_by = Line.PASSED, by
    line.save(update_fields=["state", "decided_by"])
    marks = [*line.roster.passed_over, mark(line.roster.group, line.text)]
    Roster.objects.filter(pk=line.roster_id).update(passed_over=marks)
    events.note("roster.passed_over", line.roster, by=by, after={"line": line.number})
    return line


@transaction.atomic
def reopen(line, *, by):
    """As if nobody had said anything; what was learnt of it is forgotten. Who was added as a member stays one."""
    line = _held(line, Line.KNOWN, Line.PASSED)
    if line.decided_by_id is None and line.state == Line.KNOWN:
        raise Refused(_("This name was recognised by itself; there is nothing to take back."), code="nothing_to_undo")
    if "nickname" in line.learnt:
        aliases.forget(line.learnt["nickname"])
    for handle in Handle.objects.filter(pk=line.learnt.get("handle"), member=line.member_id):
        people.drop_handle(handle, by=by)
    if line.state == Line.PASSED:
        gone = mark(line.roster.group, line.text)
        for roster in Roster.objects.filter(group=line.roster.group_id, passed_over__contains=[gone]):
            Roster.objects.filter(pk=roster.pk).update(passed_over=[each for each in roster.passed_over if each != gone])
    line.state, line.member, line.decided_by, line.learnt = Line.DOUBTFUL if line.candidates else Line.UNKNOWN, None, None, {}
    line.save(update_fields=["state", "member", "decided_by", "learnt"])
    events.note("roster.line_reopened", line.roster, by=by, after={"line": line.number})
    return line


@transaction.atomic
def settle_sole(roster, number, *, by):
    """All doubtful lines with one candidate are that one. `number` is how many the asker was told."""
    lines = list(sole(_open(roster)))
    if len(lines) != number:
        raise Refused(_("There are %(now)s such names now. Look at them again.") % {"now": len(lines)}, code="changed_meanwhile")
    for line in lines:
        settle(line, line.candidates[0], by=by)
    return len(lines)


def sole(roster):
    """Doubtful lines with one candidate, who is nobody else's."""
    lines = list(roster.lines.filter(state=Line.DOUBTFUL, candidates__len=1).order_by("number"))
    meant = Counter(line.candidates[0] for line in lines)
    taken = set(roster.lines.filter(state=Line.KNOWN, member__in=list(meant)).values_list("member_id", flat=True))
    there = set(Member.objects.known().filter(pk__in=list(meant)).values_list("pk", flat=True))
    return [line for line in lines if meant[line.candidates[0]] == 1 and line.candidates[0] in there - taken]


# Booking


@transaction.atomic
def book(roster, *, by, expected=None, ends=False, asks_out=False, sure=False):
    """Who is in the chat sits in the group. `expected` is how many people change seats, as the asker was told; with `ends` the seats
    of those who are not in the list end; with `asks_out` the assistant is asked to take out who should not be there; `sure` says
    that the questions were answered with yes. Returns the job where it is long work."""
    roster = _open(roster)
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


def _cohort(group, is_needed):
    cohort = Cohort.objects.filter(matrix=group.matrix_id, state=Cohort.State.CURRENT).first()
    if cohort is None and is_needed:
        raise Refused(_("No half-year of this matrix has begun yet, so nobody can sit in it."), code="no_half_year")
    return cohort


@work.does_work(BOOKING, gettext_lazy("Book a pasted list"))
def _work_booking(hold):
    with hold.step():
        roster = Roster.objects.select_for_update(of=["self"]).select_related("group__matrix").get(pk=hold.job.asked["roster"])
        if roster.state == State.WORKING:
            return _book(roster, outcome(roster), hold.job.asked["ends"], hold.job.asked["asks_out"], hold.job.seat)
        return roster.counts


def _book(roster, found, ends, asks_out, by):
    tenant = Tenant.objects.get(pk=active_tenant())
    today = tenant.today()
    members = [each.member.pk for each in (*found.joined, *found.moved, *found.seated, *(found.missing if ends else ()))]
    list(Member.objects.select_for_update(no_key=True).filter(pk__in=members).order_by("pk"))
    done = _join(found.joined, today, by) | _seat(roster, [*found.moved, *found.seated], today, by)
    if ends:
        done |= _unseat(found.missing, today, by)
    if asks_out:
        done |= _ask_out(roster.group, found.wrong, tenant, by)
    counts = {
        "joined": len(found.joined), "moved": len(found.moved), "seated": len(found.seated), "ended": len(found.missing) if ends else 0,
        "inside": len(found.inside), "wrong": len(found.wrong), "missing": len(found.missing), "awaited": len(found.awaited),
        "asked_out": len(found.wrong) if asks_out else 0,
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
    joined = reshuffles.join_all(moves, today, by=by, because="roster")
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
    """A task each of whoever works for the group: take them out of the chat."""
    late = instant(datetime.datetime.combine(tenant.today() + datetime.timedelta(days=2), datetime.time(0)), tenant.zone)
    seat = waves.hands({str(group.pk)}, tenant)[str(group.pk)]
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
        _make_room(roster.group, by)
        job = work.ask(UNDOING, by=by, roster=str(roster.pk))
        Roster.objects.filter(pk=roster.pk).update(state=State.UNDOING, job=job)
        return job, []
    return None, _undo(roster, by)


@work.does_work(UNDOING, gettext_lazy("Take back a pasted list"))
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
    back = {pk: booked for pk, booked in lines.items() if sits.get(pk) == booked["made"]}
    Placement.objects.filter(pk__in=[booked["made"] for booked in back.values() if booked["made"]]).delete()
    Placement.objects.filter(pk__in=[booked["ended"] for booked in back.values() if booked["ended"]]).update(until=None)
    reshuffles.unjoin_all([(each["move"], each["was"], each["task"]) for each in back.values() if each["did"] == "joined"], by=by)
    members = Member.objects.in_bulk([pk for pk, booked in back.items() if booked["did"] != "joined"])
    events.note_all({"kind": "member.moved", "subject": each, "member": pk, "by": by, "because": "undone"} for pk, each in members.items())
    kept = [pk for pk in lines if pk not in back]
    roster.lines.all().delete()
    Roster.objects.filter(pk=roster.pk).update(state=State.UNDONE, counts=roster.counts | _what_came_back(back, kept))
    events.note("roster.undone", roster, by=by, after={"people": len(back), "kept": len(kept)})
    return kept


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
