"""The assistant's phone in a browser, 390 px wide: taps, the outbox, what stays on the phone."""

import datetime
import json
import re
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.timezone import now
from PIL import Image

from crm.tenancy.models import Seat
from crm.tenancy.scope import acting_for
from groups import tasks
from groups.models import Group, Move, Task, Tick
from tests.chromium import PATIENCE, expect, fits, needs_chromium, until
from tests.factories import CohortFactory, GroupFactory, MatrixFactory, MoveFactory, SeatFactory, TaskFactory, TenantFactory, WaveFactory

pytestmark = needs_chromium
# Of this page; the next one still knows the sum.
COUNT_TAPS = "sessionStorage.taps = 0; addEventListener('pointerdown', () => { sessionStorage.taps = +sessionStorage.taps + 1 }, true)"

# A server on a slow machine is no line that hangs: what a page waits for so long that it gives up may last far longer here.
PATIENT = "const real = setTimeout; window.setTimeout = (what, wait, ...more) => real(what, wait < 2000 ? wait : wait * 20, ...more);"
# Chromium cuts the line at once, but a busy page, or one that was opened just now, hears of it a moment later than a phone's would.
KNOWS = """const isOnline = Object.getOwnPropertyDescriptor(Navigator.prototype, "onLine").get;
    Object.defineProperty(Navigator.prototype, "onLine", { get() { return !sessionStorage.lift && isOnline.call(this); } });"""


@pytest.fixture
def seat(transactional_db, settings):
    settings.LANGUAGE_CODE = "en"
    house = TenantFactory(slug="qinghe", name="Qinghe", language="en")
    return SeatFactory(tenant=house, role="assistant", name="Xiaoyu")


@pytest.fixture
def to_do(seat):
    """Three tasks of one chat and two of another, best first."""
    with acting_for(seat.tenant_id):
        matrix = MatrixFactory()
        one, two, to = (GroupFactory(matrix=matrix, number=number, name=f"Group {number}") for number in (1, 2, 11))
        wave = WaveFactory(reshuffle__matrix=matrix, reshuffle__cohort=CohortFactory(matrix=matrix, planned=True), assistant=seat)
        made = []
        for rank, group in enumerate([one, one, one, two, two], 1):
            task = TaskFactory(assistant=seat, group=group, rank=rank, member__nickname=f"Lin {rank}")
            MoveFactory(wave=wave, member=task.member, from_group=group, to_group=to, task=task)
            made.append(task)
        return made


class Phone:
    """A phone with somebody signed in, which writes down what its pages complain of."""

    def __init__(self, browser, server, seat, **settings):
        self.context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, **settings)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        self.context.add_init_script(PATIENT + KNOWS)
        client = Client()
        client.force_login(seat.user)
        self.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
        self.home = f"{server.url}/{seat.tenant.slug}/phone/"
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.complaints = []
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def close(self):
        self.page.goto("about:blank")
        self.context.close()

    def open(self, path=""):
        self.page.goto(self.home + path)
        return self.page

    def enters_a_lift(self):
        self.page.evaluate("sessionStorage.lift = 1")
        self.context.set_offline(True)

    def leaves_the_lift(self):
        self.page.evaluate("delete sessionStorage.lift")
        self.context.set_offline(False)

    def keep(self):
        """Open today and wait until the worker has it."""
        page = self.open()
        page.evaluate("navigator.serviceWorker.ready")
        until(page, "caches.match(location.pathname).then(Boolean)")
        page.reload()  # from now on the worker stands between page and network
        until(page, "Boolean(navigator.serviceWorker.controller)")
        return page


@pytest.fixture
def phone(chromium, live_server, seat):
    made = Phone(chromium, live_server, seat)
    yield made
    made.close()


def all_sent(page):
    until(page, "Object.values(localStorage).every((kept) => JSON.parse(kept).every((entry) => entry.state === 'sent'))")


def state(task):
    with acting_for(task.tenant_id):
        return Task.objects.get(pk=task.pk).state


def acts(task):
    with acting_for(task.tenant_id):
        return list(Tick.objects.filter(task=task).order_by("at").values_list("act", flat=True))


def taps(page):
    return int(page.evaluate("sessionStorage.taps"))


def copied(page, text):
    until(page, f"navigator.clipboard.readText().then((text) => text === {json.dumps(text)})")


def left(page, number):
    expect(page.locator(".top [data-left]")).to_have_text(str(number))


def filled(page, words):
    """These are the words of the only filled button that is to be seen."""
    found = """[...document.querySelectorAll("button, a")].filter((each) => each.checkVisibility()
        && getComputedStyle(each.querySelector(".cl") || each).backgroundColor === "rgb(18, 90, 110)")
        .map((each) => each.innerText.trim().split("\\n")[0])"""
    until(page, f"{found}.join() === {json.dumps(words)}")


# Taps


def test_one_task_takes_two_taps_on_the_list(phone, to_do):
    page = phone.open()
    page.evaluate(COUNT_TAPS)

    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    expect(page.locator("#next .title")).to_contain_text("Lin 2")

    assert taps(page) == 2
    copied(page, to_do[0].text)
    expect(page.locator("#ended .title")).to_contain_text("Lin 1")
    all_sent(page)
    left(page, 4)
    assert (state(to_do[0]), acts(to_do[0])) == ("done", ["done"])
    assert phone.complaints == []


def test_one_task_takes_two_taps_on_its_page_and_the_next_comes_by_itself(phone, to_do):
    page = phone.open(f"tasks/{to_do[0].pk}/")
    page.evaluate(COUNT_TAPS)

    page.locator(".copy").tap()
    page.get_by_role("button", name="Sent").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")

    assert taps(page) == 2
    all_sent(page)
    assert state(to_do[0]) == "done"
    assert phone.complaints == []


def test_what_cannot_be_done_takes_two_taps_and_no_word(phone, to_do):
    page = phone.open(f"tasks/{to_do[0].pk}/")
    page.evaluate(COUNT_TAPS)

    page.get_by_text("Can't be done").tap()
    page.get_by_role("button", name="does not want to").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")

    assert taps(page) == 2
    all_sent(page)
    with acting_for(to_do[0].tenant_id):
        assert Move.objects.get(task=to_do[0]).state == Move.State.REFUSED


def test_exactly_one_button_is_filled_and_it_is_the_next_thing_to_do(phone, to_do):
    page = phone.open()
    filled(page, "Copy")
    page.locator("#piles [data-do=copy]").first.tap()
    page.locator(".after").wait_for()
    filled(page, "Sent")
    page.locator("[data-do=sent]").tap()
    filled(page, "Copy")
    phone.open(f"tasks/{to_do[2].pk}/")
    filled(page, "One tap copies it all")
    page.locator(".copy").tap()
    expect(page.locator(".copy .cl")).to_contain_text("Paste it to Lin 3")
    filled(page, "Sent")


def test_a_slip_is_taken_back_with_one_tap(phone, to_do):
    page = phone.open()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    all_sent(page)

    page.locator("#toast button").tap()

    expect(page.locator(".top [data-left]")).to_have_text("5")
    all_sent(page)
    assert (state(to_do[0]), acts(to_do[0])) == ("open", ["done", "undo"])
    expect(page.locator("article")).to_have_count(5)


def test_later_puts_off_or_leaves_it_and_goes_on_to_the_next(phone, to_do):
    page = phone.open(f"tasks/{to_do[0].pk}/")

    page.get_by_role("link", name="Later").tap()
    page.get_by_role("link", name="Leave it").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")
    page.get_by_role("link", name="Later").tap()
    page.get_by_role("button", name="tomorrow").tap()
    page.wait_for_url(f"**/tasks/{to_do[2].pk}/")
    expect(page.locator("#toast")).to_contain_text("Lin 2: put off.")
    all_sent(page)

    assert [acts(task) for task in to_do[:2]] == [[], ["later"]]
    page.locator("#toast button").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")
    all_sent(page)
    assert acts(to_do[1]) == ["later", "undo"]


def test_what_the_rhythm_asks_for_takes_two_taps_and_its_photo_one_more(phone, to_do, seat, tmp_path):
    with acting_for(seat.tenant_id):
        group = GroupFactory(number=6, name="Six", chat_url="https://chat.example/six")
        hour_ago = now() - datetime.timedelta(hours=1)
        same = {"assistant": seat, "kind": "slot", "member": None, "group": group, "due_at": hour_ago}
        words = [("Topic", "Morning!"), ("Tidy", "")]
        made = [TaskFactory(**same, title=title, text=text, rank=rank) for rank, (title, text) in enumerate(words)]
        Task.objects.filter(pk=made[1].pk).update(wants_proof=True)
    Image.effect_noise((2400, 1800), 90).save(tmp_path / "proof.jpg", quality=95)
    page = phone.open()
    page.evaluate(COUNT_TAPS)

    page.locator("#next [data-do=copy]").tap()
    expect(page.locator("#next .said")).to_contain_text("Paste it to G6")
    expect(page.locator("#next a[data-chat]")).to_have_attribute("href", "https://chat.example/six")
    page.locator("#next [data-do=sent]").tap()
    expect(page.locator("#toast")).to_contain_text("Topic is done.")
    assert taps(page) == 2
    copied(page, "Morning!")
    all_sent(page)
    page.locator("#next a.go").tap()
    page.wait_for_url(f"**/tasks/{made[1].pk}/")
    page.evaluate("""() => { const real = fetch; window.fetch = (...sent) => {
        if (sent[1].body instanceof FormData) sessionStorage.setItem("bytes", sent[1].body.get("photo").size); return real(...sent); } }""")
    page.locator(".foot [type=file]").set_input_files(tmp_path / "proof.jpg")
    page.wait_for_url(f"**/tasks/{to_do[0].pk}/")

    all_sent(page)
    assert [acts(task) for task in made] == [["done"], ["done"]]
    assert int(page.evaluate("sessionStorage.getItem('bytes')")) < (tmp_path / "proof.jpg").stat().st_size / 2
    assert phone.complaints == []


def test_a_task_fits_the_screen_and_a_narrow_phone_does_not_scroll_sideways(phone, to_do):
    page = phone.open(f"tasks/{to_do[0].pk}/")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("", "me/", f"tasks/{to_do[0].pk}/"):
        fits(phone.open(path))

    assert height <= 844


def test_every_target_is_large_enough_for_a_thumb(phone, to_do):
    page = phone.page
    small = []
    for path in ("", "me/", f"tasks/{to_do[0].pk}/"):
        phone.open(path)
        small += page.evaluate("""() => [...document.querySelectorAll("a, button, summary")].filter((each) => each.checkVisibility())
            .map((each) => [each.innerText || each.ariaLabel, each.getBoundingClientRect()])
            .filter(([, box]) => box.height < 48 || box.width < 48)
            .map(([words, box]) => `${words} ${box.width} × ${box.height}`)""")

    assert small == []


# In a lift


def test_what_is_ticked_in_a_lift_is_sent_once_when_there_is_a_network(phone, to_do):
    page = phone.keep()
    phone.enters_a_lift()

    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()

    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#waiting")).to_contain_text("2 waiting to be sent")
    expect(page.locator("#outbox .title")).to_have_text(["Lin 1 · sent", "Lin 2 · sent"])
    assert [state(task) for task in to_do[:2]] == ["open", "open"]
    phone.leaves_the_lift()
    expect(page.locator("#offline")).to_be_hidden()
    all_sent(page)
    assert [acts(task) for task in to_do[:2]] == [["done"], ["done"]]
    left(page, 3)


def test_the_list_opens_without_a_network_and_remembers_what_waits(phone, to_do):
    page = phone.keep()
    phone.enters_a_lift()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()

    page.reload()

    expect(page.locator("#next .title")).to_contain_text("Lin 2")
    expect(page.locator("#outbox .title")).to_have_text(["Lin 1 · sent"])
    page.locator("#outbox [data-do=forget]").tap()
    expect(page.locator("#outbox")).to_be_hidden()
    left(page, 5)
    page.goto(f"{phone.home}tasks/{to_do[0].pk}/")
    page.get_by_role("link", name="Later").tap()
    page.get_by_role("button", name="in an hour").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")
    page.goto(phone.home)
    expect(page.locator("#outbox .title")).to_have_text(["Lin 1 · put off"])
    left(page, 4)
    phone.leaves_the_lift()
    all_sent(page)
    assert acts(to_do[0]) == ["later"]


def test_a_task_opens_without_a_network_and_the_next_comes_by_itself(phone, to_do):
    page = phone.keep()
    phone.enters_a_lift()

    page.goto(f"{phone.home}tasks/{to_do[0].pk}/")
    expect(page.locator("#offline")).to_contain_text("today’s 5 tasks are on this phone")
    page.locator(".copy").tap()
    copied(page, to_do[0].text)
    page.get_by_role("button", name="Sent").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")
    expect(page.locator("h1")).to_contain_text("Lin 2")

    phone.leaves_the_lift()
    all_sent(page)
    assert acts(to_do[0]) == ["done"]


def test_a_talk_opens_behind_its_red_packet_in_a_lift_too(phone, seat):
    with acting_for(seat.tenant_id):
        same = {"assistant": seat, "kind": "slot", "member": None, "group": GroupFactory(number=6, name="Six")}
        packet = TaskFactory(**same, title="Packet", text="Catch it")
        talk = TaskFactory(**same, title="Talk", text="Tonight", after=packet, state="barred")
    page = phone.keep()
    row = page.locator(f"article[data-task='{talk.pk}']")
    expect(row).to_contain_text("after “Packet”")
    expect(row.locator("[data-do=copy]")).to_be_hidden()
    left(page, 2)

    phone.enters_a_lift()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    expect(page.locator("#next .title")).to_have_text("Talk")
    page.locator("#outbox [data-do=forget]").tap()
    expect(page.locator("#next .title")).to_have_text("Packet")
    expect(row.locator("[data-do=copy]")).to_be_hidden()
    for _ in range(2):
        page.locator("#next [data-do=copy]").tap()
        page.locator("#next [data-do=sent]").tap()
    page.locator("#outbox [data-do=forget]").first.tap()
    expect(page.locator("#toast")).to_contain_text("“Talk” was done after it. Take that back first.")
    phone.leaves_the_lift()
    all_sent(page)

    assert [(state(task), acts(task)) for task in (packet, talk)] == [("done", ["done"])] * 2
    assert phone.complaints == ["Failed to load resource: net::ERR_INTERNET_DISCONNECTED"] * len(phone.complaints)


def test_a_line_that_breaks_after_the_server_heard_counts_once(phone, to_do):
    page = phone.open()
    keys = []
    page.on("request", lambda sent: sent.url.endswith("/ticks/") and keys.append(sent.post_data_json["key"]))
    # The server hears it, the phone does not hear the answer.
    page.evaluate("""() => { const real = window.fetch; let broken = false; window.fetch = async (...sent) => {
        const answer = await real(...sent); if (broken) return answer; broken = true; throw new TypeError("the line broke"); } }""")
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    expect(page.locator("#waiting")).to_contain_text("1 waiting")

    page.evaluate("dispatchEvent(new Event('online'))")

    all_sent(page)
    assert (len(keys), len(set(keys))) == (2, 1)
    assert acts(to_do[0]) == ["done"]


def test_a_clash_is_a_question_that_names_who_was_first(phone, to_do, seat):
    owner = SeatFactory(tenant=seat.tenant, role="owner", name="Lily")
    page = phone.keep()
    phone.enters_a_lift()
    page.goto(f"{phone.home}tasks/{to_do[0].pk}/")
    page.get_by_text("Can't be done").tap()
    page.get_by_role("button", name="does not answer").tap()
    page.wait_for_url(f"**/tasks/{to_do[1].pk}/")
    with acting_for(seat.tenant_id):
        tasks.tick(to_do[0].pk, "done", uuid4(), by=owner)

    phone.leaves_the_lift()
    phone.open()

    row = page.locator("#outbox .clash")
    expect(row).to_contain_text("Lily did this already")
    row.get_by_role("button", name="Take Lily").tap()
    expect(page.locator("#outbox")).to_be_hidden()
    assert (state(to_do[0]), acts(to_do[0])) == ("done", ["done"])


def test_the_same_act_of_two_people_is_only_said(phone, to_do, seat):
    owner = SeatFactory(tenant=seat.tenant, role="owner", name="Lily")
    page = phone.open()
    page.locator("#next [data-do=copy]").tap()
    with acting_for(seat.tenant_id):
        tasks.tick(to_do[0].pk, "done", uuid4(), by=owner)

    page.locator("#next [data-do=sent]").tap()

    expect(page.locator("#toast")).to_contain_text("Lily did this already")
    expect(page.locator("#outbox")).to_be_hidden()


def test_signing_out_takes_everything_off_the_phone(phone, to_do):
    page = phone.keep()
    phone.open("me/")

    page.get_by_role("button", name="Sign out").tap()
    page.wait_for_url("**/accounts/login/**")

    until(page, "caches.keys().then((names) => !names.length)")
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_list_that_comes_after_the_sign_out_is_not_kept(phone, to_do):
    page = phone.keep()

    with phone.context.expect_event("response", lambda answer: answer.url == phone.home and answer.request.service_worker):
        page.evaluate("""caches.keys().then((names) => Promise.all(names.map((name) => caches.delete(name))))
            .then(() => navigator.serviceWorker.controller.postMessage("today"))""")

    assert [page.evaluate("caches.keys()") for _ in range(9)] == [[]] * 9


def test_signing_out_with_unsent_ticks_asks_first(phone, to_do):
    page = phone.keep()
    phone.open("me/")
    until(page, "caches.match(location.pathname).then(Boolean)")
    phone.open()
    phone.enters_a_lift()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    phone.open("me/")

    page.get_by_role("button", name="Sign out", exact=True).tap()

    expect(page.locator("#leave")).to_contain_text("1 not sent yet")
    page.get_by_role("button", name="Stay").tap()
    assert "/phone/me/" in page.url


def test_another_seat_on_the_same_phone_does_not_see_the_list(phone, to_do, seat, live_server):
    page = phone.keep()
    other = SeatFactory(tenant=seat.tenant, role="assistant", name="Doudou")
    client = Client()
    client.force_login(other.user)
    phone.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page.reload()
    until(page, f"caches.keys().then((names) => names.length === 1 && names[0].includes('{other.pk}'))")

    phone.enters_a_lift()
    page.reload()

    expect(page.locator("main")).not_to_contain_text("Lin")


def test_a_signed_out_session_empties_the_phone(phone, to_do):
    page = phone.keep()
    phone.context.clear_cookies(name="sessionid")

    page.reload()

    page.wait_for_url("**/accounts/login/**")
    until(page, "caches.keys().then((names) => !names.length)")


def test_a_session_that_ran_out_in_a_lift_and_a_newer_worker_lose_no_tick(phone, to_do, monkeypatch):
    page = phone.keep()
    phone.enters_a_lift()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    cookie = next(each for each in phone.context.cookies() if each["name"] == "sessionid")
    phone.context.clear_cookies(name="sessionid")

    phone.leaves_the_lift()

    expect(page.locator("#toast")).to_contain_text("You are signed out. Sign in again, and what waits here is sent.")
    page.locator("#toast a").tap()
    page.wait_for_url("**/accounts/login/**")
    assert acts(to_do[0]) == []
    phone.context.add_cookies([cookie])
    monkeypatch.setattr("groups.views.phone.ASSETS", ["js/phone.js"])  # of another version
    phone.open()
    all_sent(page)
    assert acts(to_do[0]) == ["done"]
    until(page, "caches.keys().then((names) => names.length === 1)")
    until(page, "caches.match(location.pathname).then(Boolean)")


def test_a_phone_that_is_full_says_so_and_sends_what_it_can(phone, to_do):
    page = phone.open()
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); } }")
    phone.enters_a_lift()
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    expect(page.locator("#toast")).to_contain_text("This phone is full. Leave this page open until it is sent.")
    expect(page.locator("#next .title")).to_contain_text("Lin 2")

    with page.expect_response("**/ticks/"):
        phone.leaves_the_lift()

    expect(page.locator("#outbox")).to_be_hidden()
    assert acts(to_do[0]) == ["done"]


def test_a_seat_that_was_taken_away_empties_the_phone(phone, to_do, seat):
    page = phone.keep()
    Seat.objects.filter(pk=seat.pk).update(ended_at=now())
    page.locator("#next [data-do=copy]").tap()
    page.locator("#next [data-do=sent]").tap()
    expect(page.locator("#toast")).to_contain_text("Your seat in this community is gone.")

    page.reload()

    until(page, "caches.keys().then((names) => !names.length)")
    expect(page.locator("main")).not_to_contain_text("Lin")


# Without script


def test_without_script_a_task_is_read_ended_and_taken_back(chromium, live_server, seat, to_do):
    phone = Phone(chromium, live_server, seat, java_script_enabled=False)
    page = phone.open()
    page.locator("#next .open").click()
    expect(page.locator(".hold_")).to_have_text(to_do[0].text)
    page.get_by_role("button", name="Sent").click()
    expect(page.locator("h1")).to_contain_text("Lin 2")
    assert state(to_do[0]) == "done"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).to_contain_text("Lin 1")
    assert state(to_do[0]) == "open"
    page.get_by_text("Can't be done").click()
    page.get_by_role("button", name="does not answer").click()
    expect(page.locator("h1")).to_contain_text("Lin 2")
    assert re.search(r"/tasks/", page.url)
    assert state(to_do[0]) == "impossible"
    phone.close()


def test_among_many_one_is_found_by_name_and_large_type_stays_within_the_screen(phone, to_do, seat):
    with acting_for(seat.tenant_id):
        far = GroupFactory(matrix=Group.objects.first().matrix, number=9, name="Group 9")
        for n in range(20):
            TaskFactory(assistant=seat, group=far, rank=50 + n, member__nickname=f"Zhou {n}", member__city="Dali")
        TaskFactory(assistant=seat, group=far, rank=70, member__nickname="深圳-林木🌲")
    page = phone.open()
    rows = page.locator("article:visible")

    page.get_by_role("searchbox").fill("zhou 17")
    expect(rows).to_have_count(1)
    expect(page.locator("#find")).to_contain_text("1 found")
    for letters in ("lm", "linm", "szlm", "shen zhen l", "林木"):
        page.get_by_role("searchbox").fill(letters)
        expect(rows).to_have_count(1)
    page.get_by_role("searchbox").fill("nobody")
    expect(rows).to_have_count(0)
    page.get_by_role("searchbox").fill("")
    expect(page.locator("#next article")).to_be_visible()
    expect(page.locator("details.pile[open]")).to_have_count(0)

    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("", "me/", f"tasks/{to_do[0].pk}/"):
        phone.open(path)
        page.evaluate("document.documentElement.style.setProperty('font-size', '32px')")
        fits(page)


def test_groups_further_down_are_folded(phone, to_do, seat):
    with acting_for(seat.tenant_id):
        matrix = Group.objects.first().matrix
        for number in (3, 4):
            TaskFactory(assistant=seat, group=GroupFactory(matrix=matrix, number=number, name=f"Group {number}"), rank=90)
    page = phone.open()

    expect(page.locator("details.pile:not([open])")).to_have_count(2)
