"""An owner's files: a whole community, a part of its members, a history of who sat where, or who spoke to whom.

First a file is read, which asks no database, and compared with what is here; then it is written, all of it or nothing.
"""

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events, files
from crm.tenancy.models import Job, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import calendar
from groups import intake as seats
from groups.intake import seat
from groups.models import Group, Matrix
from members import custom, intake, merging, words
from members.files import (
    FIELDS,
    WORDS,
    Manner,
    NoSuchFiles,
    NotATable,
    bring_together,
    history_alone,
    read_interactions,
    read_table,
    shape_of,
    spellings,
    tables_in,
    tells_of,
    without_history,
)
from members.files.columns import SYNONYMS
from members.files.people import Person
from members.models import Handle, Mapping, Member

MATRIX = "会员"
MOST_BYTES = 50 * 10**6  # of each file
MOST_ROWS = {"members": 100_000, "cohorts": 1_000_000, "interactions": 1_000_000}
SHOWN = 200  # pairs of merged rows, spellings of a group
NOTHING = MappingProxyType({})


@dataclass
class Loaded:
    tenant: Tenant
    counts: dict  # what the command prints


@dataclass(frozen=True)
class How:
    """How files are read: what somebody said of them, and what the tenant knows already."""

    mappings: dict = field(default_factory=dict)  # {kind of file: {key of a column: field, or ""}}, said for these files
    order: str = ""  # of dates
    whole: bool = True  # who is not in the file has left the community
    remembered: dict = field(default_factory=dict)  # {(kind, shape): mapping}, of earlier files
    known_groups: tuple = ()
    now: tuple | None = None  # (year, half) that the community is in
    customs: dict = field(default_factory=dict)
    words: object = None

    def mapping_of(self, kind, table):
        said = self.mappings.get(kind)
        return said if said is not None else self.remembered.get((kind, shape_of(table.header)), {})


@dataclass
class Reading:
    """Files as they tell it, before anything is written."""

    kind: str  # members, cohorts, interactions: what the first file is
    tables: dict  # {kind: table}
    how: How
    community: object = None
    interactions: object = None
    spellings: dict = field(default_factory=dict)  # {key of a group: {spelling: how often}}
    mappings: dict = field(default_factory=dict)  # {kind: what was used}

    @property
    def header(self):
        return {kind: table.header for kind, table in self.tables.items()}


def load_community(folder, slug, *, name=""):
    """Make the tenant of a folder, or bring it up to date. All or nothing; the same folder again changes nothing."""
    try:
        tables = tables_in(folder)
        with transaction.atomic():
            tenant = _tenant(slug, name)
            with acting_for(tenant.pk):
                how_read = replace(how(tenant), remembered={}, known_groups=())
                community = _community(tables, {kind: {} for kind in tables}, how_read, tenant.country)
                return Loaded(tenant, write(community, tenant, how=how_read))
    except (NoSuchFiles, NotATable) as fault:
        raise Refused(fault.sentence, code=fault.code, status=400) from None


def import_file(path, tenant, *, mapping=None, order="", whole=False, dry_run=False):
    """One file of any kind into a tenant that is there, in one transaction; `dry_run` takes all of it back. Returns the counts that
    `load_community` gives, and what changed."""
    tables = read_tables((path, path.name), any_kind=True)
    kind = next(iter(tables))
    with transaction.atomic(), acting_for(tenant.pk):
        how_read = how(tenant, mappings={kind: mapping} if mapping else {}, order=order, whole=whole)
        _refuse_unknown_fields(mapping, kind, how_read)
        reading = read(tables, how_read, region=tenant.country)
        if reading.interactions:
            counts = _interactions_in(reading, path, dry_run)
        else:
            asked = {"names": [path.name]}
            read_job = Job.objects.create(kind="community.reading", asked=asked, state=Job.State.DONE, due_at=now(), ended_at=now())
            job = Job.objects.create(kind="community.import", asked={"reading": str(read_job.pk)}, state=Job.State.DONE, due_at=now())
            counts = write(reading.community, tenant, how=how_read, job=job)
            outcome = {name: len(value) if isinstance(value, list) else value for name, value in counts.items()} | {"kind": kind}
            Job.objects.filter(pk=read_job.pk).update(outcome={"kind": kind, "rows": counts["rows"], "rejected": outcome["rejected"]})
            Job.objects.filter(pk=job.pk).update(outcome=outcome, ended_at=now())
            counts = {name: value for name, value in counts.items() if name not in ("made", "merges")}
        remember(reading, by=None)
        transaction.set_rollback(dry_run)
    return counts | {"kind": kind, "dry_run": dry_run}


def _refuse_unknown_fields(mapping, kind, how):
    known = {"", *FIELDS[kind], *how.customs}
    for column, meant in (mapping or {}).items():
        if meant not in known and not meant.startswith("id:"):
            said = {"column": column, "field": meant, "fields": ", ".join(sorted(known - {""}))}
            raise Refused(_("“%(column)s” cannot be read as “%(field)s”. There are: %(fields)s.") % said, code="bad_mapping", status=400)


def _interactions_in(reading, path, dry_run):
    found = found_interactions(reading) | {"unknown_speakers": unknown_speakers(reading)}
    found["rejected"] = [_said(rejection) for rejection in reading.interactions.rejected]
    if not dry_run:
        kept = files.keep(ContentFile(path.read_bytes(), name=path.name), "interactions", by=None, most=MOST_BYTES)
        events.note("interactions.kept", kept, after={"rows": found["rows"], "rejected": len(found["rejected"]), "people": found["people"]})
    return found


def _tenant(slug, name):
    known = Tenant.objects.filter(slug=slug).first()
    if known:
        return known
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    return tenant


# Reading


def how(tenant, *, mappings=NOTHING, order="", whole=True):
    """What the open tenant knows of its files, with what somebody said of these."""
    remembered = {(row.kind, row.shape): row.columns for row in Mapping.objects.all()}
    known = words.known()
    known.language  # noqa: B018 (asked for now, since files are read without the database)
    return How(
        mappings=dict(mappings),
        order=order,
        whole=whole,
        remembered=remembered,
        known_groups=tuple(known_groups()),
        now=None if whole else seats.half_now(matrix_name()),
        customs={f"custom:{field.pk}": _reader_of(field) for field in custom.fields()},
        words=known,
    )


def _reader_of(field):
    """A function from a cell to the value of a field of the tenant's own."""

    def read(text):
        try:
            return custom.clean(field, text)
        except Refused as refusal:
            raise ValueError(refusal.sentence) from None

    return read


def read_tables(first, second=None, *, told=lambda stage: None, any_kind=False):
    """{kind: table} of one or two files, each given as (path, its owner's name for it). With `any_kind` each may be any file of a
    community; else the first is the list of members. Refuses with a sentence what is no table, or not the one that is meant."""
    try:
        if not any_kind:
            told("members")
            tables = {"members": _table("members", *first)}
            if second:
                told("cohorts")
                tables["cohorts"] = _table("cohorts", *second)
            _refuse_the_wrong_kind(tables)
            return tables
        tables = {}
        for place, file in ("members", first), ("cohorts", second):
            if file:
                told(place)
                kind, table = _any_table(*file)
                if kind in tables or (tables and kind == "interactions") or "interactions" in tables:
                    raise _no_pair(tables, kind, table)
                tables[kind] = table
        return dict(sorted(tables.items(), key=lambda item: list(FIELDS).index(item[0])))
    except NotATable as fault:
        raise Refused(sentence_of(fault), code=fault.code, status=400) from None


def read(tables, how, *, region="CN", told=lambda stage: None):
    """What the tables hold."""
    told("joining")
    kind = next(iter(tables))
    mappings = {each: how.mapping_of(each, table) for each, table in tables.items()}
    reading = Reading(kind, tables, how, mappings=mappings)
    try:
        if kind == "interactions":
            reading.interactions = read_interactions(tables[kind], how.known_groups, mappings[kind], how.order)
            return reading
        reading.community = _community(tables, mappings, how, region)
    except NotATable as fault:
        raise Refused(sentence_of(fault), code=fault.code, status=400) from None
    found = defaultdict(Counter)
    for each, table in tables.items():
        for key, spelled in spellings(table, reading.community.groups, mappings[each]).items():
            found[key].update(spelled)
    reading.spellings = found
    return reading


def _community(tables, mappings, how, region):
    manner = Manner(mappings.get("members", {}), how.order, how.customs, how.words)
    if "members" not in tables:
        return history_alone(tables["cohorts"], region, how.known_groups, mappings["cohorts"], how.now)
    if "cohorts" not in tables:
        return without_history(tables["members"], region, how.known_groups, manner)
    known = () if how.whole else how.known_groups
    return bring_together(
        tables["members"], tables["cohorts"], region,
        manner=manner, cohorts_mapping=mappings["cohorts"], known_groups=known, now=how.now,
    )  # fmt: skip


def sentence_of(fault):
    """What is wrong with a file or a row, in the reader's language."""
    return _(WORDS[fault.code]) % fault.data


def _any_table(path, name):
    """(kind, table) of a file that says itself what it is. One that names nobody is read as a list of members, to be mapped."""
    content = path.read_bytes()
    _refuse_too_long(content, name, max(MOST_ROWS.values()))
    table = read_table(content, name, tuple(SYNONYMS), loose=True)
    kind = tells_of(table) or "members"
    return kind, _sized(table, kind)


def _table(kind, path, name):
    content = path.read_bytes()
    _refuse_too_long(content, name, MOST_ROWS[kind])
    return _sized(read_table(content, name, FIELDS[kind]), kind)


def _refuse_too_long(content, name, most):
    # Counted before it is read: fifty megabytes of short lines become gigabytes of rows.
    if max(content.count(b"\n"), content.count(b"\r")) > 3 * most:
        raise NotATable("too_many_rows", name=name, most=f"{most:,}")


def _sized(table, kind):
    if table.row_count > MOST_ROWS[kind]:
        raise NotATable("too_many_rows", name=table.name, most=f"{MOST_ROWS[kind]:,}")
    if not table.row_count:
        raise NotATable("no_rows", name=table.name)
    return table


def _no_pair(tables, kind, table):
    names = {"one": next(iter(tables.values())).name, "other": table.name}
    sentence = _(
        "“%(one)s” and “%(other)s” do not go together. A list of members and who sat where may come together; bring others one by one."
    )
    return Refused(sentence % names, code="no_pair", status=400)


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


@dataclass
class Found:
    """What a reading would change, worked out and not written."""

    compared: object
    history: dict
    sits: dict
    difference: object  # of groups and seats


def compared(reading, tenant):
    community = reading.community
    found = intake.compare(community.people.people, community.past_members, whole=reading.how.whole)
    history, sits = _placed(community, found, tenant, reading.how)
    new = {member.pk for member in found.fresh}
    difference = seats.compare(matrix_name(), _groups(community), {pk: key for pk, key in sits.items() if pk not in new})
    return Found(found, history, sits, difference)


def found(reading, seen):
    """What was read, in codes and numbers, and what writing it would change here."""
    community = reading.community
    people, cohorts = community.people, community.cohorts
    compared, history, difference = seen.compared, seen.history, seen.difference
    in_groups = Counter(seen.sits.values())
    return {
        "kind": reading.kind,
        "people": len(people.people),
        "rows": people.rows or cohorts.rows,
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
            for key, name, number in _groups(community)
        ],
        "cohorts": [[year, half, len(history[year, half])] for year, half in sorted(history)],
        "placements": sum(len(placed) for placed in history.values()),
        "seated": len(seen.sits),
        "has_history": bool(cohorts.placements),
        "here": len(compared.here),
        "added": compared.added,
        "changed": len(compared.changed),
        "left": len(compared.left),
        "new_groups": len(difference.new_groups),
        "moved": difference.moved,
        "joins": len(compared.joins),
    }


def found_interactions(reading):
    read = reading.interactions
    return {
        "kind": "interactions",
        "rows": read.rows,
        "people": len(read.speakers),
        "rejected": len(read.rejected),
        "cohort_rejected": 0,
        "blank": len(read.blank),
        "acts": read.acts.most_common(20),
        "first": read.first.isoformat(" ", "minutes") if read.first else "",
        "last": read.last.isoformat(" ", "minutes") if read.last else "",
        "groups_named": len([name for name in read.groups if name]),
        "unknown_groups": len(read.unknown_groups),
    }


def unknown_speakers(reading):
    """WeChat ids of an interaction file that no member has, the most talkative first."""
    speakers = reading.interactions.speakers
    known = set(Handle.objects.filter(platform=Handle.Platform.WECHAT, value__in=list(speakers)).values_list("value", flat=True))
    return [speaker for speaker, _times in speakers.most_common() if speaker not in known]


def rejected_rows(reading):
    """Each row that would not go in: (kind of file, line, sentence, cells)."""
    if reading.interactions:
        rejected = [("interactions", reading.interactions.rejected)]
    else:
        rejected = [("members", reading.community.people.rejected), ("cohorts", reading.community.cohorts.rejected)]
    for kind, rows in rejected:
        for rejection in rows:
            yield kind, rejection.line, sentence_of(rejection), rejection.cells


# Writing


def write(community, tenant, *, by=None, how=None, job=None):
    """All of it, in the caller's transaction. With a `job` it can be taken back."""
    how = how or How()
    if how.words:
        how.words.settle(by=by)
    people, cohorts = community.people, community.cohorts
    compared = intake.compare(people.people, community.past_members, whole=how.whole)
    added = intake.write(compared)
    merges = _join(compared, by)
    history, sits = _placed(community, compared, tenant, how)
    seated = seat(tenant, matrix_name(), _groups(community), history, sits, whole=how.whole) if history else None
    if seated:
        calendar.lay_out(seated.matrix, tenant)
        touched = seated.touched
    else:
        touched = {"closed": seats.unseat(compared.left, tenant)}
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
    if job:
        kept = intake.keep_what_was(compared, job, touched)
        made = {name: [str(pk) for pk in ids] for name, ids in seated.made.items()} if seated else {}
        counts |= changes | {"touched": kept, "made": made, "joined": len(merges), "merges": {"ids": [str(merge.pk) for merge in merges]}}
    if any(changes.values()) or merges:
        untold = ("matrix", "made", "merges")
        noted = {key: len(value) if isinstance(value, list) else value for key, value in counts.items() if key not in untold}
        named = {"job": str(job.pk)} if job else {}
        events.note("community.imported", seated.matrix if seated else tenant, by=by, after=noted | changes | named)
    return counts


def _join(compared, by):
    """Members whom a row of the file shows to be one person, by a phone or id of each."""
    made = []
    for kept, gone, platform in compared.joins:
        with suppress(Refused):  # one of them was merged by an earlier row
            made.append(merging.merge(Member(pk=kept), Member(pk=gone), platform, by=by))
    return made


def remember(reading, *, by):
    """What somebody said of the columns holds for the next file of this shape, too."""
    for kind, mapping in reading.how.mappings.items():
        if kind in reading.tables:
            shape = shape_of(reading.tables[kind].header)
            Mapping.objects.update_or_create(kind=kind, shape=shape, defaults={"columns": mapping, "settled_by": by})


def _placed(community, intake, tenant, how):
    """Who sat where in each half-year, and who sits where now, by members' ids.

    Without a history of today the groups that the member file names are those of the half-year we are in."""
    people, present = community.people, community.cohorts.present
    ids = {id(person): pk for person, pk in zip(people.people, intake.ids, strict=True)}
    ids |= {id(person): pk for person, pk in zip(community.past_members, intake.past_ids, strict=True)}
    history, sits = defaultdict(dict), {}
    for person, year, half, group in community.history:
        pk = ids[id(person)]
        history[year, half][pk] = group
        # A history that comes alone says of the members who are here where they sit.
        if (year, half) == present and (isinstance(person, Person) or (not how.whole and pk in intake.here)):
            sits[pk] = group
    if not present:
        sits = {ids[id(person)]: person.group for person in people.people if person.group}
        if sits:
            history[how.now or calendar.half_of(tenant.today())] = dict(sits)
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
