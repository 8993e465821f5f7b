from django.db import connection, models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from ..scope import active_tenant
from .base import AppendOnlyModel, scoped
from .people import Seat


class EventQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-at", "-id")

    def of(self, subject):
        return self.filter(subject=subject.pk)

    def kinds(self):
        """All that there are, each found by one step into the index instead of a walk over every fact."""
        first = "SELECT kind FROM tenancy_event WHERE tenant_id = %s ORDER BY kind LIMIT 1"
        following = "SELECT kind FROM tenancy_event WHERE tenant_id = %s AND kind > known.kind ORDER BY kind LIMIT 1"
        walk = f"({first}) UNION ALL SELECT ({following}) FROM known WHERE kind IS NOT NULL"
        with connection.cursor() as cursor:
            cursor.execute(f"WITH RECURSIVE known AS ({walk}) SELECT kind FROM known", [active_tenant()] * 2)
            return [kind for (kind,) in cursor.fetchall() if kind]

    def about_member(self, *pks):
        """Of one person; several ids are rows that were merged into one."""
        return self.filter(Q(member__in=pks) | Q(subject__in=pks))


class Event(AppendOnlyModel):
    """One fact: who did what to whom, when, through which door. It holds ids and codes, no personal data."""

    class Door(models.TextChoices):
        PAGE = "page", _("page")
        PHONE = "phone", _("phone")
        API = "api", _("API")
        JOB = "job", _("clock")
        COMMAND = "command", _("command")

    kind = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=40)
    subject = models.UUIDField()
    member = models.UUIDField(null=True)
    seat = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(default=now)
    because = models.CharField(max_length=120, blank=True)
    door = models.CharField(max_length=8, choices=Door)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = scoped(EventQuerySet)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-at", "-id"], name="event_newest"),
            models.Index(fields=["tenant", "kind", "-at", "-id"], name="event_kind"),
            models.Index(fields=["tenant", "seat", "-at", "-id"], name="event_seat"),
            models.Index(fields=["tenant", "door", "-at", "-id"], name="event_door"),
            models.Index(fields=["tenant", "subject"], name="event_subject"),
            models.Index(fields=["tenant", "member"], name="event_member"),
        ]
