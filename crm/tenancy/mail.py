"""Mails: one frame, text and HTML, in the language of whoever gets them.

A mail `name` is three templates: `mail/<name>.subject.txt`, `mail/<name>.txt` and `mail/<name>.html`. Its context may bring
`link`, the address of its button, and `tenant`, whose name then stands above it.
"""

from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

log = structlog.get_logger(__name__)


def send(name, to, *, language, context):
    """True when the mail was handed over. A mail server that does not answer must not undo what the mail tells of."""
    subject, text, html = rendered(name, language, context)
    message = EmailMultiAlternatives(subject, text, to=[to])
    message.attach_alternative(html, "text/html")
    try:
        return bool(message.send())
    except Exception as error:  # of sockets, of SMTP, of the address itself; what they say may hold the address
        log.warning("mail_not_sent", mail=name, error=type(error).__name__)
        return False


def rendered(name, language, context):
    """Subject, text and HTML."""
    with translation.override(language or settings.LANGUAGE_CODE):
        context = {"base_url": settings.BASE_URL, "host": urlsplit(settings.BASE_URL).netloc} | context
        subject = " ".join(_plain(f"mail/{name}.subject.txt", context).split())
        html = get_template(f"mail/{name}.html").render(context | {"subject": subject})
        return subject, _plain(f"mail/{name}.txt", context), html


def _plain(template, context):
    """Text is no HTML: a name with an ampersand in it stays as it is."""
    return get_template(template).template.render(Context(context, autoescape=False)).strip() + "\n"
