"""Any CSV, TSV or workbook as a header and rows, each with the line it begins on."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from members.handles import plain

from . import text, workbooks
from .columns import SYNONYMS, known
from .faults import NotATable, Rejection
from .packed import Rows

LOOSE = (",", "\t", ";", "|")
SEARCHED = 50  # lines in which the header must stand
TOTALS = re.compile(
    r"(合计|总计|共计|小计|总数|总人数|汇总|合計|總計|grand total|total|sum)s?\b|(合计|总计|共计|总人数)\D?\d*",
    re.IGNORECASE,
)
FIGURE = re.compile(r"[共约¥$]?\s*-?[\d,.]+\s*[%人名个条行位元项]?")


@dataclass(slots=True)
class Table:
    name: str
    header: list
    header_line: int
    rows: Rows = field(default_factory=Rows)  # (line, cells) of each row that is as wide as the header and not blank
    rejected: list = field(default_factory=list)  # rows that are no rows: too wide, too narrow, a quote left open
    blank: list = field(default_factory=list)  # lines of empty rows below the header
    totals: list = field(default_factory=list)  # lines of sums at the end and of headers that come again
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    other_sheets: list = field(default_factory=list)  # sheets that look like such a table, too, and were not read

    @property
    def row_count(self):
        """Rows below the header that are not blank: sound ones and rejected ones."""
        return len(self.rows) + len(self.rejected)


def read_table(source, name=None, fields=tuple(SYNONYMS), *, loose=False):
    """The table in a file, given as a path or as bytes; `fields` are those its header is looked for by. A `loose` reader takes the
    first full row for the header where none of its names is known, so that somebody can say what they mean."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        content, name = bytes(source), name or "table"
    else:
        content, name = Path(source).read_bytes(), name or Path(source).name
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise NotATable("empty_file", name=name)
    if workbooks.is_one(content):
        return _from_workbook(content, name, fields, loose)
    return _from_text(content, name, fields, loose)


def find_header(records, fields):
    """Which of the first records names most of the fields, as (how many, its position), or None."""
    counted = [(known(cells or (), fields), -at) for at, (_, cells) in enumerate(records)]
    most, at = max(counted, default=(0, 0))
    if most > 1 or (most and known(records[-at][1], ("wechat", "phone"))):
        return most, -at
    return None


def _from_text(content, name, fields, loose=False):
    for encoding in text.readings(content):
        head = text.head_of(content, encoding, SEARCHED)
        found = []
        for rank, separator in enumerate(text.SEPARATORS):
            records = list(text.records(head, separator))
            if header := find_header(records, fields):
                found.append((header[0], -rank, separator, *records[header[1]]))
        if found:
            _, _, separator, line, header = max(found)
            table = Table(name, header, line, encoding=encoding, separator=separator)
            return _with_rows(table, text.lines_of(content, encoding))
    for encoding in text.readings(content) if loose else ():
        head = text.head_of(content, encoding, SEARCHED)
        for separator in LOOSE:
            records = list(text.records(head, separator))
            if (at := _first_full_row([cells or [] for _, cells in records])) is not None:
                line, header = records[at]
                return _with_rows(Table(name, header, line, encoding=encoding, separator=separator), text.lines_of(content, encoding))
    is_text = b"\0" not in content or content.startswith(text.UTF_16_MARKS)
    raise NotATable("no_header" if is_text else "binary", name=name, searched=SEARCHED)


def _with_rows(table, lines):
    width = _trim_header(table, lines)
    records = text.records(lines, table.separator, width=width, start=table.header_line - 1)
    next(records)  # the header
    _take_in(table, width, _full_rows(table, lines, records))
    return table


def _full_rows(table, lines, records):
    for line, cells in records:
        if cells is None:
            table.rejected.append(Rejection(line, "unclosed_quote", {}, lines[line - 1].split(table.separator)))
        elif not any(cell and not cell.isspace() for cell in cells):
            table.blank.append(line)
        else:
            yield line, cells


def _trim_header(table, lines):
    """Some programs end each row, or each but the header, with a separator more: then that is the width."""
    narrow = len(table.header)
    while narrow > 1 and not table.header[narrow - 1].strip():
        narrow -= 1
    widths, filled = Counter(), Counter()
    for _, cells in text.records(lines[:2000], table.separator, start=table.header_line):
        if cells:
            widths[len(cells)] += 1
            filled[len(cells)] += any(cell.strip() for cell in cells[narrow:])
    common = widths.most_common(1)[0][0] if widths else narrow
    width = common if common >= narrow and not filled[common] else len(table.header)
    table.header = (table.header + [""] * width)[:width]
    return width


def _first_full_row(rows):
    """The first row that fills as many cells as rows have, if nearly all have that many; None where this looks like no table."""
    widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    width, times = widths.most_common(1)[0] if widths else (0, 0)
    if width < 2 or times < 2 or times < 0.8 * sum(widths.values()):
        return None
    full = (at for at, row in enumerate(rows) if len(row) == width and all(cell.strip() for cell in row))
    at = next(full, None)
    return at if at is not None and not any(FIGURE.fullmatch(cell.strip()) for cell in rows[at]) else None


def _from_workbook(content, name, fields, loose=False):
    found, others, first = None, [], None
    for sheet, rows in workbooks.sheets(content, name):
        first = first or (sheet, rows)
        header = find_header([(0, cells) for cells in islice(rows, SEARCHED)], fields)
        if header and (found is None or (header[0], len(rows)) > found[:2]):
            others += [found[2]] if found else []
            found = header[0], len(rows), sheet, header[1], rows
        elif header:
            others.append(sheet)
    if not found and loose and first:
        head = [[cell for cell in row if cell.strip()] for row in islice(first[1], SEARCHED)]
        if (at := _first_full_row(head)) is not None:
            found = 0, 0, first[0], at, first[1]
    if not found:
        raise NotATable("no_header", name=name, searched=SEARCHED)
    _, _, sheet, at, rows = found
    header = next(islice(rows, at, None))
    width = max(n for n, cell in enumerate(header, start=1) if cell.strip())
    table = Table(name, header[:width], at + 1, sheet=sheet, other_sheets=others)
    _take_in(table, width, _full_rows_of_a_sheet(table, width, rows, at + 1))
    return table


def _full_rows_of_a_sheet(table, width, rows, begin):
    for line, cells in enumerate(islice(rows, begin, None), start=begin + 1):
        last = next((n for n in range(len(cells), 0, -1) if cells[n - 1].strip()), 0)
        if last:
            yield line, cells[: max(width, last)]  # a sheet has no short rows
        else:
            table.blank.append(line)


def _take_in(table, width, rows):
    """All but sums at the end, repeated headers and what is wider or narrower than the header."""
    sums = []  # so far the last rows of all
    for line, cells in rows:
        if _is_total(cells):
            sums.append((line, cells))
            continue
        for row in (*sums, (line, cells)):
            _take_in_one(table, width, *row)
        sums = []
    table.totals += [line for line, _cells in sums]
    table.totals.sort()
    table.rejected.sort(key=lambda rejection: rejection.line)


def _take_in_one(table, width, line, cells):
    if len(cells) == width and cells[0] == table.header[0] and cells == table.header:
        table.totals.append(line)
    elif len(cells) == width:
        table.rows.append((line, cells))
    else:
        table.rejected.append(Rejection(line, "wrong_column_count", {"found": len(cells), "expected": width}, cells))


def _is_total(cells):
    first, *others = [cell for cell in cells if cell.strip()]
    return bool(TOTALS.match(plain(first))) and all(TOTALS.match(cell) or FIGURE.fullmatch(cell) for cell in map(plain, others) if cell)
