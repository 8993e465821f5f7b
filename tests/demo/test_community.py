"""The invented community is what the demo promises, the same whenever it is made."""

import csv
import io
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise

import pytest

from crm.demo.community import COLUMNS, GROUPS, SIZES, invent

DAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def made():
    return invent(DAY)


@pytest.fixture(scope="module")
def sat(made):
    """{half-year: {WeChat id: group}}, oldest first."""
    halves = defaultdict(dict)
    for half, group, who in list(csv.reader(io.StringIO(made.cohorts)))[1:]:
        assert who not in halves[half]
        halves[half][who] = group
    return halves


@pytest.fixture(scope="module")
def rows(made):
    table = list(csv.reader(io.StringIO(made.members)))
    return [dict(zip(table[2], row, strict=True)) for row in table[3:]]


def test_the_same_seed_and_day_give_the_same_files(made):
    assert invent(DAY) == made
    assert invent(DAY, seed=7) != made


def test_another_day_of_the_half_year_changes_dates_alone(made):
    early = invent(date(2026, 7, 1))

    assert early.cohorts == made.cohorts
    assert [early.hosts, early.teams, early.apart, early.stars] == [made.hosts, made.teams, made.apart, made.stars]


@pytest.mark.parametrize("day", [date(2027, 1, 1), date(2027, 6, 30), date(2028, 2, 29)])
def test_the_present_half_year_is_that_of_the_day(day):
    halves = [row[0] for row in csv.reader(io.StringIO(invent(day).cohorts))][1:]

    assert halves[-1] == f"{day.year}上半年"


def test_eight_half_years_grow_to_five_thousand_in_sixteen_groups(sat):
    assert [len(placed) for placed in sat.values()] == SIZES
    assert [len(set(placed.values())) for placed in sat.values()] == GROUPS
    assert SIZES[-1] > 5000


def test_about_a_fifth_stayed_in_their_group_each_time(sat):
    halves = list(sat.values())
    for before, after in pairwise(halves):
        both = before.keys() & after.keys()
        assert 0.18 < sum(before[who] == after[who] for who in both) / len(both) < 0.3


def test_nearly_a_thousand_have_left_and_the_others_are_in_the_member_file(sat, rows):
    *past, present = sat.values()
    assert 900 < len(set().union(*past) - present.keys()) < 1050
    assert present.keys() < {row["微信号"] for row in rows}


def test_members_are_no_two_the_same_and_their_groups_agree_with_the_cohorts(sat, rows):
    present = list(sat.values())[-1]
    people = [row for row in rows if row["微信号"] in present and "(小号)" not in row["昵称"]]

    assert len(people) == len(present)
    assert Counter(row["手机号"][-11:] for row in people if row["手机号"]).most_common(1)[0][1] == 1
    assert all(row["所在群"].removeprefix("星桥").removeprefix("会员") == present[row["微信号"]].removeprefix("会员") for row in people)
    assert list(rows[0]) == COLUMNS


def test_names_repeat_as_they_do_in_chat_groups(rows):
    often = Counter(row["昵称"] for row in rows)

    assert sum(1 for count in often.values() if count > 1) > 100


def test_hosts_stay_where_they_are_once_their_group_is_open(made, sat):
    present = list(sat.values())[-1]
    assert Counter(Counter(present[host] for host in made.hosts).values()) == {2: 16}
    for host in made.hosts:
        seats = [placed[host] for placed in sat.values() if host in placed]
        opened = seats.index(present[host])
        assert set(seats[opened:]) == {present[host]}


def test_its_rules_can_be_kept_together(made, sat):
    """Nobody is in two teams, no host is in one, and none of those kept apart are bound."""
    present = list(sat.values())[-1]
    bound = Counter(who for _, team in made.teams for who in team)

    assert set(bound.values()) == {1}
    assert not bound.keys() & set(made.hosts)
    assert all(3 <= len(team) <= 8 for _, team in made.teams)
    assert len(made.teams) == 18
    assert not {who for pair in made.apart for who in pair} & (bound.keys() | set(made.hosts))
    assert len(made.apart) == 20
    assert len({who for who, _ in made.stars}) == 100
    assert {who for who, *_ in made.partners} <= present.keys()
    assert Counter(group for _, group, _ in made.partners) == {1: 52, 2: 52}
    assert all(since <= DAY for *_, since in made.partners)
