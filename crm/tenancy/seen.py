"""When a seat last asked for a page. It stands in the cache alone, so that looking costs no row; where that was emptied it is not known."""

import datetime
from contextlib import suppress

from django.core.cache import cache
from django.utils.timezone import now
from redis.exceptions import RedisError

KEPT = datetime.timedelta(days=60).total_seconds()


def note(seat):
    with suppress(RedisError):  # a page is worth more than knowing that it was asked for
        cache.set(f"seen:{seat.pk}", now(), KEPT)


def last(seats):
    """{seat's id: moment}"""
    with suppress(RedisError):
        found = cache.get_many([f"seen:{seat.pk}" for seat in seats])
        return {seat.pk: found[f"seen:{seat.pk}"] for seat in seats if f"seen:{seat.pk}" in found}
    return {}
