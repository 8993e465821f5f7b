"""Verbs of the reshuffle: propose, approve, begin."""

import secrets
from collections import Counter

from django.db import transaction
from django.db.models import CharField, Max
from django.db.models.functions import Cast
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from uuid_utils.compat import uuid7

from crm.tenancy import effects, events
from crm.tenancy.bulk import load
from crm.tenancy.refusals import Refused
from members.models import Member

from . import calendar, waves
from .models import PATIENCE, Cohort, Draft, Move, Placement, Reshuffle, Task, Wave
from .problems import AS_TEXTS, ID_AS_TEXT, pose, present, ruled

# Proposing


@transaction.atomic
def propose(matrix, tenant, *, by=None, max_moves=None, seed=None, steps=None, at_once=False):
    """Ask for a draft of the next half-year. With `at_once` the caller thinks itself and the workers leave it alone."""
    reshuffle = calendar.lay_out(matrix, tenant)
    if reshuffle is None:
        raise Refused(_("Nobody sits in this matrix yet, so there is nothing to reshuffle."), code="nothing_to_reshuffle")
    reshuffle = Reshuffle.objects.select_for_update().get(pk=reshuffle.pk)
    if not reshuffle.is_open:
        raise Refused(_("This reshuffle has been approved already."), code="already_approved")
    if reshuffle.drafts.filter(state=Draft.State.WAITING).exists():
        raise Refused(_("A plan is being made already. It will stand here when it is ready."), code="already_proposing")
    draft = Draft.objects.create(
        reshuffle=reshuffle,
        number=(reshuffle.drafts.aggregate(last=Max("number"))["last"] or 0) + 1,
        requested_by=by,
        max_moves=max_moves,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        steps=steps,
        due_at=now() + PATIENCE if at_once else now(),
    )
    events.note("draft.requested", draft, by=by, after={"max_moves": max_moves, "seed": draft.seed})
    if not at_once:
        effects.nudge(draft)
    return draft


@transaction.atomic
def stop(draft, *, by):
    """The worker sees it at its next step."""
    if not Draft.objects.filter(pk=draft.pk, state=Draft.State.WAITING).update(state=Draft.State.STOPPED):
        raise Refused(_("This plan is not being made any more."), code="not_running")
    events.note("draft.stopped", draft, by=by)


# Approving


def staleness(draft):
    """What changed since the plan was made, as a sentence; empty while it still fits."""
    matrix, plan = draft.reshuffle.matrix, draft.plan
    people = present(matrix)
    posed = pose(matrix, max_moves=draft.max_moves, only=ruled(matrix) & people, people=len(people))
    then = dict(zip(plan["members"], plan["from"], strict=True))
    place = {pk: at for at, pk in enumerate(plan["groups"])}
    sits = {member: group for member, group, _cohort in sitting(matrix)}
    today = {pk: place.get(sits.get(pk), -1) for pk in people}
    said = []
    if joined := len(today.keys() - then.keys()):
        said.append(ngettext("%d member joined", "%d members joined", joined) % joined)
    if left := len(then.keys() - today.keys()):
        said.append(ngettext("%d member left", "%d members left", left) % left)
    if moved := sum(1 for pk in today.keys() & then.keys() if today[pk] != then[pk]):
        said.append(ngettext("%d member changed group", "%d members changed group", moved) % moved)
    if draft.mark["rules"] != posed.mark and not said:
        said.append(_("a rule or a group changed"))
    return _(", ").join(said)


@transaction.atomic
def approve(draft, tenant, *, by):
    """Ask the assistants, in daily waves and best moves first, to invite everyone who moves."""
    if not draft.is_ready:
        raise not_ready()
    if not draft.reshuffle.matrix.is_reshuffled:
        raise Refused(_("This matrix is no longer reshuffled, so no plan of it can be approved."), code="not_reshuffled")
    waiting = Reshuffle.objects.filter(pk=draft.reshuffle_id, state=Reshuffle.State.OPEN)
    if not waiting.update(state=Reshuffle.State.APPROVED, chosen=draft, approved_at=now(), approved_by=by):
        raise Refused(_("This reshuffle has been approved already."), code="already_approved")
    if changed := staleness(draft):
        sentence = _("Since this plan was made %(changed)s. Propose again, then approve the new plan.") % {"changed": changed}
        raise Refused(sentence, code="stale")
    first = _lay_out_moves(draft, tenant)
    last_day = Wave.objects.filter(reshuffle=draft.reshuffle).aggregate(last=Max("day"))["last"]
    calendar.begin_late(draft.reshuffle.cohort, last_day or tenant.today(), tenant)
    events.note("reshuffle.approved", draft.reshuffle, by=by, after={"draft": str(draft.pk), "moves": len(draft.plan["order"])})
    for wave in first:
        waves.hand_out(wave, tenant, by=by)


def not_ready():
    return Refused(_("There is no plan in this draft, so nothing can be read or approved."), code="not_ready")


def from_groups(plan):
    """The groups that lose a member, one per move, best move first."""
    return [plan["groups"][plan["from"][who]] for who in plan["order"]]


def _lay_out_moves(draft, tenant):
    """All moves as rows, each in its wave. Returns the waves that are due at once."""
    plan, today = draft.plan, tenant.today()
    movers = plan["order"]
    leaving = from_groups(plan)
    dealt = list(waves.in_daily_waves(leaving, waves.hands(set(leaving), tenant), tenant.tasks_a_day, today))
    ids = {key: uuid7() for key in dict.fromkeys(dealt)}
    rows = [(pk, draft.reshuffle_id, seat, day, waves.due_at(day, tenant, today), Wave.State.WAITING) for (seat, day), pk in ids.items()]
    load(Wave, ["id", "reshuffle", "assistant", "day", "due_at", "state"], rows)
    alone = Move.objects.single().filter(state=Move.State.WAITING, to_group__matrix=draft.reshuffle.matrix_id)
    alone = set(map(str, alone.values_list("member_id", flat=True)))  # whom somebody sends elsewhere already, who knows why
    state = [Move.State.KEPT if plan["members"][who] in alone else Move.State.WAITING for who in movers]
    at = now()
    moves = [
        (uuid7(), draft.reshuffle_id, plan["members"][who], group, plan["groups"][plan["to"][who]], ids[wave], rank, state[rank - 1], at)
        for rank, (who, group, wave) in enumerate(zip(movers, leaving, dealt, strict=True), start=1)
    ]
    load(Move, ["id", "reshuffle", "member", "from_group", "to_group", "wave", "rank", "state", "changed_at"], moves)
    return [pk for (_seat, day), pk in ids.items() if day <= today]


# Beginning


@transaction.atomic
def begin(cohort, tenant):
    """Make a half-year the current one: everybody sits where the plan says, except who did not come along."""
    matrix = cohort.matrix
    reshuffle = Reshuffle.objects.select_for_update().filter(cohort=cohort).first()
    chosen = reshuffle.chosen if reshuffle and reshuffle.state == Reshuffle.State.APPROVED else None
    if chosen:  # whoever ticks does it before this or, as it has begun, no more
        list(Task.objects.filter(moves__reshuffle=reshuffle).select_for_update(of=["self"]).order_by("pk").values_list("pk"))
    sits = {member: group for member, group, half in sitting(matrix) if half != str(cohort.pk)}
    goes = sits | _planned(chosen, sits)
    Cohort.objects.filter(matrix=matrix, state=Cohort.State.CURRENT).update(state=Cohort.State.PAST)
    Cohort.objects.filter(pk=cohort.pk).update(state=Cohort.State.CURRENT)
    Placement.objects.open().filter(matrix=matrix).exclude(cohort=cohort).update(until=cohort.begins_on)
    rows = [(uuid7(), member, group, matrix.pk, cohort.pk, cohort.begins_on) for member, group in goes.items()]
    load(Placement, ["id", "member", "group", "matrix", "cohort", "since"], rows)
    if chosen:
        _close(reshuffle)
    elif reshuffle:
        Reshuffle.objects.filter(pk=reshuffle.pk).update(state=Reshuffle.State.DONE)
        Draft.objects.filter(reshuffle=reshuffle, state=Draft.State.WAITING).update(state=Draft.State.STOPPED)
    events.note("cohort.began", cohort, after={"members": len(goes), "planned": bool(chosen)})
    calendar.lay_out(matrix, tenant)


def sitting(matrix):
    """(member, group, cohort) of each who sits there now, by their ids as texts."""
    return Placement.objects.open().filter(matrix=matrix).annotate(**AS_TEXTS).values_list("member_", "group_", "cohort_")


def _planned(draft, sits, current=None):
    """{member's id: group's id} of those whom the plan places: not who refused, cannot be reached, left, or joined early."""
    if draft is None:
        return {}
    if current is None:
        current = set(Member.objects.current().annotate(id_=ID_AS_TEXT).values_list("id_", flat=True))
    texts = {"member_": AS_TEXTS["member_"], "to_": Cast("to_group", CharField())}
    moves = list(draft.reshuffle.moves.annotate(**texts).values_list(*texts, "state"))
    on_the_way = {who: to for who, to, state in moves if state in (Move.State.WAITING, Move.State.ASKED)}
    not_moving = {who for who, _to, _state in moves} - on_the_way.keys()
    plan, goes = draft.plan, {}
    for who, old, new in zip(plan["members"], plan["from"], plan["to"], strict=True):
        to = plan["groups"][new]
        # Who was to stay and sits elsewhere by now was seated there since by somebody who knew why.
        if who in current and who not in not_moving and not (old == new and sits.get(who, to) != to):
            goes[who] = to
    # Who goes instead of somebody stands in the plan as staying.
    return goes | {who: to for who, to in on_the_way.items() if who in current}


def seats_then(reshuffle, current=None):
    """{member's id: group's id}, as texts: where everybody sits when the half-year begins, as things stand.

    `current`: their ids, where they are known."""
    here = list(sitting(reshuffle.matrix_id))
    sits = {member: group for member, group, cohort in here if cohort != str(reshuffle.cohort_id)}
    return {member: group for member, group, _cohort in here} | _planned(reshuffle.chosen, sits, current)


def _close(reshuffle):
    """What was not done by then is taken back; who did not refuse has joined."""
    Wave.objects.filter(reshuffle=reshuffle, state__in=[Wave.State.WAITING, Wave.State.PAUSED]).update(state=Wave.State.STOPPED)
    Task.objects.filter(moves__reshuffle=reshuffle, state=Task.State.OPEN).update(state=Task.State.WITHDRAWN, ended_at=now())
    came = reshuffle.moves.filter(state__in=[Move.State.WAITING, Move.State.ASKED])
    came.update(state=Move.State.JOINED, changed_at=now())
    Reshuffle.objects.filter(pk=reshuffle.pk).update(state=Reshuffle.State.DONE)


def counts(reshuffle):
    """Moves by state, all states named."""
    found = Counter(reshuffle.moves.values_list("state", flat=True))
    return {state: found.get(state, 0) for state in Move.State.values}
