"""An example for every operation, made of its own schema: the words below for a name, or one that fits its type.

So an example cannot name a field that is gone, and a test holds each against the schema that it stands under.
"""

import copy
import re
import uuid

from crm.tenancy.api.problems import PROBLEM

LEFT_OUT = object()  # of the examples of bodies, since another name says it
REQUEST_ID = "5b0c6f0e-6d1e-4f5c-9d64-7a0c1a9a3f10"
# Name of a field, or component and field -> what stands there; None where the field may be null.
WORDS = {
    "next": "https://qunxing.example/api/v1/members/?cursor=cD0wMTk4",
    "previous": None,
    # people
    "nickname": "深圳-海燕-直播",
    "city": "深圳",
    "industry": "知识付费",
    "skills": ["直播", "写作"],
    "joined_on": "2025-03-08",
    "expires_on": "2027-03-07",
    "platform": "wechat",
    "value": "haiyan_live",
    "inviter": None,
    "note": "",
    "Note.text": "早上联系最好",
    "NoteText.text": "晚上联系最好",
    "changed_at": None,
    "withdrawn_at": None,
    "Consent.to": "exposure",
    "Consent.source": "told",
    "Module.industry": "知识付费",
    "Module.skill": "短视频",
    "Module.since": "2026-07-01T04:00:00Z",
    "says": "每周一条",
    "made_at": "2026-11-24T20:05:00+08:00",
    "person": {"nickname": "深圳-海燕-直播", "city": "深圳"},
    "kept": {"members.handle": [{"platform": "wechat", "value": "haiyan_live"}]},
    "facts": [{"at": "2026-11-24T20:05:00+08:00", "what": "Changed: City", "why": "", "who": "豆豆", "code": "member.changed"}],
    "Erasure.name": "深圳-海燕-直播",
    "Erased.nickname": "#3f2a9c01",
    "files": ["people.csv"],
    "skill_levels": {"直播": 3},
    "offers": "会写直播脚本",
    "seeks": "找供应链",
    "tags": ["老学员"],
    "custom": {},
    "external_id": "A-1024",
    "Segment.name": "深圳会直播的",
    "Segment.asked": {"city": ["深圳"], "skill": ["直播"]},
    "asked": {"city": ["深圳"], "skill": ["直播"]},
    "is_shared": True,
    "Outcome.outcome": "changed",
    "Outcome.code": "",
    "Outcome.detail": "",
    "Outcome.fields": {},
    "Outcomes.made": 12,
    "Outcomes.changed": 3,
    "Outcomes.same": 985,
    "Outcomes.refused": 0,
    "Batch.platform": "shop",
    "BatchOfRows.platform": "shop",
    "Columns.mappings": {"members": {"称呼": "nickname", "联络": "wechat", "尺码": ""}},
    "Columns.groups": {"7 群": "会员7群"},
    "Pairs.pairs": {"3f2a9c01d6b7": "same"},
    # terms, in minor units
    "price": 598000,
    "Renewal.begins_on": "2026-12-02",
    "ends_on": "2027-12-01",
    "paid_on": "2026-11-24",
    "source": "direct",
    # words and fields
    "Word.name": "上海",
    "Word.kind": "city",
    "Word.state": "accepted",
    "Word.since": "2026-11-20T08:00:00Z",
    "NewWord.name": "上海",
    "NewWord.kind": "city",
    "WordChange.name": "上海",
    "spellings": ["上海", "Shanghai", "魔都"],
    "into": None,
    "province": "",
    "latitude": 31.23,
    "longitude": 121.47,
    "Spelling.kind": "city",
    "Spelling.text": "魔都",
    "Field.name": "尺码",
    "Field.kind": "choice",
    "FieldChange.name": "尺码",
    "choices": ["S", "M", "L"],
    "renamed": {"M": "中"},
    "place": 0,
    "retired_at": None,
    "Twin.because": ["near_phone", "same_name", "same_city"],
    "Twin.score": 80,
    "Twin.state": "open",
    "decided_at": None,
    "decided_by": None,
    "Merge.because": "decided",
    "undone_at": None,
    "stays": {"city": 1},
    # groups
    "Matrix.name": "会员",
    "Group.name": "会员7群",
    "Bond.name": "直播一队",
    "number": 7,
    "capacity": 500,
    "headcount": 319,
    "least": None,
    "chat_url": "https://work.weixin.qq.com/ca/cawcde0123",
    "closed_on": None,
    "lead_days": 45,
    "minutes_per_move": 2,
    "least_percent": 80,
    "code_days": 7,
    "half_life": 1.0,
    "weights": {"known": 1, "star": 20, "newcomer": 2, "size": 1, "city": 0.5, "industry": 0.5, "skill": 0.25},
    "code": "2027H1",
    "Cohort.year": 2027,
    "Cohort.half": 1,
    "begins_on": "2027-01-01",
    "since": "2026-07-01",
    "until": None,
    # reshuffles
    "Draft.state": "ready",
    "Draft.number": 1,
    "letter": "A",
    "stage": "ordering",
    "percent": 100,
    "max_moves": 3600,
    "seed": 20261124,
    "steps": None,
    "seconds": 9.2,
    "figures": {"moves": 3600, "cost": 156200, "new_people": {"mean": 274.1, "least": 181}},
    "curve": [
        {
            "moves": 3600,
            "new_people_mean": 274.1,
            "new_people_least": 181,
            "random_new_people_mean": 257.3,
            "bound_new_people_mean": 283.0,
            "cost": 156200.0,
        },
    ],
    "problems": [],
    "moves": 3600,
    "Load.moves": 230,
    "Reshuffle.moves": {"waiting": 3512, "asked": 61, "joined": 27},
    "Reshuffle.state": "approved",
    "first_day": "2026-11-25",
    "last_day": "2026-11-27",
    "rank": 1,
    # rosters and codes
    "Roster.state": "booked",
    "names": 318,
    "said": 320,
    "counts": {"joined": 12, "moved": 1, "seated": 0, "inside": 305},
    "Paste.text": "群成员(320)\n深圳-海燕-直播\n2. 贺想\n…",
    "RosterLine.state": "doubtful",
    "RosterLine.text": "海燕🌱",
    "RosterLine.handle": "",
    "RosterLine.number": 7,
    "Question.code": "half_a_list",
    "Question.sentence": "180 个名字，而这里应有 320 人：这是完整的名单吗？",
    "LineSettling.act": LEFT_OUT,
    "expected": 13,
    "scans": 12,
    "used": 87,
    "GroupCode.state": "waiting",
    "GroupCode.link": "https://work.weixin.qq.com/gm/0a1b2c",
    "NewCode.link": "https://work.weixin.qq.com/gm/0a1b2c",
    "Asking.owner": False,
    "Keeping.kept": [{"move": "01993b6c-41b0-7001-8000-000000000001"}],
    "StandIn.new_people": 286,
    "StandIn.says": "与 286 人从未同群；都在杭州",
    "Swap.refusal": None,
    # tasks
    "due_at": "2026-11-25T01:00:00Z",
    "late_at": "2026-11-26T01:00:00Z",
    "minutes": 2,
    "text": "海燕，新的半年您换到 12 群啦，点这里进群：…",
    "Task.reason": "",
    "Task.ended_at": None,
    "Task.ended_by": None,
    "Task.after": None,
    "Tick.act": "impossible",
    "Task.title": "",
    "Tick.reason": "declined",
    "Tick.until": "",
    "Handing.whose": LEFT_OUT,
    "Handing.span": LEFT_OUT,
    "Handed.tasks": 12,
    "Handed.ahead": 9,
    "NewTalk.at": "20:30",
    "NewTalk.title": "直播间怎么留住人",
    "NewTalk.text": "今晚八点半，{group}，桂芳讲直播间怎么留住人。",
    "NewTalk.minutes": 15,
    "packet_minutes": 1,
    "Effort.since": "2026-11-23",
    "Effort.until": "2026-11-29",
    "Minutes.week": "2026-11-23",
    "Minutes.group": None,
    "Minutes.practice": None,
    "Minutes.assistant": None,
    "planned": 320,
    "Minutes.done": 205,
    "TakenBack.sentence": "12 件待办回到了原处。",
    "Tick.note": "想留在老群",
    # the rhythm
    "Rhythm.name": "轻运营节奏",
    "RhythmCopy.name": "轻运营节奏（直播群）",
    "Group.rhythm": None,
    "Channel.name": "7群 机器人",
    "NewChannel.name": "7群 机器人",
    "ChannelChange.name": "7群 机器人",
    "Channel.hint": "qyapi.weixin.qq.com …9f3c",
    "NewChannel.kind": "wecom",
    "NewChannel.address": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
    "NewChannel.secret": "",
    "ChannelChange.address": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
    "ChannelChange.secret": "SEC2f9a41c07be6d8",
    "a_minute": 20,
    "a_day": 40,
    "quiet_from": "22:00",
    "quiet_until": "08:30",
    "Channel.because": "",
    "rests_until": None,
    "Push.cause": "api:talk-2026-11-24",
    "NewPush.cause": "talk-2026-11-24",
    "Push.title": "今晚的分享",
    "NewPush.title": "今晚的分享",
    "Push.text": "今晚八点，海燕讲直播脚本，先发红包再开讲。",
    "NewPush.text": "今晚八点，海燕讲直播脚本，先发红包再开讲。",
    "Push.card": None,
    "Push.member": None,
    "Push.reason": "",
    "Push.task": None,
    "Push.by": None,
    "Card.url": "https://example.com/talks/7",
    "Card.label": "报名",
    "Settling.decision": "sent",
    "Slot.rhythm": None,
    "weekday": 1,
    "Slot.at": "08:30",
    "SlotChange.at": "08:30",
    "Occurrence.at": "08:30",
    "Moving.at": "08:30",
    "Slot.title": "早安选题",
    "SlotChange.title": "早安选题",
    "Slot.text": "早安，{group}！第 {week} 周的选题：…",
    "SlotChange.text": "早安，{group}！第 {week} 周的选题：…",
    "Slot.picture": None,
    "SlotChange.picture": None,
    "Slot.minutes": 5,
    "SlotChange.minutes": 5,
    "within": 60,
    "Pause.name": "春节",
    "Pause.since": "2027-02-06",
    "Pause.until": "2027-02-12",
    "Pause.group": None,
    "day": "2026-12-01",
    "done_on": "2026-12-01",
    "is_moved": False,
    "Occurrence.task": None,
    "Occurrence.push": None,
    # arrivals
    "Arrival.state": "planned",
    "Arrival.day": "2026-11-24",
    "Arrival.at": "20:05",
    "Arrival.urgent_because": "",
    "Arrival.welcomed_at": None,
    "Arrival.chain": None,
    "paid_at": "2026-11-22T04:00:00Z",
    "added_at": "2026-11-22T04:05:00Z",
    "Evening.day": "2026-11-24",
    "Filling.day": "2026-11-24",
    "PutOff.day": "2026-11-25",
    "PutOff.planned": 2,
    "PutOff.queued": 1,
    "Evenings.begins": "20:00",
    "Evenings.ends": "22:00",
    "cap": 10,
    "minutes_between": 5,
    "Evenings.callers": 3,
    "calls_a_week": 2,
    "rest_days": 30,
    "Urgency.because": "今晚就有直播课",
    "Why.code": "offers_sought",
    "Why.points": 35,
    "Why.word": "供应链",
    "Caller.points": 35,
    "Caller.this_week": 1,
    "Caller.is_named": True,
    "Caller.is_resting": False,
    "Caller.rests_until": None,
    "Caller.answered": None,
    "Resting.until": "2026-12-24T12:40:00Z",
    "ArrivalStep.kind": "packet",
    "ArrivalStep.number": 2,
    "ArrivalStep.state": "handed_out",
    "ArrivalStep.because": "",
    "ArrivalStep.ended_at": None,
    "StepDone.length": 31,
    "StepSkip.because": "新人说不要红包",
    # the house
    "slug": "qinghe",
    "Tenant.name": "青禾社群",
    "MyTenant.name": "青禾社群",
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "country": "CN",
    "colour": "#0b6e78",
    "tasks_a_day": 90,
    "renewal_days": 14,
    "rises_after": [0, 60, 180],
    "Seat.name": "豆豆",
    "MySeat.name": "豆豆",
    "role": "assistant",
    "Key.name": "Newsletter",
    "Invite.name": "豆豆",
    "NewInvite.name": "豆豆",
    "days": 7,
    "mailed": True,
    "NewKey.name": "Newsletter",
    "MyKey.name": "Newsletter",
    "hint": "k3Qw",
    "scopes": ["members:read", "tasks:write"],
    "may": ["members:read", "tasks:write"],
    "secret": "qx_key_shown-once-in-this-answer",
    "link": "https://qunxing.example/accounts/seat/qx_seat_shown-once-in-this-answer/",
    "page_size": 500,
    "requests_a_minute": 600,
    "requests_a_minute_together": 3000,
    "Limits.body": 2_621_440,
    "upload": 101_000_000,
    "expires_at": "2027-11-24T16:00:00Z",
    "ended_at": None,
    "revoked_at": None,
    "used_at": None,
    "Event.kind": "star.added",
    "subject_kind": "star",
    "because": "helper",
    "before": {},
    "after": {"moves": 3600},
    "door": "api",
    "Job.kind": "community.import",
    "Job.state": "waiting",
    "Job.stage": "writing",
    "Job.percent": 25,
    "done": 1280,
    "total": 5121,
    "outcome": {},
    "problem": {},
}
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
