"""Long work, looked at from outside until it has ended."""

import pytest

from crm.tenancy import work
from crm.tenancy.models import Event, Job
from crm.tenancy.scope import acting_for
from tests.api.problems import problem
from tests.conftest import KeyClient
from tests.factories import JobFactory, SeatFactory
from tests.groups.communities import small_community


@pytest.fixture
def hand(house):
    return KeyClient(SeatFactory(tenant=house, role="assistant"))


def test_a_draft_is_asked_for_and_looked_at(api):
    community = small_community(api.tenant)

    asked = api.post(f"matrices/{community.matrix.pk}/drafts/", {"seed": 1})
    seen = api.get(asked["Location"])

    assert (asked.status_code, asked["Location"]) == (202, f"/api/v1/drafts/{asked.json()['id']}/")
    assert (seen.json(), seen["ETag"]) == (asked.json(), asked["ETag"])


def test_each_sees_their_own_work_and_the_owner_all(api, hand):
    with acting_for(api.tenant.pk):
        theirs, mine = JobFactory(seat=hand.seat), JobFactory(seat=api.seat, done=1, total=4, stage="writing")

    assert [row["id"] for row in api.get("jobs/").json()["results"]] == [str(mine.pk), str(theirs.pk)]
    assert [row["id"] for row in hand.get("jobs/").json()["results"]] == [str(theirs.pk)]
    assert api.get(f"jobs/{mine.pk}/?fields=state,stage,percent").json() == {"state": "waiting", "stage": "writing", "percent": 25}
    assert [problem(hand.get(f"jobs/{mine.pk}/")), problem(hand.post(f"jobs/{mine.pk}/stop/"))] == [(404, "not_found")] * 2


def test_work_is_stopped_once(hand):
    job = JobFactory(tenant=hand.tenant, seat=hand.seat)

    first, again = (hand.post(f"jobs/{job.pk}/stop/") for _ in range(2))

    assert (first.status_code, problem(again)) == (200, (409, "not_running"))
    assert hand.get(f"jobs/{job.pk}/").json()["state"] == "stopped"
    with acting_for(hand.tenant.pk):
        assert list(Event.objects.values_list("kind", "door", "seat")) == [("job.stopped", "api", hand.seat.pk)]


def test_what_came_of_it_is_told(api, monkeypatch):
    monkeypatch.setitem(work.DOERS, "test", lambda at_work: {"members": 3})
    job = JobFactory(tenant=api.tenant, seat=api.seat)

    work.keep_job(str(api.tenant.pk), str(job.pk))

    told = api.get(f"jobs/{job.pk}/").json()
    assert (told["state"], told["outcome"], told["problem"]) == ("done", {"members": 3}, {})
    assert told["ended_at"].endswith("Z")


def test_thirty_jobs_take_as_many_queries_as_one(api):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert api.get("jobs/").status_code == 200
        return len(asked)

    JobFactory(tenant=api.tenant)
    queries()  # the first one also notes that the key was used
    with_one = queries()
    for _ in range(29):
        JobFactory(tenant=api.tenant)

    assert queries() == with_one
    with acting_for(api.tenant.pk):
        assert Job.objects.count() == 30
