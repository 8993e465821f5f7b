"""Fields of the members' API that say in its description what may stand in them."""

import re

import django_filters
from django.forms import fields as forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.tenancy.api.filters import spelled
from crm.tenancy.api.schema import NOT_BLANK
from crm.tenancy.api.serializers import UUID, JsonObject

from . import asked, checks, custom, registry

CHOSEN = {"type": "string", "minLength": 1, "maxLength": asked.LONGEST_QUESTION, "pattern": NOT_BLANK}
OF_A_FILTER = {"oneOf": [CHOSEN, {"type": "array", "items": CHOSEN, "minItems": 1, "maxItems": asked.MOST_VALUES}]}
OF_A_FIELD = {
    "oneOf": [
        {"type": "string", "maxLength": custom.LONGEST_TEXT, "nullable": True},
        {"type": "number"},
        {"type": "array", "items": {"type": "string"}, "maxItems": custom.MOST_CHOICES},
    ]
}


class Day(serializers.DateField):
    """Of the years that `people` takes; it is the verb that refuses others. Files may have brought others."""

    in_requests = {"pattern": "^(199[0-9]|2[01][0-9]{2})-"}


class Platform(serializers.RegexField):
    """Capitals are taken and kept as small letters."""

    default_error_messages = {"invalid": gettext_lazy("Call the system by a short name: small letters and digits, such as shop.")}

    def __init__(self, **kwargs):
        super().__init__(r"^[A-Za-z][A-Za-z0-9_-]{1,19}$", max_length=20, **kwargs)


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "integer", "minimum": checks.LEVELS[0], "maximum": checks.LEVELS[-1]}}
)
class Levels(JsonObject):
    def to_internal_value(self, data):
        levels = super().to_internal_value(data)
        if not all(_is_number(level) and level in checks.LEVELS for level in levels.values()):
            raise serializers.ValidationError(_("A level is 1, 2 or 3."))
        return {skill: int(level) for skill, level in levels.items()}


@extend_schema_field({"type": "object", "additionalProperties": OF_A_FIELD})
class OwnFields(JsonObject):
    """By their ids; which of these forms a value has, its field's kind says."""

    def to_internal_value(self, data):
        said = super().to_internal_value(data)
        wrong = [pk for pk, value in said.items() if not (value is None or isinstance(value, str) or _is_number(value) or _is_texts(value))]
        if wrong:
            raise serializers.ValidationError(_("Give a text, a number or a list of texts for each: %s.") % ", ".join(wrong))
        return said


BUILT_IN = {"q": CHOSEN} | dict.fromkeys(sorted(registry.FILTERS), OF_A_FILTER)


@extend_schema_field({"type": "object", "properties": BUILT_IN, "additionalProperties": OF_A_FILTER})
class Conditions(JsonObject):
    def to_internal_value(self, data):
        said = super().to_internal_value(data)
        wrong = [name for name, value in said.items() if not (_is_chosen(value) or (name != "q" and _are_chosen(value)))]
        if wrong:
            words = {"names": ", ".join(wrong), "most": asked.LONGEST_QUESTION, "values": asked.MOST_VALUES}
            raise serializers.ValidationError(
                _("Give a text of one to %(most)s characters, or a list of up to %(values)s of them, for each: %(names)s.") % words
            )
        return said


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "string", "minLength": 1, "maxLength": custom.LONGEST_CHOICE, "pattern": NOT_BLANK}}
)
class Renamed(JsonObject):
    def to_internal_value(self, data):
        said = super().to_internal_value(data)
        if not all(isinstance(called, str) and called.strip() and len(called) <= custom.LONGEST_CHOICE for called in said.values()):
            raise serializers.ValidationError(_("Texts of one to %(most)s characters, please.") % {"most": custom.LONGEST_CHOICE})
        return said


OF_AN_OWN_FIELD = re.compile(rf"{UUID.pattern}:.+", UUID.flags)


@extend_schema_field({"type": "string", "pattern": f"^{OF_AN_OWN_FIELD.pattern.replace('a-f', 'A-Fa-f')}$"})
class OwnFieldFilter(django_filters.CharFilter):
    field_class = spelled(forms.CharField, OF_AN_OWN_FIELD, gettext_lazy("Give the id of an own field, a colon, and a value."))


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_texts(value):
    return isinstance(value, list) and len(value) <= custom.MOST_CHOICES and all(isinstance(each, str) for each in value)


def _is_chosen(value):
    return isinstance(value, str) and value.strip() != "" and len(value) <= asked.LONGEST_QUESTION


def _are_chosen(value):
    return isinstance(value, list) and 0 < len(value) <= asked.MOST_VALUES and all(map(_is_chosen, value))
