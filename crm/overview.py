"""What needs deciding today. A card stands here only where its rows do."""

import datetime
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, Subquery, Sum
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.tenancy import rights
from crm.tenancy.models import Event
from crm.tenancy.pages import page
from crm.tenancy.prepared import Counts
from crm.tenancy.rights import sees
from groups import calendar, clashes, efforts, rises
from groups.models import CalendarStep, Cohort, Draft, Move, Push, Reshuffle, Task, Wave
from groups.thinking import STAGES
from members import terms
from members.models import Member, Renewal

from . import beginning

IMPORTED = "community.imported"
IMPOSSIBLE = (Move.State.REFUSED, Move.State.UNREACHABLE)
HANDLED = (Move.State.ASKED, Move.State.JOINED, *IMPOSSIBLE)


@dataclass(frozen=True)
class Decision:
    """One row of what waits: what kind, when it would be missed, and what the page draws it from."""

    kind: str
    deadline: datetime.date
    about: Any
    waits: bool = True  # for a person; else it goes on by itself


HERE = Counts(
    lambda: {"people": Member.objects.current(), "renewals": Renewal.objects.all(), "asking": Push.objects.asking(), **beginning.plans()}
)


@require_safe
@sees("today")
def today(request):
    reshuffles, loads = _reshuffles(), _loads()
    here = HERE.ask()
    found = [_late(loads), _asking(here["asking"]), *map(_decision, reshuffles)]
    decisions = sorted(filter(None, found), key=lambda each: (not each.waits, each.deadline))
    context = {
        "guide": beginning.guide_of(request.tenant, request.seat, here),
        "decisions": decisions,
        "waiting": sum(1 for each in decisions if each.waits),
        "is_working": any(each.kind == "making" for each in decisions),
        "loads": loads,
        "sum": {name: sum(load[name] for load in loads) for name in ("open", "late", "done_today", "minutes")},
        "promised": _promised(reshuffles),
        "work": efforts.of(request.tenant, weeks=2),
        "imported": Event.objects.filter(kind=IMPORTED).newest_first().select_related("seat__user").first(),
        "here": here,
        "terms": terms.figures(request.tenant, request.tenant.today()) if here["renewals"] else None,
        "may_approve": rights.may_do(request.seat, "approval"),
        **_day(timezone.localdate()),
    }
    return page(request, "today.html", context)


def _day(day):
    year, half = calendar.half_of(day)
    cohort = Cohort(year=year, half=half)
    return {"day": day, "half": cohort.name, "week": (day - cohort.begins_on).days // 7 + 1}


# Reshuffles


def _reshuffles():
    """Those that are not done, each with the drafts that matter, how far it came and what the calendar will do."""
    found = list(_undone().all())
    for each in found:
        tally = each.tally or {"all": 0, "handled": 0, "impossible": 0}
        each.moves_all, each.moves_done, each.moves_impossible = tally["all"], tally["handled"], tally["impossible"]
    return found


@cache
def _undone():
    """The question alone, which takes longer to put together than to answer; whose reshuffles it means is decided when it is asked."""
    drafts = Draft.objects.filter(reshuffle=OuterRef("pk")).order_by("-number")
    waves = Wave.objects.filter(reshuffle=OuterRef("pk")).order_by().values("reshuffle")
    step = CalendarStep.objects.filter(cohort=OuterRef("cohort"), kind=CalendarStep.Kind.PROPOSE, state=CalendarStep.State.WAITING)
    found = Reshuffle.objects.exclude(state=Reshuffle.State.DONE).select_related("matrix", "cohort")
    return found.annotate(
        tally=Subquery(_tallies()),
        last_day=Subquery(waves.annotate(last=Max("day")).values("last")),
        proposed_at=Subquery(step.values("due_at")[:1]),
        approved=_first(Draft.objects.filter(pk=OuterRef("chosen"))),
        ready=_first(drafts.filter(state=Draft.State.READY)),
        making=_first(drafts.filter(state=Draft.State.WAITING)),
        refused=_first(drafts.filter(state__in=[Draft.State.IMPOSSIBLE, Draft.State.FAILED])),
    ).order_by("cohort__year", "cohort__half", "matrix__name")


def _tallies():
    """How many moves there are in all, how many are handled, and of those how many not possible."""
    moves = Move.objects.filter(reshuffle=OuterRef("pk")).order_by().values("reshuffle")
    handled, impossible = Q(state__in=HANDLED), Q(state__in=IMPOSSIBLE)
    moves = moves.exclude(state=Move.State.KEPT)  # who keeps the old group is no move any more
    counted = moves.annotate(all=Count("pk"), handled=Count("pk", filter=handled), impossible=Count("pk", filter=impossible))
    return counted.values(said=JSONObject(all="all", handled="handled", impossible="impossible"))


def _first(drafts):
    """The first of these with what the overview says of it; its plan is long and stays where it is."""
    said = JSONObject(
        id="id", state="state", stage="stage", percent="percent", problems="problems", moves="figures__moves",
        mean="figures__new_people__mean", random="figures__random__new_people_mean", at_most="figures__bounds__new_people_mean_at_most",
    )  # fmt: skip
    return Subquery(drafts.values(said=said)[:1])


def _decision(reshuffle):
    begins = reshuffle.cohort.begins_on
    if reshuffle.state == Reshuffle.State.APPROVED:
        return Decision("carried", begins, reshuffle, waits=False)
    if reshuffle.ready:
        reshuffle.minutes = (reshuffle.ready["moves"] or 0) * reshuffle.matrix.minutes_per_move
        return Decision("plan", begins, reshuffle)
    if reshuffle.making:
        reshuffle.stage = STAGES.get(reshuffle.making["stage"], "")
        return Decision("making", begins, reshuffle, waits=False)
    if reshuffle.refused:
        reshuffle.why = clashes.said(reshuffle.refused["problems"][:1])
        return Decision(reshuffle.refused["state"], begins, reshuffle)
    if reshuffle.proposed_at:
        is_due = reshuffle.proposed_at <= timezone.now()
        return Decision("planned", timezone.localdate(reshuffle.proposed_at), reshuffle, waits=is_due)
    return None


def _promised(reshuffles):
    """The plan whose new faces the brief names: the approved one, else the one that waits."""
    plans = [each.approved for each in reshuffles] + [each.ready for each in reshuffles]
    return next((plan for plan in plans if plan and plan["mean"] is not None), None)


# Tasks


def _loads():
    """For each assistant, by one question: open, late, done today."""
    is_open = Q(state=Task.State.OPEN)
    is_late = is_open & Q(late_at__lte=timezone.now())
    this_morning = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    found = Task.objects.values("assistant", "assistant__name", "assistant__user__name", "assistant__user__email").annotate(
        open=Count("pk", filter=is_open),
        late=Count("pk", filter=is_late),
        done=Count("pk", filter=Q(state=Task.State.DONE)),
        done_today=Count("pk", filter=Q(state=Task.State.DONE, ended_at__gte=this_morning)),
        all=Count("pk", filter=~Q(state=Task.State.WITHDRAWN)),
        minutes=Sum("minutes", filter=is_open, default=0),
        oldest=Min("late_at", filter=is_late),
        brought=Count("pk", filter=is_late & Q(risen=rises.BRING_UP)),
    )
    for load in found:
        load["name"] = load["assistant__name"] or load["assistant__user__name"] or load["assistant__user__email"]
    return sorted(found, key=lambda load: (-load["late"], -load["open"], load["name"]))


def _late(loads):
    late = [load for load in loads if load["late"]]
    if not late:
        return None
    oldest = min(load["oldest"] for load in late)
    sums = {"count": sum(load["late"] for load in late), "brought": sum(load["brought"] for load in late)}
    return Decision("late", timezone.localdate(oldest), {"loads": late, "oldest": oldest, **sums})


# Messages into groups


def _asking(number):
    return Decision("messages", timezone.localdate(), number) if number else None
