"""What of its seat's rights a key may use, as `members:read` or `members:write`; write holds read. A key without scopes may all.

The words come from the routes of the API: each area of the role table that a route asks for can be given, and nothing else. So a
new route brings its scope along, and a key that has scopes is refused wherever none of them is named.
"""

from functools import lru_cache

from django.conf import settings
from django.urls import get_resolver
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from . import rights
from .refusals import Refused

READ, WRITE = "read", "write"
LABELS = {
    "today": gettext_lazy("Today"),
    "approval": gettext_lazy("Approval"),
    "matrix": gettext_lazy("Matrix and reshuffle"),
    "members": gettext_lazy("Members"),
    "arrivals": pgettext_lazy("topic", "Arrivals"),
    "tasks": gettext_lazy("Tasks"),
    "trail": gettext_lazy("Trail"),
    "jobs": gettext_lazy("Long work"),
    "settings": gettext_lazy("Settings and keys"),
}


class ScopeTooSmall(Refused):
    """RFC 6750 wants the scope that is needed in the header, too."""

    def __init__(self, scope):
        sentence = _("This key may not do that: it lacks the scope “%(scope)s”.") % {"scope": scope}
        super().__init__(sentence, code="scope_too_small", status=403, scope=scope)
        self.auth_header = f'Bearer realm="qunxing", error="insufficient_scope", scope="{scope}"'


def area_of(view, action):
    """Of the role table: a view's own, or that of one of its acts."""
    return getattr(view, "acts", {}).get(action, view.area)


def level_of(method):
    return READ if method.upper() in ("GET", "HEAD", "OPTIONS") else WRITE


@lru_cache(maxsize=1)
def known():
    """All scopes there are, in the order of the role table."""
    used = {asked for callback in _routes(get_resolver(settings.ROOT_URLCONF)) for asked in _asked_by(callback)}
    return [f"{area}:{level}" for area in rights.TABLE for level in (READ, WRITE) if (area, level) in used]


def _routes(resolver):
    for each in resolver.url_patterns:
        if hasattr(each, "url_patterns"):
            yield from _routes(each)
        elif hasattr(getattr(each.callback, "cls", None), "area"):
            yield each.callback


def _asked_by(callback):
    for method, action in list(getattr(callback, "actions", {}).items()):  # DRF adds HEAD while it serves
        yield area_of(callback.cls, action), level_of(method)


def holds(key, area, level):
    if not key.scopes:
        return True
    return f"{area}:{level}" in key.scopes or (level == READ and f"{area}:{WRITE}" in key.scopes)


def refuse_unless_held(key, area, level):
    if not holds(key, area, level):
        raise ScopeTooSmall(f"{area}:{level}")


def tidy(given):
    """Without doubles and without what another one holds, in the order of `known`."""
    given = set(given)
    kept = {scope for scope in given if not (scope.endswith(f":{READ}") and scope.replace(f":{READ}", f":{WRITE}") in given)}
    return sorted(kept, key=lambda scope: (known().index(scope) if scope in known() else len(known()), scope))


def within(seat):
    """All that the role of this seat allows."""
    may = {READ: rights.may_see, WRITE: rights.may_do}
    pairs = [scope.split(":") for scope in known()]
    return [f"{area}:{level}" for area, level in pairs if may[level](seat, area)]


def of(key):
    """What this key may do in the end: what both its scopes and the role of its seat allow."""
    return [scope for scope in within(key.seat) if holds(key, *scope.split(":"))]


def in_words(given):
    """For people: “Members: read and change”."""
    words = {READ: gettext_lazy("%(area)s: read"), WRITE: gettext_lazy("%(area)s: read and change")}
    pairs = [scope.partition(":")[::2] for scope in given]
    return [words[level] % {"area": LABELS.get(area, area)} for area, level in pairs if level in words]
