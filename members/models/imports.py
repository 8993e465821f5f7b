from django.db import models

from crm.tenancy.models import Job, TenantModel

from .people import Member


class ImportedRow(TenantModel):
    """What an import made of a member, kept so that it can be taken back as long as nothing else has touched them."""

    job = models.ForeignKey(Job, models.PROTECT, related_name="+")
    member = models.ForeignKey(Member, models.PROTECT, related_name="+")
    is_new = models.BooleanField(default=False)
    before = models.JSONField(default=dict)  # {field: value}, of what changed
    after = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "job", "member"], name="an_imported_row_once")]
