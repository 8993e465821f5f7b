"""Keep and swap: who would not come along stays where they sit, and somebody else of that group goes into the one that lacks them."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy import events, trail
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from members.models import Member

from . import carrying, inviting, rises, waves
from .models import Group, Move, Reshuffle, Star, Task, Wave
from .reshuffling.exchanging import SHOWN, Exchange
from .scene import STRAGGLE, Scene

AT_ONCE = 50  # stragglers in one proposal
MOST = 2 * AT_ONCE  # people kept in one act, with those bound to them
KEPT, SWAPPED, BACK = "moves.kept", "move.instead", "moves.unkept"
MAY_STAY = [Move.State.WAITING, Move.State.ASKED, *STRAGGLE]
WITH_THEM = [Move.State.WAITING, *STRAGGLE]  # of those bound to them: who was not asked into the other chat yet
BEST, NOBODY = "best", "nobody"


# What is proposed


@dataclass
class StandIn:
    """Somebody who could go instead, with what speaks for them."""

    member: Member
    new: int  # people of the other group whom they have never sat with
    city: str = ""  # where both live
    skills: list = field(default_factory=list)  # which both have
    is_star: bool = False
    evens_out: bool = False  # stars, cities, skills and sizes are spread more evenly then

    @property
    def says(self):
        """Why they, in words."""
        words = ngettext("meets %(n)s person never sat with", "meets %(n)s people never sat with", self.new) % {"n": f"{self.new:,}"}
        said = [words]
        if self.is_star:
            said.append(_("both are stars"))
        if self.city:
            said.append(_("both from %(city)s") % {"city": self.city})
        if self.skills:
            said.append(_("both can %(skills)s") % {"skills": _(", ").join(self.skills)})
        if self.evens_out:
            said.append(_("groups become more even"))
        return _("; ").join(said)


@dataclass
class Swap:
    """One who stays, with whom the product would send instead: the best first."""

    move: Move
    keeps: Group | None
    stand_ins: list = field(default_factory=list)
    chosen: Member | None = None
    may_do_without: bool = False
    bound_to: Member | None = None  # stays because this one does
    refusal: Refused | None = None


def _keep(scene, moves):
    """[(move, exchange or refusal)], everybody of them seated where they sit now."""
    found = []
    for move in moves:
        place, (group, _since) = scene.place.get(str(move.member_id)), scene.sits.get(str(move.member_id), (None, None))
        if place is None or group not in scene.number:
            found.append((move, Refused(_("The group where they sit is closed, so they cannot stay in it."), code="group_closed")))
        elif group == str(move.to_group_id):
            found.append((move, Refused(_("They sit in the new group already."), code="already_joined")))
        else:
            scene.seating.seat(place, scene.number[group])
            found.append((move, Exchange(place, scene.number[group], scene.number.get(str(move.to_group_id), -1))))
    return [(move, _refusal(scene, move, it) if isinstance(it, Exchange) else it) for move, it in found]


def _refusal(scene, move, exchange):
    """The exchange, or why they cannot stay."""
    at, apart_from = scene.seating.at, [who for who in scene.seating.bond.get(exchange.kept, ()) if scene.seating.at[who] != exchange.a]
    if apart_from:
        words = {"name": scene.names[min(apart_from)]}
        return Refused(_("They are bound to %(name)s, who goes to another group.") % words, code="bond_split")
    if exchange.b < 0:
        return Refused(_("The group they were to go to is closed."), code="group_closed")
    if len(enemies := scene.seating.enemies(exchange.kept, exchange.a)) and not any(scene.free[who] for who in enemies):
        words = {"name": scene.names[enemies[0]], "group": scene.problem.groups[at[exchange.kept]]}
        return Refused(_("They are kept apart from %(name)s, who will sit in %(group)s.") % words, code="kept_apart")
    return exchange


def _with_bound(scene, moves):
    """These, and those bound to them who have not gone yet: (move, to whom they are bound)."""
    found, bound = {str(move.member_id): move for move in moves}, {}
    for pk in list(found):
        for other in scene.seating.bond.get(scene.place.get(pk), ()):
            move = scene.moves.get(scene.members[other])
            if move and str(move.member_id) not in found and move.state in WITH_THEM:
                found[str(move.member_id)], bound[move.pk] = move, pk
    with_them = Move.objects.filter(pk__in=bound).order_by("rank", "pk")
    return [*moves, *with_them], bound


def proposal(reshuffle, moves):
    """A `Swap` for each of these and for those bound to them, solved together."""
    if reshuffle.state != Reshuffle.State.APPROVED:
        return []
    wanted = list(Move.objects.filter(pk__in=moves, state__in=MAY_STAY).order_by("rank", "pk")[:AT_ONCE])
    scene = Scene(reshuffle.matrix, reshuffle, exchanging=[move.member_id for move in wanted])
    asked, bound = _with_bound(scene, wanted)
    scene.hold_places(but=asked)
    pairs = _keep(scene, asked)
    scene.seating.choose([it for _move, it in pairs if isinstance(it, Exchange)], scene.free)
    return _said(scene, pairs, bound)


def _said(scene, pairs, bound):
    shown = {scene.members[who] for _move, it in pairs if isinstance(it, Exchange) for who, _cost in it.fits[:SHOWN]}
    who = Member.objects.in_bulk([*shown, *(move.member_id for move, _it in pairs), *bound.values()])
    who = {str(pk): member for pk, member in who.items()}
    stars = {str(pk) for pk in Star.objects.shining().filter(member__in=list(who)).values_list("member_id", flat=True)}
    groups = {str(pk): group for pk, group in Group.objects.select_related("assistant__user").in_bulk(list(scene.groups.values())).items()}
    found = []
    for move, it in pairs:
        move.member, move.reshuffle = who[str(move.member_id)], scene.reshuffle
        move.from_group, move.to_group = groups[str(move.from_group_id)], groups[str(move.to_group_id)]
        swap = Swap(move, None, bound_to=who.get(bound.get(move.pk)))
        found.append(swap)
        if isinstance(it, Refused):
            swap.refusal = it
            continue
        swap.keeps = groups[scene.groups[scene.problem.groups[it.a]]]
        swap.may_do_without = it.may_do_without
        swap.stand_ins = [_stand_in(who[scene.members[pk]], *it.facts[pk], move.member, stars) for pk, _cost in it.fits[:SHOWN]]
        swap.chosen = who[scene.members[it.chosen]] if it.chosen >= 0 else None
        if not swap.stand_ins and not it.may_do_without:
            swap.refusal = nobody_fits()
    return found


def _stand_in(member, new, evenness, kept, stars):
    return StandIn(
        member=member,
        new=new,
        evens_out=evenness < 0,
        city=member.city if member.city == kept.city else "",
        skills=[skill for skill in member.skills or [] if skill in (kept.skills or [])][:2],
        is_star={str(member.pk), str(kept.pk)} <= stars,
    )


def nobody_fits():
    return Refused(
        _("Nobody of their group may go instead: pins, bonds, who is kept apart and the sizes leave nobody."), code="nobody_fits"
    )


# Doing it


@transaction.atomic
def keep(reshuffle, chosen, tenant, *, by):
    """`chosen` is {move's id: who goes instead, by id, or `BEST`, or `NOBODY`}. All of it or nothing; returns the fact, by which it
    is taken back until somebody who goes instead was asked."""
    reshuffle = carrying.running(reshuffle)
    moves = _held(reshuffle, chosen)
    scene = Scene(reshuffle.matrix, reshuffle, exchanging=[move.member_id for move in moves])
    chosen = {str(pk): str(who) for pk, who in chosen.items()}
    scene.hold_places(but=moves)
    pairs = _keep(scene, moves)
    for move, it in pairs:
        if isinstance(it, Refused):
            raise _about(move, it)
    _seat(scene, [(it, chosen[str(move.pk)]) for move, it in pairs])
    before = {str(move.pk): [move.state, str(move.task_id) if move.task_id else None, False] for move in moves}
    for task in Task.objects.open().filter(pk__in=[move.task_id for move in moves if move.task_id]):
        Task.objects.filter(pk=task.pk).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
        before[next(str(move.pk) for move in moves if move.task_id == task.pk)][2] = True
    Move.objects.filter(pk__in=[move.pk for move in moves]).update(state=Move.State.KEPT, changed_at=now())
    made = _go_instead(reshuffle, scene, [(move, it) for move, it in pairs if it.chosen >= 0], tenant, by)
    events.note_all({"kind": "move.kept", "subject": move, "member": move.member_id, "by": by} for move in moves)
    events.note_all({"kind": SWAPPED, "subject": move, "member": move.member_id, "by": by} for move in made.values())
    after = {"moves": len(moves), "swaps": len(made), "made": {str(kept): str(move.pk) for kept, move in made.items()}}
    return events.note(KEPT, reshuffle, by=by, before={"moves": before}, after=after)


def _held(reshuffle, chosen):
    """Tasks before moves, as a tick holds them."""
    if len(chosen) > MOST:
        raise Refused(_("At most %(n)s people at once.") % {"n": MOST}, code="too_many", status=400)
    found = Move.objects.filter(reshuffle=reshuffle, pk__in=list(chosen))
    list(Task.objects.open().select_for_update(of=["self"]).filter(moves__in=found).order_by("pk"))
    moves = list(found.select_for_update(of=["self"]).filter(state__in=MAY_STAY).order_by("rank", "pk"))
    if not moves or len(moves) != len(chosen):
        sentence = _("Some of these people have come meanwhile, or keep their group already. Look again.")
        raise Refused(sentence, code="changed_meanwhile" if moves else "nobody_to_keep")
    return moves


def _about(move, refused):
    """The same refusal with the name, since it may be one of several."""
    words = {"name": Member.objects.get(pk=move.member_id).nickname, "why": refused.sentence}
    return Refused(_("%(name)s: %(why)s") % words, code=refused.code, move=str(move.pk))


def _seat(scene, exchanges):
    """Those who were named first, then the best for the others; at the end no rule may be broken."""
    seating = scene.seating
    for exchange, who in exchanges:
        if who not in (BEST, NOBODY):
            place = scene.place.get(who)
            fits = [] if place is None else [pk for pk, _cost in seating.fitting(exchange, scene.free) if pk == place]
            if not fits:
                raise Refused(_("This person cannot go instead any more. Look again."), code="cannot_go")
            seating.seat(place, exchange.b)
            scene.free[place], exchange.chosen = False, place
    best = [exchange for exchange, who in exchanges if who == BEST]
    seating.choose(best, scene.free)
    if any(exchange.chosen < 0 and not exchange.may_do_without for exchange in best):
        raise nobody_fits()
    for exchange, _who in exchanges:
        if exchange.chosen < 0 and not seating.fits_without(exchange):
            raise Refused(_("The sizes of the groups do not allow that nobody goes instead."), code="needs_somebody")
        if seating.enemies(exchange.kept, exchange.a):
            raise Refused(_("They are kept apart from somebody who will sit in the same group."), code="kept_apart")


def _go_instead(reshuffle, scene, pairs, tenant, by):
    """{kept move's id: the new move}, each in the next wave of its assistant that has room, today's first."""
    if not pairs:
        return {}
    group_of = {move.pk: scene.groups[scene.problem.groups[it.a]] for move, it in pairs}
    hands, dealt, made = waves.hands(set(group_of.values()), tenant, tenant.today()), defaultdict(list), {}
    for move, _it in pairs:
        dealt[hands[group_of[move.pk]]].append(move.pk)
    who = {move.pk: scene.members[it.chosen] for move, it in pairs}
    by_pk = {move.pk: move for move, _it in pairs}
    for seat, kept in dealt.items():
        left = list(kept)
        for wave, room in carrying.rooms(reshuffle, Seat.objects.get(pk=seat), tenant, handed_out=True):
            some, left = left[:room], left[room:]
            for pk in some:
                fields = {"from_group_id": group_of[pk], "to_group_id": by_pk[pk].to_group_id, "rank": by_pk[pk].rank}
                made[pk] = Move.objects.create(reshuffle=reshuffle, member_id=who[pk], wave=wave, **fields)
            _hand_out(wave, [made[pk] for pk in some], tenant, by)
            if not left:
                break
    return made


def _hand_out(wave, moves, tenant, by):
    """Today's are tasks at once; those of a later day wait for it."""
    if wave.state == Wave.State.WAITING and wave.day <= tenant.today():
        waves.hand_out(wave.pk, tenant, by=by)
    elif wave.state == Wave.State.HANDED_OUT:
        found = list(Move.objects.filter(pk__in=[move.pk for move in moves]).select_related("member", "from_group", "to_group"))
        into, minutes = inviting.ways({move.to_group_id for move in found}), wave.reshuffle.matrix.minutes_per_move
        with translation.override(tenant.language):
            tasks = [waves.as_task(move, wave.day, now(), tenant, wave.assistant_id, into[move.to_group_id], minutes) for move in found]
        Task.objects.bulk_create(tasks)
        rises.promise(tasks, tenant)
        for move, task in zip(found, tasks, strict=True):
            Move.objects.filter(pk=move.pk).update(task=task)


# Taking back, until somebody who goes instead was asked


def _nobody_asked(facts):
    kept = {pk for fact in facts for pk in fact.before.get("moves", {})}
    made = {pk for fact in facts for pk in fact.after.get("made", {}).values()}
    states = {str(pk): state for pk, state in Move.objects.filter(pk__in=kept | made).values_list("pk", "state")}
    running = Reshuffle.objects.filter(pk__in=[fact.subject for fact in facts], state=Reshuffle.State.APPROVED)
    running = set(running.values_list("pk", flat=True))
    return [
        fact.pk
        for fact in facts
        if fact.subject in running
        and all(states.get(pk) == Move.State.KEPT for pk in fact.before.get("moves", {}))
        and all(states.get(pk) == Move.State.WAITING for pk in fact.after.get("made", {}).values())
    ]


def _unkeep(fact, by):
    """Everybody is on the way again as before."""
    carrying.running(Reshuffle(pk=fact.subject))
    made, held = list(fact.after["made"].values()), fact.before["moves"]
    tasks = list(Task.objects.select_for_update(of=["self"]).filter(moves__in=[*made, *held]).order_by("pk").values_list("pk", flat=True))
    moves = Move.objects.select_for_update(of=["self"]).filter(pk__in=[*made, *held]).order_by("pk")
    if [fact.pk] != _nobody_asked([fact]) or len(moves) != len(made) + len(held):
        raise trail.overtaken(fact)
    theirs = [move.task_id for move in moves if str(move.pk) in made and move.task_id in tasks]
    Move.objects.filter(pk__in=made).delete()
    Task.objects.open().filter(pk__in=theirs).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    for pk, (state, _task, _withdrawn) in held.items():
        Move.objects.filter(pk=pk).update(state=state, changed_at=now())
    open_again = [task for _state, task, was_withdrawn in held.values() if was_withdrawn]
    Task.objects.filter(pk__in=open_again, state=Task.State.WITHDRAWN).update(state=Task.State.OPEN, ended_at=None, ended_by=None)
    rises.again(list(Task.objects.filter(pk__in=open_again)))
    events.note(BACK, Reshuffle(pk=fact.subject), by=by, after={"moves": len(held)})
    return ngettext("%(n)s move is as it was before.", "%(n)s moves are as they were before.", len(held)) % {"n": f"{len(held):,}"}


trail.undoes(KEPT, "matrix", _nobody_asked, _unkeep)
