"""The settings' page of the API keys: which there are, a new one, shown once, and the end of one."""

import datetime

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from . import keys, links, scopes, secrets, tabs
from .models import AccessToken, Seat
from .pages import Cut
from .rights import does, sees

MADE = "key-made"  # in the session: the new key, encrypted, until it is shown
SOON = datetime.timedelta(days=14)
WEEK = datetime.timedelta(days=7)
MOST_ENDED = 50
LASTS = {"ever": gettext_lazy("without end"), "30": gettext_lazy("30 days"), "90": gettext_lazy("90 days"), "365": gettext_lazy("a year")}
WHY_ENDED = {
    "revoked": gettext_lazy("revoked"),
    "expired": gettext_lazy("its time was over"),
    "seat_ended": gettext_lazy("its seat was taken away"),
}

tabs.tab("keys", gettext_lazy("API keys"), icon="key", place=30)


class SeatChoice(forms.ModelChoiceField):
    def label_from_instance(self, seat):
        return _("%(name)s, %(role)s") % {"name": seat, "role": seat.get_role_display()}


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=60,
        help_text=gettext_lazy("Such as “nightly report”: by this name you know it again."),
    )
    seat = SeatChoice(
        Seat.objects.none(),
        label=gettext_lazy("Acts as"),
        empty_label=None,
        help_text=gettext_lazy("It never may more than this seat, and ends with it."),
    )
    reach = forms.ChoiceField(
        label=gettext_lazy("It may"),
        choices=[("all", gettext_lazy("everything that the seat may")), ("some", gettext_lazy("only what is ticked here"))],
        widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
        initial="all",
    )
    scopes = forms.MultipleChoiceField(label=gettext_lazy("Rooms"), required=False)
    lasts = forms.ChoiceField(label=gettext_lazy("It lasts"), choices=[*LASTS.items(), ("day", gettext_lazy("to a day…"))])
    last_day = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    use_required_attribute = False  # a browser cannot point at a field that is folded away

    def __init__(self, seat, data=None):
        super().__init__(data, initial={"seat": seat.pk})
        self.fields["seat"].queryset = Seat.objects.standing().filter(tenant=seat.tenant).select_related("user").owner_first()
        self.fields["last_day"].required = data is None or data.get("lasts") == "day"
        self.fields["scopes"].choices = [(scope, scope) for scope in scopes.known()]

    def grid(self):
        """Each room with its boxes: reading, changing; None where no route of that kind exists."""
        ticked = self.data.getlist("scopes") if self.is_bound else []
        rows = {}
        for scope in scopes.known():
            area, _colon, level = scope.partition(":")
            row = rows.setdefault(area, {"label": scopes.LABELS.get(area, area), "read": None, "write": None})
            row[level] = {"value": scope, "is_ticked": scope in ticked}
        return rows.values()

    def clean(self):
        asked = super().clean()
        if asked.get("reach") == "some" and not asked.get("scopes") and "scopes" not in self.errors:
            self.add_error("scopes", _("Tick one box at least, or let it do everything that the seat may."))
        return asked

    def clean_last_day(self):
        day = self.cleaned_data["last_day"]
        if day and self.cleaned_data.get("lasts") == "day" and day < timezone.localdate():
            raise forms.ValidationError(_("Name a last day on which it works: today or later."))
        return day

    def expires_at(self):
        """A key works through its whole last day, as the tenant's clock has it."""
        lasts = self.cleaned_data["lasts"]
        if lasts == "day":
            after = self.cleaned_data["last_day"] + datetime.timedelta(days=1)
            return timezone.make_aware(datetime.datetime.combine(after, datetime.time()))
        return None if lasts == "ever" else now() + datetime.timedelta(days=int(lasts))

    def wanted(self):
        chosen = self.cleaned_data
        return chosen["scopes"] if chosen["reach"] == "some" else []


@never_cache
@require_http_methods(["GET", "HEAD"])
@sees("settings")
def all_keys(request):
    return _page(request, KeyForm(request.seat))


@never_cache
@sensitive_variables("secret")
@require_POST
@does("settings")
def new_key(request):
    """The key waits in the session, so that loading the page again makes no second one."""
    form = KeyForm(request.seat, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    chosen = form.cleaned_data
    key, secret = keys.make(chosen["seat"], chosen["name"], by=request.seat, may=form.wanted(), expires_at=form.expires_at())
    request.session[MADE] = secrets.encrypt(f"{key.pk} {secret}")
    return redirect(reverse("keys") + "#made")


@require_POST
@does("settings")
def revoke(request, pk):
    key = get_object_or_404(AccessToken.objects.keys(), pk=pk)
    keys.revoke(key, by=request.seat)
    messages.success(request, _("Revoked: %(name)s. The next request with it is refused.") % {"name": key.name or key.hint})
    return redirect("keys")


def _page(request, form, status=200):
    everything = AccessToken.objects.keys().select_related("seat__user", "made_by__user").order_by("-created_at", "-id")
    standing = list(everything.open().filter(seat__user__is_active=True))
    cut = Cut(len(standing), request.GET.get("page"))
    # The ended ones are those that are not standing: whatever ended them.
    ended = everything.exclude(pk__in=[key.pk for key in standing])
    rows = [_row(key, request.tenant) for key in standing]
    context = {
        "tabs": tabs.of(request, "keys"),
        "form": form,
        "cut": cut,
        "rows": cut.of(rows),
        "ended": [_row(key, request.tenant) for key in ended[:MOST_ENDED]],
        "ended_number": ended.count(),
        "unused": sum(row["is_unused"] for row in rows),
        "ending": sum(row["is_ending"] for row in rows),
        "lately": sum(bool(key.last_used_at and key.last_used_at > now() - WEEK) for key in standing),
        "made": _made(request, standing),
        "pattern": keys.PATTERN,
        "me": links.whole("me"),
    }
    return render(request, "settings/keys.html", context, status=status)


def _row(key, tenant):
    why = key.ended_because
    return {
        "key": key,
        "may": scopes.in_words(key.scopes),
        "is_unused": keys.is_unused(key),
        "is_ending": bool(key.expires_at) and key.expires_at < now() + SOON,
        "last_day": (key.expires_at - datetime.timedelta(microseconds=1)).astimezone(tenant.zone).date() if key.expires_at else None,
        "why_ended": WHY_ENDED.get(why, ""),
        "ended_at": {"revoked": key.revoked_at, "expired": key.expires_at, "seat_ended": key.seat.ended_at}.get(why),
    }


def _made(request, standing):
    """The new key with its secret, this once. One of another tenant waits until that one's page is open."""
    kept = request.session.get(MADE)
    if not kept or request.method != "GET":
        return None
    pk, _space, secret = secrets.decrypt(kept).partition(" ")
    key = next((key for key in standing if str(key.pk) == pk), None)
    if key is None:
        return None
    del request.session[MADE]
    return {"key": key, "secret": secret, "may": scopes.in_words(key.scopes)}
