"""API keys: made for a seat, found by their hash, last use noted at most once a minute."""

from datetime import timedelta

from django.core.cache import cache
from django.utils.timezone import now

from .models import AccessToken


def make(seat, name=""):
    """Returns the key's row and its secret, which is shown once."""
    return AccessToken.make(AccessToken.Kind.API_KEY, seat, name=name)


def of(request):
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        return None
    token = AccessToken.objects.find(secret.strip(), AccessToken.Kind.API_KEY)
    return token if token and token.seat.user.is_active else None


def used(token):
    minute = timedelta(minutes=1)
    if cache.add(f"key-used:{token.pk}", 1, minute.total_seconds()):
        AccessToken.objects.filter(pk=token.pk).update(last_used_at=now())
