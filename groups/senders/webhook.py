"""A signed webhook as Standard Webhooks says (https://www.standardwebhooks.com): the same message again has the same id.

So its receiver drops repeats, and where nobody knows whether it got there, it is simply sent again.
"""

import base64
import json
import secrets
from datetime import UTC, datetime

from standardwebhooks import Webhook

from . import outside, said
from .pieces import characters

HOSTS = ()
ABILITIES = ("text", "picture", "card")
SECRET = "must"
A_MINUTE = 60
MOST, size = 100_000, characters
MOST_OF_CARD = 100_000
TOGETHER = True
HEAVIEST, PICTURES = 8 * 10**6, ("image/jpeg", "image/png", "image/webp")
DROPS_REPEATS = True
SHORTEST_KEY = 24


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text):
    try:
        return text.startswith("whsec_") and len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) >= SHORTEST_KEY
    except ValueError:
        return False


def send(channel, piece, key):
    moment = datetime.now(UTC)
    data = {"group": str(channel.group_id), "title": piece.title, "text": piece.text}
    if piece.url:
        data["card"] = {"url": piece.url, "label": piece.label}
    if piece.picture:
        data["picture"] = {"type": piece.picture_type, "base64": base64.b64encode(piece.picture).decode()}
    body = json.dumps({"type": "push", "timestamp": moment.isoformat(), "data": data}, ensure_ascii=False)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(channel.secret).sign(key, moment, body),
    }
    try:
        answer = outside.post(channel.address, content=body.encode(), headers=headers)
    except outside.Unsure as problem:
        return said.again(problem.code)
    found = said.of_status(answer) or said.SENT
    if answer.status == 410:
        return said.dead("no_such_channel")
    return said.again(found.code) if found.what in ("unsure", "dead") else found
