"""Matrices and groups among the settings: their calendar, their rules, and all groups of one in a table."""

from django import forms
from django.contrib import messages
from django.db.models import F
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from crm.tenancy import changes, rights, tabs
from crm.tenancy.forms import SeenForm
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from .. import calendar
from .. import setup as verbs
from ..models import CalendarStep, Group, Matrix
from ..models.matrices import WEIGHTS
from ..names import as_uuid

tabs.tab("groups:setup", gettext_lazy("Matrices and groups"), icon="layout-grid", place=15, area="matrix")

WORKS_FIRST = (Seat.Role.ASSISTANT, Seat.Role.OPERATOR, Seat.Role.OWNER)
NEW = "new"


# Forms


class MatrixForm(SeenForm):
    name = forms.CharField(max_length=verbs.LONGEST_NAME, label=gettext_lazy("Name"))
    is_reshuffled = forms.BooleanField(required=False, label=gettext_lazy("Reshuffled each half-year"))
    lead_days = forms.IntegerField(label=gettext_lazy("Plan proposed before the half-year"))
    minutes_per_move = forms.IntegerField(label=gettext_lazy("Work per move"))
    code_days = forms.IntegerField(
        label=gettext_lazy("A group's code is good for"), help_text=gettext_lazy("On WeChat seven days, by the picture's own words.")
    )
    least_percent = forms.IntegerField(
        label=gettext_lazy("Least size of a group"),
        help_text=gettext_lazy("Of the mean of all groups. A group may have a least of its own in the table."),
    )
    half_life = forms.FloatField(
        label=gettext_lazy("Having sat together counts half after"),
        help_text=gettext_lazy("The longer, the more a plan avoids people who met years ago."),
    )

    def __init__(self, tenant, row, data=None):
        self.tenant = tenant
        super().__init__(row, data)
        for name, field in self.fields.items():
            if name in verbs.LIMITS:
                least, most = verbs.LIMITS[name]
                field.widget.attrs |= {"min": least, "max": most, "step": "any" if isinstance(field, forms.FloatField) else 1}
        asks = {"hx-get": reverse("groups:setup_dates", args=[row.pk]), "hx-trigger": "input changed delay:300ms"}
        self.fields["lead_days"].widget.attrs |= asks | {"hx-target": "#dates", "hx-swap": "outerHTML"}

    def check(self, name, value):
        return verbs.check_matrix(name, value)

    def act(self, wanted, *, by, seen):
        return verbs.change_matrix(self.row, wanted, self.tenant, by=by, seen=seen)


class NewMatrixForm(forms.Form):
    name = forms.CharField(max_length=verbs.LONGEST_NAME, label=gettext_lazy("Name"))
    is_reshuffled = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("Reshuffled each half-year"),
        help_text=gettext_lazy("Partner groups, for example, are not."),
    )

    def __init__(self, *args):
        super().__init__(*args, auto_id="add_%s")  # it stands on the page of a matrix, which has a name, too


class WeightsForm(forms.Form):
    """Of a matrix. Its fields are the names of the weights."""

    LABELS = {
        "known": gettext_lazy("people who know each other"),
        "star": gettext_lazy("stars evenly"),
        "newcomer": gettext_lazy("newcomers evenly"),
        "size": gettext_lazy("sizes evenly"),
        "city": gettext_lazy("cities evenly"),
        "industry": gettext_lazy("industries evenly"),
        "skill": gettext_lazy("skills evenly"),
    }

    def __init__(self, matrix, data=None):
        super().__init__(data, initial=WEIGHTS | matrix.weights, auto_id="id_weight_%s")
        for name, label in self.LABELS.items():
            attrs = {"min": 0, "max": verbs.HEAVIEST, "step": "any"}
            self.fields[name] = forms.FloatField(label=label, widget=forms.NumberInput(attrs=attrs))


class GroupForm(SeenForm):
    """One row of the table."""

    number = forms.IntegerField(required=False, label=gettext_lazy("Number"))
    name = forms.CharField(label=gettext_lazy("Name"))
    mode = forms.ChoiceField(choices=Group.Mode.choices, label=gettext_lazy("Mode"))
    capacity = forms.IntegerField(label=gettext_lazy("Capacity"))
    least = forms.IntegerField(required=False, label=gettext_lazy("Least"))
    assistant = forms.CharField(required=False, widget=forms.Select, label=gettext_lazy("Assistant"))
    chat_url = forms.CharField(required=False, max_length=verbs.LONGEST_LINK, label=gettext_lazy("Link to the chat"))

    def __init__(self, row, data=None, *, seats, share):
        self.is_new = row._state.adding
        super().__init__(row, data, prefix=NEW if self.is_new else str(row.pk), use_required_attribute=False)
        whose = _("a new group") if self.is_new else row.name
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = _("%(field)s of %(group)s") % {"field": field.label, "group": whose}
            if name in verbs.LIMITS:
                field.widget.attrs |= dict(zip(("min", "max"), verbs.LIMITS[name], strict=True))
        self.fields["assistant"].widget.choices = _choices(seats, row)
        self.fields["chat_url"].widget.attrs |= {"placeholder": "https://…", "inputmode": "url", "autocapitalize": "off"}
        self.fields["least"].widget.attrs["placeholder"] = share  # what the rule of the matrix makes of it
        if self.is_new:
            self.fields["name"].widget.attrs["placeholder"] = _("New group")

    def clean_assistant(self):
        return self.cleaned_data["assistant"] or None

    def check(self, name, value):
        return value if name == "assistant" else verbs.check_group(name, value, self.row.pk)

    @property
    def is_asked_for(self):
        return not self.is_new or bool(self.data.get(self.add_prefix("name"), "").strip())


def _choices(seats, group):
    """Assistants first. A seat that was taken away stays to be seen, and says so."""
    roles = [(Seat.Role(role).label, [(str(seat.pk), str(seat)) for seat in seats if seat.role == role]) for role in WORKS_FIRST]
    found = [("", _("nobody: the owner")), *((label, choices) for label, choices in roles if choices)]
    if group.assistant_id and group.assistant_id not in {seat.pk for seat in seats}:
        found.append((str(group.assistant_id), _("%(name)s (seat taken away)") % {"name": group.assistant}))
    return found


# Pages


@sees("matrix")
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request, pk=None):
    """The matrix that is asked for, else the first one; a POST is its table of groups."""
    matrices = _all()
    chosen = next((matrix for matrix in matrices if matrix.pk == pk), None) if pk else next(iter(matrices), None)
    if pk and chosen is None:
        get_object_or_404(Matrix, pk=pk)
    if request.method == "POST":
        rights.refuse_unless(rights.may_do(request.seat, "matrix"), "matrix")
        if chosen is None:
            return redirect("groups:setup")
        rows = _rows(chosen, _seats(request), request.POST)
        if (saved := _save(request, chosen, rows)) is not None:
            return saved
        return _page(request, matrices, chosen, rows=rows, status=422)
    return _page(request, matrices, chosen)


@does("matrix")
@require_POST
def add(request):
    form = NewMatrixForm(request.POST)
    if form.is_valid():
        try:
            matrix = verbs.add_matrix(form.cleaned_data, by=request.seat)
        except Refused as refusal:
            form.add_error("name", refusal.sentence)
        else:
            messages.success(request, _("The matrix is there. Now its groups."))
            return redirect("groups:setup_of", matrix.pk)
    matrices = _all()
    return _page(request, matrices, next(iter(matrices), None), new=form, status=422)


@does("matrix")
@require_POST
def rules(request, pk):
    matrix = get_object_or_404(Matrix, pk=pk)
    form = MatrixForm(request.tenant, matrix, request.POST)
    if form.is_valid() and (before := form.save(by=request.seat)) is not None:
        words = ngettext("%(n)d thing is saved.", "%(n)d things are saved.", len(before)) % {"n": len(before)}
        _say(request, matrix, words, {"matrix": before}, {"matrix": changes.seen_of(form.row, before)}, bool(before))
        return redirect("groups:setup_of", pk)
    return _page(request, _all(), matrix, form=form, status=422)


@does("matrix")
@require_POST
def weights(request, pk):
    """With `reset` those of the house."""
    matrix = get_object_or_404(Matrix, pk=pk)
    form = WeightsForm(matrix, WEIGHTS if "reset" in request.POST else request.POST)
    if form.is_valid():
        try:
            matrix, before = verbs.change_matrix(matrix, {"weights": form.cleaned_data}, request.tenant, by=request.seat)
        except Refused as refusal:
            form.add_error(refusal.details["field"], refusal.sentence)
        else:
            words, after = _("What counts how much is saved."), {"weights": matrix.weights}
            _say(request, matrix, words, {"matrix": before}, {"matrix": after}, bool(before))
            return redirect("groups:setup_of", pk)
    return _page(request, _all(), matrix, weights=form, status=422)


@sees("matrix")
@require_safe
def dates(request, pk):
    """With other lead days, before they are saved: when the plan would be proposed."""
    matrix = get_object_or_404(Matrix, pk=pk)
    asked = request.GET.get("lead_days", "")
    least, most = verbs.LIMITS["lead_days"]
    days = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 and least <= int(asked) <= most else matrix.lead_days
    return render(request, "groups/setup.html#dates", _calendar(matrix, request.tenant, days))


@does("matrix")
@require_POST
def closing(request, pk):
    group = get_object_or_404(Group, pk=pk)
    try:
        group = verbs.close(group, request.tenant, by=request.seat)
    except Refused as refusal:
        if not request.htmx:
            raise
        return render(request, "groups/setup.html#refused", {"refusal": refusal, "group": group}, status=422)
    words, undo = _("%(group)s is closed.") % {"group": group.name}, reverse("groups:reopening", args=[pk])
    if not request.htmx:
        messages.success(request, words, extra_tags=f"undo={undo}")
        return redirect("groups:setup_of", group.matrix_id)
    response = render(request, "groups/setup.html#closed", {"group": group, "may": True})
    trigger_client_event(response, "toast", {"text": words, "undo": undo})
    return reswap(retarget(response, f"#row-{pk}"), "outerHTML")


@does("matrix")
@require_POST
def reopening(request, pk):
    group = verbs.reopen(get_object_or_404(Group, pk=pk), by=request.seat)
    messages.success(request, _("%(group)s is open again.") % {"group": group.name})
    return redirect("groups:setup_of", group.matrix_id)


@does("matrix")
@require_POST
def undo(request, pk):
    """What a save of this page did, if nothing was changed since."""
    matrix = get_object_or_404(Matrix, pk=pk)
    before, after = changes.to_undo(request)
    if "matrix" in before:
        verbs.change_matrix(matrix, before["matrix"], request.tenant, by=request.seat, seen=after["matrix"])
    elif "groups" not in before:
        raise changes.too_late()
    else:
        wanted, seen = ({as_uuid(group): values for group, values in each["groups"].items()} for each in (before, after))
        verbs.change_groups(matrix, wanted, by=request.seat, seen=seen)
    messages.success(request, _("Taken back."))
    return redirect("groups:setup_of", pk)


# The table


def _all():
    return list(Matrix.objects.order_by(F("is_reshuffled").desc(), "name"))


def _seats(request):
    working = Seat.objects.standing().filter(tenant=request.tenant).exclude(role=Seat.Role.VIEWER)
    return list(working.select_related("user").order_by("name", "id"))


def _rows(matrix, seats, data=None):
    """A form for each open group, and one for a group that is still to be added."""
    groups = list(_groups(matrix).filter(closed_on=None))
    share = sum(group.headcount for group in groups) * matrix.least_percent // (100 * max(len(groups), 1))
    usual = max((group.capacity for group in groups), default=500)
    number = max((group.number or 0 for group in groups), default=0) + 1
    fresh = Group(matrix=matrix, capacity=usual, number=number, name="")
    forms = [GroupForm(group, data, seats=seats, share=share) for group in [*groups, fresh]]
    if data is not None:  # who was closed or added in the meantime has no fields in this answer
        forms = [form for form in forms if form.add_prefix("name") in data]
        bulk = data.get("give_to", "") if "give" in data else None
        picked = set(data.getlist("group")) if bulk is not None else set()
        for form in forms:
            if form.prefix in picked:
                form.data = form.data.copy()
                form.data[form.add_prefix("assistant")] = bulk
    return forms


def _groups(matrix):
    return Group.objects.filter(matrix=matrix).with_headcount().select_related("assistant__user").in_order()


def _save(request, matrix, rows):
    """None where something was refused, which then stands in the table."""
    asked = [row for row in rows if row.is_asked_for]
    are_valid = [row.is_valid() for row in asked]  # each of them, so that all faults are said at once
    if not all(are_valid):
        return None
    wanted = {row.row.pk: row.wanted for row in asked if not row.is_new}
    seen = {row.row.pk: row.was for row in asked if not row.is_new}
    added = next((row.wanted for row in asked if row.is_new), None)
    by_group = {row.prefix: row for row in rows}
    try:
        before = verbs.change_groups(matrix, wanted, by=request.seat, seen=seen, added=added)
    except changes.Overtaken as overtaken:
        for each in [overtaken, *overtaken.also]:
            row = by_group[str(each.row.pk)]
            each.row.headcount = row.row.headcount
            row.overtaken(each)
        return None
    except Refused as refusal:
        row = by_group.get(refusal.details.get("group") or NEW) or rows[-1]
        row.refused(refusal, refusal.details.get("field"))
        return None
    _say_groups(request, matrix, before, added)
    return redirect("groups:setup_of", matrix.pk)


def _say_groups(request, matrix, before, added):
    changed = ngettext("%(n)d group is saved.", "%(n)d groups are saved.", len(before)) % {"n": len(before)}
    new = _("%(group)s is added.") % {"group": added["name"]} if added else ""
    words = " ".join(filter(None, [changed if before else "", new]))
    groups = Group.objects.in_bulk(list(before))
    now = {str(pk): changes.seen_of(groups[pk], held) for pk, held in before.items()}
    _say(request, matrix, words, {"groups": {str(pk): held for pk, held in before.items()}}, {"groups": now}, bool(before))


def _say(request, matrix, words, before, after, changed):
    undo = changes.undo(reverse("groups:setup_undo", args=[matrix.pk]), before, after) if changed else ""
    words = words or _("Nothing was different, so nothing is changed.")
    messages.success(request, words, extra_tags=f"undo={undo}" if undo else "")


# What the page shows


def _page(request, matrices, matrix, *, rows=None, form=None, weights=None, new=None, status=200):
    context = {
        "tabs": tabs.of(request, "groups:setup"),
        "matrices": matrices,
        "matrix": matrix,
        "new": new or NewMatrixForm(),
        "may": rights.may_do(request.seat, "matrix"),
    }
    if matrix:
        context |= _of(request, matrix, rows) | {
            "form": form or MatrixForm(request.tenant, matrix),
            "weights": weights or WeightsForm(matrix),
            "are_usual": matrix.weights == WEIGHTS,
        }
    return render(request, "groups/setup.html", context, status=status)


def _of(request, matrix, rows):
    seats = _seats(request)
    rows = rows if rows is not None else _rows(matrix, seats)
    groups = [row.row for row in rows if not row.is_new]
    people = sum(group.headcount for group in groups)
    room = sum(group.capacity for group in groups)
    standing = {seat.pk for seat in seats}
    return _calendar(matrix, request.tenant, matrix.lead_days) | {
        "rows": rows,
        "wrong": sum(len(row.errors) for row in rows if row.is_bound and row.is_asked_for),
        "groups": groups,
        "closed": list(_groups(matrix).exclude(closed_on=None)),
        "seats": _choices(seats, Group()),
        "people": people,
        "room": room - people,
        "without": sum(1 for group in groups if group.assistant_id is None),
        "left": [group for group in groups if group.assistant_id and group.assistant_id not in standing],
    }


def _calendar(matrix, tenant, lead_days):
    """What the calendar will do by itself, with so many lead days."""
    steps = list(calendar.waiting(matrix))
    for step in steps:
        if step.kind == CalendarStep.Kind.PROPOSE:
            step.due_at = calendar.instant(calendar.proposed_at(step.cohort, lead_days), tenant.zone)
    return {
        "matrix": matrix,
        "steps": sorted(steps, key=lambda step: step.due_at),
        "at_once": now(),
        "is_proposed": bool(steps) and all(step.kind != CalendarStep.Kind.PROPOSE for step in steps),
    }
