"""Keys as programs see them, and the first call of every integrator: whose key is this, and what may it do?"""

from django.conf import settings
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from . import keys, scopes
from .api import pages
from .api.access import AnyKey
from .api.serializers import ModelSerializer, Serializer
from .api.views import RowsView, View
from .models import AccessToken, Seat, Tenant
from .scope import active_tenant


class MyTenantSerializer(ModelSerializer):
    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "time_zone", "currency", "language", "country"]


class MySeatSerializer(ModelSerializer):
    name = serializers.CharField(source="__str__")

    class Meta:
        model = Seat
        fields = ["id", "name", "role"]


class MyKeySerializer(ModelSerializer):
    class Meta:
        model = AccessToken
        fields = ["id", "name", "hint", "scopes", "created_at", "expires_at"]


class LimitsSerializer(Serializer):
    page_size = serializers.IntegerField(help_text="The most rows that one page of a list holds.")
    requests_a_minute = serializers.IntegerField(help_text="How many requests this key may make in a minute.")
    requests_a_minute_together = serializers.IntegerField(help_text="How many all keys of the community together may make in a minute.")
    body = serializers.IntegerField(help_text="The most bytes of JSON that a request may bring.")
    upload = serializers.IntegerField(help_text="The most bytes of a request that brings files.")


class MeSerializer(Serializer):
    tenant = MyTenantSerializer()
    seat = MySeatSerializer()
    key = MyKeySerializer()
    may = serializers.ListField(child=serializers.CharField(), help_text="What both the role of the seat and the scopes of the key allow.")
    limits = LimitsSerializer()


def _limits():
    """All that a program has to keep to, whichever address it asks."""
    return {
        "page_size": pages.MOST,
        "requests_a_minute": settings.API_RATE,
        "requests_a_minute_together": settings.API_RATE_TENANT,
        "body": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        "upload": settings.LARGEST_BODY,
    }


class MeViewSet(View):
    """Ask this first: it tells whether the key works, and what for."""

    permission_classes = [AnyKey]
    serializer_class = MeSerializer

    @extend_schema(responses=MeSerializer)
    def retrieve(self, request):
        """Which tenant and seat this key belongs to, and what it may do."""
        key = request._request.token
        mine = {
            "tenant": key.tenant,
            "seat": key.seat,
            "key": key,
            "may": scopes.of(key),
            "limits": _limits(),
        }
        return self.one(mine)


class OwnSeat(serializers.PrimaryKeyRelatedField):
    """A seat of the tenant that was not taken away."""

    def get_queryset(self):
        return Seat.objects.standing().filter(tenant=active_tenant())


class Scope(serializers.CharField):
    """One of `scopes.known()`, which the verb checks: a program that asks for an unknown one hears which there are."""


class DescribedScope(OpenApiSerializerFieldExtension):
    target_class = Scope

    def map_serializer_field(self, auto_schema, direction):
        return {"type": "string", "enum": scopes.known()} if direction == "request" else {"type": "string"}


class KeySerializer(ModelSerializer):
    name = serializers.CharField(max_length=60)
    seat = OwnSeat(queryset=Seat.objects.all(), required=False, help_text="Whose rights it has. Left out: your own seat.")
    scopes = serializers.ListField(
        child=Scope(max_length=40),
        required=False,
        max_length=40,
        help_text="What of the seat's rights it may use, such as `members:read`. Left out or empty: all of them.",
    )

    class Meta:
        model = AccessToken
        fields = ["id", "name", "hint", "seat", "scopes", "made_by", "created_at", "expires_at", "revoked_at", "last_used_at"]
        read_only_fields = ["hint", "made_by", "created_at", "revoked_at", "last_used_at"]


class NewKeySerializer(KeySerializer):
    secret = serializers.CharField(read_only=True, help_text="The key itself. It is never shown again.")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "secret"]


@extend_schema_view(
    create=extend_schema(request=KeySerializer, responses={201: NewKeySerializer}),
    destroy=extend_schema(description="Revoke a key: the next request with it is refused. It stays in the list."),
)
class KeyViewSet(RowsView):
    """The API keys of this tenant. A secret is told once, in the answer to the request that makes its key."""

    area = "settings"
    queryset = AccessToken.objects.keys()
    serializer_class = KeySerializer
    filterset_fields = ["seat"]

    def get_serializer_class(self):
        return NewKeySerializer if self.action == "create" else KeySerializer

    def make(self, said):
        seat, may = said.pop("seat", self.request.auth), said.pop("scopes", ())
        key, key.secret = keys.make(seat, by=self.request.auth, may=may, asked_with=self.request._request.token, **said)
        return key

    def drop(self, key):
        keys.revoke(key, by=self.request.auth)
