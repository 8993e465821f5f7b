"""The plan page: what is shown of a draft, its making, and who may do what there."""

import datetime
import re

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm.tenancy.models import Seat
from crm.tenancy.scope import acting_for
from groups import clashes, drawing, plan_brief, plans, reshuffles, thinking, waves
from groups.models import Draft, Matrix, Move, Reshuffle, Task
from groups.reshuffling import WORDS
from members.models import Member
from tests.conftest import SeatClient
from tests.factories import (
    BondFactory,
    CalendarStepFactory,
    DraftFactory,
    HandleFactory,
    MemberFactory,
    PinFactory,
    SeatFactory,
    StarFactory,
)
from tests.groups.communities import STEPS, ready_draft, small_community

CLOCK = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def it_is_november(time_machine):
    time_machine.move_to(CLOCK)


@pytest.fixture
def community(house, owner):
    return small_community(house)


@pytest.fixture
def draft(community):
    return ready_draft(community)


def in_english(client, path, **headers):
    return client.get(path, headers={"accept-language": "en"} | headers)


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# Reading a draft


def test_the_flow_of_a_beginning_counts_everybody_once(community, draft):
    with acting_for(community.tenant.pk):
        reading = plans.Reading(Draft.objects.select_related("reshuffle__matrix").get(pk=draft.pk), asked=len(draft.plan["order"]) // 2)

        moved = reading.order[: reading.moves]
        stays = np.setdiff1d(np.arange(reading.people), moved)

    assert reading.flow.sum() == reading.people
    assert (reading.at[moved] == reading.goal[moved]).all()
    assert (reading.at[stays] == np.where(reading.start < 0, reading.goal, reading.start)[stays]).all()
    assert int(reading.flow.sum() - np.trace(reading.flow[:-1])) == reading.moves + reading.newcomers


def test_the_portraits_counted_here_agree_with_the_engines(community):
    with acting_for(community.tenant.pk):
        weights = {"star": 20, "newcomer": 2, "city": 0.5, "skill": 0.25, "size": 1}
        Matrix.objects.filter(pk=community.matrix.pk).update(weights=weights)
        community.matrix.refresh_from_db()
        for at, member in enumerate(community.members):
            skills = ["writing", "selling"][: at % 3]
            Member.objects.filter(pk=member.pk).update(city=["深圳", "上海", ""][at % 3], skills=skills)
        for member in community.members[:5]:
            StarFactory(member=member)
    draft = ready_draft(community)

    with acting_for(community.tenant.pk):
        reading = plans.Reading(Draft.objects.select_related("reshuffle__matrix").get(pk=draft.pk))
        groups = plans.groups_of(reading.draft)

        again = plans._counted_again(reading)
        ours = [{name: int(many[at]) for name, many in again.items()} for at in range(len(groups))]
        theirs = [draft.figures["groups"][group.name]["after"] for group in groups]

    assert ours == [{name: portrait[name] for name in again} for portrait in theirs]


def test_the_work_is_what_the_waves_will_deal_and_says_who_is_away(community, draft, owner):
    away, to = community.assistants[:2]
    until = community.tenant.today() + datetime.timedelta(days=1)
    Seat.objects.filter(pk=away.pk).update(stand_in=to.pk, stand_in_until=until)
    with acting_for(community.tenant.pk):
        reading = plans.Reading(Draft.objects.select_related("reshuffle__matrix", "reshuffle__cohort").get(pk=draft.pk))
        groups = plans.groups_of(reading.draft)

        here = plan_brief.work(reading, groups, community.tenant, owner.seat).loads
        there = waves.forecast(reshuffles.from_groups(draft.plan), community.tenant)

    assert here == there
    [load] = [load for load in here if load.stand_in]
    assert (load.assistant.pk, load.stand_in.pk, load.stood_in_until, load.stood_in_moves) == (away.pk, to.pk, until, load.moves)
    assert text_of(in_english(owner, f"drafts/{draft.pk}/")).count(f"{to} asks {load.moves} of them") == 2


def test_one_more_face_is_priced_against_the_point_before():
    points = [plans.Point(moves, mean, None, None, None, moves * 2) for moves, mean in ((0, 0), (1200, 137), (2400, 229), (2500, 229))]

    assert [point.price and round(point.price) for point in plans.priced(points)] == [None, 18, 26, None]


# Geometry


def test_ribbons_leave_and_arrive_within_their_groups():
    drawn = drawing.flow([[10, 5, 0], [0, 20, 5], [1, 0, 9], [2, 1, 0]])

    bars = {("left", bar["at"]): bar for bar in drawn["left"]} | {("right", bar["at"]): bar for bar in drawn["right"]}
    for ribbon in drawn["ribbons"]:
        y0, y1 = map(float, re.match(r"M0 ([\d.]+)C\d+ [\d.]+ \d+ ([\d.]+)", ribbon["d"]).groups())
        for side, at, y in (("left", ribbon["from"], y0), ("right", ribbon["to"], y1)):
            bar = bars[side, at]
            assert bar["y"] - 0.1 <= y <= bar["y"] + bar["h"] + 0.1
    assert sum(ribbon["n"] for ribbon in drawn["ribbons"]) == 53


def test_a_smooth_line_never_swings_over():
    path = drawing._smooth([(0, 100), (10, 40), (20, 40), (30, 10)])

    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    assert min(numbers[1::2]) == 10
    assert max(numbers[1::2]) == 100


# The page


def test_an_owner_sees_the_figures_of_the_plan_itself(owner, community, draft):
    page = in_english(owner, f"/reshuffles/{draft.reshuffle_id}/")

    words = text_of(page)
    assert page.status_code == 200
    assert page.context["draft"].pk == draft.pk
    assert page.context["point"].moves == draft.figures["moves"]
    assert page.context["point"].mean == pytest.approx(draft.figures["new_people"]["mean"], abs=1e-3)
    assert f"Approve and make {draft.figures['moves']} tasks" in words
    assert len(page.context["worst"]) == len(draft.figures["worst"])
    assert "style=" not in page.content.decode()


def test_the_page_takes_fifteen_queries_at_most(owner, operator, community, draft):
    half = draft.curve[len(draft.curve) // 2]["moves"]

    asked = []
    whole, part = f"/drafts/{draft.pk}/", f"/drafts/{draft.pk}/?moves={half}"
    for client, path in [(owner, f"/reshuffles/{draft.reshuffle_id}/"), (operator, whole), (owner, part)]:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        asked.append(len(queries))

    assert max(asked) <= 15


def test_a_point_of_the_curve_is_a_beginning_and_offers_a_plan_of_its_own(owner, community, draft):
    half = draft.curve[len(draft.curve) // 2]["moves"]

    page = in_english(owner, f"/drafts/{draft.pk}/?moves={half}")
    part = in_english(owner, f"/drafts/{draft.pk}/?moves={half}", **{"hx-request": "true"})

    assert page.context["reading"].moves == half
    assert f"Propose with {half} moves" in text_of(page)
    assert "Approve and make" not in text_of(page)
    assert part.content.decode().strip().startswith('<div id="plan">')
    assert "HX-Request" in part["Vary"]


def test_a_group_is_followed_by_its_address(owner, community, draft):
    page = owner.get(f"/drafts/{draft.pk}/?group=1")

    assert page.context["chosen"] == 1


def test_nonsense_in_the_address_shows_the_whole_plan(owner, community, draft):
    page = owner.get(f"/drafts/{draft.pk}/?moves=-3&group=²")

    assert page.context["reading"].is_whole


def test_rules_that_hold_are_counted(owner, community):
    with acting_for(community.tenant.pk):
        PinFactory(matrix=community.matrix, member=community.members[0])
        BondFactory(matrix=community.matrix, of=community.members[1:3])
        StarFactory(member=community.members[3])
    draft = ready_draft(community)

    kept = owner.get(f"/drafts/{draft.pk}/").context["kept"]

    assert (kept.pins, kept.pins_kept, kept.hosts, kept.bonds, kept.bonds_kept) == (1, 1, 1, 1, 1)


def test_another_draft_stands_beside_it(owner, community, draft):
    second = ready_draft(community, seed=2)

    page = in_english(owner, f"/drafts/{draft.pk}/")

    assert [(row["letter"], row["pk"], row["moves"]) for row in page.context["others"]] == [("B", str(second.pk), second.figures["moves"])]
    assert "1 other plan" in text_of(page)


# Approving


def test_an_owner_approves_once_however_often_they_click(owner, community, draft):
    first = owner.post(f"/drafts/{draft.pk}/approval/")
    again = owner.post(f"/drafts/{draft.pk}/approval/", headers={"accept-language": "en"})

    with acting_for(community.tenant.pk):
        assert (first.status_code, again.status_code) == (302, 409)
        assert "This reshuffle has been approved already." in text_of(again)
        assert Move.objects.count() == draft.figures["moves"]
        assert Reshuffle.objects.get(pk=draft.reshuffle_id).chosen_id == draft.pk


def test_a_stale_plan_says_why_and_offers_a_new_one(owner, community, draft):
    HandleFactory(member=MemberFactory(tenant=community.tenant), tenant=community.tenant)

    before = in_english(owner, f"/drafts/{draft.pk}/")
    refused = owner.post(f"/drafts/{draft.pk}/approval/", headers={"accept-language": "en"})

    assert "Since this plan was made 1 member joined" in text_of(before)
    assert refused.status_code == 409
    assert "1 member joined" in refused.context["refusal"]
    assert "Propose again" in text_of(refused)
    with acting_for(community.tenant.pk):
        assert not Task.objects.exists()


def test_an_operator_sees_who_approves(operator, community, draft):
    page = in_english(operator, f"/drafts/{draft.pk}/")

    assert "Only the owner approves. Ask Lily to approve." in text_of(page)
    assert operator.post(f"/drafts/{draft.pk}/approval/").status_code == 403


def test_a_viewer_looks_and_an_assistant_does_not(viewer, assistant, community, draft):
    page = in_english(viewer, f"/drafts/{draft.pk}/")

    assert page.status_code == 200
    assert "Propose…" not in text_of(page)
    assert viewer.post(f"/matrices/{community.matrix.pk}/drafts/").status_code == 403
    assert assistant.get(f"/drafts/{draft.pk}/").status_code == 403


# Making one


def test_a_proposal_leads_to_the_draft_being_made(owner, community):
    answer = owner.post(f"/matrices/{community.matrix.pk}/drafts/", {"max_moves": "10"})

    with acting_for(community.tenant.pk):
        made = Draft.objects.get()
    assert made.max_moves == 10
    assert answer["Location"].endswith(f"/drafts/{made.pk}/")
    assert "Plan A is being made" in text_of(in_english(owner, answer["Location"]))


def test_a_number_that_is_none_is_said_beside_the_field(owner, community):
    answer = owner.post(f"/matrices/{community.matrix.pk}/drafts/", {"max_moves": "many"}, headers={"accept-language": "en"})

    assert answer.status_code == 422
    assert "This is no number; for example 1200, or nothing at all." in text_of(answer)


def test_progress_is_polled_and_leads_to_the_plan(owner, community):
    with acting_for(community.tenant.pk):
        made = reshuffles.propose(community.matrix, community.tenant, seed=1, steps=STEPS, at_once=True)
        Draft.objects.filter(pk=made.pk).update(stage="searching", percent=50)

    during = in_english(owner, f"/drafts/{made.pk}/making/", **{"hx-request": "true"})
    thinking.think_now(community.tenant.pk, made.pk)
    after = owner.get(f"/drafts/{made.pk}/making/", headers={"hx-request": "true"})
    beside = in_english(owner, f"/drafts/{made.pk}/making/?beside=1", **{"hx-request": "true"})

    assert 'aria-valuenow="37"' in during.content.decode()
    assert "step 2 of 4" in text_of(during)
    assert after["HX-Redirect"].endswith(f"/drafts/{made.pk}/")
    assert "Plan A is ready" in text_of(beside)


def test_the_making_is_stopped_once(owner, community):
    with acting_for(community.tenant.pk):
        made = reshuffles.propose(community.matrix, community.tenant, at_once=True)

    first = owner.post(f"/drafts/{made.pk}/stop/")
    again = owner.post(f"/drafts/{made.pk}/stop/")

    assert (first.status_code, again.status_code) == (302, 409)
    assert "The making of this plan was stopped" in text_of(in_english(owner, f"/drafts/{made.pk}/"))


def test_rules_that_clash_are_named_with_their_members_and_a_way_out(owner, community):
    one, other = community.members[:2]
    with acting_for(community.tenant.pk):
        for member in (one, other):
            PinFactory(matrix=community.matrix, member=member)
        BondFactory(matrix=community.matrix, of=[one, other])
        made = reshuffles.propose(community.matrix, community.tenant, seed=1, steps=STEPS, at_once=True)
    thinking.think_now(community.tenant.pk, made.pk)

    words = text_of(in_english(owner, f"/reshuffles/{made.reshuffle_id}/"))

    assert "No plan can exist: these rules clash" in words
    assert one.nickname in words
    assert other.nickname in words
    assert "Take away one of the pins, or take a member out of the bond." in words


def test_every_clash_of_the_engine_has_its_words():
    with translation.override("en"):
        assert {code: str(clashes.SENTENCES[code]) for code in WORDS} == WORDS
    assert WORDS.keys() <= clashes.WAYS_OUT.keys()


# The list


def test_one_reshuffle_is_opened_at_once(owner, community, draft):
    answer = owner.get("/reshuffles/")

    assert answer["Location"].endswith(f"/reshuffles/{draft.reshuffle_id}/")


def test_of_several_reshuffles_there_is_a_list(owner, house):
    with acting_for(house.pk):
        one, other = DraftFactory(), DraftFactory()

    page = owner.get("/reshuffles/")

    assert {each.pk for each in page.context["begun"]} == {one.reshuffle_id, other.reshuffle_id}


def test_without_any_it_says_when_the_next_plan_comes(owner, house):
    CalendarStepFactory(tenant=house, due_at=datetime.datetime(2027, 5, 17, 1, tzinfo=datetime.UTC))

    assert "Its plan is proposed by itself on 17 May 2027" in text_of(in_english(owner, "/reshuffles/"))


def test_the_owner_of_another_tenant_finds_nothing(two, draft):
    stranger = SeatClient(SeatFactory(tenant=two[1], role="owner"))

    assert stranger.get(f"/drafts/{draft.pk}/").status_code == 404
    assert stranger.get(f"/reshuffles/{draft.reshuffle_id}/").status_code == 404


def test_a_smallest_set_of_clashing_rules_is_said_with_names(community):
    rules = ["pinned in 5群: lin_0000", "apart: lin_0000, lin_0001", "at most 300: 5群", "at most 40 moves", "by the moon"]

    with acting_for(community.tenant.pk), translation.override("en"):
        (said,) = clashes.said([{"code": "rules_together", "data": {"rules": rules}}])

    rule_by_rule = said["sentence"].removeprefix("These rules cannot all hold: ").removesuffix(". Loosen one of them.").split("; ")
    assert rule_by_rule == [
        "Lin 00 pinned in 5群",
        "Lin 00, Lin 01 kept apart",
        "5群 with at most 300 members",
        "at most 40 moves",
        "by the moon",
    ]
