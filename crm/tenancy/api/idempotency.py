"""`Idempotency-Key`: a request that is sent again gets the answer it got, and happens once.

The number is written in the request's own transaction before anything else. Who comes second with the same number waits at the
unique key until the first is through, and finds its answer, or, where that one failed, nothing and does the work itself. The answer
is kept in that transaction too, so a crash leaves the effect with its answer, or neither.
"""

import hashlib
import re

from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from crm.tenancy import secrets
from crm.tenancy.models import IdempotencyKey

from . import problems

NUMBER = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
PATIENCE = "10s"  # for the first one; then the second may as well come back
KEPT_HEADERS = ("Content-Type", "Location", "ETag")


def once(request, get_response):
    """The answer, or the one that was given to this number before. Called in the tenant's transaction."""
    number = request.headers.get("Idempotency-Key")
    if number is None or request.method not in CHANGING:
        return get_response(request)
    if not NUMBER.fullmatch(number):
        why = {"message": _("Give 1 to 255 printable characters."), "code": "invalid"}
        return problems.answer(400, "invalid", _("This Idempotency-Key is none."), fields={"Idempotency-Key": [why]})
    fingerprint = _fingerprint(request)
    try:
        row, is_ours = _claimed(request.token, number, fingerprint)
    except LockNotAvailable:
        sentence = _("The first request with this Idempotency-Key is still at it. Ask again in a moment.")
        return problems.answer(409, "in_progress", sentence, headers={"Retry-After": "2"})
    if is_ours:
        return _kept(row, get_response(request))
    if row.fingerprint != fingerprint:
        sentence = _("This Idempotency-Key stood on another request. Take a new one for each request.")
        return problems.answer(422, "idempotency_mismatch", sentence)
    headers = row.headers | {"Idempotency-Replayed": "true"}
    return HttpResponse(secrets.decrypt(bytes(row.body).decode()), status=row.status, headers=headers)


def _fingerprint(request):
    # Files are not read into memory for this, and each sending draws another line between them.
    body = b"" if request.content_type == "multipart/form-data" else request.body
    what = "\n".join([request.method, request.get_full_path(), hashlib.sha256(body).hexdigest()])
    return hashlib.sha256(what.encode()).hexdigest()


def _claimed(token, number, fingerprint):
    """The row of this number, and whether it is ours to fill."""
    mine = IdempotencyKey(token=token.pk, key=number, fingerprint=fingerprint)
    while True:
        _insert(mine)
        found = IdempotencyKey.objects.filter(token=token.pk, key=number).first()
        if found is None:  # given up between the two questions
            continue
        if not IdempotencyKey.objects.over().filter(pk=found.pk).delete()[0]:
            return found, found.pk == mine.pk


def _insert(row):
    """Does nothing where the number is there, and waits where another transaction is writing it."""
    try:
        with transaction.atomic():
            connection.hold(f"SET LOCAL lock_timeout TO '{PATIENCE}'")
            IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
            connection.hold("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        raise error.__cause__ if isinstance(error.__cause__, LockNotAvailable) else error


def _kept(row, response):
    """What was refused or failed is not kept (its transaction is undone): it may be corrected and sent again under the same number."""
    if response.status_code >= 400:
        return response
    row.status = response.status_code
    row.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    row.body = secrets.encrypt(response.content.decode()).encode()  # it may hold a secret that is told once
    row.save(update_fields=["status", "headers", "body"])
    return response
