"""An import taken back as a whole: whoever was touched by nothing else since is as before, and the others are kept and named."""

from collections import defaultdict
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from crm.tenancy import events
from crm.tenancy.bulk import renew
from crm.tenancy.models import Event, Job
from crm.tenancy.refusals import Refused
from groups import calendar, laying
from groups import intake as seats
from groups.models import Cohort, Group, Placement
from members import merging
from members.intake import FIELDS, digest
from members.models import FormerNickname, Handle, ImportedRow, Member, Merge, Note, Renewal, Twin
from members.names import search_of, sort_key

AT_ONCE = 1000
SHOWN = 200  # of the kept ones, by id
# What an import writes beside a member, and so takes away with them; anything else that points at them keeps them.
ITS_OWN = {Handle, FormerNickname, Placement, ImportedRow, Renewal, Twin, Member}


def can(writing):
    return ImportedRow.objects.filter(job=writing).exists() or _merges(writing).exists()


def _merges(writing):
    return Merge.objects.filter(pk__in=writing.outcome.get("merges", {}).get("ids", []), undone_at=None)


def take_back(work, writing_id):
    with work.step():
        writing = Job.objects.get(pk=writing_id)
        if not can(writing):
            raise Refused(_("Nothing of this import is left to be taken back."), code="nothing_to_undo")
        kept = _told_since(writing)
        kept |= _parted(writing, kept, work.job.seat) | _different_now(writing)
        rows = list(ImportedRow.objects.filter(job=writing).exclude(member__in=kept).order_by("id").values_list("pk", "is_new"))
    restored, removed = [pk for pk, is_new in rows if not is_new], [pk for pk, is_new in rows if is_new]
    done, many = 0, len(rows)
    for ids in _some(restored):
        with work.step():
            _restore(ImportedRow.objects.filter(pk__in=ids).select_related("member"))
        done += len(ids)
        work.reached("undoing", done, of=many)
    with work.step():
        gone = set(ImportedRow.objects.filter(pk__in=removed).values_list("member_id", flat=True))
        Member.objects.filter(pk__in=gone, inviter__in=gone).update(inviter=None)
        needed = set(Member.objects.filter(inviter__in=gone).exclude(pk__in=gone).values_list("inviter_id", flat=True))
    kept |= needed
    for ids in _some(removed):
        with work.step():
            _remove(ImportedRow.objects.filter(pk__in=ids).exclude(member__in=needed))
        done += len(ids)
        work.reached("undoing", done, of=many)
    with work.step() as tenant:
        _remove_empty(writing.outcome.get("made", {}))
        ImportedRow.objects.filter(job=writing).delete()  # what is kept belongs to those who touched it
        outcome = {"restored": len(restored), "removed": len(removed) - len(needed), "kept": len(kept)}
        outcome["kept_members"] = sorted(map(str, kept))[:SHOWN]
        after = {name: outcome[name] for name in ("restored", "removed", "kept")}
        events.note("community.import_undone", tenant, by=work.job.seat, after=after)
        work.end(Job.State.DONE, outcome=outcome)
    return outcome


def _some(ids):
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


def _parted(writing, kept, by):
    """What the import joined is two again. Ids of those for whom that is not possible any more."""
    stay = set()
    for merge in _merges(writing).order_by("-at"):
        try:
            if {merge.kept_id, merge.gone_id} & kept:
                raise Refused("", code="touched")
            with transaction.atomic():
                merging.take_back(merge, by=by)
        except Refused:
            stay |= {merge.kept_id, merge.gone_id}
    return stay


def _told_since(writing):
    """Ids of members to whom something happened since."""
    rows = ImportedRow.objects.filter(job=writing)
    members = rows.values("member")
    later = Q(at__gt=writing.ended_at)
    kept = set(Event.objects.filter(later, member__in=members).values_list("member", flat=True))
    kept |= set(Event.objects.filter(later, subject_kind="member", subject__in=members).values_list("subject", flat=True))
    imported = ImportedRow.objects.filter(member__in=members, job__ended_at__gt=writing.ended_at)
    return kept | set(imported.values_list("member_id", flat=True))


def _different_now(writing):
    """Ids of members who are not as the import left them, or on whom something else of the community hangs."""
    rows, kept = ImportedRow.objects.filter(job=writing), set()
    new = rows.filter(is_new=True).values("member")
    for relation in _relations(Member):
        if relation.related_model not in ITS_OWN:
            column = relation.field.name
            pointing = relation.related_model._default_manager.filter(**{f"{column}__in": new})
            kept |= set(pointing.values_list(column, flat=True))
    kept |= _seated_since(rows)
    known = rows.select_related("member").iterator(chunk_size=2000)
    return kept | {row.member_id for row in known if "digest" in row.after and row.after["digest"] != digest(row.member)}


def _relations(model):
    fields = model._meta.get_fields(include_hidden=True)
    return [field for field in fields if field.auto_created and not field.concrete and field.field.many_to_one]


def _seated_since(rows):
    """Members who have got more seats, handles or terms than the import gave them, of those that are new by it."""
    kept = set()
    for name, relation in ("seats", "placements"), ("handles", "handles"), ("paid", "renewals"):
        new = Member.objects.filter(pk__in=rows.filter(is_new=True).values("member"))
        counted = dict(new.annotate(n=Count(relation)).values_list("pk", "n"))
        given = {row.member_id: _many(row.after.get(name, [])) for row in rows.filter(is_new=True).iterator(chunk_size=2000)}
        kept |= {pk for pk, many in counted.items() if many != given.get(pk, 0)}
    return kept


def _many(given):
    """Of who is new handles are counted and not named."""
    return given if isinstance(given, int) else len(given)


def _restore(rows):
    rows = list(rows)
    seats.take_back([row.after for row in rows])
    Renewal.objects.filter(pk__in=_ids(rows, "paid")).delete()
    Handle.objects.filter(pk__in=_ids(rows, "handles")).delete()
    FormerNickname.objects.filter(pk__in=_ids(rows, "names")).delete()
    members = {row.member_id: row.member for row in rows}
    for row in rows:
        for name, value in row.before.items():
            field = Member._meta.get_field(name)
            setattr(row.member, field.attname, UUID(value) if value and name == "inviter" else field.to_python(value))
    _find_again(members)
    names = [*FIELDS, "search", "sort_key"]
    renew(Member, names, [(member.pk, *_row(member, names)) for member in members.values()])
    ImportedRow.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _row(member, names):
    values = (getattr(member, Member._meta.get_field(name).attname) for name in names)
    return [Jsonb(value) if isinstance(value, dict) else value for value in values]


def _find_again(members):
    handles, names, notes = defaultdict(list), defaultdict(list), defaultdict(list)
    for pk, text in Note.objects.filter(member__in=members).order_by("id").values_list("member_id", "text"):
        notes[pk].append(text)
    for pk, value in Handle.objects.filter(member__in=members).order_by("id").values_list("member_id", "value"):
        handles[pk].append(value)
    for pk, name in FormerNickname.objects.filter(member__in=members).values_list("member_id", "nickname"):
        names[pk].append(name)
    for pk, member in members.items():
        member.search = search_of(member, handles[pk], sorted(names[pk]), notes[pk])
        member.sort_key = sort_key(member.nickname)[:200]


def _remove(rows):
    rows = list(rows)
    ids = [row.member_id for row in rows]
    seats.take_back([row.after for row in rows])
    Renewal.objects.filter(member__in=ids).delete()
    Handle.objects.filter(member__in=ids).delete()
    FormerNickname.objects.filter(member__in=ids).delete()
    ImportedRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    Member.objects.filter(pk__in=ids).delete()


def _ids(rows, name):
    return [UUID(part) for row in rows for part in row.after.get(name, [])]


def _remove_empty(made):
    """Groups and half-years that the import made and nobody sat in after all, and what was laid out ahead of them."""
    unused = Group.objects.filter(pk__in=made.get("groups", [])).annotate(n=Count("placements")).filter(n=0)
    laying.take_away(unused)
    _remove_unneeded(unused)
    _remove_unneeded(Cohort.objects.filter(pk__in=made.get("cohorts", [])).annotate(n=Count("placements")).filter(n=0))
    seats.be_current_again(made.get("followed", []))
    calendar.take_away(made.get("ahead", []))


def _remove_unneeded(found):
    """Those on which nothing hangs."""
    for row in found:
        relations = _relations(type(row))
        if not any(relation.related_model._default_manager.filter(**{relation.field.name: row.pk}).exists() for relation in relations):
            type(row)._default_manager.filter(pk=row.pk).delete()
