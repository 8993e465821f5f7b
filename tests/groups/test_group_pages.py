import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.conftest import SeatClient
from tests.factories import (
    CalendarStepFactory,
    CohortFactory,
    GroupFactory,
    HandleFactory,
    MatrixFactory,
    MemberFactory,
    MoveFactory,
    PinFactory,
    PlacementFactory,
    ReshuffleFactory,
    SeatFactory,
    StarFactory,
    TaskFactory,
    WaveFactory,
)

YESTERDAY = datetime.timedelta(days=1, hours=2)


def queries(client, address):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def shown(response):
    return [row["member"].nickname for row in response.context["people"]]


# Matrices and groups


def test_matrices_show_the_own_groups_with_who_sits_there(two, owner):
    ours, theirs = two
    group = GroupFactory(name="会员4群", number=4, capacity=2, tenant=ours)
    for _ in range(3):
        PlacementFactory(group=group)
    PlacementFactory(group=group, until=now().date())
    GroupFactory(name="Theirs", tenant=theirs)

    page = owner.get("/matrices/")

    assert [(group.name, group.headcount) for each in page.context["matrices"] for group in each["groups"]] == [("会员4群", 3)]
    assert [group.name for group in page.context["full"]] == ["会员4群"]
    assert "Theirs" not in page.content.decode()


def test_a_group_shows_who_sits_there_from_where_they_came_and_who_is_a_star(house, owner):
    matrix = MatrixFactory(tenant=house)
    old, here = GroupFactory(matrix=matrix, name="Old"), GroupFactory(matrix=matrix, name="Here")
    before = CohortFactory(matrix=matrix, year=2025, half=1, state="past")
    current = CohortFactory(matrix=matrix, year=2025, half=2, state="current")
    came, stayed, new = (MemberFactory(nickname=name, city="深圳", tenant=house) for name in ("Came", "Stayed", "New"))
    for member, group in ((came, old), (stayed, here)):
        PlacementFactory(member=member, group=group, cohort=before, until=current.begins_on)
    for member in (came, stayed, new):
        PlacementFactory(member=member, group=here, cohort=current)
    StarFactory(member=stayed)
    PinFactory(matrix=matrix, member=came)

    context = owner.get(f"/groups/{here.pk}/").context

    rows = [(row["member"].nickname, row["member"].came_from) for row in context["people"]]
    assert rows == [("Stayed", "Here"), ("Came", "Old"), ("New", None)]
    assert {name: context[name] for name in ("stars", "pins", "new", "stayed", "came_from", "cities")} == {
        "stars": 1, "pins": 1, "new": 1, "stayed": 1, "came_from": [("Old", 1)], "cities": [("深圳", 3)],
    }  # fmt: skip
    assert [half["count"] for half in context["since"]] == [2, 1]


def test_the_people_of_a_group_are_searched_and_paged_and_equal_cities_keep_their_order(house, owner):
    group = GroupFactory(tenant=house)
    for number in range(52):
        PlacementFactory(group=group, member__nickname=f"N{number:02}", member__city="上海" if number % 2 else "深圳")

    assert owner.get(f"/groups/{group.pk}/").context["cities"] == [("上海", 26), ("深圳", 26)]
    assert shown(owner.get(f"/groups/{group.pk}/?q=n07")) == ["N07"]
    assert shown(owner.get(f"/groups/{group.pk}/?page=2")) == ["N50", "N51"]


def test_a_matrix_shows_its_half_years_rules_and_next_steps(house, owner):
    step = CalendarStepFactory(due_at=now() + YESTERDAY, tenant=house)
    matrix = step.cohort.matrix
    PlacementFactory(group=GroupFactory(matrix=matrix))
    ReshuffleFactory(matrix=matrix, cohort=step.cohort)

    context = owner.get(f"/matrices/{matrix.pk}/").context

    half_years = [(cohort.state, cohort.placed, bool(cohort.reshuffle)) for cohort in context["cohorts"]]
    assert half_years == [("planned", 0, True), ("current", 1, False)]
    assert context["steps"] == [step]
    assert dict(context["weights"]) == matrix.weights
    assert context["next"].pk == step.cohort_id


def test_a_member_s_groups_stand_on_their_page(house, owner):
    move = MoveFactory(tenant=house)
    with_them = PlacementFactory(member=move.member, group=move.from_group)
    PlacementFactory(group=move.from_group, cohort=with_them.cohort)

    panel = owner.get(f"/members/{move.member_id}/panels/groups/")

    assert [[sat["placement"].group for sat in each["sat"]] for each in panel.context["matrices"]] == [[move.from_group]]
    assert (panel.context["move"], panel.context["met"]) == (move, 1)


def test_empty_pages_say_what_comes_next(house, owner):
    group = GroupFactory(tenant=house)

    assert owner.get(f"/groups/{group.pk}/").status_code == 200
    assert owner.get(f"/matrices/{group.matrix_id}/").status_code == 200
    assert "No tasks yet" in owner.get("/tasks/", headers={"Accept-Language": "en"}).content.decode()


def test_a_tenant_without_groups_is_told_how_they_come(owner):
    assert "/start/files/" in owner.get("/matrices/").content.decode()


@pytest.mark.parametrize("address", ["/matrices/", "/matrices/{matrix}/", "/groups/{group}/", "/tasks/", "/tasks/?state=done"])
def test_one_row_and_thirty_take_the_same_number_of_queries_and_sixteen_at_most(house, owner, address):
    def add():
        member = MemberFactory(tenant=house)
        HandleFactory(member=member)
        StarFactory(member=member)
        PlacementFactory(member=member, group=group)
        PlacementFactory(group=GroupFactory(matrix=group.matrix, assistant=SeatFactory(tenant=house, user__password=None)))
        task = TaskFactory(member=member, group=group, assistant=SeatFactory(tenant=house, user__password=None))
        MoveFactory(wave=wave, member=member, task=task, from_group=group)
        done = SeatFactory(tenant=house, user__password=None)
        TaskFactory(group=group, assistant=done, state="done", ended_at=now(), ended_by=done, tenant=house)

    group = GroupFactory(tenant=house)
    wave = WaveFactory(reshuffle=ReshuffleFactory(matrix=group.matrix))
    address = address.format(group=group.pk, matrix=group.matrix_id)
    add()
    one = queries(owner, address)
    for _ in range(29):
        add()

    assert queries(owner, address) == one <= 16


def test_who_may_see_groups(house, owner, operator, viewer, assistant):
    group = GroupFactory(tenant=house)

    for address in ("/matrices/", f"/matrices/{group.matrix_id}/", f"/groups/{group.pk}/"):
        assert [client.get(address).status_code for client in (owner, operator, viewer, assistant)] == [200, 200, 200, 403]


def test_another_tenants_group_is_not_there(two, owner):
    group = GroupFactory(tenant=two[1])

    assert [owner.get(address).status_code for address in (f"/groups/{group.pk}/", f"/matrices/{group.matrix_id}/")] == [404, 404]


# Tasks


def members_of(response):
    return [task.member.nickname for part in response.context["parts"] for task in part["tasks"]]


def test_tasks_are_counted_per_assistant_and_listed_by_group(two, owner):
    ours, theirs = two
    amu, bei = SeatFactory(tenant=ours, role="assistant", name="Amu"), SeatFactory(tenant=ours, role="assistant", name="Bei")
    one, two_ = GroupFactory(name="One", number=1, tenant=ours), GroupFactory(name="Two", number=2, tenant=ours)
    TaskFactory(assistant=amu, group=two_, member__nickname="Late", due_at=now() - 2 * YESTERDAY, tenant=ours)
    TaskFactory(assistant=amu, group=one, member__nickname="Open", tenant=ours)
    TaskFactory(assistant=bei, group=one, member__nickname="Done", state="done", ended_at=now(), ended_by=bei, tenant=ours)
    TaskFactory(member__nickname="Theirs", tenant=theirs)

    page = owner.get("/tasks/")

    assert [(str(load["seat"]), load["open"], load["late"], load["done"], load["minutes"]) for load in page.context["loads"]] == [
        ("Amu", 2, 1, 0, 4),
        ("Bei", 0, 0, 1, 0),
    ]
    assert sorted(members_of(page)) == ["Late", "Open"]
    assert [part["group"].name for part in page.context["parts"]] in (["One", "Two"], ["Two", "One"])
    assert members_of(owner.get("/tasks/?state=late")) == ["Late"]
    assert members_of(owner.get("/tasks/?state=done")) == ["Done"]
    assert members_of(owner.get(f"/tasks/?assistant={bei.pk}")) == []
    assert members_of(owner.get(f"/tasks/?group={one.pk}")) == ["Open"]
    assert page.context["oldest"] == page.context["loads"][0]["oldest"]


def test_an_assistant_sees_their_own_tasks_alone_whatever_the_address_asks(house, assistant):
    mine = TaskFactory(assistant=assistant.seat, tenant=house)
    other = TaskFactory(assistant=SeatFactory(tenant=house, user__password=None), tenant=house)

    assert members_of(assistant.get("/tasks/")) == [mine.member.nickname]
    assert members_of(assistant.get(f"/tasks/?assistant={other.assistant_id}")) == []


@pytest.mark.parametrize("asked", ["state=x", "assistant=x", "group=x", "page=x", "state=late&page=7"])
def test_an_address_that_means_nothing_is_answered_all_the_same(house, owner, asked):
    TaskFactory(tenant=house)

    assert owner.get(f"/tasks/?{asked}").status_code == 200


def test_a_page_of_tasks_holds_fifty(house, owner):
    group, seat = GroupFactory(tenant=house), SeatFactory(tenant=house, user__password=None)
    for _ in range(53):
        TaskFactory(group=group, assistant=seat, tenant=house)

    assert [len(members_of(owner.get(f"/tasks/?page={page}"))) for page in (1, 2)] == [50, 3]


def test_clocks_are_those_of_the_tenant(two, owner):
    ended = datetime.datetime(2026, 11, 24, 17, 30, tzinfo=datetime.UTC)
    TaskFactory(state="done", ended_at=ended, ended_by=owner.seat, tenant=two[0])

    assert "01:30" in owner.get("/tasks/?state=done").content.decode()  # in Shanghai it is the next morning


def test_the_seat_of_another_tenant_sees_nothing_of_ours(two):
    stranger = SeatClient(SeatFactory(tenant=two[1], role="owner"))
    TaskFactory(tenant=two[0])

    assert stranger.get("/tasks/").context["loads"] == []
