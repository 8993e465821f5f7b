"""The REST API as a program meets it: keys, pages, problems, and the tasks of an assistant."""

import io
import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation
from django.utils.timezone import now
from uuid_utils.compat import uuid4

from crm.tenancy import keys
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups.models import Bond, Move, Pin, Task, Tick
from tests.api.problems import problem
from tests.conftest import KeyClient
from tests.factories import (
    GroupFactory,
    HandleFactory,
    MatrixFactory,
    MemberFactory,
    MoveFactory,
    PlacementFactory,
    SeatFactory,
    TaskFactory,
)

# Keys


def test_without_a_key_nothing_is_told(db):
    answer = Client().get("/api/v1/members/")

    assert problem(answer) == (401, "key_missing")
    assert answer["WWW-Authenticate"] == 'Bearer realm="qunxing"'


def test_a_key_ends_with_its_seat(api):
    assert api.get("members/").status_code == 200

    api.seat.ended_at = now()
    api.seat.save()

    assert api.get("members/").status_code == 401


def test_a_revoked_key_is_dead_at_once(api):
    api.key.revoked_at = now()
    api.key.save()

    assert api.get("members/").status_code == 401


def test_the_secret_is_not_kept(api):
    from crm.tenancy.models import AccessToken

    stored = AccessToken.objects.get()
    assert api.secret.startswith("qx_key_")
    assert api.secret not in str(vars(stored))


def test_a_keys_last_use_is_noted(api):
    api.get("members/")

    api.key.refresh_from_db()
    assert api.key.last_used_at is not None


# Reading


def test_members_come_page_by_page(api):
    for n in range(5):
        MemberFactory(tenant=api.tenant, nickname=f"Lin {n}")

    first = api.get("members/?page_size=3").json()
    second = api.get(first["next"].partition("/api/v1/")[2]).json()

    assert [row["nickname"] for row in first["results"] + second["results"]] == [f"Lin {n}" for n in range(5)]
    assert second["next"] is None


def test_members_are_found_by_pinyin_handle_and_group(api):
    with acting_for(api.tenant.pk):
        placement = PlacementFactory(member__nickname="贺想")
        HandleFactory(member=placement.member, value="he_xiang")
        MemberFactory(nickname="林海")

    for query in ("search=hx", "search=hexiang", "search=he_xiang", f"group={placement.group_id}"):
        assert [row["nickname"] for row in api.get(f"members/?{query}").json()["results"]] == ["贺想"], query


def test_a_list_asks_the_same_number_of_questions_with_one_row_and_with_thirty(api, monkeypatch):
    monkeypatch.setattr(keys, "used", lambda token: None)  # noted once a minute, whatever the list
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def questions(path):
        with CaptureQueriesContext(connection) as asked:
            assert api.get(path).status_code == 200
        return len(asked)

    for path, make in (
        ("members/", lambda: HandleFactory(tenant=api.tenant)),
        ("groups/", lambda: GroupFactory(tenant=api.tenant)),
        ("matrices/", lambda: MatrixFactory(tenant=api.tenant)),
        ("tasks/", lambda: MoveFactory(tenant=api.tenant, task=TaskFactory(tenant=api.tenant))),
        ("moves/", lambda: MoveFactory(tenant=api.tenant)),
    ):
        make()
        with_one = questions(path)
        for _ in range(29):
            make()
        assert questions(path) == with_one, path


def test_a_wrong_filter_is_said(api):
    assert problem(api.get("members/?standing=asleep")) == (400, "invalid")


def test_the_schema_has_no_warnings():
    errors = io.StringIO()

    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO(), stderr=errors)

    assert errors.getvalue() == ""


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_schema_is_english_whatever_the_language(db, settings, tmp_path, language):
    settings.LANGUAGE_CODE = language
    written = tmp_path / "schema.json"

    served = Client().get("/api/v1/schema/?lang=zh-hans", headers={"Accept-Language": language}).json()
    with translation.override(language):
        call_command("spectacular", format="openapi-json", file=str(written))

    kept = {name: component for name, component in served["components"]["schemas"].items() if name.endswith("Enum")}
    assert served == json.loads(written.read_text())
    assert kept["StandingEnum"]["description"] == "* `current` - current\n* `past` - past"
    assert [said for said in texts_in(kept) if not said.isascii()] == ["* `zh-hans` - 简体中文\n* `en` - English"]


def texts_in(schema):
    if isinstance(schema, str):
        return [schema]
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    return [text for part in parts for text in texts_in(part)]


def test_everybody_may_read_the_schema(schema):
    assert schema["openapi"].startswith("3.")


def test_a_row_of_the_schema_promises_all_its_names_and_their_types(schema):
    schemas = schema["components"]["schemas"]

    assert {name: set(schemas[name]["properties"]) - set(schemas[name]["required"]) for name in ("Draft", "Task", "Member", "Key")} == {
        "Draft": set(), "Task": set(), "Member": set(), "Key": set(),
    }  # fmt: skip
    assert [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, said in schema.get("properties", {}).items()
        if not said.keys() & {"type", "$ref", "oneOf", "allOf"}
    ] == []
    assert schemas["Task"]["properties"]["move"]["nullable"]
    assert schemas["Task"]["properties"]["reason"]["oneOf"] == [
        {"$ref": "#/components/schemas/ReasonEnum"}, {"$ref": "#/components/schemas/BlankEnum"},
    ]  # fmt: skip


# Rules


def test_a_pin_is_made_once_and_taken_back(api):
    with acting_for(api.tenant.pk):
        matrix, member = MatrixFactory(), MemberFactory()
    row = {"matrix": str(matrix.pk), "member": str(member.pk), "because": "host"}

    made = api.post("pins/", row)
    again = api.post("pins/", row)
    gone = api.delete(f"pins/{made.json()['id']}/")

    assert (made.status_code, problem(again), gone.status_code) == (201, (409, "pinned_once"), 204)
    with acting_for(api.tenant.pk):
        assert not Pin.objects.exists()
        assert list(Event.objects.order_by("id").values_list("kind", "door")) == [("pin.added", "api"), ("pin.removed", "api")]


def test_a_bond_holds_two_at_least(api):
    with acting_for(api.tenant.pk):
        matrix, one, other = MatrixFactory(), MemberFactory(), MemberFactory()

    alone = api.post("bonds/", {"matrix": str(matrix.pk), "because": "team", "members": [str(one.pk)]})
    both = api.post("bonds/", {"matrix": str(matrix.pk), "because": "team", "members": [str(one.pk), str(other.pk)]})

    assert problem(alone) == (400, "bond_too_small")
    assert both.status_code == 201
    with acting_for(api.tenant.pk):
        assert set(Bond.objects.get().members.all()) == {one, other}


def test_a_bond_without_a_reason_is_a_team(api):
    with acting_for(api.tenant.pk):
        matrix, one, other = MatrixFactory(), MemberFactory(), MemberFactory()

    made = api.post("bonds/", {"matrix": str(matrix.pk), "members": [str(one.pk), str(other.pk)]})

    assert (made.status_code, made.json()["because"]) == (201, "team")


def test_nobody_is_kept_apart_from_themselves(api):
    with acting_for(api.tenant.pk):
        matrix, one = MatrixFactory(), MemberFactory()

    assert problem(api.post("aparts/", {"matrix": str(matrix.pk), "one": str(one.pk), "other": str(one.pk)})) == (400, "invalid")


def test_another_tenants_member_cannot_be_pinned(api):
    stranger = MemberFactory()
    matrix = MatrixFactory(tenant=api.tenant)

    assert problem(api.post("pins/", {"matrix": str(matrix.pk), "member": str(stranger.pk)})) == (400, "invalid")


@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"matrix": {}}', "{" * 5000, '{"matrix": "\\u0000"}'])
def test_a_body_that_makes_no_sense_is_refused(api, body):
    assert problem(api.post("pins/", body)) in [(400, "invalid"), (400, "parse_error")]


# Tasks


@pytest.fixture
def task(assistant):
    with acting_for(assistant.tenant.pk):
        made = TaskFactory(assistant=assistant.seat)
        MoveFactory(task=made, member=made.member)
    return made


@pytest.fixture
def hand(assistant):
    return KeyClient(assistant.seat)


def tick(client, task, act="done", key=None, **more):
    return client.post(f"tasks/{task.pk}/ticks/", {"key": str(key or uuid4()), "act": act, **more})


def moves(tenant):
    with acting_for(tenant.pk):
        return list(Move.objects.values_list("state", flat=True))


def test_a_tick_is_done_once_however_often_it_comes(hand, task):
    key = uuid4()

    answers = [tick(hand, task, key=key) for _ in range(3)]

    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "done")] * 3
    with acting_for(hand.tenant.pk):
        assert Tick.objects.count() == 1
        assert Event.objects.filter(kind="task.done").count() == 1
    assert moves(hand.tenant) == ["asked"]


def test_a_tick_after_somebody_elses_says_who_was_first(hand, task, owner):
    tick(KeyClient(owner.seat), task)

    late = tick(hand, task, "impossible", reason="declined")

    assert problem(late) == (409, "already_ended")
    assert "Lily" in late.json()["detail"]
    assert moves(hand.tenant) == ["asked"]


@pytest.mark.parametrize(
    ("reason", "state"), [("declined", "refused"), ("no_answer", "unreachable"), ("not_found", "unreachable"), ("other", "unreachable")]
)
def test_what_cannot_be_done_says_why(hand, task, reason, state):
    answer = tick(hand, task, "impossible", reason=reason, note="asked twice")

    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "impossible", reason)
    assert moves(hand.tenant) == [state]


def test_impossible_without_a_reason_is_refused(hand, task):
    assert problem(tick(hand, task, "impossible")) == (400, "reason_missing")
    assert moves(hand.tenant) == ["waiting"]


def test_a_slip_is_taken_back(hand, task):
    tick(hand, task)

    answer = tick(hand, task, "undo")

    assert (answer.json()["state"], answer.json()["ended_at"]) == ("open", None)
    assert moves(hand.tenant) == ["waiting"]


def test_nothing_to_take_back_is_said(hand, task):
    assert problem(tick(hand, task, "undo")) == (409, "nothing_to_undo")


def test_who_has_joined_stays_joined(hand, task):
    tick(hand, task)
    with acting_for(hand.tenant.pk):
        Move.objects.update(state="joined")

    assert problem(tick(hand, task, "undo")) == (409, "already_joined")


def test_an_assistant_sees_and_ticks_only_their_own(hand, house, task):
    with acting_for(house.pk):
        other = TaskFactory(assistant=SeatFactory(role="assistant"))

    assert [row["id"] for row in hand.get("tasks/").json()["results"]] == [str(task.pk)]
    assert problem(tick(hand, other)) == (404, "not_found")


def test_an_id_used_for_another_task_is_refused(api, house):
    with acting_for(house.pk):
        one, other = TaskFactory(), TaskFactory()
    key = uuid4()
    tick(api, one, key=key)

    assert problem(tick(api, other, key=key)) == (409, "key_reused")
    with acting_for(house.pk):
        assert Task.objects.get(pk=other.pk).state == "open"


def test_a_withdrawn_task_is_not_ticked(hand, task):
    with acting_for(hand.tenant.pk):
        Task.objects.update(state="withdrawn")

    assert problem(tick(hand, task)) == (409, "withdrawn")


@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("assistant", 403), ("viewer", 200)])
def test_members_are_seen_by_those_who_may(house, role, status):
    assert KeyClient(SeatFactory(tenant=house, role=role)).get("members/").status_code == status


def test_a_viewer_changes_nothing(house, viewer, task):
    client = KeyClient(viewer.seat)

    assert problem(tick(client, task)) == (403, "forbidden")


def test_a_key_made_by_the_command_works(house, owner):
    _key, secret = keys.make(owner.seat, "report")

    answer = Client().get("/api/v1/groups/", headers={"Authorization": f"Bearer {secret}"})

    assert answer.status_code == 200
