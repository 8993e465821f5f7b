"""Long work: asked for as a row, done by a worker in steps, looked at until it has ended.

A room registers what does a kind of work with `@does_work("community.import", _("Import"))`: a function of one `Work`, which opens the
tenant for each of its steps (`with work.step(): …`), says how far it came (`work.reached("writing", 300, of=5000)`) and
returns the outcome, a dict of ids, codes and numbers. It may run again from the start after its worker died, so each step
bears being done twice. A `Refused` ends the job with its sentence.
"""

import datetime
import time
from contextlib import contextmanager

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import effects, events, trail
from .jobs import long_job
from .models import Job, Tenant
from .refusals import Refused
from .scope import acting_for

PATIENCE = datetime.timedelta(seconds=60)  # in which a worker says more, or it is taken for dead
MOST_TRIES = 3
DOERS = {}
LEFT_UNDONE = {}  # kind -> what is called with a job that failed or was stopped, in the transaction that ends it
LABELS = {}  # kind -> what it is called, for pages and the trail
log = structlog.get_logger(__name__)


class TakenOver(Exception):
    """The job was stopped, or another worker has taken it."""


def does_work(kind, label, *, left_undone=None):
    def register(function):
        DOERS[kind], LABELS[kind] = function, label
        if left_undone:
            LEFT_UNDONE[kind] = left_undone
        return function

    return register


@transaction.atomic
def ask(kind, *, by, file=None, **asked):
    """A job of this kind, as a row that a worker finds at once."""
    job = Job.objects.create(kind=kind, asked=asked, file=file, seat=by, door=events.door(), due_at=now())
    events.note("job.asked", job, by=by, because=kind)
    effects.nudge(job)
    return job


@transaction.atomic
def stop(job, *, by):
    """Its worker sees it at the next step; what is done stays done. A step that is being written is not waited for."""
    if not Job.objects.select_for_update(skip_locked=True).filter(pk=job.pk, state=Job.State.WAITING).first():
        if Job.objects.filter(pk=job.pk, state=Job.State.WAITING).exists():
            raise Refused(_("It is being written just now, which is not broken off. Look again in a moment."), code="in_a_step")
        raise Refused(_("This work has ended already."), code="not_running")
    Job.objects.filter(pk=job.pk).update(state=Job.State.STOPPED, ended_at=now())
    events.note("job.stopped", job, by=by, because=job.kind)
    _left_undone(job)


def _left_undone(job):
    if tidy := LEFT_UNDONE.get(job.kind):
        tidy(job)


class Work:
    """One worker's hold on a job."""

    def __init__(self, job):
        self.job, self.tenant_id, self.said_at = job, job.tenant_id, 0.0

    @contextmanager
    def step(self):
        """The tenant's scope and one transaction. The door is the asker's, so that the trail names it."""
        with events.through(self.job.door), acting_for(self.tenant_id):
            if not self._mine().update(due_at=now() + PATIENCE):
                raise TakenOver
            yield self.tenant

    @property
    def tenant(self):
        return Tenant.objects.get(pk=self.tenant_id)

    def reached(self, stage, done=0, *, of=0):
        """At most once a second within a stage."""
        if done and done < of and time.monotonic() - self.said_at < 1:
            return
        self.said_at = time.monotonic()
        with acting_for(self.tenant_id):
            if not self._mine().update(stage=stage, done=done, total=of, due_at=now() + PATIENCE):
                raise TakenOver

    def end(self, state, **fields):
        with events.through(self.job.door), acting_for(self.tenant_id):
            if self._mine().update(state=state, ended_at=now(), **fields):
                events.note(f"job.{state}", self.job, by=self.job.seat, because=self.job.kind)
                if state != Job.State.DONE:
                    _left_undone(self.job)

    def _mine(self):
        return Job.objects.filter(pk=self.job.pk, state=Job.State.WAITING, tries=self.job.tries)


@effects.keeper(Job)
@long_job
def keep_job(tenant_id, pk):
    job = _claimed(tenant_id, pk)
    if job is None:
        return
    work = Work(job)
    with translation.override(job.seat.user.language or work.tenant.language if job.seat else work.tenant.language):
        if job.tries > MOST_TRIES:
            work.end(Job.State.FAILED, problem=_problem("gave_up", _("It was begun %d times and never came to its end.") % MOST_TRIES))
            return
        try:
            outcome = DOERS[job.kind](work)
        except TakenOver:
            return
        except Refused as refusal:
            work.end(Job.State.FAILED, problem=_problem(refusal.code, refusal.sentence, **refusal.details))
        except Exception:
            log.exception("job failed", job=str(pk), kind=job.kind)
            work.end(Job.State.FAILED, problem=_problem("broken", _("Something broke on our side. It is in our log; try again.")))
        else:
            work.end(Job.State.DONE, outcome=outcome or {})


def _claimed(tenant_id, pk):
    with acting_for(tenant_id):
        # A worker in the middle of a long step holds the row, and nobody waits behind it.
        due = Job.objects.select_for_update(skip_locked=True).filter(pk=pk, state=Job.State.WAITING, due_at__lte=now())
        if not due.first():
            return None
        Job.objects.filter(pk=pk).update(due_at=now() + PATIENCE, tries=F("tries") + 1)
        return Job.objects.select_related("seat__user", "file").get(pk=pk)


def _problem(code, sentence, **details):
    return {"code": code, "sentence": str(sentence), **details}


for _kind, _words, _icon, _tone in [
    ("job.asked", gettext_lazy("Asked for long work"), "clock", ""),
    ("job.done", gettext_lazy("Long work is done"), "circle-check", "good"),
    ("job.failed", gettext_lazy("Long work failed"), "alert-triangle", "bad"),
    ("job.stopped", gettext_lazy("Stopped long work"), "player-stop", ""),
]:
    trail.tell(_kind, _words, icon=_icon, topic="other", tone=_tone, whys=LABELS)
