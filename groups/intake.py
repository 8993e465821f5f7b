"""A history of who sat where becomes cohorts and placements; who sits where now becomes open ones."""

from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load

from .calendar import following
from .calendar import present as present_cohort
from .models import Cohort, Group, Matrix, Placement


@dataclass
class Difference:
    """How a file's groups and seats differ from those that are here."""

    new_groups: list  # names
    moves: dict  # {member's id: (name of the group they sit in, None for none; key of the group)} where the file says otherwise

    @property
    def moved(self):
        return len(self.moves)


@dataclass
class Seated:
    matrix: Matrix
    groups: int
    cohorts: int
    added: int
    changed: int
    touched: dict  # what was done, for whoever takes it back: {"seats" or "closed": [(member, placement)], "reseated": [(…, group before)]}
    made: dict  # ids of the groups and half-years that are new, and under `followed` of the one that was the current half-year before


def half_now(matrix_name):
    """(year, half) that the matrix of this name is in; None where nobody was placed yet."""
    cohort = Cohort.objects.filter(matrix__name=matrix_name, state=Cohort.State.CURRENT).first()
    return (cohort.year, cohort.half) if cohort else None


def seat(tenant, matrix_name, groups, history, sits, *, whole=True):
    """Write the history of one matrix: the whole of it, or of some of its people, and then nobody else is touched.

    groups   [(key, name, number)]        as the files name them
    history  {(year, half): {member's id: group's key}}
    sits     {member's id: group's key}   where people sit now; the last half-year of the history is the present one
    """
    matrix, _ = Matrix.objects.get_or_create(name=matrix_name)
    touched, made = {"seats": [], "closed": [], "reseated": []}, {}
    was = present_cohort(matrix)
    current = None if whole else was
    group_ids, made["groups"] = _groups(matrix, groups)
    halves = sorted(history)
    is_of_today = current is None or halves[-1] >= (current.year, current.half)
    cohorts, made["cohorts"] = _cohorts(matrix, halves, is_of_today)
    present = cohorts[halves[-1]] if is_of_today else None
    made["followed"] = [was.pk] if was and present and was.pk != present.pk else []
    for half, cohort in cohorts.items():
        if cohort is not present:
            _past(matrix, cohort, history[half], group_ids, touched)
    if present:
        _present(tenant, matrix, present, sits, history[halves[-1]], group_ids, touched, whole)
    added, changed = len(touched["seats"]), len(touched["reseated"]) + len(touched["closed"])
    return Seated(matrix, len(groups), len(cohorts), added, changed, touched, made)


def compare(matrix_name, groups, sits):
    """What `seat` would find different, without writing."""
    found = _found(groups, Group.objects.filter(matrix__name=matrix_name))
    at = {key: group.pk for key, group in found.items()}
    open_ones = Placement.objects.open().filter(matrix__name=matrix_name).values_list("member_id", "group_id", "group__name")
    now, names = {}, {}
    for member, group, name in open_ones:
        now[member], names[member] = group, name
    return Difference(
        new_groups=[name for key, name, _number in groups if key not in found],
        moves={member: (names.get(member), key) for member, key in sits.items() if member not in now or now[member] != at.get(key)},
    )


def unseat(members, tenant):
    """Who left the community sits nowhere any more. Returns (member, placement) of each."""
    gone = list(Placement.objects.open().filter(member__in=members).values_list("member_id", "pk"))
    Placement.objects.filter(pk__in=[pk for _, pk in gone]).update(until=tenant.today())
    return gone


def take_back(rows):
    """Seats as they were before an import: `rows` are what it noted of members."""
    seats = [UUID(pk) for row in rows for (pk,) in row.get("seats", [])]
    Placement.objects.filter(pk__in=seats).delete()
    for row in rows:
        for pk, group in row.get("reseated", []):
            Placement.objects.filter(pk=pk).update(group=group)
    closed = [UUID(pk) for row in rows for (pk,) in row.get("closed", [])]
    Placement.objects.filter(pk__in=closed).update(until=None)


def be_current_again(cohorts):
    """The half-years that an import had followed by later ones, where these are gone."""
    for cohort in Cohort.objects.filter(pk__in=cohorts).exclude(matrix__cohorts__state=Cohort.State.CURRENT):
        Cohort.objects.filter(pk=cohort.pk).update(state=Cohort.State.CURRENT)


def _found(groups, here):
    """{key: group} of those that are here: known again by the name or, where somebody called it otherwise since, by the number."""
    here = list(here)
    by_name = {group.name: group for group in here}
    found = {key: by_name[name] for key, name, _number in groups if name in by_name}
    taken = {group.pk for group in found.values()}
    by_number = {group.number: group for group in here if group.number and group.pk not in taken}
    return {key: by_number[number] for key, _name, number in groups if key not in found and number in by_number} | found


def _groups(matrix, groups):
    """{key: id} and the ids of new ones."""
    here = list(Group.objects.filter(matrix=matrix))
    found, numbers = _found(groups, here), {group.number for group in here if group.number}
    fresh = {}
    for key, name, number in groups:
        if key not in found:
            fresh[key] = Group(matrix=matrix, name=name, number=None if number in numbers else number)
            numbers.add(number)
    Group.objects.bulk_create(fresh.values())
    return {key: group.pk for key, group in (found | fresh).items()}, [group.pk for group in fresh.values()]


def _cohorts(matrix, halves, is_of_today=True):
    """{(year, half): cohort}, and the ids of new ones. The last one is the current one, if it is of today."""
    last = halves[-1]
    known = {(cohort.year, cohort.half): cohort for cohort in Cohort.objects.filter(matrix=matrix)}
    fresh = [Cohort(matrix=matrix, year=year, half=half, state=Cohort.State.PAST) for year, half in halves if (year, half) not in known]
    Cohort.objects.bulk_create(fresh)
    known |= {(cohort.year, cohort.half): cohort for cohort in fresh}
    if is_of_today and known[last].state != Cohort.State.CURRENT:
        Cohort.objects.filter(matrix=matrix, state=Cohort.State.CURRENT).update(state=Cohort.State.PAST)
        Cohort.objects.filter(pk=known[last].pk).update(state=Cohort.State.CURRENT)
    return {half: known[half] for half in halves}, [cohort.pk for cohort in fresh]


def _past(matrix, cohort, placed, group_ids, touched):
    known = {row.member_id: row for row in Placement.objects.filter(cohort=cohort)}
    year, half = following(cohort.year, cohort.half)
    span = matrix.pk, cohort.pk, cohort.begins_on, Cohort(year=year, half=half).begins_on
    rows = [(uuid7(), member, group_ids[key], *span) for member, key in placed.items() if member not in known]
    load(Placement, ["id", "member", "group", "matrix", "cohort", "since", "until"], rows)
    moved = [known[member] for member, key in placed.items() if member in known and known[member].group_id != group_ids[key]]
    touched["seats"] += [(member, pk) for pk, member, *_ in rows]
    touched["reseated"] += [(row.member_id, row.pk, row.group_id) for row in moved]
    for row in moved:
        row.group_id = group_ids[placed[row.member_id]]
    Placement.objects.bulk_update(moved, ["group"], batch_size=1000)


def _present(tenant, matrix, cohort, sits, placed, group_ids, touched, whole=True):
    """Open placements for those who are here; a closed one for who sat there at its beginning and has left since."""
    today = tenant.today()
    known = {row.member_id: row for row in Placement.objects.open().filter(matrix=matrix)}
    gone = [row for member, row in known.items() if (group_ids[sits[member]] != row.group_id if member in sits else whole)]
    Placement.objects.filter(pk__in=[row.pk for row in gone]).update(until=today)
    fresh = [
        (uuid7(), member, group_ids[key], matrix.pk, cohort.pk, today if member in known else cohort.begins_on, None)
        for member, key in sits.items()
        if member not in known or known[member].group_id != group_ids[key]
    ]
    written = set(Placement.objects.filter(cohort=cohort).values_list("member_id", flat=True)) | sits.keys()
    span = matrix.pk, cohort.pk, cohort.begins_on, today
    left = [(uuid7(), member, group_ids[key], *span) for member, key in placed.items() if member not in written]
    load(Placement, ["id", "member", "group", "matrix", "cohort", "since", "until"], fresh + left)
    touched["seats"] += [(member, pk) for pk, member, *_ in fresh + left]
    touched["closed"] += [(row.member_id, row.pk) for row in gone]
