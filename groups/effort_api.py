"""What the community costs in hands, as programs see it: the figures of the pages, for any days."""

import datetime

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from crm.tenancy import rights
from crm.tenancy.api.names import unknown
from crm.tenancy.api.problems import invalid
from crm.tenancy.api.serializers import Serializer
from crm.tenancy.api.views import View

from . import efforts
from .models import Slot, Task

MOST_DAYS = 371  # a year of whole weeks
FIRST, LAST = datetime.date(1970, 1, 1), datetime.date(2199, 12, 31)
SIX_DAYS = datetime.timedelta(days=6)
PRACTICES = [*(dict(Slot.Practice.choices) | dict(Task.Kind.choices)).items()]


class EffortQuestionSerializer(Serializer):
    since = serializers.DateField(required=False, help_text="From this day on; usually from Monday.")
    until = serializers.DateField(required=False, help_text=f"Up to and with this day; usually six days later. At most {MOST_DAYS} days.")
    group = serializers.UUIDField(required=False, help_text="Of this group alone.")
    assistant = serializers.UUIDField(required=False, help_text="Of this seat alone.")
    practice = serializers.ChoiceField(PRACTICES, required=False, help_text="Of this alone.")


class MinutesSerializer(Serializer):
    """Of what was not asked for, `by` says nothing, and the name is null."""

    week = serializers.DateField(allow_null=True, help_text="Its Monday.")
    group = serializers.UUIDField(allow_null=True, help_text="Null, too, for what is done in none.")
    practice = serializers.ChoiceField(PRACTICES, allow_null=True, help_text="What is done by the rhythm; for other tasks, their kind.")
    assistant = serializers.UUIDField(allow_null=True, help_text="The seat that does it; null, too, where that is still open.")
    planned = serializers.IntegerField(help_text="Minutes of what is due then, done or not, and of what is laid out.")
    done = serializers.IntegerField(help_text="Minutes of what was done of it.")


class EffortSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField()
    rows = MinutesSerializer(many=True)


BY = OpenApiParameter(
    "by", {"type": "array", "items": {"type": "string", "enum": list(efforts.BY)}, "minItems": 1}, OpenApiParameter.QUERY,
    style="form", explode=False, description="What there is a row for each of, by commas; usually `week`.",
)  # fmt: skip


class EffortViewSet(View):
    """Minutes of work, counted in the week in which a task is due. An assistant's key sees that assistant's own."""

    area = "tasks"
    filter_backends = []
    pagination_class = None
    queryset = Task.objects.none()
    serializer_class = EffortSerializer

    def questions(self):
        return {*EffortQuestionSerializer().fields, "by"}

    @extend_schema(operation_id="effort_retrieve", parameters=[EffortQuestionSerializer, BY])
    def effort(self, request):
        """Minutes planned and done, of whole days."""
        said = request.query_params.dict()
        by = _by(said.pop("by", "week"))
        question = EffortQuestionSerializer(data=said)
        question.is_valid(raise_exception=True)
        only, seat = dict(question.validated_data), request.auth
        since, until = _days(only.pop("since", None), only.pop("until", None), request._request.tenant)
        if not rights.sees_all(seat, "tasks"):
            only["mine"] = seat
        found = efforts.sums(request._request.tenant, since, until, by, **only)
        rows = [dict.fromkeys(efforts.BY) | each for each in found]
        return Response(EffortSerializer({"since": since, "until": until, "rows": rows}).data)


def _by(said):
    by = list(dict.fromkeys(said.split(",")))
    if wrong := [unknown(name, efforts.BY) for name in by if name not in efforts.BY]:
        raise invalid(by=wrong)
    return by


def _days(since, until, tenant):
    """A week where only one end is said, and this one where none is."""
    if since is None and until is None:
        since = efforts.monday_of(tenant.today())
    ends = {"since": since, "until": until}
    if wrong := {name: [_("Give a day between 1970 and 2199.")] for name, day in ends.items() if day and not FIRST <= day <= LAST}:
        raise invalid(**wrong)
    since, until = since or until - SIX_DAYS, until or since + SIX_DAYS
    if not since <= until < since + datetime.timedelta(days=MOST_DAYS):
        raise invalid(until=[_("Ask of %(most)s days at most, the first of them first.") % {"most": MOST_DAYS}])
    return since, until
