"""Filters that combine, several values of each, in an address that says all of it."""

import datetime
import re

import pytest
from django.utils.timezone import localdate

from tests.factories import (
    CustomFieldFactory,
    GroupFactory,
    HandleFactory,
    IntroductionFactory,
    MemberFactory,
    PlacementFactory,
    StarFactory,
)


def names(page):
    return [row.member.nickname for row in page.context["list"].rows]


def named(client, address):
    page = client.get(f"/members/?{address}")
    assert page.status_code == 200
    return names(page)


def in_days(days):
    return localdate() + datetime.timedelta(days=days)


def test_of_several_values_any_will_do_and_several_filters_all_count(house, owner):
    MemberFactory(nickname="A", city="深圳", industry="电商", skills=["直播", "文案"], tags=["重点"], tenant=house)
    MemberFactory(nickname="B", city="杭州", industry="电商", skills=["文案"], tenant=house)
    MemberFactory(nickname="C", city="上海", industry="教育", skills=["直播"], tenant=house)

    assert named(owner, "city=深圳&city=杭州") == ["A", "B"]
    assert named(owner, "city=深圳&city=杭州&skill=直播") == ["A"]
    assert named(owner, "industry=电商&skill=文案") == ["A", "B"]
    assert named(owner, "skill=直播&skill=文案") == ["A", "B", "C"]
    assert named(owner, "tag=重点") == ["A"]


def test_days_are_asked_for_from_and_to(house, owner):
    for nickname, joined, expires in [("A", "2025-01-01", in_days(5)), ("B", "2025-06-01", in_days(60)), ("C", None, None)]:
        MemberFactory(nickname=nickname, joined_on=joined, expires_on=expires, tenant=house)

    assert named(owner, "joined_from=2025-01-01&joined_to=2025-03-01") == named(owner, "joined=2025-01-01..2025-03-01") == ["A"]
    assert named(owner, "joined_from=2025-06-01") == ["B"]
    assert named(owner, "joined=..2025-05-31") == ["A"]
    assert named(owner, "term=7") == ["A"]
    assert named(owner, "term=90") == ["A", "B"]
    assert named(owner, "term=none") == ["C"]


def test_people_are_asked_for_by_who_brought_them_and_what_they_have(house, owner):
    lin = MemberFactory(nickname="Lin", tenant=house)
    zhou = MemberFactory(nickname="Zhou", inviter=lin, tenant=house)
    HandleFactory(member=zhou, platform="phone", value="+8613800000643")
    IntroductionFactory(member=zhou, state="sent")

    assert named(owner, f"inviter={lin.pk}") == named(owner, "phone=yes") == named(owner, "introduction=sent") == ["Zhou"]
    assert named(owner, "inviter=none") == named(owner, "phone=no") == named(owner, "introduction=none") == ["Lin"]
    assert "Lin" in owner.get(f"/members/?inviter={lin.pk}").context["list"].chips[0].label


@pytest.mark.parametrize(
    ("kind", "values", "asks", "found"),
    [
        ("text", ["Alpha house", "beta"], "alpha", ["A"]),
        ("number", [5, 500], "4..100", ["A"]),
        ("number", [5, 500], "100..", ["B"]),
        ("date", ["2025-01-01", "2026-01-01"], "..2025-12-31", ["A"]),
        ("choice", ["甲", "乙"], "乙", ["B"]),
        ("choices", [["甲", "丙"], ["乙"]], "丙", ["A"]),
    ],
)
def test_the_tenants_own_fields_narrow_the_list(house, owner, kind, values, asks, found):
    field = CustomFieldFactory(kind=kind, name="自己的", choices=["甲", "乙", "丙"], tenant=house)
    for nickname, value in zip("AB", values, strict=True):
        MemberFactory(nickname=nickname, custom={str(field.pk): value}, tenant=house)
    MemberFactory(nickname="C", tenant=house)

    page = owner.get("/members/", {f"field-{field.pk}": asks})

    assert names(page) == found
    assert "自己的" in page.content.decode()


def test_a_field_that_is_no_number_in_one_row_stops_nobody(house, owner):
    field = CustomFieldFactory(kind="number", tenant=house)
    for nickname, value in [("A", "viel"), ("B", 7)]:
        MemberFactory(nickname=nickname, custom={str(field.pk): value}, tenant=house)

    assert named(owner, f"field-{field.pk}=1..9") == ["B"]


def test_each_condition_can_be_taken_out_alone(house, owner):
    MemberFactory(nickname="A", city="深圳", tenant=house)

    chips = owner.get("/members/?city=深圳&city=杭州&q=a&tier=member&sort=joined").context["list"].chips

    assert [(chip.filter.name, chip.value) for chip in chips] == [("city", "深圳"), ("city", "杭州"), ("tier", "member")]
    assert chips[0].without == "?q=a&city=%E6%9D%AD%E5%B7%9E&tier=member&sort=joined"


def test_menus_count_and_what_is_chosen_stays_in_its_menu(house, owner):
    for city in ("深圳", "深圳", "杭州"):
        MemberFactory(city=city, skills=["直播"], tenant=house)

    menus = {menu.filter.name: menu for menu in owner.get("/members/?city=深圳&city=北京").context["list"].menus}

    assert [(choice.value, choice.count, choice.is_set) for choice in menus["city"].choices] == [
        ("北京", None, True),
        ("深圳", 2, True),
        ("杭州", 1, False),
    ]
    assert [(choice.value, choice.count) for choice in menus["skill"].choices] == [("直播", 3)]


def test_the_menus_come_after_the_list_where_script_runs_and_with_it_where_not(house, owner):
    MemberFactory(city="深圳", tenant=house)
    box = 'name="city" value="深圳" checked'

    whole = owner.get("/members/?city=深圳").content.decode()
    owner.cookies["script"] = "1"
    first = owner.get("/members/?city=深圳").content.decode()
    later = re.search(r'id="menus-later" hx-get="([^"]+)"', first)[1].replace("&amp;", "&")
    menus = owner.get(f"/members/{later}", headers={"HX-Request": "true", "HX-Trigger": "menus-later"}).content.decode()
    asked_for = owner.get(f"/members/{later}").content.decode()

    assert [box in page for page in (whole, first, menus, asked_for)] == [True, False, True, True]
    assert '<input type="hidden" name="city" value="深圳">' in first  # so that words typed meanwhile are asked with it
    assert menus.strip().startswith('<div class="qx-row" id="menus"')
    assert 'hx-swap-oob="true"' in menus


def test_while_a_box_is_ticked_the_list_comes_and_the_address_follows(house, owner):
    MemberFactory(nickname="Lin", city="深圳", tenant=house)
    asks = {"HX-Request": "true", "HX-Trigger": "menus", "HX-Target": "found-members"}

    answer = owner.get("/members/?q=&city=深圳&joined_from=2020-01-01&joined_to=", headers=asks)

    assert answer["HX-Push-Url"] == "/qinghe/members/?city=%E6%B7%B1%E5%9C%B3&joined=2020-01-01.."
    assert 'id="menus"' not in answer.content.decode()


@pytest.mark.parametrize(
    "asked",
    ["joined=x..y", "joined=..", "joined=2025-99-99..", "term=0", "term=99999999999", "inviter=x", "phone=maybe", "introduction=x",
     "skill=%00", "city=%00", "field-x=1", "tag=" + "x" * 500, "&".join(f"city={n}" for n in range(90))],
)  # fmt: skip
def test_conditions_that_mean_nothing_find_nobody_and_break_nothing(house, owner, asked):
    MemberFactory(nickname="Lin", tenant=house)

    assert owner.get(f"/members/?{asked}").status_code == 200
    assert named(owner, asked) in ([], ["Lin"])


def test_filters_of_other_rooms_take_several_values(house, owner):
    groups = [GroupFactory(tenant=house) for _ in range(3)]
    for group, nickname in zip(groups, "ABC", strict=True):
        PlacementFactory(member=MemberFactory(nickname=nickname, tenant=house), group=group)
    StarFactory(member=MemberFactory(nickname="D", tenant=house))

    assert named(owner, f"group={groups[0].pk}&group={groups[2].pk}") == ["A", "C"]
    assert named(owner, f"group={groups[1].pk}&group=none") == ["B", "D"]
    assert named(owner, "star=yes") == ["D"]
