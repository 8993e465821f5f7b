"""Whoever watches the web asks it by an address of its own, without https, and gets a true answer."""

import pytest
from django.test import Client


@pytest.fixture
def stranger(settings):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["crm.example.com"], True
    return Client(headers={"Host": "10.0.0.7:8000"})


def test_a_page_is_refused_to_an_unknown_host_and_a_probe_is_not(db, stranger):
    assert stranger.get("/accounts/login/").status_code in (301, 400)
    assert stranger.get("/healthz").json() == {"alive": True}
    assert stranger.get("/readyz").json() == {"database": True, "broker": True}


def test_it_is_not_ready_without_its_broker_but_alive(db, stranger, monkeypatch):
    monkeypatch.setattr("crm.health.app.conf.broker_url", "redis://127.0.0.1:1")

    answer = stranger.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"database": True, "broker": False})
    assert stranger.get("/healthz").status_code == 200
