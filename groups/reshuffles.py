"""Verbs of the reshuffle: propose, think, approve, begin."""

import secrets
import time
from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Max, Value
from django.db.models.functions import Greatest
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from uuid_utils.compat import uuid7

from crm.tenancy import effects, events, trail
from crm.tenancy.bulk import load
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from members.models import Member

from . import calendar, reshuffling, rises, waves
from .models import PATIENCE, Cohort, Draft, Move, Placement, Reshuffle, Task, Wave
from .problems import pose

MOST_TRIES = 3
STAGES = {
    "reading": gettext_lazy("reading who sat where"),
    "searching": gettext_lazy("searching for the best plan"),
    "measuring": gettext_lazy("measuring it against random dealing and the bound"),
    "ordering": gettext_lazy("putting the moves in order"),
}


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


# Thinking: a long job. Each step opens the tenant for itself; while the engine runs no transaction is open.


class TakenOver(Exception):
    """The draft was stopped, or another worker thinks this one is dead and has taken it."""


def think(tenant_id, pk):
    """Make the plan of a waiting draft, if nobody else is at it."""
    with acting_for(tenant_id):
        due = Draft.objects.filter(pk=pk, state=Draft.State.WAITING, due_at__lte=now())
        if not due.update(due_at=now() + PATIENCE, tries=F("tries") + 1, stage="reading", percent=0):
            return
    think_now(tenant_id, pk)


def think_now(tenant_id, pk):
    started = time.monotonic()
    with acting_for(tenant_id):
        draft = Draft.objects.without_plan().select_related("reshuffle__matrix").get(pk=pk)
        if draft.tries > MOST_TRIES:
            return _give_up(draft, [{"code": "gave_up"}])
        posed = pose(draft.reshuffle.matrix, max_moves=draft.max_moves)
    work = _Work(tenant_id, pk, draft.tries)
    try:
        plan, figures, order = _solve(posed, draft, work)
    except TakenOver:
        return None
    except reshuffling.NoPlan as none:
        problems = [{"code": clash.code, "data": clash.data} for clash in none.clashes]
        return _end(work, Draft.State.IMPOSSIBLE, problems=problems)
    except reshuffling.NotFound:
        return _end(work, Draft.State.FAILED, problems=[{"code": "not_found"}])
    except reshuffling.BadProblem as bad:
        return _end(work, Draft.State.FAILED, problems=[{"code": "bad_problem", "data": {"sentence": str(bad)}}])
    return _end(
        work,
        Draft.State.READY,
        plan=_as_rows(posed, plan, order),
        figures=_with_our_ids(figures, posed),
        curve=order.curve,
        mark={"rules": posed.mark, "people": len(posed.members), "seated": posed.seated},
        seconds=round(time.monotonic() - started, 1),
        ready_at=now(),
    )


def _solve(posed, draft, work):
    problem = reshuffling.Problem.from_json(posed.raw)
    if clashes := reshuffling.clashes(problem):
        raise reshuffling.NoPlan(clashes)
    work.reached("searching", 0)

    def told(done, of, best):
        work.reached("searching", 100 * done // max(of, 1), best)

    plan = reshuffling.solve(problem, seed=draft.seed, steps=draft.steps, progress=told)
    work.reached("measuring", 0)
    figures = reshuffling.figures(problem, plan)
    work.reached("ordering", 0)
    return plan, figures, reshuffling.order_of_moves(problem, plan)


@dataclass
class _Work:
    """The heartbeat of a draft: how far it came, and the promise to say more within `PATIENCE`."""

    tenant_id: str
    pk: str
    tries: int
    said_at: float = 0.0

    def reached(self, stage, percent, best=None):
        if stage == "searching" and percent and time.monotonic() - self.said_at < 1:
            return
        self.said_at = time.monotonic()
        with acting_for(self.tenant_id):
            mine = self.mine().update(stage=stage, percent=min(percent, 100), best=best, due_at=now() + PATIENCE)
        if not mine:
            raise TakenOver

    def mine(self):
        return Draft.objects.filter(pk=self.pk, state=Draft.State.WAITING, tries=self.tries)


def _end(work, state, **fields):
    with acting_for(work.tenant_id):
        if work.mine().update(state=state, percent=100, **fields):
            draft = Draft.objects.without_plan().get(pk=work.pk)
            events.note(f"draft.{state}", draft, after={"moves": (draft.figures or {}).get("moves")})


def _give_up(draft, problems):
    """Workers died over it again and again."""
    Draft.objects.filter(pk=draft.pk, state=Draft.State.WAITING).update(state=Draft.State.FAILED, problems=problems)
    events.note("draft.failed", draft)


def _with_our_ids(figures, posed):
    """Figures are kept, so they name members by our ids and not by what identifies them outside."""
    ours = {key: f"id:{pk}" for key, pk in posed.members.items()}
    fresh = figures["new_people"]
    worst = [row | {"member": ours[row["member"]]} for row in figures["worst"]]
    return figures | {"worst": worst, "new_people": fresh | {"least_member": ours.get(fresh["least_member"])}}


def _as_rows(posed, plan, order):
    """The plan in our ids: places in two lists, and the moves best first as places in `members`."""
    groups = list(posed.groups)
    place = {name: at for at, name in enumerate(groups)}
    people = posed.raw["members"]
    at = {member["id"]: n for n, member in enumerate(people)}
    return {
        "groups": [str(posed.groups[name]) for name in groups],
        "members": [str(posed.members[member["id"]]) for member in people],
        "from": [place[member["current"]] if member["current"] else -1 for member in people],
        "to": [place[plan.assignment[member["id"]]] for member in people],
        "order": [at[member] for member, _from, _to in order.moves],
        "traits": _traits(people),
    }


def _traits(people):
    """What the pictures of a part of the plan count, by place in `members`: who is a star and who new, and for city and skill
    two columns, the value as a number and whose it is. No names."""
    found = {name: [at for at, person in enumerate(people) if name in person["tags"]] for name in ("star", "newcomer")}
    for name in ("city", "skill"):
        numbers, values, owners = {}, [], []
        for at, person in enumerate(people):
            tag = person["tags"].get(name, [])
            for value in tag if isinstance(tag, list) else [tag]:
                values.append(numbers.setdefault(value, len(numbers)))
                owners.append(at)
        found[name] = [values, owners]
    return found


# Approving


def staleness(draft):
    """What changed since the plan was made, as a sentence; empty while it still fits."""
    posed = pose(draft.reshuffle.matrix, max_moves=draft.max_moves)
    plan = draft.plan
    then = dict(zip(plan["members"], plan["from"], strict=True))
    group = {name: str(pk) for name, pk in posed.groups.items()}
    place = {pk: at for at, pk in enumerate(plan["groups"])}
    today = {str(posed.members[m["id"]]): place.get(group.get(m["current"]), -1) for m in posed.raw["members"]}
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
    moves = [
        (uuid7(), draft.reshuffle_id, plan["members"][who], group, plan["groups"][plan["to"][who]], ids[wave], rank, "waiting", now())
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
    sits = dict(Placement.objects.open().filter(matrix=matrix).exclude(cohort=cohort).values_list("member_id", "group_id"))
    goes = sits | _planned(chosen, sits, matrix)
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


def _planned(draft, sits, matrix):
    """{member's id: group's id} of those whom the plan places: not who refused, cannot be reached, left, or joined early."""
    if draft is None:
        return {}
    stayed = {Move.State.REFUSED, Move.State.UNREACHABLE, Move.State.JOINED}
    not_moving = set(map(str, draft.reshuffle.moves.filter(state__in=stayed).values_list("member_id", flat=True)))
    current = set(map(str, Member.objects.current().values_list("pk", flat=True)))
    plan = draft.plan
    places = zip(plan["members"], plan["from"], plan["to"], strict=True)
    by_id = {str(pk): pk for pk in sits}
    groups = plan["groups"]
    # Who was to stay and sits elsewhere by now was seated there since by somebody who knew why.
    apart = {who for who, old, new in places if old == new and who in by_id and str(sits[by_id[who]]) != groups[new]}
    places = zip(plan["members"], plan["to"], strict=True)
    return {by_id.get(who, who): groups[to] for who, to in places if who not in not_moving | apart and who in current}


def _close(reshuffle):
    """What was not done by then is taken back; who did not refuse has joined."""
    Wave.objects.filter(reshuffle=reshuffle, state__in=[Wave.State.WAITING, Wave.State.PAUSED]).update(state=Wave.State.STOPPED)
    Task.objects.filter(moves__reshuffle=reshuffle, state=Task.State.OPEN).update(state=Task.State.WITHDRAWN, ended_at=now())
    came = reshuffle.moves.filter(state__in=[Move.State.WAITING, Move.State.ASKED])
    came.update(state=Move.State.JOINED, changed_at=now())
    Reshuffle.objects.filter(pk=reshuffle.pk).update(state=Reshuffle.State.DONE)


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
    moves = list(Move.objects.select_for_update(of=["self"]).filter(pk__in=moves).exclude(state=Move.State.JOINED).order_by("member_id"))
    of = {each.pk: each for each in Reshuffle.objects.filter(pk__in={move.reshuffle_id for move in moves})}
    here = Placement.objects.open().filter(member__in=[move.member_id for move in moves])
    sits = {(each.member_id, each.matrix_id): each for each in here}
    ended = [each for each in (sits.get((move.member_id, of[move.reshuffle_id].matrix_id)) for move in moves) if each]
    Placement.objects.filter(pk__in=[each.pk for each in ended]).update(until=Greatest(F("since"), Value(today)))
    made = Placement.objects.bulk_create(
        Placement(
            member_id=move.member_id, group_id=move.to_group_id, matrix_id=of[move.reshuffle_id].matrix_id,
            cohort_id=of[move.reshuffle_id].cohort_id, since=today,
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


@transaction.atomic
def unjoin_all(undone, *, by):
    """Take joinings back: `undone` are (move's id, state it had, id of its withdrawn task or None). Their seats are the caller's."""
    for state in {was for _pk, was, _task in undone}:
        theirs = [pk for pk, was, _task in undone if was == state]
        Move.objects.filter(pk__in=theirs, state=Move.State.JOINED).update(state=state, changed_at=now())
    idle = [task for _pk, _was, task in undone if task]
    Task.objects.filter(pk__in=idle, state=Task.State.WITHDRAWN).update(state=Task.State.OPEN, ended_at=None, ended_by=None)
    rises.again(list(Task.objects.filter(pk__in=idle)))
    moves = Move.objects.filter(pk__in=[pk for pk, _was, _task in undone])
    events.note_all({"kind": "move.reopened", "subject": move, "by": by, "member": move.member_id} for move in moves)


def _joined_last(facts):
    """Those that were booked one by one, and whose seat is still the one that was made."""
    alone = {fact.before.get("made"): fact.pk for fact in facts if not fact.because and fact.before.get("made")}
    there = Placement.objects.open().filter(pk__in=alone).values_list("pk", flat=True)
    return [alone[str(pk)] for pk in there]


def _unjoin(fact, by):
    held = fact.before
    Placement.objects.filter(pk=held["made"]).delete()
    Placement.objects.filter(pk=held["ended"]).update(until=None)
    unjoin_all([(held["move"], held["was"], held["task"])], by=by)
    return _("The move is as it was before.")


trail.undoes("move.joined", "matrix", _joined_last, _unjoin)


def counts(reshuffle):
    """Moves by state, all states named."""
    found = Counter(reshuffle.moves.values_list("state", flat=True))
    return {state: found.get(state, 0) for state in Move.State.values}
