"""The room people live in when a file comes: what came so far, and one import from its columns to its writing, and back."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from crm.tenancy import files as kept
from crm.tenancy import work
from crm.tenancy.models import Job
from crm.tenancy.pages import Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, may_do, refuse_unless, sees
from members.files.dates import ORDERS
from members.models import Member

from . import import_jobs, import_undo, imports
from .import_pages import KINDS, STATES, choices_of, faults_of, label_of, own_fields, pace_of, progress_of, state_of

TABS = ("new", "changed", "same", "doubtful", "rejected")
SIZE = 50
SHOWN = 25  # people on a page of a tab


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
        "most_rows": imports.MOST_ROWS["members"],
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
        context |= _looked_at(request, job, said)
    elif state == "written":
        context["can_undo"] = import_undo.can(writing)
    elif state == "undone":
        context["kept"] = Member.objects.filter(pk__in=undoing.outcome.get("kept_members", [])).by_name()
    return context


def _looked_at(request, job, said):
    """What the page shows of files that were read: the five counts with the rows of one of them, and the columns."""
    review, found = import_jobs.review_of(job), job.outcome
    if not may_do(request.seat, "members"):  # who only looks sees figures, and no phone numbers of people who are not here yet
        review = {"tables": review.get("tables", [])}
    context = {"review": review, "columns": _columns(job, review, said), "faults": (said or {}).get("faults", {})}
    if job.state != Job.State.DONE:
        return context
    rejected = found["rejected"] + found["cohort_rejected"]
    numbers = {"new": found.get("added"), "changed": found.get("touched"), "same": found.get("same"), "doubtful": found.get("doubtful")}
    numbers["rejected"] = rejected
    first = next((tab for tab in ("doubtful", "changed", "new", "rejected") if numbers[tab]), "new")
    tab = request.GET.get("tab") if request.GET.get("tab") in TABS else first
    fields = found.get("fields", {})
    named = [(label_of(name), fields[name]) for name in ("expires_on", "group") if name in fields]
    rest = sum(many for name, many in fields.items() if name not in ("expires_on", "group"))
    cut = Cut(len(review.get(tab, [])), request.GET.get("page"), SHOWN)
    return context | {
        "tab": tab,
        "numbers": numbers,
        "all_rejected": rejected,
        "fields": named + ([(_("other"), rest)] if rest else []),
        "rejected": import_jobs.first_rejected(job, 200 if tab == "rejected" else 8) if review.get("columns") else [],
        "cut": cut,
        "new": cut.of(review.get("new", [])) if tab == "new" else [],
        "changed": [row | {"fields": [_named(*field) for field in row["fields"]]} for row in cut.of(review.get("changed", []))],
        "doubtful": [
            pair | {"fields": [(label_of(name), one, other, one == other) for name, one, other in pair["fields"] if one or other]}
            for pair in cut.of(review.get("doubtful", []))
        ],
        "tables": [table | {"above": table["header_line"] - 1} for table in review.get("tables", [])],
        "looks_foreign": found.get("left", 0) > found.get("here", 0) // 2,
    }


def _named(field, before, after):
    """A difference in words."""
    choices = {"tier": Member.Tier, "standing": Member.Standing}.get(field)
    if choices:
        before, after = (str(choices(value).label) if value in choices.values else value for value in (before, after))
    return label_of(field), before, after


def _columns(job, review, said):
    """[{kind, label, choices, rows}] for the selects; what was just chosen stays chosen."""
    shown, customs = [], own_fields()
    for kind, columns in review.get("columns", {}).items():
        mapping, faults = (said or {}).get("mappings", {}).get(kind, {}), (said or {}).get("faults", {}).get(kind, {})
        rows = [
            column | {"place": f"{kind}-{at}", "field": mapping.get(column["key"], column["field"]), "fault": faults.get(column["key"])}
            for at, column in enumerate(columns)
        ]
        shown.append(
            {
                "kind": kind,
                "label": KINDS[kind],
                "choices": choices_of(kind, customs),
                "rows": rows,
                "read": sum(1 for row in rows if row["field"]),
                "fault": faults.get(""),
                "is_remembered": kind in job.outcome.get("mapped", []),
            }
        )
    return shown


@does("members")
@require_POST
def columns(request, pk):
    """What the columns mean, said anew; the files are read once more that way."""
    job = import_jobs.newest_of(_reading(pk))
    review = import_jobs.review_of(job)
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
    file = import_jobs.rejected_file(_reading(pk))
    if not file:
        raise Http404
    return kept.answer(file, attached=f"{request.tenant.slug}-rejected.csv")
