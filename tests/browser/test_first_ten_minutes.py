"""A stranger's first ten minutes in a browser: from the one-time link to the first plan, with nobody's help."""

import io
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from crm.demo import sample
from crm.tenancy.models import Invite, Seat
from crm.tenancy.scope import acting_for
from groups import reshuffling
from groups.models import Draft, Group, Placement
from members.models import Member
from tests.chromium import PATIENCE, expect, needs_chromium, ready

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    Axe = None
pytestmark = needs_chromium
OWNERS_FILES = Path(__file__).parents[3] / "shared/data/yuanfan"
PASSWORD = "a-long-new-word"
FEWER_THAN = 15
SLOWLY = 240_000  # ms until a plan is there, on a machine that has other things to do
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# What is pressed, over all pages.
COUNT = "addEventListener('pointerdown', () => { sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1 }, true)"


@pytest.fixture
def stranger(chromium, live_server, worker, settings, tmp_path, monkeypatch):
    """A browser that nobody has used before, and the link that the command printed."""
    reshuffling.warm()
    settings.BASE_URL = live_server.url
    settings.DATA_DIR = tmp_path
    settings.LANGUAGE_CODE = "en"
    monkeypatch.setenv("LC_ALL", "C")
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", accept_downloads=True)
    context.add_init_script(COUNT)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.complaints = []
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    out = io.StringIO()
    call_command("open_tenant", "xinqu", "--owner", "lin@example.com", "--name", "New Bay", stdout=out)
    page.link = re.search(r"http\S+", out.getvalue())[0]
    yield page
    page.goto("about:blank")
    context.close()


def the_files(tmp_path):
    """An owner's own, which lie outside the project; where there are none, invented ones."""
    if OWNERS_FILES.is_dir():
        return OWNERS_FILES / "members.csv", OWNERS_FILES / "cohorts.csv", 656
    today = timezone.localdate()
    for name, text in ("members", sample.members(today)), ("cohorts", sample.cohorts(today)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8-sig", newline="")
    return tmp_path / "members.csv", tmp_path / "cohorts.csv", 40


LOOKED_AT = set()


def accessible(page):
    """Each page once."""
    ready(page)
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "…", page.url)
    if address in LOOKED_AT:
        return
    LOOKED_AT.add(address)
    found = Axe().run(page, options=AXE).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def button(page, name):
    return page.locator("main").get_by_role("button", name=name).or_(page.locator("main").get_by_role("link", name=name)).first


def test_from_the_link_to_the_plan(stranger, tmp_path):
    members, cohorts, people = the_files(tmp_path)
    page = stranger

    page.goto(page.link)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Four steps to your first plan")).to_be_visible()
    accessible(page)
    button(page, "Upload the two files").click()

    expect(page.get_by_role("heading", name="Bring your people in")).to_be_visible()
    accessible(page)
    for name, file in ("members", members), ("cohorts", cohorts):
        with page.expect_file_chooser() as chooser:
            page.locator(f"label[for={name}]").click()
        chooser.value.set_files(file)
    button(page, "Upload and read").click()

    expect(page.get_by_role("heading", name=f"{people} people found")).to_be_visible(timeout=60_000)
    accessible(page)
    button(page, f"Import {people} people").click()

    expect(page.get_by_role("heading", name=f"Imported {people} people")).to_be_visible(timeout=60_000)
    accessible(page)
    button(page, "Name the groups").click()

    expect(page.get_by_role("heading", name="Name the groups")).to_be_visible()
    page.get_by_label("Name of 会员1群").fill("Morning group")
    accessible(page)
    button(page, "Save 4 groups").click()

    page.locator("[data-step=assistant]").get_by_role("link", name="Invite an assistant").click()
    expect(page.get_by_role("button", name="Make the invite")).to_be_visible()
    page.get_by_label("Name").last.fill("Doudou")
    page.get_by_role("button", name="Make the invite").click()
    expect(page.get_by_text("Copy the text")).to_be_visible()
    page.locator(".qx-rail").get_by_role("link", name="Today").click()

    page.locator("[data-step=plan]").get_by_role("button", name="Propose a plan").click()
    expect(page.get_by_role("button", name=re.compile("Approve"))).to_be_visible(timeout=SLOWLY)

    ready(page)
    clicks = int(page.evaluate("sessionStorage.clicks"))
    print(f"{clicks} clicks from the link to the plan")
    assert clicks < FEWER_THAN
    assert page.complaints == []
    seat = Seat.objects.get(user__email="lin@example.com")
    assert list(Invite.objects.filter(tenant=seat.tenant).values_list("role", flat=True)) == ["assistant"]
    with acting_for(seat.tenant_id):
        assert Member.objects.current().count() == Placement.objects.open().count() == people
        assert list(Group.objects.in_order().values_list("name", flat=True)) == ["Morning group", "会员2群", "会员3群", "会员4群"]
        assert Draft.objects.get().state == "ready"
    page.locator(".qx-rail").get_by_role("link", name="Today").click()
    expect(page).to_have_url(re.compile("/xinqu/$"))
    ready(page)
    expect(page.get_by_role("heading", name="Four steps to your first plan")).to_have_count(0)
