"""What a pasted roster means: whom its settled lines name, by what is to be done about them, and what is asked before that is done."""

from collections import Counter
from dataclasses import dataclass, field

from django.db.models import F, Q
from django.utils.translation import gettext as _

from members.models import Member

from .models import Arrival, Group, Move, Placement, RosterLine

FEW = 0.6  # of those who should be there; a list with fewer is asked about
Line = RosterLine.State


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
    arriving: list = field(default_factory=list)  # wait for an evening of this group, whose introduction seats them
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
    moves = Move.objects.coming().filter(to_group=group).order_by(F("reshuffle").asc(nulls_last=True))  # the last of one counts
    coming = {move.member_id: move for move in moves.select_related("member", "from_group", "task")}
    apart = [pk for pk in named if pk in sits and sits[pk].group_id != group.pk and pk not in coming]
    before = _sat_before(apart, group.matrix_id)
    waiting = set(Arrival.objects.waiting().filter(group=group, member__in=listed).values_list("member", flat=True)) - set(sits)
    for pk, member in named.items():
        each = Seen(member, sits.get(pk), coming.get(pk))
        if each.sits and each.sits.group_id != group.pk:
            found.elsewhere[each.sits.group] += 1
        if pk in waiting and member.standing == Member.Standing.CURRENT:
            found.arriving.append(each)
        else:
            _place(each, before.get(pk), group, found)
    found.missing = [Seen(each.member, each) for pk, each in sits.items() if each.group_id == group.pk and pk not in named]
    found.awaited = [Seen(move.member, sits.get(pk), move) for pk, move in coming.items() if pk not in named and _may_come(move)]
    for name in ("inside", "joined", "moved", "seated", "arriving", "wrong", "missing", "awaited"):
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
