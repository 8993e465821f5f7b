"""Workbooks (XLSX, XLS, ODS) as sheets of text."""

import re
import zlib
from datetime import date, datetime, time, timedelta
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook

from .faults import NotATable

ZIPPED = b"PK\x03\x04"
SIGNS = (ZIPPED, b"\xd0\xcf\x11\xe0")
MOST_UNPACKED = 500 * 2**20  # bytes; a hundred thousand people with twelve columns are some 150 MB
MOST_CELLS = 20_000_000  # of a sheet's whole rectangle, which is what the reader makes of it
CHUNK = 2**20
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
CELL = re.compile(rb"<(?:\w+:)?c[\s>]")
COLUMN, ROW = re.compile(rb"\sr=[\"']([A-Z]{1,3})\d"), re.compile(rb"\sr=[\"'][A-Z]{0,3}(\d{1,7})[\"']")


def is_one(content):
    """Told by what is in the file: people rename files."""
    return content.startswith(SIGNS)


def sheets(content, name):
    """Each sheet's name and rows of text; row one of the sheet comes first, whatever is in it."""
    try:
        if content.startswith(ZIPPED):
            _refuse_bombs(content, name)
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            yield sheet, [[value if type(value) is str and "\0" not in value else as_text(value) for value in row] for row in rows]
    except (CalamineError, OSError, ValueError, BadZipFile, zlib.error) as trouble:
        raise NotATable("broken_workbook", name=name) from trouble


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
