"""Waiting for the live server, whose threads go on when a browser has left."""

import time

from django.db import connection

BUSY = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND state <> 'idle' AND backend_type = 'client backend'"
)


def until_quiet(times=3, seconds=20):
    """Until nobody has asked the database anything so many times in a row: a request on its way may begin a moment later."""
    deadline, quiet = time.monotonic() + seconds, 0
    while quiet < times and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(BUSY)
            quiet = quiet + 1 if cursor.fetchone() == (0,) else 0
        time.sleep(0.05)
