"""An evening of arrivals in a browser: the phone goes from step to step by two taps each, and the desk sees it."""

import datetime
import re

import pytest
from django.test import Client
from django.utils.timezone import now

from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for
from groups import arrival_handing, arrivals
from groups.models import Arrival, ArrivalStep, Calling, Group
from tests.chromium import PATIENCE, expect, needs_chromium, ready
from tests.factories import CohortFactory, EveningsFactory, GroupFactory, MatrixFactory, MemberFactory, PlacementFactory, SeatFactory

from .test_phone_browser import COUNT_TAPS, all_sent, phone, seat, taps  # noqa: F401  fixtures

pytestmark = needs_chromium


# What comes next opens when the server has answered: however slow it is, and where it stumbles once.
SLOW = """() => { const [later, real] = [setTimeout, fetch];
    window.setTimeout = (what, wait, ...more) => later(what, wait === 2000 ? 0 : wait, ...more);
    const held = new Promise((go) => { window.go = go; });
    window.fetch = async (...sent) => { await held; return real(...sent); }; }"""
ILL_ONCE = """() => { const real = fetch; let times = 0;
    window.fetch = (...sent) => (times++ ? real(...sent) : Promise.resolve(new Response("", { status: 500 }))); }"""


def an_arrival(house, assistant):
    """Somebody urgent, so that it is no matter at what hour the test runs."""
    with acting_for(house.pk):
        matrix = MatrixFactory()
        CohortFactory(matrix=matrix)
        group = GroupFactory(matrix=matrix, number=7, assistant=assistant)
        for n in range(4):
            PlacementFactory(member=MemberFactory(nickname=f"Lin {n}", city="Guangzhou"), group=group)
        member = MemberFactory(nickname="Wang Huan", city="Guangzhou", seeks="suppliers")
        arrival = arrivals.hurry(arrivals.wait(member, by=None), "Their course begins", Tenant.objects.get(pk=house.pk), by=None)
        arrival_handing.keep(ArrivalStep.objects.get(arrival=arrival, kind="announce").pk)
        return arrival


def test_a_newcomer_is_welcomed_by_two_taps_a_step(phone, seat):  # noqa: F811
    arrival = an_arrival(seat.tenant, seat)
    page = phone.open("arrivals/")
    page.tap("a.pbtn")
    for name in ("Notice", "Packet", "Intro", "Welcome"):
        expect(page.locator(".stps [aria-current=step] b")).to_have_text(name)
        ready(page)
        page.evaluate(COUNT_TAPS)
        page.tap(".copy")
        expect(page.locator("[data-sent].filled")).to_be_visible()
        expect(page.locator(".copy .cl")).to_contain_text("Paste it to G7")  # into the chat, though it is about a person
        assert taps(page) == 1
        if name in ("Notice", "Packet"):
            page.evaluate(ILL_ONCE if name == "Notice" else SLOW)
        page.tap("[data-sent]")
        if name == "Packet":
            expect(page.locator("#toast a")).to_have_text("Go on")
            page.evaluate("go()")
    assert page.evaluate("navigator.clipboard.readText()").count("@Lin") == 3

    expect(page.locator(".stps [aria-current=step] b")).to_have_text("Chain")
    ready(page)
    page.fill("[name=note] >> nth=0", "31")
    phone.context.set_offline(True)
    page.tap(".answ button >> nth=0")
    expect(page.locator(".answ [data-count]")).to_have_text("1 of 3 answered")
    phone.context.set_offline(False)
    all_sent(page)
    page.reload()
    ready(page)
    expect(page.locator(".answ [aria-pressed=true]")).to_have_count(1)
    expect(page.locator("[name=note] >> nth=0")).to_have_value("31")
    page.tap("[data-sent]")
    page.wait_for_url(lambda url: "/tasks/" not in url)
    all_sent(page)

    with acting_for(seat.tenant_id):
        assert sorted(Calling.objects.values_list("answered", flat=True)) == [False, False, True]
        done = Arrival.objects.get(pk=arrival.pk)
        assert (done.state, done.chain) == ("welcomed", 31)
        assert done.welcomed_at > now() - datetime.timedelta(minutes=5)
        assert Group.objects.get().placements.filter(member=arrival.member_id, until=None).exists()
    assert phone.complaints == []


@pytest.fixture
def desk(chromium, live_server, seat):  # noqa: F811
    """The owner's, 1440 px wide."""
    owner = SeatFactory(tenant=seat.tenant, role="owner", name="Lily")
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    client = Client()
    client.force_login(owner.user)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.home = f"{live_server.url}/{seat.tenant.slug}/arrivals/"
    yield page
    page.goto("about:blank")
    context.close()


def three_who_wait(house, assistant):
    """Who paid two hours ago, for evenings that take two and last all day, so that it is no matter at what hour the test runs."""
    with acting_for(house.pk):
        matrix = MatrixFactory()
        CohortFactory(matrix=matrix)
        group = GroupFactory(matrix=matrix, number=7, assistant=assistant)
        PlacementFactory(member=MemberFactory(nickname="Lin", city="Guangzhou"), group=group)
        EveningsFactory(begins=datetime.time(0), ends=datetime.time(23, 59, 59), cap=2, minutes_between=1)
        for name in ("Wang Huan", "Zhao Min", "Sun Li"):
            member = MemberFactory(nickname=name, city="Guangzhou", seeks="suppliers")
            arrivals.wait(member, by=None, paid_at=now() - datetime.timedelta(hours=2))


def test_an_evening_of_arrivals_from_the_queue_to_the_welcome(desk, phone, seat):  # noqa: F811
    three_who_wait(seat.tenant, seat)
    desk.goto(desk.home)
    expect(desk.locator("#queue li")).to_have_count(3)
    desk.locator("form[action$='/filling/'] .btn-primary").press("Enter")
    expect(desk.locator(".qx-arrivals tbody tr")).to_have_count(2)
    expect(desk.locator("#queue li")).to_have_text(re.compile("Sun Li"))

    ready(desk)
    desk.keyboard.press("h")
    expect(desk.locator("#hours")).to_be_visible()
    desk.get_by_label("Days that a silent caller rests").fill("14")
    desk.keyboard.press("Enter")
    expect(desk.locator(".qx-toast")).to_contain_text("The evenings are saved.")

    ready(desk)
    desk.keyboard.press("u")
    expect(desk.locator("#urgent")).to_be_visible()
    desk.get_by_label("Who", exact=True).select_option(label="Sun Li")
    desk.get_by_label("Why it cannot wait").press("Enter")  # no reason yet: it stays
    desk.get_by_label("Why it cannot wait").fill("Their course begins")
    desk.keyboard.press("Enter")
    expect(desk.locator("#side-title")).to_contain_text("Sun Li")
    expect(desk.locator(".qx-arrivals tr:has-text('Sun Li') .qx-tag.warn")).to_have_text("urgent")
    ready(desk)
    desk.keyboard.press("Escape")
    expect(desk.locator("#side-title")).to_have_count(0)

    with acting_for(seat.tenant_id):
        step = ArrivalStep.objects.get(arrival__member__nickname="Sun Li", kind="announce")
        arrival_handing.keep(step.pk)
        task = ArrivalStep.objects.get(pk=step.pk).task_id
    page = phone.open(f"tasks/{task}/")
    for name in ("Notice", "Packet", "Intro"):
        expect(page.locator(".stps [aria-current=step] b")).to_have_text(name)
        ready(page)
        page.tap("[data-sent]")
    expect(page.locator(".stps [aria-current=step] b")).to_have_text("Welcome")
    all_sent(page)

    desk.goto(desk.home)
    desk.get_by_role("link", name="Sun Li").first.press("Enter")
    expect(desk.locator("#words")).to_contain_text("@Lin")
    ready(desk)
    desk.locator("#done").press("Enter")  # the welcome
    expect(desk.locator("#side-title + .m")).to_have_text("Step 5")
    ready(desk)
    desk.get_by_role("button", name="Skip, with a reason").press("Enter")
    desk.get_by_label("Why", exact=True).fill("everybody sleeps")
    desk.keyboard.press("Enter")
    expect(desk.locator("#side-title + .m")).to_have_text("all done")
    expect(desk.locator(".qx-brief .get")).to_contain_text(re.compile(r"paid to welcomed 2(\.0)? h median"))

    with acting_for(seat.tenant_id):
        assert dict(Arrival.objects.values_list("member__nickname", "state")) == {
            "Wang Huan": "planned", "Zhao Min": "planned", "Sun Li": "welcomed",
        }  # fmt: skip
    assert phone.complaints == []
