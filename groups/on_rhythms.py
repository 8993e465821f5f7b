"""What the trail takes back of the rhythm, while nothing was done to the same thing since."""

import datetime

from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from crm.tenancy import trail

from . import laying, occurrences, rhythm_languages, rhythms, robots
from .models import Group, Occurrence, Pause, Rhythm, Slot, Task

SLOT_KINDS = ["slot.added", "slot.moved", "slot.set", "slot.dropped", "slot.returned"]
ONCE_KINDS = [f"occurrence.{what}" for what in ("moved", "put_back", "dropped", "returned", "handed_out", "pushed")]


def _undoes(kind, kinds, among, do):
    """`among` are the rows of which a fact of this kind may be taken back; of `kinds` it is the newest."""

    def can(facts):
        facts = trail.newest(facts, kinds)
        there = set(among().filter(pk__in=[fact.subject for fact in facts]).values_list("pk", flat=True))
        return [fact.pk for fact in facts if fact.subject in there]

    def take_back(fact, by):
        row = among().filter(pk=fact.subject).first()
        if row is None:
            raise trail.overtaken(fact)
        return do(row, fact, by)

    trail.undoes(kind, "matrix", can, take_back)


def _drop_slot(slot, fact, by):
    rhythms.drop_slot(slot, by=by)
    return _("“%(slot)s” is taken out of the rhythm again.") % {"slot": slot.title}


def _bring_slot_back(slot, fact, by):
    rhythms.bring_slot_back(slot, by=by)
    return _("“%(slot)s” is done again.") % {"slot": slot.title}


def _change_slot_back(slot, fact, by):
    rhythms.change_slot(slot, fact.before, by=by, seen=fact.after)
    return _("“%(slot)s” is as it was before.") % {"slot": slot.title}


def _drop_pause(pause, fact, by):
    rhythms.drop_pause(pause, by=by)
    return _("The pause is taken away; the rhythm goes on.")


def _bring_rhythm_back(rhythm, fact, by):
    rhythms.bring_back(rhythm, fact.before.get("groups", []), by=by)
    return _("The rhythm “%(rhythm)s” is back.") % {"rhythm": rhythm.name}


def _drop_rhythm(rhythm, fact, by):
    rhythms.drop(rhythm, by=by)
    return _("The rhythm “%(rhythm)s” is gone again.") % {"rhythm": rhythm.name}


def _rewrite(rhythm, fact, by):
    rhythm_languages.remake(rhythm, fact.before["language"], by=by)
    return _("The rhythm “%(rhythm)s” says what it said before.") % {"rhythm": Rhythm.objects.get(pk=rhythm.pk)}


def _follow_again(group, fact, by):
    before = fact.before.get("rhythm")
    rhythm = Rhythm.objects.open().filter(pk=before).first() if before else None
    if before and rhythm is None:
        raise trail.overtaken(fact)
    rhythms.follow([group], rhythm, by=by)
    group.refresh_from_db()
    return _("%(group)s follows “%(rhythm)s” again.") % {"group": group.name, "rhythm": rhythms.of(group)}


def _move_back(row, fact, by):
    if fact.before.get("moved"):
        day, at = datetime.date.fromisoformat(fact.before["day"]), datetime.time.fromisoformat(fact.before["at"])
        occurrences.move(row, day, at, by=by)
    else:
        occurrences.put_back(row, by=by)
    return _("It is at its time of before again.")


def _bring_back(row, fact, by):
    occurrences.bring_back(row, by=by)
    return _("It is done this once after all.")


def _not_done():
    done = [Task.State.DONE, Task.State.IMPOSSIBLE]
    return Occurrence.objects.exclude(task__state__in=done).filter(robots.ahead(), slot__ended_on=None)


def _dropped_slots():
    return Slot.objects.exclude(ended_on=None).exclude(rhythm__ended_on__isnull=False)


def _dropped_ahead():
    return Occurrence.objects.filter(
        state=Occurrence.State.DROPPED, slot__ended_on=None, wall_time__gte=laying.wall(localdate(), datetime.time(0))
    )


_undoes("slot.added", SLOT_KINDS, lambda: Slot.objects.open(), _drop_slot)
_undoes("slot.dropped", SLOT_KINDS, _dropped_slots, _bring_slot_back)
_undoes("slot.moved", ["slot.moved", "slot.dropped"], lambda: Slot.objects.open(), _change_slot_back)
_undoes("slot.set", ["slot.set", "slot.dropped"], lambda: Slot.objects.open(), _change_slot_back)
_undoes("pause.added", ["pause.added", "pause.dropped"], lambda: Pause.objects.all(), _drop_pause)
_undoes("rhythm.dropped", ["rhythm.dropped", "rhythm.returned"], lambda: Rhythm.objects.exclude(ended_on=None), _bring_rhythm_back)
_undoes("rhythm.copied", ["rhythm.copied", "rhythm.dropped"], lambda: Rhythm.objects.open().filter(groups=None), _drop_rhythm)
_undoes("rhythm.remade", ["rhythm.remade"], lambda: Rhythm.objects.open().filter(is_usual=True), _rewrite)
_undoes("group.rhythm_set", ["group.rhythm_set"], lambda: Group.objects.open(), _follow_again)
_undoes("occurrence.moved", ONCE_KINDS, _not_done, _move_back)
_undoes("occurrence.dropped", ONCE_KINDS, _dropped_ahead, _bring_back)
