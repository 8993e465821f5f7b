"""The product's worker for `tests.benchmarks.sweeping`. With `MARKS` the keeper of the rhythm claims and marks, and does nothing else."""

import os

import django

from crm.celery import app

django.setup()

from django.utils.timezone import now  # noqa: E402

from groups import occurrences  # noqa: E402
from groups.models import Occurrence  # noqa: E402


def claim_and_mark(pk):
    Occurrence.objects.filter(state="waiting", due_at__lte=now()).update(state="handed_out")


if "MARKS" in os.environ:
    occurrences.hand_out = claim_and_mark

__all__ = ["app"]
