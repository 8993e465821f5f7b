"""Who has a seat and who is invited: the settings' page of it, its acts, and leaving by oneself."""

import datetime

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from . import invites, links, seats, secrets, seen, tabs
from .models import Invite, Seat
from .pages import Cut
from .refusals import Refused
from .rights import does, sees
from .signin import home_of

MEANS = {
    Seat.Role.OWNER: gettext_lazy("Owner: everything, with approvals, seats and settings"),
    Seat.Role.OPERATOR: gettext_lazy("Operator: members, groups, reshuffles and tasks; you approve"),
    Seat.Role.ASSISTANT: gettext_lazy("Assistant: the phone, and their own tasks"),
    Seat.Role.VIEWER: gettext_lazy("Viewer: looks at everything, changes nothing"),
}
WEEK, SOON = datetime.timedelta(days=7), datetime.timedelta(days=1)
MOST = 100  # invites, and ended seats, that the page shows
MADE = "invite-made"  # in the session: the link until it is shown


tabs.tab("seats", gettext_lazy("Seats"), icon="users", place=20)


class SeatForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=60, required=False, help_text=gettext_lazy("What the others here call them.")
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=MEANS.items(), widget=forms.RadioSelect)
    minutes_a_week = forms.IntegerField(
        label=gettext_lazy("Minutes a week"),
        min_value=1,
        max_value=seats.MOST_MINUTES,
        required=False,
        help_text=gettext_lazy("How much work they can bear. The week calendar says when it gets more. Empty: nobody counts."),
    )


class InviteForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=MEANS.items(), initial=Seat.Role.ASSISTANT, widget=forms.RadioSelect)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=60, required=False)
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("Then the link is mailed as well. Whoever holds the link takes the seat."),
    )
    days = forms.TypedChoiceField(label=gettext_lazy("It lives"), coerce=int, choices=invites.LIVES.items(), initial=7)


# The page


@never_cache
@require_safe
@sees("settings")
def all_seats(request):
    return _page(request)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@does("settings")
def one_seat(request, pk):
    """One of them at the side, with its name and role to change."""
    chosen = _seat(request, pk, ended_at=None)
    if request.method != "POST":
        return _page(request, chosen=chosen, form=SeatForm(initial=_held(chosen)))
    # What undoes a change of role brings the role in its address, and nothing else.
    said = _held(chosen) | {"role": request.GET["role"]} if "role" in request.GET else request.POST
    form = SeatForm(said)
    if not form.is_valid():
        return _page(request, chosen=chosen, form=form)
    before = chosen.role
    try:
        with transaction.atomic():
            seats.rename(chosen, form.cleaned_data["name"], by=request.seat)
            if "minutes_a_week" in form.data:
                seats.set_minutes(chosen, form.cleaned_data["minutes_a_week"], by=request.seat)
            changed = seats.change_role(chosen, form.cleaned_data["role"], by=request.seat)
    except Refused as refusal:
        form.add_error("role", str(refusal.sentence))
        return _page(request, chosen=chosen, form=form)
    if changed.role == before:
        messages.success(request, _("Saved."))
    else:
        text = _("%(name)s: the role is %(role)s now.") % {"name": changed, "role": changed.get_role_display()}
        messages.success(request, text, extra_tags=f"undo={reverse('seat', args=[pk])}?role={before}")
    return redirect(home_of(changed)) if changed == request.seat and not changed.is_owner else _back(request)


def _held(seat):
    return {"name": seat.name, "role": seat.role, "minutes_a_week": seat.minutes_a_week}


def _page(request, *, chosen=None, form=None, invite_form=None):
    tenant = request.tenant
    everybody = Seat.objects.filter(tenant=tenant).select_related("user").owner_first()
    here = list(everybody.filter(ended_at=None))
    ended = list(everybody.filter(~Q(ended_at=None)).order_by("-ended_at"))
    invited = list(
        Invite.objects.filter(tenant=tenant, used_at=None, revoked_at=None, expires_at__gt=now() - invites.KEPT, made_by__ended_at=None)
        .select_related("made_by__user")
        .order_by("-made_at")[:MOST]
    )
    cut = Cut(len(here), request.GET.get("page"))
    shown = cut.of(here)
    # A viewer's seat does no work either, so what still hangs on it lies with nobody.
    idle = ended + [seat for seat in here if seat.role == Seat.Role.VIEWER]
    asked = {seat.pk: seat for seat in [*shown, *idle, *([chosen] if chosen else [])]}
    burdens = seats.burdens_of(asked.values())
    moments = seen.last(here)
    waiting = [invite for invite in invited if invite.expires_at > now()]
    context = {
        "tabs": tabs.of(request, "seats"),
        "cut": cut,
        "rows": [_row(seat, burdens, moments) for seat in shown],
        "only_one": len(here) == 1,
        "invited": invited,
        "waiting": len(waiting),
        "ending": sum(invite.expires_at < now() + SOON for invite in waiting),
        "ended": [_row(seat, burdens, moments) | {"is_recent": seat.ended_at > now() - seats.RESTORED_WITHIN} for seat in ended[:MOST]],
        "ended_number": len(ended),
        "idle": [_row(seat, burdens, moments) for seat in idle if seat.pk in burdens],
        "left": _sums(burdens, idle),
        "seen_lately": sum(moment > now() - WEEK for moment in moments.values()),
        "assistants": sum(seat.role == Seat.Role.ASSISTANT for seat in here),
        "chosen": chosen and _row(chosen, burdens, moments),
        "form": form,
        "invite_form": invite_form or InviteForm(),
        "made": _made(request),
        "now": now(),
        "leave": reverse("leave"),
    }
    refused = next((each for each in (form, invite_form) if each is not None and each.errors), None)
    return render(request, "settings/seats.html", context, status=422 if refused else 200)


def _row(seat, burdens, moments):
    carried = [{"says": burden.says(number), "url": burden.url(seat)} for burden, number in burdens.get(seat.pk, [])]
    return {"seat": seat, "carries": carried, "seen_at": moments.get(seat.pk)}


def _sums(burdens, idle):
    """What lies with nobody, each kind of work in words."""
    found = {}
    for seat in idle:
        for burden, number in burdens.get(seat.pk, []):
            found[burden] = found.get(burden, 0) + number
    return [burden.says(number) for burden, number in found.items()]


def _made(request):
    """The link of an invite that was made just now. It is shown this once."""
    kept = request.session.get(MADE)
    if not kept or kept["tenant"] != str(request.tenant.pk) or request.method != "GET":
        return None
    del request.session[MADE]
    invite = Invite.objects.select_related("tenant").filter(pk=kept["invite"], tenant=request.tenant).first()
    if invite is None:
        return None
    link = secrets.decrypt(kept["link"])
    return {"invite": invite, "link": link, "words": invites.words(invite, link), "mailed": kept["mailed"]}


# Acts on a seat


@require_POST
@does("settings")
def ending(request, pk):
    ended = seats.end(_seat(request, pk), by=request.seat)
    text = _("%(name)s has no seat here any more.") % {"name": ended}
    messages.success(request, text, extra_tags=f"undo={reverse('seat_return', args=[pk])}")
    return redirect("seats")


@require_POST
@does("settings")
def returning(request, pk):
    seat = seats.restore(_seat(request, pk), by=request.seat)
    messages.success(request, _("%(name)s has the seat again, as %(role)s.") % {"name": seat, "role": seat.get_role_display()})
    return _back(request)


@require_POST
@does("settings")
def ownership(request, pk):
    to = _seat(request, pk)
    seats.hand_over(to, by=request.seat)
    messages.success(request, _("%(name)s is the owner now, and you are an operator.") % {"name": to})
    return redirect("today")


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request):
    """Whoever has a seat may give it up; asked first, since only an owner could undo it."""
    if request.method != "POST":
        carries = _row(request.seat, seats.burdens_of([request.seat]), {})["carries"]
        return render(request, "settings/leave.html", {"carries": carries, "is_last_owner": seats.is_last_owner(request.seat)})
    seats.leave(request.seat)
    left, request.tenant = request.tenant, None  # no page of it comes any more, so it is said outside
    messages.success(request, _("You have left %(tenant)s.") % {"tenant": left.name})
    return redirect(links.root_path("start"))


# Acts on an invite


@require_POST
@does("settings")
def make_invite(request):
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, invite_form=form)
    return _show_link(request, *invites.make(request.tenant, by=request.seat, **form.cleaned_data))


@require_POST
@does("settings")
def make_anew(request, pk):
    return _show_link(request, *invites.make_anew(_invite(request, pk), by=request.seat))


def _show_link(request, invite, link):
    mailed = invites.send(invite, link)
    kept = {"tenant": str(request.tenant.pk), "invite": str(invite.pk), "link": secrets.encrypt(link), "mailed": mailed}
    request.session[MADE] = kept
    return redirect(reverse("seats") + "#made")


@require_POST
@does("settings")
def revoke(request, pk):
    invite = invites.revoke(_invite(request, pk), by=request.seat)
    undo = reverse("invite_return", args=[invite.pk])
    messages.success(request, _("The invite is revoked; its link opens nothing any more."), extra_tags=f"undo={undo}")
    return _back(request)


@require_POST
@does("settings")
def take_back_revoking(request, pk):
    invites.restore(_invite(request, pk), by=request.seat)
    messages.success(request, _("The invite stands again, with the link it had."))
    return _back(request)


def _seat(request, pk, **fields):
    return get_object_or_404(Seat.objects.select_related("user", "tenant"), pk=pk, tenant=request.tenant, **fields)


def _invite(request, pk):
    return get_object_or_404(Invite, pk=pk, tenant=request.tenant)


def _back(request):
    way = request.POST.get("next", "")
    return redirect(way if url_has_allowed_host_and_scheme(way, None) else "seats")
