"""Chromium for the tests: Debian's without windows where it is installed, since it starts and draws in half the time."""

import os
import shutil
from contextlib import contextmanager

import pytest

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    expect = sync_playwright = None
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")
MISSING = "playwright is missing" if sync_playwright is None else "" if CHROMIUM else "chromium is missing"
REASON = f"{MISSING}: install the group `check` and Chromium"
needs_chromium = pytest.mark.skipif(bool(MISSING) and os.environ.get("REQUIRE_BROWSER") != "1", reason=REASON)

__all__ = ["expect", "needs_chromium", "opened"]


@contextmanager
def opened():
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright runs a loop in the thread in which the tests ask the database
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
