"""Finding as one types, choosing all, tagging them and taking it back, with the keyboard alone; the same acts on a phone."""

import re

import pytest

from crm.tenancy.scope import acting_for
from members.models import Member
from members.search import write

from .people import PHONE, expect, needs_chromium, ready

pytestmark = needs_chromium


@pytest.fixture
def people(community):
    with acting_for(community.tenant.pk):
        members = list(Member.objects.order_by("id")[:3])
        for member, nickname in zip(members, ["深圳-海燕", "海涛", "周平"], strict=True):
            member.nickname = nickname
            member.save()
        write(members)
    return members


def tags(community):
    with acting_for(community.tenant.pk):
        return sorted(Member.objects.exclude(tags=[]).values_list("nickname", "tags"))


def test_found_as_one_types_chosen_tagged_and_taken_back_by_keyboard(community, people, sits):
    owner = sits("owner").goes("members/")
    owner.focus("#words")
    owner.keyboard.type("hai")
    expect(owner.locator("#found-members tbody tr")).to_have_count(2)
    expect(owner.locator("#found-members mark").first).to_have_text("海")
    expect(owner).to_have_url(re.compile(r"\?q=hai$"))
    ready(owner)

    owner.focus("[data-all]")
    owner.keyboard.press("Space")
    expect(owner.locator("[data-picked]")).to_have_text("2")
    owner.focus("button[name=verb][value=tag]")
    owner.keyboard.press("Enter")
    expect(owner.locator("#bulk-ask h2")).to_contain_text("2")
    expect(owner.locator("#bulk-ask :focus")).to_have_count(1)
    owner.keyboard.type("vip")
    owner.keyboard.press("Enter")
    expect(owner.locator("#found-members .qx-tag", has_text="vip")).to_have_count(2)
    assert tags(community) == [("海涛", ["vip"]), ("深圳-海燕", ["vip"])]

    owner.focus("#toasts form button")
    owner.keyboard.press("Enter")
    expect(owner.locator("#found-members .qx-tag", has_text="vip")).to_have_count(0)
    assert tags(community) == []


def test_a_condition_is_set_and_taken_out_by_keyboard_and_the_address_says_it(community, people, sits):
    somebody = sits("owner")
    somebody.goes()
    owner = somebody.goes("members/")  # from the second page on the menus come after the list
    owner.focus("#menus details:last-of-type > summary")
    owner.keyboard.press("Enter")
    owner.focus("#menus input[name=phone][value=no]")
    owner.keyboard.press("Space")
    expect(owner.locator("#chip-1")).to_be_visible()
    expect(owner).to_have_url(re.compile(r"/members/\?phone=no$"))
    ready(owner)
    owner.keyboard.press("Escape")
    owner.focus("#chip-1")
    owner.keyboard.press("Enter")
    expect(owner.locator("#chip-1")).to_have_count(0)
    expect(owner.locator("#menus input[name=phone][value=no]")).not_to_be_checked()
    expect(owner).to_have_url(re.compile(r"/members/\??$"))


def test_acts_stand_on_the_phone_too(community, people, sits):
    owner = sits("owner", size=PHONE).goes("members/?q=hai")
    owner.locator("tbody .pick input").first.check()
    expect(owner.locator(".qx-bulk")).to_be_in_viewport()
    owner.locator("button[name=verb][value=tag]").click()
    expect(owner.locator("#bulk-ask")).to_be_visible()
