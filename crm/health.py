"""For whoever watches the servers: alive is the process itself, ready also its neighbours."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import JsonResponse
from kombu.exceptions import OperationalError

from crm.celery import app

AWAY = (OSError, redis.RedisError, OperationalError)


def probes(get_response):
    """Answers before all else: whoever probes comes by an address of its own, without https, and fills no log."""

    def middleware(request):
        view = PROBES.get(request.path_info)
        return view(request) if view else get_response(request)

    return middleware


def alive(request):
    return JsonResponse({"alive": True})


def ready(request):
    answers = {"database": _database(), "broker": _broker()}
    return JsonResponse(answers, status=200 if all(answers.values()) else 503)


PROBES = {"/healthz": alive, "/readyz": ready}


def _database():
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM tenancy_tenant LIMIT 1")
    except DatabaseError:  # it is away, or its tables are
        return False
    return True


def _broker():
    try:
        with app.connection_for_read(transport_options={"socket_timeout": 2, "socket_connect_timeout": 2}) as broker:
            broker.ensure_connection(max_retries=1)
    except AWAY:
        return False
    return bool(settings.REDIS_URL)
