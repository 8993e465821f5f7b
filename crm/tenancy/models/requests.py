import datetime

from django.db import models
from django.utils.timezone import now

from .base import TenantModel, scoped

KEPT = datetime.timedelta(days=1)


class IdempotencyKeyQuerySet(models.QuerySet):
    def over(self):
        """Those whose answer has been kept for long enough."""
        return self.filter(created_at__lte=now() - KEPT)


class IdempotencyKey(TenantModel):
    """The answer to a request that its caller numbered, kept for a day, so that the same number gets the same answer."""

    token = models.UUIDField()  # the API key's id: two keys may use one number
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, path and body
    status = models.PositiveSmallIntegerField(null=True)  # empty while the first request is at it
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=now)

    objects = scoped(IdempotencyKeyQuerySet)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "token", "key"], name="one_answer_a_key")]
        indexes = [models.Index(fields=["tenant", "created_at"], name="idempotency_age")]
