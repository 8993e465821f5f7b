"""The row is the promise: whatever happens later is a row with `due_at` and `state`, and a job that keeps it.

A row waits in the state "waiting". The sweep reads the due ones as a role that sees keys, times and states alone, and
hands each to the keeper of its model. The keeper claims the row (`SELECT … FOR UPDATE SKIP LOCKED` or a conditional
update), so being called twice, by two beats or after a crash, changes nothing.
"""

from functools import partial

from django.db import transaction

KEEPERS = {}
TOGETHER = set()


def keeper(model, *, together=False):
    """Register a job, called with the tenant's and the row's id, as the one that keeps this model's promises.

    One that keeps them `together` keeps with the row all others of the tenant that are due; the sweep then calls it once a tenant.
    """

    def register(job):
        KEEPERS[model] = job
        if together:
            TOGETHER.add(model)
        return job

    return register


def nudge(row):
    """Make it prompt: hand the row over once the transaction stands. The sweep would find it anyway."""
    job = KEEPERS[type(row)]
    transaction.on_commit(partial(_try, job, str(row.tenant_id), str(row.pk)))


def _try(job, *ids):
    try:
        job.apply_async(ids, retry=False)
    except job.OperationalError:  # no broker just now
        return
