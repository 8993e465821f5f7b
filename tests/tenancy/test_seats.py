"""Seats: who has one, in which role, and how it ends."""

import datetime
import re
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy import invites, seats, trail
from crm.tenancy.models import AccessToken, Event, Invite, Seat, User
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups.models import Group
from tests.conftest import KeyClient, SeatClient
from tests.factories import GroupFactory, SeatFactory, TaskFactory, TenantFactory


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def fresh(seat):
    return Seat.objects.get(pk=seat.pk)


def facts(tenant):
    with acting_for(tenant.pk):
        return list(Event.objects.order_by("id").values_list("kind", "seat__name"))


def undo_of(page):
    return re.search(r'<form method="post" action="(/[^"]+)"><input[^>]*><input type="hidden" name="next"', page.content.decode())[1]


# The page


def test_it_lists_the_own_seats_owner_first_and_folds_the_ended_ones(owner, two):
    SeatFactory(tenant=two[1], name="Theirs")
    SeatFactory(tenant=two[0], name="Xiaoyu", role="assistant")
    SeatFactory(tenant=two[0], name="Chen", role="operator")
    SeatFactory(tenant=two[0], name="Gone", role="assistant", ended_at=now() - datetime.timedelta(days=3))
    SeatFactory(tenant=two[0], name="Just gone", role="assistant", ended_at=now())

    page = owner.get("settings/seats/").context

    assert [row["seat"].name for row in page["rows"]] == ["Lily", "Chen", "Xiaoyu"]
    assert [(row["seat"].name, row["is_recent"]) for row in page["ended"]] == [("Just gone", True), ("Gone", False)]


def test_it_says_who_was_here(owner, assistant):
    assistant.get("phone/")

    rows = {row["seat"].name: row["seen_at"] for row in owner.get("settings/seats/").context["rows"]}

    assert {name for name, moment in rows.items() if moment} == {"Lily", "Xiaoyu"}
    assert now() - rows["Xiaoyu"] < datetime.timedelta(minutes=5)


@pytest.mark.parametrize("path", ["settings/seats/", "settings/seats/?page=2"])
def test_two_hundred_seats_page_with_as_many_questions_as_two(owner, house, path):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            page = owner.get(path)
        return len(asked), len(page.context["rows"]), page.context["cut"].total

    SeatFactory(tenant=house, role="assistant", ended_at=now())
    few = questions()
    for number in range(198):
        seat = SeatFactory(tenant=house, role="assistant", ended_at=now() if number > 170 else None)
        Invite.objects.create(tenant=house, role="viewer", made_by=owner.seat, expires_at=now() + datetime.timedelta(days=3))
        if number % 7 == 0:
            with acting_for(house.pk):
                GroupFactory(assistant=seat)

    many = questions()

    assert few[1:] == (1, 1)
    assert many == (few[0], 50, 172)


# Roles, with the next request


def test_a_role_changes_with_the_next_request(owner, house):
    seat = SeatFactory(tenant=house, role="operator", name="Chen")
    browser, program = SeatClient(seat), KeyClient(seat)
    before = [browser.get("members/").status_code, browser.get("phone/").status_code, program.get("members/").status_code]

    owner.post(f"settings/seats/{seat.pk}/", {"name": "Chen", "role": "assistant"})
    assistant = [browser.get("members/").status_code, browser.get("phone/").status_code, program.get("members/").status_code]
    owner.post(f"settings/seats/{seat.pk}/", {"name": "Chen", "role": "viewer"})
    viewer = [browser.get("members/").status_code, browser.get("phone/").status_code, program.get("members/").status_code]

    assert (before, assistant, viewer) == ([200, 200, 200], [403, 200, 403], [200, 403, 200])
    assert facts(house) == [("seat.role_changed", "Lily")] * 2


def test_a_change_of_role_is_undone_with_one_click(owner, assistant):
    page = owner.post(f"settings/seats/{assistant.seat.pk}/", {"name": "Xiaoyu", "role": "viewer"}, follow=True)
    changed = fresh(assistant.seat).role
    owner.post(undo_of(page), {"next": "/qinghe/settings/seats/"})

    assert (changed, fresh(assistant.seat).role, fresh(assistant.seat).name) == ("viewer", "assistant", "Xiaoyu")


def test_a_seat_is_called_as_the_owner_says(owner, assistant, house):
    owner.post(f"settings/seats/{assistant.seat.pk}/", {"name": "  小鱼 مرحبا 🐟 ", "role": "assistant"})

    assert fresh(assistant.seat).name == "小鱼 مرحبا 🐟"
    assert facts(house) == [("seat.renamed", "Lily")]


@pytest.mark.parametrize("said", [{"name": "鱼" * 61, "role": "assistant"}, {"name": "Yu", "role": "king"}, {"name": "Yu"}])
def test_what_is_wrong_is_said_and_nothing_is_saved(owner, assistant, said):
    page = owner.post(f"settings/seats/{assistant.seat.pk}/", said)

    assert (page.status_code, page.context["form"].data["name"]) == (422, said["name"])
    assert (fresh(assistant.seat).name, fresh(assistant.seat).role) == ("Xiaoyu", "assistant")


def test_the_last_owner_is_not_demoted(owner):
    page = owner.post(f"settings/seats/{owner.seat.pk}/", {"name": "Other", "role": "operator"})

    assert page.status_code == 422
    assert "a community needs one" in page.content.decode()
    assert (fresh(owner.seat).role, fresh(owner.seat).name) == ("owner", "Lily")


def test_an_owner_beside_another_may_step_down_and_is_led_to_their_own_page(owner, house):
    SeatFactory(tenant=house, role="owner")

    answer = owner.post(f"settings/seats/{owner.seat.pk}/", {"name": "Lily", "role": "operator"})

    assert (answer.status_code, answer["Location"]) == (302, "/qinghe/")
    assert owner.get("settings/seats/").status_code == 403


def test_whose_right_to_invite_ends_gives_no_seat_by_an_old_link(owner, house):
    other = SeatFactory(tenant=house, role="owner")
    with acting_for(house.pk):
        _, link = invites.make(house, "owner", by=other)

    owner.post(f"settings/seats/{other.pk}/", {"name": "Was owner", "role": "operator"})

    assert Client().get(link.removeprefix("http://localhost:8000")).status_code == 410


# Taking a seat away


def test_a_seat_that_is_taken_away_is_out_with_the_next_request(owner, house):
    seat = SeatFactory(tenant=house, role="operator", name="Chen")
    browser, program = SeatClient(seat), KeyClient(seat)
    with acting_for(house.pk):
        invite, _ = invites.make(house, "viewer", by=seat)
    before = [browser.get("members/").status_code, browser.get("phone/").status_code, program.get("members/").status_code]

    answer = owner.post(f"settings/seats/{seat.pk}/end/")

    assert (answer.status_code, before) == (302, [200, 200, 200])
    assert [browser.get("members/").status_code, browser.get("phone/").status_code, program.get("members/").status_code] == [404, 404, 401]
    assert browser.outside.get("/").status_code == 200
    assert Invite.objects.get(pk=invite.pk).revoked_at is not None
    assert not AccessToken.objects.filter(seat=seat, revoked_at=None).exists()
    assert facts(house)[-1] == ("seat.ended", "Lily")


def test_taking_it_back_gives_the_keys_and_invites_back_too(owner, house):
    seat = SeatFactory(tenant=house, role="operator", name="Chen")
    browser, program, other = SeatClient(seat), KeyClient(seat), KeyClient(seat)
    AccessToken.objects.filter(pk=other.key.pk).update(revoked_at=now())
    with acting_for(house.pk):
        _, link = invites.make(house, "viewer", by=seat)

    page = owner.post(f"settings/seats/{seat.pk}/end/", follow=True)
    owner.post(undo_of(page), {"next": "/qinghe/settings/seats/"})

    assert [browser.get("members/").status_code, program.get("members/").status_code] == [200, 200]
    assert Client().get(link.removeprefix("http://localhost:8000")).status_code == 200
    assert other.get("members/").status_code == 401  # it was revoked before
    assert [kind for kind, _ in facts(house)][-2:] == ["seat.ended", "seat.restored"]


def test_a_seat_that_ended_long_ago_does_not_come_back(owner, house):
    seat = SeatFactory(tenant=house, ended_at=now() - datetime.timedelta(days=2))

    assert owner.post(f"settings/seats/{seat.pk}/return/").status_code == 409
    assert fresh(seat).ended_at is not None


def test_who_was_given_another_seat_since_does_not_sit_twice(owner, house):
    seat = SeatFactory(tenant=house, ended_at=now())
    SeatFactory(tenant=house, user=seat.user)

    page = owner.post(f"settings/seats/{seat.pk}/return/")

    assert (page.status_code, page.context["code"]) == (409, "seat_taken")


def test_nobody_takes_their_own_seat_away(owner, house):
    SeatFactory(tenant=house, role="owner")

    page = owner.post(f"settings/seats/{owner.seat.pk}/end/")

    assert (page.status_code, page.context["code"]) == (409, "own_seat")


def test_a_seat_that_is_gone_is_not_changed_any_more(owner, house):
    seat = SeatFactory(tenant=house, ended_at=now())

    answers = [owner.post(f"settings/seats/{seat.pk}/{act}/") for act in ("end", "ownership")]

    assert [(page.status_code, page.context["code"]) for page in answers] == [(409, "seat_ended")] * 2
    assert owner.get(f"settings/seats/{seat.pk}/").status_code == 404


def test_the_last_owner_is_not_switched_out(owner, house):
    """An owner whose account is switched off is none."""
    off = SeatFactory(tenant=house, role="owner")
    User.objects.filter(pk=off.user_id).update(is_active=False)

    assert owner.post("leave/").status_code == 409
    assert owner.post(f"settings/seats/{off.pk}/end/").status_code == 302


# Work that hangs on a seat


def test_work_of_a_seat_that_ended_is_shown_as_lying_with_nobody(owner, house):
    seat = SeatFactory(tenant=house, role="assistant", name="Xiaoyu")
    with acting_for(house.pk):
        GroupFactory.create_batch(2, assistant=seat)
        GroupFactory(assistant=seat, closed_on=now().date())
        TaskFactory.create_batch(3, assistant=seat)
        TaskFactory(assistant=seat, state="done")
    before = owner.get(f"settings/seats/{seat.pk}/").context

    owner.post(f"settings/seats/{seat.pk}/end/")
    after = owner.get("settings/seats/").context

    carried = [
        {"says": "2 groups", "url": "/qinghe/matrices/"},
        {"says": "3 open tasks", "url": f"/qinghe/tasks/?assistant={seat.pk}"},  # which go to whoever works
    ]
    assert (before["idle"], before["left"], before["chosen"]["carries"]) == ([], [], carried)
    assert [(row["seat"], row["carries"]) for row in after["idle"]] == [(seat, carried[:1])]
    assert after["left"] == ["2 groups"]
    assert owner.get(carried[1]["url"]).status_code == 200


def test_a_viewers_groups_lie_with_nobody_too(owner, house):
    seat = SeatFactory(tenant=house, role="assistant")
    with acting_for(house.pk):
        GroupFactory(assistant=seat)

    owner.post(f"settings/seats/{seat.pk}/", {"name": "Zhao", "role": "viewer"})

    assert owner.get("settings/seats/").context["left"] == ["1 group"]


# Leaving


@pytest.mark.parametrize("role", Seat.Role.values)
def test_everybody_may_leave_and_is_asked_first(house, role):
    SeatFactory(tenant=house, role="owner")
    client = SeatClient(SeatFactory(tenant=house, role=role, name="Yu"))

    asked = client.get("leave/")
    standing = fresh(client.seat).ended_at
    answer = client.post("leave/")

    assert (asked.status_code, standing, answer["Location"]) == (200, None, "/")
    assert "You have left Qinghe" in client.outside.get("/").content.decode()
    assert client.get("phone/").status_code == 404
    assert facts(house) == [("seat.left", "Yu")]


def test_leaving_says_what_will_lie_with_nobody(assistant, house):
    with acting_for(house.pk):
        GroupFactory(assistant=assistant.seat)

    assert [each["says"] for each in assistant.get("leave/").context["carries"]] == ["1 group"]


def test_the_last_owner_does_not_leave(owner):
    asked, page = owner.get("leave/"), owner.post("leave/")

    assert 'method="post"' not in asked.content.decode().partition("<h1>")[2].partition("</main>")[0]
    assert (page.status_code, page.context["code"]) == (409, "last_owner")
    assert "Hand the community over" in page.content.decode()
    assert fresh(owner.seat).ended_at is None


# Handing over


def test_the_community_is_handed_over_at_once_with_its_open_invites(owner, operator, house):
    with acting_for(house.pk):
        invite, link = invites.make(house, "assistant", by=owner.seat)

    answer = owner.post(f"settings/seats/{operator.seat.pk}/ownership/")

    assert (answer.status_code, answer["Location"]) == (302, "/qinghe/")
    assert [fresh(client.seat).role for client in (owner, operator)] == ["operator", "owner"]
    assert [client.get("settings/seats/").status_code for client in (owner, operator)] == [403, 200]
    assert [each.pk for each in operator.get("settings/seats/").context["invited"]] == [invite.pk]
    operator.post(f"settings/seats/{owner.seat.pk}/end/")
    assert Client().get(link.removeprefix("http://localhost:8000")).status_code == 200
    assert facts(house)[1] == ("ownership.handed_over", "Lily")


def test_it_is_not_handed_to_an_owner_or_to_nobody(owner, two):
    other = SeatFactory(tenant=two[0], role="owner")
    off = SeatFactory(tenant=two[0], role="operator", user__is_active=False)

    codes = [owner.post(f"settings/seats/{seat.pk}/ownership/").context["code"] for seat in (other, owner.seat, off)]

    assert codes == ["owner_already", "owner_already", "user_inactive"]
    assert owner.post(f"settings/seats/{SeatFactory(tenant=two[1]).pk}/ownership/").status_code == 404


# Two at once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "role"),
    [("demote", "operator"), ("end", "operator"), ("hand over", "operator"), ("leave", "operator"), ("demote", "owner"), ("end", "owner")],
)
def test_of_two_owners_who_go_at_each_other_one_is_refused_and_an_owner_stays(act, role):
    """Beside a third who is none, and beside one who is: then it is the right of the slower one that has ended."""
    house = TenantFactory(slug="qinghe")
    both = [SeatFactory(tenant=house, role="owner", name=name) for name in ("One", "Other")]
    third = SeatFactory(tenant=house, role=role)
    together, ends = threading.Barrier(2), []
    does = {
        "demote": lambda me, other: seats.change_role(other, "operator", by=me),
        "end": lambda me, other: seats.end(other, by=me),
        "hand over": lambda me, other: (seats.hand_over(third, by=me), seats.leave(me)),
        "leave": lambda me, other: seats.leave(me),
    }

    def go(me, other):
        together.wait()
        try:
            with acting_for(house.pk):
                does[act](me, other)
            ends.append("done")
        except (Refused, PermissionDenied):
            ends.append("refused")
        connection.close()

    threads = [threading.Thread(target=go, args=pair) for pair in (both, both[::-1])]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(ends) == ["done", "refused"]
    assert Seat.objects.standing().filter(tenant=house, role="owner").count() >= 1


# Its doors elsewhere


def test_the_trail_says_it_in_words(owner, operator, house):
    owner.post(f"settings/seats/{operator.seat.pk}/", {"name": "Chen", "role": "viewer"})
    owner.post(f"settings/seats/{operator.seat.pk}/end/")
    owner.post(f"settings/seats/{operator.seat.pk}/return/")
    with acting_for(house.pk):
        said = [told.sentence for told in trail.told(Event.objects.order_by("id"), {operator.seat.pk: operator.seat})]

    assert said == ["Changed the role of Chen to Viewer", "Took the seat of Chen away", "Gave Chen their seat back"]


def test_facts_of_seats_hold_no_names(owner, house):
    owner.post("settings/invites/", {"role": "viewer", "name": "Find-me", "email": "find-me@example.com", "days": "1"})

    with acting_for(house.pk):
        assert "ind-me" not in str(list(Event.objects.values()))


def test_a_group_keeps_its_assistant_when_the_seat_ends(owner, assistant, house):
    with acting_for(house.pk):
        GroupFactory(assistant=assistant.seat)

    owner.post(f"settings/seats/{assistant.seat.pk}/end/")

    with acting_for(house.pk):
        assert Group.objects.get().assistant_id == assistant.seat.pk
