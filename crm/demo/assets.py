"""Styles and scripts, fingerprinted and compressed into the data folder; again only when one of them has changed."""

import hashlib
from contextlib import contextmanager

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from . import parts


@contextmanager
def collecting():
    """Runs beside what is done inside."""
    mark = _mark()
    if _file().exists() and _file().read_text() == mark:
        yield None
        return
    command = ["manage.py", "collectstatic", "--noinput", "--clear", "-v", "0"]
    with parts.started("static", command, parts.environment()) as child:
        yield child, mark


def finish(collecting):
    if collecting:
        child, mark = collecting
        parts.finish("static", child)
        _file().write_text(mark)


def _file():
    return settings.DATA_DIR / "static.mark"


def _mark():
    files = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            files.update(f"{path} {storage.size(path)} {storage.get_modified_time(path)}\n".encode())
    return files.hexdigest()
