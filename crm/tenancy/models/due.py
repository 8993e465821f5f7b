from django.db import models
from django.db.models import Q

from .base import TenantModel, scoped


class DueModel(TenantModel):
    """A promise (see `crm.tenancy.effects`). Inherit and register a keeper; give the state choices of your own, among them "waiting"."""

    due_at = models.DateTimeField()
    state = models.CharField(max_length=12, default="waiting")
    swept = ["waiting"]  # states in which the sweep looks for it when it is due

    objects = scoped()
    everywhere = models.Manager()  # for the sweep alone; the database shows it nothing outside `sweeping`

    class Meta:
        abstract = True


def due_index(name):
    """Every table with due rows has it: the sweep asks all tenants at once."""
    return models.Index(fields=["due_at"], condition=Q(state="waiting"), name=name)
