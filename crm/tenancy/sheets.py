"""Rows as a file for spreadsheets, in little memory. No cell of it is ever worked out as a formula."""

import csv
import tempfile

import xlsxwriter

WORKED_OUT = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
MOST_ROWS = 1_048_575  # below the heads, that a sheet of XLSX holds
CHUNK = 64 * 1024
CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def harmless(cell):
    """Spreadsheets work out a cell that begins like a formula; with a ' before it they show it."""
    text = "" if cell is None else str(cell)
    return "'" + text if text.startswith(WORKED_OUT) or text.lstrip().startswith(WORKED_OUT) else text


class _Echo:
    def write(self, line):
        return line


def csv_line(cells):
    return csv.writer(_Echo()).writerow([harmless(cell) for cell in cells])


def as_csv(heads, rows):
    """Line by line. The mark in front tells Excel that it is UTF-8."""
    yield "\ufeff" + csv_line(heads)
    for cells in rows:
        yield csv_line(cells)


def as_xlsx(heads, rows):
    """Written to a file on disk row by row, then read from it piece by piece. Every cell is text, so a formula is only shown."""
    with tempfile.TemporaryFile() as file:
        with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
            sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
            sheet.freeze_panes(1, 0)
            _write(sheet, 0, heads, bold)
            for row, cells in enumerate(rows, start=1):
                _write(sheet, row, cells)
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece


def _write(sheet, row, cells, style=None):
    for column, cell in enumerate(cells):
        sheet.write_string(row, column, "" if cell is None else str(cell), style)
