"""Lists page by page. A cursor is the place of a row in its order, so rows that come or go meanwhile repeat and hide nothing."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from .bodies import UNSAYABLE
from .names import unknown
from .problems import invalid

USUAL, MOST = 50, 500


@dataclass(frozen=True)
class Place:
    order: str
    is_before: bool  # it asks for the rows before this place
    value: str
    pk: str

    def __str__(self):
        return urlsafe_b64encode(json.dumps(astuple(self)).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text):
        place = cls(*json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
        if not all(isinstance(each, str) for each in (place.order, place.value, place.pk)):
            raise ValueError
        return place


class Pages(BasePagination):
    def paginate_queryset(self, queryset, request, view=None):
        self.request = request
        self.orders = {"id": "id"} | view.orders
        self.order = self._order(view.order)
        self.field = queryset.model._meta.get_field(self.orders[self.order.removeprefix("-")])
        size, place = self._size(), self._place()
        is_back = place is not None and place.is_before
        is_falling = self.order.startswith("-") != is_back
        rows = self._beyond(queryset, place, is_falling) if place else queryset
        sign = "-" if is_falling else ""
        rows = list(rows.order_by(f"{sign}{self.field.name}", f"{sign}id")[: size + 1])
        there_is_more, rows = len(rows) > size, rows[:size]
        if is_back:
            rows.reverse()
        has_next, has_previous = (True, there_is_more) if is_back else (there_is_more, place is not None)
        self.next = self._link(rows[-1], is_before=False) if rows and has_next else None
        self.previous = self._link(rows[0], is_before=True) if rows and has_previous else None
        return rows

    def _order(self, usual):
        order = self.request.query_params.get("ordering", usual)
        if order.removeprefix("-") not in self.orders:
            raise invalid(ordering=[unknown(order, self.choices(self.orders))])
        return order

    def _size(self):
        text = self.request.query_params.get("page_size", str(USUAL))
        if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= MOST):
            raise invalid(page_size=[_("Give a whole number from 1 to %d.") % MOST])
        return int(text)

    def _place(self):
        text = self.request.query_params.get("cursor")
        if text is None:
            return None
        try:
            place = Place.read(text)
            self.field.to_python(place.value), self.field.model._meta.pk.to_python(place.pk)
        except (ValueError, TypeError, RecursionError, ValidationError):
            place = None
        if place is None or place.order != self.order or UNSAYABLE.search(place.value):
            raise invalid(cursor=[_("This is no cursor of this list. Take those that `next` and `previous` name.")])
        return place

    def _beyond(self, queryset, place, is_falling):
        name, beyond = self.field.name, "lt" if is_falling else "gt"
        rows = Q(**{f"{name}__{beyond}": place.value}) | Q(**{f"id__{beyond}": place.pk})
        # The bound alone tells the index where to begin; among rows of one value the ids decide.
        return queryset.filter(rows, **{f"{name}__{beyond}e": place.value})

    def _link(self, row, is_before):
        place = Place(self.order, is_before, self.field.value_to_string(row), str(row.pk))
        return replace_query_param(remove_query_param(self.request.build_absolute_uri(), "cursor"), "cursor", str(place))

    def get_paginated_response(self, rows):
        return Response({"next": self.next, "previous": self.previous, "results": rows})

    # For the schema

    @staticmethod
    def choices(orders):
        return [sign + name for name in orders for sign in ("", "-")]

    def get_paginated_response_schema(self, schema):
        link = {"type": "string", "format": "uri", "nullable": True}
        parts = {
            "next": link | {"description": "The address of the following page; null on the last one."},
            "previous": link | {"description": "The address of the page before; null on the first one."},
            "results": schema,
        }
        return {"type": "object", "required": list(parts), "properties": parts}

    def get_schema_operation_parameters(self, view):
        asked = {
            "page_size": ("How many rows at most.", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}),
            "cursor": ("A place in the list, as `next` and `previous` name it.", {"type": "string", "format": "cursor", "minLength": 1}),
            "ordering": (
                "In which order; with a minus from the end. `id` is the order of their making.",
                {"type": "string", "enum": self.choices({"id": "id"} | view.orders), "default": view.order},
            ),
        }
        return [
            {"name": name, "in": "query", "required": False, "description": words, "schema": schema}
            for name, (words, schema) in asked.items()
        ]
