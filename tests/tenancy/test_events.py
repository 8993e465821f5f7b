"""Each verb notes one fact, in its own transaction, with the door it came through."""

import json

import pytest
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm.tenancy import events
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import jobs, joining, reshuffles, tasks, waves
from groups.models import Draft
from tests.factories import DraftFactory, MemberFactory, MoveFactory, SeatFactory, TaskFactory, WaveFactory
from tests.groups.communities import ready_draft, small_community


def kinds():
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


def begin(tenant):
    community = small_community(tenant)
    cohort = reshuffles.calendar.lay_out(community.matrix, tenant).cohort
    return lambda by: reshuffles.begin(cohort, tenant)


def approve(tenant):
    draft = ready_draft(small_community(tenant), max_moves=4)
    return lambda by: reshuffles.approve(draft, tenant, by=by)


def propose(tenant):
    community = small_community(tenant)
    return lambda by: reshuffles.propose(community.matrix, tenant, by=by)


def stop(tenant):
    draft = DraftFactory()
    return lambda by: reshuffles.stop(draft, by=by)


def join(tenant):
    move = MoveFactory()
    return lambda by: joining.join(move, by=by)


def hand_out(tenant):
    wave = WaveFactory()
    MoveFactory.create_batch(3, wave=wave)
    return lambda by: waves.hand_out(wave.pk, tenant)


def tick(tenant):
    task = TaskFactory()
    return lambda by: tasks.tick(task.pk, "done", uuid7(), by=by)


def undo(tenant):
    task = TaskFactory(kind="given", state="done", ended_at=now(), ended_by=SeatFactory(tenant=tenant))
    return lambda by: tasks.tick(task.pk, "undo", uuid7(), by=by)


def fail(tenant):
    task = TaskFactory()
    return lambda by: tasks.tick(task.pk, "impossible", uuid7(), by=by, reason="no_answer")


@pytest.mark.parametrize(
    ("verb", "noted"),
    [
        (propose, ["draft.requested"]),
        (stop, ["draft.stopped"]),
        (approve, ["reshuffle.approved"]),
        (begin, ["cohort.began"]),
        (join, ["move.joined"]),
        (hand_out, ["wave.handed_out"]),
        (tick, ["task.done"]),
        (fail, ["task.impossible"]),
        (undo, ["task.reopened"]),
    ],
)
def test_a_verb_notes_one_fact(tenant, verb, noted):
    act = verb(tenant)
    owner = SeatFactory(tenant=tenant, role="owner")
    before = len(kinds())

    act(owner)

    # What an approval hands out at once are further verbs of its own.
    assert [kind for kind in kinds()[before:] if kind != "wave.handed_out" or verb is hand_out] == noted


def test_a_refused_verb_notes_nothing(tenant):
    draft = DraftFactory(state=Draft.State.FAILED)

    with pytest.raises(Refused):
        reshuffles.stop(draft, by=SeatFactory(tenant=tenant))

    assert kinds() == []


@pytest.mark.django_db(transaction=True)
def test_a_fact_stands_or_falls_with_its_verb():
    member = MemberFactory()

    with pytest.raises(ZeroDivisionError), acting_for(member.tenant_id):
        events.note("member.joined", member)
        raise ZeroDivisionError

    with acting_for(member.tenant_id):
        assert kinds() == []


def test_a_fact_says_who_did_what_to_whom_and_why(tenant):
    seat, member = SeatFactory(tenant=tenant), MemberFactory()

    events.note("member.merged", member, by=seat, member=member, because="import", before={"handles": 1}, after={"handles": 2})

    (fact,) = Event.objects.of(member).values("kind", "subject_kind", "subject", "member", "seat", "because", "door", "before", "after")
    assert fact == {
        "kind": "member.merged", "subject_kind": "member", "subject": member.pk, "member": member.pk, "seat": seat.pk,
        "because": "import", "door": "command", "before": {"handles": 1}, "after": {"handles": 2},
    }  # fmt: skip


def test_many_facts_are_noted_at_once(tenant, django_assert_num_queries):
    people = MemberFactory.create_batch(30)

    with django_assert_num_queries(1):
        events.note_all([{"kind": "member.joined", "subject": each, "member": each} for each in people])

    assert {fact.member for fact in Event.objects.all()} == {each.pk for each in people}


def test_facts_hold_no_names(tenant):
    """Erasing a member empties their row alone."""
    task = TaskFactory(member=MemberFactory(nickname="A-name-to-find"))
    owner = SeatFactory(tenant=tenant, role="owner", name="A-seat-to-find")

    tasks.tick(task.pk, "impossible", uuid7(), by=owner, reason="other", note="A-note-to-find")

    facts = json.dumps(list(Event.objects.values("kind", "because", "before", "after")))
    assert "to-find" not in facts


# Doors


def test_a_phone_a_page_and_a_program_are_told_apart(house, owner, api, community):
    with acting_for(house.pk):
        tasks_of_doors = TaskFactory.create_batch(2, assistant=owner.seat)

    owner.post("/phone/ticks/", {"task": tasks_of_doors[0].pk, "act": "done", "key": str(uuid7())})
    api.post(f"/tasks/{tasks_of_doors[1].pk}/ticks/", {"act": "done", "key": str(uuid7())})
    owner.post(f"/matrices/{community.matrix.pk}/drafts/")

    with acting_for(house.pk):
        assert list(Event.objects.order_by("id").values_list("kind", "door")) == [
            ("task.done", "phone"),
            ("task.done", "api"),
            ("draft.requested", "page"),
        ]


@pytest.fixture
def community(house):
    return small_community(house)


@pytest.mark.django_db(transaction=True)
def test_a_job_is_a_door_too():
    wave = WaveFactory()

    jobs.hand_out(str(wave.tenant_id), str(wave.pk))

    with acting_for(wave.tenant_id):
        assert list(Event.objects.values_list("kind", "door")) == [("wave.handed_out", "job")]
