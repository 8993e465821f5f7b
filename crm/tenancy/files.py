"""What people upload: kept under the data folder as `media/<tenant>/<id>`, typed by its bytes, handed out behind a seat or token."""

import hashlib
import os
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.http import FileResponse, Http404
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from .models import File
from .refusals import Refused
from .scope import active_tenant

# First bytes of what browsers may show as it is. Everything else is only ever downloaded.
SHOWN = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}
DOWNLOADED = "application/octet-stream"


def path_of(file):
    return folder_of(file.tenant_id) / str(file.pk)


def folder_of(tenant_id):
    return Path(settings.DATA_DIR) / "media" / str(tenant_id)


def check(upload, *, most, types=None):
    """Its content type. Refuses with 400 `too_large`, `empty` or `wrong_type`."""
    if upload.size > most:
        megabytes = {"size": f"{-(-upload.size // 10**5) / 10:,.1f}", "most": most // 10**6}
        raise Refused(_("This file has %(size)s MB; at most %(most)s MB will do.") % megabytes, code="too_large", status=400)
    if not upload.size:
        raise Refused(_("This file is empty."), code="empty", status=400)
    content_type = type_of(upload)
    if types and content_type not in types:
        sentence = _("This is no file of the kind that is wanted here, whatever its name says: a JPEG, PNG or WebP picture will do.")
        raise Refused(sentence, code="wrong_type", status=400)
    return content_type


def keep(upload, kind, *, by, most, types=None):
    """Write an upload to the disk and note it in the open tenant.

    `upload` is Django's UploadedFile, `most` its greatest size in bytes, `types` the content types that will do (None: any).
    A transaction that is rolled back leaves no row; its bytes then lie under an id that nobody knows.
    """
    content_type = check(upload, most=most, types=types)
    file = File(
        tenant_id=active_tenant(), kind=kind, name=Path(upload.name or "").name[-200:], content_type=content_type, size=upload.size, seat=by
    )
    path = path_of(file)
    file.sha256 = _write(upload, path)
    try:
        file.save(force_insert=True)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return file


def digest(upload):
    """What tells two uploads apart, before either is kept."""
    found = hashlib.sha256()
    for chunk in upload.chunks():
        found.update(chunk)
    return found.hexdigest()


def type_of(upload):
    upload.seek(0)
    head = upload.read(16)
    upload.seek(0)
    for name, magic in SHOWN.items():
        if head.startswith(magic) and (name != "image/webp" or head[8:12] == b"WEBP"):
            return name
    return DOWNLOADED


def _write(upload, path):
    """All of it or nothing: the name appears when the bytes are on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half, digest = path.with_suffix(".part"), hashlib.sha256()
    try:
        with half.open("wb") as out:
            for chunk in upload.chunks():
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        half.rename(path)
    finally:
        half.unlink(missing_ok=True)
    return digest.hexdigest()


def drop(file):
    """The row now, the bytes when that stands."""
    path = path_of(file)
    file.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def answer(file, *, attached=None):
    """The bytes as a response. Shown in the page where that is safe, else as a download; `attached` names the download."""
    try:
        stream = path_of(file).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    shown = file.content_type in SHOWN and attached is None
    response = FileResponse(stream, content_type=file.content_type if shown else DOWNLOADED)
    response["Content-Disposition"] = content_disposition_header(not shown, attached or file.name)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, max-age=86400"
    return response
