"""Who would not come along keeps their group, and somebody else of it goes instead: the proposal, and doing it."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does

from .. import swaps as verbs
from ..models import Move, Reshuffle
from ..names import as_uuid

ALL, REFUSED = "all", "refused"


@require_http_methods(["GET", "HEAD", "POST"])
@does("matrix")
def swaps(request, pk):
    """The one whose move the address names, all who said no, or all who do not come along."""
    found = get_object_or_404(Reshuffle.objects.select_related("matrix", "cohort"), pk=pk)
    if request.method == "POST":
        chosen = _chosen(request.POST)
        try:
            fact = verbs.keep(found, chosen, request.tenant, by=request.seat)
        except Refused as refusal:
            if found.state != Reshuffle.State.APPROVED:
                raise
            return _proposal(request, found, list(chosen), refusal=refusal)
        _say(request, fact)
        return redirect(f"{reverse('groups:reshuffle', args=[pk])}#stragglers")
    if found.state != Reshuffle.State.APPROVED:
        return redirect("groups:reshuffle", pk)
    return _proposal(request, found, _asked(request.GET, found))


def _asked(asked, found):
    moves = Move.objects.filter(reshuffle=found)
    if asked.get("who") == REFUSED:
        moves = moves.filter(state=Move.State.REFUSED)
    elif asked.get("who") == ALL:
        moves = moves.filter(state__in=verbs.STRAGGLE)
    else:
        return [get_object_or_404(moves, pk=as_uuid(asked.get("move", ""))).pk]
    return list(moves.in_order().values_list("pk", flat=True))


def _chosen(said):
    """{move's id: who goes instead}; a row that is not to be settled now is left out."""
    found = {}
    for n in range(verbs.MOST + 1):
        if f"form-{n}-move" not in said:
            break
        move, who = as_uuid(said[f"form-{n}-move"]), said.get(f"form-{n}-instead", verbs.BEST)
        if move and who in (verbs.BEST, verbs.NOBODY):
            found[str(move)] = who
        elif move and (person := as_uuid(who)):
            found[str(move)] = str(person)
    return found


def _proposal(request, found, moves, refusal=None):
    rows = verbs.proposal(found, moves)
    fitting = [row for row in rows if not row.refusal]
    context = {
        "reshuffle": found, "matrix": found.matrix, "cohort": found.cohort, "rows": fitting, "left": [row for row in rows if row.refusal],
        "refusal": refusal, "more": max(len(moves) - verbs.AT_ONCE, 0), "goes": sum(1 for row in fitting if row.chosen),
    }  # fmt: skip
    return render(request, "groups/swaps.html", context, status=422 if refusal else 200)


def _say(request, fact):
    many, others = fact.after["moves"], fact.after["swaps"]
    words = ngettext("%(n)s person keeps their group", "%(n)s people keep their group", many) % {"n": f"{many:,}"}
    if others:
        more = ngettext("%(n)s other goes instead", "%(n)s others go instead", others) % {"n": f"{others:,}"}
        words = _("%(one)s; %(other)s") % {"one": words, "other": more}
    messages.success(request, words, extra_tags=f"undo={reverse('groups:week_undo', args=[fact.pk])}")
