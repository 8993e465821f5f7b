"""Telegram bot. `ok` is false where it refuses, with what to do in `parameters`.

https://core.telegram.org/bots/api#sendmessage: texts of 4,096 characters; #sendphoto: pictures of 10 MB; #responseparameters: a group that
has become a supergroup has another number. 20 messages a minute into one group
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). The address is the chat (its number, or @name), the
secret the bot's token.
"""

import re

from . import outside, said
from .pieces import in_utf16

API = "https://api.telegram.org"
HOSTS = ()
ABILITIES = ("text", "picture", "card")
SECRET = "must"
A_MINUTE = 20
MOST, size = 4096, in_utf16
MOST_OF_CARD = 3900
HEAVIEST, PICTURES = 10 * 10**6, ("image/jpeg", "image/png", "image/webp")
CHAT, TOKEN = re.compile(r"-?\d{3,20}|@[A-Za-z0-9_]{4,64}"), re.compile(r"\d{3,20}:[A-Za-z0-9_-]{20,100}")


def send(channel, piece, key):
    if piece.picture:
        photo = {"photo": ("picture", piece.picture, piece.picture_type)}
        answer = outside.post(f"{API}/bot{channel.secret}/sendPhoto", data={"chat_id": channel.address}, files=photo)
    else:
        answer = outside.post(f"{API}/bot{channel.secret}/sendMessage", json={"chat_id": channel.address} | _body(piece))
    told = answer.json()
    if told.get("ok") is True:
        return said.SENT
    if told.get("ok") is not False:
        return said.of_status(answer) or said.unsure("unknown_answer")
    code = told.get("error_code", answer.status)
    if code == 429:
        return said.again("too_many", (told.get("parameters") or {}).get("retry_after"))
    if "migrate_to_chat_id" in (told.get("parameters") or {}):
        return said.dead("group_moved")
    if code in (401, 403, 404) or "chat not found" in str(told.get("description")):
        return said.dead("no_such_channel")
    return said.unsure("server_error") if isinstance(code, int) and code >= 500 else said.no("refused")


def _body(piece):
    if not piece.url:
        return {"text": piece.text}
    button = {"text": piece.label, "url": piece.url}
    return {"text": f"{piece.title}\n\n{piece.text}".strip(), "reply_markup": {"inline_keyboard": [[button]]}}
