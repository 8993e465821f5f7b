"""The way of an invite in two browsers: the owner's, and the phone of whoever takes the seat."""


import pytest
from django.test import Client

from crm.tenancy.models import Seat
from tests.chromium import PATIENCE, expect, fits, needs_chromium
from tests.factories import SeatFactory, TenantFactory

pytestmark = needs_chromium


@pytest.fixture
def owner(transactional_db, settings):
    settings.LANGUAGE_CODE = "en"
    return SeatFactory(tenant=TenantFactory(slug="qinghe", name="Qinghe", language="en"), role="owner", name="Lily")


@pytest.fixture
def server(live_server, settings):
    settings.BASE_URL = live_server.url
    return live_server


def a_page(chromium, server, complaints, **settings):
    context = chromium.new_context(**settings)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


def test_the_owner_invites_and_an_assistant_lands_on_the_phone(chromium, server, owner):
    complaints = []
    desk = a_page(chromium, server, complaints, viewport={"width": 1440, "height": 900})
    client = Client()
    client.force_login(owner.user)
    desk.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    phone = a_page(chromium, server, complaints, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)

    desk.goto(f"{server.url}/qinghe/settings/seats/")
    desk.get_by_label("Name").fill("小鱼")
    desk.get_by_role("button", name="Make the invite").click()
    desk.get_by_role("button", name="Copy the text").click()
    expect(desk.get_by_role("button", name="Copied: paste it into the chat")).to_be_visible()
    greeting, _, link, _ = desk.evaluate("navigator.clipboard.readText()").splitlines()

    phone.goto(link)
    fits(phone)
    expect(phone.get_by_label("Your name")).to_have_value("小鱼")
    phone.get_by_label("E-mail").fill("xiaoyu@example.com")
    phone.get_by_label("Password").fill("a-long-new-word")
    phone.get_by_role("button", name="Take the seat").tap()
    phone.wait_for_url("**/qinghe/phone/")
    expect(phone.locator(".top h1")).to_be_visible()

    desk.reload()
    expect(desk.locator("main")).to_contain_text("xiaoyu@example.com")
    expect(desk.locator("main")).not_to_contain_text(link.split("/")[-2])
    seat = Seat.objects.get(role="assistant")
    assert (greeting, seat.name, seat.user.email) == ("Hello 小鱼!", "小鱼", "xiaoyu@example.com")
    assert complaints == []
    for page in (desk, phone):
        page.goto("about:blank")
        page.context.close()
