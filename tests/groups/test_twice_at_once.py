"""What nobody may bring about: a thing done twice, or undone, by two who act on it at once or one after the other."""

import datetime
import threading
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.utils.timezone import now

from crm.tenancy import trail, work
from crm.tenancy.models import Event, Job, Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import (
    ahead,
    arrival_handing,
    arrivals,
    channels,
    codes,
    delivery,
    jobs,
    joining,
    occurrences,
    reshuffles,
    rhythms,
    rolling_back,
    roster_booking,
    rosters,
    sending,
    setup,
    single_moves,
    swaps,
    talks,
    tasks,
    waves,
)
from groups.models import ArrivalStep, Channel, GroupCode, Move, Occurrence, Placement, Push, Task, Wave
from members.models import Member
from tests.factories import CohortFactory, GroupFactory, MatrixFactory, MemberFactory, PlacementFactory, SeatFactory, TaskFactory
from tests.groups.test_arrivals import HOUR, SEVEN, place, planned, step, sweep, through  # noqa: F401
from tests.groups.test_carrying import running  # noqa: F401
from tests.groups.test_codes import a_picture
from tests.groups.test_phone import a_task, fresh, tick
from tests.groups.test_sending import CUT, a_channel, due, group, kept, robots, sent  # noqa: F401
from tests.tenancy.test_effects import at_the_same_time
from tests.tenancy.test_kills import wait_until


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def refused(call):
    with pytest.raises(Refused) as found:
        call()
    return found.value.code


# A message


@pytest.mark.parametrize("decision", ["again", "by_hand", "withdraw", "was_sent"])
def test_a_message_that_goes_another_way_is_nobodys_task_again(group, decision):  # noqa: F811
    """Who could not send it takes that back only while nobody has decided otherwise."""
    seat = group.assistant
    push = delivery.push(group, cause="news:1", title="Evening news", text="Good evening!")
    tasks.tick(push.task_id, "impossible", uuid4(), by=seat, reason="other")
    getattr(delivery, decision)(push, by=seat)
    before = [(each.state, each.task_id) for each in Push.objects.all()], Task.objects.open().count()

    assert refused(lambda: tasks.tick(push.task_id, "undo", uuid4(), by=seat)) == "decided_otherwise"
    assert ([(each.state, each.task_id) for each in Push.objects.all()], Task.objects.open().count()) == before


def test_a_webhook_that_may_have_got_there_is_not_sent_by_hand_as_well(robots, group):  # noqa: F811
    a_channel(robots, group, "webhook")
    robots.says(CUT)

    push = sent(group)
    while push.state == "waiting":
        push = due(push)
    assert (push.state, push.reason, push.tries) == ("unsure", "line_cut", sending.MOST_TRIES)

    other = sent(group, cause="news:2")
    Channel.objects.update(state="off")
    assert (due(other).state, Task.objects.count()) == ("unsure", 0)


def test_a_test_that_is_on_its_way_is_not_sent_again(robots, group):  # noqa: F811
    channel, seat = a_channel(robots, group), group.assistant
    robots.says((200, {"errcode": 0}))

    made = channels.try_out(channel, by=seat)
    assert refused(lambda: channels.try_out(channel, by=seat)) == "test_under_way"
    assert kept(made).state == "sent"
    assert kept(channels.try_out(channel, by=seat)).state == "sent"


# A task


def test_somebody_asked_anew_is_not_asked_by_the_old_task_too(assistant, house):
    task = a_task(assistant)
    assert tick(assistant, task, "impossible", reason="no_answer").status_code == 200
    with acting_for(house.pk):
        Move.objects.filter(task=task).update(task=TaskFactory(assistant=assistant.seat, member=task.member), state="waiting")

    answer = tick(assistant, task, "undo")

    assert (answer.status_code, answer.json()["code"], fresh(task).state) == (409, "asked_anew", "impossible")


@pytest.mark.parametrize("note", ["a\0b", "a\ud800b", "👩‍👩‍👧" * 200, "\u202eabc\u200b"])
def test_whatever_stands_in_a_note_the_tick_counts(assistant, note):
    task = a_task(assistant)

    assert tick(assistant, task, note=note).status_code == 200
    assert fresh(task).state == "done"


# Two at the same moment


def meanwhile(house, first, then, last=lambda: None):
    """`first` is done but does not stand yet when `then` begins. What `then` came to: "done", or the code of its refusal.

    `last` is done in the transaction of `first`, once `then` waits for it."""
    is_done, goes_on, said, failed = threading.Event(), threading.Event(), [], []

    def before():
        try:
            with acting_for(house.pk):
                first()
                is_done.set()
                goes_on.wait(20)
                last()
        except Exception as problem:
            failed.append(problem)
        finally:
            is_done.set()
            connections.close_all()

    def after():
        is_done.wait(20)
        try:
            with acting_for(house.pk):
                then()
            said.append("done")
        except Refused as refusal:
            said.append(refusal.code)
        except Exception as problem:
            said.append(f"{type(problem).__name__}: {problem}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for work in (before, after)]
    [thread.start() for thread in threads]
    wait_until(lambda: said or failed or is_waited_for(), 10)
    goes_on.set()
    [thread.join(20) for thread in threads]
    assert failed == []
    return said[0]


def is_waited_for():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


@pytest.fixture
def talk(house, assistant, time_machine):
    """A slot of today whose task is on a phone."""
    time_machine.move_to(datetime.datetime(2026, 11, 24, 2, tzinfo=datetime.UTC))  # ten in the morning, a Tuesday
    with acting_for(house.pk):
        group = GroupFactory(assistant=assistant.seat)
        slot = rhythms.add_slot({"weekday": 1, "at": "20:00", "title": "Evening topic"}, by=assistant.seat, group=group)
        jobs.hand_out_occurrence(str(house.pk), str(Occurrence.objects.get(slot=slot, day=datetime.date(2026, 11, 24)).pk))
        return Occurrence.objects.select_related("slot", "task").get(slot=slot, day=datetime.date(2026, 11, 24))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["word", "pause", "move", "drop"])
def test_what_is_ticked_while_its_slot_is_changed_stays_done(house, assistant, talk, what):
    seat, today = assistant.seat, talk.day
    acts = {
        "word": lambda: rhythms.change_slot(talk.slot, {"title": "Another topic"}, by=seat),
        "pause": lambda: rhythms.add_pause({"name": "Holiday", "since": today, "until": today}, by=seat),
        "move": lambda: occurrences.move(talk, today, "21:00", by=seat),
        "drop": lambda: occurrences.drop(talk, by=seat),
    }

    said = meanwhile(house, lambda: tasks.tick(talk.task_id, "done", uuid4(), by=seat), acts[what])

    assert said == ("done" if what in ("word", "pause") else "already_done")
    with acting_for(house.pk):
        row = Occurrence.objects.select_related("task").get(pk=talk.pk)
        assert (row.state, row.task.state, row.task.title) == ("handed_out", "done", "Evening topic")


def a_list_of(member, room, owner):
    roster = rosters.paste(member.nickname, room, by=owner.seat)
    for line in roster.lines.exclude(state="known"):
        rosters.settle(line, member.pk, by=owner.seat)
    return roster


@pytest.mark.django_db(transaction=True)
def test_who_stands_in_two_lists_that_are_booked_at_once_sits_in_one_group(house, owner):
    with acting_for(house.pk):
        matrix = MatrixFactory()
        CohortFactory(matrix=matrix, state="current")
        groups, member = GroupFactory.create_batch(2, matrix=matrix), MemberFactory(nickname="Lin")
        lists = [a_list_of(member, each, owner) for each in groups]

    said = meanwhile(house, *(lambda each=each: roster_booking.book(each, by=owner.seat, expected=1, sure=True) for each in lists))

    assert said == "done"
    with acting_for(house.pk):
        assert Placement.objects.open().get(member=member).group_id == groups[1].pk
        assert Placement.objects.filter(member=member).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_half_year_taken_back_while_a_wave_is_handed_out_leaves_no_task(house, owner, running):  # noqa: F811
    with acting_for(house.pk):
        wave, moves = Wave.objects.filter(state="waiting").first(), Move.objects.count()
        asked = Task.objects.count()

    roll_back = lambda: rolling_back.roll_back(running, moves, house, by=owner.seat)  # noqa: E731
    assert meanwhile(house, lambda: waves.hand_out(wave.pk, house), roll_back) == "done"

    with acting_for(house.pk):
        assert Task.objects.count() > asked
        assert Task.objects.open().count() == 0


@pytest.mark.django_db(transaction=True)
def test_who_says_no_while_the_half_year_begins_stays_where_they_are(house, owner, running):  # noqa: F811
    with acting_for(house.pk):
        move = Move.objects.exclude(task=None).first()
    no = lambda: tasks.tick(move.task_id, "impossible", uuid4(), by=owner.seat, reason="declined")  # noqa: E731

    assert meanwhile(house, no, lambda: reshuffles.begin(running.cohort, house)) == "done"

    with acting_for(house.pk):
        assert Placement.objects.open().get(member=move.member_id).group_id == move.from_group_id
        assert refused(lambda: tasks.tick(move.task_id, "undo", uuid4(), by=owner.seat)) == "half_year_begun"


@pytest.mark.django_db(transaction=True)
def test_a_code_that_is_brought_while_the_clock_asks_for_it_is_asked_of_nobody(house, assistant, owner):
    with acting_for(house.pk):
        group = GroupFactory(assistant=assistant.seat)
        code = codes.keep(group, by=owner.seat, upload=a_picture())
        GroupCode.objects.update(due_at=now())

    said = meanwhile(house, lambda: codes.keep_due(code.pk), lambda: codes.keep(group, by=owner.seat, upload=a_picture()))

    assert said == "done"
    with acting_for(house.pk):
        assert GroupCode.objects.filter(state="waiting").count() == 1
        assert Task.objects.open().count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_packet_is_not_taken_back_while_its_talk_is_ticked(house, assistant):
    seat, ended = assistant.seat, {"state": "done", "ended_by": assistant.seat, "ended_at": now()}
    with acting_for(house.pk):
        packet = TaskFactory(assistant=seat, kind="slot", title="Red packet", **ended)
        talk = TaskFactory(assistant=seat, kind="slot", title="Talk", after=packet)

    said = meanwhile(house, *(lambda it=it: tasks.tick(it[0].pk, it[1], uuid4(), by=seat) for it in ((talk, "done"), (packet, "undo"))))

    assert (said, fresh(packet).state, fresh(talk).state) == ("later_task_done", "done", "done")


@pytest.mark.django_db(transaction=True)
def test_an_introduction_is_not_taken_back_while_its_welcome_is_ticked(house, assistant, owner, place, time_machine):  # noqa: F811
    time_machine.move_to(SEVEN)
    arrival = planned(house, place[1])
    sweep(house)
    through(house, assistant.seat, arrival, "announce")
    time_machine.move_to(SEVEN + datetime.timedelta(hours=1))
    sweep(house)
    through(house, assistant.seat, arrival, "packet", "introduction")
    steps = [(step(house, arrival, "welcome"), "done"), (step(house, arrival, "introduction"), "undo")]

    said = meanwhile(house, *(lambda it=it: tasks.tick(it[0].task_id, it[1], uuid4(), by=owner.seat) for it in steps))

    assert said == "later_step_done"
    with acting_for(house.pk):
        arrival.refresh_from_db()
        assert (arrival.state, Placement.objects.open().filter(member=arrival.member_id).count()) == ("welcomed", 1)


@pytest.mark.django_db(transaction=True)
def test_a_group_is_not_closed_while_somebody_is_planned_into_it(house, owner):
    with acting_for(house.pk):
        group = GroupFactory(matrix=MatrixFactory())
        arrival = arrivals.wait(MemberFactory(), by=None)
    hurry = lambda: arrivals.hurry(arrival, "Their course begins", house, by=owner.seat)  # noqa: E731

    assert meanwhile(house, hurry, lambda: setup.close(group, house, by=owner.seat)) == "group_awaited"


@pytest.mark.django_db(transaction=True)
def test_nobody_is_asked_into_a_group_that_is_being_closed(house, owner):
    with acting_for(house.pk):
        cohort = CohortFactory(state="current")
        old, new = GroupFactory.create_batch(2, matrix=cohort.matrix)
        seat = PlacementFactory(group=old, cohort=cohort)

    asking = lambda: single_moves.make(seat, new, house, by=owner.seat, anyway=True)  # noqa: E731
    assert meanwhile(house, lambda: setup.close(new, house, by=owner.seat), asking) == "group_closed"


@pytest.mark.django_db(transaction=True)
def test_a_group_is_closed_while_a_task_of_it_is_ticked(house, owner, talk):
    tick = lambda: tasks.tick(talk.task_id, "done", uuid4(), by=owner.seat)  # noqa: E731

    assert meanwhile(house, tick, lambda: setup.close(talk.group, house, by=owner.seat)) == "done"


@pytest.mark.django_db(transaction=True)
def test_who_ticks_and_who_takes_back_or_calls_off_do_not_stand_in_each_others_way(house, assistant, owner, place, time_machine):  # noqa: F811
    time_machine.move_to(SEVEN)
    arrival, told = planned(house, place[1]), planned(house, place[2], nickname="Told")
    with acting_for(house.pk):
        announce = step(house, told, "announce")
        push = delivery.push(place[2], cause=f"arrival-step:{announce.pk}:0", title="News", due_at=SEVEN + 2 * HOUR)
        ArrivalStep.objects.filter(pk=announce.pk).update(state="handed_out")
    sweep(house)
    through(house, assistant.seat, arrival, "announce")
    time_machine.move_to(SEVEN + datetime.timedelta(hours=1))
    sweep(house)
    through(house, assistant.seat, arrival, "packet")
    packet, introduction = (step(house, arrival, kind).task_id for kind in ("packet", "introduction"))

    ticked = meanwhile(
        house,
        lambda: Task.objects.select_for_update().get(pk=introduction),  # as a tick begins
        lambda: tasks.tick(packet, "undo", uuid4(), by=owner.seat),
        lambda: tasks.tick(introduction, "done", uuid4(), by=owner.seat),
    )
    sent = meanwhile(
        house,
        lambda: Push.objects.select_for_update().get(pk=push.pk),  # as a worker that finds no channel
        lambda: arrivals.call_off(told, by=owner.seat),
        lambda: delivery.give_to_hand(push),
    )

    assert (ticked, sent) == ("later_step_done", "changed_meanwhile")


@pytest.mark.django_db(transaction=True)
def test_who_left_is_called_off_while_the_group_is_being_told_of_them(house, assistant, place, time_machine):  # noqa: F811
    time_machine.move_to(SEVEN)
    gone = planned(house, place[1])
    with acting_for(house.pk):
        announce, form = step(house, gone, "announce"), step(house, gone, "form")
        push = delivery.push(place[1], cause=f"arrival-step:{announce.pk}:0", title="News", due_at=SEVEN + 2 * HOUR)
        ArrivalStep.objects.filter(pk=announce.pk).update(state="handed_out")
        ArrivalStep.objects.filter(pk=form.pk).update(state="waiting", due_at=SEVEN)
        Member.objects.filter(pk=gone.member_id).update(standing="left")

    said = meanwhile(
        house,
        lambda: Push.objects.select_for_update().get(pk=push.pk),  # as a worker that finds no channel
        lambda: arrival_handing.keep(form.pk),
        lambda: delivery.give_to_hand(push),
    )

    with acting_for(house.pk):
        arrival_handing.keep(form.pk)  # the next sweep
        gone.refresh_from_db()
        push.refresh_from_db()
        assert (said, gone.state, push.state, Task.objects.open().count()) == ("done", "called_off", "withdrawn", 0)


@pytest.mark.django_db(transaction=True)
def test_a_form_without_script_that_is_sent_twice_is_one_thing(house, owner, running):  # noqa: F811
    day, by = house.today() + datetime.timedelta(days=1), owner.seat
    with acting_for(house.pk):
        no, other = Move.objects.filter(state__in=("waiting", "asked"), task__state="open").order_by("rank")[:2]
        tasks.tick(no.task_id, "impossible", uuid4(), by=by, reason="declined")
        speaker, seat = other.member, Placement.objects.open().get(member=other.member_id)
        group = next(offer.group for offer in single_moves.offers(seat) if not offer.is_firm)
    talk = lambda: talks.give(group, speaker, day, "20:30", by=by)  # noqa: E731
    ask = lambda: single_moves.make(seat, group, house, by=by, anyway=True)  # noqa: E731
    keep = lambda: swaps.keep(running, {no.pk: swaps.BEST}, house, by=by)  # noqa: E731

    said = [meanwhile(house, act, act) for act in (talk, keep, ask)]

    assert said == ["done", "nobody_to_keep", "on_the_way"]
    with acting_for(house.pk):
        assert refused(lambda: talks.give(group, speaker, day, "20:30", by=by, title="Another")) == "talk_there"
        many = [Task.objects.filter(kind="talk").count(), Event.objects.filter(kind="moves.kept").count()]
        assert [*many, Move.objects.single().filter(member=speaker).count()] == [2, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_nobody_stands_in_for_somebody_who_stands_in_for_them(house, owner, assistant):
    chen, lin = assistant.seat, SeatFactory(tenant=house, role="assistant")

    def ill(seat, to):
        ahead.hand_over(Task.objects.open().of(seat), seat, "today", to.pk, house, by=owner.seat)

    def away():
        """Who is stood in for, by whom."""
        return list(Seat.objects.filter(tenant=house).exclude(stand_in=None).values_list("pk", "stand_in"))

    said = meanwhile(house, lambda: ill(chen, lin), lambda: ill(lin, chen))
    assert (said, away()) == ("done", [(lin.pk, chen.pk)])

    Seat.objects.filter(tenant=house).update(stand_in=None, stand_in_until=None)
    both = [(chen, lin), (lin, chen)]

    def act():
        with acting_for(house.pk):
            ill(*both.pop())

    at_the_same_time(act)
    assert away() in ([(chen.pk, lin.pk)], [(lin.pk, chen.pk)])


# A half-year later


def who_sits_where():
    seats = Placement.objects.values_list("member", "group", "cohort", "until")
    return sorted(seats, key=str), Move.objects.filter(state="joined").count()


def test_joining_and_a_booked_list_are_not_taken_back_into_a_half_year_that_is_past(house, owner, running):  # noqa: F811
    with acting_for(house.pk):
        first, second = Move.objects.filter(state="waiting").select_related("to_group", "member")[:2]
        joining.join(first, by=owner.seat)
        there = [*Member.objects.filter(placements__group=second.to_group, placements__until=None), second.member]
        gone, *there = there
        roster = rosters.paste("\n".join(each.nickname for each in there), second.to_group, by=owner.seat)
        roster_booking.book(roster, by=owner.seat, ends=True, sure=True)
        reshuffles.begin(running.cohort, house)
        before = who_sits_where()
        fact = Event.objects.filter(kind="move.joined", because="").get()
        assert refused(lambda: trail.take_back(fact, by=owner.seat)) in ("changed_meanwhile", "too_late")
        _job, kept = roster_booking.undo(roster, by=owner.seat)
        after = who_sits_where()

    assert after == before
    assert {gone.pk, second.member_id} <= set(kept)


def test_a_list_whose_work_was_stopped_is_open_again(house, owner, monkeypatch):
    monkeypatch.setattr(roster_booking, "AT_ONCE", 0)
    with acting_for(house.pk):
        matrix = MatrixFactory()
        CohortFactory(matrix=matrix, state="current")
        group = GroupFactory(matrix=matrix)
        roster = a_list_of(MemberFactory(nickname="Lin"), group, owner)
        work.stop(roster_booking.book(roster, by=owner.seat, sure=True), by=owner.seat)
        roster.refresh_from_db()
        assert roster.state == "open"

        job = roster_booking.book(roster, by=owner.seat, sure=True)
    with monkeypatch.context() as patched:
        patched.setattr(roster_booking, "_seat", None)
        work.keep_job(str(house.pk), str(job.pk))
    with acting_for(house.pk):
        roster.refresh_from_db()
        assert (Job.objects.get(pk=job.pk).state, roster.state) == ("failed", "open")
        assert rosters.paste("Lin", group, by=owner.seat).state == "open"


def test_a_group_that_somebody_is_to_enter_is_not_closed(house, owner):
    with acting_for(house.pk):
        matrix = MatrixFactory()
        group = GroupFactory(matrix=matrix)
        arrival = arrivals.wait(MemberFactory(), by=None)
        arrivals.hurry(arrival, "Their course begins", house, by=owner.seat)
        assert refused(lambda: setup.close(group, house, by=owner.seat)) == "group_awaited"
        arrivals.back_into_queue(arrival, by=owner.seat)
        setup.close(group, house, by=owner.seat)


def test_nobody_goes_back_into_a_group_that_was_closed_or_after_they_left(house, owner):
    with acting_for(house.pk):
        matrix = MatrixFactory()
        cohort = CohortFactory(matrix=matrix, state="current")
        old, new = GroupFactory.create_batch(2, matrix=matrix)
        one, other = (PlacementFactory(member=MemberFactory(nickname=name), group=old, cohort=cohort).member for name in ("Lin", "Wang"))
        left = PlacementFactory(group=new, cohort=cohort).member
        roster = rosters.paste("Lin\nWang", new, by=owner.seat)
        for line, member in zip(roster.lines.order_by("number"), (one, other), strict=True):
            rosters.settle(line, member.pk, by=owner.seat)
        roster_booking.book(roster, by=owner.seat, ends=True, sure=True)
        setup.close(old, house, by=owner.seat)
        Member.objects.filter(pk=left.pk).update(standing="left")
        _job, kept = roster_booking.undo(roster, by=owner.seat)

        assert set(kept) == {one.pk, other.pk, left.pk}
        assert set(Placement.objects.open().values_list("member", "group")) == {(one.pk, new.pk), (other.pk, new.pk)}


def test_a_channel_of_a_closed_group_does_not_come_back(group):  # noqa: F811
    seat = group.assistant
    channel = channels.add(group, "discord", "https://discord.com/api/webhooks/1/x", by=seat)
    channels.drop(channel, seat.tenant, by=seat)
    setup.close(group, seat.tenant, by=seat)

    assert refused(lambda: trail.take_back(Event.objects.get(kind="channel.dropped"), by=seat)) == "group_closed"
