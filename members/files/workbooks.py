"""Workbooks (XLSX, XLS, ODS) as sheets of text, opened in a process of their own: whatever a workbook does to it, ours lives on."""

import marshal
import os
import re
import resource
import subprocess
import sys
import zlib
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook

from .faults import NotATable
from .packed import Rows

ZIPPED = b"PK\x03\x04"
SIGNS = (ZIPPED, b"\xd0\xcf\x11\xe0")
MOST_UNPACKED = 300 * 2**20  # bytes; a hundred thousand people with twelve columns are some 150 MB
MOST_CELLS = 20_000_000  # of a sheet's whole rectangle, which is what the reader makes of it
MOST_MEMORY = 2 * 2**30  # bytes that the other process may take, and how long it may work
MOST_SECONDS = 120
AT_ONCE = 2000  # rows that are handed over together
CHUNK = 2**20
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # what Office calls the workbook inside of a protected one
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
CELL = re.compile(rb"<(?:\w+:)?c[\s>]")
COLUMN, ROW = re.compile(rb"\sr=[\"']([A-Z]{1,3})\d"), re.compile(rb"\sr=[\"'][A-Z]{0,3}(\d{1,7})[\"']")


def is_one(content):
    """Told by what is in the file: people rename files."""
    return content.startswith(SIGNS)


def sheets(content, name):
    """Each sheet's name and rows of text; row one of the sheet comes first, whatever is in it, and the last one holds something."""
    if not content.startswith(ZIPPED) and ENCRYPTED in content:
        raise NotATable("password", name=name)
    try:
        if content.startswith(ZIPPED):
            _refuse_bombs(content, name)
    except (OSError, ValueError, BadZipFile, zlib.error) as trouble:
        raise NotATable("broken_workbook", name=name) from trouble
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])} | {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    command = [sys.executable, "-c", "from members.files.workbooks import open_for_another; open_for_another()"]
    command += map(str, (len(content), MOST_MEMORY, MOST_SECONDS))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as opening:
        try:
            with suppress(BrokenPipeError):
                opening.stdin.write(content)
                opening.stdin.close()
            yield from _handed_over(opening.stdout, name)
        finally:
            opening.kill()


def _handed_over(stream, name):
    sheet, rows = None, Rows()
    while True:
        try:
            what, value = marshal.load(stream)
        except (EOFError, ValueError, TypeError):  # it was stopped: too much memory or too long
            raise NotATable("too_much_inside", name=name) from None
        if what == "rows":
            for row in value:
                rows.append(row)
            continue
        if sheet is not None:
            yield sheet, rows
        if what == "fault":
            raise NotATable(value, name=name)
        if what == "end":
            return
        sheet, rows = value, Rows()


def open_for_another():
    """In a process of its own, with a limit of memory and time: the workbook comes in, its rows go out."""
    size, memory, seconds = map(int, sys.argv[1:4])
    for limit, most in (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds):
        with suppress(ValueError, OSError):  # a system that has no such limit
            resource.setrlimit(limit, (most, most))
    content, out = sys.stdin.buffer.read(size), sys.stdout.buffer
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        for sheet in workbook.sheet_names:
            marshal.dump(("sheet", sheet), out)
            for rows in _rows_of(workbook.get_sheet_by_name(sheet)):
                marshal.dump(("rows", rows), out)
        marshal.dump(("end", None), out)
    except (CalamineError, OSError, ValueError):
        marshal.dump(("fault", "broken_workbook"), out)
    except MemoryError:
        marshal.dump(("fault", "too_much_inside"), out)


def _rows_of(sheet):
    """Some at a time. Of empty rows only those are told below which something stands."""
    if sheet.start is None:
        return
    rows, empty = [], 0
    margin = [""] * sheet.start[1]  # the reader leaves out empty columns at the left, and no rows
    for row in sheet.iter_rows():
        cells = [value if type(value) is str and "\0" not in value else as_text(value) for value in row]
        if not any(cells):
            empty += 1
            continue
        rows += [[] for _ in range(empty)]
        rows.append(margin + cells)
        empty = 0
        if len(rows) > AT_ONCE:
            yield rows
            rows = []
    yield rows


def _refuse_bombs(content, name):
    """A small workbook may unpack to more than any memory holds. What it says of its sizes is not believed but counted."""
    unpacked = 0
    with ZipFile(BytesIO(content)) as archive:
        entries = archive.infolist()
    if any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries):
        raise NotATable("macros", name=name)
    for entry in entries:
        extent = Extent() if SHEET.fullmatch(entry.filename) else None
        for part in _unpacked(content, entry):
            unpacked += len(part)
            if extent:
                extent.take(part)
            if unpacked > MOST_UNPACKED or (extent and extent.cells > MOST_CELLS):
                raise NotATable("too_much_inside", name=name)


def _unpacked(content, entry):
    """The bytes of an entry, a chunk at a time."""
    at = entry.header_offset
    start = at + 30 + int.from_bytes(content[at + 26 : at + 28], "little") + int.from_bytes(content[at + 28 : at + 30], "little")
    packed = memoryview(content)[start : start + entry.compress_size]
    if entry.compress_type == ZIP_STORED:
        yield from (packed[place : place + CHUNK].tobytes() for place in range(0, len(packed), CHUNK))
    elif entry.compress_type == ZIP_DEFLATED:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflate.eof and (part := inflate.decompress(packed, CHUNK)):
            yield part
            packed = inflate.unconsumed_tail
    else:
        raise BadZipFile(entry.filename)


class Extent:
    """The rectangle that a sheet's cells span, as far as it was looked at."""

    def __init__(self):
        self.rows, self.columns, self.loose, self.rest = 1, 1, 0, b""

    def take(self, part):
        part, self.rest = self.rest + part, part[-200:]
        columns = COLUMN.findall(part)
        self.columns = max(self.columns, *map(_number, set(columns)), 1)
        self.rows = max(self.rows, *map(int, ROW.findall(part)), 1)
        self.loose += max(0, len(CELL.findall(part)) - len(columns))  # cells that do not say where they stand

    @property
    def cells(self):
        return self.rows * max(self.columns, min(self.loose, 16_384))


def _number(letters):
    """3 of C, 28 of AB."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def as_text(value):
    if isinstance(value, str):
        return value.replace("\0", "")  # which no database keeps
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return "" if value is None else str(value)
