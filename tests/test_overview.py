import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy.scope import acting_for
from groups import calendar
from groups.models import Draft, Reshuffle
from tests.factories import (
    CohortFactory,
    DraftFactory,
    EventFactory,
    GroupFactory,
    MatrixFactory,
    MemberFactory,
    MoveFactory,
    PlacementFactory,
    RenewalFactory,
    ReshuffleFactory,
    SeatFactory,
    TaskFactory,
    WaveFactory,
)

FIGURES = {
    "moves": 3600,
    "new_people": {"mean": 273.6, "least": 240},
    "random": {"new_people_mean": 257.2},
    "bounds": {"new_people_mean_at_most": 283.1},
}


def kinds(response):
    return [each.kind for each in response.context["decisions"]]


def ready(tenant, **fields):
    reshuffle = ReshuffleFactory(tenant=tenant)
    return DraftFactory(reshuffle=reshuffle, state="ready", figures=FIGURES, **fields)


def english(client, address="/"):
    return client.get(address, headers={"Accept-Language": "en"}).content.decode()


def test_on_the_first_day_it_leads_to_the_first_step(owner):
    text = english(owner)

    assert "Four steps to your first plan" in text
    assert "/start/files/" in text
    assert text.count("btn-primary") == 1
    assert 'id="waiting"' not in text


def test_a_ready_plan_waits_with_its_figures_beside_random_dealing(house, owner):
    MemberFactory(tenant=house)
    draft = ready(house)

    page = owner.get("/")
    text = english(owner)

    assert kinds(page) == ["plan"]
    assert page.context["waiting"] == 1
    for shown in ("3,600", "120 h", "274", "257", f"/drafts/{draft.pk}/"):
        assert shown in text
    assert text.count("btn-primary") == 1


def test_only_rows_of_this_tenant_make_cards(two, owner):
    ours, theirs = two
    MemberFactory(tenant=ours)
    ready(theirs)
    TaskFactory(due_at=now() - datetime.timedelta(days=3), tenant=theirs)
    EventFactory(kind="community.imported", after={"people": 77}, tenant=theirs)

    context = owner.get("/").context

    assert (context["decisions"], context["loads"], context["imported"], context["promised"]) == ([], [], None, None)


def test_late_tasks_come_first_and_only_the_first_button_is_filled(house, owner):
    MemberFactory(tenant=house)
    ready(house)
    late = TaskFactory(assistant=SeatFactory(name="阿远", tenant=house), due_at=now() - datetime.timedelta(days=3), tenant=house)

    page = owner.get("/")

    assert kinds(page) == ["late", "plan"]
    assert page.content.decode().count("btn-primary") == 1
    assert page.context["decisions"][0].about["oldest"] == late.late_at
    assert "阿远" in page.content.decode()


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"state": "waiting", "stage": "searching", "percent": 42}, "making"),
        ({"state": "impossible", "problems": [{"code": "too_few_seats", "data": {"members": 900, "seats": 800}}]}, "impossible"),
        ({"state": "failed", "problems": [{"code": "not_found"}]}, "failed"),
    ],
)
def test_a_plan_that_is_not_ready_says_how_it_stands(house, owner, fields, kind):
    MemberFactory(tenant=house)
    DraftFactory(reshuffle=ReshuffleFactory(tenant=house), **fields)

    page = owner.get("/")

    assert kinds(page) == [kind]
    assert (page.context["waiting"] == 0) == (kind == "making")
    assert ('hx-trigger="every 5s"' in page.content.decode()) == (kind == "making")


def test_a_clash_is_said_in_words(house, owner):
    MemberFactory(tenant=house)
    problems = [{"code": "too_few_seats", "data": {"members": 900, "seats": 800}}]
    DraftFactory(reshuffle=ReshuffleFactory(tenant=house), state="impossible", problems=problems)

    assert "900 members need a seat" in english(owner)


def test_a_reshuffle_that_is_carried_out_shows_what_is_handled(house, owner):
    MemberFactory(tenant=house)
    draft = ready(house)
    with acting_for(house.pk):
        Reshuffle.objects.filter(pk=draft.reshuffle_id).update(state="approved", chosen=draft)
    wave = WaveFactory(reshuffle=draft.reshuffle)
    for state in ("waiting", "asked", "joined", "refused"):
        MoveFactory(wave=wave, state=state)

    page = owner.get("/")
    (carried,) = page.context["decisions"]

    assert (carried.kind, carried.about.moves_done, carried.about.moves_all, carried.about.last_day) == ("carried", 3, 4, wave.day)
    assert page.context["promised"]["mean"] == 273.6
    assert page.context["waiting"] == 0


def test_before_the_plan_is_proposed_the_day_of_it_is_said(house, owner):
    matrix = MatrixFactory(tenant=house, lead_days=0)
    PlacementFactory(group=GroupFactory(matrix=matrix), cohort=CohortFactory(matrix=matrix))
    with acting_for(house.pk):
        calendar.lay_out(matrix, house)

    page = owner.get("/")

    assert kinds(page) == ["planned"]
    assert page.context["waiting"] == 0


def test_the_last_import_shows_what_was_counted_and_nothing_else(house, owner):
    MemberFactory(tenant=house)
    EventFactory(kind="community.imported", after={"people": 12}, at=now() - datetime.timedelta(days=1), tenant=house)
    EventFactory(kind="community.imported", after={"people": 5121, "rejected": 7}, tenant=house)

    text = english(owner)

    assert "5,121" in text
    assert "rejected rows" in text
    assert "merged" not in text


def test_a_card_without_rows_is_left_out(house, owner):
    MemberFactory(tenant=house)

    text = english(owner)

    assert "Last import" not in text
    assert "What the assistants do" not in text
    assert "Nothing waits for you" in text


def test_it_takes_fifteen_queries_at_most_however_much_there_is(house, owner):
    def add():
        draft = ready(house)
        seat = SeatFactory(tenant=house, user__password=None)
        TaskFactory(assistant=seat, due_at=now() - datetime.timedelta(days=3), tenant=house)
        EventFactory(kind="community.imported", seat=seat, after={"people": 1}, tenant=house)
        return draft

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert owner.get("/").status_code == 200
        return len(asked)

    MemberFactory(tenant=house)
    add()
    one = queries()
    for _ in range(9):
        add()

    assert queries() == one <= 15


def test_who_may_see_it(house, owner, operator, viewer, assistant):
    MemberFactory(tenant=house)
    ready(house)

    assert [client.get("/").status_code for client in (owner, operator, viewer, assistant)] == [200, 200, 200, 403]
    assert "waiting for your approval" in english(owner)
    assert "the owner approves it" in english(operator)


def test_the_rail_counts_things_to_do_alone(house, owner):
    MemberFactory(tenant=house)
    TaskFactory(tenant=house)  # open, not late
    DraftFactory(reshuffle=ReshuffleFactory(tenant=house))  # being made

    def counts():
        return {
            str(entry["label"]): entry["count"]
            for room in owner.get("/").context["navigation"]
            for entry in room["entries"]
            if entry["count"]
        }

    assert counts() == {}
    ready(house)
    with acting_for(house.pk):
        assert Draft.objects.count() == 2
    assert list(counts().values()) == [1]


def test_several_seats_lead_to_a_choice_and_one_straight_in(two, owner):
    assert owner.outside.get("/").url == "/qinghe/"

    SeatFactory(tenant=two[1], user=owner.seat.user, role="assistant")
    page = owner.outside.get("/")

    assert [url for _seat, url in page.context["places"]] == ["/qinghe/", "/yuanfan/phone/"]
    assert "/yuanfan/phone/" in page.content.decode()


def test_who_has_no_seat_is_told_so(owner):
    with_none = owner.outside
    owner.seat.ended_at = now()
    owner.seat.save()

    assert with_none.get("/").status_code == 200


def test_what_renewals_brought_stands_there_only_where_there_are_some(house, owner):
    with acting_for(house.pk):
        lin = MemberFactory(joined_on=datetime.date(2020, 1, 1))
    before = owner.get("/").context["terms"]
    with acting_for(house.pk):
        RenewalFactory(member=lin, begins_on=house.today(), ends_on=house.today(), price=598000)

    after = owner.get("/")

    assert (before, after.context["terms"][0].income) == (None, {"CNY": 598000})
    assert "5,980" in after.content.decode()
