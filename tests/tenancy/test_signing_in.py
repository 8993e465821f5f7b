"""Signing in: second factors, what ends with a password, limits, and answers that tell strangers nothing."""

import base64
import hashlib
import hmac
import itertools
import re
import time
from html import unescape
from urllib.parse import urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from crm.tenancy import keys, middleware, seats, secrets
from crm.tenancy.models import User
from tests.factories import PASSWORD, SeatFactory, UserFactory

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = "a-quite-new-word-for-lin"
numbers = itertools.count(int(time.time() * 1000) % 2**24)


def address():
    """One that nobody has tried anything from."""
    number = next(numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def browser(**more):
    return Client(REMOTE_ADDR=address(), headers={"accept-language": "en"}, **more)


@pytest.fixture
def lin(house):
    number = next(numbers)  # tries are counted by address of mail, too
    return SeatFactory(tenant=house, user=UserFactory(email=f"lin-{number}@qinghe.example", name="Lin"), role="owner").user


@pytest.fixture
def still():
    """Limits count within a minute of the clock; a test must not run over its end."""
    with time_machine.travel(time.time(), tick=False):
        yield


def sign_in(client, user, password=PASSWORD):
    return client.post("/accounts/login/", {"login": user.email, "password": password})


def is_in(client):
    return "_auth_user_id" in client.session


def signed_in(user):
    client = browser()
    sign_in(client, user)
    assert is_in(client)
    return client


def code(secret=SECRET, at=None):
    counter = int((at or time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def with_app(user):
    TOTP.activate(user, SECRET)
    return RecoveryCodes.activate(user).get_unused_codes()


def at_the_second_step(user):
    client = browser()
    answer = sign_in(client, user)
    assert answer["Location"] == "/accounts/mfa/authenticate/"
    return client


# The second factor


def test_after_the_password_a_code_of_the_app_is_asked_and_opens(lin):
    with_app(lin)
    client = at_the_second_step(lin)

    refused = client.get("/qinghe/")
    opened = client.post("/accounts/mfa/authenticate/", {"code": code()})

    assert (refused.status_code, refused["Location"]) == (302, "/accounts/login/?next=/qinghe/")
    assert (opened.status_code, is_in(client)) == (302, True)


def test_a_code_of_the_app_opens_once(lin, still):
    with_app(lin)
    first, second = at_the_second_step(lin), at_the_second_step(lin)

    for client in first, second:
        client.post("/accounts/mfa/authenticate/", {"code": code()})

    assert [is_in(first), is_in(second)] == [True, False]


def test_a_recovery_code_opens_once(lin):
    codes = with_app(lin)
    first, second = at_the_second_step(lin), at_the_second_step(lin)

    for client in first, second:
        client.post("/accounts/mfa/authenticate/", {"code": codes[0]})

    assert [is_in(first), is_in(second)] == [True, False]


def test_a_link_for_the_first_sign_in_does_not_pass_by_the_second_factor(lin):
    with_app(lin)
    client = browser()

    answer = client.post(urlsplit(seats.first_link(lin.seats.get())).path)

    assert (answer["Location"], is_in(client)) == ("/accounts/mfa/authenticate/", False)


def test_secrets_of_the_second_factor_lie_encrypted(lin):
    with_app(lin)

    kept = {row.type: row.data for row in Authenticator.objects.all()}

    assert secrets.decrypt(kept["totp"]["secret"]) == SECRET
    assert SECRET not in str(kept)
    seed = secrets.decrypt(kept["recovery_codes"]["seed"])
    assert seed not in str(kept)


def test_adding_an_app_asks_for_the_password_shows_its_codes_once_and_sends_a_mail(lin, django_capture_on_commit_callbacks):
    client = signed_in(lin)
    path = "/accounts/mfa/totp/activate/"

    asked = client.get(path)
    client.post(asked["Location"], {"password": PASSWORD})
    page = client.get(path)
    secret = page.context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        client.post(path, {"code": code(secret)})
    shown, again = (client.get("/accounts/mfa/recovery-codes/") for _ in range(2))

    assert asked["Location"] == f"/accounts/reauthenticate/?next={path.replace('/', '%2F')}"
    assert page.context["totp_url"].startswith(f"otpauth://totp/{lin.email.replace('@', '%40')}?secret={secret}")
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert [all(each in page.text for each in codes) for page in (shown, again)] == [True, False]
    assert not any(each in again.text for each in codes)
    assert [sent.subject for sent in outbox.outbox] == ["An authenticator app was added"]
    assert [client.get("/accounts/mfa/recovery-codes/download/").status_code] == [403]


# What ends with a password


def test_a_new_password_ends_every_other_session_and_open_first_links_and_leaves_keys(lin):
    here, there = signed_in(lin), signed_in(lin)
    link = urlsplit(seats.first_link(lin.seats.get())).path
    _row, key = keys.make(lin.seats.get())

    answer = here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    assert answer["Location"] == "/accounts/"
    assert [client.get("/qinghe/").status_code for client in (here, there)] == [200, 302]
    assert browser().get(link).status_code == 410
    assert Client(headers={"Authorization": f"Bearer {key}"}).get("/api/v1/members/").status_code == 200
    assert [row.session_key for row in UserSession.objects.filter(user=lin)] == [here.session.session_key]
    assert [sent.subject for sent in outbox.outbox] == ["The password was changed"]


def test_a_password_set_by_mail_ends_every_session_and_the_link_works_once(lin):
    there, client = signed_in(lin), browser()
    client.post("/accounts/password/reset/", {"email": lin.email})
    (link,) = re.findall(r"https?://\S+/key/\S+", outbox.outbox[0].body)
    form = client.get(urlsplit(link).path)["Location"]

    answer = client.post(form, {"password1": NEW, "password2": NEW})

    assert answer["Location"] == "/accounts/password/reset/key/done/"
    assert there.get("/qinghe/").status_code == 302
    assert sign_in(browser(), lin, NEW)["Location"] == "/"
    assert browser().get(urlsplit(link).path).context["token_fail"] is True


# Limits


def limited(answer):
    """Said in a sentence, with the time to come back."""
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 300
    return True


def test_an_account_is_tried_five_times_from_wherever(lin, still):
    answers = [sign_in(browser(), lin, "wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert limited(answers[-1])
    assert "Please try again in 5 minutes." in answers[-1].text


def test_an_address_tries_ten_accounts_and_others_go_on(lin, still):
    client = browser()

    answers = [client.post("/accounts/login/", {"login": f"{next(numbers)}@x.example", "password": "wrong"}) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert limited(answers[-1])
    assert is_in(signed_in(lin))


def test_the_limit_speaks_chinese(lin, still):
    for _ in range(6):
        answer = Client(REMOTE_ADDR=address(), headers={"accept-language": "zh-CN"}).post(
            "/accounts/login/", {"login": lin.email, "password": "wrong"}
        )

    assert limited(answer)
    assert "尝试次数太多。请5分钟后再试。" in answer.text


def test_codes_of_a_second_factor_are_tried_five_times(lin, still):
    with_app(lin)
    client = at_the_second_step(lin)

    answers = [client.post("/accounts/mfa/authenticate/", {"code": "nonsense"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert limited(answers[-1])


def test_a_password_asked_once_more_is_tried_five_times(lin, still):
    client = signed_in(lin)

    answers = [client.post("/accounts/reauthenticate/", {"password": "wrong"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert limited(answers[-1])


@pytest.mark.parametrize("email", ["known", "unknown"])
def test_a_reset_is_asked_five_times_a_minute(lin, still, email):
    email = lin.email if email == "known" else f"{next(numbers)}@x.example"

    answers = [browser().post("/accounts/password/reset/", {"email": email}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert limited(answers[-1])


@pytest.mark.parametrize("path", ["/accounts/first/qx_in_nonsense/", "/accounts/seat/qx_seat_nonsense/"])
def test_private_links_are_tried_thirty_times_a_minute_from_one_address(house, still, path):
    client = browser()

    answers = [client.get(path).status_code for _ in range(30)]
    over = client.get(path)

    assert set(answers) == {410}
    assert limited(over)
    assert browser().get(path).status_code == 410


def test_wrong_keys_are_slowed_by_address_and_good_ones_never_are(lin, still, monkeypatch):
    monkeypatch.setattr(middleware, "WRONG_KEYS_A_MINUTE", 3)
    _row, good = keys.make(lin.seats.get())
    here = address()

    def ask(key, where=here):
        return Client(REMOTE_ADDR=where, headers={"Authorization": f"Bearer {key}"}).get("/api/v1/members/")

    answers = [ask(f"qx_key_wrong_{number}") for number in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert limited(answers[-1])
    assert (answers[-1]["Content-Type"], answers[-1].json()["code"]) == ("application/problem+json", "too_many")
    assert [ask(good).status_code, ask("qx_key_wrong", address()).status_code] == [200, 401]


@pytest.mark.parametrize(("proxies", "statuses"), [(0, [200] * 10 + [429]), (1, [200] * 11)])
def test_a_forwarded_address_counts_behind_our_own_proxy_alone(still, settings, proxies, statuses):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    client = browser()

    answers = [
        client.post(
            "/accounts/login/",
            {"login": f"{next(numbers)}@x.example", "password": "wrong"},
            headers={"X-Forwarded-For": f"203.0.113.1, {address()}"},
        ).status_code
        for _ in range(11)
    ]

    assert answers == statuses


def test_behind_our_proxy_what_the_client_forges_before_it_changes_nothing(still, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    client, mine = browser(), address()

    answers = [
        client.post(
            "/accounts/login/",
            {"login": f"{next(numbers)}@x.example", "password": "wrong"},
            headers={"X-Forwarded-For": f"{address()}, {mine}"},
        ).status_code
        for _ in range(11)
    ]

    assert answers == [200] * 10 + [429]


# No telling who has an account


def told(answer, email):
    """All that a stranger can compare: status, headers, words."""
    text = re.sub(r'(csrfmiddlewaretoken" value=|csrf-token" content=)"[^"]+"', r"\1", answer.text).replace(email, "EMAIL")
    headers = {name: value for name, value in answer.headers.items() if name not in ("Content-Length", "Expires", "X-Request-ID")}
    return answer.status_code, headers, text, sorted(answer.cookies)


@pytest.fixture
def strangers(lin):
    """An address with a password, one whose owner never chose one, and one that nobody has; all equally long."""
    number = f"{next(numbers):09}"
    emails = [f"{word}{number}@x.example" for word in ("with", "none", "free")]
    UserFactory(email=emails[0])
    User.objects.create_user(emails[1])
    return emails


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/accounts/login/", lambda email: {"login": email, "password": "wrong"}),
        ("/accounts/password/reset/", lambda email: {"email": email}),
        ("/accounts/signup/", lambda email: {"email": email}),
    ],
)
def test_nobody_learns_whether_an_address_has_an_account(strangers, settings, path, asked):
    settings.SIGN_UP_OPEN = True

    said = [told(browser().post(path, asked(email), follow=True), email) for email in strangers]

    assert said[0] == said[1] == said[2]


def test_the_password_of_nobody_costs_as_much_as_a_wrong_one(strangers, monkeypatch):
    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args, **more: hashed.append(1) or encode(*args, **more))

    costs = []
    for email in strangers:
        browser().post("/accounts/login/", {"login": email, "password": "wrong"})
        costs.append(len(hashed))
        hashed.clear()

    assert costs == [1, 1, 1]


def test_an_account_is_opened_by_whoever_reads_the_mail(settings, house):
    settings.SIGN_UP_OPEN = True
    email = f"new-{next(numbers)}@x.example"
    client = browser()

    client.post("/accounts/signup/", {"email": email})
    (link,) = re.findall(r"https?://\S+/key/\S+", outbox.outbox[0].body)
    client.post(client.get(urlsplit(link).path)["Location"], {"password1": NEW, "password2": NEW})

    assert [sign_in(browser(), User(email=email), password).status_code for password in (NEW, "wrong")] == [302, 200]


def test_sign_up_is_closed_until_a_setting_opens_it(house):
    answer = browser().post("/accounts/signup/", {"email": "new@x.example"})

    assert (answer.status_code, User.objects.filter(email="new@x.example").exists(), outbox.outbox) == (200, False, [])


# Sessions


def test_the_cookie_of_a_session_is_for_us_alone_and_lasts_two_weeks(lin):
    cookie = sign_in(browser(), lin).cookies["sessionid"]

    assert {name: cookie[name] for name in ("httponly", "samesite", "path", "domain")} == {
        "httponly": True,
        "samesite": "Lax",
        "path": "/",
        "domain": "",
    }
    assert int(cookie["max-age"]) == 14 * 24 * 60 * 60


def test_two_weeks_count_from_the_last_visit_which_is_noted_once_an_hour(lin):
    client = signed_in(lin)
    client.get("/accounts/")
    before = UserSession.objects.get(user=lin).last_seen_at

    renewed = []
    for days in (0, 13, 13, 26):
        with time_machine.travel(time.time() + days * 86400, tick=False):
            answer = client.get("/accounts/")
            renewed.append((answer.status_code, "sessionid" in answer.cookies))

    assert renewed == [(200, False), (200, True), (200, False), (200, True)]
    assert (UserSession.objects.get(user=lin).last_seen_at - before).days == 26
    with time_machine.travel(time.time() + 41 * 86400):
        assert client.get("/accounts/").status_code == 302


def test_signing_out_empties_what_the_browser_kept_of_pages_and_nothing_that_a_phone_has_yet_to_send(lin):
    client = signed_in(lin)

    answer = client.post("/accounts/logout/")

    assert (answer["Location"], answer["Clear-Site-Data"], is_in(client)) == ("/accounts/login/", '"cache"', False)


def test_the_account_lists_where_somebody_is_signed_in_and_ends_one_or_all_others(lin):
    here = signed_in(lin)
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605"
    phone = Client(REMOTE_ADDR=address(), headers={"user-agent": iphone})
    sign_in(phone, lin)
    third, fourth = signed_in(lin), signed_in(lin)
    listed = here.get("/accounts/").context["sessions"]
    of_phone = next(each for each in listed if each.row.session_key == phone.session.session_key)

    assert (len(listed), of_phone.device, of_phone.icon) == (4, "Safari · iPhone", "device-mobile")
    here.post(f"/accounts/sessions/{of_phone.row.pk}/end/")
    assert [client.get("/qinghe/").status_code for client in (here, phone, third, fourth)] == [200, 302, 200, 200]
    here.post("/accounts/sessions/end-others/")
    assert [client.get("/qinghe/").status_code for client in (here, phone, third, fourth)] == [200, 302, 302, 302]
    assert [each.row.session_key for each in here.get("/accounts/").context["sessions"]] == [here.session.session_key]


def test_nobody_ends_somebody_elses_session(lin):
    mine, theirs = signed_in(lin), signed_in(UserFactory(email=f"zhou-{next(numbers)}@x.example"))
    other = UserSession.objects.get(session_key=theirs.session.session_key)

    mine.post(f"/accounts/sessions/{other.pk}/end/")

    assert theirs.get("/accounts/").status_code == 200


def test_the_account_asks_the_database_as_often_for_thirty_sessions_as_for_one(lin):
    client = signed_in(lin)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            client.get("/accounts/")
        return len(queries)

    one = asked()
    for _ in range(29):
        other = Client()
        other.force_login(lin)
        UserSession.objects.create(user=lin, session_key=other.session.session_key, ip="10.0.0.1", user_agent="Firefox")

    assert (asked(), len(client.get("/accounts/").context["sessions"])) == (one, 30)


# The account


def test_name_and_language_are_kept_and_the_pages_speak_it_at_once(lin):
    client = signed_in(lin)

    answer = client.post("/accounts/", {"name": "Lin Mei", "language": "zh-hans"}, follow=True)

    lin.refresh_from_db()
    assert (lin.name, lin.language) == ("Lin Mei", "zh-hans")
    assert '<html lang="zh-Hans"' in answer.text


def test_a_name_that_is_too_long_is_said_beside_it_and_loses_nothing(lin):
    answer = signed_in(lin).post("/accounts/", {"name": "x" * 61, "language": "en"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["name"])
    assert "x" * 61 in answer.text


def test_the_switch_on_the_pages_is_the_language_of_ones_mails(lin):
    client = signed_in(lin)

    client.post("/i18n/setlang/", {"language": "zh-hans"})
    client.post("/i18n/setlang/", {"language": "klingon"})

    assert User.objects.get(pk=lin.pk).language == "zh-hans"


PAGES = [
    "account", "account_change_password", "account_reauthenticate", "account_logout", "mfa_reauthenticate",
    "mfa_add_webauthn", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
]  # fmt: skip
OUTSIDE = ["account_login", "account_signup", "account_sign_up_sent", "account_reset_password", "account_reset_password_done",
           "account_reset_password_from_key_done", "account_inactive"]  # fmt: skip


@pytest.mark.parametrize(("lang", "wrong"), [("zh-Hans", r"你|[A-Za-z]{4,}"), ("en", r"[\u4e00-\u9fff]")])
def test_every_page_of_the_account_is_whole_in_both_languages(lin, settings, lang, wrong):
    settings.SIGN_UP_OPEN = True
    with_app(lin)
    inside, outside = at_the_second_step(lin), browser()
    second = inside.get("/accounts/mfa/authenticate/", headers={"accept-language": lang})
    inside.post("/accounts/mfa/authenticate/", {"code": code()})
    inside.post("/accounts/reauthenticate/", {"password": PASSWORD})

    pages = {name: inside.get(reverse(name, urlconf=settings.ROOT_URLCONF), headers={"accept-language": lang}) for name in PAGES}
    pages |= {name: outside.get(reverse(name, urlconf=settings.ROOT_URLCONF), headers={"accept-language": lang}) for name in OUTSIDE}
    pages |= {"mfa_authenticate": second}

    assert {name: page.status_code for name, page in pages.items() if page.status_code != 200} == {}
    assert [name for name, page in pages.items() if f'<html lang="{lang}"' not in page.text] == []
    assert {name: found for name, page in pages.items() if (found := re.findall(wrong, seen(page.text, lin)))} == {}


def seen(html, user):
    """What a reader sees of a page, without names of people, things and languages."""
    html = re.sub(r"<(title|script|option|button name=\"language\")\b.*?</", "<", html, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]+>", " ", html))
    for name in user.email, user.name, "Qunxing", "English", "中文", *WORDS:
        text = text.replace(name, " ")
    return text


WORDS = ["Microsoft Authenticator", "Google Authenticator", "1Password", "Chrome", "Edge", "Safari", "Firefox"]


# Demo accounts, forged requests


def test_a_demo_account_does_not_exist_outside_the_demo(lin, settings):
    settings.EMBEDDED = False
    User.objects.filter(pk=lin.pk).update(is_demo=True)
    client = browser()

    answer = sign_in(client, lin)

    assert (answer["Location"], is_in(client)) == ("/accounts/inactive/", False)


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/password/reset/", "/qinghe/", "/qinghe/members/", "/api/v1/members/"])
def test_a_forged_host_is_refused_everywhere(owner, api, path):
    for client in (Client(), owner.outside, api):
        assert client.get(path, headers={"host": "evil.example"}).status_code == 400


def test_what_a_proxy_would_say_is_not_believed_where_there_is_none(lin, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = None
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}

    answer = Client().get("/accounts/login/", headers=forged)

    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/accounts/login/")


def test_a_seat_taken_away_shuts_the_door_at_the_next_request(lin):
    client = signed_in(lin)
    before = client.get("/qinghe/").status_code

    lin.seats.update(ended_at=now())

    assert [before, client.get("/qinghe/").status_code] == [200, 404]
