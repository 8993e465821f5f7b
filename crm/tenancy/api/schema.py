"""The description that programs and their makers read. What holds for every address is written here, once."""

from functools import lru_cache

from django.core.validators import RegexValidator
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, force_instance
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS
from rest_framework.serializers import ModelSerializer

from .problems import PROBLEM

TEXT = {"type": "string"}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "Why not (RFC 9457). `code` is stable and for programs, `detail` a sentence for people.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "code": TEXT,
        "detail": TEXT,
        "request_id": TEXT | {"description": "Tell us this one; it stands in our log."},
        "fields": {"type": "object", "description": "What is wrong with each name, where names are wrong.", "additionalProperties": True},
    },
}
WHY = {
    "304": "It is as the `If-None-Match` says.",
    "400": "Something in it is wrong; `fields` says what.",
    "401": "No key, or none that opens anything.",
    "403": "The key's seat has no right to this.",
    "404": "There is no such thing here.",
    "406": "The API speaks JSON.",
    "409": "It clashes with what is.",
    "412": "`stale`: it has changed since; the current ETag comes along.",
    "413": "The body is too large.",
    "415": "The API reads JSON.",
    "422": "`idempotency_mismatch`: this `Idempotency-Key` stood on another request.",
    "429": "`too_many`: wait as long as `Retry-After` says.",
}
HEADERS = {
    "X-Request-ID": "The request's own, or one made for it.",
    "RateLimit": "What is left, for the key and for the whole community, and after how many seconds more comes.",
    "RateLimit-Policy": "How many requests each may make in how many seconds.",
    "ETag": "The state of this one. Say it in `If-Match` to change nothing that has changed since, in `If-None-Match` to read only news.",
    "Location": "Where it is looked at.",
    "Retry-After": "Seconds.",
    "WWW-Authenticate": "Bearer",
    "Idempotency-Replayed": "`true` where this is the kept answer to an earlier request.",
}


def _header(name, words, **schema):
    return OpenApiParameter(name, TEXT | schema, OpenApiParameter.HEADER, description=words)


ABOUT = """

**Keys.** An owner makes one in the settings. Send it as `Authorization: Bearer qx_key_…`; it acts as one seat of one community, so no
address names a community. Role and scopes of the key must both allow a request. Begin with `GET /api/v1/me/`.

**Lists** come in pages of 50 (`page_size`, at most 500); `next` is the address of the following page. `fields=id,nickname` brings these
alone. A filter or a field that nobody knows is refused by its name.

**Changes.** `PATCH` takes only what is to change. What is done with a thing is a POST behind its address, as
`/groups/{id}/closing/`, and mostly answers with the thing as it is then. Each leaves a fact in `/events/`; what can be taken back is
taken back by it: `POST /events/{id}/undo/`.

**Twice, and at once.** With an `Idempotency-Key` the same request may be sent again for a day: it happens once and is answered the same.
With the `ETag` of what you read in `If-Match`, nothing is changed that somebody else changed since (412 `stale`).

**Refusals** are problem details (RFC 9457): `code` is stable and for programs, `detail` is a sentence for people in the language of
`Accept-Language`, `fields` says what is wrong with each name, `field` which name a code is about, and `proposal` what would do. Each
operation names the codes of its own. After 429 wait as long as `Retry-After` says; a 503 may be sent again.

**Values.** Ids are UUIDs. Moments are RFC 3339 with their offset, days are `2026-01-31`; a time such as `20:30` is on the clock of the
community. Money is a whole number of the smallest unit. Ids, codes and numbers alone stand in facts, never names.

**Long work** answers 202 with a `Location`: look there until its `state` is no longer `waiting`.
"""
LIMITS = {"array": ("minItems", "maxItems"), "object": ("minProperties", "maxProperties"), "string": ("minLength", "maxLength")}
# What `str.strip` leaves something of. Each blank by its number: \s is not the same to Python and to JavaScript, whose patterns these are.
NOT_BLANK = r"[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


def _limits(schema, least, most):
    """Either of the two may be None. Of ids, none is said twice."""
    names = LIMITS.get(schema.get("type"), ("minimum", "maximum"))
    limits = {name: limit for name, limit in zip(names, (least, most), strict=True) if limit is not None}
    return limits | ({"uniqueItems": True} if schema.get("items", {}).get("format") == "uuid" else {})


class Description(SchemaGenerator):
    def get_schema(self, request=None, public=False):
        """In English, whoever reads it and whatever the server's language: programs are made of it."""
        if request and public:
            return described()
        with translation.override("en"):
            said = super().get_schema(request, public)
        said["info"]["description"] += ABOUT
        return said | {"tags": self._tags({operation["tags"][0] for each in said["paths"].values() for operation in each.values()})}

    def _tags(self, names):
        """What each collection is, as its view says it."""
        views = {path.split("/")[3]: callback.cls for path, _regex, _method, callback in self.endpoints}
        return [{"name": name, "description": " ".join((views[name].__doc__ or "").split())} for name in sorted(names)]


@lru_cache(maxsize=1)
def described():
    """All of it, as everybody may read it. It takes a second or two, and says the same as long as a process runs."""
    return Description().get_schema(public=True)


class Schema(AutoSchema):
    @property
    def is_reading(self):
        return self.method in SAFE_METHODS

    @property
    def is_of_one(self):
        return self.view.action not in ("list", "create") and self.view.detail is not False

    def get_override_parameters(self):
        return [*self._of_every_address()]  # what an address has beside these is added to them

    def _of_every_address(self):
        yield _header("X-Request-ID", "Yours: up to 128 printable characters. It comes back and stands in our log.")
        if not self.is_reading:
            words = "The same number with the same request gets the same answer, for a day: send again without fear."
            yield _header("Idempotency-Key", words, maxLength=255, pattern="^[!-~]([ -~]*[!-~])?$")
        if self.is_of_one:
            name = "If-None-Match" if self.is_reading else "If-Match"
            yield _header(name, "An ETag of this one, or several.")
        if self.view.action in ("list", "retrieve"):
            names = {"type": "array", "items": TEXT | {"enum": self.view.field_names()}, "minItems": 1}
            words = "Only these, by commas; the answer then leaves out all others."
            yield OpenApiParameter("fields", names, OpenApiParameter.QUERY, description=words, style="form", explode=False)

    def _resolve_path_parameters(self, variables):
        return [self._filled(each) for each in super()._resolve_path_parameters(variables)]

    def _get_filter_parameters(self):
        return [self._filled(each) for each in super()._get_filter_parameters()]

    def _filled(self, parameter):
        """What stands behind the question mark is left out or says something."""
        schema = parameter["schema"]
        if schema.get("type") == "string" and not schema.keys() & {"format", "enum", "pattern"}:
            schema.setdefault("minLength", 1)
        return parameter

    def _get_response_bodies(self, direction="response"):
        answers = super()._get_response_bodies(direction)
        for code in self._problems():
            answers.setdefault(code, self._problem(code))
        return dict(sorted(answers.items()))

    def _problems(self):
        yield from ("400", "401", "403", "406", "429")
        if self.is_of_one:
            yield "404"
            if self.is_reading:
                yield "304"
                if self.view.action != "retrieve":
                    yield "409"
        if not self.is_reading:
            yield from ("409", "412", "413", "415", "422")
        yield from self.view.refuses.get(self.view.action, ())

    def _problem(self, code):
        headers = {"headers": self._get_response_headers_for_code(code)}
        if code == "304":
            return {"description": WHY[code], **headers}
        component = ResolvedComponent("Problem", ResolvedComponent.SCHEMA, schema=PROBLEM_SCHEMA, object="Problem")
        self.registry.register_on_missing(component)
        return {"description": WHY[code], "content": {PROBLEM: {"schema": component.ref}}, **headers}

    def _get_response_headers_for_code(self, status_code, direction="response"):
        names = ["X-Request-ID"]
        if status_code != "401":
            names += ["RateLimit", "RateLimit-Policy"]
        if status_code in ("304", "412") or (status_code in ("200", "201", "202") and (self.is_of_one or status_code == "201")):
            names.append("ETag")
        if status_code in ("201", "202"):
            names.append("Location")
        if status_code in ("409", "429"):
            names.append("Retry-After")
        if status_code == "401":
            names.append("WWW-Authenticate")
        if status_code.startswith("2") and not self.is_reading:
            names.append("Idempotency-Replayed")
        return {name: {"schema": TEXT, "description": HEADERS[name]} for name in names}

    def _map_serializer_field(self, field, direction, bypass_extensions=False):
        """Of a request a field may say more, in `in_requests`. A text of blanks alone says nothing: they are taken off its ends."""
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if direction == "request":
            schema = schema | getattr(field, "in_requests", {})
        is_text = direction == "request" and schema.get("type") == "string" and schema.get("minLength")
        has_pattern = schema.keys() & {"format", "enum", "pattern"} or any(isinstance(each, RegexValidator) for each in field.validators)
        return schema | {"pattern": NOT_BLANK} if is_text and not has_pattern else schema

    def _map_serializer(self, serializer, direction, bypass_extensions=False):
        schema = super()._map_serializer(serializer, direction, bypass_extensions)
        if direction == "request" and schema.get("type") == "object":
            schema["additionalProperties"] = False  # a name that nobody knows is refused
            limits = getattr(getattr(serializer, "Meta", None), "limits", {})
            for name in limits.keys() & schema["properties"].keys():
                schema["properties"][name] |= _limits(schema["properties"][name], *limits[name])
        if direction == "response" and isinstance(force_instance(serializer), ModelSerializer):
            schema["required"] = sorted(schema["properties"])  # a row leaves no name out, except where `?fields=` asked for a part
        return schema
