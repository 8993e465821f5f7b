"""Arrivals through their pages, the phone and the API."""

import datetime
import io
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from crm.tenancy.scope import acting_for
from groups import arrivals
from groups.models import Arrival, ArrivalStep, Calling, Evenings, Push, Sticker, Task
from tests.conftest import KeyClient
from tests.factories import ArrivalFactory, ArrivalStepFactory, CallingFactory, ChannelFactory, EventFactory, MemberFactory, SeatFactory

from .test_arrivals import HOUR, SEVEN, TONIGHT, at_seven, newcomer, place, planned, step, sweep  # noqa: F401  fixtures


def page(client, path="arrivals/", **asked):
    answer = client.get(path, asked, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, answer.content
    return answer


def said(answer):
    return " ".join(answer.content.decode().split())


def test_the_page_shows_the_evening_the_queue_and_what_is_next(house, place, owner, at_seven):  # noqa: F811
    arrival = planned(house, place[1])
    silent = planned(house, place[2], nickname="An An", offers="", seeks="")
    newcomer(house, nickname="Lao Zhou")
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)

    shown = page(owner).context["evening"]
    text = said(page(owner, f"arrivals/{arrival.pk}/"))

    assert [row.arrival.pk for row in shown.rows] == [arrival.pk, silent.pk]
    assert [row.arrival.pk for row in shown.silent] == [silent.pk]
    assert ([each.member.nickname for each in shown.queue], shown.left) == (["Lao Zhou"], 8)
    assert "Tonight at 20:00 somebody new comes to us: Wang Huan." in text
    assert "Done: Announcement" in text
    assert "without an introduction; ask before 20:05" in text


def test_the_page_stands_while_a_robot_has_the_announcement(house, place, owner, at_seven):  # noqa: F811
    ChannelFactory(tenant=house, group=place[1])
    arrival = planned(house, place[1])
    sweep(house)
    with acting_for(house.pk):
        Push.objects.update(state="unsure")

    shown = page(owner).context["evening"]

    assert (step(house, arrival, "announce").task, shown.to_do) == (None, [])
    assert "The group's robot has “Announcement” on its way." in said(page(owner, f"arrivals/{arrival.pk}/"))


def test_as_many_questions_for_ten_newcomers_as_for_one(house, place, owner, at_seven):  # noqa: F811
    def asked():
        with CaptureQueriesContext(connection) as found:
            page(owner)
        return len(found)

    planned(house, place[1])
    sweep(house)
    asked()  # what is kept of the tenant is there from now on
    before = asked()
    for n in range(9):
        planned(house, place[1], nickname=f"New {n}")
    sweep(house)
    assert asked() == before


def test_the_lists_beside_the_evening_ask_as_much_for_thirty_as_for_one(house, place, owner, api, at_seven):  # noqa: F811
    """Of those who rest from being named, and of those who are left over from an evening."""
    with acting_for(house.pk):
        welcomes = ArrivalFactory.create_batch(3, matrix=place[0], state="welcomed")
    yesterday = {"group": place[1], "matrix": place[0], "state": "planned", "day": TONIGHT - 24 * HOUR, "at": datetime.time(20)}

    def asked(many):
        with acting_for(house.pk):
            silent = [(at, member) for member in MemberFactory.create_batch(many) for at in welcomes]
            Calling.objects.bulk_create(Calling(arrival=at, member=member, answered=False, at=SEVEN - HOUR) for at, member in silent)
            for arrival in ArrivalFactory.create_batch(many, **yesterday):
                ArrivalStepFactory(arrival=arrival, kind="packet", number=2, state="barred")
        with CaptureQueriesContext(connection) as found:
            shown, listed = page(owner).context["evening"], api.get("arrivals/resting-callers/").json()
        return len(found), len(shown.resting), len(listed), shown.left_over, len(shown.stuck)

    asked(1)  # what is kept of the tenant is there from now on
    few, *_lists = asked(1)
    assert asked(28) == (few, 30, 30, 30, 30)


def test_a_community_without_groups_or_newcomers_is_told_what_comes_first(owner):
    evening = page(owner)

    assert (evening.context["rooms"], "/settings/matrices/" in said(evening)) == ([], True)
    assert ['name="arrival"' in said(each) for each in (evening, page(owner, "arrivals/urgent/"))] == [False, False]


def test_a_newcomer_is_added_planned_and_hurried_by_forms(house, place, owner, at_seven):  # noqa: F811
    wrong = owner.post("arrivals/new/", {"nickname": "", "city": "Wuhan"})
    assert (wrong.status_code, wrong.context["form"]["city"].value()) == (422, "Wuhan")
    added = owner.post("arrivals/new/", {"nickname": "Ding Yi", "city": "Wuhan", "wechat": "dingyi", "paid_on": "2026-11-22"})
    with acting_for(house.pk):
        arrival = Arrival.objects.get(member__nickname="Ding Yi")
    assert added.url.endswith(f"/arrivals/{arrival.pk}/")

    owner.post("arrivals/filling/", {"day": "2026-11-25"})
    with acting_for(house.pk):
        arrival.refresh_from_db()
        assert (arrival.state, arrival.day) == ("planned", TONIGHT + datetime.timedelta(days=1))
    assert owner.post("arrivals/urgent/", {"arrival": arrival.pk, "because": ""}).status_code == 422
    assert owner.post("arrivals/urgent/", {"arrival": arrival.pk, "because": "Their course is tonight"}).status_code == 302
    sweep(house)
    with acting_for(house.pk):
        arrival.refresh_from_db()
        assert (arrival.day, f"{arrival.at:%H:%M}") == (TONIGHT, "19:00")
        assert "Tell the group who is coming" in Task.objects.open().filter(kind="arrival").values_list("title", flat=True)
    assert "Their course is tonight" in said(page(owner))


def test_the_share_that_spoke_in_their_first_week_counts_whole_weeks_alone(house, place, owner):  # noqa: F811
    def entered(ago, spoke_after=None):
        day = TONIGHT - datetime.timedelta(days=ago)
        spoke = None if spoke_after is None else day + datetime.timedelta(days=spoke_after)
        ArrivalFactory(matrix=place[0], member=MemberFactory(first_spoke_on=spoke), state="welcomed", day=day, welcomed_at=SEVEN)

    with acting_for(house.pk):
        assert page(owner).context["evening"].figures["first_week"] is None, "no file of interactions yet"
        EventFactory(kind="interactions.kept", after={"from": "2026-08-01", "to": "2026-11-22"})
        for ago, spoke_after in [(8, 0), (20, 6), (9, 7), (9, None), (30, -1), (7, 0), (1, 0)]:
            entered(ago, spoke_after)
        for ago, spoke_after in [(45, 3), (45, None), (46, None), (60, None), (69, 0)]:
            entered(ago, spoke_after)

    assert page(owner).context["evening"].figures["first_week"] == {"share": 0.5, "before": 0.25, "of": 4}


def test_members_without_a_group_are_let_into_the_queue_at_once(house, place, owner):  # noqa: F811
    for n in range(3):
        MemberFactory(tenant=house, nickname=f"Imported {n}")

    owner.post("arrivals/waiting/")

    with acting_for(house.pk):
        assert Arrival.objects.waiting().count() == 3


def test_steps_are_done_skipped_and_taken_back_at_the_desk(house, place, owner, at_seven):  # noqa: F811
    arrival = planned(house, place[1])
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    first, packet = step(house, arrival, "announce"), step(house, arrival, "packet")

    refused = owner.post(f"arrivals/steps/{packet.pk}/done/", headers={"Accept-Language": "en"})
    assert refused.status_code == 409
    assert "First comes “Announcement”, then “Red packet”." in refused.content.decode()
    owner.post(f"arrivals/steps/{first.pk}/done/")
    owner.post(f"arrivals/steps/{packet.pk}/skipping/", {"because": "They asked for none"})
    owner.post(f"arrivals/steps/{packet.pk}/undo/")
    with acting_for(house.pk):
        states = dict(ArrivalStep.objects.filter(arrival=arrival, number__gt=0).values_list("kind", "state"))
    assert (states["announce"], states["packet"], states["introduction"]) == ("done", "handed_out", "barred")


def test_who_may_do_what(house, place, owner, assistant, viewer, at_seven):  # noqa: F811
    other = SeatFactory(tenant=house, role="assistant")
    mine = planned(house, place[1])
    with acting_for(house.pk):
        place[2].__class__.objects.filter(pk=place[2].pk).update(assistant=other)
    theirs = planned(house, place[2], nickname="Another")
    sweep(house)

    assert [row.arrival.pk for row in page(assistant).context["evening"].rows] == [mine.pk]
    assert assistant.get(f"arrivals/{theirs.pk}/").status_code == 404
    assert assistant.post(f"arrivals/steps/{step(house, theirs, 'announce').pk}/done/").status_code == 404
    assert assistant.post(f"arrivals/steps/{step(house, mine, 'announce').pk}/done/").status_code == 302
    assert assistant.post(f"arrivals/{mine.pk}/calling-off/").status_code == 403
    assert assistant.post("arrivals/filling/").status_code == 403
    assert len(page(viewer).context["evening"].rows) == 2
    assert viewer.post("arrivals/filling/").status_code == 403


def test_the_settings_of_the_evenings_keep_what_was_typed_and_stickers_are_kept(house, place, owner):  # noqa: F811
    seen = page(owner, "arrivals/evenings/").context["form"]["seen"].value()
    numbers = {"cap": 6, "minutes_between": 5, "callers": 3, "calls_a_week": 2, "rest_days": 20}
    typed = {"seen": seen, "begins": "22:00", "ends": "20:00", **numbers}
    wrong = owner.post("arrivals/evenings/", typed)
    assert wrong.status_code == 422
    assert wrong.context["form"]["cap"].value() == "6"
    for unreadable in ("\0", "[" * 9_000):
        assert owner.post("arrivals/evenings/", typed | {"seen": unreadable}).status_code == 422
    assert owner.post("arrivals/evenings/", typed | {"begins": "19:30"}).status_code == 302
    picture = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(picture, "PNG")
    owner.post("arrivals/stickers/", {"name": "Hello", "picture": SimpleUploadedFile("a.png", picture.getvalue())})

    with acting_for(house.pk):
        evenings, sticker = Evenings.objects.get(), Sticker.objects.get()
        assert (f"{evenings.begins:%H:%M}", evenings.cap, sticker.name) == ("19:30", 6, "Hello")
    assert owner.get(f"arrivals/stickers/{sticker.pk}/")["Content-Type"] == "image/png"
    assert owner.post("arrivals/stickers/", {"name": "Nothing"}).status_code == 422


# The phone


def test_the_phone_leads_from_step_to_step(house, place, assistant, at_seven):  # noqa: F811
    arrival = planned(house, place[1])
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    text = said(page(assistant, "phone/arrivals/"))
    task = step(house, arrival, "announce").task
    way = f"/qinghe/phone/tasks/{task.pk}/"
    assert ("Wang Huan" in text, way in text) == (True, True)
    with acting_for(house.pk):
        Task.objects.filter(pk=task.pk).update(assistant=SeatFactory(tenant=house, role="assistant", name="Doudou"))
    text = said(page(assistant, "phone/arrivals/"))
    assert ("Doudou does it" in text, way in text) == (True, False), "what stands on another phone opens on none but that"
    with acting_for(house.pk):
        Task.objects.filter(pk=task.pk).update(assistant=assistant.seat)
    for kind in ("packet", "introduction", "welcome"):
        told = assistant.post(
            "phone/ticks/", {"task": str(task.pk), "act": "done", "key": str(uuid4())}, content_type="application/json",
            headers={"Accept": "application/json"},
        ).json()  # fmt: skip
        task = step(house, arrival, kind).task
        assert told["then"].endswith(f"/phone/tasks/{task.pk}/")
    text = said(page(assistant, f"phone/tasks/{task.pk}/"))
    assert "Welcome them and name people" in text
    assert text.count("Someone else") == 3
    with acting_for(house.pk):
        out = Calling.objects.first().member_id
    swapped = assistant.post(f"arrivals/{arrival.pk}/callers/", {"out": out, "next": f"/qinghe/phone/tasks/{task.pk}/"})
    assert swapped.url == f"/qinghe/phone/tasks/{task.pk}/"
    row = said(page(assistant, "phone/"))
    assert "Welcome them and name people: <bdi" in row


# The API


@pytest.fixture
def key(house):
    return KeyClient(SeatFactory(tenant=house, role="owner", name="Lily's program"), ["arrivals:write", "matrix:write"])


def test_a_program_plans_and_does_the_steps(house, place, key, at_seven):  # noqa: F811
    with acting_for(house.pk):
        member = MemberFactory(nickname="Wang Huan", city="Guangzhou", offers="live selling")
    made = key.post("arrivals/", {"member": str(member.pk), "paid_at": "2026-11-22T04:00:00Z"})
    assert (made.status_code, made.json()["state"]) == (201, "waiting")
    assert key.post("arrivals/", {"member": str(member.pk)}).json()["code"] == "waits_already"
    pk = made.json()["id"]
    planned_ = key.post(f"arrivals/{pk}/evening/", {"day": "2026-11-24", "group": str(place[1].pk)}).json()
    assert (planned_["state"], planned_["at"]) == ("planned", "20:00")
    at_seven.move_to(SEVEN + HOUR, tick=False)
    rows = {row["kind"]: row for row in key.get(f"arrival-steps/?arrival={pk}").json()["results"]}

    early = key.post(f"arrival-steps/{rows['introduction']['id']}/done/")
    assert (early.status_code, early.json()["code"]) == (409, "not_its_turn")
    for kind in ("announce", "packet", "introduction"):
        assert key.post(f"arrival-steps/{rows[kind]['id']}/done/").json()["state"] == "done"
    callers = key.get(f"arrivals/{pk}/callers/").json()
    named = [each for each in callers if each["is_named"]]
    assert [sum(part["points"] for part in each["why"]) for each in named] == [each["points"] for each in named] == [30, 30, 30]
    assert len(key.post(f"arrivals/{pk}/caller-swaps/", {"out": named[0]["member"]}).json()) >= 3
    skipped = key.post(f"arrival-steps/{rows['welcome']['id']}/skipping/", {"because": "They left the room"}).json()
    assert (skipped["state"], skipped["because"]) == ("skipped", "They left the room")
    assert key.post(f"arrival-steps/{rows['welcome']['id']}/undo/").json()["state"] == "handed_out"
    assert key.post(f"arrivals/{pk}/calling-off/").json()["code"] == "entered_already"


def test_a_program_notes_who_answered_and_wakes_who_rests(house, place, key, at_seven):  # noqa: F811
    arrival = planned(house, place[1])
    at_seven.move_to(SEVEN + HOUR, tick=False)
    sweep(house)
    for kind in ("announce", "packet", "introduction", "welcome"):
        key.post(f"arrival-steps/{step(house, arrival, kind).pk}/done/")
    named = [each["member"] for each in key.get(f"arrivals/{arrival.pk}/callers/").json() if each["is_named"]]
    rows = key.post(f"arrivals/{arrival.pk}/answers/", {"answered": named[:1]}).json()
    assert [row["answered"] for row in rows if row["is_named"]] == [True, False, False]
    with acting_for(house.pk):
        for n in (2, 3):
            CallingFactory(member_id=named[1], answered=False, at=SEVEN - n * 24 * HOUR)

    assert [row["member"] for row in key.get("arrivals/resting-callers/").json()] == [named[1]]
    assert key.post("arrivals/waking/", {"member": named[1]}).json() == []
    assert key.post("arrivals/waking/", {"member": named[1]}).json()["code"] == "does_not_rest"


def test_a_key_of_an_assistant_does_steps_and_plans_nothing(house, place, assistant, at_seven):  # noqa: F811
    arrival = planned(house, place[1])
    sweep(house)
    hand = KeyClient(assistant.seat)

    assert hand.post(f"arrivals/{arrival.pk}/calling-off/").status_code == 403
    assert hand.post(f"arrival-steps/{step(house, arrival, 'announce').pk}/done/").status_code == 200
    with acting_for(house.pk):
        assert arrivals.Arrival.objects.get(pk=arrival.pk).state == "planned"
