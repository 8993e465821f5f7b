"""Rows as JSON. What comes in is taken by its name and its JSON type, and nothing else is let pass in silence."""

import re
import uuid
from collections.abc import Mapping

from django.db.models import Manager
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.tenancy.prepared import by_key

from .names import unknown
from .problems import invalid

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.JSONField):
    """What stands in it depends on what the row is about: ids, codes and numbers."""


def _is_whole(value):
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is_number(value):
    return isinstance(value, int | float)


def _is_text(value):
    return isinstance(value, str)


def _fits(pattern):
    return lambda value: isinstance(value, str) and pattern.fullmatch(value)


# How a field's value stands in JSON, and how to say so. DRF takes 5 for "5" and "yes" for true; a typing slip stays unseen then.
FORMS = [
    (serializers.BooleanField, lambda value: isinstance(value, bool), lambda: _("Give true or false.")),
    (serializers.IntegerField, _is_whole, lambda: _("Give a whole number.")),
    (serializers.FloatField, _is_number, lambda: _("Give a number.")),
    ((serializers.UUIDField, serializers.PrimaryKeyRelatedField), _fits(UUID), lambda: _("Give an id: a UUID with its hyphens.")),
    (serializers.DateTimeField, _fits(MOMENT), lambda: _("Give a moment with its offset, as 2026-01-31T20:00:00Z.")),
    (serializers.DateField, _fits(DAY), lambda: _("Give a day, as 2026-01-31.")),
    (serializers.TimeField, _fits(TIME), lambda: _("Give a time, as 20:30.")),
    (serializers.CharField, _is_text, lambda: _("Give a text.")),
    (JsonObject, lambda value: isinstance(value, dict), lambda: _("Give an object of names and values.")),
]


def _wrong_form(field, value):
    """The sentence for a value of another JSON type than the field's; empty where it fits."""
    if value is None:
        return ""
    if many := getattr(field, "child_relation", None) or getattr(field, "child", None):
        if not isinstance(value, list):
            return _("Give a list.")
        return next(filter(None, (_wrong_form(many, each) for each in value)), "")
    if isinstance(field, serializers.ChoiceField):  # 7 and "7" are two choices
        return "" if type(value) is type(next(iter(field.choices))) else _("Give one of these: %s.") % ", ".join(map(str, field.choices))
    fits, sentence = next(((fits, say) for kind, fits, say in FORMS if isinstance(field, kind)), (lambda value: True, str))
    return "" if fits(value) and not (isinstance(value, bool) and not isinstance(field, serializers.BooleanField)) else sentence()


class Strict:
    def to_internal_value(self, data):
        if isinstance(data, Mapping):
            wrong = {name: [sentence] for name, value in data.items() if (sentence := self._wrong(name, value))}
            if wrong:
                raise invalid(**wrong)
        return super().to_internal_value(data)

    def _wrong(self, name, value):
        field = self.fields.get(name)
        if field is None:
            return unknown(name, [field.field_name for field in self._writable_fields])
        if field.read_only:
            return _("“%s” is said by us alone; leave it out.") % name
        return _wrong_form(field, value)


class Serializer(Strict, serializers.Serializer):
    pass


class KeyField(serializers.PrimaryKeyRelatedField):
    """Any row of a model is found by a question that is written once."""

    def to_internal_value(self, data):
        if not isinstance(self.queryset, Manager):
            return super().to_internal_value(data)
        found = by_key(self.queryset.model).rows(pk=uuid.UUID(data))
        return found[0] if found else self.fail("does_not_exist", pk_value=data)


class ModelSerializer(Strict, serializers.ModelSerializer):
    serializer_related_field = KeyField


class Upload(serializers.FileField):
    """A file of a form."""

    in_requests = {"minLength": 1}  # an empty file is refused


class Nothing(Serializer):
    """The body of an act that asks for nothing."""
