"""The code of one group: the picture or link by which people come in, until when, and how often it was used."""

import datetime

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import files, rights
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import codes, inviting
from ..calendar import instant
from ..models import Group, GroupCode
from ..names import as_number


class CodeForm(forms.Form):
    picture = forms.FileField(
        label=gettext_lazy("Picture of the code"), required=False, widget=forms.FileInput(attrs={"accept": "image/*"})
    )
    link = forms.CharField(label=gettext_lazy("or its link"), max_length=300, required=False)
    until = forms.DateField(
        label=gettext_lazy("Good until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Left blank, as many days as the matrix says."),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@sees("matrix")
def code(request, pk):
    group = get_object_or_404(Group.objects.select_related("matrix", "assistant__user"), pk=pk)
    may = rights.may_do(request.seat, "matrix")
    form = CodeForm(*([request.POST, request.FILES] if request.method == "POST" else []))
    if request.method == "POST":
        rights.refuse_unless(may, "matrix")
        if form.is_valid() and _kept(request, group, form):
            messages.success(request, _("The code is kept. Open invitations say and show it."))
            return redirect("groups:code", pk)
    way = inviting.ways([group.pk])[group.pk]
    context = {
        "group": group, "way": way, "code": way.code, "form": form, "may": may, "scans": inviting.SCANS, "most": inviting.MOST_BY_CODE,
        "days": group.matrix.code_days,
    }  # fmt: skip
    return render(request, "groups/code.html", context, status=422 if form.errors else 200)


def _kept(request, group, form):
    said = form.cleaned_data
    until = said["until"] and instant(datetime.datetime.combine(said["until"], datetime.time(23, 59)), request.tenant.zone)
    try:
        codes.keep(group, by=request.seat, upload=said["picture"], link=said["link"], expires_at=until)
    except Refused as refusal:
        field = {"expires_at": "until"}.get(refusal.details.get("field"), refusal.details.get("field"))
        form.add_error(field or "picture", refusal.sentence)
        return False
    return True


@require_safe
@sees("matrix")
def picture(request, pk):
    found = get_object_or_404(GroupCode.objects.select_related("picture"), pk=pk)
    if found.picture is None:
        raise Http404
    return files.answer(found.picture)


@require_POST
@does("matrix")
def scans(request, pk):
    found = get_object_or_404(GroupCode, pk=pk)
    said = as_number(request.POST.get("scans", ""))
    if said is None:
        raise Refused(_("A whole number, please."), code="no_number", status=400, field="scans")
    codes.count(found, said, by=request.seat)
    messages.success(request, _("Counted."))
    return redirect("groups:code", found.group_id)


@require_POST
@does("matrix")
def drop(request, pk):
    found = get_object_or_404(GroupCode, pk=pk)
    codes.drop(found, by=request.seat)
    messages.success(request, _("The code is no longer used; assistants add people themselves."))
    return redirect("groups:code", found.group_id)
