"""A history of who sat where becomes cohorts and placements; who sits where now becomes open ones."""

from dataclasses import dataclass

from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load

from .calendar import following
from .models import Cohort, Group, Matrix, Placement


@dataclass
class Difference:
    """How a file's groups and seats differ from those that are here."""

    new_groups: list  # names
    moved: int  # people who sit in another group than the file says, or in none


@dataclass
class Seated:
    matrix: Matrix
    groups: int
    cohorts: int
    added: int
    changed: int


def seat(tenant, matrix_name, groups, history, sits):
    """Write the whole history of one matrix.

    groups   [(key, name, number)]        as the files name them
    history  {(year, half): {member's id: group's key}}
    sits     {member's id: group's key}   where people sit now; the last half-year of the history is the present one
    """
    matrix, _ = Matrix.objects.get_or_create(name=matrix_name)
    group_ids = _groups(matrix, groups)
    cohorts = _cohorts(matrix, sorted(history))
    present = cohorts[max(history)]
    added = changed = 0
    for half, cohort in cohorts.items():
        if cohort is not present:
            fresh, moved = _past(matrix, cohort, history[half], group_ids)
            added, changed = added + fresh, changed + moved
    fresh, moved = _present(tenant, matrix, present, sits, history[max(history)], group_ids)
    return Seated(matrix, len(groups), len(cohorts), added + fresh, changed + moved)


def compare(matrix_name, groups, sits):
    """What `seat` would find different, without writing."""
    here = {group.number or group.name for group in Group.objects.filter(matrix__name=matrix_name)}
    at = {key: number or name for key, name, number in groups}
    open_ones = Placement.objects.open().filter(matrix__name=matrix_name).values_list("member_id", "group__number", "group__name")
    now = {member: number or name for member, number, name in open_ones}
    return Difference(
        new_groups=[name for _key, name, number in groups if (number or name) not in here],
        moved=sum(1 for member, key in sits.items() if now.get(member) != at[key]),
    )


def unseat(members, tenant):
    """Who left the community sits nowhere any more."""
    Placement.objects.open().filter(member__in=members).update(until=tenant.today())


def _groups(matrix, groups):
    """{key: id}. A group is known again by its number or, without one, by its name."""
    known = {group.number or group.name: group for group in Group.objects.filter(matrix=matrix)}
    fresh = [Group(matrix=matrix, name=name, number=number) for _key, name, number in groups if (number or name) not in known]
    Group.objects.bulk_create(fresh)
    known |= {group.number or group.name: group for group in fresh}
    return {key: known[number or name].pk for key, name, number in groups}


def _cohorts(matrix, halves):
    """{(year, half): cohort}, the last one current."""
    last = halves[-1]
    known = {(cohort.year, cohort.half): cohort for cohort in Cohort.objects.filter(matrix=matrix)}
    fresh = [Cohort(matrix=matrix, year=year, half=half, state=Cohort.State.PAST) for year, half in halves if (year, half) not in known]
    Cohort.objects.bulk_create(fresh)
    known |= {(cohort.year, cohort.half): cohort for cohort in fresh}
    if known[last].state != Cohort.State.CURRENT:
        Cohort.objects.filter(matrix=matrix, state=Cohort.State.CURRENT).update(state=Cohort.State.PAST)
        Cohort.objects.filter(pk=known[last].pk).update(state=Cohort.State.CURRENT)
    return {half: known[half] for half in halves}


def _past(matrix, cohort, placed, group_ids):
    known = {row.member_id: row for row in Placement.objects.filter(cohort=cohort)}
    year, half = following(cohort.year, cohort.half)
    span = matrix.pk, cohort.pk, cohort.begins_on, Cohort(year=year, half=half).begins_on
    rows = [(uuid7(), member, group_ids[key], *span) for member, key in placed.items() if member not in known]
    load(Placement, ["id", "member", "group", "matrix", "cohort", "since", "until"], rows)
    moved = [known[member] for member, key in placed.items() if member in known and known[member].group_id != group_ids[key]]
    for row in moved:
        row.group_id = group_ids[placed[row.member_id]]
    Placement.objects.bulk_update(moved, ["group"], batch_size=1000)
    return len(rows), len(moved)


def _present(tenant, matrix, cohort, sits, placed, group_ids):
    """Open placements for those who are here; a closed one for who sat there at its beginning and has left since."""
    today = tenant.today()
    known = {row.member_id: row for row in Placement.objects.open().filter(matrix=matrix)}
    gone = [row.pk for member, row in known.items() if member not in sits or group_ids[sits[member]] != row.group_id]
    Placement.objects.filter(pk__in=gone).update(until=today)
    fresh = [
        (uuid7(), member, group_ids[key], matrix.pk, cohort.pk, today if member in known else cohort.begins_on, None)
        for member, key in sits.items()
        if member not in known or known[member].group_id != group_ids[key]
    ]
    written = set(Placement.objects.filter(cohort=cohort).values_list("member_id", flat=True)) | sits.keys()
    span = matrix.pk, cohort.pk, cohort.begins_on, today
    left = [(uuid7(), member, group_ids[key], *span) for member, key in placed.items() if member not in written]
    load(Placement, ["id", "member", "group", "matrix", "cohort", "since", "until"], fresh + left)
    return len(fresh) + len(left), len(gone)
