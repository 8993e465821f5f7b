"""How far a reshuffle is carried out: per group, per assistant and per day, beside the plan."""

import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce, TruncDate

from crm.tenancy.counting import ranked
from crm.tenancy.models import Event, Seat
from members.models import Member

from .models import Group, Move, Placement, Star, Task

ASKED, JOINED, WAITING, KEPT = Move.State.ASKED, Move.State.JOINED, Move.State.WAITING, Move.State.KEPT
IMPOSSIBLE = (Move.State.REFUSED, Move.State.UNREACHABLE)
SHOWN = 10  # stragglers by name
PACE_OF = 5  # days


@dataclass(frozen=True)
class Tally:
    """Moves by what became of them; who keeps the old group is no move any more, and counted beside them."""

    joined: int = 0
    asked: int = 0
    impossible: int = 0
    waiting: int = 0
    kept: int = 0

    @classmethod
    def of(cls, states):
        return cls(states[JOINED], states[ASKED], sum(states[state] for state in IMPOSSIBLE), states[WAITING], states[KEPT])

    @property
    def all(self):
        return self.joined + self.asked + self.impossible + self.waiting

    @property
    def invited(self):
        return self.joined + self.asked

    @property
    def handled(self):
        return self.all - self.waiting

    @property
    def share(self):
        return self.handled / self.all if self.all else 0

    @property
    def bar(self):
        """[(kind, begin, width)] in thousandths."""
        parts, begin = [], 0
        for kind, many in (("joined", self.joined), ("second", self.asked), ("warn", self.impossible)):
            width = round(1000 * many / self.all) if self.all else 0
            if many:
                parts.append((kind, begin, max(width, 4)))
            begin += width
        return parts


@dataclass
class Hand:
    """One assistant's part."""

    seat: Seat
    groups: list
    tally: Tally
    waves: list  # (day, moves, handled), in order
    today: int
    cap: int
    day: datetime.date
    pace: float | None

    @property
    def planned(self):
        return self.waves[-1][0] if self.waves else None

    @property
    def projected(self):
        """The day on which this one is through at the pace of the last days; the plan's where there is no pace yet."""
        left = self.tally.waiting
        if not left:
            return None
        if self.pace is None:
            return max(self.planned, self.day)
        if not self.pace:
            return None
        room = max(min(self.cap, round(self.pace)) - self.today, 0) if self.pace >= 1 else 0
        rest = max(left - room, 0)
        return max(self.day + datetime.timedelta(days=-int(-rest // min(self.pace, self.cap))), self._last_wave())

    def _last_wave(self):
        return max((day for day, many, handled in self.waves if handled < many), default=self.day)

    @property
    def is_silent(self):
        return bool(self.tally.waiting) and self.pace == 0

    @property
    def late_by(self):
        return max((self.projected - self.planned).days, 0) if self.projected and self.planned else 0

    @property
    def is_late(self):
        return self.is_silent or self.late_by > 0

    @property
    def due(self):
        """Handed out by now and not done."""
        return sum(many - handled for day, many, handled in self.waves if day <= self.day)


@dataclass
class Progress:
    tally: Tally
    hands: list
    groups: list  # (group, Tally, how many sit there now)
    plan: list  # (day, share of all moves due by its evening)
    done: list  # (day, share handled by its evening)
    day: datetime.date
    late: int
    reasons: Counter
    refused: int = 0

    @property
    def first_day(self):
        return self.plan[1][0] if self.plan else None

    @property
    def last_day(self):
        return self.plan[-1][0] if self.plan else None

    @property
    def number_of_day(self):
        return (self.day - self.first_day).days + 1 if self.plan else 0

    @property
    def should(self):
        """The share that the plan has handed out before today, and today as its hours pass is not counted against anybody."""
        return max((share for day, share in self.plan if day < self.day), default=0)

    @property
    def today(self):
        return sum(hand.today for hand in self.hands)

    @property
    def room_today(self):
        return sum(min(max(hand.cap - hand.today, 0), hand.due) for hand in self.hands)

    @property
    def behind(self):
        return [hand for hand in self.hands if hand.is_late]

    @property
    def projected(self):
        """The day on which the last one is through; None where somebody stands still or all is done."""
        if any(hand.is_silent for hand in self.hands):
            return None
        return max((hand.projected for hand in self.hands if hand.projected), default=None)


def of(reshuffle, tenant, owner):
    """All counts from two questions: moves by new group, and by assistant, wave, state, reason, and the day on which they were ended."""
    day = tenant.today()
    by_group, by_wave, ended, reasons = defaultdict(Counter), defaultdict(Counter), defaultdict(Counter), Counter()
    moves = Move.objects.filter(reshuffle=reshuffle).order_by()
    for group, state, many in moves.values_list("to_group", "state").annotate(n=Count("pk")):
        by_group[group][state] = many
    for seat, wave_day, state, reason, on, many in _counted(moves.exclude(state=KEPT), tenant):
        by_wave[seat, wave_day][state] += many
        if on and state != WAITING:
            ended[seat][on] += many
        if state in IMPOSSIBLE:
            reasons[reason or ""] += many
    groups = _groups(reshuffle)
    all_moves = Tally.of(sum(by_group.values(), Counter()))
    plan, done = _lines(by_wave, ended, all_moves.all, day)
    hands = _hands(by_wave, ended, groups, owner, tenant, day)
    return Progress(
        tally=all_moves,
        hands=hands,
        groups=[(group, Tally.of(by_group[group.pk]), group.headcount or 0) for group in groups if group.pk in by_group],
        plan=plan,
        done=done,
        day=day,
        late=sum(many - handled for hand in hands for when, many, handled in hand.waves if when < day),
        reasons=reasons,
        refused=sum(states[Move.State.REFUSED] for states in by_group.values()),
    )


def _counted(moves, tenant):
    hand = Coalesce("task__assistant", "wave__assistant")  # what was handed over is the other one's
    moves = moves.annotate(on=TruncDate("task__ended_at", tzinfo=tenant.zone), hand=hand)
    return moves.values_list("hand", "wave__day", "state", "task__reason", "on").annotate(n=Count("pk"))


def _hands(by_wave, ended, groups, owner, tenant, day):
    seats = _seats(by_wave, groups, owner)
    works_for = defaultdict(list)
    for group in groups:
        works_for[group.assistant_id].append(group)
    begun = min((wave_day for _, wave_day in by_wave), default=day)
    waves, states = defaultdict(list), defaultdict(Counter)
    for (seat, when), many in by_wave.items():
        states[seat].update(many)
        waves[seat].append((when, sum(many.values()), sum(many.values()) - many[WAITING]))
    hands = [
        Hand(
            seat=seats[seat],
            groups=works_for[seat],
            tally=Tally.of(states[seat]),
            waves=sorted(waves[seat]),
            today=ended[seat][day],
            cap=tenant.tasks_a_day,
            day=day,
            pace=_pace(ended[seat], begun, day),
        )
        for seat in waves
    ]
    return sorted(hands, key=lambda hand: (not hand.is_late, str(hand.seat)))


def _seats(by_wave, groups, owner):
    known = {owner.pk: owner} | {group.assistant_id: group.assistant for group in groups if group.assistant_id}
    missing = {seat for seat, _ in by_wave} - known.keys()
    return known | {seat.pk: seat for seat in Seat.objects.filter(pk__in=missing).select_related("user")} if missing else known


def _groups(reshuffle):
    here = Placement.objects.open().filter(group=OuterRef("pk")).order_by().values("group").annotate(n=Count("pk")).values("n")
    groups = Group.objects.filter(matrix=reshuffle.matrix_id).in_order().select_related("assistant__user")
    return list(groups.annotate(headcount=Subquery(here, output_field=IntegerField())))


def _pace(days, begun, today):
    """A day's work on average over the last full days; None before the first evening."""
    full = [today - datetime.timedelta(days=back) for back in range(1, PACE_OF + 1) if today - datetime.timedelta(days=back) >= begun]
    return sum(days[day] for day in full) / len(full) if full else None


def _lines(by_wave, ended, of_all, today):
    due, done = Counter(), Counter()
    for (_, day), states in by_wave.items():
        due[day] += sum(states.values())
    for days in ended.values():
        done.update(days)
    if not due:
        return [], []
    first = min(due)
    return _running(due, of_all, first, max(due)), _running(done, of_all, min([first, *done]), today)


def _running(by_day, of_all, first, last):
    """Shares by the evening of each day, from nothing on the evening before the first."""
    line, sum_ = [(first - datetime.timedelta(days=1), 0.0)], 0
    for back in range((last - first).days + 1):
        day = first + datetime.timedelta(days=back)
        sum_ += by_day[day]
        line.append((day, min(sum_ / max(of_all, 1), 1)))
    return line


def stragglers(reshuffle, state):
    """Who did not come along, stars and partners first, and all of them by reason."""
    words, many = dict(Task.Reason.choices), sum(state.reasons.values())
    if not many:
        return {"rows": [], "reasons": [], "all": 0, "refused": 0}
    partner = Case(When(member__tier=Member.Tier.PARTNER, then=Value(0)), default=Value(1))
    shines = Exists(Star.objects.shining().filter(member=OuterRef("member")))
    named_anew = Event.objects.filter(kind="member.handle_added", member=OuterRef("member"), at__gt=OuterRef("task__ended_at"))
    missing = Move.objects.filter(reshuffle=reshuffle, state__in=IMPOSSIBLE)
    missing = missing.annotate(is_star=shines, partner_first=partner, is_named_anew=Exists(named_anew))
    rows = missing.select_related("member", "from_group", "to_group", "task").order_by(F("is_star").desc(), "partner_first", "rank")
    return {
        "rows": [_with_act(move) for move in rows[:SHOWN]],
        "reasons": [(words[reason], n) for reason, n in ranked(state.reasons) if reason],
        "all": many,
        "refused": state.refused,
    }


def _with_act(move):
    """What fits: the owner says it to stars and partners; who said no stays, and another one goes; whom nobody found has another id,
    and is asked again under it; the others are asked."""
    reason = move.task.reason if move.task else ""
    if reason in (Task.Reason.NOT_FOUND, Task.Reason.NO_CONTACT) and not move.is_named_anew:
        move.act = "check"
    elif move.is_star or move.member.tier == Member.Tier.PARTNER:
        move.act = "owner"
    elif move.state == Move.State.REFUSED:
        move.act = "swap"
    else:
        move.act = "again"
    return move


def faces(curve, handled):
    """About how many new people a member will have met once those who were asked came: the moves so far are nearly a prefix."""
    points = [(point["moves"], point["new_people_mean"]) for point in curve or []]
    if not points or handled < points[0][0]:
        return None
    for (low, less), (high, more) in pairwise(points):
        if low <= handled <= high:
            return less + (more - less) * (handled - low) / ((high - low) or 1)
    return points[-1][1]
