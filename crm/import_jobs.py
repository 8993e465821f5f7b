"""An import in the browser and by API: two files are kept, read, looked at by a person, and then written.

Reading and writing are two jobs. The second one begins when somebody has seen what the first one found; it writes all
or nothing, and ends in the same transaction, so a worker that dies in the middle leaves nothing behind and a second one
doubles nothing. The files are kept until they are written, given up, or followed by others.
"""

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, files, rights, work
from crm.tenancy.models import Event, File, Job, Seat, Tenant
from crm.tenancy.refusals import Refused
from members import doubtful, speaking, twins

from . import import_kept, import_review, import_undo, imports

READING, WRITING, UNDOING = "community.reading", "community.import", "community.import_undo"
STAGES = {
    "undoing": gettext_lazy("putting everything back"),
    "members": gettext_lazy("reading the people"),
    "cohorts": gettext_lazy("reading who sat where"),
    "joining": gettext_lazy("bringing both together"),
    "comparing": gettext_lazy("comparing with what is here"),
    "writing": gettext_lazy("writing people, groups and half-years"),
}
UNDONE = (Job.State.FAILED, Job.State.STOPPED)
SAID = ("any_kind", "whole", "mappings", "order", "pairs", "groups")  # what was said of the files, which holds when they are read again


# Asking


@transaction.atomic
def ask_reading(members, cohorts, tenant, *, by, any_kind=False, whole=True):
    """A job that reads these uploads. The same two once more, by a second click or tab, are the same job.

    With `any_kind` a file may be any of a community's; who is not in a `whole` list of members has left."""
    uploads = {"members": members} | ({"cohorts": cohorts} if cohorts else {})
    _refuse_too_large(uploads)
    digests = {place: files.digest(upload) for place, upload in uploads.items()}
    if digests.get("cohorts") == digests["members"]:
        sentence = _("Both fields hold the same file. The second one is for who sat where in each half-year.")
        raise Refused(sentence, code="same_file", status=400)
    if running := _running(tenant):
        if running.kind == READING and running.asked.get("digests") == digests:
            return running
        raise _one_at_a_time(running)
    _tidy()
    kept = {place: files.keep(upload, "import", by=by, most=imports.MOST_BYTES) for place, upload in uploads.items()}
    return _ask_reading(kept["members"], kept.get("cohorts"), digests, by, any_kind=any_kind, whole=whole)


@transaction.atomic
def read_again(reading, tenant, *, by, swapped=False, **otherwise):
    """The files are still here: read them anew, perhaps each in the other's place, or `otherwise`: with other `mappings` of their
    columns, another `order` of their dates, as the `whole` community or not."""
    if running := _running(tenant):
        if running.asked.get("again") == str(reading.pk) and all(running.asked.get(name) == value for name, value in otherwise.items()):
            return running
        raise _one_at_a_time(running)
    members, cohorts = _files_of(reading)
    if swapped and not cohorts:
        raise Refused(_("There is one file alone, so nothing can be swapped."), code="nothing_to_swap")
    digests = reading.asked["digests"]
    if swapped:
        members, cohorts = cohorts, members
        digests = {"members": digests["cohorts"], "cohorts": digests["members"]}
    said = {name: reading.asked[name] for name in SAID if name in reading.asked} | otherwise
    return _ask_reading(members, cohorts, digests, by, again=str(reading.pk), **said)


@transaction.atomic
def ask_writing(reading, tenant, *, by):
    """A job that writes what was read; asked for twice, it is one."""
    running = _running(tenant)
    if (known := writing_of(reading)) and known.state not in UNDONE:
        return known
    if running:
        raise _one_at_a_time(running)
    if reading.state != Job.State.DONE:
        raise Refused(_("These files were not read to their end, so nothing of them can be written."), code="not_read")
    if Event.objects.filter(kind="community.imported", at__gt=reading.ended_at).exists():
        raise Refused(_("Other files were imported since these were read. Read them again, then import them."), code="stale")
    members, cohorts = _files_of(reading)
    more = {"cohorts": str(cohorts.pk)} if cohorts else {}
    more |= {name: reading.asked[name] for name in SAID if name in reading.asked}
    return work.ask(WRITING, by=by, file=members, reading=str(reading.pk), language=translation.get_language(), **more)


@transaction.atomic
def decide(reading, tenant, said):
    """What somebody says of doubtful pairs before they are written: {key of a pair: same, apart, later, or empty for nothing yet}."""
    if running := _running(tenant):
        raise _one_at_a_time(running)
    reading = Job.objects.get(pk=reading.pk)
    if not reading.file_id or reading.state != Job.State.DONE:
        raise Refused(_("This import waits for no word any more, so nothing was decided."), code="not_waiting")
    known = {key for key, _known in import_kept.pairs_of(reading, import_kept.review_of(reading))}
    if unknown := [key for key in said if key not in known]:
        sentence = _("There is no such pair in these files: %(pair)s.")
        raise Refused(sentence % {"pair": str(unknown[0])[:60]}, code="no_such_pair", status=400)
    if any(decision not in ("", *doubtful.DECISIONS) for decision in said.values()):
        sentence = _("Of a pair may be said: %(all)s, or nothing.")
        raise Refused(sentence % {"all": ", ".join(doubtful.DECISIONS)}, code="no_such_decision", status=400)
    pairs = reading.asked.get("pairs", {}) | said
    reading.asked = reading.asked | {"pairs": {key: decision for key, decision in pairs.items() if decision}}
    reading.save(update_fields=["asked"])
    return reading


@transaction.atomic
def ask_undoing(reading, tenant, *, by):
    """A job that takes back what was written; asked for twice, it is one."""
    if running := _running(tenant):
        if running.kind == UNDOING and running.asked.get("reading") == str(reading.pk):
            return running
        raise _one_at_a_time(running)
    writing = writing_of(reading)
    if not writing or writing.state != Job.State.DONE or not import_undo.can(writing):
        raise Refused(_("Nothing of this import is left to be taken back."), code="nothing_to_undo")
    return work.ask(UNDOING, by=by, reading=str(reading.pk), writing=str(writing.pk), language=translation.get_language())


def undoing_of(reading):
    return Job.objects.filter(kind=UNDOING, asked__reading=str(reading.pk)).select_related("seat__user").newest_first().first()


@transaction.atomic
def discard(reading, tenant, *, by):
    """What was read is not wanted; the files go."""
    if running := _running(tenant):
        raise _one_at_a_time(running)
    if not reading.file_id:
        raise Refused(_("These files were written or given up already."), code="no_files")
    _let_go(reading)
    events.note("import.discarded", reading, by=by)


def writing_of(reading):
    return Job.objects.filter(kind=WRITING, asked__reading=str(reading.pk)).select_related("seat__user").newest_first().first()


def newest_of(reading):
    """The last of those that read the same files anew."""
    seen = {reading.pk}
    readings = Job.objects.filter(kind=READING).select_related("file", "seat__user").newest_first()
    while again := readings.filter(asked__again=str(reading.pk)).first():
        if again.pk in seen:
            break
        seen.add(again.pk)
        reading = again
    return reading


def readings():
    """Each import once: those whose files were read anew by another are left out."""
    later = Job.objects.filter(kind=READING).annotate(of=KeyTextTransform("again", "asked")).filter(of=OuterRef("own"))
    return Job.objects.filter(kind=READING).annotate(own=Cast("pk", CharField())).filter(~Exists(later))


def waiting_for_a_decision():
    return readings().filter(state=Job.State.DONE).exclude(file=None)


def _ask_reading(members, cohorts, digests, by, **more):
    more |= {"cohorts": str(cohorts.pk)} if cohorts else {}
    more["names"] = [file.name for file in (members, cohorts) if file]
    return work.ask(READING, by=by, file=members, digests=digests, language=translation.get_language(), **more)


def _running(tenant):
    """The import that is under way. Who asks holds the tenant until the end of the transaction, so two cannot both find none."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    return Job.objects.filter(kind__in=[READING, WRITING, UNDOING], state=Job.State.WAITING).newest_first().first()


def _one_at_a_time(running):
    sentence = _("An import is under way already. Wait for its end or stop it, then begin this one.")
    return Refused(sentence, code="import_running", job=str(running.asked.get("reading", running.pk)))


def _refuse_too_large(uploads):
    for upload in uploads.values():
        if upload.size > imports.MOST_BYTES:
            said = {"name": upload.name, "size": upload.size // 10**6, "most": imports.MOST_BYTES // 10**6}
            sentence = _("“%(name)s” has %(size)s MB; at most %(most)s MB will do. Send only the rows of people, or CSV instead of XLSX.")
            raise Refused(sentence % said, code="too_large", status=400)
        if not upload.size:
            sentence = _("“%(name)s” is empty. Export it once more, with the people in it.")
            raise Refused(sentence % {"name": upload.name}, code="empty_file", status=400)


# Files


def _files_of(reading):
    if not reading.file_id:
        raise Refused(_("These files were written or given up already. Upload them again."), code="no_files")
    cohorts = reading.asked.get("cohorts")
    return reading.file, File.objects.get(pk=cohorts) if cohorts else None


def _let_go(*readings):
    """Files hold people, so they are kept no longer than somebody needs them."""
    for reading in readings:
        if not reading.file_id:
            continue
        gone = [pk for pk in (reading.file_id, reading.asked.get("cohorts")) if pk]
        Job.objects.filter(file__in=gone).update(file=None)
        gone.append(reading.outcome.get("review_file"))
        for file in File.objects.filter(pk__in=filter(None, gone)):
            files.drop(file)


def _tidy():
    """New files follow: earlier ones that nobody wrote, and what was said of their rows, go."""
    _let_go(*Job.objects.filter(kind=READING).exclude(file=None))
    for file in File.objects.filter(kind__in=["rejected", "review"]):
        files.drop(file)


# Doing


@work.does_work(READING, gettext_lazy("Reading of the community's files"))
def read_files(at_work):
    with translation.override(at_work.job.asked["language"]):
        tables, how, tenant = _tables(at_work)
        try:
            reading = imports.read(tables, how, region=tenant.country, told=at_work.reached)
        except Refused:
            with at_work.step():  # its columns can be put right
                columns = import_review.columns_alone(tables, {kind: how.mapping_of(kind, tables[kind]) for kind in tables})
                kept = import_kept.keep_review(columns, by=at_work.job.seat)
                Job.objects.filter(pk=at_work.job.pk).update(outcome={"review_file": kept})
            raise
        at_work.reached("comparing")
        with at_work.step() as tenant:
            outcome = _found(reading, tenant, by=at_work.job.seat)
            outcome["mapped"] = [kind for kind, mapping in reading.mappings.items() if mapping and kind not in how.mappings]
            outcome["whole"] = how.whole
            if outcome["rejected"] or outcome["cohort_rejected"]:
                outcome["rejected_file"] = import_kept.keep_rejected(reading, by=at_work.job.seat)
            at_work.end(Job.State.DONE, outcome=outcome)
    return outcome


def _found(reading, tenant, *, by):
    """What was found, in codes and numbers; the rows of it are kept in a file."""
    if reading.kind == "interactions":
        unknown = imports.unknown_speakers(reading)
        head = import_review.of_interactions(reading, tenant) | {"unknown_speakers": unknown[: import_review.MOST]}
        kept = import_kept.keep_review(head, by=by)
        return imports.found_interactions(reading) | {"unknown_speakers": len(unknown), "review_file": kept}
    seen = imports.compared(reading, tenant)
    outcome, review = imports.found(reading, seen), import_review.Review(reading, seen, tenant)
    outcome |= {"review_file": import_kept.keep_review(review.head, review.rows, by=by)}
    return outcome | review.numbers


@work.does_work(WRITING, gettext_lazy("Import of the community's files"))
def write_files(at_work):
    with translation.override(at_work.job.asked["language"]):
        tables, how, tenant = _tables(at_work)
        reading = imports.read(tables, how, region=tenant.country, told=at_work.reached)
        at_work.reached("writing")
        with at_work.step() as tenant:
            job = at_work.job
            _refuse_without_right(job)
            if reading.kind == "interactions":
                outcome = _keep_interactions(reading, job)
            else:
                outcome = imports.write(reading.community, tenant, by=job.seat, how=how, job=job)
                outcome = {name: len(value) if isinstance(value, list) else value for name, value in outcome.items()}
                outcome["kind"] = reading.kind
                del outcome["matrix"]
                if outcome["added"] or outcome["changed"]:
                    twins.ask_to_look(by=job.seat)
            imports.remember(reading, by=job.seat)
            _let_go(Job.objects.get(pk=job.asked["reading"]))
            # In this transaction too: who stopped the job in the meantime has stopped all of it, and a repeat finds it done.
            at_work.end(Job.State.DONE, outcome=outcome)
    return outcome


def _keep_interactions(reading, job):
    """The file stays, for the rooms that will read it."""
    File.objects.filter(pk=job.file_id).update(kind="interactions")
    review = Job.objects.get(pk=job.asked["reading"]).outcome.get("review_file")
    for file in File.objects.filter(pk=review):
        files.drop(file)
    Job.objects.filter(file=job.file_id).update(file=None)
    read = reading.interactions
    outcome = {"kind": "interactions", "rows": read.rows, "rejected": len(read.rejected), "people": len(read.speakers)}
    speaking.keep(read, job, by=job.seat)
    return outcome


@work.does_work(UNDOING, gettext_lazy("Taking back of an import"))
def take_back(at_work):
    with translation.override(at_work.job.asked["language"]):
        with at_work.step():
            _refuse_without_right(at_work.job)
        return import_undo.take_back(at_work, at_work.job.asked["writing"])


def _tables(at_work):
    """The tables of the files, how they are read, and the tenant."""
    job = at_work.job
    with at_work.step() as tenant:
        _refuse_without_right(job)
        cohorts = File.objects.filter(pk=job.asked["cohorts"]).first() if "cohorts" in job.asked else None
        asked = job.asked
        said = {name: asked.get(name) or {} for name in ("mappings", "pairs", "groups")}
        how = imports.how(tenant, order=asked.get("order", ""), whole=asked.get("whole", True), **said)
    if not job.file or ("cohorts" in job.asked and not cohorts):
        raise _gone()
    given = [(files.path_of(file), file.name) for file in (job.file, cohorts) if file]
    try:
        return imports.read_tables(*given, told=at_work.reached, any_kind=job.asked.get("any_kind", False)), how, tenant
    except FileNotFoundError:
        raise _gone() from None


def _gone():
    return Refused(_("The files are not here any more. Upload them again."), code="no_files")


def _refuse_without_right(job):
    """A seat that was taken away, or lost its right, imports nothing any more."""
    seat = Seat.objects.standing().filter(pk=job.seat_id).first()
    if not seat or not rights.may_do(seat, "members"):
        raise Refused(_("The seat that asked for this import may not import any more, so nothing was written."), code="seat_ended")
