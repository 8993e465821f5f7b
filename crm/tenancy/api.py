"""What every API view stands on: keys, rights, pages, and refusals as problem details (RFC 9457) with stable codes."""

from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions, pagination, permissions
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response

from . import constraints, rights
from .refusals import Refused

PROBLEM = "application/problem+json"


class KeyAuthentication(BaseAuthentication):
    """The middleware has read the key and opened its tenant; here DRF hears of it."""

    def authenticate(self, request):
        seat = request._request.seat
        return (seat.user, seat) if seat else None

    def authenticate_header(self, request):
        return "Bearer"


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "crm.tenancy.api.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "A key made by `manage.py make_key`."}


class SeatRight(permissions.BasePermission):
    """Each viewset names its `area` of the role table; what changes something needs the right to do it, not only to see."""

    def has_permission(self, request, view):
        seat = request.auth
        if seat is None:
            return False
        acts = view.acts.get(getattr(view, "action", None), view.area) if hasattr(view, "acts") else view.area
        allowed = rights.may_see(seat, acts) if request.method in permissions.SAFE_METHODS else rights.may_do(seat, acts)
        rights.refuse_unless(allowed, acts)
        return True


class CursorPages(pagination.CursorPagination):
    """Rows in the order of their making; `next` holds the address of the following page."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
    ordering = "id"


def problem(exc, context):
    """The exception handler: every refusal is {type, title, status, code, detail} and what the case adds."""
    from rest_framework.views import set_rollback  # its module reads the settings, which name this one

    if isinstance(exc, IntegrityError):
        exc = _refused_by_the_database(exc)
    if isinstance(exc, Refused):
        answer = _answer(exc.status, exc.code, exc.sentence, **exc.details)
    elif isinstance(exc, Http404):
        answer = _answer(404, "not_found", "There is no such thing here.")
    elif isinstance(exc, PermissionDenied):
        answer = _answer(403, "forbidden", str(exc))
    elif isinstance(exc, exceptions.ValidationError):
        answer = _answer(400, "invalid", "Some fields are wrong.", fields=exc.get_full_details())
    elif isinstance(exc, exceptions.APIException):
        code = exc.get_codes()
        answer = _answer(exc.status_code, code if isinstance(code, str) else exc.default_code, str(exc.detail))
        if header := getattr(exc, "auth_header", None):
            answer["WWW-Authenticate"] = header
        if wait := getattr(exc, "wait", None):
            answer["Retry-After"] = str(int(wait))
    else:
        return None
    set_rollback()
    return answer


def _refused_by_the_database(exc):
    """A unique key that forms and serializers skip, since it begins with the tenant."""
    if sentence := constraints.sentence(exc):
        return Refused(sentence, code=constraints.name(exc))
    return exc


def _answer(code, word, sentence, **more):
    body = {"type": "about:blank", "title": HTTPStatus(code).phrase, "status": code, "code": word, "detail": str(sentence), **more}
    return Response(body, status=code, content_type=PROBLEM)
