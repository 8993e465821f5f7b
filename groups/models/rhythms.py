"""The rhythm of a group: what is done there each week, and each time that it is to be done."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import DueModel, File, Seat, TenantModel, due_index, scoped

from .delivery import Push
from .matrices import Group
from .tasks import Task


class RhythmQuerySet(models.QuerySet):
    def open(self):
        return self.filter(ended_on=None)

    def in_order(self):
        return self.order_by("mode", "-is_usual", "name")


class Rhythm(TenantModel):
    """The fixed slots of a week. A group follows its own choice, or else the usual one of its mode."""

    name = models.CharField(_("name"), max_length=60)
    mode = models.CharField(_("mode"), max_length=8, choices=Group.Mode)
    is_usual = models.BooleanField(default=False)
    ended_on = models.DateField(null=True, blank=True)  # dropped; what was done by it stays

    objects = scoped(RhythmQuerySet)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=Q(ended_on=None),
                name="a_rhythm_name_once",
                violation_error_message=_("There is a rhythm of this name already."),
            ),
            models.UniqueConstraint(fields=["tenant", "mode"], condition=Q(is_usual=True), name="one_usual_rhythm_of_a_mode"),
        ]

    def __str__(self):
        return self.name


class SlotQuerySet(models.QuerySet):
    def open(self):
        return self.filter(ended_on=None)

    def in_order(self):
        return self.order_by("weekday", "at", "id")


class Slot(TenantModel):
    """What is done on one weekday at one time: in every group of a rhythm, or beyond it in one group alone."""

    class Practice(models.TextChoices):
        POST = "post", _("fixed post")
        CHAIN = "chain", _("order chain")
        TALK = "talk", _("talk")
        REVIEW = "review", _("review")

    class Given(models.TextChoices):
        GROUP = "group", _("to the group's assistant")
        TURN = "turn", _("by turns")
        FREE = "free", _("to whoever is free")
        ROBOT = "robot", _("by the group's robot")

    rhythm = models.ForeignKey(Rhythm, models.CASCADE, null=True, blank=True, related_name="slots")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="own_slots")
    weekday = models.PositiveSmallIntegerField(_("weekday"), validators=[MaxValueValidator(6)])  # 0 is Monday
    at = models.TimeField(_("time"))  # on the tenant's wall
    practice = models.CharField(_("kind"), max_length=8, choices=Practice, default=Practice.POST)
    title = models.CharField(_("what is done"), max_length=60)
    text = models.TextField(_("text"), blank=True)  # with variables in braces, see `groups.texts`
    picture = models.ForeignKey(File, models.PROTECT, null=True, blank=True, related_name="+")
    minutes = models.PositiveSmallIntegerField(_("minutes"), default=5, validators=[MinValueValidator(1), MaxValueValidator(480)])
    within = models.PositiveSmallIntegerField(  # minutes after `at` until it is late
        _("minutes until it is late"), default=60, validators=[MinValueValidator(5), MaxValueValidator(1440)]
    )
    given = models.CharField(_("given"), max_length=8, choices=Given, default=Given.GROUP)
    wants_proof = models.BooleanField(_("with a photo as proof"), default=False)
    ended_on = models.DateField(null=True, blank=True)  # dropped; what was done by it stays

    objects = scoped(SlotQuerySet)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rhythm=None, group__isnull=False) | Q(rhythm__isnull=False, group=None), name="a_slot_is_of_a_rhythm_or_a_group"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "rhythm"], name="slot_rhythm"),
            models.Index(fields=["tenant", "group"], name="slot_group"),
        ]

    def __str__(self):
        return self.title


class Pause(TenantModel):
    """Days on which nothing of the rhythm is done, in one group or in all."""

    name = models.CharField(_("what for"), max_length=60)
    since = models.DateField(_("first day"))
    until = models.DateField(_("last day"))
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="pauses")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gte=models.F("since")),
                name="a_pause_ends_after_it_begins",
                violation_error_message=_("The pause ends before it begins."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "until"], name="pause_until")]

    def __str__(self):
        return self.name


class Occurrence(DueModel):
    """One slot in one group on one day, laid out ahead; when due, it becomes a task, or a message that the group's robot sends.

    `day` is the day by the slot, and what is once; `wall_time` is when it is done, on the tenant's wall, also after it was moved."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        HANDED_OUT = "handed_out", _("handed out")
        PUSHED = "pushed", _("given to the robot")  # how it goes on stands in its push
        PAUSED = "paused", _("paused")
        DROPPED = "dropped", _("dropped")

    slot = models.ForeignKey(Slot, models.CASCADE, related_name="occurrences")
    group = models.ForeignKey(Group, models.CASCADE, related_name="occurrences")
    day = models.DateField()
    wall_time = models.DateTimeField()  # kept as if in UTC, like that of a `CalendarStep`
    is_moved = models.BooleanField(default=False)  # by hand, for this once
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="occurrences")
    push = models.ForeignKey(Push, models.PROTECT, null=True, related_name="+")  # the last one that was made of it
    assistant = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")  # given to somebody else, for this once

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "slot", "group", "day"], name="an_occurrence_once")]
        indexes = [
            due_index("occurrence_due"),
            models.Index(fields=["tenant", "wall_time"], name="occurrence_week"),
            models.Index(fields=["tenant", "task"], name="occurrence_task"),
            models.Index(fields=["tenant", "push"], condition=~Q(push=None), name="occurrence_push"),
        ]
