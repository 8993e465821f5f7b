"""What the fuzzer is told beforehand, because no description can say it."""

import json
import os

import schemathesis

OURS = os.environ["FUZZ_SPARED"].split()  # the key it comes with, and that key's seat: without them all else is 401
ROWS = json.loads(os.environ["FUZZ_ROWS"])  # ids that are there, by the name of the field or by the collection in the address
# What a verb refuses although each value is well-formed: a group that holds fewer than it needs, a key that ended before it began.
SENSIBLE = {"least": {"maximum": 5}, "capacity": {"minimum": 5}, "expires_at": {"enum": ["2099-01-01T00:00:00Z", None]}}
NOBODY = "01900000-0000-7000-8000-000000000000"


@schemathesis.hook
def before_load_schema(ctx, raw):
    for address, path in raw["paths"].items():
        for operation in path.values():
            operation["parameters"] = [_told(address, one) for one in operation.get("parameters", ()) if _is_told(one)]
    for name, schema in raw["components"]["schemas"].items():
        if name.endswith("Request"):
            for field, said in schema.get("properties", {}).items():
                _name_rows(said.get("items", said), ROWS.get(field))
                said |= SENSIBLE.get(field, {})


def _is_told(parameter):
    """No made-up text is a cursor, and an answer to `fields` is a part of what is described: both have tests of their own."""
    return parameter["name"] not in ("cursor", "fields")


def _told(address, parameter):
    if parameter["in"] == "path":
        _name_rows(parameter["schema"], ROWS.get(address.split("/")[3]))
    return parameter


def _name_rows(schema, ids):
    """Of all UUIDs, those of rows: only they lead past "there is no such thing"."""
    if ids and schema.get("format") == "uuid":
        schema["enum"] = ids


@schemathesis.hook
def before_call(ctx, case, kwargs):
    if case.method.upper() != case.operation.method.upper():  # a number used twice is refused before the method is looked at
        (case.headers or {}).pop("Idempotency-Key", None)
    for name, value in (case.path_parameters or {}).items():
        if case.method != "GET" and value in OURS:
            case.path_parameters[name] = NOBODY
