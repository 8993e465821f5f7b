"""Questions that every request asks: their SQL is written once, and only the values are put in."""

from functools import cached_property

from django.db import connections
from django.db.models.query import get_related_populators


class Prepared:
    """`Prepared(lambda: queryset, name="stands for it")` writes the SQL of a queryset whose filters hold stand-ins, each a text that
    is found nowhere else; `rows(name=value)` asks it. Objects come as the queryset makes them, with what it selects related.
    """

    def __init__(self, queryset, **stand_ins):
        self._queryset, self._names = queryset, {text: name for name, text in stand_ins.items()}

    @cached_property
    def _written(self):
        queryset = self._queryset()
        connection = connections[queryset.db]
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        select, about = compiler.select, compiler.klass_info
        own = about["select_fields"]
        first, last = own[0], own[-1] + 1
        return {
            "connection": connection.alias,
            "sql": sql,
            "params": [self._names.get(param) if isinstance(param, str) else None for param in params],
            "said": params,
            "converters": compiler.get_converters([column for column, *_ in select]),
            "compiler": compiler,
            "model": about["model"],
            "columns": slice(first, last),
            "names": [column.target.attname for column, *_ in select[first:last]],
            "related": get_related_populators(about, select, queryset.db),
        }

    def rows(self, **values):
        it = self._written
        connection = connections[it["connection"]]
        params = [said if name is None else values[name] for name, said in zip(it["params"], it["said"], strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(it["sql"], params)
            found = cursor.fetchall()
        if it["converters"]:
            found = [tuple(row) for row in it["compiler"].apply_converters(found, it["converters"])]
        return [self._object(it, row) for row in found]

    def _object(self, it, row):
        made = it["model"].from_db(it["connection"], it["names"], row[it["columns"]])
        for related in it["related"]:
            related.populate(row, made)
        return made
