"""How far a reshuffle is carried out, beside the plan."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tenancy.scope import acting_for
from groups import progress, reshuffles
from groups.models import Draft, Move, Reshuffle, Task, Wave
from groups.progress import Hand, Tally
from tests.factories import StarFactory
from tests.groups.communities import ready_draft, small_community

CLOCK = datetime.datetime(2026, 11, 24, 4, tzinfo=datetime.UTC)
TODAY = datetime.date(2026, 11, 24)


@pytest.fixture(autouse=True)
def it_is_november(time_machine):
    time_machine.move_to(CLOCK)


@pytest.fixture
def running(house, owner):
    """An approved reshuffle; its waves take ten moves a day."""
    house.tasks_a_day = 10
    house.save()
    community = small_community(house)
    draft = ready_draft(community)
    with acting_for(house.pk):
        draft = Draft.objects.select_related("reshuffle").get(pk=draft.pk)
        reshuffles.approve(draft, house, by=owner.seat)
        return Reshuffle.objects.get(pk=draft.reshuffle_id)


def end(house, owner, how_many, state=Task.State.DONE, reason=""):
    with acting_for(house.pk):
        tasks = list(Task.objects.filter(state=Task.State.OPEN).order_by("rank")[:how_many])
        move = {"": Move.State.ASKED, "declined": Move.State.REFUSED}.get(reason, Move.State.UNREACHABLE)
        for task in tasks:
            Task.objects.filter(pk=task.pk).update(state=state, reason=reason, ended_at=CLOCK, ended_by=owner.seat)
            Move.objects.filter(task=task).update(state=move)
        return tasks


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def look(client, running):
    return client.get(f"/reshuffles/{running.pk}/", headers={"accept-language": "en"})


def test_what_was_done_is_counted_by_group_assistant_and_day(house, owner, running):
    end(house, owner, 4)
    end(house, owner, 1, Task.State.IMPOSSIBLE, "declined")

    state = look(owner, running).context["progress"]

    with acting_for(house.pk):
        many = Move.objects.count()
    assert (state.tally.asked, state.tally.impossible, state.tally.waiting) == (4, 1, many - 5)
    assert sum(tally.all for _, tally, _ in state.groups) == many
    assert sum(hand.today for hand in state.hands) == 5
    assert state.done[-1] == (TODAY, pytest.approx(5 / many))
    assert state.plan[-1][1] == pytest.approx(1)


def test_who_did_not_come_along_stands_there_with_the_reason_stars_first(house, owner, running):
    end(house, owner, 1, Task.State.IMPOSSIBLE, "not_found")
    (second,) = end(house, owner, 1, Task.State.IMPOSSIBLE, "declined")
    with acting_for(house.pk):
        StarFactory(member=second.member)

    page = look(owner, running)

    rows = page.context["stragglers"]["rows"]
    assert [move.task.reason for move in rows] == ["declined", "not_found"]
    assert "The 2 who do not come along" in text_of(page)
    assert "does not want to" in text_of(page)


def test_it_is_polled_as_a_part_of_the_page(owner, running):
    part = owner.get(f"/reshuffles/{running.pk}/", headers={"hx-request": "true"})

    assert part.content.decode().strip().startswith('<div id="progress"')
    assert 'hx-trigger="every 10s"' in part.content.decode()


def test_it_takes_as_many_queries_with_stragglers_as_fit(house, owner, running):
    end(house, owner, 3)
    end(house, owner, 3, Task.State.IMPOSSIBLE, "no_answer")

    with CaptureQueriesContext(connection) as queries:
        look(owner, running)

    assert len(queries) <= 18


def test_when_the_half_year_begins_it_says_who_sits_where(house, owner, running):
    end(house, owner, 2, Task.State.IMPOSSIBLE, "declined")
    with acting_for(house.pk):
        reshuffles.begin(Reshuffle.objects.select_related("cohort__matrix").get(pk=running.pk).cohort, house)

    page = look(owner, running)

    assert page.context["is_done"]
    assert "2 stayed where they were." in text_of(page)
    assert "every 10s" not in page.content.decode()


def test_a_slow_assistant_is_late_by_their_own_pace():
    days = [(TODAY + datetime.timedelta(days=at), 90, 30 if at < 0 else 0) for at in range(-3, 2)]

    hand = Hand(seat=None, groups=[], tally=Tally(asked=90, waiting=360), waves=days, today=0, cap=90, day=TODAY, pace=30)

    assert hand.planned == TODAY + datetime.timedelta(days=1)
    assert hand.projected == TODAY + datetime.timedelta(days=11)
    assert hand.late_by == 10


def test_one_who_did_nothing_for_days_has_no_end():
    hand = Hand(seat=None, groups=[], tally=Tally(waiting=90), waves=[(TODAY, 90, 0)], today=0, cap=90, day=TODAY, pace=0)

    assert (hand.is_silent, hand.projected, hand.is_late) == (True, None, True)


def test_new_faces_are_read_off_the_curve_between_its_points():
    curve = [{"moves": 0, "new_people_mean": 0.0}, {"moves": 100, "new_people_mean": 10.0}, {"moves": 200, "new_people_mean": 15.0}]

    assert [progress.faces(curve, moves) for moves in (0, 50, 150, 900)] == [0.0, 5.0, 12.5, 15.0]


def test_a_wave_a_day_is_shown(house, owner, running):
    with acting_for(house.pk):
        days = Wave.objects.filter(reshuffle=running).values_list("day", flat=True).distinct().count()

    hands = look(owner, running).context["progress"].hands

    assert max(len(hand.waves) for hand in hands) == days
