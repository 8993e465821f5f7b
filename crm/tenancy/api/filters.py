"""Filters that take one spelling of a value. An id that nobody has finds nothing, whose ever it is."""

import re
from datetime import UTC

import django_filters
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.forms import fields
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field

from .serializers import DAY, MOMENT, UUID


def spelled(field, pattern, sentence):
    """A form field that takes a text of this pattern alone."""

    class Spelled(field):
        def clean(self, value):
            if value not in self.empty_values:
                RegexValidator(rf"\A(?:{pattern.pattern})\Z", sentence, flags=pattern.flags)(value)
            return super().clean(value)

    return Spelled


class _Flag(fields.Field):
    def to_python(self, value):
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise ValidationError(_("Give true or false."))
        return value == "true"


class IdFilter(django_filters.UUIDFilter):
    field_class = spelled(fields.UUIDField, UUID, _("Give an id: a UUID with its hyphens."))


class DayFilter(django_filters.DateFilter):
    field_class = spelled(fields.DateField, DAY, _("Give a day, as 2026-01-31."))


class MomentField(spelled(django_filters.fields.IsoDateTimeField, MOMENT, _("Give a moment with its offset, as 2026-01-31T20:00:00Z."))):
    """In UTC: the database takes no offset beyond 16 hours."""

    def clean(self, value):
        moment = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(_("This moment is too far away."))


class MomentFilter(django_filters.IsoDateTimeFilter):
    field_class = MomentField


@extend_schema_field({"type": "integer", "minimum": -999_999_999, "maximum": 999_999_999})
class WholeFilter(django_filters.NumberFilter):
    field_class = spelled(fields.IntegerField, re.compile(r"-?\d{1,9}", re.ASCII), _("Give a whole number."))


class FlagFilter(django_filters.BooleanFilter):
    field_class = _Flag


class FilterSet(django_filters.FilterSet):
    FILTER_DEFAULTS = django_filters.FilterSet.FILTER_DEFAULTS | {
        models.ForeignKey: {"filter_class": IdFilter},
        models.ManyToManyField: {"filter_class": IdFilter},
        models.UUIDField: {"filter_class": IdFilter},
        models.BooleanField: {"filter_class": FlagFilter},
        models.PositiveSmallIntegerField: {"filter_class": WholeFilter},
    }


# Of every list; they choose no rows.
OF_LISTS = frozenset(["fields", "ordering", "page_size", "cursor"])


class Filters(DjangoFilterBackend):
    filterset_base = FilterSet

    def filter_queryset(self, request, queryset, view):
        """Where nothing is asked for, no form of all that might be asked is built."""
        return super().filter_queryset(request, queryset, view) if request.query_params.keys() - OF_LISTS else queryset
