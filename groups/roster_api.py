"""Pasted rosters and codes of groups, as programs see them. Every act calls the verb that the pages call."""

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import FilterSet, MomentFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView
from crm.tenancy.refusals import Refused
from members.models import Member

from . import codes, inviting, roster_booking, roster_meaning, rosters
from .models import Group, GroupCode, Roster, RosterLine


class RosterSerializer(ModelSerializer):
    counts = JsonObject(read_only=True, help_text="What was booked: how many by what became of them.")

    class Meta:
        model = Roster
        fields = ["id", "group", "state", "pasted_at", "pasted_by", "names", "said", "booked_at", "booked_by", "counts", "job"]


class PasteSerializer(Serializer):
    text = serializers.CharField(max_length=rosters.LONGEST_TEXT, help_text="The chat's list of members as it was copied.")
    group = serializers.PrimaryKeyRelatedField(
        queryset=Group.objects.all(), required=False, allow_null=True, help_text="Left out, it is found by the names."
    )


class RosterLineSerializer(ModelSerializer):
    class Meta:
        model = RosterLine
        fields = ["id", "number", "state", "text", "handle", "member", "candidates"]


class QuestionSerializer(Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()


class RosterOutcomeSerializer(Serializer):
    """Whom the settled names mean, by what is to be done about them: ids of members."""

    inside = serializers.ListField(child=serializers.UUIDField(), help_text="Sit here already.")
    joined = serializers.ListField(child=serializers.UUIDField(), help_text="Have come by their move.")
    moved = serializers.ListField(child=serializers.UUIDField(), help_text="Sit in another group by what is known.")
    seated = serializers.ListField(child=serializers.UUIDField(), help_text="Sat in no group of this matrix.")
    arriving = serializers.ListField(child=serializers.UUIDField(), help_text="Wait for an evening, whose introduction seats them.")
    wrong = serializers.ListField(child=serializers.UUIDField(), help_text="Should not be there.")
    missing = serializers.ListField(child=serializers.UUIDField(), help_text="Should sit here and are not in the list.")
    awaited = serializers.ListField(child=serializers.UUIDField(), help_text="On their way here.")
    open_names = RosterLineSerializer(many=True, help_text="Doubtful and unknown names, which booking leaves out.")
    questions = QuestionSerializer(many=True, help_text="Why this may not be the whole list of this group; booking then wants `sure`.")


class LineSettlingSerializer(Serializer):
    """Who a name is: a member, or with `act` somebody new, a newcomer who enters in an evening, or nobody of ours."""

    line = serializers.UUIDField(help_text="Of this roster.")
    member = serializers.PrimaryKeyRelatedField(queryset=Member.objects.all(), required=False, help_text="Either who it is,")
    act = serializers.ChoiceField(
        [("new", "new"), ("arrival", "arrival"), ("pass", "pass"), ("reopen", "reopen")],
        required=False,
        help_text="or what: `new`, `arrival` (new, and waiting for an evening), `pass` or, to take it back, `reopen`.",
    )


class BookingSerializer(Serializer):
    expected = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="Refused where another number of people would change seats."
    )
    ends = serializers.BooleanField(required=False, help_text="Whether the seats of those who are missing end.")
    asks_out = serializers.BooleanField(required=False, help_text="Whether the assistant is asked to take out who should not be there.")
    sure = serializers.BooleanField(required=False, help_text="That the questions were answered with yes.")


class RosterFilter(FilterSet):
    pasted_from = MomentFilter("pasted_at", "gte", help_text="What was pasted at this moment or later.")
    pasted_to = MomentFilter("pasted_at", "lte", help_text="What was pasted at this moment or earlier.")

    class Meta:
        model = Roster
        fields = ["group", "state"]


class RosterViewSet(ReadingView):
    """Member lists of chats, pasted and booked. Names stand in them only until they are booked."""

    area = "matrix"
    queryset = Roster.objects.select_related("group__matrix")
    serializer_class = RosterSerializer
    filterset_class = RosterFilter
    orders = {"pasted_at": "pasted_at"}

    @extend_schema(request=PasteSerializer, responses={201: RosterSerializer})
    def create(self, request):
        """400 `empty` where no name stands in it, `which_group` where the names do not say; 409 `being_booked`, `group_closed`."""
        asked = self.asked(PasteSerializer)
        made = rosters.paste(asked["text"], asked.get("group"), by=request.auth)
        return self.one(self.get_queryset().get(pk=made.pk), 201, Location=reverse("roster-detail", args=[made.pk]))

    @extend_schema(responses=RosterOutcomeSerializer)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def outcome(self, request, pk):
        """What it says beside what is known now; empty once it is booked."""
        roster = self.get_object()
        found = roster_meaning.outcome(roster) if roster.is_open else roster_meaning.Outcome()
        lines = roster.lines.filter(state__in=[RosterLine.State.DOUBTFUL, RosterLine.State.UNKNOWN]).order_by("number")
        said = {name: [each.member.pk for each in getattr(found, name)] for name in LISTS}
        asked = roster_meaning.questions(roster, found) if roster.is_open else []
        asked = [{"code": code, "sentence": sentence} for code, sentence in asked]
        return self.shown(RosterOutcomeSerializer(said | {"open_names": lines, "questions": asked}).data)

    @extend_schema(request=LineSettlingSerializer, responses=RosterLineSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def settling(self, request, pk):
        """Settle one name. 409 `settled_already`, `named_twice`, `nothing_to_undo`; 400 `who_or_what` unless one of both is said."""
        roster, asked = self.get_object(), self.asked(LineSettlingSerializer)
        line = RosterLine.objects.filter(roster=roster, pk=asked["line"]).first()
        if line is None:
            raise Refused(_("There is no such name in this list."), code="no_such_line", status=404)
        if ("member" in asked) == ("act" in asked):
            raise Refused(_("Say either who it is or what is to be done."), code="who_or_what", status=400)
        if "member" in asked:
            return Response(RosterLineSerializer(rosters.settle(line, asked["member"].pk, by=request.auth)).data)
        return Response(RosterLineSerializer(ACTS[asked["act"]](line, by=request.auth)).data)

    @extend_schema(request=BookingSerializer, responses={200: RosterSerializer, 202: RosterSerializer})
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def booking(self, request, pk):
        """Book it in one go; 202 where a worker does it, see `job`.

        409 with the code of a question that was not answered: `other_group`, `half_a_list`, `fewer_than_said`; `not_open`."""
        roster, asked = self.get_object(), self.asked(BookingSerializer)
        job = roster_booking.book(roster, by=request.auth, **asked)
        return self.one(self.found(), 202 if job else 200)

    @extend_schema(request=None, responses={200: RosterSerializer, 202: RosterSerializer})
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def undo(self, request, pk):
        """Take the booking back as a whole; who was touched since stays. 409 `too_late`, `newer_booked`."""
        roster = self.get_object()
        self.asked()
        job, _kept = roster_booking.undo(roster, by=request.auth)
        return self.one(self.found(), 202 if job else 200)

    @extend_schema(request=None, responses=RosterSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def dropping(self, request, pk):
        """Set an open list aside; no name of it is kept. 409 `not_open`."""
        roster = self.get_object()
        self.asked()
        rosters.drop(roster, by=request.auth)
        return self.one(self.found())


LISTS = ("inside", "joined", "moved", "seated", "arriving", "wrong", "missing", "awaited")
ACTS = {"new": rosters.add_member, "arrival": rosters.add_arrival, "pass": rosters.pass_over, "reopen": rosters.reopen}


# Codes of groups


class GroupCodeSerializer(ModelSerializer):
    used = serializers.IntegerField(read_only=True, help_text="How often it was scanned: as told, and by who was asked or came since.")
    has_picture = serializers.SerializerMethodField(help_text="Whether it is a picture, which the pages show.")

    class Meta:
        model = GroupCode
        fields = ["id", "group", "state", "link", "has_picture", "made_at", "expires_at", "scans", "used", "task"]

    def get_has_picture(self, code) -> bool:
        return code.picture_id is not None


class NewCodeSerializer(Serializer):
    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.all())
    link = serializers.CharField(max_length=300, help_text="A picture is uploaded on the page of the group.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Left out, as many days as the matrix says.")


class CountSerializer(Serializer):
    scans = serializers.IntegerField(min_value=0, max_value=codes.MOST_SCANS, help_text="Beside what is seen here.")


class GroupCodeViewSet(ReadingView):
    """Links and pictures by which people come into a chat. One is in use for each group; the next one is asked for in time."""

    area = "matrix"
    queryset = inviting.with_used(GroupCode.objects.all())
    serializer_class = GroupCodeSerializer
    filterset_fields = ["group", "state"]
    orders = {"made_at": "made_at", "expires_at": "expires_at"}

    @extend_schema(request=NewCodeSerializer, responses={201: GroupCodeSerializer})
    def create(self, request):
        """The one before is used no more. 400 `no_link`, `dies_when`; 409 `group_closed`."""
        asked = self.asked(NewCodeSerializer)
        made = codes.keep(asked["group"], by=request.auth, link=asked["link"], expires_at=asked.get("expires_at"))
        return self.one(self.get_queryset().get(pk=made.pk), 201, Location=reverse("code-detail", args=[made.pk]))

    @extend_schema(request=CountSerializer, responses=GroupCodeSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def counting(self, request, pk):
        """Say how often it was scanned. 409 `code_over`."""
        code = self.get_object()
        codes.count(code, self.asked(CountSerializer)["scans"], by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=GroupCodeSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def dropping(self, request, pk):
        """Use it no more; until there is another one, assistants add people themselves. 409 `code_over`."""
        code = self.get_object()
        self.asked()
        codes.drop(code, by=request.auth)
        return self.one(self.found())
