"""Passkeys and codes in a browser, with an authenticator that Chromium plays."""

import base64
import hashlib
import hmac
import os
import re
import time

import pytest
from allauth.mfa.models import Authenticator

from tests.chromium import PATIENCE, expect, needs_chromium, ready, until
from tests.factories import PASSWORD, SeatFactory, TenantFactory, UserFactory

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    Axe = None
pytestmark = needs_chromium
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
HOME = re.compile(r"/qinghe/$")
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def lin(transactional_db, settings):
    settings.LANGUAGE_CODE = "en"
    user = UserFactory(email=f"lin-{time.time_ns()}@qinghe.example", name="Lin")  # tries are counted by address
    SeatFactory(tenant=TenantFactory(slug="qinghe", name="Qinghe", language="en"), user=user, role="owner")
    return user


@pytest.fixture
def desk(chromium, live_server):
    """A page of its own, whose complaints (of the content security policy, too) fail the test."""
    context = chromium.new_context(base_url=live_server.url, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    complaints = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.goto("about:blank")
    context.close()
    assert complaints == []


@pytest.fixture
def authenticator(desk):
    session = desk.context.new_cdp_session(desk)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    def present(there):
        session.send("WebAuthn.setUserVerified", {"authenticatorId": made["authenticatorId"], "isUserVerified": there})

    return present


def sign_in(page, user):
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).not_to_have_url(re.compile("/accounts/login/"))
    ready(page)


def sign_out(page):
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    ready(page)


def prove(page):
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def add_a_passkey(page, name):
    page.goto("/accounts/")
    page.get_by_role("link", name="Add").click()
    prove(page)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    ready(page)
    return page.locator("#codes").inner_text().split()


def code(secret):
    digest = hmac.new(base64.b32decode(secret), int(time.time() // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def test_a_passkey_is_added_signs_in_alone_is_renamed_and_removed(lin, desk, authenticator):
    sign_in(desk, lin)
    codes = add_a_passkey(desk, "The desk")
    with desk.expect_download() as saved:
        desk.get_by_role("link", name="Download").click()
    sign_out(desk)

    desk.get_by_role("button", name="Use a passkey").click()
    expect(desk).to_have_url(HOME)

    assert saved.value.path().read_text().split() == codes
    assert Authenticator.objects.get(type="webauthn").last_used_at is not None
    desk.goto("/accounts/")
    desk.get_by_role("link", name="Rename The desk").click()
    prove_by_passkey_if_asked(desk)
    desk.get_by_label("Name").fill("The old desk")
    desk.get_by_role("button", name="Save").click()
    desk.get_by_role("link", name="Remove The old desk").click()
    desk.get_by_role("button", name="Remove it").click()
    expect(desk.get_by_text("None yet.")).to_be_visible()
    assert Authenticator.objects.count() == 0


def prove_by_passkey_if_asked(page):
    """A passkey of this session is proof enough for a while; the password is asked otherwise."""
    heading, link = page.get_by_role("heading", name="Rename the passkey"), page.get_by_role("link", name="With a passkey")
    expect(heading.or_(link)).to_be_visible()
    if link.is_visible():
        link.click()
        page.get_by_role("button", name="Use a passkey").click()
    expect(heading).to_be_visible()


def test_a_passkey_that_is_not_used_is_said_and_the_password_goes_on(lin, desk, authenticator):
    sign_in(desk, lin)
    codes = add_a_passkey(desk, "The desk")
    sign_out(desk)
    authenticator(False)

    desk.get_by_role("button", name="Use a passkey").click()
    expect(desk.get_by_role("alert")).to_have_text("No passkey was used. Try again, or take another way.")

    sign_in(desk, lin)
    desk.get_by_label("Code of the app, or recovery code").fill(codes[0])
    desk.get_by_role("button", name="Sign in", exact=True).click()
    expect(desk).to_have_url(HOME)


def test_an_app_is_set_up_and_its_code_and_a_recovery_code_sign_in_once_each(lin, desk):
    sign_in(desk, lin)
    desk.goto("/accounts/mfa/totp/activate/")
    prove(desk)
    secret = desk.locator("#app-key").inner_text()
    desk.get_by_label("Code of the app").fill(code(secret))
    desk.get_by_role("button", name="Turn it on").click()
    expect(desk.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = desk.locator("#codes").inner_text().split()

    for said, opens in ((code(secret), True), (codes[3], True), (codes[3], False)):
        if not desk.url.endswith("authenticate/"):
            sign_out(desk)
            sign_in(desk, lin)
        desk.get_by_label("Code of the app, or recovery code").fill(said)
        desk.get_by_role("button", name="Sign in", exact=True).click()
        if opens:
            expect(desk).to_have_url(HOME)
        else:
            expect(desk.get_by_text("This does not fit.")).to_be_visible()


def test_lists_that_a_phone_kept_go_with_the_sign_out_and_what_it_has_not_sent_stays(lin, desk):
    sign_in(desk, lin)
    desk.goto("/accounts/")
    desk.evaluate(
        """async () => {
            await (await caches.open("phone:/qinghe/phone/:1:a")).put("/qinghe/phone/", new Response("names"));
            localStorage.setItem("phone:/qinghe/phone/:1", JSON.stringify([{ key: "a", state: "waiting" }, { key: "b", state: "sent" }]));
            localStorage.setItem("phone:/qinghe/phone/:2", JSON.stringify([{ key: "c", state: "sent" }]));
            localStorage.setItem("other", "stays");
        }"""
    )

    sign_out(desk)
    expect(desk.get_by_text("Ticked on this device and not sent yet: 1.")).to_be_visible()

    kept = "Object.fromEntries(Object.entries(localStorage).filter(([name]) => name !== 'theme'))"
    assert desk.evaluate(kept) == {"phone:/qinghe/phone/:1": '[{"key":"a","state":"waiting"}]', "other": "stays"}
    until(desk, "caches.keys().then((names) => !names.length)")


@pytest.mark.parametrize("theme", ["dark", "light"] if os.environ.get("AXE") == "all" else ["dark"])
def test_the_pages_of_the_account_keep_to_wcag(lin, desk, authenticator, theme, live_server, settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", tmp_path
    desk.context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    found = {}

    def look(name):
        page = Axe().run(desk, options=AXE)
        found.update({name: page.generate_report()} if page.violations_count else {})

    desk.goto("/accounts/login/")
    look("login")
    sign_in(desk, lin)
    add_a_passkey(desk, "The desk")
    look("codes")
    for path in "", "mfa/webauthn/add/", "mfa/totp/activate/", "mfa/recovery-codes/generate/", "password/change/", "mfa/reauthenticate/":
        desk.goto(f"/accounts/{path}")
        look(path)
    desk.goto("/demo-mail/")
    look("mails")
    sign_out(desk)
    sign_in(desk, lin)
    look("the second step")

    assert found == {}
