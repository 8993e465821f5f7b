"""Where everybody of a matrix will sit as things stand, for what is decided about one or a few of them by the reshuffle's own measure."""

from functools import cached_property
from uuid import UUID

import numpy as np
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused
from members.models import Member

from . import reshuffling
from .models import Move, Placement
from .problems import pose
from .reshuffles import seats_then
from .reshuffling.exchanging import Seating

READ = ("pk", "member_id", "from_group_id", "to_group_id", "state")
STRAGGLE = [Move.State.REFUSED, Move.State.UNREACHABLE]


class Scene:
    """Where everybody will sit as things stand, and the rules, as the engine reads them."""

    def __init__(self, matrix, reshuffle=None):
        """`reshuffle`: the one that is being carried out."""
        self.reshuffle = reshuffle
        posed = pose(matrix)
        moves = Move.objects.filter(reshuffle=reshuffle).values_list(*READ, named=True) if reshuffle else ()
        self.moves = {str(move.member_id): move for move in moves}
        alone = Move.objects.single().filter(state=Move.State.WAITING, to_group__matrix=matrix)
        self.alone = {str(member): str(group) for member, group in alone.values_list("member_id", "to_group_id")}
        self.problem = _problem(posed, self.moves)
        self.groups = {name: str(pk) for name, pk in posed.groups.items()}
        self.number = {self.groups[name]: at for at, name in enumerate(self.problem.groups)}
        self.members = [str(posed.members[key]) for key in self.problem.members]
        self.place = {pk: at for at, pk in enumerate(self.members)}
        here = Placement.objects.open().filter(matrix=matrix).values_list("member_id", "group_id", "since")
        self.sits = {str(member): (str(group), since) for member, group, since in here}
        then = seats_then(reshuffle) if reshuffle else {member: group for member, (group, _since) in self.sits.items()}
        then |= self.alone
        self.seating = Seating(self.problem, [self.number.get(then.get(pk), -1) for pk in self.members])
        self.free = np.array([self._is_free(pk) for pk in self.members], np.bool_)

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
