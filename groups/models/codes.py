"""The way into a chat by scanning: a picture or link per group, which its platform lets die."""

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import DueModel, File, Seat, due_index

from .matrices import Group
from .tasks import Task


class GroupCode(DueModel):
    """One code of a group. While it waits, `due_at` is when the next one is asked for, and then when it dies."""

    class State(models.TextChoices):
        WAITING = "waiting", _("in use")
        OVER = "over", _("no longer used")

    group = models.ForeignKey(Group, models.PROTECT, related_name="codes")
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    picture = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")
    link = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(default=now)
    made_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField()
    scans = models.PositiveIntegerField(default=0)  # told by hand, beside those that we saw
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="codes")  # which asks for the next one

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "group"], condition=Q(state="waiting"), name="one_code_in_use"),
        ]
        indexes = [due_index("group_code_due"), models.Index(fields=["tenant", "task"], name="group_code_task")]
