"""From a proposal to the new half-year, through the verbs' doors: API, jobs, calendar."""

import datetime
import threading
from collections import Counter

import pytest
from django.db import connections
from django.utils.timezone import now

from crm.tenancy.jobs import sweep
from crm.tenancy.models import Event, Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import calendar, jobs, reshuffles, thinking
from groups.models import CalendarStep, Cohort, Draft, Group, Move, Placement, Reshuffle, Task, Wave
from groups.problems import pose
from tests.conftest import KeyClient
from tests.factories import ApartFactory, BondFactory, MemberFactory, PinFactory, SeatFactory
from tests.groups.communities import STEPS, ready_draft, reshuffle_of, small_community

CLOCK = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def it_is_november(time_machine):
    time_machine.move_to(CLOCK)


@pytest.fixture
def community(house, owner):
    return small_community(house)


@pytest.fixture
def key(owner):
    return KeyClient(owner.seat)


# Proposing


def test_a_proposal_is_made_by_a_worker_and_read_by_the_api(key, community, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks():
        asked = key.post(f"matrices/{community.matrix.pk}/drafts/", {"max_moves": 10, "seed": 7, "steps": STEPS})
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")

    jobs.think(str(community.tenant.pk), asked.json()["id"])

    draft = key.get(f"drafts/{asked.json()['id']}/").json()
    plan = key.get(f"drafts/{asked.json()['id']}/plan/").json()["places"]
    movers = [place for place in plan if place["from_group"] != place["to_group"]]
    assert draft["state"] == "ready"
    assert draft["figures"]["moves"] == len(movers) <= 10
    assert sorted(place["rank"] for place in movers) == list(range(1, len(movers) + 1))
    assert {place["member"] for place in plan} == {str(member.pk) for member in community.members}


def test_the_same_seed_gives_the_same_plan(community):
    first, second = ready_draft(community, seed=3), ready_draft(community, seed=3)

    assert first.plan == second.plan


def test_pins_bonds_and_aparts_are_kept(community):
    pinned, bound, kept = community.members[0], community.members[1:3], community.members[3:5]
    with acting_for(community.tenant.pk):
        PinFactory(matrix=community.matrix, member=pinned)
        BondFactory(matrix=community.matrix, of=bound)
        ApartFactory(matrix=community.matrix, one=kept[0], other=kept[1])

    plan = ready_draft(community).plan

    at = dict(zip(plan["members"], plan["to"], strict=True))
    was = dict(zip(plan["members"], plan["from"], strict=True))
    assert at[str(pinned.pk)] == was[str(pinned.pk)]
    assert len({at[str(member.pk)] for member in bound}) == 1
    assert len({at[str(member.pk)] for member in kept}) == 2


def test_a_second_proposal_waits_for_the_first(key, community, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks():
        key.post(f"matrices/{community.matrix.pk}/drafts/")

        again = key.post(f"matrices/{community.matrix.pk}/drafts/")

    assert (again.status_code, again.json()["code"]) == (409, "already_proposing")


def test_rules_that_clash_are_said_in_words(community):
    one, other = community.members[0], community.members[1]  # they sit in different groups
    with acting_for(community.tenant.pk):
        PinFactory(matrix=community.matrix, member=one)
        PinFactory(matrix=community.matrix, member=other)
        BondFactory(matrix=community.matrix, of=[one, other])
        draft = reshuffles.propose(community.matrix, community.tenant, seed=1, steps=STEPS, at_once=True)

    thinking.think_now(community.tenant.pk, draft.pk)

    with acting_for(community.tenant.pk):
        draft.refresh_from_db()
        assert draft.state == "impossible"
        assert [problem["code"] for problem in draft.problems] == ["bond_pinned_in_two"]


def test_a_worker_killed_while_proposing_is_followed_by_another(community):
    with acting_for(community.tenant.pk):
        draft = reshuffles.propose(community.matrix, community.tenant, seed=1, steps=STEPS, at_once=True)
        Draft.objects.update(due_at=now() - datetime.timedelta(seconds=1), stage="searching", percent=40, tries=1)

    jobs.think(str(community.tenant.pk), str(draft.pk))

    with acting_for(community.tenant.pk):
        draft.refresh_from_db()
        assert (draft.state, draft.tries) == ("ready", 2)


def test_a_worker_at_work_is_left_alone(community):
    with acting_for(community.tenant.pk):
        draft = reshuffles.propose(community.matrix, community.tenant, seed=1, steps=STEPS, at_once=True)

    jobs.think(str(community.tenant.pk), str(draft.pk))

    with acting_for(community.tenant.pk):
        draft.refresh_from_db()
        assert (draft.state, draft.tries) == ("waiting", 0)


def test_a_stopped_draft_stays_stopped(key, community, monkeypatch):
    with acting_for(community.tenant.pk):
        draft = reshuffles.propose(community.matrix, community.tenant, seed=1, steps=STEPS)
    seen = []

    def solve(problem, **kwargs):
        seen.append(key.post(f"drafts/{draft.pk}/stop/").status_code)
        kwargs["progress"](0, 1, 0.0)
        raise AssertionError("the search went on")

    monkeypatch.setattr(thinking.reshuffling, "solve", solve)
    jobs.think(str(community.tenant.pk), str(draft.pk))

    with acting_for(community.tenant.pk):
        draft.refresh_from_db()
        assert (seen, draft.state, draft.plan) == ([200], "stopped", None)


# Approving


def test_approving_hands_out_the_best_moves_first_and_at_most_so_many_a_day(key, community):
    community.tenant.tasks_a_day = 2
    community.tenant.save()
    draft = ready_draft(community)

    answer = key.post(f"drafts/{draft.pk}/approval/")

    assert answer.status_code == 200
    with acting_for(community.tenant.pk):
        waves = list(Wave.objects.order_by("day"))
        per_wave = [wave.moves.count() for wave in waves]
        assert sum(per_wave) == len(draft.plan["order"])
        assert max(per_wave) == 2
        first_day = [wave for wave in waves if wave.state == "handed_out"]
        assert {wave.day for wave in first_day} == {community.tenant.today()}
        assert Task.objects.count() == sum(wave.moves.count() for wave in first_day)
        for seat in community.assistants:
            ranks = [move.rank for wave in waves if wave.assistant_id == seat.pk for move in wave.moves.in_order()]
            assert ranks == sorted(ranks)
        for wave in waves[len(first_day) :]:
            assert wave.due_at.astimezone(community.tenant.zone).strftime("%H:%M") == "09:00"


def test_the_forecast_is_what_approving_does(key, community):
    community.tenant.tasks_a_day = 3
    community.tenant.save()
    draft, (away, to) = ready_draft(community), community.assistants[:2]
    Seat.objects.filter(pk=away.pk).update(stand_in=to.pk, stand_in_until=community.tenant.today() + datetime.timedelta(days=1))
    forecast = key.get(f"drafts/{draft.pk}/loads/").json()

    key.post(f"drafts/{draft.pk}/approval/")

    with acting_for(community.tenant.pk):
        for load in forecast:
            waves = Wave.objects.filter(assistant=load["assistant"])
            assert str(waves.latest("day").day) == load["last_day"]
            assert Move.objects.filter(wave__in=waves).count() == load["moves"]
            if load["stand_in"]:  # what they ask today, somebody else asks
                stood_in = Task.objects.filter(moves__wave__in=waves, assistant=to).count()
                assert (load["assistant"], load["stand_in"], load["stood_in_moves"]) == (str(away.pk), str(to.pk), stood_in)
                assert (stood_in, Task.objects.filter(assistant=away).count()) == (3, 0)
        assert [load["stand_in"] for load in forecast].count(None) == len(forecast) - 1


def test_groups_without_an_assistant_are_the_owners_work(house, owner):
    community = small_community(house, assistants=False)
    draft = ready_draft(community)

    KeyClient(owner.seat).post(f"drafts/{draft.pk}/approval/")

    with acting_for(house.pk):
        assert set(Task.objects.values_list("assistant", flat=True)) == {owner.seat.pk}


def test_approving_twice_asks_nobody_twice(key, community):
    draft, other = ready_draft(community), ready_draft(community, seed=2)
    key.post(f"drafts/{draft.pk}/approval/")

    again = [key.post(f"drafts/{each.pk}/approval/") for each in (draft, other)]

    assert [(answer.status_code, answer.json()["code"]) for answer in again] == [(409, "already_approved")] * 2
    with acting_for(community.tenant.pk):
        assert Move.objects.count() == len(draft.plan["order"])


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_approve_once(house, owner):
    community = small_community(house)
    draft = ready_draft(community)
    said, barrier = [], threading.Barrier(2)

    def click():
        barrier.wait()
        try:
            with acting_for(house.pk):
                reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
            said.append("approved")
        except Refused as refused:
            said.append(refused.code)
        finally:
            connections.close_all()

    clicks = [threading.Thread(target=click) for _ in range(2)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()

    assert sorted(said) == ["already_approved", "approved"]
    with acting_for(house.pk):
        assert Move.objects.count() == len(draft.plan["order"])
        assert Event.objects.filter(kind="reshuffle.approved").count() == 1


def test_a_plan_from_before_somebody_joined_is_stale(key, community):
    draft = ready_draft(community)
    MemberFactory(tenant=community.tenant, nickname="New")

    answer = key.post(f"drafts/{draft.pk}/approval/", headers={"Accept-Language": "en"})

    assert (answer.status_code, answer.json()["code"]) == (409, "stale")
    assert "1 member joined" in answer.json()["detail"]
    with acting_for(community.tenant.pk):
        assert (Reshuffle.objects.get().state, Move.objects.count(), Task.objects.count()) == ("open", 0, 0)


def test_a_plan_from_before_a_rule_changed_is_stale(key, community):
    draft = ready_draft(community)
    PinFactory(tenant=community.tenant, matrix=community.matrix, member=community.members[0])

    answer = key.post(f"drafts/{draft.pk}/approval/")

    assert (answer.status_code, answer.json()["code"]) == (409, "stale")


def test_an_operator_does_not_approve(house, operator, owner):
    draft = ready_draft(small_community(house))

    answer = KeyClient(operator.seat).post(f"drafts/{draft.pk}/approval/")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


# Waves


@pytest.mark.parametrize("change", [{"ended_at": CLOCK}, {"role": "viewer"}])
def test_moves_that_wait_for_a_seat_that_works_no_more_go_to_whoever_works_for_the_group(key, community, owner, change):
    Tenant.objects.filter(pk=community.tenant.pk).update(tasks_a_day=1)
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")
    left = community.groups[0]
    gone, follower = left.assistant, community.assistants[1]
    Seat.objects.filter(pk=gone.pk).update(**change)
    with acting_for(community.tenant.pk):
        one, other = Wave.objects.filter(assistant=gone, state=Wave.State.WAITING).order_by("day")[:2]

    jobs.hand_out(str(community.tenant.pk), str(one.pk))
    with acting_for(community.tenant.pk):
        Group.objects.filter(pk=left.pk).update(assistant=follower)
    jobs.hand_out(str(community.tenant.pk), str(other.pk))

    with acting_for(community.tenant.pk):
        got = [list(Task.objects.filter(moves__wave=wave).values_list("assistant", flat=True)) for wave in (one, other)]
        noted = [Event.objects.get(kind="wave.handed_out", subject=wave.pk).after for wave in (one, other)]
    assert got == [[owner.seat.pk], [follower.pk]]
    assert noted == [{"moves": 1, "assistant": str(seat.pk)} for seat in (owner.seat, follower)]


def test_a_wave_is_handed_out_once_on_its_day(key, community, time_machine):
    community.tenant.tasks_a_day = 2
    community.tenant.save()
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")
    with acting_for(community.tenant.pk):
        before, second = Task.objects.count(), list(Wave.objects.filter(state="waiting").order_by("day", "id"))
    day = second[0].day
    time_machine.move_to(second[0].due_at + datetime.timedelta(minutes=1))

    for _ in range(2):
        for wave in second:
            if wave.day == day:
                jobs.hand_out(str(community.tenant.pk), str(wave.pk))

    with acting_for(community.tenant.pk):
        due = Move.objects.filter(wave__day=day).count()
        assert Task.objects.count() == before + due
        assert set(Counter(Move.objects.exclude(task=None).values_list("task", flat=True)).values()) == {1}


# The calendar


def test_the_next_half_year_is_laid_out_once(community):
    with acting_for(community.tenant.pk):
        for _ in range(2):
            calendar.lay_out(community.matrix, community.tenant)

        steps = list(CalendarStep.objects.order_by("due_at").values_list("kind", "due_at", "cohort__year", "cohort__half"))

    zone = community.tenant.zone
    assert steps == [
        ("propose", datetime.datetime(2026, 11, 17, 9, tzinfo=zone), 2027, 1),
        ("begin", datetime.datetime(2027, 1, 1, 0, tzinfo=zone), 2027, 1),
    ]


def test_the_plan_is_proposed_by_the_clock(community):
    with acting_for(community.tenant.pk):
        calendar.lay_out(community.matrix, community.tenant)
        step = CalendarStep.objects.get(kind="propose")

    for _ in range(2):
        jobs.keep_step(str(community.tenant.pk), str(step.pk))

    with acting_for(community.tenant.pk):
        assert list(Draft.objects.values_list("number", "requested_by", "state")) == [(1, None, "waiting")]


def test_a_matrix_that_is_not_reshuffled_is_left_alone(community):
    with acting_for(community.tenant.pk):
        community.matrix.is_reshuffled = False
        community.matrix.save()

        assert calendar.lay_out(community.matrix, community.tenant) is None
        assert not CalendarStep.objects.exists()


def test_a_history_that_ended_long_ago_is_followed_by_the_next_half_year(community):
    with acting_for(community.tenant.pk):
        Cohort.objects.filter(half=2).update(year=2024)

        reshuffle = calendar.lay_out(community.matrix, community.tenant)

        assert reshuffle.cohort.code == "2027H1"


# The new half-year


def _sits(community):
    with acting_for(community.tenant.pk):
        return {str(member): str(group) for member, group in Placement.objects.open().values_list("member_id", "group_id")}


def _begin(community):
    with acting_for(community.tenant.pk):
        step = CalendarStep.objects.get(kind="begin")
        CalendarStep.objects.filter(pk=step.pk).update(due_at=now())
    for _ in range(2):
        jobs.keep_step(str(community.tenant.pk), str(step.pk))


def test_on_its_first_day_everybody_sits_where_the_plan_says(key, community):
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")

    _begin(community)

    plan = draft.plan
    assert _sits(community) == {member: plan["groups"][to] for member, to in zip(plan["members"], plan["to"], strict=True)}
    with acting_for(community.tenant.pk):
        assert [(cohort.code, cohort.state) for cohort in Cohort.objects.newest_first()] == [
            ("2027H2", "planned"), ("2027H1", "current"), ("2026H2", "past"), ("2026H1", "past"),
        ]  # fmt: skip
        assert Placement.objects.filter(cohort__year=2027).count() == len(community.members)
        assert not Task.objects.open().exists()
        assert not Wave.objects.filter(state="waiting").exists()
        assert Event.objects.filter(kind="cohort.began").count() == 1


def test_who_refused_or_was_not_reached_stays(key, community):
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")
    with acting_for(community.tenant.pk):
        refused, unreachable = Move.objects.in_order()[:2]
        Move.objects.filter(pk=refused.pk).update(state="refused")
        Move.objects.filter(pk=unreachable.pk).update(state="unreachable")

    _begin(community)

    sits = _sits(community)
    assert sits[str(refused.member_id)] == str(refused.from_group_id)
    assert sits[str(unreachable.member_id)] == str(unreachable.from_group_id)
    with acting_for(community.tenant.pk):
        assert Counter(Move.objects.values_list("state", flat=True)).keys() == {"refused", "unreachable", "joined"}


def test_who_joins_early_sits_there_from_that_day(key, community):
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")
    with acting_for(community.tenant.pk):
        move = Move.objects.in_order()[0]

    answers = [key.post(f"moves/{move.pk}/joining/").status_code for _ in range(2)]
    _begin(community)

    assert answers == [200, 409]
    assert _sits(community)[str(move.member_id)] == str(move.to_group_id)
    with acting_for(community.tenant.pk):
        assert Placement.objects.filter(member=move.member_id, cohort__year=2027).count() == 1


def test_a_half_year_without_an_approved_plan_begins_with_everybody_in_their_place(community):
    with acting_for(community.tenant.pk):
        calendar.lay_out(community.matrix, community.tenant)
    before = _sits(community)

    _begin(community)

    assert _sits(community) == before
    assert reshuffle_of_year(community, 2027).state == "done"


def reshuffle_of_year(community, year):
    with acting_for(community.tenant.pk):
        return Reshuffle.objects.get(cohort__year=year, cohort__half=1)


def test_newcomers_are_placed_on_the_first_day(key, community):
    newcomer = MemberFactory(tenant=community.tenant, nickname="New")
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")

    _begin(community)

    assert str(newcomer.pk) in _sits(community)
    with acting_for(community.tenant.pk):
        assert not Move.objects.filter(member=newcomer).exists()


def test_who_left_meanwhile_is_not_placed(key, community):
    draft = ready_draft(community)
    key.post(f"drafts/{draft.pk}/approval/")
    gone = community.members[0]
    with acting_for(community.tenant.pk):
        type(gone).objects.filter(pk=gone.pk).update(standing="past")
        Placement.objects.open().filter(member=gone).update(until=community.tenant.today())

    _begin(community)

    assert str(gone.pk) not in _sits(community)


@pytest.mark.django_db(transaction=True)
def test_the_sweep_finds_what_is_due_in_every_tenant(house, owner, monkeypatch):
    community, other = small_community(house), small_community(Tenant.objects.create(slug="other", name="Other"))
    for each in (community, other):
        with acting_for(each.tenant.pk):
            calendar.lay_out(each.matrix, each.tenant)
    queued = []
    monkeypatch.setattr(jobs.keep_step, "apply_async", lambda ids, **options: queued.append(ids))

    sweep()

    with acting_for(house.pk):
        mine = str(CalendarStep.objects.get(kind="propose").pk)
    assert [house_id for house_id, _ in queued] == sorted([str(house.pk), str(other.tenant.pk)], key=[i for i, _ in queued].index)
    assert mine in [pk for _, pk in queued]


def test_a_problem_names_members_as_files_do(community):
    with acting_for(community.tenant.pk):
        posed = pose(community.matrix)

    assert [member["id"] for member in posed.raw["members"]] == [f"lin_{n:04}" for n in range(len(community.members))]
    assert [cohort["cohort"] for cohort in posed.raw["history"]] == ["2026H2", "2026H1"]
    assert posed.seated == len(community.members)


def test_seats_taken_away_get_no_moves(key, community, owner):
    with acting_for(community.tenant.pk):
        gone = community.assistants[0]
        gone.ended_at = now()
        gone.save()
    SeatFactory(tenant=community.tenant, role="operator")
    draft = ready_draft(community)

    key.post(f"drafts/{draft.pk}/approval/")

    with acting_for(community.tenant.pk):
        working = set(Task.objects.values_list("assistant", flat=True))
        assert gone.pk not in working
        assert owner.seat.pk in working
        assert reshuffle_of(community).state == "approved"
