"""The whole house in one file, and back: every row of every table, every uploaded file, and a manifest that names them.

The rows are read in one snapshot, so an archive shows one moment however long it takes and whatever is written meanwhile. They
are read as the serving login, tenant by tenant, since nobody sees the rows of several at once: no login above row level
security is needed. What the tables are is asked of the database, so an archive is right for whatever version it runs.

An archive is a zip file, which has its table of contents at the end: one that was cut off is none. Each entry stands in the
manifest with its checksum, and the manifest is sealed with SECRET_KEYS: nobody alters it unseen, and whoever restores it knows
that the keys are those which read its secrets. The keys themselves are not in it.
"""

import hashlib
import json
import os
import re
import shutil
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from . import secrets
from .files import folder_of
from .refusals import Refused
from .scope import acting_for

FORMAT = 1
BLOCK = 1 << 18
MANIFEST, SEAL = "manifest.json", "seal"
# Both sides read and write values in the same words, whatever the server is set to.
WORDS = "SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'"
# What reading an altered archive may end in.
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError)
MEDIA = re.compile(r"media/[0-9a-f-]{36}/[0-9a-f-]{36}")


@dataclass(frozen=True)
class Table:
    name: str
    is_owned: bool
    columns: list

    @property
    def sql_columns(self):
        return ", ".join(map(connection.ops.quote_name, self.columns))

    @property
    def sql_name(self):
        return connection.ops.quote_name(self.name)


def tables():
    """All but Django's list of migrations, which says of which version they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relforcerowsecurity, array_agg(attname::text ORDER BY attnum) FROM pg_class"
            " JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
            " WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace"
            " AND relname <> 'django_migrations' GROUP BY 1, 2 ORDER BY 1"
        )
        return [Table(*row) for row in cursor.fetchall()]


def _ask(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _tenants():
    return [str(pk) for (pk,) in _ask("SELECT id FROM tenancy_tenant ORDER BY id")]


def _migrations():
    return [list(row) for row in _ask("SELECT app, name FROM django_migrations ORDER BY app, name")]


def _say(told, sentence):
    if told:
        told(sentence)


# Out


def write(path, told=None):
    """Write the archive; its name appears when it is whole and on the disk."""
    if path.exists():
        raise Refused(_("There is a file %s already; nothing was changed.") % path, code="exists")
    half = path.with_name(path.name + ".part")
    try:
        with half.open("wb") as file:
            manifest = _write(file, told)
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
    finally:
        half.unlink(missing_ok=True)
    return manifest


def _write(file, told):
    with _snapshot(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        out = Writer(archive)
        found, tenants = tables(), _tenants()
        # Files first: who throws one away meanwhile takes its bytes from us, but a row never.
        for tenant in tenants:
            with acting_for(tenant):
                out.files(tenant)
        for table in found:
            if not table.is_owned:
                out.rows(f"rows/{table.name}", table)
        for number, tenant in enumerate(tenants, start=1):
            with acting_for(tenant):
                for table in found:
                    if table.is_owned:
                        out.rows(f"rows/{tenant}/{table.name}", table)
            _say(told, _("%(number)s of %(all)s communities") % {"number": number, "all": len(tenants)})
        manifest = {
            "format": FORMAT,
            "made_at": now().isoformat(),
            "versions": {"django": django.__version__, "postgresql": _ask("SHOW server_version")[0][0]},
            "migrations": _migrations(),
            "tables": {table.name: table.columns for table in found},
            "tenants": len(tenants),
            "rows": out.counts,
            "lost": out.lost,
            "entries": out.entries,
        }
        written = json.dumps(manifest, indent=1).encode()
        archive.writestr(MANIFEST, written)
        archive.writestr(SEAL, secrets.encrypt(hashlib.sha256(written).hexdigest()))
        return manifest


@contextmanager
def _snapshot():
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {WORDS}")
        yield


@dataclass
class Writer:
    archive: zipfile.ZipFile
    entries: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    lost: list = field(default_factory=list)  # files that have a row and no bytes, or other bytes than the row says

    def rows(self, name, table):
        with connection.cursor() as cursor, cursor.copy(f"COPY (SELECT {table.sql_columns} FROM {table.sql_name}) TO STDOUT") as copy:
            added = self._add(name, _blocks(copy))
        self.counts[table.name] = self.counts.get(table.name, 0) + added.get("rows", 0)

    def files(self, tenant):
        for pk, digest in _ask("SELECT id, sha256 FROM tenancy_file ORDER BY id"):
            name = f"media/{tenant}/{pk}"
            try:
                with (folder_of(tenant) / str(pk)).open("rb") as file:
                    added = self._add(name, iter(lambda file=file: file.read(BLOCK), b""), zipfile.ZIP_STORED)
            except FileNotFoundError:
                self.lost.append(name)
            else:
                self.lost += [name] * (added.get("sha256") != digest)

    def _add(self, name, blocks, how=zipfile.ZIP_DEFLATED):
        """An entry, unless there is nothing in it."""
        first = next(blocks, None)
        if not first:
            return {}
        info = zipfile.ZipInfo(name, now().timetuple()[:6])
        info.compress_type = how
        digest, rows = hashlib.sha256(), 0
        with self.archive.open(info, "w", force_zip64=True) as entry:
            block = first
            while block:
                entry.write(block)
                digest.update(block)
                rows += block.count(b"\n")  # a line break inside a value is written as \n
                block = next(blocks, None)
        self.entries[name] = {"sha256": digest.hexdigest()} | ({"rows": rows} if name.startswith("rows/") else {})
        return self.entries[name]


def _blocks(copy):
    """The server sends row by row."""
    block = bytearray()
    for data in copy:
        block += data
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


# In


def restore(path, *, sealed=True, told=None):
    """Fill an empty house of the same version, or leave it as it is. Needs the migrating login; returns the manifest."""
    with _opened(path) as archive:
        manifest = _examined(archive, sealed)
        _say(told, _("The archive is whole."))
        with connection.migrating():
            _refuse_another_version(manifest)
            written = []
            try:
                with transaction.atomic(durable=True):
                    _refuse_a_filled_house()
                    _load(archive, manifest, told)
                    _unpack(archive, manifest, written)
            except BaseException:
                for file in written:
                    file.unlink(missing_ok=True)
                raise
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
    return manifest


def _broken():
    return Refused(_("This is no backup, or it was cut off or altered; nothing was changed."), code="broken")


@contextmanager
def _opened(path):
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise Refused(_("There is no file %s.") % path, code="missing") from None
    except BROKEN:
        raise _broken() from None
    with archive:
        yield archive


def _examined(archive, sealed):
    try:
        manifest = _manifest(archive, sealed)
        _verify(archive, manifest)
    except BROKEN:
        raise _broken() from None
    return manifest


def _manifest(archive, sealed):
    if not {MANIFEST, SEAL} <= set(archive.namelist()):
        raise zipfile.BadZipFile
    written = archive.read(MANIFEST)
    if sealed:
        try:
            digest = secrets.decrypt(archive.read(SEAL).decode())
        except (ImproperlyConfigured, InvalidToken, ValueError):
            raise Refused(
                _(
                    "SECRET_KEYS does not hold the key of this backup: what is encrypted in it could not be read. Set the keys it was"
                    " made with. If they are lost for good, restore it with --lost-keys; what was encrypted is lost with them."
                ),
                code="wrong_keys",
            ) from None
        if digest != hashlib.sha256(written).hexdigest():
            raise zipfile.BadZipFile
    manifest = json.loads(written)
    if manifest["format"] != FORMAT:
        raise Refused(_("This backup is of a kind that this version does not know; nothing was changed."), code="format")
    return manifest


def _verify(archive, manifest):
    """Every entry of the manifest is there as it was written, and no other; none leads out of its folder."""
    entries = manifest["entries"]
    names = archive.namelist()
    if len(names) != len(set(names)) or set(names) != {*entries, MANIFEST, SEAL}:
        raise zipfile.BadZipFile
    for name, entry in entries.items():
        digest = hashlib.sha256()
        with archive.open(name) as file:
            while block := file.read(BLOCK):
                digest.update(block)
        if digest.hexdigest() != entry["sha256"] or not (name.startswith("rows/") or MEDIA.fullmatch(name)):
            raise zipfile.BadZipFile


def _refuse_another_version(manifest):
    here, there = ({tuple(each) for each in found} for found in (_migrations(), manifest["migrations"]))
    if here == there:
        return
    if newer := there - here:
        said = _("This backup was made by a newer version, which has %s. Install that version, and restore it there.")
    else:
        newer = here - there
        said = _("This backup was made by an older version, without %s. Restore it with that version, then install this one and migrate.")
    raise Refused(said % ", ".join(sorted(".".join(each) for each in newer)), code="another_version")


def _refuse_a_filled_house():
    # Locked, so that nobody opens a community while the rows go in.
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE tenancy_tenant, tenancy_user IN SHARE ROW EXCLUSIVE MODE; {WORDS}")
    ((tenants, users),) = _ask("SELECT (SELECT count(*) FROM tenancy_tenant), (SELECT count(*) FROM tenancy_user)")
    if tenants or users:
        said = ngettext("There is %d community here already.", "There are %d communities here already.", tenants) % tenants
        said = said if tenants else _("There are people here already.")
        raise Refused(said + " " + _("A backup goes into an empty database; nothing was changed."), code="filled")


def _load(archive, manifest, told):
    found = {table.name: table for table in tables()}
    if {name: table.columns for name, table in found.items()} != manifest["tables"]:
        raise Refused(_("The tables are not those of the backup, though their versions are; nothing was changed."), code="tables")
    with connection.cursor() as cursor:
        for table in found.values():
            if not table.is_owned:  # what migrations put there; the backup has it, too
                cursor.execute(f"DELETE FROM {table.sql_name}")
        for name, entry in manifest["entries"].items():
            kind, *tenant, table = name.split("/")
            if kind == "rows" and not tenant:
                _expect(entry, _copy_in(cursor, archive, name, found[table].sql_name, found[table].sql_columns))
    _load_owned(archive, manifest, found, told)
    _go_on_counting()


def _load_owned(archive, manifest, found, told):
    by_tenant, made = {}, set()
    for name in manifest["entries"]:
        if name.startswith("rows/") and name.count("/") == 2:
            by_tenant.setdefault(name.split("/")[1], []).append(name)
    for number, (tenant, names) in enumerate(by_tenant.items(), start=1):
        with acting_for(tenant), connection.cursor() as cursor:
            for name in names:
                table = found[name.split("/")[2]]
                incoming = connection.ops.quote_name(f"incoming_{table.name}")
                if table.name in made:
                    cursor.execute(f"TRUNCATE pg_temp.{incoming}")
                else:
                    cursor.execute(
                        f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS SELECT {table.sql_columns} FROM {table.sql_name} WITH NO DATA"
                    )
                    made.add(table.name)
                # COPY is refused under row level security; see `bulk.load`.
                _copy_in(cursor, archive, name, f"pg_temp.{incoming}", table.sql_columns)
                cursor.execute(
                    f"INSERT INTO {table.sql_name} ({table.sql_columns}) SELECT {table.sql_columns} FROM pg_temp.{incoming}"
                )
                _expect(manifest["entries"][name], cursor.rowcount)
        _say(told, _("%(number)s of %(all)s communities") % {"number": number, "all": len(by_tenant)})
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _copy_in(cursor, archive, name, table, columns):
    rows = 0
    with archive.open(name) as file, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        while block := file.read(BLOCK):
            copy.write(block)
            rows += block.count(b"\n")
    return rows


def _expect(entry, rows):
    if entry["rows"] != rows:
        raise _broken()


def _go_on_counting():
    from django.apps import apps

    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed and not model._meta.proxy]
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(sql)


def _unpack(archive, manifest, written):
    for name in manifest["entries"]:
        if name.startswith("media/"):
            path = Path(settings.DATA_DIR) / name
            half = path.with_suffix(".part")
            path.parent.mkdir(parents=True, exist_ok=True)
            written += [half, path]
            with archive.open(name) as file, half.open("wb") as out:
                shutil.copyfileobj(file, out, BLOCK)
                out.flush()
                os.fsync(out.fileno())
            half.rename(path)
