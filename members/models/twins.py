"""The same person twice: pairs that look like one, and what was merged."""

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat, TenantModel, scoped

from .people import Member


class TwinQuerySet(models.QuerySet):
    def waiting(self):
        """To be decided, the surest first; those put off come last."""
        return self.filter(state__in=(Twin.State.OPEN, Twin.State.LATER)).order_by("-state", "-score", "id")


class Twin(TenantModel):
    """Two members who may be one person. `one` has the smaller id, so a pair is there once."""

    class State(models.TextChoices):
        OPEN = "open", _("to decide")
        LATER = "later", _("decide later")
        APART = "apart", _("not the same person")
        MERGED = "merged", _("merged")

    one = models.ForeignKey(Member, models.CASCADE, related_name="+")
    other = models.ForeignKey(Member, models.CASCADE, related_name="+")
    because = models.JSONField(default=list)  # codes of what is the same and what differs
    score = models.PositiveSmallIntegerField(default=0)  # 0 to 100
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(default=now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Seat, models.PROTECT, null=True, blank=True, related_name="+")

    objects = scoped(TwinQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "one", "other"], name="a_pair_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="a_pair_in_order"),
        ]
        indexes = [models.Index(fields=["tenant", "state", "-score"], name="twin_waiting")]


class Merge(TenantModel):
    """One member's row became part of another's. `before` holds all that is needed to take it back."""

    kept = models.ForeignKey(Member, models.PROTECT, related_name="merges")
    gone = models.ForeignKey(Member, models.PROTECT, related_name="+")
    because = models.CharField(max_length=20)  # a code: phone, wechat, decided …
    before = models.JSONField(default=dict)
    at = models.DateTimeField(default=now)
    by = models.ForeignKey(Seat, models.PROTECT, null=True, blank=True, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "kept"], name="merge_kept"), models.Index(fields=["tenant", "gone"], name="merge_gone")]
