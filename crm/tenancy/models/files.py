from django.db import models
from django.utils.timezone import now

from .base import TenantModel
from .people import Seat


class File(TenantModel):
    """What somebody uploaded. Its bytes lie under `media/<tenant>/<id>`; its type is what the bytes are, not what a name says."""

    kind = models.CharField(max_length=20)  # what it serves: logo, import
    name = models.CharField(max_length=200)  # as its owner called it
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    seat = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)
