"""Who runs out when, renewing by one click, and what a month brought."""

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from members import terms
from members.models import Member, Renewal
from tests.conftest import SeatClient
from tests.factories import GroupFactory, MemberFactory, PlacementFactory, RenewalFactory, SeatFactory, SegmentFactory

A_DAY = datetime.timedelta(days=1)


@pytest.fixture
def today(house):
    return house.today()


def member_of(house, **fields):
    with acting_for(house.pk):
        return MemberFactory(**fields)


def one_year(begins, price="5980"):
    return {"begins_on": begins.isoformat(), "ends_on": terms.year_from(begins).isoformat(), "price": price, "source": "direct"}


def fresh(house, member):
    with acting_for(house.pk):
        return Member.objects.get(pk=member.pk)


def test_one_click_renews_for_a_year_and_is_taken_back(owner, house, today):
    lin = member_of(house, nickname="Lin", expires_on=today + 5 * A_DAY)
    begins = today + 6 * A_DAY

    answer = owner.post(f"/members/{lin.pk}/renewals/", one_year(begins))

    with acting_for(house.pk):
        renewal = Renewal.objects.get()
        assert f"/members/renewals/{renewal.pk}/undo/" in owner.get("/members/terms/").content.decode()  # in the toast
        assert answer.status_code == 302
        assert (renewal.price, renewal.currency, renewal.paid_on, renewal.noted_by) == (598000, "CNY", today, owner.seat)
    assert fresh(house, lin).expires_on == terms.year_from(begins)
    owner.post(f"/members/renewals/{renewal.pk}/undo/")
    assert fresh(house, lin).expires_on == today + 5 * A_DAY
    with acting_for(house.pk):
        assert Renewal.objects.count() == 0
        assert list(Event.objects.order_by("at").values_list("kind", flat=True)) == ["renewal.added", "renewal.taken_back"]


def test_the_same_click_twice_is_one_renewal_and_another_price_is_refused(owner, house, today):
    lin = member_of(house, expires_on=today)

    first = owner.post(f"/members/{lin.pk}/renewals/", one_year(today + A_DAY))
    second = owner.post(f"/members/{lin.pk}/renewals/", one_year(today + A_DAY))
    other = owner.post(f"/members/{lin.pk}/renewals/", one_year(today + A_DAY, price="1"))

    assert [first.status_code, second.status_code, other.status_code] == [302, 302, 422]
    with acting_for(house.pk):
        assert [renewal.price for renewal in Renewal.objects.all()] == [598000]


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_are_one_renewal(house, today):
    lin = member_of(house, expires_on=today)
    seats = [SeatFactory(tenant=house, role="operator") for _ in range(2)]

    def click(seat):
        try:
            return SeatClient(seat).post(f"/members/{lin.pk}/renewals/", one_year(today + A_DAY)).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(click, seats))

    assert answers == [302, 302]
    with acting_for(house.pk):
        assert Renewal.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"price": "many"}, "price"),
        ({"price": "-5"}, "price"),
        ({"price": "1.234"}, "price"),
        ({"price": "9" * 19}, "price"),
        ({"ends_on": "2020-01-01"}, "ends_on"),
        ({"ends_on": "9999-01-01"}, "ends_on"),
        ({"begins_on": "yesterday\0"}, "begins_on"),
        ({"source": "heaven"}, "source"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_written(owner, house, today, said, field):
    lin = member_of(house, expires_on=today)

    answer = owner.post(f"/members/{lin.pk}/renewals/", one_year(today + A_DAY) | said)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    with acting_for(house.pk):
        assert Renewal.objects.count() == 0


def test_the_last_day_is_the_latest_and_the_later_term_goes_first(owner, house, today):
    lin = member_of(house, expires_on=today)
    for begins in (today + A_DAY, today + 400 * A_DAY):
        owner.post(f"/members/{lin.pk}/renewals/", one_year(begins))
    with acting_for(house.pk):
        first, second = Renewal.objects.order_by("begins_on")

    refused = owner.post(f"/members/renewals/{first.pk}/undo/")
    owner.post(f"/members/renewals/{second.pk}/undo/")

    assert refused.status_code == 409
    assert fresh(house, lin).expires_on == first.ends_on


def test_who_had_left_comes_back_by_renewing(owner, house, today):
    lin = member_of(house, standing="past", expires_on=today - 90 * A_DAY)

    owner.post(f"/members/{lin.pk}/renewals/", one_year(today))

    assert fresh(house, lin).standing == "current"
    with acting_for(house.pk):
        renewal = Renewal.objects.get()
    owner.post(f"/members/renewals/{renewal.pk}/undo/")
    assert (fresh(house, lin).standing, fresh(house, lin).expires_on) == ("past", today - 90 * A_DAY)


def test_the_trail_takes_a_renewal_back(owner, house, today):
    lin = member_of(house, expires_on=today)
    owner.post(f"/members/{lin.pk}/renewals/", one_year(today + A_DAY))
    with acting_for(house.pk):
        fact = Event.objects.get(kind="renewal.added")

    owner.post(f"/trail/{fact.pk}/undo/")

    assert fresh(house, lin).expires_on == today


def test_the_list_says_who_ends_this_week_this_month_and_who_is_over_but_still_here(owner, house, today):
    with acting_for(house.pk):
        MemberFactory(nickname="week", expires_on=today + 3 * A_DAY)
        MemberFactory(nickname="month", expires_on=today + 20 * A_DAY)
        MemberFactory(nickname="later", expires_on=today + 40 * A_DAY)
        MemberFactory(nickname="gone", expires_on=today - 3 * A_DAY)
        over = MemberFactory(nickname="over", expires_on=today - 3 * A_DAY)
        PlacementFactory(member=over)

    shown = {
        when: [row.member.nickname for row in owner.get("/members/terms/", {"when": when}).context["rows"]]
        for when in ("week", "month", "over")
    }

    assert shown == {"week": ["week"], "month": ["week", "month"], "over": ["over"]}


def test_the_list_asks_as_much_for_thirty_as_for_one(owner, house, today):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert owner.get("/members/terms/").status_code == 200
        return len(queries)

    with acting_for(house.pk):
        group = GroupFactory()
        PlacementFactory(member=MemberFactory(expires_on=today), group=group)
    asked()
    one = asked()
    with acting_for(house.pk):
        for _ in range(30):
            lin = MemberFactory(expires_on=today + A_DAY)
            RenewalFactory(member=lin)
            PlacementFactory(member=lin, group=group)

    assert asked() == one


def test_a_month_counts_who_renewed_who_was_lost_and_what_came_in(tenant, today, monkeypatch):
    monkeypatch.setattr(type(tenant), "today", lambda self: datetime.date(2026, 12, 1))
    long_ago, november = datetime.date(2024, 1, 1), datetime.date(2026, 11, 1)
    stays = MemberFactory(joined_on=long_ago, expires_on=datetime.date(2027, 11, 9))
    RenewalFactory(
        member=stays, begins_on=datetime.date(2026, 11, 10), ends_on=stays.expires_on, price=598000, paid_on=datetime.date(2026, 11, 2)
    )
    MemberFactory(joined_on=long_ago, expires_on=datetime.date(2026, 11, 20))
    newcomer = MemberFactory(joined_on=datetime.date(2026, 11, 5), expires_on=datetime.date(2027, 11, 4))
    RenewalFactory(
        member=newcomer, begins_on=newcomer.joined_on, ends_on=newcomer.expires_on, price=10000, currency="USD", paid_on=newcomer.joined_on
    )

    this, before = terms.figures(tenant, november)

    assert (this.renewed, this.lost, this.ended, this.share, this.income) == (1, 1, 2, 0.5, {"CNY": 598000, "USD": 10000})
    assert (before.renewed, before.lost, before.share, before.income) == (0, 0, None, {})


@pytest.mark.parametrize(
    ("begins", "months", "ends"),
    [("2026-12-02", 12, "2027-12-01"), ("2026-01-31", 1, "2026-02-28"), ("2028-02-29", 12, "2029-02-28"), ("2026-08-31", 6, "2027-02-28")],
)
def test_a_span_ends_the_day_before_it_would_begin_again(begins, months, ends):
    assert terms.months_from(datetime.date.fromisoformat(begins), months).isoformat() == ends


def test_a_viewer_sees_and_does_not_renew(viewer, house, today):
    lin = member_of(house, expires_on=today)

    assert viewer.get("/members/terms/").status_code == 200
    assert viewer.get(f"/members/{lin.pk}/terms/").status_code == 200
    assert viewer.post(f"/members/{lin.pk}/renewals/", one_year(today)).status_code == 403


def test_the_api_notes_a_renewal_once_and_takes_it_back(api, house, today):
    lin = member_of(house, expires_on=today)
    said = {"member": str(lin.pk), "begins_on": str(today + A_DAY), "ends_on": str(today + 300 * A_DAY), "price": 598000}

    first, second = api.post("/renewals/", said), api.post("/renewals/", said)
    found = api.get("/renewals/", {"member": str(lin.pk)}).json()["results"]
    gone = api.delete(f"/renewals/{first.json()['id']}/")

    assert (first.status_code, second.json()["id"], gone.status_code) == (201, first.json()["id"], 204)
    assert [(row["price"], row["currency"], row["source"]) for row in found] == [(598000, "CNY", "direct")]
    assert fresh(house, lin).expires_on == today


def test_the_list_narrows_to_a_group_and_to_words(owner, house, today):
    with acting_for(house.pk):
        lin = MemberFactory(nickname="Lin", expires_on=today)
        MemberFactory(nickname="Wang", expires_on=today)
        group = GroupFactory()
        PlacementFactory(member=lin, group=group)

    asked = [{"group": str(group.pk)}, {"q": "Wang"}, {"group": "nonsense"}, {"month": "2026-13"}, {"month": today.strftime("%Y-%m")}]
    shown = [sorted(row.member.nickname for row in owner.get("/members/terms/", said).context["rows"]) for said in asked]

    assert shown == [["Lin"], ["Wang"], [], ["Lin", "Wang"], ["Lin", "Wang"]]


def test_the_list_is_of_a_segment_where_one_is_chosen(owner, viewer, house, today):
    with acting_for(house.pk):
        for name, city in ("Lin", "深圳"), ("Wang", "上海"):
            MemberFactory(nickname=name, city=city, expires_on=today)
        segment = SegmentFactory(name="South", asked={"city": ["深圳"]})
        gone = SegmentFactory(name="Gone", asked={"field-1": ["x"]})
        own = SegmentFactory(name="Mine", asked={"city": ["上海"]}, seat=owner.seat)

    page = owner.get("/members/terms/", {"segment": str(segment.pk)}, headers={"Accept-Language": "en"})

    assert [row.member.nickname for row in page.context["rows"]] == ["Lin"]
    assert [tab["count"] for tab in page.context["tabs"]] == [1, 1, 0]
    assert page.context["counts"]["week"] == 2
    assert f'href="?segment={segment.pk}&amp;when=week"' in page.content.decode()
    assert "no longer there" in owner.get("/members/terms/", {"segment": str(gone.pk)}, headers={"Accept-Language": "en"}).content.decode()
    assert [one.get("/members/terms/", {"segment": str(own.pk)}).status_code for one in (owner, viewer)] == [200, 404]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_form_proposes_the_year_after_the_last_day_and_the_last_price(owner, house, today, language):
    lin = member_of(house, expires_on=today)
    with acting_for(house.pk):
        RenewalFactory(member=lin, price=598050)
    owner.cookies["django_language"] = language

    page = owner.get(f"/members/{lin.pk}/renewal/").content.decode()

    for value in ((today + A_DAY).isoformat(), terms.year_from(today + A_DAY).isoformat(), "5980.5"):
        assert f'value="{value}"' in page
