"""Segments above the list of members: saved there by a POST to the list's own address, renamed, changed and deleted here."""

from django import forms
from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.tenancy import changes
from crm.tenancy.rights import does

from . import segments
from .asked import Asked


class SegmentForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=segments.LONGEST_NAME)
    shared = forms.ChoiceField(
        label=gettext_lazy("Who uses it"),
        choices=[("1", gettext_lazy("everybody here")), ("0", gettext_lazy("I alone"))],
        initial="1",
        widget=forms.RadioSelect,
    )


def save(request):
    """Of the list's POST: the conditions of its address under a name, or over those of a segment."""
    asked = Asked.of_address(request.GET)
    if over := request.POST.get("over"):
        segment, before = segments.change(segments.find(over, request.seat), asked=asked, by=request.seat)
        words = _("“%(name)s” asks for these conditions now.")
    else:
        shared = request.POST.get("shared") == "1"
        segment, before = segments.save(request.POST.get("name", ""), asked, shared=shared, by=request.seat), {}
        words = _("Saved as “%(name)s”.")
    undo = changes.undo(reverse("members:segment_undo"), before, segments.state(segment)) if before else ""
    messages.success(request, words % {"name": segment.name}, extra_tags=f"undo={undo}" if undo else "")
    return redirect(f"{reverse('members:list')}?{urlencode([*asked.pairs(), ('segment', segment.pk)])}")


@does("members")
@require_POST
def segment(request, pk):
    """Another name, or shared where it was one's own."""
    found = segments.find(pk, request.seat)
    shared = {"1": True, "0": False}.get(request.POST.get("shared"))
    found, before = segments.change(found, name=request.POST.get("name", ""), shared=shared, by=request.seat)
    if before:
        undo = changes.undo(reverse("members:segment_undo"), before, segments.state(found))
        messages.success(request, _("The segment is called “%(name)s” now.") % {"name": found.name}, extra_tags=f"undo={undo}")
    return redirect(_way(request))


@does("members")
@require_POST
def end(request, pk):
    found = segments.find(pk, request.seat)
    before = segments.drop(found, by=request.seat)
    undo = changes.undo(reverse("members:segment_undo"), before, {})
    words = _("The segment “%(name)s” is deleted. Its members are as they were.") % {"name": before["name"]}
    messages.success(request, words, extra_tags=f"undo={undo}")
    return redirect("members:list")


@does("members")
@require_POST
def undo(request):
    before, after = changes.to_undo(request)
    found = segments.restore(before, after, by=request.seat)
    messages.success(request, _("The segment “%(name)s” is as it was.") % {"name": found.name})
    return redirect(_way(request))


def _way(request):
    way = request.POST.get("next", "")
    return way if url_has_allowed_host_and_scheme(way, None) else reverse("members:list")
