"""What the tests in a browser share: Chromium, a small community with a plan, and people who sit down at it."""

import os

import pytest
from celery.contrib.testing.worker import start_worker

from crm.celery import app
from crm.tenancy.scope import acting_for
from tests.factories import SeatFactory, TenantFactory
from tests.groups.communities import ready_draft, small_community

from .people import Somebody


@pytest.fixture
def worker(transactional_db):
    """The product's worker, on a queue of its own, so that it does what this test's pages ask for and nothing else."""
    before, ours = app.conf.task_default_queue, f"browser-{os.getpid()}"
    try:
        app.conf.task_default_queue = ours
        app.amqp.__dict__.pop("queues", None)
        with start_worker(app, pool="solo", perform_ping_check=False, queues=[ours], shutdown_timeout=60):
            yield
    finally:
        app.conf.task_default_queue = before
        app.amqp.__dict__.pop("queues", None)


@pytest.fixture
def community(request, transactional_db, settings):
    """As small as may be; a plan needs somewhat more people."""
    settings.LANGUAGE_CODE = "en"
    each = 8 if "draft" in request.fixturenames else 2
    return small_community(TenantFactory(slug="qinghe", name="Qinghe", language="en"), each=each)


@pytest.fixture
def draft(community):
    return ready_draft(community)


@pytest.fixture
def sits(chromium, live_server, community):
    """`sits("owner", size=PHONE)` is a person at a browser; afterwards none of them saw anything go wrong."""
    everybody = []

    def sit(role, **settings):
        with acting_for(community.tenant.pk):
            seat = None if role is None else SeatFactory(tenant=community.tenant, role=role, name=role.title())
        everybody.append(Somebody(chromium, live_server, seat, **settings))
        return everybody[-1]

    yield sit
    for person in everybody:
        person.close()
    assert [person.complaints for person in everybody if person.complaints] == []
