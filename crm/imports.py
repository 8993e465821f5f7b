"""An owner's files: a whole community, a part of its members, a history of who sat where, or who spoke to whom.

First a file is read, which asks no database, and compared with what is here; then it is written, all of it or nothing.
"""

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from crm.tenancy import events, files, planner
from crm.tenancy.models import Event, Job, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import calendar, occurrences, rhythms
from groups import intake as seats
from groups.intake import seat
from groups.models import Group, Placement
from members import comparing, doubtful, intake, merging, speaking, twins
from members.files import FIELDS, NoSuchFiles, NotATable, Person, shape_of, tables_in
from members.models import Handle, Mapping, Member, Spelling

from . import import_reading
from .import_reading import SPELLINGS, How, how, matrix_name, read, read_tables, sentence_of

MOST_BYTES = 50 * 10**6  # of each file
SHOWN = 200  # pairs of merged rows, spellings of a group


@dataclass
class Loaded:
    tenant: Tenant
    counts: dict  # what the command prints


def load_community(folder, slug, *, name=""):
    """Make the tenant of a folder, or bring it up to date. All or nothing; the same folder again changes nothing."""
    try:
        tables = tables_in(folder)
        with transaction.atomic():
            tenant = _tenant(slug, name)
            with acting_for(tenant.pk):
                how_read = replace(how(tenant), remembered={}, known_groups=(), settled_groups=())
                community = import_reading.community_of(tables, {kind: {} for kind in tables}, how_read, tenant.country)
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
        speaking.keep(reading.interactions, kept)
    return found


def _tenant(slug, name):
    known = Tenant.objects.filter(slug=slug).first()
    if known:
        return known
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    return tenant


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
    found = comparing.compare(community.people.people, community.past_members, whole=reading.how.whole)
    history, sits = _placed(community, found, tenant, reading.how)
    known = {*found.known_ids(), *found.past_ids} if sits else set()  # a new past member sits nowhere now
    difference = seats.compare(matrix_name(), _groups(community), {pk: key for pk, key in sits.items() if pk in known})
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
        "partners": compared.partners,
        "past_members": len(community.past_members),
        "merged": len(people.merged),
        "pairs": people.merged[:SHOWN],
        "rejected": len(people.rejected),
        "cohort_rejected": len(cohorts.rejected),
        "unknown_columns": [header[:60] for header in people.unknown_columns[:SHOWN]],
        "dates": people.date_order if people.dates_doubtful else "",
        "groups": [
            {
                "name": name,
                "number": number,
                "people": in_groups[key],
                "spellings": reading.spellings[key].most_common(SHOWN),
                "is_new": name in difference.new_groups,
            }
            for key, name, number in _groups(community)
        ],
        "cohorts": [[year, half, len(history[year, half])] for year, half in sorted(history)],
        "placements": sum(len(placed) for placed in history.values()),
        "seated": len(seen.sits),
        "has_history": bool(cohorts.placements),
        "here": Member.objects.current().count(),
        "added": compared.added,
        "changed": compared.changed,
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
    compared = comparing.compare(people.people, community.past_members, whole=how.whole, same=doubtful.joins(how.pairs))
    added = intake.write(compared, tenant, by=by)
    merges = _join(compared, by)
    _keep_apart(people.people, compared, how, by)
    history, sits = _placed(community, compared, tenant, how)
    seated = seat(tenant, matrix_name(), _groups(community), history, sits, whole=how.whole) if history else None
    if seated:
        seated.made["ahead"] = calendar.lay_out_anew(seated.matrix, tenant)
        rhythms.ready(tenant)
        occurrences.lay_out(tenant)
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
        planner.learn(Member, Handle, Spelling, Placement, Event)
    return counts


def _join(compared, by):
    """Members whom a row of the file shows to be one person, by a phone or id of each."""
    made = []
    for kept, gone, platform in compared.joins:
        with suppress(Refused):  # one of them was merged by an earlier row
            made.append(merging.merge(Member(pk=kept), Member(pk=gone), platform, by=by))
    return made


def _keep_apart(people, compared, how, by):
    """Whom somebody said to be two is not asked about again."""
    if how.pairs:
        at_line = {line: pk for person, pk in zip(people, compared.ids, strict=True) for line in person.lines}
        twins.keep_apart(doubtful.apart(how.pairs, at_line), by=by)


def remember(reading, *, by):
    """What somebody said of the columns, and of what groups are called, holds for the next file of this shape, too."""
    for kind, mapping in reading.how.mappings.items():
        if kind in reading.tables:
            shape = shape_of(reading.tables[kind].header)
            Mapping.objects.update_or_create(kind=kind, shape=shape, defaults={"columns": mapping, "settled_by": by})
    if reading.how.said_groups:
        _remember_spellings(reading.how.said_groups, by)


def _remember_spellings(said, by):
    """By the ids of groups, so that they hold when a group is called otherwise."""
    ids = {group.name: str(group.pk) for group in Group.objects.filter(matrix__name=matrix_name(), name__in=said.values())}
    kind, shape = SPELLINGS
    known = Mapping.objects.filter(kind=kind, shape=shape).first()
    columns = {spelling: pk for spelling, pk in (known.columns if known else {}).items() if spelling not in said}
    columns |= {spelling: ids[name] for spelling, name in said.items() if name in ids}
    Mapping.objects.update_or_create(kind=kind, shape=shape, defaults={"columns": columns, "settled_by": by})


def _placed(community, intake, tenant, how):
    """Who sat where in each half-year, and who sits where now, by members' ids.

    Without a history of today the groups that the member file names are those of the half-year we are in."""
    people, present = community.people, community.cohorts.present
    history, sits, ids = defaultdict(dict), {}, {}
    if community.history:
        ids |= {id(person): pk for person, pk in zip(people.people, intake.ids, strict=True)}
        ids |= {id(person): pk for person, pk in zip(community.past_members, intake.past_ids, strict=True)}
    for person, year, half, group in community.history:
        pk = ids[id(person)]
        history[year, half].setdefault(pk, group)  # two rows of one member: the first one's seat
        # A history that comes alone says of the members who are here where they sit.
        if (year, half) == present and (isinstance(person, Person) or (not how.whole and pk in intake.here)):
            sits.setdefault(pk, group)
    if not present:
        for person, pk in zip(people.people, intake.ids, strict=True):
            if person.group:
                sits.setdefault(pk, person.group)
        if sits:
            history[how.now or calendar.half_of(tenant.today())] = dict(sits)
    return history, sits


def _groups(community):
    return [(key, community.groups.name(key), community.groups.number(key)) for key in community.groups]


def _said(rejection):
    return {"line": rejection.line, "code": rejection.code, "sentence": rejection.sentence}
