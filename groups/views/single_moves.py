"""One person is moved to another group by themselves: which groups there are, the best first, and asking them into one."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does
from members.models import Member

from .. import single_moves as verbs
from ..models import Group, Move, Reshuffle
from ..names import as_uuid


class MoveForm(forms.Form):
    group = forms.UUIDField(error_messages={"required": gettext_lazy("Choose a group."), "invalid": gettext_lazy("Choose a group.")})
    anyway = forms.BooleanField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@does("matrix")
def moving(request, pk):
    """`?from=` says out of which group, where somebody sits in several matrices."""
    member = get_object_or_404(Member.objects.current(), pk=pk)
    seats = verbs.seats_of(member)
    asked = as_uuid(request.POST.get("from", request.GET.get("from", "")))
    seat = next((seat for seat in seats if seat.group_id == asked), seats[0] if seats else None)
    form = MoveForm(request.POST) if request.method == "POST" else MoveForm()
    refusal = ""
    if form.is_bound and seat and form.is_valid():
        group = get_object_or_404(Group, pk=form.cleaned_data["group"])
        try:
            move, fact = verbs.make(seat, group, request.tenant, by=request.seat, anyway=form.cleaned_data["anyway"])
        except Refused as refused:
            refusal = refused.sentence
        else:
            words = {"name": member.nickname, "group": group.name, "assistant": move.task.assistant}
            sentence = _("%(assistant)s is asked to bring %(name)s into %(group)s.") % words
            messages.success(request, sentence, extra_tags=f"undo={reverse('groups:week_undo', args=[fact.pk])}")
            return redirect("members:member", member.pk)
    elif form.is_bound and form.errors:
        refusal = str(next(iter(form.errors.values()))[0])
    chosen = form["group"].value() if form.is_bound else None
    offers = verbs.offers(seat) if seat else []
    moves = Move.objects.filter(member=member).select_related("to_group")
    context = {
        "member": member, "seat_of_member": seat, "seats": seats, "offers": offers, "refusal": refusal, "chosen": str(chosen or ""),
        "anyway": form.is_bound and form["anyway"].value(),
        "on_the_way": moves.single().filter(state=Move.State.WAITING).first(),
        "planned": moves.filter(reshuffle__state=Reshuffle.State.APPROVED, state__in=verbs.MAY_STAY).first(),
        "holds": any(offer.because and not offer.is_firm for offer in offers),
    }  # fmt: skip
    return render(request, "groups/moving.html", context, status=422 if refusal else 200)
