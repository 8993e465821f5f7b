"""Feishu (Lark) custom bot. Its refusals come with status 200 and a `code`.

https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: bodies of 20 KB, 100 messages a minute and 5 a second; with a signature,
HMAC-SHA256 over nothing with "timestamp\\nsecret" as the key. A picture would need an app that has uploaded it first. The gateway before it
has a code of its own for too many, and says when that ends: https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control.
"""

import base64
import hashlib
import hmac
import json
import time

from . import outside, said

HOSTS = ("open.feishu.cn", "open.larksuite.com")
ABILITIES = ("text", "card")
SECRET = "may"
A_MINUTE = 60
MOST, MOST_OF_CARD = 18_000, 18_000
TOO_MANY, BAD_REQUEST = (11232, 11233, 99991400), 9499
DEAD = {19001: "no_such_channel", 19021: "wrong_signature", 19022: "not_from_here", 19024: "keyword_missing", 19036: "no_such_channel"}


def size(text):
    """As it lies in the body."""
    return len(json.dumps(text, ensure_ascii=False).encode())


def send(channel, piece, key):
    body = _body(piece)
    if channel.secret:
        timestamp = str(int(time.time()))
        body |= {"timestamp": timestamp, "sign": sign(timestamp, channel.secret)}
    content = json.dumps(body, ensure_ascii=False).encode()
    answer = outside.post(channel.address, content=content, headers={"Content-Type": "application/json; charset=utf-8"})
    if answer.status in (400, 429) and "code" in answer.json():  # some refusals come with these
        found = None
    elif found := said.of_status(answer):
        return found
    told = answer.json()
    code = told.get("code", told.get("StatusCode"))
    if code == 0:
        return said.SENT
    if code in TOO_MANY or answer.status == 429 or (code == BAD_REQUEST and "too many" in str(told.get("msg"))):
        return said.again("too_many", answer.headers.get("x-ogw-ratelimit-reset") or 60)
    if code in DEAD:
        return said.dead(DEAD[code])
    return said.no("refused") if isinstance(code, int) else said.unsure("unknown_answer")


def sign(timestamp, secret):
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), digestmod=hashlib.sha256).digest()).decode()


def _body(piece):
    if not piece.url:
        return {"msg_type": "text", "content": {"text": piece.text}}
    button = {"tag": "button", "text": {"tag": "plain_text", "content": piece.label}, "url": piece.url, "type": "primary"}
    elements = [{"tag": "div", "text": {"tag": "plain_text", "content": piece.text}}, {"tag": "action", "actions": [button]}]
    card = {"header": {"title": {"tag": "plain_text", "content": piece.title}}, "elements": elements}
    return {"msg_type": "interactive", "card": card}
