"""What a platform's answer means for a message."""

import datetime
import math
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from django.utils.timezone import now

from .outside import NotSent, Unsure

LONGEST_REST = 24 * 3600


@dataclass(frozen=True)
class Said:
    """`SENT`, or what else: it surely did not go out and may be tried again, it never will, the channel itself is dead, nobody knows."""

    what: str
    code: str = ""
    after: float = 0  # seconds that the platform asks us to wait


SENT = Said("sent")


def again(code, after=0):
    return Said("again", code, min(max(_seconds(after), 0), LONGEST_REST))


def _seconds(after):
    """Of a Retry-After: a number, or the moment at which it is over (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after)."""
    try:
        seconds = float(after or 0)
        return seconds if math.isfinite(seconds) else 0
    except (TypeError, ValueError):
        pass
    try:
        moment = parsedate_to_datetime(str(after))
    except (TypeError, ValueError):
        return 0
    return (moment.replace(tzinfo=moment.tzinfo or datetime.UTC) - now()).total_seconds()


def no(code):
    return Said("no", code)


def dead(code):
    return Said("dead", code)


def unsure(code):
    return Said("unsure", code)


def of_failure(problem):
    if isinstance(problem, Unsure):
        return unsure(problem.code)
    return no(problem.code) if problem.code in ("inner_address", "no_address") else again(problem.code)


def of_status(answer):
    """What the status says by itself; None where the body has to be read."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        return again("too_many", answer.headers.get("retry-after"))
    if status >= 500:
        return unsure("server_error")
    if status in (401, 403, 404, 410):
        return dead("no_such_channel")
    return no("redirected" if 300 <= status < 400 else "refused")


__all__ = ["SENT", "NotSent", "Said", "again", "dead", "no", "of_failure", "of_status", "unsure"]
