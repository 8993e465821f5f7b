"""New spellings by one key each: S says it is the word it looks like, A that it is one of its own; a slip takes back what was done."""

import pytest

from crm.tenancy.scope import acting_for
from members import words
from members.models import Member, Word
from tests.factories import MemberFactory

from .people import expect, needs_chromium, ready

pytestmark = needs_chromium


@pytest.fixture
def written(community):
    """深镇 stands at most members, so it comes first."""
    with acting_for(community.tenant.pk):
        Member.objects.update(city="")
        known = words.known()
        for city in ("深圳", "深镇", "深镇", "火星基地"):
            MemberFactory(city=known.city(city), nickname=city)
        known.settle()


def states(community):
    with acting_for(community.tenant.pk):
        return dict(Word.objects.filter(kind="city").order_by("name").values_list("name", "state"))


def test_a_key_for_each_new_spelling_and_one_to_take_it_back(community, written, sits):
    page = sits("operator").goes("settings/words/?kind=city")
    waiting = page.locator("#waiting tbody tr")
    expect(waiting).to_have_count(2)

    page.keyboard.press("s")
    expect(waiting).to_have_count(1)
    assert states(community) == {"深圳": "accepted", "深镇": "merged", "火星基地": "proposed"}

    ready(page)
    page.keyboard.press("a")
    expect(page.locator("#waiting")).to_have_count(0)
    assert states(community)["火星基地"] == "accepted"

    page.locator("#toasts form button").click()
    expect(waiting).to_have_count(1)
    assert states(community)["火星基地"] == "proposed"
