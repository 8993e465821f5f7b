"""Saved filters with a name: whoever fits now, shared or one's own, taken back, and never ignoring a filter that is gone."""

import re

import pytest

from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from members import segments
from members.models import Segment
from tests.factories import CustomFieldFactory, MemberFactory, SegmentFactory


def names(page):
    return [row.member.nickname for row in page.context["list"].rows]


def shown(page):
    return [(tab["segment"].name, tab["count"]) for tab in page.context["list"].tabs.each]


def undo_in(page):
    """The address of the toast's undo."""
    return re.search(r'action="([^"]*segments/undo/[^"]*)"', page.content.decode())[1].replace("&amp;", "&")


@pytest.fixture
def people(house):
    for nickname, city in [("A", "深圳"), ("B", "杭州"), ("C", "深圳")]:
        MemberFactory(nickname=nickname, city=city, tenant=house)


def test_the_present_conditions_are_saved_and_shown_above_the_list_with_how_many_fit(owner, people, house):
    answer = owner.post("/members/?city=深圳&city=杭州&q=a", {"name": "南方 A", "shared": "1"}, follow=True)

    assert shown(answer) == [("南方 A", 1)]
    assert names(answer) == ["A"]
    with acting_for(house.pk):
        saved = Segment.objects.get()
        assert (saved.asked, saved.seat_id) == ({"city": ["深圳", "杭州"], "q": "a"}, None)
        assert Event.objects.get(kind="segment.saved").after == {"filters": 2, "shared": True}


def test_whoever_fits_later_is_in_it(owner, people, house):
    segment = SegmentFactory(asked={"city": "深圳"}, tenant=house)
    MemberFactory(nickname="D", city="深圳", tenant=house)

    assert names(owner.get(f"/members/?segment={segment.pk}")) == ["A", "C", "D"]
    with acting_for(house.pk):
        assert segments.members_of(segment).count() == 3


def test_an_own_one_is_nobody_elses(owner, operator, people):
    owner.post("/members/?city=深圳", {"name": "mine", "shared": "0"})
    operator.post("/members/?city=杭州", {"name": "mine", "shared": "0"})

    assert shown(owner.get("/members/")) == [("mine", 2)]
    assert shown(operator.get("/members/")) == [("mine", 1)]


def test_another_seat_cannot_touch_an_own_one(owner, operator, people, house):
    owner.post("/members/?city=深圳", {"name": "mine", "shared": "0"})
    with acting_for(house.pk):
        segment = Segment.objects.get()

    assert operator.post(f"/members/segments/{segment.pk}/", {"name": "theirs"}).status_code == 404
    assert operator.post(f"/members/segments/{segment.pk}/end/").status_code == 404


@pytest.mark.parametrize(
    ("address", "name", "said"),
    [("?city=深圳", "taken", "already"), ("?city=深圳", " ", "This field is required"), ("?", "x", "Choose a condition"),
     ("?q=a", "x" * 41, "40")],
)  # fmt: skip
def test_what_cannot_be_saved_is_said_and_what_was_typed_stays(owner, people, house, address, name, said):
    SegmentFactory(name="taken", tenant=house)
    owner.cookies["django_language"] = "en"

    answer = owner.post(f"/members/{address}", {"name": name, "shared": "1"})
    text = answer.content.decode()

    assert answer.status_code == 422
    assert said in text
    assert "data-open" in text
    assert not name.strip() or f'value="{name}"' in text


def test_it_is_renamed_shared_and_changed_and_each_is_taken_back(owner, people, house):
    segment = SegmentFactory(name="S", asked={"city": "深圳"}, tenant=house)
    address = f"/members/segments/{segment.pk}/"

    renamed = owner.post(address, {"name": "T", "shared": "0", "next": "/qinghe/members/"}, follow=True)
    assert shown(renamed) == [("T", 2)]
    assert shown(owner.post(undo_in(renamed), follow=True)) == [("S", 2)]

    changed = owner.post(f"/members/?city=杭州&segment={segment.pk}", {"over": segment.pk}, follow=True)
    assert shown(changed) == [("S", 1)]
    assert shown(owner.post(undo_in(changed), follow=True)) == [("S", 2)]

    dropped = owner.post(f"{address}end/", follow=True)
    assert shown(dropped) == []
    assert shown(owner.post(undo_in(dropped), follow=True)) == [("S", 2)]


def test_nothing_is_taken_back_over_a_newer_change(owner, operator, people, house):
    segment = SegmentFactory(name="S", asked={"city": "深圳"}, tenant=house)
    renamed = owner.post(f"/members/segments/{segment.pk}/", {"name": "T"}, follow=True)
    operator.post(f"/members/segments/{segment.pk}/", {"name": "U"})

    assert owner.post(undo_in(renamed)).status_code == 409
    assert shown(owner.get("/members/")) == [("U", 2)]


def test_a_filter_that_is_gone_is_said_and_not_ignored(owner, people, house):
    field = CustomFieldFactory(name="鞋码", kind="choice", tenant=house, retired_at="2026-01-01T00:00Z")
    segment = SegmentFactory(asked={"city": ["深圳"], f"field-{field.pk}": ["42"]}, tenant=house)

    page = owner.get(f"/members/?city=深圳&segment={segment.pk}")

    assert names(page) == []
    assert "鞋码" in page.context["list"].tabs.trouble
    assert "鞋码" in page.content.decode()
    with acting_for(house.pk), pytest.raises(Refused, match="鞋码"):
        segments.members_of(segment)


def test_who_only_looks_saves_nothing(viewer, people, house):
    segment = SegmentFactory(tenant=house)

    assert viewer.post("/members/?city=深圳", {"name": "x", "shared": "1"}).status_code == 403
    assert viewer.post(f"/members/segments/{segment.pk}/end/").status_code == 403
    assert shown(viewer.get("/members/")) == [(segment.name, 2)]
    assert "save-segment" not in viewer.get("/members/?city=深圳").content.decode()
