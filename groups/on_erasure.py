"""What this room holds in words about a member whose data are erased. Where they sat and what was done stays, under the bare id."""

from django.db.models import Q, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils.timezone import localdate, now

from crm.tenancy import files
from crm.tenancy.models import File
from members import erasure

from .models import (
    Apart,
    Arrival,
    ArrivalStep,
    BondMember,
    Calling,
    Draft,
    Move,
    Pin,
    Placement,
    Push,
    RosterLine,
    Slot,
    Star,
    Sticker,
    Task,
)


@erasure.also
def nothing_tells(ids, told, by):
    Task.objects.unended().filter(member__in=ids).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    _no_proof(Task.objects.filter(member__in=ids))
    Task.objects.filter(member__in=ids).update(title="", text="", note="")
    for task in Task.objects.exclude(title="", text="", note="").exclude(member__in=ids).iterator():
        words = {"title": task.title, "text": task.text, "note": task.note}
        if any(map(told.stands_in, words.values())):
            Task.objects.filter(pk=task.pk).update(**{name: told.without(text) for name, text in words.items()})
    _no_pushes(ids, told)
    for slot in Slot.objects.all():
        if told.stands_in(slot.text) or told.stands_in(slot.title):
            Slot.objects.filter(pk=slot.pk).update(text=told.without(slot.text), title=told.without(slot.title))
    _no_arrival(ids, told)
    Move.objects.filter(member__in=ids, state__in=[Move.State.WAITING, Move.State.ASKED]).update(state=Move.State.REFUSED, changed_at=now())
    for seat in Placement.objects.open().filter(member__in=ids):
        Placement.objects.filter(pk=seat.pk).update(until=max(localdate(), seat.since))
    RosterLine.objects.filter(member__in=ids).delete()
    for line in RosterLine.objects.exclude(text="").iterator():
        if told.stands_in(line.text) or told.stands_in(line.handle) or set(ids) & set(line.candidates):
            line.delete()
    Pin.objects.filter(member__in=ids).delete()
    Star.objects.filter(member__in=ids).delete()
    BondMember.objects.filter(member__in=ids).delete()
    Apart.objects.filter(Q(one__in=ids) | Q(other__in=ids)).delete()
    for draft in Draft.objects.exclude(problems=[]).only("pk", "tenant", "problems"):
        problems = told.without(draft.problems)
        if problems != draft.problems:
            Draft.objects.filter(pk=draft.pk).update(problems=problems)


def _no_pushes(ids, told):
    """What is on its way about them stays where it is. Their words go, and the cause, which may hold more than an id."""
    about = Push.objects.filter(member__in=ids)
    about.under_way().exclude(state=Push.State.SENDING).update(state=Push.State.WITHDRAWN)
    about.update(title="", text="", picture=None, card=None, cause=Concat(Value("erased:"), Cast("id", TextField())))
    for push in Push.objects.exclude(title="", text="").exclude(member__in=ids).iterator():
        words = {"title": push.title, "text": push.text, "card": push.card}
        if words != (rid := {name: told.without(value) for name, value in words.items()}):
            Push.objects.filter(pk=push.pk).update(**rid)


def _no_arrival(ids, told):
    """Who is on the way in does not come; in nobody's welcome they are named any more."""
    arrivals = Arrival.objects.filter(member__in=ids)
    ArrivalStep.objects.filter(arrival__in=arrivals).update(because="")
    ended = [ArrivalStep.State.DONE, ArrivalStep.State.SKIPPED]
    ArrivalStep.objects.filter(arrival__in=arrivals).exclude(state__in=ended).update(state=ArrivalStep.State.WITHDRAWN)
    arrivals.open().update(state=Arrival.State.CALLED_OFF)
    arrivals.update(urgent_because="")
    Calling.objects.filter(member__in=ids).delete()
    for model, name in ((Arrival, "urgent_because"), (ArrivalStep, "because"), (Sticker, "name")):
        for row in model.objects.exclude(**{name: ""}).only("pk", "tenant", name).iterator():
            if told.stands_in(getattr(row, name)):
                model.objects.filter(pk=row.pk).update(**{name: told.without(getattr(row, name))})


def _no_proof(tasks):
    """A photo that shows what was written to them shows them."""
    photos = list(tasks.exclude(proof=None).values_list("proof", flat=True))
    tasks.update(proof=None)
    for photo in File.objects.filter(pk__in=photos):
        files.drop(photo)
