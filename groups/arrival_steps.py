"""The steps of an arrival, each an assistant's task, held in their order: the next one is handed out when the one ahead has ended.

The red packet goes before the words: after them, the scramble buries what was said. Who wants it otherwise skips a step with a reason.
Somebody sits in the group from the introduction on: the packet is sent before anybody has come, and may still come to nothing; who
is introduced is there.
"""

import datetime
import uuid

from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import effects, events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members import introductions
from members.models import Introduction, Member

from . import arrival_words, calendar, callers, delivery, evenings, rises, tasks, waves
from .models import Arrival, ArrivalStep, Channel, Cohort, Placement, Push, Sticker, Task, Tick

Kind, State = ArrivalStep.Kind, ArrivalStep.State
ORDER = (Kind.ANNOUNCE, Kind.PACKET, Kind.INTRODUCTION, Kind.WELCOME, Kind.CHAIN)
MINUTES = {Kind.FORM: 2, Kind.CHASE: 2, Kind.ANNOUNCE: 1, Kind.PACKET: 1, Kind.INTRODUCTION: 1, Kind.WELCOME: 4, Kind.CHAIN: 1}
A_MINUTE = datetime.timedelta(minutes=1)
AHEAD = {Kind.ANNOUNCE: 60, Kind.CHASE: 120}  # minutes before they enter
WITHIN = {Kind.FORM: 720, Kind.CHASE: 90, Kind.ANNOUNCE: 60, Kind.PACKET: 20, Kind.INTRODUCTION: 25, Kind.WELCOME: 30, Kind.CHAIN: 720}
LINK_DAYS = 7
LONGEST_REASON = 200
LONGEST_CHAIN = 9999
CAUSE = "arrival-step"  # of a push


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


def introduced(members):
    """Of these, who has said who they are: by the form, or as we knew it before."""
    sent = Q(introductions__state__in=(Introduction.State.SENT, Introduction.State.TAKEN))
    known = ~Q(offers="") | ~Q(seeks="")
    return set(Member.objects.filter(Q(pk__in=members) & (sent | known)).values_list("pk", flat=True))


# Laying out


def lay_out(arrival, tenant):
    """All steps of a planned arrival, once each. Planned anew, those that have not ended wait for the new evening."""
    known = {step.kind: step for step in arrival.steps.all()}
    enters, moment = evenings.moment(arrival.day, arrival.at, tenant), now()
    has_said = arrival.member_id in introduced([arrival.member_id])
    _withdraw([step for step in known.values() if step.kind != Kind.FORM])
    fresh, again = [], []
    for kind in Kind.values:
        step = known.get(kind) or ArrivalStep(arrival=arrival, kind=kind, number=ORDER.index(kind) + 1 if kind in ORDER else 0)
        if step.is_ended or (kind == Kind.FORM and kind in known and step.state != State.WITHDRAWN):
            continue
        step.due_at = max(due_at(kind, enters, moment), moment)
        step.state = _begins_as(kind, has_said, arrival, enters, moment)
        (again if kind in known else fresh).append(step)
    ArrivalStep.objects.bulk_create(fresh)
    ArrivalStep.objects.bulk_update(again, ["due_at", "state"])
    for step in [*fresh, *again]:
        if step.state == State.WAITING and step.due_at <= moment:
            effects.nudge(step)


def due_at(kind, enters, moment):
    return moment if kind == Kind.FORM else enters - AHEAD.get(kind, 0) * A_MINUTE


def _begins_as(kind, has_said, arrival, enters, moment):
    if kind in (Kind.FORM, Kind.CHASE):
        is_too_late = kind == Kind.CHASE and (arrival.is_urgent or enters - moment < AHEAD[kind] * A_MINUTE)
        return State.WITHDRAWN if has_said or is_too_late else State.WAITING
    return State.WAITING if kind == ORDER[0] else State.BARRED


def take_down(arrival, *, by=None):
    """Nothing of it is done any more; what was done stays done."""
    steps = list(arrival.steps.all())
    _withdraw(steps, by=by)
    arrival.steps.filter(pk__in=[step.pk for step in steps if not step.is_ended]).update(state=State.WITHDRAWN)
    callers.free(arrival)


def _withdraw(steps, *, by=None):
    for step in steps:
        if step.kind == Kind.ANNOUNCE and step.state == State.HANDED_OUT:
            for push in _pushes(step).filter(state__in=delivery.UNDER_WAY):
                delivery.withdraw(push, by=by)
    ids = [step.task_id for step in steps if step.task_id and step.state == State.HANDED_OUT]
    open_ones = list(Task.objects.open().select_for_update(of=["self"]).filter(pk__in=ids))
    Task.objects.filter(pk__in=[task.pk for task in open_ones]).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    for task in open_ones:
        rises.withdraw(task)


def hold(arrival):
    """The arrival and what is to do for it, held: the tasks first, as a tick does it."""
    ids = set(Task.objects.open().select_for_update(of=["self"]).filter(arrival_steps__arrival=arrival).values_list("pk", flat=True))
    found = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=arrival.pk)
    if set(Task.objects.open().filter(arrival_steps__arrival=arrival).values_list("pk", flat=True)) != ids:
        raise Refused(_("Somebody has just done a step of it. Look again."), code="changed_meanwhile")
    return found


# Handing out


@transaction.atomic
def keep(pk):
    """A due step becomes its task. Whoever flips the state owns it, so two sweeps make one task."""
    step = ArrivalStep.objects.filter(pk=pk, state=State.WAITING, due_at__lte=now()).first()
    if step is None:
        return
    arrival = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=step.arrival_id)
    step = ArrivalStep.objects.filter(pk=pk, state=State.WAITING, due_at__lte=now()).first()
    if step and arrival.group_id and arrival.state != Arrival.State.CALLED_OFF:
        hand_out(step, arrival, _tenant())
    elif step:
        _set(step, state=State.WITHDRAWN)


def hand_out(step, arrival, tenant):
    """The arrival is held. A reminder that nobody needs any more is withdrawn."""
    if step.kind in (Kind.FORM, Kind.CHASE) and arrival.member_id in introduced([arrival.member_id]):
        return _set(step, state=State.WITHDRAWN)
    seat = _who_does_it(arrival, tenant)
    if step.kind == Kind.ANNOUNCE and _robots(arrival.group).exists():
        return _push(step, arrival, tenant)
    with translation.override(tenant.language):
        picture = None
        if step.kind == Kind.WELCOME:
            callers.name(arrival, tenant)
            picture = _sticker()
        text = _text(step, arrival, tenant, seat)
        if text is None:
            return _set(step, state=State.WITHDRAWN)
        known = Task.objects.filter(pk=step.task_id, kind=Task.Kind.ARRIVAL).first()
        task = _task(step, arrival, seat, text, picture, known)
    if known:
        rises.again([task], tenant)
    else:
        rises.promise([task], tenant)
    _set(step, state=State.HANDED_OUT, task=task, due_at=step.due_at, ended_at=None)
    return None


def _text(step, arrival, tenant, seat):
    """None: they have answered, so nothing is asked."""
    if step.kind not in (Kind.FORM, Kind.CHASE):
        return arrival_words.WRITES[step.kind](arrival, tenant)
    try:
        with transaction.atomic():
            _introduction, link = introductions.ask(arrival.member, by=seat, days=LINK_DAYS)
    except Refused:
        return None
    return arrival_words.form(arrival, link, tenant, LINK_DAYS)


def _task(step, arrival, seat, text, picture, known):
    due = max(step.due_at, now())
    fields = {
        "kind": Task.Kind.ARRIVAL, "group": arrival.group, "member": arrival.member, "assistant": seat, "due_at": due,
        "late_at": due + WITHIN[step.kind] * A_MINUTE, "rank": step.number, "minutes": MINUTES[step.kind],
        "title": arrival_words.title(step), "text": text, "picture": picture, "state": Task.State.OPEN, "ended_at": None,
        "ended_by": None, "reason": "", "note": "", "risen": 0,
    }  # fmt: skip
    if known is None:
        return Task.objects.create(**fields)
    Task.objects.filter(pk=known.pk).update(**fields)
    return Task.objects.get(pk=known.pk)


def _robots(group):
    return Channel.objects.open().filter(group=group, state=Channel.State.ON, text=True)


def _pushes(step):
    return Push.objects.filter(cause__startswith=f"{CAUSE}:{step.pk}:")


def _push(step, arrival, tenant):
    """The group's robot says it. Where it cannot, somebody is given it, and we hear of that."""
    _set(step, state=State.HANDED_OUT, task=None)
    with translation.override(tenant.language):
        title, text = arrival_words.title(step), arrival_words.announce(arrival, tenant)
    cause = f"{CAUSE}:{step.pk}:{_pushes(step).count()}"  # planned anew, it is said anew
    minutes, due_at = MINUTES[step.kind], max(step.due_at, now())
    delivery.push(arrival.group, cause=cause, title=title, text=text, minutes=minutes, due_at=due_at, member=arrival.member)


@delivery.heard(CAUSE)
def step_of_push(push):
    """What became of an announcement that a robot, or somebody in its place, was to send."""
    step = ArrivalStep.objects.filter(pk=push.cause.split(":")[1]).first()
    if step is None or push.state in (Push.State.WAITING, Push.State.SENDING, Push.State.WITHDRAWN, Push.State.UNSURE):
        return
    arrival = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=step.arrival_id)
    if push.state == Push.State.BY_HAND:
        _refuse_under_a_later_one(step)
        if step.is_ended:
            _reopened(step, arrival, None)
        _set(step, state=State.HANDED_OUT, task=push.task)
    elif push.state == Push.State.SENT:
        _ended(step, arrival, None, at=push.sent_at or now())
    elif push.task_id and push.task.state == Task.State.IMPOSSIBLE:
        _ended(step, arrival, None, at=now(), is_done=False, because=push.task.note or push.task.reason, code=push.task.reason)


def _who_does_it(arrival, tenant):
    """Whoever was given this arrival, while they work; else whoever works for the group."""
    working = Seat.objects.standing().filter(tenant=tenant).exclude(role=Seat.Role.VIEWER)
    seat = working.filter(pk=arrival.assistant_id).select_related("user").first()
    if seat is None and arrival.group_id:
        seat = Seat.objects.select_related("user").get(pk=waves.hands({str(arrival.group_id)}, tenant)[str(arrival.group_id)])
    seat = seat or waves.free_hand(tenant)
    if seat.pk != arrival.assistant_id:
        arrival.assistant = seat
        arrival.save(update_fields=["assistant"])
    return seat


def _sticker():
    """The community's stickers take turns."""
    there = list(Sticker.objects.filter(dropped_at=None).order_by("added_at", "id").select_related("picture"))
    sent = Task.objects.filter(picture__in=[each.picture_id for each in there]).count() if there else 0
    return there[sent % len(there)].picture if there else None


def _set(step, **fields):
    for name, value in fields.items():
        setattr(step, name, value)
    step.save(update_fields=list(fields))


def rewrite(step, arrival, tenant):
    """The welcome names other people now."""
    with translation.override(tenant.language):
        Task.objects.filter(pk=step.task_id).update(text=arrival_words.welcome(arrival, tenant))


@transaction.atomic
def chase(arrival, *, by):
    """Ask for the introduction once more, now: with another link, since nobody can read the first one again."""
    arrival = hold(arrival)
    if arrival.state not in (Arrival.State.PLANNED, Arrival.State.WAITING):
        raise Refused(_("They are in already."), code="arrival_over")
    if arrival.group_id is None:
        raise Refused(_("Plan an evening first; the link goes out with it."), code="not_planned")
    if arrival.member_id in introduced([arrival.member_id]):
        raise Refused(_("They have introduced themselves already."), code="introduced_already")
    form = arrival.steps.filter(kind=Kind.FORM, state=State.HANDED_OUT).first()
    if form:
        _withdraw([form], by=by)
        _set(form, state=State.WITHDRAWN)
    step, _made = ArrivalStep.objects.get_or_create(arrival=arrival, kind=Kind.CHASE, defaults={"due_at": now()})
    _withdraw([step], by=by)
    step.due_at, step.ended_at = now(), None
    hand_out(step, arrival, _tenant())
    events.note("arrival.chased", arrival, by=by, member=arrival.member_id)


# The order


def _neighbours(step):
    """(the first one ahead that has not ended, the first one after it that has)"""
    if not step.number:
        return None, None
    others = list(ArrivalStep.objects.filter(arrival=step.arrival_id, number__gt=0).order_by("number"))
    ahead = next((each for each in others if each.number < step.number and not each.is_ended), None)
    after = next((each for each in others if each.number > step.number and each.is_ended), None)
    return ahead, after


def refuse_out_of_order(step):
    ahead, _after = _neighbours(step)
    if ahead:
        words = {"ahead": ahead.get_kind_display(), "step": step.get_kind_display()}
        sentence = _("First comes “%(ahead)s”, then “%(step)s”. Do that one, or skip it with a reason.") % words
        raise Refused(sentence, code="not_its_turn", step=str(ahead.pk))


def _refuse_under_a_later_one(step):
    _ahead, after = _neighbours(step)
    if after:
        sentence = _("“%(step)s” was done after it. Take that back first.") % {"step": after.get_kind_display()}
        raise Refused(sentence, code="later_step_done", step=str(after.pk))


@tasks.guards(Task.Kind.ARRIVAL)
def order_is_held(task, act, *, reason, note):
    """Whatever the door: no step before the one ahead of it has ended, none taken back under a later one, none skipped without a word."""
    step = ArrivalStep.objects.filter(task=task).first()
    if step is None:
        return
    if act == Tick.Act.UNDO:
        if task.state in (Task.State.DONE, Task.State.IMPOSSIBLE):
            _refuse_under_a_later_one(step)
    elif act in (Tick.Act.DONE, Tick.Act.IMPOSSIBLE):
        refuse_out_of_order(step)
        if act == Tick.Act.IMPOSSIBLE and reason == Task.Reason.OTHER and not note.strip():
            raise Refused(_("Say in a few words why it is skipped."), code="reason_missing", status=400, field="because")
        if act == Tick.Act.DONE and step.kind == Kind.CHAIN and note.strip():
            length_of(note)


def length_of(text):
    """Of a greeting chain."""
    text = str(text).strip()
    if not (text.isascii() and text.isdecimal() and int(text) <= LONGEST_CHAIN):
        sentence = _("The length of the chain is a number from 0 to %(most)s.") % {"most": f"{LONGEST_CHAIN:,}"}
        raise Refused(sentence, code="no_length", status=400, field="length")
    return int(text)


@tasks.follows(Task.Kind.ARRIVAL)
def step_of_task(task, *, by):
    """What the tick says of the step that the task carries."""
    step = ArrivalStep.objects.filter(task=task).first()
    if step is None:
        return
    arrival = Arrival.objects.select_for_update(of=["self"]).select_related("member", "group", "matrix").get(pk=step.arrival_id)
    if task.state == Task.State.OPEN:
        _reopened(step, arrival, by)
    elif task.state == Task.State.DONE:
        _ended(step, arrival, by, at=task.ended_at, note=task.note)
    else:
        _ended(step, arrival, by, at=task.ended_at, is_done=False, because=task.note or task.reason, code=task.reason)


def _ended(step, arrival, by, *, at, is_done=True, because="", code="", note=""):
    tenant = _tenant()
    _set(step, state=State.DONE if is_done else State.SKIPPED, ended_at=at, because=because)
    if not is_done:
        events.note("arrival.step_skipped", arrival, by=by, member=arrival.member_id, because=code, after={"step": step.kind})
    if step.kind == Kind.INTRODUCTION:
        _seat(arrival, tenant, by)
    elif step.kind == Kind.WELCOME:
        _welcomed(arrival, is_done, at, by)
    elif step.kind == Kind.CHAIN and is_done and note:
        _chain(arrival, length_of(note), by)
    following = arrival.steps.filter(number=step.number + 1, state=State.BARRED).first() if step.number else None
    if following:
        following.state = State.WAITING
        following.save(update_fields=["state"])
        if following.due_at <= now() or step.kind != Kind.ANNOUNCE:  # once the evening of somebody has begun, it goes on
            hand_out(following, arrival, tenant)


def _reopened(step, arrival, by):
    _set(step, state=State.HANDED_OUT, ended_at=None, because="")
    if step.kind == Kind.INTRODUCTION:
        _unseat(arrival, by)
    elif step.kind == Kind.WELCOME:
        Arrival.objects.filter(pk=arrival.pk).update(state=Arrival.State.PLANNED, welcomed_at=None)
        if not arrival.callings.exists():  # it was skipped, and its people were free in the meantime
            callers.name(arrival, _tenant())
            rewrite(step, arrival, _tenant())
    elif step.kind == Kind.CHAIN:
        Arrival.objects.filter(pk=arrival.pk).update(chain=None)
    for later in arrival.steps.filter(number__gt=step.number, state__in=[State.WAITING, State.HANDED_OUT]) if step.number else ():
        _withdraw([later], by=by)
        if later.kind == Kind.WELCOME:
            callers.free(arrival)
        _set(later, state=State.BARRED)


# What a step does


def _seat(arrival, tenant, by):
    """They sit in the group now. Who sits in another one of the matrix by now stays there."""
    if Placement.objects.open().filter(member=arrival.member_id, matrix=arrival.matrix_id).exists():
        return
    placement = Placement.objects.create(
        member=arrival.member, group=arrival.group, matrix=arrival.matrix, cohort=_present(arrival.matrix, tenant), since=tenant.today()
    )
    Arrival.objects.filter(pk=arrival.pk).update(placement=placement)
    events.note("arrival.entered", arrival, by=by, member=arrival.member_id, after={"group": str(arrival.group_id)})


def _present(matrix, tenant):
    """The half-year that runs; where nobody was placed yet, it begins with the first newcomer."""
    if found := calendar.present(matrix):
        return found
    year, half = calendar.half_of(tenant.today())
    return Cohort.objects.update_or_create(matrix=matrix, year=year, half=half, defaults={"state": Cohort.State.CURRENT})[0]


def _unseat(arrival, by):
    placement = Placement.objects.open().filter(pk=arrival.placement_id, group=arrival.group_id).first()
    if placement:
        Arrival.objects.filter(pk=arrival.pk).update(placement=None)
        placement.delete()
        events.note("arrival.left_again", arrival, by=by, member=arrival.member_id, before={"group": str(arrival.group_id)})


def _welcomed(arrival, is_done, at, by):
    state = Arrival.State.WELCOMED if is_done else Arrival.State.ENTERED
    Arrival.objects.filter(pk=arrival.pk).update(state=state, welcomed_at=at if is_done else None)
    if is_done:
        named = arrival.callings.count()
        events.note("arrival.welcomed", arrival, by=by, member=arrival.member_id, after={"group": str(arrival.group_id), "named": named})
    else:
        callers.free(arrival)


def _chain(arrival, length, by):
    Arrival.objects.filter(pk=arrival.pk).update(chain=length)
    events.note("arrival.chain_noted", arrival, by=by, member=arrival.member_id, after={"length": length})


# Acts on a step, from a desk or a program: the same ticks as on a phone


@transaction.atomic
def done(step, *, by, length=None):
    note = "" if length in (None, "") else str(length_of(length))
    return _tick(step, Tick.Act.DONE, by, note=note)


@transaction.atomic
def skip(step, because, *, by):
    because = " ".join(str(because or "").replace("\0", "").split())
    if not because or len(because) > LONGEST_REASON:
        sentence = _("Say why it is skipped, in %(most)s characters at most.") % {"most": LONGEST_REASON}
        raise Refused(sentence, code="reason_missing", status=400, field="because")
    return _tick(step, Tick.Act.IMPOSSIBLE, by, reason=Task.Reason.OTHER, note=because)


@transaction.atomic
def undo(step, *, by):
    if step.task_id is None:
        raise Refused(_("This step was not done yet; there is nothing to take back."), code="nothing_to_undo")
    return _tick(step, Tick.Act.UNDO, by)


def _tick(step, act, by, **more):
    """What comes next may be done before its time; then its task is made for it now."""
    if step.task_id is None or step.state in (State.WAITING, State.BARRED):
        arrival = hold(step.arrival)
        if arrival.group_id is None:
            raise Refused(_("They have no evening yet; plan one first."), code="not_planned")
        step = ArrivalStep.objects.get(pk=step.pk)
        refuse_out_of_order(step)
        if step.state == State.WAITING:
            hand_out(step, arrival, _tenant())
    if step.task_id is None and step.state == State.HANDED_OUT:
        raise Refused(_("A robot of the group sends this; it is done when it has gone out."), code="robot_sends_it")
    if step.task_id is None:
        raise Refused(_("This step is not to be done any more."), code="withdrawn")
    tasks.tick(step.task_id, act, uuid.uuid4(), by=by, **more)
    return ArrivalStep.objects.select_related("arrival").get(pk=step.pk)
