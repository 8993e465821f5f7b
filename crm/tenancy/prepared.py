"""Questions that every request asks: their SQL is written once, and only the values are put in."""

import datetime
from functools import cache, cached_property
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.query import get_related_populators

from . import counting
from .scope import active_tenant, written_for

# Values that are found nowhere else, to stand in a question for what is put in when it is asked.
SOME_ID, SOMEBODY = UUID(int=2**64 + 1), UUID(int=2**64 + 2)
SOME_DAY = datetime.date(1, 2, 3)
SOMETIME = datetime.datetime(1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)


class Params:
    """Of a written question: which of them are stand-ins, by the names of what they stand for."""

    def __init__(self, params, stand_ins):
        self.said = params
        self.names = [next((name for name, stand_in in stand_ins.items() if _is(param, stand_in)), None) for param in params]

    def filled(self, values):
        return [said if name is None else values[name] for name, said in zip(self.names, self.said, strict=True)]


def _is(param, stand_in):
    return type(param) is type(stand_in) and param == stand_in


class Prepared:
    """`Prepared(lambda: queryset, name="stands for it")` writes the SQL of a queryset whose filters hold stand-ins, each a value that
    is found nowhere else; `rows(name=value)` asks it. Objects come as the queryset makes them, with what it selects related and
    annotates.
    """

    def __init__(self, queryset, **stand_ins):
        self._queryset, self._stand_ins = queryset, stand_ins

    @cached_property
    def _written(self):
        queryset = self._queryset()
        connection = connections[queryset.db]
        compiler = queryset.query.get_compiler(connection=connection)
        with written_for(SOME_ID):
            sql, params = compiler.as_sql()
        select, about = compiler.select, compiler.klass_info
        own = about["select_fields"]
        first, last = own[0], own[-1] + 1
        return {
            "connection": connection.alias,
            "sql": sql,
            "params": Params(params, self._stand_ins | {"tenant": SOME_ID}),
            "converters": compiler.get_converters([column for column, *_ in select]),
            "compiler": compiler,
            "model": about["model"],
            "columns": slice(first, last),
            "names": [column.target.attname for column, *_ in select[first:last]],
            "related": get_related_populators(about, select, queryset.db),
            "annotated": compiler.annotation_col_map,
        }

    def rows(self, **values):
        """Of rows that a tenant owns those of the active one."""
        it = self._written
        connection = connections[it["connection"]]
        if "tenant" in it["params"].names:
            values["tenant"] = active_tenant()
        found = connection.often(it["sql"], it["params"].filled(values))
        if it["converters"]:
            found = [tuple(row) for row in it["compiler"].apply_converters(found, it["converters"])]
        return [self._object(it, row) for row in found]

    def _object(self, it, row):
        made = it["model"].from_db(it["connection"], it["names"], row[it["columns"]])
        for related in it["related"]:
            related.populate(row, made)
        for name, place in it["annotated"].items():
            setattr(made, name, row[place])
        return made


@cache
def by_key(model):
    """`by_key(Member).rows(pk=…)`: one row, or none."""
    return Prepared(lambda: model._default_manager.filter(pk=SOMEBODY), pk=SOMEBODY)


class Insert:
    """`Insert(model)` writes the INSERT of one row once; `add(row)` does what `row.save(force_insert=True)` does for a model that no
    signal waits for. `unheard` where no key can refuse it: then it goes to the server with the next statement."""

    def __init__(self, model):
        self._model = model

    @cached_property
    def _written(self):
        meta = self._model._meta
        quoted = connections[DEFAULT_DB_ALIAS].ops.quote_name
        columns = ", ".join(quoted(field.column) for field in meta.concrete_fields)
        return f"INSERT INTO {quoted(meta.db_table)} ({columns}) VALUES ({', '.join(['%s'] * len(meta.concrete_fields))})"

    def add(self, row, *, unheard=False):
        connection = connections[DEFAULT_DB_ALIAS]
        values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in self._model._meta.concrete_fields]
        if unheard:
            connection.write(self._written, values)
        else:
            with connection.cursor() as cursor:
                cursor.execute(self._written, values)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        return row


class Counts:
    """`Counts(lambda name: {"what": queryset}, name=STAND_IN)` writes the SQL of `counting.counts` once; `ask(name=value)` asks it, of
    the tenant that is active then."""

    def __init__(self, querysets, **stand_ins):
        self._querysets, self._stand_ins = querysets, stand_ins

    @cached_property
    def _written(self):
        with written_for(SOME_ID):
            asked = self._querysets(**self._stand_ins)
            sql, params = counting.written(asked)
        return list(asked), sql, Params(params, self._stand_ins | {"tenant": SOME_ID})

    def ask(self, **values):
        names, sql, params = self._written
        return counting.asked(names, sql, params.filled(values | {"tenant": active_tenant()}))
