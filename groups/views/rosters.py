"""Pasted rosters: the box that takes a list, what it says beside what is known, and its booking."""

from django import forms
from django.contrib import messages
from django.db.models import Max, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import replace_url, trigger_client_event

from crm.tenancy import rights
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees
from members.models import Member

from .. import roster_booking, roster_meaning
from .. import rosters as verbs
from ..models import Group, Placement, Reshuffle, Roster, RosterLine
from ..names import as_number, as_uuid

SHOWN = 50  # rows of a list before it is folded
MOST_OPEN = 100  # open names that stand there at once; the others follow
MOST_FOUND = 8
LONGEST_QUESTION = 100
OPEN = [RosterLine.State.DOUBTFUL, RosterLine.State.UNKNOWN]


class PasteForm(forms.Form):
    group = forms.ChoiceField(label=gettext_lazy("Group"), required=False)
    text = forms.CharField(
        label=gettext_lazy("The chat's list of members"),
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Nothing was pasted yet.")},
    )

    def __init__(self, *args, groups, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = [("", _("find it by the names")), *((str(group.pk), group.name) for group in groups)]


@require_http_methods(["GET", "HEAD", "POST"])
@sees("matrix")
def rosters(request):
    """One box for any group's list, and when each group was looked at last."""
    groups = list(
        Group.objects.open().in_order().with_headcount().select_related("matrix").annotate(
            looked_at=Max("rosters__booked_at", filter=Q(rosters__state=Roster.State.BOOKED))
        )
    )  # fmt: skip
    may = rights.may_do(request.seat, "matrix")
    pasted = Roster.objects.filter(state__in=[Roster.State.OPEN, Roster.State.WORKING]).select_related("group")
    form = PasteForm(request.POST if request.method == "POST" else None, initial={"group": request.GET.get("group", "")}, groups=groups)
    if request.method == "POST":
        rights.refuse_unless(may, "matrix")
        if form.is_valid():
            group = next((each for each in groups if str(each.pk) == form.cleaned_data["group"]), None)
            try:
                made = verbs.paste(form.cleaned_data["text"], group, by=request.seat)
            except Refused as refusal:
                form.add_error(refusal.details.get("field"), refusal.sentence)
            else:
                return redirect("groups:roster", made.pk)
    context = {
        "form": form,
        "groups": groups,
        "never": sum(1 for group in groups if group.looked_at is None),
        "open": list(pasted.newest_first()[:12]),
        "running": Reshuffle.objects.filter(state=Reshuffle.State.APPROVED).first(),
        "may": may,
    }
    return render(request, "groups/rosters.html", context, status=422 if form.errors else 200)


@require_safe
@sees("matrix")
def roster(request, pk):
    return page(request, "groups/roster.html", _shown(request, _roster(pk)))


def _roster(pk):
    return get_object_or_404(Roster.objects.select_related("group__matrix", "pasted_by__user", "booked_by__user", "job"), pk=pk)


def _shown(request, found, wanted=None):
    context = {"roster": found, "group": found.group, "may": rights.may_do(request.seat, "matrix"), "shown": SHOWN, "rest": f"{SHOWN}:"}
    if not found.is_open:
        context["kept"] = roster_booking.left_alone(found.counts.get("left_alone", []), found.counts.get("kept"))
        return context
    outcome = roster_meaning.outcome(found)
    lines = list(found.lines.filter(state__in=OPEN).order_by("state", "number")[: MOST_OPEN + 1])
    counts = dict.fromkeys(RosterLine.State.values, 0)
    for state in found.lines.exclude(state=RosterLine.State.KNOWN).values_list("state", flat=True):
        counts[state] += 1
    wanted = wanted or request.GET.get("line", "")
    at = next((n for n, line in enumerate(lines) if str(line.pk) == str(wanted)), 0)
    return context | {
        "outcome": outcome,
        "questions": roster_meaning.questions(found, outcome),
        "lines": lines[:MOST_OPEN],
        "more": max(sum(counts[state] for state in OPEN) - MOST_OPEN, 0),
        "counts": counts,
        "sole": len(verbs.sole(found)) if counts["doubtful"] else 0,
        "line": lines[at] if lines else None,
        "next": lines[at + 1] if at + 1 < len(lines) else None,
        "previous": lines[at - 1] if at else None,
        "people": _people(request, lines[at], outcome) if lines else [],
        "words": request.GET.get("q", "")[:LONGEST_QUESTION].strip(),
        "decided": list(found.lines.exclude(decided_by=None).select_related("member").order_by("number")[:SHOWN]),
        "lists": _lists(outcome),
    }


def _people(request, line, outcome):
    """Who may be meant, the likeliest first: the candidates, or whom a search finds. With where they sit."""
    words = request.GET.get("q", "")[:LONGEST_QUESTION].strip()
    if words:
        found = list(Member.objects.current().matching(words).by_name()[:MOST_FOUND])
    else:
        known = Member.objects.known().in_bulk(line.candidates)
        found = [known[pk] for pk in line.candidates if pk in known]
    seats = Placement.objects.open().filter(member__in=found).select_related("group").order_by("-matrix__is_reshuffled")
    sits = {}
    for seat in seats:
        sits.setdefault(seat.member_id, seat.group)
    return [{"member": member, "group": sits.get(member.pk), "key": n} for n, member in enumerate(found, start=1)]


def _lists(outcome):
    """[(code, heading, note, rows)], what touches somebody first."""
    found = [
        ("joined", _("Have come by their move"), _("booked as joined"), outcome.joined),
        ("moved", _("Sit in another group by what is known"), _("booked into this one"), outcome.moved),
        ("seated", _("Sat in no group of this matrix"), _("booked into this one"), outcome.seated),
        ("arriving", _("Wait for their introduction"), _("nothing is booked; it seats them"), outcome.arriving),
        ("wrong", _("Should not be there"), _("nothing is booked; somebody takes them out of the chat"), outcome.wrong),
        ("missing", _("Missing: should sit here"), _("not in the list"), outcome.missing),
        ("awaited", _("On their way here"), _("asked or to be asked, not there yet"), outcome.awaited),
    ]
    return [{"code": code, "heading": heading, "note": note, "rows": rows} for code, heading, note, rows in found if rows]


# Settling


def _line(pk, line):
    return get_object_or_404(RosterLine, pk=line, roster=pk)


@require_POST
@does("matrix")
def line(request, pk, line):
    """One name settled: `member` says who it is, `act` that they are new, a newcomer or nobody of ours. The next one comes by itself."""
    found, act = _line(pk, line), request.POST.get("act", "")
    after = _following(pk, found)

    def do():
        if act == "new":
            verbs.add_member(found, by=request.seat)
            return _("%(name)s is a member now.") % {"name": found.text}
        if act == "arrival":
            verbs.add_arrival(found, by=request.seat)
            return _("%(name)s waits for an evening now; the introduction seats them.") % {"name": found.text}
        if act == "pass":
            verbs.pass_over(found, by=request.seat)
            return _("Passed over, and in the next list of this group as well.")
        done = verbs.settle(found, as_uuid(request.POST.get("member", "")), by=request.seat)
        return _("Settled: %(name)s.") % {"name": done.member.nickname}

    return _decided(request, pk, do, after, reverse("groups:roster_line_reopening", args=[pk, line]))


def _following(pk, line):
    ids = list(RosterLine.objects.filter(roster=pk, state__in=OPEN).order_by("state", "number").values_list("pk", flat=True)[:MOST_OPEN])
    at = ids.index(line.pk) if line.pk in ids else len(ids)
    return next(iter(ids[at + 1 :]), None)


@require_POST
@does("matrix")
def line_reopening(request, pk, line):
    found = _line(pk, line)

    def do():
        verbs.reopen(found, by=request.seat)
        return _("This name is open again.")

    return _decided(request, pk, do, line, "")


@require_POST
@does("matrix")
def sole(request, pk):
    found = _roster(pk)
    said = as_number(request.POST.get("number", ""), 0)

    def do():
        number = verbs.settle_sole(found, said, by=request.seat)
        return ngettext("%(n)s name is settled.", "%(n)s names are settled.", number) % {"n": f"{number:,}"}

    return _decided(request, pk, do, None, "")


def _decided(request, pk, do, following, undo):
    kind = "good"
    try:
        words = do()
    except Refused as refusal:
        if refusal.status == 400:
            raise
        kind, words, undo = "warn", str(refusal.sentence), ""
    way = reverse("groups:roster", args=[pk]) + (f"?line={following}" if following else "")
    if not request.htmx:
        (messages.success if kind == "good" else messages.warning)(request, words, extra_tags=f"undo={undo}" if undo else "")
        return redirect(way)
    response = render(request, "groups/roster.html#answer", _shown(request, _roster(pk), following))
    trigger_client_event(response, "toast", {"text": words, "undo": undo, "kind": kind})
    return replace_url(response, way)


# Booking


@require_POST
@does("matrix")
def booking(request, pk):
    found, ends = _roster(pk), request.POST.get("ends") == "1"
    expected = request.POST.get("expected_with_ends" if ends else "expected", "")
    try:
        job = roster_booking.book(
            found, by=request.seat, expected=as_number(expected, -1) if expected else None,
            ends=ends, asks_out=request.POST.get("asks_out") == "1", sure=request.POST.get("sure") == "1",
        )  # fmt: skip
    except Refused as refusal:
        messages.warning(request, refusal.sentence)
        return redirect("groups:roster", pk)
    if not job:
        found.refresh_from_db()
        many = sum(found.counts[name] for name in ("joined", "moved", "seated", "ended"))
        words = ngettext("%(n)s person is booked.", "%(n)s people are booked.", many) % {"n": f"{many:,}"}
        words = words if many else _("Booked: everybody sits where the list says, nothing had to be changed.")
        messages.success(request, words, extra_tags=f"undo={reverse('groups:roster_undo', args=[pk])}" if many else "")
    return redirect("groups:roster", pk)


@require_POST
@does("matrix")
def undo(request, pk):
    job, kept = roster_booking.undo(_roster(pk), by=request.seat)
    if kept:
        messages.warning(request, " ".join([_("Taken back, but not all of it."), roster_booking.left_alone(kept)]))
    elif not job:
        messages.success(request, _("All of it is taken back."))
    return redirect("groups:roster", pk)


@require_POST
@does("matrix")
def dropping(request, pk):
    found = _roster(pk)
    verbs.drop(found, by=request.seat)
    messages.success(request, _("The list is set aside; no name of it is kept."))
    return redirect(f"{reverse('groups:rosters')}?group={found.group_id}")
