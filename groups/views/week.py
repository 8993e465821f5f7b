"""The week calendar: who carries what in all groups, and moving a slot to another day."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_time
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from crm.tenancy import rights, trail
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import mending, occurrences, weeks
from ..models import Group, Occurrence
from ..names import as_uuid

ONCE, ALWAYS = "once", "always"


@require_safe
@sees("matrix")
def week(request):
    return page(request, weeks.asked_for(request.GET.get("week", ""), request.tenant))


def page(request, monday, *, panel="", status=200, **context):
    """The calendar, perhaps with a panel at its side."""
    shown = weeks.week_of(request.tenant, monday)
    may, mendings = rights.may_do(request.seat, "matrix"), mending.proposals(shown)
    stuck, can_mend = [each for each in mendings if not each.shares], [each for each in mendings if each.shares]
    context |= {
        "week": shown,
        "by_day": list(shown.by_day()),
        "before": monday - weeks.A_WEEK,
        "after": monday + weeks.A_WEEK,
        "next_week": weeks.monday_of(shown.today) + weeks.A_WEEK,
        "light": sum(row.group.mode == Group.Mode.LIGHT for row in shown.rows),
        "heavy": sum(row.group.mode == Group.Mode.HEAVY for row in shown.rows),
        "usual": shown.usual,
        "too_much": shown.too_much,
        "nobody": sum(row.group.assistant_id is None for row in shown.rows),
        "mendings": mendings,
        "stuck": stuck,
        "together": can_mend if may and len(can_mend) > 1 else [],
        "together_slots": sum(len(each.entries) for each in can_mend),
        "together_mark": mending.mark_of(can_mend),
        "stuck_could": any(each.can_go for each in stuck),
        "panel": panel,
        "may": may,
        "may_set": rights.may_do(request.seat, "settings"),
    }
    return render(request, "groups/week.html", context, status=status)


def address(monday):
    return f"{reverse('groups:week')}?week={monday.isoformat()}"


def say(request, words, subject, *, has_way_back=True):
    """That it is done, with the button that takes back the newest fact about it."""
    fact = has_way_back and Event.objects.of(subject).filter(seat=request.seat).newest_first().first()
    undo = f"undo={reverse('groups:week_undo', args=[fact.pk])}" if fact and fact.kind in trail.UNDOES else ""
    messages.success(request, words, extra_tags=undo)


@does("matrix")
@require_POST
def undo(request, pk):
    """Take back what was done in the calendar, and show the same page again."""
    fact = get_object_or_404(Event, pk=pk)
    messages.success(request, trail.take_back(fact, by=request.seat))
    way = request.POST.get("next", "")
    return redirect(way if url_has_allowed_host_and_scheme(way, None) else "groups:week")


# Moving


class MoveForm(forms.Form):
    """`was` is when it stood there as the form was opened, so that a stale one overwrites nothing."""

    was = forms.CharField(widget=forms.HiddenInput, required=False)
    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    at = forms.TimeField(label=gettext_lazy("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    reach = forms.ChoiceField(label=gettext_lazy("How long"), widget=forms.RadioSelect, initial=ONCE)

    def __init__(self, occurrence, *args, **kwargs):
        super().__init__(*args, auto_id="move_%s", **kwargs)
        self.fields["reach"].choices = [(ONCE, _("only this week")), (ALWAYS, _every_week(occurrence.slot))]
        asks = {"hx-get": reverse("groups:week_move", args=[occurrence.pk]), "hx-target": "#moving-said", "hx-swap": "outerHTML"}
        asks |= {"hx-trigger": "change", "hx-include": "closest form", "hx-vals": '{"asks": "1"}'}
        for name in ("day", "at"):
            self.fields[name].widget.attrs |= asks
        self.fields["reach"].widget.attrs |= asks


def _every_week(slot):
    if slot.group_id:
        return _("every week")
    return _("every week, in all groups of “%(rhythm)s”") % {"rhythm": slot.rhythm.name}


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def move(request, pk):
    """Asks how it is meant and says whom it would take over the budget; a POST does it."""
    occurrence = get_object_or_404(Occurrence.objects.select_related("slot__rhythm", "group__matrix", "task"), pk=pk)
    if request.method != "POST":
        form, over, wrong = MoveForm(occurrence, initial=_as_asked(occurrence, request.GET)), [], []
        if (form.initial["day"], form.initial["at"]) != (occurrence.wall_time.date(), occurrence.wall_time.time()):
            try:
                over = weeks.over(request.tenant, _moving(request, occurrence, form.initial))
            except Refused as refusal:
                wrong = [refusal.sentence]
        return _move_page(request, occurrence, form, over, wrong=wrong, part="said" if "asks" in request.GET else "form")
    form = MoveForm(occurrence, request.POST)
    if not form.is_valid():
        return _move_page(request, occurrence, form, status=422)
    try:
        _refuse_stale(occurrence, form.cleaned_data["was"])
        over = weeks.over(request.tenant, _moving(request, occurrence, form.cleaned_data))
        if over and request.POST.get("anyway") != mark(over):
            return _move_page(request, occurrence, form, over, status=422)
        _moving(request, occurrence, form.cleaned_data)()
    except Refused as refusal:
        return _move_page(request, occurrence, form, wrong=[refusal.sentence], status=422)
    return _moved(request, occurrence, form.cleaned_data)


def _as_asked(occurrence, asked):
    """What the fields hold at first: where it is, or what an address asks for."""
    day, at = _read(parse_date, asked.get("day")), _read(parse_time, asked.get("at"))
    return {
        "was": occurrence.wall_time.isoformat(),
        "day": day or occurrence.wall_time.date(),
        "at": at or occurrence.wall_time.time(),
        "reach": ALWAYS if asked.get("reach") == ALWAYS else ONCE,
    }


def _read(parse, text):
    try:
        return parse(text or "")
    except ValueError:
        return None


def _refuse_stale(occurrence, was):
    if was and was != occurrence.wall_time.isoformat():
        sentence = _("Somebody moved this in the meantime. It is on %(day)s at %(at)s now; nothing is overwritten.")
        words = {"day": occurrence.wall_time.strftime("%Y-%m-%d"), "at": occurrence.wall_time.strftime("%H:%M")}
        raise Refused(sentence % words, code="changed_meanwhile")


def _moving(request, occurrence, asked):
    return lambda: occurrences.move(occurrence, asked["day"], asked["at"], by=request.seat, always=asked["reach"] == ALWAYS)


def mark(over):
    """What somebody agreed to when they press again: these people, so far over."""
    return ",".join(f"{each['seat'].pk}:{each['over']}" for each in over)


def _move_page(request, occurrence, form, over=(), *, wrong=(), part="form", status=200):
    context = {
        "occurrence": occurrence,
        "form": form,
        "over": over,
        "over_mark": mark(over),
        "wrong": wrong,
        "in_dialog": bool(request.htmx),
        "back": address(weeks.monday_of(occurrence.wall_time.date())),
    }
    return render(request, f"groups/week_move.html#{part}" if request.htmx else "groups/week_move.html", context, status=status)


def _moved(request, occurrence, asked):
    words = _("“%(what)s” of %(group)s is on %(day)s at %(at)s now.")
    words %= {
        "what": occurrence.slot.title,
        "group": occurrence.group.name,
        "day": asked["day"].strftime("%Y-%m-%d"),
        "at": asked["at"].strftime("%H:%M"),
    }
    say(request, words, occurrence.slot if asked["reach"] == ALWAYS else occurrence)
    # Not a fragment: to another place of the page that is open, a browser goes without loading it.
    back = f"{address(weeks.monday_of(asked['day']))}&moved={occurrence.pk}"
    return HttpResponseClientRedirect(back) if request.htmx else redirect(back)


@does("matrix")
@require_POST
def drop(request, pk):
    """Leave it out, this once."""
    occurrence = get_object_or_404(Occurrence.objects.select_related("slot", "group"), pk=pk)
    occurrences.drop(occurrence, by=request.seat)
    words = {"what": occurrence.slot.title, "group": occurrence.group.name}
    say(request, _("“%(what)s” of %(group)s is left out this once.") % words, occurrence)
    return redirect(address(weeks.monday_of(occurrence.wall_time.date())))


@does("matrix")
@require_POST
def mend(request):
    """Carry out the proposal that was seen, if it would still be made; without a seat all that were seen."""
    monday, mark = weeks.asked_for(request.POST.get("week", ""), request.tenant), request.POST.get("proposal", "")
    if request.POST.get("seat"):
        mended, fact = mending.carry_out(request.tenant, monday, as_uuid(request.POST["seat"]), mark, by=request.seat)
        words = _said_of_one(mended)
    else:
        mended, fact = mending.carry_out_all(request.tenant, monday, mark, by=request.seat)
        words = _said_of_all(mended)
    messages.success(request, words, extra_tags=f"undo={reverse('groups:week_undo', args=[fact.pk])}")
    return redirect(address(monday))


def _said_of_one(mended):
    if mended.stays_over:
        words = ngettext("Done: %(name)s is still %(n)s minute over.", "Done: %(name)s is still %(n)s minutes over.", mended.stays_over)
        return words % {"name": mended.hands.seat, "n": f"{mended.stays_over:,}"}
    return _("Done: %(name)s is within the budget.") % {"name": mended.hands.seat}


def _said_of_all(mended):
    if over := sum(each.stays_over for each in mended):
        return ngettext("Done: %(n)s minute stays over.", "Done: %(n)s minutes stay over.", over) % {"n": f"{over:,}"}
    people = ngettext("Done: %(n)s person is within the budget.", "Done: %(n)s people are within the budget.", len(mended))
    return people % {"n": f"{len(mended):,}"}
