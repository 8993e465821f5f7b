"""Seats and invites, as programs see them."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from . import invites, seats
from .api.serializers import ModelSerializer
from .api.views import ReadingView, RowsView
from .models import Invite, Seat
from .scope import ActiveTenant


class SeatSerializer(ModelSerializer):
    email = serializers.EmailField(source="user.email", read_only=True)

    class Meta:
        model = Seat
        fields = ["id", "name", "email", "role", "minutes_a_week", "created_at", "ended_at"]


class SeatChangeSerializer(ModelSerializer):
    minutes_a_week = serializers.IntegerField(
        min_value=1,
        max_value=seats.MOST_MINUTES,
        required=False,
        allow_null=True,
        help_text="How much work they can bear; the week calendar says when it gets more. Null: nobody counts.",
    )

    class Meta:
        model = Seat
        fields = ["minutes_a_week"]


class SeatViewSet(ReadingView):
    """Who may come in, and those whose seat ended: they have an `ended_at`."""

    area = "settings"
    queryset = Seat.objects.filter(tenant=ActiveTenant()).select_related("user")
    serializer_class = SeatSerializer
    filterset_fields = ["role"]

    @extend_schema(request=SeatChangeSerializer, responses=SeatSerializer)
    def partial_update(self, request, pk):
        """Set somebody's weekly budget of minutes; name and role are changed on the page alone. 409 `seat_ended`."""
        seat = self.get_object()
        said = self.asked(SeatChangeSerializer, seat)
        if "minutes_a_week" in said:
            seats.set_minutes(seat, said["minutes_a_week"], by=request.auth)
        return self.one(self.found())


class InviteSerializer(ModelSerializer):
    days = serializers.ChoiceField(choices=list(invites.LIVES), default=7, write_only=True, help_text="How long the link works.")

    class Meta:
        model = Invite
        fields = ["id", "role", "name", "email", "days", "made_by", "made_at", "expires_at", "used_at", "seat", "revoked_at"]
        read_only_fields = ["made_by", "made_at", "expires_at", "used_at", "seat", "revoked_at"]


class NewInviteSerializer(InviteSerializer):
    link = serializers.URLField(read_only=True, help_text="Said this once; whoever holds it takes the seat.")
    mailed = serializers.BooleanField(read_only=True, help_text="Whether the link was handed over as a mail to `email`.")

    class Meta(InviteSerializer.Meta):
        fields = [*InviteSerializer.Meta.fields, "link", "mailed"]


@extend_schema_view(
    create=extend_schema(request=InviteSerializer, responses={201: NewInviteSerializer}),
    destroy=extend_schema(description="Revoke it: its link opens nothing any more. 409 `invite_used` or `invite_revoked`."),
)
class InviteViewSet(RowsView):
    """Links that give a person a seat, once. Used, revoked and expired ones stay in the list."""

    area = "settings"
    queryset = Invite.objects.filter(tenant=ActiveTenant())
    serializer_class = InviteSerializer
    filterset_fields = ["role"]

    def get_serializer_class(self):
        return NewInviteSerializer if self.action == "create" else InviteSerializer

    def make(self, said):
        door = self.request._request
        invite, invite.link = invites.make(door.tenant, by=self.request.auth, asked_with=door.token, **said)
        invite.mailed = invites.send(invite, invite.link)
        return invite

    def drop(self, invite):
        invites.revoke(invite, by=self.request.auth)
