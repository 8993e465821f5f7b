"""What is kept of a person beside their fields, written and taken away on their page: notes, consents, modules, the photo."""

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import changes, files
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import people, person_forms, photos, records
from .list_rows import with_all
from .models import Consent, Member, Module, Note
from .person_page import Page, done, refused_part
from .person_undo import digest

# Notes


@does("members")
@require_POST
def notes(request, pk):
    row = get_object_or_404(Member.objects.known(), pk=pk)
    form = person_forms.NoteForm(request.POST, auto_id="new_note_%s")
    if form.is_valid():
        note = records.write_note(row, form.cleaned_data["text"], by=request.seat)
        return done(request, pk, _("The note is written."), {"note_written": str(note.pk)}, {}, focus="notes")
    return refused_part(request, row, "notes", note_form=form)


@does("members")
@require_http_methods(["GET", "HEAD", "POST"])
def note(request, pk):
    found = get_object_or_404(Note.objects.select_related("member"), pk=pk)
    form = person_forms.NoteForm(request.POST if request.method == "POST" else None, initial={"text": found.text}, auto_id=f"note_{pk}_%s")
    form.fields["text"].widget.attrs["autofocus"] = True
    seen = request.POST.get("seen", "").replace("\r\n", "\n") if form.is_bound else found.text
    if form.is_bound and form.is_valid():
        try:
            found, before = records.change_note(found, form.cleaned_data["text"], by=request.seat, seen=seen)
        except Refused as refusal:
            form.add_error("text", refusal.sentence)
            seen = Note.objects.filter(pk=pk).values_list("text", flat=True).first() or ""
        else:
            was, now = {"note": str(pk), "text": before}, {"note_changed": digest(found.text)}
            return done(request, found.member_id, _("The note is saved."), {"note_changed": was}, now, focus="notes")
    context = {"note": found, "member": found.member, "form": form, "seen": seen, "title": _("Note")}
    template = "members/note.html#form" if request.htmx else "members/note.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


@does("members")
@require_POST
def note_drop(request, pk):
    found = get_object_or_404(Note.objects.select_related("member"), pk=pk)
    was = records.drop_note(found, by=request.seat)
    return done(request, found.member_id, _("The note is deleted."), {"note_dropped": was}, {}, focus="notes")


# Consents


@does("members")
@require_POST
def consents(request, pk):
    row = get_object_or_404(Member.objects.known(), pk=pk)
    consent = records.give_consent(row, request.POST.get("to", ""), by=request.seat)
    return done(request, pk, _("The consent is noted."), {"consent_given": str(consent.pk)}, {}, focus=f"consent-{consent.to}")


@does("members")
@require_POST
def consent_withdrawal(request, pk):
    consent = get_object_or_404(Consent.objects.select_related("member"), pk=pk)
    records.withdraw_consent(consent, by=request.seat)
    before = {"consent_withdrawn": [consent.to, consent.source]}
    return done(request, consent.member_id, _("It is noted that the consent was withdrawn."), before, {}, focus=f"consent-{consent.to}")


# Modules


@does("members")
@require_POST
def modules(request, pk):
    row = get_object_or_404(Member.objects.known(), pk=pk)
    form = person_forms.ModuleForm(request.POST, auto_id="module_%s")
    if form.is_valid():
        try:
            module = records.add_module(row, by=request.seat, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(refusal.details.get("field", "skill"), refusal.sentence)
        else:
            return done(request, pk, _("The module is added."), {"module_added": str(module.pk)}, {}, focus="modules")
    return refused_part(request, row, "modules", module_form=form)


@does("members")
@require_POST
def module_drop(request, pk):
    module = get_object_or_404(Module.objects.select_related("member"), pk=pk)
    was = records.drop_module(module, by=request.seat)
    return done(request, module.member_id, _("The module is taken away."), {"module_dropped": was}, {}, focus="modules")


# Photo


@does("members")
@require_POST
def photo(request, pk):
    """A new one, or with `remove` none."""
    row = get_object_or_404(Member.objects.known(), pk=pk)
    try:
        if "remove" in request.POST:
            row, before = photos.wear(row, None, by=request.seat)
            words = _("The photo is taken away.")
        elif "photo" in request.FILES:
            row, before = photos.put(row, request.FILES["photo"], by=request.seat, box=_box(request.POST))
            words = _("The photo is saved.")
        else:
            raise Refused(_("Choose a picture first."), code="no_file", status=400)
    except Refused as refusal:
        found = with_all(Member.objects.all()).get(pk=pk)
        page = Page(request, found)
        page.photo_error = refusal.sentence
        return render(request, "members/member.html", {"page": page, "member": found}, status=422)
    return done(request, pk, words, before and {"photo": before}, {"photo": changes.seen_of(row, before)}, focus="photo")


def _box(said):
    """The square to keep, where somebody chose one: left, top and side as parts of the picture."""
    try:
        box = [float(said[name]) for name in ("left", "top", "side")]
    except (KeyError, ValueError):
        return None
    return box if all(0 <= each <= 1 for each in box) else None


@sees("members")
@require_safe
def photo_file(request, pk, file):
    found = get_object_or_404(Member.objects.select_related("photo").exclude(photo=None), pk=pk, photo=file)
    if "photo" in people.hidden_from(request.seat):
        raise Http404
    return files.answer(found.photo)
