"""What docker-compose.yml says is right, and runs: checked without a container engine, with the servers of the wheels."""

import json
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request

import psutil
import psycopg
import pytest
import redis
from django.core.cache import cache

yaml = pytest.importorskip("yaml")

from crm.tenancy.jobs import SWEPT_AT  # noqa: E402
from groups.models import Wave  # noqa: E402
from tests.deployment.composition import FILE, HERE, Composition, image_settings, in_order, parsed  # noqa: E402
from tests.deployment.production import manage  # noqa: E402
from tests.deployment.test_settings import variables  # noqa: E402

OURS = ["migrate", "web", "worker", "beat"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(scope="module")
def secrets(folder):
    assert manage("make_secrets", folder / "secrets")[0] == 0
    return folder / "secrets"


# What it says


def test_the_file_keeps_to_the_compose_specification():
    """Against the specification's own schema; it and its licence lie beside this file."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = jsonschema.Draft202012Validator(json.loads((HERE / "tests/deployment/compose-spec.json").read_text()))

    schema.validate(yaml.safe_load(FILE.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        schema.validate({"services": {"web": {"comand": "granian"}}})


def test_another_reader_of_compose_files_understands_it():
    compose_spec = pytest.importorskip("compose_spec")

    read = compose_spec.PyCompose.from_json(json.dumps(parsed()))

    assert sorted(read.service_names()) == sorted(["postgres", "valkey", *OURS])


def test_it_asks_for_the_address_and_for_nothing_else():
    with pytest.raises(ValueError, match=r"Say in \.env where people find it"):
        parsed({})
    assert set(re.findall(r"\$\{(\w+):\?", FILE.read_text())) == {"BASE_URL"}


# Never set in production, and why.
NOT_FOR_REAL = {
    "QUNXING_EMBEDDED": "the demo's own servers say it",
    "DEBUG": "for work on the product",
    "PORT": "where the demo listens; in the compose file, where the machine does",
    "NUMBA_CACHE_DIR": "in the data folder unless it should lie elsewhere",
}


def test_every_variable_of_ours_is_a_setting_and_the_other_way_round():
    services = parsed()["services"]
    said = set(image_settings()) - {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "LANG", "GRANIAN_HOST"}
    for name in OURS:
        said |= {key.removesuffix("_FILE") for key in services[name]["environment"]} - {"GRANIAN_HOST"}

    assert said == variables() - NOT_FOR_REAL.keys()


def test_every_secret_is_made_mounted_and_read(secrets):
    file = parsed()
    made = {path.name for path in secrets.iterdir()}

    assert {name: each["file"] for name, each in file["secrets"].items()} == {name: f"./.secrets/{name}" for name in made}
    for name, service in file["services"].items():
        text = json.dumps([service.get("environment"), service["command"], service.get("healthcheck")])
        if name == "postgres":
            text += (HERE / "crm/tenancy/passwords.sql").read_text()
        assert set(service.get("secrets", [])) == set(re.findall(r"/run/secrets/(\w+)", text)), name


def test_the_login_that_changes_tables_is_given_to_the_migration_alone():
    services = parsed()["services"]

    assert [name for name in OURS if "MIGRATE_DATABASE_URL" in services[name]["environment"]] == ["migrate"]
    assert [name for name in OURS if "migrate_database_password" in services[name]["secrets"]] == ["migrate"]
    assert [name for name in services if "postgres_password" in services[name].get("secrets", [])] == ["postgres"]


def test_no_service_may_take_all_or_write_where_it_should_not():
    for name, service in parsed()["services"].items():
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert "test" in service["healthcheck"] or service["healthcheck"] == {"disable": True}, name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name


def test_servers_are_reached_by_us_alone():
    file = parsed()

    assert file["networks"]["inside"] == {"internal": True}
    assert [name for name, service in file["services"].items() if "ports" in service] == ["web"]
    assert file["services"]["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert {name: file["services"][name]["networks"] for name in ("postgres", "valkey")} == {"postgres": ["inside"], "valkey": ["inside"]}


def test_nobody_starts_before_what_it_needs():
    services = parsed()["services"]

    order = in_order(services)
    assert order[:3] == ["postgres", "valkey", "migrate"]
    for name in "web", "worker", "beat":
        assert services[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "valkey": {"condition": "service_healthy"},
            "migrate": {"condition": "service_completed_successfully"},
        }


# The image


def dockerfile():
    """[(instruction, rest)], lines joined."""
    text = re.sub(r"^#.*\n", "", (HERE / "Dockerfile").read_text().replace("\\\n", " "), flags=re.MULTILINE)
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_the_image_runs_as_nobody_in_particular_with_what_the_compose_file_runs():
    last = dockerfile()[[word for word, _ in dockerfile()].index("FROM", 1) :]

    assert [rest for word, rest in last if word == "USER"] == ["10001:10001"]
    assert [rest for word, rest in last if word == "VOLUME"] == ["/data"]
    (check,) = [rest for word, rest in last if word == "HEALTHCHECK"]
    assert json.loads(check.split("CMD ")[1]) == parsed()["services"]["web"]["healthcheck"]["test"][1:]


def test_the_image_installs_the_pins_and_no_tools():
    (install,) = [rest for word, rest in dockerfile() if word == "RUN" and "uv sync" in rest]

    assert "--no-dev" in install.split()
    assert "--group" not in install
    assert [rest for word, rest in dockerfile() if word == "FROM"] == ["python:3.13-slim AS build", "python:3.13-slim"]


def test_the_image_holds_the_house_and_no_secrets():
    lines = [line for line in (HERE / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

    assert lines[0] == "*"
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    rooms = {path.name for path in HERE.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))} - {"tests"}
    assert rooms | {"manage.py", "pyproject.toml"} <= let_in <= rooms | {"manage.py", "pyproject.toml", "incentives", "partners"}


# It runs


@pytest.fixture(scope="module")
def collected(folder):
    """What the Dockerfile's own line collects, with its folders put elsewhere."""
    (line,) = [rest for word, rest in dockerfile() if word == "RUN" and "collectstatic" in rest]
    line = line.replace("/srv/static", str(folder / "static")).replace("/tmp/build", str(folder / "build"))
    before, _, words = line.partition(" /venv/bin/python manage.py ")
    said = manage(*words.split(), **dict(word.split("=", 1) for word in before.split()))
    assert said[::2] == (0, "")
    return folder / "static"


@pytest.fixture(scope="module")
def house(folder, collected, secrets):
    running = Composition(folder)
    try:
        running.up()
        yield running
    finally:
        running.down()


def ask(house, path, **headers):
    headers = {"Host": "crm.example.com", "X-Forwarded-Proto": "https"} | headers
    request = urllib.request.Request(f"http://127.0.0.1:{house.ports['web']}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def database(house):
    """As its superuser, by the password of the file."""
    password = (house.folder / "secrets/postgres_password").read_text()
    return psycopg.connect(host="127.0.0.1", port=house.ports["postgres"], dbname="crm", user="postgres", password=password)


def test_everything_starts_and_is_healthy(house):
    assert {name: house.health(name) for name in house.services if name != "migrate"} == {
        "postgres": (0, f"127.0.0.1:{house.ports['postgres']} - accepting connections"),
        "valkey": (0, ""),
        "web": (0, ""),
        "worker": (0, ""),
        "beat": (0, ""),
    }


def test_the_doctor_finds_no_fault(house):
    _until_swept(house)
    status, out, err = house.run("web", "python", "manage.py", "doctor", "--json")

    found = json.loads(out)
    assert (status, err) == (0, "")
    assert [each["sentence"] for each in found if each["state"] != "ok"] == [
        f"No mail is sent: it is written to {house.folder / 'data/mail'}. Set SMTP_HOST."
    ]


def _until_swept(house):
    """Beat asked for a sweep and the worker made one."""
    password = (house.folder / "secrets/redis_password").read_text()
    valkey = redis.Redis(port=house.ports["valkey"], password=password)
    _until(lambda: valkey.exists(cache.make_key(SWEPT_AT)))


def test_a_page_comes_as_production_sends_it(house):
    status, headers, page = ask(house, "/accounts/login/")

    assert status == 200
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    cookies = headers.get_all("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)
    style = re.search(rb'href="(/static/[^"]*\.css)"', page)[1].decode()
    status, headers, _ = ask(house, style, **{"Accept-Encoding": "br"})
    assert (status, headers["Content-Encoding"], headers["Cache-Control"]) == (200, "br", "max-age=315360000, public, immutable")


def test_a_page_without_https_leads_to_https_and_another_host_nowhere(house):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args):
            return None

    request = urllib.request.Request(f"http://127.0.0.1:{house.ports['web']}/accounts/login/", headers={"Host": "crm.example.com"})
    with pytest.raises(urllib.error.HTTPError) as led:
        urllib.request.build_opener(Stay).open(request)

    assert (led.value.code, led.value.headers["Location"]) == (301, "https://crm.example.com/accounts/login/")
    assert ask(house, "/accounts/login/", Host="evil.example.com")[0] == 400


def test_logins_need_their_passwords_and_are_what_they_should_be(house):
    for login, role in ("crm", "app"), ("crm_migrate", "owner"):
        name = {"crm": "database_password", "crm_migrate": "migrate_database_password"}[login]
        password = (house.folder / "secrets" / name).read_text()
        where = {"host": "127.0.0.1", "port": house.ports["postgres"], "dbname": "crm", "user": login}
        with psycopg.connect(**where, password=password) as connection:
            assert connection.execute("SELECT session_user, current_user").fetchone() == (login, role)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**where, password="wrong")


def test_migrating_again_changes_nothing(house):
    status, out, err = house.run("migrate", *house.command("migrate"))

    assert (status, err) == (0, "")
    assert "No migrations to apply." in out


def test_the_web_keeps_its_connections(house):
    """At most one for each thread, and not one for each request."""
    seen = set()
    for _ in range(20):
        assert ask(house, "/readyz")[0] == 200
        for process in psutil.Process(house.processes["web"].pid).children(recursive=True):
            seen |= {each.laddr.port for each in process.net_connections() if each.raddr and each.raddr.port == house.ports["postgres"]}

    assert 1 <= len(seen) <= 2 * 4


ROLES = """
import crm.wsgi
from django.db import connection
from crm.tenancy.scope import sweeping
for _ in range(9):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, pg_backend_pid()")
        print(*cursor.fetchone())
    connection.close()  # back into the pool
    with sweeping():
        pass
    connection.close()
"""


def test_a_connection_out_of_the_pool_still_acts_as_app(house):
    status, out, err = house.run("web", "python", "-c", ROLES)

    roles, pids = zip(*[line.split() for line in out.splitlines()], strict=True)
    assert (status, err, set(roles)) == (0, "", {"app"})
    assert len(set(pids)) <= 4


# It stops well


def test_the_web_finishes_what_it_was_asked_when_it_is_stopped_and_is_ill_until_it_is_back(house):
    answers = []
    with database(house) as login:
        login.execute("LOCK TABLE tenancy_tenant IN ACCESS EXCLUSIVE MODE")
        asker = threading.Thread(target=lambda: answers.append(ask(house, "/readyz")[0]))
        asker.start()
        _until(lambda: _waiting(login, "tenancy_tenant"))
        house.processes["web"].send_signal(signal.SIGTERM)
        _until(lambda: "Stopping worker" in house.log("web"))
        login.rollback()
    asker.join()

    assert (answers, house.processes["web"].wait(60)) == ([200], 0)
    assert "does not answer" in house.wait_until_ill("web")
    house.start("web")
    house.wait_until_healthy("web")


def test_the_worker_finishes_what_it_began_when_it_is_stopped_and_is_ill_within_a_minute(house):
    with database(house) as login:
        login.execute(f"LOCK TABLE {Wave._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        _until(lambda: _waiting(login, Wave._meta.db_table))  # a sweep that cannot read it yet
        house.processes["worker"].send_signal(signal.SIGTERM)
        _until(lambda: "Warm shutdown" in house.log("worker"))
        login.rollback()

    assert house.processes["worker"].wait(60) == 0, house.log("worker")
    _is_ill_within_a_minute(house, "worker")
    house.start("worker")
    house.wait_until_healthy("worker")


def _is_ill_within_a_minute(house, part):
    (file,) = (house.folder / "data/alive").glob(f"{part}-*")
    minute_ago = time.time() - 61
    os.utime(file, (minute_ago, minute_ago))  # rather than wait for it

    status, words = house.health(part)
    assert status == 1
    assert words.startswith(f"The {part} has said nothing for ")  # as long as it took to ask, and a minute


def _waiting(login, table):
    (count,) = login.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table]).fetchone()
    return count > 0


def _until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# Health checks see what is broken


def test_a_dead_beat_is_ill_within_a_minute(house):
    house.kill("beat")

    _is_ill_within_a_minute(house, "beat")
    house.start("beat")
    house.wait_until_healthy("beat")


def test_without_the_database_the_web_is_ill_and_heals_by_itself(house):
    house.kill("postgres")

    assert house.wait_until_ill("postgres").endswith("no response")
    assert '"database": false' in house.wait_until_ill("web")
    house.start("postgres")
    for name in "postgres", "web":
        house.wait_until_healthy(name)


def test_without_valkey_the_web_is_ill_and_all_heal_by_themselves(house):
    house.kill("valkey")

    assert house.wait_until_ill("valkey") != ""
    assert '"broker": false' in house.wait_until_ill("web")
    for part in "worker", "beat":
        (file,) = (house.folder / "data/alive").glob(f"{part}-*")
        os.utime(file, (1, 1))
        assert house.health(part)[0] == 1
    house.start("valkey")
    for name in "valkey", "web", "worker", "beat":
        house.wait_until_healthy(name)


def test_beat_writes_down_when_it_did_what(house):
    assert [path.name for path in (house.folder / "data").glob("beat*")]
