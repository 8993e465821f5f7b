"""Long work, as programs look at it until it has ended."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action

from . import rights, work
from .api.filters import FilterSet, MomentFilter
from .api.serializers import JsonObject, ModelSerializer
from .api.views import ReadingView
from .models import Job


class JobSerializer(ModelSerializer):
    percent = serializers.IntegerField(read_only=True, help_text="How far it came; 0 while nobody knows.")
    outcome = JsonObject(read_only=True, help_text="What came of it, once it is done.")
    problem = JsonObject(read_only=True, help_text="`code` and `sentence`, where it failed.")

    class Meta:
        model = Job
        fields = [
            "id", "kind", "state", "stage", "done", "total", "percent", "seat", "asked_at", "ended_at", "outcome", "problem",
        ]  # fmt: skip


class JobFilter(FilterSet):
    asked_from = MomentFilter("asked_at", "gte", help_text="What was asked for at this moment or later.")
    asked_to = MomentFilter("asked_at", "lte", help_text="What was asked for at this moment or earlier.")

    class Meta:
        model = Job
        fields = ["kind", "state", "seat"]


class JobViewSet(ReadingView):
    """Work that takes longer than a request, newest first: one's own, and all of it with an owner's key."""

    area = "jobs"
    queryset = Job.objects.all()
    serializer_class = JobSerializer
    filterset_class = JobFilter
    order = "-id"

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None or rights.sees_all(seat, "jobs") else found.filter(seat=seat)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request, pk):
        """Stop it: its worker ends at the next step, and what is done stays done. 409 `not_running`."""
        job = self.get_object()
        self.asked()
        work.stop(job, by=request.auth)
        return self.one(self.found())
