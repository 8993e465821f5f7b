"""The queue of pairs that may be one person: side by side, one key each, the next one comes by itself."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import replace_url, trigger_client_event

from crm.tenancy import changes
from crm.tenancy.counting import counts
from crm.tenancy.pages import SIZE, Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import merging, resemblance, twins
from .beside import Beside
from .models import Member, Merge, Twin

AT_ONCE = 20_000  # members; more are looked through by a worker
LATELY = 8


@sees("members")
@require_safe
def queue(request):
    return page(request, "members/twins.html", _shown(request, _id(request.GET.get("pair")), request.GET.get("page")))


def _id(text):
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def _shown(request, pk=None, number=None):
    """The pair that is asked for, else the first of the page that is; and the rows of the list around it."""
    ids = list(twins.waiting().values_list("pk", flat=True))
    at = ids.index(pk) if pk in ids else Cut(len(ids), number).start
    cut = Cut(len(ids), at // SIZE + 1)
    rows = twins.waiting().filter(pk__in=cut.of(ids)).select_related("one", "other")
    rows = [{"pair": pair, "signs": [resemblance.SAID.get(code, code) for code in pair.because]} for pair in rows]
    pair = next((row["pair"] for row in rows if row["pair"].pk == ids[at]), None) if ids else None
    return {
        "rows": rows,
        "pair": pair,
        "cut": cut,
        "number": at + 1,
        "previous": ids[at - 1] if at else None,
        "next": ids[at + 1] if at + 1 < len(ids) else None,
        "beside": Beside(pair, request.seat) if pair else None,
        "alike": twins.alike(pair).count() if pair else 0,
        "counts": counts(
            waiting=twins.waiting(),
            later=twins.waiting().filter(state=Twin.State.LATER),
            merged=Merge.objects.filter(undone_at=None),
            apart=Twin.objects.filter(state=Twin.State.APART),
            people=Member.objects.known(),
        ),
        "lately": _lately(),
        "because": merging.BECAUSE,
    }


def _lately():
    newest = Merge.objects.filter(undone_at=None).select_related("kept", "gone", "by__user").order_by("-id")[:LATELY]
    can = set(merging.can_be_taken_back(Merge.objects.filter(pk__in=[each.pk for each in newest])).values_list("pk", flat=True))
    return [{"merge": each, "can": each.pk in can, "why": merging.BECAUSE.get(each.because, each.because)} for each in newest]


# Deciding


@require_POST
@does("members")
def merge(request, pk):
    pair = get_object_or_404(Twin, pk=pk)

    def act():
        _refuse_stale(request, pair)
        made = twins.merge(pair, _id(request.POST.get("keep")), by=request.seat)
        words = _("Merged: %(name)s is one person now.") % {"name": Member.objects.get(pk=made.kept_id).nickname}
        return words, reverse("members:merge_undo", args=[made.pk])

    return _decided(request, pk, act)


@require_POST
@does("members")
def apart(request, pk):
    pair = get_object_or_404(Twin, pk=pk)

    def act():
        twins.apart(pair, by=request.seat)
        words = _("%(one)s and %(other)s are not the same person.") % {"one": pair.one.nickname, "other": pair.other.nickname}
        return words, reverse("members:twin_reopen", args=[pk])

    return _decided(request, pk, act)


@require_POST
@does("members")
def later(request, pk):
    pair = get_object_or_404(Twin, pk=pk)

    def act():
        twins.later(pair, by=request.seat)
        return _("Put off. It comes again at the end of the list."), reverse("members:twin_reopen", args=[pk])

    return _decided(request, pk, act)


@require_POST
@does("members")
def merge_alike(request, pk):
    pair = get_object_or_404(Twin, pk=pk)

    def act():
        said = request.POST.get("number", "")
        done = twins.merge_alike(pair, int(said) if said.isascii() and said.isdigit() else 0, by=request.seat)
        words = ngettext("%(n)s pair is merged.", "%(n)s pairs are merged.", len(done)) % {"n": f"{len(done):,}"}
        return words, changes.undo(reverse("members:merges_undo"), {"merges": [str(each.pk) for each in done]}, {})

    return _decided(request, pk, act)


def _refuse_stale(request, pair):
    seen = request.POST.get("seen", "")
    if seen and twins.waiting().filter(pk=pair.pk).exists() and seen != Beside(pair, request.seat).seen:
        raise Refused(_("Something of these two was changed since you opened the page. Look again."), code="changed_meanwhile")


def _decided(request, pk, act):
    """The next pair comes by itself. What was refused is said, and the list is shown as it is now."""
    ids = list(twins.waiting().values_list("pk", flat=True))
    kind, undo, following = "good", "", pk
    try:
        words, undo = act()
        at = ids.index(pk) if pk in ids else 0
        still = set(twins.waiting().values_list("pk", flat=True)) - {pk}
        following = next((each for each in [*ids[at + 1 :], *ids[:at]] if each in still), None)
    except Refused as refusal:
        if refusal.status == 400:
            raise
        kind, words = "warn", str(refusal.sentence)
    way = reverse("members:twins") + (f"?pair={following}" if following else "")
    if not request.htmx:
        (messages.success if kind == "good" else messages.warning)(request, words, extra_tags=f"undo={undo}" if undo else "")
        return redirect(way)
    response = render(request, "members/twins.html#answer", _shown(request, following))
    trigger_client_event(response, "toast", {"text": words, "undo": undo, "kind": kind})
    return replace_url(response, way)


# Back again


@require_POST
@does("members")
def reopen(request, pk):
    pair = twins.reopen(get_object_or_404(Twin, pk=pk), by=request.seat)
    messages.success(request, _("The pair waits to be decided again."))
    return redirect(f"{reverse('members:twins')}?pair={pair.pk}")


@require_POST
@does("members")
def merge_undo(request, pk):
    stays = merging.take_back(get_object_or_404(Merge, pk=pk), by=request.seat)
    messages.success(request, " ".join(filter(None, [_("The two are two again."), merging.what_stays(stays)])))
    way = request.POST.get("next", "")
    if way and url_has_allowed_host_and_scheme(way, allowed_hosts=None):
        return redirect(way)
    return redirect("members:twins")


@require_POST
@does("members")
def merges_undo(request):
    """What «merge all that are alike» did, the last one first."""
    before, _after = changes.to_undo(request)
    merges = Merge.objects.filter(pk__in=before.get("merges", []), undone_at=None).order_by("-id")
    stays = {}
    for each in merges:
        stays |= merging.take_back(each, by=request.seat)
    messages.success(request, " ".join(filter(None, [_("All of it is taken back."), merging.what_stays(stays)])))
    return redirect("members:twins")


@require_POST
@does("members")
def look(request):
    """Among few at once, else by a worker."""
    if Member.objects.known().count() > AT_ONCE:
        twins.ask_to_look(by=request.seat)
        messages.success(request, _("A worker looks through everybody now; what it finds stands here in a minute."))
        return redirect("members:twins")
    done = twins.write(resemblance.compare(resemblance.read()), by=request.seat)
    found, certain = done["new"], done["merged"]
    new = ngettext("%(n)s new pair was found.", "%(n)s new pairs were found.", found) % {"n": f"{found:,}"}
    merged = ngettext("%(n)s was certain and is merged.", "%(n)s were certain and are merged.", certain) % {"n": f"{certain:,}"}
    messages.success(request, f"{new} {merged}" if certain else new)
    return redirect("members:twins")


# On the page of a person


@sees("members")
@require_safe
def merged_panel(request, pk):
    """The rows that became part of this person, each with its way back; nothing where there are none."""
    member = get_object_or_404(Member, pk=pk)
    found = Merge.objects.filter(kept=member, undone_at=None).select_related("gone", "by__user").order_by("-id")
    if not found:
        return HttpResponse("")
    can = set(merging.can_be_taken_back(found).values_list("pk", flat=True))
    rows = [{"merge": each, "can": each.pk in can, "why": merging.BECAUSE.get(each.because, each.because)} for each in found]
    return render(request, "members/twins.html#merged", {"lately": rows, "member": member})
