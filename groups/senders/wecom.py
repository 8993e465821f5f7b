"""WeCom group robot. Its refusals come with status 200 and an `errcode`.

https://developer.work.weixin.qq.com/document/path/99110: texts of 2,048 bytes, pictures (JPEG, PNG) of 2 MB before base64, 20 messages a
minute; below the title of a card 112 characters. Its codes: https://developer.work.weixin.qq.com/document/path/90313.
"""

import base64
import hashlib

from . import outside, said
from .pieces import characters, in_bytes

HOSTS = ("qyapi.weixin.qq.com",)
ABILITIES = ("text", "picture", "card")
SECRET = None
A_MINUTE = 20
MOST, size = 2048, in_bytes
MOST_OF_CARD, size_of_card = 112, characters
HEAVIEST, PICTURES = 2 * 1024 * 1024, ("image/jpeg", "image/png")
BUSY, TOO_MANY, NO_ROBOT = (-1, 40014, 42001), (45009, 45033), (93000, 93004, 93008, 93017)


def send(channel, piece, key):
    answer = outside.post(channel.address, json=_body(piece))
    if found := said.of_status(answer):
        return found
    code = answer.json().get("errcode")
    if code == 0:
        return said.SENT
    if code in BUSY or code in TOO_MANY:
        return said.again("too_many" if code in TOO_MANY else "busy", 600 if code in TOO_MANY else 0)  # silenced for about ten minutes
    if code in NO_ROBOT:
        return said.dead("no_such_channel")
    return said.no("refused") if isinstance(code, int) else said.unsure("unknown_answer")


def _body(piece):
    if piece.url:
        card = {"card_type": "text_notice", "main_title": {"title": piece.title}, "sub_title_text": piece.text}
        card |= {"card_action": {"type": 1, "url": piece.url}, "jump_list": [{"type": 1, "url": piece.url, "title": piece.label}]}
        return {"msgtype": "template_card", "template_card": card}
    if piece.picture:
        md5 = hashlib.md5(piece.picture, usedforsecurity=False).hexdigest()
        return {"msgtype": "image", "image": {"base64": base64.b64encode(piece.picture).decode(), "md5": md5}}
    return {"msgtype": "text", "text": {"content": piece.text}}
