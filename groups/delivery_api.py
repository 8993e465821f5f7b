"""Channels and the messages that go into groups, as programs see them. Every act calls the verb that the pages call."""

import datetime

from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import FilterSet, MomentFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView

from . import channels, delivery
from .models import Channel, Group, Push
from .rhythm_api import Clock

LONGEST_CAUSE = 60
A_YEAR = datetime.timedelta(days=366)
SETTLINGS = {"sent": delivery.was_sent, "again": delivery.again, "by_hand": delivery.by_hand, "withdraw": delivery.withdraw}


class ChannelSerializer(ModelSerializer):
    """Without its address and secret, which go in and never come out."""

    quiet_from = Clock(required=False, allow_null=True, help_text="On the clock of the community; past midnight where it ends earlier.")
    quiet_until = Clock(required=False, allow_null=True)

    class Meta:
        model = Channel
        fields = [
            "id", "group", "kind", "name", "hint", "text", "picture", "card", "a_minute", "a_day", "quiet_from", "quiet_until", "otherwise",
            "state", "because", "rests_until",
        ]  # fmt: skip
        read_only_fields = ["hint", "because", "rests_until"]


class NewChannelSerializer(Serializer):
    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.open())
    kind = serializers.ChoiceField(Channel.Kind.choices)
    name = serializers.CharField(max_length=channels.LONGEST_NAME, required=False)
    address = serializers.CharField(
        max_length=channels.LONGEST_ADDRESS, help_text="Of the robot or webhook; for Telegram the chat, for mail one address."
    )
    secret = serializers.CharField(
        max_length=channels.LONGEST_SECRET, required=False, allow_blank=True, help_text="Its key for signing, or the token of the bot."
    )


class ChannelChangeSerializer(ChannelSerializer):
    """It stays in its group and of its kind. With an address or a secret these become the channel's."""

    address = serializers.CharField(max_length=channels.LONGEST_ADDRESS, required=False, write_only=True)
    secret = serializers.CharField(max_length=channels.LONGEST_SECRET, required=False, write_only=True)

    class Meta(ChannelSerializer.Meta):
        fields = [name for name in ChannelSerializer.Meta.fields if name not in ("group", "kind")] + ["address", "secret"]


class PushSerializer(ModelSerializer):
    card = JsonObject(read_only=True, allow_null=True)

    class Meta:
        model = Push
        fields = [
            "id", "group", "channel", "member", "cause", "title", "text", "card", "minutes", "state", "reason", "due_at", "begun_at",
            "sent_at", "task", "by",
        ]  # fmt: skip


class CardSerializer(Serializer):
    url = serializers.URLField(max_length=500, help_text="Where its button leads.")
    label = serializers.CharField(max_length=20, required=False, help_text="What its button says.")


class NewPushSerializer(Serializer):
    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.open())
    cause = serializers.CharField(max_length=LONGEST_CAUSE, help_text="In a word of your own: the same cause again is the same message.")
    title = serializers.CharField(max_length=delivery.LONGEST_TITLE, help_text="What it is; the head of a card, the subject of a mail.")
    text = serializers.CharField(max_length=delivery.LONGEST_TEXT, required=False, allow_blank=True)
    card = CardSerializer(required=False, help_text="With it, title and text go out as a card.")
    due_at = serializers.DateTimeField(required=False, help_text="When it goes out, within a year; without it, or overdue, at once.")
    minutes = serializers.IntegerField(min_value=1, max_value=480, required=False, help_text="Of the task, where it goes out by hand.")

    def validate_due_at(self, moment):
        """What is overdue goes out now; nobody plans a message for years to come."""
        if moment > now() + A_YEAR:
            raise serializers.ValidationError(_("At most a year ahead."))
        return max(moment, now())


class SettlingSerializer(Serializer):
    decision = serializers.ChoiceField(
        [(each, each) for each in SETTLINGS], help_text="`sent`: it stands in the group; `again`: send it once more; `by_hand`; `withdraw`."
    )


class TriedSerializer(Serializer):
    push = serializers.UUIDField(help_text="The test, as a message whose state says what came of it.")


class ChannelFilter(FilterSet):
    class Meta:
        model = Channel
        fields = ["group", "kind", "state"]


class ChannelViewSet(ReadingView):
    """The ways by which the product sends into a group by itself. A group without one is served by its assistant's hand."""

    area = "matrix"
    queryset = Channel.objects.open()
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilter

    @extend_schema(request=NewChannelSerializer, responses={201: ChannelSerializer})
    def create(self, request):
        """Its limits are those of its kind until you change them. 400 `inner_address` or `other_host` where nothing may be sent
        to, `not_https`, `no_address`, `secret_missing`, `no_secret_here`; 409 `group_closed`."""
        asked = self.asked(NewChannelSerializer)
        made = channels.add(asked.pop("group"), asked.pop("kind"), asked.pop("address"), by=request.auth, **asked)
        return self.one(made, 201, Location=reverse("channel-detail", args=[made.pk]))

    @extend_schema(request=ChannelChangeSerializer, responses=ChannelSerializer)
    def partial_update(self, request, pk):
        """Switches, limits, quiet hours, or another address. What is switched off becomes tasks at once. 400 `not_able` where
        this kind cannot do it, `out_of_range`, `quiet_hours_begin_and_end`, and those of an address; 409 `channel_dropped`."""
        channel = self.get_object()
        asked = self.asked(ChannelChangeSerializer, channel)
        address, secret = asked.pop("address", ""), asked.pop("secret", None)
        if address or secret:
            channel = channels.readdress(channel, address, secret=secret, by=request.auth)
        if asked:
            channels.change(channel, asked, by=request.auth)
        return self.one(self.found())

    def destroy(self, request, pk):
        """Nothing goes out by it any more; what waits for it becomes a task."""
        channels.drop(self.get_object(), request._request.tenant, by=request.auth)
        return Response(status=204)

    @extend_schema(request=None, responses={202: TriedSerializer})
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def test(self, request, pk):
        """Send a message that shows whether it works. 409 `test_under_way` while the last one is on its way."""
        made = channels.try_out(self.get_object(), by=request.auth)
        return Response(TriedSerializer({"push": made.pk}).data, status=202)


class PushFilter(FilterSet):
    due_from = MomentFilter("due_at", "gte", help_text="What is due at this moment or later.")
    due_to = MomentFilter("due_at", "lte", help_text="What is due at this moment or earlier.")

    class Meta:
        model = Push
        fields = ["group", "channel", "state", "member", "task", "cause"]


class PushViewSet(ReadingView):
    """One text or card on its way into one group, by a channel or by somebody's hand."""

    area = "matrix"
    queryset = Push.objects.all()
    serializer_class = PushSerializer
    filterset_class = PushFilter
    orders = {"due_at": "due_at"}

    @extend_schema(request=NewPushSerializer, responses={201: PushSerializer})
    def create(self, request):
        """Send something into a group, once for its cause: asked for again, the answer is the message that there is. The cause of yours
        begins with `api:`."""
        asked = self.asked(NewPushSerializer)
        cause = f"api:{asked.pop('cause')}"
        made = delivery.push(asked.pop("group"), cause=cause, by=request.auth, **asked)
        return self.one(made, 201, Location=reverse("push-detail", args=[made.pk]))

    @extend_schema(request=SettlingSerializer, responses=PushSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def settling(self, request, pk):
        """Say what became of one that may have been sent or was not, or what is to become of it. 409 `not_asked`,
        `gone_out`, `decided_otherwise`."""
        push = self.get_object()
        SETTLINGS[self.asked(SettlingSerializer)["decision"]](push, by=request.auth)
        return self.one(self.found())
