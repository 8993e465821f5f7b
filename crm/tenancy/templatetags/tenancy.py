from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language

from .. import colours, links, rights

register = template.Library()


@register.simple_tag
def root_url(name, *args, **kwargs):
    """Like {% url %}, for the pages outside any tenant: sign-in, language."""
    return links.root_path(name, *args, **kwargs)


@register.simple_tag
def tenant_url(tenant, name, *args, **kwargs):
    """Like {% url %}, for a page of another tenant."""
    return links.path_of(tenant, name, *args, **kwargs)


@register.simple_tag
def logo_url(tenant):
    """A community's logo, for pages inside and outside."""
    return links.root_path("logo_outside", tenant.pk, tenant.logo)


@register.simple_tag
def look_url(tenant):
    """The style sheet of a community's colour. Its address changes with the colour, so browsers keep it."""
    return f"{links.root_path('look', tenant.pk)}?v={tenant.colour.removeprefix('#')}"


@register.filter
def ink_on(colour):
    return colours.ink_on(colour) or colours.INK


@register.simple_tag(takes_context=True)
def trail_of(context, thing):
    """Where the trail of one thing stands, for who may see it: `{% trail_of group as way %}`."""
    return f"{reverse('trail')}?subject={thing._meta.model_name}:{thing.pk}" if rights.may_see(context["seat"], "trail") else ""


@register.filter
def may_do(seat, area):
    return rights.may_do(seat, area)


@register.filter
def may_see(seat, area):
    return rights.may_see(seat, area)


@register.simple_tag
def sign_up_open():
    return settings.SIGN_UP_OPEN


@register.simple_tag
def html_language():
    """What `lang` says of the page: `zh-Hans` or `en`."""
    language, _, script = (get_language() or "en").partition("-")
    return f"{language}-{script.title()}" if script else language
