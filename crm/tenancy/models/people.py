"""Who may come in: users, tenants and the seats that join them. Global tables: sign-in reads them before any tenant is known."""

import zoneinfo

import uuid_utils.compat
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from ..slugs import RESERVED

SLUG = r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$"


class UserManager(BaseUserManager):
    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """Whoever signs in, by e-mail; what they may do stands in their seats."""

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    email = models.EmailField(_("e-mail"), unique=True, error_messages={"unique": _("There is a user with this e-mail already.")})
    name = models.CharField(_("name"), max_length=60, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    # Demo accounts have a password that everybody knows, so they refuse to exist outside the demo.
    is_demo = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    def __str__(self):
        return self.name or self.email


def a_time_zone(name):
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("“%(name)s” is no time zone; for example Asia/Shanghai."), params={"name": name})


def not_reserved(slug):
    if slug in RESERVED:
        raise ValidationError(_("“%(slug)s” is reserved; add a word to it."), params={"slug": slug})


def rises_after():
    return [0, 60, 180]


class Tenant(models.Model):
    """One owner's whole business."""

    class Language(models.TextChoices):
        CHINESE = "zh-hans", "简体中文"
        ENGLISH = "en", "English"

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(SLUG, _("Small letters, digits and hyphens, such as qinghe.")), not_reserved],
    )
    name = models.CharField(max_length=80)
    time_zone = models.CharField(max_length=40, default="Asia/Shanghai", validators=[a_time_zone])
    currency = models.CharField(max_length=3, default="CNY")
    language = models.CharField(max_length=10, choices=Language, default=Language.CHINESE)
    country = models.CharField(max_length=2, default="CN")
    # Pages that the community shows to outsiders wear its colour and its logo, a `File` of its own (a bare id: tenants are global).
    colour = models.CharField(max_length=7, blank=True, validators=[RegexValidator(r"^#[0-9a-f]{6}$", _("A colour such as #0b6e78."))])
    logo = models.UUIDField(null=True, blank=True)
    hidden_fields = models.JSONField(default=dict, blank=True)  # {role: names of personal fields that it does not see}
    # How many invitations a day one assistant may send before the platform takes them for a robot.
    tasks_a_day = models.PositiveSmallIntegerField(default=90, validators=[MinValueValidator(1), MaxValueValidator(2000)])
    # So many days before a term ends, somebody is given the task to ask about renewal.
    renewal_days = models.PositiveSmallIntegerField(default=14, validators=[MinValueValidator(1), MaxValueValidator(180)])
    # So many minutes after a task is late it is brought to its assistant, to another one, and to the owner.
    rises_after = ArrayField(models.PositiveSmallIntegerField(), default=rises_after, size=3)
    created_at = models.DateTimeField(default=now)

    def __str__(self):
        return self.name

    @cached_property
    def zone(self):
        return zoneinfo.ZoneInfo(self.time_zone)

    def today(self):
        return now().astimezone(self.zone).date()


class SeatQuerySet(models.QuerySet):
    def standing(self):
        """Seats that were not taken away."""
        return self.filter(ended_at=None, user__is_active=True)

    def at_work(self, day):
        """Those of them whom nobody stands in for on this day."""
        return self.standing().exclude(stand_in_until__gt=day)

    def owner_first(self):
        order = models.Case(*[models.When(role=role, then=place) for place, role in enumerate(Seat.Role.values)], default=9)
        return self.order_by(order, "id")


class Seat(models.Model):
    """A user in a tenant, with a role. Rows of the tenant refer to it by tenant and id."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        OPERATOR = "operator", _("Operator")
        ASSISTANT = "assistant", _("Assistant")
        VIEWER = "viewer", _("Viewer")

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False, related_name="seats")
    user = models.ForeignKey(User, models.CASCADE, related_name="seats")
    role = models.CharField(max_length=12, choices=Role)
    name = models.CharField(max_length=60, blank=True)
    # How much work one person can bear; none: nobody counts.
    minutes_a_week = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10080)])
    # Who does what comes up for them before that day, since they are ill or away: another seat of the tenant.
    stand_in = models.UUIDField(null=True, blank=True, editable=False)
    stand_in_until = models.DateField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "id"], name="seat_in_tenant"),
            models.UniqueConstraint(fields=["tenant", "user"], condition=Q(ended_at=None), name="one_seat_a_user"),
        ]

    def __str__(self):
        return self.name or str(self.user)

    @property
    def is_owner(self):
        return self.role == self.Role.OWNER

    @property
    def works(self):
        """It stands, and does not only look on. Asks for the user."""
        return self.ended_at is None and self.user.is_active and self.role != self.Role.VIEWER

    def is_stood_in_for(self, day):
        return self.stand_in_until is not None and day < self.stand_in_until
