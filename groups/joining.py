"""Members are seen in their new groups before the half-year begins: one move or many, and taken back."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events, trail
from crm.tenancy.refusals import Refused
from members.models import Member

from . import rises
from .models import Cohort, Move, Placement, Task


@transaction.atomic
def join(move, *, by):
    """Somebody is seen in the new group before the half-year begins."""
    if not join_all([move.pk], by.tenant.today(), by=by):
        raise Refused(_("This member has joined the new group already."), code="already_joined")


@dataclass(frozen=True)
class Joined:
    """What one joining changed, by ids."""

    move: Move
    was: str
    made: Placement
    ended: str | None
    task: str | None

    @property
    def as_ids(self):
        return {"move": str(self.move.pk), "was": self.was, "made": str(self.made.pk), "ended": self.ended, "task": self.task}


@transaction.atomic
def join_all(moves, today, *, by, because=""):
    """These sit in their new groups from today on; nobody has to invite them any more. Who sits there already is left out."""
    _hold(moves)
    moves = Move.objects.select_for_update(of=["self"]).filter(pk__in=moves).exclude(state=Move.State.JOINED)
    moves = list(moves.select_related("reshuffle", "to_group").order_by("member_id"))
    here = Placement.objects.open().filter(member__in=[move.member_id for move in moves])
    sits = {(each.member_id, each.matrix_id): each for each in here}
    ended = [each for each in (sits.get((move.member_id, move.to_group.matrix_id)) for move in moves) if each]
    Placement.objects.filter(pk__in=[each.pk for each in ended]).update(until=Greatest(F("since"), Value(today)))
    made = Placement.objects.bulk_create(
        Placement(
            member_id=move.member_id, group_id=move.to_group_id, matrix_id=move.to_group.matrix_id, since=today,
            cohort_id=move.reshuffle.cohort_id if move.reshuffle else _their_half(move, sits),
        )
        for move in moves
    )  # fmt: skip
    Move.objects.filter(pk__in=[move.pk for move in moves]).update(state=Move.State.JOINED, changed_at=now())
    idle = Task.objects.open().select_for_update(of=["self"]).filter(pk__in=[move.task_id for move in moves if move.task_id])
    idle = set(idle.order_by("pk").values_list("pk", flat=True))
    Task.objects.filter(pk__in=idle).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    found = []
    for move, placement in zip(moves, made, strict=True):
        before = sits.get((move.member_id, placement.matrix_id))
        task = str(move.task_id) if move.task_id in idle else None
        found.append(Joined(move, move.state, placement, str(before.pk) if before else None, task))
    events.note_all(
        {"kind": "move.joined", "subject": each.move, "by": by, "member": each.move.member_id, "because": because, "before": each.as_ids}
        for each in found
    )
    return found


def _their_half(move, sits):
    """Who changes groups alone keeps their half-year."""
    before = sits.get((move.member_id, move.to_group.matrix_id))
    return before.cohort_id if before else Cohort.objects.get(matrix=move.to_group.matrix_id, state=Cohort.State.CURRENT).pk


def _hold(moves):
    """The people and then their open tasks, in the order in which lists and ticks hold them."""
    people = Member.objects.select_for_update(no_key=True).filter(pk__in=Move.objects.filter(pk__in=moves).values("member"))
    tasks = Task.objects.open().select_for_update(of=["self"]).filter(moves__in=moves)
    for rows in (people, tasks):
        list(rows.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def unjoin_all(undone, *, by):
    """Take joinings back: `undone` are (move's id, state it had, id of its withdrawn task or None). Their seats are the caller's."""
    for state in {was for _pk, was, _task in undone}:
        theirs = [pk for pk, was, _task in undone if was == state]
        on_the_way = Move.objects.single().filter(state=Move.State.WAITING).values("member")  # who is asked elsewhere by now
        back = Move.objects.filter(pk__in=theirs, state=Move.State.JOINED).exclude(reshuffle=None, member__in=on_the_way)
        back.update(state=state, changed_at=now())
    idle = [task for _pk, _was, task in undone if task]
    Task.objects.filter(pk__in=idle, state=Task.State.WITHDRAWN).update(state=Task.State.OPEN, ended_at=None, ended_by=None)
    rises.again(list(Task.objects.filter(pk__in=idle)))
    moves = Move.objects.filter(pk__in=[pk for pk, _was, _task in undone])
    events.note_all({"kind": "move.reopened", "subject": move, "by": by, "member": move.member_id} for move in moves)


def _joined_last(facts):
    """Those that were booked one by one, and whose seat is still the one that was made, of a half-year that has not begun."""
    facts = [fact for fact in facts if not fact.because and fact.before.get("made")]
    gone = Placement.objects.filter(pk__in=[fact.before["ended"] for fact in facts if fact.before["ended"]]).exclude(group__closed_on=None)
    gone = {str(pk) for pk in gone.values_list("pk", flat=True)}  # their group was closed: nobody goes back into it
    alone = {fact.before["made"]: fact.pk for fact in facts if fact.before["ended"] not in gone}
    there = Placement.objects.open().filter(pk__in=alone, cohort__state=Cohort.State.PLANNED).values_list("pk", flat=True)
    return [alone[str(pk)] for pk in there]


def _unjoin(fact, by):
    held = fact.before
    Placement.objects.filter(pk=held["made"]).delete()
    Placement.objects.filter(pk=held["ended"]).update(until=None)
    unjoin_all([(held["move"], held["was"], held["task"])], by=by)
    return _("The move is as it was before.")


trail.undoes("move.joined", "matrix", _joined_last, _unjoin)
