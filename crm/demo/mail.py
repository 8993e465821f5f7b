"""The mails of a demo without a mail server, read back from the data folder."""

import email
import email.policy
import re
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.utils.timezone import make_aware

NEWEST = 50
NAME = re.compile(r"\d{8}-\d{6}-\d+\.log")
BETWEEN = b"\n" + b"-" * 79 + b"\n"  # what Django writes after each mail of a file


@dataclass(frozen=True)
class Mail:
    key: str
    subject: str
    to: str
    at: datetime
    text: str = field(repr=False)
    html: str = field(repr=False)


def shown():
    """Only where nothing can be sent."""
    return settings.EMBEDDED and settings.EMAIL_BACKEND.endswith("filebased.EmailBackend")


def newest():
    files = sorted((file for file in settings.EMAIL_FILE_PATH.glob("*.log") if NAME.fullmatch(file.name)), reverse=True)
    return [mail for file in files[:NEWEST] for mail in _in(file)][:NEWEST]


def find(key):
    return next((mail for mail in newest() if mail.key == key), None)


def _in(file):
    """A file holds what one connection sent, the newest last."""
    written = [part for part in file.read_bytes().split(BETWEEN) if part.strip()]
    return [_read(part, f"{file.stem}-{place}") for place, part in reversed(list(enumerate(written)))]


def _read(part, key):
    message = email.message_from_bytes(part, policy=email.policy.default)
    html = message.get_body(("html",))
    return Mail(
        key=key,
        subject=message["subject"],
        to=message["to"],
        at=make_aware(datetime.strptime(key[:15], "%Y%m%d-%H%M%S")),
        text=message.get_body(("plain",)).get_content(),
        html=html.get_content() if html else "",
    )
