"""Commands for a tenant: JSON for machines, refusals as a sentence."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from crm.tenancy.models import Event, Seat, Tenant, User
from crm.tenancy.scope import acting_for
from groups import reshuffles
from groups.models import Cohort, Draft, Group, Matrix, Placement
from members.models import Member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def run(*words, **options):
    out = StringIO()
    call_command(*words, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def refused(*words, **options):
    with pytest.raises(CommandError) as refusal:
        run(*words, **options)
    assert refusal.value.returncode == 1
    return str(refusal.value)


@pytest.fixture
def groups():
    """A tenant with two groups that are reshuffled and two with the same numbers that are not."""
    run("open_tenant", "xinqu", owner="lin@example.com")
    tenant = Tenant.objects.get(slug="xinqu")
    with acting_for(tenant.pk):
        for name, reshuffled in ("会员", True), ("合伙人", False):
            matrix = Matrix.objects.create(name=name, is_reshuffled=reshuffled)
            for number in 1, 2:
                Group.objects.create(matrix=matrix, name=f"{name}{number}群", number=number)
        yield Group.objects.in_order()


def test_open_tenant_makes_the_tenant_with_its_owner_and_a_link():
    said = run("open_tenant", "xinqu", owner="Lin@Example.com", name="新区")

    seat = Seat.objects.get()
    assert said == {"tenant": "xinqu", "name": "新区", "owner": "lin@example.com", "link": said["link"]}
    assert (seat.tenant.slug, seat.user.email, seat.role, seat.user.is_demo) == ("xinqu", "lin@example.com", "owner", False)
    with acting_for(seat.tenant_id):
        assert [event.kind for event in Event.objects.all()] == ["seat.added"]
    assert Client().get(said["link"].removeprefix("http://localhost:8000")).status_code == 200


def test_open_tenant_refuses_in_a_sentence_and_writes_nothing():
    run("open_tenant", "xinqu", owner="lin@example.com")

    assert refused("open_tenant", "xinqu", owner="other@example.com") == "There is a tenant “xinqu” already."
    assert "reserved" in refused("open_tenant", "accounts", owner="other@example.com")
    assert "Small letters" in refused("open_tenant", "Xin Qu", owner="other@example.com")
    assert "e" in refused("open_tenant", "good", owner="no-address")
    assert [Tenant.objects.count(), User.objects.count()] == [1, 1]


def test_add_seat_finds_groups_by_number_and_by_name(groups):
    said = run("add_seat", "xinqu", "chen@example.com", role="assistant", groups="1，合伙人2群")

    assert said["groups"] == ["会员1群", "合伙人2群"]
    assert said["link"].startswith("http://localhost:8000/accounts/first/qx_in_")
    seat = Seat.objects.get(user__email="chen@example.com")
    assert {group.name for group in groups.filter(assistant=seat)} == {"会员1群", "合伙人2群"}


def test_add_seat_refuses_in_a_sentence_and_writes_nothing(groups):
    assert refused("add_seat", "xinqu", "chen@example.com", role="assistant", groups="9") == "There is no group “9”."
    assert "viewer" in refused("add_seat", "xinqu", "chen@example.com", role="viewer", groups="1")
    assert refused("add_seat", "xinqu", "lin@example.com", role="viewer") == "lin@example.com has a seat here already."
    assert refused("add_seat", "nowhere", "chen@example.com", role="viewer") == "There is no tenant “nowhere”. There are: xinqu."
    assert [Seat.objects.count(), User.objects.count()] == [1, 1]


def test_a_key_acts_as_its_seat(groups):
    said = run("make_key", "xinqu", seat="lin@example.com", name="nightly")

    answer = Client(headers={"Authorization": f"Bearer {said['key']}"}).get("/api/v1/groups/")
    assert [group["name"] for group in answer.json()["results"]] == ["会员1群", "会员2群", "合伙人1群", "合伙人2群"]
    assert "has no seat" in refused("make_key", "xinqu", seat="chen@example.com")


def test_propose_says_what_it_cannot_do(groups):
    assert refused("propose", "学员", tenant="xinqu") == "There is no matrix “学员”. There are: 会员, 合伙人."
    assert refused("propose", "合伙人", tenant="xinqu") == "“合伙人” is not reshuffled."
    assert "Nobody sits in this matrix yet" in refused("propose", "会员", tenant="xinqu")
    for moves in "many", "-1", "10%%", "nan%":
        assert "--moves is a number" in refused("propose", "会员", tenant="xinqu", moves=moves)


def test_propose_exits_with_3_and_the_clash_in_words_where_no_plan_can_exist(groups):
    group = groups.get(name="会员1群")
    groups.filter(matrix=group.matrix).update(capacity=1)
    cohort = Cohort.objects.create(matrix=group.matrix, year=2026, half=2, state=Cohort.State.CURRENT)
    for nickname in "甲", "乙", "丙":
        member = Member.objects.create(nickname=nickname)
        Placement.objects.create(member=member, group=group, matrix=group.matrix, cohort=cohort, since=cohort.begins_on)
    out = StringIO()

    with pytest.raises(CommandError) as impossible:
        call_command("propose", "会员", tenant="xinqu", seed=1, json=True, stdout=out)

    sentence = "3 members need a seat, but the groups hold at most 2 together."
    assert (impossible.value.returncode, str(impossible.value)) == (3, f"No plan can exist.\n{sentence}")
    said = json.loads(out.getvalue())
    assert (said["state"], said["sentences"]) == ("impossible", [sentence])


def test_propose_keeps_what_is_due_before_it_asks_for_more(groups):
    """A draft whose worker was killed does not stand in the way."""
    first, second = groups.filter(matrix__is_reshuffled=True)
    cohort = Cohort.objects.create(matrix=first.matrix, year=2026, half=2, state=Cohort.State.CURRENT)
    for place, nickname in enumerate("甲乙丙丁"):
        member, group = Member.objects.create(nickname=nickname), first if place < 2 else second
        Placement.objects.create(member=member, group=group, matrix=group.matrix, cohort=cohort, since=cohort.begins_on)
    reshuffles.propose(first.matrix, Tenant.objects.get(), steps=100)

    said = run("propose", "会员", tenant="xinqu", moves="50%", steps=100, seed=1)

    assert [said["draft"], said["state"], said["max_moves"]] == ["B", "ready", 2]
    assert [draft.state for draft in Draft.objects.in_order()] == ["ready", "ready"]
