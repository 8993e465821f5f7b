"""Words with their spellings, and the tenant's own fields, as programs see them."""

import django_filters
from django.db.models import Q
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from crm.tenancy.api.filters import FilterSet, FlagFilter
from crm.tenancy.api.serializers import ModelSerializer, Serializer
from crm.tenancy.api.views import ReadingView, RowsView

from . import custom, own_fields, words
from .api_fields import Renamed
from .models import CustomField, Spelling, Word
from .vocabulary import LONGEST, key

# Words


class WordSerializer(ModelSerializer):
    name = serializers.CharField(max_length=LONGEST)
    spellings = serializers.SerializerMethodField(help_text="All ways of writing it that are known; the name is one of them.")

    class Meta:
        model = Word
        fields = ["id", "kind", "name", "state", "into", "province", "country", "latitude", "longitude", "spellings", "since"]
        read_only_fields = ["state", "into", "province", "country", "latitude", "longitude", "since"]

    def get_spellings(self, word) -> list[str]:
        return [spelling.text for spelling in sorted(word.spellings.all(), key=lambda each: each.pk)]


class NewWordSerializer(Serializer):
    kind = serializers.ChoiceField(choices=Word.Kind.choices)
    name = serializers.CharField(max_length=LONGEST)
    spellings = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST),
        required=False,
        max_length=100,
        help_text="Further ways of writing it; those we know come by themselves.",
    )


class WordChangeSerializer(Serializer):
    name = serializers.CharField(max_length=LONGEST)


class IntoSerializer(Serializer):
    into = serializers.PrimaryKeyRelatedField(queryset=Word.objects.standing(), help_text="A word of the same kind.")


class WordFilter(FilterSet):
    search = django_filters.CharFilter(method="written", help_text="A piece of the name or of a spelling.")

    class Meta:
        model = Word
        fields = ["kind", "state"]

    def written(self, found, name, text):
        return found.filter(
            Q(name__icontains=text.replace("\0", "")) | Q(pk__in=Spelling.objects.filter(key__contains=key(text)).values("word"))
        )


@extend_schema_view(
    destroy=extend_schema(description="Take a word away that nobody has. 409 `word_in_use` while members have it, `holds_merged`."),
)
class WordViewSet(ReadingView):
    """Cities, industries and skills. Members hold the name; however a program writes one, it is read by its spellings."""

    area = "members"
    queryset = Word.objects.defer("followed").prefetch_related("spellings")
    serializer_class = WordSerializer
    filterset_class = WordFilter
    orders = {"name": "name"}

    @extend_schema(request=NewWordSerializer, responses={201: WordSerializer})
    def create(self, request):
        """Add an accepted word. 409 `spelling_taken` where another word is written so."""
        said = self.asked(NewWordSerializer)
        added = words.add(said["kind"], said["name"], said.get("spellings", ()), by=request.auth)
        return self.one(self.get_queryset().get(pk=added.pk), 201, Location=reverse("word-detail", args=[added.pk]))

    @extend_schema(request=WordChangeSerializer, responses=WordSerializer)
    def partial_update(self, request, pk):
        """Another name. Members follow, and the old name stays as a spelling."""
        word = self.get_object()
        wanted = self.asked(WordChangeSerializer, word)
        if "name" in wanted:
            words.rename(word, wanted["name"], by=request.auth)
        return self.one(self.found())

    def destroy(self, request, pk):
        words.drop(self.get_object(), by=request.auth)
        return Response(status=204)

    @extend_schema(request=None, responses=WordSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def acceptance(self, request, pk):
        """Accept a proposed word. 409 `not_proposed`."""
        words.accept(self.get_object(), by=request.auth)
        return self.one(self.found())

    @extend_schema(request=IntoSerializer, responses=WordSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def merge(self, request, pk):
        """Make it a spelling of another word; members, levels, modules and segments follow."""
        word = self.get_object()
        words.merge(word, self.asked(IntoSerializer)["into"], by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=WordSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def separation(self, request, pk):
        """Take a merge back for all who were not changed since. 409 `merged_on` while the other word is merged itself."""
        words.separate(self.get_object(), by=request.auth)
        return self.one(self.found())


class SpellingSerializer(ModelSerializer):
    word = serializers.PrimaryKeyRelatedField(queryset=Word.objects.standing())
    text = serializers.CharField(max_length=LONGEST)

    class Meta:
        model = Spelling
        fields = ["id", "word", "kind", "text"]
        read_only_fields = ["kind"]


@extend_schema_view(
    create=extend_schema(description="Another way of writing a word. 409 `spelling_taken` where it means another one."),
    destroy=extend_schema(description="It means this word no more. 409 `own_name` of the word's own name."),
)
class SpellingViewSet(RowsView):
    """Ways of writing a word; each means one word of its kind."""

    area = "members"
    queryset = Spelling.objects.all()
    serializer_class = SpellingSerializer
    filterset_fields = ["word", "kind"]

    def make(self, said):
        return words.add_spelling(said["word"], said["text"], by=self.request.auth)

    def drop(self, spelling):
        words.drop_spelling(spelling, by=self.request.auth)


# Fields


IS_ASKED = "Whether newcomers are asked for it in their introduction."


class FieldSerializer(ModelSerializer):
    name = serializers.CharField(max_length=custom.LONGEST_NAME)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=custom.LONGEST_CHOICE),
        required=False,
        max_length=custom.MOST_CHOICES,
        help_text="Of the kinds `choice` and `choices`.",
    )

    class Meta:
        model = CustomField
        fields = ["id", "name", "kind", "choices", "is_asked", "place", "retired_at"]
        read_only_fields = ["place", "retired_at"]
        extra_kwargs = {"is_asked": {"help_text": IS_ASKED}}


class FieldChangeSerializer(Serializer):
    name = serializers.CharField(max_length=custom.LONGEST_NAME, required=False)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=custom.LONGEST_CHOICE),
        required=False,
        max_length=custom.MOST_CHOICES,
        help_text="All of them, as they are to be. One that members hold cannot be left out.",
    )
    is_asked = serializers.BooleanField(required=False, help_text=IS_ASKED)
    kind = serializers.ChoiceField(CustomField.Kind.choices, required=False, help_text="Another one while no member holds anything in it.")
    before = serializers.PrimaryKeyRelatedField(
        queryset=CustomField.objects.all(), required=False, allow_null=True, help_text="It then stands before this one; null: behind all."
    )
    renamed = Renamed(required=False, help_text="{choice: what it is called now}; members who hold it follow.")


class FieldFilter(FilterSet):
    in_use = FlagFilter("retired_at", "isnull", help_text="Whether it is asked and shown, and not retired.")

    class Meta:
        model = CustomField
        fields = ["kind"]


class FieldViewSet(ReadingView):
    """Fields of the tenant's own, shown in the order of their `place`. Values stand in a member's `custom` under the field's id."""

    area = "members"
    queryset = CustomField.objects.all()
    serializer_class = FieldSerializer
    filterset_class = FieldFilter
    orders = {"place": "place"}

    @extend_schema(responses={201: FieldSerializer})
    def create(self, request):
        """409 `a_field_once` where one has this name, `too_many` where there are as many as there can be."""
        field = own_fields.add(self.asked(FieldSerializer), by=request.auth)
        return self.one(field, 201, Location=reverse("field-detail", args=[field.pk]))

    @extend_schema(request=FieldChangeSerializer, responses=FieldSerializer)
    def partial_update(self, request, pk):
        """409 `choice_in_use` or `kind_in_use` where what members hold would be lost, `field_retired` where one has no place."""
        field = self.get_object()
        wanted = self.asked(FieldChangeSerializer, field)
        own_fields.change(field, wanted, by=request.auth)
        if "before" in wanted:
            own_fields.put(field, wanted["before"], by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=FieldSerializer)
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def retirement(self, request, pk):
        """It is asked and shown no more; what members hold stays. 409 `already_retired`."""
        own_fields.retire(self.get_object(), by=request.auth)
        return self.one(self.found())

    @extend_schema(request=None, responses=FieldSerializer)
    @action(detail=True, methods=["post"], url_path="return", filter_backends=[], pagination_class=None)
    def returning(self, request, pk):
        """Use it again. 409 `already_in_use`."""
        own_fields.bring_back(self.get_object(), by=request.auth)
        return self.one(self.found())
