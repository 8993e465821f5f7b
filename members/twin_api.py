"""Pairs that may be one person, and what was merged, as programs see them."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView, RowsView

from . import merging, resemblance, twins
from .models import Member, Merge, Twin


@extend_schema_field({"type": "array", "items": {"type": "string", "enum": list(resemblance.SIGNS)}})
class Signs(serializers.JSONField):
    """Codes."""


class TwinSerializer(ModelSerializer):
    because = Signs(read_only=True, help_text="What makes the two look like one person.")

    class Meta:
        model = Twin
        fields = ["id", "one", "other", "because", "score", "state", "found_at", "decided_at", "decided_by"]


class KeepSerializer(Serializer):
    keep = serializers.PrimaryKeyRelatedField(queryset=Member.objects.all(), help_text="Whose row stays: `one` or `other` of the pair.")


class MergeSerializer(ModelSerializer):
    kept = serializers.PrimaryKeyRelatedField(queryset=Member.objects.all(), help_text="Whose row stays.")
    gone = serializers.PrimaryKeyRelatedField(queryset=Member.objects.all(), help_text="Whose row becomes part of it.")

    class Meta:
        model = Merge
        fields = ["id", "kept", "gone", "because", "at", "by", "undone_at"]
        read_only_fields = ["because", "at", "by", "undone_at"]


class StaysSerializer(Serializer):
    stays = JsonObject(help_text="What was changed since and so stays as it is: field of the member or table, and how many.")


class TwinViewSet(ReadingView):
    """Pairs that may be one person; `open` and `later` ones wait to be decided."""

    area = "members"
    queryset = Twin.objects.all()
    serializer_class = TwinSerializer
    filterset_fields = ["state", "one", "other"]
    orders = {"score": "score"}

    @extend_schema(request=KeepSerializer, responses={201: MergeSerializer})
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def merge(self, request, pk):
        """They are one person. 409 `decided_already` or `merged_already`; 400 `not_of_this_pair`."""
        pair, said = self.get_object(), self.asked(KeepSerializer)
        made = twins.merge(pair, said["keep"].pk, by=request.auth)
        return Response(MergeSerializer(made).data, 201)

    @extend_schema(request=None, responses=TwinSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def apart(self, request, pk):
        """They are not the same person; they are not asked about again. 409 `decided_already`."""
        return self._decided(twins.apart)

    @extend_schema(request=None, responses=TwinSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def later(self, request, pk):
        """Put it off, to the end of those that wait. 409 `decided_already`."""
        return self._decided(twins.later)

    @extend_schema(request=None, responses=TwinSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def reopening(self, request, pk):
        """Take back that they are apart, or were put off. 409 `merged_already`."""
        return self._decided(twins.reopen)

    def _decided(self, verb):
        pair = self.get_object()
        self.asked()
        verb(pair, by=self.request.auth)
        return self.one(self.found())


class MergeViewSet(ReadingView):
    """Rows that became part of another one; everything that pointed at them points there. Those taken back have an `undone_at`."""

    area = "members"
    queryset = Merge.objects.all()
    serializer_class = MergeSerializer
    filterset_fields = ["kept", "gone"]

    def create(self, request):
        """Merge two members. 409 `merged_already` or `member_erased`; 400 `the_same_row`."""
        said = self.asked(MergeSerializer)
        made = merging.merge(said["kept"], said["gone"], merging.DECIDED, by=request.auth)
        return self.one(made, 201, Location=RowsView.address(self, made))

    @extend_schema(request=None, responses=StaysSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def undo(self, request, pk):
        """Two rows again. 409 `undone_already`, `merged_since` or `member_erased`."""
        merge = self.get_object()
        self.asked()
        return Response({"stays": merging.take_back(merge, by=request.auth)})
