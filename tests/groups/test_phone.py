"""The assistant's phone, by its doors: what it shows, and what a tick does."""

import datetime
import json
import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from groups import phone
from groups.models import Group, Matrix, Move, Task, Tick, Wave
from tests.factories import (
    CohortFactory,
    DraftFactory,
    GroupFactory,
    MemberFactory,
    MoveFactory,
    PlacementFactory,
    SeatFactory,
    TaskFactory,
    WaveFactory,
)

ROWS = re.compile(r'<article class="tk[^"]*" data-task="([0-9a-f-]{36})"')


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def a_task(client, **fields):
    """One to be done by this client's seat, with the move behind it."""
    with acting_for(client.tenant.pk):
        matrix = Matrix.objects.first() or GroupFactory(number=1, name="One").matrix
        group = fields.pop("group", None) or Group.objects.filter(matrix=matrix).first()
        to = Group.objects.filter(matrix=matrix, number=11).first() or GroupFactory(matrix=matrix, number=11, name="Eleven")
        task = TaskFactory(assistant=client.seat, group=group, **fields)
        cohort = CohortFactory(matrix=matrix, planned=True)
        wave = Wave.objects.first() or WaveFactory(reshuffle__matrix=matrix, reshuffle__cohort=cohort, assistant=client.seat)
        MoveFactory(wave=wave, member=task.member, from_group=group, to_group=to, task=task)
        return task


def tick(client, task, act="done", key=None, **more):
    said = {"task": str(task.pk), "act": act, "key": str(key or uuid4()), **more}
    return client.post("phone/ticks/", json.dumps(said), content_type="application/json", headers={"Accept": "application/json"})


def fresh(task):
    with acting_for(task.tenant_id):
        return Task.objects.get(pk=task.pk)


def ticks(task):
    with acting_for(task.tenant_id):
        return list(Tick.objects.filter(task=task).order_by("at").values_list("act", flat=True))


# What is shown


def test_an_assistant_sees_their_own_tasks_and_nobody_elses(assistant, operator):
    mine = a_task(assistant)
    TaskFactory(assistant=operator.seat, tenant=operator.tenant)

    page = assistant.get("phone/").content.decode()

    assert ROWS.findall(page) == [str(mine.pk)]


def test_the_next_task_is_the_first_of_its_chat_and_its_chat_stays_together(assistant):
    first = a_task(assistant, rank=1)
    with acting_for(assistant.tenant.pk):
        other = GroupFactory(matrix=first.group.matrix, number=2, name="Two")
    in_between = a_task(assistant, rank=2, group=other, due_at=first.due_at)
    then = a_task(assistant, rank=3, due_at=first.due_at)

    day = assistant.get("phone/").context["day"]

    assert day.next.task.pk == first.pk
    assert [[line.task.pk for line in pile.lines] for pile in day.piles] == [[then.pk], [in_between.pk]]


def test_what_is_left_is_said_in_tasks_and_minutes(assistant):
    for _ in range(3):
        a_task(assistant, minutes=4)
    tick(assistant, a_task(assistant))

    day = assistant.get("phone/").context["day"]

    assert (day.left, day.minutes, len(day.ended), day.total) == (3, 12, 1, 4)


def test_more_that_was_done_than_is_listed_is_counted_all_the_same(assistant, monkeypatch):
    monkeypatch.setattr(phone, "MOST_ENDED", 2)
    for _ in range(3):
        tick(assistant, a_task(assistant, minutes=4))

    page = assistant.get("phone/")

    day = page.context["day"]
    assert (day.done, day.minutes_done, len(day.ended), day.total) == (3, 12, 2, 3)


def test_a_late_task_is_said_to_be_late(assistant):
    a_task(assistant, due_at=now() - datetime.timedelta(days=1, minutes=1))
    a_task(assistant)

    page = assistant.get("phone/").content.decode()

    assert page.count('class="tk late') == 1
    assert "was due yesterday" in page


def test_tasks_of_tomorrow_wait_for_tomorrow(assistant):
    a_task(assistant, due_at=now() + datetime.timedelta(days=1, hours=1))

    assert assistant.get("phone/").context["day"].left == 0


def test_an_empty_list_says_when_the_next_ones_come(assistant):
    with acting_for(assistant.tenant.pk):
        wave = WaveFactory(assistant=assistant.seat, due_at=now() + datetime.timedelta(days=1))
        MoveFactory.create_batch(2, wave=wave)

    page = assistant.get("phone/").content.decode()

    assert "Nothing to do yet" in page
    assert "The next 2 come by themselves" in page


def test_a_finished_day_says_what_it_took(assistant):
    for _ in range(2):
        tick(assistant, a_task(assistant, minutes=3))

    page = assistant.get("phone/").content.decode()

    assert "All done for today" in page
    assert "2 tasks, about 6 min of work." in page


@pytest.mark.parametrize("path", ["phone/", "phone/me/", "task"])
def test_a_page_asks_as_much_for_thirty_tasks_as_for_one(assistant, path):
    tick(assistant, a_task(assistant))
    task = a_task(assistant)
    path = f"phone/tasks/{task.pk}/" if path == "task" else path
    assistant.get(path)
    with CaptureQueriesContext(connection) as one:
        assistant.get(path)
    for _ in range(30):
        a_task(assistant)
        tick(assistant, a_task(assistant))

    with CaptureQueriesContext(connection) as thirty:
        assistant.get(path)

    assert len(thirty) == len(one)
    assert len(thirty) <= 15


def test_a_phone_holds_no_more_than_it_can_carry(assistant, monkeypatch):
    monkeypatch.setattr(phone, "MOST", 3)
    for _ in range(5):
        a_task(assistant)

    response = assistant.get("phone/")

    assert len(ROWS.findall(response.content.decode())) == 3
    assert (response.context["day"].left, response.context["day"].waiting) == (5, 2)


def test_the_page_of_a_task_says_who_why_and_what_to_send(assistant):
    task = a_task(assistant)

    response = assistant.get(f"phone/tasks/{task.pk}/")
    page = response.content.decode()

    assert task.text in page
    assert "Moves from G1 to G11" in page
    assert "Sat together" not in page
    assert [code for code in Task.Reason.values if f'value="{code}"' not in page] == []


def test_a_task_of_a_plan_says_whom_they_meet(assistant):
    """In the new group sit two whom the member knows from the present half-year and one they never met."""
    task = a_task(assistant)
    with acting_for(assistant.tenant.pk):
        move = Move.objects.select_related("reshuffle").get(task=task)
        cohort = CohortFactory(matrix=task.group.matrix)
        known = MemberFactory.create_batch(2)
        strangers = MemberFactory.create_batch(1)
        stays = MemberFactory()
        for member in [task.member, *known, stays]:
            PlacementFactory(member=member, group=task.group, cohort=cohort)
        PlacementFactory(member=strangers[0], group=move.to_group, cohort=cohort)
        members = [task.member, *known, *strangers, stays]
        plan = {
            "groups": [str(task.group_id), str(move.to_group_id)],
            "members": [str(member.pk) for member in members],
            "to": [1, 1, 1, 1, 0],
        }
        move.reshuffle.chosen = DraftFactory(reshuffle=move.reshuffle, plan=plan)
        move.reshuffle.save()

    response = assistant.get(f"phone/tasks/{task.pk}/")

    assert response.context["faces"] == {"known": 2, "new": 1}
    assert "Sat together with 2 there already; meets 1 new people." in response.content.decode()


def test_after_the_last_of_a_chat_comes_the_next_chat_and_at_the_end_the_beginning(assistant):
    first = a_task(assistant, rank=1)
    with acting_for(assistant.tenant.pk):
        other = GroupFactory(matrix=first.group.matrix, number=2, name="Two")
    elsewhere = a_task(assistant, rank=2, group=other, due_at=first.due_at)
    then = a_task(assistant, rank=3, due_at=first.due_at)

    places = [assistant.get(f"phone/tasks/{task.pk}/").context["place"] for task in (first, then, elsewhere)]

    assert [(place.number, place.total, place.next) for place in places] == [(1, 3, then.pk), (2, 3, elsewhere.pk), (3, 3, first.pk)]


def test_me_counts_the_last_days(assistant):
    tick(assistant, a_task(assistant, minutes=5))
    with acting_for(assistant.tenant.pk):
        before = now() - datetime.timedelta(days=1)
        TaskFactory(assistant=assistant.seat, state="done", ended_at=before, ended_by=assistant.seat, minutes=2)
        TaskFactory(assistant=assistant.seat, state="done", ended_at=now() - datetime.timedelta(days=30), ended_by=assistant.seat)

    days = assistant.get("phone/me/").context["days"]

    assert [(day["done"], day["work"]) for day in days] == [(1, 5), (1, 2)] + [(0, 0)] * 5


# Ticks


def test_a_tick_ends_a_task_and_tells_the_move(assistant):
    task = a_task(assistant)

    answer = tick(assistant, task)

    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert (fresh(task).state, fresh(task).ended_by) == ("done", assistant.seat)
    with acting_for(task.tenant_id):
        assert Move.objects.get(task=task).state == Move.State.ASKED
        assert Event.objects.get(kind="task.done").door == Event.Door.PHONE


def test_the_same_key_twice_is_one_act(assistant):
    task, key = a_task(assistant), uuid4()

    answers = [tick(assistant, task, key=key).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert ticks(task) == ["done"]


def test_a_key_sent_again_after_an_undo_does_not_end_the_task_again(assistant):
    task, key = a_task(assistant), uuid4()
    tick(assistant, task, key=key)
    tick(assistant, task, act="undo")

    answer = tick(assistant, task, key=key)

    assert answer.json()["state"] == "open"
    assert ticks(task) == ["done", "undo"]


def test_who_was_first_is_named(assistant, owner):
    task = a_task(assistant)
    tick(owner, task)

    answer = tick(assistant, task, act="impossible", reason="declined")

    assert answer.status_code == 409
    assert {name: answer.json()[name] for name in ("code", "by", "state")} == {"code": "already_ended", "by": "Lily", "state": "done"}
    assert "Lily" in answer.json()["sentence"]
    assert (fresh(task).state, ticks(task)) == ("done", ["done"])


def test_a_tick_is_taken_back(assistant):
    task = a_task(assistant)
    tick(assistant, task)

    answer = tick(assistant, task, act="undo")

    assert (answer.status_code, fresh(task).state) == (200, "open")
    with acting_for(task.tenant_id):
        assert Move.objects.get(task=task).state == Move.State.WAITING


@pytest.mark.parametrize(("reason", "state"), [("declined", "refused"), ("no_answer", "unreachable"), ("not_found", "unreachable")])
def test_what_cannot_be_done_says_why(assistant, reason, state):
    task = a_task(assistant)

    tick(assistant, task, act="impossible", reason=reason, note="Wants to stay with a friend")

    assert (fresh(task).state, fresh(task).reason, fresh(task).note) == ("impossible", reason, "Wants to stay with a friend")
    with acting_for(task.tenant_id):
        assert Move.objects.get(task=task).state == state


def test_without_a_reason_it_is_not_impossible(assistant):
    task = a_task(assistant)

    answer = tick(assistant, task, act="impossible")

    assert (answer.status_code, answer.json()["code"], fresh(task).state) == (400, "reason_missing", "open")


@pytest.mark.parametrize("wrong", [{"task": "7"}, {"key": "x"}, {"act": "burn"}, {"task": None}, {"key": ["a"]}])
def test_an_unreadable_tick_is_refused_in_a_sentence(assistant, wrong):
    task = a_task(assistant)
    said = {"task": str(task.pk), "act": "done", "key": str(uuid4())} | wrong

    answer = assistant.post("phone/ticks/", json.dumps(said), content_type="application/json", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"], fresh(task).state) == (400, "unreadable", "open")


@pytest.mark.parametrize("body", ["", "[]", "7", "{"])
def test_a_body_that_is_no_tick_is_refused(assistant, body):
    answer = assistant.post("phone/ticks/", body, content_type="application/json", headers={"Accept": "application/json"})

    assert answer.status_code == 400


def test_somebody_elses_task_cannot_be_ticked_or_read(assistant, operator):
    task = a_task(operator)

    assert (tick(assistant, task).status_code, fresh(task).state) == (404, "open")
    assert assistant.get(f"phone/tasks/{task.pk}/").status_code == 404


def test_another_tenants_task_is_not_there(owner, two):
    task = TaskFactory(tenant=two[1])

    assert tick(owner, task).status_code == 404
    assert owner.get(f"phone/tasks/{task.pk}/").status_code == 404


def test_a_viewer_has_no_phone(viewer):
    task = TaskFactory(tenant=viewer.tenant)

    paths = ["phone/", "phone/me/", f"phone/tasks/{task.pk}/", "phone/manifest.webmanifest", "phone/worker.js"]

    assert [viewer.get(path).status_code for path in paths] == [403] * 5
    assert tick(viewer, task).status_code == 403


def test_a_get_ticks_nothing(assistant):
    assert assistant.get("phone/ticks/").status_code == 405


def test_a_tick_without_its_token_is_refused(assistant):
    task = a_task(assistant)
    assistant.handler.enforce_csrf_checks = True

    assert tick(assistant, task).status_code == 403
    assert fresh(task).state == "open"


# Without script


def field(page, name, act):
    """A hidden field of the first form for this act."""
    form = next(form for form in re.findall(r"<form.*?</form>", page, re.S) if f'name="act" value="{act}"' in form)
    return re.search(rf'name="{name}" value="([^"]*)"', form)[1]


def test_a_form_leads_on_to_the_next_task_and_counts_once_however_often_it_is_sent(assistant):
    task, then = a_task(assistant, rank=1), a_task(assistant, rank=2)
    page = assistant.get(f"phone/tasks/{task.pk}/").content.decode()
    form = {name: field(page, name, "done") for name in ("task", "key", "then")} | {"act": "done"}

    answers = [assistant.post("phone/ticks/", form) for _ in range(2)]

    assert [answer.headers["Location"] for answer in answers] == [f"/qinghe/phone/tasks/{then.pk}/"] * 2
    assert ticks(task) == ["done"]


def test_after_a_form_the_page_offers_to_take_it_back(assistant):
    task = a_task(assistant)
    assistant.post("phone/ticks/", {"task": task.pk, "act": "done", "key": uuid4()})
    page = assistant.get("phone/").content.decode()

    answer = assistant.post("phone/ticks/", {"task": field(page, "task", "undo"), "key": field(page, "key", "undo"), "act": "undo"})

    assert (answer.headers["Location"], fresh(task).state) == (f"/qinghe/phone/tasks/{task.pk}/", "open")


# On the phone itself


def test_the_manifest_and_the_worker_stay_within_the_phone_and_name_its_seat(assistant):
    manifest = assistant.get("phone/manifest.webmanifest")
    worker = assistant.get("phone/worker.js")

    assert manifest.json()["scope"] == manifest.json()["start_url"] == "/qinghe/phone/"
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert str(assistant.seat.pk) in worker.content.decode()
    assert '"/qinghe/phone/"' in worker.content.decode()


def test_the_worker_keeps_every_script_of_the_phone(assistant, settings):
    scripts = {f"/static/js/phone/{path.name}" for path in (settings.BASE_DIR / "static/js/phone").iterdir()}

    kept = json.loads(re.search(r"self.PHONE = ({.*});", assistant.get("phone/worker.js").content.decode())[1])["assets"]
    named = re.findall(r'<link rel="modulepreload" href="([^"]+)">', assistant.get("phone/").content.decode())

    assert scripts == {path for path in kept if path.startswith("/static/js/phone/")} == set(named)


@pytest.mark.parametrize(("browser", "lang"), [("zh-CN", "zh-Hans"), ("en-GB", "en")])
def test_the_manifest_speaks_as_the_page_does(assistant, browser, lang):
    answer = assistant.get("phone/manifest.webmanifest", headers={"Accept-Language": browser})

    assert answer.json()["lang"] == lang


def test_pages_carry_no_script_and_no_style_of_their_own(assistant):
    task = a_task(assistant)
    pages = [assistant.get(path).content.decode() for path in ("phone/", "phone/me/", f"phone/tasks/{task.pk}/")]

    assert [re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page) for page in pages] == [[], [], []]


def test_somebody_with_two_communities_goes_from_one_to_the_other(assistant):
    other = SeatFactory(tenant=Tenant.objects.create(slug="yuanfan", name="Yuanfan"), user=assistant.seat.user, role="owner")

    page = assistant.get("phone/me/").content.decode()

    assert f'href="/{other.tenant.slug}/phone/"' in page
