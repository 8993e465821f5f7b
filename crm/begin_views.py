"""The first ten minutes: the two files, what was found in them, and the way to the first plan."""

from collections import Counter

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from crm.demo import sample
from crm.tenancy import files as kept
from crm.tenancy import work
from crm.tenancy.models import File, Job, Seat
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, may_do, sees
from groups import naming
from groups.models import Group

from . import beginning, import_jobs, import_kept, import_reading, imports
from .import_pages import pace_of, progress_of, state_of

# The files


@does("members")
@require_http_methods(["GET", "HEAD", "POST"])
def files(request):
    """The two fields. A file that will not do is said beside them, and the other one stays chosen."""
    if request.method != "POST":
        return render(request, "begin/files.html", _fields(request))
    members, cohorts = request.FILES.get("members"), request.FILES.get("cohorts")
    try:
        if not members:
            raise Refused(_("Choose the file of your members; the second one may follow later."), code="no_members", status=400)
        job = import_jobs.ask_reading(members, cohorts, request.tenant, by=request.seat)
    except Refused as refusal:
        response = page(request, "begin/files.html", _fields(request) | {"refusal": refusal}, part="refused")
        response.status_code = 422
        return response
    return _to(request, job.pk)


def _fields(request):
    return {
        "most_bytes": imports.MOST_BYTES,
        "most": imports.MOST_BYTES // 10**6,
        "most_rows": import_reading.MOST_ROWS["members"],
        "last": Job.objects.filter(kind=import_jobs.READING).newest_first().first(),
        "guide": beginning.guide_of(request.tenant, request.seat),
    }


def _to(request, pk):
    address = reverse("begin:reading", args=[pk])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


# What was read, and what became of it


@require_safe
@sees("members")
def reading(request, pk):
    """Progress, then what was found, then what was written: one address for one import."""
    job = _reading(pk)
    writing = import_jobs.writing_of(job)
    at_work = writing if writing and writing.state != Job.State.DONE else job
    context = {
        "job": job,
        "writing": writing,
        "at_work": at_work,
        "state": state_of(job, writing),
        "cohorts_file": File.objects.filter(pk=job.asked.get("cohorts")).first(),
        "found": job.outcome,
        "problem": at_work.problem,
        "may_import": may_do(request.seat, "members"),
    }
    if context["state"] in ("reading", "writing"):
        context |= {"progress": progress_of(at_work), "pace": pace_of(at_work)}
    elif context["state"] == "found":
        found = job.outcome
        context |= {
            "rejected": import_kept.rejected_rows(job),
            "all_rejected": found["rejected"] + found["cohort_rejected"],
            "looks_foreign": found["left"] > found["here"] // 2,
        }
    elif context["state"] == "written":
        context["guide"] = beginning.guide_of(request.tenant, request.seat)
    return page(request, "begin/reading.html", context)


def _reading(pk):
    return get_object_or_404(Job.objects.select_related("file", "seat__user"), pk=pk, kind=import_jobs.READING)


@does("members")
@require_POST
def writing(request, pk):
    import_jobs.ask_writing(_reading(pk), request.tenant, by=request.seat)
    return _to(request, pk)


@does("members")
@require_POST
def again(request, pk):
    """The same files once more; with `swapped` each in the other's place."""
    job = import_jobs.read_again(_reading(pk), request.tenant, by=request.seat, swapped="swapped" in request.POST)
    return _to(request, job.pk)


@does("members")
@require_POST
def stop(request, pk):
    """Whichever of its two jobs is under way."""
    job = _reading(pk)
    work.stop(import_jobs.writing_of(job) or job, by=request.seat)
    messages.success(request, _("Stopped. Nothing was written, and the files are still here."))
    return _to(request, pk)


@does("members")
@require_POST
def discarding(request, pk):
    import_jobs.discard(_reading(pk), request.tenant, by=request.seat)
    messages.success(request, _("Discarded. Nothing was written, and the files are gone."))
    return redirect("begin:files")


@require_safe
@does("members")
def rejected(request, pk):
    """All rows that did not go in, with their lines and reasons, as a file."""
    file = import_kept.rejected_file(_reading(pk))
    if not file:
        raise Http404
    return kept.answer(file, attached=f"{request.tenant.slug}-rejected.csv")


# The groups


class GroupForm(forms.ModelForm):
    class Meta:
        model = Group
        fields = ["name", "number", "capacity", "mode", "assistant"]
        labels = {
            "name": gettext_lazy("Name"),
            "number": gettext_lazy("Number"),
            "capacity": gettext_lazy("Holds"),
            "mode": gettext_lazy("Mode"),
            "assistant": gettext_lazy("Looked after by"),
        }

    def __init__(self, *args, seats, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["assistant"].queryset = seats
        # Said once for all rows; asked of the queryset each row would ask anew.
        self.fields["assistant"].choices = [("", _("nobody yet: the owner")), *((seat.pk, str(seat)) for seat in seats)]
        self.headcount = getattr(self.instance, "headcount", 0)  # a row of nowhere has none, and is refused
        for field in self:  # a table has no room for labels, so each field says whose it is
            field.field.widget.attrs["aria-label"] = _("%(field)s of %(group)s") % {"field": field.label, "group": self.instance.name}

    def clean_capacity(self):
        capacity = self.cleaned_data["capacity"]
        if capacity < self.headcount and capacity < self.instance.capacity:
            said = {"people": self.headcount}
            raise forms.ValidationError(_("%(people)s people sit there, so it holds at least %(people)s.") % said)
        return capacity


class GroupForms(forms.BaseModelFormSet):
    def clean(self):
        """No two open groups of a matrix have one name or one number."""
        clashes = {"name": _("Two groups cannot both be called “%(value)s”."), "number": _("Two groups cannot both be number %(value)s.")}
        for name, sentence in clashes.items():
            said = [(form.instance.matrix_id, form.cleaned_data.get(name)) for form in self.forms if form.is_valid()]
            twice = {value for value, times in Counter(said).items() if times > 1 and value[1]}
            for form in self.forms:
                if form.is_valid() and (form.instance.matrix_id, form.cleaned_data.get(name)) in twice:
                    form.add_error(name, sentence % {"value": form.cleaned_data[name]})


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def groups(request):
    """All groups in one table and one save. Saving without a change counts as having looked."""
    open_ones = Group.objects.open().filter(matrix__is_reshuffled=True).select_related("matrix", "assistant__user")
    open_ones = open_ones.with_headcount().in_order()
    seats = Seat.objects.standing().filter(tenant=request.tenant).exclude(role=Seat.Role.VIEWER).select_related("user").owner_first()
    made = forms.modelformset_factory(Group, form=GroupForm, formset=GroupForms, extra=0, max_num=1000, absolute_max=1000)
    formset = made(request.POST if request.method == "POST" else None, queryset=open_ones, form_kwargs={"seats": seats})
    if formset.is_bound and formset.is_valid():
        naming.name_groups([(form.instance.pk, form.cleaned_data) for form in formset.forms], by=request.seat)
        messages.success(request, _("Saved the groups."))
        return redirect("today")
    context = {"formset": formset, "wrong": sum(len(errors) for errors in formset.errors) if formset.is_bound else 0}
    return render(request, "begin/groups.html", context, status=422 if formset.is_bound else 200)


# Around it


@require_safe
@sees("members")
def sample_file(request, name):
    """One of a small invented community's two files, to see the form or to try it out."""
    made = {"members": sample.members, "cohorts": sample.cohorts}[name]
    response = HttpResponse(made(timezone.localdate()).encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


@does("settings")
@require_POST
def dismissal(request):
    beginning.dismiss(request.tenant, by=request.seat)
    messages.success(request, _("The first steps are put away."), extra_tags=f"undo={reverse('begin:return')}")
    return redirect("today")


@does("settings")
@require_POST
def bring_back(request):
    beginning.bring_back(request.tenant, by=request.seat)
    following = request.POST.get("next", "")
    return redirect(following if url_has_allowed_host_and_scheme(following, {request.get_host()}) else "today")
