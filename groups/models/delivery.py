"""What goes into a chat group: the ways in, and each message on its way."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy.models import DueModel, File, Seat, TenantModel, scoped
from crm.tenancy.secrets import EncryptedTextField
from members.models import Member

from .matrices import Group
from .tasks import Task


class ChannelQuerySet(models.QuerySet):
    def open(self):
        return self.filter(ended_on=None)

    def in_order(self):
        return self.order_by("id")


class Channel(TenantModel):
    """One way into one group by which the product sends by itself. Limits are facts of the channel and obeyed before sending."""

    class Kind(models.TextChoices):
        WECOM = "wecom", _("WeCom robot")
        FEISHU = "feishu", _("Feishu robot")
        DINGTALK = "dingtalk", _("DingTalk robot")
        SLACK = "slack", "Slack"
        DISCORD = "discord", "Discord"
        TELEGRAM = "telegram", "Telegram"
        MAIL = "mail", _("mail")
        WEBHOOK = "webhook", _("signed webhook")

    class State(models.TextChoices):
        ON = "on", _("on")
        OFF = "off", _("off")

    class Otherwise(models.TextChoices):
        """What happens to a push at an hour, or on a day, at which nothing more may go out here."""

        LATER = "later", _("it waits until it may go out")
        BY_HAND = "by_hand", _("somebody sends it by hand")

    group = models.ForeignKey(Group, models.PROTECT, related_name="channels")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    name = models.CharField(_("name"), max_length=60)
    address = EncryptedTextField(_("address"))
    secret = EncryptedTextField(_("secret"), blank=True)
    hint = models.CharField(max_length=120)  # all that is ever shown of the two: the host and the last four characters
    text = models.BooleanField(_("texts"), default=True)
    picture = models.BooleanField(_("pictures"), default=True)
    card = models.BooleanField(_("cards"), default=True)
    a_day = models.PositiveSmallIntegerField(_("most a day"), null=True, blank=True, validators=[MinValueValidator(1)])
    a_minute = models.PositiveSmallIntegerField(
        _("messages a minute"), default=20, validators=[MinValueValidator(1), MaxValueValidator(600)]
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)  # on the tenant's wall; past midnight where it ends earlier
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    otherwise = models.CharField(_("in quiet hours"), max_length=8, choices=Otherwise, default=Otherwise.LATER)
    state = models.CharField(_("state"), max_length=4, choices=State, default=State.ON)
    because = models.CharField(max_length=24, blank=True)  # why it was switched off by itself, or rests
    rests_until = models.DateTimeField(null=True, blank=True)  # the platform asked for a pause
    sent = ArrayField(models.DateTimeField(), default=list, blank=True)  # when the newest messages went out, as many as count for the pace
    ended_on = models.DateField(null=True, blank=True)

    objects = scoped(ChannelQuerySet)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
                violation_error_message=_("Quiet hours need a beginning and an end."),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "group"], condition=Q(ended_on=None), name="channel_group")]

    def __str__(self):
        return self.name

    @property
    def is_resting(self):
        return self.rests_until is not None and self.rests_until > now()


TEST = "channel-test:"  # what the cause of a message begins with that only shows whether a channel works


class PushQuerySet(models.QuerySet):
    def newest_first(self):
        return self.order_by("-id")

    def asking(self):
        """What waits for somebody's word: whether it went out, or what is to become of it. Nobody is asked about a test."""
        return self.no_tests().filter(state__in=[Push.State.UNSURE, Push.State.FAILED])

    def no_tests(self):
        return self.exclude(cause__startswith=TEST)

    def under_way(self):
        return self.filter(state__in=[Push.State.WAITING, Push.State.SENDING, Push.State.BY_HAND])


class Push(DueModel):
    """One text, picture or card on its way into one group: by a channel, or by a task. One for each cause."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("not sent")
        BY_HAND = "by_hand", _("sent by hand")
        UNSURE = "unsure", _("may have been sent")
        WITHDRAWN = "withdrawn", _("withdrawn")

    swept = ["waiting", "sending"]  # one that is being sent is looked for, too, when its time is over: its worker died

    group = models.ForeignKey(Group, models.PROTECT, related_name="pushes")
    channel = models.ForeignKey(Channel, models.PROTECT, null=True, related_name="pushes")
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="pushes")
    cause = models.CharField(max_length=80)
    title = models.CharField(max_length=60)
    text = models.TextField(blank=True)
    picture = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")
    card = models.JSONField(null=True)  # {"url": where it leads, "label": what its button says}; its words are title and text
    minutes = models.PositiveSmallIntegerField(default=2)  # of the task, where it goes out by hand
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)  # of the message that is next
    parts = models.PositiveSmallIntegerField(default=0)  # how many of its messages are out
    reason = models.CharField(max_length=24, blank=True)  # a code: why it was not sent, or waits
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="pushes")
    begun_at = models.DateTimeField(null=True)  # when its first message was on its way
    sent_at = models.DateTimeField(null=True)
    by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")  # whose act it is

    objects = scoped(PushQuerySet)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "cause"], name="a_cause_pushes_once")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["waiting", "sending"]), name="push_due"),
            models.Index(fields=["tenant", "channel", "begun_at"], name="push_of_a_day"),
            models.Index(fields=["tenant", "group", "-id"], name="push_group"),
            models.Index(fields=["tenant", "task"], name="push_task"),
            models.Index(fields=["tenant"], condition=Q(state__in=["unsure", "failed"]), name="push_asking"),
        ]

    def __str__(self):
        return self.title
