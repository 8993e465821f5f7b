"""The demo as a stranger starts it, in a data folder of its own, and what it printed."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parents[2]
OURS = {"DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL", "QUNXING_EMBEDDED", "DATA_DIR", "COLLECTED", "BASE_URL"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demo:
    """`with Demo(data, "--from", folder) as demo:` from the printed card on, until it has stopped."""

    def __init__(self, data, *words):
        self.data, self.words, self.said = data, words, []

    def __enter__(self):
        port = free_port()
        self.base = f"http://localhost:{port}"
        env = {name: value for name, value in os.environ.items() if name not in OURS}
        env |= {"DATA_DIR": str(self.data), "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "manage.py", "demo", "--port", str(port), *map(str, self.words)]
        self.process = subprocess.Popen(command, cwd=HERE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        ready = threading.Event()
        threading.Thread(target=self._read, args=[ready], daemon=True).start()
        assert ready.wait(400), self.said
        return self

    def _read(self, ready):
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                ready.set()
        ready.set()

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(90) == 0

    @property
    def slug(self):
        return re.search(rf"{self.base}/([\w-]+)/", "\n".join(self.said))[1]

    @property
    def password(self):
        return self._word("password")

    @property
    def key(self):
        return re.search(r"qx_key_[\w-]+", "\n".join(self.said))[0]

    def sign_ins(self, role):
        return re.findall(rf"{role}\s+(\S+@\S+)", "\n".join(self.said))

    def _word(self, name):
        return re.search(rf"{name}\s+(\S+)", "\n".join(self.said))[1]

    def query(self, sql):
        """Ask the demo's database as whoever may see everything; for what only time would bring."""
        run = [sys.executable, "manage.py", "shell", "--no-imports", "-c", sql]
        env = {name: value for name, value in os.environ.items() if name not in OURS} | {"DATA_DIR": str(self.data), "LOG_LEVEL": "ERROR"}
        return subprocess.run(run, cwd=HERE, env=env, capture_output=True, text=True, check=True).stdout.strip()


def wait_for(what, seconds=240):
    """Poll until it is true; the last answer is returned."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
    return found
