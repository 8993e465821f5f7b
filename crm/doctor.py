"""What a deployment lacks, in sentences: asked by `manage.py doctor`, which runs where the web runs and changes nothing.

An examination yields findings; one that cannot go on because a neighbour is away says so by raising what it met.
"""

import shutil
import smtplib
import tempfile
import zoneinfo
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import redis
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import mail
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http.request import validate_host
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.celery import app
from crm.tenancy import catalogue
from crm.tenancy.jobs import SWEPT_AT

OLDEST = 17  # the version of PostgreSQL whose built-in C.UTF-8 we count on
QUIET = 60  # seconds after which beat or worker are taken for dead
LONG_QUEUE = 1_000
SCARCE, TOO_LITTLE = 2_000, 200  # megabytes
DRIFT = 2, 30  # seconds between the clocks of web and database: worth a word, and a fault
AWAY = (DatabaseError, OSError, redis.RedisError)
EXAMINATIONS = []


@dataclass(frozen=True)
class Finding:
    part: str
    state: str  # ok, warning, fault
    sentence: str


def ok(sentence):
    return "ok", sentence


def warning(sentence):
    return "warning", sentence


def fault(sentence):
    return "fault", sentence


def examines(part):
    def register(function):
        EXAMINATIONS.append((part, function))
        return function

    return register


def examine():
    for part, examination in EXAMINATIONS:
        try:
            for state, sentence in examination():
                yield Finding(str(part), state, str(sentence))
        except AWAY as error:
            yield Finding(str(part), "fault", _("It cannot be asked: %s") % _first_line(error))


def _first_line(error):
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _ask(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


# The database


@examines(gettext_lazy("Database"))
def _database():
    (number,) = _ask("SELECT current_setting('server_version_num')::int")
    version = f"{number // 10000}.{number % 10000}"
    if number // 10000 < OLDEST:
        yield fault(_("PostgreSQL %(version)s is too old; install %(oldest)s or later.") % {"version": version, "oldest": OLDEST})
        return
    yield ok(_("PostgreSQL %s answers.") % version)
    yield _texts()
    taken, most = _ask("SELECT (SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int")
    connections = {"taken": taken, "most": most}
    if taken > most * 0.8:
        yield warning(_("%(taken)s of %(most)s connections are taken. Raise max_connections, or lower DATABASE_POOL.") % connections)
    else:
        yield ok(_("%(taken)s of %(most)s connections are taken.") % connections)


def _texts():
    encoding, provider, locale = _ask(
        "SELECT pg_encoding_to_char(encoding), datlocprovider::text, coalesce(datlocale, datctype)"
        " FROM pg_database WHERE datname = current_database()"
    )
    found = {"encoding": encoding, "locale": locale}
    if encoding != "UTF8":
        return fault(_("It holds texts as %(encoding)s. Make it anew with the encoding UTF8.") % found)
    if not _ask("SELECT lower('Ä') = 'ä'")[0]:
        said = _("Its locale %(locale)s knows no letters beyond English. Make it anew with --locale-provider=builtin --locale=C.UTF-8.")
        return fault(said % found)
    if (provider, locale) != ("b", "C.UTF-8"):
        said = _("Its locale %(locale)s is the system's, which may sort otherwise after an update. The built-in C.UTF-8 does not.")
        return warning(said % found)
    return ok(_("It holds texts as UTF-8 with the built-in locale C.UTF-8."))


@examines(gettext_lazy("Clock"))
def _clock():
    began = now()
    (theirs,) = _ask("SELECT clock_timestamp()")
    drift = max((theirs - now()).total_seconds(), (began - theirs).total_seconds())
    said = _("The clocks of web and database are %.1f seconds apart. Let both follow a time server.") % drift
    if drift > DRIFT[1]:
        yield fault(said)
    elif drift > DRIFT[0]:
        yield warning(said)
    else:
        yield ok(_("Web and database have the same time."))
    if "Asia/Shanghai" in zoneinfo.available_timezones():
        yield ok(_("The time zones of the world are known."))
    else:
        yield fault(_("There is no time zone data. Install tzdata."))


@examines(gettext_lazy("Apart"))
def _apart():
    login, role, strong, may_own = _ask(
        "SELECT session_user::text, current_user::text, bool_or(rolsuper OR rolbypassrls), bool_or(rolname = 'owner')"
        " FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')"
    )
    said = {"login": login, "role": role}
    if strong:
        yield fault(_("The login %(login)s stands above row level security. Serve with a login that has only the role app.") % said)
    elif may_own:
        yield fault(_("The login %(login)s may become owner and change tables. Serve with a login that has only the role app.") % said)
    elif role != "app":
        yield fault(_("The login %(login)s acts as %(role)s. As its superuser: ALTER ROLE %(login)s SET role = app.") % said)
    else:
        yield ok(_("We serve as %(login)s, which owns nothing.") % said)
    found = catalogue.faults()
    yield from map(fault, found)
    if not found:
        yield ok(_("The database keeps every tenant's rows apart."))


@examines(gettext_lazy("Tables"))
def _tables():
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        said = ngettext("%d migration is missing.", "%d migrations are missing.", len(missing)) % len(missing)
        yield fault(said + " " + _("Run `manage.py migrate` with MIGRATE_DATABASE_URL."))
    else:
        yield ok(_("All migrations are done."))


# Valkey, and who works through it


@examines(gettext_lazy("Valkey"))
def _valkey():
    server = _valkey_client()
    said = server.info()
    yield ok(_("Version %s answers.") % (said.get("valkey_version") or said["redis_version"]))
    policy = said.get("maxmemory_policy", "")
    if policy != "noeviction":
        yield warning(_("When memory is short it throws away what waits (%s). Set maxmemory-policy noeviction.") % policy)
    else:
        yield ok(_("When memory is short it refuses, and throws nothing away."))
    if said.get("rdb_last_bgsave_status", "ok") != "ok":
        yield fault(_("It could not write its data to the disk, and refuses to take more. See its log, or set save to nothing."))
    else:
        yield ok(_("It may be emptied at any moment: what waits stands in the database."))


def _valkey_client():
    return redis.Redis.from_url(settings.CACHES["default"]["LOCATION"], socket_timeout=5, socket_connect_timeout=5)


@examines(gettext_lazy("Jobs"))
def _jobs():
    swept_at = cache.get(SWEPT_AT)
    if swept_at is None:
        yield fault(_("No sweep was ever made. Start `celery -A crm beat` and `celery -A crm worker`."))
    else:
        seconds = (now() - datetime.fromisoformat(swept_at)).total_seconds()
        if seconds > QUIET:
            yield fault(_("The last sweep is %d seconds old: beat or worker stand still. Look at their logs.") % seconds)
        else:
            yield ok(_("Beat and worker swept %d seconds ago.") % seconds)
    waiting = _valkey_client().llen(app.conf.task_default_queue)
    if waiting > LONG_QUEUE:
        yield warning(_("%d jobs wait. Start more workers.") % waiting)
    else:
        yield ok(ngettext("%d job waits.", "%d jobs wait.", waiting) % waiting)


# Files, mail


@examines(gettext_lazy("Files"))
def _files():
    folder = {"folder": settings.DATA_DIR}
    try:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            pass
        free = shutil.disk_usage(settings.DATA_DIR).free // 10**6
    except OSError as error:
        yield fault(_("The data folder %(folder)s cannot be written: %(reason)s.") % (folder | {"reason": error.strerror}))
        return
    yield ok(_("The data folder %(folder)s can be written.") % folder)
    said = _("%(free)s MB are free there.") % {"free": f"{free:,}"}
    yield fault(said) if free < TOO_LITTLE else warning(said) if free < SCARCE else ok(said)


@examines(gettext_lazy("Pages"))
def _pages():
    if not settings.COLLECTED:
        yield warning(_("Styles and scripts are served as they lie, which is slow. Run `manage.py collectstatic` and set COLLECTED=1."))
        return
    ignored = apps.get_app_config("staticfiles").ignore_patterns
    missing = {path for finder in get_finders() for path, _storage in finder.list(ignored)} - staticfiles_storage.hashed_files.keys()
    if missing:
        yield fault(_("%d styles and scripts are not collected. Run `manage.py collectstatic --noinput`.") % len(missing))
    else:
        yield ok(_("Styles and scripts are collected."))


@examines(gettext_lazy("Mail"))
def _mail():
    if not settings.EMAIL_HOST:
        yield warning(_("No mail is sent: it is written to %s. Set SMTP_HOST.") % settings.EMAIL_FILE_PATH)
        return
    server = {"host": settings.EMAIL_HOST, "port": settings.EMAIL_PORT}
    try:
        mail.get_connection(timeout=10).open()
    except (OSError, smtplib.SMTPException) as error:
        yield fault(_("%(host)s:%(port)s takes no mail from us: %(reason)s") % (server | {"reason": _first_line(error)}))
    else:
        yield ok(_("%(host)s:%(port)s lets us in.") % server)


@examines(gettext_lazy("Messages"))
def _messages():
    for host in settings.DELIVERY_HOSTS:
        yield warning(_("Messages of every community may go to %s inside our own network, as DELIVERY_HOSTS says.") % host)


# Secrets and addresses


@examines(gettext_lazy("Secrets"))
def _secrets():
    if settings.EMBEDDED:
        yield warning(_("These are the demo's own servers and secrets, which everybody knows. Real members want servers of their own."))
        return
    demo = {settings.NEEDED["SECRET_KEY"], settings.NEEDED["SECRET_KEYS"]}
    if demo & {settings.SECRET_KEY, *settings.SECRET_KEYS}:
        yield fault(_("SECRET_KEY or SECRET_KEYS are the demo's, which everybody knows. Make new ones with `manage.py make_secrets DIR`."))
    elif len(settings.SECRET_KEY) < 50:
        yield fault(_("SECRET_KEY is short enough to be guessed. Make one with `manage.py make_secrets DIR`."))
    else:
        yield ok(_("SECRET_KEY is long and our own."))
    wrong = [place for place, key in enumerate(settings.SECRET_KEYS, start=1) if not _is_fernet(key)]
    for place in wrong:
        yield fault(_("Key %d of SECRET_KEYS is none: each has 44 characters, as `manage.py make_secrets DIR` makes them.") % place)
    if not wrong:
        count = len(settings.SECRET_KEYS)
        yield ok(ngettext("%d key encrypts what is secret.", "%d keys read what is secret; the first encrypts.", count) % count)


def _is_fernet(key):
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


@examines(gettext_lazy("Address"))
def _address():
    base = urlsplit(settings.BASE_URL)
    said = {"url": settings.BASE_URL, "host": base.hostname}
    if base.scheme == "https":
        yield ok(_("Links begin with %(url)s.") % said)
    else:
        yield warning(_("Links begin with %(url)s, not with https: passwords travel in the open, and phones copy no text.") % said)
    if not validate_host(base.hostname, settings.ALLOWED_HOSTS):
        yield fault(_("ALLOWED_HOSTS does not hold %(host)s, so every page of %(url)s is refused.") % said)
    if "*" in settings.ALLOWED_HOSTS:
        yield warning(_("ALLOWED_HOSTS holds *, so links of mails may lead to any name that a stranger asks by. Name the hosts."))
    if settings.SECURE_SSL_REDIRECT and not settings.SECURE_PROXY_SSL_HEADER:
        yield warning(_("Behind a proxy that ends https every page leads to itself again: set BEHIND_PROXY=1, if there is one."))
    if settings.DEBUG:
        yield fault(_("DEBUG=1 shows settings and data to whoever meets an error. Unset it."))
