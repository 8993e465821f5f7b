"""The role table: what a seat may do and see. Every view names its area with one of the two decorators; a test walks them all."""

from functools import wraps

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import Seat

OWNER, OPERATOR, ASSISTANT, VIEWER = Seat.Role.values
NOTHING, SEE, OWN, DO = range(4)  # OWN: do, in their own groups or of their own acts

TABLE = {
    #              owner        operator        assistant            viewer
    "today":    {OWNER: DO, OPERATOR: SEE, ASSISTANT: NOTHING, VIEWER: SEE},
    "approval": {OWNER: DO, OPERATOR: SEE, ASSISTANT: NOTHING, VIEWER: SEE},
    "matrix":   {OWNER: DO, OPERATOR: DO, ASSISTANT: NOTHING, VIEWER: SEE},
    "members":  {OWNER: DO, OPERATOR: DO, ASSISTANT: NOTHING, VIEWER: SEE},
    "arrivals": {OWNER: DO, OPERATOR: DO, ASSISTANT: OWN, VIEWER: SEE},
    "tasks":    {OWNER: DO, OPERATOR: DO, ASSISTANT: OWN, VIEWER: SEE},
    "phone":    {OWNER: DO, OPERATOR: DO, ASSISTANT: OWN, VIEWER: NOTHING},
    "trail":    {OWNER: DO, OPERATOR: OWN, ASSISTANT: OWN, VIEWER: NOTHING},
    "jobs":     {OWNER: DO, OPERATOR: OWN, ASSISTANT: OWN, VIEWER: OWN},
    "settings": {OWNER: DO, OPERATOR: NOTHING, ASSISTANT: NOTHING, VIEWER: NOTHING},
}  # fmt: skip

WHO_MAY = {
    "approval": gettext_lazy("Only the owner approves. Ask them to open this plan."),
    "settings": gettext_lazy("Only the owner changes the settings."),
}


def level(seat, area):
    return TABLE[area][seat.role]


def may_see(seat, area):
    return level(seat, area) >= SEE


def may_do(seat, area):
    return level(seat, area) >= OWN


def sees_all(seat, area):
    """Everybody's rows, not only those of the own groups or acts."""
    return level(seat, area) in (SEE, DO)


def refuse_unless(allowed, area):
    if not allowed:
        raise PermissionDenied(WHO_MAY.get(area) or _("Your seat does not have the right for this. The owner can change your role."))


def sees(area):
    """The page may be seen by seats with this right."""
    return _guard(area, may_see, SEE)


def does(area):
    """The act may be done by seats with this right."""
    return _guard(area, may_do, DO)


def _guard(area, asks, wanted):
    def decorate(view):
        @wraps(view)
        def guarded(request, *args, **kwargs):
            refuse_unless(asks(request.seat, area), area)
            return view(request, *args, **kwargs)

        guarded.right = (area, wanted)
        return guarded

    return decorate
