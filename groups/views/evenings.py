"""The settings of the evenings of arrivals, and the stickers that go with a welcome."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import files, rights
from crm.tenancy.forms import SeenForm
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import evenings, stickers
from ..models import Sticker


class EveningsForm(SeenForm):
    begins = forms.TimeField(label=gettext_lazy("From"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    ends = forms.TimeField(label=gettext_lazy("Until"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    cap = forms.IntegerField(label=gettext_lazy("Newcomers in one evening"), help_text=gettext_lazy("Few enough that each one is noticed."))
    minutes_between = forms.IntegerField(label=gettext_lazy("Minutes between two of them"))
    callers = forms.IntegerField(label=gettext_lazy("Members named in a welcome"), help_text=gettext_lazy("Three to five."))
    calls_a_week = forms.IntegerField(
        label=gettext_lazy("Times a week that somebody is named at most"),
        help_text=gettext_lazy("Whoever was named so often rests until Monday."),
    )
    rest_days = forms.IntegerField(
        label=gettext_lazy("Days that a silent caller rests"),
        help_text=gettext_lazy("Who was named three times in a row and never answered. With 0 nobody rests for it."),
    )

    def __init__(self, row, data=None):
        super().__init__(row, data)
        for name, (least, most) in evenings.LIMITS.items():
            self.fields[name].widget.attrs |= {"min": least, "max": most}

    def check(self, name, value):
        return evenings.check(name, value)

    def act(self, wanted, *, by, seen):
        return evenings.change(wanted, by=by, seen=seen)


@sees("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request):
    row = evenings.of_tenant()
    if request.method != "POST":
        return _settings(request, EveningsForm(row))
    rights.refuse_unless(rights.may_do(request.seat, "matrix"), "matrix")
    form = EveningsForm(row, request.POST)
    if not form.is_valid() or (before := form.save(by=request.seat)) is None:
        return _settings(request, form, status=422)
    fact = Event.objects.of(form.row).newest_first().first() if before else None
    undo = f"undo={reverse('trail_undo', args=[fact.pk])}" if fact else ""
    messages.success(request, _("The evenings are saved. What is planned stays as it is."), extra_tags=undo)
    return redirect("groups:arrivals")


def _settings(request, form, wrong="", name="", status=200):
    context = {"form": form, "stickers": stickers.there(), "wrong": wrong, "name": name}
    context["plans"] = rights.may_do(request.seat, "matrix")
    return render(request, "groups/evenings.html", context, status=status)


@does("matrix")
@require_POST
def sticker_add(request):
    try:
        sticker = stickers.add(request.POST.get("name", ""), request.FILES.get("picture"), by=request.seat)
    except Refused as refusal:
        form = EveningsForm(evenings.of_tenant())
        return _settings(request, form, refusal.sentence, request.POST.get("name", ""), status=422)
    messages.success(request, _("The sticker “%(name)s” goes with welcomes from now on.") % {"name": sticker.name})
    return redirect("groups:evenings")


@sees("arrivals")
@require_safe
def sticker(request, pk):
    found = Sticker.objects.select_related("picture").filter(pk=pk).first()
    if found is None:
        raise Http404
    return files.answer(found.picture)


@does("matrix")
@require_POST
def sticker_drop(request, pk):
    found = get_object_or_404(Sticker, pk=pk)
    fact = stickers.drop(found, by=request.seat)
    words = _("The sticker “%(name)s” is dropped.") % {"name": found.name}
    messages.success(request, words, extra_tags=f"undo={reverse('trail_undo', args=[fact.pk])}")
    return redirect("groups:evenings")
