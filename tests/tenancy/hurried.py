"""The product's own Celery app in a hurry, for the test that kills its workers: `celery -A tests.tenancy.hurried worker`."""

import datetime
import os
import sys

import django
import redis
from celery.signals import task_postrun, task_prerun

from crm.celery import app

app.conf.broker_url = os.environ["KILLS_BROKER"]
busy = redis.Redis(unix_socket_path=os.environ["KILLS_SOCKET"], db=7)
app.conf.beat_schedule["sweep"] |= {"schedule": 2.0, "options": {"expires": 2.0}}
django.setup()

from crm.tenancy import jobs  # noqa: E402
from groups import reshuffles, reshuffling, sending  # noqa: E402

jobs.AGAIN_AFTER = 2.0

reshuffles.PATIENCE = datetime.timedelta(seconds=6)  # a plan is made again when its worker was silent for so long
reshuffles.MOST_TRIES = 1_000  # its workers die more often than any would
sending.PATIENCE = datetime.timedelta(seconds=6)
if "worker" in sys.argv:
    reshuffling.warm()  # before the pool forks, so that a new process can think at once


@task_prerun.connect
def _begins(task, **kwargs):
    busy.hset("busy", os.getpid(), task.name)


@task_postrun.connect
def _ends(**kwargs):
    busy.hdel("busy", os.getpid())
