"""Making the plan of a draft: a long job. Each step opens the tenant for itself; while the engine runs no transaction is open."""

import time
from dataclasses import dataclass

from django.db.models import F
from django.utils.timezone import now
from django.utils.translation import gettext_lazy

from crm.tenancy import events
from crm.tenancy.scope import acting_for

from . import reshuffling
from .models import PATIENCE, Draft
from .problems import pose

MOST_TRIES = 3
STAGES = {
    "reading": gettext_lazy("reading who sat where"),
    "searching": gettext_lazy("searching for the best plan"),
    "measuring": gettext_lazy("measuring it against random dealing and the bound"),
    "ordering": gettext_lazy("putting the moves in order"),
}


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
