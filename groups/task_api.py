"""Tasks, as programs see them. Every act calls the verb that the phone and the desk call."""

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy import rights
from crm.tenancy.api import pictures
from crm.tenancy.api.filters import FilterSet, MomentFilter
from crm.tenancy.api.serializers import ModelSerializer, Serializer, Upload
from crm.tenancy.api.views import ReadingView
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from members.models import Member

from . import ahead, handovers, talks, tasks, texts
from .models import Group, Task, Tick
from .rhythm_api import Anyway, Clock, weighed


class TaskSerializer(ModelSerializer):
    move = serializers.SerializerMethodField(help_text="The move that this task carries, if it carries one.")

    class Meta:
        model = Task
        extra_kwargs = {
            "after": {"help_text": "The one ahead of it, as a red packet before a talk: `barred` until that one has ended."},
            "picture": {"help_text": "To be sent with the text; read at `/tasks/{id}/picture/`."},
            "proof": {"help_text": "The photo that shows it was done; read and added at `/tasks/{id}/proof/`."},
        }
        fields = [
            "id", "kind", "title", "group", "member", "assistant", "state", "due_at", "late_at", "minutes", "rank", "text", "picture",
            "wants_proof", "proof", "reason", "note", "ended_at", "ended_by", "after", "move",
        ]  # fmt: skip

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_move(self, task):
        return next((move.pk for move in task.moves.all()), None)


class TickSerializer(Serializer):
    key = serializers.UUIDField(help_text="Made by the caller; the same key again is the same act.")
    act = serializers.ChoiceField(Tick.Act.choices)
    reason = serializers.ChoiceField(Task.Reason.choices, required=False, allow_blank=True, help_text="Needed for `impossible`.")
    until = serializers.ChoiceField(tasks.Until.choices, required=False, allow_blank=True, help_text="Needed for `later`.")
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class ProofSerializer(Serializer):
    photo = Upload(help_text="PNG, JPEG or WebP, at most 15 MB. It is kept upright, without place and camera, as JPEG.")


class HandingSerializer(Serializer):
    """Some tasks, or what a seat has to do."""

    give_to = serializers.UUIDField(help_text="The seat that has them from now on.")
    tasks = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000, help_text="Either these, which are open,")
    whose = serializers.UUIDField(required=False, help_text="or what this seat has to do")
    span = serializers.ChoiceField(handovers.Span.choices, required=False, help_text="until then: `today`, `week` or `all`.")


class HandedSerializer(Serializer):
    tasks = serializers.IntegerField(help_text="How many changed hands.")
    ahead = serializers.IntegerField(
        help_text="What is no task yet and went along, where all of a seat was handed over: slots that wait, moves of a wave, arrivals."
    )
    give_to = serializers.UUIDField()
    event = serializers.UUIDField(help_text="The fact by which it is taken back as a whole: POST /events/{event}/undo/.")


class NewTalkSerializer(Serializer):
    """Who speaks in which group, and when."""

    group = serializers.PrimaryKeyRelatedField(queryset=Group.objects.open())
    speaker = serializers.PrimaryKeyRelatedField(queryset=Member.objects.current())
    day = serializers.DateField()
    at = Clock(help_text="When it begins, on the clock of the community.")
    title = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text="What it is about; else the name of the speaker."
    )
    text = serializers.CharField(
        max_length=texts.LONGEST, required=False, allow_blank=True, help_text="With variables in braces, as {group} and {newcomers}."
    )
    minutes = serializers.IntegerField(min_value=1, max_value=talks.MOST_MINUTES, required=False, help_text="Work with the talk.")
    packet_minutes = serializers.IntegerField(
        min_value=1, max_value=talks.MOST_MINUTES, required=False, help_text="Work with the red packet ahead of it."
    )
    assistant = serializers.UUIDField(required=False, help_text="The seat that does both; else whoever works for the group.")
    anyway = Anyway()


class TaskFilter(FilterSet):
    due_from = MomentFilter("due_at", "gte", help_text="What is due at this moment or later.")
    due_to = MomentFilter("due_at", "lte", help_text="What is due at this moment or earlier.")
    late_to = MomentFilter("late_at", "lte", help_text="What is late from this moment or an earlier one on.")
    ended_from = MomentFilter("ended_at", "gte", help_text="What ended at this moment or later.")
    ended_to = MomentFilter("ended_at", "lte", help_text="What ended at this moment or earlier.")

    class Meta:
        model = Task
        fields = ["state", "kind", "group", "assistant", "member", "reason", "ended_by"]


class TaskViewSet(ReadingView):
    """What assistants do by hand, of every kind. An assistant's key sees that assistant's own tasks."""

    area = "tasks"
    acts = {"talks": "matrix"}
    uploads, shows = ("prove",), ("picture_of", "proof")
    queryset = Task.objects.prefetch_related("moves")
    serializer_class = TaskSerializer
    filterset_class = TaskFilter
    orders = {"due_at": "due_at", "late_at": "late_at"}

    def get_queryset(self):
        found = super().get_queryset()
        seat = self.request.auth
        return found if seat is None or rights.sees_all(seat, "tasks") else found.of(seat)

    @extend_schema(request=TickSerializer, responses=TaskSerializer)
    @action(detail=True, methods=["post"], url_path="ticks", filter_backends=[], pagination_class=None)
    def ticks(self, request, pk):
        """Mark it done or not possible, put it off, or take that back. 409 `already_ended` says who was first, `proof_missing` that a
        photo is wanted (POST /tasks/{id}/proof/); `not_its_turn` that the one ahead of it has not ended, `later_task_done` that the
        one after it has; `withdrawn`, `not_yours`, `nothing_to_undo`, `key_reused`. 400 `reason_missing`, `until_missing`."""
        task = self.get_object()
        task = tasks.tick(task.pk, by=request.auth, **self.asked(TickSerializer))
        return self.one(task)

    @extend_schema(responses=pictures.ANSWER)
    @action(detail=True, url_path="picture", filter_backends=[], pagination_class=None)
    def picture_of(self, request, pk):
        """The picture that is to be sent with the text. 404 where there is none."""
        return self.picture(self.get_object().picture)

    @extend_schema(responses=pictures.ANSWER)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def proof(self, request, pk):
        """The photo that shows it was done. 404 where there is none."""
        return self.picture(self.get_object().proof)

    @extend_schema(request={"multipart/form-data": ProofSerializer}, responses=TaskSerializer)
    @proof.mapping.post
    def prove(self, request, pk):
        """Add a photo that shows it; another one takes its place. Then tick it. 409 `withdrawn`; 400 `too_large`, `wrong_type`,
        `no_picture`, `too_many_pixels`."""
        task = self.get_object()
        tasks.prove(task.pk, self.asked(ProofSerializer)["photo"], by=request.auth)
        return self.one(self.found())

    @extend_schema(request=NewTalkSerializer, responses={201: TaskSerializer})
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def talks(self, request):
        """Hand out a talk: two tasks, the red packet first (`after`), then the talk, which is `barred` until that one has ended.

        POST /events/{event}/undo/ of the fact `talk.given` takes it back. 400 `moment_over`, `too_far`,
        `no_such_variable`, `text_too_long`; 409 `group_closed`, `member_left`, `seat_ended`, `viewer_works_not`, and without `anyway`
        `over_budget`, with whom it takes `over`, as of a slot that is made."""
        said = self.asked(NewTalkSerializer)
        talk = weighed(request, said, lambda: talks.give(by=request.auth, **said))
        return self.one(talk, 201, Location=reverse("task-detail", args=[talk.pk]))

    @extend_schema(request=HandingSerializer, responses=HandedSerializer)
    @action(detail=False, methods=["post"], filter_backends=[], pagination_class=None)
    def handing(self, request):
        """Hand tasks over to another seat, in one move with one way back; an assistant their own. With `whose` what becomes a task
        until then goes along, and so does what comes up by then, as a message that no robot could send; with `all`, for two weeks.
        Where nothing is to do yet, `tasks` and `ahead` are 0, and what comes up goes there all the same.

        409 `nothing_to_hand_over` where none of them is open and somebody else's, and where this one stands in for them already;
        `seat_ended`, `viewer_works_not`; 400 `tasks_or_whose` unless one of both is said, `no_such_seat`, `no_such_span`."""
        mine = self.get_queryset().order_by()
        asked = self.asked(HandingSerializer)
        if ("tasks" in asked) == ("whose" in asked):
            raise Refused(_("Say either which tasks or whose."), code="tasks_or_whose", status=400)
        if "whose" in asked:
            seat = Seat.objects.filter(tenant=request._request.tenant, pk=asked["whose"]).first()
            if seat is None:
                raise Refused(_("There is no such seat."), code="no_such_seat", status=400, field="whose")
            span, tenant = asked.get("span", ""), request._request.tenant
            found = handovers.of(seat, span, tenant).filter(pk__in=mine.values("pk"))
            if seat.pk == request.auth.pk or rights.sees_all(request.auth, "tasks"):
                fact = ahead.hand_over(found, seat, span, asked["give_to"], tenant, by=request.auth)
            else:
                fact = handovers.hand_over(found, asked["give_to"], by=request.auth)
        else:
            found = Task.objects.filter(pk__in=mine.filter(pk__in=asked["tasks"]).values("pk"))
            fact = handovers.hand_over(found, asked["give_to"], by=request.auth)
        said = {"tasks": fact.after["tasks"], "ahead": ahead.number_of(fact), "give_to": fact.subject, "event": fact.pk}
        return Response(HandedSerializer(said).data)
