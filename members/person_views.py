"""The page of a person: who they are, what happened, and their fields and handles changed in place."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import changes
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import checks, merging, people, person_forms, twins
from .list_rows import with_all
from .models import Handle, Member, Twin
from .on_person import GIVEN
from .person_page import Page, done, kept_query, refused_part
from .person_undo import BACK, forget

# The page


@sees("members")
@require_safe
def member(request, pk):
    found = get_object_or_404(with_all(Member.objects.all()), pk=pk)
    if found.standing == Member.Standing.MERGED:
        return redirect("members:member", merging.root_of(found).pk)
    return render(request, "members/member.html", {"page": Page(request, found), "member": found})


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
        return done(request, row.pk, _("Nothing was different, so nothing is changed."), focus=focus)
    words = ngettext("%(n)d thing is saved.", "%(n)d things are saved.", len(before)) % {"n": len(before)}
    return done(request, row.pk, words, {"fields": before}, {"fields": changes.seen_of(row, before)}, focus=focus)


@does("members")
@require_POST
def undo(request, pk):
    """What one act on this page did, if nobody was here since."""
    row = get_object_or_404(Member.objects.known(), pk=pk)
    before, after = changes.to_undo(request)
    kind, was = next(iter(before.items()))
    if kind not in BACK:
        raise Refused(_("This can no longer be taken back here. The trail says what was changed."), code="too_late")
    BACK[kind](row, was, after.get(kind), request.seat)
    forget([pk], link=request.get_full_path())
    messages.success(request, _("Taken back."))
    return redirect("members:member", pk)


# Somebody new


@does("members")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request):
    form = person_forms.NewMember(request.POST if request.method == "POST" else None, initial={"joined_on": timezone.localdate()})
    if form.is_bound and form.is_valid() and (added := form.save(by=request.seat)) is not None:
        messages.success(request, _("%(name)s is added.") % {"name": added.nickname})
        return redirect("members:member", added.pk)
    form.fields["nickname"].widget.attrs["autofocus"] = True
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
            return done(request, pk, words, {"handle_added": str(handle.pk)}, {}, focus="handles")
    return refused_part(request, row, "handles", handle_form=form)


@does("members")
@require_POST
def handle_drop(request, pk):
    handle = get_object_or_404(Handle.objects.select_related("member"), pk=pk)
    was = people.drop_handle(handle, by=request.seat)
    words = _("%(platform)s is taken away.") % {"platform": people.platform_name(was[0])}
    return done(request, handle.member_id, words, {"handle_dropped": list(was)}, {}, focus="handles")


@does("members")
@require_POST
def same(request, pk):
    """Somebody wrote down a handle that another member has: the two wait, as a pair, to be looked at side by side."""
    row, other = (get_object_or_404(Member.objects.known(), pk=each) for each in (pk, checks.as_uuid(request.POST.get("other"))))
    if row == other:
        raise Refused(_("These are one row already."), code="the_same_row", status=400)
    one, two = sorted((row, other), key=lambda member: member.pk)
    pair, _made = Twin.objects.get_or_create(one=one, other=two, defaults={"because": [GIVEN], "score": 90})
    if pair.state in (Twin.State.APART, Twin.State.LATER):
        twins.reopen(pair, by=request.seat)
    return redirect(f"{reverse('members:twins')}?pair={pair.pk}")
