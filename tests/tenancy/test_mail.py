"""Mails: the same words as text and as HTML, in the language of whoever gets them, and readable without a mail server."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail as outbox
from django.core.mail import send_mail

from crm.tenancy import mail
from crm.tenancy.models import Invite, Tenant
from crm.tenancy.signin import CHANGES
from tests.factories import UserFactory

FILES = "django.core.mail.backends.filebased.EmailBackend"
LINK = "https://crm.example/a/long/address-with-a-secret/"
COMMON = {"link": LINK, "tenant": Tenant(name="青禾社群", slug="qinghe"), "email": "lin@qinghe.example"}
# What each mail is given besides.
CONTEXTS = {
    "password_reset_key": {},
    "unknown_account": {"open": False},
    "account_already_exists": {},
    "account_opened": {},
    "account_changed": {"what": "密码改了", "at": "2026-11-25 08:00", "ip": "203.0.113.9", "browser": "火狐"},
    "invite": {"invite": Invite(role="assistant"), "expires_on": "2026-12-02"},
}
NAMES = sorted(path.name.removesuffix(".subject.txt") for path in (settings.BASE_DIR / "templates/mail").glob("*.subject.txt"))


def words_of(html):
    """What a reader sees of it."""
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<title>.*?</title>", " ", html, flags=re.DOTALL)))


def without(text, context):
    """The text without what was put into it, which has no language of ours."""
    for value in [settings.BASE_URL, settings.BASE_URL.partition("//")[2], *map(str, context.values())]:
        text = text.replace(value, " ")
    return text


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_mail_says_the_same_as_text_and_html_in_both_languages(name, language):
    context = COMMON | CONTEXTS[name]

    subject, text, html = mail.rendered(name, language, context)

    assert subject
    assert subject == " ".join(subject.split())
    assert [part.count(LINK) > 0 for part in (text, words_of(html))] == [True, True]
    assert f'<a href="{LINK}"' in html
    for said in subject, text, words_of(html):
        chinese = language == "zh-hans"
        ours = without(said, context)
        assert re.findall(r"[A-Za-z]{2,}" if chinese else r"[\u4e00-\u9fff]", ours) == []
        assert re.findall(r"[{}%]", ours) == []
    assert f'<html lang="{"zh-Hans" if chinese else "en"}">' in html


def test_every_mail_of_allauth_that_can_be_sent_has_words_of_ours():
    import allauth

    theirs = {path.name for app in ("account", "mfa") for path in Path(allauth.__file__).parent.rglob(f"{app}/email/*_subject.txt")}
    # No address is confirmed or changed here, and nobody signs in by a code that is mailed.
    never = {"email_changed", "email_confirm", "email_confirmation", "email_confirmation_signup", "email_deleted"}
    never |= {"login_code", "password_reset_code"}

    ours = {*CHANGES, "password_reset_key", "unknown_account", "account_already_exists"}
    assert {name.removesuffix("_subject.txt") for name in theirs} - never == ours


def test_a_name_reads_in_text_as_it_is_and_in_html_escaped():
    context = COMMON | CONTEXTS["account_changed"] | {"what": "Lin & <b>Co</b>\nBcc: x@y"}

    subject, text, html = mail.rendered("account_changed", "en", context)

    assert subject == "Lin & <b>Co</b> Bcc: x@y"
    assert "Lin & <b>Co</b>" in text
    assert "Lin &amp; &lt;b&gt;Co&lt;/b&gt;" in html


def test_a_mail_goes_out_in_the_readers_language_whatever_the_page_speaks(settings):
    assert mail.send("password_reset_key", "lin@qinghe.example", language="zh-hans", context=COMMON) is True

    (sent,) = outbox.outbox
    assert (sent.to, sent.subject) == (["lin@qinghe.example"], "设新密码")
    assert [kind for _, kind in sent.alternatives] == ["text/html"]


@pytest.mark.parametrize("to", ["lin@qinghe.example", "lin@qinghe.example\nBcc: everybody@else.example"])
def test_a_mail_that_could_not_be_handed_over_says_so_and_logs_no_address(settings, caplog, to):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    caplog.set_level("INFO")

    assert mail.send("password_reset_key", to, language="en", context=COMMON) is False

    assert "mail_not_sent" in caplog.text
    assert "lin@" not in caplog.text


def test_who_forgot_the_password_gets_a_link_to_our_own_address_in_their_language(client, db, settings):
    settings.ALLOWED_HOSTS = ["*"]
    user = UserFactory(email="lin@qinghe.example", language="zh-hans")

    client.post("/accounts/password/reset/", {"email": user.email}, headers={"host": "evil.example", "accept-language": "en"})

    (sent,) = outbox.outbox
    links = re.findall(r"https?://\S+", sent.body)
    assert {link.split("/accounts/")[0].rstrip("/") for link in links} == {settings.BASE_URL}
    assert client.get(links[0], follow=True).status_code == 200
    assert sent.subject == "设新密码"


# The demo's page


@pytest.fixture
def written(settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FILES, tmp_path
    return tmp_path


def test_the_demo_shows_what_it_would_have_sent_the_newest_first(client, db, written):
    for place, to in enumerate(["first@qinghe.example", "second@qinghe.example"]):
        mail.send("password_reset_key", to, language="zh-hans", context=COMMON)
        (file,) = set(written.glob("*.log")) - set(written.glob("*-7.log"))
        file.rename(written / f"2026112{place}-080000-7.log")

    page = client.get("/demo-mail/")

    assert [(each.to, each.subject) for each in page.context["mails"]] == [
        ("second@qinghe.example", "设新密码"),
        ("first@qinghe.example", "设新密码"),
    ]


def test_the_demo_opens_a_mail_and_its_link_can_be_clicked(client, db, written):
    mail.send("password_reset_key", "lin@qinghe.example", language="zh-hans", context=COMMON)
    (listed,) = client.get("/demo-mail/").context["mails"]

    page = client.get(f"/demo-mail/?mail={listed.key}")
    framed = client.get(f"/demo-mail/{listed.key}/")

    assert f'<a href="{LINK}"' in page.text
    assert f'src="/demo-mail/{listed.key}/"' in page.text
    assert f'<a href="{LINK}"' in framed.text
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    policy = framed["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'self'"} <= set(policy)


def test_mails_of_one_connection_stand_in_one_file_and_are_all_shown(client, db, written):
    with outbox.get_connection() as connection:
        for number in range(3):
            send_mail(f"mail {number}", "words", None, ["lin@qinghe.example"], connection=connection)

    assert [each.subject for each in client.get("/demo-mail/").context["mails"]] == ["mail 2", "mail 1", "mail 0"]


@pytest.mark.parametrize("path", ["/demo-mail/?mail=nonsense", "/demo-mail/nonsense/", "/demo-mail/..%2f..%2fetc/"])
def test_a_mail_that_is_not_there_is_not_found(client, db, written, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("change", [{"EMBEDDED": False}, {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}])
def test_outside_the_demo_or_with_a_mail_server_nobody_sees_mails(client, db, written, settings, change):
    mail.send("password_reset_key", "lin@qinghe.example", language="en", context=COMMON)
    (listed,) = client.get("/demo-mail/").context["mails"]
    for name, value in change.items():
        setattr(settings, name, value)

    assert [client.get(path).status_code for path in ("/demo-mail/", f"/demo-mail/{listed.key}/")] == [404, 404]
