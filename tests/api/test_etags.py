"""Two programs that read one thing and want to change it: nobody overwrites what they have not seen."""

import pytest
from uuid_utils.compat import uuid4

from crm.tenancy.scope import acting_for
from groups import tasks
from groups.models import Pin, Reshuffle, Task
from groups.rule_api import PinViewSet
from members.models import Member
from tests.api.crowd import Crowd, held
from tests.api.problems import problem
from tests.conftest import KeyClient
from tests.factories import HandleFactory, MemberFactory, PinFactory, SeatFactory, TaskFactory, TenantFactory
from tests.groups.communities import ready_draft, small_community


def known(etag):
    return {"If-None-Match": etag}


def as_read(etag):
    return {"If-Match": etag}


# Reading


def test_what_is_known_already_is_not_sent_again(api):
    member = MemberFactory(tenant=api.tenant)
    path = f"members/{member.pk}/"
    etag = api.get(path)["ETag"]

    answers = [api.get(path, headers=known(said)) for said in (etag, f"W/{etag}", f'"other", {etag}', "*", '"other"', "nonsense")]

    assert [answer.status_code for answer in answers] == [304, 304, 304, 304, 200, 200]
    assert {answer["ETag"] for answer in answers} == {etag}
    assert answers[0].content == b""


def test_every_change_of_what_is_shown_is_a_new_state(api):
    member = MemberFactory(tenant=api.tenant, nickname="Lin")
    path = f"members/{member.pk}/"
    etags = [api.get(path)["ETag"]]

    with acting_for(api.tenant.pk):
        Member.objects.update(city="Suzhou")
        etags.append(api.get(path)["ETag"])
        HandleFactory(member=member)
    etags.append(api.get(path, headers=known(etags[1]))["ETag"])

    assert len(set(etags)) == 3
    assert api.get(path)["ETag"] == etags[-1]


def test_a_part_has_the_state_of_the_whole(api):
    member = MemberFactory(tenant=api.tenant)

    assert api.get(f"members/{member.pk}/?fields=id")["ETag"] == api.get(f"members/{member.pk}/")["ETag"]


def test_a_plan_is_sent_once(api):
    draft = ready_draft(small_community(api.tenant))
    first = api.get(f"drafts/{draft.pk}/plan/")

    assert api.get(f"drafts/{draft.pk}/plan/", headers=known(first["ETag"])).status_code == 304


# Changing


@pytest.fixture
def pin(api):
    return PinFactory(tenant=api.tenant)


def test_what_has_changed_since_is_not_taken_back(api, pin):
    before = api.get(f"pins/{pin.pk}/")["ETag"]
    with acting_for(api.tenant.pk):
        Pin.objects.update(because="wish")
    today = api.get(f"pins/{pin.pk}/")["ETag"]

    late = api.delete(f"pins/{pin.pk}/", headers=as_read(before))

    assert problem(late) == (412, "stale")
    assert (late["ETag"], late.json()["etag"]) == (today, today)
    assert api.delete(f"pins/{pin.pk}/", headers=as_read(today)).status_code == 204


@pytest.mark.parametrize(
    ("said", "status"), [("*", 204), ('"other", {}', 204), ("{}", 204), ("W/{}", 412), ('"other"', 412), ("nonsense", 412), ("", 412)]
)
def test_only_the_very_state_matches(api, pin, said, status):
    etag = api.get(f"pins/{pin.pk}/")["ETag"]

    assert api.delete(f"pins/{pin.pk}/", headers=as_read(said.format(etag))).status_code == status


def test_what_is_gone_matches_nothing(api, pin):
    etag = api.get(f"pins/{pin.pk}/")["ETag"]
    api.delete(f"pins/{pin.pk}/")

    assert problem(api.delete(f"pins/{pin.pk}/", headers=as_read(etag))) == (404, "not_found")


def test_a_list_has_no_state_to_match(api, pin):
    body = {"matrix": str(pin.matrix_id), "member": str(MemberFactory(tenant=api.tenant).pk)}

    assert problem(api.post("pins/", body, headers=as_read('"x"'))) == (412, "stale")
    assert api.post("pins/", body, headers=as_read("*")).status_code == 201


def test_a_route_may_insist(api, pin, monkeypatch):
    monkeypatch.setattr(PinViewSet, "must_match", ("destroy",))

    assert problem(api.delete(f"pins/{pin.pk}/")) == (428, "precondition_required")
    assert api.delete(f"pins/{pin.pk}/", headers=as_read("*")).status_code == 204


def test_who_makes_something_learns_its_state_and_place(api, pin):
    member = MemberFactory(tenant=api.tenant)

    made = api.post("pins/", {"matrix": str(pin.matrix_id), "member": str(member.pk)})

    assert made["Location"] == f"/api/v1/pins/{made.json()['id']}/"
    assert api.get(made["Location"])["ETag"] == made["ETag"]


def test_what_is_one_of_a_kind_is_changed_as_it_was_read(api):
    etag = api.get("tenant/")["ETag"]

    first, late = (api.patch("tenant/", {"name": name}, headers=as_read(etag)) for name in ("North", "South"))

    assert (first.status_code, problem(late)) == (200, (412, "stale"))
    assert first["ETag"] == late["ETag"] == api.get("tenant/")["ETag"]


# Acts


def test_a_draft_that_changed_since_is_not_approved(api):
    draft = ready_draft(small_community(api.tenant))
    path = f"drafts/{draft.pk}/"
    etag = api.get(path)["ETag"]

    stale = api.post(path + "approval/", headers=as_read('"of yesterday"'))

    assert (problem(stale), stale["ETag"]) == ((412, "stale"), etag)
    with acting_for(api.tenant.pk):
        assert Reshuffle.objects.get(pk=draft.reshuffle_id).is_open
    assert api.post(path + "approval/", headers=as_read(etag)).status_code == 200


def test_of_two_who_saw_the_task_open_one_ends_it(transactional_db, monkeypatch):
    tenant = TenantFactory()
    program, task = KeyClient(SeatFactory(tenant=tenant, role="owner")), TaskFactory(tenant=tenant)
    path = f"tasks/{task.pk}/"
    etag = program.get(path)["ETag"]
    begun, crowd = held(monkeypatch, tasks, "tick"), Crowd(program)

    def tick(client, **more):
        return client.post(path + "ticks/", {"key": str(uuid4())} | more, headers=as_read(etag))

    crowd.send("first", lambda client: tick(client, act="done"))
    assert begun.wait(30)
    crowd.send("second", lambda client: tick(client, act="impossible", reason="declined"))
    answers = crowd.wait()

    assert (answers["first"].status_code, problem(answers["second"])) == (200, (412, "stale"))
    assert answers["first"]["ETag"] == answers["second"]["ETag"] == program.get(path)["ETag"]
    with acting_for(tenant.pk):
        assert Task.objects.get().state == "done"
