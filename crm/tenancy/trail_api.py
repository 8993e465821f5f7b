"""The trail as programs see it: facts as codes and ids."""

from . import rights
from .api.filters import FilterSet, IdFilter, MomentFilter
from .api.serializers import JsonObject, ModelSerializer
from .api.views import ReadingView
from .models import Event


class EventSerializer(ModelSerializer):
    before = JsonObject(read_only=True)
    after = JsonObject(read_only=True)

    class Meta:
        model = Event
        fields = ["id", "kind", "at", "door", "seat", "member", "subject_kind", "subject", "because", "before", "after"]


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
