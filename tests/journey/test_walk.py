"""The whole walk in a browser, on the running demo: the decision, the plan, the approval, the evening, the new half-year.

On a small folder that the test writes, planned and approved at phone width, carried out at desktop width, while every page is looked at
in both; with WALK=long also each width from end to end, on the invented community and on an owner's own folder, `../shared/data/yuanfan`
where that lies there.
"""

import os
import random
import re
from pathlib import Path

import httpx
import pytest

from tests.chromium import expect, fits, needs_chromium, until

from .running import Demo, wait_for

pytestmark = needs_chromium
YUANFAN = Path(__file__).parents[3] / "shared/data/yuanfan"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LONG = pytest.mark.skipif(os.environ.get("WALK") != "long", reason="thousands of people are walked with WALK=long")
PATIENCE = 240_000  # milliseconds; a plan for five thousand takes its time on a busy machine


@pytest.fixture
def data(tmp_path_factory):
    """Where nothing was approved yet."""
    return tmp_path_factory.mktemp("walk")


@pytest.fixture
def own_folder(small_folder):
    return YUANFAN if YUANFAN.is_dir() else small_folder


@pytest.fixture
def small_folder(tmp_path):
    """Sixty people in three groups, with two half-years behind them."""
    folder = tmp_path / "xiaoyuan"
    folder.mkdir()
    dice = random.Random(1)
    people = [f"lin_{n:04}" for n in range(60)]
    rows = [f"林{n:02},{wechat},,深圳,电商,2026-01-05,会员{n % 3 + 1}群" for n, wechat in enumerate(people)]
    (folder / "members.csv").write_text("\n".join(["昵称,微信号,手机号,城市,行业,入群时间,所在群", *rows]))
    past = [f"2026上半年,会员{dice.randint(1, 3)}群,{wechat}" for wechat in people]
    present = [f"2026下半年,会员{n % 3 + 1}群,{wechat}" for n, wechat in enumerate(people)]
    (folder / "cohorts.csv").write_text("\n".join(["届,群,微信号", *past, *present]))
    return folder


class Person:
    """Somebody at a browser: signed in, and every script error or report of the content security policy is theirs to show."""

    def __init__(self, chromium, demo, email, size):
        self.demo, self.wrong = demo, []
        self.context = chromium.new_context(viewport=size, locale="en-US")
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.goto(f"{demo.base}/")
        self.page.fill("input[name=login]", email)
        self.page.fill("input[name=password]", demo.password)
        self.page.click("main button.btn-primary, form button.btn-primary")
        self.page.wait_for_url(lambda url: "/login/" not in url)
        if choice := self.page.locator(f"main a[href^='/{demo.slug}/']").all():  # who has seats in several communities is asked
            choice[0].click()
        self.page.wait_for_url(lambda url: f"/{demo.slug}/" in url)

    def goes(self, path=""):
        self.page.goto(f"{self.demo.base}/{self.demo.slug}/{path}")
        return self.page

    def fits(self):
        """At either width."""
        mine = self.page.viewport_size
        for size in (PHONE if mine == DESKTOP else DESKTOP, mine):
            self.page.set_viewport_size(size)
            fits(self.page)


@pytest.fixture
def sits(chromium):
    """`sits(demo, role, size)` is a person at a browser; afterwards none of them saw anything go wrong."""
    everybody = []

    def sit(demo, role, size, which=0):
        everybody.append(Person(chromium, demo, demo.sign_ins(role)[which], size))
        return everybody[-1]

    yield sit
    assert [person.wrong for person in everybody if person.wrong] == []


def walk(demo, sits, size, point, later=None):
    """All of it at one width, or what comes after the approval at another one."""
    owner = sits(demo, "owner", size)

    # Today says what needs deciding; the plan that the clock proposed is one click away.
    page = owner.goes()
    decision = page.locator("main a.btn-primary[href*='/reshuffles/'], main a.btn-primary[href*='/drafts/']")
    wait_for(lambda: api(demo, "drafts/")["results"])
    wait_for(lambda: page.reload() and decision.count())
    owner.fits()
    decision.first.click()
    expect(page.locator("#figure")).to_be_visible(timeout=PATIENCE)  # the page follows the making by itself
    owner.fits()

    # A point of the curve redraws the page in place, and is proposed.
    whole = page.locator("#figure").inner_text()
    page.locator("a[data-point]").nth(point).click()
    expect(page).to_have_url(re.compile(r"moves=\d+"))
    expect(page.locator("#figure")).not_to_have_text(whole)
    page.locator("#look form[action$='/drafts/'] button").click()
    to_approve = page.locator("#approve button[data-dialog='#approving']")
    expect(page.locator("#making").or_(to_approve)).to_be_visible()
    owner.fits()
    expect(to_approve).to_be_visible(timeout=PATIENCE)
    owner.fits()
    moves = int(re.search(r"([\d,]+)", to_approve.inner_text())[1].replace(",", ""))

    # The last day is shown before approving; approving asks once.
    assert re.search(r"\d", page.locator("#approve").inner_text())
    to_approve.click()
    page.locator("#approving form[action$='/approval/'] button.btn-primary").click()
    page.wait_for_url(re.compile("/reshuffles/"))
    owner.fits()

    # An assistant at nine in the evening: copy, sent; a slip; what cannot be done.
    assistant = sits(demo, "assistant", PHONE)
    phone = assistant.goes("phone/")
    assistant.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assistant.fits()
    left = int(phone.locator("#today").get_attribute("data-left"))
    assert 0 < left <= 90
    card = phone.locator("#next")
    card.locator("[data-do='copy']").first.click()
    until(phone, "navigator.clipboard.readText()")
    phone.locator("[data-do='sent']").first.click()
    expect(phone.locator("h1 [data-left]")).to_have_text(str(left - 1))
    expect(phone.locator("#toast, [role=status]").last).to_contain_text(re.compile(r"\w"))
    phone.locator("article a").first.click()
    expect(phone.locator("#task")).to_be_visible()
    assistant.fits()
    phone.locator("[data-do='cannot']").click()
    phone.locator("button[name=reason][value=declined]").click()
    wait_for(lambda: _moves(demo).get("refused") == 1)

    # The owner sees it.
    owner.page.set_viewport_size(later or size)
    page = owner.goes("reshuffles/")
    wait_for(lambda: page.reload() and "1" in page.locator("main").inner_text())
    counts = _moves(demo)
    assert (sum(counts.values()), counts["asked"], counts["refused"]) == (moves, 1, 1)

    # A newcomer came after the plan and is seated; the chat's own list, pasted, says who has come.
    came_in = paste_a_roster(demo, owner)
    assert _moves(demo)["joined"] == came_in > 0

    # The first day of the half-year comes, and the clock makes it current.
    demo.query(FIRST_DAY.format(slug=demo.slug))
    wait_for(lambda: _moves(demo)["joined"] == moves - 1)
    page = owner.goes()
    owner.fits()


def paste_a_roster(demo, owner):
    """Of one new group, with everybody who sits there and all who were to come. Returns how many came."""
    group, sitting, coming = _of_a_group(demo)
    api(demo, "members/", {"nickname": "后来的人", "handles": []})
    page = owner.goes("reshuffles/")
    with page.expect_navigation():
        page.locator("form[action$='/late/'] button").click()
    expect(page.locator("form[action$='/late/']")).to_have_count(0)
    owner.fits()
    page.locator("main a[href$='/rosters/']").first.click()
    owner.fits()
    page.locator("select[name=group]").select_option(group)
    page.fill("textarea[name=text]", "\n".join([f"群成员({len(sitting) + len(coming) + 1})", "群主", *sitting, *coming, "群里的机器人"]))
    page.locator("form.qo-box button").click()
    expect(page.locator("#joined")).to_be_visible()
    owner.fits()
    page.keyboard.press("x")  # the robot is nobody of ours
    expect(page.locator("#line")).to_have_count(0)
    page.locator("form[action$='/booking/'] button").click()
    expect(page.locator("#roster form[action$='/undo/']")).to_be_visible()
    owner.fits()
    return len(coming)


def everything(demo, path):
    """All rows of a list."""
    found, path = [], f"{path}&page_size=500"
    while path:
        answer = api(demo, path)
        found, path = found + answer["results"], answer["next"]
    return found


def _of_a_group(demo):
    """The new group to which most are to come: its id, the names of who sits there, and of those who are to come."""
    moves = [move for state in ("waiting", "asked") for move in everything(demo, f"moves/?state={state}")]
    goes = [move["to_group"] for move in moves]
    group = max(sorted(set(goes)), key=goes.count)
    names = {row["id"]: row["nickname"] for row in everything(demo, "members/?standing=current")}
    sits = everything(demo, f"placements/?group={group}&is_open=true")
    return group, [names[row["member"]] for row in sits], [names[move["member"]] for move in moves if move["to_group"] == group]


FIRST_DAY = """
from django.utils.timezone import now
from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for
from groups.models import CalendarStep
with acting_for(Tenant.objects.get(slug="{slug}").pk):
    CalendarStep.objects.filter(kind="begin", state="waiting").update(due_at=now())
"""


def api(demo, path, body=None):
    headers = {"Authorization": f"Bearer {demo.key}"}
    address = path if path.startswith("http") else f"{demo.base}/api/v1/{path}"
    answer = httpx.post(address, json=body, headers=headers) if body is not None else httpx.get(address, headers=headers)
    assert answer.status_code < 400, answer.text
    return answer.json() if answer.content else None


def _moves(demo):
    """Moves by state, of the reshuffle that was approved, as the API says."""
    found = [row for row in api(demo, "reshuffles/")["results"] if row["approved_at"]]
    return found[-1]["moves"] if found else {}


def walk_by_api(demo):
    matrix = api(demo, "matrices/")["results"][0]
    wait_for(lambda: all(row["state"] != "waiting" for row in api(demo, "drafts/")["results"]))
    draft = api(demo, f"matrices/{matrix['id']}/drafts/", {"max_moves": 20, "seed": 1})
    wait_for(lambda: api(demo, f"drafts/{draft['id']}/")["state"] == "ready")
    places = api(demo, f"drafts/{draft['id']}/plan/")["places"]
    movers = [place for place in places if place["rank"]]
    api(demo, f"drafts/{draft['id']}/approval/", {})
    tasks = api(demo, "tasks/?state=open&kind=move&page_size=500")["results"]
    ticked = api(demo, f"tasks/{tasks[0]['id']}/ticks/", {"key": "7b6f1f0e-8f2b-4c8e-9d4e-0f6c5a1b2c3d", "act": "done"})

    assert 0 < len(movers) <= 20
    assert {task["member"] for task in tasks} == {place["member"] for place in movers}
    assert ticked["state"] == "done"
    assert _moves(demo)["asked"] == 1


def test_the_walk_and_then_the_next_half_year_by_api(data, sits, small_folder):
    with Demo(data, "--from", small_folder) as demo:
        assert demo.slug == small_folder.name

        walk(demo, sits, PHONE, point=3, later=DESKTOP)
        walk_by_api(demo)


@LONG
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_walk_on_the_invented_community(data, sits, size):
    with Demo(data) as demo:
        assert len(demo.sign_ins("assistant")) == 4

        walk(demo, sits, size, point=3)


@LONG
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_walk_on_an_owners_own_files(data, sits, own_folder, size):
    with Demo(data, "--from", own_folder) as demo:
        people = api(demo, "members/?standing=current&page_size=500")["results"]
        assert demo.slug == own_folder.name
        assert len(people) > 50

        walk(demo, sits, size, point=3)
