"""The rhythms: their slots, which groups follow them, copies; and the pauses in which nothing of them is done."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language_info, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.tenancy import rights
from crm.tenancy.forms import SeenForm
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import days_off, rhythm_languages, rhythms, weeks
from ..models import Group, Pause, Rhythm, Slot
from ..names import as_uuid
from . import week

LONGEST_NAME = 60


class NameForm(SeenForm):
    name = forms.CharField(max_length=LONGEST_NAME, label=gettext_lazy("Name"))

    def act(self, wanted, *, by, seen):
        return rhythms.rename(self.row, wanted["name"], by=by, seen=seen)


class PauseForm(forms.Form):
    name = forms.CharField(max_length=LONGEST_NAME, label=gettext_lazy("What for"))
    since = forms.DateField(label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    group = forms.CharField(label=gettext_lazy("Who rests"), required=False, widget=forms.Select)

    def __init__(self, groups, *args, **kwargs):
        super().__init__(*args, auto_id="pause_%s", **kwargs)
        self.fields["group"].widget.choices = [("", _("all groups")), *((str(group.pk), group.name) for group in groups)]

    def clean_group(self):
        asked = self.cleaned_data["group"]
        group = Group.objects.filter(pk=as_uuid(asked)).first() if asked else None
        if asked and group is None:
            raise forms.ValidationError(_("There is no such group any more."))
        return group


# Rhythms


@sees("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def all_rhythms(request):
    """All of them and the pauses; a POST makes the ready ones where there are none."""
    if request.method == "POST":
        rights.refuse_unless(rights.may_do(request.seat, "matrix"), "matrix")
        rhythms.ready(request.tenant)
        return redirect("groups:rhythms")
    return _page(request)


def _page(request, pause=None):
    groups = list(Group.objects.open().in_order().select_related("matrix"))
    found = list(Rhythm.objects.open().in_order())
    slots = _slots(found)
    pauses = list(Pause.objects.filter(until__gte=request.tenant.today()).select_related("group").order_by("since", "id"))
    context = {
        "rhythms": [_shown(each, groups, found, slots) for each in found],
        "groups": len(groups),
        "busy": len(found),
        "pauses": pauses,
        "days_off": days_off.uncovered(request.tenant, pauses),
        "pause_form": pause or PauseForm(groups),
        "may": rights.may_do(request.seat, "matrix"),
        "today": request.tenant.today(),
    }
    return render(request, "groups/rhythms.html", context, status=422 if pause is not None else 200)


def _slots(found):
    slots = {}
    for slot in Slot.objects.filter(rhythm__in=found, ended_on=None).order_by("weekday", "at", "title"):
        slots.setdefault(slot.rhythm_id, []).append(slot)
    return slots


def _shown(rhythm, groups, all_of_them, slots):
    mine = slots.get(rhythm.pk, [])
    minutes = sum(slot.minutes for slot in mine if slot.given != Slot.Given.ROBOT)
    followers = [group for group in groups if weeks.rhythm_of(group, all_of_them) == rhythm]
    return {
        "rhythm": rhythm,
        "followers": followers,
        "in_short": weeks.in_short(followers),
        "number": len(mine),
        "minutes": minutes,
        "all_minutes": minutes * len(followers),
        "days": [[slot for slot in mine if slot.weekday == day] for day in range(7)],
    }


@sees("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def rhythm(request, pk):
    """One of them; a POST gives it another name."""
    found = get_object_or_404(Rhythm.objects.open(), pk=pk)
    if request.method != "POST":
        return _one(request, found, NameForm(found))
    rights.refuse_unless(rights.may_do(request.seat, "matrix"), "matrix")
    form = NameForm(found, request.POST)
    if form.is_valid() and form.save(by=request.seat) is not None:
        week.say(request, _("The rhythm is called “%(name)s” now.") % {"name": form.row.name}, found)
        return redirect("groups:rhythm", pk)
    return _one(request, found, form, status=422)


def _one(request, found, form, status=200):
    groups = list(Group.objects.open().in_order().select_related("matrix"))
    all_of_them = list(Rhythm.objects.open().in_order())
    shown = _shown(found, groups, all_of_them, _slots([found]))
    context = shown | {
        "form": form,
        "choices": [
            {
                "group": group,
                "follows": group in shown["followers"],
                "by_mode": group.rhythm_id is None,
                "other": weeks.rhythm_of(group, all_of_them),
            }
            for group in groups
        ],
        "copy_name": _copy_name(found, all_of_them),
        "languages": [get_language_info(code) for code in rhythm_languages.others(found)],
        "may": rights.may_do(request.seat, "matrix"),
    }
    return render(request, "groups/rhythm.html", context, status=status)


def _copy_name(rhythm, all_of_them):
    taken, n = {each.name for each in all_of_them}, 2
    while (name := f"{rhythm.name[: LONGEST_NAME - 4]} {n}") in taken:
        n += 1
    return name


@does("matrix")
@require_POST
def copy(request, pk):
    found = get_object_or_404(Rhythm.objects.open(), pk=pk)
    name = " ".join(request.POST.get("name", "").split())[:LONGEST_NAME]
    if not name:
        raise Refused(_("Give the copy a name."), code="name_malformed", status=400)
    made = rhythms.copy(found, name, by=request.seat)
    messages.success(request, _("“%(name)s” is a copy with all slots. No group follows it yet.") % {"name": made.name})
    return redirect("groups:rhythm", made.pk)


@does("matrix")
@require_POST
def language(request, pk):
    """A ready one in another language."""
    found = get_object_or_404(Rhythm.objects.open(), pk=pk)
    made = rhythm_languages.remake(found, request.POST.get("language", ""), by=request.seat)
    words = _("Now it is “%(name)s”, with all its slots in this language. What has not begun follows.") % {"name": made.name}
    week.say(request, words, found)
    return redirect("groups:rhythm", pk)


@does("matrix")
@require_POST
def drop(request, pk):
    found = get_object_or_404(Rhythm.objects.open(), pk=pk)
    rhythms.drop(found, by=request.seat)
    week.say(request, _("“%(name)s” is dropped. Its groups follow the usual rhythm of their mode.") % {"name": found.name}, found)
    return redirect("groups:rhythms")


@does("matrix")
@require_POST
def follow(request, pk):
    """The picked groups follow this rhythm; those that did and are not picked go back to the usual one of their mode."""
    found = get_object_or_404(Rhythm.objects.open(), pk=pk)
    picked = {as_uuid(each) for each in request.POST.getlist("group")}
    here, chosen = {group.pk for group in weeks.followers(found)}, list(Group.objects.open().filter(pk__in=picked - {None}))
    fresh = [group for group in chosen if group.pk not in here]
    # Who comes back to the usual rhythm of its mode has no choice of its own any more, and follows the mode when that changes.
    by_mode = [group for group in fresh if found.is_usual and group.mode == found.mode]
    by_mode += [group for group in Group.objects.open().filter(rhythm=found) if group.pk not in picked]
    rhythms.follow([group for group in fresh if group not in by_mode], found, by=request.seat)
    rhythms.follow(by_mode, None, by=request.seat)
    number = len(weeks.followers(found))
    words = ngettext("%(n)d group follows it now.", "%(n)d groups follow it now.", number) % {"n": number}
    messages.success(request, words)
    return redirect("groups:rhythm", pk)


# Pauses


@does("matrix")
@require_POST
def add_pause(request):
    groups = list(Group.objects.open().in_order())
    form = PauseForm(groups, request.POST)
    if form.is_valid():
        try:
            pause = rhythms.add_pause(form.cleaned_data, by=request.seat)
        except Refused as refusal:
            form.add_error(refusal.details.get("field") if refusal.details.get("field") in form.fields else None, refusal.sentence)
        else:
            undo = reverse("groups:pause_drop", args=[pause.pk])
            messages.success(
                request, _("“%(name)s”: nothing is handed out on these days.") % {"name": pause.name}, extra_tags=f"undo={undo}"
            )
            return redirect(reverse("groups:rhythms") + "#pauses")
    return _page(request, form)


@does("matrix")
@require_POST
def drop_pause(request, pk):
    pause = get_object_or_404(Pause, pk=pk)
    rhythms.drop_pause(pause, by=request.seat)
    week.say(request, _("“%(name)s” is no pause any more; what had rested is laid out again.") % {"name": pause.name}, pause)
    return redirect(reverse("groups:rhythms") + "#pauses")
