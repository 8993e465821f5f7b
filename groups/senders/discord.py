"""Discord webhook: 204, or JSON with a code; 429 says in how many seconds.

https://docs.discord.com/developers/resources/webhook#execute-webhook: texts of 2,000 characters, pictures of 8 MB, 30 messages a minute.
"""

import json

from . import outside, said
from .pieces import in_utf16

HOSTS = ("discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com")
ABILITIES = ("text", "picture", "card")
SECRET = None
A_MINUTE = 25
MOST, size = 2000, in_utf16
MOST_OF_CARD = 4096
TOGETHER = True
HEAVIEST, PICTURES = 8 * 10**6, ("image/jpeg", "image/png", "image/webp")
PINGS_NOBODY = {"allowed_mentions": {"parse": []}}


def send(channel, piece, key):
    if piece.picture:
        name = "picture." + piece.picture_type.partition("/")[2]
        told = {"content": piece.text} | PINGS_NOBODY
        files = {"files[0]": (name, piece.picture, piece.picture_type)}
        answer = outside.post(channel.address, data={"payload_json": json.dumps(told)}, files=files)
    else:
        answer = outside.post(channel.address, json=_body(piece))
    if answer.status == 429:
        return said.again("too_many", answer.json().get("retry_after") or answer.headers.get("retry-after"))
    return said.of_status(answer) or said.SENT


def _body(piece):
    if not piece.url:
        return {"content": piece.text} | PINGS_NOBODY
    return {
        "embeds": [{"title": piece.title, "description": f"{piece.text}\n\n[{piece.label}]({piece.url})", "url": piece.url}]
    } | PINGS_NOBODY
