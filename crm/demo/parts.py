"""The parts of the running product as plain subprocesses, watched in one loop."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial

import redis
from django.conf import settings
from django.core.cache import cache
from django.core.management import CommandError
from django.db import OperationalError, connection

from crm.celery import app
from crm.servers import die_with_parent
from crm.tenancy.jobs import SWEPT_AT

PATIENCE = 120  # seconds until every part has to answer
STOPS_IN = 8


class Stopped(CommandError):
    """A part ended by itself."""


def refuse_taken(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except (OSError, OverflowError):
            raise CommandError(f"Port {port} is taken, or cannot be had; choose another one with --port.") from None


def environment(**more):
    """They serve, so they do not get the migrating login."""
    env = {name: value for name, value in os.environ.items() if name != "MIGRATE_DATABASE_URL"}
    return env | {"DATA_DIR": str(settings.DATA_DIR.resolve()), "COLLECTED": "1"} | more


@contextmanager
def started(name, command, env):
    """A child with a log of its own. It ends with us; a session of its own keeps Ctrl-C from it until we end it."""
    log = settings.DATA_DIR / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, *command],
            env=env,
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, signal.SIGTERM),
        )
    try:
        yield child
    finally:
        end([child])


def end(children):
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(STOPS_IN)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def finish(name, child):
    """Wait for a child that has something to do and ends."""
    if child.wait():
        raise Stopped(f"{name} failed:\n{_last_words(name)}")


def _last_words(name):
    log = settings.DATA_DIR / "logs" / f"{name}.log"
    said = log.read_text(errors="replace").strip().splitlines()[-8:] if log.exists() else []
    return "\n".join([*(line if len(line) < 300 else f"{line[:100]} … {line[-180:]}" for line in said), f"({log})"])


class Parts:
    """Web, worker and beat."""

    def __init__(self, port):
        self.port = port
        beat = settings.DATA_DIR / "beat"
        celery = ["-m", "celery", "--app", "crm", "--quiet"]
        web = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        self.commands = {
            "web": [*web, "--log-level", "warning", "crm.wsgi:application"],
            "worker": [*celery, "worker", "-c", "2", "-l", "WARNING", "--without-mingle", "--without-gossip"],
            "beat": [*celery, "beat", "-l", "WARNING", "-s", str(beat), "--pidfile", ""],
        }
        self.children = {}

    @contextmanager
    def running(self):
        cache.delete(SWEPT_AT)
        env = environment(BASE_URL=f"http://localhost:{self.port}", PORT=str(self.port), GRANIAN_BLOCKING_THREADS="4")
        with ExitStack() as stack:
            for name, command in self.commands.items():
                self.children[name] = stack.enter_context(started(name, command, env))
            stack.callback(lambda: end(self.children.values()))  # together, so that none waits for another
            yield self

    def watch(self):
        """Until one of them, or the database, stops; never returns otherwise."""
        asked_at = time.monotonic()
        while True:
            self.refuse_stopped()
            if time.monotonic() - asked_at > 2:
                _refuse_without_servers()
                asked_at = time.monotonic()
            time.sleep(0.2)

    def refuse_stopped(self):
        for name, child in self.children.items():
            if child.poll() is not None:
                raise Stopped(f"The {name} stopped by itself:\n{_last_words(name)}")

    # Do they answer?

    def wait_for(self, name, answers):
        deadline = time.monotonic() + PATIENCE
        while not answers():
            self.refuse_stopped()
            if time.monotonic() > deadline:
                raise Stopped(f"The {name} did not answer within {PATIENCE} seconds:\n{_last_words(name)}")
            time.sleep(0.1)

    def web_answers(self, path="/healthz"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            if error.code == 503:  # not ready yet
                return False
            raise Stopped(f"{path} answers {error.code}:\n{_last_words('web')}") from None
        except OSError:
            return False

    def worker_answers(self):
        try:
            return bool(app.control.inspect(timeout=1).ping())
        except (OSError, redis.RedisError):
            return False

    def beat_answers(self):
        """It asked for a sweep, and the worker made one."""
        return cache.get(SWEPT_AT) is not None


def _refuse_without_servers():
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        cache.get(SWEPT_AT)
    except (OperationalError, OSError, redis.RedisError):
        raise Stopped(f"The database stopped by itself. See {settings.DATA_DIR / 'servers.log'}.") from None
    finally:
        connection.close()
