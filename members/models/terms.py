from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat, TenantModel

from .people import Member


class Renewal(TenantModel):
    """One paid span of membership, the first one or a later one. The last day of a member's term is the latest of theirs."""

    class Source(models.TextChoices):
        DIRECT = "direct", _("paid to us")
        PLANET = "planet", _("knowledge planet")
        SHOP = "shop", _("shop")
        GIFT = "gift", _("given")
        OTHER = "other", _("elsewhere")

    member = models.ForeignKey(Member, models.PROTECT, related_name="renewals")
    begins_on = models.DateField()
    ends_on = models.DateField()
    price = models.PositiveBigIntegerField(null=True, blank=True)  # minor units; unknown where the past is imported
    currency = models.CharField(max_length=3)
    source = models.CharField(max_length=8, choices=Source, default=Source.DIRECT)
    note = models.CharField(max_length=200, blank=True)
    paid_on = models.DateField()
    noted_at = models.DateTimeField(default=now)
    noted_by = models.ForeignKey(Seat, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("begins_on")),
                name="a_renewal_ends_after_it_begins",
                violation_error_message=_("The term ends before it begins."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "member", "begins_on"],
                name="a_term_once",
                violation_error_message=_("A term that begins on this day is there already."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "paid_on"], name="renewal_paid")]
