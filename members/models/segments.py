from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat, TenantModel, scoped


class SegmentQuerySet(models.QuerySet):
    def open_to(self, seat):
        """The shared ones and this seat's own."""
        return self.filter(models.Q(seat=None) | models.Q(seat=seat))


class Segment(TenantModel):
    """Saved filters over members, with a name: whoever they fit now. Shared, or of one seat alone."""

    name = models.CharField(max_length=40)
    asked = models.JSONField(default=dict)  # {name of a filter: value}, and `q` for words
    seat = models.ForeignKey(Seat, models.CASCADE, null=True, blank=True, related_name="+")  # null: shared
    made_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=now)

    objects = scoped(SegmentQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "seat", "name"],
                nulls_distinct=False,
                name="a_segment_once",
                violation_error_message=_("There is a segment of this name already."),
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def is_shared(self):
        return self.seat_id is None
