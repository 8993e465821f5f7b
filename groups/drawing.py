"""Geometry of the pictures that are drawn on the server: numbers for attributes of SVG, nothing of colour or words."""

import math
from itertools import pairwise

FLOW_HEIGHT, FLOW_LEAST, FLOW_GAP = 60, 240, 9  # per group, in all, between two
FLOW_MOST = 980
FLOW_WIDTH = 1000  # stretched to the room there is
HUES = 16
MOST_RIBBONS = 32 * 32


def flow(matrix):
    """Ribbons from old groups (and, last, the newcomers) to new ones, as heights on one scale."""
    rows, columns = len(matrix), len(matrix[0]) if len(matrix) else 0
    lefts, rights = [sum(map(int, row)) for row in matrix], [int(sum(row[to] for row in matrix)) for to in range(columns)]
    shown = [at for at in range(rows) if lefts[at]]
    many = max(len(shown), sum(1 for total in rights if total), 1)
    height = max(FLOW_LEAST, min(FLOW_MOST, FLOW_HEIGHT * many))
    total = max(sum(lefts), 1)
    scale = (height - FLOW_GAP * (many - 1) - 4) / total
    left, right = _column(lefts, scale), _column(rights, scale)
    return {"height": height, "left": left, "right": right, "ribbons": _ribbons(matrix, left, right, scale), "width": FLOW_WIDTH}


def _column(totals, scale):
    bars, y = [], 2.0
    for at, total in enumerate(totals):
        if total:
            bars.append({"at": at, "y": round(y, 2), "h": round(total * scale, 2), "mid": round(y + total * scale / 2, 2), "n": total})
            y += total * scale + FLOW_GAP
    return bars


def _ribbons(matrix, left, right, scale):
    """Each leaves its old group in the order of the new ones and arrives in the order of the old ones, so that few cross."""
    out, into = {bar["at"]: bar["y"] for bar in left}, {bar["at"]: bar["y"] for bar in right}
    if len(left) * len(right) > MOST_RIBBONS:
        return []
    ribbons = []
    for bar in left:
        for target in right:
            start, end = bar["at"], target["at"]
            many = int(matrix[start][end])
            if many:
                ribbons.append({"from": start, "to": end, "n": many, "d": _ribbon(out[start], into[end], many * scale)})
                out[start] += many * scale
                into[end] += many * scale
    return ribbons


def _ribbon(y0, y1, thick):
    one, two = round(FLOW_WIDTH * 0.5), round(FLOW_WIDTH * 0.5)
    a, b, c, d = (f"{value:.1f}" for value in (y0, y1, y1 + thick, y0 + thick))
    return f"M0 {a}C{one} {a} {two} {b} {FLOW_WIDTH} {b}V{c}C{two} {c} {one} {d} 0 {d}Z"


def hue(at, many):
    """One of sixteen, spread over so many groups."""
    return at if many <= 1 else round(at * (HUES - 1) / (max(many, 2) - 1))


# The curve: moves across, new people up

WIDTH, HEIGHT = 392, 300
LEFT, RIGHT, TOP, BOTTOM = 34, 14, 26, 44


def curve(points, drafts=()):
    """Three lines on one scale. `drafts` are (letter, moves, mean, address) of others."""
    if not points:
        return None
    across = _ticks(max([point.moves for point in points] + [moves for _, moves, _, _ in drafts] + [1]), 5)
    tops = [value for point in points for value in (point.mean, point.by_chance, point.at_most) if value is not None]
    up = _ticks(max([*tops, *[mean for _, _, mean, _ in drafts], 1]), 4)

    def x(value):
        return round(LEFT + value / across[-1] * (WIDTH - LEFT - RIGHT), 1)

    def y(value):
        return round(HEIGHT - BOTTOM - value / up[-1] * (HEIGHT - TOP - BOTTOM), 1)

    def line(name):
        return _smooth([(x(point.moves), y(getattr(point, name))) for point in points if getattr(point, name) is not None])

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "middle": (LEFT + WIDTH - RIGHT) / 2,
        "foot": HEIGHT - BOTTOM,
        "label": HEIGHT - BOTTOM + 18,
        "name": HEIGHT - 6,
        "key": [HEIGHT - BOTTOM - 56, HEIGHT - BOTTOM - 35, HEIGHT - BOTTOM - 14],
        "plan": line("mean"),
        "chance": line("by_chance"),
        "bound": line("at_most"),
        "across": [{"at": x(tick), "n": tick} for tick in across],
        "up": [{"at": y(tick), "n": tick} for tick in up],
        "points": [{"x": x(point.moves), "y": y(point.mean), "point": point} for point in points],
        "drafts": [dict(zip(("letter", "moves", "mean", "url"), other, strict=True), x=x(other[1]), y=y(other[2])) for other in drafts],
    }


def _ticks(top, about):
    """0 and round steps up to the first one that is not below `top`."""
    rough = top / about
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1
    step = next(each * power for each in (1, 2, 2.5, 4, 5, 8, 10) if each * power >= rough)
    step = max(step, 1)
    many = math.ceil(top / step - 1e-9)
    return [round(step * at) for at in range(many + 1)]


def _smooth(points):
    """A line through all points that never swings over (monotone cubic)."""
    if len(points) < 2:
        return ""
    xs, ys = zip(*points, strict=True)
    slope = [(ys[at + 1] - ys[at]) / ((xs[at + 1] - xs[at]) or 1) for at in range(len(points) - 1)]
    tangent = [slope[0], *[_between(a, b) for a, b in pairwise(slope)], slope[-1]]
    parts = [f"M{xs[0]} {ys[0]}"]
    for at in range(len(points) - 1):
        third = (xs[at + 1] - xs[at]) / 3
        ends = (xs[at] + third, ys[at] + third * tangent[at], xs[at + 1] - third, ys[at + 1] - third * tangent[at + 1])
        parts.append("C" + " ".join(f"{value:.1f}" for value in ends) + f" {xs[at + 1]} {ys[at + 1]}")
    return "".join(parts)


def _between(one, other):
    return 0 if one * other <= 0 else 2 * one * other / (one + other)


# Dots before and after, on one scale for all groups


def tracks(rows, names):
    """{what: (lowest, highest)} over all groups, so that dots can be compared."""
    scales = {}
    for name in names:
        values = [value for row in rows if name in row for value in row[name]]
        if values:
            low, high = min(values), max(values)
            room = max((high - low) * 0.12, 0.5)
            scales[name] = (low - room, high + room)
    return scales


def place(value, scale):
    """In percent of the track, kept off its ends by the size of a dot."""
    low, high = scale
    return round(4 + 92 * (value - low) / ((high - low) or 1), 1)


# Work against plan


def against(plan, done, last):
    """Two lines over days: [(day, share)] each, shares of one; `last` is the last day shown."""
    first = min([day for day, _ in plan] + [day for day, _ in done], default=last)
    days = max((last - first).days, 1)

    def path(line):
        spots = [(round(308 * (day - first).days / days, 1), round(108 - 96 * share, 1)) for day, share in line]
        return spots, "M" + " L".join(f"{x} {y}" for x, y in spots) if len(spots) > 1 else ""

    _, plan_path = path(plan)
    reached, done_path = path(done)
    return {"plan": plan_path, "done": done_path, "at": reached[-1] if reached else None, "first": first, "last": last}
