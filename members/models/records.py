"""What is kept of one member beside the fields: notes, consents, and the bricks of what they can do."""

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat, TenantModel

from .people import Member


class Note(TenantModel):
    member = models.ForeignKey(Member, models.CASCADE, related_name="notes")
    text = models.TextField()
    seat = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    written_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "member", "-written_at"], name="note_newest")]


class Consent(TenantModel):
    """What a member allowed, and until when."""

    class To(models.TextChoices):
        CONTACT = "contact", _("to be written to")
        EXPOSURE = "exposure", _("to be shown to others")
        PHOTO = "photo", _("to have the photo shown")

    class Source(models.TextChoices):
        FORM = "form", _("by the introduction form")
        TOLD = "told", _("told to us")

    member = models.ForeignKey(Member, models.CASCADE, related_name="consents")
    to = models.CharField(max_length=12, choices=To)
    source = models.CharField(max_length=8, choices=Source, default=Source.TOLD)
    given_at = models.DateTimeField(default=now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "member", "to"], condition=Q(withdrawn_at=None), name="a_standing_consent_once"),
        ]


class Module(TenantModel):
    """Industry + skill + person, the brick of the business model. Industry and skill are names of words."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="modules")
    industry = models.CharField(max_length=60)
    skill = models.CharField(max_length=60)
    says = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "member", "industry", "skill"],
                name="a_module_once",
                violation_error_message=_("This member has this module already."),
            ),
        ]
