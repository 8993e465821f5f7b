"""The doors with 2,000 tenants behind them: `python -m tests.benchmarks.doors [--tenants N] [--seconds S] [--no-pages]`.

Servers of its own in a folder that is thrown away; the production server (granian, WSGI, pooled connections) beside two bare ones on
the same tables (`bare.py`), asked in turn by the same client over 8 connections that stay open. Then each page of the main job, in
the same full database. It prints tables; nothing is asserted.
"""

import argparse
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from tests.benchmarks import filling

MEMBERS, COHORTS, GROUPS = 500, 4, 4
CONNECTIONS = 8
ASKED = 200  # tenants that are asked, in turn
FOLDER = Path(__file__).parents[2]


def main():
    from crm import servers

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tenants", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement; each is taken three times and the median shown")
    parser.add_argument("--requests", type=int, default=100, help="of each page")
    parser.add_argument("--no-pages", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        with servers.running(Path(folder), fast=False) as addresses:
            os.environ.update(addresses, DJANGO_SETTINGS_MODULE="crm.settings", LOG_LEVEL="ERROR", API_RATE="1000000")
            import django

            django.setup()
            _measure(Path(folder), asked)


def _measure(folder, asked):
    from django.core.management import call_command

    from tests.benchmarks import house

    call_command("migrate", verbosity=0)
    tenants = _fill(asked.tenants)
    house.as_after_a_minute()
    _doors(folder, tenants, asked.seconds)
    if not asked.no_pages:
        print("\nPages of the main job, in the same database")
        house.measure(folder, asked.requests, migrated=True)


def _fill(count):
    """Returns [(tenant's id, key, ids of members without a star)] of those that will be asked: some out of all."""
    from crm.tenancy import keys
    from crm.tenancy.models import Seat, User
    from crm.tenancy.scope import acting_for
    from members.models import Member

    tenants, chosen = filling.fill(count, members=MEMBERS, cohorts=COHORTS, groups=GROUPS), []
    for number, tenant in enumerate(tenants[:: max(1, count // ASKED)][:ASKED]):
        with acting_for(tenant):
            user = User.objects.create_user(f"owner{number}@bench.example")
            seat = Seat.objects.create(tenant_id=tenant, user=user, role=Seat.Role.OWNER)
            chosen.append((str(tenant), keys.make(seat)[1], [str(pk) for pk in Member.objects.values_list("pk", flat=True)]))
    return chosen


# Three servers, one client


def _doors(folder, tenants, seconds):
    database = os.environ["DATABASE_URL"].replace("//crm@", "//postgres@")
    # As in docker-compose.yml: each of the four threads has a connection.
    ours = {name: value for name, value in os.environ.items() if name != "MIGRATE_DATABASE_URL"} | {"DATABASE_POOL": "4"}
    bare = ours | {"BARE_DATABASE_URL": database}
    kinds = {
        "Qunxing": ("crm.wsgi:application", ours),
        "(a) bare DRF": ("tests.benchmarks.bare:application", bare | {"BARE": "drf"}),
        "(b) psycopg + orjson": ("tests.benchmarks.bare:application", bare | {"BARE": "raw"}),
    }
    stars = {name: iter(_members_in_turn(tenants, place)) for place, name in enumerate(kinds)}
    acts = {
        "list of 50": lambda name, n: _get(tenants[n % len(tenants)], "members/"),
        "read one": lambda name, n: _get(tenants[n % len(tenants)], f"members/{tenants[n % len(tenants)][2][n % MEMBERS]}/"),
        "create": lambda name, n: _post(*next(stars[name])),
    }
    print(f"\n{CONNECTIONS} connections, {seconds:.0f} s each, the median of three; p95 in ms")
    print(f"{'':22}" + "".join(f"{act:>24}" for act in acts))
    found = {name: {act: [] for act in acts} for name in kinds}
    for _ in range(3):
        for name, (application, env) in kinds.items():
            with _served(folder, application, env) as port:
                for act, request in acts.items():
                    _load(port, lambda n, request=request, name=name: request(name, n), min(seconds, 1.0))
                    found[name][act].append(_load(port, lambda n, request=request, name=name: request(name, n), seconds))
    figures = {name: {act: sorted(runs)[1] for act, runs in of.items()} for name, of in found.items()}
    for name, of in figures.items():
        print(f"{name:22}" + "".join(f"{rate:12,.0f}/s p95 {p95:6.1f}" for rate, p95 in of.values()))
    for name in list(figures)[1:]:
        print(f"{'times ' + name:22}" + "".join(f"{figures[name][act][0] / figures['Qunxing'][act][0]:14.2f}{'':10}" for act in acts))


def _members_in_turn(tenants, place):
    """No member twice, since a star shines once; each server has members of its own."""
    for at in range(place, MEMBERS, 3):
        for tenant in tenants:
            yield tenant, tenant[2][at]


def _head(tenant, method, path, more=""):
    pk, key, _ = tenant
    return f"{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nX-Tenant: {pk}\r\n{more}\r\n".encode()


def _get(tenant, path):
    return _head(tenant, "GET", path)


def _post(tenant, member):
    body = json.dumps({"member": member, "because": "helper", "since": "2026-01-01"})
    return _head(tenant, "POST", "stars/", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n") + body.encode()


@contextmanager
def _served(folder, application, env):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--blocking-threads", "4", "--log-level", "warning", application]
    log = folder / "web.log"
    with log.open("ab") as out, subprocess.Popen(command, env=env, cwd=FOLDER, stdout=out, stderr=out) as server:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and server.poll() is None:
                with socket.socket() as knock:
                    if not knock.connect_ex(("127.0.0.1", port)):
                        break
                time.sleep(0.05)
            else:
                raise SystemExit(log.read_text()[-2000:])
            yield port
        except BaseException:
            print(log.read_text()[-2000:])
            raise
        finally:
            server.terminate()


def _load(port, request, seconds):
    """(requests per second, p95 in ms)."""
    spent, faults, numbers, lock = [], [], itertools.count(random.randrange(10_000)), threading.Lock()
    until = time.monotonic() + seconds

    def ask():
        mine = []
        with socket.create_connection(("127.0.0.1", port)) as line, line.makefile("rb") as answers:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.monotonic() < until:
                with lock:
                    said = request(next(numbers))
                started = time.perf_counter()
                line.sendall(said)
                status = _answer(answers)
                mine.append((time.perf_counter() - started) * 1000)
                if status not in (200, 201):
                    faults.append(status)
        spent.extend(mine)

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise SystemExit(f"{len(faults)} of {len(spent)} requests were refused, the first with {faults[0]}")
    return len(spent) / seconds, quantiles(spent, n=20)[-1]


def _answer(answers):
    status, length, is_chunked = int(answers.readline().split()[1]), 0, False
    while (line := answers.readline()) not in (b"\r\n", b""):
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
        is_chunked |= name == b"transfer-encoding"
    while is_chunked and (length := int(answers.readline(), 16)):
        answers.read(length + 2)
    answers.read(length or 2 * is_chunked)
    return status


if __name__ == "__main__":
    main()
