"""Rhythms for programs, and what the trail takes back of them."""

import datetime
import io

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from crm.tenancy import trail
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups import laying, occurrences, rhythms
from groups.models import Occurrence, Rhythm, Slot
from tests.conftest import KeyClient
from tests.factories import GroupFactory, MemberFactory, SeatFactory, TaskFactory

from .test_slot_tasks import photo, sent


@pytest.fixture
def group(house):
    with acting_for(house.pk):
        group = GroupFactory()
        rhythms.ready(house)
        occurrences.lay_out(house)
    return group


def test_a_program_copies_a_rhythm_changes_its_slots_and_lets_a_group_follow_it(api, house, group):
    light = next(rhythm for rhythm in api.get("rhythms/").json()["results"] if rhythm["mode"] == "light")

    mine = api.post("rhythms/", {"rhythm": light["id"], "name": "Mine"})
    assert (mine.status_code, mine.json()["is_usual"]) == (201, False)
    assert api.post("rhythms/", {"rhythm": light["id"], "name": "Mine"}).json()["code"] == "a_rhythm_name_once"
    here = mine["Location"].removeprefix("/api/v1/")
    assert api.post(f"{here}followers/", {"groups": [str(group.pk)]}).json()["id"] == here.strip("/").rpartition("/")[2]
    slots = api.get("slots/", {"rhythm": mine.json()["id"]}).json()["results"]
    changed = api.patch(f"slots/{slots[0]['id']}/", {"at": "07:15", "text": "Hello {group}"})
    assert (changed.status_code, changed.json()["at"]) == (200, "07:15")
    wrong = api.patch(f"slots/{slots[0]['id']}/", {"text": "Hello {grop}"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "no_such_variable")
    assert api.delete(f"slots/{slots[1]['id']}/").status_code == 204
    added = api.post("slots/", {"group": str(group.pk), "weekday": 2, "at": "12:00", "title": "Lunch"})
    assert added.status_code == 201

    ahead = api.get("occurrences/", {"group": str(group.pk), "state": "waiting"}).json()["results"]
    assert {(row["slot"], row["at"]) for row in ahead} == {(slots[0]["id"], "07:15"), (added.json()["id"], "12:00")}
    assert api.get(f"groups/{group.pk}/").json()["rhythm"] == mine.json()["id"]
    assert api.delete(here).status_code == 204
    assert api.get(f"groups/{group.pk}/").json()["rhythm"] is None
    assert api.delete(f"rhythms/{light['id']}/").json()["code"] == "usual_rhythm"


def test_a_program_moves_one_leaves_one_out_and_pauses(api, house, group):
    row = api.get("occurrences/", {"state": "waiting", "ordering": "-due_at"}).json()["results"][0]
    day = datetime.date.fromisoformat(row["day"]) + datetime.timedelta(days=1)

    moved = api.post(f"occurrences/{row['id']}/moving/", {"day": str(day), "at": "19:30"}).json()
    assert (moved["done_on"], moved["at"], moved["is_moved"], moved["day"]) == (str(day), "19:30", True, row["day"])
    assert api.post(f"occurrences/{row['id']}/dropping/").json()["state"] == "dropped"
    assert api.post(f"occurrences/{row['id']}/return/").json()["state"] == "waiting"
    pause = api.post("pauses/", {"name": "A rest", "since": str(day), "until": str(day)})
    assert (pause.status_code, api.get(f"occurrences/{row['id']}/").json()["state"]) == (201, "paused")
    assert api.post("pauses/", {"name": "No", "since": "2027-01-02", "until": "2027-01-01"}).status_code == 400
    assert api.delete(f"pauses/{pause.json()['id']}/").status_code == 204
    assert api.get(f"occurrences/{row['id']}/").json()["state"] == "waiting"
    viewer = KeyClient(SeatFactory(tenant=house, role="viewer"))
    assert viewer.post(f"occurrences/{row['id']}/dropping/").status_code == 403


@time_machine.travel(datetime.datetime(2026, 11, 30, 2, tzinfo=datetime.UTC), tick=False)
def test_a_program_sends_the_picture_of_a_slot_reads_it_and_takes_it_away(api, house, group):
    here = f"slots/{api.get('slots/').json()['results'][0]['id']}/"
    assert api.get(f"{here}picture/").status_code == 404
    assert sent(api, f"{here}picture/", picture=SimpleUploadedFile("a.png", b"nothing")).json()["code"] == "no_picture"
    made = sent(api, f"{here}picture/", picture=photo(size=(3000, 2000)))
    assert (made.status_code, made["ETag"]) == (200, api.get(here)["ETag"])
    with Image.open(io.BytesIO(api.get(f"{here}picture/").getvalue())) as picture:
        assert (picture.format, picture.size) == ("PNG", (1600, 1067))
    with acting_for(house.pk):
        assert str(Slot.objects.get(pk=made.json()["id"]).picture_id) == made.json()["picture"]
    assert api.patch(here, {"picture": None}).json()["picture"] is None
    assert api.get(f"{here}picture/").status_code == 404


def test_whom_it_would_take_over_the_week_is_said_before_it_is_done(house):
    api = KeyClient(SeatFactory(tenant=house, role="owner"), HTTP_ACCEPT_LANGUAGE="en")
    with acting_for(house.pk):
        seat = SeatFactory(tenant=house, role="assistant", minutes_a_week=35)
        group, speaker = GroupFactory(assistant=seat), MemberFactory()
        TaskFactory(assistant=seat, group=group, minutes=20)  # beside thirteen of the rhythm
        rhythms.ready(house)
        occurrences.lay_out(house)
        row = Occurrence.objects.get(group=group, day="2026-12-08")
    new = {"group": str(group.pk), "weekday": 6, "at": "23:59", "title": "More", "minutes": 100}
    talk = {"group": str(group.pk), "speaker": str(speaker.pk), "day": "2026-12-05", "at": "12:00", "minutes": 10, "packet_minutes": 1}
    acts = {
        133: lambda **how: api.post("slots/", new | how),
        63: lambda **how: api.patch(f"slots/{row.slot_id}/", {"minutes": 35} | how),
        38: lambda **how: api.post(f"occurrences/{row.pk}/moving/", {"day": "2026-12-05", "at": "12:00"} | how),
        44: lambda **how: api.post("tasks/talks/", talk | how),
    }

    def there():
        return [api.get(path).json()["results"] for path in ("slots/", "occurrences/", "tasks/", "events/")]

    before = there()
    for minutes, act in acts.items():
        said = act().json()
        assert (said["code"], said["over"]) == ("over_budget", [{"seat": str(seat.pk), "minutes": minutes, "budget": 35}])
        assert f"{minutes} of 35 minutes" in said["detail"]
    assert there() == before
    assert api.patch(f"slots/{row.slot_id}/", {"title": "In other words"}).status_code == 200
    done = [act(anyway=True) for act in acts.values()]
    assert [(answer.status_code, "anyway" in answer.json()) for answer in done] == [(201, False), (200, False), (200, False), (201, False)]


def test_the_trail_takes_back_what_was_done_to_the_rhythm(owner, house, group):
    def take_back(kind):
        fact = Event.objects.filter(kind=kind).newest_first().first()
        return owner.post(f"/trail/{fact.pk}/undo/")

    def ahead():
        return sorted(Occurrence.objects.filter(state="waiting").values_list("slot", "wall_time"))

    monday = datetime.datetime(2026, 11, 30, 2, tzinfo=datetime.UTC)
    with time_machine.travel(monday), acting_for(house.pk):
        laying.follow()
        slot, before, by = Slot.objects.filter(rhythm__mode="light").first(), ahead(), owner.seat
        row = Occurrence.objects.filter(slot=slot).order_by("-day").first()
        day = row.day + datetime.timedelta(days=1)
        acts = {
            "slot.moved": lambda: rhythms.change_slot(slot, {"weekday": 3, "at": "23:59"}, by=by),
            "slot.set": lambda: rhythms.change_slot(slot, {"minutes": 99}, by=by),
            "slot.dropped": lambda: rhythms.drop_slot(slot, by=by),
            "slot.added": lambda: rhythms.add_slot({"weekday": 4, "at": "23:59", "title": "More"}, by=by, group=group),
            "pause.added": lambda: rhythms.add_pause({"name": "A rest", "since": row.day, "until": row.day}, by=by),
            "occurrence.moved": lambda: occurrences.move(Occurrence.objects.filter(slot=slot).latest("day"), day, "12:00", by=by),
            "occurrence.dropped": lambda: occurrences.drop(Occurrence.objects.filter(slot=slot).latest("day"), by=by),
            "group.rhythm_set": lambda: rhythms.follow([group], rhythms.copy(slot.rhythm, "Mine", by=by), by=by),
            "rhythm.dropped": lambda: rhythms.drop(rhythms.Rhythm.objects.get(name="Mine"), by=by),
        }
        for kind, act in acts.items():
            act()
            answer = take_back(kind)
            assert answer.status_code in (200, 204, 302), (kind, answer.content.decode()[:500])
            assert len(ahead()) == len(before), kind
            assert {wall for _, wall in ahead()} == {wall for _, wall in before}, kind
        assert Slot.objects.get(pk=slot.pk).minutes == slot.minutes


def test_a_ready_rhythm_is_had_in_the_other_language_until_somebody_changes_it(api, owner, house, group):
    with acting_for(house.pk):
        light = Rhythm.objects.get(mode="light", is_usual=True)
        before = sorted(Slot.objects.filter(rhythm=light).values_list("title", "text", "weekday"))
    page = owner.get(f"rhythms/{light.pk}/").context["languages"]
    other = page[0]["code"]
    api.post(f"rhythms/{light.pk}/language/", {"language": other})
    with acting_for(house.pk):
        made = sorted(Slot.objects.filter(rhythm=light).values_list("title", "text", "weekday"))
        name = Rhythm.objects.get(pk=light.pk).name
        assert trail.take_back(Event.objects.get(kind="rhythm.remade"), by=owner.seat)
        again = (Rhythm.objects.get(pk=light.pk).name, sorted(Slot.objects.filter(rhythm=light).values_list("title", "text", "weekday")))
        rhythms.change_slot(Slot.objects.filter(rhythm=light).first(), {"title": "Ours"}, by=owner.seat)
    refused = api.post(f"rhythms/{light.pk}/language/", {"language": other})
    posted = owner.post(f"rhythms/{light.pk}/language/", {"language": other}, headers={"Accept": "application/json"})

    assert len(page) == 1
    assert {other} == {"en", "zh-hans"} - {house.language}
    assert (name != light.name, {each[0] for each in made} & {each[0] for each in before}) == (True, set())
    assert again == (light.name, before)
    assert (refused.status_code, refused.json()["code"], posted.status_code) == (409, "rhythm_changed", 409)
    assert owner.get(f"rhythms/{light.pk}/").context["languages"] == []
