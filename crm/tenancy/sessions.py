"""Where somebody is signed in: seen once an hour, ended singly, and all of them when the password changes."""

import re
import time
from dataclasses import dataclass

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.utils.timezone import now
from django.utils.translation import gettext as _

from . import limits
from .models import AccessToken

HOUR = 3600
# The first that fits: most of them also call themselves by the name of others.
BROWSERS = [
    (r"MicroMessenger", "WeChat"),
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"Firefox|FxiOS", "Firefox"),
    (r"Chrome|CriOS", "Chrome"),
    (r"Safari", "Safari"),
]
SYSTEMS = [
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"HarmonyOS|OpenHarmony", "HarmonyOS"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Macintosh|Mac OS X", "Mac"),
    (r"Linux|X11", "Linux"),
]


@dataclass(frozen=True)
class Seen:
    row: UserSession
    device: str

    @property
    def icon(self):
        return "device-mobile" if re.search(r"Mobile|Android|iPhone", self.row.user_agent) else "device-desktop"


def seen(get_response):
    """A session lasts two weeks from the last visit. That visit is written down once an hour, not with every page."""

    def middleware(request):
        if request.user.is_authenticated and request.session.get("seen", 0) < time.time() - HOUR:
            request.session["seen"] = int(time.time())
            UserSession.objects.filter(session_key=request.session.session_key).update(
                last_seen_at=now(), ip=limits.address(request) or "0.0.0.0"
            )
        return get_response(request)

    return middleware


@receiver(user_logged_in)
def begin(sender, request, user, **kwargs):
    request.session["seen"] = int(time.time())


def of(user):
    """The newest first; those that ran out are left out."""
    found = list(UserSession.objects.filter(user=user).order_by("-last_seen_at", "-pk"))
    alive = Session.objects.filter(session_key__in=[each.session_key for each in found], expire_date__gt=now())
    keys = set(alive.values_list("session_key", flat=True))
    return [Seen(each, device(each.user_agent)) for each in found if each.session_key in keys]


def end(user, *, only=None, but=None):
    """All of a user's sessions; `only` the one of this id, or all `but` the one with this key."""
    ended = UserSession.objects.filter(user=user)
    if only is not None:
        ended = ended.filter(pk=only)
    if but is not None:
        ended = ended.exclude(session_key=but)
    keys = list(ended.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)


@receiver([password_changed, password_set, password_reset])
def end_with_the_old_password(sender, request, user, **kwargs):
    """What the old password opened, or anybody could still open without it, is shut: other sessions and links for a first sign-in."""
    end(user, but=request.session.session_key or "")
    end_first_links(user)


def end_first_links(user):
    AccessToken.objects.filter(kind=AccessToken.Kind.SIGN_IN, seat__user=user, revoked_at=None).update(revoked_at=now())


def device(user_agent):
    """`Chrome · Windows`: what people know of a browser."""
    words = [next((word for pattern, word in names if re.search(pattern, user_agent)), "") for names in (BROWSERS, SYSTEMS)]
    return _(" · ").join(word for word in words if word) or _("Unknown browser")
