"""The owner's rules about single members, as programs see them: pins, bonds, aparts, stars."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from crm.tenancy.api.serializers import ModelSerializer
from crm.tenancy.api.views import RowsView
from members.models import Member

from . import rules
from .models import Apart, Bond, Pin, Star


class RuleViewSet(RowsView):
    area = "matrix"

    def make(self, said):
        return rules.keep(self.serializer_class.Meta.model(**said), by=self.request.auth)

    def drop(self, rule):
        rules.drop(rule, by=self.request.auth)


class PinSerializer(ModelSerializer):
    class Meta:
        model = Pin
        fields = ["id", "matrix", "member", "because"]


class PinViewSet(RuleViewSet):
    """Members who stay where they are."""

    queryset = Pin.objects.all()
    serializer_class = PinSerializer
    filterset_fields = ["matrix", "member"]


class ApartSerializer(ModelSerializer):
    class Meta:
        model = Apart
        fields = ["id", "matrix", "one", "other"]

    def validate(self, fields):
        if fields["one"] == fields["other"]:
            raise serializers.ValidationError({"other": _("These are one person.")})
        return fields


class ApartViewSet(RuleViewSet):
    """Two members who are not put into one group."""

    queryset = Apart.objects.all()
    serializer_class = ApartSerializer
    filterset_fields = ["matrix"]


class StarSerializer(ModelSerializer):
    class Meta:
        model = Star
        fields = ["id", "member", "because", "since", "until"]


class StarViewSet(RuleViewSet):
    """Members whom others stay for."""

    queryset = Star.objects.all()
    serializer_class = StarSerializer
    filterset_fields = ["member", "because"]


class BondSerializer(ModelSerializer):
    members = serializers.PrimaryKeyRelatedField(many=True, queryset=Member.objects.all())

    class Meta:
        model = Bond
        fields = ["id", "matrix", "name", "because", "members"]
        limits = {"members": (rules.SMALLEST_BOND, None)}


@extend_schema_view(create=extend_schema(description="Keep two or more members together."))
class BondViewSet(RuleViewSet):
    """Members whom a reshuffle keeps together."""

    queryset = Bond.objects.prefetch_related("members")
    serializer_class = BondSerializer
    filterset_fields = ["matrix", "members"]

    def make(self, said):
        return rules.bind(**said, by=self.request.auth)
