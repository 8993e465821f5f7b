"""A talk is handed out: first who speaks, then when, for how long, with which text, and who does it."""

import datetime

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does
from crm.tenancy.templatetags.qx import minutes_as_hours
from members import people, search
from members.models import Member

from .. import handovers, talks, texts, weeks
from ..models import Group, Placement
from ..names import as_uuid
from . import week as calendar

MOST_FOUND = 8
LONGEST_QUESTION = 100


class TalkForm(forms.Form):
    group = forms.ChoiceField(label=gettext_lazy("In which group"))
    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    at = forms.TimeField(label=gettext_lazy("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    title = forms.CharField(required=False, max_length=60, label=gettext_lazy("What it is about"))
    text = forms.CharField(
        required=False, max_length=texts.LONGEST, widget=forms.Textarea(attrs={"rows": 4}), label=gettext_lazy("Text to be copied")
    )
    minutes = forms.IntegerField(min_value=1, max_value=talks.MOST_MINUTES, label=gettext_lazy("Work with the talk"))
    packet_minutes = forms.IntegerField(min_value=1, max_value=talks.MOST_MINUTES, label=gettext_lazy("Work with the red packet"))
    assistant = forms.ChoiceField(required=False, label=gettext_lazy("Who does it"))

    def __init__(self, tenant, data=None, **more):
        super().__init__(data, auto_id="talk_%s", **more)
        self.fields["group"].choices = [(str(group.pk), group.name) for group in Group.objects.open().in_order()]
        hands = [(str(seat.pk), f"{seat} · {minutes_as_hours(work) if work else _('free')}") for seat, work in _hands(tenant)]
        self.fields["assistant"].choices = [("", _("whoever works for the group")), *hands]
        self.fields["day"].widget.attrs["min"] = tenant.today().isoformat()


def _hands(tenant):
    return handovers.loads(tenant).items()


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def give(request):
    """Without a speaker it asks for one; then the rest, with whom it takes over the budget said before it is handed out."""
    asked = request.POST if request.method == "POST" else request.GET
    speaker = Member.objects.current().filter(pk=as_uuid(asked.get("speaker"))).first()
    if speaker is None:
        return _ask(request, {"words": _words(request), "people": _people(request)})
    if request.method != "POST":
        return _ask(request, {"speaker": speaker, "form": TalkForm(request.tenant, initial=_usual(request, speaker))})
    form, over = TalkForm(request.tenant, request.POST), []
    if form.is_valid():
        try:
            over = weeks.over(request.tenant, lambda: _given(request, speaker, form.cleaned_data))
            if not over or request.POST.get("anyway") == calendar.mark(over):
                return _done(request, _given(request, speaker, form.cleaned_data))
        except Refused as refusal:
            name = refusal.details.get("field")
            form.add_error(name if name in form.fields else None, refusal.sentence)
    return _ask(request, {"speaker": speaker, "form": form, "over": over, "over_mark": calendar.mark(over)}, status=422)


def _given(request, speaker, said):
    how = {name: said[name] for name in ("title", "text", "minutes", "packet_minutes")}
    group = Group.objects.get(pk=said["group"])
    return talks.give(group, speaker, said["day"], said["at"], by=request.seat, assistant=said["assistant"] or None, **how)


def _done(request, talk):
    fact = Event.objects.of(talk).filter(kind=talks.GIVEN).newest_first().first()
    when = talk.due_at.astimezone(request.tenant.zone)
    words = {"title": talk.title, "group": talk.group.name, "day": f"{when:%Y-%m-%d}", "at": f"{when:%H:%M}", "who": talk.assistant}
    sentence = _("“%(title)s” is handed out: %(group)s, %(day)s at %(at)s, by %(who)s.")
    messages.success(request, sentence % words, extra_tags=f"undo={reverse('trail_undo', args=[fact.pk])}")
    return HttpResponseClientRedirect(_way(request)) if request.htmx else redirect(_way(request))


def _way(request):
    way = (request.POST if request.method == "POST" else request.GET).get("next", "")
    return way if url_has_allowed_host_and_scheme(way, None) else reverse("groups:tasks")


def _usual(request, speaker):
    """In their own group, in the evening: tonight, while there is time to make it known, else tomorrow."""
    seats = Placement.objects.open().filter(member=speaker, group__closed_on=None).order_by("-matrix__is_reshuffled", "id")
    group = as_uuid(request.GET.get("group")) or seats.values_list("group", flat=True).first()
    local = datetime.datetime.now(request.tenant.zone)
    tonight = (local + datetime.timedelta(hours=1)).replace(tzinfo=None) < datetime.datetime.combine(local.date(), talks.USUALLY_AT)
    day = local.date() + datetime.timedelta(days=0 if tonight else 1)
    asked_for = _day(request.GET.get("day", ""))
    usual = {"minutes": talks.MINUTES, "packet_minutes": talks.OF_PACKET, "at": talks.USUALLY_AT}
    return usual | {"group": group and str(group), "day": asked_for if asked_for and asked_for > local.date() else day}


def _day(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _words(request):
    return request.GET.get("q", "")[:LONGEST_QUESTION].strip()


def _people(request):
    """Whom a search finds, with where they sit."""
    typed = search.words_of(_words(request))
    if not typed:
        return []
    members, column = search.seen_by(Member.objects.current(), people.hidden_from(request.seat))
    found = list(members.filter(search.exactly(typed, column)).by_name()[:MOST_FOUND])
    seats = Placement.objects.open().filter(member__in=[each.pk for each in found]).select_related("group")
    sits = {seat.member_id: seat.group for seat in seats.order_by("matrix__is_reshuffled", "id")}
    return [{"member": each, "group": sits.get(each.pk)} for each in found]


def _ask(request, context, status=200):
    """In a dialog of the page where it was asked for, or as a page of its own."""
    context |= {"back": _way(request), "group": request.GET.get("group", ""), "day": request.GET.get("day", "")}
    part = "#people" if request.htmx.target == "talk-people" else "#ask" if request.htmx else ""
    response = render(request, f"groups/talk.html{part}", context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response
