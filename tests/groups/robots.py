"""A server that stands for the platforms' robots, and remembers what it was asked."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HANG, CUT = "hang", "cut"


@dataclass(frozen=True)
class Asked:
    path: str
    query: dict
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Robots:
    """`says` is the next answers, one after another, the last one for ever: (status, body, headers), HANG or CUT."""

    def __init__(self):
        self.asked, self.answers, self.release = [], [(200, "ok", {})], threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def url(self):
        return f"http://{self.host}"

    def says(self, *answers):
        self.answers = [answer if isinstance(answer, str) else (*answer, {})[:3] for answer in answers]

    def answer(self, asked):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def stands_for(self, kind):
        """From now on it takes and refuses messages as that platform publishes."""
        self.answer = lambda asked: (*PUBLISHED[kind](asked), {})

    def end(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


# What the platforms publish; where, stands in each module of `groups/senders/`


def _wecom(asked):
    said = asked.json
    if said["msgtype"] == "text":
        fits = len(said["text"]["content"].encode()) <= 2048
    elif said["msgtype"] == "image":
        picture = base64.b64decode(said["image"]["base64"])
        fits = len(picture) <= 2 * 1024 * 1024 and said["image"]["md5"] == hashlib.md5(picture).hexdigest()
    else:
        card = said["template_card"]
        fits = card["card_action"]["type"] == 1 and len(card["sub_title_text"]) <= 112 and bool(card["main_title"]["title"])
    return 200, {"errcode": 0, "errmsg": "ok"} if fits else {"errcode": 45002, "errmsg": "content size out of limit"}


def _feishu(asked):
    return 200, {"code": 0, "msg": "success"} if len(asked.body) <= 20_000 else {"code": 9499, "msg": "Bad Request", "data": {}}


def _dingtalk(asked):
    return 200, {"errcode": 0, "errmsg": "ok"} if len(asked.body) <= 20_000 else {"errcode": 40035, "errmsg": "invalid parameter"}


def _slack(asked):
    said = asked.json
    blocks = {block["type"]: block for block in said.get("blocks", [])}
    if len(said["text"]) > 4000 or (blocks and len(blocks["section"]["text"]["text"]) > 3000):
        return 400, "invalid_blocks"
    if blocks and (len(blocks["header"]["text"]["text"]) > 150 or len(blocks["actions"]["elements"][0]["text"]["text"]) > 75):
        return 400, "invalid_blocks"
    return 200, "ok"


def _discord(asked):
    said = asked.json
    cards = said.get("embeds", [])
    if len(said.get("content", "")) > 2000 or any(len(each["description"]) > 4096 or len(each["title"]) > 256 for each in cards):
        return 400, {"code": 50035, "message": "Invalid Form Body"}
    return (200, {"id": "1", "content": ""}) if asked.query.get("wait") == ["true"] else (204, "")


def _telegram(asked):
    if len(asked.json["text"].encode("utf-16-le")) // 2 > 4096:
        return 400, {"ok": False, "error_code": 400, "description": "Bad Request: message is too long"}
    return 200, {"ok": True, "result": {"message_id": 1}}


PUBLISHED = {"wecom": _wecom, "feishu": _feishu, "dingtalk": _dingtalk, "slack": _slack, "discord": _discord, "telegram": _telegram}


def _handler(robots):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(parts.path, parse_qs(parts.query), headers, body)
            robots.asked.append(asked)
            answer = robots.answer(asked)
            if answer == HANG:
                robots.release.wait(30)
            elif answer != CUT:
                self._say(*answer)
            self.close_connection = True

        def _say(self, status, body, headers):
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    return Handler
