"""The way from one half-year to the next: the calendar's steps, drafts, waves and moves."""

import datetime

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import DueModel, Seat, TenantModel, due_index, scoped
from members.models import Member

from .matrices import Cohort, Group, Matrix
from .tasks import Task


class CalendarStep(DueModel):
    """What the calendar of a half-year will do by itself, laid out ahead, once each."""

    class Kind(models.TextChoices):
        PROPOSE = "propose", _("propose a plan")
        BEGIN = "begin", _("begin the half-year")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        PASSED = "passed", _("passed over")

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=8, choices=Kind)
    # The tenant's wall clock beside the instant, so that a changed time zone can recompute what has not begun.
    wall_time = models.DateTimeField()
    time_zone = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "cohort", "kind"], name="a_calendar_step_once")]
        indexes = [due_index("calendar_step_due")]


class Reshuffle(TenantModel):
    """The plan and its carrying out that takes a matrix into one half-year."""

    class State(models.TextChoices):
        OPEN = "open", _("to be decided")
        APPROVED = "approved", _("being carried out")
        DONE = "done", _("done")

    matrix = models.ForeignKey(Matrix, models.PROTECT, related_name="reshuffles")
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="reshuffles")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    chosen = models.ForeignKey("Draft", models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "cohort"], name="a_reshuffle_per_half_year")]

    @property
    def is_open(self):
        return self.state == self.State.OPEN


class DraftQuerySet(models.QuerySet):
    def without_plan(self):
        """The plan is long; lists do not need it."""
        return self.defer("plan")

    def in_order(self):
        return self.order_by("number")


class Draft(DueModel):
    """One proposed plan. While a worker thinks, `due_at` lies ahead and is its heartbeat; a dead worker's falls due."""

    class State(models.TextChoices):
        WAITING = "waiting", _("being made")
        READY = "ready", _("ready")
        IMPOSSIBLE = "impossible", _("no plan can exist")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    reshuffle = models.ForeignKey(Reshuffle, models.CASCADE, related_name="drafts")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    requested_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(default=now)
    max_moves = models.PositiveIntegerField(null=True)
    seed = models.PositiveBigIntegerField(default=1)
    steps = models.PositiveBigIntegerField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # How far it came: a stage (codes of `thinking.STAGES`) and a share of it, for whoever watches.
    stage = models.CharField(max_length=12, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    best = models.FloatField(null=True)
    seconds = models.FloatField(null=True)
    ready_at = models.DateTimeField(null=True)
    # What the plan was made of; another mark today means that it is stale.
    mark = models.JSONField(default=dict)
    plan = models.JSONField(null=True)
    figures = models.JSONField(null=True)
    curve = models.JSONField(null=True)
    problems = models.JSONField(default=list)

    objects = scoped(DraftQuerySet)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "reshuffle", "number"], name="a_draft_number_once")]
        indexes = [due_index("draft_due")]

    @property
    def letter(self):
        """A, B, … Z, AA, AB …"""
        name, rest = "", self.number
        while rest > 0:
            rest, place = divmod(rest - 1, 26)
            name = chr(65 + place) + name
        return name

    @property
    def is_ready(self):
        return self.state == self.State.READY


class Wave(DueModel):
    """The moves that one assistant is handed on one day."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        HANDED_OUT = "handed_out", _("handed out")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped")

    reshuffle = models.ForeignKey(Reshuffle, models.CASCADE, related_name="waves")
    assistant = models.ForeignKey(Seat, models.PROTECT, related_name="+")
    day = models.DateField()
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    handed_out_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "reshuffle", "assistant", "day"], name="a_wave_a_day")]
        indexes = [due_index("wave_due")]


class MoveQuerySet(models.QuerySet):
    def in_order(self):
        return self.order_by("rank")

    def single(self):
        """Of one person by themselves, outside of any reshuffle."""
        return self.filter(reshuffle=None)

    def coming(self):
        """On the way into a group: by a reshuffle that is carried out, or by themselves."""
        alone = Q(reshuffle=None, state=Move.State.WAITING)
        return self.filter(alone | Q(reshuffle__state=Reshuffle.State.APPROVED)).exclude(state=Move.State.JOINED)


class Move(TenantModel):
    """One member asked from one group into another; an intention until they sit there. Without a reshuffle it is of one person alone."""

    class State(models.TextChoices):
        WAITING = "waiting", _("not asked yet")
        ASKED = "asked", _("asked")
        JOINED = "joined", _("joined")
        REFUSED = "refused", _("refused")
        UNREACHABLE = "unreachable", _("unreachable")
        KEPT = "kept", _("keeps the old group")

    reshuffle = models.ForeignKey(Reshuffle, models.CASCADE, null=True, related_name="moves")
    member = models.ForeignKey(Member, models.PROTECT, related_name="moves")
    from_group = models.ForeignKey(Group, models.PROTECT, related_name="moves_out")
    to_group = models.ForeignKey(Group, models.PROTECT, related_name="moves_in")
    wave = models.ForeignKey(Wave, models.PROTECT, null=True, related_name="moves")
    rank = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    changed_at = models.DateTimeField(default=now)
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="moves")

    objects = scoped(MoveQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "reshuffle", "member"], name="a_member_moves_once"),
            models.UniqueConstraint(fields=["tenant", "task"], condition=~Q(task=None), name="a_move_per_task"),
            models.UniqueConstraint(
                fields=["tenant", "member"], condition=Q(reshuffle=None, state="waiting"), name="one_single_move_at_once"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "reshuffle", "state"], name="move_state")]


PATIENCE = datetime.timedelta(seconds=60)  # a worker that was silent for so long is taken for dead
