"""What a reshuffle must keep, each with its reason: who stays, who stays together, who is kept apart, who are stars."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import TenantModel, scoped
from members.models import Member

from .matrices import Matrix


class Pin(TenantModel):
    """A member who stays in their group: a host, or for another reason."""

    class Because(models.TextChoices):
        HOST = "host", _("holds the group together")
        WISH = "wish", _("asked to stay")
        OTHER = "other", _("other reason")

    matrix = models.ForeignKey(Matrix, models.CASCADE, related_name="pins")
    member = models.ForeignKey(Member, models.CASCADE, related_name="pins")
    because = models.CharField(max_length=8, choices=Because, default=Because.HOST)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "matrix", "member"], name="pinned_once", violation_error_message=_("This member is pinned already.")
            )
        ]


class Bond(TenantModel):
    """Members whom a reshuffle keeps together."""

    class Because(models.TextChoices):
        TEAM = "team", _("one team")
        COUPLE = "couple", _("a couple or family")
        WISH = "wish", _("asked to stay together")

    matrix = models.ForeignKey(Matrix, models.CASCADE, related_name="bonds")
    name = models.CharField(max_length=60, blank=True)
    because = models.CharField(max_length=8, choices=Because, default=Because.TEAM)
    members = models.ManyToManyField(Member, through="BondMember", related_name="bonds")


class BondMember(TenantModel):
    bond = models.ForeignKey(Bond, models.CASCADE, related_name="seats")
    member = models.ForeignKey(Member, models.CASCADE, related_name="bond_seats")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "bond", "member"], name="once_in_a_bond")]


class Apart(TenantModel):
    """Two members who are not put into one group."""

    matrix = models.ForeignKey(Matrix, models.CASCADE, related_name="aparts")
    one = models.ForeignKey(Member, models.CASCADE, related_name="+")
    other = models.ForeignKey(Member, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "matrix", "one", "other"], name="kept_apart_once"),
            models.CheckConstraint(condition=~Q(one=F("other")), name="apart_are_two", violation_error_message=_("These are one person.")),
        ]

    def clean(self):
        if self.one_id == self.other_id:
            raise ValidationError(_("These are one person."))


class StarQuerySet(models.QuerySet):
    def shining(self):
        return self.filter(until=None)


class Star(TenantModel):
    """A member whom others stay for."""

    class Because(models.TextChoices):
        SELLER = "seller", _("top seller")
        HOST = "host", _("hosts meetups")
        HELPER = "helper", _("helps many")

    member = models.ForeignKey(Member, models.CASCADE, related_name="stars")
    because = models.CharField(max_length=8, choices=Because, default=Because.HELPER)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    objects = scoped(StarQuerySet)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "member"], condition=Q(until=None), name="a_star_once")]
