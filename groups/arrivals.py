"""Verbs of arrivals: somebody waits, an evening is filled, one is moved, made urgent or called off.

Their steps are laid out in `arrival_laying`, handed out in `arrival_handing` and done in `arrival_steps`.

Who plans holds the row of the evenings, so two who fill at once never put more into an evening than it takes.
"""

import datetime
from collections import Counter
from functools import cached_property

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy import bulk, community, events
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from members import people
from members.models import Member

from . import arrival_laying, callers, evenings, waves
from .models import Arrival, ArrivalStep, Group, Matrix, Placement

State = Arrival.State
LONGEST_REASON = 200
MOST_AT_ONCE = 200
LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
FURTHEST = datetime.timedelta(days=60)


# Who waits


def matrix_of_newcomers():
    """Where newcomers go unless somebody says otherwise: the reshuffled matrix with most open groups."""
    found = Matrix.objects.annotate(open=Count("groups", filter=Q(groups__closed_on=None))).filter(open__gt=0)
    matrix = found.order_by("-is_reshuffled", "-open", "name").first()
    if matrix is None:
        raise Refused(_("There is no open group yet that somebody could enter."), code="no_group")
    return matrix


def unseated(matrix):
    """Present members who sit in no group of this matrix and are not on their way into one; the newest first."""
    seats = Placement.objects.open().filter(matrix=matrix)
    coming = Arrival.objects.open().filter(matrix=matrix)
    found = Member.objects.current().exclude(pk__in=seats.values("member")).exclude(pk__in=coming.values("member"))
    return found.order_by("-created_at", "id")


@transaction.atomic
def wait(member, *, by, matrix=None, paid_at=None, group=None):
    """Put somebody into the queue. `group` is whose chat they are in already, and where they go while it has room."""
    matrix, member = matrix or matrix_of_newcomers(), people.held(member)
    if member.standing != Member.Standing.CURRENT:
        raise Refused(_("%(name)s is no present member.") % {"name": member.nickname}, code="not_current", field="member")
    seat = Placement.objects.open().filter(member=member, matrix=matrix).select_related("group").first()
    if seat:
        words = {"name": member.nickname, "group": seat.group.name}
        raise Refused(_("%(name)s sits in %(group)s already.") % words, code="sits_already", field="member")
    if paid_at and paid_at < LONG_AGO:
        raise Refused(_("Nobody has paid so long ago; look at the year."), code="long_ago", status=400, field="paid_at")
    if paid_at and paid_at > now():
        raise Refused(_("The day of payment cannot lie in the future."), code="in_the_future", status=400, field="paid_at")
    try:
        with transaction.atomic():
            arrival = Arrival.objects.create(member=member, matrix=matrix, paid_at=paid_at, group=group)
    except IntegrityError:
        sentence = _("%(name)s is on the way in already.") % {"name": member.nickname}
        raise Refused(sentence, code="waits_already", field="member") from None
    events.note("arrival.added", arrival, by=by, member=member)
    return arrival


@transaction.atomic
def add(values, *, by, matrix=None, paid_at=None):
    """Somebody new, and their way in: both or neither."""
    return wait(people.add(values, by=by), by=by, matrix=matrix, paid_at=paid_at)


@transaction.atomic
def wait_all(matrix, *, by):
    """Everybody who sits nowhere in this matrix, at most so many at once. Returns how many."""
    asked = list(unseated(matrix).values_list("pk", flat=True)[:MOST_AT_ONCE])
    list(Member.objects.select_for_update().filter(pk__in=asked).order_by("pk").values_list("pk"))
    found = unseated(matrix).filter(pk__in=asked)  # who was seated by somebody else while we waited for them is not
    made = [Arrival(member_id=member, matrix=matrix) for member in found.values_list("pk", flat=True)]
    bulk.create(made)
    events.note_all({"kind": "arrival.added", "subject": arrival, "by": by, "member": arrival.member_id} for arrival in made)
    return len(made)


# Which group


class Rooms:
    """The groups of a matrix with the room they have, and whom each of them lacks."""

    def __init__(self, matrix):
        self.groups = {group.pk: group for group in Group.objects.open().filter(matrix=matrix).in_order()}
        coming = Arrival.objects.filter(group__in=self.groups, placement=None, state=State.PLANNED)
        self.rows = Placement.objects.open().filter(group__in=self.groups), coming
        self.heads = Counter()
        for rows in self.rows:
            for group, many in rows.order_by().values_list("group").annotate(Count("pk")):
                self.heads[group] += many

    @cached_property
    def alike(self):
        """How many of each city and of each industry sit there: read when a group is looked for, not where one is named."""
        found = Counter()
        for rows in self.rows:
            counted = rows.order_by().values_list("group", "member__city", "member__industry").annotate(Count("pk"))
            for group, city, industry, many in counted:
                found[group, "city", city] += many
                found[group, "industry", industry] += many
        return found

    def _count(self, group, member, many):
        self.heads[group.pk] += many
        if "alike" in self.__dict__:  # else it is read later, with this one in it
            self.alike[group.pk, "city", member.city] += many
            self.alike[group.pk, "industry", member.industry] += many

    def left(self, group):
        return self.groups[group].capacity - self.heads[group] if group in self.groups else 0

    def wished(self, arrival):
        return self.groups[arrival.group_id] if arrival.group_id and self.left(arrival.group_id) > 0 else None

    def best(self, member):
        """With room, and the one that is emptiest and has fewest of their city and industry; None where all are full."""
        there = [pk for pk in self.groups if self.left(pk) > 0]
        return self.groups[min(there, key=lambda pk: self._weight(pk, member))] if there else None

    def _weight(self, pk, member):
        heads = max(self.heads[pk], 1)
        same = sum(self.alike[pk, name, said] for name in ("city", "industry") if (said := getattr(member, name)))
        return self.heads[pk] / self.groups[pk].capacity + same / heads, self.heads[pk], str(pk)

    def take(self, group, member):
        self._count(group, member, 1)

    def leave(self, group, member):
        self._count(group, member, -1)


# Evenings


@transaction.atomic
def fill(day, tenant, *, by, matrix=None):
    """Put those who wait into an evening, longest first, as far as it and the groups have room. Returns those who were planned."""
    evening = evenings.held()
    _refuse_day(day, evening, tenant)
    planned, of_matrix = [], {}
    for arrival in Arrival.objects.waiting().select_related("member", "matrix").filter(**({"matrix": matrix} if matrix else {})):
        rooms = _rooms(arrival, of_matrix)
        group = rooms.wished(arrival) or rooms.best(arrival.member)
        if group is None:
            continue
        at = _free(evening, day, tenant)
        if at is None:
            break
        rooms.take(group, arrival.member)
        planned.append(_plan(arrival, group, day, at, tenant, by))
    if not planned:
        sentence, code = _why_nobody(evening, day, tenant)
        raise Refused(sentence, code=code)
    return planned


def _rooms(arrival, of_matrix):
    """Of the arrival's matrix, read once for all who want to enter it."""
    if arrival.matrix_id not in of_matrix:
        of_matrix[arrival.matrix_id] = Rooms(arrival.matrix)
    return of_matrix[arrival.matrix_id]


def _why_nobody(evening, day, tenant):
    if not Arrival.objects.waiting().exists():
        return _("Nobody is waiting."), "nobody_waits"
    if _free(evening, day, tenant) is None:
        return _("This evening is full. Choose another one, or raise the limit under “Hours and limits”."), "evening_full"
    return _("All groups are full. Raise a capacity, or open another group."), "groups_full"


def left_over(tenant):
    """Who was planned for an evening that is over and has not entered, longest ago first. Who is urgent today enters at any hour."""
    today, is_over = tenant.today(), Q(day__lt=tenant.today())
    if evenings.is_over(evenings.of_tenant(), today, tenant):
        is_over |= Q(day=today, urgent_because="")
    return Arrival.objects.filter(is_over, state=State.PLANNED, placement=None).order_by("day", "at", "id")


@transaction.atomic
def put_off(tenant, *, by):
    """Who did not come while their evening lasted goes into the next one, as far as it has room, else back into the queue.

    Returns (that evening, how many it took, how many wait again).
    """
    evening, day = evenings.held(), tenant.today()
    day += datetime.timedelta(days=evenings.is_over(evening, day, tenant))
    counts, of_matrix = Counter(), {}
    for pk in left_over(tenant).values_list("pk", flat=True):
        arrival = _open(Arrival(pk=pk))
        rooms = _rooms(arrival, of_matrix)
        at, own = _free(evening, day, tenant), rooms.groups.get(arrival.group_id)
        there = own or rooms.best(arrival.member)  # their own place in it is theirs still
        is_planned = at is not None and there is not None and arrival.member.standing == Member.Standing.CURRENT
        if is_planned and not own:
            rooms.take(there, arrival.member)
        elif own and not is_planned:
            rooms.leave(own, arrival.member)
        if is_planned:
            _plan(arrival, there, day, at, tenant, by)
        else:
            back_into_queue(arrival, by=by)
        counts[is_planned] += 1
    if not counts:
        raise Refused(_("Nobody is left over from an evening."), code="nobody_left")
    return day, counts[True], counts[False]


@transaction.atomic
def plan(arrival, day, tenant, *, by, group=None):
    """Into this evening, or into another one; into the group that suits best, or into this one."""
    evening = evenings.held()
    arrival = _open(arrival)
    _refuse_day(day, evening, tenant)
    group = _group(arrival, group)
    at = arrival.at if arrival.day == day and arrival.at in evenings.times(evening) else _free(evening, day, tenant, but=arrival)
    if at is None:
        sentence = _("This evening is full. Choose another one, or raise the limit under “Hours and limits”.")
        raise Refused(sentence, code="evening_full", field="day")
    return _plan(arrival, group, day, at, tenant, by)


@transaction.atomic
def hurry(arrival, because, tenant, *, by, group=None):
    """They enter at once, with a reason, whatever the evening holds."""
    because = " ".join(str(because or "").replace("\0", "").split())
    if not because or len(because) > LONGEST_REASON:
        sentence = _("Say why it cannot wait for an evening, in %(most)s characters at most.") % {"most": LONGEST_REASON}
        raise Refused(sentence, code="reason_missing", status=400, field="because")
    evenings.held()
    arrival = _open(arrival)
    group = _group(arrival, group)
    wall = now().astimezone(tenant.zone)
    arrival.urgent_because = because
    return _plan(arrival, group, wall.date(), wall.time().replace(second=0, microsecond=0), tenant, by, kind="arrival.hurried")


@transaction.atomic
def back_into_queue(arrival, *, by):
    """Without an evening again; who is in a group's chat already stays meant for that group."""
    evenings.held()
    arrival = _open(arrival)
    if arrival.state == State.WAITING:
        return arrival
    before = {"group": str(arrival.group_id), "day": str(arrival.day)}
    arrival_laying.take_down(arrival, by=by)
    arrival.steps.filter(state=ArrivalStep.State.WITHDRAWN, number__gt=0).update(state=ArrivalStep.State.BARRED)
    _save(arrival, state=State.WAITING, day=None, at=None, group=_wish(arrival), urgent_because="")
    events.note("arrival.unplanned", arrival, by=by, member=arrival.member_id, before=before)
    return arrival


@transaction.atomic
def call_off(arrival, *, by):
    """They do not come."""
    evenings.held()
    arrival = _open(arrival)
    before = {"state": arrival.state, "day": arrival.day and str(arrival.day), "group": arrival.group_id and str(arrival.group_id)}
    arrival_laying.take_down(arrival, by=by)
    _save(arrival, state=State.CALLED_OFF)
    return events.note("arrival.called_off", arrival, by=by, member=arrival.member_id, before=before)


@transaction.atomic
def bring_back(arrival, tenant, *, by):
    """They come after all: into their evening where it is still ahead and has room, else into the queue."""
    evening = evenings.held()
    arrival = arrival_laying.hold(arrival)
    if arrival.state != State.CALLED_OFF:
        raise Refused(_("This arrival was not called off."), code="not_called_off")
    if Arrival.objects.open().filter(member=arrival.member_id, matrix=arrival.matrix_id).exists():
        raise Refused(_("%(name)s is on the way in already.") % {"name": arrival.member.nickname}, code="waits_already")
    people.held(arrival.member)
    day, group = arrival.day, arrival.group
    _save(arrival, state=State.WAITING, day=None, at=None, group=_wish(arrival))
    events.note("arrival.returned", arrival, by=by, member=arrival.member_id)
    at = _free(evening, day, tenant) if day and day >= tenant.today() else None
    if at and group and Rooms(arrival.matrix).left(group.pk) > 0:
        _plan(arrival, group, day, at, tenant, by)
    return arrival


def _wish(arrival):
    """The open group that they were meant for before anybody planned them: whose chat they are in."""
    planned = Event.objects.of(arrival).filter(kind__in=["arrival.planned", "arrival.hurried"]).order_by("at", "id").first()
    return Group.objects.open().filter(pk=planned.before.get("group") if planned else arrival.group_id).first()


def _open(arrival):
    arrival = arrival_laying.hold(arrival)
    if arrival.state not in (State.WAITING, State.PLANNED):
        words = {"state": arrival.get_state_display()}
        raise Refused(_("This arrival is over: %(state)s.") % words, code="arrival_over", state=arrival.state)
    if arrival.placement_id:
        raise Refused(_("They sit in the group already. Take the introduction back first."), code="entered_already")
    return arrival


def _refuse_day(day, evening, tenant):
    wall = now().astimezone(tenant.zone)
    if evenings.is_over(evening, day, tenant):
        raise Refused(_("This evening is over; choose a later one."), code="evening_over", status=400, field="day")
    if day > wall.date() + FURTHEST:
        sentence = _("At most %(days)s days ahead.") % {"days": FURTHEST.days}
        raise Refused(sentence, code="too_far_ahead", status=400, field="day")


def _free(evening, day, tenant, but=None):
    """A time of this evening, unless as many as it takes are planned. Urgent ones take no place."""
    there = Arrival.objects.on(day).filter(urgent_because="").exclude(pk=but and but.pk)
    taken = set(there.values_list("at", flat=True))
    return evenings.free_time(evening, day, taken, tenant) if there.count() < evening.cap else None


def _group(arrival, group):
    rooms = Rooms(arrival.matrix)
    if arrival.group_id and arrival.state == State.PLANNED:
        rooms.heads[arrival.group_id] -= 1  # they themselves
    if group is None:
        group = arrival.group if arrival.group_id and rooms.left(arrival.group_id) > 0 else rooms.best(arrival.member)
    if group is None:
        raise Refused(_("All groups are full. Raise a capacity, or open another group."), code="groups_full", field="group")
    if group.pk not in rooms.groups:
        raise Refused(_("This is no open group of the matrix they enter."), code="no_such_group", status=400, field="group")
    if rooms.left(group.pk) <= 0:
        words = {"group": group.name, "capacity": f"{group.capacity:,}"}
        raise Refused(_("%(group)s is full: it holds %(capacity)s.") % words, code="group_full", field="group")
    return group


def _plan(arrival, group, day, at, tenant, by, kind="arrival.planned"):
    if arrival.member.standing != Member.Standing.CURRENT:
        raise Refused(_("%(name)s is no present member.") % {"name": arrival.member.nickname}, code="not_current")
    before = {"state": arrival.state, "day": arrival.day and str(arrival.day), "group": arrival.group_id and str(arrival.group_id)}
    hands = waves.hands({str(group.pk)}, tenant, day)
    arrival.group = group
    because = arrival.urgent_because if kind == "arrival.hurried" else ""
    _save(arrival, state=State.PLANNED, day=day, at=at, group=group, assistant_id=hands[str(group.pk)], urgent_because=because)
    callers.free(arrival)
    arrival_laying.lay_out(arrival, tenant)
    after = {"day": str(day), "at": f"{at:%H:%M}", "group": str(group.pk)}
    events.note(kind, arrival, by=by, member=arrival.member_id, before=before, after=after)
    return arrival


def _save(arrival, **fields):
    for name, value in fields.items():
        setattr(arrival, name, value)
    arrival.save(update_fields=list(fields))


# Another time zone


def in_another_zone(zone):
    """Steps that wait keep their wall time."""
    ahead = [ArrivalStep.State.WAITING, ArrivalStep.State.BARRED]
    steps = ArrivalStep.objects.filter(state__in=ahead, due_at__gt=now(), arrival__state=State.PLANNED)
    for step in steps.exclude(kind=ArrivalStep.Kind.FORM).select_related("arrival__member"):
        enters = evenings.instant(datetime.datetime.combine(step.arrival.day, step.arrival.at), zone)
        label = _("%(name)s: %(step)s") % {"name": step.arrival.member.nickname, "step": step.get_kind_display()}
        yield _Step(step, label, arrival_laying.due_at(step.kind, enters, enters))


class _Step(community.Moved):
    """A barred one moves, too, though no clock has it yet."""

    def keep(self):
        return ArrivalStep.objects.filter(pk=self.row.pk, state__in=["waiting", "barred"]).update(due_at=self.due_at)


community.ON_ZONE_CHANGE.append(in_another_zone)


def in_words(many):
    """How many are planned."""
    return ngettext("%(n)s newcomer is planned.", "%(n)s newcomers are planned.", many) % {"n": f"{many:,}"}
