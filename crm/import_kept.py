"""What lies beside a reading until it is written: what is to be looked at, and the rows that would not go in.

Both hold people, so they are files that go with the uploads, and no part of the job's row. What is looked at may have a hundred
thousand rows: each is a line of its own, and a page asks for its lines alone."""

import csv
import io
import json
from itertools import islice
from tempfile import TemporaryFile

from django.core.files import File as Content
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import files
from crm.tenancy.models import File
from crm.tenancy.sheets import harmless

from . import imports

KINDS = {"members": gettext_lazy("members"), "cohorts": gettext_lazy("half-years"), "interactions": gettext_lazy("interactions")}
STEP = 25  # rows between two places of a tab that are found without reading those before them
POINTER = 20  # digits at the end of the file: where its head begins


# What is looked at


def keep_review(head, rows=(), *, by):
    """`rows` are {tab: rows of it}; the head, which says where each tab lies, comes last. Returns the file's id."""
    with TemporaryFile() as out:
        places = {}
        for tab, found in dict(rows).items():
            at, many = [], 0
            for many, row in enumerate(found, start=1):
                if many % STEP == 1:
                    at.append(out.tell())
                out.write(_line(row))
            places[tab] = {"many": many, "at": at}
        pointer = out.tell()
        out.write(_line(head | {"places": places}))
        out.write(f"{pointer:0{POINTER}}".encode())
        out.flush()
        return str(files.keep(Content(out, name="review.json"), "review", by=by, most=out.tell()).pk)


def _line(value):
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def review_of(reading):
    """The head of what is to be looked at before writing; empty once the files are gone."""
    with _opened(reading) as found:
        if not found:
            return {}
        found.seek(-POINTER, io.SEEK_END)
        found.seek(int(found.read()))
        return json.loads(found.readline())


def rows_of(reading, review, tab, start=0, many=STEP):
    """So many rows of a tab from `start` on, counted from 0."""
    place = review.get("places", {}).get(tab, {"many": 0, "at": []})
    many = min(many, place["many"] - start)
    if many < 1:
        return []
    with _opened(reading) as found:
        if not found:
            return []
        found.seek(place["at"][start // STEP])
        return [json.loads(line) for line in islice(found, start % STEP, start % STEP + many)]


def pairs_of(reading, review):
    """Of each doubtful pair its key, and whether each of the two is here."""
    if "pairs" in review:
        return review["pairs"]
    rows = rows_of(reading, review, "doubtful", many=how_many(review, "doubtful"))  # one that was kept by an older release
    return [[row["key"], row["known"]] for row in rows]


def how_many(review, tab):
    return review.get("places", {}).get(tab, {}).get("many", 0)


class _Nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_said):
        return None


def _opened(reading):
    pk = reading.outcome.get("review_file")
    file = File.objects.filter(pk=pk).first() if pk else None
    try:
        return files.path_of(file).open("rb") if file else _Nothing()
    except FileNotFoundError:
        return _Nothing()


# Rows that would not go in


def rejected_file(reading):
    pk = reading.outcome.get("rejected_file")
    return File.objects.filter(pk=pk).first() if pk else None


def rejected_rows(reading, most=20, *, start=0, named=True):
    """(kind of file, line, sentence) of rows that would not go in; the kind as it is named, or as a code."""
    file = rejected_file(reading)
    if not file:
        return []
    sections = [KINDS[kind] if named else kind for kind in _rejected_kinds(reading.outcome)]
    try:
        with files.path_of(file).open(encoding="utf-8-sig", newline="") as lines:
            return list(islice(_told(csv.reader(lines), sections), start, start + most))
    except FileNotFoundError:
        return []


def _told(rows, sections):
    at = -1
    for row in rows:
        if len(row) < 2 or not row[-2].isdecimal():  # the columns of the next file
            at += 1
        else:
            yield sections[min(at, len(sections) - 1)], row[-2], row[-1]


def _rejected_kinds(outcome):
    if outcome.get("kind") == "interactions":
        return ["interactions"]
    numbers = {"members": outcome.get("rejected"), "cohorts": outcome.get("cohort_rejected")}
    return [kind for kind, many in numbers.items() if many] or ["members"]


def keep_rejected(reading, *, by):
    """Each row as it stands in the file, then its line and the reason: corrected, it can be brought again as it is."""
    before = None
    with TemporaryFile() as report, io.TextIOWrapper(report, encoding="utf-8-sig", newline="", write_through=True) as text:
        out = csv.writer(text)
        for kind, line, sentence, cells in imports.rejected_rows(reading):
            if kind != before:
                out.writerow([*map(harmless, reading.header[kind]), _("Line"), _("Why it stayed out")])
                before = kind
            out.writerow([*map(harmless, cells), line, harmless(sentence)])
        text.flush()
        return str(files.keep(Content(report, name="rejected.csv"), "rejected", by=by, most=report.tell()).pk)
