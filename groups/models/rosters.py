"""The member list of a chat as somebody pasted it: whom it names, and what of it is not settled."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Job, Seat, TenantModel, scoped
from members.models import Member

from .matrices import Group


class RosterQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-pasted_at", "-id")


class Roster(TenantModel):
    """One pasted list. Names stand in its lines only as long as they are not settled; then ids and numbers are left."""

    class State(models.TextChoices):
        OPEN = "open", _("to be looked at")
        WORKING = "working", _("being booked")
        BOOKED = "booked", _("booked")
        UNDOING = "undoing", _("being taken back")
        UNDONE = "undone", _("taken back")
        DROPPED = "dropped", _("set aside")

    group = models.ForeignKey(Group, models.PROTECT, related_name="rosters")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    pasted_at = models.DateTimeField(default=now)
    pasted_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    names = models.PositiveIntegerField(default=0)  # how many the list holds
    said = models.PositiveIntegerField(null=True)  # how many the chat says there are
    booked_at = models.DateTimeField(null=True)
    booked_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    counts = models.JSONField(default=dict)  # what was booked: {code: how many}
    job = models.ForeignKey(Job, models.PROTECT, null=True, related_name="+")  # where it is long work
    # Of names that are nobody of ours only a mark is kept, by which they are known again in the next list of this group.
    passed_over = ArrayField(models.CharField(max_length=40), default=list)

    objects = scoped(RosterQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "group"], condition=Q(state__in=("open", "working", "undoing")), name="one_roster_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-pasted_at"], name="roster_newest")]

    @property
    def is_open(self):
        return self.state == self.State.OPEN

    @property
    def came(self):
        return sum(self.counts.get(name, 0) for name in ("joined", "moved", "seated"))

    @property
    def is_working(self):
        return self.state in (self.State.WORKING, self.State.UNDOING)


class RosterLine(TenantModel):
    """One name of a pasted list, and after the booking one person whom it touched."""

    class State(models.TextChoices):
        KNOWN = "known", _("known")
        DOUBTFUL = "doubtful", _("doubtful")
        UNKNOWN = "unknown", _("unknown")
        PASSED = "passed", _("passed over")

    roster = models.ForeignKey(Roster, models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State)
    text = models.CharField(max_length=200, blank=True)  # as it was pasted, until the line is settled
    handle = models.CharField(max_length=120, blank=True)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+")
    candidates = ArrayField(models.UUIDField(), default=list)
    decided_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    learnt = models.JSONField(default=dict)  # what a decision added to the member: {"nickname": id, "handle": id, "member": id}
    booked = models.JSONField(default=dict)  # what the booking did, by ids, so that it can be taken back

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "roster", "number"], name="a_roster_line_once")]
        indexes = [models.Index(fields=["tenant", "member"], name="roster_line_member")]
