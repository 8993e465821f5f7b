"""The settings of a deployment come from variables and files, and say in a sentence what is missing."""

import ast
import re
import stat

import pytest
from cryptography.fernet import Fernet

from tests.deployment.production import HERE, manage, run

GIVEN = {
    "DATABASE_URL": "postgresql://crm@db.invalid/crm",
    "REDIS_URL": "redis://valkey.invalid:6379",
    "SECRET_KEY": "k9Zt4w" * 10,
    "SECRET_KEYS": Fernet.generate_key().decode(),
    "BASE_URL": "https://crm.example.com",
}
# Read by neighbours of ours, or by the shell: they are no settings of a deployment.
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "LC_ALL", "LC_MESSAGES", "LANG", "TMPDIR"}


def setting(name, **env):
    script = f"from django.conf import settings; print({name})"
    return run(["-c", f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'crm.settings'; {script}"], env)


def test_everything_that_is_missing_is_named_at_once():
    some = {name: GIVEN[name] for name in ("DATABASE_URL", "REDIS_URL")}

    assert manage("check", **some) == (
        1, "", "Set SECRET_KEY, SECRET_KEYS, BASE_URL, or a file with it as NAME_FILE: outside the demo there is no default.\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("SECRET_KEY", "s" * 60, "settings.SECRET_KEY"),
        ("SECRET_KEYS", "one,two", "','.join(settings.SECRET_KEYS)"),
        ("DATABASE_PASSWORD", "p/ß@:", "settings.DATABASES['default']['PASSWORD']"),
        ("MIGRATE_DATABASE_PASSWORD", "p/ß@:", "settings.DATABASES['default']['MIGRATE']['PASSWORD']"),
        ("DATABASE_URL", "postgresql://crm@other.invalid/crm", "settings.DATABASE_URL"),
        ("SMTP_PASSWORD", "secret", "settings.EMAIL_HOST_PASSWORD"),
    ],
)
def test_a_secret_comes_from_a_file(tmp_path, name, value, read):
    (tmp_path / "secret").write_text(f"{value}\n")
    env = GIVEN | {"MIGRATE_DATABASE_URL": "postgresql://crm_migrate@db.invalid/crm"}
    env.pop(name, None)

    assert setting(read, **env, **{f"{name}_FILE": str(tmp_path / "secret")}) == (0, f"{value}\n", "")


def test_the_password_of_valkey_goes_into_its_address(tmp_path):
    (tmp_path / "secret").write_text("a/b@c")

    assert setting("settings.CELERY_BROKER_URL", **GIVEN, REDIS_PASSWORD_FILE=str(tmp_path / "secret")) == (
        0, "redis://:a%2Fb%40c@valkey.invalid:6379\n", "",
    )  # fmt: skip


def test_a_secret_that_is_given_twice_is_refused(tmp_path):
    status, out, err = manage("check", **GIVEN, SECRET_KEY_FILE=str(tmp_path))

    assert (status, out, err) == (1, "", "SECRET_KEY and SECRET_KEY_FILE are both set; keep one of them.\n")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    env = {**GIVEN, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "gone")}

    status, out, err = manage("check", **env)

    assert (status, out) == (1, "")
    assert err.startswith(f"SECRET_KEY_FILE names {tmp_path / 'gone'}, which cannot be read: ")


def test_the_host_of_the_address_is_the_one_that_is_answered():
    assert setting("settings.ALLOWED_HOSTS", **GIVEN) == (0, "['crm.example.com']\n", "")


# Secrets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "secrets"
    status, _, err = manage("make_secrets", folder)
    assert (status, err) == (0, "")
    return folder


def test_make_secrets_writes_files_that_the_settings_read(folder):
    made = {file.name: file.read_text() for file in folder.iterdir()}
    files = {f"{name.upper()}_FILE": str(folder / name) for name in ("secret_key", "secret_keys", "database_password", "redis_password")}
    rest = {name: GIVEN[name] for name in ("DATABASE_URL", "REDIS_URL", "BASE_URL")}
    read = "settings.SECRET_KEY, settings.SECRET_KEYS, settings.DATABASES['default']['PASSWORD'], settings.REDIS_PASSWORD"
    assert setting(read, **rest, **files) == (
        0, f"{made['secret_key']} {[made['secret_keys']]} {made['database_password']} {made['redis_password']}\n", "",
    )  # fmt: skip


def test_secrets_are_long_all_different_and_kept_from_others(folder):
    made = [file.read_text() for file in folder.iterdir() if file.name != "smtp_password"]

    assert len(set(made)) == len(made) == 6
    assert min(map(len, made)) >= 43
    # Containers read the files as users of their own; the folder lets nobody else on the machine through.
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}


def test_make_secrets_overwrites_nothing(tmp_path):
    (tmp_path / "secret_keys").write_text("precious")

    status, out, err = manage("make_secrets", tmp_path)

    assert (status, out, err) == (1, "", f"CommandError: {tmp_path} holds secret_keys already. Nothing was changed.\n")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"secret_keys": "precious"}


# Checks


def test_djangos_own_checks_for_production_find_nothing():
    said = manage("check", "--deploy", "--fail-level", "WARNING", **GIVEN, COLLECTED="1", BEHIND_PROXY="1")

    assert said == (0, "System check identified no issues (2 silenced).\n", "")


def test_a_deployment_without_https_is_told_so():
    env = GIVEN | {"BASE_URL": "http://crm.example.com"}

    status, _, err = manage("check", "--deploy", "--fail-level", "WARNING", **env)

    assert status == 1
    assert set(re.findall(r"security\.W\d+", err)) == {"security.W004", "security.W008", "security.W012", "security.W016"}


# What the README says


def variables():
    """Every variable that our code reads, found in its text."""
    found = set()
    files = [HERE / "manage.py", *(path for room in ("crm", "members", "groups") for path in sorted((HERE / room).rglob("*.py")))]
    for path in files:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("read", "os.environ.get", "os.environ.setdefault", "os.getenv"):
                found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and arg.value.isupper()}
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ" and isinstance(node.slice, ast.Constant):
                found.add(node.slice.value)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NEEDED":
                found |= {key.value for key in node.value.keys}
    return found - NOT_OURS


def test_the_readme_lists_every_variable_and_no_other():
    section = (HERE / "README.md").read_text().split("## Run it for real")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]

    assert sorted(listed) == sorted(variables())
