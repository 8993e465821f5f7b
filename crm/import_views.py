"""The room people live in when a file comes: what came so far, and one import from its columns to its writing, and back."""

from django.contrib import messages
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, replace_url, trigger_client_event

from crm.tenancy import files as kept
from crm.tenancy import work
from crm.tenancy.models import Job
from crm.tenancy.pages import Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, may_do, refuse_unless, sees
from members import twins
from members.files.dates import ORDERS
from members.models import Member

from . import import_jobs, import_kept, import_reading, import_shown, import_undo, imports
from .import_pages import KINDS, STATES, choices_of, faults_of, own_fields, pace_of, progress_of, refuse_groups, state_of

SIZE = 50


# All of them


@sees("members")
@require_http_methods(["GET", "HEAD", "POST"])
def imports_list(request):
    """What came so far, and the field for the next file. One that will not do is said beside the field."""
    if request.method != "POST":
        return render(request, "imports/imports.html", _list(request))
    refuse_unless(may_do(request.seat, "members"), "members")
    try:
        file = request.FILES.get("file")
        if not file:
            raise Refused(_("Choose a file first."), code="no_file", status=400)
        job = import_jobs.ask_reading(file, request.FILES.get("second"), request.tenant, by=request.seat, any_kind=True, whole=False)
    except Refused as refusal:
        response = page(request, "imports/imports.html", _list(request) | {"refusal": refusal}, part="refused")
        response.status_code = 422
        return response
    return _to(request, job.pk)


def _list(request):
    found = import_jobs.readings().select_related("file", "seat__user").newest_first()
    cut = Cut(found.count(), request.GET.get("page"), SIZE)
    jobs = list(cut.of(found))
    later = Job.objects.filter(kind__in=[import_jobs.WRITING, import_jobs.UNDOING], asked__reading__in=[str(job.pk) for job in jobs])
    by_reading = {(job.kind, job.asked["reading"]): job for job in later.select_related("seat__user").order_by("asked_at", "id")}
    rows = [_row(job, *(by_reading.get((kind, str(job.pk))) for kind in (import_jobs.WRITING, import_jobs.UNDOING))) for job in jobs]
    return {
        "rows": rows,
        "cut": cut,
        "waiting": [row for row in rows if row["state"] == "found"],
        "under_way": [row for row in rows if row["state"] in ("reading", "writing", "undoing")],
        "may_import": may_do(request.seat, "members"),
        "most_bytes": imports.MOST_BYTES,
        "most": imports.MOST_BYTES // 10**6,
        "most_rows": import_reading.MOST_ROWS["members"],
    }


def _row(job, writing, undoing):
    state = state_of(job, writing, undoing)
    return {
        "job": job,
        "names": job.asked.get("names") or ([job.file.name] if job.file else []),
        "state": state,
        "says": STATES[state],
        "kind": KINDS.get(job.outcome.get("kind", "members"), "") if job.outcome else "",
        "found": job.outcome,
        "written": writing.outcome if state in ("written", "undone") else {},
    }


def _to(request, pk):
    address = reverse("imports:one", args=[pk])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


# One of them


@require_safe
@sees("members")
def one(request, pk):
    """Progress, then what was found, then what was written: one address for one import."""
    job = _reading(pk)
    newest = import_jobs.newest_of(job)
    if newest != job:
        return _to(request, newest.pk)
    return page(request, "imports/import.html", _context(request, job))


def _reading(pk):
    return get_object_or_404(Job.objects.select_related("file", "seat__user"), pk=pk, kind=import_jobs.READING)


def _context(request, job, said=None):
    writing, undoing = import_jobs.writing_of(job), import_jobs.undoing_of(job)
    state = state_of(job, writing, undoing)
    at_work = {"undoing": undoing, "undone": undoing, "writing": writing, "unwritten": writing}.get(state, job)
    context = {
        "job": job,
        "names": job.asked.get("names") or ([job.file.name] if job.file else []),
        "writing": writing,
        "undoing": undoing,
        "at_work": at_work,
        "state": state,
        "says": STATES[state],
        "found": job.outcome,
        "problem": at_work.problem,
        "may_import": may_do(request.seat, "members"),
        "is_members": job.outcome.get("kind", "members") == "members",
        "is_interactions": job.outcome.get("kind") == "interactions",
        "kind": KINDS.get(job.outcome.get("kind"), ""),
    }
    if state in ("reading", "writing", "undoing"):
        context |= {"progress": progress_of(at_work), "pace": pace_of(at_work)}
    elif state in ("found", "unread") and job.file_id:
        context |= import_shown.looked_at(request, job, said)
    elif state == "written":
        context |= {"can_undo": import_undo.can(writing), "pairs": twins.waiting().count()}
    elif state == "undone":
        context["kept"] = Member.objects.filter(pk__in=undoing.outcome.get("kept_members", [])).by_name()
    return context


@does("members")
@require_POST
def columns(request, pk):
    """What the columns mean, said anew; the files are read once more that way."""
    job = import_jobs.newest_of(_reading(pk))
    review = import_kept.review_of(job)
    mappings, faults, customs = {}, {}, own_fields()
    for kind, shown in review.get("columns", {}).items():
        allowed = {"", *(field for _, fields in choices_of(kind, customs) for field, _ in fields)}
        chosen = {column["key"]: request.POST.get(f"{kind}-{at}", column["field"]) for at, column in enumerate(shown)}
        mappings[kind] = {key: field if field in allowed else "" for key, field in chosen.items()}
        if found := faults_of(kind, mappings[kind]):
            faults[kind] = found
    if faults:
        said = {"mappings": mappings, "faults": faults}
        return render(request, "imports/import.html", _context(request, job, said) | {"wrong": True}, status=422)
    order = request.POST.get("order", "")
    otherwise = {"mappings": mappings, "order": order if order in ORDERS else "", "whole": "whole" in request.POST}
    again = import_jobs.read_again(job, request.tenant, by=request.seat, **otherwise)
    return _to(request, again.pk)


@does("members")
@require_POST
def groups(request, pk):
    """Which group a name means that nobody knows, or that it is to be made; the files are read once more that way."""
    job = import_jobs.newest_of(_reading(pk))
    review = import_kept.review_of(job)
    said = {}
    for at, (spelling, *_rest) in enumerate(review.get("spellings", [])):
        chosen = request.POST.get(f"group-{at}", "")
        if chosen:
            said[spelling] = spelling if chosen == import_shown.MADE else chosen.removeprefix(import_shown.MEANT)
    said |= {spelling: "" for spelling, _name in review.get("settled", []) if spelling in request.POST.getlist("forget")}
    if not said:
        messages.warning(request, _("Nothing was chosen, so the files are as they were read."))
        return _to(request, job.pk)
    refuse_groups(said, review, job.outcome)
    again = import_jobs.read_again(job, request.tenant, by=request.seat, groups=job.asked.get("groups", {}) | said)
    return _to(request, again.pk)


@does("members")
@require_POST
def pairs(request, pk):
    """Of one doubtful pair whether it is one person; the next one comes by itself."""
    job, key, decision = _reading(pk), request.POST.get("pair", ""), request.POST.get("decision", "")
    review = import_kept.review_of(job)
    keys = import_shown.keys_of(job, review)
    refused = ""
    try:
        job = import_jobs.decide(job, request.tenant, {key: decision})
    except Refused as refusal:
        if refusal.status == 400:
            raise
        refused = refusal.sentence
    way = import_shown.way_to(job, keys, key if refused or not decision else import_shown.following(job, keys, key))
    if not request.htmx:
        if refused:
            messages.warning(request, refused)
        return redirect(way)
    request.GET = QueryDict(way.partition("?")[2])
    response = render(request, "imports/import.html#answer", _context(request, job))
    if refused:
        trigger_client_event(response, "toast", {"text": refused, "kind": "warn"})
    return replace_url(response, way)


@does("members")
@require_POST
def writing(request, pk):
    import_jobs.ask_writing(_reading(pk), request.tenant, by=request.seat)
    return _to(request, pk)


@does("members")
@require_POST
def again(request, pk):
    job = import_jobs.read_again(_reading(pk), request.tenant, by=request.seat)
    return _to(request, job.pk)


@does("members")
@require_POST
def stop(request, pk):
    """Whichever of its jobs is under way."""
    job = _reading(pk)
    running = import_jobs.undoing_of(job) or import_jobs.writing_of(job) or job
    work.stop(running, by=request.seat)
    if running.kind == import_jobs.UNDOING:
        messages.success(request, _("Stopped. What was put back stays put back; take the rest back whenever you like."))
    else:
        messages.success(request, _("Stopped. Nothing was written, and the files are still here."))
    return _to(request, pk)


@does("members")
@require_POST
def discarding(request, pk):
    import_jobs.discard(_reading(pk), request.tenant, by=request.seat)
    messages.success(request, _("Discarded. Nothing was written, and the files are gone."))
    return redirect("imports:list")


@does("members")
@require_POST
def undoing(request, pk):
    import_jobs.ask_undoing(_reading(pk), request.tenant, by=request.seat)
    return _to(request, pk)


@require_safe
@does("members")
def rejected(request, pk):
    """All rows that did not go in, as they stand in the file, with the reason after them."""
    file = import_kept.rejected_file(_reading(pk))
    if not file:
        raise Http404
    return kept.answer(file, attached=f"{request.tenant.slug}-rejected.csv")
