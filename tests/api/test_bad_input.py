"""What no client should send, and some do: each gets a problem with a stable code, and nothing breaks."""

import json

import pytest
from django.test import Client
from uuid_utils.compat import uuid7

from crm.tenancy.scope import acting_for
from groups.models import Pin
from tests.api.problems import problem, wrong
from tests.conftest import KeyClient
from tests.factories import MatrixFactory, MemberFactory, PlacementFactory, TaskFactory


@pytest.fixture
def pin(api):
    with acting_for(api.tenant.pk):
        return {"matrix": str(MatrixFactory().pk), "member": str(MemberFactory().pk)}


def raw(api, body, path="pins/", content_type="application/json", **headers):
    return Client(headers={"Authorization": f"Bearer {api.secret}"} | headers).post(f"/api/v1/{path}", body, content_type=content_type)


# Requests and their names


def test_a_request_keeps_the_name_it_brings(api):
    assert api.get("members/", headers={"X-Request-ID": "import 7, row 12"})["X-Request-ID"] == "import 7, row 12"


@pytest.mark.parametrize("name", ["", "x" * 129, "né", "a\tb"])
def test_a_request_without_a_sane_name_gets_one(api, name):
    first, second = (api.get("members/", headers={"X-Request-ID": name})["X-Request-ID"] for _ in range(2))

    assert len(first) == len(second) == 36
    assert first != second


def test_the_log_names_the_request_as_its_answer_does(api, caplog):
    caplog.set_level("INFO")

    api.get("members/", headers={"X-Request-ID": "mine-1"})

    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert {line.get("request_id") for line in lines} == {"mine-1"}


def test_pages_name_their_requests_too(owner):
    assert len(owner.get("/")["X-Request-ID"]) == 36


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"nonsense", b"{'matrix': 1}", b'{"matrix": NaN}', b'{"matrix": Infinity}', b'{"matrix": 1e999}', b"\xff\xfe{}",
        b'{"matrix": "\xff"}', b'{"matrix": 1, "matrix": 2}', b"[" * 10_000, b'{"a":' * 10_000, b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"matrix": ' + b"1" * 5_000 + b"}", b"\xef\xbb\xbf{}", b'{"matrix": "\x00"}',
    ],
)  # fmt: skip
def test_a_body_with_no_one_meaning_is_refused(api, body):
    assert problem(raw(api, body)) in [(400, "parse_error"), (400, "invalid")]


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", "true", "1.5"])
def test_a_body_that_is_no_object_is_refused(api, body):
    assert wrong(raw(api, body)).keys() == {"non_field_errors"}


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\udfffb"])
def test_characters_that_cannot_be_kept_are_refused_by_the_name_of_their_field(api, pin, text):
    body = json.dumps(pin)[:-1] + f', "because": "{text}"' + "}"

    assert wrong(raw(api, body)).keys() == {"because"}


def test_they_are_refused_in_names_too(api):
    assert wrong(raw(api, '{"\\ud800": 1}')).keys() == {"\N{REPLACEMENT CHARACTER}"}


def test_a_body_of_50_megabytes_is_refused_unread(api):
    class Endless:
        def read(self, *args):
            raise AssertionError("somebody reads it")

        readline = read

    answer = api.generic("POST", "pins/", b"{}", content_type="application/json", CONTENT_LENGTH="50000000", **{"wsgi.input": Endless()})

    assert problem(answer) == (413, "too_large")


def test_a_body_of_unknown_length_is_refused(api):
    answer = api.generic("POST", "pins/", b"", content_type="application/json", headers={"Transfer-Encoding": "chunked"})

    assert problem(answer) == (411, "length_required")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"])
def test_a_body_in_another_language_is_refused(api, pin, kind):
    assert problem(raw(api, json.dumps(pin), content_type=kind)) == (415, "unsupported_media_type")


def test_json_in_another_encoding_is_refused(api, pin):
    body = json.dumps(pin).encode("utf-16")

    answer = api.generic("POST", "pins/", body, content_type="application/json; charset=utf-16")

    assert problem(answer) == (415, "unsupported_media_type")


def test_who_cannot_read_json_is_told(api):
    assert problem(api.get("members/", headers={"Accept": "text/html"})) == (406, "not_acceptable")


def test_reading_takes_no_body(api):
    assert problem(api.generic("GET", "members/", b"{}", content_type="application/json")) == (400, "parse_error")


@pytest.mark.parametrize("path", ["drafts/{}/approval/", "drafts/{}/stop/"])
def test_an_act_that_asks_for_nothing_takes_nothing(api, path):
    from tests.factories import DraftFactory

    draft = DraftFactory(tenant=api.tenant)

    assert wrong(api.post(path.format(draft.pk), {"force": True})) == {"force": "unknown"}


# Names and values


def test_an_unknown_field_is_refused_with_the_nearest_known_one(api, pin):
    answer = api.post("pins/", pin | {"becuase": "host"}, headers={"Accept-Language": "en"})

    assert wrong(answer) == {"becuase": "unknown"}
    assert answer.json()["fields"]["becuase"][0]["message"] == "There is no “becuase” here. Did you mean “because”?"
    with acting_for(api.tenant.pk):
        assert not Pin.objects.exists()


def test_what_only_we_say_is_not_taken(api, pin):
    assert wrong(api.post("pins/", pin | {"id": str(uuid7())})).keys() == {"id"}


@pytest.mark.parametrize("value", [1, True, [], {}, "", "nonsense", "{hex}", "urn:uuid:{uuid}", "{uuid} ", 2**70, 1.5, None])
def test_only_an_id_is_an_id(api, pin, value):
    if isinstance(value, str):
        value = value.format(uuid=pin["member"], hex=pin["member"].replace("-", ""))

    assert wrong(api.post("pins/", pin | {"member": value})).keys() == {"member"}


@pytest.mark.parametrize("value", [5, "known", [], True, None])
def test_only_an_object_is_an_object(api, value):
    from tests.factories import MatrixFactory

    matrix = MatrixFactory(tenant=api.tenant)

    assert wrong(api.patch(f"matrices/{matrix.pk}/", {"weights": value})).keys() == {"weights"}


@pytest.mark.parametrize(
    "value", ["0000-00-00", "2026-02-30", "20260101", "2026-1-1", "2026-01-01T00:00:00Z", "2026-W01-1", 20260101, "99999-01-01"]
)
def test_only_a_day_is_a_day(api, pin, value):
    assert wrong(api.post("stars/", {"member": pin["member"], "since": value})).keys() == {"since"}


@pytest.mark.parametrize("value", [-1, 2**31, 2**63, 2**64, 10**400, "1", 1.5, True, [1], "٣"])
def test_only_a_number_in_its_bounds_is_one(api, pin, value):
    assert wrong(api.post(f"matrices/{pin['matrix']}/drafts/", {"max_moves": value})).keys() == {"max_moves"}


@pytest.mark.parametrize("value", [["host"], {"a": 1}, 1, True, "guest", ""])
def test_only_a_choice_is_a_choice(api, pin, value):
    assert wrong(api.post("pins/", pin | {"because": value})).keys() == {"because"}


def test_a_list_is_a_list_of_its_kind(api, pin):
    bond = {"matrix": pin["matrix"], "because": "team"}

    for members in (pin["member"], [1, 2], [[pin["member"]]], [None, None], {"0": pin["member"]}):
        assert wrong(api.post("bonds/", bond | {"members": members})).keys() == {"members"}, members


# Addresses


@pytest.mark.parametrize(
    "pk", ["nonsense", "1", "%00", "{hex}", "urn:uuid:{uuid}", "%ff", "%F0%9F%90%A0", "null", "../members", "x" * 3000]
)
def test_an_address_with_no_id_is_not_there(api, pk):
    member = MemberFactory(tenant=api.tenant)

    for method in ("get", "delete"):
        answer = getattr(api, method)("stars/" + pk.format(hex=member.pk.hex, uuid=member.pk) + "/")
        assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize("path", ["nonsense/", "members/x/y/", "\N{FISH}/", ""])
def test_an_unknown_address_is_a_problem_and_no_page(api, path):
    assert problem(api.get(path)) == (404, "not_found")


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_without_its_slash_is_not_led_on(api, method):
    answer = getattr(api, method)("members", headers={"Accept-Language": "en"})

    assert problem(answer) == (404, "not_found")
    assert answer.json()["detail"] == "There is no such thing here. Addresses end with a slash."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "members/"),
        ("PATCH", "pins/"),
        ("TRACE", "members/"),
        ("QUERY", "members/"),
        ("OPTIONS", "members/"),
        ("POST", "cohorts/"),
        ("TRACE", "members/?city=x"),
    ],
)
def test_a_method_that_is_not_there_names_those_that_are(api, method, path):
    answer = api.generic(method, path)

    assert problem(answer) == (405, "method_not_allowed")
    assert answer["Allow"] == ("GET, HEAD" if path == "cohorts/" else "GET, HEAD, POST")


# Questions


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("tire=partner", "tire"), ("fields=id,nick", "fields"), ("fields=", "fields"), ("page_size=0", "page_size"),
        ("page_size=501", "page_size"), ("page_size=-1", "page_size"), ("page_size=abc", "page_size"), ("page_size=1e2", "page_size"),
        ("page_size=99999999999999999999", "page_size"), ("page_size=", "page_size"), ("page_size=%D9%A3", "page_size"),
        ("cursor=nonsense", "cursor"), ("cursor=", "cursor"), ("cursor=cD1ub25zZW5zZQ==", "cursor"), ("cursor=W10", "cursor"),
        ("cursor=WyJpZCIsZmFsc2UsIngiLCJ4Il0", "cursor"), ("ordering=note", "ordering"), ("ordering=--id", "ordering"),
        ("standing=asleep", "standing"), ("standing=past&standing=current", "standing"), ("standing=", "standing"), ("group=1", "group"),
        ("search=%00", "search"), ("search=%ff", "non_field_errors"), ("joined_from=0000-00-00", "joined_from"),
        ("joined_from=1.1.2026", "joined_from"), ("format=json", "format"),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused_by_name(api, question, name):
    MemberFactory(tenant=api.tenant)

    assert wrong(api.get(f"members/?{question}")).keys() == {name}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cohorts/?year=x", "year"), ("cohorts/?year=1e9", "year"), ("cohorts/?year=9999999999", "year"),
        ("placements/?is_open=yes", "is_open"), ("tasks/?due_from=2026-01-01", "due_from"),
        ("tasks/?due_from=2026-01-01T00:00:00", "due_from"),
        ("tasks/?due_from=2026-13-01T00:00:00Z", "due_from"), ("matrices/?is_reshuffled=1", "is_reshuffled"),
    ],
)  # fmt: skip
def test_a_filter_takes_one_spelling(api, path, name):
    assert wrong(api.get(path)).keys() == {name}


def test_one_row_is_asked_for_its_fields_alone(api):
    member = MemberFactory(tenant=api.tenant, nickname="Lin")

    assert api.get(f"members/{member.pk}/?fields=nickname,id").json() == {"nickname": "Lin", "id": str(member.pk)}
    assert wrong(api.get(f"members/{member.pk}/?standing=past")) == {"standing": "unknown"}


def test_rows_hold_the_fields_that_were_asked_for(api):
    MemberFactory(tenant=api.tenant, nickname="Lin")

    assert api.get("members/?fields=nickname").json()["results"] == [{"nickname": "Lin"}]


def test_an_id_that_nobody_has_finds_nothing_whose_ever_it_is(api):
    PlacementFactory(tenant=api.tenant)
    theirs = PlacementFactory()

    for group in (uuid7(), theirs.group_id):
        for path in ("members/?group={}", "placements/?group={}", "tasks/?group={}", "moves/?to_group={}", "bonds/?members={}"):
            assert api.get(path.format(group)).json()["results"] == []


@pytest.mark.parametrize("moment", ["0357-06-09T06:48:58.110106-19:12", "2026-01-01T00:00:00%2B23:59"])
def test_a_moment_may_come_with_any_offset(api, moment):
    assert api.get(f"tasks/?ended_to={moment}").status_code == 200


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B10:00", "9999-12-31T23:59:59-10:00"])
def test_a_moment_outside_of_all_years_is_refused(api, moment):
    assert wrong(api.get(f"tasks/?ended_to={moment}")).keys() == {"ended_to"}


# Pages of rows in an order


def rows(api, path, name="nickname"):
    """All pages, forwards; on the way back each page is the same."""
    pages, here = [], api.get(path).json()
    while True:
        pages.append([row[name] for row in here["results"]])
        if here["next"] is None:
            break
        here = api.get(here["next"].partition("/api/v1/")[2]).json()
    for page in reversed(pages[:-1]):
        here = api.get(here["previous"].partition("/api/v1/")[2]).json()
        assert [row[name] for row in here["results"]] == page
    assert here["previous"] is None
    return [each for page in pages for each in page]


@pytest.mark.parametrize(("order", "expected"), [("nickname", "ABBBBC"), ("-nickname", "CBBBBA"), ("id", "CBABBB"), ("-id", "BBBABC")])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_pages_hold_each_row_once_also_where_names_are_the_same(api, order, expected, size):
    for nickname in "CBABBB":
        MemberFactory(tenant=api.tenant, nickname=nickname)

    assert "".join(rows(api, f"members/?ordering={order}&page_size={size}")) == expected


def test_a_row_that_comes_meanwhile_repeats_none(api):
    for nickname in "BCD":
        MemberFactory(tenant=api.tenant, nickname=nickname)
    first = api.get("members/?ordering=nickname&page_size=2&fields=nickname").json()

    MemberFactory(tenant=api.tenant, nickname="A")

    assert api.get(first["next"].partition("/api/v1/")[2]).json()["results"] == [{"nickname": "D"}]


def test_a_cursor_of_another_order_is_refused(api):
    for nickname in "AB":
        MemberFactory(tenant=api.tenant, nickname=nickname)
    cursor = api.get("members/?page_size=1").json()["next"].partition("cursor=")[2].partition("&")[0]

    assert wrong(api.get(f"members/?ordering=nickname&cursor={cursor}")).keys() == {"cursor"}


# Moments


def test_moments_end_in_z_and_days_are_days(api):
    task = TaskFactory(tenant=api.tenant)
    placement = PlacementFactory(tenant=api.tenant)

    assert api.get(f"tasks/{task.pk}/?fields=due_at").json() == {"due_at": task.due_at.isoformat().replace("+00:00", "Z")}
    assert api.get(f"placements/{placement.pk}/?fields=since,until").json() == {"since": str(placement.since), "until": None}


# Every view


def test_every_address_keeps_to_the_same():
    from crm.tenancy.api.serializers import Strict
    from crm.tenancy.api.views import View
    from tests.tenancy.doors import api_doors

    views = {door.view.cls for door in api_doors()}

    assert [view for view in views if not issubclass(view, View) or not issubclass(view.serializer_class, Strict)] == []


def test_what_breaks_breaks_as_a_problem(house, monkeypatch):
    from crm.tenancy.api.pages import Pages
    from tests.factories import SeatFactory

    client = KeyClient(SeatFactory(tenant=house, role="owner"), raise_request_exception=False)
    monkeypatch.setattr(Pages, "_size", lambda self: 1 / 0)

    assert problem(client.get("members/")) == (500, "broken")
