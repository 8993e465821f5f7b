"""What people upload: typed by its bytes, kept whole or not at all, and handed out to its own community alone."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import Http404

from crm.tenancy import files
from crm.tenancy.models import File
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"


def upload(content, name="logo.png"):
    return SimpleUploadedFile(name, content)


def on_disk(tenant):
    folder = files.folder_of(tenant.pk)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_kept_file_is_what_its_bytes_are_under_the_name_its_owner_gave_it(tenant):
    file = files.keep(upload(PNG, "../../etc/会员 名单.csv"), "import", by=None, most=100)

    found = File.objects.get(pk=file.pk)
    assert (found.name, found.content_type, found.size) == ("会员 名单.csv", "image/png", len(PNG))
    assert (found.kind, found.sha256) == ("import", hashlib.sha256(PNG).hexdigest())
    assert files.path_of(found).read_bytes() == PNG


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
        (b"RIFF0000WAVEfmt ", "application/octet-stream"),
        (b"<svg onload='x'/>", "application/octet-stream"),
        (b"GIF89a", "application/octet-stream"),
    ],
)
def test_a_type_is_read_from_the_bytes(content, found):
    assert files.type_of(upload(content, "picture.png")) == found


@pytest.mark.parametrize(
    ("content", "code"), [(b"x" * 101, "too_large"), (b"", "empty"), (b"no picture", "wrong_type")], ids=["too large", "empty", "wrong"]
)
def test_what_will_not_do_is_refused_and_leaves_nothing(tenant, content, code):
    with pytest.raises(Refused) as refused:
        files.keep(upload(content), "logo", by=None, most=100, types=["image/png"])

    assert (refused.value.code, refused.value.status, File.objects.count(), on_disk(tenant)) == (code, 400, 0, [])


def test_a_file_that_cannot_be_written_leaves_no_half(tenant, monkeypatch):
    broken = upload(PNG)
    monkeypatch.setattr(broken, "chunks", lambda: (_ for _ in [1]).throw(OSError("the disk is full")))

    with pytest.raises(OSError):
        files.keep(broken, "logo", by=None, most=100)

    assert (File.objects.count(), on_disk(tenant)) == (0, [])


def test_a_row_that_cannot_be_written_takes_its_bytes_with_it(tenant, monkeypatch):
    monkeypatch.setattr(File, "save", lambda *args, **kwargs: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        files.keep(upload(PNG), "logo", by=None, most=100)

    assert on_disk(tenant) == []


def test_what_is_rolled_back_leaves_no_row_and_nothing_half_written(tenant):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        files.keep(upload(PNG), "logo", by=None, most=100)
        raise ZeroDivisionError

    assert File.objects.count() == 0
    assert [name for name in on_disk(tenant) if name.endswith(".part")] == []


def test_a_dropped_file_keeps_its_bytes_until_that_stands(house, django_capture_on_commit_callbacks):
    with acting_for(house.pk):
        file = files.keep(upload(PNG), "logo", by=None, most=100)
        path = files.path_of(file)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            files.drop(file)
            raise ZeroDivisionError
        assert path.exists()
        with django_capture_on_commit_callbacks(execute=True):
            files.drop(File.objects.get())

    assert not path.exists()


def test_a_picture_is_shown_and_anything_else_only_downloaded(tenant):
    picture = files.keep(upload(PNG), "logo", by=None, most=100)
    page = files.keep(upload(b"<script>alert(1)</script>", "page.html"), "import", by=None, most=100)

    shown = [(answer["Content-Type"], answer["Content-Disposition"]) for answer in map(files.answer, (picture, page))]

    assert shown == [
        ("image/png", 'inline; filename="logo.png"'),
        ("application/octet-stream", 'attachment; filename="page.html"'),
    ]
    assert files.answer(page)["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_a_file_whose_bytes_are_gone_is_not_found(tenant):
    file = files.keep(upload(PNG), "logo", by=None, most=100)
    files.path_of(file).unlink()

    with pytest.raises(Http404):
        files.answer(file)


def test_another_community_s_file_cannot_be_found(two):
    ours, theirs = two
    with acting_for(theirs.pk):
        file = files.keep(upload(PNG), "logo", by=None, most=100)

    with acting_for(ours.pk):
        assert not File.objects.filter(pk=file.pk).exists()
