"""The trail as programs see it: facts as codes and ids."""

import django_filters
from rest_framework import serializers, viewsets

from . import rights
from .api import CursorPages
from .models import Event


class EventSerializer(serializers.ModelSerializer):
    class Meta:
        model = Event
        fields = ["id", "kind", "at", "door", "seat", "member", "subject_kind", "subject", "because", "before", "after"]


class EventFilter(django_filters.FilterSet):
    member = django_filters.UUIDFilter(method="about_member", help_text="What concerns this member.")
    since = django_filters.IsoDateTimeFilter("at", "gte", help_text="From this moment on.")
    until = django_filters.IsoDateTimeFilter("at", "lt", help_text="Before this moment.")

    class Meta:
        model = Event
        fields = ["kind", "subject_kind", "subject", "seat", "door"]

    def about_member(self, found, name, member):
        return found.about_member(member)


class NewestFirst(CursorPages):
    # Ids are made in the order of time and there are no two alike, so pages meet without a gap. Moments may be equal.
    ordering = "-id"


class EventViewSet(viewsets.ReadOnlyModelViewSet):
    """What happened, newest first: ids and codes, no personal data. Who may see their own acts alone gets those alone."""

    area = "trail"
    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    pagination_class = NewestFirst

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None or rights.sees_all(seat, "trail") else found.filter(seat=seat)
