"""A newcomer's way in: the evening on which they enter, the steps in their order, and who was called to greet them."""

import datetime

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.tenancy.models import DueModel, File, Seat, TenantModel, due_index, scoped
from members.models import Member

from .matrices import Group, Matrix, Placement
from .tasks import Task


class Evenings(TenantModel):
    """When newcomers enter, on the clock of the community, and how many at once. One row a community; without one, these."""

    begins = models.TimeField(_("from"), default=datetime.time(20))
    ends = models.TimeField(_("until"), default=datetime.time(22))
    cap = models.PositiveSmallIntegerField(_("newcomers in one evening"), default=10)
    minutes_between = models.PositiveSmallIntegerField(_("minutes between two"), default=5)
    callers = models.PositiveSmallIntegerField(_("members who are named in a welcome"), default=3)
    calls_a_week = models.PositiveSmallIntegerField(_("times a week that somebody is named at most"), default=2)
    rest_days = models.PositiveSmallIntegerField(_("days that a silent caller rests"), default=30)  # 0: nobody rests for it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="evenings_of_a_community")]


class ArrivalQuerySet(models.QuerySet):
    def open(self):
        """Not in yet."""
        return self.filter(state__in=(Arrival.State.WAITING, Arrival.State.PLANNED))

    def waiting(self):
        """Without an evening; who has waited longest comes first. Who left the community meanwhile waits for nothing."""
        return self.filter(state=Arrival.State.WAITING, member__standing=Member.Standing.CURRENT).order_by("added_at", "id")

    def on(self, day):
        """An evening's, in the order in which they enter."""
        return self.filter(day=day).exclude(state=Arrival.State.CALLED_OFF).order_by("at", "added_at", "id")


class Arrival(TenantModel):
    """A newcomer's way into a group of one matrix."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        PLANNED = "planned", _("planned")
        ENTERED = "entered", _("entered without a welcome")
        WELCOMED = "welcomed", _("welcomed")
        CALLED_OFF = "called_off", _("called off")

    member = models.ForeignKey(Member, models.PROTECT, related_name="arrivals")
    matrix = models.ForeignKey(Matrix, models.PROTECT, related_name="arrivals")
    group = models.ForeignKey(Group, models.PROTECT, null=True, related_name="arrivals")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # On the tenant's wall; empty while nobody planned it.
    day = models.DateField(null=True)
    at = models.TimeField(null=True)
    urgent_because = models.CharField(max_length=200, blank=True)  # why it did not wait for an evening
    paid_at = models.DateTimeField(null=True)  # if known
    added_at = models.DateTimeField(default=now)
    assistant = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    placement = models.ForeignKey(Placement, models.SET_NULL, null=True, related_name="+")  # where this arrival seated them
    welcomed_at = models.DateTimeField(null=True)
    chain = models.PositiveSmallIntegerField(null=True)  # length of the greeting chain

    objects = scoped(ArrivalQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "member", "matrix"], condition=Q(state__in=("waiting", "planned")), name="an_open_arrival_once"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "day"], name="arrival_day"),
            models.Index(fields=["tenant", "added_at"], condition=Q(state="waiting"), name="arrival_waiting"),
            models.Index(fields=["tenant", "group", "-welcomed_at"], name="arrival_welcomed"),
        ]

    @property
    def is_urgent(self):
        return bool(self.urgent_because)

    @property
    def since(self):
        """From when on they wait."""
        return self.paid_at or self.added_at


class ArrivalStep(DueModel):
    """One step of an arrival. Those with a number are held in its order; the form and its reminder bar nothing."""

    class Kind(models.TextChoices):
        FORM = "form", _("introduction form")
        CHASE = "chase", _("reminder of the form")
        ANNOUNCE = "announce", _("Announcement")
        PACKET = "packet", _("Red packet")
        INTRODUCTION = "introduction", _("Introduction")
        WELCOME = "welcome", _("Welcome and names")
        CHAIN = "chain", _("Greeting chain")

    # Below a dot, where five stand beside each other on a phone.
    SHORT = {
        "announce": pgettext_lazy("below a dot", "Notice"),
        "packet": pgettext_lazy("below a dot", "Packet"),
        "introduction": pgettext_lazy("below a dot", "Intro"),
        "welcome": pgettext_lazy("below a dot", "Welcome"),
        "chain": pgettext_lazy("below a dot", "Chain"),
    }

    class State(models.TextChoices):
        BARRED = "barred", _("after the one ahead of it")
        WAITING = "waiting", _("waiting")
        HANDED_OUT = "handed_out", _("to do")
        DONE = "done", _("done")
        SKIPPED = "skipped", _("skipped")
        WITHDRAWN = "withdrawn", _("withdrawn")

    arrival = models.ForeignKey(Arrival, models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=12, choices=Kind)
    number = models.PositiveSmallIntegerField(default=0)  # 0: outside the order
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="arrival_steps")
    because = models.CharField(max_length=200, blank=True)  # why it was skipped
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "arrival", "kind"], name="an_arrival_step_once"),
            models.UniqueConstraint(fields=["tenant", "task"], condition=~Q(task=None), name="an_arrival_step_per_task"),
        ]
        indexes = [due_index("arrival_step_due")]

    @property
    def short(self):
        return self.SHORT.get(self.kind, self.get_kind_display())

    @property
    def is_ended(self):
        return self.state in (self.State.DONE, self.State.SKIPPED)


class Calling(TenantModel):
    """That a member is named in somebody's welcome, and why: parts that add up, as [[code, points, word], …]."""

    arrival = models.ForeignKey(Arrival, models.CASCADE, related_name="callings")
    member = models.ForeignKey(Member, models.CASCADE, related_name="callings")
    why = models.JSONField(default=list)
    at = models.DateTimeField(default=now)
    answered = models.BooleanField(null=True)  # None: nobody has said, and then it counts for nothing
    is_forgiven = models.BooleanField(default=False)  # a silence that does not count any more: they were woken since

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "arrival", "member"], name="named_once_in_a_welcome")]
        indexes = [models.Index(fields=["tenant", "member", "-at"], name="calling_of_member")]


class Sticker(TenantModel):
    """One of the community's own stickers, offered with the welcome."""

    name = models.CharField(max_length=60)
    picture = models.ForeignKey(File, models.PROTECT, related_name="+")
    dropped_at = models.DateTimeField(null=True)  # tasks that carry it keep its picture
    added_at = models.DateTimeField(default=now)
