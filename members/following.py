"""Everything that points at a member follows when their row becomes part of another one, and comes back.

All relations are found by walking the models, so a new table follows by itself. What a unique key would not let stand twice is
set aside, or settled by a rule that its room registers. A `Book` holds each step, so that all of it can be taken back.
"""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from crm.tenancy.counting import counts
from crm.tenancy.models import AppendOnlyModel, TenantModel

from .models import ImportedRow, Member, Merge

RULES = {}  # model -> functions of (kept, gone, book), called before the rows of that model follow
WORDS = {}  # model -> how pages call its rows
STAYS = {  # relations that do not follow, and why
    (Member, "merged_into"): "who became part of whom is a fact of its own; `merging.ids_of` walks along it",
    (Merge, "kept"): "a merge says what was",
    (Merge, "gone"): "a merge says what was",
    (ImportedRow, "member"): "an import takes back what it made of a row, not what became of it",
}
BY_RULE = set()  # relations that follow by their rule alone, since a row of them cannot just be pointed elsewhere


@dataclass(frozen=True)
class Relation:
    model: Any
    field: Any

    @property
    def code(self):
        return f"{self.model._meta.label_lower}.{self.field.name}"


def relations():
    """Every foreign key to a member that can be changed, hidden ones too."""
    found = []
    for model in apps.get_models():
        if issubclass(model, TenantModel) and not issubclass(model, AppendOnlyModel):
            keys = (field for field in model._meta.concrete_fields if field.is_relation)
            found += [Relation(model, field) for field in keys if field.related_model is Member]
    return found


def following():
    return [each for each in relations() if (each.model, each.field.name) not in STAYS.keys() | BY_RULE]


def rule(model, function, *, alone=()):
    """`alone` names the foreign keys of which the function takes care entirely."""
    RULES.setdefault(model, []).append(function)
    BY_RULE.update((model, name) for name in alone)


def called(model, words):
    """`words` are in the plural: “notes”."""
    WORDS[model] = words


class Book:
    """What a merge changes, step by step, each as it is done."""

    def __init__(self, by=None):
        self.by = by
        self.moved, self.aside, self.changed, self.added = {}, [], [], []

    def move(self, relation, pks, to):
        if pks:
            self.moved[relation.code] = [str(pk) for pk in pks]
            relation.model.objects.filter(pk__in=pks).update(**{relation.field.attname: to.pk})

    def set_aside(self, row):
        self.aside.append({"model": row._meta.label_lower, "values": values_of(row)})
        type(row).objects.filter(pk=row.pk).delete()

    def change(self, row, **values):
        """`values` by the names of the columns: `member_id`."""
        before = {name: plain(getattr(row, name)) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        type(row).objects.filter(pk=row.pk).update(**values)
        after = {name: plain(value) for name, value in values.items()}
        self.changed.append({"model": row._meta.label_lower, "id": str(row.pk), "before": before, "after": after})

    def add(self, row):
        row.save(force_insert=True)
        self.added.append({"model": row._meta.label_lower, "id": str(row.pk)})

    def as_json(self):
        return {"moved": self.moved, "aside": self.aside, "changed": self.changed, "added": self.added}


def follow(kept, gone, book):
    for model in {each.model: None for each in relations()}:
        for settle in RULES.get(model, ()):
            settle(kept, gone, book)
    for relation in following():
        _follow(relation, kept, gone, book)


def _follow(relation, kept, gone, book):
    model, name = relation.model, relation.field.name
    rows = model.objects.filter(**{name: gone.pk})
    if model is Member:
        rows = rows.exclude(pk__in=[kept.pk, gone.pk])  # nobody was invited by themselves
    for constraint in unique_keys(relation):
        for row in _doubled(rows, model.objects.filter(**{name: kept.pk}), name, constraint):
            book.set_aside(row)
    book.move(relation, list(rows.values_list("pk", flat=True)), kept)


def unique_keys(relation):
    found = (each for each in relation.model._meta.constraints if isinstance(each, models.UniqueConstraint))
    return [each for each in found if relation.field.name in each.fields]


def _doubled(rows, there, name, constraint):
    """Those of the rows beside which one of the kept member stands under the same key."""
    others = [each for each in constraint.fields if each not in (name, "tenant")]
    if constraint.condition:
        rows, there = rows.filter(constraint.condition), there.filter(constraint.condition)
    attnames = [rows.model._meta.get_field(each).attname for each in others]
    taken = set(there.values_list(*attnames)) if attnames else {()} if there.exists() else set()
    return [row for row in rows if tuple(getattr(row, each) for each in attnames) in taken] if taken else []


def how_many(pk):
    """{model: how many of its rows would follow}, those of which pages speak, in one question."""
    asked = {each.code: each for each in following() if each.model in WORDS}
    found = counts(**{code: each.model.objects.filter(**{each.field.name: pk}) for code, each in asked.items()})
    summed = {}
    for code, number in found.items():
        model = asked[code].model
        summed[model] = summed.get(model, 0) + number
    return {model: number for model, number in summed.items() if number}


# Taking back


class Restoring:
    """Each step back is done where the row is still as the merge left it; `stays` names the tables of those that are not."""

    def __init__(self, book, kept, gone):
        self.book, self.kept, self.gone, self.stays = book, kept, gone, {}

    def run(self):
        relations_by_code = {each.code: each for each in relations()}
        for code, pks in self.book.get("moved", {}).items():
            if code in relations_by_code:
                self._move_back(relations_by_code[code], pks)
        for each in reversed(self.book.get("added", [])):
            apps.get_model(each["model"]).objects.filter(pk=each["id"]).delete()
        for each in reversed(self.book.get("changed", [])):
            self._change_back(apps.get_model(each["model"]), each)
        for each in self.book.get("aside", []):
            self._put_back(apps.get_model(each["model"]), each["values"])
        return self.stays

    def _stay(self, model, number=1):
        if number:
            self.stays[model._meta.label_lower] = self.stays.get(model._meta.label_lower, 0) + number

    def _move_back(self, relation, pks):
        rows = relation.model.objects.filter(pk__in=pks, **{relation.field.name: self.kept.pk})
        there, back = list(rows.values_list("pk", flat=True)), {relation.field.attname: self.gone.pk}
        done = len(there)
        if not tried(lambda: rows.update(**back)):  # then one by one, since some do not fit any more
            done = sum(tried(lambda pk=pk: rows.filter(pk=pk).update(**back)) for pk in there)
        self._stay(relation.model, len(pks) - done)

    def _change_back(self, model, step):
        row = model.objects.select_for_update().filter(pk=step["id"]).first()
        is_as_left = row is not None and all(plain(getattr(row, name)) == value for name, value in step["after"].items())
        values = {name: read(model, name, value) for name, value in step["before"].items()}
        if not (is_as_left and tried(lambda: model.objects.filter(pk=row.pk).update(**values))):
            self._stay(model)

    def _put_back(self, model, values):
        row = model(**{name: read(model, name, value) for name, value in values.items()})
        if not tried(lambda: row.save(force_insert=True)):
            self._stay(model)


def tried(act):
    """Whether the database lets it stand, foreign keys included."""
    try:
        with transaction.atomic():
            act()
            connection.check_constraints()
    except IntegrityError:
        return False
    return True


# Values as JSON, and back


def plain(value):
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime.date | datetime.datetime) else value


def values_of(row):
    return {field.attname: plain(getattr(row, field.attname)) for field in row._meta.concrete_fields}


def read(model, attname, value):
    field = next(each for each in model._meta.concrete_fields if each.attname == attname)
    field = getattr(field, "target_field", field) if field.is_relation else field
    return value if value is None else field.to_python(value)
