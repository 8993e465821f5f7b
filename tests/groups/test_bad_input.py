"""What people and programs send that is no number, no moment, no picture: it is said, and nothing breaks."""

import datetime
import io
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.timezone import now
from PIL import Image

from crm.tenancy import pictures
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import codes, rhythms, rosters
from groups.models import Occurrence, Push
from tests.factories import (
    ArrivalFactory,
    ArrivalStepFactory,
    CohortFactory,
    GroupFactory,
    MatrixFactory,
    MemberFactory,
    PlacementFactory,
    TaskFactory,
)
from tests.groups.test_phone import a_task, fresh, tick

DIGITS = "9" * 5000  # Python makes no number of so many


def test_a_number_of_a_thousand_digits_is_no_number(owner, assistant, house):
    with acting_for(house.pk):
        group = GroupFactory(matrix=MatrixFactory())
        CohortFactory(matrix=group.matrix, state="current")
        roster = rosters.paste(MemberFactory().nickname, group, by=owner.seat)
        code = codes.keep(group, by=owner.seat, link="https://example.com/in")
        task = TaskFactory(assistant=assistant.seat, group=group, kind="arrival")
        ArrivalStepFactory(arrival=ArrivalFactory(group=group), kind="chain", number=5, task=task, state="handed_out")

    said = [
        owner.post(f"rosters/{roster.pk}/booking/", {"expected": DIGITS}),
        owner.post(f"rosters/{roster.pk}/sole/", {"number": DIGITS}),
        owner.post(f"codes/{code.pk}/scans/", {"scans": DIGITS}),
        tick(assistant, task, note=DIGITS),
    ]

    assert [answer.status_code for answer in said] == [302, 302, 400, 400]
    with acting_for(house.pk):
        roster.refresh_from_db()
    assert (roster.state, fresh(task).state) == ("open", "open")


@pytest.mark.parametrize("ago", ["1e400", "NaN", "[1]", "[" * 50_000 + "]" * 50_000])
def test_a_tick_that_no_phone_sends_is_refused_in_a_sentence(assistant, ago):
    task = a_task(assistant)
    body = f'{{"task": "{task.pk}", "key": "{uuid4()}", "act": "done", "ago": {ago}}}'

    answer = assistant.post("phone/ticks/", body, content_type="application/json", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"], fresh(task).state) == (400, "unreadable", "open")


def test_a_message_goes_out_within_a_year(api, owner, house):
    with acting_for(house.pk):
        group = GroupFactory()
    said = {"group": str(group.pk), "title": "News", "text": "Good evening!"}

    for due_at in ("9999-12-31T23:59:59-12:00", (now() + datetime.timedelta(days=400)).isoformat()):
        answer = api.post("pushes/", said | {"cause": "far", "due_at": due_at})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["due_at"])
    assert api.post("pushes/", said | {"cause": "overdue", "due_at": "0001-01-01T00:00:00Z"}).status_code == 201

    with acting_for(house.pk):
        assert abs(Push.objects.get().due_at - now()) < datetime.timedelta(hours=1)
    assert owner.get("pushes/").status_code == 200


def test_a_photo_whose_camera_says_nonsense_is_kept_as_it_lies():
    out, told = io.BytesIO(), Image.Exif()
    told[0x0112], told[0x010E] = 6, "hello"
    Image.new("RGB", (40, 30)).save(out, "JPEG", exif=told)
    whole = out.getvalue()
    nonsense = whole.replace(b"\x01\x0e\x00\x02", b"\x01\x25\x00\x02")  # something else is told, in a text

    photo = pictures.as_jpeg(SimpleUploadedFile("photo.jpg", nonsense), side=100)

    assert Image.open(photo).size == (40, 30)


def test_a_picture_of_one_pixel_by_millions_is_refused():
    out = io.BytesIO()
    Image.new("1", (1, pictures.LONGEST_SIDE + 1)).save(out, "PNG")

    with pytest.raises(Refused) as refused:
        pictures.as_jpeg(SimpleUploadedFile("photo.png", out.getvalue()), side=100)

    assert refused.value.code == "too_many_pixels"


@pytest.mark.parametrize(("zone", "day", "paid_at"), [
    ("Pacific/Pago_Pago", "9999-12-31", "0001-01-01T00:00:00Z"), ("Pacific/Kiritimati", "0001-01-01", "0001-01-01T15:00:00Z"),
])  # fmt: skip
def test_a_day_that_no_calendar_has_is_refused_in_a_sentence(owner, api, house, zone, day, paid_at):
    Tenant.objects.filter(pk=house.pk).update(time_zone=zone)
    with acting_for(house.pk):
        group, member = GroupFactory(), MemberFactory()
        CohortFactory(matrix=group.matrix, state="current")
        rhythms.add_slot({"weekday": 1, "at": "20:00", "title": "Topic"}, by=owner.seat, group=group)
        row = Occurrence.objects.latest("day")
        speaker = PlacementFactory(group=group).member

    talk = {"speaker": str(speaker.pk), "group": str(group.pk), "day": day, "at": "23:59", "text": "Hello", "minutes": 9}
    said = [
        owner.post(f"groups/{group.pk}/code/", {"link": "https://example.com/in", "until": day}),
        owner.post(f"week/moves/{row.pk}/", {"day": day, "at": "23:59", "reach": "once"}),
        owner.post("arrivals/new/", {"nickname": "Lin", "paid_on": day}),
        api.post(f"occurrences/{row.pk}/moving/", {"day": day, "at": "23:59"}),
        api.post("arrivals/", {"member": str(member.pk), "paid_at": paid_at}),
        owner.post("tasks/talks/", talk),
    ]

    assert {answer.status_code for answer in said} <= {400, 422}
    assert owner.get("arrivals/").status_code == 200
