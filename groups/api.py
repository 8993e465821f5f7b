"""Matrices and reshuffles, as programs see them. Every act calls the verb that the pages call."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api import etags
from crm.tenancy.api.filters import DayFilter, FilterSet, FlagFilter, MomentFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView, RowsView
from crm.tenancy.models import Seat
from members.models import Member

from . import carrying, reshuffles, rolling_back, rules, setup, waves
from .models import Apart, Bond, Cohort, Draft, Group, Matrix, Move, Pin, Placement, Reshuffle, Star
from .models.matrices import WEIGHTS

# Matrices


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


class NewDraftSerializer(Serializer):
    max_moves = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, allow_null=True, help_text="None: as many as help."
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    steps = serializers.IntegerField(min_value=1, max_value=10**9, required=False)


class PointSerializer(Serializer):
    """What the first so many moves of a plan bring."""

    moves = serializers.IntegerField()
    new_people_mean = serializers.FloatField(help_text="How many new people a member meets, on average.")
    new_people_least = serializers.IntegerField()
    random_new_people_mean = serializers.FloatField(help_text="The same if as many members were moved at random.")
    bound_new_people_mean = serializers.FloatField(help_text="No plan with so many moves brings more.")
    cost = serializers.FloatField()


class ClashSerializer(Serializer):
    """Why there is no plan."""

    code = serializers.CharField()
    data = JsonObject(required=False, help_text="What the code is about.")


@extend_schema_field(PointSerializer(many=True))
class Curve(serializers.JSONField):
    pass


@extend_schema_field(ClashSerializer(many=True))
class Clashes(serializers.JSONField):
    pass


class DraftSerializer(ModelSerializer):
    letter = serializers.CharField(read_only=True)
    figures = JsonObject(read_only=True, allow_null=True, help_text="What the plan comes to; null until it is ready.")
    curve = Curve(read_only=True, allow_null=True, help_text="What fewer moves would bring; null until it is ready.")
    problems = Clashes(read_only=True, help_text="Why there is no plan, where there is none.")

    class Meta:
        model = Draft
        fields = [
            "id", "reshuffle", "number", "letter", "state", "stage", "percent", "max_moves", "seed", "steps", "requested_by",
            "requested_at", "ready_at", "seconds", "figures", "curve", "problems",
        ]  # fmt: skip


class PlaceSerializer(Serializer):
    """One member's place in a plan."""

    member = serializers.UUIDField()
    from_group = serializers.UUIDField(allow_null=True, help_text="Null for a newcomer.")
    to_group = serializers.UUIDField()
    rank = serializers.IntegerField(allow_null=True, help_text="1 is the move that brings most; null where nobody moves.")


class PlanSerializer(Serializer):
    draft = serializers.UUIDField()
    places = PlaceSerializer(many=True)


class MatrixViewSet(ReadingView):
    area = "matrix"
    queryset = Matrix.objects.all()
    serializer_class = MatrixSerializer
    filterset_fields = ["is_reshuffled"]

    @extend_schema(responses={201: MatrixSerializer})
    def create(self, request):
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


class PlacementViewSet(ReadingView):
    """Who sat where, from and until; open while they sit there."""

    area = "matrix"
    queryset = Placement.objects.all()
    serializer_class = PlacementSerializer
    filterset_class = PlacementFilter
    orders = {"since": "since"}


# Reshuffles


class ReshuffleSerializer(ModelSerializer):
    moves = serializers.SerializerMethodField(help_text="Moves by state, once it is approved.")

    class Meta:
        model = Reshuffle
        fields = ["id", "matrix", "cohort", "state", "chosen", "approved_at", "approved_by", "moves"]

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_moves(self, reshuffle):
        return reshuffles.counts(reshuffle)


class PassingSerializer(Serializer):
    whose = serializers.UUIDField(help_text="The seat that has the moves.")
    give_to = serializers.UUIDField(help_text="The seat that has them from now on.")
    number = serializers.IntegerField(min_value=1, max_value=carrying.AT_MOST, help_text="Those of the last days go first.")


class PassedSerializer(Serializer):
    last_day = serializers.DateField(help_text="When the other one is handed the last of them.")


class AskingSerializer(Serializer):
    moves = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=carrying.AT_MOST, help_text="Of this reshuffle.")
    owner = serializers.BooleanField(required=False, help_text="Whether the owner tells them, instead of an assistant.")


class AskedSerializer(Serializer):
    moves = serializers.IntegerField(help_text="How many people are asked again.")


class LateSerializer(Serializer):
    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="How many came late; refused where it is another number.")


class SeatedSerializer(Serializer):
    people = serializers.IntegerField()


class RollingBackSerializer(Serializer):
    number = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="How many moves it has; refused where it is another number."
    )


class RolledBackSerializer(Serializer):
    """What was taken back."""

    moves = serializers.IntegerField()
    people = serializers.IntegerField(help_text="Who sit where they sat.")
    tasks = serializers.IntegerField(help_text="Open ones that were withdrawn.")
    by_hand = serializers.IntegerField(help_text="Tasks made for what was done by hand.")


class ReshuffleViewSet(ReadingView):
    area = "matrix"
    acts = {"rolling_back": "approval"}
    queryset = Reshuffle.objects.all()
    serializer_class = ReshuffleSerializer
    filterset_fields = ["matrix", "state"]

    @extend_schema(request=None, responses=ReshuffleSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def pausing(self, request, pk):
        """Hand out no new wave for now. 409 `not_carried_out`, `nothing_to_pause`."""
        reshuffle = self.get_object()
        self.asked()
        carrying.pause(reshuffle, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=ReshuffleSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def resuming(self, request, pk):
        """Go on, a wave a day from today. 409 `not_paused`."""
        reshuffle = self.get_object()
        self.asked()
        carrying.go_on(reshuffle, request._request.tenant, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=PassingSerializer, responses=PassedSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def passing(self, request, pk):
        """Pass some of one seat's moves on to another. 409 `nothing_to_pass_on`, `theirs_already`."""
        reshuffle, asked = self.get_object(), self.asked(PassingSerializer)
        tenant = request._request.tenant
        day = carrying.pass_on(reshuffle, asked["whose"], asked["give_to"], asked["number"], tenant, by=request.auth)
        return Response(PassedSerializer({"last_day": day}).data)

    @extend_schema(request=AskingSerializer, responses=AskedSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def asking(self, request, pk):
        """Ask again who did not come. 409 `nobody_to_ask`."""
        reshuffle, asked, tenant = self.get_object(), self.asked(AskingSerializer), request._request.tenant
        moves = list(reshuffle.moves.filter(pk__in=asked["moves"]).values_list("pk", flat=True))
        owner = Seat.objects.standing().filter(tenant=tenant).owner_first().first() if asked.get("owner") else None
        fact = carrying.ask_again(moves, tenant, by=request.auth, to=owner)
        return Response(AskedSerializer(fact.after).data)

    @extend_schema(request=LateSerializer, responses=SeatedSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def seating(self, request, pk):
        """Seat who came after the plan where most room is left. 409 `changed_meanwhile`, `nobody_late`."""
        reshuffle, asked = self.get_object(), self.asked(LateSerializer)
        fact = carrying.seat_late(reshuffle, asked["number"], request._request.tenant, by=request.auth)
        return Response(SeatedSerializer(fact.after).data)

    @extend_schema(request=RollingBackSerializer, responses=RolledBackSerializer)
    @action(detail=True, methods=["post"], url_path="rolling-back", filter_backends=[], pagination_class=None)
    def rolling_back(self, request, pk):
        """Take a half-year back that went wrong: everybody sits where they sat. 409 `not_present`, `changed_meanwhile`."""
        reshuffle, asked = self.get_object(), self.asked(RollingBackSerializer)
        fact = rolling_back.roll_back(reshuffle, asked["number"], request._request.tenant, by=request.auth)
        return Response(RolledBackSerializer(fact.after).data)


class LoadSerializer(Serializer):
    assistant = serializers.UUIDField(source="assistant.pk")
    moves = serializers.IntegerField()
    first_day = serializers.DateField()
    last_day = serializers.DateField()


class DraftViewSet(ReadingView):
    area = "matrix"
    acts = {"approval": "approval"}
    queryset = Draft.objects.without_plan()
    serializer_class = DraftSerializer
    filterset_fields = ["reshuffle", "state", "requested_by"]
    orders = {"requested_at": "requested_at"}

    @extend_schema(responses=PlanSerializer)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def plan(self, request, pk):
        """Who goes where. 409 while there is no plan."""
        draft = self.get_object()
        if not draft.is_ready:
            raise reshuffles.not_ready()
        return self.shown({"draft": draft.pk, "places": _places(draft.plan)})

    @extend_schema(responses=LoadSerializer(many=True))
    @action(detail=True, filter_backends=[], pagination_class=None)
    def loads(self, request, pk):
        """What approving today would give to each assistant, and when they are through."""
        draft = self.get_object()
        if not draft.is_ready:
            raise reshuffles.not_ready()
        loads = waves.forecast(reshuffles.from_groups(draft.plan), request._request.tenant)
        return Response(LoadSerializer(loads, many=True).data)

    @extend_schema(request=None, responses=DraftSerializer)
    @action(detail=True, methods=["post"])
    def approval(self, request, pk):
        """Approve this draft; its moves are handed out in daily waves.

        409 `already_approved`, `stale` (members came or left since) or `not_ready`."""
        draft = self.get_object()
        self.asked()
        reshuffles.approve(draft, request._request.tenant, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=DraftSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request, pk):
        """Stop a draft that is being made. 409 `not_running`."""
        draft = self.get_object()
        self.asked()
        reshuffles.stop(draft, by=request.auth)
        return self.one(self.found())


def _places(plan):
    rank = {who: place for place, who in enumerate(plan["order"], start=1)}
    groups = plan["groups"]
    return [
        {"member": member, "from_group": groups[old] if old >= 0 else None, "to_group": groups[new], "rank": rank.get(at)}
        for at, (member, old, new) in enumerate(zip(plan["members"], plan["from"], plan["to"], strict=True))
    ]


class MoveSerializer(ModelSerializer):
    class Meta:
        model = Move
        fields = ["id", "reshuffle", "member", "from_group", "to_group", "rank", "state", "changed_at", "task"]


class MoveFilter(FilterSet):
    changed_from = MomentFilter("changed_at", "gte", help_text="What changed at this moment or later.")
    changed_to = MomentFilter("changed_at", "lte", help_text="What changed at this moment or earlier.")

    class Meta:
        model = Move
        fields = ["reshuffle", "state", "member", "from_group", "to_group", "task"]


class MoveViewSet(ReadingView):
    area = "matrix"
    queryset = Move.objects.all()
    serializer_class = MoveSerializer
    filterset_class = MoveFilter
    orders = {"rank": "rank", "changed_at": "changed_at"}

    @extend_schema(request=None, responses=MoveSerializer)
    @action(detail=True, methods=["post"])
    def joining(self, request, pk):
        """The member is in the new group. 409 `already_joined`."""
        move = self.get_object()
        self.asked()
        reshuffles.join(move, by=request.auth)
        return self.one(self.found())


# Rules


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
            raise serializers.ValidationError({"other": "These are one person."})
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
