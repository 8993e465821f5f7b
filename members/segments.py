"""Saved filters over members, with a name: whoever they fit now. Shared, or of one seat alone."""

from django.db import transaction
from django.db.models import F
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.counting import counts
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from .asked import Asked
from .filters import as_uuid, name_of_field
from .hidden import hidden_from
from .lists import MemberList
from .models import CustomField, Segment

LONGEST_NAME = 40
MOST = 60  # that one seat has before its eyes


def members_of(segment, hidden=frozenset()):
    """Whoever fits now, wherever people are chosen. A filter that is no longer known is said, never ignored."""
    asked = Asked.of_saved(segment.asked)
    if asked.unknown:
        raise Refused(gone(asked.unknown), code="filter_gone", filters=asked.unknown)
    return asked.found(hidden)


def gone(names):
    """The sentence about filters that a segment asks for and nobody knows any more."""
    fields = {name_of_field(field.pk): field.name for field in CustomField.objects.filter(pk__in=_fields_in(names))}
    said = _(", ").join(f"“{fields.get(name, name)}”" for name in names)
    return _("This segment asks for %(filters)s, which is no longer there, so it finds nobody. Save it anew without it.") % {
        "filters": said
    }


def no_such_filter(asked):
    words = {"unknown": ", ".join(asked.unknown), "known": ", ".join(["q", *asked.filters])}
    sentence = _("There is no filter %(unknown)s. There are: %(known)s.") % words
    return Refused(sentence, code="filter_unknown", status=400, field="asked")


def _fields_in(names):
    prefix = name_of_field("")
    return list(filter(None, (as_uuid(name.removeprefix(prefix)) for name in names if name.startswith(prefix))))


def open_to(seat):
    """The shared ones first, then one's own."""
    return list(Segment.objects.open_to(seat).order_by(F("seat").asc(nulls_first=True), "name", "id")[:MOST])


def counted(asked, hidden=frozenset()):
    """{id: how many fit}, in one question."""
    found = counts(**{f"n{at}": each.found(hidden) for at, each in enumerate(asked.values())}) if asked else {}
    return {pk: found[f"n{at}"] for at, pk in enumerate(asked)}


def is_same(ours, theirs):
    return not ours.unknown and ours.words == theirs.words and _sets(ours) == _sets(theirs)


def _sets(asked):
    return {name: set(values) for name, values in asked.set.items()}


class Tabs:
    """The segments of a seat above the list, with how many fit each now, and the one that the list's address names."""

    def __init__(self, shown, seat):
        self.shown = shown
        self.all = open_to(seat)
        known = list(shown.asked.filters.values())
        self.asked = {segment.pk: Asked.of_saved(segment.asked, known) for segment in self.all}
        self.chosen = next((each for each in self.all if str(each.pk) == shown.segment), None)

    @cached_property
    def each(self):
        numbers = counted(self.asked, self.shown.hidden)
        return [
            {
                "segment": segment,
                "count": numbers[segment.pk],
                "way": "?" + urlencode([*self.asked[segment.pk].pairs(), ("segment", segment.pk)]),
                "is_current": segment == self.chosen,
            }
            for segment in self.all
        ]

    @property
    def is_changed(self):
        """Other conditions than those of the chosen one are shown."""
        return self.chosen is not None and not self.trouble and not is_same(self.asked[self.chosen.pk], self.shown.asked)

    @cached_property
    def trouble(self):
        return gone(self.shown.asked.unknown) if self.shown.asked.unknown else ""


def listed(request):
    """The list that the address asks for: of a segment alone what that asks for."""
    hidden = hidden_from(request.seat)
    shown = MemberList(request.GET, hidden)
    is_typed = bool(request.htmx) and request.htmx.trigger in ("search", "menus")  # then the menus stay as they are
    tabs = Tabs(shown, request.seat)
    if shown.segment and not tabs.chosen and not shown.asked.saved:
        raise no_such_segment()  # not everybody instead
    if tabs.chosen and (not shown.asked.saved or tabs.asked[tabs.chosen.pk].unknown):
        shown = tabs.shown = MemberList(request.GET, hidden, tabs.asked[tabs.chosen.pk])
    shown.is_typed, shown.tabs = is_typed, tabs
    return shown


class Among:
    """Whom a page of people is about: everybody, or a segment that its address names (`?segment=`)."""

    def __init__(self, request):
        wanted, self.hidden = request.GET.get("segment", "")[:40], hidden_from(request.seat)
        self.all = open_to(request.seat)
        self.chosen = find(wanted, request.seat) if wanted else None

    @cached_property
    def trouble(self):
        unknown = Asked.of_saved(self.chosen.asked).unknown if self.chosen else []
        return gone(unknown) if unknown else ""

    def of(self, rows, column="pk"):
        """Those of these rows that are about somebody of the segment."""
        if not self.chosen:
            return rows
        return rows.none() if self.trouble else rows.filter(**{f"{column}__in": self._members})

    @cached_property
    def _members(self):
        return members_of(self.chosen, self.hidden).order_by().values("pk")


def find(pk, seat, *, lock=False):
    """One that this seat may use."""
    segments = Segment.objects.open_to(seat)
    found = (segments.select_for_update() if lock else segments).filter(pk=as_uuid(pk)).first() if as_uuid(pk) else None
    if found is None:
        raise no_such_segment()
    return found


def no_such_segment():
    return Refused(_("There is no such segment any more."), code="no_such_segment", status=404)


# Verbs


@transaction.atomic
def save(name, asked, *, shared, by):
    _one_at_a_time()
    _refuse_nothing(asked)
    segment = Segment(name=_a_name(name), asked=asked.saved, seat=None if shared else by, made_by=by)
    _refuse_twin(segment)
    segment.save(force_insert=True)
    events.note("segment.saved", segment, by=by, after={"filters": len(asked.saved), "shared": shared})
    return segment


@transaction.atomic
def change(segment, *, by, name=None, asked=None, shared=None):
    """Returns the segment as it is now and how it was, for `restore`."""
    _one_at_a_time()
    segment = find(segment.pk, by, lock=True)
    before = state(segment)
    if name is not None:
        segment.name = _a_name(name)
    if asked is not None:
        _refuse_nothing(asked)
        segment.asked = asked.saved
    if shared is not None:
        segment.seat = None if shared else by
    if state(segment) == before:
        return segment, {}
    _refuse_twin(segment)
    segment.save()
    events.note("segment.changed", segment, by=by, after={"filters": len(segment.asked), "shared": segment.seat_id is None})
    return segment, before


@transaction.atomic
def drop(segment, *, by):
    """Returns how it was, for `restore`."""
    segment = find(segment.pk, by, lock=True)
    before, kept = state(segment), segment.pk
    segment.delete()
    segment.pk = kept
    events.note("segment.dropped", segment, by=by)
    return before


def state(segment):
    return {"id": str(segment.pk), "name": segment.name, "asked": segment.asked, "seat": segment.seat_id and str(segment.seat_id)}


@transaction.atomic
def restore(before, after, *, by):
    """As it was, if nobody changed it since; `after` is empty for one that was deleted."""
    if "asked" not in before:  # the undo of something else
        raise Refused(_("There is no such segment any more."), code="no_such_segment", status=404)
    _one_at_a_time()
    there = Segment.objects.select_for_update().filter(pk=before["id"]).first()
    if (state(there) if there else {}) != after or before["seat"] not in (None, str(by.pk)):
        raise Refused(_("Somebody changed this segment in the meantime, so it stays as it is."), code="changed_meanwhile")
    segment = there or Segment(pk=before["id"], made_by=by)
    segment.name, segment.asked = before["name"], before["asked"]
    segment.seat = Seat.objects.get(pk=before["seat"], tenant=active_tenant()) if before["seat"] else None
    _refuse_twin(segment)
    segment.save()
    events.note("segment.returned", segment, by=by)
    return segment


def _one_at_a_time():
    """Two who give one name at the same moment are told, the second one."""
    Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())


def _a_name(name):
    name = " ".join(str(name).replace("\0", "").split())
    if not name or len(name) > LONGEST_NAME:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST_NAME}
        raise Refused(sentence, code="name_malformed", status=400, field="name")
    return name


def _refuse_nothing(asked):
    if not asked.saved:
        raise Refused(_("Choose a condition or type a word first: a segment of everybody needs no name."), code="nothing_asked", status=400)


def _refuse_twin(segment):
    twin = Segment.objects.filter(name=segment.name, seat=segment.seat).exclude(pk=segment.pk)
    if twin.exists():
        sentence = _("There is a segment “%(name)s” already. Give this one another name.") % {"name": segment.name}
        raise Refused(sentence, code="a_segment_once", field="name")
