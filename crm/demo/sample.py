"""A pair of files of forty invented people in four groups, in the project's own form: to see what is asked for, and to try it out."""

from datetime import timedelta
from random import Random

from .community import COLUMNS, SIZES, _halves, _Maker, _row, _table

PEOPLE, GROUPS, SEED = 40, 4, 7
FIRST, LAST = len(SIZES) - 3, len(SIZES) - 1  # of an invented community's half-years


def members(today):
    dice, people, _ = _community(today)
    return _table([COLUMNS, *[_row(dice, person) for person in people]])


def cohorts(today):
    _, people, halves = _community(today)
    rows = []
    for at in range(FIRST, LAST + 1):
        half = f"{halves[at].year}{'上' if halves[at].month == 1 else '下'}半年"
        rows += [[half, f"会员{person.seats[at]}群", person.wechat] for person in people if at in person.seats]
    return _table([["届", "群", "微信号"], *rows])


def _community(today):
    """A third came in each half-year, and everybody was dealt anew each time."""
    dice, halves = Random(SEED), _halves(today)
    maker, people = _Maker(dice, today), []
    for place in range(PEOPLE):
        since = FIRST + place * (LAST - FIRST + 1) // PEOPLE
        person = maker.person(halves[since])
        person.seats = {at: (place + at * (place // GROUPS)) % GROUPS + 1 for at in range(since, LAST + 1)}
        person.joined = min(person.joined, halves[since] + timedelta(days=60), today)
        people.append(person)
    return dice, people, halves
