"""Requests that cross each other: `If-None-Match` reads only what is new, `If-Match` changes only what is as it was read.

An ETag is made of the whole representation, also where `?fields=` asks for a part, so that any reading serves for a change.
"""

import hashlib

from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer

from crm.tenancy.refusals import Refused


class Stale(Refused):
    def __init__(self, etag):
        sentence = _("It has changed since you read it. Read it again, then decide.")
        super().__init__(sentence, code="stale", status=412, etag=etag)
        self.headers = {"ETag": etag} if etag else {}


class Unconditional(Refused):
    def __init__(self):
        super().__init__(_("Say in If-Match which state you have read."), code="precondition_required", status=428)


def of(data):
    return f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def of_file(file):
    return f'"{file.sha256[:32]}"'


def is_read(request, etag):
    """Whether the caller has this state already."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in known or etag in (each.removeprefix("W/") for each in known)


def refuse_unless_matching(request, etag):
    """`etag` is empty where there is no such state, as that of a list. A weak tag matches nothing."""
    known = parse_etags(request.headers["If-Match"])
    if "*" not in known and etag not in known:
        raise Stale(etag)
