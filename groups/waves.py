"""Approved moves, dealt to the assistants in daily waves, best moves first."""

import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Sum
from django.utils import translation
from django.utils.timezone import now

from crm.tenancy import bulk, events
from crm.tenancy.models import Seat

from . import rises
from .calendar import HANDED_OUT_AT, instant
from .inviting import invitation, ways
from .models import Group, Move, Reshuffle, Task, Wave


@dataclass(frozen=True)
class Load:
    """What one assistant will have to do."""

    assistant: Seat
    moves: int
    first_day: datetime.date
    last_day: datetime.date
    stand_in: Seat | None = None  # who asks as long as they are away
    stood_in_until: datetime.date | None = None
    stood_in_moves: int = 0


def hands(groups, tenant, day=None):
    """Who works for each group: its assistant, else the owner. {group's id as text: seat's id}

    With `day`, for what comes up on it, it is whoever stands in for them then."""
    return hands_of(Group.objects.filter(pk__in=groups).values_list("pk", "assistant_id"), tenant, day)


def hands_of(groups, tenant, day=None):
    """The same of groups that were read already: (id, seat's id) of each."""
    seats = list(Seat.objects.standing().filter(tenant=tenant).owner_first())
    working = {seat.pk: seat for seat in seats if seat.role != Seat.Role.VIEWER}
    return {str(pk): in_their_place(working.get(assistant) or seats[0], working, day) for pk, assistant in groups}


def stand_ins(seats, day):
    """{seat's id: who does on this day what comes up for them}, of those of these seats that are away and somebody stands in for."""
    working = {seat.pk: seat for seat in seats if seat.works}
    found = {pk: working[in_their_place(seat, working, day)] for pk, seat in working.items()}
    return {pk: to for pk, to in found.items() if to.pk != pk}


def in_their_place(seat, working, day):
    """Whoever is stood in for by somebody who is away, too, is done for by the next one. Where all of them are away, it stays theirs."""
    found, passed = seat, {seat.pk}
    while day and found.is_stood_in_for(day) and found.stand_in in working:
        found = working[found.stand_in]
        if found.pk in passed:
            return seat.pk
        passed.add(found.pk)
    return found.pk


def free_hand(tenant):
    """For what belongs to no group: whoever has the fewest minutes to do. The owner only where nobody else works."""
    working = Seat.objects.at_work(tenant.today()).filter(tenant=tenant, role__in=[Seat.Role.OPERATOR, Seat.Role.ASSISTANT]).order_by("id")
    minutes = dict(Task.objects.unended().order_by().values_list("assistant").annotate(Sum("minutes")))
    by_load = sorted(working, key=lambda seat: minutes.get(seat.pk, 0))
    return by_load[0] if by_load else Seat.objects.standing().filter(tenant=tenant).owner_first().first()


def _working(tenant):
    """{id: seat} of those that do work: a viewer looks on, and who left is gone."""
    return Seat.objects.standing().filter(tenant=tenant).exclude(role=Seat.Role.VIEWER).in_bulk()


def in_daily_waves(from_groups, who_works, per_day, first_day):
    """For each move, best first, (seat's id, day): each seat gets at most `per_day` moves a day."""
    dealt = defaultdict(int)
    for group in from_groups:
        seat = who_works[group]
        yield seat, first_day + datetime.timedelta(days=dealt[seat] // per_day)
        dealt[seat] += 1


def forecast(from_groups, tenant, first_day=None):
    """Before approving: who gets how much, and when each is through."""
    first_day = first_day or tenant.today()
    who_works = hands(set(from_groups), tenant)
    days = defaultdict(list)
    for seat, day in in_daily_waves(from_groups, who_works, tenant.tasks_a_day, first_day):
        days[seat].append(day)
    seats = Seat.objects.filter(tenant=tenant).select_related("user").in_bulk(days)
    loads = [Load(seats[seat], len(each), first_day, each[-1]) for seat, each in days.items()]
    return with_stand_ins(sorted(loads, key=lambda load: (-load.moves, str(load.assistant))), tenant)


def with_stand_ins(loads, tenant):
    """Of who is away on the first day: what somebody else asks for them, beside their own."""
    if not any(load.assistant.is_stood_in_for(load.first_day) for load in loads):
        return loads
    found = stand_ins(Seat.objects.filter(tenant=tenant).select_related("user"), loads[0].first_day)
    return [_stood_in(load, found[load.assistant.pk], tenant) if load.assistant.pk in found else load for load in loads]


def _stood_in(load, to, tenant):
    until = load.assistant.stand_in_until
    many = min(load.moves, (until - load.first_day).days * tenant.tasks_a_day)
    return replace(load, stand_in=to, stood_in_until=until, stood_in_moves=many)


def due_at(day, tenant, today):
    """Today's wave at once, the others in the morning of their day."""
    return now() if day <= today else instant(datetime.datetime.combine(day, HANDED_OUT_AT), tenant.zone)


@transaction.atomic
def hand_out(wave, tenant, *, by=None):
    """Turn a wave's moves into its assistant's tasks. Who approves hands out today's; the clock hands out the later ones.

    Where the assistant has left meanwhile, or only looks on, each move goes to whoever works for its group now; where somebody stands
    in for them, to that one.
    """
    # Who rolls back, passes moves on or pauses holds the reshuffle.
    Reshuffle.objects.select_for_update(no_key=True).filter(pk__in=Wave.objects.filter(pk=wave).values("reshuffle")).first()
    # Whoever flips the state owns the wave, so a job that runs twice hands out once.
    if not Wave.objects.filter(pk=wave, state=Wave.State.WAITING).update(state=Wave.State.HANDED_OUT, handed_out_at=now()):
        return
    wave = Wave.objects.select_related("reshuffle__matrix").get(pk=wave)
    moves = list(wave.moves.in_order().filter(state=Move.State.WAITING, task=None).select_related("member", "from_group", "to_group"))
    seats = _seats(moves, wave, tenant)
    with translation.override(tenant.language):
        into = ways({move.to_group_id for move in moves})
        minutes = wave.reshuffle.matrix.minutes_per_move
        tasks = [
            as_task(move, wave.day, wave.due_at, tenant, seat, into[move.to_group_id], minutes)
            for move, seat in zip(moves, seats, strict=True)
        ]
    bulk.create(tasks)
    rises.promise(tasks, tenant)
    bulk.mark(Move, ["task"], [(move.pk, task.pk) for move, task in zip(moves, tasks, strict=True)])
    for seat, many in Counter(seats or [wave.assistant_id]).items():
        events.note("wave.handed_out", wave, by=by, after={"moves": many if moves else 0, "assistant": str(seat)})


def _seats(moves, wave, tenant):
    """The seat of each move's task."""
    if assistant := (working := _working(tenant)).get(wave.assistant_id):
        return [in_their_place(assistant, working, tenant.today())] * len(moves)
    who_works = hands({str(move.from_group_id) for move in moves}, tenant, tenant.today())
    return [who_works[str(move.from_group_id)] for move in moves]


def as_task(move, day, due_at, tenant, seat, way, minutes):
    """Called in the tenant's language, since its text leaves the house."""
    end_of_day = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(0))
    return Task(
        kind=Task.Kind.MOVE,
        group=move.from_group,
        member=move.member,
        assistant_id=seat,
        due_at=due_at,
        late_at=instant(end_of_day, tenant.zone),
        rank=move.rank,
        minutes=minutes,
        text=invitation(move, way),
        picture=way.picture,
    )
