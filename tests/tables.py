"""The tables of the tests: migrated once into a database of their own, from which each process of `pytest -n` takes a copy.

Its name holds what the migrations say, so it serves the next run on these servers as well, until one of them changes.
"""

import fcntl
import hashlib
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from crm import servers

HERE = Path(__file__).parents[1]


def template():
    """The name of that database; who comes first makes it."""
    name = f"tables_{_version()}"
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with servers.locked(settings.DATA_DIR / "tables", fcntl.LOCK_EX):
        there = _databases()
        if name not in there:
            for older in there:
                _say(f'DROP DATABASE "{older}"')
            _say('DROP DATABASE IF EXISTS "unfinished"', 'CREATE DATABASE "unfinished"')
            with _at("unfinished"):
                call_command("migrate", verbosity=0)
            _say(f'ALTER DATABASE "unfinished" RENAME TO "{name}"')
    return name


def _version():
    ours = [*HERE.glob("[a-z]*/**/migrations/*.py"), *HERE.glob("crm/tenancy/postgres/*.py"), *HERE.glob("crm/tenancy/**/migrate.py")]
    sources = [*ours, HERE / "crm/tenancy/roles.sql", HERE / "pyproject.toml"]  # the last one pins the apps of others
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:12]


def _databases():
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'tables\\_%'")
        return [name for (name,) in cursor.fetchall()]


def _say(*lines):
    with connection._nodb_cursor() as cursor:
        for line in lines:
            cursor.execute(line)


@contextmanager
def _at(name):
    served = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = served


# What migrations wrote and no test changes.
KEPT = ["django_migrations", "django_content_type", "auth_permission"]
FILLED = """SELECT quote_ident(relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0 AND relname <> ALL(%s)"""


def emptied():
    """After a test whose transactions were real. Django's own way makes the files of all tables anew, which takes ten times as long."""
    where = connection.settings_dict
    with psycopg.connect(host=where["HOST"], user="postgres", dbname=where["NAME"]) as login:
        # As the superuser of the tests' own servers, whom neither the walls between tenants nor triggers stop.
        login.execute("SET session_replication_role = replica")
        filled = login.execute(FILLED, [KEPT]).fetchall()
        login.execute("; ".join(f"DELETE FROM {table}" for (table,) in filled) or "SELECT")
