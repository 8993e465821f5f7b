"""What happened, in words. Each room registers a sentence for the facts that its verbs note; an unknown one shows its code."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import rights
from .models import AccessToken, Event, Seat, Tenant
from .refusals import Refused
from .scope import active_tenant

NOBODY = "—"


@dataclass(frozen=True)
class Sentence:
    """`words` may name what `after`, `before` and `because` hold: %(moves)s. A seat's id is shown as its name."""

    words: Any
    icon: str = "history"
    topic: str = "other"
    tone: str = ""
    whys: dict = field(default_factory=dict)  # code of `because` -> words


SENTENCES = {}
PAGES = {}  # kind of a subject -> name of its page
VALUES = {"role": lambda role: str(Seat.Role(role).label) if role in Seat.Role.values else role}  # name of a code -> (code) -> words
NAMES = {}  # kind of a subject -> (ids) -> {id: name}
PARTS = {}  # kind of a subject -> functions of its id: ids of what belongs to it and happens as part of it
TOPICS = {"settings": _("Seats and keys"), "other": _("Everything else")}


def tell(kind, words, **how):
    SENTENCES[kind] = Sentence(words, **how)


def topic(code, label):
    """Topics stand in the filter in the order in which rooms name them."""
    TOPICS[code] = label
    for last in ("settings", "other"):
        TOPICS[last] = TOPICS.pop(last)


def topic_of(kind):
    return str(TOPICS[SENTENCES[kind].topic if kind in SENTENCES else "other"])


def with_parts(kind, pk):
    """The ids under which facts about one thing stand."""
    return [pk, *(part for parts in PARTS.get(kind, ()) for part in parts(pk))]


@dataclass(frozen=True)
class Subject:
    label: str
    url: str


DOORS = {"page": "device-desktop", "phone": "device-mobile", "api": "webhook", "job": "clock", "command": "tool"}  # their icons


@dataclass(frozen=True)
class Told:
    event: Event
    sentence: str
    why: str
    icon: str
    tone: str
    who: str  # empty: nobody, the clock
    member: Subject | None
    thing: Subject | None  # what it is about, if that has a page
    undo: str = ""  # where it is taken back, on a page that offers that

    @property
    def url(self):
        return self.thing.url if self.thing else ""

    @property
    def door(self):
        return DOORS[self.event.door]

    @property
    def at(self):
        return self.event.at


def kinds_of(topic):
    """The kinds that a topic holds; None for what no room has words for."""
    return [kind for kind, sentence in SENTENCES.items() if sentence.topic == topic]


def told(events, seats=None):
    """These events in words. `seats` are the tenant's by id, if the page has them already."""
    events = list(events)
    if seats is None:  # a sentence may name others than who did it
        seats = Seat.objects.filter(tenant=active_tenant()).select_related("user").in_bulk() if events else {}
    asked = {}
    for event in events:
        asked.setdefault(event.subject_kind, set()).add(event.subject)
        if event.member:
            asked.setdefault("member", set()).add(event.member)
    names = {kind: NAMES[kind](ids) for kind, ids in asked.items() if kind in NAMES and kind in PAGES}
    return [_told(event, seats, names) for event in events]


def _told(event, seats, names):
    sentence = SENTENCES.get(event.kind)
    return Told(
        event=event,
        sentence=str(sentence.words) % _Values(event, seats) if sentence else event.kind,
        why=str(sentence.whys.get(event.because, event.because)) if sentence else event.because,
        icon=sentence.icon if sentence else "history",
        tone=sentence.tone if sentence else "",
        who=str(seats[event.seat_id]) if event.seat_id in seats else "",
        member=_member(event, names.get("member", {})),
        thing=_thing(event, names.get(event.subject_kind, {})),
    )


def _member(event, names):
    pk = event.member or (event.subject if event.subject_kind == "member" else None)
    return Subject(names[pk], _page("member", pk)) if pk in names else None


def _thing(event, names):
    """With its page; without a name where it is gone."""
    if event.subject_kind not in PAGES or event.subject_kind == "member":
        return None
    return Subject(names.get(event.subject, ""), _page(event.subject_kind, event.subject))


def _page(kind, pk):
    """Of the community, also where facts are told without one of its pages: to a program, or in a job."""
    return reverse(PAGES[kind], urlconf=settings.TENANT_URLCONF, args=[pk])


class _Values(dict):
    """What a sentence may name; what an older event does not hold is a dash."""

    def __init__(self, event, seats):
        super().__init__(event.before | event.after)
        self.seats = {str(pk): str(seat) for pk, seat in seats.items()}

    def __getitem__(self, name):
        value = self.get(name)
        if isinstance(value, bool) or value is None:
            return NOBODY
        if isinstance(value, int):
            return f"{value:,}"
        if name in VALUES:
            with suppress(AttributeError, LookupError, TypeError, ValueError):  # a code of an older release stands as it is
                return VALUES[name](value)
        return self.seats.get(value, value) if isinstance(value, str) else value


# Taking back: a room registers how, for the facts whose act it can undo


@dataclass(frozen=True)
class Undo:
    area: str  # of the role table: whoever takes back needs the right to do
    can: Callable  # (facts of this kind) -> ids of those that still can be taken back, by as many questions for many as for one
    do: Callable  # (fact, by) -> a sentence that says what is so again


UNDOES = {}


def undoes(kind, area, can, do):
    UNDOES[kind] = Undo(area, can, do)


def undoable(events, seat):
    """The ids of those that this seat can take back now."""
    found, facts = set(), {}
    for event in events:
        if _may_take_back(event, seat):
            facts.setdefault(event.kind, []).append(event)
    for kind, some in facts.items():
        found.update(UNDOES[kind].can(some))
    return found


def _may_take_back(event, seat):
    """The owner everything, others what they did themselves and still may do."""
    undo = UNDOES.get(event.kind)
    is_ours = rights.sees_all(seat, "trail") or event.seat_id == seat.pk
    return undo is not None and is_ours and rights.may_do(seat, undo.area)


@transaction.atomic
def take_back(event, *, by):
    """Returns what is so again. The verbs note it as a fact of its own."""
    Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())  # two clicks at once take it back once
    if event.kind not in UNDOES:
        raise Refused(gettext("This cannot be taken back from here."), code="no_way_back")
    rights.refuse_unless(_may_take_back(event, by), UNDOES[event.kind].area)
    if event.pk not in UNDOES[event.kind].can([event]):
        raise overtaken(event)
    return UNDOES[event.kind].do(event, by)


def overtaken(event):
    """The refusal where something happened since: what, and whose doing it was."""
    later = Event.objects.filter(subject=event.subject, at__gt=event.at).newest_first()[:1]
    for fact in told(later):
        sentence = gettext("Nothing is taken back, since %(who)s was here in the meantime: %(what)s.")
        return Refused(sentence % {"who": fact.who or gettext("Somebody"), "what": fact.sentence}, code="changed_meanwhile")
    return Refused(gettext("This can no longer be taken back."), code="too_late")


def newest(events, kinds):
    """Those of these facts after which nothing of these kinds was noted about the same thing."""
    about = Event.objects.filter(kind__in=kinds, subject__in={event.subject for event in events})
    last = set(about.order_by("subject", "-at", "-id").distinct("subject").values_list("pk", flat=True))
    return [event for event in events if event.pk in last]


def _seats(ids):
    return {pk: str(seat) for pk, seat in Seat.objects.filter(tenant=active_tenant()).select_related("user").in_bulk(ids).items()}


def _keys(ids):
    return {key.pk: key.name or f"…{key.hint}" for key in AccessToken.objects.keys().filter(pk__in=ids)}


NAMES |= {"seat": _seats, "accesstoken": _keys}
tell("trail.exported", _("Exported %(events)s facts of the trail as a file"), icon="download", topic="other")
tell("key.made", _("Made an API key that acts as %(seat)s"), icon="key", topic="settings")
tell("key.revoked", _("Revoked an API key that acted as %(seat)s"), icon="ban", topic="settings")
tell("seat.added", _("Gave somebody a seat: %(role)s"), icon="user-plus", topic="settings", whys={"invite": _("by an invite")})
