"""The page of a person: who they are, what happened, and every part of it changed in place."""

import hashlib

from django.contrib import messages
from django.db.models import Sum
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from crm.tenancy import changes, files, rights
from crm.tenancy.counting import counts
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import custom, merging, panels, people, person_forms, photos, records, twins
from .lists import SOON, MemberList, Row, with_all
from .models import Consent, Handle, Member, Module, Note, Twin
from .on_person import GIVEN
from .timeline import Timeline

FROM_LIST = "in"  # in the address: the list that one came from, whose question stands beside it
MOST_WALKED = 10_000
MOST_BROUGHT = 12


# The page


@sees("members")
@require_safe
def member(request, pk):
    found = get_object_or_404(with_all(Member.objects.all()), pk=pk)
    if found.standing == Member.Standing.MERGED:
        return redirect("members:member", merging.root_of(found).pk)
    return render(request, "members/member.html", {"page": Page(request, found), "member": found})


class Page:
    """What stands on it, each part read when it is drawn."""

    def __init__(self, request, member, *, focus=""):
        self.request, self.member, self.seat, self.focus = request, member, request.seat, focus
        self.today = timezone.localdate()
        self.hidden = people.hidden_from(request.seat)
        self.may = rights.may_do(request.seat, "members") and not self.is_erased

    @property
    def is_erased(self):
        return self.member.standing == Member.Standing.ERASED

    @cached_property
    def row(self):
        return Row(self.member, hidden=self.hidden)

    @cached_property
    def handles(self):
        found = people.without(self.hidden, self.member.handles.order_by("platform", "id"))
        order = {platform: place for place, platform in enumerate(Handle.Platform.values)}
        return [
            {"handle": each, "label": people.platform_name(each.platform), "icon": ICONS.get(each.platform, "id-badge-2")}
            for each in sorted(found, key=lambda each: order.get(each.platform, 9))
        ]

    @property
    def hides_handles(self):
        return bool({"phone", "wechat", "email", "handles"} & self.hidden)

    @property
    def photo(self):
        return None if "photo" in self.hidden else self.member.photo_id

    # Figures

    @property
    def here_since(self):
        return _span(self.member.joined_on, self.today)

    @property
    def days_left(self):
        return (self.member.expires_on - self.today).days if self.member.expires_on else None

    soon = SOON.days

    @cached_property
    def brought(self):
        everybody = Member.objects.known().filter(inviter=self.member)
        return counts(all=everybody, here=everybody.current())

    @cached_property
    def brought_whom(self):
        return list(Member.objects.known().filter(inviter=self.member).order_by("-joined_on", "sort_key", "id")[:MOST_BROUGHT])

    @cached_property
    def paid(self):
        """What they paid so far, by currency."""
        sums = self.member.renewals.exclude(price=None).values_list("currency").annotate(Sum("price")).order_by("currency")
        return [{"currency": currency, "sum": paid} for currency, paid in sums]

    @cached_property
    def to_do(self):
        return panels.to_do(self.member, self.seat)

    # Parts

    @property
    def skills(self):
        return [{"name": skill, "level": self.member.skill_levels.get(skill)} for skill in self.member.skills]

    @cached_property
    def modules(self):
        return list(self.member.modules.order_by("since", "id"))

    @cached_property
    def module_form(self):
        return person_forms.ModuleForm(initial={"industry": self.member.industry}, auto_id="module_%s")

    @cached_property
    def handle_form(self):
        return person_forms.HandleForm(auto_id="handle_%s")

    @cached_property
    def note_form(self):
        return person_forms.NoteForm(auto_id="new_note_%s")

    @cached_property
    def notes(self):
        return None if "notes" in self.hidden else list(self.member.notes.select_related("seat__user").order_by("-written_at", "-id"))

    @property
    def shows_note(self):
        return "note" not in self.hidden

    @property
    def shows_wishes(self):
        return "wishes" not in self.hidden

    @cached_property
    def own(self):
        """The tenant's own fields with what stands in them."""
        if "custom" in self.hidden:
            return []
        return [
            {"label": field.name, "value": custom.shown(field, value) if value not in (None, "", []) else ""}
            for field in custom.fields()
            for value in [self.member.custom.get(str(field.pk))]
        ]

    @cached_property
    def consents(self):
        """Of each kind the one that stands, or the last one."""
        last = {consent.to: consent for consent in self.member.consents.order_by("given_at")}
        return [{"to": to, "label": label, "consent": last.get(to)} for to, label in Consent.To.choices]

    @cached_property
    def timeline(self):
        return Timeline(self.member, self.request.GET)

    @property
    def panels_aside(self):
        return panels.shown_to(self.seat, aside=True)

    @property
    def panels_wide(self):
        return panels.shown_to(self.seat, aside=False)

    # The list that one came from

    @cached_property
    def walk(self):
        """Who stands before and after them in it, and at which place they are."""
        if FROM_LIST not in self.request.GET:
            return None
        ids = list(MemberList(self.request.GET, self.hidden).ordered.values_list("pk", flat=True)[:MOST_WALKED])
        if self.member.pk not in ids:
            return None
        at = ids.index(self.member.pk)
        return {
            "place": at + 1,
            "total": len(ids),
            "before": ids[at - 1] if at else None,
            "after": ids[at + 1] if at + 1 < len(ids) else None,
        }

    @property
    def kept_query(self):
        return kept_query(self.request)

    @property
    def list_query(self):
        """Back to the list as it was."""
        said = _asked_of_list(self.request)
        return f"?{said}" if said else ""


def kept_query(request):
    """What the list was asked, kept from person to person and through what is done here."""
    return f"?{FROM_LIST}=list&{_asked_of_list(request)}".rstrip("&") if FROM_LIST in request.GET else ""


def _asked_of_list(request):
    said = request.GET.copy()
    for name in (FROM_LIST, "topic", "before", "of"):
        said.pop(name, None)
    return said.urlencode()


ICONS = {"wechat": "brand-wechat", "phone": "phone", "email": "mail", "wecom": "building", "planet": "world"}


def _span(since, today):
    """(years, months) between two days."""
    if not since or since > today:
        return None
    months = (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)
    return divmod(months, 12)


@sees("members")
@require_safe
def timeline(request, pk):
    """A part of it: another topic, or older ones."""
    found = get_object_or_404(with_all(Member.objects.all()), pk=pk)
    if not request.htmx:
        return render(request, "members/member.html", {"page": Page(request, found), "member": found})
    part = "lines" if request.GET.get("before") else "timeline"
    response = render(request, f"members/member.html#{part}", {"page": Page(request, found), "member": found})
    patch_vary_headers(response, ["HX-Request"])
    return response


# Sections, changed in place


@does("members")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request, pk, section):
    """The form of one section: within the page for htmx, else a page of its own."""
    if section not in person_forms.SECTIONS:
        raise Http404
    row = get_object_or_404(Member.objects.known().select_related("inviter"), pk=pk)
    form = person_forms.SECTIONS[section](row, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and (before := form.save(by=request.seat)) is not None:
        return _saved(request, form.row, before, focus=section)
    return _form(request, row, section, form)


def _form(request, row, section, form):
    if not form.is_bound and (shown := form.visible_fields()):
        shown[0].field.widget.attrs["autofocus"] = True  # whoever asked to edit goes on there
    context = {"member": row, "section": section, "form": form, "title": person_forms.TITLES[section], "kept": kept_query(request)}
    template = "members/edit.html#form" if request.htmx else "members/edit.html"
    response = render(request, template, context, status=422 if form.is_bound else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _saved(request, row, before, *, focus):
    if not before:
        return _done(request, row.pk, _("Nothing was different, so nothing is changed."), focus=focus)
    words = ngettext("%(n)d thing is saved.", "%(n)d things are saved.", len(before)) % {"n": len(before)}
    return _done(request, row.pk, words, {"fields": before}, {"fields": _now(row, before)}, focus=focus)


def _now(row, before):
    return changes.seen_of(row, before)


def _done(request, pk, words, before=None, after=None, *, focus=""):
    """The page as it is now, and a slip that takes the act back."""
    undo = changes.undo(reverse("members:undo", args=[pk]), before, after) if before else ""
    if not request.htmx:
        messages.success(request, words, extra_tags=f"undo={undo}" if undo else "")
        return redirect(reverse("members:member", args=[pk]) + kept_query(request))
    found = with_all(Member.objects.all()).get(pk=pk)
    response = render(request, "members/member.html#person", {"page": Page(request, found, focus=focus), "member": found})
    trigger_client_event(response, "toast", {"text": words} | ({"undo": undo} if undo else {}))
    return reswap(retarget(response, "#person"), "outerHTML")


@does("members")
@require_POST
def undo(request, pk):
    """What one act on this page did, if nobody was here since."""
    row = get_object_or_404(Member, pk=pk)
    before, after = changes.to_undo(request)
    kind, was = next(iter(before.items()))
    if kind not in BACK:
        raise Refused(_("This can no longer be taken back here. The trail says what was changed."), code="too_late")
    BACK[kind](row, was, after.get(kind), request.seat)
    messages.success(request, _("Taken back."))
    return redirect("members:member", pk)


def _fields_back(row, was, now, seat):
    people.change(row, was, by=seat, seen=now, because=people.UNDONE)


def _note_back(note, text, now, seat):
    if _digest(note.text) != now:
        raise Refused(_("Somebody changed this note in the meantime, so nothing is overwritten."), code="changed_meanwhile")
    records.change_note(note, text, by=seat, seen=note.text)


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


BACK = {
    "fields": _fields_back,
    "photo": lambda row, was, now, seat: photos.wear(row, was["photo"], by=seat, seen=now, because=people.UNDONE),
    "handle_dropped": lambda row, was, now, seat: people.add_handle(row, *was, by=seat),
    "handle_added": lambda row, was, now, seat: people.drop_handle(get_object_or_404(Handle, pk=was, member=row), by=seat),
    "note_dropped": lambda row, was, now, seat: records.bring_back_note(row, was, by=seat),
    "note_written": lambda row, was, now, seat: records.drop_note(get_object_or_404(Note, pk=was, member=row), by=seat),
    "note_changed": lambda row, was, now, seat: _note_back(get_object_or_404(Note, pk=was["note"], member=row), was["text"], now, seat),
    "module_dropped": lambda row, was, now, seat: records.add_module(row, by=seat, **was),
    "module_added": lambda row, was, now, seat: records.drop_module(get_object_or_404(Module, pk=was, member=row), by=seat),
    "consent_given": lambda row, was, now, seat: records.withdraw_consent(get_object_or_404(Consent, pk=was, member=row), by=seat),
    "consent_withdrawn": lambda row, was, now, seat: records.give_consent(row, was[0], by=seat, source=was[1]),
}  # kind of an act -> how it is taken back


# Somebody new


@does("members")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request):
    form = person_forms.NewMember(request.POST if request.method == "POST" else None, initial={"joined_on": timezone.localdate()})
    if form.is_bound and form.is_valid() and (added := form.save(by=request.seat)) is not None:
        messages.success(request, _("%(name)s is added.") % {"name": added.nickname})
        return redirect("members:member", added.pk)
    whose = Member.objects.filter(pk=getattr(form, "whose", None)).first()
    return render(request, "members/new.html", {"form": form, "whose": whose}, status=422 if form.is_bound else 200)


# Handles


@does("members")
@require_POST
def handles(request, pk):
    row = get_object_or_404(Member.objects.known(), pk=pk)
    form = person_forms.HandleForm(request.POST, auto_id="handle_%s")
    if form.is_valid():
        try:
            handle = people.add_handle(row, *form.said, by=request.seat)
        except Refused as refusal:
            field = refusal.details.get("field", "value")
            form.add_error("system" if field == "platform" and form.cleaned_data["platform"] == form.OTHER else field, refusal.sentence)
            form.whose = Member.objects.filter(pk=refusal.details.get("member")).first()
        else:
            words = _("%(platform)s is added.") % {"platform": people.platform_name(handle.platform)}
            return _done(request, pk, words, {"handle_added": str(handle.pk)}, {}, focus="handles")
    return _refused_part(request, row, "handles", handle_form=form)


def _refused_part(request, row, part, **forms):
    """The part of the page with what was typed and why it will not do; without htmx the whole page."""
    found = with_all(Member.objects.all()).get(pk=row.pk)
    page = Page(request, found)
    for name, form in forms.items():
        setattr(page, name, form)
    template = f"members/member.html#{part}" if request.htmx else "members/member.html"
    return render(request, template, {"page": page, "member": found}, status=422)


@does("members")
@require_POST
def handle_drop(request, pk):
    handle = get_object_or_404(Handle.objects.select_related("member"), pk=pk)
    was = people.drop_handle(handle, by=request.seat)
    words = _("%(platform)s is taken away.") % {"platform": people.platform_name(was[0])}
    return _done(request, handle.member_id, words, {"handle_dropped": list(was)}, {}, focus="handles")


@does("members")
@require_POST
def same(request, pk):
    """Somebody wrote down a handle that another member has: the two wait, as a pair, to be looked at side by side."""
    row, other = (get_object_or_404(Member.objects.known(), pk=each) for each in (pk, people.as_uuid(request.POST.get("other"))))
    if row == other:
        raise Refused(_("These are one row already."), code="the_same_row", status=400)
    one, two = sorted((row, other), key=lambda member: member.pk)
    pair, _made = Twin.objects.get_or_create(one=one, other=two, defaults={"because": [GIVEN], "score": 90})
    if pair.state in (Twin.State.APART, Twin.State.LATER):
        twins.reopen(pair, by=request.seat)
    return redirect(f"{reverse('members:twins')}?pair={pair.pk}")


# Notes


@does("members")
@require_POST
def notes(request, pk):
    row = get_object_or_404(Member.objects.known(), pk=pk)
    form = person_forms.NoteForm(request.POST, auto_id="new_note_%s")
    if form.is_valid():
        note = records.write_note(row, form.cleaned_data["text"], by=request.seat)
        return _done(request, pk, _("The note is written."), {"note_written": str(note.pk)}, {}, focus="notes")
    return _refused_part(request, row, "notes", note_form=form)


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
            was, now = {"note": str(pk), "text": before}, {"note_changed": _digest(found.text)}
            return _done(request, found.member_id, _("The note is saved."), {"note_changed": was}, now, focus="notes")
    context = {"note": found, "member": found.member, "form": form, "seen": seen, "title": _("Note")}
    template = "members/note.html#form" if request.htmx else "members/note.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


@does("members")
@require_POST
def note_drop(request, pk):
    found = get_object_or_404(Note.objects.select_related("member"), pk=pk)
    was = records.drop_note(found, by=request.seat)
    return _done(request, found.member_id, _("The note is deleted."), {"note_dropped": was}, {}, focus="notes")


# Consents


@does("members")
@require_POST
def consents(request, pk):
    row = get_object_or_404(Member.objects.known(), pk=pk)
    consent = records.give_consent(row, request.POST.get("to", ""), by=request.seat)
    return _done(request, pk, _("The consent is noted."), {"consent_given": str(consent.pk)}, {}, focus=f"consent-{consent.to}")


@does("members")
@require_POST
def consent_withdrawal(request, pk):
    consent = get_object_or_404(Consent.objects.select_related("member"), pk=pk)
    records.withdraw_consent(consent, by=request.seat)
    before = {"consent_withdrawn": [consent.to, consent.source]}
    return _done(request, consent.member_id, _("It is noted that the consent was withdrawn."), before, {}, focus=f"consent-{consent.to}")


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
            return _done(request, pk, _("The module is added."), {"module_added": str(module.pk)}, {}, focus="modules")
    return _refused_part(request, row, "modules", module_form=form)


@does("members")
@require_POST
def module_drop(request, pk):
    module = get_object_or_404(Module.objects.select_related("member"), pk=pk)
    was = records.drop_module(module, by=request.seat)
    return _done(request, module.member_id, _("The module is taken away."), {"module_dropped": was}, {}, focus="modules")


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
    return _done(request, pk, words, before and {"photo": before}, {"photo": _now(row, before)}, focus="photo")


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
