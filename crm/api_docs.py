"""The API's own page in the product: a quick start that works as it stands, the rules, and every operation with an example."""

import json
import re
from functools import lru_cache

from django.conf import settings
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from crm.tenancy import scopes
from crm.tenancy.api.schema import described

METHODS = {"get": "brand", "post": "good", "patch": "warn", "put": "warn", "delete": "bad"}
QUICK_START = {
    "curl": """\
# Who am I, and what may this key do?
curl --fail-with-body --silent "$QUNXING_URL/api/v1/me/" --header "Authorization: Bearer $QUNXING_KEY"

# Five members, with two fields each
curl --fail-with-body --silent "$QUNXING_URL/api/v1/members/?page_size=5&fields=id,nickname" \\
  --header "Authorization: Bearer $QUNXING_KEY"
""",
    "python": """\
import os
import uuid

import httpx

api = httpx.Client(
    base_url=os.environ["QUNXING_URL"] + "/api/v1",
    headers={"Authorization": "Bearer " + os.environ["QUNXING_KEY"]},
)


def get(path, **params):
    answer = api.get(path, params=params)
    answer.raise_for_status()
    return answer.json()


def everything(path, **params):
    page = get(path, page_size=500, **params)
    while True:
        yield from page["results"]
        if not page["next"]:
            return
        page = get(page["next"])


print(get("/me/")["seat"]["role"])
print(sum(1 for member in everything("/members/", fields="id")), "members")

# The same Idempotency-Key again is the same act: send it again after a broken line without fear.
member = get("/members/", page_size=1)["results"][0]
star = api.post(
    "/stars/",
    json={"member": member["id"], "because": "helper", "since": "2026-11-24"},
    headers={"Idempotency-Key": str(uuid.uuid4())},
)
print(star.status_code, star.json().get("detail", "a star"))
""",
}


@require_safe
def api_docs(request):
    """Open to all: it says nothing of any tenant."""
    rooms = _rooms()
    context = {
        "rooms": rooms,
        "operations": sum(len(room["operations"]) for room in rooms),
        "curl": QUICK_START["curl"],
        "python": QUICK_START["python"],
        "base": settings.BASE_URL + "/api/v1",
        "shell": f"export QUNXING_URL={settings.BASE_URL}\nexport QUNXING_KEY=qx_key_…",
        "scopes": scopes.known(),
    }
    return render(request, "api.html", context)


@lru_cache(maxsize=1)
def _rooms():
    """Every operation, gathered by what it is about. The description is English in both languages, as its names are."""
    schema = described()
    words = {tag["name"]: tag["description"] for tag in schema["tags"]}
    rooms = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            about = path.split("/")[3]
            rooms.setdefault(about, []).append(_operation(path, method, operation, words[about]))
    return [{"name": name, "words": _marked(words[name]), "operations": found} for name, found in rooms.items()]


def _marked(words):
    """What stands between backticks is code."""
    return mark_safe(re.sub("`([^`]+)`", r'<code translate="no">\1</code>', escape(words)))


def _operation(path, method, operation, said):
    """`said` stands above all operations of its collection, and need not stand in each."""
    answers = operation["responses"]
    good = next(code for code in answers if code.startswith("2"))
    body = _example(operation.get("requestBody", {}))
    words = operation.get("description", "").strip()
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "tone": METHODS.get(method, "line"),
        "path": path.removeprefix("/api/v1"),
        "summary": _marked(operation["summary"]),
        "words": "" if words.rstrip(".") == operation["summary"] or " ".join(words.split()) == said else _marked(words),
        "parameters": [_parameter(each) for each in operation.get("parameters", []) if each["in"] != "header"],
        "code": good,
        "answer": _example(answers[good]) or _plain(answers[good]),
        "body": body,
        "curl": _curl(path, method, operation, body),
        "refusals": [{"code": code, "words": _marked(answer["description"])} for code, answer in answers.items() if code >= "3"],
    }


def _parameter(parameter):
    schema = parameter.get("schema", {})
    kind = schema.get("items", schema)
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "words": _marked(parameter.get("description", "")),
        "kind": kind.get("format") or kind.get("type", ""),
        "choices": [str(choice) for choice in kind.get("enum", [])],
    }


def _example(carrier):
    for kind, content in carrier.get("content", {}).items():
        if "json" in kind and "example" in content:
            return json.dumps(content["example"], indent=2, ensure_ascii=False)
        return kind
    return ""


def _plain(answer):
    return answer.get("description") or ""


def _curl(path, method, operation, body):
    for each in operation.get("parameters", []):
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", str(each.get("example", each["name"])))
    lines = [f'curl "$QUNXING_URL{path}"', '--header "Authorization: Bearer $QUNXING_KEY"']
    if method != "get":
        lines[0] = f'curl --request {method.upper()} "$QUNXING_URL{path}"'
    if body.startswith(("{", "[")):
        flat = json.dumps(json.loads(body), ensure_ascii=False)
        lines += ['--header "Content-Type: application/json"', f"--data '{flat}'"]
    lines += [f"--form '{each}'" for each in _form(operation)]
    if any(kind.startswith("image/") for kind in operation["responses"].get("200", {}).get("content", {})):
        lines.append("--output picture")
    return " \\\n  ".join(lines)


def _form(operation):
    """The fields of a form that are needed: a file by its name, anything else by its example."""
    said = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
    if said:
        schema = described()["components"]["schemas"][said["schema"]["$ref"].rpartition("/")[2]]
        for name in schema["required"]:
            is_file = schema["properties"][name].get("format") == "binary"
            yield f"{name}=@{name}" if is_file else f"{name}={said['example'][name]}"
