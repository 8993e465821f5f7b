"""An example for every operation, made of its own schema: the words of its room for a name, or one that fits its type.

So an example cannot name a field that is gone, and a test holds each against the schema that it stands under.
"""

import copy
import re
import uuid

from crm.tenancy import api_examples as house
from crm.tenancy.api.problems import PROBLEM
from crm.tenancy.api_examples import LEFT_OUT
from groups import api_examples as groups
from members import api_examples as members

REQUEST_ID = "5b0c6f0e-6d1e-4f5c-9d64-7a0c1a9a3f10"
OWN = {
    "next": "https://qunxing.example/api/v1/members/?cursor=cD0wMTk4",
    "previous": None,
    "Columns.mappings": {"members": {"称呼": "nickname", "联络": "wechat", "尺码": ""}},
    "Columns.groups": {"7 群": "会员7群"},
    "Pairs.pairs": {"3f2a9c01d6b7": "same"},
}
WORDS = OWN | house.WORDS | members.WORDS | groups.WORDS  # each room says its own
PROBLEMS = {
    "400": ("invalid", "Bad Request", "Some fields are wrong."),
    "401": ("key_unknown", "Unauthorized", "There is no such key."),
    "403": ("scope_too_small", "Forbidden", "This key may not do that: it lacks the scope “members:write”."),
    "404": ("not_found", "Not Found", "There is no such thing here."),
    "406": ("not_acceptable", "Not Acceptable", "The API speaks JSON."),
    "409": ("already_approved", "Conflict", "This reshuffle has been approved already."),
    "412": ("stale", "Precondition Failed", "It has changed since you read it."),
    "413": ("too_large", "Content Too Large", "The body is too large."),
    "415": ("unsupported_media_type", "Unsupported Media Type", "The API reads JSON."),
    "422": ("idempotency_mismatch", "Unprocessable Content", "This Idempotency-Key stood on another request."),
    "429": ("too_many", "Too Many Requests", "That was the last for now: wait as long as Retry-After says."),
}
SUMMARIES = {
    "list": "List", "retrieve": "Read one", "create": "Make one", "update": "Change one", "destroy": "End one",
}  # fmt: skip
DEPTH = 8  # of schemas that hold themselves


def add_examples(result, generator, request, public):
    """A hook of drf-spectacular: called with the whole description when it is made."""
    schemas = result.get("components", {}).get("schemas", {})
    for path, operations in result["paths"].items():
        for operation in operations.values():
            operation.setdefault("summary", _summary(operation, path))
            _tell(operation, path, schemas)
    return result


def _summary(operation, path):
    """What it does to its noun; an act of its own, and what there is once, say so in the first sentence of their description."""
    said = operation.get("description", "").partition(".")[0].strip()
    _, _, _collection, *more = path.strip("/").split("/")
    usual = SUMMARIES.get(operation["operationId"].rpartition("_")[2], said)
    is_act, is_of_all = more not in ([], ["{id}"]), not more and usual not in (SUMMARIES["list"], SUMMARIES["create"])
    return said if said and (is_act or is_of_all) else usual


def _tell(operation, path, schemas):
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter.setdefault("example", _id(path.split("/")[3]))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "example" not in content and "examples" not in content:
            content["example"] = of(content["schema"], schemas, writing=True)
    collection = path.split("/")[3]
    for code, answer in operation.get("responses", {}).items():
        for kind, content in answer.get("content", {}).items():
            if "example" in content or "examples" in content:
                continue
            content["example"] = _problem(code) if kind == PROBLEM else of(content["schema"], schemas)
            if "next" in content["example"]:
                content["example"]["next"] = content["example"]["next"].replace("/members/", f"/{collection}/")


def _problem(code):
    word, title, sentence = PROBLEMS.get(code, ("refused", "Conflict", "It clashes with what is."))
    return {
        "type": "about:blank", "title": title, "status": int(code), "code": word, "detail": sentence, "request_id": REQUEST_ID,
    }  # fmt: skip


def of(schema, schemas, *, name="", within="", writing=False, depth=0):
    """A value that fits this schema; `name` is the field it stands under and `within` that field's component, `schemas` all of them."""
    inside = {"schemas": schemas, "writing": writing}
    if "$ref" in schema:
        component = schema["$ref"].rpartition("/")[2]
        is_words = "enum" in schemas[component]
        return of(schemas[component], name=name, within=within if is_words else component, depth=depth, **inside)
    if "example" in schema:
        return copy.deepcopy(schema["example"])
    within = _plain_name(within)
    said = WORDS.get(f"{within}.{name}", WORDS.get(name))
    for together in ("allOf", "oneOf", "anyOf"):
        if together in schema:
            if said is None and schema.get("nullable") and {name, f"{within}.{name}"} & WORDS.keys():
                return None
            return of(schema[together][0], name=name, within=within, depth=depth, **inside)
    if "enum" in schema:
        return said if said in schema["enum"] else schema["enum"][0]
    if (name in WORDS or f"{within}.{name}" in WORDS) and _fits(said, schema):
        return copy.deepcopy(said)
    if schema.get("type") == "object" or "properties" in schema:
        return _object(schema, within, depth, **inside)
    if schema.get("type") == "array":
        names = [_single(name), *(f"another_{_single(name)}" for _ in range(1, schema.get("minItems", 1)))]
        return [of(schema["items"], name=each, within=within, depth=depth + 1, **inside) for each in names] if depth < DEPTH else []
    return _plain(schema, schema.get("type"), _noun(within) if name == "id" else name)


def _noun(component):
    """As fields and addresses call what a component shows, so that its id is the one that they have."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", re.sub(r"^(New|Own|Group(?=Code))(?=[A-Z])", "", component)).lower()


def _object(schema, within, depth, schemas, writing):
    if depth >= DEPTH:
        return {}
    fields = {name: each for name, each in schema.get("properties", {}).items() if not (writing and each.get("readOnly"))}
    said = {name: each for name, each in fields.items() if WORDS.get(f"{_plain_name(within)}.{name}") is not LEFT_OUT}
    return {name: of(each, schemas, name=name, within=within, writing=writing, depth=depth + 1) for name, each in said.items()}


def _plain_name(component):
    return component.removeprefix("Patched").removesuffix("Request")


def _plain(schema, kind, name):
    if kind == "string":
        return _string(schema, name)
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
    return kind == "boolean"


def _string(schema, name):
    form = schema.get("format")
    if form == "uuid":
        return _id(name)
    plain = {"date": "2026-11-24", "date-time": "2026-11-24T12:05:00Z", "email": "lin@example.com", "uri": "https://qunxing.example/"}
    return plain.get(form) or (name.replace("_", " ") or "text")[: schema.get("maxLength", 200)]


def _fits(value, schema):
    kinds = {"string": str, "integer": int, "number": int | float, "boolean": bool, "array": list, "object": dict}
    if value is None:
        return schema.get("nullable", False)
    return isinstance(value, kinds.get(schema.get("type"), object)) and len(str(value)) <= schema.get("maxLength", 10**6)


def _single(name):
    return name.removesuffix("s")


def _id(name):
    """The same for the same name, so that examples hang together; it looks like the ids that rows have."""
    return str(uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_URL, _single(name)).bytes[:6] + b"\x70\x01" + b"\x80\x00\x00\x00\x00\x00\x00\x01"))
