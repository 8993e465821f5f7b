"""What there are a hundred thousand of, packed a block at a time: as objects they would take as many kilobytes."""

import marshal
import pickle
import zlib
from array import array

AT_ONCE = 1000


class Packed:
    """Anything that can be pickled; walked over as often as one likes, with one block in memory at a time."""

    pack, unpack = staticmethod(lambda block: pickle.dumps(block, 5)), staticmethod(pickle.loads)

    def __init__(self, things=()):
        self._packed, self._open, self._last = [], [], (None, None)
        for thing in things:
            self.append(thing)

    def append(self, thing):
        self._open.append(thing)
        if len(self._open) == AT_ONCE:
            self._packed.append(zlib.compress(self.pack(self._open), 1))
            self._open = []

    def __len__(self):
        return len(self._packed) * AT_ONCE + len(self._open)

    def __iter__(self):
        for block in self._packed:
            yield from self._unpacked(block)
        yield from self._open

    def __reversed__(self):
        yield from reversed(self._open)
        for block in reversed(self._packed):
            yield from reversed(self._unpacked(block))

    def __getitem__(self, at):
        """One of them, or a slice of them as a list: quick as long as the next one asked for stands nearby."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        number, place = divmod(at, AT_ONCE)
        if number == len(self._packed):
            return self._open[place]
        if self._last[0] != number:
            self._last = number, self._unpacked(self._packed[number])
        return self._last[1][place]

    def _unpacked(self, block):
        return self.unpack(zlib.decompress(block))


class Rows(Packed):
    """Of a table (line, cells) of each row, of a sheet its cells, of a text its lines."""

    pack, unpack = staticmethod(marshal.dumps), staticmethod(marshal.loads)


class Twice:
    """Which of very many things came more than once, by eight bytes of each. What looks so may rarely be two, so it is looked at again."""

    PARTS = 64

    def __init__(self):
        self._parts = [array("q") for _ in range(self.PARTS)]

    def add(self, thing):
        number = hash(thing)
        self._parts[number % self.PARTS].append(number)

    def found(self):
        """The hashes of those that did."""
        twice = set()
        for part in self._parts:
            seen = set()
            for number in part:
                (twice if number in seen else seen).add(number)
        return twice

    def all(self):
        """The hashes of all of them."""
        return {number for part in self._parts for number in part}
