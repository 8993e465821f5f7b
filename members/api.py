"""Members, their handles and segments, as programs see them. Every act calls the verb that the pages call."""

import django_filters
from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import DayFilter, FilterSet, IdFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView, RowsView

from . import batches, checks, hidden, people, registry, search, segments
from .api_fields import Conditions, Day, Levels, OwnFieldFilter, OwnFields, Platform
from .asked import Asked
from .filters import NONE, name_of_field
from .models import Handle, Introduction, Member, Segment
from .record_api import RightsOfThePerson

STANDINGS = [Member.Standing.CURRENT.value, Member.Standing.PAST.value]  # who was merged or erased is said nowhere
MOST_HANDLES = 40  # in one request


class HandleSerializer(ModelSerializer):
    platform = Platform(help_text="wechat, phone, wecom, email, planet, or the short name of any other system.")

    class Meta:
        model = Handle
        fields = ["platform", "value"]


class OwnHandleSerializer(HandleSerializer):
    class Meta:
        model = Handle
        fields = ["id", "member", "platform", "value"]


class MemberSerializer(ModelSerializer):
    handles = HandleSerializer(many=True, read_only=True, source="handles_here")
    standing = serializers.ChoiceField(STANDINGS, required=False)
    skill_levels = Levels(required=False, help_text="Of a skill 1, 2 or 3, where one is known.")
    joined_on = Day(required=False, allow_null=True, help_text="From 1990 to 2199.")
    expires_on = Day(required=False, allow_null=True, help_text="Not before the day on which they joined.")
    custom = OwnFields(
        required=False, help_text="Own fields of the community by their ids. In a change only those that change; null empties one."
    )

    class Meta:
        model = Member
        fields = [
            "id", "nickname", "standing", "tier", "city", "industry", "skills", "skill_levels", "offers", "seeks", "joined_on",
            "expires_on", "inviter", "tags", "custom", "note", "handles",
        ]  # fmt: skip
        # Of what a request says. What was imported or merged may be longer.
        limits = {name: (None, checks.LONGEST[name]) for name in ("offers", "seeks", "note")}
        limits |= {"skills": (None, checks.MOST_SKILLS), "tags": (None, checks.MOST_TAGS)}

    def validate_skills(self, skills):
        return _at_most(checks.MOST_SKILLS, skills)

    def validate_tags(self, tags):
        return _at_most(checks.MOST_TAGS, tags)

    def to_representation(self, member):
        """Without what the role of the key's seat does not see."""
        return hidden.shown(self.context.get("hidden", frozenset()), super().to_representation(member))


def _at_most(most, values):
    if len(values) > most:
        raise serializers.ValidationError(_("At most %(most)s of them.") % {"most": most})
    return values


class NewMemberSerializer(MemberSerializer):
    handles = HandleSerializer(many=True, required=False, help_text="By which ids they are known.")

    class Meta(MemberSerializer.Meta):
        limits = MemberSerializer.Meta.limits | {"handles": (None, MOST_HANDLES)}

    def validate_handles(self, handles):
        return _at_most(MOST_HANDLES, handles)


ANY = " One or several, divided by commas: any of them."


class MemberFilter(FilterSet):
    search = django_filters.CharFilter(method="matching", help_text="Words of a name, its pinyin or initials, a handle, a skill or a note.")
    segment = IdFilter(method="of_segment", help_text="Whoever fits the saved filters of this segment now.")
    group = IdFilter(method="asked", help_text="Who sits in this group now.")
    city = django_filters.CharFilter(method="several", help_text=f"Exactly this city.{ANY}")
    industry = django_filters.CharFilter(method="several", help_text=f"Exactly this industry.{ANY}")
    skill = django_filters.CharFilter(method="several", help_text=f"Who has this skill, among others.{ANY}")
    tag = django_filters.CharFilter(method="several", help_text=f"Who is tagged so.{ANY}")
    inviter = IdFilter(help_text="Whom this member brought.")
    phone = django_filters.ChoiceFilter(method="asked", choices=[("yes", "yes"), ("no", "no")], help_text="Whether a phone is known.")
    introduction = django_filters.ChoiceFilter(
        method="asked",
        choices=[(state, state) for state in (NONE, *Introduction.State.values)],
        help_text="State of their introduction; none: they were never asked for one.",
    )
    star = django_filters.ChoiceFilter(method="asked", choices=[("yes", "yes")], help_text="Stars alone.")
    custom = OwnFieldFilter(method="of_field", help_text="Id of an own field, a colon, its value; or from..to of numbers and days.")
    standing = django_filters.ChoiceFilter(choices=[(each, each) for each in STANDINGS])
    joined_from = DayFilter("joined_on", "gte", help_text="Who joined on this day or later.")
    joined_to = DayFilter("joined_on", "lte", help_text="Who joined on this day or earlier.")
    expires_from = DayFilter("expires_on", "gte", help_text="Whose term ends on this day or later.")
    expires_to = DayFilter("expires_on", "lte", help_text="Whose term ends on this day or earlier.")

    class Meta:
        model = Member
        fields = ["tier"]

    def matching(self, members, name, words):
        found = search.words_of(words)
        members, column = search.seen_by(members, people.hidden_from(self.request.auth))
        return members.filter(search.exactly(found, column))

    def of_segment(self, members, name, pk):
        """The segment says whose standing counts, too."""
        segment = segments.find(pk, self.request.auth)
        return members.filter(pk__in=segments.members_of(segment, people.hidden_from(self.request.auth)).order_by().values("pk"))

    def asked(self, members, name, value):
        return self._fitting(members, name, [str(value)])

    def several(self, members, name, value):
        return self._fitting(members, name, [each.strip() for each in value.split(",")])

    def of_field(self, members, name, value):
        pk, _colon, wanted = value.partition(":")
        return self._fitting(members, name_of_field(pk.lower()), [wanted])

    def _fitting(self, members, name, values):
        known = registry.FILTERS if name in registry.FILTERS else {each.name: each for each in registry.filters()}
        fits = Asked(values={name: values}, known=known.values()).fits(name, values) if name in known else None
        return members.filter(fits) if fits is not None else members.none()


class BatchRowSerializer(NewMemberSerializer):
    external_id = serializers.CharField(max_length=120, help_text="The id that the row has in the other system.")
    nickname = serializers.CharField(max_length=200, required=False, help_text="Needed for who is new and known by no other handle.")
    inviter = serializers.UUIDField(required=False, allow_null=True, help_text="Who brought them: the id of a member.")

    class Meta(NewMemberSerializer.Meta):
        fields = ["external_id", *(name for name in NewMemberSerializer.Meta.fields if name != "id")]


class BatchSerializer(Serializer):
    platform = Platform(help_text="The short name of the other system, under which its ids are kept.")
    rows = serializers.ListField(child=JsonObject(), max_length=batches.MOST, min_length=1, help_text="Members as in a single request.")


class BatchOfRowsSerializer(BatchSerializer):
    rows = BatchRowSerializer(many=True, help_text="A row that is wrong has its outcome, too, and stops no other.")

    class Meta:
        limits = {"rows": (1, batches.MOST)}


class OutcomeSerializer(Serializer):
    external_id = serializers.CharField(allow_blank=True)
    outcome = serializers.ChoiceField(["made", "changed", "same", "refused"])
    member = serializers.UUIDField(allow_null=True)
    code = serializers.CharField(allow_blank=True, help_text="Why it was refused, for programs.")
    detail = serializers.CharField(allow_blank=True, help_text="Why it was refused, in words.")
    fields = JsonObject(required=False, help_text="What is wrong with each name.")


LISTED = """People of the community, past ones included; filter by standing to see the present ones.

404 `no_such_segment`; 409 `filter_gone` where the segment asks for a filter that is no longer there."""


class OutcomesSerializer(Serializer):
    made = serializers.IntegerField()
    changed = serializers.IntegerField()
    same = serializers.IntegerField()
    refused = serializers.IntegerField()
    rows = OutcomeSerializer(many=True, help_text="In the order of the request.")


@extend_schema_view(list=extend_schema(description=LISTED))
class MemberViewSet(RightsOfThePerson, ReadingView):
    """People of the community, past ones included."""

    area = "members"
    refuses = {"list": ("404", "409")}
    # As lists: for each member on a page a manager with a question of its own would be built, which takes longer than the answer.
    queryset = Member.objects.known().prefetch_related(Prefetch("handles", to_attr="handles_here"))
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    orders = {"nickname": "sort_key"}

    def get_serializer_context(self):
        context = super().get_serializer_context()
        seat = self.request.auth if self.request else None
        return context | {"hidden": people.hidden_from(seat) if seat else frozenset()}

    @extend_schema(request=NewMemberSerializer, responses={201: MemberSerializer})
    def create(self, request):
        """409 `handle_taken` where somebody else has one of the handles; `member` says who."""
        said = self.asked(NewMemberSerializer)
        said["handles"] = [(each["platform"], each["value"]) for each in said.get("handles", [])]
        member = people.add(said, by=request.auth)
        return self.one(self.get_queryset().get(pk=member.pk), 201, Location=reverse("member-detail", args=[member.pk]))

    def partial_update(self, request, pk):
        """Only what is named changes. Handles have an address of their own."""
        member = self.get_object()
        people.change(member, self.asked(MemberSerializer, member), by=request.auth)
        return self.one(self.found())

    @extend_schema(request=BatchOfRowsSerializer, responses=OutcomesSerializer)
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def batch(self, request):
        """Bring up to 1,000 members up to date by their ids in another system: who is unknown is made, who differs is changed.

        Each row has its own outcome; one that is refused stops no other. The same batch again changes nothing."""
        said = self.asked(BatchSerializer)
        rows = [self._row(each) for each in said["rows"]]
        outcomes = batches.bring(said["platform"], rows, by=request.auth)
        number = {name: sum(each["outcome"] == name for each in outcomes) for name in ("made", "changed", "same", "refused")}
        return Response(OutcomesSerializer(number | {"rows": outcomes}).data)

    def _row(self, each):
        row = BatchRowSerializer(data=each, context=self.get_serializer_context())
        return batches.Row(each.get("external_id"), row.validated_data if row.is_valid() else None, row.errors)


class HandleFilter(FilterSet):
    class Meta:
        model = Handle
        fields = ["member", "platform", "value"]


class HandleViewSet(RowsView):
    """The ids by which members are known, each on one platform. One handle is one person's."""

    area = "members"
    queryset = Handle.objects.all()
    serializer_class = OwnHandleSerializer
    filterset_class = HandleFilter

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None else hidden.without(people.hidden_from(seat), found)

    def make(self, said):
        return people.add_handle(said["member"], said["platform"], said["value"], by=self.request.auth)

    def drop(self, handle):
        people.drop_handle(handle, by=self.request.auth)


class SegmentSerializer(ModelSerializer):
    asked = Conditions(help_text="Names of filters with one value or a list of them, and `q` for words.")
    is_shared = serializers.BooleanField(required=False, help_text="Otherwise it is the key's seat's alone.")

    class Meta:
        model = Segment
        fields = ["id", "name", "asked", "is_shared", "made_at"]
        read_only_fields = ["made_at"]
        limits = {"asked": (1, None)}


class SegmentViewSet(RowsView):
    """Saved filters over members, with a name: the shared ones and those of the key's seat. `/members/?segment=` lists who fits."""

    area = "members"
    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer
    filterset_fields = ["name"]

    def get_queryset(self):
        found, seat = super().get_queryset(), self.request.auth
        return found if seat is None else found.open_to(seat)

    def make(self, said):
        return segments.save(said["name"], _known(said["asked"]), shared=said.get("is_shared", True), by=self.request.auth)

    def partial_update(self, request, pk):
        segment = self.get_object()
        said = self.asked(SegmentSerializer, segment)
        wanted = {"name": said.get("name"), "asked": _known(said["asked"]) if "asked" in said else None}
        segments.change(segment, shared=said.get("is_shared"), by=request.auth, **wanted)
        return self.one(self.found())

    def drop(self, segment):
        segments.drop(segment, by=self.request.auth)


def _known(said):
    asked = Asked.of_saved(said)
    if asked.unknown:
        raise segments.no_such_filter(asked)
    return asked
