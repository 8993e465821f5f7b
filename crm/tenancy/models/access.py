"""What opens a tenant to a program or a stranger: keys and private links, found by the hash of their secret."""

import hashlib
import secrets

import uuid_utils.compat
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from .people import Seat, Tenant


def hashed(secret):
    """A random secret of 128 bits and more needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class AccessTokenQuerySet(models.QuerySet):
    def open(self):
        alive = Q(expires_at=None) | Q(expires_at__gt=now())
        return self.filter(alive, revoked_at=None, seat__ended_at=None)

    def find(self, secret, kind):
        """The token of this secret with its seat, user and tenant; none where it is unknown, over or revoked."""
        return self.open().filter(hash=hashed(secret), kind=kind).select_related("seat__user", "tenant").first()


class AccessToken(models.Model):
    """An API key or private link. Only the hash is kept; the secret is shown once."""

    class Kind(models.TextChoices):
        API_KEY = "api_key"
        SIGN_IN = "sign_in"

    PREFIX = {"api_key": "qx_key_", "sign_in": "qx_in_"}

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    seat = models.ForeignKey(Seat, models.CASCADE, null=True, related_name="tokens")
    hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=60, blank=True)
    subject_id = models.UUIDField(null=True)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = AccessTokenQuerySet.as_manager()

    @classmethod
    def make(cls, kind, seat, **fields):
        """Returns the token and its secret, which nobody can read again."""
        secret = cls.PREFIX[kind] + secrets.token_urlsafe(32)
        return cls.objects.create(tenant_id=seat.tenant_id, kind=kind, seat=seat, hash=hashed(secret), **fields), secret
