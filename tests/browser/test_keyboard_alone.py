"""The main journeys with Tab, Enter and the arrows alone. Every stop of Tab is to be seen and has a ring; no act drops the focus."""

import re

import pytest

from crm.tenancy.models import Seat, User
from crm.tenancy.scope import acting_for
from groups.models import Draft, Move, Task
from groups.thinking import think_now
from members.models import Member
from tests.chromium import PATIENCE
from tests.factories import CohortFactory, MoveFactory, TaskFactory, WaveFactory
from tests.groups.test_phone_browser import all_sent

from .people import PHONE, Somebody, expect, fits, needs_chromium, ready, until

pytestmark = needs_chromium
# What a focused element and what stands around it look like; a ring is a difference between now and after.
LOOKS = """(element) => {
    const near = [element, element.parentElement, element.nextElementSibling, ...element.children].filter(Boolean);
    document.getAnimations().forEach((each) => { try { each.finish(); } catch { /* it never ends */ } });
    return near.map((each) => {
        const looks = getComputedStyle(each), outline = looks.outlineStyle === "none" ? "" : looks.outlineWidth + looks.outlineColor;
        return [outline, looks.boxShadow, looks.borderColor, looks.backgroundColor, looks.stroke, looks.strokeWidth].join();
    }).join(";");
}"""
# Nothing lies over it, and it stands on the screen; a field that is hidden within its label is seen by that.
SEEN = """(element) => {
    const shown = element.matches("label .qx-hidden") ? element.closest("label") : element;
    const { left, top, right, bottom, width, height } = shown.getBoundingClientRect();
    if (!shown.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || width < 2 || height < 2) return false;
    const across = [(left + right) / 2, left + 3, right - 3], down = [(top + bottom) / 2, top + 3, bottom - 3];
    const hits = across.flatMap((x) => down.map((y) => document.elementFromPoint(x, y)));
    return hits.some((hit) => hit && (shown.contains(hit) || hit.contains(shown)));
}"""
SAID = """(element) => element === document.body ? "" : element.getAttribute("aria-label")
    || [...(element.labels || [])].map((label) => label.innerText.trim()).join() || element.textContent.trim().slice(0, 80)
    || element.outerHTML.slice(0, 120)"""
# Of one stop of Tab after the other: what it is called; where the one before has no ring, what that was; whether this one is seen.
KNOWN = f"""() => {{ const on = document.activeElement; window.tabbed = {{ on, looks: ({LOOKS})(on), name: ({SAID})(on) }}; }}"""
TABBED = f"""() => {{
    const before = window.tabbed || {{}}, on = document.activeElement, name = ({SAID})(on);
    if (before.on === on) return [name, "", true]; // a day has several parts, each a stop
    const isWithout = before.on?.isConnected && ({LOOKS})(before.on) === before.looks;
    ({KNOWN})();
    return [name, isWithout ? before.name : "", !name || ({SEEN})(on)];
}}"""


class Keyboard:
    """A page without a mouse."""

    def __init__(self, page):
        self.page, self.faults, self.is_known = page, [], False

    @property
    def on(self):
        return self.page.evaluate(f"({SAID})(document.activeElement)")

    def tab(self, back=False):
        """What the focus is on now."""
        if not self.is_known:
            self.page.evaluate(KNOWN)
        self.page.keyboard.press("Shift+Tab" if back else "Tab")
        name, is_without_ring, is_seen = self.page.evaluate(TABBED)
        self.is_known = True
        if is_without_ring:
            self.faults.append(f"no ring: {is_without_ring}")
        if not is_seen and not self._comes_into_sight():
            self.faults.append(f"not to be seen: {name}")
        return name

    def _comes_into_sight(self):
        """What comes anew may push it away for a moment, and what scrolls takes one."""
        for _ in range(PATIENCE):
            if self.page.evaluate(f"({SEEN})(document.activeElement)"):
                return True
            self.page.wait_for_timeout(1000)
            self.page.evaluate("document.activeElement.scrollIntoView({ block: 'center', behavior: 'instant' })")
        return False

    def tab_to(self, what, most=200):
        """Until the focus is on what this selector names."""
        for _ in range(most):
            if self.page.evaluate("(what) => document.activeElement.matches(what)", what):
                return
            self.tab()
        raise AssertionError(f"Tab never came to {what}; it is on {self.on!r}")

    def press(self, key, done=None):
        """An act on this page; when it is done the focus is somewhere."""
        name, self.is_known = self.on, False
        self.page.keyboard.press(key)
        if done:
            until(self.page, done)
        ready(self.page)
        if not any(self.on or self.page.wait_for_timeout(50) for _ in range(200)):
            self.faults.append(f"{key} on “{name}” lost the focus")

    def leaves(self, key, address):
        """An act that leads to another page."""
        self.is_known = False
        self.page.keyboard.press(key)
        self.page.wait_for_url(address)
        ready(self.page)


@pytest.fixture
def owner(sits):
    return sits("owner")


def who_says_no_stays_and_another_goes(page, tenant):
    """On the owner's phone; it was a slip, so it is taken back."""
    with acting_for(tenant.pk):
        no = Move.objects.order_by("rank", "pk").first()
        Move.objects.filter(pk=no.pk).update(state="refused")
    page.set_viewport_size(PHONE)
    page.reload()
    page.locator("#stragglers a[href*='/swaps/']").press("Enter")
    page.wait_for_url("**/swaps/?move=*")
    fits(page)
    page.locator("[name=form-0-instead]").first.focus()
    page.keyboard.press("ArrowDown")  # not the best one
    chosen = page.locator("[name=form-0-instead]:checked").get_attribute("value")
    page.keyboard.press("Enter")
    undo = page.locator(".qx-toast form button")
    undo.focus()  # so that it stays
    expect(page.locator(".qx-toast")).to_contain_text("1 person keeps their group; 1 other goes instead")
    with acting_for(tenant.pk):
        other = Move.objects.get(member=chosen)
        assert Move.objects.get(pk=no.pk).state == "kept"
        assert (other.state, other.from_group_id, other.to_group_id) == ("waiting", no.from_group_id, no.to_group_id)

    undo.press("Enter")
    expect(page.locator("#stragglers a[href*='/swaps/']")).to_have_count(1)
    with acting_for(tenant.pk):
        assert Move.objects.get(pk=no.pk).state == "refused"
        assert not Move.objects.filter(member=chosen).exists()


def test_the_owner_signs_in_and_approves_a_plan(sits, community, draft):
    person = sits(None)
    with acting_for(community.tenant.pk):
        seat = Seat.objects.create(
            tenant=community.tenant, user=User.objects.create_user("lily@example.com", "a long password"), role="owner", name="Lily"
        )
    person.seat = seat
    keys = Keyboard(person.goes("/accounts/login/"))

    keys.tab_to("input[name=login]")
    keys.page.keyboard.type("lily@example.com")
    keys.tab_to("input[name=password]")
    keys.page.keyboard.type("a long password")
    keys.leaves("Enter", "**/qinghe/")
    keys.tab_to("#waiting a.btn")
    keys.leaves("Enter", "**/drafts/*/")
    whole = keys.page.locator("#figure").inner_text()

    keys.tab_to("[data-point]")
    keys.press("ArrowRight", "location.search.includes('moves=')")
    expect(keys.page.locator("#figure")).not_to_have_text(whole)
    until(keys.page, "document.activeElement.matches('[data-point]')")
    keys.tab_to("#look form button")
    with keys.page.expect_navigation():
        keys.page.keyboard.press("Enter")

    # While it is made the page follows by itself, and takes nothing from under somebody's hands.
    keys.tab_to("#making button")
    keys.page.evaluate("document.body.addEventListener('htmx:afterRequest', () => { window.hasFollowed = true; })")
    until(keys.page, "window.hasFollowed")
    ready(keys.page)
    assert keys.on == "Stop"
    with acting_for(community.tenant.pk):
        asked = Draft.objects.get(state="waiting")
        Draft.objects.filter(pk=asked.pk).update(steps=20_000)
    think_now(community.tenant.pk, asked.pk)
    expect(keys.page.locator("#approve button[data-dialog='#approving']")).to_be_visible()
    ready(keys.page)

    keys.tab_to("button[data-dialog='#approving']")
    keys.press("Enter", "document.querySelector('#approving').open")
    keys.press("Escape", "!document.querySelector('#approving').open")
    until(keys.page, "document.activeElement.dataset.dialog === '#approving'")
    keys.press("Enter", "document.querySelector('#approving').open")
    keys.tab_to("#approving button.btn-primary")
    keys.leaves("Enter", "**/reshuffles/*/")
    who_says_no_stays_and_another_goes(keys.page, community.tenant)

    assert keys.faults == []


def test_an_assistant_copies_sends_and_takes_back(sits, chromium, live_server, community):
    with acting_for(community.tenant.pk):
        seat, group = community.assistants[0], community.groups[0]
        wave = WaveFactory(
            reshuffle__matrix=community.matrix, reshuffle__cohort=CohortFactory(matrix=community.matrix, planned=True), assistant=seat
        )
        for rank, member in enumerate(community.members[:3], 1):
            task = TaskFactory(assistant=seat, group=group, rank=rank, member=member)
            MoveFactory(wave=wave, member=member, from_group=group, to_group=community.groups[1], task=task)
    phone = Somebody(chromium, live_server, seat, size=PHONE)
    keys = Keyboard(phone.goes("phone/"))

    keys.tab_to("#next [data-do=copy]")
    keys.press("Enter", "document.querySelector('.after') !== null || document.querySelector('#next [data-do=sent].filled') !== null")
    keys.tab_to("#next [data-do=sent]")
    keys.press("Enter", "document.querySelector('#ended .title') !== null")
    keys.tab_to("#ended button")
    keys.press("Enter", "document.querySelector('#ended').hidden")
    all_sent(phone.page)
    phone.close()

    assert keys.faults == []
    assert phone.complaints == []
    with acting_for(community.tenant.pk):
        assert set(Task.objects.values_list("state", flat=True)) == {"open"}


def test_the_list_of_members_is_searched_filtered_and_opened(owner, community):
    with acting_for(community.tenant.pk):
        Member.objects.filter(pk__in=[member.pk for member in community.members[:5]]).update(city="深圳")
    keys = Keyboard(owner.goes("members/"))
    until(keys.page, "document.querySelector('#menus summary') !== null")  # it comes after the list

    keys.tab_to("#words")
    keys.page.keyboard.type("Lin")
    keys.press("Home", "location.search.includes('q=Lin')")
    keys.tab_to("#menus summary")
    keys.press("Enter", "document.querySelector('#menus details[open]') !== null")
    keys.tab_to("#menus details[open] input[name='city']")
    keys.press("Space", "location.search.includes('city=')")
    keys.press("Escape", "document.querySelector('#menus details[open]') === null")
    keys.tab_to("#chips a.on")
    keys.press("Enter", "!location.search.includes('city=')")
    keys.tab_to("#found-members th a[href*='joined']")
    keys.press("Enter", "location.search.includes('sort=')")
    keys.tab_to("#found-members td a")
    keys.leaves("Enter", re.compile("/members/[0-9a-f-]{36}/"))

    assert keys.faults == []


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, PHONE])
def test_every_stop_of_tab_is_seen_and_has_a_ring(sits, size):
    person, faults = sits("owner", size=size), {}

    for path in ("", "matrices/", "week/", "tasks/", "trail/", "settings/", "settings/seats/"):
        keys = Keyboard(person.goes(path))
        for _ in range(60):
            if not keys.tab():
                break
        faults[path] = keys.faults

    assert {path: found for path, found in faults.items() if found} == {}
