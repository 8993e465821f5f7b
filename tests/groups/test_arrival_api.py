"""Arrivals and their evenings for programs: what is set, how an evening is filled, put off and asked after."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups import arrivals
from groups.models import Arrival
from tests.conftest import KeyClient
from tests.factories import GroupFactory, IntroductionFactory, MatrixFactory, MemberFactory, SeatFactory

from .test_slot_tasks import photo, sent

SEVEN = datetime.datetime(2026, 11, 24, 11, tzinfo=datetime.UTC)  # 19:00 in Shanghai
AS_IT_COMES = {"begins": "20:00", "ends": "22:00", "cap": 10, "minutes_between": 5, "callers": 3, "calls_a_week": 2, "rest_days": 30}


@pytest.fixture(autouse=True)
def at_seven(time_machine):
    time_machine.move_to(SEVEN, tick=False)
    return time_machine


@pytest.fixture
def waiting(house):
    """Three who wait for a group that has room."""
    with acting_for(house.pk):
        matrix = MatrixFactory()
        GroupFactory(matrix=matrix)
        return [arrivals.wait(MemberFactory(nickname=f"New {n}"), by=None, matrix=matrix) for n in range(3)]


def code(answer):
    return answer.status_code, answer.json().get("code")


def test_a_program_reads_and_sets_the_evenings_and_takes_that_back(api, house):
    assert api.get("evenings/").json() == AS_IT_COMES

    changed = api.patch("evenings/", {"begins": "19:30", "cap": 6, "callers": 3})

    assert changed.json() == api.get("evenings/").json() == AS_IT_COMES | {"begins": "19:30", "cap": 6}
    with acting_for(house.pk):
        (fact,) = Event.objects.filter(kind="evenings.set")
    assert (fact.door, fact.after) == ("api", {"begins": "19:30:00", "cap": 6})
    assert api.post(f"events/{fact.pk}/undo/").status_code == 200
    assert api.get("evenings/").json() == AS_IT_COMES


def test_of_two_programs_that_read_the_same_evenings_the_second_is_told(api):
    etag = api.get("evenings/")["ETag"]

    first, late = (api.patch("evenings/", {"cap": cap}, headers={"If-Match": etag}) for cap in (6, 7))

    assert (first.status_code, code(late)) == (200, (412, "stale"))
    assert first["ETag"] == late["ETag"] == api.get("evenings/")["ETag"]
    assert api.get("evenings/", headers={"If-None-Match": first["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"begins": "22:00"}, "ends_before_it_begins"), ({"cap": 61}, "out_of_range"), ({"callers": 2}, "out_of_range"),
        ({"begins": "8pm"}, "invalid"), ({"caps": 5}, "invalid"), ({"cap": "5"}, "invalid"), ({"cap": None}, "invalid"),
    ],
)  # fmt: skip
def test_evenings_that_cannot_be_are_refused(api, said, why):
    assert code(api.patch("evenings/", said)) == (400, why)
    assert api.get("evenings/").json() == AS_IT_COMES


def test_an_evening_is_filled_and_who_does_not_come_is_put_off(api, house, waiting, at_seven):
    api.patch("evenings/", {"cap": 2})

    filled = api.post("arrivals/filling/").json()

    assert [(each["id"], each["day"], each["at"]) for each in filled] == [
        (str(waiting[0].pk), "2026-11-24", "20:00"), (str(waiting[1].pk), "2026-11-24", "20:05"),
    ]  # fmt: skip
    assert code(api.post("arrivals/filling/")) == (409, "evening_full")
    assert code(api.post("arrivals/filling/", {"day": "2026-11-23"})) == (400, "evening_over")
    assert api.post(f"arrivals/{waiting[0].pk}/queue/").json()["state"] == "waiting"
    assert code(api.post("arrivals/putting-off/")) == (409, "nobody_left")
    at_seven.move_to(SEVEN + datetime.timedelta(hours=3), tick=False)
    assert api.post("arrivals/putting-off/").json() == {"day": "2026-11-25", "planned": 1, "queued": 0}
    assert len(api.post("arrivals/filling/", {"day": "2026-11-26", "matrix": str(waiting[0].matrix_id)}).json()) == 2
    assert code(api.post("arrivals/filling/", {"day": "2026-11-26"})) == (409, "nobody_waits")
    with acting_for(house.pk):
        assert sorted(Arrival.objects.values_list("day", flat=True)) == [datetime.date(2026, 11, day) for day in (25, 26, 26)]


def test_who_has_not_introduced_themselves_is_asked_once_more(api, house, waiting):
    assert code(api.post(f"arrivals/{waiting[0].pk}/chasing/")) == (409, "not_planned")
    api.post("arrivals/filling/")

    asked = api.post(f"arrivals/{waiting[0].pk}/chasing/")

    assert asked.json()["id"] == str(waiting[0].pk)
    (step,) = api.get("arrival-steps/", {"arrival": str(waiting[0].pk), "kind": "chase"}).json()["results"]
    assert "/hello/" in api.get(f"tasks/{step['task']}/").json()["text"]
    with acting_for(house.pk):
        IntroductionFactory(member=waiting[1].member, state="sent", answers={"nickname": "x"})
    assert code(api.post(f"arrivals/{waiting[1].pk}/chasing/")) == (409, "introduced_already")


def test_an_assistant_reads_neither_the_evenings_nor_fills_them(house, waiting):
    program = KeyClient(SeatFactory(tenant=house, role="assistant"))

    answers = [program.get("evenings/"), program.patch("evenings/", {"cap": 3}), program.post("arrivals/filling/")]

    assert [code(answer) for answer in answers] == [(403, "forbidden")] * 3
    assert program.post(f"arrivals/{waiting[0].pk}/queue/").status_code == 403


def test_a_program_adds_a_sticker_shows_it_and_offers_it_no_more(api, house):
    assistant = KeyClient(SeatFactory(tenant=house, role="assistant"))
    made, again = (sent(api, "stickers/", {"Idempotency-Key": "hello"}, name="Hello", picture=photo()) for _n in range(2))
    here = made["Location"].removeprefix("/api/v1/")
    refused = [sent(api, "stickers/", **form) for form in ({"name": "Hello"}, {"name": "Hello", "picture": SimpleUploadedFile("a", b"x")})]

    assert (again.json(), again["Idempotency-Replayed"]) == (made.json(), "true")
    assert (made.status_code, made.json()["name"], code(sent(assistant, "stickers/", name="No", picture=photo()))[0]) == (201, "Hello", 403)
    assert [code(answer) for answer in refused] == [(400, "invalid"), (400, "wrong_type")]
    assert [row["name"] for row in assistant.get("stickers/").json()["results"]] == ["Hello"]
    assert assistant.get(f"{here}picture/")["Content-Type"] == "image/png"
    assert [assistant.delete(here).status_code, api.delete(here).status_code, api.get(here).status_code] == [403, 204, 404]
    dropped = api.get("events/", {"kind": "sticker.dropped"}).json()["results"][0]["id"]
    assert api.post(f"events/{dropped}/undo/").status_code == 200
    assert api.get(here).json() == made.json()
