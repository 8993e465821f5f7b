"""The palette and the keys, as somebody without a mouse uses them, and on a phone."""

import re

import pytest

from crm.tenancy.scope import acting_for
from members.models import Member
from members.names import search_text

from .people import PHONE, expect, needs_chromium, ready, until

pytestmark = needs_chromium
ACTIVE = """() => document.getElementById(document.querySelector("#palette input").getAttribute("aria-activedescendant"))"""


def named(member, nickname):
    with acting_for(member.tenant_id):
        Member.objects.filter(pk=member.pk).update(nickname=nickname, search=search_text(nickname))
    return member


@pytest.fixture
def owner(sits):
    return sits("owner")


def test_a_member_is_five_keys_and_enter_away(owner, community):
    member = named(community.members[4], "深圳-海燕-直播")
    page = owner.goes()

    page.keyboard.press("Control+k")
    page.keyboard.type("haiy")
    page.keyboard.press("Enter")  # before the answer is there: it goes on as soon as it is

    page.wait_for_url(f"**/members/{member.pk}/")


def test_it_opens_by_key_and_escape_gives_the_focus_back(owner):
    page = owner.goes("members/")
    link = page.locator(".qx-rail .qx-entry", has_text="Matrix")

    for key in ("Control+k", "Meta+k", "/"):
        link.focus()
        page.keyboard.press(key)
        until(page, "document.querySelector('#palette').open && document.activeElement.name === 'q'")
        page.keyboard.press("Escape")
        until(page, "!document.querySelector('#palette').open && document.activeElement.innerText === 'Matrix'")


def test_arrows_home_and_end_move_through_the_options_and_say_so(owner):
    page = owner.goes()
    page.keyboard.press("Control+k")
    until(page, "document.querySelectorAll('#palette [role=option]').length > 5")
    names = page.evaluate("[...document.querySelectorAll('#palette [role=option] .t')].map((each) => each.innerText.trim())")

    seen = []
    for key in ("ArrowDown", "ArrowUp", "ArrowUp", "ArrowDown", "End", "Home"):
        page.keyboard.press(key)
        seen.append(page.evaluate(f"({ACTIVE})().querySelector('.t').innerText.trim()"))
        assert page.evaluate("document.querySelectorAll('#palette [aria-selected=true]').length") == 1

    assert seen == [names[1], names[0], names[-1], names[0], names[-1], names[0]]


def test_a_screen_reader_hears_how_many_were_found(owner):
    page = owner.goes()
    page.keyboard.press("Control+k")

    page.keyboard.type("Lin")
    until(page, "document.querySelector('#palette-says').innerText === '6 found'")
    page.keyboard.type("zzz")
    until(page, "document.querySelector('#palette-says').innerText === 'Nothing found'")

    field = page.locator("#palette input")
    expect(field).to_have_attribute("aria-expanded", "false")
    assert field.get_attribute("aria-activedescendant") is None


def test_ctrl_enter_opens_in_a_new_tab_and_stays(owner):
    page = owner.goes()
    page.keyboard.press("Control+k")
    page.keyboard.type("trail")
    until(page, f"({ACTIVE})()?.getAttribute('href') === '/qinghe/trail/'")

    with owner.context.expect_page() as opened:
        page.keyboard.press("Control+Enter")

    expect(opened.value).to_have_url(re.compile("/qinghe/trail/$"))
    assert page.url.endswith("/qinghe/")


def test_what_an_input_method_composes_is_neither_searched_nor_entered(owner, community):
    named(community.members[4], "海燕")
    page = owner.goes()
    page.keyboard.press("Control+k")
    until(page, "document.querySelectorAll('#palette [role=option]').length > 5")
    asked = []
    page.on("request", lambda request: "/palette/" in request.url and asked.append(request.url))
    keys = owner.context.new_cdp_session(page)
    page.clock.install()

    keys.send("Input.imeSetComposition", {"text": "hai'y", "selectionStart": 5, "selectionEnd": 5})
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}  # as a browser says it while an input method listens
    keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    page.clock.run_for(1000)  # all that waits for the end of typing would have begun
    while_composing = list(asked)
    keys.send("Input.insertText", {"text": "海燕"})
    until(page, f"({ACTIVE})()?.innerText.includes('海燕')")

    assert while_composing == []
    assert page.url.endswith("/qinghe/")
    assert len(asked) == 1


def test_acts_of_the_browser_work_from_it(owner):
    page = owner.goes()
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    until(page, f"({ACTIVE})()?.innerText.includes('Dark')")
    page.keyboard.press("Enter")
    until(page, "document.documentElement.dataset.theme === 'dark' && !document.querySelector('#palette').open")

    page.keyboard.press("Control+k")
    page.keyboard.type("zhongwen")
    until(page, f"({ACTIVE})()?.innerText.includes('Chinese')")
    page.keyboard.press("Enter")

    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_on_a_phone_it_opens_from_the_sheet_and_closes_by_touch(sits):
    page = sits("owner", size=PHONE).goes()

    page.locator(".qx-bar-foot button").tap()
    page.locator(".qx-find").tap()
    until(page, "document.querySelectorAll('#palette [role=option]').length > 5")
    fits = page.evaluate("document.querySelector('#palette').getBoundingClientRect().right <= innerWidth")
    page.locator("#palette .qx-esc").tap()

    assert fits
    until(page, "!document.querySelector('#palette').open")


def test_a_lost_session_leads_to_the_sign_in(owner):
    page = owner.goes("members/")
    owner.context.clear_cookies()

    page.keyboard.press("Control+k")

    page.wait_for_url("**/accounts/login/?next=/qinghe/members/")


# Keys of one letter


def test_g_and_a_letter_jumps(owner):
    page = owner.goes()

    for letter, path in [("m", "members/"), ("x", "matrices/"), ("w", "week/"), ("d", "tasks/"), ("r", "trail/"), ("t", "")]:
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**/qinghe/{path}")
        ready(page)


def test_a_letter_in_a_field_stays_a_letter(owner):
    page = owner.goes("members/")

    page.locator("#words").focus()
    page.keyboard.type("g?t/")

    assert page.locator("#words").input_value() == "g?t/"
    assert page.url.endswith("/members/") or "q=" in page.url
    assert not page.evaluate("document.querySelector('dialog[open]') !== null")


def test_the_help_lists_the_keys_of_this_page_and_switches_them_off(owner):
    page = owner.goes()
    page.keyboard.press("?")
    until(page, "document.querySelector('#key-help').open")
    listed = page.locator("#key-help [data-keys-go]").inner_text()
    page.locator("#key-help [data-single-keys]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")

    page.reload()
    page.keyboard.press("?")
    page.keyboard.press("/")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.keyboard.press("Control+k")
    until(page, "document.querySelector('#palette').open")

    assert [line.strip() for line in listed.splitlines() if len(line.strip()) > 1 and line.strip()[:2] != "G "] == [
        "Today", "Members", "Imports", "Matrix", "Reshuffle", "Arrivals", "Week calendar", "Tasks", "Trail", "Settings",
    ]  # fmt: skip
    assert page.url.endswith("/qinghe/")
    assert not page.evaluate("document.querySelector('#key-help').open")
