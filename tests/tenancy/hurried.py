"""The product's own Celery app in a hurry, for the tests that kill its workers: `celery -A tests.tenancy.hurried worker`.

Its clock goes as many seconds ahead as the broker says under "ahead".
"""

import datetime
import os
import sys

import django
import redis
from celery.signals import task_postrun, task_prerun
from django.utils import timezone

busy = redis.Redis(unix_socket_path=os.environ["KILLS_SOCKET"], db=int(os.environ["KILLS_DB"]))
real = timezone.now


def later():
    return real() + datetime.timedelta(seconds=float(busy.get("ahead") or 0))


timezone.now = later  # before anything of the house imports it
from crm.celery import app  # noqa: E402

app.conf.broker_url = os.environ["KILLS_BROKER"]
every = float(os.environ.get("KILLS_SWEEP", 2.0))
app.conf.beat_schedule["sweep"] |= {"schedule": every, "options": {"expires": every}}
django.setup()

from crm.tenancy import turns  # noqa: E402
from groups import reshuffling, sending, thinking  # noqa: E402
from groups.senders import outside  # noqa: E402

turns.AGAIN_AFTER = float(os.environ.get("KILLS_AGAIN", 2.0))

thinking.PATIENCE = datetime.timedelta(seconds=6)  # a plan is made again when its worker was silent for so long
thinking.MOST_TRIES = 1_000  # its workers die more often than any would
outside.WHOLE, sending.PATIENCE = 1.0, datetime.timedelta(seconds=6)
if "worker" in sys.argv:
    reshuffling.warm()  # before the pool forks, so that a new process can think at once


@task_prerun.connect
def _begins(task, **kwargs):
    busy.hset("busy", os.getpid(), task.name)


@task_postrun.connect
def _ends(**kwargs):
    busy.hdel("busy", os.getpid())
