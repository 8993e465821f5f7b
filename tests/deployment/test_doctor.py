"""The doctor says in a sentence what is wrong, finds the rest all the same, and is content when nothing is."""

import datetime
import json
import smtplib
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.timezone import now

from crm.tenancy.jobs import SWEPT_AT
from tests.deployment.production import manage


def examined():
    """Exit status, and [(part, state, sentence)]."""
    out, status = StringIO(), 0
    try:
        call_command("doctor", "--json", stdout=out)
    except SystemExit as end:
        status = end.code
    return status, [(each["part"], each["state"], each["sentence"]) for each in json.loads(out.getvalue())]


def faults(found):
    return [sentence for _, state, sentence in found if state == "fault"]


def warnings(found):
    return [sentence for _, state, sentence in found if state == "warning"]


@pytest.fixture
def production(settings, tmp_path):
    """As a deployment is set up; its mail server and its collected files are taken away, since a test has neither."""
    settings.EMBEDDED = False
    settings.SECRET_KEY = "k9Zt4w" * 10
    settings.SECRET_KEYS = [Fernet.generate_key().decode()]
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://crm.example.com", ["crm.example.com"]
    settings.DATA_DIR = tmp_path
    cache.set(SWEPT_AT, now().isoformat())
    yield settings
    cache.delete(SWEPT_AT)


NO_MAIL = "No mail is sent: it is written to {}. Set SMTP_HOST."
NOT_COLLECTED = "Styles and scripts are served as they lie, which is slow. Run `manage.py collectstatic` and set COLLECTED=1."


def test_nothing_is_at_fault_where_all_is_well(db, production):
    status, found = examined()

    assert (status, faults(found)) == (0, [])
    assert warnings(found) == [NOT_COLLECTED, NO_MAIL.format(production.EMAIL_FILE_PATH)]
    assert [part for part, _, _ in found] == [
        "Database", "Database", "Database", "Clock", "Clock", "Apart", "Apart", "Tables", "Valkey", "Valkey", "Valkey",
        "Jobs", "Jobs", "Files", "Files", "Pages", "Mail", "Secrets", "Secrets", "Address",
    ]  # fmt: skip


def test_it_speaks_the_language_of_the_shell(db, production, monkeypatch):
    out = StringIO()
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    call_command("doctor", stdout=out)

    assert "没有故障" in out.getvalue()
    assert "PostgreSQL" in out.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY is short enough to be guessed. Make one with `manage.py make_secrets DIR`."),
        ("SECRET_KEYS", ["no key"], "Key 1 of SECRET_KEYS is none: each has 44 characters, as `manage.py make_secrets DIR` makes them."),
        (
            "SECRET_KEYS",
            ["b25seS1mb3ItdGhlLWRlbW8tYW5kLXRoZS10ZXN0cyE="],
            "SECRET_KEY or SECRET_KEYS are the demo's, which everybody knows. Make new ones with `manage.py make_secrets DIR`.",
        ),
        (
            "ALLOWED_HOSTS",
            ["other.example.com"],
            "ALLOWED_HOSTS does not hold crm.example.com, so every page of https://crm.example.com is refused.",
        ),
        ("DEBUG", True, "DEBUG=1 shows settings and data to whoever meets an error. Unset it."),
    ],
)
def test_a_setting_that_is_wrong_is_a_fault(db, production, name, value, fault):
    setattr(production, name, value)

    status, found = examined()

    assert (status, faults(found)) == (1, [fault])


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (
            {"BASE_URL": "http://crm.example.com"},
            "Links begin with http://crm.example.com, not with https: passwords travel in the open, and phones copy no text.",
        ),
        (
            {"DELIVERY_HOSTS": ["10.0.0.7:8065"]},
            "Messages of every community may go to 10.0.0.7:8065 inside our own network, as DELIVERY_HOSTS says.",
        ),
        (
            {"ALLOWED_HOSTS": ["*"]},
            "ALLOWED_HOSTS holds *, so links of mails may lead to any name that a stranger asks by. Name the hosts.",
        ),
        (
            {"SECURE_SSL_REDIRECT": True},
            "Behind a proxy that ends https every page leads to itself again: set BEHIND_PROXY=1, if there is one.",
        ),
    ],
)
def test_a_setting_that_may_be_meant_is_a_warning(db, production, change, warning):
    for name, value in change.items():
        setattr(production, name, value)

    status, found = examined()

    assert (status, warnings(found)) == (0, [NOT_COLLECTED, NO_MAIL.format(production.EMAIL_FILE_PATH), warning])


def test_styles_that_were_not_collected_are_a_fault(db, production, tmp_path):
    production.STATIC_ROOT = tmp_path / "static"
    production.STORAGES = production.STORAGES | {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
    production.COLLECTED = True

    status, found = examined()

    assert status == 1
    (said,) = faults(found)
    assert said.endswith(" styles and scripts are not collected. Run `manage.py collectstatic --noinput`.")


# Jobs


def test_a_sweep_that_is_too_long_ago_is_a_fault(db, production):
    cache.set(SWEPT_AT, (now() - datetime.timedelta(seconds=90)).isoformat())

    status, found = examined()

    assert (status, faults(found)) == (1, ["The last sweep is 90 seconds old: beat or worker stand still. Look at their logs."])


def test_that_nothing_was_ever_swept_is_a_fault(db, production):
    cache.delete(SWEPT_AT)

    status, found = examined()

    assert (status, faults(found)) == (1, ["No sweep was ever made. Start `celery -A crm beat` and `celery -A crm worker`."])


# Files and mail


def test_a_data_folder_that_is_a_file_is_a_fault(db, production, tmp_path):
    production.DATA_DIR = tmp_path / "file"
    production.DATA_DIR.write_text("in the way")

    status, found = examined()

    assert (status, faults(found)) == (1, [f"The data folder {production.DATA_DIR} cannot be written: File exists."])


def test_a_mail_server_that_does_not_answer_is_a_fault(db, production):
    production.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    production.EMAIL_HOST, production.EMAIL_PORT, production.EMAIL_USE_TLS = "127.0.0.1", 1, False

    status, found = examined()

    assert (status, faults(found)) == (1, ["127.0.0.1:1 takes no mail from us: [Errno 111] Connection refused"])


def test_a_mail_server_that_lets_us_in_is_well(db, production, monkeypatch):
    class Server(smtplib.SMTP):
        def __init__(self, *args, **kwargs):
            """Lets everybody in."""

    monkeypatch.setattr(smtplib, "SMTP", Server)
    production.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    production.EMAIL_HOST, production.EMAIL_PORT, production.EMAIL_USE_TLS = "mail.example.com", 25, False

    status, found = examined()

    assert (status, warnings(found)) == (0, [NOT_COLLECTED])
    assert ("Mail", "ok", "mail.example.com:25 lets us in.") in found


# The database


@pytest.mark.django_db(transaction=True)
def test_tables_that_are_not_kept_apart_are_a_fault(production):
    with connection.migrating(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE groups_pin NO FORCE ROW LEVEL SECURITY")
    try:
        status, found = examined()
    finally:
        with connection.migrating(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE groups_pin FORCE ROW LEVEL SECURITY")

    assert (status, faults(found)) == (1, ["groups.Pin: row level security is not enabled and forced."])


@pytest.mark.django_db(transaction=True)
def test_a_serving_login_that_may_change_tables_is_a_fault(production):
    with connection.migrating():
        status, found = examined()

    said = "The login crm_migrate may become owner and change tables. Serve with a login that has only the role app."
    assert (status, faults(found)) == (1, [said])


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_missing_is_a_fault(production):
    newest = MigrationRecorder.Migration.objects.filter(app="tenancy").latest("id")
    newest.delete()
    try:
        status, found = examined()
    finally:
        newest.save(force_insert=True)

    assert (status, faults(found)) == (1, ["1 migration is missing. Run `manage.py migrate` with MIGRATE_DATABASE_URL."])


def test_servers_that_are_away_are_faults_and_the_rest_is_examined_all_the_same(tmp_path):
    env = {
        "DATABASE_URL": f"postgresql://crm@/crm?host={tmp_path}",
        "REDIS_URL": f"redis+socket://{tmp_path}/valkey",
        "SECRET_KEY": "k9Zt4w" * 10,
        "SECRET_KEYS": Fernet.generate_key().decode(),
        "BASE_URL": "https://crm.example.com",
        "BEHIND_PROXY": "1",
        "DATA_DIR": str(tmp_path / "data"),
    }

    status, out, err = manage("doctor", "--json", **env)

    found = json.loads(out)
    assert (status, err) == (1, "")
    assert [each["part"] for each in found if each["state"] == "fault"] == ["Database", "Clock", "Apart", "Tables", "Valkey", "Jobs"]
    assert [each["part"] for each in found if each["state"] == "ok"] == ["Files", "Files", "Secrets", "Secrets", "Address"]
