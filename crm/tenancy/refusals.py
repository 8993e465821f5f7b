"""A verb that cannot be done says why in a sentence. Pages and API each turn it into an answer in one place."""

import structlog
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, QueryCanceled, UniqueViolation

log = structlog.get_logger(__name__)


class Refused(Exception):
    """`code` is stable and for programs, `sentence` for people; `status` is the answer's (409: it clashes with what is)."""

    def __init__(self, sentence, *, code="refused", status=409, **details):
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.status = status
        self.details = details
        self.headers = {}


def broken_off(exception):
    """What to say where the database broke something off: nobody waits for so long, or two who did it at once stood in each other's way.

    None for any other exception."""
    if isinstance(exception.__cause__, DeadlockDetected | UniqueViolation):
        log.exception("two at once", exc_info=exception)
        sentence = _("Somebody did something with the same thing at this very moment, so nothing was done. Look again, and try once more.")
        return Refused(sentence, code="at_the_same_moment", status=503)
    if not isinstance(exception.__cause__, QueryCanceled):
        return None
    return Refused(_("This took too long and was broken off; nothing is changed. Try again in a minute."), code="took_too_long", status=503)


def answer(request, refused):
    """Of a page: JSON or a line for a script, a whole page for people."""
    said = {"sentence": str(refused.sentence), "code": refused.code, **refused.details}
    if "application/json" in request.headers.get("Accept", ""):
        response = JsonResponse(said, status=refused.status)
    elif request.headers.get("HX-Request"):
        response = HttpResponse(said["sentence"], status=refused.status, content_type="text/plain; charset=utf-8")
    else:
        response = render(request, "429.html" if refused.status == 429 else "409.html", said, status=refused.status)
    for name, value in refused.headers.items():
        response[name] = value
    return response
