"""Real workers are killed at random points while two beats sweep: nothing is lost, nothing happens twice.

`KILLS=500` kills for longer than the 8 times of every run; `KILLS_SEED=…` repeats a run.
"""

import contextlib
import datetime
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups import calendar, reshuffles
from groups.models import CalendarStep, Cohort, Draft, Move, Placement, Push, Reshuffle, Task, Wave
from members.models import Member
from tests.factories import ChannelFactory, CohortFactory, GroupFactory, MatrixFactory, PushFactory, SeatFactory, TenantFactory
from tests.groups.robots import Robots

HERE = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", 8))
SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))
WORKERS, BEATS = 2, 2
# Each process of `pytest -n` has its own; else one would empty the other's queues, and take its jobs to the wrong tables.
BROKER = 7 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
PACE = 0.6  # seconds between two kills, about
PROMISES = {"groups.jobs.keep_step", "groups.jobs.hand_out", "groups.jobs.think", "groups.jobs.keep_push"}


class Workers:
    """The product's workers and beats as processes; killed ones are replaced."""

    def __init__(self, folder, robots, promises=PROMISES, beats=BEATS):
        self.folder, self.promises, self.processes = folder, promises, []
        socket = settings.REDIS_URL.partition("://")[2]
        self.broker = redis.Redis(unix_socket_path=socket, db=BROKER)
        self.broker.flushdb()
        name = connection.settings_dict["NAME"]
        self.env = os.environ | {
            "DATABASE_URL": os.environ["DATABASE_URL"].replace("/crm?", f"/{name}?"),
            "KILLS_SOCKET": socket,
            "KILLS_DB": str(BROKER),
            "DELIVERY_HOSTS": robots.host,
            "KILLS_BROKER": f"redis+socket://{socket}?virtual_host={BROKER}",
        }
        del self.env["MIGRATE_DATABASE_URL"]
        self.beats = [self.celery("beat", "-s", str(folder / f"beat-{n}"), "--pidfile", "") for n in range(beats)]
        self.workers = [self.worker() for _ in range(WORKERS)]

    def celery(self, *words):
        command = [sys.executable, "-m", "celery", "--app", "tests.tenancy.hurried", "--quiet", *words, "--loglevel", "ERROR"]
        with (self.folder / "celery.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=HERE, env=self.env, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def worker(self):
        return self.celery("worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")

    def are_ready(self):
        return (self.folder / "celery.log").read_text().count(" ready.") >= WORKERS

    def working(self):
        """What each process does now: {number: job}"""
        found = {int(pid): job.decode() for pid, job in self.broker.hgetall("busy").items()}
        return {pid: job for pid, job in found.items() if is_alive(pid)}

    def busy(self):
        """Those that keep a promise, if any does."""
        found = self.working()
        return {pid: job for pid, job in found.items() if job in self.promises} or found

    def kill_one(self, chance, patience=1.5):
        """Now and then a whole worker, else a process in the middle of a job. Returns that job."""
        if chance.random() < 0.06:  # a worker takes long to start
            at = chance.randrange(WORKERS)
            self.end(self.workers[at])
            self.workers[at] = self.worker()
            return None
        wait_until(lambda: self.promises & set(self.busy().values()), patience)
        pid, job = chance.choice(sorted(self.busy().items()) or [(None, None)])
        time.sleep(chance.uniform(0, 0.03))
        if pid and self.broker.hdel("busy", pid):  # else it has ended meanwhile
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return job
        return None

    def end(self, process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def all_end(self):
        for process in self.processes:
            self.end(process)
        self.broker.flushdb()
        self.broker.close()


@pytest.fixture
def workers(transactional_db, tmp_path):
    started = []

    def start(robots):
        started.append(Workers(tmp_path, robots))
        return started[0]

    yield start
    for each in started:
        each.all_end()


@pytest.fixture
def robots():
    made = Robots()
    made.says((200, {"errcode": 0}))
    yield made
    made.end()


def is_alive(pid):
    """What is left of a killed worker's processes waits for somebody who asks how they ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def wait_until(true, seconds, every=0.002):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


# What is promised: half-years that begin, waves that are handed out, drafts that are made


def at(seconds):
    return now() + datetime.timedelta(seconds=seconds)


def seated(people, **matrix):
    """Two groups and so many people in them."""
    matrix = MatrixFactory(**matrix)
    groups = GroupFactory.create_batch(2, matrix=matrix)
    cohort = CohortFactory(matrix=matrix)
    members = Member.objects.bulk_create([Member(nickname=f"Lin {n}") for n in range(people)])
    seats = [(who, groups[n % 2]) for n, who in enumerate(members)]
    Placement.objects.bulk_create(
        Placement(member=who, group=group, matrix=matrix, cohort=cohort, since=cohort.begins_on) for who, group in seats
    )
    return matrix, seats


def half_years_to_begin(tenant, many, over):
    """Matrices whose next half-year begins within so many seconds."""
    for n in range(many):
        matrix, _ = seated(40)
        reshuffle = calendar.lay_out(matrix, tenant)
        steps = CalendarStep.objects.filter(cohort=reshuffle.cohort)
        steps.filter(kind=CalendarStep.Kind.PROPOSE).update(state=CalendarStep.State.PASSED)
        steps.filter(kind=CalendarStep.Kind.BEGIN).update(due_at=at(over * n / many))


def waves_to_hand_out(tenant, many, over, moves=20):
    assistants = [SeatFactory(tenant=tenant, role="assistant") for _ in range(4)]
    matrix, seats = seated(many * moves, is_reshuffled=False)
    new = GroupFactory(matrix=matrix)
    cohort = CohortFactory(matrix=matrix, planned=True)
    reshuffle = Reshuffle.objects.create(matrix=matrix, cohort=cohort, state=Reshuffle.State.APPROVED)
    for n in range(many):
        day = cohort.begins_on - datetime.timedelta(days=n // 4 + 1)
        wave = Wave.objects.create(reshuffle=reshuffle, assistant=assistants[n % 4], day=day, due_at=at(over * n / many))
        Move.objects.bulk_create(
            Move(reshuffle=reshuffle, member=who, from_group=group, to_group=new, wave=wave, rank=n * moves + k)
            for k, (who, group) in enumerate(seats[n * moves : (n + 1) * moves])
        )


def drafts_to_make(tenant, many, over):
    for n in range(many):
        matrix, _ = seated(8)
        draft = reshuffles.propose(matrix, tenant, seed=n, steps=1_000)
        CalendarStep.objects.filter(cohort=draft.reshuffle.cohort).update(state=CalendarStep.State.PASSED)
        Draft.objects.filter(pk=draft.pk).update(due_at=at(over * n / many))


def pushes_to_send(many, over, robots):
    """Their texts are numbered, so that the robots can tell them apart."""
    channel = ChannelFactory(address=f"{robots.url}/hook", a_minute=600)
    for n in range(many):
        PushFactory(group=channel.group, text=f"News {n}", due_at=at(over * n / many))


def unkept():
    """How many promises are due or will be, by kind."""
    models = (CalendarStep, Wave, Draft, Push)
    return {model.__name__: model.objects.filter(state__in=model.swept, due_at__lte=at(3600)).count() for model in models}


def test_workers_are_killed_and_nothing_is_lost_or_doubled(workers, robots, capsys):
    chance = random.Random(SEED)
    tenant = TenantFactory()
    over = KILLS * PACE
    running = workers(robots)
    assert wait_until(running.are_ready, 240), (running.folder / "celery.log").read_text()
    with acting_for(tenant.pk):
        SeatFactory(tenant=tenant, role="owner")
        half_years_to_begin(tenant, KILLS // 4, over)
        waves_to_hand_out(tenant, KILLS, over)
        drafts_to_make(tenant, 3, over / 2)
        pushes_to_send(2 * KILLS, over, robots)
        steps = set(CalendarStep.objects.filter(state=CalendarStep.State.WAITING).values_list("cohort_id", flat=True))
        waves = set(Wave.objects.values_list("pk", flat=True))
        drafts = set(Draft.objects.values_list("pk", flat=True))

    jobs = Counter(running.kill_one(chance) for _ in range(KILLS))

    def all_kept():
        with acting_for(tenant.pk):
            return not any(unkept().values())

    kept = wait_until(all_kept, 60 + KILLS)
    with capsys.disabled():
        print(f"\nKILLS_SEED={SEED}: {KILLS} kills, in the middle of {dict(jobs)}")
    with acting_for(tenant.pk):
        assert kept, unkept()
        events = {kind: Counter() for kind in ("cohort.began", "wave.handed_out", "draft.ready")}
        for kind, subject in Event.objects.filter(kind__in=events).values_list("kind", "subject"):
            events[kind][subject] += 1
        assert events == {"cohort.began": Counter(steps), "wave.handed_out": Counter(waves), "draft.ready": Counter(drafts)}
        assert_each_move_has_one_task()
        assert_each_half_year_began_once(steps)
        assert set(Draft.objects.values_list("state", flat=True)) == {Draft.State.READY}
        assert_no_message_is_doubled(robots)


def assert_each_move_has_one_task():
    tasks = Counter(Move.objects.values_list("task_id", flat=True))
    assert set(tasks.values()) == {1}
    assert tasks.keys() == set(Task.objects.values_list("pk", flat=True))
    assert Counter(Task.objects.values_list("member_id", flat=True)) == Counter(Move.objects.values_list("member_id", flat=True))


def assert_no_message_is_doubled(robots):
    """What was sent is there once; what was being sent when its worker died is there or not, and asks somebody."""
    there = Counter(asked.json["text"]["content"] for asked in robots.asked)
    states = dict(Push.objects.values_list("text", "state"))
    assert set(there.values()) <= {1}
    assert set(states.values()) <= {Push.State.SENT, Push.State.UNSURE}
    assert {text for text, state in states.items() if state == Push.State.SENT} <= there.keys() <= states.keys()


def assert_each_half_year_began_once(cohorts):
    for cohort in Cohort.objects.filter(pk__in=cohorts):
        assert cohort.state == Cohort.State.CURRENT
        sit = Placement.objects.filter(matrix=cohort.matrix_id)
        now_there = Counter(sit.filter(cohort=cohort, until=None).values_list("member_id", flat=True))
        before = Counter(sit.exclude(cohort=cohort).filter(until=cohort.begins_on).values_list("member_id", flat=True))
        assert now_there == before == Counter(dict.fromkeys(before, 1))
        assert len(now_there) == 40
