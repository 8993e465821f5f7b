"""What the fuzzer is told beforehand, because no description can say it."""

import json
import os
from datetime import date, timedelta
from itertools import count

import schemathesis

KNOWN = json.loads(os.environ["FUZZ_KNOWN"])
OURS = KNOWN["spared"]  # the key it comes with, and that key's seat: without them all else is 401
ROWS = KNOWN["rows"]  # ids that are there, by the name of the field or by the collection in the address
# What a verb refuses although each value is well-formed: a group that holds fewer than it needs, a key that ended before it began.
SENSIBLE = {"least": {"maximum": 5}, "capacity": {"minimum": 5}, "expires_at": {"enum": ["2099-01-01T00:00:00Z", None]}}
SENSIBLE["chat_url"] = {"enum": ["", "https://work.weixin.qq.com/g/1", "weixin://dl/chat?1"]}
NOBODY = "01900000-0000-7000-8000-000000000000"
NUMBERS = count(1)


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
                if field == "asked":  # of the names beside those of all communities, each has its own
                    said["additionalProperties"] = False


def _is_told(parameter):
    """No made-up text is a cursor, and an answer to `fields` is a part of what is described: both have tests of their own."""
    return parameter["name"] not in ("cursor", "fields")


def _told(address, parameter):
    if parameter["in"] == "path":
        _, _, collection, *_ids, act = address.strip("/").split("/")
        _name_rows(parameter["schema"], ROWS.get(f"{collection}/{act}", ROWS.get(collection)))
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
    if case.operation.path == "/api/v1/effort/" and case.meta and case.meta.generation.mode.is_positive:  # its days belong together
        case.query = {name: value for name, value in (case.query or {}).items() if name not in ("since", "until")}
    if case.meta and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        _, _, collection, *act = case.operation.path.strip("/").split("/")
        if make := SENSE.get((collection, act[-1] if act else "")):
            case.body = make(dict(case.body), case.path_parameters or {})


# What the fields of one request have to do with each other and with what is there. Each takes the body and the address's names.


def _member(body, named):
    """The term ends after it begins, a handle looks like one of its platform, own fields are fields that are there."""
    _set_year(body, joined_on="1996", expires_on="2196")
    if body.get("inviter") == named.get("id"):
        body.pop("inviter", None)
    if "custom" in body:
        body["custom"] = {KNOWN["text"]: "L"} if body["custom"] else {}
    if "handles" in body:
        body["handles"] = [_handle(dict(each), named) for each in body["handles"]]
    return body


VALUES = {"wechat": "wx_{:06}", "phone": "138{:08}", "wecom": "wecom{}", "email": "m{}@example.com", "planet": "{:05}"}


def _handle(body, named):
    body["value"] = VALUES.get(body["platform"].lower(), "A-{}").format(next(NUMBERS))
    return body


def _batch(body, named):
    return body | {"rows": [_member(dict(row), {}) for row in body["rows"]]}


def _erasure(body, named):
    """The name is typed once more, exactly."""
    if named["id"] not in KNOWN["names"]:
        named["id"] = NOBODY
    return body | {"name": KNOWN["names"].get(named["id"], "nobody")}


def _renewal(body, named):
    _set_year(body, begins_on="2096", ends_on="2136")
    return body


def _set_year(body, **years):
    for name, year in years.items():
        if body.get(name):
            body[name] = year + body[name][4:]


def _word(body, named):
    """A dash stands for nothing."""
    texts = {name: f"word {body[name]}"[:60] for name in ("name", "text", "industry", "skill") if name in body}
    spellings = {"spellings": [f"word {each}"[:60] for each in body["spellings"]]} if "spellings" in body else {}
    return body | texts | spellings


def _into(body, named):
    """Words of one list are merged, and no word with itself."""
    if named["id"] not in ROWS["words"]:
        named["id"] = NOBODY
    return body


def _field(body, named):
    """Only some kinds have choices, which then differ."""
    body.pop("renamed", None)
    if "choices" in body or "kind" in body:
        kind, choices = body.setdefault("kind", "choices"), [*body.pop("choices", []), "one more"][-100:]
        if kind.startswith("choice"):
            body["choices"] = [f"{at} {choice}"[:60] for at, choice in enumerate(choices)]
    return body


def _keep(body, named):
    if named["id"] not in KNOWN["pairs"]:
        named["id"] = NOBODY
    return body | {"keep": KNOWN["pairs"].get(named["id"], [NOBODY])[0]}


def _slot(body, named):
    """Of a rhythm or of one group, no variable is made up, and no robot gives a talk."""
    if "given" in body or "practice" in body:
        body |= {"practice": "post"} if body.get("given") == "robot" else {"given": body.get("given", "group")}
    if "text" in body:
        body["text"] = body["text"].translate({ord(brace): "-" for brace in "{}"})
    if not named.get("id"):
        mine = {"rhythm": body.pop("rhythm", None), "group": body.pop("group", None)}
        body |= {"group": mine["group"]} if mine["group"] else {"rhythm": mine["rhythm"] or ROWS["rhythm"][0]}
    return body


def _pause(body, named):
    """It ends when it begins, not before and not years later."""
    return body | {"until": body["since"]}


def _handing(body, named):
    """Of tasks, or of somebody: not both."""
    return {"give_to": body["give_to"], "tasks": ROWS["tasks"][:2]}


def _moving(body, named):
    """To a day of the coming weeks."""
    return body | {"day": str(date.today() + timedelta(days=8))}


def _arrival(body, named):
    """Nobody has paid in the future."""
    return {name: value for name, value in body.items() if name != "paid_at"}


def _channel(body, named):
    """Its address looks like one of its kind, and quiet hours are left as they are."""
    kept = {name: value for name, value in body.items() if name not in ("address", "secret", "quiet_from", "quiet_until")}
    if "a_minute" in kept:
        kept["a_minute"] = kept["a_minute"] % 20 + 1
    if named.get("id"):
        return kept
    return kept | {"kind": "discord", "address": f"https://discord.com/api/webhooks/{next(NUMBERS)}"}


def _paste(body, named):
    """Names of somebody, into a group: which it is cannot be found by made-up ones."""
    return {"text": f"群成员(2)\n{body['text'][:20]}\n海燕", "group": ROWS["groups"][0]}


def _settling(body, named):
    """A line of that roster, and one thing to be done with it."""
    if named["id"] not in KNOWN["lines"]:
        named["id"] = NOBODY
    return {"line": KNOWN["lines"].get(named["id"], NOBODY), "act": body.get("act", "pass")}


def _code(body, named):
    return body | {"link": "https://work.weixin.qq.com/g/1", "expires_at": None}


def _tick(body, named):
    """What an act needs beside the task."""
    return body | {"reason": "declined", "until": "tomorrow"}


SENSE = {
    ("channels", ""): _channel, ("channels", "{id}"): _channel,
    ("slots", ""): _slot, ("slots", "{id}"): _slot, ("pauses", ""): _pause, ("occurrences", "moving"): _moving, ("tasks", "ticks"): _tick,
    ("tasks", "handing"): _handing, ("arrivals", ""): _arrival, ("arrivals", "evening"): _moving,
    ("rosters", ""): _paste, ("rosters", "settling"): _settling, ("codes", ""): _code,
    ("members", ""): _member, ("members", "{id}"): _member, ("members", "batch"): _batch, ("members", "erasure"): _erasure,
    ("handles", ""): _handle, ("renewals", ""): _renewal, ("modules", ""): _word, ("words", ""): _word, ("words", "{id}"): _word,
    ("words", "merge"): _into, ("spellings", ""): _word, ("fields", ""): _field, ("fields", "{id}"): _field, ("twins", "merge"): _keep,
}  # fmt: skip
