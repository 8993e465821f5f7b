"""JSON as it is read here: one meaning, or none. What two readers might understand differently is refused."""

import json
import math
import re

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import JSONParser

from .problems import invalid

DEEPEST = 100
UNSAYABLE = re.compile("[\0\ud800-\udfff]")  # the database keeps no NUL, and half of a surrogate pair is no character


class StrictJSONParser(JSONParser):
    def parse(self, stream, media_type=None, parser_context=None):
        if (parser_context or {}).get("encoding", "utf-8").lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(media_type)
        try:
            text = stream.read().decode()
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8."))
        try:
            body = json.loads(text, object_pairs_hook=_once, parse_constant=_number, parse_float=_number)
        except RecursionError:
            raise _too_deep()
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %s") % error)
        _refuse_unsayable(body)
        return body


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(_("“%s” stands there twice.") % _printable(twice))
    return found


def _number(text):
    number = float(text)
    if not math.isfinite(number):
        raise ParseError(_("%s is no number.") % text[:20])
    return number


def _refuse_unsayable(body):
    """By the name of the field, wherever in it the character stands."""
    parts = body.items() if isinstance(body, dict) else [("non_field_errors", body)]
    wrong = {_printable(name): [_("A character in it cannot be kept.")] for name, value in parts if _is_unsayable([name, value])}
    if wrong:
        raise invalid(**wrong)


def _is_unsayable(value, depth=0):
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        return bool(UNSAYABLE.search(value))
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return isinstance(value, list) and any(_is_unsayable(each, depth + 1) for each in value)


def _printable(name):
    return UNSAYABLE.sub("\N{REPLACEMENT CHARACTER}", name)


def _too_deep():
    return ParseError(_("The body is nested too deeply."))
