from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .base import scoped
from .due import DueModel, due_index
from .files import File
from .people import Seat


class JobQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-asked_at", "-id")


class Job(DueModel):
    """Work that takes longer than a request. It waits until it has ended; while a worker is at it, `due_at` is when that one
    must have said more, or another takes it over."""

    class State(models.TextChoices):
        WAITING = "waiting", _("being done")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    asked = models.JSONField(default=dict)  # what is to be done: ids, codes, numbers
    file = models.ForeignKey(File, models.PROTECT, null=True, related_name="jobs")
    seat = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    door = models.CharField(max_length=8, blank=True)
    asked_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    stage = models.CharField(max_length=40, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)  # 0: not known yet
    outcome = models.JSONField(default=dict)
    problem = models.JSONField(default=dict)  # {code, sentence} in the asker's language

    objects = scoped(JobQuerySet)

    class Meta:
        indexes = [due_index("job_due"), models.Index(fields=["tenant", "-asked_at"], name="job_newest")]

    @property
    def percent(self):
        return min(100, 100 * self.done // self.total) if self.total else 0
