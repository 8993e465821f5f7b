"""The page of a demo's mails. Anybody may see it: who forgot a password is not signed in."""

from csp.decorators import csp
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from crm.demo import mail
from crm.tenancy.models import Tenant

# Its own styles, no scripts; a click on a link leads the whole window there.
AS_A_MAIL = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "frame-ancestors": "'self'",
    "sandbox": "allow-top-navigation-by-user-activation",
}


@never_cache
@require_safe
def demo_mail(request):
    _refuse_elsewhere()
    mails = mail.newest()
    opened = _found(request.GET["mail"]) if "mail" in request.GET else None
    tenant = Tenant.objects.order_by("pk").first()
    with timezone.override(tenant.zone if tenant else "UTC"):
        return render(request, "demo_mail.html", {"mails": mails, "opened": opened})


@never_cache
@require_safe
@xframe_options_sameorigin
@csp(AS_A_MAIL)
def demo_mail_html(request, key):
    """One mail as its reader would see it."""
    _refuse_elsewhere()
    return HttpResponse(_found(key).html.replace("<head>", '<head><base target="_top">', 1))


def _found(key):
    found = mail.find(key)
    if found is None:
        raise Http404
    return found


def _refuse_elsewhere():
    if not mail.shown():
        raise Http404
