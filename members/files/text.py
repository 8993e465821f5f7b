"""Bytes to characters, characters to lines, lines to cells."""

import re

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SEPARATORS = (",", "\t", ";", "，", "|")
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
    for way in ways:
        characters = content.decode(way, errors="replace").removeprefix("\ufeff")
        # UTF-8 is never right by chance, so a few broken bytes do not speak against it.
        broken = characters.count("\ufffd")
        unlikely = broken and way == "utf-8" and broken * 20 > sum(not c.isascii() for c in characters)
        if "\0" not in characters and not unlikely:
            yield way, characters


def lines_of(characters, most=None):
    """Lines as an editor counts them, whichever of the three ends each has."""
    if most is not None:
        characters = characters[: most * 2000]
    lines = characters.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines[:most]


def records(lines, separator, *, width=None, start=0):
    """Each record as (line it begins on, cells); cells are None where a quote leaves them in doubt."""
    cells_of = _splitter(separator)
    at = start
    while at < len(lines):
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
