"""A slot goes to another day by the mouse, by keys and by a menu on the phone; each asks whether for this week or for every week."""

import datetime

import pytest

from crm.tenancy.scope import acting_for
from groups import occurrences
from groups.models import Occurrence
from tests.factories import RhythmFactory, SlotFactory

from .people import PHONE, expect, needs_chromium, ready

pytestmark = needs_chromium
A_DAY = datetime.timedelta(days=1)


@pytest.fixture
def monday(community):
    """Of next week, in which a light group has one slot on Tuesday."""
    today = community.tenant.today()
    monday = today + A_DAY * (7 - today.weekday())
    with acting_for(community.tenant.pk):
        SlotFactory(rhythm=RhythmFactory(name="Light", mode="light", is_usual=True), weekday=1, title="Morning topic")
        RhythmFactory(name="Heavy", mode="heavy", is_usual=True)
        occurrences.lay_out(community.tenant)
    return monday


def days(community, monday):
    with acting_for(community.tenant.pk):
        rows = Occurrence.objects.filter(day__gte=monday, day__lt=monday + 7 * A_DAY).order_by("group__number")
        return [(wall.date() - monday).days for wall in rows.values_list("wall_time", flat=True)]


def test_by_the_mouse_for_one_week_and_by_keys_for_every_week(community, monday, sits):
    page = sits("operator").goes(f"week/?week={monday}")
    row = page.locator(".qx-week tbody tr").first
    slot, dialog = row.locator(".qx-slot"), page.locator("#moving")

    slot.drag_to(row.locator("td[data-day]").nth(3))
    expect(dialog).to_contain_text("Move “Morning topic” of Members 1")
    dialog.get_by_role("button", name="Move it").click()
    expect(row.locator("td[data-day]").nth(3).locator(".qx-slot")).to_have_count(1)
    assert days(community, monday) == [3, 1, 1]

    page.locator("#toasts form button").click()
    expect(row.locator("td[data-day]").nth(1).locator(".qx-slot")).to_have_count(1)
    ready(page)
    slot.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_be_focused()
    page.locator("[data-dialog='#dropping']").press("Enter")
    expect(page.locator("#dropping [data-close]")).to_be_focused()  # a second Enter drops nothing
    page.keyboard.press("Enter")
    expect(page.locator("#dropping")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(slot).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    expect(dialog).to_contain_text("of Members 2")
    dialog.get_by_label("every week").check()
    dialog.get_by_role("button", name="Move it").click()
    expect(page.locator("td[data-day]:nth-child(4) .qx-slot")).to_have_count(3)
    assert days(community, monday) == [2, 2, 2]


def test_on_the_phone_the_week_is_a_list_by_day_and_a_slot_moves_by_its_menu(community, monday, sits):
    page = sits("operator", size=PHONE).goes(f"week/?week={monday}")
    expect(page.locator(".qx-week")).to_be_hidden()
    page.locator(".qx-week-narrow .qx-group").first.click()
    page.get_by_role("link", name="Move to another day").click()
    dialog = page.locator("#moving")
    button = dialog.get_by_role("button", name="Move it", exact=True)
    button.hover()
    with page.expect_response(lambda answer: "asks=" in answer.url):  # comes in while it is pressed, and loses nothing
        dialog.get_by_label("Day").fill(str(monday + 4 * A_DAY))
        page.mouse.down()
    ready(page)
    page.mouse.up()
    expect(page.locator("#moving[open]")).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("Morning topic")
    assert days(community, monday) == [4, 1, 1]
