"""Tasks change hands: some of them, what somebody has today or this week, and all of whoever leaves."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy import events, seats
from crm.tenancy.models import Event, Seat
from crm.tenancy.scope import acting_for
from groups import arrival_handing, arrivals, delivery, handovers, occurrences, talks, waves
from groups.jobs import keep_code
from groups.models import Arrival, Channel, Group, GroupCode, Move, Occurrence, Task
from tests.conftest import KeyClient, SeatClient
from tests.factories import (
    ArrivalFactory,
    ArrivalStepFactory,
    ChannelFactory,
    GroupCodeFactory,
    GroupFactory,
    MemberFactory,
    MoveFactory,
    ReshuffleFactory,
    RhythmFactory,
    SeatFactory,
    SlotFactory,
    TaskFactory,
    WaveFactory,
)  # fmt: skip
from tests.groups.test_phone import tick


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def doudou(house):
    return SeatFactory(tenant=house, role="assistant", name="Doudou")


def tasks_of(seat, number=1, **fields):
    with acting_for(seat.tenant_id):
        return TaskFactory.create_batch(number, assistant=seat, **fields)


def whose(tasks):
    with acting_for(tasks[0].tenant_id):
        found = dict(Task.objects.filter(pk__in=[task.pk for task in tasks]).values_list("pk", "assistant"))
    return [found[task.pk] for task in tasks]


def handed(client, **said):
    return client.post("tasks/handing/", said, follow=True)


def last_fact(tenant, kind="tasks.handed_over"):
    with acting_for(tenant.pk):
        return Event.objects.filter(kind=kind).newest_first().first()


def test_picked_tasks_change_hands_and_come_back_by_one_click(operator, assistant, doudou):
    picked, left = tasks_of(assistant.seat, 3), tasks_of(assistant.seat)

    page = handed(operator, task=[task.pk for task in picked], give_to=doudou.pk)

    assert "3 tasks are with Doudou now." in page.content.decode()
    assert whose(picked + left) == [doudou.pk] * 3 + [assistant.seat.pk]
    fact = last_fact(operator.tenant)
    back = operator.post(f"trail/{fact.pk}/undo/", {"next": "/qinghe/tasks/?state=done"})
    assert (back["Location"], whose(picked)) == ("/qinghe/tasks/?state=done", [assistant.seat.pk] * 3)


def test_what_was_done_meanwhile_stays_when_the_rest_comes_back(operator, assistant, doudou):
    done, open_one = tasks_of(assistant.seat, 2)
    handed(operator, task=[done.pk, open_one.pk], give_to=doudou.pk)
    with acting_for(operator.tenant.pk):
        Task.objects.filter(pk=done.pk).update(state="done", ended_at=now(), ended_by=doudou)

    back = operator.post(f"trail/{last_fact(operator.tenant).pk}/undo/", {"next": "https://elsewhere.example/"})

    assert whose([done, open_one]) == [doudou.pk, assistant.seat.pk]
    assert back["Location"].endswith("/trail/")


@pytest.mark.parametrize(("span", "moved"), [("today", 2), ("week", 3), ("all", 4)])
def test_everything_of_today_or_this_week_in_one_move(operator, assistant, doudou, span, moved):
    zone, today = operator.tenant.zone, operator.tenant.today()
    noon = datetime.datetime.combine(today, datetime.time(12), zone)
    sunday = noon + datetime.timedelta(days=6 - today.weekday())
    days = [noon - datetime.timedelta(days=3), noon, sunday, sunday + datetime.timedelta(days=2)]
    tasks = [tasks_of(assistant.seat, due_at=day)[0] for day in days]

    handed(operator, whose=assistant.seat.pk, span=span, give_to=doudou.pk)

    expected = max(moved, 3) if today.weekday() == 6 and span != "all" else moved  # a week that ends today
    assert whose(tasks).count(doudou.pk) == expected


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"task": [], "give_to": "doudou"}, 400),
        ({"whose": "assistant", "span": "never", "give_to": "doudou"}, 400),
        ({"give_to": "gone"}, 409),
        ({"give_to": "viewer"}, 409),
        ({"give_to": "nobody"}, 409),
        ({"give_to": "assistant"}, 409),
    ],
)
def test_what_cannot_be_handed_over_is_refused_and_stays(operator, assistant, viewer, doudou, said, status):
    tasks = tasks_of(assistant.seat)
    gone = SeatFactory(tenant=operator.tenant, ended_at=now())
    ids = {"doudou": doudou.pk, "assistant": assistant.seat.pk, "viewer": viewer.seat.pk, "gone": gone.pk}
    said = {"task": [task.pk for task in tasks]} | {name: ids.get(str(value), value) for name, value in said.items()}

    assert handed(operator, **said).status_code == status
    assert whose(tasks) == [assistant.seat.pk]


def test_an_assistant_hands_over_their_own_and_nobody_elses(assistant, operator, viewer, doudou):
    mine, others = tasks_of(assistant.seat, 2), tasks_of(operator.seat)

    asked = [{"task": [others[0].pk]}, {"whose": operator.seat.pk, "span": "all"}]

    refused = [handed(assistant, **said, give_to=doudou.pk) for said in asked]
    handed(assistant, whose=assistant.seat.pk, span="all", give_to=doudou.pk)

    assert [answer.status_code for answer in refused] == [409, 409]
    assert whose(mine + others) == [doudou.pk] * 2 + [operator.seat.pk]
    assert handed(viewer, task=[others[0].pk], give_to=doudou.pk).status_code == 403


def test_the_list_offers_whoever_works_the_freest_first(operator, assistant, doudou, viewer):
    tasks_of(assistant.seat, minutes=50)

    page = operator.get(f"tasks/?assistant={assistant.seat.pk}&ask=hand-over")

    assert [number for _code, _label, number in page.context["spans"]] == [1, 1, 1]
    assert 'id="hand-over" data-open' in page.content.decode()
    assert [str(seat) for seat in page.context["hands"]] == ["Chen", "Doudou", "Xiaoyu"]
    assert "Hand over what Xiaoyu has to do" in page.content.decode()


# Who leaves


def test_whoever_leaves_leaves_nothing_undone_and_who_is_back_has_it_back(owner, assistant, doudou):
    with acting_for(owner.tenant.pk):
        one, other = GroupFactory(number=1, assistant=doudou), GroupFactory(number=2)
    third = SeatFactory(tenant=owner.tenant, role="assistant", name="Third")
    tasks_of(doudou, minutes=90)
    of_one, of_other = tasks_of(assistant.seat, 2, group=one), tasks_of(assistant.seat, 2, group=other)

    with acting_for(owner.tenant.pk):
        seats.end(assistant.seat, by=owner.seat)

    assert whose(of_one + of_other) == [doudou.pk] * 2 + [third.pk] * 2
    with acting_for(owner.tenant.pk):
        seats.restore(Seat.objects.get(pk=assistant.seat.pk), by=owner.seat)
    assert whose(of_one + of_other) == [assistant.seat.pk] * 4


def test_where_nobody_else_works_the_owner_has_it(owner, assistant):
    tasks = tasks_of(assistant.seat, 2)

    with acting_for(owner.tenant.pk):
        seats.leave(assistant.seat)

    assert whose(tasks) == [owner.seat.pk] * 2


def test_who_only_looks_on_from_now_on_has_nothing_to_do(owner, assistant, doudou):
    tasks = tasks_of(assistant.seat)

    with acting_for(owner.tenant.pk):
        seats.change_role(assistant.seat, "viewer", by=owner.seat)

    assert whose(tasks) == [doudou.pk]


def test_what_is_taken_back_of_somebody_who_left_is_to_do_for_somebody_who_works(owner, assistant, doudou):
    with acting_for(owner.tenant.pk):
        group = GroupFactory(assistant=doudou)
    tasks = tasks_of(assistant.seat, kind="given", group=group, state="done", ended_by=assistant.seat, ended_at=now())
    with acting_for(owner.tenant.pk):
        seats.end(assistant.seat, by=owner.seat)

    assert tick(owner, tasks[0], "undo").status_code == 200

    assert whose(tasks) == [doudou.pk]
    with acting_for(owner.tenant.pk):
        seats.restore(Seat.objects.get(pk=assistant.seat.pk), by=owner.seat)
    assert whose(tasks) == [assistant.seat.pk]


# Programs


def test_a_program_hands_over(api, house, assistant, doudou):
    tasks = tasks_of(assistant.seat, 2)

    first = api.post("/tasks/handing/", {"give_to": str(doudou.pk), "tasks": [str(tasks[0].pk)]})
    rest = api.post("/tasks/handing/", {"give_to": str(doudou.pk), "whose": str(assistant.seat.pk), "span": "all"})
    again = api.post("/tasks/handing/", {"give_to": str(doudou.pk), "whose": str(assistant.seat.pk), "span": "all"})
    neither = api.post("/tasks/handing/", {"give_to": str(doudou.pk)})

    assert [answer.json()["tasks"] for answer in (first, rest)] == [1, 1]
    assert [answer.json()["code"] for answer in (again, neither)] == ["nothing_to_hand_over", "tasks_or_whose"]
    assert whose(tasks) == [doudou.pk] * 2
    own = KeyClient(assistant.seat).post("/tasks/handing/", {"give_to": str(assistant.seat.pk), "whose": str(doudou.pk), "span": "all"})
    assert own.status_code == 409


def test_a_program_takes_a_hand_over_back(api, house, assistant, doudou):
    tasks = tasks_of(assistant.seat, 2)
    fact = api.post("/tasks/handing/", {"give_to": str(doudou.pk), "tasks": [str(task.pk) for task in tasks]}).json()["event"]
    undo = f"/events/{fact}/undo/"

    refused = [
        KeyClient(assistant.seat).post(undo),  # somebody else's act
        KeyClient(api.seat, scopes=["trail:write"]).post(undo),  # a key that may not hand over
        KeyClient(api.seat, scopes=["tasks:write"]).post(undo),
    ]
    back = api.post(undo)
    again = api.post(undo)

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (404, "not_found"), (403, "scope_too_small"), (403, "scope_too_small"),
    ]  # fmt: skip
    assert [answer.json()["scope"] for answer in refused[1:]] == ["tasks:write", "trail:write"]
    assert (back.status_code, back.json()) == (200, {"sentence": "2 tasks are back where they were."})
    assert whose(tasks) == [assistant.seat.pk] * 2
    assert again.status_code == 409


def test_what_has_no_way_back_says_so(api, house):
    with acting_for(house.pk):
        fact = events.note("key.made", house, by=api.seat)

    answer = api.post(f"/events/{fact.pk}/undo/", headers={"If-Match": "*"})

    assert (answer.status_code, answer.json()["code"]) == (409, "no_way_back")


def test_the_list_asks_as_much_for_thirty_as_for_one(operator, assistant):

    tasks_of(assistant.seat)
    client = SeatClient(operator.seat)
    with CaptureQueriesContext(connection) as few:
        client.get("tasks/")
    tasks_of(assistant.seat, 29)
    with CaptureQueriesContext(connection) as many:
        client.get("tasks/")

    assert len(many) == len(few)


# Somebody is ill: what is no task yet goes along


DAY = datetime.timedelta(days=1)
MONDAY = datetime.datetime(2026, 11, 30, 1, tzinfo=datetime.UTC)  # nine in the morning in Shanghai


@pytest.fixture
def ill(house, assistant, doudou):
    """On Monday: a slot on Wednesday and one on the next Monday, one dealt to whoever is free, a talk handed out, a wave, an arrival."""
    with time_machine.travel(MONDAY, tick=False) as clock, acting_for(house.pk):
        group = GroupFactory(assistant=assistant.seat, rhythm=RhythmFactory())
        SlotFactory(rhythm=group.rhythm, weekday=2, title="Topic", minutes=5)
        SlotFactory(rhythm=group.rhythm, weekday=0, title="Plan", minutes=5, at=datetime.time(8))
        SlotFactory(rhythm=group.rhythm, weekday=3, title="Chat", minutes=90, given="free")
        SlotFactory(rhythm=group.rhythm, weekday=4, title="News", text="Good morning", given="robot")
        ChannelFactory(group=group, state="on")
        occurrences.lay_out(house)
        day = datetime.date(2026, 12, 1)
        talks.give(group, MemberFactory(), day, datetime.time(20), by=SeatFactory(tenant=house, role="owner"))
        reshuffle = ReshuffleFactory()
        wave = WaveFactory(reshuffle=reshuffle, assistant=assistant.seat, day=day, due_at=now())
        MoveFactory(reshuffle=reshuffle, wave=wave)
        arrival = ArrivalFactory(group=group, assistant=assistant.seat, day=day, state="planned")
        ArrivalStepFactory(arrival=arrival, state="waiting")
        yield clock


def hands_of(house):
    """Who carries what of the days to come, and the pair of the talk."""
    with acting_for(house.pk):
        rows = list(Occurrence.objects.select_related("slot", "group", "task").filter(state="waiting"))
        carried = occurrences.seats_of(rows, house)
        found = {(row.slot.title, row.wall_time.day): str(Seat.objects.get(pk=carried[row.pk])) for row in rows if row.pk in carried}
        found["talk"] = [str(task.assistant) for task in Task.objects.filter(kind="talk")]
        return found | {"wave": str(Move.objects.get().wave.assistant), "arrival": str(Arrival.objects.get().assistant)}


def test_who_is_ill_this_week_has_nothing_of_it_and_all_of_it_comes_back(ill, house, owner, assistant, doudou):
    name = str(assistant.seat)
    before = hands_of(house)

    page = handed(owner, whose=assistant.seat.pk, span="week", give_to=doudou.pk)
    during = hands_of(house)
    ill.move_to(MONDAY + datetime.timedelta(days=2))  # the slot of Wednesday is a task meanwhile
    with acting_for(house.pk):
        occurrences.hand_out(Occurrence.objects.get(slot__title="Topic", day=datetime.date(2026, 12, 2)).pk)
        topic = Task.objects.get(title="Topic")
    owner.post(f"trail/{last_fact(house).pk}/undo/")
    after = hands_of(house)

    assert "2 tasks are with Doudou now. So are 3 of the days to come." in page.content.decode()
    assert (before["talk"], before["wave"], before["arrival"], before["Topic", 2]) == ([name, name], name, name, name)
    assert during == before | {
        ("Topic", 2): "Doudou", "talk": ["Doudou", "Doudou"], "wave": "Doudou", "arrival": "Doudou",
    }  # fmt: skip
    assert topic.assistant_id == doudou.pk
    assert whose([topic]) == [assistant.seat.pk]
    assert after == {key: who for key, who in before.items() if key != ("Topic", 2)}


def test_what_comes_up_while_somebody_is_ill_goes_to_whoever_stands_in(ill, house, owner, assistant, doudou):
    with acting_for(house.pk):
        group = Group.objects.get(assistant=assistant.seat)
        code = GroupCodeFactory(group=group, due_at=now() + DAY)
        Channel.objects.update(state="off")

    def comes_up(n):
        """Whose is a message, a code asked for, a newcomer planned for the day, and what is late and somebody else's to do."""
        with acting_for(house.pk):
            GroupCode.objects.filter(pk=code.pk).update(state="waiting", task=None, due_at=now())
            keep_code(str(house.pk), str(code.pk))
            push = delivery.push(group, cause=f"news:{n}", title="News", text="Hello")
            arrival = arrivals.hurry(arrivals.wait(MemberFactory(), by=None, matrix=group.matrix), "Now", house, by=owner.seat)
            late = handovers.freest(house, but={doudou.pk})
            return push.task.assistant_id, GroupCode.objects.get(pk=code.pk).task.assistant_id, arrival.assistant_id, late and late.pk

    before = comes_up(1)
    handed(owner, whose=assistant.seat.pk, span="today", give_to=doudou.pk)
    page = owner.get(f"tasks/?assistant={assistant.seat.pk}")
    during = comes_up(2)
    ill.shift(DAY)
    well = comes_up(3)
    ill.shift(-DAY)
    with acting_for(house.pk):
        Task.objects.update(state="done", ended_at=now(), ended_by=doudou)  # nothing is left to give back
    owner.post(f"trail/{last_fact(house).pk}/undo/")

    me = assistant.seat.pk
    assert (before, during, well) == ((me, me, me, me), (doudou.pk, doudou.pk, doudou.pk, None), (me, me, me, me))
    assert page.context["stood_in_by"] == doudou
    assert comes_up(4) == before


def test_who_is_ill_and_has_nothing_to_do_yet_is_stood_in_for(house, owner, api, assistant, doudou):
    me, you, today = assistant.seat, doudou, house.today()
    with acting_for(house.pk):
        group = GroupFactory(assistant=me)

    def comes_up(n):
        with acting_for(house.pk):
            return delivery.push(group, cause=f"news:{n}", title="News", text="Hello").task.assistant_id

    offers = owner.get("tasks/").content.decode()
    said = handed(owner, whose=me.pk, span="today", give_to=you.pk).content.decode()
    during = comes_up(1)
    with acting_for(house.pk):  # of somebody who enters when they are back, the form is asked for now
        arrival = ArrivalFactory(group=group, assistant=me, day=today + 7 * DAY, at=datetime.time(20), state="planned")
        form = ArrivalStepFactory(arrival=arrival, kind="form", number=0, state="waiting", due_at=now())
        arrival_handing.keep(form.pk)
        form.refresh_from_db()
        arrival.refresh_from_db()
        asks = (form.task.assistant_id, arrival.assistant_id)
        Task.objects.filter(pk=form.task_id).update(state="withdrawn")
        arrival.steps.update(state="withdrawn")
    away = owner.get(f"tasks/?assistant={me.pk}").content.decode()
    back = owner.post(f"trail/{last_fact(house, 'tasks.stood_in').pk}/undo/", follow=True).content.decode()
    asked = {"give_to": str(you.pk), "whose": str(me.pk), "span": "all"}
    by_program, again = api.post("/tasks/handing/", asked), api.post("/tasks/handing/", asked)
    undone = api.post(f"/events/{by_program.json()['event']}/undo/")

    assert f"?assistant={me.pk}&amp;ask=hand-over" in offers
    assert f"Nothing was to hand over yet. What comes up before {today + DAY} goes to Doudou." in said
    assert (during, asks, comes_up(2)) == (you.pk, (you.pk, me.pk), me.pk)
    assert f"away until {today + DAY}; Doudou stands in" in away
    assert f"What comes up for Xiaoyu before {today + DAY} goes to Doudou." in away
    assert "What comes up from now on is theirs again." in back
    assert [by_program.json()[name] for name in ("tasks", "ahead", "give_to")] == [0, 0, str(you.pk)]
    assert (again.json()["code"], undone.json()) == ("nothing_to_hand_over", {"sentence": "What comes up from now on is theirs again."})
    gone = SeatFactory(tenant=house, ended_at=now())
    refused = [handed(owner, whose=whose, span="all", give_to=you.pk) for whose in (gone.pk, you.pk)]
    assert [answer.status_code for answer in refused] == [409, 409]


def test_who_stood_in_before_a_hand_over_does_so_again_when_it_is_taken_back(house, owner, api, assistant, doudou):
    me, third, today = assistant.seat, SeatFactory(tenant=house, role="assistant", name="Third"), house.today()

    def hands(seat, to):
        asked = {"give_to": str(to.pk), "whose": str(seat.pk), "span": "today"}
        return f"/events/{api.post('/tasks/handing/', asked).json()['event']}/undo/"

    def away():
        return set(Seat.objects.filter(tenant=house).exclude(stand_in=None).values_list("pk", "stand_in", "stand_in_until"))

    hands(doudou, third)
    first = hands(me, doudou)  # who is given all that is at work
    during = away()
    api.post(first)
    mine = hands(me, third)
    other = hands(me, doudou)
    said = api.post(other).json()["sentence"]

    both = {(doudou.pk, third.pk, today + DAY), (me.pk, third.pk, today + DAY)}
    assert (during, away(), said) == ({(me.pk, doudou.pk, today + DAY)}, both, "What comes up from now on goes to Third again.")
    api.post(mine)
    last = hands(me, doudou)
    hands(third, doudou)
    api.post(last)  # not in a circle
    assert away() == {(third.pk, doudou.pk, today + DAY)}


def test_rows_that_stand_in_for_each_other_in_a_circle_end(house, owner, assistant, doudou):
    third = SeatFactory(tenant=house, role="assistant")
    for seat, to in ((assistant.seat, doudou), (doudou, third), (third, doudou)):
        Seat.objects.filter(pk=seat.pk).update(stand_in=to.pk, stand_in_until=house.today() + DAY)
    with acting_for(house.pk):
        groups = [GroupFactory(assistant=seat) for seat in (assistant.seat, doudou)]
        who_works = waves.hands([group.pk for group in groups], house, house.today())

    assert who_works == {str(groups[0].pk): assistant.seat.pk, str(groups[1].pk): doudou.pk}
    assert owner.get("tasks/").status_code == 200


def test_an_assistant_hands_over_nothing_of_the_days_of_others(ill, house, doudou, assistant):
    before = hands_of(house)

    refused = SeatClient(doudou).post("tasks/handing/", {"whose": assistant.seat.pk, "span": "week", "give_to": doudou.pk})

    assert (refused.status_code, hands_of(house)) == (409, before)
