"""A whole community out of its owner's folder: members, history, groups, and where everybody sits now."""

from collections import defaultdict
from dataclasses import dataclass

from django.db import transaction

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import calendar
from groups.intake import seat
from members.files import NoSuchFiles, NotATable, read_folder
from members.files.people import Person
from members.intake import take_in

MATRIX = "会员"


@dataclass
class Loaded:
    tenant: Tenant
    counts: dict  # what the command prints


def load_community(folder, slug, *, name=""):
    """Make the tenant of a folder, or bring it up to date. All or nothing; the same folder again changes nothing."""
    try:
        community = read_folder(folder)
    except (NoSuchFiles, NotATable) as fault:
        raise Refused(fault.sentence, code=fault.code, status=400) from None
    with transaction.atomic():
        tenant = _tenant(slug, name)
        with acting_for(tenant.pk):
            return Loaded(tenant, _write(community, tenant))


def _tenant(slug, name):
    known = Tenant.objects.filter(slug=slug).first()
    if known:
        return known
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    return tenant


def _write(community, tenant):
    people, cohorts = community.people, community.cohorts
    intake = take_in(people.people, community.past_members)
    ids = {id(person): pk for person, pk in zip(people.people, intake.ids, strict=True)}
    ids |= {id(person): pk for person, pk in zip(community.past_members, intake.past_ids, strict=True)}
    history, sits = defaultdict(dict), {}
    for person, year, half, group in community.history:
        history[year, half][ids[id(person)]] = group
        if (year, half) == cohorts.present and isinstance(person, Person):
            sits[ids[id(person)]] = group
    groups = [(key, community.groups.name(key), community.groups.number(key)) for key in community.groups]
    seated = seat(tenant, _matrix_name(), groups, history, sits)
    calendar.lay_out(seated.matrix, tenant)
    counts = {
        "matrix": seated.matrix.name,
        "people": len(people.people),
        "past_members": len(community.past_members),
        "rows": people.rows,
        "blank": len(people.blank),
        "groups": seated.groups,
        "cohorts": seated.cohorts,
        "placements": len(cohorts.placements),
        "merged": people.merged,
        "rejected": [_said(rejection) for rejection in people.rejected],
        "cohort_rejected": [_said(rejection) for rejection in cohorts.rejected],
    }
    changes = {"added": intake.added, "changed": intake.changed, "left": intake.left, "seats": seated.added + seated.changed}
    if any(changes.values()):
        noted = {key: len(value) if isinstance(value, list) else value for key, value in counts.items() if key != "matrix"}
        events.note("community.imported", seated.matrix, after=noted | changes)
    return counts


def _matrix_name():
    return MATRIX


def _said(rejection):
    return {"line": rejection.line, "code": rejection.code, "sentence": rejection.sentence}
