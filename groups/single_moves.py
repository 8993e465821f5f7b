"""One person is asked into another group by themselves, at any time: which groups fit best by the reshuffle's own measure, the move
with its task, and the seat that comes of it."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import events, trail
from crm.tenancy.models import Event, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members.models import Member

from . import inviting, joining, rises, tasks, waves
from .models import Group, Move, Placement, Reshuffle, Task, Tick
from .scene import Scene
from .swaps import MAY_STAY

MADE, ALONE = "move.made", "alone"
SENTENCES = {
    "pinned": gettext_lazy("They are pinned to their group."),
    "bound": gettext_lazy("They are bound to others, who would stay behind."),
    "group_too_small": gettext_lazy("Their group would be smaller than it may be."),
    "planned_there": gettext_lazy("The reshuffle that is carried out asks them there already."),
    "planned_lacks": gettext_lazy("The group where the reshuffle wants them would be smaller than it may be."),
    "group_full": gettext_lazy("It is full, counting who is on the way there."),
    "kept_apart": gettext_lazy("Somebody sits there from whom they are kept apart."),
}
FIRM = {"group_full", "kept_apart", "planned_there"}  # the others are said, and whoever knows why may pass over them


@dataclass
class Offer:
    """A group they could go to, and what that would come to."""

    group: Group
    known: int  # people there whom they have ever sat with
    people: int
    cost: int
    evenness: int  # of stars, cities, industries and skills: below 0 it becomes more even
    because: str = ""

    @property
    def new(self):
        return self.people - self.known

    @property
    def room(self):
        return max(self.group.capacity - self.people, 0)

    @property
    def is_firm(self):
        return self.because in FIRM

    @property
    def sentence(self):
        return str(SENTENCES.get(self.because, ""))

    @property
    def says(self):
        """What it comes to, in words."""
        new = ngettext("%(n)s person there whom they never sat with", "%(n)s people there whom they never sat with", self.new)
        known = ngettext("knows %(n)s", "knows %(n)s", self.known)
        said = [new % {"n": f"{self.new:,}"}, known % {"n": f"{self.known:,}"}]
        said.append(ngettext("room for %(n)s", "room for %(n)s", self.room) % {"n": f"{self.room:,}"})
        if self.evenness:
            said.append(_("groups become more even") if self.evenness < 0 else _("groups become less even"))
        return _("; ").join(said)


def seats_of(member):
    """Where they sit and could be moved from, the reshuffled matrix first."""
    seats = Placement.objects.open().filter(member=member, member__standing=Member.Standing.CURRENT)
    return list(seats.select_related("group__matrix", "member").order_by("-matrix__is_reshuffled", "matrix__name"))


def offers(seat, running=None):
    """Every other open group of the matrix, the best first; those where they may not sit last."""
    running = running or _running(seat.matrix_id).first()
    scene = Scene(seat.group.matrix, running, moving=seat.member_id)
    place = scene.place.get(str(seat.member_id))
    if place is None or seat.until:
        return []
    scene.hold_places()
    home = scene.number.get(str(seat.group_id), -1)
    goes = int(scene.seating.at[place])
    scene.seating.seat(place, home)
    groups = {str(group.pk): group for group in Group.objects.open().filter(matrix=seat.matrix_id).select_related("assistant__user")}
    others = [(at, groups[pk]) for pk, at in scene.number.items() if at != home and pk in groups]
    found = [_offer(scene.seating, place, at, group, _planned(scene, seat, at, home, goes)) for at, group in others]
    return sorted(found, key=lambda offer: (offer.is_firm, bool(offer.because), offer.cost, offer.group.number or 0))


def _planned(scene, seat, at, home, goes):
    """What speaks against it because a reshuffle has them go elsewhere."""
    move = scene.moves.get(str(seat.member_id))
    if move and move.state in MAY_STAY and scene.number.get(str(move.to_group_id)) == at:
        return "planned_there"
    return "planned_lacks" if goes not in (home, at, -1) and scene.seating.sizes[goes] < scene.problem.low[goes] else ""


def _running(matrix):
    return Reshuffle.objects.filter(matrix=matrix, state=Reshuffle.State.APPROVED).select_related("matrix")


def _offer(seating, place, at, group, otherwise):
    return Offer(
        group=group,
        known=seating.known(place, at),
        people=int(seating.sizes[at]),
        cost=int(seating.costs([place], at)[0]),
        evenness=int(seating.evenness([place], at)[0]),
        because=otherwise if otherwise == "planned_there" else seating.why_not(place, at) or otherwise,
    )


@transaction.atomic
def make(seat, group, tenant, *, by, anyway=False):
    """Ask them into that group. The move is a task of whoever works for the group they sit in; a move of the reshuffle that is carried
    out ends for it. `anyway` passes over what is only said."""
    running = _running(seat.matrix_id).select_for_update(of=["self"]).first()
    member = Member.objects.select_for_update(no_key=True).get(pk=seat.member_id)
    seat = Placement.objects.open().select_related("group__matrix").filter(pk=seat.pk, member__standing=Member.Standing.CURRENT).first()
    if seat is None:
        raise Refused(_("They do not sit there any more. Look again."), code="changed_meanwhile")
    if not Group.objects.held_open(group.pk):
        raise closed()
    if Move.objects.single().filter(member=member, state=Move.State.WAITING).exists():
        raise on_the_way()
    offer = next((offer for offer in offers(seat, running) if offer.group.pk == group.pk), None)
    if offer is None:
        raise closed()
    if offer.is_firm or (offer.because and not anyway):
        raise Refused(offer.sentence, code=offer.because, field="group")
    before = {"planned": _end_planned(running, member, by)}
    move = Move(member=member, from_group=seat.group, to_group=offer.group, rank=0)
    with translation.override(tenant.language):
        hand = waves.hands({str(seat.group_id)}, tenant, tenant.today())[str(seat.group_id)]
        way = inviting.ways([offer.group.pk])[offer.group.pk]
        move.task = waves.as_task(move, tenant.today(), now(), tenant, hand, way, seat.group.matrix.minutes_per_move)
    move.task.save()
    move.save()
    rises.promise([move.task], tenant)
    after = {"from": str(seat.group_id), "group": str(offer.group.pk), "assistant": str(hand)}
    return move, events.note(MADE, move, by=by, member=member, before=before, after=after)


def closed():
    return Refused(_("This group is closed, of another matrix, or theirs already; choose another one."), code="group_closed")


def on_the_way():
    return Refused(_("They are on the way into another group already. Take that back first."), code="on_the_way")


def _end_planned(running, member, by):
    """[move's id, its state, its task where that was still open] of the reshuffle that is carried out, or nothing."""
    move = Move.objects.filter(reshuffle=running, member=member, state__in=MAY_STAY).first() if running else None
    if move is None:
        return None
    is_open = Task.objects.open().filter(pk=move.task_id).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    Move.objects.filter(pk=move.pk).update(state=Move.State.KEPT, changed_at=now())
    return [str(move.pk), move.state, str(move.task_id) if is_open else None]


# The tick that says they were asked seats them


@tasks.guards(Task.Kind.MOVE)
def may_be_taken_back(task, act, *, reason, note):
    """A tick is taken back while nobody moved them on, asked them into a third group, or closed the one that they left."""
    move = Move.objects.single().filter(task=task).first() if act == Tick.Act.UNDO else None
    if move is None:
        return
    if Move.objects.single().filter(member=move.member_id, state=Move.State.WAITING).exclude(pk=move.pk).exists():
        raise on_the_way()
    if move.state == Move.State.JOINED and not Placement.objects.open().filter(pk=_joined(move)["made"]).exists():
        raise Refused(_("They were moved on since, so this stays as it is."), code="moved_on")
    if move.state == Move.State.JOINED and not Group.objects.held_open(move.from_group_id):
        raise Refused(_("Their old group is closed by now, so this stays as it is."), code="group_closed")


@tasks.follows(Task.Kind.MOVE)
def seat_by_tick(task, *, by):
    move = Move.objects.single().filter(task=task).first()
    if move is None:
        return
    if task.state == Task.State.DONE:
        joining.join_all([move.pk], by.tenant.today(), by=by, because=ALONE)
    elif task.state == Task.State.OPEN and (joined := _joined(move)):
        Placement.objects.filter(pk=joined["made"]).delete()
        Placement.objects.filter(pk=joined["ended"]).update(until=None)
        events.note("move.reopened", move, by=by, member=move.member_id)


def _joined(move):
    """What their joining changed, by ids; nothing where they have not joined since they were asked last."""
    fact = Event.objects.filter(kind__in=["move.joined", "move.reopened"], subject=move.pk).newest_first().first()
    return fact.before if fact and fact.kind == "move.joined" else None


# Taking back, while nobody has asked them


def _not_asked(facts):
    moves = Move.objects.single().filter(pk__in=[fact.subject for fact in facts], state=Move.State.WAITING, task__state=Task.State.OPEN)
    there = set(moves.values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in there]


def _take_back(fact, by):
    """Their move of the reshuffle goes on, if that is still carried out."""
    tenant = Tenant.objects.get(pk=active_tenant())
    task = Task.objects.open().select_for_update(of=["self"]).filter(moves=fact.subject).first()
    move = Move.objects.select_for_update(of=["self"]).filter(pk=fact.subject, state=Move.State.WAITING).first()
    if task is None or move is None:
        raise trail.overtaken(fact)
    Move.objects.filter(pk=move.pk).delete()
    Task.objects.filter(pk=task.pk).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    if planned := fact.before.get("planned"):
        pk, state, open_task = planned
        held = Move.objects.filter(pk=pk, state=Move.State.KEPT, reshuffle__state=Reshuffle.State.APPROVED)
        if held.update(state=state, changed_at=now()) and open_task:
            Task.objects.filter(pk=open_task, state=Task.State.WITHDRAWN).update(state=Task.State.OPEN, ended_at=None, ended_by=None)
            rises.again(list(Task.objects.filter(pk=open_task)), tenant)
    _refuse_too_full(move, Move.objects.filter(pk=planned[0]).first() if planned else None)
    events.note("move.unmade", Member(pk=fact.member), by=by, member=fact.member)
    return _("They stay where they are.")


def _refuse_too_full(move, planned):
    """Somebody may have been asked into the place that they left."""
    scene = Scene(move.from_group.matrix, _running(move.from_group.matrix_id).first())
    for group in [move.from_group, *([planned.to_group] if planned else [])]:
        if scene.is_too_full(group.pk):
            raise Refused(_("%(group)s is full by now, so this is not taken back.") % {"group": group.name}, code="group_full")


trail.undoes(MADE, "matrix", _not_asked, _take_back)
