"""Acts on many members at once. A room registers its own in `AppConfig.ready`.

    bulk.verb("tag", _("Tag"), icon="tag", form=TagForm, act=_tag, undo=_take_off, says=…)

`act(ids, values, by=, job=)` does it to at most some hundred members and notes one fact for each that it touched, with the job's id
in `after` (`facts_of` finds them again); `check(ids, values)` refuses before anything is done. `undo(facts, values, by=)` takes back
what those facts did as far as nobody touched it since, and returns the members whom it left alone. `says(number, values)` is the
sentence afterwards. Up to 500 are done at once, more as a job with progress; either way the job's row is what is taken back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import events, rights, trail, work
from crm.tenancy.models import Event, Job, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from .models import Member

AT_ONCE = 500
MOST = 100_000
MOST_NAMED = 5
KIND, UNDOING = "members.bulk", "members.bulk_undo"
VERBS = {}
LABELS = {}  # of the acts, for the trail


@dataclass(frozen=True)
class Verb:
    name: str
    label: Any
    icon: str
    act: Callable
    undo: Callable
    says: Callable
    form: Callable | None = None  # (data or None) -> a form; its cleaned values as codes are `values`
    check: Callable | None = None
    area: str = "members"
    order: int = 50


def verb(name, label, **how):
    VERBS[name], LABELS[name] = Verb(name, label, **how), label


def verbs(seat):
    return sorted((each for each in VERBS.values() if rights.may_do(seat, each.area)), key=lambda each: each.order)


def find(name, seat):
    found = VERBS.get(name)
    if found is None:
        raise Refused(_("There is no such act."), code="no_such_act", status=404)
    rights.refuse_unless(rights.may_do(seat, found.area), found.area)
    return found


# Doing


def do(found, members, values, *, by):
    """The job of it: done already where the members are few, waiting for a worker where they are many."""
    ids = list(members.order_by("id").values_list("pk", flat=True)[: MOST + 1])
    if not ids:
        raise Refused(_("Nobody is chosen."), code="nobody", status=400)
    if len(ids) > MOST:
        raise Refused(_("At most %(most)s people at once.") % {"most": f"{MOST:,}"}, code="too_many", status=400)
    with transaction.atomic():
        if found.check:
            found.check(ids, values)
        asked = {"verb": found.name, "values": values, "ids": [str(pk) for pk in ids]}
        if len(ids) > AT_ONCE:
            return work.ask(KIND, by=by, **asked)
        ended = {"state": Job.State.DONE, "ended_at": now(), "due_at": now(), "done": len(ids), "total": len(ids)}
        job = Job.objects.create(kind=KIND, asked=asked, seat=by, door=events.door(), **ended)
        found.act(ids, values, by=by, job=job)
        job.outcome = _ended(job, by)
        job.save(update_fields=["outcome"])
    return job


@work.does_work(KIND, gettext_lazy("Act on many members"))
def _work(hold):
    job, asked = hold.job, hold.job.asked
    found, ids = VERBS[asked["verb"]], asked["ids"]
    for at in range(0, len(ids), AT_ONCE):
        with hold.step():
            touched = {str(pk) for pk in facts_of(job).values_list("member", flat=True)} if job.tries > 1 else set()
            some = [pk for pk in ids[at : at + AT_ONCE] if pk not in touched]
            if found.check:
                found.check(some, asked["values"])
            found.act(some, asked["values"], by=job.seat, job=job)
        hold.reached("writing", min(at + AT_ONCE, len(ids)), of=len(ids))
    with hold.step():
        return _ended(job, job.seat)


def _ended(job, by):
    touched = facts_of(job).count()
    events.note("members.acted", job, by=by, because=job.asked["verb"], after={"members": touched})
    return {"members": touched, "chosen": len(job.asked["ids"])}


def facts_of(job):
    """What was noted of each member whom it touched."""
    return Event.objects.filter(at__gte=job.asked_at, seat=job.seat_id, after__job=str(job.pk)).order_by("at", "id")


# Taking back


def can_be_undone(job):
    return job.kind == KIND and job.state != Job.State.WAITING and job.asked.get("verb") in VERBS and not job.outcome.get("undone")


def undo(job, *, by):
    """All of it as one. Returns the job that does so if they are many, else None and who was left alone, by name."""
    with transaction.atomic():
        Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())
        job = Job.objects.select_for_update().get(pk=job.pk)
        if not can_be_undone(job) or not (rights.sees_all(by, "trail") or job.seat_id == by.pk):
            raise Refused(_("This cannot be taken back any more."), code="too_late")
        rights.refuse_unless(rights.may_do(by, VERBS[job.asked["verb"]].area), VERBS[job.asked["verb"]].area)
        job.outcome = job.outcome | {"undone": True}
        job.save(update_fields=["outcome"])
        facts = list(facts_of(job))
        if len(facts) > AT_ONCE:
            return work.ask(UNDOING, by=by, of=str(job.pk)), []
        kept = _take_back(job, facts, by)
        events.note("members.taken_back", job, by=by, because=job.asked["verb"], after={"members": len(facts) - len(kept)})
    return None, kept


def _take_back(job, facts, by):
    return list(VERBS[job.asked["verb"]].undo(facts, job.asked["values"], by=by))


@work.does_work(UNDOING, gettext_lazy("Take back an act on many members"))
def _work_undo(hold):
    kept = []
    with hold.step():
        job = Job.objects.get(pk=hold.job.asked["of"])
        facts = list(facts_of(job))
    for at in range(0, len(facts), AT_ONCE):
        with hold.step():
            kept += _take_back(job, facts[at : at + AT_ONCE], hold.job.seat)
        hold.reached("writing", min(at + AT_ONCE, len(facts)), of=len(facts))
    with hold.step():
        taken = {"members": len(facts) - len(kept)}
        events.note("members.taken_back", job, by=hold.job.seat, because=job.asked["verb"], after=taken)
    return taken | {"kept": [str(pk) for pk in kept[:MOST_NAMED]], "kept_all": len(kept)}


def sentence(job):
    """What was done, in words."""
    return VERBS[job.asked["verb"]].says(job.outcome.get("members", 0), job.asked["values"])


def left_alone(kept):
    """Who was touched since and stays, by name."""
    if not kept:
        return ""
    named = Member.objects.filter(pk__in=kept[:MOST_NAMED]).values_list("nickname", flat=True)
    words = ngettext(
        "%(n)s person was touched since and stays: %(names)s", "%(n)s people were touched since and stay: %(names)s", len(kept)
    )
    return words % {"n": f"{len(kept):,}", "names": _(", ").join(named) + ("…" if len(kept) > MOST_NAMED else "")}


# From the trail


def _undoable(facts):
    jobs = Job.objects.filter(pk__in=[fact.subject for fact in facts]).in_bulk()
    return [fact.pk for fact in facts if fact.subject in jobs and can_be_undone(jobs[fact.subject])]


def _undo_fact(fact, by):
    job, kept = undo(Job.objects.get(pk=fact.subject), by=by)
    return _("It is being taken back.") if job else " ".join(filter(None, [_("All of it is taken back."), left_alone(kept)]))


trail.undoes("members.acted", "members", _undoable, _undo_fact)
