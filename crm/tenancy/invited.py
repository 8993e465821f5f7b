"""What opens behind an invite's link. Looking at it changes nothing; its button gives the seat."""

from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import password_validation
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from . import events, invites, limits
from .models import Event, Seat, User
from .refusals import Refused
from .signin import home_of


class NameForm(forms.Form):
    """Of somebody who is signed in: what the others here call them."""

    name = forms.CharField(label=gettext_lazy("Your name"), max_length=60, help_text=gettext_lazy("What the others here call you."))


class AccountForm(NameForm):
    """Of somebody new: an account is made on the way in."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254, help_text=gettext_lazy("You sign in with it later."))
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least ten characters. A short sentence is easy to remember."),
    )
    field_order = ["email", "name", "password"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username"
        self.fields["name"].widget.attrs["autocomplete"] = "name"

    def clean(self):
        said = super().clean()
        if said.get("password"):
            try:
                password_validation.validate_password(said["password"], User(email=said.get("email", ""), name=said.get("name", "")))
            except ValidationError as error:
                self.add_error("password", error)
        return said


@never_cache
@sensitive_post_parameters("password")
@sensitive_variables("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@limits.by_address("invite", most=30)
def invited(request, secret):
    invite, fault = invites.find(secret)
    user = request.user if request.user.is_authenticated else None
    seat = invite and user and Seat.objects.standing().select_related("tenant").filter(tenant=invite.tenant_id, user=user).first()
    if seat:
        return _page(request, invite, seat=seat, home=home_of(seat))
    if fault:
        return _page(request, invite, fault=fault)
    form = _form(request, invite, user)
    if not form.is_valid():
        return _page(request, invite, form=form)
    try:
        with events.through(Event.Door.PAGE):
            return _seated(request, invite, user, form.cleaned_data)
    except AccountExists:
        messages.info(request, _("Sign in, and you come back to the invite."))
        return _sealed(redirect_to_login(request.get_full_path(), settings.LOGIN_URL))
    except Refused as refusal:  # somebody was faster
        return _page(request, invite, fault=refusal)


class AccountExists(Exception):
    pass


@transaction.atomic
def _seated(request, invite, user, said):
    """The account and the seat together or neither."""
    if user is None:
        user = _account(said)
        seat = invites.take(invite, user, name=said["name"])
        return _sealed(perform_login(request, user, redirect_url=home_of(seat)))
    seat = invites.take(invite, user, name=said["name"])
    return _sealed(redirect(home_of(seat)))


def _account(said):
    if User.objects.filter(email__iexact=said["email"]).exists():
        raise AccountExists
    try:
        with transaction.atomic():
            return User.objects.create_user(said["email"], said["password"], name=said["name"])
    except IntegrityError:  # at this very moment
        raise AccountExists from None


def _form(request, invite, user):
    data = request.POST if request.method == "POST" else None
    if user:
        return NameForm(data, initial={"name": invite.name or user.name})
    return AccountForm(data, initial={"name": invite.name, "email": invite.email})


def _page(request, invite, *, form=None, fault=None, **more):
    status = fault.status if fault else 422 if form and form.is_bound else 200
    context = {"invite": invite, "wears": invite.tenant if invite else None, "form": form, "fault": fault, **more}
    return _sealed(render(request, "account/invited.html", context, status=status))


def _sealed(response):
    # The address holds the secret, so only the host is told to whoever is asked next (the form's origin check needs it).
    response["Referrer-Policy"] = "strict-origin"
    return response
