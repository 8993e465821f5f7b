"""Matrices and groups among the settings: what a table of fields, two tabs and two people make of them."""

import datetime
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy.changes import undo
from crm.tenancy.models import Event, Seat
from crm.tenancy.scope import acting_for
from groups import calendar
from groups.models import CalendarStep, Group, Matrix, Reshuffle
from groups.models.matrices import WEIGHTS
from groups.reshuffles import approve
from tests.conftest import SeatClient
from tests.factories import CohortFactory, GroupFactory, MatrixFactory, MoveFactory, PlacementFactory, SeatFactory
from tests.groups.communities import ready_draft, small_community

FIELDS = ["number", "name", "mode", "capacity", "least", "assistant"]
RULES = ["name", "is_reshuffled", "lead_days", "minutes_per_move", "code_days", "least_percent", "half_life"]


def code(value):
    return str(value.pk) if hasattr(value, "pk") else value


def row_of(group, **changed):
    """A group's row as a browser would send it."""
    held = {name: code(getattr(group, name)) for name in FIELDS}
    said = {name: "" if value is None else value for name, value in (held | changed).items()}
    return {f"{group.pk}-{name}": value for name, value in said.items()} | {f"{group.pk}-seen": json.dumps(held)}


def rules_of(matrix, **changed):
    held = {name: getattr(matrix, name) for name in RULES}
    said = {name: value for name, value in (held | changed).items() if value is not False}
    return said | {"seen": json.dumps(held)}


def save(client, *rows, matrix, **more):
    data = {name: value for row in rows for name, value in row.items()}
    return client.post(f"/settings/matrices/{matrix}/", data | more)


def facts(tenant):
    with acting_for(tenant.pk):
        return [(event.kind, event.before, event.after) for event in Event.objects.order_by("id")]


def faults(answer):
    return {(row.row.name, name) for row in answer.context["rows"] for name in row.errors}


def undo_of(page):
    return list(page.context["messages"])[-1].extra_tags.removeprefix("undo=")


@pytest.fixture
def matrix(house):
    return MatrixFactory(tenant=house, name="Members")


@pytest.fixture
def pair(house, matrix):
    return [GroupFactory(matrix=matrix, name=f"Members {n}", number=n, tenant=house) for n in (1, 2)]


# Groups in a table


def test_a_table_is_saved_at_once_and_each_changed_group_is_a_fact(house, owner, matrix, pair):
    one, two = pair

    answer = save(owner, row_of(one, capacity="480", mode="heavy"), row_of(two, name="Partners"), matrix=matrix.pk)

    assert answer.status_code == 302
    with acting_for(house.pk):
        assert list(Group.objects.order_by("number").values_list("name", "mode", "capacity")) == [
            ("Members 1", "heavy", 480),
            ("Partners", "light", 500),
        ]
    assert facts(house) == [
        ("group.changed", {"mode": "light", "capacity": 500}, {"mode": "heavy", "capacity": 480}),
        ("group.changed", {}, {}),  # a name stands in no fact
    ]


def test_saving_twice_changes_once(house, owner, matrix, pair):
    for _ in range(2):
        save(owner, row_of(pair[0], capacity="480"), matrix=matrix.pk)

    assert len(facts(house)) == 1


def test_the_empty_row_adds_a_group(house, owner, matrix, pair):
    new = {"new-name": " Members  3 ", "new-number": "3", "new-mode": "light", "new-capacity": "500", "new-least": "", "new-assistant": ""}

    save(owner, row_of(pair[0]), new, matrix=matrix.pk)

    with acting_for(house.pk):
        assert Group.objects.filter(matrix=matrix, name="Members 3", number=3).count() == 1
    assert [kind for kind, *_ in facts(house)] == ["group.added"]


def test_the_row_that_was_left_empty_adds_nothing(house, owner, matrix, pair):
    save(owner, row_of(pair[0]), {"new-name": "  ", "new-number": "3", "new-capacity": "500", "new-mode": "light"}, matrix=matrix.pk)

    assert facts(house) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"capacity": "0"}, "capacity"),
        ({"capacity": "1000000000"}, "capacity"),
        ({"capacity": ""}, "capacity"),
        ({"capacity": "many"}, "capacity"),
        ({"least": "501"}, "least"),
        ({"least": "-1"}, "least"),
        ({"number": "2"}, "number"),
        ({"number": "0"}, "number"),
        ({"name": ""}, "name"),
        ({"name": "Members 2"}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"mode": "loud"}, "mode"),
        ({"assistant": "nonsense"}, "assistant"),
    ],
)
def test_what_cannot_be_is_said_in_its_cell_and_nothing_of_the_table_is_saved_or_lost(house, owner, matrix, pair, changed, field):
    one, two = pair

    answer = save(owner, row_of(one, **changed), row_of(two, capacity="77"), matrix=matrix.pk)

    assert (answer.status_code, faults(answer), facts(house)) == (422, {("Members 1", field)}, [])
    assert 'value="77"' in answer.content.decode()


def test_a_taken_number_comes_with_a_free_one(house, owner, matrix, pair):
    page = save(owner, row_of(pair[0], number="2"), row_of(pair[1]), matrix=matrix.pk).content.decode()

    assert 'data-value="3"' in page


def test_two_groups_may_exchange_their_names_and_numbers(house, owner, matrix, pair):
    one, two = pair

    answer = save(owner, row_of(one, name="Members 2", number="2"), row_of(two, name="Members 1", number="1"), matrix=matrix.pk)

    assert answer.status_code == 302
    with acting_for(house.pk):
        assert dict(Group.objects.values_list("pk", "name")) == {one.pk: "Members 2", two.pk: "Members 1"}


def test_one_name_twice_in_the_same_table_is_refused(house, owner, matrix, pair):
    one, two = pair

    answer = save(owner, row_of(one, name="Same"), row_of(two, name="Same"), matrix=matrix.pk)

    assert (answer.status_code, facts(house)) == (422, [])


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_unseen(house, owner, operator, matrix, pair):
    one, _two = pair
    opened = row_of(one, capacity="300")
    save(operator, row_of(one, capacity="400", mode="heavy"), matrix=matrix.pk)

    answer = save(owner, opened, matrix=matrix.pk)
    form = answer.context["rows"][0]
    again = {f"{one.pk}-{name}": form[name].value() or "" for name in [*FIELDS, "seen"]}

    assert (answer.status_code, faults(answer)) == (422, {("Members 1", "capacity")})
    assert "Chen" in answer.content.decode()
    save(owner, again, matrix=matrix.pk)
    with acting_for(house.pk):
        one.refresh_from_db()
    assert (one.capacity, one.mode) == (300, "heavy")


def test_several_groups_are_given_to_one_assistant_together_with_what_was_typed(house, owner, matrix, pair):
    seat = SeatFactory(tenant=house, role="assistant", name="Xiaoyu")
    rows = [row_of(pair[0], capacity="480"), row_of(pair[1])]
    picked = {"group": [str(group.pk) for group in pair], "give_to": str(seat.pk), "give": "1"}

    answer = save(owner, *rows, matrix=matrix.pk, **picked)

    assert answer.status_code == 302
    with acting_for(house.pk):
        assert list(Group.objects.order_by("number").values_list("assistant", "capacity")) == [(seat.pk, 480), (seat.pk, 500)]
    assert [kind for kind, *_ in facts(house)] == ["group.changed", "group.assigned", "group.assigned"]


def test_an_assistant_whose_seat_was_taken_away_stays_to_be_seen_and_cannot_be_chosen_anew(house, owner, matrix, pair):
    gone = SeatFactory(tenant=house, role="assistant", name="Gone")
    with acting_for(house.pk):
        Group.objects.filter(pk=pair[0].pk).update(assistant=gone)
    Seat.objects.filter(pk=gone.pk).update(ended_at=now())
    one, two = pair
    one.assistant = gone

    page = owner.get(f"/settings/matrices/{matrix.pk}/")
    assert '<a href="" ' not in page.content.decode()  # the seats of the table are no other communities of the reader
    left_alone = save(owner, row_of(one, capacity="480"), row_of(two), matrix=matrix.pk)
    one.capacity = 480
    chosen = save(owner, row_of(one), row_of(two, assistant=str(gone.pk)), matrix=matrix.pk)

    assert [group.pk for group in page.context["left"]] == [one.pk]
    assert left_alone.status_code == 302
    assert (chosen.status_code, faults(chosen)) == (422, {("Members 2", "assistant")})


def test_a_viewer_and_another_community_s_seat_cannot_be_chosen(two, owner, viewer):
    ours, theirs = two
    group = GroupFactory(tenant=ours)
    for seat in (viewer.seat, SeatFactory(tenant=theirs, role="assistant")):
        answer = save(owner, row_of(group, assistant=str(seat.pk)), matrix=group.matrix_id)
        assert (answer.status_code, faults(answer)) == (422, {(group.name, "assistant")})


def test_a_saved_table_is_taken_back_from_the_toast(house, owner, matrix, pair):
    one, two = pair
    data = row_of(one, name="North", capacity="480") | row_of(two, mode="heavy")
    page = owner.post(f"/settings/matrices/{matrix.pk}/", data, follow=True)

    owner.post(undo_of(page))

    with acting_for(house.pk):
        assert list(Group.objects.order_by("number").values_list("name", "capacity", "mode")) == [
            ("Members 1", 500, "light"),
            ("Members 2", 500, "light"),
        ]


def test_what_another_page_offers_to_take_back_is_not_taken_back_here(owner, house, matrix, pair):
    with acting_for(house.pk):
        of = undo("", {"name": "Qinghe"}, {"name": "Qinghe North"})

    assert owner.post(f"/settings/matrices/{matrix.pk}/undo/{of}").status_code == 409


# Closing


def test_an_empty_group_is_closed_and_reopened(house, owner, matrix, pair):
    one, _two = pair

    closed = owner.post(f"/groups/{one.pk}/closing/", headers={"HX-Request": "true"})
    with acting_for(house.pk):
        one.refresh_from_db()
    assert (closed.status_code, closed["HX-Retarget"], one.closed_on) == (200, f"#row-{one.pk}", house.today())

    owner.post(f"/groups/{one.pk}/reopening/")
    with acting_for(house.pk):
        one.refresh_from_db()
    assert one.closed_on is None
    assert [kind for kind, *_ in facts(house)] == ["group.closed", "group.reopened"]


def test_a_group_with_people_is_not_closed_and_says_how_many_and_who(house, owner, matrix, pair):
    one, _two = pair
    PlacementFactory(group=one, tenant=house)

    answer = owner.post(f"/groups/{one.pk}/closing/", headers={"HX-Request": "true", "Accept-Language": "en"})

    said = answer.content.decode()
    assert answer.status_code == 422
    assert "1 person sits in this group. It can be closed when nobody does." in said
    assert f"/groups/{one.pk}/" in said


def test_a_group_that_people_are_on_their_way_into_is_not_closed(house, operator, matrix):
    move = MoveFactory(tenant=house, wave__reshuffle__state=Reshuffle.State.APPROVED)

    assert operator.post(f"/groups/{move.to_group_id}/closing/").status_code == 409


def test_a_number_that_was_given_away_meanwhile_is_given_up_on_reopening(house, owner, matrix, pair):
    one, _two = pair
    owner.post(f"/groups/{one.pk}/closing/")
    GroupFactory(matrix=matrix, number=1, name="The new one", tenant=house)

    owner.post(f"/groups/{one.pk}/reopening/")

    with acting_for(house.pk):
        one.refresh_from_db()
    assert (one.closed_on, one.number) == (None, None)


# Rules and the calendar


@pytest.fixture
def planned(house):
    """A matrix whose next half-year is laid out."""
    with acting_for(house.pk):
        matrix = MatrixFactory(name="Members")
        CohortFactory(matrix=matrix)
        calendar.lay_out(matrix, house)
        return matrix


def waiting(house, matrix):
    with acting_for(house.pk):
        return {step.kind: step.wall_time.date() for step in calendar.waiting(matrix)}


def test_other_lead_days_move_the_plan_that_was_not_proposed_yet(house, operator, planned):
    begins = waiting(house, planned)["begin"]

    preview = operator.get(f"/settings/matrices/{planned.pk}/dates/?lead_days=10").content.decode()
    operator.post(f"/settings/matrices/{planned.pk}/rules/", rules_of(planned, lead_days=10))

    assert waiting(house, planned) == {"propose": begins - datetime.timedelta(days=10), "begin": begins}
    assert (begins - datetime.timedelta(days=10)).isoformat() in preview


def test_a_plan_that_was_proposed_already_is_not_proposed_again(house, owner, planned):
    with acting_for(house.pk):
        CalendarStep.objects.filter(kind="propose").update(state="done")
        before = CalendarStep.objects.get(kind="propose").due_at

    owner.post(f"/settings/matrices/{planned.pk}/rules/", rules_of(planned, lead_days=10))

    with acting_for(house.pk):
        assert CalendarStep.objects.get(kind="propose").due_at == before


def test_a_matrix_that_is_no_longer_reshuffled_has_nothing_ahead_until_it_is_again(house, owner, planned):
    laid_out = waiting(house, planned)

    owner.post(f"/settings/matrices/{planned.pk}/rules/", rules_of(planned, is_reshuffled=False))
    off = waiting(house, planned)
    with acting_for(house.pk):
        planned.refresh_from_db()
    owner.post(f"/settings/matrices/{planned.pk}/rules/", rules_of(planned, is_reshuffled="on"))

    assert (off, waiting(house, planned)) == ({}, laid_out)


def test_a_reshuffle_under_way_is_not_switched_off_and_a_plan_of_one_switched_off_not_approved(house, owner):
    community = small_community(house)
    draft = ready_draft(community)
    with acting_for(house.pk):
        Matrix.objects.update(is_reshuffled=False)
        draft.reshuffle.matrix.refresh_from_db()
    refused = owner.post(f"/drafts/{draft.pk}/approval/")
    with acting_for(house.pk):
        Matrix.objects.update(is_reshuffled=True)
        draft.reshuffle.matrix.refresh_from_db()
        approve(draft, house, by=owner.seat)

    answer = owner.post(f"/settings/matrices/{community.matrix.pk}/rules/", rules_of(draft.reshuffle.matrix, is_reshuffled=False))

    assert refused.status_code != 200
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["is_reshuffled"])
    with acting_for(house.pk):
        assert Matrix.objects.get().is_reshuffled


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"lead_days": 0}, "lead_days"), ({"lead_days": 400}, "lead_days"), ({"half_life": "nan"}, "half_life"),
     ({"half_life": 0}, "half_life"),
     ({"least_percent": 101}, "least_percent"), ({"minutes_per_move": 0}, "minutes_per_move"), ({"name": " "}, "name")],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused_in_their_field(house, owner, planned, changed, field):
    answer = owner.post(f"/settings/matrices/{planned.pk}/rules/", rules_of(planned, **changed))

    assert (answer.status_code, list(answer.context["form"].errors), facts(house)) == (422, [field], [])


def test_a_matrix_is_added_and_its_name_is_there_once(house, operator):
    added = operator.post("/settings/matrices/new/", {"name": "Partners"})
    again = operator.post("/settings/matrices/new/", {"name": "Partners"})

    with acting_for(house.pk):
        assert list(Matrix.objects.values_list("name", "is_reshuffled")) == [("Partners", False)]
    assert (added.status_code, again.status_code, list(again.context["new"].errors)) == (302, 422, ["name"])


def test_weights_are_changed_reset_and_kept_within_reason(house, owner, matrix):
    address = f"/settings/matrices/{matrix.pk}/weights/"

    owner.post(address, WEIGHTS | {"star": 40})
    with acting_for(house.pk):
        changed = Matrix.objects.get().weights["star"]
    refused = [owner.post(address, WEIGHTS | wrong) for wrong in ({"star": "101"}, {"city": "-1"}, dict.fromkeys(WEIGHTS, "0"))]
    owner.post(address, {"reset": "1"})

    assert changed == 40
    assert [list(answer.context["weights"].errors) for answer in refused] == [["star"], ["city"], ["known"]]
    with acting_for(house.pk):
        assert Matrix.objects.get().weights == WEIGHTS


# Who, and how much


def test_a_viewer_looks_and_changes_nothing(house, viewer, matrix, pair):
    page = viewer.get("/settings/matrices/").content.decode()

    assert "<fieldset disabled>" in page
    assert save(viewer, row_of(pair[0], capacity="1"), matrix=matrix.pk).status_code == 403
    assert viewer.post(f"/groups/{pair[0].pk}/closing/").status_code == 403


def test_the_wheel_leads_each_seat_to_the_first_page_it_may_see(house, owner, operator):
    SeatFactory(tenant=house)

    def wheel(client):
        return client.get("/matrices/").context["settings_url"]

    assert (wheel(owner), wheel(operator)) == ("/qinghe/settings/", "/qinghe/settings/matrices/")


def test_a_tenant_without_a_matrix_is_shown_how_to_begin(owner):
    assert owner.get("/settings/matrices/").status_code == 200


def test_one_group_and_thirty_take_the_same_number_of_queries(house, owner, matrix, pair):
    def asked():
        with CaptureQueriesContext(connection) as found:
            assert owner.get(f"/settings/matrices/{matrix.pk}/").status_code == 200
        return len(found)

    asked()
    before = asked()
    for _ in range(30):
        group = GroupFactory(matrix=matrix, assistant=SeatFactory(tenant=house, role="assistant", user__password=None), tenant=house)
        PlacementFactory(group=group, tenant=house)
        CohortFactory(matrix=matrix)

    assert asked() == before
    assert before <= 22


# API


def test_a_program_makes_a_matrix_and_groups_and_changes_them(house, api):
    seat = SeatFactory(tenant=house, role="assistant")
    matrix = api.post("/matrices/", {"name": "Partners", "is_reshuffled": False}).json()
    group = api.post("/groups/", {"matrix": matrix["id"], "name": "Partners 1", "number": 1, "assistant": str(seat.pk)}).json()

    changed = api.patch(f"/groups/{group['id']}/", {"capacity": 200, "assistant": None}).json()
    lead = api.patch(f"/matrices/{matrix['id']}/", {"lead_days": 30, "weights": {"star": 30}}).json()

    assert {name: changed[name] for name in ("capacity", "assistant", "headcount")} == {"capacity": 200, "assistant": None, "headcount": 0}
    assert (group["assistant"], lead["lead_days"], lead["weights"]) == (str(seat.pk), 30, WEIGHTS | {"star": 30})
    assert [kind for kind, *_ in facts(house)] == [
        "matrix.added", "group.added", "group.assigned", "group.changed", "group.assigned", "matrix.lead_days_set", "matrix.weights_set",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"least": 501}, "least_above_capacity"), ({"capacity": 10**9}, "out_of_range"), ({"number": 2}, "number_taken"),
     ({"name": "Members 2"}, "a_group_name_once"), ({"assistant": "0199a1b2-0000-7000-8000-000000000000"}, "seat_ended")],
)  # fmt: skip
def test_a_program_is_told_by_a_code(house, api, pair, asked, code):
    answer = api.patch(f"/groups/{pair[0].pk}/", asked)

    assert (answer.json()["code"], facts(house)) == (code, [])


def test_a_program_closes_and_reopens(house, api, pair):
    PlacementFactory(group=pair[0], tenant=house)

    answers = [api.post(f"/groups/{group.pk}/closing/") for group in pair]
    reopened = api.post(f"/groups/{pair[1].pk}/reopening/").json()

    assert [answer.status_code for answer in answers] == [409, 200]
    assert (answers[0].json()["code"], reopened["closed_on"]) == ("group_not_empty", None)


def test_another_community_s_matrix_takes_no_group(two, api):
    ours, theirs = two
    matrix = MatrixFactory(tenant=theirs)

    assert api.post("/groups/", {"matrix": str(matrix.pk), "name": "Ours"}).status_code == 400
    assert SeatClient(SeatFactory(tenant=ours, role="owner")).get(f"/settings/matrices/{matrix.pk}/").status_code == 404
