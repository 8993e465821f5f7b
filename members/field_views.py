"""The tenant's own fields among the settings."""

import json

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import changes, rights, tabs
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import custom, own_fields
from .models import CustomField

tabs.tab("words:fields", gettext_lazy("Fields"), icon="list", place=18, area="members")

LONGEST_SEEN = 20_000
EXAMPLES = {
    CustomField.Kind.TEXT: gettext_lazy("any words"),
    CustomField.Kind.NUMBER: gettext_lazy("1,200 or 12.5"),
    CustomField.Kind.DATE: gettext_lazy("2026-11-24, in whatever form it is written"),
    CustomField.Kind.CHOICE: gettext_lazy("one out of a list"),
    CustomField.Kind.CHOICES: gettext_lazy("as many out of a list as fit"),
}


@sees("members")
@require_safe
def fields(request):
    return _page(request)


@sees("members")
@require_http_methods(["GET", "HEAD", "POST"])
def field(request, pk):
    """One field beside the list; a POST changes it."""
    chosen = get_object_or_404(CustomField, pk=pk)
    if request.method != "POST":
        return _page(request, chosen)
    rights.refuse_unless(rights.may_do(request.seat, "members"), "members")
    seen = _seen(request)
    try:
        chosen, before = own_fields.change(chosen, _wanted(request, seen), by=request.seat, seen=seen)
    except Refused as refusal:
        return _page(request, chosen, refused=refusal, typed=request.POST, status=422)
    if not before:
        messages.success(request, _("Nothing was different, so nothing is changed."))
        return redirect("words:fields")
    _say(request, chosen, _("“%(field)s” is changed.") % {"field": chosen.name}, before)
    return redirect("words:fields")


@does("members")
@require_POST
def add(request):
    values = {"name": request.POST.get("name", ""), "kind": request.POST.get("kind", ""), "is_asked": "is_asked" in request.POST}
    if values["kind"] in custom.WITH_CHOICES:
        values["choices"] = request.POST.get("choices", "").splitlines()
    try:
        added = own_fields.add(values, by=request.seat)
    except Refused as refusal:
        return _page(request, refused=refusal, typed=request.POST, status=422)
    messages.success(request, _("“%(field)s” is asked of every member now.") % {"field": added.name})
    return redirect("words:fields")


@does("members")
@require_POST
def order(request):
    """`move` is a field and where to: up or down."""
    pk, _colon, way = request.POST.get("move", "").partition(":")
    ids = [str(each.pk) for each in custom.fields()]
    if pk in ids:
        at = ids.index(pk)
        to = max(0, at - 1) if way == "up" else min(len(ids) - 1, at + 1)
        ids.insert(to, ids.pop(at))
        own_fields.order(ids, by=request.seat)
    return redirect("words:fields")


@does("members")
@require_POST
def undo(request, pk):
    """What the last change of this field did."""
    chosen = get_object_or_404(CustomField, pk=pk)
    before, after = changes.to_undo(request)
    own_fields.change(chosen, before, by=request.seat, seen=after)
    messages.success(request, _("Taken back."))
    return redirect("words:fields")


@does("members")
@require_POST
def retirement(request, pk):
    retired = own_fields.retire(get_object_or_404(CustomField, pk=pk), by=request.seat)
    said = _("“%(field)s” is retired; what members hold in it is kept.") % {"field": retired.name}
    messages.success(request, said, extra_tags=f"undo={reverse('words:field_return', args=[pk])}")
    return redirect("words:fields")


@does("members")
@require_POST
def returning(request, pk):
    back = own_fields.bring_back(get_object_or_404(CustomField, pk=pk), by=request.seat)
    messages.success(request, _("“%(field)s” is in use again.") % {"field": back.name})
    return redirect("words:fields")


def _wanted(request, seen):
    """Choices stand in inputs of their own: one that was rewritten is renamed, one that was emptied goes, and new ones follow."""
    wanted, renamed = {"name": request.POST.get("name", ""), "is_asked": "is_asked" in request.POST}, {}
    if "choice" in request.POST:
        rewritten = [" ".join(text.split()) for text in request.POST.getlist("choice")]
        was = (seen or {}).get("choices", [])
        renamed = {old: new for old, new in zip(was, rewritten, strict=False) if new and new != old}
        wanted["choices"] = [new for new in rewritten if new] + request.POST.get("more", "").splitlines()
    elif request.POST.get("more", "").strip():
        wanted["choices"] = request.POST["more"].splitlines()
    if kind := request.POST.get("kind"):  # of a field in which nobody holds anything
        wanted["kind"] = kind
        if kind not in custom.WITH_CHOICES:  # those of before go with their kind; what was typed beside it is not lost in silence
            wanted["choices"], renamed = list(filter(str.strip, request.POST.get("more", "").splitlines())), {}
    return wanted | ({"renamed": renamed} if renamed else {})


def _seen(request):
    try:
        found = json.loads(request.POST.get("seen", "")[:LONGEST_SEEN] or "null")
    except ValueError:
        return None
    is_whole = (
        isinstance(found, dict) and isinstance(found.get("choices"), list) and all(isinstance(each, str) for each in found["choices"])
    )
    if not is_whole:
        return None
    said = {name: str(found.get(name, "")) for name in ("name", "kind")}
    return said | {"choices": found["choices"], "is_asked": found.get("is_asked") is True}


def _as_seen(field):
    return {name: getattr(field, name) for name in own_fields.SEEN}


def _say(request, chosen, sentence, before):
    now = _as_seen(chosen)
    undo_url = changes.undo(reverse("words:field_undo", args=[chosen.pk]), before, now)
    messages.success(request, sentence, extra_tags=f"undo={undo_url}" if undo_url else "")


def _page(request, chosen=None, *, refused=None, typed=None, status=200):
    in_use, held = custom.fields(), own_fields.held()
    held_choices = own_fields.held_choices([chosen])[chosen.pk] if chosen and chosen.choices else {}
    is_new = refused is not None and chosen is None
    context = {
        "tabs": tabs.of(request, "words:fields"),
        "may": rights.may_do(request.seat, "members"),
        "rows": [{"field": each, "members": held.get(str(each.pk), 0)} for each in in_use],
        "retired": [{"field": each, "members": held.get(str(each.pk), 0)} for each in own_fields.retired()],
        "left": own_fields.MOST - len(in_use),
        "most": own_fields.MOST,
        "filled": len([each for each in in_use if held.get(str(each.pk))]),
        "kinds": [{"value": kind, "label": label, "example": EXAMPLES[kind]} for kind, label in CustomField.Kind.choices],
        "refused": refused,
        "typed": typed,
        "new": typed if is_new else None,
        "longest": custom.LONGEST_NAME,
        "longest_choice": custom.LONGEST_CHOICE,
    }
    if chosen:
        choices = typed.getlist("choice") if typed is not None and "choice" in typed else chosen.choices
        context |= {
            "chosen": chosen,
            "members": held.get(str(chosen.pk), 0),
            "choices": [
                {"text": text, "was": was, "members": held_choices.get(was, 0)}
                for text, was in zip(choices, [*chosen.choices, *[""] * len(choices)], strict=False)
            ],
            "is_asked": "is_asked" in typed if typed is not None else chosen.is_asked,
            "has_choices": chosen.kind in custom.WITH_CHOICES,
            "kind": (typed and typed.get("kind")) or chosen.kind,
            "seen": json.dumps(_as_seen(chosen), ensure_ascii=False),
        }
    return render(request, "members/fields.html", context, status=status)
