"""Every refusal is a problem (RFC 9457): {type, title, status, code, detail, request_id} and what the case adds.

`code` is stable and for programs, `detail` a sentence for people in the language they asked for.
"""

from http import HTTPStatus

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions

from crm.tenancy import constraints
from crm.tenancy.refusals import Refused, broken_off

API = "/api/v1/"
PROBLEM = "application/problem+json"


def answer(status, code, sentence, *, headers=None, **more):
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": str(sentence), **more}
    body["request_id"] = structlog.contextvars.get_contextvars().get("request_id", "")
    in_utf8 = {"ensure_ascii": False}
    return JsonResponse(body, status=status, content_type=PROBLEM, headers=headers, json_dumps_params=in_utf8)


def invalid(**fields):
    """Which names are wrong, each with its sentence."""
    return exceptions.ValidationError(fields)


def of(exc, context):
    """The exception handler of all views."""
    from rest_framework.views import set_rollback  # its module reads the settings, which name this one

    said = _said(exc)
    if said is not None:
        if header := getattr(exc, "auth_header", None):
            said["WWW-Authenticate"] = header
        set_rollback()
    return said


def _said(exc):
    if isinstance(exc, IntegrityError):
        exc = _refused_by_the_database(exc)
    exc = broken_off(exc) or exc
    if isinstance(exc, Refused):
        return answer(exc.status, exc.code, exc.sentence, headers=exc.headers, **exc.details)
    if isinstance(exc, Http404):
        return _not_found()
    if isinstance(exc, PermissionDenied):
        return answer(403, "forbidden", str(exc))
    if isinstance(exc, exceptions.ValidationError):
        fields = exc.get_full_details()
        fields = fields if isinstance(fields, dict) else {"non_field_errors": fields}
        return answer(400, "invalid", _("Some fields are wrong: %s.") % ", ".join(map(str, fields)), fields=fields)
    if isinstance(exc, exceptions.APIException):
        code = exc.get_codes()
        return answer(exc.status_code, code if isinstance(code, str) else exc.default_code, exc.detail)
    return None


def _refused_by_the_database(exc):
    """A unique key that forms and serializers skip, since it begins with the tenant."""
    if sentence := constraints.sentence(exc):
        return Refused(sentence, code=constraints.name(exc))
    return exc


def _not_found(sentence=None):
    return answer(404, "not_found", sentence or _("There is no such thing here."))


# Where no view was reached


def missing(request, exception):
    """handler404"""
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return _not_found(None if request.path.endswith("/") else _("There is no such thing here. Addresses end with a slash."))


def unreadable(request, exception):
    """handler400"""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    return answer(400, "bad_request", _("This request cannot be read."))


def broken(request):
    """handler500"""
    if not request.path.startswith(API):
        return defaults.server_error(request)
    return answer(500, "broken", _("Something broke on our side. It is in our log; try again."))
