"""Rows of a table, packed a block at a time: as lists of words a hundred thousand of them would take as many kilobytes."""

import marshal
import zlib

AT_ONCE = 1000


class Rows:
    """Of a table (line, cells) of each row, of a sheet its cells; walked over as often as one likes, with one block in memory at a time."""

    def __init__(self, rows=()):
        self._packed, self._open = [], []
        for row in rows:
            self.append(row)

    def append(self, row):
        self._open.append(row)
        if len(self._open) == AT_ONCE:
            self._packed.append(zlib.compress(marshal.dumps(self._open), 1))
            self._open = []

    def __len__(self):
        return len(self._packed) * AT_ONCE + len(self._open)

    def __iter__(self):
        for block in self._packed:
            yield from _unpacked(block)
        yield from self._open

    def __reversed__(self):
        yield from reversed(self._open)
        for block in reversed(self._packed):
            yield from reversed(_unpacked(block))


def _unpacked(block):
    return marshal.loads(zlib.decompress(block))
