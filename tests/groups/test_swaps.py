"""Keep and swap: who would not come along stays, and the best one of their group goes instead."""

import datetime
from collections import Counter

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from crm.tenancy import trail
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import joining, reshuffles, reshuffling, rolling_back, scene, single_moves, swaps, tasks
from groups.models import Draft, Move, Pin, Placement, Reshuffle, Task
from groups.problems import pose, present
from groups.reshuffling.exchanging import Seating
from groups.reshuffling.measuring import cost_of
from groups.reshuffling.plans import Plan
from tests.conftest import KeyClient
from tests.factories import ApartFactory, BondFactory, BondMemberFactory, PinFactory, StarFactory
from tests.groups.communities import ready_draft, small_community

CLOCK = datetime.datetime(2026, 11, 24, 4, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def small(house, time_machine):
    time_machine.move_to(CLOCK)
    return small_community(house)


@pytest.fixture
def running(house, owner, small):
    """Approved; one pair is bound, one kept apart, one is pinned."""
    with acting_for(house.pk):
        bond = BondFactory(matrix=small.matrix)
        for member in small.members[0:6:3]:
            BondMemberFactory(bond=bond, member=member)
        ApartFactory(matrix=small.matrix, one=small.members[1], other=small.members[2])
        PinFactory(matrix=small.matrix, member=small.members[4])
    draft = ready_draft(small, max_moves=9)
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
        return Reshuffle.objects.select_related("cohort__matrix", "matrix").get(pk=draft.reshuffle_id)


def refuse(owner, move, reason="declined"):
    tasks.tick(move.task_id, "impossible", uuid7(), by=owner.seat, reason=reason)
    return move


def single(small):
    """Moves of members who are bound to nobody."""
    return Move.objects.filter(state="waiting").exclude(member__in=small.members[0:6:3]).order_by("rank")


def take_back(owner, kind):
    with acting_for(owner.seat.tenant_id):
        return trail.take_back(Event.objects.filter(kind=kind).newest_first().first(), by=owner.seat)


def state():
    return (
        sorted(Placement.objects.values_list("member", "group", "cohort", "until"), key=str),
        sorted(Move.objects.values_list("member", "to_group", "state", "task"), key=str),
        sorted(Task.objects.exclude(state="withdrawn").values_list("member", "assistant", "state"), key=str),
    )


def sizes(running):
    return Counter(reshuffles.seats_then(running).values())


def test_what_one_more_costs_is_the_difference_of_what_plans_are_measured_by(house, small):
    with acting_for(house.pk):
        for member, city in zip(small.members, ["杭州", "深圳", "北京"] * 8, strict=True):
            member.city, member.skills = city, ["直播"] if member.pk.int % 2 else ["写作", "直播"]
            member.save()
        small.matrix.weights |= {"city": 0.5, "skill": 0.25, "tie": 5}
        small.matrix.save()
        raw = pose(small.matrix).raw
    raw["ties"] = [[raw["members"][0]["id"], each["id"], 2] for each in raw["members"][1:9:2]]
    problem = reshuffling.Problem.from_json(raw)
    seating = Seating(problem, problem.current)
    before = cost_of(problem, Plan.seating(problem, problem.current))

    for group in range(3):
        here = np.flatnonzero(problem.current == group)
        for other in {0, 1, 2} - {group}:
            for member, cost in zip(here, seating.costs(here, other), strict=True):
                at = problem.current.copy()
                at[member] = other
                assert cost == round((cost_of(problem, Plan.seating(problem, at)) - before) * 1_000_000)


def test_reading_only_who_is_concerned_answers_as_reading_everybody(house, owner, small, running, monkeypatch):
    def answers():
        seats = Placement.objects.open().select_related("group__matrix").filter(member__in=small.members[6:12])
        offered = [[vars(offer) for offer in single_moves.offers(seat)] for seat in seats.order_by("member")]
        rows = swaps.proposal(running, moves[:1]) + swaps.proposal(running, moves)
        return offered, [vars(row) | {"refusal": row.refusal and row.refusal.code} for row in rows]

    with acting_for(house.pk):
        for member, city in zip(small.members, ["杭州", "深圳", "北京"] * 8, strict=True):
            member.city, member.skills = city, ["直播"] if small.members.index(member) % 5 else ["写作", "直播"]
            member.save()
        StarFactory(member=small.members[8])
        StarFactory(member=small.members[23])
        Placement.objects.filter(member__in=[small.members[9], small.members[20]]).exclude(until=None).delete()  # newcomers
        running.matrix.weights |= {"city": 0.5, "skill": 0.25}
        running.matrix.save()
        moves = [refuse(owner, move).pk for move in single(small)[:2]]
        joining.join(Move.objects.filter(state="waiting", member__in=small.members[6:]).order_by("rank").last(), by=owner.seat)
        few = answers()
        monkeypatch.setattr(scene, "ruled", present)

        assert answers() == few


def test_who_said_no_stays_and_the_best_of_their_group_goes_today(house, owner, small, running):
    with acting_for(house.pk):
        move = refuse(owner, single(small).first())
        before, full = state(), sizes(running)
    page = owner.get(f"/reshuffles/{running.pk}/swaps/?move={move.pk}")
    (row,) = page.context["rows"]
    assert str(row.stand_ins[0].new) in row.stand_ins[0].says
    assert (row.chosen, len(row.stand_ins)) == (row.stand_ins[0].member, 3)

    owner.post(f"/reshuffles/{running.pk}/swaps/", {"form-0-move": str(move.pk), "form-0-instead": str(row.chosen.pk)})
    with acting_for(house.pk):
        other = Move.objects.select_related("task").get(member=row.chosen)
        assert (Move.objects.get(pk=move.pk).state, other.state) == ("kept", "waiting")
        assert (other.from_group_id, other.to_group_id) == (move.from_group_id, move.to_group_id)
        assert (other.task.assistant_id, other.task.state) == (other.from_group.assistant_id, "open")
        after = sizes(running)
        assert (after[str(move.from_group_id)], after[str(move.to_group_id)]) == (
            full[str(move.from_group_id)] - 1, full[str(move.to_group_id)] + 1,
        )  # fmt: skip
    assert owner.get(f"/reshuffles/{running.pk}/").context["progress"].tally.kept == 1

    take_back(owner, "moves.kept")
    with acting_for(house.pk):
        assert state() == before


def test_it_is_taken_back_only_until_the_other_was_asked_and_a_tick_does_not_undo_it(house, owner, small, running):
    with acting_for(house.pk):
        move = single(small).first()
        tasks.tick(move.task_id, "done", uuid7(), by=owner.seat)
        swaps.keep(running, {move.pk: swaps.BEST}, house, by=owner.seat)
        with pytest.raises(Refused) as refused:
            tasks.tick(move.task_id, "undo", uuid7(), by=owner.seat)
        assert refused.value.code == "keeps_group"
        other = Move.objects.select_related("task").order_by("-id").first()
        tasks.tick(other.task_id, "done", uuid7(), by=owner.seat)
    with pytest.raises(Refused):
        take_back(owner, "moves.kept")

    with acting_for(house.pk):
        reshuffles.begin(running.cohort, house)
        sits = dict(Placement.objects.open().values_list("member", "group"))
        assert (sits[move.member_id], sits[other.member_id]) == (move.from_group_id, move.to_group_id)


def test_a_half_year_with_a_swap_in_it_is_rolled_back_and_only_who_was_asked_away_is_called_back(house, owner, small, running):
    with acting_for(house.pk):
        before = dict(Placement.objects.open().values_list("member", "group"))
        move = refuse(owner, single(small).first())
        swaps.keep(running, {move.pk: swaps.BEST}, house, by=owner.seat)
        other = Move.objects.order_by("-id").first()
        tasks.tick(other.task_id, "done", uuid7(), by=owner.seat)
        reshuffles.begin(running.cohort, house)

        rolling_back.roll_back(running, running.moves.count(), house, by=owner.seat)

        assert dict(Placement.objects.open().values_list("member", "group")) == before
        assert list(Task.objects.filter(kind="given", state="open").values_list("member", flat=True)) == [other.member_id]


def test_several_are_kept_together_with_who_is_bound_to_them(house, owner, small, running):
    with acting_for(house.pk):
        bound = Move.objects.filter(member__in=small.members[0:6:3]).order_by("rank")
        kept = [refuse(owner, move) for move in [*bound[:1], *single(small)[:2]]]
        many = bound.count()
    page = owner.get(f"/reshuffles/{running.pk}/swaps/?who=refused")
    rows = page.context["rows"]
    assert len(rows) == len(kept) + (many == 2)
    chosen = [row.chosen.pk for row in rows if row.chosen]
    assert len(chosen) == len(set(chosen))

    form = {f"form-{n}-move": str(row.move.pk) for n, row in enumerate(rows)}
    form |= {f"form-{n}-instead": str(row.chosen.pk) if row.chosen else "nobody" for n, row in enumerate(rows)}
    assert owner.post(f"/reshuffles/{running.pk}/swaps/", form).status_code == 302
    with acting_for(house.pk):
        assert Move.objects.filter(state="kept").count() == len(rows)
        then = reshuffles.seats_then(running)
        assert len({then[str(member.pk)] for member in small.members[0:6:3]}) == 1
        assert sorted(sizes(running).values()) == [8, 8, 8]


def test_what_cannot_be_is_said_on_the_page_and_changes_nothing(house, owner, viewer, small, running):
    way = f"/reshuffles/{running.pk}/swaps/"
    with acting_for(house.pk):
        move, before = refuse(owner, single(small).first()), state()
        pinned = small.members[4]
        running.matrix.groups.update(capacity=8)
    sent = {"form-0-move": str(move.pk), "form-0-instead": str(pinned.pk)}

    assert viewer.post(way, sent).status_code == 403
    answer = owner.post(way, sent)
    assert (answer.status_code, answer.context["refusal"].code) == (422, "cannot_go")
    assert owner.post(way, sent | {"form-0-instead": "nobody"}).context["refusal"].code == "needs_somebody"
    with acting_for(house.pk):
        assert state() == before


def test_a_program_asks_who_could_go_and_keeps_somebody(house, owner, small, running):
    with acting_for(house.pk):
        move = refuse(owner, single(small).first(), "no_answer")
    key = KeyClient(owner.seat)

    (row,) = key.get(f"reshuffles/{running.pk}/swaps/").json()
    assert (row["move"], row["proposed"], row["refusal"]) == (str(move.pk), row["stand_ins"][0]["member"], None)
    kept = [{"move": str(move.pk)}]
    assert key.post(f"reshuffles/{running.pk}/keeping/", {"kept": kept}).json() == {"moves": 1, "swaps": 1}
    assert key.post(f"reshuffles/{running.pk}/keeping/", {"kept": kept}).json()["code"] == "nobody_to_keep"


def test_groups_that_are_smaller_than_they_must_be_are_said_to_be(house, owner, small, running):
    with acting_for(house.pk):
        move = refuse(owner, single(small).first())
        running.matrix.groups.update(capacity=1)
    key, sent = KeyClient(owner.seat), {"kept": [{"move": str(move.pk)}]}

    answers = [key.get(f"reshuffles/{running.pk}/swaps/"), key.post(f"reshuffles/{running.pk}/keeping/", sent)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "bad_problem")] * 2
    assert owner.get(f"/reshuffles/{running.pk}/swaps/?who=all").status_code == 409
    assert owner.get(f"/members/{move.member_id}/moving/").status_code == 409


def test_one_row_and_seven_take_the_same_number_of_queries(house, owner, small, running):
    def queries():
        with CaptureQueriesContext(connection) as found:
            assert owner.get(f"/reshuffles/{running.pk}/swaps/?who=all").status_code == 200
        return len(found)

    with acting_for(house.pk):
        refuse(owner, single(small).first())
    first = queries()
    with acting_for(house.pk):
        for move in Move.objects.filter(state="waiting", task__state="open")[:6]:
            refuse(owner, move)

    assert queries() == first


def test_who_cannot_be_found_is_asked_again_once_they_have_another_id(house, owner, small, running, time_machine):
    with acting_for(house.pk):
        move = refuse(owner, single(small).first(), "not_found")
    way = f"/reshuffles/{running.pk}/"
    assert [each.act for each in owner.get(way).context["stragglers"]["rows"]] == ["check"]
    time_machine.move_to(CLOCK + datetime.timedelta(minutes=5))
    KeyClient(owner.seat).post("handles/", {"member": str(move.member_id), "platform": "wechat", "value": "lin_new"})
    assert [each.act for each in owner.get(way).context["stragglers"]["rows"]] == ["again"]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["refuse", "ask", "join", "keep", "keep all", "undo", "alone", "send", "send", "ask sent"]), st.integers(0, 40)
    ),
    min_size=4,
    max_size=16,
)


@examples(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
@example([("refuse", 22), ("send", 8)])  # somebody kept apart may still come to where they would be sent
@given(ACTS)
def test_whatever_is_kept_and_swapped_no_rule_is_broken(house, owner, small, running, acts):
    with acting_for(house.pk), transaction.atomic():
        for number, capacity, least in [(1, 8, 8), (2, 9, 7), (3, 8, 7)]:
            running.matrix.groups.filter(number=number).update(capacity=capacity, least=least)
        _many_rules(running, small)
        posed = pose(running.matrix)
        for act, n in acts:
            _do(act, n, running, house, owner)
            _holds(running, posed)
        transaction.set_rollback(True)


def _many_rules(running, small):
    """So many that most of what somebody could do would break one."""
    then = reshuffles.seats_then(running)
    for one, other in zip(small.members[::2], small.members[7::2], strict=False):
        if then[str(one.pk)] != then[str(other.pk)] and one != small.members[1]:
            ApartFactory(matrix=small.matrix, one=one, other=other)
    for member in [member for member in small.members if not Move.objects.filter(member=member).exists()][::4]:
        if not Pin.objects.filter(member=member).exists():
            PinFactory(matrix=small.matrix, member=member)


def _do(act, n, running, house, owner):
    moves = list(Move.objects.filter(state__in={"refuse": ["waiting"], "ask": ["waiting"]}.get(act, swaps.MAY_STAY)).order_by("rank", "pk"))
    move = moves[n % len(moves)] if moves else None
    try:
        with transaction.atomic():
            if act in ("refuse", "ask") and move and move.task_id:
                tasks.tick(move.task_id, "done" if act == "ask" else "impossible", uuid7(), by=owner.seat, reason="declined")
            elif act == "join" and move:
                joining.join(move, by=owner.seat)
            elif act in ("keep", "alone") and move:
                swaps.keep(running, {move.pk: swaps.BEST if act == "keep" else swaps.NOBODY}, house, by=owner.seat)
            elif act == "keep all":
                rows = swaps.proposal(running, Move.objects.filter(state__in=swaps.STRAGGLE).values_list("pk", flat=True))
                rows = [row for row in rows if not row.refusal]
                chosen = {row.move.pk: row.chosen.pk if row.chosen else swaps.NOBODY for row in rows}
                if chosen:
                    swaps.keep(running, chosen, house, by=owner.seat)
            elif act == "send":
                seat = Placement.objects.open().select_related("group__matrix").order_by("member")[n % 24]
                offers = single_moves.offers(seat)
                single_moves.make(seat, offers[n % len(offers)].group, house, by=owner.seat)
            elif act == "ask sent" and (sent := Move.objects.single().filter(state="waiting").first()):
                tasks.tick(sent.task_id, "done", uuid7(), by=owner.seat)
            elif act == "undo" and (fact := Event.objects.filter(kind__in=["moves.kept", "move.made"]).newest_first().first()):
                trail.take_back(fact, by=owner.seat)
    except Refused:
        pass


def _holds(running, posed):
    """Whoever refused and is not settled yet is taken to go after all: it is they who break the plan, not what was kept and swapped."""
    then = reshuffles.seats_then(running)
    open_ends = {str(move.member_id): str(move.to_group_id) for move in Move.objects.filter(reshuffle=running, state__in=swaps.STRAGGLE)}
    name = {str(pk): name for name, pk in posed.groups.items()}
    key = {str(pk): key for key, pk in posed.members.items()}
    open_ends |= {str(move.member_id): str(move.to_group_id) for move in Move.objects.single().filter(state="waiting")}
    goes = {key[pk]: name[group] for pk, group in (then | open_ends).items()}
    assert list(reshuffling.broken_rules(reshuffling.Problem.from_json(posed.raw), Plan(goes, 0))) == []
    seats = Counter(Placement.objects.open().values_list("member", "matrix"))
    assert set(seats.values()) == {1}
    assert max(Counter(Move.objects.exclude(reshuffle=None).values_list("member", flat=True)).values(), default=1) == 1
