"""The import of a community's files, for programs: upload, look at what was found, write."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser

from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Nothing, Serializer
from crm.tenancy.api.views import View
from crm.tenancy.models import Job

from . import import_jobs

MOST_ROWS = 200


class UploadSerializer(Serializer):
    members = serializers.FileField(help_text="The list of members: CSV, TSV or XLSX, at most 50 MB and 100,000 rows.")
    cohorts = serializers.FileField(required=False, help_text="Who sat where in each half-year.")


class RowSerializer(serializers.Serializer):
    file = serializers.CharField()
    line = serializers.IntegerField()
    why = serializers.CharField(help_text="A sentence, in the language of whoever uploaded the file.")


class WritingSerializer(serializers.ModelSerializer):
    outcome = JsonObject(read_only=True)
    problem = JsonObject(read_only=True)

    class Meta:
        model = Job
        fields = ["id", "state", "stage", "outcome", "problem", "asked_at", "ended_at"]
        read_only_fields = fields


class ImportSerializer(ModelSerializer):
    problem = JsonObject(read_only=True)
    found = JsonObject(source="outcome", read_only=True, help_text="What the files hold and would change, once read.")
    rejected_rows = serializers.SerializerMethodField(help_text=f"The first {MOST_ROWS} rows that would not go in.")
    writing = serializers.SerializerMethodField(help_text="The job that writes it, once somebody asked for it.")

    class Meta:
        model = Job
        fields = ["id", "state", "stage", "seat", "asked_at", "ended_at", "problem", "found", "rejected_rows", "writing"]
        read_only_fields = fields

    @extend_schema_field(RowSerializer(many=True))
    def get_rejected_rows(self, job):
        rows = import_jobs.first_rejected(job, MOST_ROWS)
        return [{"file": file, "line": int(line), "why": why} for file, line, why in rows]

    @extend_schema_field(WritingSerializer(allow_null=True))
    def get_writing(self, job):
        found = import_jobs.writing_of(job)
        return WritingSerializer(found).data if found else None


class ImportViewSet(View):
    area = "members"
    queryset = Job.objects.filter(kind=import_jobs.READING).select_related("file")
    serializer_class = ImportSerializer

    def get_parsers(self):
        # Asked before the action is known; the description of the API names it and has no request.
        act = getattr(self, "action", None) or self.action_map.get(self.request.method.lower())
        return [MultiPartParser()] if act == "create" else super().get_parsers()

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={202: ImportSerializer})
    def create(self, request):
        """Upload the files; a worker reads them and writes nothing. The same two files once more are the same job."""
        said = self.asked(UploadSerializer)
        job = import_jobs.ask_reading(said["members"], said.get("cohorts"), request._request.tenant, by=request.auth)
        return self.one(job, 202, Location=_job(job))

    def retrieve(self, request, pk):
        """What was found: people, groups with their spellings, merged and rejected rows, and what would change here."""
        return self.one(self.get_object())

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def writing(self, request, pk):
        """Write what was read, all of it or nothing. 409 `stale` where other files were imported since."""
        reading = self.get_object()
        self.asked(Nothing)
        job = import_jobs.ask_writing(reading, request._request.tenant, by=request.auth)
        return self.one(reading, 202, Location=_job(job))


def _job(job):
    return reverse("job-detail", args=[job.pk])
