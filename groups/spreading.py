"""Pieces of work spread over those who have room for them: the least pieces that are enough, to the fewest people, of the fewest minutes.

No piece is split. It is found by looking, largest pieces and roomiest people first; where that takes too long, what was found by then.
"""

from collections import defaultdict

LONGEST_LOOK = 6_000  # pieces put somewhere, of which finding that it is enough may take the half


def spread(pieces, rooms, wanted):
    """{place of a piece: place of a room}: together `wanted` minutes or more where that can be, else as many as there is room for."""
    by_size = defaultdict(list)
    for place, minutes in enumerate(pieces):
        if 0 < minutes <= max(rooms, default=0):
            by_size[minutes].append(place)
    roomiest = sorted((place for place, room in enumerate(rooms) if room > 0), key=lambda place: -rooms[place])
    if wanted <= 0 or not by_size:
        return {}
    sizes = sorted(by_size, reverse=True)
    enough = wanted + sizes[0]  # nobody is given more than that
    look = _Look([(minutes, len(by_size[minutes])) for minutes in sizes], [min(rooms[place], enough) for place in roomiest])
    left = {minutes: iter(places) for minutes, places in by_size.items()}
    return {next(left[minutes]): roomiest[room] for minutes, room in look.least(wanted)}


class _Look:
    """`sizes`: (minutes, how many pieces of them), largest first; `rooms`: most first, so that the first few are the best few."""

    def __init__(self, sizes, rooms):
        self.sizes, self.rooms, self.looks = sizes, rooms, LONGEST_LOOK
        self.fits = [_fits([minutes for minutes, _many in sizes[n:]], rooms[0]) for n in range(len(sizes))]

    def least(self, wanted):
        """[(minutes, place of a room)]"""
        some, reached = self._find(wanted, sum(many for _minutes, many in self.sizes), len(self.rooms), looks=LONGEST_LOOK // 2)
        wanted = min(wanted, reached)
        for moves in range(self._fewest_pieces(wanted), len(some) + 1):
            for people in range(self._fewest_rooms(wanted), min(moves, len(self.rooms)) + 1):
                found, reached = self._find(wanted, moves, people, at_least=wanted, looks=self.looks)
                if reached >= wanted:
                    return found
        return some

    def _fewest_pieces(self, wanted):
        moves = 0
        for minutes, many in self.sizes:
            needed = min(many, -(-wanted // minutes))
            moves, wanted = moves + needed, wanted - needed * minutes
            if wanted <= 0:
                break
        return moves

    def _fewest_rooms(self, wanted):
        return next(people for people in range(1, len(self.rooms) + 1) if sum(self.rooms[:people]) >= wanted)

    def _find(self, wanted, moves, people, *, looks, at_least=0):
        """The best of so many moves to the first so many people, and its minutes: the fewest that are enough, else the most.

        Without `at_least` whatever is enough will do."""
        best, reached, seen, put, last = [], 0, set(), [], self.looks - looks

        def is_over():
            return self.looks <= last or reached == wanted or (not at_least and reached > wanted)

        def go(first, room, many, rooms, moves, total):
            nonlocal best, reached
            for size in range(first, len(self.sizes)):
                minutes = self.sizes[size][0]
                needed = wanted if reached >= wanted else max(at_least, reached + 1)
                if total + min(sum(map(self.fits[size].__getitem__, rooms)), self._most(size, many, moves)) < needed:
                    return
                for to in range(room, people) if many else ():
                    now = total + minutes
                    if minutes > rooms[to] or (reached >= wanted and now >= reached):
                        continue
                    left = (*rooms[:to], rooms[to] - minutes, *rooms[to + 1 :])
                    if (state := (size, to, many, moves, left)) in seen:
                        continue
                    seen.add(state)
                    self.looks -= 1
                    put.append((minutes, to))
                    if now >= max(at_least, 1) and (now > reached or now >= wanted):
                        best, reached = list(put), now
                    if moves > 1 and now < wanted:
                        go(size, to, many - 1, left, moves - 1, now)
                    put.pop()
                    if is_over():
                        return
                room, many = 0, self.sizes[size + 1][1] if size + 1 < len(self.sizes) else 0

        go(0, 0, self.sizes[0][1], tuple(self.rooms[:people]), moves, 0)
        return best, reached

    def _most(self, size, many, moves):
        """The minutes of so many of the largest pieces that are left."""
        total = 0
        for n in range(size, len(self.sizes)):
            taken = min(moves, many if n == size else self.sizes[n][1])
            total, moves = total + taken * self.sizes[n][0], moves - taken
            if not moves:
                break
        return total


def _fits(sizes, largest):
    """For each room up to the largest, how much of it can be filled at best."""
    full = [0] * (largest + 1)
    for room in range(1, largest + 1):
        full[room] = max((minutes + full[room - minutes] for minutes in sizes if minutes <= room), default=0)
    return full
