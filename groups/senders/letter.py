"""A mail, as to the list of a group, by the mail server of the house."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from . import said
from .pieces import characters

HOSTS = ()
ABILITIES = ("text", "picture", "card")
SECRET = None
A_MINUTE = 20
MOST, size = 100_000, characters
MOST_OF_CARD = 100_000
TOGETHER = True
HEAVIEST, PICTURES = 8 * 10**6, ("image/jpeg", "image/png", "image/webp")


def send(channel, piece, key):
    text = f"{piece.text}\n\n{piece.label}: {piece.url}" if piece.url else piece.text
    host = settings.BASE_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    headers = {"Auto-Submitted": "auto-generated", "Message-ID": f"<{key}@{host}>"}
    message = EmailMessage(" ".join(piece.title.split()), text.strip() + "\n", to=[channel.address], headers=headers)
    if piece.picture:
        message.attach("picture." + piece.picture_type.partition("/")[2], piece.picture, piece.picture_type)
    server = get_connection()
    try:
        server.open()
    except (OSError, smtplib.SMTPException):
        return said.again("no_connection")
    try:
        return said.SENT if server.send_messages([message]) else said.no("refused")
    except smtplib.SMTPRecipientsRefused as problem:
        is_for_now = all(400 <= code < 500 for code, _words in problem.recipients.values())
        return said.again("busy") if is_for_now else said.dead("no_such_channel")
    except smtplib.SMTPResponseException as problem:
        return said.again("busy") if 400 <= problem.smtp_code < 500 else said.no("refused")
    except (OSError, smtplib.SMTPException):
        return said.unsure("line_cut")
    finally:
        server.close()
