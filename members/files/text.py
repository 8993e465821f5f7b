"""Bytes to characters, characters to lines, lines to cells."""

import io
import re
from functools import partial

from .packed import Rows

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SEPARATORS = (",", "\t", ";", "，", "|")
PIECE = 2**18  # characters
LONGEST = 1000  # lines a quoted cell may go on; a quote open for longer was never meant to be closed
OPEN, MALFORMED = "open", "malformed"


def readings(content):
    """The ways to read these bytes as text, the likeliest first; which one is right shows where a header is found."""
    if content.startswith(UTF_16_MARKS):
        ways = ["utf-16"]
    elif b"\0" in content:
        ways = ["utf-16-le", "utf-16-be"]
    else:
        ways = ["utf-8", "gb18030", "big5"]
    return (way for way in ways if _can_be(content, way))


def _can_be(content, way):
    # UTF-8 is never right by chance, so a few broken bytes do not speak against it.
    broken = 0
    for characters in _pieces(content, way):
        broken += characters.count("\ufffd")
        if "\0" in characters:
            return False
    return not (broken and way == "utf-8" and broken * 20 > sum(not c.isascii() for piece in _pieces(content, way) for c in piece))


def _text(content, way):
    """Its characters as a file of them, so that they are never all in memory; whichever of the three ends a line has, it is read as one."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding=way, errors="replace")
    if text.read(1) != "\ufeff":
        text.seek(0)
    return text


def _pieces(content, way):
    return iter(partial(_text(content, way).read, PIECE), "")


def head_of(content, way, most):
    """The first lines, and of very long ones what may be a header."""
    return _text(content, way).read(most * 2000).split("\n")[:most]


def lines_of(content, way):
    """Lines as an editor counts them."""
    return Rows(line.removesuffix("\n") for line in _text(content, way))


def records(lines, separator, *, width=None, start=0):
    """Each record as (line it begins on, cells); cells are None where a quote leaves them in doubt."""
    cells_of = _splitter(separator)
    at, many = start, len(lines)
    while at < many:
        line, last = lines[at], at
        if '"' not in line:
            cells = line.split(separator)
        else:
            cells, last = _quoted(lines, at, cells_of)
            if (
                last > at
                and width
                and (len(cells) != width or _swallowed(lines[at : last + 1], separator, width, cells_of))
            ):
                cells, last = OPEN, at
            if cells == MALFORMED:
                cells = line.split(separator)  # "Lin" of Hangzhou: marks somebody wrote, and no program
                cells = cells if len(cells) == width else None
            elif cells == OPEN:
                cells = None
        yield at + 1, cells
        at = last + 1


def _quoted(lines, at, cells_of):
    """The cells of a record that begins on a line with quotes, and the position of its last line."""
    cells, parts = cells_of(lines[at]), [lines[at]]
    for last in range(at + 1, min(len(lines), at + LONGEST)):
        if cells != OPEN:
            break
        parts.append(lines[last])
        if '"' in lines[last]:
            cells = cells_of("\n".join(parts))
            if cells == MALFORMED:
                return OPEN, at
    if cells in (OPEN, MALFORMED):
        return cells, at
    return cells, at + len(parts) - 1


def _swallowed(lines, separator, width, cells_of):
    """Whether the lines of one record look like several people's rows: then the quote that joins them is a slip."""
    first, *others = lines
    if separator not in first:
        others.pop()  # its first cell goes over lines, so the last line holds all the others
    return width > 2 and any(len(cells) == width for line in others if isinstance(cells := cells_of(line), list))


def _splitter(separator):
    """A function from text with quotes to its cells. Stricter than the csv module, which lets one quote eat a file."""
    mark = re.escape(separator)
    blanks = "[ \u3000]*" if separator == "\t" else "[ \t\u3000]*"
    closed = re.compile(rf'{blanks}"((?:[^"]+|"")*+)"{blanks}({mark}|\Z)')
    opened = re.compile(rf'{blanks}"(?:[^"]+|"")*+\Z')
    bare = re.compile(rf'(?!{blanks}")([^{mark}]*)({mark}|\Z)')

    def cells_of(text):
        cells, at = [], 0
        while True:
            found = bare.match(text, at) or closed.match(text, at)
            if not found:
                return OPEN if opened.match(text, at) else MALFORMED
            value = found[1]
            cells.append(value.replace('""', '"') if found.re is closed else value)
            at = found.end()
            if not found[2]:
                return cells

    return cells_of
