"""Chromium for the tests: Debian's without windows where it is installed, since it starts and draws in half the time."""

import os
import shutil
import time
from contextlib import ExitStack, contextmanager

import pytest

PATIENCE = 30  # seconds; three processes may share two slow cores

try:
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
except ImportError:
    Error = expect = sync_playwright = None
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")
MISSING = "playwright is missing" if sync_playwright is None else "" if CHROMIUM else "chromium is missing"
REASON = f"{MISSING}: install the group `check` and Chromium"
needs_chromium = pytest.mark.skipif(bool(MISSING) and os.environ.get("REQUIRE_BROWSER") != "1", reason=REASON)

__all__ = ["PATIENCE", "closed", "expect", "fits", "lent", "needs_chromium", "ready", "until"]


@contextmanager
def _opened():
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright runs a loop in the thread in which the tests ask the database
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


_lending = ExitStack()
_lent = []


def lent():
    """The one browser of this process: starting it costs as much as a short test."""
    if not _lent:
        _lent.append(_lending.enter_context(_opened()))
    return _lent[0]


def closed():
    """Before anything else runs in this thread, which is no longer playwright's then."""
    _lending.close()
    _lent.clear()


def until(page, what):
    """Asked from outside: the pages' policy refuses what playwright's own waiting evaluates in them.

    A page that is just being left or made has no answer yet, which is no fault of it.
    """
    deadline, answer = time.monotonic() + PATIENCE, None
    while time.monotonic() < deadline:
        try:
            if answer := page.evaluate(what):
                return
        except Error as error:
            answer = error
        page.wait_for_timeout(50)
    raise AssertionError(f"Never came true at {page.url}: {what} ({answer})")


READY = "document.readyState === 'complete' && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"


def ready(page):
    """The page that is there, or on its way, hears keys and clicks: what is to be seen already may still wait for its scripts."""
    until(page, READY)


def fits(page):
    """The page that is there, or on its way, does not scroll sideways."""
    until(page, f"{READY} && document.documentElement.scrollWidth <= {page.viewport_size['width']}")
