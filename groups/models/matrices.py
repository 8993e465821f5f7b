"""Who sits where: matrices of parallel groups, half-years, and placements."""

import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import Seat, TenantModel, scoped
from members.models import Member

WEIGHTS = {"known": 1, "star": 20, "newcomer": 2, "size": 1, "city": 0.5, "industry": 0.5, "skill": 0.25}


def default_weights():
    return dict(WEIGHTS)


class MatrixQuerySet(models.QuerySet):
    def reshuffled(self):
        return self.filter(is_reshuffled=True)


class Matrix(TenantModel):
    """Parallel groups of one kind; where it is reshuffled, its members are dealt anew each half-year."""

    name = models.CharField(_("name"), max_length=60)
    is_reshuffled = models.BooleanField(_("reshuffled each half-year"), default=True)
    lead_days = models.PositiveSmallIntegerField(_("days before the half-year on which the plan is proposed"), default=45)
    minutes_per_move = models.PositiveSmallIntegerField(_("minutes of work per move"), default=2, validators=[MinValueValidator(1)])
    code_days = models.PositiveSmallIntegerField(
        _("days for which a group's code lets people in"),
        default=7,
        db_default=7,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    least_percent = models.PositiveSmallIntegerField(
        _("least group size, percent of the mean"), default=80, validators=[MaxValueValidator(100)]
    )
    half_life = models.FloatField(
        _("half-years after which having sat together counts half"), default=1.0, validators=[MinValueValidator(0.1)]
    )
    weights = models.JSONField(default=default_weights)

    objects = scoped(MatrixQuerySet)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="a_matrix_name_once")]

    def __str__(self):
        return self.name


class GroupQuerySet(models.QuerySet):
    def open(self):
        return self.filter(closed_on=None)

    def in_order(self):
        return self.order_by("matrix", F("number").asc(nulls_last=True), "name")

    def held_open(self, pk):
        """Whether it is open, and stays so until this act stands."""
        return self.open().select_for_update(no_key=True).filter(pk=pk).first() is not None

    def with_headcount(self):
        """How many sit there now; without a join, which would multiply with whatever else is asked of them."""
        seats = Placement.objects.open().filter(group=OuterRef("pk")).order_by().values("group").annotate(n=Count("pk")).values("n")
        return self.annotate(headcount=Coalesce(Subquery(seats), 0))


class Group(TenantModel):
    """One chat group on some platform, with a capacity."""

    class Mode(models.TextChoices):
        LIGHT = "light", _("light")
        HEAVY = "heavy", _("heavy")

    matrix = models.ForeignKey(Matrix, models.PROTECT, related_name="groups")
    name = models.CharField(max_length=60)
    number = models.PositiveSmallIntegerField(null=True, blank=True)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.LIGHT)
    capacity = models.PositiveIntegerField(default=500, validators=[MinValueValidator(1)])
    # A group's own least size, where it differs from the matrix's share of the mean.
    least = models.PositiveIntegerField(null=True, blank=True)
    assistant = models.ForeignKey(Seat, models.PROTECT, null=True, blank=True, related_name="+")
    rhythm = models.ForeignKey("groups.Rhythm", models.PROTECT, null=True, blank=True, related_name="groups")  # none: its mode's usual one
    chat_url = models.URLField(max_length=300, blank=True)  # opens the chat in its app
    closed_on = models.DateField(null=True, blank=True)

    objects = scoped(GroupQuerySet)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "matrix", "name"], name="a_group_name_once")]

    def __str__(self):
        return self.name

    @property
    def short(self):
        """How people say it: the number where it has one."""
        return _now("G%(number)d") % {"number": self.number} if self.number else self.name


class CohortQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-year", "-half")


class Cohort(TenantModel):
    """One half-year of a matrix. H1 is January to June, H2 July to December, by the tenant's calendar."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        CURRENT = "current", _("current")
        PAST = "past", _("past")

    matrix = models.ForeignKey(Matrix, models.PROTECT, related_name="cohorts")
    year = models.PositiveSmallIntegerField()
    half = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(2)])
    state = models.CharField(max_length=8, choices=State, default=State.PLANNED)

    objects = scoped(CohortQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "matrix", "year", "half"], name="a_half_year_once"),
            models.UniqueConstraint(fields=["tenant", "matrix"], condition=Q(state="current"), name="one_current_half_year"),
        ]

    def __str__(self):
        return self.name

    @property
    def code(self):
        return f"{self.year}H{self.half}"

    @property
    def name(self):
        words = _now("first half of %(year)d") if self.half == 1 else _now("second half of %(year)d")
        return words % {"year": self.year}

    @property
    def begins_on(self):
        return datetime.date(self.year, 1 if self.half == 1 else 7, 1)

    @property
    def next_half(self):
        return (self.year, 2) if self.half == 1 else (self.year + 1, 1)


class PlacementQuerySet(models.QuerySet):
    def open(self):
        """Where people sit now."""
        return self.filter(until=None)


class Placement(TenantModel):
    """Where somebody sat, from a day until another; open while they sit there."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="placements")
    group = models.ForeignKey(Group, models.PROTECT, related_name="placements")
    matrix = models.ForeignKey(Matrix, models.PROTECT, related_name="placements")
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="placements")
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    objects = scoped(PlacementQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "member", "matrix"], condition=Q(until=None), name="one_open_placement"),
        ]
        indexes = [
            models.Index(fields=["tenant", "cohort"], name="placement_cohort"),
            models.Index(fields=["tenant", "member"], name="placement_member"),
            models.Index(fields=["tenant", "group"], condition=Q(until=None), name="placement_seated"),
        ]
