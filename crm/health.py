"""For whoever watches the servers: alive is the process itself, ready also its neighbours."""

import redis
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.http import JsonResponse

from crm.celery import app


def alive(request):
    return JsonResponse({"alive": True})


@transaction.non_atomic_requests
def ready(request):
    answers = {"database": _database(), "broker": _broker()}
    return JsonResponse(answers, status=200 if all(answers.values()) else 503)


def _database():
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM tenancy_tenant LIMIT 1")
    except OperationalError:
        return False
    return True


def _broker():
    try:
        with app.connection_for_read(transport_options={"socket_timeout": 2, "socket_connect_timeout": 2}) as broker:
            broker.ensure_connection(max_retries=1)
    except (OSError, redis.RedisError, *app.connection_for_read().connection_errors):
        return False
    return bool(settings.REDIS_URL)
