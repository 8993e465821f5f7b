"""Where everybody of a matrix will sit as things stand, for what is decided about one or a few of them by the reshuffle's own measure."""

from collections import Counter
from functools import cached_property, reduce
from operator import or_
from uuid import UUID

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused
from members.models import Member

from . import reshuffling
from .models import BondMember, Move, Placement
from .problems import pose, present, ruled, who_has
from .reshuffles import seats_then, sitting
from .reshuffling.exchanging import Seating

READ = ("pk", "member_id", "from_group_id", "to_group_id", "state")
STRAGGLE = [Move.State.REFUSED, Move.State.UNREACHABLE]


class Scene:
    """Where everybody will sit as things stand, and the rules, as the engine reads them.

    Of `everybody` it knows where they go; all that a plan is weighed by it reads of those alone whom the question is about."""

    def __init__(self, matrix, reshuffle=None, *, exchanging=(), moving=None):
        """`reshuffle`: the one that is being carried out. `exchanging`: who may keep their groups. `moving`: who may go anywhere."""
        self.matrix, self.reshuffle = matrix, reshuffle
        alone = Move.objects.single().filter(state=Move.State.WAITING, to_group__matrix=matrix)
        self.alone = {str(member): str(group) for member, group in alone.values_list("member_id", "to_group_id")}
        everybody = present(matrix)
        then = (seats_then(reshuffle, everybody) if reshuffle else {pk: group for pk, group, _half in sitting(matrix)}) | self.alone
        self.goes = {pk: group for pk, group in then.items() if pk in everybody}
        about = ruled(matrix) | self._around(set(map(str, exchanging))) | self._who_met(moving)
        self._read(about & everybody, len(everybody))
        if moving and str(moving) in self.place:
            self._count_others(self.place[str(moving)])

    def _read(self, about, people):
        ids = [UUID(pk) for pk in about]
        moves = Move.objects.filter(Q(member__in=ids) | Q(state__in=STRAGGLE), reshuffle=self.reshuffle)
        moves = moves.values_list(*READ, named=True) if self.reshuffle else ()
        self.moves = {str(move.member_id): move for move in moves}
        posed = pose(self.matrix, only=ids, people=people)
        self.problem = _problem(posed, self.moves)
        self.groups = {name: str(pk) for name, pk in posed.groups.items()}
        self.number = {self.groups[name]: at for at, name in enumerate(self.problem.groups)}
        self.members = [str(posed.members[key]) for key in self.problem.members]
        self.place = {pk: at for at, pk in enumerate(self.members)}
        here = Placement.objects.open().filter(matrix=self.matrix, member__in={*ids, *(move.member_id for move in self.moves.values())})
        self.sits = {str(member): (str(group), since) for member, group, since in here.values_list("member_id", "group_id", "since")}
        self.seating = Seating(self.problem, [self._goes_to(pk) for pk in self.members], self._counted(self.goes))
        self.free = np.array([self._is_free(pk) for pk in self.members], np.bool_)

    def _goes_to(self, pk):
        return self.number.get(self.goes.get(pk), -1)

    def _counted(self, people):
        """How many of these will sit in each group."""
        many = Counter(map(self._goes_to, people))
        return [many[at] for at in range(len(self.number))]

    def _around(self, members):
        """Who will sit in a group that these, or those bound to them, sit in, leave or are asked into."""
        bonds = {}
        for bond, member in BondMember.objects.filter(bond__matrix=self.matrix).values_list("bond_id", "member_id") if members else ():
            bonds.setdefault(bond, set()).add(str(member))
        while more := set().union(*(bond for bond in bonds.values() if bond & members)) - members:
            members = members | more
        here = Placement.objects.open().filter(matrix=self.matrix, member__in=members).values_list("group_id", flat=True)
        moves = Move.objects.filter(reshuffle=self.reshuffle, member__in=members).values_list("to_group_id", flat=True)
        groups = {*map(str, here), *map(str, moves), *(self.goes.get(pk) for pk in members)}
        return members | {pk for pk, group in self.goes.items() if group in groups} if members else members

    def _who_met(self, member):
        """They, and whoever has sat in a group together with them."""
        if member is None:
            return set()
        seats = Placement.objects.filter(matrix=self.matrix)
        theirs = list(seats.filter(member=member).values_list("cohort_id", "group_id", "until"))
        left = Move.objects.filter(reshuffle=self.reshuffle, state=Move.State.JOINED)  # they sat there in this half-year
        homes = {group for _cohort, group, until in theirs if until is None}
        homes |= set(left.filter(member=member).values_list("from_group_id", flat=True))
        cells = [Q(cohort=cohort, group=group) for cohort, group, _until in theirs] + [Q(until=None, group__in=homes)]
        met = {*seats.filter(reduce(or_, cells)).values_list("member_id", flat=True)}
        return {str(pk) for pk in (member, *met, *left.filter(from_group__in=homes).values_list("member_id", flat=True))}

    def _count_others(self, place):
        """Who has a tag in common with this one and never met them counts for how evenly groups are made up."""
        for tag, values in self.problem.tags.items():
            for value, having in values.items() if self.problem.weight(tag) else ():
                if place in having:
                    others = who_has(self.matrix, tag, value) - self.place.keys()
                    self.seating.beyond[tag, value] = self._counted(others)

    @cached_property
    def names(self):
        """{place: nickname} of all whom a bond or a wish to be apart concerns: a refusal may name any of them."""
        who = {*self.seating.bond, *self.seating.foes}
        named = dict(Member.objects.filter(pk__in=[self.members[at] for at in who]).values_list("pk", "nickname"))
        return {at: named[UUID(self.members[at])] for at in who}

    def hold_places(self, but=()):
        """Who said no, or cannot be reached, may still come: until that is settled their place is nobody else's, nobody kept apart from
        them goes there, and their group keeps its least size without them."""
        left_out = {each.pk for each in but}
        for move in self.moves.values():
            if move.state in STRAGGLE and move.pk not in left_out:
                if (new := self.number.get(str(move.to_group_id))) is not None:
                    self.problem.high[new] -= 1
                    if (place := self.place.get(str(move.member_id))) is not None:
                        self.seating.may_come[place] = new
                if (old := self.number.get(self.sits.get(str(move.member_id), ("",))[0])) is not None:
                    self.problem.low[old] += 1

    def is_too_full(self, group):
        """Leaving out who stays there until it is settled whether they go, and counting who may still come."""
        at = self.number.get(str(group))
        if at is None:
            return False
        open_ends = [move for move in self.moves.values() if move.state in STRAGGLE]
        stay = sum(1 for move in open_ends if self.sits.get(str(move.member_id), ("",))[0] == str(group))
        come = sum(1 for move in open_ends if str(move.to_group_id) == str(group))
        return self.seating.sizes[at] - stay + come > self.problem.high[at]

    def _is_free(self, pk):
        """Stays by the plan, and nobody moved, asked or seated them since it was approved."""
        if self.reshuffle is None or pk in self.moves or pk in self.alone or pk not in self.sits:
            return False
        group, since = self.sits[pk]
        return since < self.reshuffle.approved_at.date() and self.seating.at[self.place[pk]] == self.number.get(group, -1)


def _problem(posed, moves):
    try:
        return reshuffling.Problem.from_json(_as_planned(posed, moves))
    except reshuffling.BadProblem:
        sentence = _("The sizes and rules of these groups contradict each other, so nobody can be weighed. Look at their capacities first.")
        raise Refused(sentence, code="bad_problem") from None


def _as_planned(posed, moves):
    """Who has joined already sat, in the present half-year, where they came from."""
    raw, name = posed.raw, {str(pk): name for name, pk in posed.groups.items()}
    key = {str(pk): key for key, pk in posed.members.items()}
    came = {key[pk]: name[str(move.from_group_id)] for pk, move in moves.items() if move.state == Move.State.JOINED and pk in key}
    for member in raw["members"]:
        member["current"] = came.get(member["id"], member["current"])
    if raw["history"]:
        raw["history"][0]["placed"] |= came
    return raw
