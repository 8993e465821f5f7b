"""Addresses for places without a request: jobs, mails, commands."""

from django.conf import settings
from django.urls import get_script_prefix, reverse, set_script_prefix


def link(tenant, name, *args, **kwargs):
    """The whole address of a tenant's page."""
    return settings.BASE_URL + path_of(tenant, name, *args, **kwargs)


def whole(name, *args, **kwargs):
    """The whole address of a page outside any tenant."""
    return settings.BASE_URL + root_path(name, *args, **kwargs)


def path_of(tenant, name, *args, **kwargs):
    return _reverse(f"/{tenant.slug}/", settings.TENANT_URLCONF, name, args, kwargs)


def root_path(name, *args, **kwargs):
    """A page outside any tenant, also when asked from inside one."""
    return _reverse("/", settings.ROOT_URLCONF, name, args, kwargs)


def _reverse(prefix, urlconf, name, args, kwargs):
    before = get_script_prefix()
    set_script_prefix(prefix)
    try:
        return reverse(name, urlconf=urlconf, args=args, kwargs=kwargs)
    finally:
        set_script_prefix(before)
