"""Whose key it is, and what it may do."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions, permissions
from rest_framework.authentication import BaseAuthentication

from crm.tenancy import keys, rights, scopes


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
    target_class = "crm.tenancy.api.access.KeyAuthentication"
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
