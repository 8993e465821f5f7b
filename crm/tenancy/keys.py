"""API keys: made for a seat, shown once, found by their hash, ended at once; last use noted at most once a minute."""

import re
from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import events, scopes
from .models import AccessToken
from .models.access import checksum, hashed
from .prepared import Prepared
from .refusals import Refused
from .scope import acting_for

PATTERN = r"qx_key_[A-Za-z0-9_-]{43,49}"  # for scanners of leaked secrets; the oldest keys have no checksum
UNUSED_AFTER = timedelta(days=90)
FAULTS = {
    "key_missing": gettext_lazy("No key came along. Send it in the header: Authorization: Bearer qx_key_…"),
    "key_mistyped": gettext_lazy("This is not a whole key: a character is missing or wrong. Copy it once more."),
    "key_unknown": gettext_lazy("There is no such key."),
    # Only who holds the secret hears this, so it tells strangers nothing.
    "key_ended": gettext_lazy("This key has ended: revoked, out of time, or its seat was taken away. The owner makes a new one."),
}


@transaction.atomic
def make(seat, name="", *, by=None, may=(), expires_at=None, asked_with=None):
    """Returns the key's row and its secret, which is shown once. `may` holds its scopes; empty: all that the seat may."""
    may = scopes.tidy(may)
    if unknown := [scope for scope in may if scope not in scopes.known()]:
        said = {"scope": ", ".join(unknown), "known": ", ".join(scopes.known())}
        raise Refused(_("There is no scope “%(scope)s”. There are: %(known)s.") % said, code="scope_unknown", status=400)
    if expires_at and expires_at <= now():
        raise Refused(_("This moment is over already, so the key would open nothing. Choose a later one."), code="expiry_past", status=400)
    if asked_with:
        _refuse_more_than(asked_with, may, expires_at)
    row, secret = AccessToken.make(AccessToken.Kind.API_KEY, seat, name=name, scopes=may, expires_at=expires_at, made_by=by)
    with acting_for(seat.tenant_id):
        events.note("key.made", row, by=by, after={"seat": str(seat.pk), "scopes": may})
    return row, secret


def _refuse_more_than(key, may, expires_at):
    """Otherwise a small key, or one that ends soon, would get itself a large one that stays."""
    if key.scopes and not (may and all(scopes.holds(key, *scope.split(":")) for scope in may)):
        raise Refused(_("A key makes no key that may more than itself."), code="more_than_own_key", status=403)
    if key.expires_at and not (expires_at and expires_at <= key.expires_at):
        raise Refused(_("A key makes no key that outlives itself."), code="longer_than_own_key", status=403)


@transaction.atomic
def revoke(key, *, by):
    """The next request with it is refused."""
    if not AccessToken.objects.keys().filter(pk=key.pk, revoked_at=None).update(revoked_at=now()):
        raise Refused(_("This key was revoked already."), code="already_revoked")
    events.note("key.revoked", key, by=by, after={"seat": str(key.seat_id)})


def brought(request):
    """What a request brings as its key."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


# The one question that every request of a program begins with.
FOUND = Prepared(
    lambda: AccessToken.objects.filter(hash="the hash", kind=AccessToken.Kind.API_KEY).select_related("seat__user", "tenant").order_by(),
    hash="the hash",
)


def of(request):
    """The key that a request brings, or None and the code of what is wrong with it."""
    secret = brought(request)
    if not secret:
        return None, "key_missing"
    token = next(iter(FOUND.rows(hash=hashed(secret))), None)
    if token is None:
        return None, "key_mistyped" if _is_mistyped(secret) else "key_unknown"
    token.seat.tenant = token.tenant  # the same one, without a question of its own
    return (None, "key_ended") if token.ended_because else (token, "")


def _is_mistyped(secret):
    if not secret.startswith(AccessToken.PREFIX["api_key"]):
        return False
    return not re.fullmatch(PATTERN, secret) or (len(secret) > 50 and checksum(secret[:-6]) != secret[-6:])


def used(token):
    """Noted at most once a minute. The key was read a moment ago, so it knows itself when that was."""
    at = now()
    if token.last_used_at is None or token.last_used_at <= at - timedelta(minutes=1):
        AccessToken.objects.filter(pk=token.pk).exclude(last_used_at__gt=at - timedelta(minutes=1)).update(last_used_at=at)


def is_unused(token):
    """For so long that it is better revoked."""
    return (token.last_used_at or token.created_at) < now() - UNUSED_AFTER
