"""Moments come out of the database as they went in, in UTC."""

import datetime

import pytest
from django.db import DataError, connection


def read(said):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [said])
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    "moment",
    [
        datetime.datetime(2026, 11, 24, 20, 30, tzinfo=datetime.UTC),
        datetime.datetime(2026, 11, 24, 20, 30, 5, 100_000, tzinfo=datetime.UTC),
        datetime.datetime(2026, 11, 24, 20, 30, 5, 7, tzinfo=datetime.UTC),
        datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
    ],
    ids=str,
)
def test_a_moment_is_read_as_it_was_written(db, moment):
    found = read(moment)

    assert (found, found.tzinfo) == (moment, datetime.UTC)


def test_a_moment_said_on_another_clock_is_the_same_one(db):
    assert read("1900-01-01 08:05:43+08:05:43") == datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize("said", ["infinity", "10000-01-01 00:00:00+00", "0044-03-15 00:00:00+00 BC"])
def test_a_moment_of_which_python_knows_nothing_is_refused(db, said):
    with pytest.raises(DataError):
        read(said)
