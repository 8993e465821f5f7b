"""An import in the browser and by API: two files are kept, read, looked at by a person, and then written.

Reading and writing are two jobs. The second one begins when somebody has seen what the first one found; it writes all
or nothing, and ends in the same transaction, so a worker that dies in the middle leaves nothing behind and a second one
doubles nothing. The files are kept until they are written, given up, or followed by others.
"""

import csv
import io

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, files, rights, work
from crm.tenancy.models import Event, File, Job, Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.sheets import harmless

from . import imports

READING, WRITING = "community.reading", "community.import"
STAGES = {
    "members": gettext_lazy("reading the people"),
    "cohorts": gettext_lazy("reading who sat where"),
    "joining": gettext_lazy("bringing both together"),
    "comparing": gettext_lazy("comparing with what is here"),
    "writing": gettext_lazy("writing people, groups and half-years"),
}
UNDONE = (Job.State.FAILED, Job.State.STOPPED)


# Asking


@transaction.atomic
def ask_reading(members, cohorts, tenant, *, by):
    """A job that reads these uploads. The same two once more, by a second click or tab, are the same job."""
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
    return _ask_reading(kept["members"], kept.get("cohorts"), digests, by)


@transaction.atomic
def read_again(reading, tenant, *, by, swapped=False):
    """The files are still here: read them anew, perhaps each in the other's place."""
    if running := _running(tenant):
        if running.asked.get("again") == str(reading.pk):
            return running
        raise _one_at_a_time(running)
    members, cohorts = _files_of(reading)
    if swapped and not cohorts:
        raise Refused(_("There is one file alone, so nothing can be swapped."), code="nothing_to_swap")
    digests = reading.asked["digests"]
    if swapped:
        members, cohorts = cohorts, members
        digests = {"members": digests["cohorts"], "cohorts": digests["members"]}
    return _ask_reading(members, cohorts, digests, by, again=str(reading.pk))


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
    return work.ask(WRITING, by=by, file=members, reading=str(reading.pk), language=translation.get_language(), **more)


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


def _ask_reading(members, cohorts, digests, by, **more):
    more |= {"cohorts": str(cohorts.pk)} if cohorts else {}
    return work.ask(READING, by=by, file=members, digests=digests, language=translation.get_language(), **more)


def _running(tenant):
    """The import that is under way. Who asks holds the tenant until the end of the transaction, so two cannot both find none."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    return Job.objects.filter(kind__in=[READING, WRITING], state=Job.State.WAITING).newest_first().first()


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
        for file in File.objects.filter(pk__in=gone):
            files.drop(file)


def _tidy():
    """New files follow: earlier ones that nobody wrote, and what was said of their rows, go."""
    _let_go(*Job.objects.filter(kind=READING).exclude(file=None))
    for file in File.objects.filter(kind="rejected"):
        files.drop(file)


def rejected_file(reading):
    pk = reading.outcome.get("rejected_file")
    return File.objects.filter(pk=pk).first() if pk else None


def first_rejected(reading, most=20):
    """(kind of file, line, sentence) of the first rows that would not go in."""
    file = rejected_file(reading)
    if not file:
        return []
    try:
        with files.path_of(file).open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row and row[1].isdecimal()]
    except FileNotFoundError:
        return []
    return [tuple(row[:3]) for row in rows[:most]]


def _rejected_csv(reading):
    """Each row as it stands in the file, with its line and the reason in front."""
    text, before = io.StringIO(), None
    out = csv.writer(text)
    for kind, line, sentence, cells in imports.rejected_rows(reading):
        if kind != before:
            out.writerow([_("File"), _("Line"), _("Why"), *map(harmless, reading.header[kind])])
            before = kind
        out.writerow([_("members") if kind == "members" else _("half-years"), line, harmless(sentence), *map(harmless, cells)])
    return text.getvalue().encode("utf-8-sig")


# Doing


@work.does_work(READING, gettext_lazy("Reading of the community's files"))
def read_files(at_work):
    with translation.override(at_work.job.asked["language"]):
        reading = _read(at_work)
        at_work.reached("comparing")
        with at_work.step() as tenant:
            outcome = imports.found(reading, tenant)
            if outcome["rejected"] or outcome["cohort_rejected"]:
                report = ContentFile(_rejected_csv(reading), name="rejected.csv")
                outcome["rejected_file"] = str(files.keep(report, "rejected", by=at_work.job.seat, most=report.size).pk)
            at_work.end(Job.State.DONE, outcome=outcome)
    return outcome


@work.does_work(WRITING, gettext_lazy("Import of the community's files"))
def write_files(at_work):
    with translation.override(at_work.job.asked["language"]):
        reading = _read(at_work)
        at_work.reached("writing")
        with at_work.step() as tenant:
            _refuse_without_right(at_work.job)
            counts = imports.write(reading.community, tenant, by=at_work.job.seat)
            outcome = {name: len(value) if isinstance(value, list) else value for name, value in counts.items() if name != "matrix"}
            _let_go(Job.objects.get(pk=at_work.job.asked["reading"]))
            # In this transaction too: who stopped the job in the meantime has stopped all of it, and a repeat finds it done.
            at_work.end(Job.State.DONE, outcome=outcome)
    return outcome


def _read(at_work):
    job = at_work.job
    with at_work.step() as tenant:
        _refuse_without_right(job)
        cohorts = File.objects.filter(pk=job.asked["cohorts"]).first() if "cohorts" in job.asked else None
        known = imports.known_groups()
    if not job.file or ("cohorts" in job.asked and not cohorts):
        raise _gone()
    given = [(files.path_of(file), file.name) for file in (job.file, cohorts) if file]
    try:
        return imports.read(*given, region=tenant.country, known_groups=known, told=at_work.reached)
    except FileNotFoundError:
        raise _gone() from None


def _gone():
    return Refused(_("The files are not here any more. Upload them again."), code="no_files")


def _refuse_without_right(job):
    """A seat that was taken away, or lost its right, imports nothing any more."""
    seat = Seat.objects.standing().filter(pk=job.seat_id).first()
    if not seat or not rights.may_do(seat, "members"):
        raise Refused(_("The seat that asked for this import may not import any more, so nothing was written."), code="seat_ended")
