"""Drafts, reshuffles and their moves, as programs see them."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import FilterSet, MomentFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView
from crm.tenancy.models import Seat

from . import carrying, joining, reshuffles, rolling_back, single_moves, swaps, waves
from .models import Draft, Group, Move, Placement, Reshuffle


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


class KeptSerializer(Serializer):
    """One who keeps the old group."""

    move = serializers.UUIDField(help_text="Of this reshuffle; the member has not joined the new group.")
    instead = serializers.UUIDField(
        required=False, allow_null=True, help_text="The member who goes instead; null: nobody. Left out: whom the product proposes."
    )


class KeepingSerializer(Serializer):
    kept = serializers.ListField(child=KeptSerializer(), min_length=1, max_length=swaps.AT_ONCE, help_text="All of them, or none.")


class KeptOnesSerializer(Serializer):
    """What came of it."""

    moves = serializers.IntegerField(help_text="How many keep their group.")
    swaps = serializers.IntegerField(help_text="How many others go instead.")


class StandInSerializer(Serializer):
    """Somebody who could go instead."""

    member = serializers.UUIDField(source="member.pk")
    new_people = serializers.IntegerField(source="new", help_text="Of the other group, whom they have never sat with.")
    says = serializers.CharField(help_text="Why they, in words.")


class SwapSerializer(Serializer):
    """One who could keep their group, and who would go instead."""

    move = serializers.UUIDField(source="move.pk")
    keeps = serializers.UUIDField(source="keeps.pk", default=None, allow_null=True, help_text="The group they stay in.")
    lacks = serializers.UUIDField(source="move.to_group_id", help_text="The group that lacks one.")
    stand_ins = StandInSerializer(many=True, help_text="The best first.")
    proposed = serializers.UUIDField(source="chosen.pk", default=None, allow_null=True, help_text="Solved together for all of them.")
    may_do_without = serializers.BooleanField(help_text="Whether the sizes allow that nobody goes.")
    refusal = serializers.CharField(source="refusal.code", default=None, allow_null=True, help_text="Why they cannot stay, if so.")


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
    """From one half-year of a matrix to the next: the drafts of its plan, and how far the approved one is carried out."""

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

    @extend_schema(responses=SwapSerializer(many=True))
    @action(detail=True, filter_backends=[], pagination_class=None)
    def swaps(self, request, pk):
        """Who could keep their group: the first 50 of those who said no or cannot be reached, each with who would go instead.
        409 `bad_problem` where sizes and rules of the groups contradict each other."""
        reshuffle = self.get_object()
        moves = reshuffle.moves.filter(state__in=swaps.STRAGGLE).values_list("pk", flat=True)
        return Response(SwapSerializer(swaps.proposal(reshuffle, moves), many=True).data)

    @extend_schema(request=KeepingSerializer, responses=KeptOnesSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def keeping(self, request, pk):
        """Let people keep their group; others go instead. 409 `nobody_fits`, `cannot_go`, `needs_somebody`, `bond_split`, `kept_apart`,
        `group_closed`, `already_joined`, `nobody_to_keep`, `changed_meanwhile`; `bad_problem` where sizes and rules of the groups
        contradict each other, so that nobody can be weighed, which `swaps` answers as well."""
        reshuffle, asked = self.get_object(), self.asked(KeepingSerializer)
        chosen = {each["move"]: each.get("instead", swaps.BEST) or swaps.NOBODY for each in asked["kept"]}
        fact = swaps.keep(reshuffle, chosen, request._request.tenant, by=request.auth)
        return Response(KeptOnesSerializer(fact.after).data)

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
    stand_in = serializers.SerializerMethodField(help_text="The seat that asks for them as long as they are away, beside its own.")
    stood_in_until = serializers.DateField(help_text="The day from which they ask themselves.", allow_null=True)
    stood_in_moves = serializers.IntegerField(help_text="How many of these moves that concerns.")

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_stand_in(self, load):
        return load.stand_in and load.stand_in.pk


class DraftViewSet(ReadingView):
    """Proposed plans of a reshuffle, made by a worker, with the figures by which one is chosen; one of them is approved."""

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
        extra_kwargs = {"reshuffle": {"help_text": "Null for one person by themselves."}}


class NewMoveSerializer(Serializer):
    placement = serializers.PrimaryKeyRelatedField(queryset=Placement.objects.open(), help_text="Where the member sits now.")
    to_group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.open(), help_text="Another one of the same matrix.")
    anyway = serializers.BooleanField(required=False, help_text="Also against a rule that may be passed over.")


class MoveFilter(FilterSet):
    changed_from = MomentFilter("changed_at", "gte", help_text="What changed at this moment or later.")
    changed_to = MomentFilter("changed_at", "lte", help_text="What changed at this moment or earlier.")

    class Meta:
        model = Move
        fields = ["reshuffle", "state", "member", "from_group", "to_group", "task"]


class MoveViewSet(ReadingView):
    """Members asked from one group into another: by a reshuffle's plan, or one by one."""

    area = "matrix"
    queryset = Move.objects.all()
    serializer_class = MoveSerializer
    filterset_class = MoveFilter
    orders = {"rank": "rank", "changed_at": "changed_at"}

    @extend_schema(request=NewMoveSerializer, responses={201: MoveSerializer})
    def create(self, request):
        """Ask one member into another group, outside of any reshuffle: a task of the assistant, whose tick seats them.

        409 `group_full`, `kept_apart`, `pinned`, `bound`, `group_too_small`, `group_closed`, `on_the_way`, `changed_meanwhile`,
        `bad_problem` where sizes and rules of the groups contradict each other."""
        asked = self.asked(NewMoveSerializer)
        anyway = asked.get("anyway", False)
        move, _fact = single_moves.make(asked["placement"], asked["to_group"], request._request.tenant, by=request.auth, anyway=anyway)
        return self.one(move, 201, Location=reverse("move-detail", args=[move.pk]))

    @extend_schema(request=None, responses=MoveSerializer)
    @action(detail=True, methods=["post"])
    def joining(self, request, pk):
        """The member is in the new group. 409 `already_joined`."""
        move = self.get_object()
        self.asked()
        joining.join(move, by=request.auth)
        return self.one(self.found())
