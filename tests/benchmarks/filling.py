"""Many communities in one database, written by the database itself: a million members in a few minutes.

It is done as a superuser whom row level security does not concern, and without asking the keys again whether each row's neighbours
are there, since the same statements wrote them.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

AT_ONCE = 20  # tenants in one transaction
HANDS = 2
TABLES = ["members_member", "members_handle", "groups_matrix", "groups_group", "groups_cohort", "groups_placement"]
QUICKLY = ["session_replication_role = replica", "synchronous_commit = off", "work_mem = '64MB'"]
STATEMENTS = [
    "INSERT INTO members_member (id, tenant_id, nickname, standing, tier, city, industry, skills, skill_levels, offers, seeks,"
    " joined_on, tags, custom, note, search, sort_key, created_at)"
    " SELECT uuidv7(), %(t)s, 'Lin ' || n, 'current', 'member', 'Shanghai', 'Education', ARRAY['writing', 'video'],"
    " '{\"writing\": 2}', 'Video', 'Writers', DATE '2024-01-01' + n, ARRAY['core'], '{}', '', 'lin ' || n,"
    " 'lin ' || lpad(n::text, 5, '0'), now() FROM generate_series(1, %(members)s) n",
    "INSERT INTO members_handle (id, tenant_id, member_id, platform, value) SELECT uuidv7(), %(t)s, id, 'wechat', 'wx_' || nickname"
    " FROM members_member WHERE tenant_id = %(t)s",
    "INSERT INTO groups_matrix (id, tenant_id, name, is_reshuffled, lead_days, minutes_per_move, least_percent, half_life, weights)"
    " VALUES (uuidv7(), %(t)s, 'Members', true, 45, 2, 80, 1, '{}')",
    "INSERT INTO groups_group (id, tenant_id, matrix_id, name, number, mode, capacity, chat_url) SELECT uuidv7(), %(t)s, id,"
    " 'Group ' || n, n, 'light', 500, '' FROM groups_matrix, generate_series(1, %(groups)s) n WHERE tenant_id = %(t)s",
    "INSERT INTO groups_cohort (id, tenant_id, matrix_id, year, half, state) SELECT uuidv7(), %(t)s, id, 2025 + n / 2, 1 + n %% 2,"
    " CASE WHEN n = %(cohorts)s - 1 THEN 'current' ELSE 'past' END FROM groups_matrix, generate_series(0, %(cohorts)s - 1) n"
    " WHERE tenant_id = %(t)s",
    "INSERT INTO groups_placement (id, tenant_id, member_id, group_id, matrix_id, cohort_id, since, until)"
    " SELECT uuidv7(), %(t)s, m.id, g.id, g.matrix_id, c.id, DATE '2025-01-01',"
    " CASE WHEN c.state = 'current' THEN NULL ELSE DATE '2025-06-30' END"
    " FROM (SELECT id, row_number() OVER () AS n FROM members_member WHERE tenant_id = %(t)s) m"
    " CROSS JOIN groups_cohort c JOIN groups_group g ON g.tenant_id = %(t)s AND g.number = 1 + (m.n + c.half) %% %(groups)s"
    " WHERE c.tenant_id = %(t)s",
]


def fill(count, *, members, cohorts, groups):
    """Returns the tenants' ids."""
    from crm.tenancy.models import Tenant

    started, written, lock = time.perf_counter(), 0, threading.Lock()
    tenants = Tenant.objects.bulk_create(Tenant(slug=f"t{number}", name=f"Community {number}") for number in range(count))
    size = {"members": members, "cohorts": cohorts, "groups": groups}

    def hand(place):
        nonlocal written
        with _superuser() as connection:
            for setting in QUICKLY:
                connection.execute(f"SET {setting}")
            for first in range(place * AT_ONCE, count, HANDS * AT_ONCE):
                some = tenants[first : first + AT_ONCE]
                with connection.transaction():
                    for tenant in some:
                        for statement in STATEMENTS:
                            connection.execute(statement, size | {"t": tenant.pk})
                with lock:
                    written += len(some)
                    print(f"\r{written:,} tenants", end="", flush=True)

    with _superuser() as connection:  # no pause in the middle for what was written, as little as that is of a disk
        connection.execute("ALTER SYSTEM SET max_wal_size = '2GB'")
        connection.execute("SELECT pg_reload_conf()")
    with ThreadPoolExecutor(HANDS) as hands:
        for done in [hands.submit(hand, place) for place in range(HANDS)]:
            done.result()
    filled = time.perf_counter() - started
    with _superuser() as connection:  # as the database does it by itself within some minutes
        connection.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}")
        connection.execute("CHECKPOINT")
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]
    rows = count * (members * (2 + cohorts) + groups + cohorts + 1)
    print(f"\r{count:,} tenants × {members} members × {cohorts} half-years: {rows:,} rows in {filled:.0f} s,", end=" ")
    print(f"{size / 10**9:.1f} GB tidied in {time.perf_counter() - started - filled:.0f} s")
    return [tenant.pk for tenant in tenants]


def _superuser():
    # Planned anew each time: what is right for empty tables is not for full ones.
    return psycopg.connect(os.environ["DATABASE_URL"].replace("//crm@", "//postgres@"), autocommit=True, prepare_threshold=None)
