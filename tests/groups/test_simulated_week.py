"""A week of a community runs by itself: the clock is moved from one thing that is due to the next, real workers and a real beat do it,
robots that stand for the platforms fail now and then, and processes are killed in the middle.

Every run walks two days of four groups; `WEEK=long` walks seven days of the sixteen groups of `../shared/data/qinghe` where that lies
there, of as many invented ones elsewhere. `WEEK_DAYS=…` walks more or fewer days, `WEEK_SEED=…` repeats a run.
"""

import datetime
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
import time_machine as machine
from django.db.models import Max
from django.utils.timezone import now

from crm.imports import load_community
from crm.tenancy.effects import KEEPERS
from crm.tenancy.models import Event, Seat, Tenant
from crm.tenancy.scope import acting_for
from groups import delivery, jobs
from groups.models import Channel, Group, Occurrence, Push, Rise, Task
from tests.conftest import SeatClient
from tests.factories import ChannelFactory, GroupFactory, MatrixFactory, SeatFactory, TenantFactory
from tests.tenancy.test_kills import Workers, wait_until

from .robots import CUT, HANG, Robots
from .test_phone import tick

QINGHE = Path(__file__).parents[3] / "shared/data/qinghe"
LONG = os.environ.get("WEEK") == "long"
SEED = int(os.environ.get("WEEK_SEED") or random.SystemRandom().randrange(10**6))
DAYS = int(os.environ.get("WEEK_DAYS") or (7 if LONG else 2))
KILLED = 0.6 if LONG else 0.8  # how often, at a moment at which something is due
PROMISES = {"crm.tenancy.jobs.keep_together", "groups.jobs.keep_push", "groups.jobs.rise"}
LASTING = {"groups.jobs.keep_push", "groups.jobs.think", "crm.tenancy.work.keep_job"}
A_MINUTE, PUNCTUAL = datetime.timedelta(minutes=1), datetime.timedelta(minutes=4)
LOST = (500, HANG, CUT)  # answers after which the message may stand in the chat


class Fickle(Robots):
    """Robots of WeCom that take most messages; what each text was answered stands in `said`."""

    def __init__(self):
        super().__init__()
        self.said = []

    def answer(self, asked):
        text = asked.json["text"]["content"]
        chance = random.Random(f"{SEED} {text} {sum(text == said for said, _ in self.said)}")
        answer = chance.choices([0, -1, 500, HANG, CUT], [70, 12, 6, 6, 6])[0]
        self.said.append((text, answer))
        return {0: (200, {"errcode": 0}, {}), -1: (200, {"errcode": -1}, {}), 500: (500, "", {})}.get(answer, answer)

    def visible(self):
        """{text: how often it may stand in a chat}"""
        return Counter(text for text, answer in self.said if answer == 0 or answer in LOST)


class Clock:
    """The same for this process and for those of the house, moved ahead and running on from there."""

    def __init__(self, broker):
        self.broker, self.travel = broker, machine.travel(now(), tick=True)
        self.coordinates = self.travel.start()

    def move_to(self, moment):
        self.broker.set("ahead", moment.timestamp() - machine.escape_hatch.time.time())
        self.coordinates.move_to(moment)


@pytest.fixture
def robots():
    made = Fickle()
    yield made
    made.end()


@pytest.fixture
def running(transactional_db, tmp_path, robots, monkeypatch):
    monkeypatch.setenv("KILLS_SWEEP", "0.25")
    monkeypatch.setenv("KILLS_AGAIN", "1")
    made = Workers(tmp_path, robots, PROMISES, beats=1)
    yield made
    made.all_end()


@pytest.fixture
def clock(running):
    made = Clock(running.broker)
    yield made
    made.travel.stop()


# The community, and what its week holds


def community():
    """Its groups sit with four assistants; every fourth group is heavy."""
    if LONG and QINGHE.is_dir():
        tenant = load_community(QINGHE, "qinghe").tenant
    else:
        tenant = TenantFactory(slug="qinghe")
        with acting_for(tenant.pk):
            matrix = MatrixFactory()
            for n in range(16 if LONG else 4):
                GroupFactory(matrix=matrix, number=n + 1, name=f"Group {n + 1}")
    SeatFactory(tenant=tenant, role=Seat.Role.OWNER)
    assistants = [SeatFactory(tenant=tenant, role=Seat.Role.ASSISTANT) for _ in range(4)]
    with acting_for(tenant.pk):
        for n, group in enumerate(Group.objects.filter(matrix__is_reshuffled=True).in_order()):
            group.mode, group.assistant = (Group.Mode.HEAVY, Group.Mode.LIGHT)[n % 4 > 0], assistants[n % 4]
            group.save()
    return tenant, assistants


def monday(tenant):
    """The next one, as it begins."""
    day = tenant.today() + datetime.timedelta(days=7 - tenant.today().weekday())
    return datetime.datetime.combine(day, datetime.time(0), tenant.zone)


def evenings(tenant, begins, robots):
    """At eight each evening one message into each group; half of the groups have a robot."""
    for n, group in enumerate(Group.objects.open().in_order()):
        if n % 2 == 0:
            ChannelFactory(group=group, kind=Channel.Kind.WECOM, address=f"{robots.url}/{n}", a_minute=600)
        for day in range(DAYS):
            at = begins + datetime.timedelta(days=day, hours=20)
            delivery.push(group, cause=f"evening:{group.pk}:{day}", title="Tonight", text=f"{group.name}, evening {day}", due_at=at)


def due(until):
    """How many rows are due by then, of every kind that a keeper keeps."""
    return +Counter({model.__name__: model.objects.filter(state__in=model.swept, due_at__lte=until).count() for model in KEEPERS})


def next_due(before):
    """The first moment at which something will be due; what comes within the next minute is done with it, as by a house that is slow."""
    first = [model.objects.filter(state__in=model.swept, due_at__lt=before).order_by("due_at").first() for model in KEEPERS]
    first = min((row.due_at for row in first if row), default=None)
    if first is None:
        return None
    soon = [model.objects.filter(state__in=model.swept, due_at__range=(first, first + A_MINUTE)) for model in KEEPERS]
    return max(rows.aggregate(last=Max("due_at", default=first))["last"] for rows in soon)


def assistants_tick(assistants, chance):
    """Most of what is open, through the phone."""
    for seat in assistants:
        client = SeatClient(seat)
        with acting_for(seat.tenant_id):
            tasks = list(Task.objects.open().of(seat).in_order())
        for task in tasks:
            act = chance.choices(["done", "impossible", ""], [80, 8, 12])[0]
            if act and chance.random() < 0.7:
                answer = tick(client, task, act, reason="other" if act == "impossible" else "")
                assert answer.status_code == 200, answer.content


def test_a_week_loses_no_task_and_doubles_no_message(running, robots, clock, capsys):
    chance, started = random.Random(SEED), time.perf_counter()
    tenant, assistants = community()
    begins = monday(tenant)
    ends = begins + datetime.timedelta(days=DAYS)
    assert wait_until(running.are_ready, 240), (running.folder / "celery.log").read_text()
    clock.move_to(begins - datetime.timedelta(hours=1))  # a day is laid out before it begins
    jobs.lay_out_rhythms()
    with acting_for(tenant.pk):
        evenings(tenant, begins, robots)
    kills, moments = Counter(), 0

    while moment := first_of(tenant, ends):
        clock.move_to(max(moment, now()))
        moments += 1
        if chance.random() < KILLED:
            kills[running.kill_one(chance, patience=0.5)] += 1
        assert wait_until(lambda: is_through(tenant, running), 180, every=0.02), due_of(tenant)
        assistants_tick(assistants, chance)

    with acting_for(tenant.pk), capsys.disabled():
        print(f"\nWEEK_SEED={SEED}, {DAYS} days, {Group.objects.open().count()} groups: {time.perf_counter() - started:.0f} seconds")
        print(f"{moments} moments, {sum(kills.values())} kills, in the middle of {dict(kills)}")
        print(f"tasks: {by_state(Task)}; {robots_took(robots)}; robot messages: {by_state(Push)}")
    with acting_for(tenant.pk):
        assert due(ends) == {}
        assert_each_slot_became_one_task(ends)
        assert_no_message_is_lost_or_doubled(robots)
        assert_late_ones_rose_in_order()


def first_of(tenant, ends):
    with acting_for(tenant.pk):
        return next_due(ends)


def is_through(tenant, running):
    """Nothing is due, and nobody is in the middle of what takes its time; what a killed worker left is due later."""
    return not due_of(tenant) and not LASTING & set(running.working().values())


def due_of(tenant):
    with acting_for(tenant.pk):
        return due(now())


def by_state(model):
    return dict(Counter(model.objects.values_list("state", flat=True)))


def robots_took(robots):
    return f"robots were asked {len(robots.said)} times, {sum(answer in LOST for _, answer in robots.said)} of them broke"


def assert_each_slot_became_one_task(ends):
    laid_out = list(Occurrence.objects.filter(due_at__lt=ends))
    assert len(laid_out) >= DAYS * 2
    assert {row.state for row in laid_out} == {Occurrence.State.HANDED_OUT}
    tasks = Counter(row.task_id for row in laid_out)
    assert set(tasks.values()) == {1}
    made = dict(Task.objects.filter(kind=Task.Kind.SLOT).values_list("pk", "after"))
    packets = Counter(packet for packet in made.values() if packet)  # one goes ahead of each talk
    assert set(packets.values()) <= {1}
    assert tasks.keys() | packets.keys() == made.keys()
    told = Counter(Event.objects.filter(kind="occurrence.handed_out").values_list("subject", flat=True))
    assert told == Counter(row.pk for row in laid_out)
    told_at = dict(Event.objects.filter(kind="occurrence.handed_out").values_list("subject", "at"))
    assert max(told_at[row.pk] - row.due_at for row in laid_out) < PUNCTUAL


def assert_no_message_is_lost_or_doubled(robots):
    """Each evening's message went out once, or may have gone out once and asks, or is somebody's task and is in no chat yet."""
    pushes, there = list(Push.objects.select_related("task")), robots.visible()
    assert set(there.values()) <= {1}
    by_hand = [push for push in pushes if push.task_id]
    assert Counter(push.task_id for push in by_hand).keys() == set(Task.objects.filter(kind=Task.Kind.PUSH).values_list("pk", flat=True))
    assert {there[push.text] for push in by_hand} <= {0}
    by_robot = [push for push in pushes if not push.task_id]
    assert {push.state for push in by_robot} <= {Push.State.SENT, Push.State.UNSURE}
    assert {there[push.text] for push in by_robot if push.state == Push.State.SENT} <= {1}
    assert by_hand
    assert by_robot


def assert_late_ones_rose_in_order():
    """A step that was done comes after all those before it, and only of tasks that were late."""
    done = Counter(Rise.objects.filter(state=Rise.State.DONE).values_list("task", flat=True))
    risen = dict(Task.objects.filter(risen__gt=0).values_list("pk", "risen"))
    assert dict(done) == risen
    told = Counter(Event.objects.filter(kind__in=["task.reminded", "task.passed_on", "task.brought_up"]).values_list("subject", flat=True))
    assert all(told[pk] <= many for pk, many in risen.items())
    assert Tenant.objects.count() == 1
