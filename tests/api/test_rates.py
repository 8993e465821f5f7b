"""How many requests a key may make, and what it hears of it."""

import threading

import pytest
from django.core.cache import cache

from crm.tenancy.api import rates
from tests.api.problems import problem
from tests.conftest import KeyClient
from tests.factories import SeatFactory


@pytest.fixture
def three(settings):
    """Three requests a minute for a key, five for a tenant."""
    settings.API_RATE, settings.API_RATE_TENANT = 3, 5


def a_minute_later(*ids):
    for pk in ids:
        store, name = rates._script().registered_client, f"api-rate:{pk}"
        store.zadd(name, {each: moment - 60_000 for each, moment in store.zrange(name, 0, -1, withscores=True)})


def test_each_answer_says_what_is_left(api, three):
    answers = [api.get("members/"), api.post("pins/", {}), api.get("nowhere/")]

    assert {answer["RateLimit-Policy"] for answer in answers} == {'"key";q=3;w=60, "tenant";q=5;w=60'}
    left = [[limit.split(";")[:2] for limit in answer["RateLimit"].split(", ")] for answer in answers]
    assert left == [[['"key"', f"r={key}"], ['"tenant"', f"r={tenant}"]] for key, tenant in ((2, 4), (1, 3), (0, 2))]


def test_one_more_is_refused_until_the_first_is_a_minute_old(api, three):
    for _ in range(3):
        api.get("members/")

    refused = [api.get("members/") for _ in range(2)]

    assert [problem(answer) for answer in refused] == [(429, "too_many")] * 2
    assert 1 <= int(refused[0]["Retry-After"]) <= 60
    assert refused[0]["RateLimit"].startswith(f'"key";r=0;t={refused[0]["Retry-After"]}, "tenant";r=2;t=')
    a_minute_later(api.key.pk)
    assert api.get("members/").status_code == 200


def test_many_keys_do_not_make_many_limits(api, three):
    others = [KeyClient(SeatFactory(tenant=api.tenant, role="owner")) for _ in range(2)]

    statuses = [client.get("members/").status_code for client in (api, *others) * 2]

    assert statuses == [200, 200, 200, 200, 200, 429]


def test_another_tenant_has_limits_of_its_own(api, three):
    for _ in range(4):
        api.get("members/")

    assert KeyClient(SeatFactory(role="owner")).get("members/").status_code == 200


def test_of_thirty_at_once_exactly_three_go_on(api, three):
    go_on = []
    threads = [threading.Thread(target=lambda: go_on.append(rates.ask(api.key).goes_on)) for _ in range(30)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (len(go_on), sum(go_on)) == (30, 3)


def test_without_valkey_requests_go_on_and_the_log_says_so(api, three, settings, caplog):
    caplog.set_level("INFO")
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere"}}
    rates._script.cache_clear()
    try:
        answers = [api.get("members/") for _ in range(4)]
    finally:
        rates._script.cache_clear()

    assert [answer.status_code for answer in answers] == [200] * 4
    assert {"RateLimit" in answer for answer in answers} == {False}
    assert sum("requests are not counted" in str(record.msg) for record in caplog.records) == 4
    with pytest.raises(rates.redis.RedisError):
        cache.get("anything")  # it was away indeed


def test_a_stranger_hears_of_no_limit(client, db):
    assert "RateLimit" not in client.get("/api/v1/members/")
