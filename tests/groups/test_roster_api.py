"""Rosters, codes and the acts of carrying out, as a program does them."""

import datetime

import pytest
from django.utils.timezone import now

from crm.tenancy.scope import acting_for
from groups import reshuffles
from groups.models import Draft, Move, Reshuffle, Task
from members.models import Member
from tests.conftest import KeyClient
from tests.factories import MemberFactory
from tests.groups.communities import ready_draft, small_community


@pytest.fixture
def moving(house, owner):
    house.tasks_a_day = 2
    house.save()
    community = small_community(house)
    draft = ready_draft(community)
    with acting_for(house.pk):
        reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), house, by=owner.seat)
    return community


@pytest.fixture
def key(owner):
    return KeyClient(owner.seat)


def people(**filters):
    return list(Member.objects.filter(**filters).values_list("nickname", flat=True))


def test_a_list_is_pasted_settled_booked_and_taken_back(house, key, moving):
    group = moving.groups[0]
    with acting_for(house.pk):
        there, came = people(placements__group=group, placements__until=None), people(moves__to_group=group)
    pasted = key.post("rosters/", {"text": "\n".join([*there, *came, "谁也不是"]), "group": str(group.pk)})
    roster = pasted.json()
    said = key.get(f"rosters/{roster['id']}/outcome/").json()

    assert (pasted.status_code, roster["names"]) == (201, len(there) + len(came) + 1)
    assert (len(said["inside"]), len(said["joined"])) == (len(there), len(came))
    assert [line["text"] for line in said["open_names"]] == ["谁也不是"]
    line = said["open_names"][0]["id"]
    way = f"rosters/{roster['id']}"
    assert key.post(f"{way}/settling/", {"line": line}).json()["code"] == "who_or_what"
    assert key.post(f"{way}/settling/", {"line": line, "member": said["inside"][0]}).json()["code"] == "named_twice"
    assert key.post(f"{way}/settling/", {"line": line, "act": "pass"}).json()["state"] == "passed"
    assert key.post(f"{way}/booking/", {"expected": 99}).json()["code"] == "changed_meanwhile"
    booked = key.post(f"{way}/booking/", {"expected": len(came)})
    assert (booked.status_code, booked.json()["state"], booked.json()["counts"]["joined"]) == (200, "booked", len(came))
    assert key.post(f"{way}/undo/").json()["state"] == "undone"
    assert key.post(f"{way}/dropping/").json()["code"] == "not_open"
    assert key.post("rosters/", {"text": "\n"}).status_code == 400


def test_codes_are_kept_counted_and_dropped(house, key, moving):
    group = str(moving.groups[0].pk)
    made = key.post("codes/", {"group": group, "link": "https://example.com/join"})
    code = made.json()

    assert (made.status_code, code["has_picture"], code["used"]) == (201, False, 0)
    assert key.post("codes/", {"group": group, "link": "javascript:x"}).json()["code"] == "no_link"
    assert key.post(f"codes/{code['id']}/counting/", {"scans": 7}).json()["used"] == 7
    assert key.post(f"codes/{code['id']}/dropping/").json()["state"] == "over"
    assert key.post(f"codes/{code['id']}/dropping/").json()["code"] == "code_over"


def test_carrying_out_is_stopped_passed_on_and_taken_back(house, owner, key, moving):
    with acting_for(house.pk):
        reshuffle = Reshuffle.objects.get(state="approved")
        moves = Move.objects.filter(reshuffle=reshuffle)
        whose, other = list(moves.order_by().values_list("wave__assistant", flat=True).distinct())[:2]
        quiet = moves.filter(task__state="open").first()
        Task.objects.filter(pk=quiet.task_id).update(state="impossible", reason="no_answer", ended_at=now(), ended_by=owner.seat)
        moves.filter(pk=quiet.pk).update(state="unreachable")
        late = MemberFactory(created_at=now() + datetime.timedelta(minutes=1))
        number = moves.count()
    way = f"reshuffles/{reshuffle.pk}"

    assert [key.post(f"{way}/{act}/").status_code for act in ("pausing", "pausing", "resuming", "resuming")] == [200, 409, 200, 409]
    assert "last_day" in key.post(f"{way}/passing/", {"whose": str(whose), "give_to": str(other), "number": 1}).json()
    assert key.post(f"{way}/asking/", {"moves": [str(quiet.pk)]}).json() == {"moves": 1}
    assert key.post(f"{way}/seating/", {"number": 1}).json() == {"people": 1}
    assert key.post(f"{way}/rolling-back/", {"number": number + 1}).json()["code"] == "changed_meanwhile"
    assert key.post(f"{way}/rolling-back/", {"number": number}).json()["moves"] == number
    with acting_for(house.pk):
        assert (Reshuffle.objects.get(pk=reshuffle.pk).state, late.placements.count()) == ("open", 1)


def test_only_the_owners_key_takes_a_half_year_back(house, operator, moving):
    with acting_for(house.pk):
        reshuffle = Reshuffle.objects.get(state="approved")

    assert KeyClient(operator.seat).post(f"reshuffles/{reshuffle.pk}/rolling-back/", {"number": 1}).status_code == 403
