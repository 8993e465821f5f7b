"""Requests that run at the same time, each on a connection of its own, and verbs that wait for one another."""

import copy
import threading
import time

from django.db import connection


class Crowd:
    def __init__(self, client):
        self.client, self.threads, self.answers = client, [], {}

    def send(self, name, act):
        def run():
            try:
                self.answers[name] = act(copy.copy(self.client))
            finally:
                connection.close()

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def wait(self):
        for thread in self.threads:
            thread.join(60)
        return self.answers


def until_waiting(many=1):
    """Somebody waits in the database for what another transaction is doing."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= many:
                return
    raise AssertionError("nobody waits")


def held(monkeypatch, module, verb, then=lambda: None):
    """The verb's first call waits until another request waits for it."""
    real, first, begun = getattr(module, verb), threading.Lock(), threading.Event()

    def slow(*args, **kwargs):
        done = real(*args, **kwargs)
        if first.acquire(blocking=False):
            begun.set()
            until_waiting()
            then()
        return done

    monkeypatch.setattr(module, verb, slow)
    return begun
