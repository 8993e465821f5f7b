"""The community's own page of the settings, and what outsiders are shown of it: its colour and its logo."""

import zoneinfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from . import changes, colours, community, files, links, places, tabs
from .forms import SeenForm
from .models import AccessToken, Seat, Tenant
from .refusals import Refused
from .rights import does, sees
from .scope import acting_for
from .templatetags.qx import minutes_as_hours

A_DAY, A_YEAR = 86_400, 31_536_000
HOUSE_COLOUR = "#125a6e"

tabs.tab("settings", gettext_lazy("Community"), icon="building", place=10)


class TenantForm(SeenForm):
    """The verb's own rules say what may be."""

    def check(self, name, value):
        return community.CHECKS[name](self.row, value)

    def act(self, wanted, *, by, seen):
        return community.change(self.row, wanted, by=by, seen=seen)


class MinutesWidget(forms.MultiWidget):
    """Three numbers in a row, each with what happens then as its name."""

    template_name = "forms/minutes.html"
    use_fieldset = True
    LABELS = [
        gettext_lazy("Minutes until its assistant is reminded"),
        gettext_lazy("Minutes until another one gets it"),
        gettext_lazy("Minutes until the owner hears of it"),
    ]

    def __init__(self):
        least_most = {"min": 0, "max": community.MOST_RISING}
        super().__init__([forms.NumberInput(least_most) for _label in self.LABELS])

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        for each, label in zip(context["widget"]["subwidgets"], self.LABELS, strict=True):
            each["label"] = label
        return context

    def id_for_label(self, id_):
        return f"{id_}_0"

    def decompress(self, value):
        return value or [None] * 3


class MinutesField(forms.MultiValueField):
    def __init__(self, **kwargs):
        fields = [forms.IntegerField(min_value=0, max_value=community.MOST_RISING) for _label in MinutesWidget.LABELS]
        super().__init__(fields, widget=MinutesWidget, require_all_fields=True, **kwargs)

    def compress(self, minutes):
        return list(minutes)


class CommunityForm(TenantForm):
    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    language = forms.ChoiceField(
        choices=Tenant.Language.choices,
        label=gettext_lazy("Language of what leaves the house"),
        help_text=gettext_lazy("Invitations and texts to members are written in it. Each seat reads the pages in its own language."),
    )
    time_zone = forms.CharField(max_length=40, widget=forms.Select, label=gettext_lazy("Time zone"))
    country = forms.CharField(max_length=2, widget=forms.Select, label=gettext_lazy("Country"))
    currency = forms.CharField(
        max_length=3,
        widget=forms.Select,
        label=gettext_lazy("Currency"),
        help_text=gettext_lazy("Amounts keep their figures; nothing is converted."),
    )
    tasks_a_day = forms.IntegerField(
        min_value=1,
        max_value=community.MOST_TASKS_A_DAY,
        label=gettext_lazy("Tasks a day for one assistant, at most"),
        help_text=gettext_lazy(
            "So many invitations one WeChat account sends in a day without being taken for a robot. Plans approved from now on keep to it."
        ),
    )

    renewal_days = forms.IntegerField(
        min_value=1,
        max_value=community.MOST_RENEWAL_DAYS,
        label=gettext_lazy("Ask about renewal before a term ends"),
        help_text=gettext_lazy("So many days before, the assistant of the member's group gets a task with a text to copy."),
    )

    rises_after = MinutesField(
        label=gettext_lazy("Minutes after which a late task rises"),
        help_text=gettext_lazy(
            "So many minutes after it is late its assistant is reminded, then another one who is free gets it, then the owner hears of it."
            " At night nobody is disturbed."
        ),
    )

    def __init__(self, tenant, data=None):
        super().__init__(tenant, data)
        self.fields["time_zone"].widget.choices = places.zones(tenant.time_zone)
        self.fields["country"].widget.choices = places.countries(tenant.country)
        self.fields["currency"].widget.choices = places.currencies(tenant.currency)


class ColourForm(TenantForm):
    colour = forms.CharField(required=False, max_length=40, label=gettext_lazy("Colour"), widget=forms.TextInput(attrs={"type": "color"}))


class AddressForm(TenantForm):
    slug = forms.CharField(max_length=80, label=gettext_lazy("New address"))


# Pages


@does("settings")
@require_http_methods(["GET", "HEAD", "POST"])
def community_page(request):
    form = CommunityForm(request.tenant, request.POST if request.method == "POST" else None)
    if form.is_valid() and (before := form.save(by=request.seat)) is not None:
        return _saved(request, form, before)
    return _page(request, form=form)


@does("settings")
@require_POST
def colour(request):
    form = ColourForm(request.tenant, request.POST)
    if form.is_valid() and (before := form.save(by=request.seat)) is not None:
        return _saved(request, form, before)
    return _page(request, look=form)


@does("settings")
@require_POST
def logo(request):
    """A new one, or with `remove` none."""
    try:
        if "remove" in request.POST:
            before, after, words = community.remove_logo(request.tenant, by=request.seat), None, _("The logo is taken away.")
        elif "logo" in request.FILES:
            before, after = community.set_logo(request.tenant, request.FILES["logo"], by=request.seat)
            words = _("The logo is saved.")
        else:
            raise Refused(_("Choose a picture first."), code="no_file", status=400)
    except Refused as refusal:
        return _page(request, logo_error=refusal.sentence)
    _say(request, words, request.tenant, {"logo": before}, {"logo": after})
    return redirect("settings")


@does("settings")
@require_POST
def address(request):
    """All pages move at once; who saves lands on the new address."""
    form = AddressForm(request.tenant, request.POST)
    if form.is_valid() and (before := form.save(by=request.seat)) is not None:
        if before:
            _say(request, _("The community now lives at /%(slug)s/.") % {"slug": form.row.slug}, form.row, before, _after(form, before))
        url = links.path_of(form.row, "settings")
        return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
    if request.htmx:
        return render(request, "settings/community.html#address", _address(request.tenant, form), status=422)
    return _page(request, address=form)


@does("settings")
@require_POST
def undo(request):
    before, after = changes.to_undo(request)
    tenant, _before = community.take_back(request.tenant, before, after, by=request.seat)
    messages.success(request, _("Taken back."))
    return redirect(links.path_of(tenant, "settings"))


@sees("settings")
@require_safe
def zone(request):
    """Before a time zone is saved: what moves with it."""
    code = request.GET.get("time_zone", "")
    if code not in zoneinfo.available_timezones() or code == request.tenant.time_zone:
        return HttpResponse()
    there = zoneinfo.ZoneInfo(code)
    context = {"moved": [_moved(each, there) for each in community.moved_by(there)], "there": now().astimezone(there).replace(tzinfo=None)}
    return render(request, "settings/community.html#zone", context)


def _moved(each, there):
    minutes = round((each.due_at - each.row.due_at).total_seconds() / 60)
    words = _("%(time)s later than now planned") if minutes > 0 else _("%(time)s earlier than now planned")
    return {
        "label": each.label,
        "wall": each.due_at.astimezone(there).replace(tzinfo=None),
        "shift": words % {"time": minutes_as_hours(abs(minutes))} if minutes else "",
    }


@sees("settings")
@require_safe
def preview(request):
    """Before a colour is saved: what outsiders would see."""
    form = ColourForm(request.tenant, request.GET)
    form.is_valid()
    return render(request, "settings/community.html#preview", {"community": request.tenant} | _look(request.tenant, form))


def _page(request, *, form=None, look=None, address=None, logo_error=""):
    tenant = Tenant.objects.get(pk=request.tenant.pk)
    refused = bool(logo_error) or any(each is not None and each.is_bound for each in (form, look, address))
    context = {
        "tabs": tabs.of(request, "settings"),
        "form": form or CommunityForm(tenant),
        "plain_look": ColourForm(tenant),
        **_address(tenant, address or AddressForm(tenant)),
        "logo_error": logo_error,
        "community": tenant,
        "keys": AccessToken.objects.open().filter(tenant=tenant, kind=AccessToken.Kind.API_KEY).count(),
        "here": now(),
        "whole_address": links.link(tenant, "today"),
        "heaviest": community.HEAVIEST_LOGO // 10**6,
    }
    return render(request, "settings/community.html", context | _look(tenant, look or ColourForm(tenant)), status=422 if refused else 200)


def _address(tenant, form):
    root = links.link(tenant, "today").removesuffix(f"{tenant.slug}/")
    return {"address": form, "root": root, "seats_here": Seat.objects.standing().filter(tenant=tenant).count()}


def _look(tenant, form):
    """`shades` is None where no words could be read on the colour; the form says what to do."""
    colour = form.data.get("colour") or tenant.colour or HOUSE_COLOUR
    if form.errors:
        return {"look": form, "chosen_colour": colour, "shades": None}
    ink = colours.ink_on(colour)
    shades = {theme: colours.readable_on(theme, colour) for theme in ("light", "dark")}
    themes = [
        {"name": theme, "label": label, "shade": shades[theme], "ink": colours.better_ink(shades[theme])}
        for theme, label in (("light", _("A page in the light theme")), ("dark", _("A page in the dark theme")))
    ]
    seen = {"colour": colour, "ink": ink, "ratio": round(colours.contrast(ink, colour), 1), **shades}
    return {"look": form, "chosen_colour": colour, "shades": seen, "themes": themes}


def _saved(request, form, before):
    if before:
        words = ngettext("%(n)d thing is saved.", "%(n)d things are saved.", len(before)) % {"n": len(before)}
        _say(request, words, form.row, before, _after(form, before))
    else:
        messages.success(request, _("Nothing was different, so nothing is changed."))
    return redirect("settings")


def _after(form, before):
    return changes.seen_of(form.row, before)


def _say(request, words, tenant, before, after):
    undo = changes.undo(links.path_of(tenant, "settings_undo"), before, after)
    messages.success(request, words, extra_tags=f"undo={undo}" if undo else "")


# What outsiders are shown. The addresses name ids alone, and change when what they show changes


@require_safe
def logo_inside(request, pk):
    """Every seat has the rail before its eyes, whatever its role."""
    return _logo(request.tenant.pk, pk)


@require_safe
def logo_outside(request, tenant, file):
    """A logo is public by nature; no other file comes out here."""
    pk = community.as_uuid(tenant)
    if pk is None:
        raise Http404
    with acting_for(pk):
        response = _logo(pk, file)
    response["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response


def _logo(tenant_id, file_id):
    logo = community.logo_of(tenant_id, file_id)
    if logo is None:
        raise Http404
    return files.answer(logo)


@require_safe
def look(request, tenant):
    """The colour of a community as tokens, for pages that strangers see; empty where it has none of its own."""
    found = Tenant.objects.filter(pk=community.as_uuid(tenant)).first()
    if found is None:
        raise Http404
    response = HttpResponse(colours.stylesheet(found.colour) if found.colour else "", content_type="text/css; charset=utf-8")
    is_named = request.GET.get("v") == found.colour.removeprefix("#")
    response["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if is_named else f"public, max-age={A_DAY // 24}"
    return response
