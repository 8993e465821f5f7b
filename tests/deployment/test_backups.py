"""One command writes everything into a file, another brings it back, and nothing half or altered is ever taken for whole."""

import hashlib
import json
import shutil
import threading
import time
import zipfile
from io import StringIO

import psycopg
import pytest
from allauth.account.models import EmailAddress
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection

from crm.tenancy import files, secrets
from crm.tenancy.models import File, TenantModel
from crm.tenancy.scope import acting_for
from tests import factories
from tests.conftest import SeatClient
from tests.factories import AccessTokenFactory, GroupFactory, InviteFactory, MemberFactory, OwnedFactory, SeatFactory, TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)
CLASSES = [found for found in vars(factories).values() if isinstance(found, type) and issubclass(found, OwnedFactory)]
FACTORIES = {made._meta.model: made for made in CLASSES if made._meta.model}
AWKWARD = "莉莉 \\N \\. 'quoted' \"twice\"\ttab\nline\r\n🌟"


@pytest.fixture(autouse=True)
def data(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.SECRET_KEYS = [Fernet.generate_key().decode()]
    return settings.DATA_DIR


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "all.zip"


@pytest.fixture
def house():
    """Two communities; the first of them."""
    made = [TenantFactory(slug="qinghe"), TenantFactory(slug="yuanfan")]
    for tenant in made:
        fill(tenant)
    return made[0]


def fill(tenant):
    """A row of each kind, uploads, seats, sessions, keys, rights."""
    owner = SeatFactory(tenant=tenant, role="owner", name=AWKWARD)
    SeatClient(owner)
    EmailAddress.objects.create(user=owner.user, email=owner.user.email, verified=True, primary=True)
    group = Group.objects.create(name=f"{tenant.slug} {AWKWARD}")
    group.permissions.add(Permission.objects.first())
    owner.user.groups.add(group)
    owner.user.user_permissions.add(Permission.objects.last())
    AccessTokenFactory(seat=owner)
    InviteFactory(made_by=owner)
    with acting_for(tenant.pk):
        for model in apps.get_models():
            if issubclass(model, TenantModel):
                FACTORIES[model]()
        MemberFactory(nickname=AWKWARD)
        for content in (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000, b"nickname\n" + AWKWARD.encode()):
            files.keep(SimpleUploadedFile("file", content), "import", by=owner, most=10**7)


def _superuser():
    """One who sees every tenant's rows, to look at what the commands did."""
    parts = connection.settings_dict
    return psycopg.connect(host=parts["HOST"], dbname=parts["NAME"], user="postgres", autocommit=True)


def everything(data):
    """All rows of all tables, and all files."""
    with _superuser() as login:
        names = login.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").fetchall()
        rows = {name: sorted(row for (row,) in login.execute(f'SELECT t::text FROM "{name}" t').fetchall()) for (name,) in names}
    media = {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("media/*/*") if path.is_file()}
    return rows | media


def wipe(data):
    call_command("flush", interactive=False, verbosity=0)
    shutil.rmtree(data / "media")


def backup(path):
    out = StringIO()
    call_command("backup", path, "--json", stdout=out)
    return json.loads(out.getvalue())


def restore(path, *words):
    out = StringIO()
    call_command("restore", path, "--json", *words, stdout=out)
    return json.loads(out.getvalue())


def refused(path, *words):
    """The sentence."""
    with pytest.raises(CommandError) as refusal:
        restore(path, *words)
    return str(refusal.value)


# There and back


def test_every_row_and_every_byte_comes_back(house, data, archive):
    before = everything(data)
    empty = [name for name, rows in before.items() if not rows and not name.startswith("media/")]
    assert sum(name.startswith("media/") for name in before) == 4
    assert not [name for name in empty if name.partition("_")[0] in ("groups", "members", "tenancy")], empty

    said = backup(archive)
    wipe(data)
    assert everything(data) != before
    back = restore(archive)

    assert everything(data) == before
    rows = sum(len(rows) for name, rows in before.items() if not name.startswith("media/") and name != "django_migrations")
    assert said == {"file": str(archive), "bytes": archive.stat().st_size, "tenants": 2, "rows": rows, "files": 4, "lost": said["lost"]}
    assert (back["tenants"], back["rows"], back["files"]) == (2, rows, 4)


def test_life_goes_on_after_it(house, data, archive):
    backup(archive)
    wipe(data)
    restore(archive)

    ContentType.objects.clear_cache()
    kind = ContentType.objects.first()
    assert Permission.objects.create(content_type=kind, codename="new", name="new").pk
    with acting_for(house.pk):
        assert GroupFactory().tenant_id == house.pk
    again = archive.with_name("again.zip")
    assert backup(again)["rows"] > 0


def test_an_archive_is_like_the_one_made_from_what_it_restored(house, data, archive):
    backup(archive)
    wipe(data)
    restore(archive)
    again = archive.with_name("again.zip")
    backup(again)

    def entries(path):
        with zipfile.ZipFile(path) as found:
            return {name: sorted(found.read(name).splitlines()) for name in found.namelist() if name not in ("manifest.json", "seal")}

    assert entries(again) == entries(archive)


def test_what_is_encrypted_stays_encrypted_and_the_keys_stay_outside(house, data, archive, settings):
    token = secrets.encrypt("a mail password")
    with acting_for(house.pk):
        GroupFactory(name=token[:60])
    backup(archive)

    with zipfile.ZipFile(archive) as found:
        text = b"".join(found.read(name) for name in found.namelist())
    assert token[:60].encode() in text
    assert settings.SECRET_KEYS[0].encode() not in text
    assert b"a mail password" not in text


def test_a_backup_shows_one_moment_whatever_is_written_meanwhile(house, data, archive):
    before = everything(data)
    with _superuser() as login:
        login.execute("BEGIN")
        login.execute("LOCK TABLE members_handle IN ACCESS EXCLUSIVE MODE")  # read after the groups, before the events
        thread = threading.Thread(target=lambda: (backup(archive), connection.close()))
        thread.start()
        _until(lambda: login.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (1,))
        with acting_for(house.pk):
            group = GroupFactory(name="too late")
            factories.EventFactory(subject=group.pk)
        login.execute("COMMIT")
    thread.join()

    wipe(data)
    restore(archive)

    assert everything(data) == before


def _until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# What is missing or in the way


def test_a_file_that_is_gone_or_damaged_is_named(house, data, archive):
    with acting_for(house.pk):
        gone, damaged = File.objects.filter(size__gt=1).order_by("id")
        others = list(File.objects.filter(size=1))
    files.path_of(gone).unlink()
    files.path_of(damaged).write_bytes(b"other")

    lost = backup(archive)["lost"]

    mine = [name for name in lost if str(house.pk) in name]
    assert sorted(mine) == sorted(f"media/{house.pk}/{file.pk}" for file in (gone, damaged, *others))


def test_a_backup_overwrites_nothing(house, archive):
    archive.write_text("precious")

    with pytest.raises(CommandError, match="nothing was changed"):
        backup(archive)

    assert archive.read_text() == "precious"


def test_a_backup_that_fails_leaves_no_file(house, archive, settings):
    settings.SECRET_KEYS = ["no key"]

    with pytest.raises(ValueError, match="Fernet"):
        backup(archive)

    assert list(archive.parent.glob("all*")) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        backup(tmp_path / "nowhere" / "all.zip")


def test_a_filled_house_is_left_as_it_is(house, data, archive):
    backup(archive)
    before = everything(data)

    assert refused(archive) == "There are 2 communities here already. A backup goes into an empty database; nothing was changed."
    assert everything(data) == before


def test_what_breaks_on_the_way_leaves_an_empty_house(house, data, archive, monkeypatch):
    backup(archive)
    wipe(data)
    empty = everything(data)
    calls = []

    def rename(self, target):
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return real(self, target)

    real = type(data).rename
    monkeypatch.setattr(type(data), "rename", rename)
    said = refused(archive)
    monkeypatch.undo()

    assert (len(calls), said) == (3, "The files could not be written: No space left on device. Nothing was changed.")
    assert everything(data) == empty


# Cut, altered, of another house or time


BROKEN = "This is no backup, or it was cut off or altered; nothing was changed."


@pytest.fixture
def made(house, data, archive):
    """An archive beside an empty house."""
    backup(archive)
    wipe(data)
    return archive


def test_an_archive_that_was_cut_off_is_refused(made, data):
    empty, whole = everything(data), made.read_bytes()

    for share in (0, 0.01, 0.5, 0.9, 0.999):
        made.write_bytes(whole[: int(len(whole) * share)])
        assert refused(made) == BROKEN
    assert everything(data) == empty


def test_an_altered_byte_is_refused(made, data):
    empty, whole = everything(data), made.read_bytes()
    with zipfile.ZipFile(made) as found:
        places = [info.header_offset + 30 + len(info.filename) + 20 + info.compress_size // 2 for info in found.infolist()]

    for place in places:
        made.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert refused(made) == BROKEN
    assert everything(data) == empty


def rewritten(path, change):
    """The same archive, as somebody writes it who alters entries and keeps all sums of the zip right."""
    with zipfile.ZipFile(path) as found:
        entries = {name: found.read(name) for name in found.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as out:
        for name, content in entries.items():
            out.writestr(name, content)


def a_row(entries):
    return next(name for name in entries if name.endswith("members_member"))


def with_other_rows(entries):
    entries[a_row(entries)] = entries[a_row(entries)].replace(b"\t", b"\tx", 1)


def with_other_rows_and_sums(entries):
    with_other_rows(entries)
    manifest = json.loads(entries["manifest.json"])
    manifest["entries"][a_row(entries)]["sha256"] = hashlib.sha256(entries[a_row(entries)]).hexdigest()
    entries["manifest.json"] = json.dumps(manifest).encode()


def without_a_table(entries):
    del entries[a_row(entries)]


def with_more(entries):
    entries["media/../../../evil"] = b"evil"


def without_a_seal(entries):
    del entries["seal"]


@pytest.mark.parametrize("change", [with_other_rows, with_other_rows_and_sums, without_a_table, with_more, without_a_seal])
def test_an_altered_archive_is_refused(made, data, change):
    empty = everything(data)

    rewritten(made, change)

    assert refused(made) == BROKEN
    assert everything(data) == empty


def test_a_file_that_is_no_archive_is_refused(archive, tmp_path):
    archive.write_text("hello")

    assert refused(archive) == BROKEN
    assert refused(tmp_path / "gone.zip") == f"There is no file {tmp_path / 'gone.zip'}."


def test_without_its_keys_it_is_refused_before_anything_is_changed(made, data, settings):
    empty = everything(data)
    settings.SECRET_KEYS = [Fernet.generate_key().decode()]

    assert refused(made).startswith("SECRET_KEYS does not hold the key of this backup: ")
    assert everything(data) == empty
    assert restore(made, "--lost-keys")["tenants"] == 2


def test_an_older_key_will_do(made, settings):
    settings.SECRET_KEYS = [Fernet.generate_key().decode(), *settings.SECRET_KEYS]

    assert restore(made)["tenants"] == 2


def _with_migrations(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_backup_of_an_older_version_is_refused_with_what_to_do(made):
    _with_migrations("INSERT INTO django_migrations (app, name, applied) VALUES ('groups', '9999_later', now())")
    try:
        said = refused(made)
    finally:
        _with_migrations("DELETE FROM django_migrations WHERE name = '9999_later'")

    assert said == (
        "This backup was made by an older version, without groups.9999_later. Restore it with that version, then install this one and"
        " migrate."
    )


def test_a_backup_of_a_newer_version_is_refused_with_what_to_do(house, data, archive):
    _with_migrations("INSERT INTO django_migrations (app, name, applied) VALUES ('groups', '9999_later', now())")
    try:
        backup(archive)
    finally:
        _with_migrations("DELETE FROM django_migrations WHERE name = '9999_later'")
    wipe(data)

    assert refused(archive) == (
        "This backup was made by a newer version, which has groups.9999_later. Install that version, and restore it there."
    )


def test_without_the_migrating_login_it_says_so(made, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "MIGRATE", None)
    try:
        assert "MIGRATE_DATABASE_URL" in refused(made)
    finally:
        monkeypatch.undo()  # before the flush, which needs the login
