"""The trail as programs see it: facts as codes and ids."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from . import rights, scopes, trail
from .api.filters import FilterSet, IdFilter, MomentFilter
from .api.serializers import JsonObject, ModelSerializer, Serializer
from .api.views import ReadingView
from .models import Event


class EventSerializer(ModelSerializer):
    before = JsonObject(read_only=True)
    after = JsonObject(read_only=True)

    class Meta:
        model = Event
        fields = ["id", "kind", "at", "door", "seat", "member", "subject_kind", "subject", "because", "before", "after"]


class TakenBackSerializer(Serializer):
    sentence = serializers.CharField(help_text="What is so again.")


class EventFilter(FilterSet):
    member = IdFilter(method="about_member", help_text="What concerns this member.")
    since = MomentFilter("at", "gte", help_text="From this moment on.")
    until = MomentFilter("at", "lt", help_text="Before this moment.")

    class Meta:
        model = Event
        fields = ["kind", "subject_kind", "subject", "seat", "door"]

    def about_member(self, found, name, member):
        return found.about_member(member)


class EventViewSet(ReadingView):
    """What happened, newest first: ids and codes, no personal data. Who may see their own acts alone gets those alone."""

    area = "trail"
    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    order = "-at"
    orders = {"at": "at"}

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None or rights.sees_all(seat, "trail") else found.filter(seat=seat)

    @extend_schema(request=None, responses=TakenBackSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def undo(self, request, pk):
        """Take back what was done, as long as nothing happened to it since. Who has no right to the act has none to its undoing.

        409 `no_way_back` where it never can be, `changed_meanwhile` and `too_late` where it no longer can."""
        fact = self.get_object()
        self.asked()
        if fact.kind in trail.UNDOES:
            scopes.refuse_unless_held(request._request.token, trail.UNDOES[fact.kind].area, scopes.WRITE)
        return Response(TakenBackSerializer({"sentence": trail.take_back(fact, by=request.auth)}).data)
