"""The page of a person edited by Tab, Enter and letters alone: each act keeps the focus where one goes on."""

import pytest

from crm.tenancy.scope import acting_for
from members.models import Member
from tests.factories import HandleFactory

from .people import expect, needs_chromium, ready, until
from .test_introduction import colours, red_and_blue
from .test_keyboard_alone import Keyboard

pytestmark = needs_chromium


@pytest.fixture
def somebody(community):
    with acting_for(community.tenant.pk):
        member = community.members[0]
        Member.objects.filter(pk=member.pk).update(nickname="Guifang", city="", skills=["Writing"])
        HandleFactory(member=member, value="wxid_guifang")
        return member


def test_a_person_is_edited_noted_pictured_and_taken_back(sits, community, somebody, tmp_path):
    owner = sits("operator")
    keys = Keyboard(owner.goes(f"members/{somebody.pk}/"))

    keys.tab_to("#edit-who")
    keys.press("Enter", "document.querySelector('#sec-who input[name=nickname]') !== null")
    until(keys.page, "document.activeElement.name === 'nickname'")
    keys.page.keyboard.press("End")
    keys.page.keyboard.type(" the second")
    keys.press("Enter", "document.querySelector('#person h1')?.innerText.includes('second')")
    until(keys.page, "document.activeElement.id === 'edit-who'")

    keys.tab_to("#new_note_text")
    keys.page.keyboard.type("Calls in the morning")
    keys.tab_to("#notes form .btn")
    keys.press("Enter", "document.querySelector('#notes article') !== null")
    until(keys.page, "document.activeElement.id === 'new_note_text'")

    keys.tab_to("#toasts form button")
    with keys.page.expect_navigation():
        keys.page.keyboard.press("Enter")
    expect(keys.page.locator("#notes article")).to_have_count(0)
    ready(keys.page)

    keys.page.locator("input[name=photo]").set_input_files(red_and_blue(tmp_path / "me.png"))
    until(keys.page, "document.activeElement.tagName === 'CANVAS'")
    for key in [*["ArrowRight"] * 12, "+", "+", "Tab", "Tab"]:
        keys.page.keyboard.press(key)
    with keys.page.expect_navigation():
        keys.page.keyboard.press("Enter")
    expect(keys.page.locator(".qx-avatar.lg img")).to_have_count(1)

    assert keys.faults == []
    assert owner.complaints == []
    with acting_for(community.tenant.pk):
        member = Member.objects.get(pk=somebody.pk)
        assert (member.nickname, member.notes.count(), colours(member.photo)) == ("Guifang the second", 0, ["blue", "blue"])
