from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import File, Seat, TenantModel

from .people import Member


class Introduction(TenantModel):
    """A newcomer's own words, asked for by a private link (an `AccessToken` whose subject this is), and then looked at."""

    class State(models.TextChoices):
        ASKED = "asked", _("link given")
        SENT = "sent", _("to be looked at")
        TAKEN = "taken", _("taken over")
        LEFT = "left", _("not taken over")
        REVOKED = "revoked", _("link taken back")

    member = models.ForeignKey(Member, models.CASCADE, related_name="introductions")
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    answers = models.JSONField(default=dict)  # as typed so far: {field: value}
    photo = models.ForeignKey(File, models.PROTECT, null=True, blank=True, related_name="+")
    version = models.PositiveIntegerField(default=0)  # counts what was saved, so that an older tab overwrites nothing newer
    asked_at = models.DateTimeField(default=now)
    asked_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    looked_by = models.ForeignKey(Seat, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "member"], condition=Q(state__in=("asked", "sent")), name="an_open_introduction_once"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "state", "-sent_at"], name="introduction_newest")]
