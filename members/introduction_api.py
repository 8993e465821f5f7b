"""Introductions, as programs see them: who is asked by a private link, and how far that came."""

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from crm.tenancy.api.filters import FilterSet
from crm.tenancy.api.serializers import JsonObject, ModelSerializer
from crm.tenancy.api.views import RowsView

from . import answers, introductions
from .models import Introduction


class IntroductionSerializer(ModelSerializer):
    days = serializers.ChoiceField(choices=list(introductions.DAYS), default=7, write_only=True, help_text="How long the link works.")
    answers = serializers.SerializerMethodField(help_text="What they sent; null before they have.")

    class Meta:
        model = Introduction
        fields = ["id", "member", "days", "state", "answers", "asked_at", "asked_by", "expires_at", "sent_at", "looked_at", "looked_by"]
        read_only_fields = ["state", "asked_at", "asked_by", "expires_at", "sent_at", "looked_at", "looked_by"]

    @extend_schema_field(JsonObject(allow_null=True))
    def get_answers(self, row):
        return answers.typed(row) if row.sent_at else None


class NewIntroductionSerializer(IntroductionSerializer):
    link = serializers.URLField(read_only=True, help_text="Said this once; whoever holds it answers for this member.")

    class Meta(IntroductionSerializer.Meta):
        fields = [*IntroductionSerializer.Meta.fields, "link"]


class IntroductionFilter(FilterSet):
    class Meta:
        model = Introduction
        fields = ["member", "state"]


@extend_schema_view(
    create=extend_schema(
        request=IntroductionSerializer,
        responses={201: NewIntroductionSerializer},
        description="Give a member a link. One that waits for an answer is given anew, and only the newest link works. 409 `answer_waits`.",
    ),
    destroy=extend_schema(description="Take the link back: it opens nothing any more. 409 `not_asked`."),
)
class IntroductionViewSet(RowsView):
    """Newcomers who were asked to introduce themselves by a private link."""

    area = "members"
    queryset = Introduction.objects.select_related("member")
    serializer_class = IntroductionSerializer
    filterset_class = IntroductionFilter

    def get_serializer_class(self):
        return NewIntroductionSerializer if self.action == "create" else IntroductionSerializer

    def make(self, said):
        introduction, link = introductions.ask(said["member"], by=self.request.auth, days=said["days"])
        introduction.link = link
        return introduction

    def drop(self, introduction):
        introductions.revoke(introduction, by=self.request.auth)
