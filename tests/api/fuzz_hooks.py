"""What the fuzzer is told beforehand, because no description can say it."""

import json
import os
import re
from base64 import b64decode
from contextlib import suppress
from datetime import date, timedelta
from itertools import count, cycle
from pathlib import Path
from uuid import uuid4

import schemathesis

KNOWN = json.loads(Path(os.environ["FUZZ_KNOWN"]).read_text())
OURS = KNOWN["spared"]  # the key it comes with, and that key's seat: without them all else is 401
ROWS = KNOWN["rows"]  # ids that are there, by the name of a field, by a collection of the address, or by collection/act
TALLY = Path(os.environ["FUZZ_TALLY"])
# What a verb refuses although each value is well-formed: a group that holds fewer than it needs, a key that ended before it began.
SENSIBLE = {"least": {"maximum": 5}, "capacity": {"minimum": 5}, "expires_at": {"enum": ["2099-01-01T00:00:00Z", None]}}
SENSIBLE["colour"] = {"enum": ["", "#0b6e78"]}  # words can be read on it
SENSIBLE["chat_url"] = {"enum": ["", "https://work.weixin.qq.com/g/1", "weixin://dl/chat?1"]}
NOBODY = "01900000-0000-7000-8000-000000000000"
FILES = {("imports", ""), ("tasks", "proof"), ("slots", "picture"), ("stickers", "")}
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
NUMBERS = count(1)
NUMBER = re.compile(r"[!-~]([ -~]{0,253}[!-~])?", re.ASCII)
PLATFORM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,19}", re.ASCII)
TURNS = {}
OF_THE_NEWEST = {"imports/columns", "imports/pairs", "imports/writing"}  # the files of those before go when others are uploaded


def _next(name, rows):
    """One after another, and from the first again: what was used up is refused then."""
    return next(TURNS.setdefault(name, cycle(rows)))


@schemathesis.hook
def before_load_schema(ctx, raw):
    for address, path in raw["paths"].items():
        for method, operation in path.items():
            operation["parameters"] = [_told(_pool(address, method), one) for one in operation.get("parameters", ()) if _is_told(one)]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["example"] = _with_rows(content["example"])
    for name, schema in raw["components"]["schemas"].items():
        if name.endswith("Request"):
            for field, said in schema.get("properties", {}).items():
                _name_rows(said.get("items", said), ROWS.get(field, []) + KNOWN["more"].get(field, []))
                said |= SENSIBLE.get(field, {})
                if field == "asked":  # of the names beside those of all communities, each has its own
                    said["additionalProperties"] = False


def _is_told(parameter):
    """No made-up text is a cursor, an answer to `fields` is a part of what is described, and no request is refused for what it calls
    itself: all three have tests of their own."""
    return parameter["name"] not in ("cursor", "fields", "X-Request-ID")


def _pool(address, method):
    """The name of the rows that an operation may use up, or at least look at."""
    _, _, collection, *more = address.strip("/").split("/")
    act = "-" if method == "delete" else more[-1] if more else ""
    return f"{collection}/{act}" if f"{collection}/{act}" in ROWS else collection


def _told(pool, parameter):
    ids = ROWS.get(pool if parameter["in"] == "path" else "segments" if parameter["name"] == "segment" else parameter["name"])
    if parameter["in"] != "path" or pool not in OF_THE_NEWEST:
        _name_rows(parameter["schema"], ids)
    if ids and parameter["in"] == "path":
        parameter["example"] = ids[0]
    return parameter


def _name_rows(schema, ids):
    """Of all UUIDs, those of rows: only they lead past "there is no such thing"."""
    if ids and schema.get("format") == "uuid":
        schema["enum"] = [*ids, *([None] if schema.get("nullable") else [])]


def _with_rows(example, name="", at=0):
    """The example of a body, with ids of rows in the place of made-up ones."""
    if isinstance(example, dict):
        return {name: _with_rows(value, name) for name, value in example.items()}
    if isinstance(example, list):
        return [_with_rows(each, name, at) for at, each in enumerate(example)]
    if "enum" in SENSIBLE.get(name, {}):
        return SENSIBLE[name]["enum"][0]
    return ROWS[name][at] if name in ROWS and isinstance(example, str) else example


@schemathesis.hook
def filter_case(ctx, case):
    """What is wrong in a row of a batch has an outcome of its own, and the batch is taken; what is wrong beside the rows is refused."""
    if case.operation.path != "/api/v1/members/batch/" or _is_sound(case) or not isinstance(case.body, dict):
        return True
    rows, platform = case.body.get("rows"), case.body.get("platform")
    are_rows = isinstance(rows, list) and 0 < len(rows) <= 1000 and all(isinstance(row, dict) for row in rows)
    is_platform = isinstance(platform, str) and PLATFORM.fullmatch(platform)
    return not (are_rows and is_platform and case.body.keys() == {"rows", "platform"})


def _is_sound(case):
    return bool(case.meta and case.meta.generation.mode.is_positive)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    if case.meta and getattr(case.meta.phase.data, "parameter", "") == "Authorization":
        return  # whatever is changed in a request without its key is judged anew, and the key is put back
    number = str((case.headers or {}).get("Idempotency-Key", ""))
    if case.method.upper() != case.operation.method.upper():  # a number used twice is refused before the method is looked at
        (case.headers or {}).pop("Idempotency-Key", None)
    elif NUMBER.fullmatch(number):  # each request has its own; what two with one number are answered is tested elsewhere
        case.headers["Idempotency-Key"] = f"{number[:200].strip()}{next(NUMBERS)}"
    is_sound = _is_sound(case)
    pool, named = _pool(case.operation.path, case.operation.method), case.path_parameters or {}
    if is_sound and "/" in pool and case.meta.phase.name != "stateful":  # in a chain, it is of what the chain has made
        case.path_parameters = named = {name: _next(pool, ROWS[pool]) for name in named}
    for name, value in named.items():
        if case.method != "GET" and value in OURS:
            named[name] = NOBODY
    if not is_sound:
        return
    _, _, collection, *act = case.operation.path.strip("/").split("/")
    act = act[-1] if act else ""
    if isinstance(case.body, dict) and (make := SENSE.get((collection, act))):
        case.body = make(dict(case.body), named)
        is_file = (collection, act) in FILES  # bytes are no text to the fuzzer's own judge
        assert is_file or _is_sound(case), f"{case.operation.label}: the rig makes of it what nobody allows: {case.body}"
    if collection == "effort" and case.query:
        case.query = {name: value for name, value in case.query.items() if name not in ("since", "until")}


@schemathesis.hook
def after_call(ctx, case, response):
    """What became of it, for the table of operations."""
    said = {}
    if response.status_code >= 400:
        with suppress(ValueError):
            said = response.json()
    if case.operation.label == "POST /api/v1/imports/" and response.status_code == 202:
        TURNS.update({pool: cycle([response.json()["id"]]) for pool in OF_THE_NEWEST})
    if said.get("now"):
        TOLD[case.operation.path] = said["now"]
    is_asked = _is_sound(case) and case.method.upper() == case.operation.method.upper()
    row = [case.operation.label, is_asked, response.status_code, said.get("code", "")]
    with TALLY.open("a") as kept:
        kept.write(json.dumps(row) + "\n")


TOLD = {}  # address -> how many there are, as a refusal has said


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


def _upload(body, named):
    """Two files are two."""
    return {name: value for name, value in body.items() if name != "cohorts" or value != body.get("members")}


def _picture(body, named):
    """No made-up bytes are a picture."""
    return {name: PNG if name in ("photo", "picture") else value for name, value in body.items()}


def _columns(body, named):
    """No column of a kind is named twice, the own fields and other systems are some that there are, and no group name is made up."""
    kept = {kind: dict(list(said.items())[:1]) for kind, said in body.get("mappings", {}).items()}
    kept = {kind: {key: "" if ":" in field else field for key, field in said.items()} for kind, said in kept.items()}
    body = {name: value for name, value in body.items() if name != "groups"}
    return body | ({"mappings": kept} if "mappings" in body else {})


def _pairs(body, named):
    """Which pairs a file has nobody can guess."""
    return {"pairs": {}}


def _batch(body, named):
    return body | {"rows": [_member(dict(row), {}) for row in body["rows"]]}


def _erasure(body, named):
    """The name is typed once more, exactly."""
    return body | {"name": KNOWN["names"].get(named["id"], "nobody")}


def _renewal(body, named):
    _set_year(body, begins_on="2096", ends_on="2136")
    return body


def _set_year(body, **years):
    for name, year in years.items():
        if body.get(name):
            body[name] = year + body[name][4:]


def _word(body, named):
    """A dash stands for nothing, and each word is another one."""
    texts = {name: _once(body[name], 60) for name in ("name", "text", "industry", "skill") if name in body}
    spellings = {"spellings": [_once(each, 60) for each in body["spellings"]]} if "spellings" in body else {}
    return body | texts | spellings


def _once(text, most):
    return f"word {next(NUMBERS)} {text}"[:most].strip()


def _name(body, named):
    """Nothing else is called so, nor has this number."""
    body |= {"name": _once(body["name"], 40)} if "name" in body else {}
    return body | {"number": 100 + next(NUMBERS) % 9_000} if body.get("number") else body


def _into(body, named):
    """Words of one list are merged, and no word with itself."""
    return body | {"into": ROWS["into"][0]}


def _field(body, named):
    """Only some kinds have choices, which then differ."""
    body = _name(body, named)
    body.pop("renamed", None)
    if "choices" in body or "kind" in body:
        kind, choices = body.setdefault("kind", "choices"), [*body.pop("choices", []), "one more"][-100:]
        if kind.startswith("choice"):
            body["choices"] = [f"{at} {choice}"[:60] for at, choice in enumerate(choices)]
    return body


def _keep(body, named):
    return body | {"keep": KNOWN["pairs"].get(named["id"], [NOBODY])[0]}


def _merge(body, named):
    """Two who are two yet."""
    return dict(zip(("kept", "gone"), _next("merging", KNOWN["merging"]), strict=True))


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
    """Of tasks, or of somebody: not both; and to somebody else each time."""
    return {"give_to": _next("give_to", ROWS["give_to"]), "tasks": ROWS["tasks"][:2]}


def _talk(body, named):
    """On one of the coming days, and no variable is made up."""
    text = body.get("text", "").translate({ord(brace): "-" for brace in "{}"})
    return body | {"day": str(date.today() + timedelta(days=1 + next(NUMBERS) % 300)), "text": text}


def _moving(body, named):
    """To a day of the coming weeks."""
    kept = {name: value for name, value in body.items() if name != "always"}
    return kept | {"day": str(date.today() + timedelta(days=8 + next(NUMBERS) % 40))}


def _evenings(body, named):
    """It ends after it begins."""
    ends = {"begins": "19:", "ends": "22:"}
    return {name: ends[name] + value[3:] if name in ends else value for name, value in body.items()}


def _filling(body, named):
    return _evening({}, named)


def _evening(body, named):
    return body | {"day": _moving({}, named)["day"]}


def _arrival(body, named):
    """Of somebody who sits nowhere; nobody has paid in the future."""
    return {name: value for name, value in body.items() if name != "paid_at"} | {"member": _next("loose", KNOWN["loose"])}


def _swap(body, named):
    return {"out": KNOWN["named"].get(named["id"], NOBODY)}


def _answers(body, named):
    return {"answered": [KNOWN["named"].get(named["id"], NOBODY)]}


def _silent(body, named):
    return {"member": _next("silent", KNOWN["silent"])}


def _fresh_member(body, named):
    return body | {"member": _next("fresh", KNOWN["loose"])}


def _passing(body, named):
    """From one to the other, and back."""
    whose = _next("whose", KNOWN["hands"])
    return {"whose": whose, "give_to": next(each for each in KNOWN["hands"] if each != whose), "number": 1}


def _asking(body, named):
    return body | {"moves": [_next("asked", KNOWN["asked"])]}


def _keeping(body, named):
    """Somebody on the way, and whom the product proposes."""
    return {"kept": [{"move": _next("asked", KNOWN["asked"])}]}


def _sending(body, named):
    seat, group = _next("sending", KNOWN["sending"])
    return {"placement": seat, "to_group": group, "anyway": True}


def _told_number(body, named):
    """As the refusal before has said."""
    return body | {"number": TOLD.get("/api/v1/reshuffles/{id}/seating/", body["number"])}


def _rolling_back(body, named):
    return {"number": KNOWN["moves_back"]}


def _booking(body, named):
    """Whatever the questions are; by nobody's count."""
    return {name: value for name, value in body.items() if name != "expected"} | {"sure": True}


def _apart(body, named):
    """Two who are not apart yet, as long as there are such."""
    pairs = len(ROWS["one"]) * len(ROWS["other"])
    at = next(NUMBERS) % pairs
    return body | {"one": ROWS["one"][at % len(ROWS["one"])], "other": ROWS["other"][at // len(ROWS["one"])]}


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
    return {"line": KNOWN["lines"].get(named["id"], NOBODY), "act": body.get("act", "pass")}


def _code(body, named):
    return body | {"link": "https://work.weixin.qq.com/g/1", "expires_at": None, "group": _next("coded", KNOWN["coded"])}


def _tick(body, named):
    """What an act needs beside the task; the key is another one each time."""
    return body | {"reason": "declined", "until": "tomorrow", "key": str(uuid4())}


def _tenant(body, named):
    """Places, money and an address that there are."""
    good = {"time_zone": "Europe/Berlin", "country": "DE", "currency": "EUR", "slug": f"fuzzed-{next(NUMBERS)}"}
    return {name: good.get(name, value) for name, value in body.items()}


def _push(body, named):
    """Within a year; and no part of a host's name is longer than such a part can be."""
    body = {name: value for name, value in body.items() if name != "due_at"}
    return body | ({"card": body["card"] | {"url": "https://example.com/1"}} if body.get("card") else {})


def _renewed(body, named):
    return _renewal(_fresh_member(body, named), named)


def _module(body, named):
    return _word(_fresh_member(body, named), named)


SENSE = {
    ("channels", ""): _channel, ("channels", "{id}"): _channel, ("groups", ""): _name, ("groups", "{id}"): _name,
    ("matrices", ""): _name, ("matrices", "{id}"): _name, ("segments", ""): _name, ("segments", "{id}"): _name,
    ("rhythms", ""): _name, ("rhythms", "{id}"): _name, ("pins", ""): _fresh_member, ("aparts", ""): _apart, ("merges", ""): _merge,
    ("slots", ""): _slot, ("slots", "{id}"): _slot, ("pauses", ""): _pause, ("occurrences", "moving"): _moving, ("tasks", "ticks"): _tick,
    ("tasks", "proof"): _picture, ("slots", "picture"): _picture, ("stickers", ""): _picture,
    ("tasks", "handing"): _handing, ("arrivals", ""): _arrival, ("arrivals", "evening"): _evening, ("arrivals", "caller-swaps"): _swap,
    ("arrivals", "answers"): _answers, ("arrivals", "waking"): _silent, ("arrivals", "filling"): _filling, ("evenings", ""): _evenings,
    ("reshuffles", "passing"): _passing, ("reshuffles", "asking"): _asking, ("reshuffles", "seating"): _told_number,
    ("reshuffles", "keeping"): _keeping, ("moves", ""): _sending,
    ("reshuffles", "rolling-back"): _rolling_back, ("tasks", "talks"): _talk,
    ("rosters", ""): _paste, ("rosters", "settling"): _settling, ("rosters", "booking"): _booking, ("codes", ""): _code,
    ("pushes", ""): _push, ("tenant", ""): _tenant,
    ("members", ""): _member, ("members", "{id}"): _member, ("members", "batch"): _batch, ("members", "erasure"): _erasure,
    ("imports", ""): _upload, ("imports", "columns"): _columns, ("imports", "pairs"): _pairs,
    ("handles", ""): _handle, ("renewals", ""): _renewed, ("modules", ""): _module,
    ("words", ""): _word, ("words", "{id}"): _word,
    ("words", "merge"): _into, ("spellings", ""): _word, ("fields", ""): _field, ("fields", "{id}"): _field, ("twins", "merge"): _keep,
}  # fmt: skip
