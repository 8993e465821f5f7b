"""Workbooks (XLSX, XLS, ODS) as sheets of text."""

from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineError, CalamineWorkbook

from .faults import NotATable

SIGNS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def is_one(content):
    """Told by what is in the file: people rename files."""
    return content.startswith(SIGNS)


def sheets(content, name):
    """Each sheet's name and rows of text; row one of the sheet comes first, whatever is in it."""
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            yield sheet, [[value if type(value) is str else as_text(value) for value in row] for row in rows]
    except (CalamineError, OSError, ValueError) as trouble:
        raise NotATable("broken_workbook", name=name) from trouble


def as_text(value):
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
