"""Acts on many members: asked about first, with the number, then done; progress while they are very many; taken back as one."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.tenancy import rights
from crm.tenancy.models import Job
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import bulk as acts
from . import segments
from .filters import as_uuid
from .models import Member

MOST_PICKED = 1_000  # by hand; more are chosen as a whole result


def chosen(request):
    """Who was picked: some by hand, or all whom the list of this address finds. With how many that are."""
    if request.POST.get("all") == "1":
        found = segments.listed(request).found
        return found, found.count()
    ids = [pk for text in request.POST.getlist("member")[:MOST_PICKED] if (pk := as_uuid(text))]
    found = Member.objects.known().filter(pk__in=ids)
    return found, found.count()


@does("members")
@require_POST
def bulk(request):
    """First what is asked and of how many; with `sure` it is done."""
    verb = acts.find(request.POST.get("verb", ""), request.seat)
    members, number = chosen(request)
    if not number:
        raise Refused(_("Nobody is chosen."), code="nobody", status=400)
    sure = request.POST.get("sure")
    form = verb.form(request.POST if sure else None) if verb.form else None
    if sure and (form is None or form.is_valid()):
        try:
            _refuse_another_number(sure, number)
            values = {name: str(getattr(value, "pk", value)) for name, value in form.cleaned_data.items()} if form else {}
            return _done(request, acts.do(verb, members, values, by=request.seat))
        except Refused as refusal:
            if form is None:
                raise
            form.add_error(refusal.details.get("field") if refusal.details.get("field") in form.fields else None, refusal.sentence)
    context = {
        "verb": verb,
        "form": form,
        "number": number,
        "is_many": number > acts.AT_ONCE,
        "picked": [] if request.POST.get("all") == "1" else list(members.values_list("pk", flat=True)),
        "query": request.GET.urlencode(),
        "way": _way(request),
    }
    response = page(request, "members/bulk.html", context, part="ask")
    response.status_code = 422 if sure else 200
    return response


def _refuse_another_number(said, number):
    if said.isascii() and said.isdigit() and int(said) != number:
        words = {"said": f"{int(said):,}", "number": f"{number:,}"}
        raise Refused(_("It was %(said)s people when you were asked, now it is %(number)s. Look again.") % words, code="number_changed")


def _done(request, job):
    if job.state == Job.State.WAITING:
        return redirect("members:bulk_work", job.pk)
    undo = reverse("members:bulk_undo", args=[job.pk])
    tags = f"undo={undo}" if job.outcome.get("members") else ""
    messages.success(request, acts.sentence(job), extra_tags=tags)
    return redirect(_way(request))


@sees("members")
def working(request, pk):
    """How far it came."""
    job = get_object_or_404(Job, pk=pk, kind__in=(acts.KIND, acts.UNDOING))
    if not rights.sees_all(request.seat, "jobs") and job.seat_id != request.seat.pk:
        raise Refused(_("This work is somebody else's."), code="not_yours", status=404)
    context = {"job": job, "says": "", "can_undo": False, "kept": ""}
    if job.state == Job.State.DONE:
        if job.kind == acts.KIND:
            context |= {"says": acts.sentence(job), "can_undo": acts.can_be_undone(job)}
        else:
            context |= {"says": _("All of it is taken back."), "kept": acts.left_alone([as_uuid(pk) for pk in job.outcome.get("kept", [])])}
    return page(request, "members/bulk_work.html", context, part="progress")


@does("members")
@require_POST
def undo(request, pk):
    job, kept = acts.undo(get_object_or_404(Job, pk=pk, kind=acts.KIND), by=request.seat)
    if job:
        return redirect("members:bulk_work", job.pk)
    if kept:
        messages.warning(request, " ".join([_("Taken back, but not all of it."), acts.left_alone(kept)]))
    else:
        messages.success(request, _("All of it is taken back."))
    return redirect(_way(request))


def _way(request):
    way = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(way, None):
        return way
    return reverse("members:list") + (f"?{request.GET.urlencode()}" if request.GET else "")
