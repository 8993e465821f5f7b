"""A request that is sent again under its number: same answer, one effect, whatever happens in between."""

import datetime
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection
from django.utils.timezone import now

from crm.tenancy.api import idempotency
from crm.tenancy.jobs import forget_answers
from crm.tenancy.models import AccessToken, Event, IdempotencyKey
from crm.tenancy.scope import acting_for
from groups import rules
from groups.models import Pin
from tests.api.crowd import Crowd, held
from tests.api.problems import problem, wrong
from tests.conftest import KeyClient
from tests.factories import IdempotencyKeyFactory, MatrixFactory, MemberFactory, SeatFactory, TenantFactory

HERE = Path(__file__).parents[2]
DAY = datetime.timedelta(days=1)


@pytest.fixture
def pin(api):
    return a_pin(api.tenant)


def a_pin(tenant):
    with acting_for(tenant.pk):
        return {"matrix": str(MatrixFactory().pk), "member": str(MemberFactory().pk), "because": "host"}


def send(client, body, number="number-1", path="pins/", method="post"):
    return getattr(client, method)(path, body, headers={"Idempotency-Key": number})


def done(tenant):
    """How many pins there are, how many facts say so, and how many answers are kept."""
    with acting_for(tenant.pk):
        return Pin.objects.count(), Event.objects.filter(kind="pin.added").count(), IdempotencyKey.objects.count()


def test_the_same_request_under_its_number_gets_the_same_answer(api, pin):
    first, again = send(api, pin), send(api, pin)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for name in ("Content-Type", "Location", "ETag"):
        assert first[name] == again[name]
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert first["X-Request-ID"] != again["X-Request-ID"]
    assert done(api.tenant) == (1, 1, 1)


def test_an_answer_without_a_body_is_kept_too(api, pin):
    path = f"pins/{send(api, pin).json()['id']}/"

    first, again, without = (api.delete(path, headers=headers) for headers in [{"Idempotency-Key": "gone"}] * 2 + [{}])

    assert [answer.status_code for answer in (first, again, without)] == [204, 204, 404]


def test_without_a_number_each_request_is_its_own(api, pin):
    assert (api.post("pins/", pin).status_code, problem(api.post("pins/", pin))) == (201, (409, "pinned_once"))
    assert done(api.tenant) == (1, 1, 0)


def test_another_request_under_the_number_is_refused(api, pin):
    made = send(api, pin).json()["id"]

    others = [
        send(api, pin | {"because": "wish"}),
        send(api, pin, path="pins/?"),
        send(api, pin, path="bonds/"),
        api.delete(f"pins/{made}/", headers={"Idempotency-Key": "number-1"}),
    ]

    assert [problem(answer) for answer in others[:1] + others[2:]] == [(422, "idempotency_mismatch")] * 3
    assert others[1]["Idempotency-Replayed"] == "true"  # a question mark alone asks nothing
    assert done(api.tenant) == (1, 1, 1)


def test_what_was_refused_may_be_corrected_and_sent_again(api, pin):
    assert problem(send(api, pin | {"because": "guest"})) == (400, "invalid")
    assert problem(send(api, pin, path="nowhere/")) == (404, "not_found")

    assert send(api, pin).status_code == 201
    assert problem(send(api, pin, number="number-2")) == (409, "pinned_once")
    assert done(api.tenant) == (1, 1, 1)


def test_what_broke_may_be_sent_again(api, pin, monkeypatch):
    monkeypatch.setattr(rules, "keep", lambda *args, **kwargs: 1 / 0)
    api.raise_request_exception = False
    assert problem(send(api, pin)) == (500, "broken")
    monkeypatch.undo()

    assert "Idempotency-Replayed" not in send(api, pin)
    assert done(api.tenant) == (1, 1, 1)


@pytest.mark.parametrize("number", ["", "x" * 256, "n\xe9", "a\tb"])
def test_a_number_is_1_to_255_printable_characters(api, pin, number):
    assert wrong(send(api, pin, number)).keys() == {"Idempotency-Key"}
    assert done(api.tenant) == (0, 0, 0)


@pytest.mark.parametrize("number", ["1", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "order 7, try 1"])
def test_every_other_number_will_do(api, pin, number):
    assert [send(api, pin, number).status_code for _ in range(2)] == [201, 201]


def test_two_keys_may_use_one_number(api, pin):
    other = KeyClient(SeatFactory(tenant=api.tenant, role="owner"))

    assert send(api, pin).status_code == 201
    assert problem(send(other, pin)) == (409, "pinned_once")


def test_reading_takes_no_notice_of_a_number(api):
    assert api.get("pins/", headers={"Idempotency-Key": "x" * 999}).status_code == 200


def test_a_revoked_key_gets_no_kept_answer(api, pin):
    send(api, pin)
    AccessToken.objects.update(revoked_at=now())

    assert problem(send(api, pin)) == (401, "key_ended")


def test_a_secret_that_is_told_once_is_kept_unreadable_and_told_to_who_asks_again(api):
    first, again = (send(api, {"name": "report"}, path="keys/").json() for _ in range(2))

    with acting_for(api.tenant.pk):
        kept = bytes(IdempotencyKey.objects.get().body)
    assert first == again
    assert first["secret"].encode() not in kept
    assert first["id"].encode() not in kept


def test_after_a_day_the_number_is_free(api, pin):
    made = send(api, pin).json()["id"]
    with acting_for(api.tenant.pk):
        IdempotencyKey.objects.update(created_at=now() - DAY)

    assert problem(send(api, pin)) == (409, "pinned_once")
    api.delete(f"pins/{made}/")
    assert "Idempotency-Replayed" not in send(api, pin)


def test_answers_of_yesterday_are_forgotten_everywhere(two):
    for tenant in two:
        with acting_for(tenant.pk):
            IdempotencyKeyFactory(key="old", created_at=now() - DAY)
            IdempotencyKeyFactory(key="new")

    forget_answers()

    for tenant in two:
        with acting_for(tenant.pk):
            assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]


# Several at once, on connections of their own


@pytest.fixture
def program(transactional_db):
    return KeyClient(SeatFactory(tenant=TenantFactory(slug="qinghe"), role="owner"), raise_request_exception=False)


def test_of_two_at_once_the_second_waits_and_gets_the_answer_of_the_first(program, monkeypatch):
    pin, crowd = a_pin(program.tenant), Crowd(program)
    begun = held(monkeypatch, rules, "keep")

    crowd.send("first", lambda client: send(client, pin))
    assert begun.wait(30)
    crowd.send("second", lambda client: send(client, pin))
    answers = crowd.wait()

    assert (answers["first"].status_code, answers["second"].status_code) == (201, 201)
    assert answers["first"].content == answers["second"].content
    assert answers["second"]["Idempotency-Replayed"] == "true"
    assert done(program.tenant) == (1, 1, 1)


def test_where_the_first_fails_the_second_does_it(program, monkeypatch):
    pin, crowd = a_pin(program.tenant), Crowd(program)
    begun = held(monkeypatch, rules, "keep", then=lambda: 1 / 0)

    crowd.send("first", lambda client: send(client, pin))
    assert begun.wait(30)
    crowd.send("second", lambda client: send(client, pin))
    answers = crowd.wait()

    assert (problem(answers["first"]), answers["second"].status_code) == ((500, "broken"), 201)
    assert "Idempotency-Replayed" not in answers["second"]
    assert done(program.tenant) == (1, 1, 1)


def test_who_has_waited_for_long_is_told_to_come_back(program, monkeypatch):
    pin, crowd, over = a_pin(program.tenant), Crowd(program), threading.Event()
    monkeypatch.setattr(idempotency, "PATIENCE", "100ms")
    begun = held(monkeypatch, rules, "keep", then=lambda: over.wait(30))

    crowd.send("first", lambda client: send(client, pin))
    assert begun.wait(30)
    late = send(program, pin)
    over.set()
    answers = crowd.wait()

    assert (problem(late), late["Retry-After"]) == ((409, "in_progress"), "2")
    assert answers["first"].status_code == 201
    assert send(program, pin)["Idempotency-Replayed"] == "true"
    assert done(program.tenant) == (1, 1, 1)


def test_twenty_at_once_happen_once(program):
    pin, crowd = a_pin(program.tenant), Crowd(program)

    for n in range(20):
        crowd.send(n, lambda client: send(client, pin))
    answers = crowd.wait().values()

    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == 19
    assert done(program.tenant) == (1, 1, 1)


# A server that is killed in the middle


KILLED = """
import os, signal, sys
from importlib import import_module

import django
django.setup()
from django.test import Client

module, verb, secret, body = sys.argv[1:]
place = import_module(module)
real = getattr(place, verb)

def act_and_die(*args, **kwargs):
    real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, verb, act_and_die)
headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "number-1"}
Client(headers=headers).post("/api/v1/pins/", body, content_type="application/json")
"""


@pytest.mark.parametrize(("module", "verb"), [("groups.rules", "keep"), ("crm.tenancy.api.idempotency", "_kept")])
def test_a_server_that_is_killed_leaves_both_or_neither(program, module, verb):
    """Once with the effect done and no answer yet, once with both written and nothing committed."""
    pin, name = a_pin(program.tenant), connection.settings_dict["NAME"]
    env = os.environ | {"DATABASE_URL": os.environ["DATABASE_URL"].replace("/crm?", f"/{name}?")}

    killed = subprocess.run([sys.executable, "-c", KILLED, module, verb, program.secret, json.dumps(pin)], cwd=HERE, env=env, check=False)

    assert killed.returncode == -9
    assert done(program.tenant) == (0, 0, 0)
    assert [send(program, pin).get("Idempotency-Replayed") for _ in range(2)] == [None, "true"]
    assert done(program.tenant) == (1, 1, 1)
