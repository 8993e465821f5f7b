"""What an assistant does by hand, and the ticks that say so."""

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import AppendOnlyModel, DueModel, File, Seat, TenantModel, due_index, scoped
from members.models import Member

from .matrices import Group


class TaskQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state=Task.State.OPEN)

    def unended(self):
        """Also what waits for the one ahead of it."""
        return self.filter(state__in=Task.UNENDED)

    def late(self, moment=None):
        return self.open().filter(late_at__lte=moment or now())

    def of(self, seat):
        return self.filter(assistant=seat)

    def in_order(self):
        """What to do first: what is due first, the better move first among equals."""
        return self.order_by("due_at", "rank", "id")

    def with_all(self):
        return self.select_related("member", "group", "assistant__user").prefetch_related("moves__to_group")


class Task(TenantModel):
    """One thing an assistant does by hand, copy-ready. It does not know what hangs on it; that points at it."""

    class Kind(models.TextChoices):
        MOVE = "move", _("invite into another group")
        RENEWAL = "renewal", _("ask about renewal")
        GIVEN = "given", _("given by hand")
        SLOT = "slot", _("of the rhythm")
        PUSH = "push", _("send into a group")
        ARRIVAL = "arrival", _("a step of an arrival")
        CODE = "code", _("new code of a group")
        TALK = "talk", _("talk")  # handed out by somebody; those of the rhythm are slots

    class State(models.TextChoices):
        OPEN = "open", _("to do")
        BARRED = "barred", _("after the one ahead of it")
        DONE = "done", _("done")
        IMPOSSIBLE = "impossible", _("not possible")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Reason(models.TextChoices):
        DECLINED = "declined", _("does not want to")
        NO_ANSWER = "no_answer", _("does not answer")
        NOT_FOUND = "not_found", _("cannot be found under this id")
        NO_CONTACT = "no_contact", _("is no contact of mine")
        OTHER = "other", _("another reason")

    UNENDED = (State.OPEN, State.BARRED)

    kind = models.CharField(max_length=20, choices=Kind)
    group = models.ForeignKey(Group, models.PROTECT, null=True, related_name="tasks")  # none: about a member who sits in none
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="tasks")
    assistant = models.ForeignKey(Seat, models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    late_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    rank = models.PositiveIntegerField(default=0)
    minutes = models.PositiveSmallIntegerField(default=2)
    title = models.CharField(max_length=60, blank=True)  # where the kind alone does not say what is to be done
    text = models.TextField(blank=True)
    picture = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")
    wants_proof = models.BooleanField(default=False)
    proof = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")
    after = models.ForeignKey("self", models.PROTECT, null=True, related_name="following")  # nobody sees this one before that one has ended
    risen = models.PositiveSmallIntegerField(default=0)  # how often its lateness was brought to somebody
    reason = models.CharField(max_length=12, choices=Reason, blank=True)
    note = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")

    objects = scoped(TaskQuerySet)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "assistant", "due_at", "rank"], condition=Q(state="open"), name="task_to_do"),
            models.Index(fields=["tenant", "assistant", "-ended_at"], name="task_ended"),
            models.Index(fields=["tenant", "after"], condition=~Q(after=None), name="task_after"),
        ]


class Tick(AppendOnlyModel):
    """One act on a task, under an id made by the phone: the same id twice is one act."""

    class Act(models.TextChoices):
        DONE = "done"
        IMPOSSIBLE = "impossible"
        UNDO = "undo"
        LATER = "later"

    key = models.UUIDField()
    task = models.ForeignKey(Task, models.PROTECT, related_name="ticks")
    act = models.CharField(max_length=12, choices=Act)
    seat = models.ForeignKey(Seat, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="a_tick_once")]
        indexes = [models.Index(fields=["tenant", "task"], name="tick_task")]


class TermReminder(DueModel):
    """That somebody is to be asked before their term ends: once for each last day."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        WITHDRAWN = "withdrawn", _("withdrawn")

    member = models.ForeignKey(Member, models.CASCADE, related_name="+")
    ends_on = models.DateField()
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "member", "ends_on"], name="a_term_reminder_once")]
        indexes = [due_index("term_reminder_due"), models.Index(fields=["tenant", "task"], name="term_reminder_task")]


class Rise(DueModel):
    """When an open task is brought to somebody: first to its assistant, then to another one, then to the owner."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        WITHDRAWN = "withdrawn", _("withdrawn")

    task = models.ForeignKey(Task, models.CASCADE, related_name="rises")
    step = models.PositiveSmallIntegerField()  # 1: remind, 2: another assistant, 3: the owner
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    to = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")  # who heard of it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "task", "step"], name="a_task_rises_once_a_step")]
        indexes = [due_index("rise_due"), models.Index(fields=["tenant", "to"], condition=Q(step=3), name="rise_to_owner")]
