"""Tonight's arrivals: the evening as a table, one newcomer at its side, and what is done with them."""

import datetime

from django import forms
from django.contrib import messages
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import rights
from crm.tenancy.models import Event
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees
from members import checks, people
from members.models import Handle, Member

from .. import (
    answering,
    arrival_handing,
    arrival_laying,
    arrival_steps,
    arrivals,
    callers,
    evening_page,
    on_arrivals,
    stickers,
    tasks,
)
from ..calendar import instant
from ..models import Arrival, ArrivalStep, Group
from ..names import as_number, as_uuid
from .evenings import EveningsForm

NOON = datetime.time(12)


# An assistant does the steps of their own groups; who enters when, and into which group, is decided by those who run the matrix.


def _mine(request, pk):
    found = evening_page.seen_by(request.seat).filter(pk=pk).values("pk")
    return get_object_or_404(Arrival.objects.select_related("member", "group", "matrix"), pk__in=found)


def _heard_of(request, pk):
    """To a phone a page that is not found means that its seat is gone; this is only an arrival."""
    try:
        return _mine(request, pk)
    except Http404:
        raise Refused(_("This arrival is not yours, or it is gone."), code="no_such_arrival", status=404) from None


def _step(request, pk):
    step = get_object_or_404(ArrivalStep.objects.select_related("arrival__member", "task"), pk=pk)
    _mine(request, step.arrival_id)
    return step


# Pages


@sees("arrivals")
@require_safe
def evening(request):
    """This evening, or the one of `?day=`."""
    return _page(request, _day(request.GET.get("day")) or request.tenant.today())


@sees("arrivals")
@require_safe
def one(request, pk):
    """The evening of a newcomer, and at its side what comes next for them."""
    arrival = _mine(request, pk)
    return _page(request, arrival.day or request.tenant.today(), arrival)


def _page(request, day, chosen=None):
    shown = evening_page.of(day, request.tenant, request.seat)
    row = chosen and next((row for row in shown.rows if row.arrival.pk == chosen.pk), None)
    if chosen and row is None:
        (row,) = evening_page.rows(Arrival.objects.filter(pk=chosen.pk))
    today = request.tenant.today()
    context = {
        "evening": shown,
        "today": today,
        "is_tonight": day == today,
        "tomorrow": today + evening_page.A_DAY,
        "order": [(ArrivalStep.Kind(kind).label, ORDER_WORDS[kind]) for kind in arrival_laying.ORDER],
        "side": row and evening_page.side(row, request.tenant),
        "plans": rights.may_do(request.seat, "matrix"),
        "may": rights.may_do(request.seat, "arrivals"),
        "wishes": not people.hides_field(people.hidden_from(request.seat), "seeks"),
        "stickers": stickers.there(),
        "labels": callers.LABELS,
    }
    if context["plans"]:
        chosen_id = chosen and chosen.pk
        hurried = UrgentForm(initial={"arrival": chosen_id}, auto_id="urgent_%s")
        context |= {"newcomer": NewcomerForm(auto_id="new_%s"), "hurried": hurried, "rooms": hurried.fields["group"].choices[1:]}
        context |= {"hours": EveningsForm(shown.settings)}
    return page(request, "groups/arrivals.html", context)


ORDER_WORDS = {
    "announce": gettext_lazy("the group hears who is coming"),
    "packet": gettext_lazy("warms them up; words come after"),
    "introduction": gettext_lazy("is not buried by the scramble"),
    "welcome": gettext_lazy("by people who have something to say"),
    "chain": gettext_lazy("with stickers; its length is noted"),
}


def _day(text):
    try:
        return parse_date(text or "")
    except ValueError:
        return None


# Who enters when


@does("matrix")
@require_POST
def fill(request):
    day = _day(request.POST.get("day")) or request.tenant.today()
    planned = arrivals.fill(day, request.tenant, by=request.seat)
    messages.success(request, arrivals.in_words(len(planned)))
    return redirect(f"{reverse('groups:arrivals')}?day={day}")


@does("matrix")
@require_POST
def put_off(request):
    """Who is left over from an evening goes into the next one, or waits again."""
    day, planned, queued = arrivals.put_off(request.tenant, by=request.seat)
    words = [arrivals.in_words(planned)] if planned else []
    if queued:
        words.append(ngettext("%(n)s is back in the queue.", "%(n)s are back in the queue.", queued) % {"n": f"{queued:,}"})
    messages.success(request, " ".join(words))
    return redirect(f"{reverse('groups:arrivals')}?day={day}")


class NewcomerForm(forms.Form):
    nickname = forms.CharField(max_length=checks.LONGEST["nickname"], label=gettext_lazy("Nickname"))
    wechat = forms.CharField(required=False, max_length=120, label=gettext_lazy("WeChat id"))
    phone = forms.CharField(required=False, max_length=40, label=gettext_lazy("Phone"))
    city = forms.CharField(required=False, max_length=checks.LONGEST["city"], label=gettext_lazy("City"))
    industry = forms.CharField(required=False, max_length=checks.LONGEST["industry"], label=gettext_lazy("Industry"))
    paid_on = forms.DateField(
        required=False, label=gettext_lazy("Paid on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def values(self):
        said = {name: self.cleaned_data[name] for name in ("nickname", "city", "industry")}
        known = [(Handle.Platform.WECHAT, "wechat"), (Handle.Platform.PHONE, "phone")]
        return said | {"handles": [(platform, self.cleaned_data[name]) for platform, name in known if self.cleaned_data[name]]}


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request):
    """Somebody new, and their way in, by one form."""
    form = NewcomerForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            arrival = arrivals.add(form.values(), by=request.seat, paid_at=_noon(form.cleaned_data["paid_on"], request.tenant))
            messages.success(request, _("%(name)s waits to enter.") % {"name": arrival.member.nickname}, extra_tags=_undo(arrival))
            return redirect("groups:arrival", arrival.pk)
        except Refused as refusal:
            name = {"handle": "wechat", "paid_at": "paid_on"}.get(refusal.details.get("field"), refusal.details.get("field"))
            form.add_error(name if name in form.fields else None, refusal.sentence)
    return _form(request, form, _("Add newcomer"), _("Add newcomer"), _("They wait in the queue until you plan an evening."))


def _noon(day, tenant):
    return day and instant(datetime.datetime.combine(day, NOON if day < tenant.today() else datetime.time(0)), tenant.zone)


@does("matrix")
@require_POST
def wait(request):
    """Members who are here already and sit nowhere: one of them, or all."""
    if "member" in request.POST:
        member = get_object_or_404(Member.objects.known(), pk=as_uuid(request.POST["member"]))
        arrival = arrivals.wait(member, by=request.seat)
        messages.success(request, _("%(name)s waits to enter.") % {"name": member.nickname}, extra_tags=_undo(arrival))
        return redirect("groups:arrival", arrival.pk)
    many = arrivals.wait_all(arrivals.matrix_of_newcomers(), by=request.seat)
    messages.success(request, _("%(n)s more wait to enter.") % {"n": f"{many:,}"})
    return redirect("groups:arrivals")


class UrgentForm(forms.Form):
    arrival = forms.ChoiceField(label=gettext_lazy("Who"))
    because = forms.CharField(
        max_length=arrivals.LONGEST_REASON, label=gettext_lazy("Why it cannot wait for an evening"),
        help_text=gettext_lazy("For example: their course begins today."),
    )  # fmt: skip
    group = forms.ChoiceField(required=False, label=gettext_lazy("Group"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        coming = Arrival.objects.open().filter(placement=None, member__standing=Member.Standing.CURRENT).select_related("member")
        self.fields["arrival"].choices = [(str(each.pk), each.member.nickname) for each in coming.order_by("state", "added_at", "id")]
        groups = Group.objects.open().in_order()
        self.fields["group"].choices = [("", _("whichever suits best")), *((str(each.pk), each.name) for each in groups)]


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def urgent(request):
    """One who cannot wait enters at once."""
    form = UrgentForm(request.POST if request.method == "POST" else None, initial={"arrival": request.GET.get("arrival")})
    if form.is_bound and form.is_valid():
        arrival = get_object_or_404(Arrival, pk=form.cleaned_data["arrival"])
        group = Group.objects.filter(pk=as_uuid(form.cleaned_data["group"])).first()
        try:
            arrivals.hurry(arrival, form.cleaned_data["because"], request.tenant, by=request.seat, group=group)
            words = _("%(name)s enters now; the first step is on a phone.") % {"name": _mine(request, arrival.pk).member.nickname}
            messages.success(request, words, extra_tags=_undo(arrival))
            return redirect("groups:arrival", arrival.pk)
        except Refused as refusal:
            name = refusal.details.get("field")
            form.add_error(name if name in form.fields else None, refusal.sentence)
    words = _("They take no place of the evening, and their steps begin at once.")
    return _form(request, form, _("Urgent arrival"), _("Let them in now"), words)


def _form(request, form, title, verb, words):
    status = 422 if form.is_bound else 200
    return render(request, "groups/arrival_form.html", {"form": form, "title": title, "verb": verb, "words": words}, status=status)


@does("matrix")
@require_POST
def plan(request, pk):
    """Into an evening, another one, or another group."""
    arrival, day = _mine(request, pk), _day(request.POST.get("day"))
    if day is None:
        raise Refused(_("Choose an evening."), code="no_day", status=400, field="day")
    group = Group.objects.filter(pk=as_uuid(request.POST.get("group"))).first()
    arrival = arrivals.plan(arrival, day, request.tenant, by=request.seat, group=group)
    words = {"name": arrival.member.nickname, "group": arrival.group.name, "day": day.isoformat(), "at": f"{arrival.at:%H:%M}"}
    messages.success(request, _("%(name)s enters %(group)s on %(day)s at %(at)s.") % words, extra_tags=_undo(arrival))
    return redirect("groups:arrival", pk)


@does("matrix")
@require_POST
def queue(request, pk):
    arrival = arrivals.back_into_queue(_mine(request, pk), by=request.seat)
    messages.success(request, _("%(name)s is back in the queue.") % {"name": arrival.member.nickname})
    return redirect("groups:arrivals")


@does("matrix")
@require_POST
def call_off(request, pk):
    arrival = _mine(request, pk)
    fact = arrivals.call_off(arrival, by=request.seat)
    words = _("The arrival of %(name)s is called off.") % {"name": arrival.member.nickname}
    messages.success(request, words, extra_tags=f"undo={reverse('trail_undo', args=[fact.pk])}")
    return redirect("groups:arrivals")


def _undo(arrival):
    fact = Event.objects.of(arrival).filter(kind__in=on_arrivals.KINDS).newest_first().first()
    return f"undo={reverse('trail_undo', args=[fact.pk])}"


# Steps


@does("arrivals")
@require_POST
def step_done(request, pk):
    step = arrival_steps.done(_step(request, pk), by=request.seat, length=request.POST.get("length", ""))
    return _stepped(request, step, _("“%(step)s” is done.") % {"step": step.get_kind_display()}, way_back=True)


@does("arrivals")
@require_POST
def step_skip(request, pk):
    step = arrival_steps.skip(_step(request, pk), request.POST.get("because"), by=request.seat)
    return _stepped(request, step, _("“%(step)s” is skipped.") % {"step": step.get_kind_display()}, way_back=True)


@does("arrivals")
@require_POST
def step_undo(request, pk):
    step = arrival_steps.undo(_step(request, pk), by=request.seat)
    return _stepped(request, step, _("“%(step)s” is to be done again.") % {"step": step.get_kind_display()})


def _stepped(request, step, words, way_back=False):
    undo = f"undo={reverse('groups:arrival_step_undo', args=[step.pk])}" if way_back else ""
    messages.success(request, words, extra_tags=undo)
    return redirect(_back(request) or reverse("groups:arrival", args=[step.arrival_id]))


def _back(request):
    """To a page of ours that asked for it: the phone's, with what was typed there and not sent yet."""
    back, typed = request.POST.get("next", ""), request.POST.get("note", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    if not is_ours or not back.startswith(reverse("today")):
        return ""
    return f"{back}?{urlencode({'note': typed})}" if typed else back


@does("arrivals")
@require_POST
def call_others(request, pk):
    """Somebody else is named in the place of `out`, or nobody."""
    arrival, out = _mine(request, pk), as_uuid(request.POST.get("out"))
    if "less" in request.POST:
        step, words = callers.take_out(arrival, out, by=request.seat), _("One less is named.")
    else:
        step, words = callers.swap(arrival, out, request.tenant, by=request.seat), _("Somebody else is named.")
    arrival_handing.rewrite(step, arrival, request.tenant)
    messages.success(request, words)
    return redirect(_back(request) or reverse("groups:arrival", args=[pk]))


@does("arrivals")
@require_POST
def answers(request, pk):
    """One tap says of one who was named, or of all of them, whether they answered. A phone says it later, how long `ago`, and gets JSON."""
    post, tenant, is_phone = request.POST, request.tenant, "application/json" in request.headers.get("Accept", "")
    arrival = _heard_of(request, pk) if is_phone else _mine(request, pk)
    said = {"by": request.seat, "at": tasks.moment_said(as_number(post["ago"], 0)) if "ago" in post else None}
    if "all" in post:
        fact = answering.note_all(arrival, post["all"] == "yes", tenant, **said)
    else:
        fact = answering.note_one(arrival, as_uuid(post.get("answered") or post.get("silent")), "answered" in post, tenant, **said)
    if is_phone:
        return JsonResponse({"arrival": str(pk), "at": now().isoformat()})
    if fact:
        words = _("%(many)s of %(named)s answered.") % fact.after
        messages.success(request, words, extra_tags=f"undo={reverse('trail_undo', args=[fact.pk])}")
    return redirect(_back(request) or reverse("groups:arrival", args=[pk]))


@does("matrix")
@require_POST
def wake(request, pk):
    """Who rests since they never answer is named again."""
    member = get_object_or_404(Member.objects.known(), pk=pk)
    fact = answering.wake(member, by=request.seat)
    words = _("%(name)s may be named again.") % {"name": member.nickname}
    messages.success(request, words, extra_tags=f"undo={reverse('trail_undo', args=[fact.pk])}")
    return redirect("groups:arrivals")


@does("arrivals")
@require_POST
def chase(request, pk):
    arrival = _mine(request, pk)
    arrival_handing.chase(arrival, by=request.seat)
    messages.success(request, _("%(name)s is asked once more: a new link is on a phone.") % {"name": arrival.member.nickname})
    return redirect("groups:arrival", pk)
