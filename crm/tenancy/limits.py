"""Too many tries: counted in the cache, for an address or an account, and refused with the time after which to try again.

allauth counts the tries of its own pages (`ACCOUNT_RATE_LIMITS`); here is what counts at our other doors.
"""

import hashlib
import ipaddress
import time
from functools import wraps

from allauth.core.internal.httpkit import get_client_ip
from django.core.cache import cache
from django.utils.translation import ngettext

from .refusals import Refused

TRIES = "tries"  # what the cache calls them


class TooMany(Refused):
    def __init__(self, seconds):
        minutes = -(-seconds // 60)
        sentence = ngettext(
            "Too many tries. Please try again in %(minutes)s minute.", "Too many tries. Please try again in %(minutes)s minutes.", minutes
        ) % {"minutes": minutes}
        super().__init__(sentence, code="too_many", status=429, retry_after=seconds)
        self.headers = {"Retry-After": str(seconds)}


def spend(what, who, *, most, seconds):
    """One try more; those beyond `most` within `seconds` are refused."""
    window, passed = divmod(int(time.time()), seconds)
    key = f"{TRIES}:{what}:{window}:{hashlib.sha256(str(who).encode()).hexdigest()}"
    cache.add(key, 0, seconds)
    try:
        tries = cache.incr(key)
    except ValueError:  # the window has just ended
        return
    if tries > most:
        raise TooMany(seconds - passed)


def address(request):
    """Where a request comes from; forwarded addresses count behind our own proxy alone. One network of IPv6 is one address."""
    found = get_client_ip(request)
    if found and ":" in found:
        return str(ipaddress.ip_network(f"{found}/64", strict=False))
    return found or ""


def by_address(what, *, most, seconds=60):
    """For views that anybody may ask and whose addresses hold a secret."""

    def decorate(view):
        @wraps(view)
        def wrapped(request, *args, **kwargs):
            spend(what, address(request), most=most, seconds=seconds)
            return view(request, *args, **kwargs)

        return wrapped

    return decorate
