"""Verbs of pasted rosters: read one, and settle its open names. What it means stands in `roster_meaning`, its booking in `roster_booking`.

What a roster means is worked out anew each time it is looked at, from its lines and from who sits where now; so a page that is an
hour old books nothing that is not so any more.
"""

import datetime
from collections import Counter

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from crm.tenancy import events
from crm.tenancy.bulk import load
from crm.tenancy.refusals import Refused
from members import aliases, people
from members.models import Handle, Member

from . import arrivals
from .models import Arrival, Group, Roster, RosterLine
from .pasting import key, read
from .recognising import mark, names_of, recognise

LONGEST_TEXT = 1_000_000
MOST_NAMES = 20_000
KEPT_FOR = datetime.timedelta(days=14)  # an open list, since it holds names
SURE = 0.6  # of the names that were recognised, in the group that a list is taken for
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
    make_room(group, by)
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


def make_room(group, by):
    older = Roster.objects.select_for_update().filter(group=group, state__in=[State.OPEN, State.WORKING, State.UNDOING]).first()
    if older is None:
        return
    if older.is_working:
        raise Refused(_("A list of this group is being booked just now. Look again in a moment."), code="being_booked")
    _drop(older, by, because="newer")


@transaction.atomic
def drop(roster, *, by):
    _drop(opened(roster), by)


def _drop(roster, by, because=""):
    roster.lines.all().delete()
    Roster.objects.filter(pk=roster.pk).update(state=State.DROPPED)
    events.note("roster.dropped", roster, by=by, because=because)


def forget():
    """Lists that nobody booked hold names, so they do not stay."""
    for roster in Roster.objects.filter(state=State.OPEN, pasted_at__lt=now() - KEPT_FOR):
        _drop(roster, None, because="forgotten")


def opened(roster):
    found = Roster.objects.select_for_update(of=["self"]).select_related("group__matrix").get(pk=roster.pk)
    if found.state != State.OPEN:
        sentence = _("This list is no longer open: %(state)s.") % {"state": found.get_state_display()}
        raise Refused(sentence, code="not_open", state=found.state)
    return found


# Settling open lines


def _held(line, *states):
    roster = opened(Roster(pk=line.roster_id))
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
def add_arrival(line, *, by):
    """Nobody knew this person: a newcomer of this group, who waits for an evening, and whom the introduction seats."""
    line = _held(line, Line.DOUBTFUL, Line.UNKNOWN, Line.PASSED)
    handles = [("wechat", line.handle)] if line.handle else []
    member = people.add({"nickname": line.text, "handles": handles}, by=by, because="roster")
    arrival = arrivals.wait(member, by=by, matrix=line.roster.group.matrix, group=line.roster.group)
    line.learnt = {"member": str(member.pk), "arrival": str(arrival.pk)}
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
    """As if nobody had said anything; what was learnt of it is forgotten. Who was added as a member stays one, and waits to
    enter no more."""
    line = _held(line, Line.KNOWN, Line.PASSED)
    if line.decided_by_id is None and line.state == Line.KNOWN:
        raise Refused(_("This name was recognised by itself; there is nothing to take back."), code="nothing_to_undo")
    if "nickname" in line.learnt:
        aliases.forget(line.learnt["nickname"])
    for arrival in Arrival.objects.open().filter(pk=line.learnt.get("arrival"), placement=None):
        arrivals.call_off(arrival, by=by)
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
    lines = list(sole(opened(roster)))
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
