"""A whole community out of its owner's files: members, history, groups, and where everybody sits now.

First it is read, which asks no database, and compared with what is here; then it is written, all of it or nothing.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import calendar
from groups import intake as seats
from groups.intake import seat
from groups.models import Group, Matrix
from members import intake
from members.files import (
    WORDS,
    NoSuchFiles,
    NotATable,
    bring_together,
    read_folder,
    read_table,
    spellings,
    tells_of,
    without_history,
)
from members.files.columns import COHORT_FIELDS, MEMBER_FIELDS
from members.files.people import Person

MATRIX = "会员"
MOST_BYTES = 50 * 10**6  # of each file
MOST_ROWS = {"members": 100_000, "cohorts": 1_000_000}
FIELDS = {"members": MEMBER_FIELDS, "cohorts": COHORT_FIELDS}
SHOWN = 200  # pairs of merged rows, spellings of a group


@dataclass
class Loaded:
    tenant: Tenant
    counts: dict  # what the command prints


@dataclass
class Reading:
    """A community as its files tell it, before anything is written."""

    community: object
    header: dict  # of each file
    spellings: dict = field(default_factory=dict)  # {key of a group: {spelling: how often}}


def load_community(folder, slug, *, name=""):
    """Make the tenant of a folder, or bring it up to date. All or nothing; the same folder again changes nothing."""
    try:
        community = read_folder(folder)
    except (NoSuchFiles, NotATable) as fault:
        raise Refused(fault.sentence, code=fault.code, status=400) from None
    with transaction.atomic():
        tenant = _tenant(slug, name)
        with acting_for(tenant.pk):
            return Loaded(tenant, write(community, tenant))


def _tenant(slug, name):
    known = Tenant.objects.filter(slug=slug).first()
    if known:
        return known
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    return tenant


# Reading


def read(members, cohorts=None, *, region="CN", known_groups=(), told=lambda stage: None):
    """The community of two files, each given as (path, its owner's name for it). `told` hears which stage begins.

    Refuses with a sentence what is no table, or not the one that is meant."""
    try:
        told("members")
        tables = {"members": _table("members", *members)}
        if cohorts:
            told("cohorts")
            tables["cohorts"] = _table("cohorts", *cohorts)
        _refuse_the_wrong_kind(tables)
        told("joining")
        if cohorts:
            community = bring_together(tables["members"], tables["cohorts"], region)
        else:
            community = without_history(tables["members"], region, known_groups)
    except NotATable as fault:
        raise Refused(sentence_of(fault), code=fault.code, status=400) from None
    found = defaultdict(Counter)
    for table in tables.values():
        for key, spelled in spellings(table, community.groups).items():
            found[key].update(spelled)
    return Reading(community, {kind: table.header for kind, table in tables.items()}, found)


def sentence_of(fault):
    """What is wrong with a file or a row, in the reader's language."""
    return _(WORDS[fault.code]) % fault.data


def _table(kind, path, name):
    most = MOST_ROWS[kind]
    content = path.read_bytes()
    # Counted before it is read: fifty megabytes of short lines become gigabytes of rows.
    if max(content.count(b"\n"), content.count(b"\r")) > 3 * most:
        raise NotATable("too_many_rows", name=name, most=f"{most:,}")
    table = read_table(content, name, FIELDS[kind])
    if table.row_count > most:
        raise NotATable("too_many_rows", name=name, most=f"{most:,}")
    if not table.row_count:
        raise NotATable("no_rows", name=name)
    return table


def _refuse_the_wrong_kind(tables):
    """Which file is which shows in its columns, wherever it was dropped."""
    kinds = {place: tells_of(table) for place, table in tables.items()}
    names = {place: table.name for place, table in tables.items()}
    if kinds == {"members": "cohorts", "cohorts": "members"}:
        sentence = _("“%(members)s” tells who sat where, and “%(cohorts)s” who the members are: each stands in the other's place.")
        raise Refused(sentence % names, code="swapped", status=400)
    if kinds["members"] == "cohorts":
        sentence = _("“%(members)s” tells who sat where. It is the second file; the first one is your list of members.")
        raise Refused(sentence % names, code="not_members", status=400)
    if kinds.get("cohorts") == "members":
        sentence = _("“%(cohorts)s” is a list of members, too. The second file tells who sat where, in columns such as 届, 群, 微信号.")
        raise Refused(sentence % names, code="not_cohorts", status=400)


# Comparing


def found(reading, tenant):
    """What was read, in codes and numbers, and what writing it would change here."""
    community = reading.community
    people, cohorts = community.people, community.cohorts
    compared = intake.compare(people.people, community.past_members)
    history, sits = _placed(community, compared, tenant)
    groups = _groups(community)
    new = {member.pk for member in compared.fresh}
    difference = seats.compare(matrix_name(), groups, {pk: key for pk, key in sits.items() if pk not in new})
    in_groups = Counter(sits.values())
    return {
        "people": len(people.people),
        "rows": people.rows,
        "blank": len(people.blank),
        "partners": sum(1 for person in people.people if person.partner),
        "past_members": len(community.past_members),
        "merged": len(people.merged),
        "pairs": people.merged[:SHOWN],
        "rejected": len(people.rejected),
        "cohort_rejected": len(cohorts.rejected),
        "unknown_columns": [header[:60] for header in people.unknown_columns[:SHOWN]],
        "dates": people.date_order if people.dates_doubtful else "",
        "groups": [
            {"name": name, "number": number, "people": in_groups[key], "spellings": reading.spellings[key].most_common(SHOWN)}
            for key, name, number in groups
        ],
        "cohorts": [[year, half, len(history[year, half])] for year, half in sorted(history)],
        "placements": sum(len(placed) for placed in history.values()),
        "seated": len(sits),
        "has_history": bool(cohorts.placements),
        "here": len(compared.ids) - compared.added + len(compared.left),
        "added": compared.added,
        "changed": len(compared.changed),
        "left": len(compared.left),
        "new_groups": len(difference.new_groups),
        "moved": difference.moved,
    }


def rejected_rows(reading):
    """Each row that would not go in: (kind of file, line, sentence, cells)."""
    community = reading.community
    for kind, rejected in ("members", community.people.rejected), ("cohorts", community.cohorts.rejected):
        for rejection in rejected:
            yield kind, rejection.line, sentence_of(rejection), rejection.cells


# Writing


def write(community, tenant, *, by=None):
    """All of it, in the caller's transaction."""
    people, cohorts = community.people, community.cohorts
    compared = intake.compare(people.people, community.past_members)
    added = intake.write(compared)
    history, sits = _placed(community, added, tenant)
    seated = seat(tenant, matrix_name(), _groups(community), history, sits) if history else None
    if seated:
        calendar.lay_out(seated.matrix, tenant)
    else:
        seats.unseat(compared.left, tenant)
    counts = {
        "matrix": seated.matrix.name if seated else "",
        "people": len(people.people),
        "past_members": len(community.past_members),
        "rows": people.rows,
        "blank": len(people.blank),
        "groups": seated.groups if seated else 0,
        "cohorts": seated.cohorts if seated else 0,
        "placements": len(cohorts.placements),
        "merged": people.merged,
        "rejected": [_said(rejection) for rejection in people.rejected],
        "cohort_rejected": [_said(rejection) for rejection in cohorts.rejected],
    }
    changes = {"added": added.added, "changed": added.changed, "left": added.left, "seats": seated.added + seated.changed if seated else 0}
    if any(changes.values()):
        noted = {key: len(value) if isinstance(value, list) else value for key, value in counts.items() if key != "matrix"}
        events.note("community.imported", seated.matrix if seated else tenant, by=by, after=noted | changes)
    return counts


def _placed(community, intake, tenant):
    """Who sat where in each half-year, and who sits where now, by members' ids.

    Without a history the groups that the member file names are those of the half-year we are in."""
    people, present = community.people, community.cohorts.present
    ids = {id(person): pk for person, pk in zip(people.people, intake.ids, strict=True)}
    ids |= {id(person): pk for person, pk in zip(community.past_members, intake.past_ids, strict=True)}
    history, sits = defaultdict(dict), {}
    for person, year, half, group in community.history:
        history[year, half][ids[id(person)]] = group
        if (year, half) == present and isinstance(person, Person):
            sits[ids[id(person)]] = group
    if not present:
        sits = {ids[id(person)]: person.group for person in people.people if person.group}
        if sits:
            history[calendar.half_of(tenant.today())] = dict(sits)
    return history, sits


def _groups(community):
    return [(key, community.groups.name(key), community.groups.number(key)) for key in community.groups]


def matrix_name():
    """The matrix that files without a name for it mean: the only one that is reshuffled, whatever it is called by now."""
    names = list(Matrix.objects.reshuffled().values_list("name", flat=True)[:2])
    return names[0] if len(names) == 1 else MATRIX


def known_groups():
    return list(Group.objects.open().filter(matrix__name=matrix_name()).values_list("name", flat=True))


def _said(rejection):
    return {"line": rejection.line, "code": rejection.code, "sentence": rejection.sentence}
