"""What every page shows around itself: the rail with its counts, the seat, the other tenants of this user."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.tenancy import links, rights
from crm.tenancy.models import Seat
from crm.tenancy.signin import home_of
from groups.models import Reshuffle, Task

# room, label, icon, name of the page, area of the role table, what is to do there
ENTRIES = [
    (None, _("Today"), "sun", "today", "today", None),
    (_("People"), _("Members"), "users", "members:list", "members", None),
    (_("Groups"), _("Matrix"), "layout-grid", "groups:matrices", "matrix", None),
    (_("Groups"), _("Reshuffle"), "arrows-shuffle", "groups:reshuffles", "matrix", "reshuffles"),
    (_("Groups"), _("Tasks"), "checklist", "groups:tasks", "matrix", "tasks"),
    (_("Record"), _("Trail"), "history", "trail", "trail", None),
]


def shell(request):
    seat = getattr(request, "seat", None)
    if seat is None or request.path_info.startswith("/phone/"):
        return {"seat": seat, "tenant": getattr(request, "tenant", None)}
    counts = _to_do()
    rooms = {}
    for room, label, icon, name, area, counted in ENTRIES:
        if rights.may_see(seat, area):
            url = reverse(name)
            entry = {
                "label": label,
                "url": url,
                "icon": icon,
                "count": counts.get(counted) or None,
                "urgent": counted == "reshuffles" and seat.is_owner,
                "current": request.path == url or (name != "today" and request.path.startswith(url)),
            }
            rooms.setdefault(room, []).append(entry)
    return {
        "seat": seat,
        "tenant": request.tenant,
        "seats": _elsewhere(seat),
        "navigation": [{"room": room, "entries": entries} for room, entries in rooms.items()],
        "home": home_of(seat),
    }


def _to_do():
    """Counts are things to do, never totals."""
    return {"reshuffles": Reshuffle.objects.filter(state=Reshuffle.State.OPEN).count(), "tasks": Task.objects.late().count()}


def _elsewhere(seat):
    others = Seat.objects.standing().filter(user=seat.user).exclude(pk=seat.pk).select_related("tenant").order_by("tenant__name")
    return [{"tenant": other.tenant, "url": links.path_of(other.tenant, "today") if other.role != "assistant" else home_of(other)} for other in others]
