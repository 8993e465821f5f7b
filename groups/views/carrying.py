"""While a reshuffle is carried out: who is where on the way, and the acts that mend it."""

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import rights
from crm.tenancy.models import Event, Seat
from crm.tenancy.pages import Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees
from crm.tenancy.templatetags.qx import day as as_day

from .. import carrying, handovers
from .. import rolling_back as rolling
from ..joining import join
from ..models import Group, Move, Reshuffle
from ..names import as_number, as_uuid

STAYS = "stays"


def _reshuffle(pk):
    return get_object_or_404(Reshuffle.objects.select_related("matrix", "cohort"), pk=pk)


def _say(request, words, kind):
    """With the button that takes back the newest fact of this kind."""
    fact = Event.objects.filter(kind=kind, seat=request.seat).newest_first().first()
    messages.success(request, words, extra_tags=f"undo={reverse('groups:week_undo', args=[fact.pk])}" if fact else "")


# Who is where


@require_safe
@sees("matrix")
def moves(request, pk):
    """Every move, best first; of one new group or one state, where the address says so."""
    found = _reshuffle(pk)
    rows = Move.objects.filter(reshuffle=found)
    group, state = as_uuid(request.GET.get("group", "")), request.GET.get("state", "")
    if group:
        rows = rows.filter(to_group=group)
    counts = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    counts[STAYS] = counts.get(Move.State.REFUSED, 0) + counts.get(Move.State.UNREACHABLE, 0)
    if state == STAYS:
        rows = rows.filter(state__in=[Move.State.REFUSED, Move.State.UNREACHABLE])
    elif state in Move.State.values:
        rows = rows.filter(state=state)
    else:
        state = ""
    counts.setdefault(Move.State.KEPT, 0)
    total = counts[state] if state in counts else 0 if state else sum(n for name, n in counts.items() if name != STAYS)
    cut = Cut(total, request.GET.get("page"))
    ids = list(cut.of(rows.in_order().values_list("pk", flat=True)))  # to sort all of them with all that is shown is slow
    shown = Move.objects.filter(pk__in=ids).in_order()
    shown = shown.select_related("member", "from_group", "to_group", "task__assistant__user", "wave__assistant__user")
    context = {
        "reshuffle": found,
        "matrix": found.matrix,
        "cohort": found.cohort,
        "moves": list(shown),
        "cut": cut,
        "state": state,
        "tabs": [(code, label, counts.get(code, 0)) for code, label in _states()],
        "all": sum(n for name, n in counts.items() if name != STAYS),
        "group": Group.objects.filter(pk=group).first() if group else None,
        "may": rights.may_do(request.seat, "matrix") and found.state == Reshuffle.State.APPROVED,
    }
    return page(request, "groups/moves.html", context)


def _states():
    return [
        (Move.State.WAITING, _("not asked yet")),
        (Move.State.ASKED, _("asked")),
        (Move.State.JOINED, _("joined")),
        (STAYS, _("not possible")),
        (Move.State.KEPT, _("keep the old group")),
    ]


@require_POST
@does("matrix")
def joining(request, pk):
    move = get_object_or_404(Move.objects.select_related("member", "reshuffle", "to_group"), pk=pk)
    join(move, by=request.seat)
    words = {"name": move.member.nickname, "group": move.to_group.name}
    _say(request, _("%(name)s is in %(group)s.") % words, "move.joined")
    way = request.POST.get("next", "")
    return redirect(way if url_has_allowed_host_and_scheme(way, None) else reverse("groups:moves", args=[move.reshuffle_id]))


# Stopping and going on


@require_POST
@does("matrix")
def pausing(request, pk):
    carrying.pause(_reshuffle(pk), by=request.seat)
    messages.success(request, _("Inviting is paused. What was handed out can still be done."))
    return redirect("groups:reshuffle", pk)


@require_POST
@does("matrix")
def resuming(request, pk):
    carrying.go_on(_reshuffle(pk), request.tenant, by=request.seat)
    messages.success(request, _("Inviting goes on, a wave a day from today."))
    return redirect("groups:reshuffle", pk)


# Passing on


class PassForm(forms.Form):
    give_to = forms.ChoiceField(label=gettext_lazy("To whom"))
    number = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=carrying.AT_MOST)

    def __init__(self, *args, seats, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["give_to"].choices = [(str(seat.pk), str(seat)) for seat in seats]


@require_http_methods(["GET", "HEAD", "POST"])
@does("matrix")
def passing(request, pk):
    """Some of one's moves become another's; the page says who has how much and when the other one is through."""
    found = _reshuffle(pk)
    whose = get_object_or_404(Seat, tenant=request.tenant, pk=as_uuid(request.POST.get("whose", request.GET.get("whose", ""))))
    loads = {seat: minutes for seat, minutes in handovers.loads(request.tenant).items() if seat.pk != whose.pk}
    form = PassForm(request.POST if request.method == "POST" else None, seats=loads)
    later, handed = carrying.passable(found, whose.pk)
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["number"]
        try:
            day = carrying.pass_on(found, whose.pk, form.cleaned_data["give_to"], number, request.tenant, by=request.seat)
        except Refused as refusal:
            form.add_error(refusal.details.get("field"), refusal.sentence)
        else:
            words = ngettext(
                "%(n)s move is passed on; it is due %(day)s.", "%(n)s moves are passed on; the last ones are due %(day)s.", number
            )
            _say(request, words % {"n": f"{number:,}", "day": as_day(day)}, "moves.passed_on")
            return redirect(f"{reverse('groups:reshuffle', args=[pk])}#hands")
    context = {
        "reshuffle": found, "matrix": found.matrix, "cohort": found.cohort, "whose": whose, "form": form,
        "later": later.count(), "handed": handed.count(), "loads": list(loads.items()), "per_day": request.tenant.tasks_a_day,
    }  # fmt: skip
    return render(request, "groups/passing.html", context, status=422 if form.errors else 200)


# Asking again, seating who came late


@require_POST
@does("matrix")
def asking(request, pk):
    """One straggler, or with `all` those who just did not answer; `number` is how many the asker was told."""
    found = _reshuffle(pk)
    if request.POST.get("all") == "1":
        chosen = list(carrying.to_ask_again(found).values_list("pk", flat=True))
        if request.POST.get("number", "") != str(len(chosen)):
            raise Refused(_("There are %(now)s such people now. Look again.") % {"now": len(chosen)}, code="changed_meanwhile")
    else:
        chosen = [get_object_or_404(Move, pk=as_uuid(request.POST.get("move", "")), reshuffle=found).pk]
    owner = Seat.objects.standing().filter(tenant=request.tenant).owner_first().first() if request.POST.get("owner") == "1" else None
    fact = carrying.ask_again(chosen, request.tenant, by=request.seat, to=owner)
    number = fact.after["moves"]
    words = ngettext("%(n)s person is asked again.", "%(n)s people are asked again.", number) % {"n": f"{number:,}"}
    messages.success(request, words, extra_tags=f"undo={reverse('groups:week_undo', args=[fact.pk])}")
    return redirect(f"{reverse('groups:reshuffle', args=[pk])}#stragglers")


@require_POST
@does("matrix")
def late(request, pk):
    fact = carrying.seat_late(_reshuffle(pk), as_number(request.POST.get("number", ""), 0), request.tenant, by=request.seat)
    words = ngettext("%(n)s person is seated.", "%(n)s people are seated.", fact.after["people"]) % {"n": f"{fact.after['people']:,}"}
    messages.success(request, words, extra_tags=f"undo={reverse('groups:week_undo', args=[fact.pk])}")
    return redirect("groups:reshuffle", pk)


# Taking the half-year back


@require_http_methods(["GET", "HEAD", "POST"])
@does("approval")
def rolling_back(request, pk):
    """Asked about with its numbers first; only the owner does it."""
    found = _reshuffle(pk)
    if request.method == "POST":
        fact = rolling.roll_back(found, as_number(request.POST.get("number", ""), -1), request.tenant, by=request.seat)
        words = ngettext(
            "Taken back: %(people)s people sit where they sat, and there is %(n)s task for what was done by hand.",
            "Taken back: %(people)s people sit where they sat, and there are %(n)s tasks for what was done by hand.",
            fact.after["by_hand"],
        )
        messages.success(request, words % {"people": f"{fact.after['people']:,}", "n": f"{fact.after['by_hand']:,}"})
        return redirect("groups:reshuffle", pk)
    if not rolling.can_be(found):
        return redirect("groups:reshuffle", pk)
    context = {"reshuffle": found, "matrix": found.matrix, "cohort": found.cohort, "figures": rolling.figures(found)}
    return render(request, "groups/rolling_back.html", context)
