"""The way out by a channel: what each platform is sent and what its answers mean, and that no message goes out twice."""

import base64
import datetime
import hashlib
import hmac
import itertools
import json
import socket
import threading
import time
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.db import connections
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from crm.tenancy import files
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import delivery, jobs, senders, sending
from groups.models import Channel, Push, Task
from groups.senders import outside, pieces, telegram, webhook
from tests.factories import ChannelFactory, GroupFactory, SeatFactory, TenantFactory

from .robots import CUT, HANG, Robots

SECRET = "SECdemo-of-a-secret"
TOKEN = "123456789:AAdemo-token-of-a-bot-that-is-none"
PNG = base64.b64decode(b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


@pytest.fixture
def robots(settings, monkeypatch):
    made = Robots()
    settings.DELIVERY_HOSTS = [made.host]
    monkeypatch.setattr(telegram, "API", made.url)
    monkeypatch.setattr(outside, "WHOLE", 0.5)
    yield made
    made.end()


@pytest.fixture
def heard(monkeypatch):
    said = []
    monkeypatch.setitem(delivery.HEARERS, "news", lambda push: said.append(push.state))
    return said


@pytest.fixture
def group(tenant):
    owner = SeatFactory(tenant=tenant, role="owner")
    return GroupFactory(assistant=owner)


def a_channel(robots, group, kind="wecom", **fields):
    address, secret = f"{robots.url}/hook?key=abcdef-of-the-robot", ""
    if kind == "telegram":
        address, secret = "-1001234567890", TOKEN
    elif kind == "mail":
        address = "group@example.com"
    elif kind == "webhook":
        secret = webhook.new_secret()
    elif kind in ("feishu", "dingtalk"):
        secret = SECRET
    return ChannelFactory(**{"group": group, "kind": kind, "address": address, "secret": secret} | fields)


def sent(group, text="Good evening!", cause="news:1", **fields):
    """A push that a worker had in its hands once."""
    push = delivery.push(group, cause=cause, title="Evening news", text=text, **fields)
    return kept(push)


def kept(push):
    jobs.keep_push(str(push.tenant_id), str(push.pk))
    return Push.objects.select_related("task").get(pk=push.pk)


def due(push):
    Push.objects.filter(pk=push.pk).update(due_at=now())
    return kept(push)


# What each platform is sent


def hmac_of(key, message=b""):
    return base64.b64encode(hmac.new(key.encode(), message, hashlib.sha256).digest()).decode()


def as_wecom(asked):
    assert asked.query == {"key": ["abcdef-of-the-robot"]}
    return asked.json["text"]["content"]


def as_feishu(asked):
    assert asked.json["sign"] == hmac_of(f"{asked.json['timestamp']}\n{SECRET}")
    assert abs(int(asked.json["timestamp"]) - time.time()) < 3600
    return asked.json["content"]["text"]


def as_dingtalk(asked):
    (timestamp,), (sign,) = asked.query["timestamp"], asked.query["sign"]
    assert sign == hmac_of(SECRET, f"{timestamp}\n{SECRET}".encode())
    return asked.json["text"]["content"]


def as_slack(asked):
    assert asked.json["mrkdwn"] is False
    return asked.json["text"]


def as_discord(asked):
    assert asked.json["allowed_mentions"] == {"parse": []}
    assert asked.query == {"key": ["abcdef-of-the-robot"], "wait": ["true"]}
    return asked.json["content"]


def as_telegram(asked):
    assert asked.path == f"/bot{TOKEN}/sendMessage"
    assert asked.json["chat_id"] == "-1001234567890"
    return asked.json["text"]


PLATFORMS = {
    "wecom": as_wecom,
    "feishu": as_feishu,
    "dingtalk": as_dingtalk,
    "slack": as_slack,
    "discord": as_discord,
    "telegram": as_telegram,
}


@pytest.mark.parametrize("kind", PLATFORMS)
def test_a_text_goes_out_once_as_the_platform_wants_it(robots, group, heard, kind):
    a_channel(robots, group, kind)
    robots.stands_for(kind)

    push = sent(group, "晚上好 👋🏽")
    kept(push)

    assert [PLATFORMS[kind](asked) for asked in robots.asked] == ["晚上好 👋🏽"]
    assert (push.state, push.parts, push.task, push.sent_at is not None) == ("sent", 1, None, True)
    assert heard == ["sent"]


def test_a_webhook_is_signed_and_sent_again_under_one_id_where_nobody_knows(robots, group):
    channel = a_channel(robots, group, "webhook")
    robots.says(CUT, (500, ""), (200, ""))

    push = sent(group)
    push = due(due(push))

    assert push.state == "sent"
    assert {asked.headers["webhook-id"] for asked in robots.asked} == {f"{push.pk}-0"}
    for asked in robots.asked:
        told = Webhook(channel.secret).verify(asked.body, asked.headers)
        assert told["data"] == {"group": str(group.pk), "title": "Evening news", "text": "Good evening!"}


def test_a_mail_goes_to_the_list_of_the_group(robots, group):
    a_channel(robots, group, "mail")

    assert sent(group).state == "sent"

    assert [(each.to, each.subject, each.body) for each in mail.outbox] == [(["group@example.com"], "Evening news", "Good evening!\n")]


def test_a_picture_goes_with_its_text_or_after_it(robots, group):
    picture = files.keep(ContentFile(PNG, name="news.png"), "slot", by=None, most=10**6)
    a_channel(robots, group)
    robots.says((200, {"errcode": 0}))

    push = sent(group, picture=picture)

    said = [asked.json for asked in robots.asked]
    assert (push.state, push.parts) == ("sent", 2)
    assert [each["msgtype"] for each in said] == ["text", "image"]
    assert (base64.b64decode(said[1]["image"]["base64"]), said[1]["image"]["md5"]) == (PNG, hashlib.md5(PNG).hexdigest())


def test_a_card_leads_somewhere(robots, group):
    card = {"url": "https://example.com/talk", "label": "Sign up"}
    for kind in PLATFORMS:
        here = GroupFactory(matrix=group.matrix)
        a_channel(robots, here, kind)
        robots.stands_for(kind)
        assert sent(here, cause=f"news:{kind}", card=card).state == "sent"

    assert len(robots.asked) == 6
    assert all("https://example.com/talk" in json.dumps(asked.json) and "Sign up" in json.dumps(asked.json) for asked in robots.asked)


@pytest.mark.parametrize("kind", PLATFORMS)
def test_the_longest_text_and_the_longest_card_are_what_the_platform_takes(robots, group, kind):
    a_channel(robots, group, kind)
    robots.stands_for(kind)
    sender = senders.OF[kind]
    text = "\n".join("春" * 98 + "👋🏽" for _ in range(min(90, 5 * sender.MOST // 400)))
    size = getattr(sender, "size_of_card", sender.size)
    most = (sender.MOST_OF_CARD - size("")) // (size("春") - size(""))
    card = {"url": "https://example.com/" + "x" * 480, "label": "L" * 20}

    long = sent(group, text)
    carded = sent(group, "春" * most, cause="news:2", card=card)
    longer = sent(group, "春" * (most + 1), cause="news:3", card=card)

    assert (long.state, carded.state) == ("sent", "sent")
    assert (longer.state, longer.reason) == ("by_hand", "too_long")
    said = [PLATFORMS[kind](asked) for asked in robots.asked[:-1]]
    assert len(said) > 1
    assert "\n".join(each.partition("\n")[2] for each in said) == text


# What the answers mean


@pytest.mark.parametrize(
    ("kind", "answer", "state", "reason"),
    [
        ("wecom", (200, {"errcode": 93000, "errmsg": "invalid webhook url"}), "by_hand", "no_such_channel"),
        ("wecom", (200, {"errcode": 45009, "errmsg": "api freq out of limit"}), "waiting", "too_many"),
        ("wecom", (200, {"errcode": 40058, "errmsg": "invalid"}), "by_hand", "refused"),
        ("wecom", (200, "<html>hello"), "unsure", "unknown_answer"),
        ("wecom", (500, ""), "unsure", "server_error"),
        ("wecom", (404, ""), "by_hand", "no_such_channel"),
        ("wecom", HANG, "unsure", "no_answer"),
        ("wecom", CUT, "unsure", "line_cut"),
        ("wecom", (200, "x" * 200_000), "unsure", "unknown_answer"),
        ("feishu", (200, {"code": 19021, "msg": "sign match fail"}), "by_hand", "wrong_signature"),
        ("feishu", (200, {"code": 11232, "msg": "frequency limited"}), "waiting", "too_many"),
        ("feishu", (400, {"code": 99991400, "msg": "request trigger frequency limit"}), "waiting", "too_many"),
        ("feishu", (200, {"code": 9499, "msg": "too many request"}), "waiting", "too_many"),
        ("feishu", (200, {"code": 9499, "msg": "Bad Request", "data": {}}), "by_hand", "refused"),
        ("feishu", (200, {"code": 19022, "msg": "Ip Not Allowed"}), "by_hand", "not_from_here"),
        ("dingtalk", (200, {"errcode": 130101, "errmsg": "send too fast"}), "waiting", "too_many"),
        ("dingtalk", (200, {"errcode": 310000, "errmsg": "keywords not in content"}), "by_hand", "keyword_missing"),
        ("dingtalk", (200, {"errcode": 310000, "errmsg": "sign not match"}), "by_hand", "wrong_signature"),
        ("dingtalk", (200, {"errcode": 310000, "errmsg": "ip 1.2.3.4 not in whitelist"}), "by_hand", "not_from_here"),
        ("slack", (404, "no_service"), "by_hand", "no_such_channel"),
        ("slack", (429, "", {"Retry-After": "30"}), "waiting", "too_many"),
        ("slack", (429, "", {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}), "by_hand", "too_many"),
        ("slack", (400, "invalid_payload"), "by_hand", "refused"),
        ("discord", (429, {"retry_after": 30.5}), "waiting", "too_many"),
        ("discord", (404, {"code": 10015}), "by_hand", "no_such_channel"),
        ("telegram", (429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 7}}), "waiting", "too_many"),
        ("telegram", (400, {"ok": False, "error_code": 400, "parameters": {"migrate_to_chat_id": -100}}), "by_hand", "group_moved"),
        ("telegram", (403, {"ok": False, "error_code": 403, "description": "bot was kicked"}), "by_hand", "no_such_channel"),
        ("webhook", (410, ""), "by_hand", "no_such_channel"),
    ],
)
def test_an_answer_is_understood(robots, group, heard, kind, answer, state, reason):
    channel = a_channel(robots, group, kind)
    robots.says(answer)

    push = sent(group)

    assert (push.state, push.reason, heard) == (state, reason, [state])
    assert len(robots.asked) == 1
    channel.refresh_from_db()
    is_dead = state == "by_hand" and reason not in ("refused", "too_many")
    assert channel.state == ("off" if is_dead else "on")
    if state == "waiting":
        assert channel.is_resting
        assert now() < push.due_at
    if state == "by_hand":
        assert (push.task.text, push.task.state) == ("Good evening!", "open")


def test_what_surely_failed_is_tried_again_later_and_later_and_then_is_somebodys(robots, group, heard):
    a_channel(robots, group, address=f"http://127.0.0.1:{free_port()}/")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outside, "is_ours", lambda host, port=None: True)
        push = sent(group)
        pauses = []
        while push.state == "waiting":
            pauses.append((push.due_at - now()).total_seconds())
            push = due(push)

    assert (push.state, push.reason, push.tries) == ("by_hand", "no_connection", sending.MOST_TRIES)
    assert pauses == sorted(pauses)
    assert sum(pauses) < 3600
    assert heard == ["waiting"] * (sending.MOST_TRIES - 1) + ["by_hand"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


# Where no message goes


def test_a_redirect_into_our_own_network_is_not_followed(robots, group, settings):
    inner = Robots()
    a_channel(robots, group)
    robots.says((302, "", {"Location": f"{inner.url}/admin"}))

    push = sent(group)
    inner.end()

    assert (inner.asked, push.state, push.reason) == ([], "by_hand", "redirected")


@pytest.mark.parametrize(
    "found",
    ["127.0.0.1", "10.0.0.7", "100.64.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.7", "64:ff9b::a00:7", "2002:a00:7::"],
)
def test_a_name_is_looked_up_once_and_never_leads_inside(robots, group, monkeypatch, found):
    asked = []
    family = socket.AF_INET6 if ":" in found else socket.AF_INET
    answers = lambda host, port, **how: asked.append(host) or [(family, socket.SOCK_STREAM, 6, "", (found, port))]  # noqa: E731
    monkeypatch.setattr(outside, "getaddrinfo", answers)
    a_channel(robots, group, address="https://robots.example.com/hook")

    push = sent(group)

    assert (asked, push.state, push.reason) == (["robots.example.com"], "by_hand", "inner_address")


def test_the_line_leads_to_the_address_that_was_checked(robots, group, monkeypatch, settings):
    """Host and name are those of the address that was typed in."""
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]]
    monkeypatch.setattr(outside, "getaddrinfo", lambda host, port, **how: answers.pop())
    port = robots.host.partition(":")[2]
    settings.DELIVERY_HOSTS = ["chat.example.internal"]
    a_channel(robots, group, address=f"http://chat.example.internal:{port}/hook")
    robots.says((200, {"errcode": 0}))

    assert sent(group).state == "sent"

    assert [asked.headers["host"] for asked in robots.asked] == [f"chat.example.internal:{port}"]


@pytest.mark.parametrize(
    ("kind", "address", "code"),
    [
        ("wecom", "http://qyapi.weixin.qq.com/x", "not_https"), ("wecom", "https://example.com/x", "other_host"),
        ("webhook", "https://127.0.0.1/x", "inner_address"), ("webhook", "https://[::ffff:10.0.0.1]/x", "inner_address"),
        ("webhook", "https://me:pw@example.com/", "no_address"), ("webhook", "https://db/", "inner_address"),
        ("webhook", "https://2130706433.local/", "inner_address"), ("webhook", "javascript:alert(1)", "no_address"),
        ("mail", "nobody", "no_address"), ("telegram", "https://t.me/x", "no_address"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_refused_when_it_is_typed_in(settings, kind, address, code):
    with pytest.raises(Refused) as refusal:
        senders.check(kind, address, webhook.new_secret() if kind == "webhook" else "")

    assert refusal.value.code == code


# Never twice


def test_one_that_is_being_sent_when_its_worker_dies_asks_somebody(robots, group, heard, time_machine):
    a_channel(robots, group)
    push = delivery.push(group, cause="news:1", title="Evening news", text="Good evening!")

    assert sending._claimed(str(push.tenant_id), push.pk)  # and here the worker dies
    assert kept(push).state == "sending"
    time_machine.move_to(now() + 2 * sending.PATIENCE)
    push = kept(push)

    assert (push.state, push.reason, robots.asked, heard) == ("unsure", "worker_died", [], ["unsure"])
    assert list(Push.objects.asking()) == [push]


def test_somebody_looks_and_says_what_became_of_it(robots, group, heard, operator_seat):
    a_channel(robots, group)
    robots.says(CUT, (200, {"errcode": 0}))
    first, second = sent(group), sent(group, cause="news:2")
    assert (first.state, second.state) == ("unsure", "sent")

    delivery.again(first, by=operator_seat)
    first = kept(first)
    with pytest.raises(Refused) as refusal:
        delivery.was_sent(first, by=operator_seat)

    assert (first.state, len(robots.asked), refusal.value.code) == ("sent", 3, "not_asked")
    assert heard == ["unsure", "sent", "waiting", "sent"]


@pytest.fixture
def operator_seat(tenant):
    return SeatFactory(tenant=tenant, role="operator")


def test_a_long_text_goes_in_numbered_parts_and_goes_on_after_a_failure_where_it_stopped(robots, group):
    a_channel(robots, group)
    text = "\n\n".join(f"{n}：" + "春" * 400 + "。" for n in range(4))
    robots.says((200, {"errcode": 0}), (200, {"errcode": -1}), (200, {"errcode": 0}))

    push = sent(group, text)
    assert (push.state, push.parts) == ("waiting", 1)
    push = due(push)

    said = [asked.json["text"]["content"] for asked in robots.asked]
    assert push.state == "sent"
    assert [each[:5] for each in said] == ["(1/4)", "(2/4)", "(2/4)", "(3/4)", "(4/4)"]
    assert all(len(each.encode()) <= 2048 for each in said)


def test_what_is_out_already_is_not_in_the_task_for_the_rest(robots, group):
    a_channel(robots, group)
    text = "\n\n".join("春夏秋冬"[n] * 600 for n in range(3))
    robots.says((200, {"errcode": 0}), (200, {"errcode": 40058}))

    push = sent(group, text)

    assert (push.state, push.parts) == ("by_hand", 1)
    assert "春" not in push.task.text
    assert "夏" * 600 in push.task.text
    assert "秋" * 600 in push.task.text


@pytest.mark.django_db(transaction=True)
def test_however_many_workers_take_it_one_message_goes_out(robots):
    tenant = TenantFactory()
    robots.says((200, {"errcode": 0}))
    with acting_for(tenant.pk):
        group = GroupFactory(assistant=SeatFactory(tenant=tenant, role="owner"))
        a_channel(robots, group, a_minute=3)
        pushes = [delivery.push(group, cause=f"news:{n}", title="News", text="Good evening!") for n in range(5)]
    gate = threading.Barrier(4)

    def work():
        gate.wait(20)
        for push in pushes:
            jobs.keep_push(str(tenant.pk), str(push.pk))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with acting_for(tenant.pk):
        states = sorted(Push.objects.values_list("state", "reason"))
    assert (len(robots.asked), states) == (3, [("sent", "")] * 3 + [("waiting", "pace")] * 2)


# When it may go


def test_the_cap_of_a_day_and_quiet_hours_put_off_or_give_to_somebody(robots, group, tenant, time_machine):
    zone = ZoneInfo("Asia/Shanghai")
    time_machine.move_to(datetime.datetime(2026, 12, 1, 21, 0, tzinfo=zone), tick=False)
    robots.says((200, {"errcode": 0}))
    channel = a_channel(robots, group, a_day=1, quiet_from=datetime.time(22), quiet_until=datetime.time(8, 30))

    first, second = sent(group), sent(group, cause="news:2")
    time_machine.move_to(datetime.datetime(2026, 12, 2, 0, 0, tzinfo=zone), tick=False)
    third = kept(second)
    time_machine.move_to(third.due_at, tick=False)
    fourth = kept(second)
    Channel.objects.filter(pk=channel.pk).update(otherwise="by_hand")
    fifth = sent(group, cause="news:3")

    assert first.state == "sent"
    assert (second.state, second.reason, second.due_at) == ("waiting", "a_day", datetime.datetime(2026, 12, 2, 0, 0, tzinfo=zone))
    assert (third.state, third.reason, third.due_at) == ("waiting", "quiet", datetime.datetime(2026, 12, 2, 8, 30, tzinfo=zone))
    assert (fourth.state, fifth.state, fifth.reason) == ("sent", "by_hand", "a_day")


ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")]


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2027, 12, 31), timezones=st.just(datetime.UTC)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
def test_quiet_hours_end_later_today_or_tomorrow_and_then_it_is_not_quiet(zone, moment, start, end):
    channel = SimpleNamespace(quiet_from=start, quiet_until=end)

    ends = sending.quiet_end(channel, moment, SimpleNamespace(zone=zone))

    at = moment.astimezone(zone).time()
    is_quiet = start <= at < end if start < end else (at >= start or at < end) and start != end
    assert (ends is not None) == is_quiet
    if ends:
        assert moment < ends <= moment + datetime.timedelta(hours=25, minutes=30)
        assert sending.quiet_end(channel, ends, SimpleNamespace(zone=zone)) is None


# Texts over the limit

CHARACTERS = ["春", "天", "。", "！", "\n", " ", "a", ".", "👩‍👩‍👧", "🏽", "👋🏽", "e\u0301", "🇨🇳", "🇩🇪", "각", "❤️", "\r\n", "，"]
SIZES = [pieces.characters, pieces.in_bytes, pieces.in_utf16]


@given(st.lists(st.sampled_from(CHARACTERS), max_size=300), st.integers(32, 120), st.sampled_from(SIZES))
def test_a_cut_text_loses_nothing_each_part_fits_and_no_character_is_broken(characters, most, size):
    text = "".join(characters)
    borders = {len(before) for before in itertools.accumulate(characters, initial="")}

    found = pieces.cut(text, most, size)

    assert "".join(found) == text
    assert all(size(each) <= most for each in found)
    assert {len(before) for before in itertools.accumulate(found)} <= borders


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.integers(32, 120), st.sampled_from(SIZES))
def test_any_text_is_cut(text, most, size):
    found = pieces.cut(text, most, size)

    assert ("".join(found), all(size(each) <= most for each in found)) == (text, True)


@given(st.text("春夏。\n a", min_size=1, max_size=900), st.sampled_from([pieces.characters, pieces.in_bytes]))
def test_parts_are_numbered_and_hold_every_word(text, size):
    try:
        found = pieces.parts(text, 200, size)
    except pieces.TooLong:
        assert size(text) > 200 * 5
        return

    assert all(size(each) <= 200 for each in found)
    bare = [each.partition("\n")[2] for each in found] if len(found) > 1 else found
    assert "".join("".join(bare).split()) == "".join(text.split())


def test_a_part_ends_with_a_sentence_where_one_ends_in_its_latter_half():
    text = "今晚八点分享开始。" + "请" * 10 + "！" + "欢迎" * 30

    assert pieces.cut(text, 30, pieces.characters)[0] == "今晚八点分享开始。" + "请" * 10 + "！"


# Secrets


def test_no_secret_stands_in_facts_or_logs(robots, group, caplog, capfd):
    caplog.set_level("INFO")
    channel = a_channel(robots, group, "feishu")
    robots.says((200, {"code": 19001}))

    sent(group)

    told = (
        caplog.text
        + "".join(capfd.readouterr())
        + json.dumps(list(Event.objects.values("kind", "because", "before", "after")), default=str)
    )
    assert channel.address not in told
    assert "abcdef-of-the-robot" not in told
    assert SECRET not in told
    assert Task.objects.count() == 1
