"""What every page shows around itself: the rail with its counts, the seat, the other tenants of this user."""

from functools import partial

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from crm.tenancy import rights, tabs
from crm.tenancy.models import Seat
from crm.tenancy.prepared import SOME_DAY, SOMEBODY, SOMETIME, Counts
from crm.tenancy.signin import home_of
from groups import evening_page
from groups.models import Draft, Reshuffle, Task

from .import_jobs import waiting_for_a_decision

# room, label, icon, name of the page, area of the role table, what is to do there, other addresses that lie in it
ENTRIES = [
    (None, _("Today"), "sun", "today", "today", None, ()),
    (_("People"), _("Members"), "users", "members:list", "members", None, ()),
    (_("People"), _("Imports"), "file-import", "imports:list", "members", "imports", ()),
    (_("Groups"), _("Matrix"), "layout-grid", "groups:matrices", "matrix", None, ("groups/",)),
    (_("Groups"), _("Reshuffle"), "arrows-shuffle", "groups:reshuffles", "matrix", "reshuffles", ("drafts/",)),
    (_("Groups"), _("Arrivals"), "door-enter", "groups:arrivals", "arrivals", "arrivals", ()),
    (_("Groups"), _("Week calendar"), "calendar-week", "groups:week", "matrix", None, ("rhythms/",)),
    (_("Groups"), _("Tasks"), "checklist", "groups:tasks", "tasks", "tasks", ()),
    (_("Record"), _("Trail"), "history", "trail", "trail", None, ()),
]
# After a g these letters lead there.
JUMPS = {"today": "t", "members:list": "m", "imports:list": "i"}
JUMPS |= {"groups:matrices": "x", "groups:reshuffles": "h", "groups:week": "w", "groups:tasks": "d", "trail": "r", "groups:arrivals": "e"}


def shell(request):
    seat = getattr(request, "seat", None)
    if seat is None or request.path_info.startswith("/phone/"):
        return {"seat": seat, "tenant": getattr(request, "tenant", None)}
    return {
        "seat": seat,
        "tenant": request.tenant,
        "elsewhere": _elsewhere(request),
        # A fragment of a page has no rail, so nothing is counted for it.
        "navigation": SimpleLazyObject(lambda: rail(request)),
        "home": home_of(seat),
        "settings_url": tabs.first(seat),
    }


def rail(request):
    seat, to_do = request.seat, _to_do(request.seat)
    rooms = {}
    for room, label, icon, name, area, counted, others in ENTRIES:
        if not rights.may_see(seat, area):
            continue
        url = reverse(name)
        home = reverse("today")
        entry = {
            "label": label,
            "url": url,
            "icon": icon,
            "jump": JUMPS.get(name),
            "count": to_do.get(counted) or None,
            "urgent": counted == "reshuffles" and seat.is_owner,
            "current": request.path == url or (name != "today" and request.path.startswith((url, *(home + other for other in others)))),
        }
        rooms.setdefault(room, []).append(entry)
    return [{"room": room, "entries": entries} for room, entries in rooms.items()]


def _to_do(seat):
    """Counts are things to do, never totals: plans to decide on, tasks that are late, newcomers of this evening."""
    return ASKED[seat.role].ask(seat=seat.pk, moment=now(), day=seat.tenant.today())


def _waiting(role, *, seat, moment, day):
    seat = Seat(pk=seat, role=role)
    late = Task.objects.late(moment)
    if not rights.sees_all(seat, "tasks"):
        late = late.of(seat)
    # Until there is a plan, or the word that there can be none, nothing is to be decided.
    said = Draft.objects.exclude(state__in=[Draft.State.WAITING, Draft.State.STOPPED]).filter(reshuffle=OuterRef("pk"))
    open_ones = Reshuffle.objects.filter(Exists(said), state=Reshuffle.State.OPEN)
    tonight = evening_page.to_do(seat, day)
    return {"reshuffles": open_ones, "tasks": late, "imports": waiting_for_a_decision(), "arrivals": tonight}


ASKED = {role: Counts(partial(_waiting, role), seat=SOMEBODY, moment=SOMETIME, day=SOME_DAY) for role in Seat.Role.values}


def _elsewhere(request):
    others = [seat for seat in getattr(request, "seats", ()) if seat != request.seat]
    return [{"tenant": seat.tenant, "url": home_of(seat)} for seat in others]
