"""What opens a tenant to a program or a stranger: keys and private links, found by the hash of their secret."""

import base64
import hashlib
import secrets
import zlib

import uuid_utils.compat
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from ..scope import ActiveTenant
from .people import Seat, Tenant


def hashed(secret):
    """A random secret of 128 bits and more needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def checksum(secret):
    """Six characters at the end of a key, by which a mistyped one is told from an unknown one."""
    return base64.urlsafe_b64encode(zlib.crc32(secret.encode()).to_bytes(4, "big")).decode().rstrip("=")


class AccessTokenQuerySet(models.QuerySet):
    def keys(self):
        """The API keys of the active tenant, ended ones too."""
        return self.filter(tenant=ActiveTenant(), kind="api_key")

    def open(self):
        alive = Q(expires_at=None) | Q(expires_at__gt=now())
        return self.filter(alive, revoked_at=None, seat__ended_at=None)

    def find(self, secret, kind):
        """The token of this secret with its seat, user and tenant; none where it is unknown, over or revoked."""
        return self.open().known(secret, kind)

    def known(self, secret, kind):
        """The same, also where it is over or revoked."""
        found = self.filter(hash=hashed(secret), kind=kind).select_related("seat__user", "tenant").order_by().first()
        if found and found.seat:
            found.seat.tenant = found.tenant  # the same one, without a question of its own
        return found


class AccessToken(models.Model):
    """An API key or private link. Only the hash is kept; the secret is shown once."""

    class Kind(models.TextChoices):
        API_KEY = "api_key"
        SIGN_IN = "sign_in"
        INVITE = "invite"
        INTRODUCTION = "introduction"

    # Each prefix is ours alone, so that scanners of leaked secrets can find them.
    PREFIX = {"api_key": "qx_key_", "sign_in": "qx_in_", "invite": "qx_seat_", "introduction": "qx_hello_"}

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    seat = models.ForeignKey(Seat, models.CASCADE, null=True, related_name="tokens")
    hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=60, blank=True)
    hint = models.CharField(max_length=4, blank=True)  # the secret's last characters, by which its holder knows it again
    subject_id = models.UUIDField(null=True)
    # What of its seat's rights it may use, as `members:read`; empty: all of them.
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    made_by = models.ForeignKey(Seat, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = AccessTokenQuerySet.as_manager()

    @classmethod
    def make(cls, kind, seat, **fields):
        """Returns the token and its secret, which nobody can read again."""
        secret = cls.PREFIX[kind] + secrets.token_urlsafe(32)
        if kind == cls.Kind.API_KEY:
            secret += checksum(secret)
        row = cls.objects.create(tenant_id=seat.tenant_id, kind=kind, seat=seat, hash=hashed(secret), hint=secret[-4:], **fields)
        return row, secret

    @property
    def ended_because(self):
        """A code; empty while it opens something."""
        if self.revoked_at:
            return "revoked"
        if self.seat.ended_at or not self.seat.user.is_active:
            return "seat_ended"
        return "expired" if self.expires_at and self.expires_at <= now() else ""


class InviteQuerySet(models.QuerySet):
    def open(self):
        """Those whose link still gives a seat."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=now(), made_by__ended_at=None)


class Invite(models.Model):
    """A link that gives a person a seat, once. Its secret's hash stands in an `AccessToken` whose subject it is."""

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False, related_name="invites")
    role = models.CharField(max_length=12, choices=Seat.Role)
    name = models.CharField(max_length=60, blank=True)
    email = models.EmailField(blank=True)  # empty: for whoever is handed the link
    made_by = models.ForeignKey(Seat, models.CASCADE, related_name="+")
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    seat = models.ForeignKey(Seat, models.SET_NULL, null=True, related_name="+")  # that it became
    revoked_at = models.DateTimeField(null=True)

    objects = InviteQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["tenant", "-made_at"], name="invite_newest")]

    @property
    def last_day(self):
        """By the calendar of its tenant."""
        return self.expires_at.astimezone(self.tenant.zone).date()
