"""Discord webhook: the message as it was kept, or JSON with a code; 429 says in how many seconds.

https://docs.discord.com/developers/resources/webhook#execute-webhook: texts of 2,000 characters; without `wait` a message that was not kept
comes back as a success. Cards of 4,096, their link among them (https://docs.discord.com/developers/resources/message#embed-object-embed-limits),
pictures of 10 MB (https://docs.discord.com/developers/reference#uploading-files), some 30 messages a minute
(https://docs.discord.com/developers/topics/rate-limits).
"""

import json

from . import outside, said
from .pieces import in_utf16

HOSTS = ("discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com")
ABILITIES = ("text", "picture", "card")
SECRET = None
A_MINUTE = 25
MOST, size = 2000, in_utf16
MOST_OF_CARD = 3500  # its link stands below
TOGETHER = True
HEAVIEST, PICTURES = 8 * 10**6, ("image/jpeg", "image/png", "image/webp")
PINGS_NOBODY = {"allowed_mentions": {"parse": []}}


def send(channel, piece, key):
    address = str(outside.httpx.URL(channel.address).copy_merge_params({"wait": "true"}))
    if piece.picture:
        name = "picture." + piece.picture_type.partition("/")[2]
        told = {"content": piece.text} | PINGS_NOBODY
        files = {"files[0]": (name, piece.picture, piece.picture_type)}
        answer = outside.post(address, data={"payload_json": json.dumps(told)}, files=files)
    else:
        answer = outside.post(address, json=_body(piece))
    if answer.status == 429:
        return said.again("too_many", answer.json().get("retry_after") or answer.headers.get("retry-after"))
    return said.of_status(answer) or said.SENT


def _body(piece):
    if not piece.url:
        return {"content": piece.text} | PINGS_NOBODY
    return {
        "embeds": [{"title": piece.title, "description": f"{piece.text}\n\n[{piece.label}]({piece.url})", "url": piece.url}]
    } | PINGS_NOBODY
