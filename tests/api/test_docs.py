"""The page of the API: what it shows can be copied and works, and every operation has an example that its schema allows."""

import html
import os
import re
import shutil
import subprocess
import sys

import pytest
from django.test import Client

import crm.api_examples
import crm.tenancy.api_examples
import groups.api_examples
import members.api_examples
from crm.tenancy import keys
from crm.tenancy.api.schema import NOT_BLANK
from tests.factories import MemberFactory, SeatFactory

jsonschema_rs = pytest.importorskip("jsonschema_rs")


@pytest.fixture
def page(db):
    return Client().get("/help/api/").content.decode()


def contents(operation):
    """(where, media type, content) of everything that an operation takes or gives."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, content
    for code, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            yield code, kind, content


def every(schema):
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_has_an_example_of_what_it_takes_and_gives(schema):
    bare = [f"{name} {where}" for name, operation in every(schema) for where, _, content in contents(operation) if "example" not in content]

    assert len(list(every(schema))) > 50
    assert bare == []


def test_every_example_is_what_its_schema_allows(schema):
    wrong = []
    for name, operation in every(schema):
        for where, _, content in contents(operation):
            rule = as_json_schema(content["schema"], schema["components"]["schemas"])
            faults = jsonschema_rs.validator_for(rule, validate_formats=True).iter_errors(content["example"])
            wrong += [f"{name} {where}: {fault.message}" for fault in faults]

    assert wrong == []


def as_json_schema(rule, components):
    """OpenAPI 3.0 says `nullable` where JSON Schema has a second type."""
    if isinstance(rule, list):
        return [as_json_schema(each, components) for each in rule]
    if not isinstance(rule, dict):
        return rule
    if "$ref" in rule:
        return as_json_schema(components[rule["$ref"].rpartition("/")[2]], components)
    plain = {name: as_json_schema(value, components) for name, value in rule.items() if name not in ("nullable", "example")}
    return {"anyOf": [plain, {"type": "null"}]} if rule.get("nullable") else plain


def test_no_two_rooms_say_what_stands_under_one_name():
    rooms = [crm.api_examples.OWN, crm.tenancy.api_examples.WORDS, groups.api_examples.WORDS, members.api_examples.WORDS]

    assert sum(map(len, rooms)) == len(crm.api_examples.WORDS)


def test_every_operation_says_what_it_does(schema):
    assert [name for name, operation in every(schema) if not operation.get("summary")] == []


def test_the_page_shows_every_operation(schema, page):
    shown = re.findall(r'<details class="qx-fold" id="([^"]+)">', page)

    assert sorted(shown) == sorted(operation["operationId"] for _, operation in every(schema))


def test_every_collection_says_what_it_is(schema, page):
    used = {tag for _, operation in every(schema) for tag in operation["tags"]}

    assert {tag["name"] for tag in schema["tags"] if tag["description"]} == used
    shown = html.unescape(re.sub("</?code[^>]*>", "`", page))
    assert [tag["name"] for tag in schema["tags"] if tag["description"] not in shown] == []


def test_the_page_is_open_to_all_and_names_no_tenant(two, page):
    assert [tenant for tenant in two if tenant.name in page] == []


def test_a_form_is_shown_with_its_file_and_a_picture_is_written_into_one(page):
    shown = html.unescape(re.sub("<[^>]+>", "", page))

    assert "--form 'name=欢迎你' \\\n  --form 'picture=@picture'" in shown
    assert "--form 'members=@members'" in shown
    assert "/picture/" in shown.partition("--output picture")[0].rpartition("curl ")[2]


# The quick start, as it stands


def words_of(page, id):
    return html.unescape(re.search(rf'<pre class="text" id="{id}"[^>]*>(.*?)</pre>', page, re.DOTALL)[1])


@pytest.fixture
def address(live_server, settings):
    settings.ALLOWED_HOSTS = ["*"]
    tenant = SeatFactory(role="owner").tenant
    for _ in range(3):
        MemberFactory(tenant=tenant)
    _, secret = keys.make(tenant.seats.get())
    return {"QUNXING_URL": live_server.url, "QUNXING_KEY": secret}


def run(command, address, text=None):
    env = {"PATH": os.environ["PATH"], "NO_PROXY": "*"} | address
    return subprocess.run(command, env=env, input=text, capture_output=True, text=True, timeout=60)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_the_curl_of_the_quick_start_works(address):
    done = run(["bash", "-e"], address, words_of(Client().get("/help/api/").content.decode(), "curl"))

    assert (done.returncode, done.stderr, done.stdout.count('"nickname"')) == (0, "", 3)


@pytest.mark.django_db(transaction=True)
def test_the_python_of_the_quick_start_works(address):
    done = run([sys.executable, "-"], address, words_of(Client().get("/help/api/").content.decode(), "python"))

    assert (done.stderr, done.stdout) == ("", "owner\n3 members\n201 a star\n")


# What its patterns mean


def test_what_is_blank_to_us_is_blank_to_programs():
    """They read patterns as JavaScript does, whose blanks are others than Python's."""
    theirs, ours = jsonschema_rs.validator_for({"pattern": NOT_BLANK}), re.compile(NOT_BLANK)
    texts = [chr(code) for code in range(1, 0x10000) if not 0xD800 <= code < 0xE000]

    assert [text for text in texts if not bool(text.strip()) == bool(ours.search(text)) == theirs.is_valid(text)] == []


def test_a_time_is_written_in_one_way(api):
    times = ["9:05", "20:5", "24:00", "20:30:00", "２０:３０", "20:30"]

    assert [api.patch("evenings/", {"begins": at}).status_code for at in times] == [400] * 5 + [200]


def test_the_mapping_of_an_import_names_kinds_of_files_and_fields(schema):
    rule = as_json_schema({"$ref": "#/components/schemas/ColumnsRequest"}, schema["components"]["schemas"])
    fits = jsonschema_rs.validator_for(rule).is_valid

    assert fits({"mappings": {"members": {"联络": "wechat", "尺码": "custom:01900000-0000-7000-8000-000000000000", "x": ""}}})
    assert fits({"mappings": {"cohorts": {"届": "cohort"}, "interactions": {"时间": "when"}}})
    for wrong in {"": {"x": "wechat"}}, {"members": {"x": "nonsense"}}, {"cohorts": {"x": "nickname"}}, {"members": "wechat"}:
        assert not fits({"mappings": wrong})
