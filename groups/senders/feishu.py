"""Feishu (Lark) custom bot. Its refusals come with status 200 and a `code`.

https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: bodies of 20 KB, 100 messages a minute; with a signature, HMAC-SHA256
over nothing with "timestamp\\nsecret" as the key. A picture would need an app that has uploaded it first.
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
TOO_MANY, NO_BOT = (11232, 11233), (19001, 19021, 19022, 19024, 19036)


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
    if answer.status == 400 and "code" in answer.json():  # some refusals come with this one
        found = None
    elif found := said.of_status(answer):
        return found
    told = answer.json()
    code = told.get("code", told.get("StatusCode"))
    if code == 0:
        return said.SENT
    if code in TOO_MANY:
        return said.again("too_many", 60)
    if code in NO_BOT:
        return said.dead("wrong_signature" if code == 19021 else "keyword_missing" if code == 19024 else "no_such_channel")
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
