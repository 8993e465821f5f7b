"""Tasks of the rhythm on the phone and at the desk: shown by what they are, put off, and shown to be done by a photo."""

import datetime
import io
import re
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.timezone import now
from PIL import Image

from crm.tenancy import files
from crm.tenancy.models import File
from crm.tenancy.scope import acting_for
from groups.models import Group, Task, Tick
from tests.conftest import KeyClient
from tests.factories import GroupFactory, SeatFactory, TaskFactory

from .test_phone import fresh, tick, ticks


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def a_slot(client, **fields):
    fields = {"kind": Task.Kind.SLOT, "title": "Morning topic", "member": None, "text": "Good morning!", "minutes": 5} | fields
    with acting_for(client.tenant.pk):
        fields.setdefault("group", Group.objects.first() or GroupFactory(number=6, name="Six", chat_url="weixin://chat/six"))
        return TaskFactory(assistant=client.seat, **fields)


def photo(size=(64, 48), name="proof.png", kind="PNG"):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return SimpleUploadedFile(name, out.getvalue())


def prove(client, task, upload, **more):
    return client.post(f"phone/tasks/{task.pk}/proof/", {"photo": upload, **more}, headers={"Accept": "application/json"})


def sent(program, path, headers=None, **form):
    """A form with a file, as a program sends it."""
    return program.generic("POST", path, encode_multipart(BOUNDARY, form), MULTIPART_CONTENT, headers=headers)


# What is shown


def test_a_task_of_the_rhythm_is_called_by_its_title_and_leads_to_the_chat(assistant):
    task = a_slot(assistant)

    today, page = (assistant.get(path).content.decode() for path in ("phone/", f"phone/tasks/{task.pk}/"))

    for shown in (today, page):
        assert "Morning topic" in shown
        assert "Write to" not in shown
        assert "weixin://chat/six" in shown
    assert re.search(f' data-thing="1" [^>]*data-where="{task.group.short}"', today)


def test_a_picture_comes_with_the_text_and_only_to_whoever_has_the_task(assistant, viewer, house):
    with acting_for(house.pk):
        picture = files.keep(photo(name="topic.png"), "slot", by=assistant.seat, most=10**6)
        task = a_slot(assistant, picture=picture)

    page = assistant.get(f"phone/tasks/{task.pk}/").content.decode()
    shown = assistant.get(f"phone/tasks/{task.pk}/picture/")

    assert 'download="topic.png"' in page
    assert (shown["Content-Type"], b"".join(shown.streaming_content)[:4]) == ("image/png", b"\x89PNG")
    assert viewer.get(f"phone/tasks/{task.pk}/picture/").status_code == 403
    assert assistant.get(f"phone/tasks/{a_slot(assistant).pk}/picture/").status_code == 404


def test_the_desk_names_a_task_by_its_title(operator, assistant):
    a_slot(assistant, note="went well", state=Task.State.DONE, ended_at=now(), ended_by=assistant.seat)

    page = operator.get("tasks/?state=done").content.decode()

    assert "Morning topic" in page
    assert "went well" in page


# Later


@pytest.mark.parametrize("until", ["hour", "evening", "tomorrow"])
def test_what_is_put_off_is_due_and_late_later(assistant, until):
    task = a_slot(assistant)

    said = tick(assistant, task, "later", until=until).json()

    after = fresh(task)
    wall = after.due_at.astimezone(assistant.tenant.zone)
    assert after.state == said["state"] == "open"
    assert after.due_at > now()
    assert after.late_at - after.due_at == task.late_at - task.due_at
    assert until != "tomorrow" or (wall.hour, wall.date()) == (9, assistant.tenant.today() + datetime.timedelta(days=1))
    assert "put off until" in said["sentence"]


def test_the_same_tap_twice_puts_off_once_and_is_taken_back(assistant):
    task, key = a_slot(assistant), uuid4()

    first, second = (tick(assistant, task, "later", key, until="tomorrow") for _ in range(2))
    put_off = fresh(task).due_at
    tick(assistant, task, "undo")

    assert first.json()["state"] == second.json()["state"] == "open"
    assert ticks(task) == ["later", "undo"]
    assert put_off > task.due_at
    assert fresh(task).due_at == task.due_at
    assert tick(assistant, task, "undo").json()["code"] == "nothing_to_undo"


def test_what_was_put_off_stands_last_and_not_before_its_hour(assistant):
    put_off, other = a_slot(assistant), a_slot(assistant, rank=5)
    with acting_for(assistant.tenant.pk):  # still today, whenever this runs
        soon = min(now() + datetime.timedelta(minutes=50), now().replace(hour=23, minute=59))
        Task.objects.filter(pk=put_off.pk).update(due_at=soon, late_at=soon + datetime.timedelta(hours=1))

    day = assistant.get("phone/").context["day"]

    assert day.next.task.pk == other.pk
    assert [line.task.pk for line in day.later] in ([put_off.pk], [])


def test_without_a_word_until_when_nothing_is_put_off(assistant):
    task = a_slot(assistant)

    answers = [tick(assistant, task, "later"), tick(assistant, task, "later", until="never")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(400, "until_missing")] * 2
    assert fresh(task).due_at == task.due_at


def test_a_tick_that_arrives_a_day_late_says_when_it_was_done(assistant, operator):
    done, put_off = a_slot(assistant), a_slot(assistant)
    a_day = 24 * 3600

    tick(assistant, done, ago=a_day)
    tick(assistant, put_off, "later", until="hour", ago=a_day)

    assert abs(fresh(done).ended_at - (now() - datetime.timedelta(days=1))) < datetime.timedelta(minutes=1)
    assert fresh(put_off).due_at == put_off.due_at  # that hour is over
    assert ticks(put_off) == ["later"]


def test_putting_off_what_somebody_did_meanwhile_says_so(assistant, operator):
    task = a_slot(assistant)
    tick(operator, task)

    said = tick(assistant, task, "later", until="hour")

    assert (said.status_code, said.json()["code"]) == (409, "already_ended")
    assert "Chen did this already" in said.json()["sentence"]


def test_two_phones_that_tick_one_task_make_it_done_once(assistant):
    task = a_slot(assistant)

    answers = [tick(assistant, task) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert ticks(task) == ["done"]


# A photo


def test_a_task_that_wants_a_photo_is_not_done_without_one(assistant, operator):
    task = a_slot(assistant, wants_proof=True)

    refused = tick(assistant, task)
    kept = prove(assistant, task, photo())
    done = tick(assistant, task)

    assert (refused.status_code, refused.json()["code"]) == (409, "proof_missing")
    assert (kept.status_code, kept.json()["sentence"]) == (200, "The photo is kept.")
    assert done.json()["state"] == "done"
    shown = operator.get(f"tasks/{task.pk}/proof/")
    assert shown["Content-Type"] == "image/jpeg"
    assert f"tasks/{task.pk}/proof/" in operator.get("tasks/?state=done").content.decode()


def test_a_program_reads_the_picture_adds_the_photo_and_ticks(assistant, house, viewer):
    program, another = KeyClient(assistant.seat), KeyClient(SeatFactory(tenant=house, role="assistant"))
    with acting_for(house.pk):
        picture = files.keep(photo(name="topic.png"), "slot", by=assistant.seat, most=10**6)
    here = f"tasks/{a_slot(assistant, wants_proof=True, picture=picture).pk}/"

    def send(client, content):
        return sent(client, f"{here}proof/", photo=SimpleUploadedFile("a.jpg", content))

    assert program.get(f"{here}proof/").status_code == 404
    assert program.post(f"{here}ticks/", {"key": str(uuid4()), "act": "done"}).json()["code"] == "proof_missing"
    refused = send(program, b"MZ this is no photo"), send(program, b"\xff\xd8\xff and then nothing"), send(program, b"")
    assert [answer.json()["code"] for answer in refused] == ["wrong_type", "no_picture", "invalid"]
    assert [send(client, photo().read()).status_code for client in (another, KeyClient(viewer.seat), program)] == [404, 403, 200]
    shown, bare = program.get(f"{here}proof/"), program.get(f"{here}proof/", headers={"Accept": "application/octet-stream"})
    assert ([shown["Content-Type"], bare["Content-Type"]], shown.getvalue()) == (["image/jpeg", files.DOWNLOADED], bare.getvalue())
    assert program.get(f"{here}proof/", headers={"If-None-Match": shown["ETag"], "Accept": "image/jpeg"}).status_code == 304
    assert program.get(f"{here}proof/", headers={"Accept": "text/html"}).status_code == 406
    assert program.get(f"{here}picture/")["Content-Type"] == "image/png"
    assert [another.get(f"{here}{word}/").status_code for word in ("proof", "picture")] == [404, 404]
    done = program.post(f"{here}ticks/", {"key": str(uuid4()), "act": "done"}).json()
    assert (done["state"], done["proof"] is None, done["picture"]) == ("done", False, str(picture.pk))


def test_without_script_the_photo_and_the_tick_are_one_form(assistant):
    task = a_slot(assistant, wants_proof=True)

    answer = assistant.post(f"phone/tasks/{task.pk}/proof/", {"photo": photo(), "task": task.pk, "act": "done", "key": uuid4()})

    assert (answer.status_code, fresh(task).state) == (302, "done")


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (lambda: SimpleUploadedFile("large.jpg", b"\xff\xd8\xff" + bytes(30 * 10**6)), "too_large"),
        (lambda: SimpleUploadedFile("photo.jpg", b"MZ this is no photo"), "wrong_type"),
        (lambda: SimpleUploadedFile("photo.jpg", b"\xff\xd8\xff and then nothing"), "no_picture"),
        (lambda: SimpleUploadedFile("photo.jpg", b""), "empty"),
        (lambda: "", "no_file"),
    ],
)
def test_what_is_no_photo_or_too_large_gets_a_sentence(assistant, upload, code):
    task = a_slot(assistant, wants_proof=True)

    answer = prove(assistant, task, upload())

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["sentence"]
    assert fresh(task).proof_id is None


def test_another_photo_takes_the_place_of_the_first(assistant):
    task = a_slot(assistant)
    prove(assistant, task, photo())
    first = fresh(task).proof_id

    prove(assistant, task, photo(size=(3000, 2000), kind="JPEG"))

    with acting_for(task.tenant_id):
        kept = File.objects.get(kind="proof")
        assert kept.pk == fresh(task).proof_id != first
        with Image.open(files.path_of(kept)) as picture:
            assert max(picture.size) == 1600


def test_nobody_adds_a_photo_to_a_task_of_others(assistant, operator):
    task = a_slot(operator)

    assert prove(assistant, task, photo()).status_code == 404
    assert assistant.get(f"phone/tasks/{task.pk}/proof/").status_code == 404


# Setting up


def test_a_link_to_the_chat_is_set_by_a_program_and_one_that_is_none_is_refused(api, house):
    with acting_for(house.pk):
        group = GroupFactory()

    bad = [api.patch(f"/groups/{group.pk}/", {"chat_url": link}) for link in ("javascript:alert(1)", "weixin://", "nowhere")]
    good = api.patch(f"/groups/{group.pk}/", {"chat_url": "weixin://dl/chat?six"})

    assert [(answer.status_code, answer.json()["code"]) for answer in bad] == [(400, "no_chat_link")] * 3
    assert good.json()["chat_url"] == "weixin://dl/chat?six"


def test_a_program_puts_off_and_takes_back(api, house):
    with acting_for(house.pk):
        task = TaskFactory()

    later = api.post(f"/tasks/{task.pk}/ticks/", {"key": str(uuid4()), "act": "later", "until": "tomorrow"})
    back = api.post(f"/tasks/{task.pk}/ticks/", {"key": str(uuid4()), "act": "undo"})

    assert later.status_code == back.status_code == 200
    assert later.json()["due_at"] > back.json()["due_at"]
    with acting_for(house.pk):
        assert Tick.objects.filter(task=task).count() == 2
