"""The first steps of a new tenant, from its files to its first plan. What is done shows in the rows; no step is remembered."""

from dataclasses import dataclass, field

from django.db import transaction

from crm.tenancy import events, rights
from crm.tenancy.counting import counts
from crm.tenancy.models import Event, Invite, Job, Seat
from groups.models import Cohort, Draft, Group, Matrix, Placement, Reshuffle
from members.models import Member

from . import import_jobs

DISMISSED, BROUGHT_BACK = "guide.dismissed", "guide.brought_back"


@dataclass(frozen=True)
class Step:
    """`state` is done, now, open or barred; `facts` is what its words count."""

    code: str
    state: str
    facts: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Guide:
    steps: list
    matrix: Matrix | None
    draft: Draft | None  # ready or being made

    @property
    def done(self):
        return sum(step.state == "done" for step in self.steps)

    @property
    def left(self):
        return len(self.steps) - self.done

    @property
    def now(self):
        return next((step for step in self.steps if step.state == "now"), None)


def plans():
    """What tells whether the guide is over, to be counted with whatever else a page counts. The calendar may propose a plan
    minutes after the files came in; then the guide stays until its steps are done."""
    ready = Draft.objects.filter(state=Draft.State.READY)
    approved = Reshuffle.objects.exclude(state=Reshuffle.State.OPEN)
    return {
        "ready": ready,
        "asked": ready.exclude(requested_by=None),
        "approved": approved.exclude(chosen=None),
        "uploads": Job.objects.filter(kind=import_jobs.WRITING, state=Job.State.DONE),
    }


def guide_of(tenant, seat, known=None):
    """The guide, for whoever brings a community in; None where it is over or the owner has put it away."""
    if not rights.may_do(seat, "members"):
        return None
    known = known or counts(**plans())
    if known["asked"] or known["approved"] or (known["ready"] and not known["uploads"]) or _is_dismissed():
        return None
    matrix = Matrix.objects.reshuffled().filter(cohorts__state=Cohort.State.CURRENT).order_by("name").first()
    found = counts(
        people=Member.objects.current(),
        groups=Group.objects.open().filter(matrix__is_reshuffled=True),
        seated=Placement.objects.open().filter(matrix__is_reshuffled=True),
        named=Event.objects.filter(kind__in=["groups.named", "group.changed"]),  # here, or where groups are set up later
        assistants=Seat.objects.standing().filter(tenant=tenant, role=Seat.Role.ASSISTANT),
        invites=Invite.objects.open().filter(tenant=tenant, role=Seat.Role.ASSISTANT),
    )
    drafts = Draft.objects.without_plan().filter(state__in=[Draft.State.READY, Draft.State.WAITING])
    draft = drafts.order_by("state", "-number").first()
    steps = _steps(found, draft)
    return None if all(step.state == "done" for step in steps) else Guide(steps, matrix, draft)


def _steps(found, draft):
    done = {
        "files": found["people"] > 0,
        "groups": found["groups"] > 0 and found["named"] > 0,
        "assistant": found["assistants"] + found["invites"] > 0,
        "plan": bool(draft and draft.is_ready),
    }
    barred = {"groups": not found["groups"], "plan": not found["seated"]}
    steps, now_is_taken = [], False
    for code, is_done in done.items():
        state = "done" if is_done else "barred" if barred.get(code) else "open" if now_is_taken else "now"
        now_is_taken = now_is_taken or state == "now"
        steps.append(Step(code, state, found))
    return steps


def _is_dismissed():
    last = Event.objects.filter(kind__in=[DISMISSED, BROUGHT_BACK]).newest_first().values_list("kind", flat=True).first()
    return last == DISMISSED


@transaction.atomic
def dismiss(tenant, *, by):
    if not _is_dismissed():
        events.note(DISMISSED, tenant, by=by)


@transaction.atomic
def bring_back(tenant, *, by):
    if _is_dismissed():
        events.note(BROUGHT_BACK, tenant, by=by)
