"""Rhythms, slots, pauses and what is laid out of them, as programs see them. Every act calls the verb that the pages call."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api import pictures
from crm.tenancy.api.filters import DayFilter, FilterSet
from crm.tenancy.api.serializers import TIME, ModelSerializer, Serializer, Upload
from crm.tenancy.api.views import ReadingView, RowsView
from crm.tenancy.models import File, Tenant

from . import days_off, occurrences, rhythm_languages, rhythms
from .models import Group, Occurrence, Pause, Rhythm, Slot

CLOCK = "%H:%M"


@extend_schema_field({"type": "string", "pattern": f"^{TIME.pattern}$"})
class Clock(serializers.TimeField):
    """On the tenant's wall, to the minute."""

    def __init__(self, **how):
        super().__init__(format=CLOCK, input_formats=[CLOCK], **how)


class Anyway(serializers.BooleanField):
    """Whether somebody may get more to do than their weekly budget."""

    def __init__(self):
        super().__init__(required=False, write_only=True, help_text="Also where it takes somebody over their weekly budget.")


def weighed(request, said, change):
    """Does it, unless it takes somebody over their budget and nobody said `anyway`."""
    return change() if said.pop("anyway", False) else occurrences.within_budget(request._request.tenant, change)


# Rhythms


class RhythmSerializer(ModelSerializer):
    class Meta:
        model = Rhythm
        fields = ["id", "name", "mode", "is_usual"]
        read_only_fields = ["mode", "is_usual"]


class RhythmCopySerializer(Serializer):
    rhythm = serializers.PrimaryKeyRelatedField(queryset=Rhythm.objects.open(), help_text="The one whose slots the new one begins with.")
    name = serializers.CharField(max_length=rhythms.LONGEST_NAME)


class FollowersSerializer(Serializer):
    groups = serializers.PrimaryKeyRelatedField(many=True, queryset=Group.objects.open(), allow_empty=False)

    class Meta:
        limits = {"groups": (1, None)}


class RhythmLanguageSerializer(Serializer):
    language = serializers.ChoiceField(Tenant.Language.choices)


class RhythmViewSet(ReadingView):
    """Weeks of slots that groups follow. Each mode has a usual one, which its groups follow unless they choose another."""

    area = "matrix"
    queryset = Rhythm.objects.open()
    serializer_class = RhythmSerializer
    filterset_fields = ["mode", "is_usual"]

    @extend_schema(request=RhythmCopySerializer, responses={201: RhythmSerializer})
    def create(self, request):
        """Copy a rhythm with its slots. 409 `a_rhythm_name_once` where the name is taken, `rhythm_dropped`; 400 `name_malformed`."""
        asked = self.asked(RhythmCopySerializer)
        rhythm = rhythms.copy(asked["rhythm"], asked["name"], by=request.auth)
        return self.one(rhythm, 201, Location=reverse("rhythm-detail", args=[rhythm.pk]))

    def partial_update(self, request, pk):
        """Call it otherwise. 409 `a_rhythm_name_once`; 400 `name_malformed`."""
        rhythm = self.get_object()
        wanted = self.asked(RhythmSerializer, rhythm)
        if "name" in wanted:
            rhythms.rename(rhythm, wanted["name"], by=request.auth)
        return self.one(self.found())

    def destroy(self, request, pk):
        """Its groups follow the usual one again. 409 `usual_rhythm` for that one itself."""
        rhythms.drop(self.get_object(), by=request.auth)
        return Response(status=204)

    @extend_schema(request=FollowersSerializer, responses=RhythmSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def followers(self, request, pk):
        """Let groups follow this rhythm. What is not done yet is laid out anew."""
        rhythm = self.get_object()
        rhythms.follow(self.asked(FollowersSerializer)["groups"], rhythm, by=request.auth)
        return self.one(rhythm)

    @extend_schema(request=RhythmLanguageSerializer, responses=RhythmSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def language(self, request, pk):
        """Write a ready rhythm in another language. 409 `rhythm_changed` where somebody changed a word of it."""
        rhythm = self.get_object()
        rhythm_languages.remake(rhythm, self.asked(RhythmLanguageSerializer)["language"], by=request.auth)
        return self.one(self.found())


# Slots


class SlotSerializer(ModelSerializer):
    weekday = serializers.IntegerField(min_value=0, max_value=6, help_text="0 is Monday.")
    at = Clock(help_text="When it is done, on the clock of the community.")
    text = serializers.CharField(
        required=False, allow_blank=True, max_length=5000, help_text="With variables in braces, as {group} and {newcomers}."
    )
    picture = serializers.PrimaryKeyRelatedField(
        queryset=File.objects.filter(kind=rhythms.PICTURE), required=False, allow_null=True,
        help_text="Read at `/slots/{id}/picture/`, where a new one is sent. Here that of another slot may be said; null takes it away.",
    )  # fmt: skip
    anyway = Anyway()

    class Meta:
        model = Slot
        fields = [
            "id", "rhythm", "group", "weekday", "at", "practice", "title", "text", "picture", "minutes", "within", "given", "wants_proof",
            "anyway",
        ]  # fmt: skip


class SlotChangeSerializer(SlotSerializer):
    """A slot stays in its rhythm."""

    class Meta(SlotSerializer.Meta):
        fields = [name for name in SlotSerializer.Meta.fields if name not in ("rhythm", "group")]


class SlotPictureSerializer(Serializer):
    picture = Upload(help_text=f"PNG, JPEG or WebP. It is kept as PNG, at most {rhythms.SIDE:,} pixels wide and high.")


class SlotViewSet(ReadingView):
    """What is done on one weekday at one time: in all groups that follow a rhythm, or in one group alone."""

    area = "matrix"
    queryset = Slot.objects.open()
    serializer_class = SlotSerializer
    filterset_fields = ["rhythm", "group", "weekday", "practice", "given"]
    uploads, shows = ("add_picture",), ("picture_of",)

    @extend_schema(responses={201: SlotSerializer})
    def create(self, request):
        """Of a rhythm or of one group. 400 `rhythm_or_group` unless one of both is said, `no_such_variable` (`proposal` says which one
        may be meant), `text_too_long`, `talk_by_robot`; 409 `group_closed`, `rhythm_dropped`, and without `anyway` `over_budget` where
        it takes somebody over their weekly budget in this week or the next two: `over` names each seat with `minutes` and `budget`."""
        said = self.asked(SlotSerializer)
        holder = {"rhythm": said.pop("rhythm", None), "group": said.pop("group", None)}
        slot = weighed(request, said, lambda: rhythms.add_slot(said, by=request.auth, **holder))
        return self.one(slot, 201, Location=reverse("slot-detail", args=[slot.pk]))

    @extend_schema(request=SlotChangeSerializer, responses=SlotSerializer)
    def partial_update(self, request, pk):
        """What is not done yet follows; what was done stays. 400 `no_such_variable`, `text_too_long`, `talk_by_robot`;
        409 `slot_dropped`, and without `anyway` `over_budget`, with whom it takes `over`, as where one is made."""
        slot = self.get_object()
        said = self.asked(SlotChangeSerializer, slot)
        weighed(request, said, lambda: rhythms.change_slot(slot, said, by=request.auth))
        return self.one(self.found())

    def destroy(self, request, pk):
        """Nothing of it is done from now on."""
        rhythms.drop_slot(self.get_object(), by=request.auth)
        return Response(status=204)

    @extend_schema(responses=pictures.ANSWER)
    @action(detail=True, url_path="picture", filter_backends=[], pagination_class=None)
    def picture_of(self, request, pk):
        """The picture that goes with the text, in every task of this slot that is laid out. 404 where there is none."""
        return self.picture(self.get_object().picture)

    @extend_schema(request={"multipart/form-data": SlotPictureSerializer}, responses=SlotSerializer)
    @picture_of.mapping.post
    def add_picture(self, request, pk):
        """Send a picture, in the place of the one that is there; PATCH of the slot with `picture: null` takes it away.

        400 `no_picture`, `too_many_pixels`, `too_large`; 409 `slot_dropped`."""
        slot = self.get_object()
        file = rhythms.keep_picture(self.asked(SlotPictureSerializer)["picture"], by=request.auth)
        rhythms.change_slot(slot, {"picture": file}, by=request.auth)
        return self.one(self.found())


# Pauses


class PauseSerializer(ModelSerializer):
    class Meta:
        model = Pause
        fields = ["id", "name", "since", "until", "group"]


class DaysOffSerializer(Serializer):
    name = serializers.CharField()
    since = serializers.DateField()
    until = serializers.DateField()


@extend_schema_view(
    create=extend_schema(description="Let the rhythm rest on these days. 400 `a_pause_ends_after_it_begins`, `pause_too_long`."),
    destroy=extend_schema(description="Take it away: what lies ahead is done again. 409 `pause_dropped`."),
)
class PauseViewSet(RowsView):
    """Days on which nothing of the rhythm is done: in one group, or in all where none is named."""

    area = "matrix"
    queryset = Pause.objects.all()
    serializer_class = PauseSerializer
    filterset_fields = ["group"]

    def make(self, said):
        return rhythms.add_pause(said, by=self.request.auth)

    def drop(self, pause):
        rhythms.drop_pause(pause, by=self.request.auth)

    @extend_schema(responses=DaysOffSerializer(many=True))
    @action(detail=False, url_path="days-off", filter_backends=[], pagination_class=None)
    def days_off(self, request):
        """Public holidays of the community's country in the year ahead on which not all groups rest yet: each might be made a pause."""
        found = days_off.uncovered(request._request.tenant, Pause.objects.filter(group=None))
        return Response(DaysOffSerializer(found, many=True).data)


# What is laid out


class OccurrenceSerializer(ModelSerializer):
    done_on = serializers.SerializerMethodField(help_text="The day on which it is done, also after it was moved.")
    at = serializers.SerializerMethodField(help_text="When it is done, on the clock of the community.")

    class Meta:
        model = Occurrence
        fields = ["id", "slot", "group", "day", "done_on", "at", "is_moved", "state", "due_at", "task", "push"]

    @extend_schema_field(serializers.DateField())
    def get_done_on(self, occurrence):
        return occurrence.wall_time.date().isoformat()

    @extend_schema_field(Clock())
    def get_at(self, occurrence):
        return occurrence.wall_time.strftime(CLOCK)


class MovingSerializer(Serializer):
    day = serializers.DateField()
    at = Clock()
    always = serializers.BooleanField(required=False, help_text="For every week, in all groups of the rhythm; otherwise for this once.")
    anyway = Anyway()


class OccurrenceFilter(FilterSet):
    day_from = DayFilter("day", "gte", help_text="What its slot has on this day or later.")
    day_to = DayFilter("day", "lte", help_text="What its slot has on this day or earlier.")

    class Meta:
        model = Occurrence
        fields = ["slot", "group", "state", "is_moved", "task", "push"]


class OccurrenceViewSet(ReadingView):
    """One slot in one group on one day, laid out two weeks ahead. Early on its day it becomes a task; what a robot does becomes a
    message (`push`) at its moment, and that a task where no channel of the group can send it. Its picture is that of its slot, and once
    there is a task, that task's."""

    area = "matrix"
    queryset = Occurrence.objects.all()
    serializer_class = OccurrenceSerializer
    filterset_class = OccurrenceFilter
    orders = {"due_at": "due_at"}

    @extend_schema(request=MovingSerializer, responses=OccurrenceSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def moving(self, request, pk):
        """Move it to another day and time. 400 `moment_over`, `too_far`; 409 `already_done`, `occurrence_dropped`, `paused`, and
        without `anyway` `over_budget`, with whom it takes `over`, as of a slot that is made."""
        row, said = self.get_object(), self.asked(MovingSerializer)
        return self.one(weighed(request, said, lambda: occurrences.move(row, by=request.auth, **said)))

    @extend_schema(request=None, responses=OccurrenceSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def dropping(self, request, pk):
        """Leave it out this once; next week it is done again. 409 `already_done`."""
        row = self.get_object()
        self.asked()
        occurrences.drop(row, by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=OccurrenceSerializer)
    @action(detail=True, methods=["post"], url_path="return", filter_backends=[], pagination_class=None)
    def bring_back(self, request, pk):
        """Do it after all, where it was left out this once."""
        row = self.get_object()
        self.asked()
        occurrences.bring_back(row, by=request.auth)
        return self.one(self.found())
