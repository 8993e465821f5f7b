from django.contrib import messages
from django.db.models import Case, Count, F, Min, OuterRef, Q, Subquery, Sum, When
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.tenancy import files, rights
from crm.tenancy.models import Seat
from crm.tenancy.pages import Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees, sees_all

from .. import ahead, efforts, handovers, waves
from ..models import Group, Move, Task
from ..names import as_uuid

LATE = "late"
COUNTED = ("open", LATE, "done", "impossible", "minutes", "all")
STATES = (Task.State.OPEN, LATE, Task.State.BARRED, Task.State.DONE, Task.State.IMPOSSIBLE, Task.State.WITHDRAWN)


@require_safe
@sees("tasks")
def tasks(request):
    """Who has what to do, what is late and what was done. Assistants see their own."""
    mine = Task.objects.all() if sees_all(request.seat, "tasks") else Task.objects.of(request.seat)
    seats = {seat.pk: seat for seat in Seat.objects.filter(tenant=request.tenant).select_related("user").owner_first()}
    chosen = {name: request.GET.get(name, "") for name in ("assistant", "group", "state")}
    state = chosen["state"] if chosen["state"] in STATES else Task.State.OPEN
    loads = _loads(mine, seats)
    idle = _idle(request.seat, seats, {load["assistant"] for load in loads})
    work, stand_ins = efforts.of(request.tenant, weeks=1).assistants, waves.stand_ins(seats.values(), request.tenant.today())
    for load in (*loads, *idle):
        load |= {"week": work.get(load["assistant"]), "stand_in": stand_ins.get(load["assistant"])}
    may_hand_over = rights.may_do(request.seat, "tasks") and state in (Task.State.OPEN, LATE)
    assistant = next((seat for pk, seat in seats.items() if str(pk) == chosen["assistant"]), None)
    found = _narrowed(mine, chosen, state)
    cut = Cut(_how_many(chosen, state, loads) if not chosen["group"] else found.count(), request.GET.get("page"))
    parts = _parts(cut.of(_in_words(found)), seats)
    context = {
        "loads": loads,
        "idle": idle,
        "sum": {name: sum(load[name] for load in loads) for name in (*map(str, STATES), "done_today", "minutes")},
        "oldest": min((load["oldest"] for load in loads if load["oldest"]), default=None),
        "cut": cut,
        "parts": parts,
        "has_moves": any(task.to_group for part in parts for task in part["tasks"]),
        "state": state,
        "states": [(LATE, None), *[(code, label) for code, label in Task.State.choices]],
        "chosen": chosen,
        "assistant": assistant,
        "stood_in_by": assistant and stand_ins.get(assistant.pk),
        "away": stand_ins,
        "group": Group.objects.filter(pk=as_uuid(chosen["group"])).first() if chosen["group"] else None,
        "only_own": not sees_all(request.seat, "tasks"),
        "hands": _hands(request, seats, loads) if may_hand_over else None,
        "spans": _spans(assistant, request.tenant) if assistant and may_hand_over else (),
        "asks_to_hand_over": request.GET.get("ask") == "hand-over",
        "now": timezone.now(),
    }
    return page(request, "groups/tasks.html", context)


def _idle(seat, seats, busy):
    """Who works and never had a task: they can be ill all the same. Work is kept from owners."""
    shown = seats.values() if sees_all(seat, "tasks") else [seats[seat.pk]]
    return [
        dict.fromkeys(COUNTED, 0) | {"assistant": each.pk, "seat": each, "oldest": None}
        for each in shown
        if each.works and not each.is_owner and each.pk not in busy
    ]


def _hands(request, seats, loads):
    """Who works, with the minutes of each: known from the loads, unless those are one's own alone."""
    if not sees_all(request.seat, "tasks"):
        return handovers.loads(request.tenant)
    return handovers.in_order(seats.values(), {load["assistant"]: load["minutes"] for load in loads})


def _spans(seat, tenant):
    """How much could be handed over, and how many tasks that is today."""
    return [(code, label, handovers.of(seat, code, tenant).count()) for code, label in handovers.Span.choices]


@does("tasks")
@require_POST
def hand_over(request):
    """The picked tasks, or with `whose` what that seat has to do today, this week or at all. An assistant hands over their own."""
    mine = Task.objects.all() if sees_all(request.seat, "tasks") else Task.objects.of(request.seat)
    whose = request.POST.get("whose", "")
    if whose:
        seat = Seat.objects.filter(tenant=request.tenant, pk=as_uuid(whose)).first()
        if seat is None:
            raise Http404
        span = request.POST.get("span", "")
        found = handovers.of(seat, span, request.tenant).filter(pk__in=mine.values("pk"))
        fact = _all_of(request, found, seat, span)
    else:
        found = mine.filter(pk__in=filter(None, map(as_uuid, request.POST.getlist("task"))))
        if not request.POST.getlist("task"):
            raise Refused(_("Pick a task first."), code="nothing_picked", status=400)
        fact = handovers.hand_over(found, request.POST.get("give_to", ""), by=request.seat)
    messages.success(request, _said(fact), extra_tags=f"undo={reverse('trail_undo', args=[fact.pk])}")
    return redirect(f"{reverse('groups:tasks')}?{urlencode({'assistant': whose})}" if whose else "groups:tasks")


def _said(fact):
    """What is with whom now; where nothing was to hand over, what will be."""
    number, along = fact.after["tasks"], ahead.number_of(fact)
    to = Seat.objects.select_related("user").get(pk=fact.subject)
    if fact.kind == handovers.STANDS_IN:
        words = {"who": to, "day": fact.before["until"]}
        return _("Nothing was to hand over yet. What comes up before %(day)s goes to %(who)s.") % words
    words = ngettext("%(n)s task is with %(who)s now.", "%(n)s tasks are with %(who)s now.", number) % {"n": f"{number:,}", "who": to}
    if not along:
        return words
    more = ngettext("So is %(n)s of the days to come.", "So are %(n)s of the days to come.", along) % {"n": f"{along:,}"}
    return _("%(one)s %(more)s") % {"one": words, "more": more}


def _all_of(request, found, seat, span):
    """With what is no task yet; an assistant has only their own to give."""
    if seat.pk != request.seat.pk and not sees_all(request.seat, "tasks"):
        return handovers.hand_over(found, request.POST.get("give_to", ""), by=request.seat)
    return ahead.hand_over(found, seat, span, request.POST.get("give_to", ""), request.tenant, by=request.seat)


@require_safe
@sees("tasks")
def proof(request, pk):
    """The photo that shows what was done."""
    found = Task.objects.all() if sees_all(request.seat, "tasks") else Task.objects.of(request.seat)
    task = found.select_related("proof").filter(pk=pk).exclude(proof=None).first()
    if task is None:
        raise Http404
    return files.answer(task.proof)


def _loads(tasks, seats):
    """For each assistant, by one question: open, late, done."""
    is_open = Q(state=Task.State.OPEN)
    is_late = is_open & Q(late_at__lte=timezone.now())
    this_morning = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    found = tasks.values("assistant").annotate(
        open=Count("pk", filter=is_open),
        late=Count("pk", filter=is_late),
        barred=Count("pk", filter=Q(state=Task.State.BARRED)),
        done=Count("pk", filter=Q(state=Task.State.DONE)),
        done_today=Count("pk", filter=Q(state=Task.State.DONE, ended_at__gte=this_morning)),
        impossible=Count("pk", filter=Q(state=Task.State.IMPOSSIBLE)),
        withdrawn=Count("pk", filter=Q(state=Task.State.WITHDRAWN)),
        minutes=Sum("minutes", filter=is_open, default=0),
        oldest=Min("late_at", filter=is_late),
    )
    loads = [load | {"seat": seats[load["assistant"]], "all": load["open"] + load["done"] + load["impossible"]} for load in found]
    return sorted(loads, key=lambda load: (-load[LATE], -load["open"], str(load["seat"])))


def _how_many(chosen, state, loads):
    """The pages are counted out of the loads, which were asked for anyway."""
    return sum(load[str(state)] for load in loads if not chosen["assistant"] or str(load["assistant"]) == chosen["assistant"])


def _narrowed(tasks, chosen, state):
    tasks = tasks.late() if state == LATE else tasks.filter(state=state)
    if chosen["assistant"]:
        tasks = tasks.filter(assistant=as_uuid(chosen["assistant"]))
    if chosen["group"]:
        tasks = tasks.filter(group=as_uuid(chosen["group"]))
    # What ended is read from the newest on, what is to do as the hand goes: chat group by chat group.
    newest = Case(When(state=Task.State.OPEN, then=None), default=F("ended_at"))
    return tasks.order_by(
        "assistant", "group__matrix", "group__number", "group__name", newest.desc(nulls_last=True), "due_at", "rank", "id"
    )


def _in_words(tasks):
    goes_to = Move.objects.filter(task=OuterRef("pk"))
    return tasks.select_related("member", "group").annotate(
        to_group=Subquery(goes_to.values("to_group__name")[:1]), to_number=Subquery(goes_to.values("to_group__number")[:1])
    )


def _parts(tasks, seats):
    """Assistant by assistant, and within them group by group."""
    parts = []
    for task in tasks:
        if not parts or parts[-1]["assistant"].pk != task.assistant_id or parts[-1]["group"] != task.group:
            parts.append({"assistant": seats[task.assistant_id], "group": task.group, "tasks": []})
        parts[-1]["tasks"].append(task)
    return parts
