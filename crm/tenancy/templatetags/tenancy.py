from django import template
from django.utils.translation import get_language

from .. import links, rights

register = template.Library()


@register.simple_tag
def root_url(name, *args, **kwargs):
    """Like {% url %}, for the pages outside any tenant: sign-in, language."""
    return links.root_path(name, *args, **kwargs)


@register.simple_tag
def tenant_url(tenant, name, *args, **kwargs):
    """Like {% url %}, for a page of another tenant."""
    return links.path_of(tenant, name, *args, **kwargs)


@register.filter
def may_do(seat, area):
    return rights.may_do(seat, area)


@register.filter
def may_see(seat, area):
    return rights.may_see(seat, area)


@register.simple_tag
def html_language():
    """What `lang` says of the page: `zh-Hans` or `en`."""
    language, _, script = (get_language() or "en").partition("-")
    return f"{language}-{script.title()}" if script else language
