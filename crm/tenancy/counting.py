"""Several counts in one question to the database: a page has many of them, and each question costs a way there and back."""

from django.core.exceptions import EmptyResultSet
from django.db import connection


def counts(**querysets):
    """{name: how many rows each queryset has}"""
    return asked(querysets, *written(querysets))


def written(querysets):
    """The question, as SQL and what is put in."""
    counted, params = [], []
    for queryset in querysets.values():
        try:
            sql, given = queryset.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            sql, given = "SELECT 1 WHERE false", ()
        counted.append(f"(SELECT count(*) FROM ({sql}) AS counted)")
        params += given
    return "SELECT " + ", ".join(counted), params


def asked(names, sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return dict(zip(names, cursor.fetchone(), strict=True))


def ranked(counter, most=None):
    """[(what, how many)], most first; the same way at each reading, where as many are of several."""
    return sorted(counter.items(), key=lambda each: (-each[1], str(each[0])))[:most]
