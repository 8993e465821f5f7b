"""Verbs while a reshuffle is carried out: stop and go on, pass some of one's moves to another, ask somebody again, seat who came late."""

import datetime
from collections import Counter, defaultdict

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy import bulk, effects, events, trail
from crm.tenancy.refusals import Refused
from members.models import Member

from . import handovers, inviting, rises, waves
from .models import Arrival, Cohort, Group, Move, Placement, Reshuffle, Star, Task, Wave

DAY = datetime.timedelta(days=1)
FAR_OFF = 10_000 * DAY
AT_MOST = 1_000  # moves in one act
AGAIN = [Move.State.ASKED, Move.State.REFUSED, Move.State.UNREACHABLE]
UNASKED = [Task.Reason.DECLINED, Task.Reason.NOT_FOUND]  # «ask all again» leaves these to somebody who looks


def running(reshuffle):
    """It, held until this act stands."""
    found = Reshuffle.objects.select_for_update(of=["self"]).select_related("matrix", "cohort").get(pk=reshuffle.pk)
    if found.state != Reshuffle.State.APPROVED:
        raise Refused(_("This reshuffle is not being carried out."), code="not_carried_out")
    return found


# Stopping and going on


@transaction.atomic
def pause(reshuffle, *, by):
    """No new wave is handed out until somebody says so; what is handed out stays."""
    reshuffle = running(reshuffle)
    many = Wave.objects.filter(reshuffle=reshuffle, state=Wave.State.WAITING).update(state=Wave.State.PAUSED)
    if not many:
        raise Refused(_("No wave waits any more, so there is nothing to pause."), code="nothing_to_pause")
    events.note("reshuffle.paused", reshuffle, by=by, after={"waves": many})


@transaction.atomic
def go_on(reshuffle, tenant, *, by):
    """What waits is handed out from today on, a wave a day; each wave stays as it is."""
    reshuffle = running(reshuffle)
    paused = list(Wave.objects.select_for_update(of=["self"]).filter(reshuffle=reshuffle, state=Wave.State.PAUSED).order_by("day"))
    if not paused:
        raise Refused(_("Nothing is paused here."), code="not_paused")
    today = tenant.today()
    free = {seat: _first_free(reshuffle, seat, today) for seat in {wave.assistant_id for wave in paused}}
    for wave in paused:
        wave.day = max(wave.day, free[wave.assistant_id])
        free[wave.assistant_id] = wave.day + DAY
        wave.state, wave.due_at = Wave.State.WAITING, waves.due_at(wave.day, tenant, today)
    Wave.objects.filter(pk__in=[wave.pk for wave in paused]).update(day=F("day") + FAR_OFF)  # two of a seat never share a day, not even now
    Wave.objects.bulk_update(paused, ["day", "state", "due_at"], batch_size=500)
    for wave in paused:
        if wave.day <= today:
            effects.nudge(wave)
    events.note("reshuffle.resumed", reshuffle, by=by, after={"waves": len(paused)})


def _first_free(reshuffle, seat, today):
    """Two waves of one seat never share a day."""
    busy = set(_of(reshuffle, seat).exclude(state=Wave.State.PAUSED).filter(day__gte=today).values_list("day", flat=True))
    return max(busy) + DAY if busy else today


def _of(reshuffle, seat):
    return Wave.objects.filter(reshuffle=reshuffle, assistant=seat)


# Passing on


def passable(reshuffle, seat):
    """Moves of this seat that nobody was asked about yet: those of the last waves first, then open tasks, the least worth first."""
    waiting = Move.objects.filter(reshuffle=reshuffle, state=Move.State.WAITING)
    later = waiting.filter(task=None, wave__assistant=seat, wave__state__in=[Wave.State.WAITING, Wave.State.PAUSED])
    handed = waiting.filter(task__state=Task.State.OPEN, task__assistant=seat)
    return later.order_by("-wave__day", "-rank"), handed.order_by("-rank")


@transaction.atomic
def pass_on(reshuffle, whose, to, number, tenant, *, by):
    """So many moves of one seat are another's. Returns the day on which the other one is through with all of theirs."""
    reshuffle, to = running(reshuffle), handovers.who_works(to)
    if whose == to.pk:
        raise Refused(_("These are theirs already; choose somebody else."), code="theirs_already", field="give_to")
    if not 1 <= number <= AT_MOST:
        words = {"least": 1, "most": f"{AT_MOST:,}"}
        raise Refused(_("A number from %(least)s to %(most)s.") % words, code="out_of_range", status=400, field="number")
    later, handed = passable(reshuffle, whose)
    moves = list(later.select_for_update(of=["self"]).select_related("wave")[:number])
    tasks = list(handed.values_list("task", flat=True)[: number - len(moves)])
    if not moves and not tasks:
        raise Refused(_("Nothing of theirs waits to be asked any more."), code="nothing_to_pass_on")
    before = {str(move.pk): str(move.wave_id) for move in moves}
    last = _deal(reshuffle, sorted(moves, key=lambda move: move.rank), to, tenant)
    if tasks:
        handovers.hand_over(Task.objects.filter(pk__in=tasks), to.pk, by=by)
    if moves:
        after = {"assistant": str(to.pk), "moves": len(moves)}
        events.note("moves.passed_on", reshuffle, by=by, before={"waves": before}, after=after)
    return last or tenant.today()


def _deal(reshuffle, moves, to, tenant):
    """Into that seat's waves to come, filled up to what a day may hold, then into new ones; the last day of it."""
    today, left, last = tenant.today(), list(moves), None
    for wave, room in rooms(reshuffle, to, tenant) if left else ():
        some, left = left[:room], left[room:]
        Move.objects.filter(pk__in=[move.pk for move in some]).update(wave=wave)
        if some and wave.day <= today and wave.state == Wave.State.WAITING:
            effects.nudge(wave)
        last = wave.day
        if not left:
            break
    return last


def rooms(reshuffle, to, tenant, *, handed_out=False):
    """(wave, how many more it may hold) of that seat, from today on and without an end: where a day has none, one is made.

    What is handed out already counts as full, unless somebody adds to it by hand."""
    today = day = tenant.today()
    found = {wave.day: wave for wave in _of(reshuffle, to).filter(day__gte=today).annotate(many=Count("moves"))}
    is_paused = Wave.objects.filter(reshuffle=reshuffle, state=Wave.State.PAUSED).exists()
    takes = {Wave.State.WAITING, Wave.State.PAUSED} | ({Wave.State.HANDED_OUT} if handed_out and not is_paused else set())
    while True:
        wave, many = found.get(day), 0
        if wave is None:
            state = Wave.State.PAUSED if is_paused else Wave.State.WAITING
            wave = Wave.objects.create(reshuffle=reshuffle, assistant=to, day=day, due_at=waves.due_at(day, tenant, today), state=state)
        else:
            many = wave.many
        yield wave, max(tenant.tasks_a_day - many, 0) if wave.state in takes else 0
        day += DAY


def _passed_last(facts):
    """Those of which some move waits where it was passed to."""
    asked = {pk for fact in facts for pk in fact.before.get("waves", {})}
    there = Move.objects.filter(pk__in=asked, task=None, state=Move.State.WAITING, wave__state__in=[Wave.State.WAITING, Wave.State.PAUSED])
    there = {(str(pk), str(seat)) for pk, seat in there.values_list("pk", "wave__assistant")}
    return [fact.pk for fact in facts if any((pk, fact.after.get("assistant")) in there for pk in fact.before.get("waves", {}))]


def _pass_back(fact, by):
    """Into the wave they came from, while that waits."""
    back, held = 0, fact.before["waves"]
    open_waves = Wave.objects.filter(pk__in=set(held.values()), state__in=[Wave.State.WAITING, Wave.State.PAUSED])
    open_waves = {str(pk) for pk in open_waves.values_list("pk", flat=True)}
    there = Move.objects.select_for_update(of=["self"]).filter(
        pk__in=held, task=None, state=Move.State.WAITING, wave__assistant=fact.after["assistant"]
    )
    of_wave = defaultdict(list)
    for move in there:
        of_wave[held[str(move.pk)]].append(move.pk)
    for wave in open_waves & of_wave.keys():
        back += Move.objects.filter(pk__in=of_wave[wave]).update(wave=wave)
    if not back:
        raise trail.overtaken(fact)
    events.note("moves.passed_back", Reshuffle(pk=fact.subject), by=by, after={"moves": back})
    return ngettext("%(n)s move is back where it was.", "%(n)s moves are back where they were.", back) % {"n": f"{back:,}"}


trail.undoes("moves.passed_on", "matrix", _passed_last, _pass_back)


def proposal(state):
    """(from, to, how many, the day both are through), which mends the latest one; None where nobody is late or nobody is freer."""
    late = [hand for hand in state.hands if hand.is_late and hand.tally.waiting]
    free = [hand for hand in state.hands if not hand.is_late]
    if not late or not free:
        return None
    slow = max(late, key=lambda hand: (hand.is_silent, hand.late_by, hand.tally.waiting))
    quick = min(free, key=lambda hand: (hand.tally.waiting, str(hand.seat)))
    rates = [max(min(hand.cap, hand.pace or 0), 0 if hand.is_silent else 1) for hand in (slow, quick)]
    if not sum(rates):
        return None
    here, there = slow.tally.waiting, quick.tally.waiting
    number = min(round((here * rates[1] - there * rates[0]) / sum(rates)), here)
    if number < 1:
        return None
    number = number // 10 * 10 or number
    days = max(-(-(there + number) // (rates[1] or 1)), -(-(here - number) // rates[0]) if rates[0] else 0)
    return {"slow": slow, "quick": quick, "number": number, "day": state.day + int(days) * DAY}


# Asking again


@transaction.atomic
def ask_again(moves, tenant, *, by, to=None):
    """A new task of each, of whoever works for the group they come from, or of `to`: the owner says it themselves.

    So many a day as a day may hold; the task that ended before stays as it ended."""
    found = Move.objects.select_for_update(of=["self"]).filter(pk__in=moves, state__in=AGAIN, reshuffle__state=Reshuffle.State.APPROVED)
    found = list(found.in_order().select_related("member", "from_group", "to_group", "reshuffle__matrix"))
    found = [move for move in found if move.member.standing == Member.Standing.CURRENT]
    if not found:
        raise Refused(_("Nobody of these can be asked again: they came, or their reshuffle has ended."), code="nobody_to_ask")
    hands = waves.hands({str(move.from_group_id) for move in found}, tenant, tenant.today())
    seat_of = {move.pk: to.pk if to else hands[str(move.from_group_id)] for move in found}
    before = {str(move.pk): [move.state, str(move.task_id) if move.task_id else None] for move in found}
    into, dealt, tasks = inviting.ways({move.to_group_id for move in found}), Counter(), []
    with translation.override(tenant.language):
        for move in found:
            seat = seat_of[move.pk]
            day = tenant.today() + dealt[seat] // tenant.tasks_a_day * DAY
            dealt[seat] += 1
            due_at = waves.due_at(day, tenant, tenant.today())
            tasks.append(waves.as_task(move, day, due_at, tenant, seat, into[move.to_group_id], move.reshuffle.matrix.minutes_per_move))
    bulk.create(tasks)
    rises.promise(tasks, tenant)
    moment = now()
    waiting = [(move.pk, task.pk, Move.State.WAITING, moment) for move, task in zip(found, tasks, strict=True)]
    bulk.mark(Move, ["task", "state", "changed_at"], waiting)
    return events.note(
        "moves.asked_again", found[0].reshuffle, by=by, because="owner" if to else "", before={"moves": before}, after={"moves": len(found)}
    )


def _asked_last(facts):
    asked = {pk for fact in facts for pk in fact.before.get("moves", {})}
    waiting = Move.objects.filter(pk__in=asked, state=Move.State.WAITING, task__state=Task.State.OPEN)
    there = {str(pk) for pk in waiting.values_list("pk", flat=True)}
    return [fact.pk for fact in trail.newest(facts, ["moves.asked_again"]) if there & fact.before.get("moves", {}).keys()]


def _unask(fact, by):
    held = fact.before["moves"]
    tasks = Task.objects.open().select_for_update(of=["self"]).filter(moves__in=list(held))
    idle = list(tasks.order_by("pk").values_list("pk", flat=True))  # no tick meanwhile
    there = list(Move.objects.select_for_update(of=["self"]).filter(pk__in=held, state=Move.State.WAITING, task__in=idle))
    Task.objects.filter(pk__in=[move.task_id for move in there]).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    moment = now()
    bulk.mark(Move, ["state", "task", "changed_at"], [(move.pk, *held[str(move.pk)], moment) for move in there])
    back = len(there)
    events.note("moves.unasked", Reshuffle(pk=fact.subject), by=by, after={"moves": back})
    return ngettext("%(n)s person is not asked again.", "%(n)s people are not asked again.", back) % {"n": f"{back:,}"}


trail.undoes("moves.asked_again", "matrix", _asked_last, _unask)


def to_ask_again(reshuffle):
    """Stragglers whom an assistant may just ask once more: neither stars nor partners, and not who said no or cannot be found."""
    shines = Exists(Star.objects.shining().filter(member=OuterRef("member")))
    missing = Move.objects.filter(reshuffle=reshuffle, state__in=[Move.State.REFUSED, Move.State.UNREACHABLE])
    return missing.exclude(Q(member__tier=Member.Tier.PARTNER) | shines).exclude(task__reason__in=UNASKED)


# Who came after the plan


def late(reshuffle):
    """Members who sit nowhere in this matrix, are not on their way in of an evening, and came since the plan was approved."""
    seated = Placement.objects.open().filter(matrix=reshuffle.matrix_id, member=OuterRef("pk"))
    coming = Arrival.objects.open().filter(matrix=reshuffle.matrix_id, member=OuterRef("pk"))
    came = Q(created_at__gt=reshuffle.approved_at) | Q(joined_on__gt=reshuffle.approved_at.date())
    return Member.objects.current().filter(came, ~Exists(seated), ~Exists(coming)).order_by("created_at", "id")


@transaction.atomic
def seat_late(reshuffle, number, tenant, *, by):
    """Each where most room is, counting who is on the way there. They sit there now and stay when the half-year begins."""
    reshuffle = running(reshuffle)
    held = list(late(reshuffle).select_for_update(no_key=True, of=["self"]).values_list("pk", flat=True))
    people = list(late(reshuffle).filter(pk__in=held))  # who was seated by somebody else while we waited for them is not
    if len(people) != number:
        sentence = _("There are %(now)s such people now. Look again.") % {"now": len(people)}
        raise Refused(sentence, code="changed_meanwhile", now=len(people))
    cohort = Cohort.objects.filter(matrix=reshuffle.matrix_id, state=Cohort.State.CURRENT).first()
    if not people or cohort is None:
        raise Refused(_("Nobody came after the plan."), code="nobody_late")
    room = _room(reshuffle)
    made = []
    for member in people:
        group = max(room, key=lambda group: (room[group], -(group.number or 0)))
        if room[group] <= 0:
            sentence = _("The groups have no room for all of them beside whoever may still come. Raise a capacity, or open a group.")
            raise Refused(sentence, code="groups_full")
        room[group] -= 1
        made.append(Placement(member=member, group=group, matrix_id=reshuffle.matrix_id, cohort=cohort, since=tenant.today()))
    Placement.objects.bulk_create(made)
    events.note_all(
        {
            "kind": "member.moved", "subject": each.member, "member": each.member_id, "by": by, "because": "late",
            "after": {"group": str(each.group_id), "placement": str(each.pk)},
        }
        for each in made
    )  # fmt: skip
    after = {"people": len(made), "placements": [str(each.pk) for each in made]}
    return events.note("late.seated", reshuffle, by=by, after=after)


def _room(reshuffle):
    """{group: places left once everybody is where the plan says, also who may still be asked again, and who comes of an evening}"""
    groups = Group.objects.open().filter(matrix=reshuffle.matrix_id)
    sits = defaultdict(int)
    coming = Arrival.objects.filter(group__in=groups, state=Arrival.State.PLANNED, placement=None).values_list("group")
    stragglers = to_ask_again(reshuffle).filter(member__standing=Member.Standing.CURRENT).values_list("to_group")
    for found in (Placement.objects.open().filter(group__in=groups).values_list("group"), coming, stragglers):
        for pk, many in found.annotate(n=Count("pk")).order_by():
            sits[pk] += many
    alone = Q(reshuffle=None, state=Move.State.WAITING)
    moves = Move.objects.filter(alone | Q(reshuffle=reshuffle, state__in=[Move.State.WAITING, Move.State.ASKED]))
    for old, new, many in moves.values_list("from_group", "to_group").annotate(n=Count("pk")).order_by():
        sits[old] -= many
        sits[new] += many
    return {group: group.capacity - sits[group.pk] for group in groups}


def _still_seated(facts):
    asked = {pk for fact in facts for pk in fact.after.get("placements", ())}
    there = {str(pk) for pk in Placement.objects.open().filter(pk__in=asked).values_list("pk", flat=True)}
    return [fact.pk for fact in facts if there & set(fact.after.get("placements", ()))]


def _unseat_late(fact, by):
    gone, _rows = Placement.objects.open().filter(pk__in=fact.after["placements"]).delete()
    events.note("late.unseated", Reshuffle(pk=fact.subject), by=by, after={"people": gone})
    return ngettext("%(n)s person sits nowhere again.", "%(n)s people sit nowhere again.", gone) % {"n": f"{gone:,}"}


trail.undoes("late.seated", "matrix", _still_seated, _unseat_late)
