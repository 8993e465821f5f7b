"""Newcomers enter in the evening, step by step: the order is held, nobody is called too often, nothing is lost or doubled."""

import datetime
import re
import threading
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.tenancy.models import Event, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import answering, arrival_handing, arrival_steps, arrivals, callers, delivery, evenings, jobs, setup, stickers
from groups.models import Arrival, ArrivalStep, Calling, Group, Placement, Push, Task
from members import erasure, merging
from members.models import Member
from tests.factories import (
    ArrivalFactory,
    CallingFactory,
    ChannelFactory,
    CohortFactory,
    GroupFactory,
    IntroductionFactory,
    MatrixFactory,
    MemberFactory,
    PlacementFactory,
    SeatFactory,
    StarFactory,
    StickerFactory,
    WordFactory,
)

SEVEN = datetime.datetime(2026, 11, 24, 11, tzinfo=datetime.UTC)  # 19:00 in Shanghai, a Tuesday
TONIGHT = datetime.date(2026, 11, 24)
TOMORROW = datetime.date(2026, 11, 25)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_seven(time_machine, settings):
    settings.LANGUAGE_CODE = "en"
    time_machine.move_to(SEVEN, tick=False)
    return time_machine


@pytest.fixture
def place(house, assistant):
    """Two groups with people in them; the tenant speaks English."""
    Tenant.objects.filter(pk=house.pk).update(language="en")
    house.language = "en"
    with acting_for(house.pk):
        matrix = MatrixFactory(name="Members")
        CohortFactory(matrix=matrix, year=2026, half=2)
        one, two = (GroupFactory(matrix=matrix, name=f"Members {n}", number=n, assistant=assistant.seat, capacity=30) for n in (1, 2))
        for n in range(6):
            PlacementFactory(member=MemberFactory(nickname=f"One {n}", city="Guangzhou" if n < 3 else "Xiamen"), group=one)
            PlacementFactory(member=MemberFactory(nickname=f"Two {n}", city="Wuhan"), group=two)
    return matrix, one, two


def newcomer(house, **fields):
    with acting_for(house.pk):
        member = MemberFactory(**{"nickname": "Wang Huan", "city": "Guangzhou", "offers": "live selling", "seeks": "suppliers"} | fields)
        return arrivals.wait(member, by=None)


def planned(house, group=None, day=TONIGHT, **fields):
    arrival = newcomer(house, **fields)
    with acting_for(house.pk):
        return arrivals.plan(arrival, day, house, by=None, group=group)


def sweep(house):
    """What is due is handed out, as the clock does it; twice, as two beats do."""
    with acting_for(house.pk):
        due = list(ArrivalStep.objects.filter(state="waiting", due_at__lte=now()).values_list("pk", flat=True))
    for pk in [*due, *due]:
        jobs.hand_out_arrival_step(str(house.pk), str(pk))


def steps(house, arrival):
    with acting_for(house.pk):
        rows = ArrivalStep.objects.filter(arrival=arrival, number__gt=0).order_by("number")
        return " ".join(f"{step.kind}:{step.state}" for step in rows)


def step(house, arrival, kind):
    with acting_for(house.pk):
        return ArrivalStep.objects.select_related("arrival", "task").get(arrival=arrival, kind=kind)


def act(house, seat, arrival, kind, what="done", *args, **more):
    with acting_for(house.pk):
        return getattr(arrival_steps, what)(step(house, arrival, kind), *args, by=seat, **more)


def refused(call):
    with pytest.raises(Refused) as found:
        call()
    return found.value.code


def through(house, seat, arrival, *kinds):
    for kind in kinds:
        act(house, seat, arrival, kind)


# An evening


def test_an_evening_goes_step_by_step_and_ends_with_a_welcome(house, place, assistant, at_seven):
    arrival = planned(house, place[1])
    sweep(house)
    assert steps(house, arrival) == "announce:handed_out packet:barred introduction:barred welcome:barred chain:barred"

    act(house, assistant.seat, arrival, "announce")
    assert steps(house, arrival) == "announce:done packet:waiting introduction:barred welcome:barred chain:barred"
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    through(house, assistant.seat, arrival, "packet", "introduction")

    with acting_for(house.pk):
        assert Placement.objects.open().get(member=arrival.member_id).group_id == place[1].pk
        text = step(house, arrival, "welcome").task.text
        named = set(Calling.objects.filter(arrival=arrival).values_list("member__nickname", flat=True))
    assert named == {"One 0", "One 1", "One 2"}, "those of the same city"
    assert all(f"@{name} from the same city" in text for name in named)
    assert text.startswith("Welcome, Wang Huan, to G1! They are from Guangzhou, looking for: suppliers.")

    act(house, assistant.seat, arrival, "welcome")
    act(house, assistant.seat, arrival, "chain", length="31")
    with acting_for(house.pk):
        arrival.refresh_from_db()
        assert (arrival.state, arrival.welcomed_at, arrival.chain) == ("welcomed", SEVEN + HOUR, 31)
        assert Task.objects.filter(kind="arrival").count() == 5
        kinds = Event.objects.about_member(arrival.member_id).filter(kind__startswith="arrival").order_by("at", "id")
        told = "added planned entered welcomed chain_noted"
        assert list(kinds.values_list("kind", flat=True)) == [f"arrival.{kind}" for kind in told.split()]


def test_no_door_does_a_step_before_the_one_ahead(house, place, assistant, owner, at_seven):
    arrival = planned(house, place[1])
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)

    assert refused(lambda: act(house, owner.seat, arrival, "introduction")) == "not_its_turn"
    assert refused(lambda: act(house, owner.seat, arrival, "welcome", "skip", "in a hurry")) == "not_its_turn"
    through(house, assistant.seat, arrival, "announce", "packet")
    task = step(house, arrival, "introduction").task
    act(house, assistant.seat, arrival, "packet", "undo")
    said = {"task": str(task.pk), "act": "done", "key": str(uuid4())}
    answer = assistant.post("phone/ticks/", said, content_type="application/json", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_its_turn")
    assert "First comes “Red packet”, then “Introduction”" in answer.json()["sentence"]
    assert steps(house, arrival) == "announce:done packet:handed_out introduction:barred welcome:barred chain:barred"
    through(house, assistant.seat, arrival, "packet")
    assert step(house, arrival, "introduction").task_id == task.pk, "the same task comes back"


def test_a_step_is_skipped_with_a_reason_alone(house, place, assistant, at_seven):
    arrival = planned(house, place[1])
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    act(house, assistant.seat, arrival, "announce")

    assert refused(lambda: act(house, assistant.seat, arrival, "packet", "skip", "  ")) == "reason_missing"
    act(house, assistant.seat, arrival, "packet", "skip", "They asked for no packet")

    assert step(house, arrival, "packet").because == "They asked for no packet"
    through(house, assistant.seat, arrival, "introduction")
    act(house, assistant.seat, arrival, "welcome", "skip", "They left the room")
    with acting_for(house.pk):
        arrival.refresh_from_db()
        assert (arrival.state, arrival.welcomed_at, Calling.objects.count()) == ("entered", None, 0)


def test_the_last_step_is_taken_back_and_the_seat_with_it(house, place, assistant, at_seven):
    arrival = planned(house, place[1])
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    through(house, assistant.seat, arrival, "announce", "packet", "introduction")

    assert refused(lambda: act(house, assistant.seat, arrival, "packet", "undo")) == "later_step_done"
    act(house, assistant.seat, arrival, "introduction", "undo")

    with acting_for(house.pk):
        assert not Placement.objects.filter(member=arrival.member_id).exists()
        assert not Calling.objects.exists(), "who would have been named is free again"
    assert steps(house, arrival) == "announce:done packet:done introduction:handed_out welcome:barred chain:barred"


# Planning


def test_an_evening_takes_so_many_each_at_their_own_time(house, place, owner):
    with acting_for(house.pk):
        evenings.change({"cap": 3, "minutes_between": 10}, by=owner.seat)
    for n in range(5):
        newcomer(house, nickname=f"New {n}", city="Wuhan")

    with acting_for(house.pk):
        found = arrivals.fill(TONIGHT, house, by=owner.seat)
        times = {each.member.nickname: f"{each.at:%H:%M}" for each in found}
        assert times == {"New 0": "20:00", "New 1": "20:10", "New 2": "20:20"}
        assert {each.group.name for each in found} == {"Members 1"}, "the other one has many of their city"
        late = Arrival.objects.waiting().first()
        assert refused(lambda: arrivals.plan(late, TONIGHT, house, by=owner.seat)) == "evening_full"
        arrivals.hurry(late, "A course begins today", house, by=owner.seat)
        assert (late.__class__.objects.get(pk=late.pk).urgent_because, Arrival.objects.on(TONIGHT).count()) == ("A course begins today", 4)
        assert refused(lambda: arrivals.hurry(Arrival.objects.waiting().first(), " ", house, by=owner.seat)) == "reason_missing"


def test_two_who_fill_at_once_keep_the_number(transactional_db, house, place, owner):
    for n in range(6):
        newcomer(house, nickname=f"New {n}")
    with acting_for(house.pk):
        evenings.change({"cap": 4}, by=owner.seat)
    barrier = threading.Barrier(2)

    def fill():
        barrier.wait()
        try:
            with acting_for(house.pk):
                arrivals.fill(TONIGHT, house, by=owner.seat)
        except Refused:
            pass
        finally:
            connections.close_all()

    _both(fill)

    with acting_for(house.pk):
        times = list(Arrival.objects.on(TONIGHT).values_list("at", flat=True))
        assert len(times) == len(set(times)) == 4


def _both(work):
    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_cannot_be_planned_says_why(house, place, owner, at_seven):
    arrival = newcomer(house)
    with acting_for(house.pk):
        assert refused(lambda: arrivals.wait(arrival.member, by=None)) == "waits_already"
        seated = Placement.objects.first().member
        assert refused(lambda: arrivals.wait(seated, by=None)) == "sits_already"
        assert refused(lambda: arrivals.plan(arrival, TONIGHT - datetime.timedelta(days=1), house, by=None)) == "evening_over"
        elsewhere = GroupFactory()
        assert refused(lambda: arrivals.plan(arrival, TONIGHT, house, by=None, group=elsewhere)) == "no_such_group"
        place[1].__class__.objects.update(capacity=6)
        assert refused(lambda: arrivals.plan(arrival, TONIGHT, house, by=None, group=place[1])) == "group_full"
        assert refused(lambda: arrivals.plan(arrival, TONIGHT, house, by=None)) == "groups_full"
    at_seven.move_to(SEVEN + 3 * HOUR, tick=False)
    with acting_for(house.pk):
        assert refused(lambda: arrivals.plan(arrival, TONIGHT, house, by=None)) == "evening_over"


def test_one_is_moved_called_off_and_brought_back(house, place, owner, assistant):
    arrival = planned(house, place[1])
    sweep(house)
    tomorrow = TONIGHT + datetime.timedelta(days=1)
    with acting_for(house.pk):
        arrivals.plan(arrival, tomorrow, house, by=owner.seat, group=place[2])
        assert not Task.objects.open().filter(kind="arrival").exists()
        fact = arrivals.call_off(arrival, by=owner.seat)
        assert set(ArrivalStep.objects.values_list("state", flat=True)) == {"withdrawn"}
    answer = owner.post(f"trail/{fact.pk}/undo/")

    assert answer.status_code == 302
    with acting_for(house.pk):
        arrival.refresh_from_db()
        assert (arrival.state, arrival.day, arrival.group_id) == ("planned", tomorrow, place[2].pk)
        assert ArrivalStep.objects.filter(state="waiting").count() == 1


def test_another_time_zone_keeps_the_wall_time(house, place, owner):
    planned(house, place[1], day=TONIGHT + datetime.timedelta(days=1))
    with acting_for(house.pk):
        found = {row.row.kind: row.due_at for row in arrivals.in_another_zone(datetime.timezone(HOUR * 9))}
    assert found["packet"] == datetime.datetime(2026, 11, 25, 11, tzinfo=datetime.UTC)


def test_who_is_in_a_chat_already_stays_meant_for_that_group(house, place, owner):
    tomorrow = TONIGHT + datetime.timedelta(days=1)
    with acting_for(house.pk):
        member = MemberFactory(nickname="Pasted", city="Wuhan")  # of whom group 2 has many, so that 1 would suit best
        arrival = arrivals.wait(member, by=owner.seat, group=place[2])
        arrivals.fill(TONIGHT, house, by=owner.seat)
        arrivals.plan(arrival, TONIGHT, house, by=owner.seat, group=place[1])
        arrivals.back_into_queue(arrival, by=owner.seat)
        arrival.refresh_from_db()
        assert (arrival.state, arrival.day, arrival.group_id) == ("waiting", None, place[2].pk)
    sweep(house)
    assert refused(lambda: act(house, owner.seat, arrival, "announce")) == "not_planned"
    with acting_for(house.pk):
        arrivals.call_off(arrival, by=owner.seat)
        arrivals.bring_back(arrival, house, by=owner.seat)
        arrivals.fill(tomorrow, house, by=owner.seat)
        arrival.refresh_from_db()
        assert (arrival.day, arrival.group_id) == (tomorrow, place[2].pk)


def test_where_all_groups_are_full_it_is_asked_as_often_for_many_who_wait_as_for_one(house, place, owner):
    asked = []
    with acting_for(house.pk):
        Group.objects.update(capacity=6)
    for many in (1, 12):
        for n in range(many):
            newcomer(house, nickname=f"Waits {many} {n}")
        with acting_for(house.pk), CaptureQueriesContext(connection) as queries, pytest.raises(Refused):
            arrivals.fill(TONIGHT, house, by=owner.seat)
        asked.append(len(queries))

    assert asked[0] == asked[1]


def test_who_is_left_over_goes_into_the_next_evening_and_the_group_is_told_anew(house, place, owner, assistant, at_seven):
    with acting_for(house.pk):
        evenings.change({"cap": 2}, by=owner.seat)
    told, packed, later = planned(house, place[1]), planned(house, place[2], nickname="Lin"), planned(house, nickname="Zhou", day=TOMORROW)
    assert owner.get("arrivals/").context["evening"].left_over == 0
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    act(house, assistant.seat, told, "announce")
    through(house, assistant.seat, packed, "announce", "packet")
    first = step(house, told, "announce").task_id
    with acting_for(house.pk):
        assert refused(lambda: arrivals.put_off(house, by=owner.seat)) == "nobody_left"
    at_seven.move_to(SEVEN + 3 * HOUR, tick=False)  # ten, and the evening is over
    urgent = newcomer(house, nickname="Sun")
    with acting_for(house.pk):
        arrivals.hurry(urgent, "Their course begins", house, by=owner.seat)
    assert "2 did not enter while their evening lasted" in owner.get("arrivals/", headers={"Accept-Language": "en"}).content.decode()

    answer = owner.post("arrivals/putting-off/")

    assert answer.url.endswith("?day=2026-11-25")
    with acting_for(house.pk):
        rows = {each.member.nickname: (each.state, each.day) for each in Arrival.objects.select_related("member")}
    assert "this evening is over" in owner.get("arrivals/", headers={"Accept-Language": "en"}).content.decode()
    assert rows == {
        "Wang Huan": ("planned", TOMORROW), "Lin": ("waiting", None), "Zhou": ("planned", TOMORROW), "Sun": ("planned", TONIGHT),
    }  # fmt: skip
    assert steps(house, told).startswith("announce:waiting packet:barred")
    with acting_for(house.pk):
        arrivals.plan(packed, TOMORROW + datetime.timedelta(days=1), house, by=owner.seat)
    assert steps(house, packed) == "announce:done packet:done introduction:barred welcome:barred chain:barred"
    at_seven.move_to(SEVEN + 24.5 * HOUR, tick=False)
    sweep(house)
    assert step(house, told, "announce").task_id not in (None, first), "what was done stays done, in a task of its own"
    assert steps(house, later).startswith("announce:handed_out")


def test_who_left_the_community_meanwhile_comes_no_more(house, place, owner, assistant, at_seven):
    there, waits = planned(house, place[1]), newcomer(house, nickname="Lin")
    with acting_for(house.pk):
        Member.objects.filter(pk__in=[there.member_id, waits.member_id]).update(standing="past")
        assert refused(lambda: arrivals.fill(TOMORROW, house, by=owner.seat)) is not None
        assert refused(lambda: arrivals.hurry(waits, "now", house, by=owner.seat)) == "not_current"
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    with acting_for(house.pk):
        assert dict(Arrival.objects.values_list("pk", "state")) == {there.pk: "called_off", waits.pk: "waiting"}
        assert not Task.objects.open().filter(kind="arrival").exists()


def test_a_group_that_newcomers_are_planned_for_is_not_closed(house, place, owner):
    arrival = planned(house, GroupFactory(tenant=house, matrix=place[0], name="Members 3", number=3))
    with acting_for(house.pk):
        assert refused(lambda: setup.close(arrival.group, house, by=owner.seat)) == "group_awaited"
        arrivals.plan(arrival, TONIGHT, house, by=owner.seat, group=place[1])
        setup.close(arrival.group, house, by=owner.seat)


# The introduction


def test_who_has_not_said_who_they_are_is_asked_and_asked_again(house, place, assistant, at_seven):
    at_seven.move_to(SEVEN - 6 * HOUR, tick=False)
    arrival = planned(house, place[1], offers="", seeks="")
    sweep(house)
    first = step(house, arrival, "form").task
    at_seven.move_to(SEVEN - HOUR + datetime.timedelta(minutes=1), tick=False)
    sweep(house)

    again = step(house, arrival, "chase").task
    assert "/hello/" in first.text
    assert "/hello/" in again.text
    assert first.text != again.text, "another link takes its place"


def test_who_has_answered_is_not_asked_again_and_is_introduced_in_their_words(house, place, assistant, at_seven):
    arrival = planned(house, place[1], offers="", seeks="")
    with acting_for(house.pk):
        IntroductionFactory(member=arrival.member, state="sent", answers={"nickname": "x", "seeks": "a tax adviser", "city": "Xiamen"})
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    through(house, assistant.seat, arrival, "announce", "packet")

    assert step(house, arrival, "form").state == "withdrawn"
    assert "Seeks: a tax adviser" in step(house, arrival, "introduction").task.text
    through(house, assistant.seat, arrival, "introduction")
    with acting_for(house.pk):
        assert set(Calling.objects.values_list("member__city", flat=True)) == {"Xiamen"}


# Who is named


def welcome_next(house, place, seat, at_seven, **fields):
    arrival = planned(house, place[1], **fields)
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    through(house, seat, arrival, "announce", "packet", "introduction")
    return arrival


def test_each_is_named_for_reasons_that_add_up(house, place, assistant, at_seven):
    with acting_for(house.pk):
        WordFactory(kind="industry", name="Suppliers")
        helper = Member.objects.get(nickname="One 4")
        Member.objects.filter(pk=helper.pk).update(offers="I know all the suppliers of the south")
        StarFactory(member=helper, since=TONIGHT)
        StickerFactory(name="Hello")
    arrival = welcome_next(house, place, assistant.seat, at_seven)

    with acting_for(house.pk):
        assert Calling.objects.get(member=helper).why == [["offers_sought", 35, "Suppliers"], ["star", 6, ""]]
        shown = callers.shown(arrival, house)
        assert (shown.named[0].member.nickname, shown.named[0].points, shown.named[0].this_week) == ("One 4", 41, 1)
    task = step(house, arrival, "welcome").task
    assert "@One 4 has to do with Suppliers" in task.text
    with acting_for(house.pk):
        assert task.picture.kind == "sticker"


def test_one_is_swapped_and_one_taken_out_and_the_text_follows(house, place, assistant, at_seven):
    arrival = welcome_next(house, place, assistant.seat, at_seven)
    with acting_for(house.pk):
        before = set(Calling.objects.values_list("member", flat=True))
        out = Member.objects.get(nickname="One 0")
        welcome = callers.swap(arrival, out.pk, house, by=assistant.seat)
        arrival_handing.rewrite(welcome, arrival, house)
        after = set(Calling.objects.values_list("member", flat=True))
        assert (len(after), out.pk in after, len(before & after)) == (3, False, 2)
        text = Task.objects.get(pk=welcome.task_id).text
        assert "@One 0" not in text
        assert text.count("@") == 3
        for member in list(after)[:2]:
            callers.take_out(arrival, member, by=assistant.seat)
        assert refused(lambda: callers.take_out(arrival, list(after)[2], by=assistant.seat)) == "last_caller"
    act(house, assistant.seat, arrival, "welcome")
    with acting_for(house.pk):
        assert refused(lambda: callers.swap(arrival, list(after)[2], house, by=assistant.seat)) == "welcome_not_next"


def test_two_assistants_at_once_name_nobody_too_often(transactional_db, house, place, assistant, owner, at_seven):
    with acting_for(house.pk):
        evenings.change({"calls_a_week": 1}, by=owner.seat)
    waiting = [planned(house, place[1], nickname=f"New {n}") for n in range(2)]
    at_seven.move_to(SEVEN + 1.5 * HOUR, tick=False)
    sweep(house)
    for arrival in waiting:
        through(house, assistant.seat, arrival, "announce", "packet")
    barrier, mine = threading.Barrier(2), iter(waiting)

    def introduce():
        arrival = next(mine)
        barrier.wait()
        try:
            act(house, assistant.seat, arrival, "introduction")
        finally:
            connections.close_all()

    _both(introduce)

    with acting_for(house.pk):
        named = list(Calling.objects.values_list("member", flat=True))
        assert len(named) == len(set(named)) == 6


PEOPLE = [callers.Said(n, city="G" if n % 3 else "", skills=("video",) if n % 2 else ()) for n in range(9)]


@settings(max_examples=60, deadline=None)
@given(
    days=st.lists(st.integers(0, 2), min_size=1, max_size=40), cap=st.integers(1, 3), many=st.integers(3, 5),
    city=st.sampled_from(["G", ""]), alike=st.booleans(),
)  # fmt: skip
def test_nobody_is_named_more_often_than_a_week_allows_and_all_take_turns(days, cap, many, city, alike):
    people = [callers.Said(n) for n in range(9)] if alike else PEOPLE
    named, moment, counts = {}, datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC), dict.fromkeys(range(9), 0)
    for wait in days:
        moment += datetime.timedelta(days=wait, minutes=1)
        monday = (moment - datetime.timedelta(days=moment.weekday())).replace(hour=0, minute=0)
        newcomer = callers.Said("new", city=city, skills=("video",))
        found = callers.rank(newcomer, people, named, callers.Terms({}), moment=moment, monday=monday, cap=cap)
        assert [each.is_resting for each in found] == sorted(each.is_resting for each in found), "who rests comes last"
        for each in [each for each in found if not each.is_resting][:many]:
            named.setdefault(each.pk, []).append(moment)
            counts[each.pk] += 1
        assert all(sum(at >= monday for at in times) <= cap for times in named.values())
        if alike:
            assert max(counts.values()) - min(counts.values()) <= 1, "among equals all take turns"


# Who answers


def silent(house, member, *days, answered=False):
    """Named so many days ago."""
    with acting_for(house.pk):
        for ago in days:
            CallingFactory(arrival=ArrivalFactory(matrix=MatrixFactory()), member=member, answered=answered, at=now() - ago * 24 * HOUR)


def on_a_phone(client, arrival, ago=0, **said):
    return client.post(f"arrivals/{arrival.pk}/answers/", said | {"ago": ago}, headers={"Accept": "application/json"})


def test_who_answered_is_noted_until_the_day_after_and_taken_back(house, place, assistant, owner, at_seven):
    arrival = welcome_next(house, place, assistant.seat, at_seven)
    with acting_for(house.pk):
        names = dict(Calling.objects.values_list("member__nickname", "member"))
        assert refused(lambda: answering.note(arrival, [], house, by=assistant.seat)) == "not_welcomed"
    act(house, assistant.seat, arrival, "welcome")
    one, others = names["One 0"], sorted(str(names[name]) for name in ("One 1", "One 2"))

    assert assistant.post(f"arrivals/{arrival.pk}/answers/", {"answered": one}).status_code == 302
    assert assistant.post(f"arrivals/{arrival.pk}/answers/", {"answered": one}).status_code == 302
    with acting_for(house.pk):
        (fact,) = Event.objects.filter(kind="arrival.answered")
        assert fact.after == {"answered": [str(one)], "silent": others, "many": 1, "named": 3}
        assert refused(lambda: answering.note(arrival, [uuid4()], house, by=assistant.seat)) == "not_named"
    assert owner.post(f"trail/{fact.pk}/undo/").status_code == 302
    late = on_a_phone(assistant, arrival, answered=one, ago=600)
    assert (late.status_code, late.json()["arrival"]) == (200, str(arrival.pk))
    with acting_for(house.pk):
        assert set(Calling.objects.values_list("answered", flat=True)) == {None}, "what the owner said later holds"
    with acting_for(house.pk):
        chain = f"/{house.slug}/phone/tasks/{ArrivalStep.objects.get(arrival=arrival, kind='chain').task_id}/"
    back = assistant.post(f"arrivals/{arrival.pk}/answers/", {"all": "yes", "note": "31", "next": chain})
    assert back.url == f"{chain}?note=31", "a typed length stays without script"
    page = assistant.get(back.url.removeprefix(f"/{house.slug}/")).content.decode()
    assert re.findall(r'name="note"[^>]* value="(\d+)"', page) == ["31"]
    assert (
        re.findall(r'<button form="ending" formaction="([^"]+)" formnovalidate class="pbtn o on"', page)
        == [f"/{house.slug}/arrivals/{arrival.pk}/answers/"] * 3
    )
    assistant.post(f"arrivals/{arrival.pk}/answers/", {"silent": one})
    with acting_for(house.pk):
        assert dict(Calling.objects.values_list("member__nickname", "answered")) == {"One 0": False, "One 1": True, "One 2": True}
    act(house, assistant.seat, arrival, "welcome", "undo")
    with acting_for(house.pk):
        assert set(Calling.objects.values_list("answered", flat=True)) == {None}, "with the welcome goes what was said of it"
        told = Event.objects.filter(kind="arrival.answered").order_by("at", "id").values_list("after__many", flat=True)
        assert list(told) == [1, 0, 3, 2, 0]
    act(house, assistant.seat, arrival, "welcome")
    at_seven.move_to(SEVEN + 29 * HOUR, tick=False)  # midnight after the next day
    with acting_for(house.pk):
        assert refused(lambda: answering.note(arrival, [], house, by=assistant.seat)) == "answers_closed"
    assert on_a_phone(assistant, arrival, all="no", ago=6 * 3600).status_code == 200, "said in time, in a lift"
    with acting_for(house.pk):
        assert set(Calling.objects.values_list("answered", flat=True)) == {False}
    assert on_a_phone(assistant, arrival, all="no").json()["code"] == "answers_closed"
    arrival.pk = uuid4()
    assert on_a_phone(assistant, arrival, all="no").json()["code"] == "no_such_arrival"


def test_who_never_answers_rests_until_they_are_woken(house, place, assistant, owner, at_seven):
    with acting_for(house.pk):
        quiet, late, other = (Member.objects.get(nickname=f"One {n}") for n in range(3))
    silent(house, quiet, 9, 8, 1)
    silent(house, late, 40, 39, 38)  # rested for a month
    silent(house, other, 5, 4)
    silent(house, other, 3, answered=True)
    silent(house, other, 2)
    arrival = welcome_next(house, place, assistant.seat, at_seven)

    with acting_for(house.pk):
        assert [each.member.nickname for each in answering.all_resting()] == ["One 0"]
        assert {"One 1", "One 2"} < set(Calling.objects.filter(arrival=arrival).values_list("member__nickname", flat=True))
        (rests,) = [each for each in callers.shown(arrival, house).others if each.is_resting]
        assert (rests.member.nickname, rests.rests_until) == ("One 0", SEVEN + 29 * 24 * HOUR)
        assert refused(lambda: callers.swap(arrival, late.pk, house, by=owner.seat, into=quiet.pk)) == "rests"
    text = owner.get(f"arrivals/{arrival.pk}/", headers={"Accept-Language": "en"}).content.decode()
    assert "Did not answer three times in a row; rests until 23 Dec." in text

    assert assistant.post(f"arrivals/resting/{quiet.pk}/waking/").status_code == 403
    assert owner.post(f"arrivals/resting/{quiet.pk}/waking/").status_code == 302
    with acting_for(house.pk):
        assert answering.all_resting() == []
        assert refused(lambda: answering.wake(quiet, by=owner.seat)) == "does_not_rest"
        fact = Event.objects.get(kind="caller.woken")
    silent(house, quiet, 0.1, 0.2)  # counted anew
    with acting_for(house.pk):
        assert answering.all_resting() == []
    owner.post(f"trail/{fact.pk}/undo/")
    with acting_for(house.pk):
        assert [each.member.nickname for each in answering.all_resting()] == ["One 0"]
        evenings.change({"rest_days": 0}, by=owner.seat)
        assert answering.all_resting() == []


@settings(max_examples=60, deadline=None)
@given(
    rounds=st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 8)), st.booleans()), min_size=1, max_size=40),
    cap=st.integers(1, 3), days=st.integers(0, 20), waking=st.sets(st.integers(0, 39)),
)  # fmt: skip
def test_who_rests_is_not_named_and_the_others_take_turns_within_their_week(rounds, cap, days, waking):
    people, named, noted = [callers.Said(n) for n in range(9)], {}, {n: [] for n in range(9)}
    moment = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)
    for at, (wait, talkative, is_said) in enumerate(rounds):
        moment += datetime.timedelta(days=wait, minutes=1)
        monday = (moment - datetime.timedelta(days=moment.weekday())).replace(hour=0, minute=0)
        rests = {n: until for n in noted if (until := answering.rest(noted[n], days)) and until > moment}
        found = callers.rank(callers.Said("new"), people, named, callers.Terms({}), moment=moment, monday=monday, cap=cap, silent=rests)
        chosen = [each.pk for each in found if not each.is_resting][:3]
        assert not set(chosen) & set(rests)
        awake = [n for n in range(9) if n not in rests and sum(each >= monday for each in named.get(n, ())) < cap]
        assert len(chosen) == min(3, len(awake)), "nobody else is kept from being named"
        for pk in chosen:
            named.setdefault(pk, []).append(moment)
            noted[pk] += [(moment, pk in talkative)] if is_said else []
        assert all(sum(each >= monday for each in times) <= cap for times in named.values())
        for namings in noted.values():
            until = answering.rest(namings, days)
            is_silent = len(namings) > 2 and not any(has for _at, has in namings[-3:])
            assert is_silent or until is None or until <= moment, "nobody rests who answered of late"
        if at in waking:
            noted[at % 9] = [each for each in noted[at % 9] if each[1]]


# What becomes of members and seats


def test_an_erased_newcomer_comes_no_more_and_an_erased_caller_is_named_nowhere(house, place, assistant, owner, at_seven):
    arrival = welcome_next(house, place, assistant.seat, at_seven)
    gone = newcomer(house, nickname="Gone")
    with acting_for(house.pk):
        arrivals.hurry(gone, "Gone wants to begin", house, by=owner.seat)
        caller = Member.objects.get(nickname="One 0")
        for member in (gone.member, caller):
            erasure.erase(member, member.nickname, by=owner.seat)
        gone.refresh_from_db()
        assert (gone.state, gone.urgent_because) == ("called_off", "")
        assert not ArrivalStep.objects.filter(arrival=gone, state__in=["waiting", "barred", "handed_out"]).exists()
        assert not Calling.objects.filter(member=caller).exists()
        assert "One 0" not in Task.objects.get(arrival_steps__arrival=arrival, arrival_steps__kind="welcome").text


def test_two_rows_of_one_person_come_in_once(house, place, owner):
    kept, gone = planned(house, place[1]), planned(house, place[2], nickname="Wang Huan again")
    sweep(house)
    with acting_for(house.pk):
        Calling.objects.create(arrival=gone, member=Member.objects.get(nickname="One 0"), why=[])
        merging.merge(kept.member, gone.member, "phone", by=owner.seat)
        assert not Calling.objects.exists()  # nor does it count for their week
        states = dict(Arrival.objects.values_list("pk", "state"))
        assert states == {kept.pk: "planned", gone.pk: "called_off"}
        assert set(Task.objects.open().values_list("arrival_steps__arrival", flat=True)) == {kept.pk}


def test_of_two_rows_of_one_person_the_one_who_sits_there_stays(house, place, owner, assistant, at_seven):
    waits, seated = newcomer(house, nickname="Wang Huan again"), welcome_next(house, place, assistant.seat, at_seven)
    with acting_for(house.pk):
        merging.merge(waits.member, seated.member, "phone", by=owner.seat)
        states = dict(Arrival.objects.values_list("pk", "state"))
        assert states == {waits.pk: "called_off", seated.pk: "planned"}
        assert Arrival.objects.get(pk=seated.pk).member_id == waits.member_id
    act(house, assistant.seat, seated, "welcome")


def test_a_seat_that_leaves_leaves_no_step_behind(house, place, assistant, owner, at_seven):
    arrival = planned(house, place[1])
    with acting_for(house.pk):
        other = SeatFactory(tenant=house, role="assistant")
        place[1].__class__.objects.update(assistant=other)
    assistant.seat.__class__.objects.filter(pk=assistant.seat.pk).update(ended_at=now())
    sweep(house)
    assert step(house, arrival, "announce").task.assistant_id == other.pk


def test_a_dropped_sticker_is_offered_no_more(house, owner):
    with acting_for(house.pk):
        sticker = StickerFactory()
        stickers.drop(sticker, by=owner.seat)
        assert refused(lambda: stickers.drop(sticker, by=owner.seat)) == "dropped_already"
        assert list(stickers.there()) == []
        assert refused(lambda: stickers.add("Hello", None, by=owner.seat)) == "no_file"


def test_a_group_with_a_robot_is_told_by_a_push(house, place, assistant, at_seven):
    ChannelFactory(tenant=house, group=place[1])
    arrival = planned(house, place[1])
    sweep(house)
    with acting_for(house.pk):
        push = Push.objects.get()
        assert (push.cause.partition(":")[0], "Wang Huan" in push.text) == ("arrival-step", True)
        if push.state == "waiting":  # as after a robot that failed too often
            delivery.give_to_hand(push)
    assert step(house, arrival, "announce").task.kind == "push"

    act(house, assistant.seat, arrival, "announce")
    assert steps(house, arrival).startswith("announce:done packet:waiting")
    act(house, assistant.seat, arrival, "announce", "undo")
    assert steps(house, arrival).startswith("announce:handed_out packet:barred")
    with acting_for(house.pk):
        arrivals.call_off(arrival, by=None)
        assert Push.objects.get().state == "withdrawn"


def test_a_step_of_somebody_without_an_evening_is_not_done(house, place, owner):
    arrival = planned(house, place[1])
    with acting_for(house.pk):
        arrivals.back_into_queue(arrival, by=owner.seat)

    assert refused(lambda: act(house, owner.seat, arrival, "announce")) == "not_planned"
    with acting_for(house.pk):
        arrivals.plan(arrival, TONIGHT, house, by=owner.seat)
    sweep(house)
    assert steps(house, arrival).startswith("announce:handed_out packet:barred")
