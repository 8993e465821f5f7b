"""Notes, consents and modules of members, and the rights of a person, as programs see them. Photos are left to the pages."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import FilterSet, FlagFilter
from crm.tenancy.api.serializers import JsonObject, ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView, RowsView

from . import dossier, erasure, people, records
from .models import Consent, Member, Module, Note


class NoteSerializer(ModelSerializer):
    text = serializers.CharField(max_length=records.LONGEST_NOTE)

    class Meta:
        model = Note
        fields = ["id", "member", "text", "seat", "written_at", "changed_at"]
        read_only_fields = ["seat", "written_at", "changed_at"]


class NoteTextSerializer(Serializer):
    text = serializers.CharField(max_length=records.LONGEST_NOTE)


@extend_schema_view(
    create=extend_schema(description="Write a note about a member."), destroy=extend_schema(description="Delete it, for good.")
)
class NoteViewSet(RowsView):
    """Notes about members. A key whose role does not see notes finds none."""

    area = "members"
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    filterset_fields = ["member", "seat"]
    orders = {"written_at": "written_at"}

    def get_queryset(self):
        hidden = people.hidden_from(self.request.auth) if self.request and self.request.auth else ()
        return Note.objects.none() if "notes" in hidden else Note.objects.all()

    def make(self, said):
        return records.write_note(said["member"], said["text"], by=self.request.auth)

    @extend_schema(request=NoteTextSerializer, responses=NoteSerializer)
    def partial_update(self, request, pk):
        """Give `If-Match` to overwrite nothing unseen."""
        note = self.get_object()
        said = self.asked(NoteTextSerializer, note)
        note, _before = records.change_note(note, said.get("text", note.text), by=request.auth)
        return self.one(note)

    def drop(self, note):
        records.drop_note(note, by=self.request.auth)


class ConsentSerializer(ModelSerializer):
    class Meta:
        model = Consent
        fields = ["id", "member", "to", "source", "given_at", "withdrawn_at"]
        read_only_fields = ["given_at", "withdrawn_at"]


class ConsentFilter(FilterSet):
    stands = FlagFilter("withdrawn_at", "isnull", help_text="Whether it was not withdrawn.")

    class Meta:
        model = Consent
        fields = ["member", "to"]


class ConsentViewSet(ReadingView):
    """What members allowed, and until when. One that was withdrawn stays to be seen."""

    area = "members"
    queryset = Consent.objects.all()
    serializer_class = ConsentSerializer
    filterset_class = ConsentFilter

    @extend_schema(responses={201: ConsentSerializer})
    def create(self, request):
        """Note that a member allows this. Where it stands already, that one comes back."""
        said = self.asked(ConsentSerializer)
        consent = records.give_consent(said.pop("member"), said.pop("to"), by=request.auth, **said)
        return self.one(consent, 201, Location=reverse("consent-detail", args=[consent.pk]))

    @extend_schema(request=None, responses=ConsentSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def withdrawal(self, request, pk):
        """Note that it was withdrawn. 409 `already_withdrawn`."""
        return self.one(records.withdraw_consent(self.get_object(), by=request.auth))


class ModuleSerializer(ModelSerializer):
    class Meta:
        model = Module
        fields = ["id", "member", "industry", "skill", "says", "since"]
        read_only_fields = ["since"]


@extend_schema_view(
    create=extend_schema(description="Add a brick. Industry and skill are read by all their spellings. 409 `module_there`."),
    destroy=extend_schema(description="Take it away."),
)
class ModuleViewSet(RowsView):
    """Modules: industry + skill + person."""

    area = "members"
    queryset = Module.objects.all()
    serializer_class = ModuleSerializer
    filterset_fields = ["member", "industry", "skill"]

    def make(self, said):
        return records.add_module(said.pop("member"), said.pop("industry"), said.pop("skill"), by=self.request.auth, **said)

    def drop(self, module):
        records.drop_module(module, by=self.request.auth)


# The rights of the person: acts of `members/<id>/`, for the owner's keys


class DossierSerializer(Serializer):
    made_at = serializers.CharField()
    person = JsonObject(help_text="The fields of the member.")
    kept = JsonObject(help_text="By table, the rows that point at the member.")
    facts = serializers.ListField(child=JsonObject(), help_text="What happened, newest first.")


class ErasureSerializer(Serializer):
    name = serializers.CharField(max_length=200, help_text="The member's nickname once more, exactly.")


class ErasedSerializer(Serializer):
    id = serializers.UUIDField()
    nickname = serializers.CharField(help_text="The number under which what was counted stays.")
    files = serializers.ListField(child=serializers.CharField(), help_text="Kept files that held them and went, too.")


class RightsOfThePerson:
    acts = {"dossier": "settings", "erasure": "settings"}

    @extend_schema(request=None, responses=DossierSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def dossier(self, request, pk):
        """All that is known of one person. It is noted who took it."""
        member = self._person()
        return Response(dossier.gathered(member, by=request.auth))

    @extend_schema(request=ErasureSerializer, responses=ErasedSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def erasure(self, request, pk):
        """Erase a person's data for good; what was counted stays under a number. 400 `name_differs`."""
        member = self._person()
        said = self.asked(ErasureSerializer)
        member, gone = erasure.erase(member, said["name"], by=request.auth)
        return Response({"id": str(member.pk), "nickname": member.nickname, "files": gone})

    def _person(self):
        return Member.objects.get(pk=self.get_object().pk)
