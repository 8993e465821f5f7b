"""axe (WCAG 2.2 A and AA, and its best practices) on every page, in both languages, light and dark, wide and narrow; besides, that no
id stands twice and that nothing scrolls sideways.

In CI each page is looked at once, one English, light and wide, the next Chinese, dark and narrow; with AXE=all each in all eight ways.
"""

import base64
import itertools
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from crm.tenancy import files
from crm.tenancy.models import File
from crm.tenancy.scope import acting_for
from groups.models import Draft, Group, Matrix, Reshuffle
from members.models import Member
from tests.conftest import SeatClient
from tests.factories import SeatFactory
from tests.tenancy import doors
from tests.tenancy.walking import one_of_each
from tests.test_three_clicks import Anywhere, opens

from .people import DESKTOP, PHONE, needs_chromium, until

FOUND = find_spec("axe_playwright_python")
pytestmark = [needs_chromium, pytest.mark.skipif(FOUND is None, reason="axe is missing: install the group `check`")]
ALL = list(itertools.product(("en", "zh-hans"), ("light", "dark"), (DESKTOP, PHONE)))
WAYS = ALL if os.environ.get("AXE") == "all" else [("en", "light", DESKTOP), ("zh-hans", "dark", PHONE)]
SETTLED = """() => Promise.all(document.getAnimations()
    .filter((each) => each.effect.getTiming().iterations !== Infinity).map((each) => each.finished.catch(() => 0)))"""
# Hundreds of operations of the API, rows of a table, choices: all of one make, so the first of each stand for them.
ALIKE = ".qx-api-room > details:nth-of-type(n + 3), tbody tr:nth-of-type(n + 6), option:nth-of-type(n + 9)"
DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
RUN = """async (alike) => {
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice: id ${id}`);
    const wide = document.documentElement.scrollWidth > innerWidth ? ["scrolls sideways"] : [];
    document.querySelectorAll(alike).forEach((each) => each.remove());
    const found = await axe.run(document, { resultTypes: ["violations"], runOnly, preload: false, selectors: false });
    return [...twice, ...wide].concat(found.violations.map(({ id, nodes }) => `${id}: ` + nodes.slice(0, 3).map((node) =>
        `${node.html.slice(0, 180)} (${node.any.concat(node.all, node.none).map((why) => why.message)[0]})`).join(" | ")));
}"""


class Looked:
    """What axe finds wherever somebody goes, by page."""

    def __init__(self, person):
        self.person, self.faults = person, {}
        person.context.add_init_script(path=Path(FOUND.submodule_search_locations[0], "axe.min.js"))

    def at(self, path):
        self.person.goes(path)
        self.now(path)

    def now(self, name):
        page = self.person.page
        page.evaluate("document.querySelectorAll('.qx-toast').forEach((each) => each.remove())")  # they go by themselves
        page.evaluate(SETTLED)
        if found := page.evaluate(RUN, ALIKE):
            self.faults[name] = found


@pytest.fixture
def rows(community, draft):
    named = {Draft: draft, Reshuffle: draft.reshuffle, Matrix: community.matrix, Group: community.groups[0], Member: community.members[0]}
    rows = one_of_each(community.tenant, Task={"assistant": community.assistants[0]}) | named
    with acting_for(community.tenant.pk):
        for file in File.objects.filter(content_type="image/png"):  # pages that show a picture find one
            files.path_of(file).parent.mkdir(parents=True, exist_ok=True)
            files.path_of(file).write_bytes(DOT)
    return rows


def pages(tenant, rows):
    """{name: address} of everything that opens as a page for the owner."""
    client = Anywhere(SeatClient(SeatFactory(tenant=tenant, role="owner")))
    prefix = f"/{tenant.slug}"
    found = {door.name: prefix + door.path(rows) for door in doors.pages() if door.is_listed}
    found |= {door.name: door.path({}) for door in doors.doors() if door.name in doors.OUTSIDE - doors.OPEN and not door.words}
    return {name: address for name, address in found.items() if opens(client, address)}


def test_no_page_has_a_fault_that_axe_can_see(community, rows, sits):
    found = pages(community.tenant, rows)
    faults = {}

    for turn, (language, theme, size) in enumerate(WAYS):
        looked = Looked(sits("owner", language=language, theme=theme, size=size))
        for address in found.values() if WAYS is ALL else [*found.values()][turn :: len(WAYS)]:
            looked.at(address)
        faults[f"{language} {theme} {size['width']}"] = looked.faults

    assert len(found) > 15
    assert {way: seen for way, seen in faults.items() if seen} == {}


def test_neither_has_what_opens_over_a_page(community, draft, sits):
    faults = {}

    for language, theme, size in WAYS:
        person = sits("owner", language=language, theme=theme, size=size)
        looked, page = Looked(person), person.goes()
        if size is PHONE:
            page.locator(".qx-bar-foot button").click()
            looked.now("the rail")
        else:
            page.locator(".qx-me summary").click()
            looked.now("the menu")
            page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        until(page, "document.querySelectorAll('#palette [role=option]').length > 5")
        looked.now("the palette")
        page.keyboard.type("Lin")
        until(page, "document.querySelectorAll('#palette .all').length > 0")
        looked.now("the palette, found")
        page.keyboard.type("zzzz")
        until(page, "document.querySelector('#palette .qx-empty') !== null")
        looked.now("the palette, nothing found")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        looked.now("the keys")
        person.goes(f"drafts/{draft.pk}/").locator("button[data-dialog='#approving']").click()
        looked.now("approving")
        faults[f"{language} {theme} {size['width']}"] = looked.faults

    assert {way: seen for way, seen in faults.items() if seen} == {}


def test_neither_have_the_pages_before_the_sign_in(sits):
    faults = {}
    closed = [door.path({}) for door in doors.doors() if door.name in doors.OPEN - {"api: schema"} and not door.words and not door.is_api]

    for turn, (language, theme, size) in enumerate(WAYS):
        looked = Looked(sits(None, language=language, theme=theme, size=size))
        for address in closed if WAYS is ALL else closed[turn :: len(WAYS)]:
            answer = looked.person.context.request.get(looked.person.server.url + address)
            if answer.ok and answer.headers["content-type"].startswith("text/html"):
                looked.at(address)
        faults[f"{language} {theme} {size['width']}"] = looked.faults

    assert {way: seen for way, seen in faults.items() if seen} == {}
