"""The queue of pairs by one key each: the next comes by itself, at any width, and a slip takes back what was done."""

import pytest

from crm.tenancy.scope import acting_for
from members.models import Merge, Twin
from tests.factories import MemberFactory, TwinFactory

from .people import PHONE, expect, fits, needs_chromium, ready, until

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pairs(community):
    """Five, the surest first."""
    with acting_for(community.tenant.pk):
        return [
            TwinFactory(one=MemberFactory(nickname=f"Left {at}"), other=MemberFactory(nickname=f"Right {at}"), score=90 - at, because=[])
            for at in range(5)
        ]


def states(community):
    with acting_for(community.tenant.pk):
        return list(Twin.objects.order_by("-score").values_list("state", flat=True))


def test_one_key_for_each_pair_and_the_next_comes_by_itself(sits, community, pairs):
    page = sits("operator").goes("members/twins/")
    chosen = page.locator(".qt-list [aria-current]")

    for key, following in [("j", 1), ("k", 0), ("m", 1), ("n", 2), ("d", 3), ("l", 4)]:
        page.keyboard.press(key)
        expect(chosen).to_contain_text(f"Left {following}")
        ready(page)

    assert states(community) == ["merged", "merged", "apart", "later", "open"]
    with acting_for(community.tenant.pk):
        kept = list(Merge.objects.order_by("id").values_list("kept__nickname", flat=True))
    assert kept == ["Left 0", "Right 1"]
    page.locator(".qx-toast").get_by_role("button", name="Undo").click()
    page.get_by_text("The pair waits to be decided again.").wait_for()
    assert states(community)[3] == "open"


def test_on_a_phone_the_pair_is_stacked_and_every_act_is_there(sits, community, pairs):
    page = sits("operator", size=PHONE).goes("members/twins/")

    fits(page)
    for name in ("Merge, keep right", "Not the same person", "Decide later", "Merge, keep left"):
        button = page.get_by_role("button", name=name)
        assert button.bounding_box()["height"] >= 44
    button.click()
    expect(page.locator(".qt-list [aria-current]")).to_contain_text("Left 1")

    until(page, "document.querySelector('.qx-toast') !== null")
    assert states(community)[0] == "merged"
