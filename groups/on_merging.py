"""How what this room holds of a member follows when two of them turn out to be one person."""

from django.db.models import Q
from django.utils.timezone import localdate, now
from django.utils.translation import gettext_lazy as _

from members import following

from .models import Apart, Arrival, ArrivalStep, BondMember, Calling, Move, Pin, Placement, Push, RosterLine, Star, Task


def _seats(kept, gone, book):
    """Who sits in two groups of a matrix keeps the seat of the row that stays; the other one is history from today on."""
    taken = Placement.objects.open().filter(member=kept).values_list("matrix", flat=True)
    for seat in Placement.objects.open().filter(member=gone, matrix__in=list(taken)):
        book.change(seat, until=max(localdate(), seat.since))


def _moves(kept, gone, book):
    """Nobody is asked twice in one reshuffle: the other move goes, and with it what was still to be done for it."""
    ours = Move.objects.filter(member=kept)
    same = Q(reshuffle__in=list(ours.exclude(reshuffle=None).values_list("reshuffle", flat=True)))
    if ours.single().filter(state=Move.State.WAITING).exists():
        same |= Q(reshuffle=None, state=Move.State.WAITING)
    for move in Move.objects.filter(same, member=gone).select_related("task"):
        if move.task and move.task.state == Task.State.OPEN:
            book.change(move.task, state=Task.State.WITHDRAWN, ended_at=now())
        book.set_aside(move)


def _aparts(kept, gone, book):
    for apart in Apart.objects.filter(Q(one=gone) | Q(other=gone)):
        third = apart.other_id if apart.one_id == gone.pk else apart.one_id
        same = Apart.objects.filter(Q(one=kept, other=third) | Q(one=third, other=kept), matrix=apart.matrix_id)
        if third == kept.pk or same.exists():
            book.set_aside(apart)


def _arrivals(kept, gone, book):
    """Nobody comes in twice: where one row sits there, the other one's way in is called off, and of two on their way one."""
    ours, theirs = (set(Placement.objects.open().filter(member=each).values_list("matrix", flat=True)) for each in (kept, gone))
    both = set(Arrival.objects.open().filter(member=kept).values_list("matrix", flat=True)) - (theirs - ours)
    twice = Q(member=gone, matrix__in=ours | both) | Q(member=kept, matrix__in=theirs - ours)
    for arrival in Arrival.objects.open().filter(twice):
        for step in arrival.steps.select_related("task").exclude(state__in=[ArrivalStep.State.DONE, ArrivalStep.State.SKIPPED]):
            if step.task and step.task.state == Task.State.OPEN:
                book.change(step.task, state=Task.State.WITHDRAWN, ended_at=now())
            book.change(step, state=ArrivalStep.State.WITHDRAWN)
        for calling in arrival.callings.all():  # nobody is named in a welcome that is not sent
            book.set_aside(calling)
        book.change(arrival, state=Arrival.State.CALLED_OFF)


following.rule(Placement, _seats)
following.rule(Arrival, _arrivals)
following.rule(Move, _moves)
following.rule(Apart, _aparts)
following.called(Placement, _("seats in groups"))
following.called(Move, _("moves"))
following.called(Task, _("tasks"))
following.called(Push, _("messages into groups"))
following.called(Pin, _("pins"))
following.called(BondMember, _("bonds"))
following.called(Apart, _("people they are kept apart from"))
following.called(Star, _("stars"))
following.called(RosterLine, _("lines of pasted lists"))
following.called(Arrival, _("arrivals"))
following.called(Calling, _("times they were named in a welcome"))
