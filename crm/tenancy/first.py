"""The first sign-in, by a link that works once: looking at it changes nothing, the button uses it up."""

from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib.auth.forms import SetPasswordForm
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from . import limits, sessions
from .models import AccessToken
from .signin import home_of


class NothingToChoose(forms.Form):
    """Of a user who has a password already."""

    def __init__(self, user, data=None):
        super().__init__(data)

    def save(self):
        pass


@never_cache
@sensitive_post_parameters()
@sensitive_variables("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@limits.by_address("first", most=30)
def first(request, secret):
    token = _standing(secret)
    if token is None:
        return _page(request, {}, status=410)
    user = token.seat.user
    choice = NothingToChoose if user.has_usable_password() else SetPasswordForm
    form = choice(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        if not _use_up(token):
            return _page(request, {}, status=410)
        form.save()
        sessions.end_first_links(user)
        # Through allauth, which asks for the second factor of who has one.
        return perform_login(request, user, redirect_url=home_of(token.seat))
    return _page(request, {"form": form, "place": token.seat, "wears": token.seat.tenant}, status=422 if form.is_bound else 200)


def _standing(secret):
    token = AccessToken.objects.find(secret, AccessToken.Kind.SIGN_IN)
    if token is None or not token.seat.user.is_active or (token.seat.user.is_demo and not settings.EMBEDDED):
        return None
    return token


def _use_up(token):
    """Whoever flips it first is let in; a second click at the same moment is not."""
    return AccessToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now(), last_used_at=now())


def _page(request, context, status):
    response = render(request, "account/first.html", context, status=status)
    # The address holds the secret, so only the host is told to whoever is asked next (the form's origin check needs it).
    response["Referrer-Policy"] = "strict-origin"
    return response
