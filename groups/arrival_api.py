"""Arrivals and their steps, as programs see them. Every act calls the verb that the pages call."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import DayFilter, FilterSet
from crm.tenancy.api.serializers import ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView
from members.models import Member

from . import answering, arrival_handing, arrival_steps, arrivals, callers, evening_page
from .models import Arrival, ArrivalStep, Group, Matrix
from .rhythm_api import Clock

MOST_NAMED = 100

# Arrivals


class ArrivalSerializer(ModelSerializer):
    at = Clock(read_only=True, allow_null=True, help_text="When they enter, on the clock of the community.")

    class Meta:
        model = Arrival
        fields = [
            "id", "member", "matrix", "group", "state", "day", "at", "urgent_because", "paid_at", "added_at", "assistant", "welcomed_at",
            "chain",
        ]  # fmt: skip


class NewArrivalSerializer(Serializer):
    member = serializers.PrimaryKeyRelatedField(queryset=Member.objects.known(), help_text="A present member who sits in no group there.")
    matrix = serializers.PrimaryKeyRelatedField(
        queryset=Matrix.objects.all(), required=False, help_text="Where they go; usually the matrix that is reshuffled."
    )
    paid_at = serializers.DateTimeField(required=False, help_text="When they paid, if that is known.")


class EveningSerializer(Serializer):
    day = serializers.DateField()
    group = serializers.PrimaryKeyRelatedField(
        queryset=Group.objects.open(), required=False, help_text="Usually the one that suits best: with room, and few like them."
    )


class FillingSerializer(Serializer):
    day = serializers.DateField(required=False, help_text="Which evening; usually the one of today.")
    matrix = serializers.PrimaryKeyRelatedField(queryset=Matrix.objects.all(), required=False, help_text="Of this one alone.")


class PutOffSerializer(Serializer):
    day = serializers.DateField(help_text="The evening that took them.")
    planned = serializers.IntegerField(help_text="So many enter then.")
    queued = serializers.IntegerField(help_text="So many wait again, since it has no room for them.")


class UrgencySerializer(Serializer):
    because = serializers.CharField(max_length=arrivals.LONGEST_REASON, help_text="Why it cannot wait for an evening.")
    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.open(), required=False)


class WhySerializer(Serializer):
    code = serializers.CharField(help_text="Such as `same_city`, `offers_sought`, `lately`.")
    points = serializers.IntegerField()
    word = serializers.CharField(help_text="The word that binds them, if one does.")


class CallerSerializer(Serializer):
    member = serializers.UUIDField()
    points = serializers.IntegerField(help_text="The sum of its parts.")
    why = WhySerializer(many=True)
    this_week = serializers.IntegerField(help_text="How often they are named in this week.")
    is_named = serializers.BooleanField(help_text="Otherwise they are next in turn, or rest.")
    is_resting = serializers.BooleanField(help_text="Named often enough in this week, or silent three times in a row.")
    rests_until = serializers.DateTimeField(allow_null=True, help_text="Of who rests since they never answer.")
    answered = serializers.BooleanField(allow_null=True, help_text="Whether they answered; empty as long as nobody has said.")


class SwapSerializer(Serializer):
    out = serializers.UUIDField(help_text="A member who is named.")
    instead = serializers.UUIDField(required=False, help_text="Who takes their place; usually the next in turn.")


class AnswersSerializer(Serializer):
    answered = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_NAMED, help_text="Members who answered; the others who were named did not."
    )


class RestingSerializer(Serializer):
    member = serializers.UUIDField(source="member.pk")
    until = serializers.DateTimeField(help_text="From then on they are named again.")


class WakingSerializer(Serializer):
    member = serializers.PrimaryKeyRelatedField(queryset=Member.objects.known(), help_text="Who rests since they never answer.")


class ArrivalFilter(FilterSet):
    day_from = DayFilter("day", "gte", help_text="Who enters on this day or later.")
    day_to = DayFilter("day", "lte", help_text="Who enters on this day or earlier.")

    class Meta:
        model = Arrival
        fields = ["state", "member", "matrix", "group", "assistant"]


class ArrivalViewSet(ReadingView):
    """A newcomer's way into a group. An assistant's key sees those of that assistant's groups, and does their steps alone."""

    area = "arrivals"
    acts = dict.fromkeys(
        ["create", "filling", "putting_off", "evening", "queue", "urgency", "calling_off", "bring_back", "resting", "waking"], "matrix"
    )
    queryset = Arrival.objects.all()
    serializer_class = ArrivalSerializer
    filterset_class = ArrivalFilter
    orders = {"added_at": "added_at"}

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None else found.filter(pk__in=evening_page.seen_by(seat).values("pk"))

    @extend_schema(request=NewArrivalSerializer, responses={201: ArrivalSerializer})
    def create(self, request):
        """Put a member into the queue. 409 `sits_already`, `waits_already`, `not_current`, `no_group`; 400 `in_the_future`, `long_ago`."""
        asked = self.asked(NewArrivalSerializer)
        arrival = arrivals.wait(asked["member"], by=request.auth, matrix=asked.get("matrix"), paid_at=asked.get("paid_at"))
        return self.one(arrival, 201, Location=reverse("arrival-detail", args=[arrival.pk]))

    @extend_schema(request=FillingSerializer, responses=ArrivalSerializer(many=True))
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def filling(self, request):
        """Plan an evening with those who wait, longest first, as far as it and the groups have room. Returns who enters then.

        409 `nobody_waits`, `evening_full`, `groups_full`; 400 `evening_over`, `too_far_ahead`."""
        asked, tenant = self.asked(FillingSerializer), request._request.tenant
        planned = arrivals.fill(asked.get("day") or tenant.today(), tenant, by=request.auth, matrix=asked.get("matrix"))
        return Response(self.said(planned))

    @extend_schema(request=None, responses=PutOffSerializer)
    @action(detail=False, methods=["post"], url_path="putting-off", filter_backends=[], pagination_class=None)
    def putting_off(self, request):
        """Move who is left over from evenings that are over into the next one, or back into the queue. 409 `nobody_left`."""
        self.asked()
        day, planned, queued = arrivals.put_off(request._request.tenant, by=request.auth)
        return Response(PutOffSerializer({"day": day, "planned": planned, "queued": queued}).data)

    @extend_schema(request=EveningSerializer, responses=ArrivalSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def evening(self, request, pk):
        """Plan an evening, or another one. 409 `evening_full`, `group_full`, `groups_full`, `arrival_over`,
        `entered_already`, `not_current`; 400 `evening_over`, `too_far_ahead`, `no_such_group`."""
        arrival, asked = self.get_object(), self.asked(EveningSerializer)
        arrivals.plan(arrival, asked["day"], request._request.tenant, by=request.auth, group=asked.get("group"))
        return self.one(self.found())

    @extend_schema(request=None, responses=ArrivalSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def queue(self, request, pk):
        """Back into the queue, without an evening. 409 `arrival_over`, `entered_already`."""
        arrival = self.get_object()
        self.asked()
        arrivals.back_into_queue(arrival, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=UrgencySerializer, responses=ArrivalSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def urgency(self, request, pk):
        """Let them in at once, with a reason. 409 `group_full`, `groups_full`, `arrival_over`, `entered_already`, `not_current`."""
        arrival, asked = self.get_object(), self.asked(UrgencySerializer)
        arrivals.hurry(arrival, asked["because"], request._request.tenant, by=request.auth, group=asked.get("group"))
        return self.one(self.found())

    @extend_schema(request=None, responses=ArrivalSerializer)
    @action(detail=True, methods=["post"], url_path="calling-off", filter_backends=[], pagination_class=None)
    def calling_off(self, request, pk):
        """They do not come. 409 `entered_already` where they sit in the group, `arrival_over`."""
        arrival = self.get_object()
        self.asked()
        arrivals.call_off(arrival, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=ArrivalSerializer)
    @action(detail=True, methods=["post"], url_path="return", filter_backends=[], pagination_class=None)
    def bring_back(self, request, pk):
        """Take the calling off back. 409 `not_called_off`, `waits_already`."""
        arrival = self.get_object()
        self.asked()
        arrivals.bring_back(arrival, request._request.tenant, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=ArrivalSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def chasing(self, request, pk):
        """Ask for the introduction once more: a new link is a task now. 409 `introduced_already`, `not_planned`, `arrival_over`."""
        arrival = self.get_object()
        self.asked()
        arrival_handing.chase(arrival, by=request.auth)
        return self.one(self.found())

    @extend_schema(responses=CallerSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def callers(self, request, pk):
        """Who is named in the welcome, or would be as it is now, each with the reasons as parts that add up."""
        return Response(self._callers(self.get_object()))

    @extend_schema(request=SwapSerializer, responses=CallerSerializer(many=True))
    @action(detail=True, methods=["post"], url_path="caller-swaps", filter_backends=[], pagination_class=None)
    def swap(self, request, pk):
        """Name somebody else in the place of one, and write the text anew. 409 `welcome_not_next`, `named_often_enough`, `rests`,
        `nobody_else`, `not_named`."""
        arrival, asked, tenant = self.get_object(), self.asked(SwapSerializer), request._request.tenant
        step = callers.swap(arrival, asked["out"], tenant, by=request.auth, into=asked.get("instead"))
        arrival_handing.rewrite(step, arrival, tenant)
        return Response(self._callers(arrival))

    @extend_schema(request=AnswersSerializer, responses=CallerSerializer(many=True))
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def answers(self, request, pk):
        """Note who of the named answered, on the day of the welcome or the next. 409 `not_welcomed`, `answers_closed`; 400 `not_named`."""
        arrival, asked = self.get_object(), self.asked(AnswersSerializer)
        answering.note(arrival, asked["answered"], request._request.tenant, by=request.auth)
        return Response(self._callers(arrival))

    @extend_schema(responses=RestingSerializer(many=True))
    @action(detail=False, methods=["get"], url_path="resting-callers", filter_backends=[], pagination_class=None)
    def resting(self, request):
        """Who is named in no welcome for now, since they did not answer three times in a row."""
        return Response(RestingSerializer(answering.all_resting(), many=True).data)

    @extend_schema(request=WakingSerializer, responses=RestingSerializer(many=True))
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def waking(self, request):
        """Let somebody who rests be named again. Returns who rests still. 409 `does_not_rest`."""
        answering.wake(self.asked(WakingSerializer)["member"], by=request.auth)
        return Response(RestingSerializer(answering.all_resting(), many=True).data)

    def _callers(self, arrival):
        if arrival.group_id is None:
            return []
        shown = callers.shown(arrival, self.request._request.tenant)
        rows = [(each, True) for each in shown.named] + [(each, False) for each in shown.others]
        return CallerSerializer([_as_row(caller, is_named) for caller, is_named in rows], many=True).data


def _as_row(caller, is_named):
    why = [{"code": code, "points": points, "word": word} for code, points, word in caller.why]
    named = {"is_named": is_named, "is_resting": caller.is_resting, "rests_until": caller.rests_until, "answered": caller.answered}
    return {"member": caller.pk, "points": caller.points, "why": why, "this_week": caller.this_week} | named


# Steps


class ArrivalStepSerializer(ModelSerializer):
    class Meta:
        model = ArrivalStep
        fields = ["id", "arrival", "kind", "number", "state", "due_at", "task", "because", "ended_at"]


class StepDoneSerializer(Serializer):
    length = serializers.IntegerField(
        min_value=0, max_value=arrival_steps.LONGEST_CHAIN, required=False, help_text="Of the greeting chain, with its step."
    )


class StepSkipSerializer(Serializer):
    because = serializers.CharField(max_length=arrival_steps.LONGEST_REASON)


class ArrivalStepViewSet(ReadingView):
    """What is done for one arrival. Those with a number are held in its order: 409 `not_its_turn` before the one ahead has ended."""

    area = "arrivals"
    queryset = ArrivalStep.objects.select_related("arrival")
    serializer_class = ArrivalStepSerializer
    filterset_fields = ["arrival", "kind", "state", "task"]
    orders = {"due_at": "due_at"}

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None else found.filter(arrival__in=evening_page.seen_by(seat).values("pk"))

    @extend_schema(request=StepDoneSerializer, responses=ArrivalStepSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def done(self, request, pk):
        """It is done; the next one is handed out. 409 `not_its_turn`, `already_ended`, `robot_sends_it`, `withdrawn`, `not_planned`."""
        step = self.get_object()
        return self.one(arrival_steps.done(step, by=request.auth, **self.asked(StepDoneSerializer)))

    @extend_schema(request=StepSkipSerializer, responses=ArrivalStepSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def skipping(self, request, pk):
        """Leave it out, with a reason. 409 as for `done`."""
        step = self.get_object()
        return self.one(arrival_steps.skip(step, self.asked(StepSkipSerializer)["because"], by=request.auth))

    @extend_schema(request=None, responses=ArrivalStepSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def undo(self, request, pk):
        """Do it again. 409 `later_step_done` where the one after it has ended."""
        step = self.get_object()
        self.asked()
        return self.one(arrival_steps.undo(step, by=request.auth))
