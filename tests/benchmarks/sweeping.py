"""Parts of `tests.benchmarks.rhythm`: the sweep and the workers, beside the same done by bare SQL.

`claimed and marked` is what the house adds by itself: sweep, queue, worker, the tenant's scope, and rows that only change their state.
`handed out` is all that happens: each row becomes a task with its first step, and a fact is noted; a quarter of the rows.
"""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import psycopg

HERE = Path(__file__).parents[2]
ROWS = int(sys.argv[sys.argv.index("--rows") + 1]) if "--rows" in sys.argv else 100_000
BATCH = 1000
MILLIONS = (0, 500_000, 5_000_000)
SWEEPS = 100
AGAIN = 5.0  # seconds after which beat asks for the next sweep

WAITING = "SELECT FROM groups_occurrence WHERE state = 'waiting' AND due_at <= now()"
DUE = f"""due AS (
    SELECT tenant_id, id, slot_id, group_id, due_at FROM groups_occurrence WHERE state = 'waiting' AND due_at <= now()
    ORDER BY due_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)"""
MARK = f"""WITH {DUE} UPDATE groups_occurrence AS o SET state = 'handed_out' FROM due
    WHERE o.tenant_id = due.tenant_id AND o.id = due.id"""
HAND_OUT = f"""WITH {DUE}, given AS MATERIALIZED (
    SELECT due.*, uuidv7() AS task, seat.id AS seat, slot.title, slot.text, slot.minutes, slot.within FROM due
    JOIN groups_slot AS slot ON (slot.tenant_id, slot.id) = (due.tenant_id, due.slot_id)
    JOIN tenancy_seat AS seat ON seat.tenant_id = due.tenant_id),
tasks AS (
    INSERT INTO groups_task (id, tenant_id, kind, group_id, assistant_id, due_at, late_at, state, rank, minutes, title, text, wants_proof,
        risen, reason, note)
    SELECT task, tenant_id, 'slot', group_id, seat, due_at, due_at + within * interval '1 minute', 'open', 0, minutes, title, text, false,
        0, '', '' FROM given),
steps AS (
    INSERT INTO groups_rise (id, tenant_id, task_id, step, state, due_at)
    SELECT uuidv7(), tenant_id, task, 1, 'waiting', now() + interval '1 day' FROM given),
facts AS (
    INSERT INTO tenancy_event (id, tenant_id, kind, subject_kind, subject, at, because, door, before, after)
    SELECT uuidv7(), tenant_id, 'occurrence.handed_out', 'occurrence', id, now(), '', 'job', '{{}}',
        jsonb_build_object('assistant', seat, 'minutes', minutes) FROM given)
UPDATE groups_occurrence AS o SET state = 'handed_out', task_id = task FROM given
    WHERE o.tenant_id = given.tenant_id AND o.id = given.id"""
ANEW = [
    "UPDATE groups_occurrence SET state = 'waiting', task_id = NULL WHERE due_at <= now()",
    "TRUNCATE groups_rise", "DELETE FROM groups_task WHERE kind = 'slot'", "DELETE FROM tenancy_event WHERE kind = 'occurrence.handed_out'",
]  # fmt: skip


def postgres():
    """Whom row level security does not concern."""
    return psycopg.connect(os.environ["DATABASE_URL"].replace("//crm@", "//postgres@"), autocommit=True)


def asked(sql, *values):
    with postgres() as connection:
        return connection.execute(sql, values)


def waiting():
    return asked(f"SELECT count(*) FROM ({WAITING}) AS waiting").fetchone()[0]


def anew():
    """All of them wait again, and nothing has come of them."""
    with postgres() as connection:
        connection.execute("SET session_replication_role = replica")  # no look at what points there
        for sql in ANEW:
            connection.execute(sql)
        connection.execute("VACUUM ANALYZE groups_occurrence")
        connection.execute("VACUUM ANALYZE groups_task")


LIVED_IN = """
    INSERT INTO groups_task (id, tenant_id, kind, group_id, assistant_id, due_at, late_at, state, rank, minutes, title, text, wants_proof,
        risen, reason, note)
    SELECT uuidv7(), g.tenant_id, 'given', g.id, seat.id, now(), now(), 'done', 0, 5, '', '', false, 0, '', ''
    FROM groups_group AS g JOIN tenancy_seat AS seat ON seat.tenant_id = g.tenant_id"""


def handed_over():
    asked(LIVED_IN)  # while the table is empty, a connection looks up each key of it by reading all of it, as long as it stands
    for name, sql, env, rows in (("claimed and marked", MARK, {"MARKS": "1"}, ROWS), ("handed out", HAND_OUT, {}, ROWS // 4)):
        fall_due(rows)
        anew()
        many = waiting()
        for workers in (1, 2):
            bare = line(f"bare SQL: {name}, {workers} at once", many, by_sql(sql, workers))
            anew()
            ours = line(f"{name}, {workers} worker{'s' * (workers > 1)}", many, by_workers(workers, env))
            anew()
            print(f"ours beside bare SQL: {ours / bare:.2f} times{' (aim 2)' if env else ''}")


def fall_due(rows):
    """So many, of as many tenants as it takes."""
    asked("UPDATE groups_occurrence SET state = 'waiting', due_at = now() + interval '1 day'")
    asked(
        "UPDATE groups_occurrence SET due_at = now() - interval '1 day' + random() * interval '1 hour' WHERE (tenant_id, id) IN"
        " (SELECT tenant_id, id FROM groups_occurrence ORDER BY tenant_id, id LIMIT %s)",
        rows,
    )


def line(name, many, seconds):
    print(f"{name:40} {many:9,} rows  {seconds:7.2f} s  {many / seconds:9,.0f} rows/s", flush=True)
    return seconds


def by_sql(sql, many):
    def work():
        with postgres() as connection:
            while connection.execute(sql).rowcount:
                pass

    threads = [threading.Thread(target=work) for _ in range(many)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not waiting()
    return time.perf_counter() - started


def by_workers(many, env):
    """From the first sweep until nothing waits; sweeps are asked for as beat does, and done by the workers."""
    from crm.tenancy import jobs

    with at_work(many, env), postgres() as connection:
        started = swept_at = time.perf_counter()
        jobs.sweep.apply_async()
        while connection.execute(f"SELECT EXISTS ({WAITING})").fetchone()[0]:
            if time.perf_counter() - swept_at > AGAIN:
                swept_at = time.perf_counter()
                jobs.sweep.apply_async(expires=AGAIN)
            time.sleep(0.02)
        return time.perf_counter() - started


@contextmanager
def at_work(many, env):
    from django.core.cache import cache

    from crm.celery import app

    cache.clear()
    command = [sys.executable, "-m", "celery", "--app", "tests.benchmarks.claiming", "--quiet", "worker", "--concurrency", str(many)]
    ours = {name: value for name, value in os.environ.items() if name != "MIGRATE_DATABASE_URL"} | env
    command += ["--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(command, cwd=HERE, env=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300  # its engine may have to be compiled first
        while not app.control.ping(timeout=0.5):
            assert time.monotonic() < deadline
        yield
    finally:
        worker.terminate()
        worker.wait(60)


# Nothing is due


def while_millions_wait(tenants):
    from crm.tenancy import jobs

    asked("UPDATE groups_occurrence SET due_at = now() + interval '1 day' WHERE state = 'waiting'")
    asked("TRUNCATE groups_rise")
    asked("ALTER TABLE groups_rise SET UNLOGGED")  # it fills faster, and is read as ever
    before = 0
    for many in MILLIONS:
        each, before = (many - before) // len(tenants), many
        with postgres() as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(
                "INSERT INTO groups_rise (id, tenant_id, task_id, step, state, due_at) SELECT uuidv7(), tenant, uuidv7(), 1, 'waiting',"
                " now() + interval '1 day' + n * interval '1 day' / %s FROM unnest(%s::uuid[]) AS tenant, generate_series(1, %s) AS n",
                [max(each, 1) / 14, tenants, each],
            )
            connection.execute("VACUUM ANALYZE groups_rise")
        spent = []
        for _ in range(SWEEPS):
            started = time.perf_counter()
            jobs.sweep()
            spent.append((time.perf_counter() - started) * 1000)
        found = asked("SELECT count(*) FROM groups_rise").fetchone()[0]
        p95 = quantiles(spent, n=20)[-1]
        print(f"a sweep, {found:9,} rows not yet due: p50 {median(spent):5.1f} ms, p95 {p95:5.1f} ms (aim 20 ms)", flush=True)
    print("how it looks: " + plan(), flush=True)


def plan():
    """How the database finds that nothing is due among so many."""
    from django.db import connection

    from crm.tenancy import jobs
    from crm.tenancy.scope import sweeping

    asked = []
    with connection.execute_wrapper(lambda execute, sql, *rest: asked.append((sql, rest[0])) or execute(sql, *rest)):
        jobs.sweep()
    sql, values = next(each for each in asked if "groups_rise" in each[0])
    with sweeping(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}", values)
        lines = [line for (line,) in cursor.fetchall()]
    return ", ".join(line.strip(" ->") for line in lines if "rise" in line or "Execution" in line)
