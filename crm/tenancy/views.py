import datetime
import uuid

from django.db.models import Q
from django.utils import timezone

from . import trail as words
from .models import Event, Seat
from .pages import SIZE, page
from .rights import sees, sees_all

NOBODY = "none"
EPOCH, MICROSECOND = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(microseconds=1)


@sees("trail")
def trail(request):
    """Newest first. Who may see their own acts alone sees those alone, whatever the address asks for."""
    seats = {seat.pk: seat for seat in Seat.objects.filter(tenant=request.tenant).select_related("user").owner_first()}
    sees_everybody = sees_all(request.seat, "trail")
    found = Event.objects.newest_first()
    if not sees_everybody:
        found = found.filter(seat=request.seat)
    chosen = {name: request.GET.get(name, "") for name in ("topic", "door", "seat", "member")}
    events = list(_from(_narrowed(found, chosen, seats), request.GET.get("before", ""))[: SIZE + 1])
    told = words.told(events[:SIZE], seats)
    context = {
        "days": _by_day(told),
        "topics": words.TOPICS,
        "doors": Event.Door.choices,
        "hands": list(seats.values()) if sees_everybody else [],
        "chosen": chosen,
        "is_narrowed": any(chosen.values()),
        "only_own": not sees_everybody,
        "older": _mark(events[SIZE - 1]) if len(events) > SIZE else "",
        "is_newest": not request.GET.get("before"),
    }
    return page(request, "trail.html", context)


def _narrowed(found, chosen, seats):
    if chosen["topic"] == "other":
        found = found.exclude(kind__in=[kind for kind, sentence in words.SENTENCES.items() if sentence.topic != "other"])
    elif chosen["topic"]:
        found = found.filter(kind__in=words.kinds_of(chosen["topic"]))
    if chosen["door"]:
        found = found.filter(door=chosen["door"])
    if chosen["seat"]:
        seat = next((pk for pk in seats if str(pk) == chosen["seat"]), None)
        found = found.filter(seat=seat) if seat or chosen["seat"] == NOBODY else found.none()
    if chosen["member"]:
        member = _uuid(chosen["member"])
        found = found.filter(Q(member=member) | Q(subject=member)) if member else found.none()
    return found


def _uuid(text):
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _mark(event):
    """Where the next page begins: moment and id, since several facts may share a moment."""
    return f"{(event.at - EPOCH) // MICROSECOND}_{event.pk}"


def _from(found, mark):
    moment, _, pk = mark.partition("_")
    try:
        at, pk = EPOCH + int(moment) * MICROSECOND, uuid.UUID(pk)
    except (ValueError, OverflowError):
        return found
    return found.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))


def _by_day(told):
    days = {}
    for each in told:
        days.setdefault(timezone.localdate(each.at), []).append(each)
    return days
