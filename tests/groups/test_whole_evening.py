"""A whole evening as the one who plans it and the one who does it live it: nobody is lost, nothing is done twice, the order holds."""

import datetime
import os
from collections import Counter
from uuid import uuid4

import pytest
from django.utils.timezone import now

from crm.tenancy import community
from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from groups.models import Arrival, ArrivalStep, Calling, Group, Placement, Task
from members import erasure, merging
from members.models import Member
from tests.factories import CohortFactory, GroupFactory, MatrixFactory, MemberFactory, PlacementFactory

from .test_arrivals import SEVEN, TOMORROW, TONIGHT, at_seven, step, sweep  # noqa: F401  fixtures

MANY = 20 if os.environ.get("WALK") == "long" else 10
MINUTE = datetime.timedelta(minutes=1)
CITIES = ["Guangzhou", "Xiamen", "Wuhan", "Chengdu", "Suzhou", "Hangzhou"]


@pytest.fixture
def six(house, assistant, owner):
    """Six groups with six people each; the last one is full."""
    Tenant.objects.filter(pk=house.pk).update(language="en")
    house.language = "en"
    with acting_for(house.pk):
        matrix = MatrixFactory(name="Members")
        CohortFactory(matrix=matrix, year=2026, half=2)
        for n, city in enumerate(CITIES, 1):
            hand = {"assistant": assistant.seat if n < 4 else owner.seat}
            group = GroupFactory(matrix=matrix, name=f"Members {n}", number=n, capacity=6 if n == 6 else 30, **hand)
            for m in range(6):
                PlacementFactory(member=MemberFactory(nickname=f"Old {n}{m}", city=city), group=group)
    return matrix


def tick(client, task, act="done", **more):
    said = {"task": str(task), "act": act, "key": str(uuid4()), **more}
    answer = client.post("phone/ticks/", said, content_type="application/json", headers={"Accept": "application/json"})
    return answer.status_code, answer.json().get("code", "")


def of(house, name):
    with acting_for(house.pk):
        return Arrival.objects.select_related("member", "group").get(member__nickname=name)


def handed_out(house):
    """Steps that stand on somebody's phone, as they come: [(newcomer, kind, task, whose)]."""
    with acting_for(house.pk):
        found = ArrivalStep.objects.filter(state="handed_out", number__gt=0).order_by("due_at", "number", "id")
        return list(found.values_list("arrival__member__nickname", "kind", "task", "task__assistant"))


def all_is_well(house):
    """What holds at every moment of the evening."""
    with acting_for(house.pk):
        for arrival in Arrival.objects.prefetch_related("steps"):
            numbered = sorted((each for each in arrival.steps.all() if each.number), key=lambda each: each.number)
            ended = [each.is_ended for each in numbered]
            assert ended == sorted(ended, reverse=True), "no step before the one ahead of it"
            assert sum(each.state == "handed_out" for each in numbered) <= 1, "one step at a time"
        open_ones = Task.objects.open().filter(kind="arrival")
        on_phones = ArrivalStep.objects.filter(state="handed_out").exclude(task=None).values_list("task", flat=True)
        assert set(open_ones.values_list("pk", flat=True)) == set(on_phones)
        assert not open_ones.filter(arrival_steps__arrival__state__in=["called_off", "waiting"]).exists()
        seats = Counter(Placement.objects.open().values_list("member", flat=True))
        assert set(seats.values()) == {1}, "nobody sits twice"
        assert max(Counter(Calling.objects.values_list("member", flat=True)).values(), default=0) <= 2, "named twice a week at most"


def test_an_evening_of_newcomers_over_six_groups(house, six, owner, assistant, at_seven):  # noqa: F811
    with acting_for(house.pk):
        seen = owner.get("arrivals/evenings/").context["form"]["seen"].value()
    hours = {"begins": "20:00", "ends": "22:00", "minutes_between": 5, "callers": 3, "calls_a_week": 2, "rest_days": 30}
    owner.post("arrivals/evenings/", hours | {"seen": seen, "cap": MANY - 2})
    for n in range(MANY):
        said = {} if n in (2, 7) else {"seeks": "suppliers"}
        with acting_for(house.pk):
            MemberFactory(nickname=f"New {n:02}", city=CITIES[n % 6], **said)
    owner.post("arrivals/waiting/")
    urgent = of(house, f"New {MANY - 1:02}")
    owner.post("arrivals/urgent/", {"arrival": urgent.pk, "because": "Their course is tonight"})
    owner.post("arrivals/filling/", {"day": "2026-11-24"})
    with acting_for(house.pk):
        rooms = Counter(Arrival.objects.on(TONIGHT).values_list("group__number", flat=True))
        assert (sum(rooms.values()), 6 in rooms, max(rooms.values()) - min(rooms.values()) <= 1) == (MANY - 1, False, True)
        (left,) = Arrival.objects.waiting()
        full = Group.objects.get(number=6)
    assert owner.post(f"arrivals/{left.pk}/evening/", {"day": "2026-11-25", "group": full.pk}).status_code == 409
    shown = owner.get("arrivals/").context["evening"]
    assert (len(shown.silent), shown.left, shown.waiting) == (2, 0, 1)
    sweep(house)
    with acting_for(house.pk):
        assert ArrivalStep.objects.filter(kind="form", state="handed_out").count() == 2

    # Out of order, with a reason, taken back, and two thumbs at once
    who = urgent
    hand = {assistant.seat.pk: assistant, owner.seat.pk: owner}
    task = step(house, who, "announce").task
    mine = hand[task.assistant_id]
    assert tick(mine, task.pk)[0] == 200
    assert tick(owner, task.pk) == (409, "already_ended")
    assert owner.post(f"arrivals/steps/{step(house, who, 'welcome').pk}/done/").status_code == 409
    assert owner.post(f"arrivals/steps/{step(house, who, 'packet').pk}/skipping/", {"because": ""}).status_code == 400
    assert owner.post(f"arrivals/steps/{step(house, who, 'packet').pk}/skipping/", {"because": "They came before it"}).status_code == 302
    for kind in ("introduction", "welcome"):
        for act in ("done", "undo", "done"):
            assert owner.post(f"arrivals/steps/{step(house, who, kind).pk}/{act}/").status_code == 302
            all_is_well(house)
    for act, length in (("done", "31"), ("undo", ""), ("done", "33")):
        assert owner.post(f"arrivals/steps/{step(house, who, 'chain').pk}/{act}/", {"length": length}).status_code == 302
    who = of(house, who.member.nickname)
    assert (who.state, who.chain) == ("welcomed", 33)

    # The evening runs; in the middle one does not come, one is erased, one proves to be twice here, and the clock is another one
    never = {"New 06", "New 03"}
    for minute in [*range(60, 60 + 5 * MANY, 5), 185]:
        at_seven.move_to(SEVEN + minute * MINUTE, tick=False)
        sweep(house)
        with acting_for(house.pk):
            if minute == 65:
                erasure.erase(of(house, "New 05").member, "New 05", by=owner.seat)
            if minute == 70:
                again = MemberFactory(nickname="New 04 again", city="Wuhan")
                merging.merge(again, of(house, "New 04").member, "phone", by=owner.seat)
                Member.objects.filter(pk=again.pk).update(nickname="New 04")
            if minute == 75:
                group = of(house, "New 02").group
                assert owner.post(f"groups/{group.pk}/closing/").status_code == 409
            if minute == 80:
                house, _before = community.change(house, {"time_zone": "Asia/Tokyo"}, by=owner.seat)
            if minute == 85:
                house, _before = community.change(house, {"time_zone": "Asia/Shanghai"}, by=owner.seat)
        if minute == 65:
            assert owner.post(f"arrivals/{of(house, 'New 01').pk}/calling-off/").status_code == 302
        for name, kind, task, whose in handed_out(house):
            if not (name in never and kind == "introduction"):
                length = {"note": "28"} if kind == "chain" else {}
                assert tick(hand[whose], task, **length)[0] == 200, (minute, name, kind)
        all_is_well(house)

    # Ten o'clock: who has not come is said, and goes into the next evening
    shown = owner.get("arrivals/").context["evening"]
    assert {row.arrival.member.nickname for row in shown.stuck} == never
    assert shown.left_over == 2
    owner.post("arrivals/putting-off/")
    all_is_well(house)
    with acting_for(house.pk):
        states = Counter(Arrival.objects.values_list("state", flat=True))
        assert {each.member.nickname for each in Arrival.objects.on(TOMORROW)} == never
        assert Arrival.objects.filter(state="welcomed").exclude(chain=None).count() == states["welcomed"]
        assert states["planned"] + states["waiting"] + states["welcomed"] + states["called_off"] == MANY
        newcomers = Placement.objects.open().exclude(member__nickname__startswith="Old").count()
        assert newcomers == states["welcomed"]
        kinds = Counter(Event.objects.filter(kind="arrival.welcomed", at__lte=now()).values_list("member", flat=True))
        assert max(kinds.values()) <= 2, "the urgent one was welcomed, taken back and welcomed again; nobody else twice"
    assert len(owner.get("arrivals/").context["evening"].unasked) >= states["welcomed"] - states["called_off"]
