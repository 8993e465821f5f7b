"""How many requests a key, and all keys of its tenant together, may make in a minute.

The window slides: a request counts for exactly a minute. One script in Valkey looks at all limits and counts the request in all of
them or in none, so that any number of web processes agree. Where Valkey is away, requests go on, and the log says so.
"""

from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

import redis
import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from . import problems

WINDOW = 60  # seconds
# KEYS: a sorted set of moments for each limit. ARGV: window, name of this request, then each limit.
# Answers with {1 if it may go on, then for each limit what is left and the milliseconds until more comes}.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = ARGV[1] * 1000
local goes_on, said = 1, {}
for at, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    if redis.call('ZCARD', key) >= tonumber(ARGV[at + 2]) then goes_on = 0 end
end
for at, key in ipairs(KEYS) do
    if goes_on == 1 then
        redis.call('ZADD', key, now, ARGV[2])
        redis.call('PEXPIRE', key, window)
    end
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    said[#said + 1] = math.max(0, ARGV[at + 2] - redis.call('ZCARD', key))
    said[#said + 1] = oldest[2] and oldest[2] + window - now or 0
end
return {goes_on, unpack(said)}
"""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limit:
    name: str
    most: int
    left: int
    seconds: int  # until more comes


@dataclass(frozen=True)
class Verdict:
    goes_on: bool
    limits: tuple = ()

    def mark(self, response):
        if self.limits:
            response["RateLimit-Policy"] = ", ".join(f'"{limit.name}";q={limit.most};w={WINDOW}' for limit in self.limits)
            response["RateLimit"] = ", ".join(f'"{limit.name}";r={limit.left};t={limit.seconds}' for limit in self.limits)
        return response

    def refusal(self):
        wait = max(limit.seconds for limit in self.limits if not limit.left)
        sentence = _("These are too many requests for now. Wait %d seconds.") % wait
        return problems.answer(429, "too_many", sentence, headers={"Retry-After": str(wait)})


def ask(token):
    """Whether this key may make one more request; it is counted if so."""
    most = {"key": settings.API_RATE, "tenant": settings.API_RATE_TENANT}
    names = [f"api-rate:{token.pk}", f"api-rate:{token.tenant_id}"]
    try:
        goes_on, *said = _script()(keys=names, args=[WINDOW, str(uuid4()), *most.values()])
    except redis.RedisError as error:
        log.warning("requests are not counted", error=str(error))
        return Verdict(True)
    limits = [Limit(name, most[name], left, -(-wait // 1000)) for name, left, wait in zip(most, said[::2], said[1::2], strict=True)]
    return Verdict(bool(goes_on), tuple(limits))


@lru_cache(maxsize=1)
def _script():
    place = settings.CACHES["default"]
    return redis.Redis.from_url(place["LOCATION"], **place["OPTIONS"]).register_script(SCRIPT)
