from django import forms
from django.contrib import messages
from django.db.models import Case, Count, Exists, F, JSONField, OuterRef, Q, When
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from crm.tenancy import rights
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import carrying, clashes, codes, drawing, inviting, plan_brief, plans, progress, rolling_back, thinking
from .. import reshuffles as verbs
from ..models import CalendarStep, Cohort, Draft, Matrix, Reshuffle, Wave

# Of all the work up to the end of each stage, in percent.
UNTIL = {"": 0, "reading": 4, "searching": 70, "measuring": 85, "ordering": 100}
UNMADE = [Draft.State.IMPOSSIBLE, Draft.State.FAILED, Draft.State.STOPPED]


class Asked(forms.Form):
    """What a new draft is asked for."""

    max_moves = forms.IntegerField(
        min_value=0,
        max_value=10_000_000,
        required=False,
        label=gettext_lazy("At most so many moves"),
        help_text=gettext_lazy("Left blank, as many as help."),
        error_messages={"invalid": gettext_lazy("This is no number; for example 1200, or nothing at all.")},
    )


# Lists


@require_safe
@sees("matrix")
def reshuffles(request):
    """The one that is open or running; of several a list; of none when the next plan comes by itself."""
    everywhere = Reshuffle.objects.select_related("matrix", "cohort").order_by("-cohort__year", "-cohort__half", "matrix__name")
    drafted = Exists(Draft.objects.filter(reshuffle=OuterRef("pk")))
    begun = list(everywhere.filter(Q(state=Reshuffle.State.APPROVED) | Q(drafted, state=Reshuffle.State.OPEN)))
    if len(begun) == 1:
        return redirect("groups:reshuffle", begun[0].pk)
    step = CalendarStep.objects.filter(kind=CalendarStep.Kind.PROPOSE, state=CalendarStep.State.WAITING).select_related("cohort__matrix")
    context = {
        "begun": begun,
        "next": step.order_by("due_at").first(),
        "matrices": Matrix.objects.reshuffled().order_by("name"),
        "past": everywhere.filter(state=Reshuffle.State.DONE).exclude(chosen=None)[:12],
    }
    return render(request, "groups/reshuffles.html", context)


@require_safe
@sees("matrix")
def reshuffle(request, pk):
    """What is to be decided, or how far it is carried out."""
    is_chosen, is_ready, is_stopped = Q(pk=F("reshuffle__chosen")), Q(state=Draft.State.READY), Q(state=Draft.State.STOPPED)
    first = Case(When(is_chosen, then=0), When(is_ready, then=1), When(is_stopped, then=3), default=2)
    # A plan is long; of one that is approved only the figures are asked for.
    plan = Case(When(reshuffle__chosen=None, then=F("plan")), default=None, output_field=JSONField())
    drafts = _drafts().filter(reshuffle=pk).annotate(wanted=plan).defer("plan").order_by(first, "-number")
    found = drafts.select_related("reshuffle__matrix", "reshuffle__cohort", "reshuffle__approved_by__user").first()
    if found is None:
        return _nothing_yet(request, get_object_or_404(Reshuffle.objects.select_related("matrix", "cohort"), pk=pk))
    if found.reshuffle.chosen_id:
        return _carrying_out(request, found.reshuffle, found)
    found.plan = found.wanted
    return _draft(request, found)


@require_safe
@sees("matrix")
def draft(request, pk):
    """One plan; `?moves=` looks at its first so many moves, `?group=` follows one old group."""
    return _draft(request, get_object_or_404(_drafts(), pk=pk))


def _drafts():
    return plans.with_surroundings()


# The plan


def _draft(request, found, *, status=200, said=""):
    drafts = plans.drafts_of(found)
    context = {
        **_shared(request, found.reshuffle, drafts),
        "before": plans.present_of(found),
        "draft": found,
        "others": [row for row in drafts if not row["is_this"]],
        "refusal": said,
    }
    if found.is_ready:
        context |= _plan(request, found, context["others"])
    elif found.state == Draft.State.WAITING:
        context |= {"making": _making(found)}
    else:
        context |= {"clashes": clashes.said(found.problems or [])}
    response = page(request, "groups/reshuffle.html", context, part="plan")
    response.status_code = status
    return response


def _shared(request, found, drafts):
    """What stands around a plan, whatever its state."""
    return {
        "reshuffle": found,
        "matrix": found.matrix,
        "cohort": found.cohort,
        "waiting": next((row for row in drafts if row["state"] == Draft.State.WAITING), None),
        "may_propose": found.is_open and rights.may_do(request.seat, "matrix"),
        "may_approve": rights.may_do(request.seat, "approval"),
        "form": Asked(),
    }


def _number(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else None


def _plan(request, found, others):
    reading = plans.Reading(found, _number(request.GET.get("moves")))
    groups, marks, owner = plans.groups_of(found), plan_brief.marks(found.reshuffle.matrix_id), plans.owner_of(found)
    rows = plans.portraits(reading, groups)
    worst = plan_brief.worst(found, marks.stars) if reading.is_whole else []
    kept, work = plan_brief.kept(reading, marks), plan_brief.work(reading, groups, request.tenant, owner)
    since = plan_brief.since(found) if found.reshuffle.is_open else None
    warnings = plan_brief.warnings(reading, since, plan_brief.least_words(worst) if worst else None, kept, work, owner)
    for warning in warnings:
        if warning["kind"] == "block":
            warning["group"] = groups[warning["at"]]
    return {
        "reading": reading,
        "point": reading.point,
        "groups": groups,
        "kept": kept,
        "work": work,
        "owner": owner,
        "worst": worst,
        "warnings": warnings,
        "to_mind": sum(1 for warning in warnings if warning["tone"] == "warn"),
        "chart": drawing.curve(reading.points, [_beside(row) for row in others if row["mean"] is not None]),
        "same": next((row for row in others if row["moves"] == reading.moves and row["mean"] is not None), None),
        **_flows(reading, groups, marks.stars, request.GET.get("group")),
        "portraits": _small(rows, groups),
        "ranges": plans.ranges(rows),
    }


def _beside(row):
    return row["letter"], row["moves"], row["mean"], reverse("groups:draft", args=[row["pk"]])


def _flows(reading, groups, stars, asked):
    """The picture of everybody and that of the stars, and the old group whose way is followed."""
    everybody, shining = reading.flow, reading.flow_of(stars)
    with_people = [at for at, row in enumerate(everybody) if row.sum()]
    wanted = _number(asked)
    most = max((at for at in with_people if at < len(groups)), key=lambda at: everybody[at].sum() - everybody[at, at], default=0)
    chosen = wanted if wanted in with_people else most
    many = len(groups)
    return {
        "chosen": chosen,
        "flow_url": f"{reverse('groups:draft', args=[reading.draft.pk])}?moves={reading.moves}",
        "flow": _drawn(everybody, groups, chosen, many),
        "star_flow": _drawn(shining, groups, chosen, many) if shining.sum() else None,
        "flow_rows": [(None if at == many else groups[at], at, everybody[at].tolist(), int(everybody[at].sum())) for at in with_people],
    }


def _drawn(matrix, groups, chosen, many):
    drawn = drawing.flow(matrix.tolist())
    for bar in drawn["left"]:
        bar |= {
            "group": None if bar["at"] == many else groups[bar["at"]],
            "hue": "fresh" if bar["at"] == many else drawing.hue(bar["at"], many),
        }
    came = matrix[chosen]
    for bar in drawn["right"]:
        bar |= {"group": groups[bar["at"]], "came": int(came[bar["at"]]), "stays": bar["at"] == chosen}
    hues = {bar["at"]: bar["hue"] for bar in drawn["left"]}
    for ribbon in drawn["ribbons"]:
        ribbon |= {"hue": hues[ribbon["from"]], "chosen": ribbon["from"] == chosen}
    drawn["ribbons"].sort(key=lambda ribbon: ribbon["chosen"])  # what is chosen lies on top
    longest = max((len(group.said) for group in groups), default=4)
    drawn["names"] = max(56, min(26 + 11 * longest, 132))
    return drawn


def _small(rows, groups):
    names = [name for name in plans.PORTRAIT if name != "size"]
    scales = drawing.tracks(rows, names)
    small = []
    for group, row in zip(groups, rows, strict=True):
        lines = []
        for name in (name for name in names if name in row):
            was, become = row[name]
            places = {"from": drawing.place(was, scales[name]), "to": drawing.place(become, scales[name])}
            lines.append({"kind": name, "what": plans.SHORTLY[name], "before": was, "after": become, **places})
        small.append({"group": group, "size": row.get("size"), "lines": lines})
    return small


# Making one


@require_POST
@does("matrix")
def propose(request, pk):
    matrix = get_object_or_404(Matrix, pk=pk)
    form = Asked(request.POST)
    if not form.is_valid():
        return render(request, "groups/propose.html", {"matrix": matrix, "form": form}, status=422)
    made = verbs.propose(matrix, request.tenant, by=request.seat, max_moves=form.cleaned_data["max_moves"])
    return redirect("groups:draft", made.pk)


@require_safe
@sees("matrix")
def making(request, pk):
    """How far it came; leads to the plan when it is there. `?beside=` watches from the page of another plan."""
    found = get_object_or_404(Draft.objects.without_plan().select_related("reshuffle"), pk=pk)
    beside = request.GET.get("beside")
    if found.state != Draft.State.WAITING and not (beside and request.htmx):
        address = reverse("groups:draft", args=[found.pk])
        return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
    context = {"draft": found, "making": _making(found), "beside": beside, "may_propose": rights.may_do(request.seat, "matrix")}
    response = render(request, "groups/_making.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _making(found):
    """The stages with their states, how much is done of all, and about how many seconds are left."""
    codes = list(thinking.STAGES)
    at = codes.index(found.stage) if found.stage in codes else -1
    before = UNTIL[codes[at - 1]] if at > 0 else 0
    done = before + (UNTIL[found.stage] - before) * found.percent // 100 if at >= 0 else 0
    spent = max((now() - found.requested_at).total_seconds(), 0)
    stages = []
    for place, code in enumerate(codes):
        state = "done" if place < at else "now" if place == at else ""
        stages.append({"words": thinking.STAGES[code], "state": state, "percent": found.percent if state == "now" else None})
    return {
        "pk": found.pk,
        "letter": found.letter,
        "stages": stages,
        "number": max(at + 1, 1),
        "many": len(codes),
        "percent": min(done, 99),
        "left": round(spent * (100 - done) / done) if done >= 10 and found.tries <= 1 else None,
        "better": -found.best if found.best is not None and found.best < 0 else None,
        "is_queued": at < 0,
    }


@require_POST
@does("matrix")
def stop(request, pk):
    found = get_object_or_404(Draft.objects.without_plan(), pk=pk)
    verbs.stop(found, by=request.seat)
    messages.success(request, _("Stopped the making of plan %(letter)s.") % {"letter": found.letter})
    address = reverse("groups:reshuffle", args=[found.reshuffle_id])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


@require_POST
@does("approval")
def approval(request, pk):
    found = get_object_or_404(_drafts(), pk=pk)
    try:
        verbs.approve(found, request.tenant, by=request.seat)
    except Refused as refusal:
        if refusal.code != "stale" or "application/json" in request.headers.get("Accept", ""):
            raise
        found.reshuffle.refresh_from_db()
        return _draft(request, found, status=refusal.status, said=refusal.sentence)
    moves = len(found.plan["order"])
    words = ngettext("Approved: %(moves)s task goes out in daily waves.", "Approved: %(moves)s tasks go out in daily waves.", moves)
    messages.success(request, words % {"moves": f"{moves:,}"})
    return redirect("groups:reshuffle", found.reshuffle_id)


# No plan at all yet, and the carrying out


def _nothing_yet(request, found):
    step = CalendarStep.objects.filter(cohort=found.cohort_id, kind=CalendarStep.Kind.PROPOSE, state=CalendarStep.State.WAITING).first()
    before = Cohort.objects.filter(matrix=found.matrix_id, state=Cohort.State.CURRENT).first()
    context = {**_shared(request, found, []), "before": before, "draft": None, "next": step, "others": []}
    context["in_a_moment"] = bool(step and step.due_at <= now())
    return page(request, "groups/reshuffle.html", context, part="plan")


def _carrying_out(request, found, chosen):
    state = progress.of(found, request.tenant, plans.owner_of(chosen))
    is_done = found.state == Reshuffle.State.DONE
    waves = {} if is_done else dict(Wave.objects.filter(reshuffle=found).values_list("state").annotate(n=Count("pk")).order_by())
    may = rights.may_do(request.seat, "matrix") and not is_done
    last = max(day for day in (state.last_day or state.day, state.projected, None if is_done else state.day) if day)
    stragglers = progress.stragglers(found, state)
    context = {
        "reshuffle": found,
        "matrix": found.matrix,
        "cohort": found.cohort,
        "progress": state,
        "chart": drawing.against(state.plan, state.done, last),
        "stragglers": stragglers,
        "faces": progress.faces(chosen.curve, state.tally.joined if is_done else state.tally.invited),
        "figures": chosen.figures or {},
        "is_done": is_done,
        "per_day": request.tenant.tasks_a_day,
        "may_act": may,
        "proposal": carrying.proposal(state) if may else None,
        "paused": waves.get(Wave.State.PAUSED, 0),
        "to_pause": waves.get(Wave.State.WAITING, 0),
        "again": carrying.to_ask_again(found).count() if may and state.tally.impossible else 0,
        "to_keep": stragglers["all"] if (found.cohort.begins_on - state.day).days <= 1 else stragglers["refused"],
        "late_people": 0 if is_done else carrying.late(found).count(),
        "days_left": (found.cohort.begins_on - state.day).days,
        "may_roll_back": rights.may_do(request.seat, "approval") and rolling_back.can_be(found),
        "dying": {} if is_done else codes.dying([group.pk for group, _tally, here in state.groups if here < inviting.MOST_BY_CODE]),
    }
    return page(request, "groups/carrying_out.html", context, part="progress")
