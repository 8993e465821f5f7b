"""Fields that the tenant defines, and which column of a file means which field."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.tenancy.models import Seat, TenantModel


class CustomField(TenantModel):
    """A field of the tenant's own. Its values stand in `Member.custom` under its id; one taken away keeps them."""

    class Kind(models.TextChoices):
        TEXT = "text", pgettext_lazy("kind of field", "text")
        NUMBER = "number", _("number")
        DATE = "date", _("date")
        CHOICE = "choice", _("one of several")
        CHOICES = "choices", _("some of several")

    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=Kind)
    choices = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    place = models.PositiveSmallIntegerField(default=0)
    is_asked = models.BooleanField(default=False)  # of newcomers, in the introduction
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="a_field_once", violation_error_message=_("There is a field of this name already.")
            ),
        ]

    def __str__(self):
        return self.name


class Mapping(TenantModel):
    """What the columns of files of one shape mean, as somebody settled it; the next file of that shape is read the same way."""

    kind = models.CharField(max_length=12)  # members, cohorts, interactions
    shape = models.CharField(max_length=64)  # a hash of the header
    columns = models.JSONField(default=dict)  # {header: field, or "" for one that is left out}
    settled_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    settled_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "shape"], name="a_shape_once")]
