"""Matrices, their groups and half-years, as programs see them. Every act calls the verb that the pages call."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api import etags
from crm.tenancy.api.filters import DayFilter, FilterSet, FlagFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView

from . import reshuffles, setup, single_moves
from .models import Cohort, Group, Matrix, Placement
from .models.matrices import WEIGHTS
from .reshuffle_api import DraftSerializer, NewDraftSerializer

WEIGHT = {"type": "number", "minimum": 0, "maximum": setup.HEAVIEST}


@extend_schema_field({"type": "object", "properties": dict.fromkeys(WEIGHTS, WEIGHT), "additionalProperties": False})
class Weights(JsonObject):
    pass


class MatrixSerializer(ModelSerializer):
    weights = Weights(required=False, help_text="What each wish counts in the cost of a plan; in a change, only those that change.")

    class Meta:
        model = Matrix
        fields = ["id", "name", "is_reshuffled", "lead_days", "minutes_per_move", "code_days", "least_percent", "half_life", "weights"]
        limits = setup.LIMITS  # the verb refuses what lies outside, with a code of its own


class GroupSerializer(ModelSerializer):
    headcount = serializers.IntegerField(read_only=True)
    assistant = serializers.UUIDField(source="assistant_id", required=False, allow_null=True, help_text="A seat; null: the owner.")

    chat_url = serializers.CharField(
        max_length=setup.LONGEST_LINK, required=False, allow_blank=True, help_text="Opens the chat in its app, from the assistant's phone."
    )

    class Meta:
        model = Group
        fields = [
            "id", "matrix", "name", "number", "mode", "capacity", "least", "assistant", "chat_url", "rhythm", "closed_on", "headcount",
        ]  # fmt: skip
        read_only_fields = ["rhythm", "closed_on"]
        limits = setup.LIMITS


class GroupChangeSerializer(GroupSerializer):
    """A group stays in its matrix."""

    class Meta(GroupSerializer.Meta):
        fields = [name for name in GroupSerializer.Meta.fields if name != "matrix"]


class CohortSerializer(ModelSerializer):
    code = serializers.CharField(read_only=True)
    begins_on = serializers.DateField(read_only=True)

    class Meta:
        model = Cohort
        fields = ["id", "matrix", "code", "year", "half", "state", "begins_on"]


class MatrixViewSet(ReadingView):
    """Sets of parallel groups of one kind, between which members are reshuffled."""

    area = "matrix"
    queryset = Matrix.objects.all()
    serializer_class = MatrixSerializer
    filterset_fields = ["is_reshuffled"]

    @extend_schema(responses={201: MatrixSerializer})
    def create(self, request):
        """A matrix without groups. 409 `a_matrix_name_once`; 400 `out_of_range`, `no_such_weight`, `nothing_counts`."""
        matrix = setup.add_matrix(self.asked(MatrixSerializer), by=request.auth)
        return self.one(matrix, 201, Location=reverse("matrix-detail", args=[matrix.pk]))

    def partial_update(self, request, pk):
        """Other lead days move the plan that was not proposed yet. 409 `being_carried_out` while a reshuffle is."""
        matrix = self.get_object()
        wanted = self.asked(MatrixSerializer, matrix)
        if "weights" in wanted:
            wanted["weights"] = matrix.weights | wanted["weights"]
        matrix, _before = setup.change_matrix(matrix, wanted, request._request.tenant, by=request.auth)
        return self.one(matrix)

    @extend_schema(request=NewDraftSerializer, responses={202: DraftSerializer})
    @action(detail=True, methods=["post"], url_path="drafts", filter_backends=[], pagination_class=None)
    def drafts(self, request, pk):
        """Propose a plan of the next half-year. It is made by a worker: look at the draft until its state is no longer `waiting`."""
        matrix = self.get_object()
        asked = self.asked(NewDraftSerializer)
        draft = reshuffles.propose(matrix, request._request.tenant, by=request.auth, **asked)
        said = DraftSerializer(draft).data
        return Response(said, 202, headers={"Location": reverse("draft-detail", args=[draft.pk]), "ETag": etags.of(said)})


def _with_assistant(said):
    return {name.removesuffix("_id"): value for name, value in said.items()}


class GroupFilter(FilterSet):
    is_open = FlagFilter("closed_on", "isnull", help_text="Whether it is still in use.")

    class Meta:
        model = Group
        fields = ["matrix", "mode", "assistant", "number"]


class GroupViewSet(ReadingView):
    """Chat groups with their mode, capacity and assistant, closed ones included. Their rhythm is chosen at /rhythms/{id}/followers/."""

    area = "matrix"
    queryset = Group.objects.with_headcount()
    serializer_class = GroupSerializer
    filterset_class = GroupFilter
    orders = {"name": "name"}

    @extend_schema(responses={201: GroupSerializer})
    def create(self, request):
        """Make one. 409 `number_taken` and `a_group_name_once` say what another group has; 400 `least_above_capacity`."""
        said = _with_assistant(self.asked(GroupSerializer))
        group = setup.add_group(said.pop("matrix"), said, by=request.auth)
        return self.one(self.get_queryset().get(pk=group.pk), 201, Location=reverse("group-detail", args=[group.pk]))

    @extend_schema(request=GroupChangeSerializer, responses=GroupSerializer)
    def partial_update(self, request, pk):
        """Only what is named changes. 409 `number_taken`, `a_group_name_once`, `seat_ended`; 400 `least_above_capacity`, `no_chat_link`."""
        group = self.get_object()
        wanted = _with_assistant(self.asked(GroupChangeSerializer, group))
        setup.change_groups(group.matrix, {group.pk: wanted}, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=GroupSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def closing(self, request, pk):
        """Close it. 409 `group_not_empty` while somebody sits in it, `group_awaited` while somebody is on the way."""
        setup.close(self.get_object(), request._request.tenant, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=GroupSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def reopening(self, request, pk):
        """Open it again. A number that another open group has by now is given up."""
        setup.reopen(self.get_object(), by=request.auth)
        return self.one(self.found())


class CohortViewSet(ReadingView):
    """Half-years of a matrix: who sat in which group stands in the placements of each."""

    area = "matrix"
    queryset = Cohort.objects.all()
    serializer_class = CohortSerializer
    filterset_fields = ["matrix", "state", "year", "half"]
    orders = {"year": "year"}


class PlacementSerializer(ModelSerializer):
    class Meta:
        model = Placement
        fields = ["id", "member", "group", "matrix", "cohort", "since", "until"]


class PlacementFilter(FilterSet):
    is_open = FlagFilter("until", "isnull", help_text="Whether they sit there now.")
    since_from = DayFilter("since", "gte", help_text="Who came on this day or later.")
    since_to = DayFilter("since", "lte", help_text="Who came on this day or earlier.")

    class Meta:
        model = Placement
        fields = ["member", "group", "matrix", "cohort"]


class OfferSerializer(Serializer):
    """A group a member could be moved to, by the reshuffle's own measure."""

    group = serializers.UUIDField(source="group.pk")
    new_people = serializers.IntegerField(source="new", help_text="Who sit there and have never sat with them.")
    known_people = serializers.IntegerField(source="known", help_text="Who sit there and have.")
    room = serializers.IntegerField(help_text="Places left, counting who is on the way there.")
    refusal = serializers.CharField(source="because", help_text="The rule it would break; empty where none.")
    is_firm = serializers.BooleanField(help_text="Whether nobody may pass over that rule.")


class PlacementViewSet(ReadingView):
    """Who sat where, from and until; open while they sit there."""

    area = "matrix"
    queryset = Placement.objects.all()
    serializer_class = PlacementSerializer
    filterset_class = PlacementFilter
    orders = {"since": "since"}

    @extend_schema(responses=OfferSerializer(many=True))
    @action(detail=True, filter_backends=[], pagination_class=None)
    def offers(self, request, pk):
        """Where this member could go from here, the best first; nowhere where they do not sit here any more."""
        return Response(OfferSerializer(single_moves.offers(self.get_object()), many=True).data)
