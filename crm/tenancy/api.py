"""What every API view stands on: keys, rights, pages, and refusals as problem details (RFC 9457) with stable codes."""

from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions, pagination, permissions
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response

from . import constraints, keys, rights, scopes
from .refusals import Refused

PROBLEM = "application/problem+json"


class KeyAuthentication(BaseAuthentication):
    """The middleware has read the key and opened its tenant; here DRF hears of it."""

    def authenticate(self, request):
        seat = request._request.seat
        if seat is None:
            fault = request._request.key_fault
            raise exceptions.NotAuthenticated(keys.FAULTS[fault], code=fault)
        return seat.user, seat

    def authenticate_header(self, request):
        fault = request._request.key_fault
        more = "" if fault == "key_missing" else f', error="invalid_token", error_description="{fault}"'
        return f'Bearer realm="qunxing"{more}'


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "crm.tenancy.api.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "A key made in the settings or by `manage.py make_key`."}


class SeatRight(permissions.BasePermission):
    """Each viewset names its `area` of the role table; what changes something needs the right to do it, not only to see.

    Both have to allow it: the role of the key's seat, and the key's own scopes.
    """

    def has_permission(self, request, view):
        seat = request.auth
        if seat is None:
            return False
        area, level = scopes.area_of(view, getattr(view, "action", None)), scopes.level_of(request.method)
        rights.refuse_unless(rights.may_see(seat, area) if level == scopes.READ else rights.may_do(seat, area), area)
        scopes.refuse_unless_held(request._request.token, area, level)
        return True


class AnyKey(permissions.BasePermission):
    """For what every key may ask about itself."""

    def has_permission(self, request, view):
        return request.auth is not None


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
        if wait := getattr(exc, "wait", None):
            answer["Retry-After"] = str(int(wait))
    else:
        return None
    if header := getattr(exc, "auth_header", None):
        answer["WWW-Authenticate"] = header
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
