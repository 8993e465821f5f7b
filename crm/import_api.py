"""The import of a community's files, for programs: upload, look at what was found, write."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action

from crm.tenancy.api.serializers import UUID, JsonObject, ModelSerializer, Nothing, Serializer, Upload
from crm.tenancy.api.views import View
from crm.tenancy.models import Job
from crm.tenancy.rights import may_do
from members import doubtful
from members.files.columns import FIELDS

from . import import_jobs, import_kept, import_pages

MOST_ROWS = 200
MOST_DIFFERENCES = 300
SAID = ["true", "false"]  # a form has texts


class UploadSerializer(Serializer):
    members = Upload(help_text="The list of members: CSV, TSV or XLSX, at most 50 MB and 100,000 rows.")
    cohorts = Upload(required=False, help_text="Who sat where in each half-year.")
    any_kind = serializers.ChoiceField(
        choices=SAID, required=False, help_text="`true`: `members` may also be who sat where, or who spoke to whom; its columns tell."
    )
    whole = serializers.ChoiceField(choices=SAID, required=False, help_text="`false`: who is not in the file stays as they are.")


def _mapping(*meanings):
    return {"type": "object", "additionalProperties": meanings[0] if len(meanings) == 1 else {"anyOf": list(meanings)}}


def _one_of(*fields):
    return {"type": "string", "enum": ["", *fields]}


OF_MEMBERS = {"type": "string", "pattern": f"^(custom:{UUID.pattern.replace('a-f', 'A-Fa-f')}|id:.+)$"}
MAPPINGS = {name: _mapping(_one_of(*(field for field in fields if field != "nickname"))) for name, fields in FIELDS.items()}
MAPPINGS["members"] = _mapping(_one_of(*FIELDS["members"]), OF_MEMBERS)


@extend_schema_field({"type": "object", "properties": MAPPINGS, "additionalProperties": False})
class Mappings(JsonObject):
    pass


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class Names(JsonObject):
    pass


@extend_schema_field({"type": "object", "additionalProperties": _one_of(*doubtful.DECISIONS)})
class Decisions(JsonObject):
    pass


class ColumnsSerializer(Serializer):
    mappings = Mappings(
        required=False,
        help_text="Of each kind of file (`members`, `cohorts`, `interactions`) what its columns mean: the column's key and a field, or an"
        " empty text for a column that is left out; `custom:` and the id of an own field, `id:` and the name of another system. No field"
        " twice. Remembered for files with the same columns once this is written.",
    )
    groups = Names(
        required=False,
        help_text="Which group a name means that no group has (`unknown_groups` of `differences`): the name and that of a group, or"
        " the name itself, and the group is made. Remembered for the next file once this is written.",
    )
    order = serializers.ChoiceField(
        choices=["", "ymd", "mdy", "dmy"], required=False, help_text="How the file's dates are read; empty: found from the file."
    )
    whole = serializers.BooleanField(required=False, help_text="False: who is not in the file stays as they are.")


class PairsSerializer(Serializer):
    pairs = Decisions(
        help_text="The `key` of each doubtful pair you decide, and `same` (the row is that person), `apart` (it is another one, never asked"
        " again), `later`, or an empty text for no decision. What is left open comes in as a person of its own and waits in the queue."
    )


class RowSerializer(serializers.Serializer):
    file = serializers.CharField(help_text="`members`, `cohorts` or `interactions`.")
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
    columns = serializers.SerializerMethodField(
        help_text="Of each kind of file its columns: key, header, field, how many rows are filled, two samples and what they become."
    )
    differences = serializers.SerializerMethodField(
        help_text="The dry run, until it is written: `new`, `changed` with each field before and after, `doubtful` pairs with what was said"
        f" of each; at most {MOST_DIFFERENCES} each; and `unknown_groups`, names that no group has."
    )
    rejected_rows = serializers.SerializerMethodField(help_text=f"The first {MOST_ROWS} rows that would not go in.")
    writing = serializers.SerializerMethodField(help_text="The job that writes it, once somebody asked for it.")
    undoing = serializers.SerializerMethodField(help_text="The job that takes it back, once somebody asked for it.")

    class Meta:
        model = Job
        fields = ["id", "state", "stage", "seat", "asked_at", "ended_at", "problem", "found"]
        fields += ["columns", "differences", "rejected_rows", "writing", "undoing"]
        read_only_fields = fields

    def _review(self, job):
        """People who are not here yet are shown to whoever may bring them in."""
        found = getattr(job, "_review", None)
        if found is None:
            seat = getattr(self.context.get("request"), "auth", None)
            found = job._review = import_kept.review_of(job) if seat and may_do(seat, "members") else {}
        return found

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_columns(self, job):
        return self._review(job).get("columns", {})

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_differences(self, job):
        review, said = self._review(job), job.asked.get("pairs", {})
        if not review.get("places"):
            return {}
        rows = {tab: import_kept.rows_of(job, review, tab, many=MOST_DIFFERENCES) for tab in ("new", "changed", "doubtful")}
        rows["unknown_groups"] = [{"name": name, "rows": many} for name, many, _may_be_several in review.get("spellings", [])]
        return rows | {"doubtful": [pair | {"decision": said.get(pair["key"], "")} for pair in rows["doubtful"]]}

    @extend_schema_field(WritingSerializer(allow_null=True))
    def get_undoing(self, job):
        found = import_jobs.undoing_of(job)
        return WritingSerializer(found).data if found else None

    @extend_schema_field(RowSerializer(many=True))
    def get_rejected_rows(self, job):
        rows = import_kept.rejected_rows(job, MOST_ROWS, named=False)
        return [{"file": file, "line": int(line), "why": why} for file, line, why in rows]

    @extend_schema_field(WritingSerializer(allow_null=True))
    def get_writing(self, job):
        found = import_jobs.writing_of(job)
        return WritingSerializer(found).data if found else None


class ImportViewSet(View):
    """A community's files: read by a worker, looked at, written in one go, and taken back."""

    area = "members"
    queryset = Job.objects.filter(kind=import_jobs.READING).select_related("file")
    serializer_class = ImportSerializer
    uploads = ("create",)

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={202: ImportSerializer})
    def create(self, request):
        """Upload the files; a worker reads them and writes nothing. The same two files once more are the same job."""
        said = self.asked(UploadSerializer)
        how = {name: said[name] == "true" for name in ("any_kind", "whole") if name in said}
        job = import_jobs.ask_reading(said["members"], said.get("cohorts"), request._request.tenant, by=request.auth, **how)
        return self.one(job, 202, Location=_job(job))

    def retrieve(self, request, pk):
        """What was found: people, groups with their spellings, merged and rejected rows, and what would change here."""
        return self.one(self.get_object())

    @extend_schema(request=ColumnsSerializer, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def columns(self, request, pk):
        """Read the files once more, another way: what columns mean, the order of dates, the whole community or a part. A new import."""
        reading = import_jobs.newest_of(self.get_object())
        said = dict(self.asked(ColumnsSerializer))
        for kind, mapping in said.get("mappings", {}).items():
            import_pages.refuse_mapping(kind, mapping)
        if "groups" in said:
            import_pages.refuse_groups(said["groups"], import_kept.review_of(reading), reading.outcome)
            said["groups"] = reading.asked.get("groups", {}) | said["groups"]
        if "mappings" in said:
            said["mappings"] = reading.asked.get("mappings", {}) | said["mappings"]
        job = import_jobs.read_again(reading, request._request.tenant, by=request.auth, **said)
        return self.one(job, 202, Location=_job(job))

    @extend_schema(request=PairsSerializer, responses={200: ImportSerializer})
    @action(detail=True, methods=["post"])
    def pairs(self, request, pk):
        """Say of doubtful pairs, before they are written, whether they are one person. 409 `not_waiting` once it is too late."""
        reading = self.get_object()
        return self.one(import_jobs.decide(reading, request._request.tenant, self.asked(PairsSerializer)["pairs"]))

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request, pk):
        """Take back what was written, as long as nothing else has touched it; who was touched since stays. 409 `nothing_to_undo`."""
        reading = self.get_object()
        self.asked(Nothing)
        job = import_jobs.ask_undoing(reading, request._request.tenant, by=request.auth)
        return self.one(reading, 202, Location=_job(job))

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
