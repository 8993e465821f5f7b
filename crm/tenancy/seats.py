"""Verbs of tenants and seats: open a tenant, give somebody a seat, make a link for their first sign-in."""

import datetime

from django.conf import settings
from django.core.validators import validate_email
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from . import events, links
from .models import AccessToken, Seat, Tenant, User
from .refusals import Refused
from .scope import acting_for

LINK_LASTS = datetime.timedelta(days=7)


@transaction.atomic
def open_tenant(slug, email, name=""):
    """A new tenant with its owner's seat; whatever else it needs comes with its files."""
    if Tenant.objects.filter(slug=slug).exists():
        raise Refused(_("There is a tenant “%(slug)s” already.") % {"slug": slug}, code="slug_taken")
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    return add(tenant, email, Seat.Role.OWNER)


@transaction.atomic
def add(tenant, email, role, *, name="", by=None):
    """Give a user a seat; one that is not known yet is made, without a password."""
    email = email.strip().lower()
    validate_email(email)
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email)
    if not user.is_active:
        raise Refused(_("%(email)s is switched off.") % {"email": email}, code="user_inactive")
    if Seat.objects.filter(tenant=tenant, user=user, ended_at=None).exists():
        raise Refused(_("%(email)s has a seat here already.") % {"email": email}, code="seat_taken")
    seat = Seat.objects.create(tenant=tenant, user=user, role=role, name=name)
    with acting_for(tenant.pk):
        events.note("seat.added", seat, by=by, after={"role": role})
    return seat


def first_link(seat):
    """Opens once, within a week: it lets the seat's user choose a password and signs them in."""
    _token, secret = AccessToken.make(AccessToken.Kind.SIGN_IN, seat, subject_id=seat.pk, expires_at=now() + LINK_LASTS)
    return settings.BASE_URL + links.root_path("first_sign_in", secret)


def of(tenant, email):
    return Seat.objects.standing().filter(tenant=tenant, user__email__iexact=email.strip()).select_related("tenant", "user").first()
