"""What every address of the API keeps to."""

import threading
from contextlib import contextmanager

from django.db import transaction
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import permissions, viewsets
from rest_framework.exceptions import ParseError
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from crm.tenancy import files
from crm.tenancy.models import AppendOnlyModel

from . import etags, pictures, questions
from .filters import OF_LISTS, Filters
from .serializers import UUID, Nothing

_kept = threading.local()


@contextmanager
def _serializer(serializer_class, context, row=None):
    """Building one with its fields costs more than what it is used for, so each thread keeps one of each class."""
    kept = _kept.__dict__
    found = kept.pop(serializer_class, None) or serializer_class()  # whoever needs another one meanwhile builds it
    found._context, found.instance, found.partial = context, row, row is not None
    try:
        yield found
    finally:
        for name in ("initial_data", "_validated_data", "_errors"):
            found.__dict__.pop(name, None)
        found._context, found.instance = {}, None
        kept[serializer_class] = found


def said_of(rows, serializer_class, context):
    """Rows as JSON."""
    with _serializer(serializer_class, context) as serializer:
        return [serializer.to_representation(row) for row in rows]


class View(viewsets.GenericViewSet):
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    order = "id"  # a list stands in the order of its making
    must_match = ()  # actions that are refused without If-Match
    refuses = {}  # {action: status codes} that its description has beside the usual ones
    uploads = ()  # actions that take a form with a file
    shows = ()  # actions that answer with a picture
    orders = {}  # what a list may be ordered by: its name here and the column, one that is never empty

    @classmethod
    def as_view(cls, *args, **kwargs):
        view = super().as_view(*args, **kwargs)
        view.should_append_slash = False  # a redirect would make a POST into a GET
        return transaction.non_atomic_requests(view)  # the middleware's transaction holds all of a request

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if self.action is None:  # 405, whatever else is wrong
            return
        if request.method in permissions.SAFE_METHODS and int(request.META.get("CONTENT_LENGTH") or 0):
            raise ParseError(_("Reading takes no body."))
        if "If-Match" in request.headers and self.action == "create":
            etags.refuse_unless_matching(request, "")
        questions.check(self, request)
        self.wanted = questions.fields(request, self.field_names()) if "fields" in request.query_params else None

    def get_parsers(self):
        # Asked before the action is known; the description of the API names it and has no request.
        act = getattr(self, "action", None) or self.action_map.get(self.request.method.lower())
        return [MultiPartParser()] if act in self.uploads else super().get_parsers()

    def get_renderers(self):
        return [*super().get_renderers(), *(kind() for kind in pictures.KINDS if self.action in self.shows)]

    def questions(self):
        """The names that may stand behind the question mark."""
        if self.action == "list":
            filters = Filters().get_filterset_class(self, self.get_queryset())
            return {*(filters.base_filters if filters else ()), *OF_LISTS}
        return {"fields"} if self.action == "retrieve" else set()

    def field_names(self):
        return [name for name, field in self.get_serializer_class()().fields.items() if not field.write_only]

    def get_object(self):
        """The row that the address names. Where it is to be changed, it is as it was read."""
        row = self.found()
        if self.request.method in permissions.SAFE_METHODS:
            return row
        if "If-Match" in self.request.headers:
            # Held until the request is through, so that nobody changes it between the comparison and the act. A fact never changes.
            if not isinstance(row, AppendOnlyModel):
                type(row).objects.select_for_update(no_key=True).filter(pk=row.pk).values_list("pk").first()
            row = self.found()
            etags.refuse_unless_matching(self.request, etags.of(self.represented(row)))
        elif self.action in self.must_match:
            raise etags.Unconditional
        return row

    def found(self):
        """A row by its id. Filters are of lists alone (`questions` refuses them here), so none is built."""
        if not UUID.fullmatch(self.kwargs[self.lookup_field]):
            raise Http404
        row = get_object_or_404(self.get_queryset(), pk=self.kwargs[self.lookup_field])
        self.check_object_permissions(self.request, row)
        return row

    def represented(self, row):
        """All that reading it says."""
        return self.said([row], self.serializer_class)[0]

    def said(self, rows, serializer_class=None):
        """What this action says of rows."""
        return said_of(rows, serializer_class or self.get_serializer_class(), self.get_serializer_context())

    def asked(self, serializer_class=Nothing, row=None):
        """What the body says, checked; of a change to a row, only what changes."""
        with _serializer(serializer_class, self.get_serializer_context(), row) as serializer:
            serializer.initial_data = self.request.data
            serializer.is_valid(raise_exception=True)
            return serializer.validated_data

    def cut(self, row):
        """The row, or what `?fields=` wants of it."""
        return row if self.wanted is None else {name: row[name] for name in self.wanted}

    def one(self, row, status=200, **headers):
        """The answer that shows one row."""
        said = self.said([row])[0]
        whole = said if self.get_serializer_class() is self.serializer_class else self.represented(row)
        return self.shown(self.cut(said), status, etag=etags.of(whole), **headers)

    def picture(self, file):
        """The bytes of a row's picture, which may be none."""
        if file is None:
            raise Http404
        etag = etags.of_file(file)
        if etags.is_read(self.request, etag):
            return HttpResponse(status=304, headers={"ETag": etag})
        answer = files.answer(file, attached=file.name if self.request.accepted_renderer.format == pictures.Bytes.format else None)
        answer["ETag"], answer["Cache-Control"] = etag, "private, no-cache"  # another one may stand there tomorrow
        return answer

    def shown(self, said, status=200, *, etag=None, **headers):
        etag = etag or etags.of(said)
        if self.request.method in permissions.SAFE_METHODS and etags.is_read(self.request, etag):
            return Response(status=304, headers={"ETag": etag})
        return Response(said, status, headers={"ETag": etag} | headers)


class ReadingView(View):
    def list(self, request):
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([self.cut(row) for row in self.said(rows)])

    def retrieve(self, request, pk):
        return self.one(self.get_object())


class RowsView(ReadingView):
    """Rows that are made and taken back, never changed. Give `make(said)` and `drop(row)`, which call the verbs."""

    def create(self, request):
        row = self.make(self.asked(self.serializer_class))
        return self.one(row, 201, Location=self.address(row))

    def destroy(self, request, pk):
        self.drop(self.get_object())
        return Response(status=204)

    def address(self, row):
        return reverse(f"{self.basename}-detail", args=[row.pk])
