"""A slot at the side of the week calendar: what is done, with which text and picture, when, for how long; and a new one."""

from django import forms
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import changes, files, rights
from crm.tenancy.forms import SeenForm
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import rhythms, robots, texts, weeks
from ..models import Group, Occurrence, Rhythm, Slot
from ..names import as_uuid
from ..templatetags.weeks import WEEKDAYS
from . import week as calendar

LONGEST_TEXT = 5000


class SlotForm(SeenForm):
    title = forms.CharField(max_length=60, label=gettext_lazy("What is done"))
    practice = forms.ChoiceField(choices=Slot.Practice.choices, label=gettext_lazy("Kind"))
    weekday = forms.TypedChoiceField(coerce=int, choices=list(enumerate(WEEKDAYS)), label=gettext_lazy("Weekday"))
    at = forms.TimeField(label=gettext_lazy("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    minutes = forms.IntegerField(min_value=1, max_value=480, label=gettext_lazy("Work in each group"))
    within = forms.IntegerField(min_value=5, max_value=1440, label=gettext_lazy("Late after"))
    given = forms.ChoiceField(choices=Slot.Given.choices, label=gettext_lazy("Who does it"))
    text = forms.CharField(
        required=False, max_length=LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 6}), label=gettext_lazy("Text to be copied")
    )
    wants_proof = forms.BooleanField(required=False, label=gettext_lazy("Done only with a photo as proof"))

    def __init__(self, row, data=None):
        self.picture = {}  # {"picture": file} where it is another one
        super().__init__(row, data, auto_id="slot_%s")

    def act(self, wanted, *, by, seen):
        return rhythms.change_slot(self.row, wanted | self.picture, by=by, seen=seen)

    def clean_text(self):
        return self.cleaned_data["text"].replace("\r\n", "\n").strip()

    def check(self, name, value):
        if name == "text":
            texts.check(value)
        return value


# The panel


@sees("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def slot(request, pk):
    """The calendar with this slot at its side; a POST saves it, for every week from now on."""
    found = get_object_or_404(Slot.objects.select_related("rhythm", "group__matrix", "picture"), pk=pk)
    if request.method != "POST":
        return _panel(request, found, SlotForm(found))
    rights.refuse_unless(rights.may_do(request.seat, "matrix"), "matrix")
    form = SlotForm(found, request.POST)
    if not form.is_valid():
        return _panel(request, found, form, status=422)
    try:
        over = weeks.over(request.tenant, lambda: rhythms.change_slot(found, form.wanted, by=request.seat, seen=form.was))
        if over and request.POST.get("anyway") != calendar.mark(over):
            return _panel(request, found, form, over=over, status=422)
        form.picture = _picture(request, found)
    except changes.Overtaken:
        pass  # said beside the fields by `save`
    except Refused as refusal:
        form.refused(refusal, refusal.details.get("field"))
        return _panel(request, found, form, status=422)
    if (before := form.save(by=request.seat)) is None:
        return _panel(request, found, form, status=422)
    words = _("“%(what)s” is saved. What has not begun follows it.") % {"what": form.wanted["title"]}
    is_one_fact = len({rhythms.KINDS[name] for name in before}) == 1  # half of a change is not taken back
    calendar.say(request, words, found, has_way_back=is_one_fact)
    return _back(request, found)


@does("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request):
    """A new slot: for all groups of a rhythm, or for one group alone."""
    asked = request.POST if request.method == "POST" else request.GET
    reach, of = _reach(asked.get("for", ""))
    day = asked.get("weekday", "")
    fresh = Slot(weekday=int(day) if day in set("0123456") else 0, minutes=5, within=60, **of)
    if request.method != "POST":
        return _new_panel(request, SlotForm(fresh), reach)
    form = SlotForm(fresh, request.POST)
    if not of:
        form.full_clean()
        form.add_error(None, _("Choose for whom: a rhythm, or one group."))
    if not form.is_valid():
        return _new_panel(request, form, reach, status=422)
    try:
        over = weeks.over(request.tenant, lambda: rhythms.add_slot(form.wanted, by=request.seat, **of))
        if over and request.POST.get("anyway") != calendar.mark(over):
            return _new_panel(request, form, reach, over=over, status=422)
        made = rhythms.add_slot(form.wanted | _picture(request), by=request.seat, **of)
    except Refused as refusal:
        form.refused(refusal, refusal.details.get("field"))
        return _new_panel(request, form, reach, status=422)
    calendar.say(request, _("“%(what)s” is added.") % {"what": made.title}, made)
    return _back(request, made)


@does("matrix")
@require_POST
def drop(request, pk):
    """From now on it is not done any more; what was done stays."""
    found = get_object_or_404(Slot.objects.select_related("rhythm", "group"), pk=pk)
    rhythms.drop_slot(found, by=request.seat)
    calendar.say(request, _("“%(what)s” is dropped. What was done by it stays.") % {"what": found.title}, found)
    return _back(request, found)


@does("matrix")
@require_POST
def preview(request):
    """A text as it will be read in one group; a variable that nobody knows is named."""
    group = Group.objects.filter(pk=as_uuid(request.POST.get("group"))).first() or Group.objects.open().in_order().first()
    return render(request, "groups/slot.html#preview", _filled(request.POST.get("text", "")[:LONGEST_TEXT], group))


@sees("matrix")
@require_safe
def picture(request, pk):
    found = get_object_or_404(Slot.objects.select_related("picture"), pk=pk)
    if found.picture is None:
        raise Http404
    return files.answer(found.picture)


# What is shown


def _panel(request, slot, form, *, over=(), status=200):
    once = _once(request, slot)
    group = (
        once.group if once else slot.group or Group.objects.filter(pk=as_uuid(request.GET.get("group"))).select_related("matrix").first()
    )
    reaches = [slot.group] if slot.group_id else weeks.followers(slot.rhythm)
    group = group or next(iter(reaches), None)
    text = form["text"].value() or ""
    does = robots.Robots([slot]).does
    robotless = [] if slot.given != Slot.Given.ROBOT else [each for each in reaches if not does(slot, each.pk)]
    context = {
        "slot": slot,
        "once": once,
        "reaches": reaches,
        "reach_names": weeks.in_short(reaches),
        "given_to_robot": slot.given == Slot.Given.ROBOT,
        "robotless": robotless,
        "robotless_names": weeks.in_short(robotless),
        "fields": form,
        "over": over,
        "over_mark": calendar.mark(over),
        "variables": texts.variables(),
        "preview_group": group,
        "groups": reaches,
    } | _filled(text, group, once and once.wall_time.replace(tzinfo=request.tenant.zone))
    return calendar.page(request, _monday(request), panel="groups/slot.html", status=status, **context)


def _new_panel(request, form, reach, *, over=(), status=200):
    groups = list(Group.objects.open().in_order().select_related("matrix"))
    group = form.row.group or next(iter(groups), None)
    context = {
        "slot": None,
        "fields": form,
        "reach": reach,
        "rhythms": list(Rhythm.objects.open().in_order()),
        "groups": groups,
        "over": over,
        "over_mark": calendar.mark(over),
        "variables": texts.variables(),
        "preview_group": group,
    } | _filled(form["text"].value() or "", group)
    return calendar.page(request, _monday(request), panel="groups/slot.html", status=status, **context)


def _filled(text, group, moment=None):
    """The text for this group, at this moment or now; or what is wrong with it."""
    if not text.strip() or group is None:
        return {"filled": "", "unknown": "", "preview_group": group}
    try:
        texts.check(text)
        return {"filled": texts.filled(text, group, moment or localtime()), "unknown": "", "preview_group": group}
    except Refused as refusal:
        return {"filled": "", "unknown": refusal.sentence, "preview_group": group}


def _once(request, slot):
    """The one time of this slot from which the panel was opened."""
    asked = as_uuid(request.GET.get("once"))
    return asked and Occurrence.objects.filter(pk=asked, slot=slot).select_related("group__matrix", "task", "push").first()


def _monday(request):
    return weeks.asked_for(request.GET.get("week", ""), request.tenant)


def _reach(asked):
    """`rhythm:id` or `group:id`, as the select says it."""
    kind, _colon, pk = asked.partition(":")
    model = {"rhythm": Rhythm, "group": Group}.get(kind)
    found = model and model.objects.filter(pk=as_uuid(pk)).first()
    return asked, {kind: found} if found else {}


def _picture(request, slot=None):
    """A new one, none with `remove`, or nothing where it stays."""
    if "picture" in request.FILES:
        return {"picture": rhythms.keep_picture(request.FILES["picture"], by=request.seat)}
    return {"picture": None} if slot is not None and "remove" in request.POST else {}


def _back(request, slot):
    return redirect(calendar.address(_monday(request)))
