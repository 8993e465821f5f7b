"""A server that stands for the platforms' robots, and remembers what it was asked."""

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

    def end(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


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
