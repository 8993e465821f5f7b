"""DingTalk custom robot. Its refusals come with status 200 and an `errcode`.

https://open.dingtalk.com/document/robots/custom-robot-access: bodies of 20,000 bytes, 20 messages a minute, above which it is silenced
for ten; with a signature, HMAC-SHA256 over "timestamp\\nsecret" in the question. A picture would have to lie on a public server.
"""

import base64
import hashlib
import hmac
import time

from . import outside, said
from .feishu import size  # as it lies in the body

HOSTS = ("oapi.dingtalk.com",)
ABILITIES = ("text", "card")
SECRET = "may"
A_MINUTE = 20
MOST, MOST_OF_CARD = 18_000, 18_000
BUSY, TOO_MANY = (-1,), (130101, 130102, 90018, 90030, 410100)
NO_ROBOT = (300001, 300005, 400013, 400101, 400102, 400106)

__all__ = ["send", "size"]


def send(channel, piece, key):
    asked = {}
    if channel.secret:
        timestamp = str(round(time.time() * 1000))
        asked = {"timestamp": timestamp, "sign": sign(timestamp, channel.secret)}
    answer = outside.post(_with(channel.address, asked), json=_body(piece))
    if found := said.of_status(answer):
        return found
    code = answer.json().get("errcode")
    if code == 0:
        return said.SENT
    if code in BUSY or code in TOO_MANY:
        return said.again("too_many" if code in TOO_MANY else "busy", 600 if code in TOO_MANY else 0)
    if code == 310000:  # the robot's own safety: signature, keyword or address
        words = str(answer.json().get("errmsg"))
        return said.dead("keyword_missing" if "keyword" in words else "not_from_here" if "whitelist" in words else "wrong_signature")
    if code in NO_ROBOT:
        return said.dead("no_such_channel")
    return said.no("refused") if isinstance(code, int) else said.unsure("unknown_answer")


def sign(timestamp, secret):
    return base64.b64encode(hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()).decode()


def _with(address, asked):
    return str(outside.httpx.URL(address).copy_merge_params(asked))


def _body(piece):
    if piece.url:
        card = {"title": piece.title, "text": f"### {piece.title}\n\n{piece.text}", "singleTitle": piece.label, "singleURL": piece.url}
        return {"msgtype": "actionCard", "actionCard": card}
    return {"msgtype": "text", "text": {"content": piece.text}}
