"""API keys from their making to their end: by the API, by the command, and what a wrong one is told."""

import datetime
import io
import json
import logging
import re

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm.tenancy import keys, seats
from crm.tenancy.models import AccessToken, Event
from crm.tenancy.models.access import hashed
from crm.tenancy.scope import acting_for
from tests.conftest import KeyClient
from tests.factories import AccessTokenFactory, SeatFactory, TenantFactory

DAY = datetime.timedelta(days=1)


def with_key(secret, path="/api/v1/members/"):
    return Client().get(path, headers={"Authorization": f"Bearer {secret}"})


def facts(tenant):
    with acting_for(tenant.pk):
        return list(Event.objects.order_by("id").values_list("kind", "seat", "after"))


# What a wrong key is told


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "key_missing"),
        ("Bearer", "key_missing"),
        ("Basic bWU6bWU=", "key_missing"),
        ("Bearer nonsense", "key_unknown"),
        ("Bearer " + "x" * 5000, "key_unknown"),
        ("Bearer qx_key_" + "x" * 43, "key_unknown"),
        ("Bearer qx_key_" + "x" * 42, "key_mistyped"),
        ("Bearer qx_key_" + "x" * 49, "key_mistyped"),
    ],
)
def test_each_fault_of_a_key_has_a_code_and_a_sentence(db, authorization, code):
    answer = Client().get("/api/v1/members/", headers={"Authorization": authorization})

    more = "" if code == "key_missing" else f', error="invalid_token", error_description="{code}"'
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"] == f'Bearer realm="qunxing"{more}'
    assert answer.json()["detail"] == str(keys.FAULTS[code])


def test_one_wrong_character_is_said_to_be_one(api):
    turned = "A" if api.secret[20] != "A" else "B"

    assert with_key(api.secret[:20] + turned + api.secret[21:]).json()["code"] == "key_mistyped"


def test_a_key_from_before_the_checksum_works(house):
    key = AccessTokenFactory(seat__tenant=house, seat__role="owner")
    secret = "qx_key_" + "o" * 43
    AccessToken.objects.filter(pk=key.pk).update(hash=hashed(secret))

    assert with_key(secret).status_code == 200


def revoked(api):
    AccessToken.objects.filter(pk=api.key.pk).update(revoked_at=now())


def expired(api):
    AccessToken.objects.filter(pk=api.key.pk).update(expires_at=now() - DAY)


def without_its_seat(api):
    api.seat.ended_at = now()
    api.seat.save()


def of_a_user_who_is_switched_off(api):
    api.seat.user.is_active = False
    api.seat.user.save()


@pytest.mark.parametrize("ended", [revoked, expired, without_its_seat, of_a_user_who_is_switched_off])
def test_an_ended_key_says_so_to_who_holds_it(api, ended):
    assert api.get("members/").status_code == 200

    ended(api)

    assert (api.get("members/").status_code, api.get("members/").json()["code"]) == (401, "key_ended")


def test_scanners_find_every_key_by_its_pattern(api):
    assert re.fullmatch(keys.PATTERN, api.secret)
    assert api.key.hint == api.secret[-4:]


# By the API


def test_the_first_call_says_whose_key_it_is_and_what_it_may(house):
    program = KeyClient(SeatFactory(tenant=house, role="viewer", name="Zhao"), scopes=["members:write", "tasks:read"])

    said = program.get("me/").json()

    assert said == {
        "tenant": {
            "id": str(house.pk), "slug": "qinghe", "name": "Qinghe", "time_zone": "Asia/Shanghai", "currency": "CNY",
            "language": "zh-hans", "country": "CN",
        },
        "seat": {"id": str(program.seat.pk), "name": "Zhao", "role": "viewer"},
        "key": said["key"] | {"id": str(program.key.pk), "hint": program.secret[-4:], "scopes": ["members:write", "tasks:read"]},
        "may": ["members:read", "tasks:read"],
        "limits": {
            "page_size": 500,
            "requests_a_minute": settings.API_RATE,
            "requests_a_minute_together": settings.API_RATE_TENANT,
            "body": 2_621_440,
            "upload": 101_000_000,
        },
    }  # fmt: skip


def test_a_key_is_told_once_and_works_with_its_scopes(api):
    made = api.post("keys/", {"name": "report", "scopes": ["members:read"], "expires_at": (now() + DAY).isoformat()})

    secret = made.json()["secret"]
    listed = {row["name"]: row for row in api.get("keys/").json()["results"]}["report"]
    assert (made.status_code, with_key(secret).status_code, with_key(secret, "/api/v1/groups/").status_code) == (201, 200, 403)
    assert "secret" not in listed
    assert listed | {"last_used_at": None} == {name: value for name, value in made.json().items() if name != "secret"}
    assert facts(api.tenant) == [("key.made", api.seat.pk, {"seat": str(api.seat.pk), "scopes": ["members:read"]})]


def test_a_key_acts_as_the_seat_that_was_chosen(api):
    helper = SeatFactory(tenant=api.tenant, role="viewer")

    secret = api.post("keys/", {"name": "report", "seat": str(helper.pk)}).json()["secret"]

    assert with_key(secret, "/api/v1/me/").json()["seat"]["id"] == str(helper.pk)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "invalid"),
        ({"name": ""}, "invalid"),
        ({"name": "x" * 61}, "invalid"),
        ({"name": "x", "seat": str(uuid7())}, "invalid"),
        ({"name": "x", "scopes": "members:read"}, "invalid"),
        ({"name": "x", "expires_at": "tomorrow"}, "invalid"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expiry_past"),
        ({"name": "x", "scopes": ["members:eat"]}, "scope_unknown"),
    ],
)
def test_what_makes_no_key_is_refused(api, asked, code):
    answer = api.post("keys/", asked)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert AccessToken.objects.count() == 1


def test_a_seat_of_another_tenant_and_one_that_was_taken_away_get_no_key(api):
    strange, gone = SeatFactory(tenant=TenantFactory()), SeatFactory(tenant=api.tenant, ended_at=now())

    answers = [api.post("keys/", {"name": "x", "seat": str(seat.pk)}).status_code for seat in (strange, gone)]

    assert answers == [400, 400]


def test_a_revoked_key_ends_at_once_and_stays_in_the_list(api):
    other = KeyClient(SeatFactory(tenant=api.tenant, role="owner"))

    first, again = api.delete(f"keys/{other.key.pk}/"), api.delete(f"keys/{other.key.pk}/")

    assert (first.status_code, again.status_code, again.json()["code"]) == (204, 409, "already_revoked")
    assert other.get("members/").json()["code"] == "key_ended"
    assert [bool(row["revoked_at"]) for row in api.get("keys/").json()["results"]] == [False, True]
    assert facts(api.tenant) == [("key.revoked", api.seat.pk, {"seat": str(other.seat.pk)})]


def test_links_are_no_keys(api):
    AccessTokenFactory(seat=api.seat, kind=AccessToken.Kind.SIGN_IN)

    assert [row["id"] for row in api.get("keys/").json()["results"]] == [str(api.key.pk)]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"scopes": []}, "more_than_own_key"),
        ({"scopes": ["members:read"]}, "more_than_own_key"),
        ({"scopes": ["settings:write", "members:read"]}, "more_than_own_key"),
        ({"scopes": ["settings:read"]}, ""),
    ],
)
def test_a_key_makes_no_key_that_may_more_than_itself(house, asked, code):
    program = KeyClient(SeatFactory(tenant=house, role="owner"), scopes=["settings:write"])

    answer = program.post("keys/", {"name": "x"} | asked)

    assert (answer.status_code, answer.json().get("code", "")) == (403 if code else 201, code)


@pytest.mark.parametrize(("days", "code"), [(None, "longer_than_own_key"), (3, "longer_than_own_key"), (1, "")])
def test_a_key_makes_no_key_that_outlives_itself(api, days, code):
    AccessToken.objects.filter(pk=api.key.pk).update(expires_at=now() + 2 * DAY)

    answer = api.post("keys/", {"name": "x"} | ({"expires_at": (now() + days * DAY).isoformat()} if days else {}))

    assert (answer.status_code, answer.json().get("code", "")) == (403 if code else 201, code)


def test_thirty_keys_take_as_many_queries_as_one(api, monkeypatch):
    monkeypatch.setattr(keys, "used", lambda token: None)

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert api.get("keys/").status_code == 200
        return len(asked)

    one = queries()
    for _ in range(29):
        AccessTokenFactory(seat__tenant=api.tenant, made_by=api.seat)

    assert queries() == one


# By the command


def made_by_command(seat, *more):
    said = io.StringIO()
    call_command("make_key", seat.tenant.slug, "--seat", seat.user.email, "--json", *more, stdout=said)
    return json.loads(said.getvalue())


def test_the_command_gives_name_scopes_and_a_time(owner):
    said = made_by_command(owner.seat, "--name", "report", "--scope", "tasks:read", "--scope", "members:read", "--expires", "30")

    key = AccessToken.objects.get()
    assert (key.name, key.scopes, round((key.expires_at - now()) / DAY)) == ("report", ["members:read", "tasks:read"], 30)
    assert said["scopes"] == key.scopes
    assert (with_key(said["key"]).status_code, with_key(said["key"], "/api/v1/groups/").status_code) == (200, 403)


@pytest.mark.parametrize("more", [["--scope", "members:eat"], ["--expires", "0"], ["--expires", "9999999999"]])
def test_the_command_refuses_in_a_sentence(owner, more):
    with pytest.raises(CommandError, match=r"There is no scope|--expires takes"):
        made_by_command(owner.seat, *more)

    assert not AccessToken.objects.exists()


# Secrets and logs


@pytest.fixture
def lines(caplog):
    """What the process would write, as our own formatter writes it."""
    caplog.set_level("INFO")
    caplog.set_level("INFO", logger="django")
    written, handler = io.StringIO(), None
    root = logging.getLogger()
    for each in root.handlers:
        if each.formatter and type(each.formatter).__name__ == "ProcessorFormatter":
            handler = logging.StreamHandler(written)
            handler.setFormatter(each.formatter)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def test_no_secret_of_any_kind_reaches_a_log_line(house, owner, lines):
    link = seats.first_link(owner.seat).removeprefix("http://localhost:8000")
    secrets = {kind: AccessToken.make(kind, owner.seat, subject_id=owner.seat.pk)[1] for kind in AccessToken.Kind.values}
    secrets["the link"] = re.search(r"qx_in_[^/]+", link)[0]
    browser = Client(raise_request_exception=False, enforce_csrf_checks=True)

    for secret in secrets.values():
        for path in (link, f"/accounts/first/{secret}/", f"/accounts/seat/{secret}/", f"/qinghe/{secret}/", f"/api/v1/{secret}/"):
            for method in (browser.get, browser.post, browser.put):
                method(path, headers={"Authorization": f"Bearer {secret}", "Referer": f"http://testserver{path}"})
        logging.getLogger("anything").warning("it broke at %s", secret, extra={"more": secret})

    said = lines.getvalue()
    assert "it broke at qx_key_…" in said
    assert said.count("request_finished") > 10
    assert {kind for kind, secret in secrets.items() if secret in said or secret[10:30] in said} == set()
