"""Channels and messages on their pages and over the API: added, tried, switched, dropped, and what somebody decides."""

import datetime
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy import changes
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups import channels, delivery, jobs
from groups.models import Channel, Push, Task
from tests.factories import ChannelFactory, GroupFactory, PushFactory

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
ADDRESS = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}"


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def group(operator, assistant):
    with acting_for(operator.tenant.pk):
        return GroupFactory(name="Seven", assistant=assistant.seat)


@pytest.fixture
def channel(operator, group):
    with acting_for(operator.tenant.pk):
        return ChannelFactory(group=group, address=ADDRESS, name="Robot of Seven")


def fresh(row):
    with acting_for(row.tenant_id):
        return type(row).objects.get(pk=row.pk)


def facts(tenant):
    with acting_for(tenant.pk):
        return list(Event.objects.order_by("id").values_list("kind", flat=True))


def a_push(channel, **fields):
    with acting_for(channel.tenant_id):
        return PushFactory(group=channel.group, channel=channel, **fields)


FORM = {"name": "Robot of Seven", "text": "on", "picture": "on", "card": "on", "a_minute": 20, "otherwise": "later"}


def test_a_channel_is_added_and_its_address_is_never_shown_again(operator, group):
    kinds = operator.get("settings/channels/new/").content.decode()
    wrong = operator.post("settings/channels/new/", {"kind": "wecom", "group": group.pk, "address": "http://10.0.0.1/x", "name": "Robot"})
    answer = operator.post("settings/channels/new/", {"kind": "wecom", "group": group.pk, "address": ADDRESS}, follow=True)

    with acting_for(operator.tenant.pk):
        made = Channel.objects.get()
    assert "Discord" in kinds
    assert (wrong.status_code, "begins with https://" in wrong.content.decode(), 'value="Robot"' in wrong.content.decode()) == (
        422,
        True,
        True,
    )
    assert (made.address, made.secret, made.hint, made.a_minute) == (ADDRESS, "", "qyapi.weixin.qq.com …5aaa", 20)
    for page in (answer, operator.get("settings/channels/"), operator.get(f"settings/channels/{made.pk}/")):
        assert KEY not in page.content.decode()
        assert "…5aaa" in page.content.decode()
    with acting_for(operator.tenant.pk), connection.cursor() as cursor:
        cursor.execute("SELECT address FROM groups_channel")
        assert KEY not in cursor.fetchone()[0]
    assert facts(operator.tenant) == ["channel.added"]


def test_a_test_says_in_a_sentence_what_came_back(operator, channel, settings):
    settings.DELIVERY_HOSTS = []
    with acting_for(operator.tenant.pk):
        Channel.objects.filter(pk=channel.pk).update(address="https://127.0.0.1/hook")
    answer = operator.post(f"settings/channels/{channel.pk}/test/", follow=True)
    assert "The test is on its way" in answer.content.decode()
    assert 'hx-trigger="every 2s"' in answer.content.decode()

    with acting_for(operator.tenant.pk):
        push = Push.objects.get()
    jobs.keep_push(str(push.tenant_id), str(push.pk))
    part = operator.get(f"settings/channels/{channel.pk}/", headers={"HX-Request": "true"}).content.decode()

    assert "The test did not get there: the address lies inside our own network." in part
    assert "<html" not in part
    assert "every 2s" not in part
    assert fresh(push).state == "failed"
    with acting_for(operator.tenant.pk):
        assert (Push.objects.asking().count(), Task.objects.count()) == (0, 0)


def test_what_is_switched_off_becomes_tasks_and_a_new_address_switches_a_dead_one_on(operator, channel):
    push = a_push(channel, reason="quiet", due_at=now() + datetime.timedelta(hours=8))
    said = operator.post(f"settings/channels/{channel.pk}/switch/", {"state": "off"}, follow=True).content.decode()
    jobs.keep_push(str(push.tenant_id), str(push.pk))

    assert "becomes somebody&#x27;s task" in said
    assert (fresh(push).state, fresh(channel).state) == ("by_hand", "off")

    with acting_for(operator.tenant.pk):
        Channel.objects.filter(pk=channel.pk).update(because="no_such_channel")
    assert "the platform does not know this channel any more" in operator.get(f"settings/channels/{channel.pk}/").content.decode()
    operator.post(f"settings/channels/{channel.pk}/address/", {"address": ADDRESS.replace("5aaa", "6bbb")})
    after = fresh(channel)
    assert (after.state, after.because, after.hint) == ("on", "", "qyapi.weixin.qq.com …6bbb")


def test_switches_and_limits_are_saved_and_what_cannot_be_is_said_beside_the_field(operator, channel):
    def save(**fields):
        seen = json.dumps(changes.seen_of(fresh(channel), channels.CHANGED))
        return operator.post(f"settings/channels/{channel.pk}/", FORM | {"seen": seen} | fields)

    saved = save(card="", a_day=30, quiet_from="22:00", quiet_until="08:00", otherwise="by_hand")
    half = save(quiet_from="22:00", quiet_until="")
    too_many = save(a_minute=21)

    after = fresh(channel)
    assert (saved.status_code, half.status_code, too_many.status_code) == (302, 422, 422)
    assert (after.card, after.a_day, after.a_minute, after.quiet_from, after.otherwise) == (False, 30, 20, datetime.time(22), "by_hand")
    assert "Quiet hours need a beginning and an end." in half.content.decode()
    assert "A number from 1 to 20." in too_many.content.decode()


def test_a_preview_shows_the_messages_that_a_text_becomes(operator, channel):
    def shown(text):
        return operator.post(f"settings/channels/{channel.pk}/preview/", {"text": text}).content.decode()

    assert "One message" in shown("Good evening!")
    assert "2 messages" in shown("春" * 500 + "。\n\n" + "秋" * 400)
    assert "Too long for this platform" in shown("春" * 8000)


@pytest.mark.parametrize(
    ("kind", "looks", "counts"),
    [
        ("wecom", "qx-bubbles bubble", "15 of 2,048 bytes"),
        ("slack", "qx-bubbles flat", "15 of 4,000 characters"),
        ("mail", "qx-bubbles letter", "15 of 100,000 characters"),
        ("webhook", "qx-bubbles data", "15 of 100,000 characters"),
    ],
)
def test_a_preview_looks_as_on_its_platform(operator, channel, kind, looks, counts):
    with acting_for(operator.tenant.pk):
        Channel.objects.filter(pk=channel.pk).update(kind=kind)

    shown = operator.post(f"settings/channels/{channel.pk}/preview/", {"text": "Hello @Lin, hi!"}).content.decode()

    assert looks in shown
    assert counts in shown
    assert '<span class="at">@Lin</span>' in shown
    assert "rings for nobody" in shown


def test_a_dropped_channel_is_brought_back_from_the_trail(operator, channel):
    operator.post(f"settings/channels/{channel.pk}/dropping/")
    assert fresh(channel).ended_on
    with acting_for(operator.tenant.pk):
        fact = Event.objects.get(kind="channel.dropped")

    operator.post(f"trail/{fact.pk}/undo/")

    assert fresh(channel).ended_on is None


@pytest.mark.parametrize(
    ("decision", "before", "after"),
    [("sent", "unsure", "sent"), ("again", "failed", "waiting"), ("by_hand", "unsure", "by_hand"), ("withdraw", "failed", "withdrawn")],
)
def test_somebody_decides_once_about_a_message(operator, channel, decision, before, after):
    push = a_push(channel, state=before, reason="line_cut", title="Evening news")
    page = operator.get("pushes/").content.decode()
    assert "Evening news" in page
    assert "the line was cut in the middle" in page

    operator.post(f"pushes/{push.pk}/settling/", {"decision": decision})
    second = operator.post(f"pushes/{push.pk}/settling/", {"decision": "sent"})

    assert fresh(push).state == after
    assert second.status_code == 409
    assert len([kind for kind in facts(operator.tenant) if kind.startswith("push.")]) == 1


def test_what_somebody_decided_is_taken_back_while_nothing_has_happened_since(operator, channel, assistant):
    push = a_push(channel, state="unsure", reason="line_cut")
    with acting_for(operator.tenant.pk):
        given = delivery.push(GroupFactory(assistant=assistant.seat), cause="news:9", title="News", text="At eight.")

    for row, decision in ((push, "sent"), (given, "withdraw")):
        page = operator.post(f"pushes/{row.pk}/settling/", {"decision": decision}, follow=True)
        way_back = list(page.context["messages"])[-1].extra_tags.removeprefix("undo=").removeprefix("/qinghe/")
        operator.post(way_back)
        assert operator.post(way_back).status_code == 409

    assert (fresh(push).state, fresh(push).reason, fresh(given).state) == ("unsure", "line_cut", "by_hand")
    with acting_for(operator.tenant.pk):
        assert [task.state for task in Task.objects.all()] == ["open"]


def test_a_list_asks_as_often_for_thirty_messages_as_for_one(operator, channel):
    def asked():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert operator.get("pushes/").status_code == 200
            assert operator.get("settings/channels/").status_code == 200
        return len(queries)

    a_push(channel, state="unsure")
    one = asked()
    for _n in range(29):
        a_push(channel, state="unsure")
        with acting_for(operator.tenant.pk):
            ChannelFactory(group=GroupFactory(matrix=channel.group.matrix))

    assert asked() == one


def test_who_only_looks_on_sees_no_button_and_an_assistant_nothing(viewer, assistant, operator, channel):
    push = a_push(channel, state="unsure")

    assert "Send a test" not in viewer.get(f"settings/channels/{channel.pk}/").content.decode()
    assert "It was sent" not in viewer.get("pushes/").content.decode()
    assert viewer.post(f"pushes/{push.pk}/settling/", {"decision": "sent"}).status_code == 403
    assert assistant.get("pushes/").status_code == 403


# The API


def test_a_program_adds_a_channel_and_never_reads_its_address(api, group):
    asked = {"group": str(group.pk), "kind": "wecom", "address": ADDRESS}
    made = api.post("/api/v1/channels/", asked)
    again = api.patch(f"/api/v1/channels/{made.json()['id']}/", {"quiet_from": "22:00", "quiet_until": "08:00", "card": False})
    wrong = api.post("/api/v1/channels/", asked | {"kind": "webhook", "address": "https://169.254.169.254/", "secret": "whsec_" + "A" * 40})
    tried = api.post(f"/api/v1/channels/{made.json()['id']}/test/")

    assert (made.status_code, again.status_code, tried.status_code) == (201, 200, 202)
    assert (again.json()["quiet_from"], again.json()["card"], again.json()["state"]) == ("22:00", False, "on")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "inner_address")
    for answer in (made, again, api.get("/api/v1/channels/"), api.get("/api/v1/events/")):
        assert KEY not in answer.content.decode()
    assert api.delete(f"/api/v1/channels/{made.json()['id']}/").status_code == 204
    assert api.get("/api/v1/channels/").json()["results"] == []


def test_a_program_sends_once_for_a_cause_and_settles(api, group):
    asked = {"group": str(group.pk), "cause": "talk-7", "title": "Tonight's talk", "text": "At eight."}
    first, second = (api.post("/api/v1/pushes/", asked).json() for _ in range(2))
    settled = api.post(f"/api/v1/pushes/{first['id']}/settling/", {"decision": "again"})
    withdrawn = api.post(f"/api/v1/pushes/{first['id']}/settling/", {"decision": "withdraw"})

    assert (first["id"], first["cause"], first["state"]) == (second["id"], "api:talk-7", "by_hand")
    assert (settled.status_code, settled.json()["code"]) == (409, "not_asked")
    assert withdrawn.json()["state"] == "withdrawn"
    with acting_for(group.tenant_id):
        assert [task.state for task in Task.objects.all()] == ["withdrawn"]
        assert delivery.Push.objects.get().cause == "api:talk-7"
