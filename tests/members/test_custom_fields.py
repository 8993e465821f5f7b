"""Fields of the tenant's own: what may stand in them, and how they change without losing anything."""

import datetime
from uuid import uuid4

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from crm.tenancy.refusals import Refused
from members import custom, own_fields
from members.models import CustomField
from tests.factories import CustomFieldFactory, MemberFactory, SegmentFactory


def field(kind, choices=()):
    return CustomField(tenant_id=uuid4(), name="x", kind=kind, choices=list(choices))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12), ("1,234", 1234), ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("3,5", 3.5), ("１２３", 123),
        ("¥1 200", 1200), ("1.2万", 12000),
        ("-4", -4), (7, 7), (7.0, 7), ("1,234,567", 1234567), ("0.1", 0.1), ("", None), ("无", None), (None, None),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text, number):
    assert custom.clean(field("number"), text) == number


@pytest.mark.parametrize("text", ["many", "1.2.3,4x", "nan", "inf", True, "1e400", "9" * 30, "9" * 400, 10**400, float("nan")])
def test_what_is_no_number_is_refused_with_the_value(text):
    with pytest.raises(Refused) as refused:
        custom.clean(field("number"), text)

    assert (refused.value.code, refused.value.status) == ("custom_malformed", 400)


@pytest.mark.parametrize("text", ["2026-03-07", "2026/3/7", "2026年3月7日", "20260307", "7 Mar 2026", datetime.date(2026, 3, 7)])
def test_days_in_any_form(text):
    assert custom.clean(field("date"), text) == "2026-03-07"


def test_no_such_day_is_refused():
    with pytest.raises(Refused):
        custom.clean(field("date"), "2026-02-30")


def test_choices_without_case_and_by_the_usual_separators():
    one, some = field("choice", ["VIP", "普通"]), field("choices", ["北区", "南区", "A/B", "New York"])

    assert custom.clean(one, " vip ") == "VIP"
    assert custom.clean(some, "南区、北区") == ["北区", "南区"]
    assert custom.clean(some, "南区 北区") == ["北区", "南区"]
    assert custom.clean(some, "a/b") == ["A/B"]
    assert custom.clean(some, ["new york"]) == ["New York"]
    with translation.override("zh-hans"):
        assert custom.shown(some, ["北区", "南区"]) == "北区，南区"
    with pytest.raises(Refused) as refused:
        custom.clean(one, "gold")
    assert "VIP" in refused.value.sentence


@given(st.sampled_from(CustomField.Kind.values), st.text(max_size=60))
def test_cleaning_what_is_clean_changes_nothing(kind, text):
    asked = field(kind, ["a", "b c"])
    try:
        once = custom.clean(asked, text)
    except Refused:
        return

    assert custom.clean(asked, once) == once


def test_fields_are_added_ordered_retired_and_brought_back(tenant):
    first = own_fields.add({"name": "Size", "kind": "number"}, by=None)
    second = own_fields.add({"name": "Level", "kind": "choice", "choices": ["A", "B"]}, by=None)

    own_fields.order([second.pk], by=None)
    own_fields.retire(first, by=None)
    assert [each.name for each in custom.fields()] == ["Level"]
    own_fields.bring_back(first, by=None)
    assert [each.name for each in custom.fields()] == ["Level", "Size"]


def test_a_choice_in_use_is_not_lost(tenant):
    level = CustomFieldFactory(kind="choices", choices=["A", "B", "C"])
    member = MemberFactory(custom={str(level.pk): ["A", "B"]})
    segment = SegmentFactory(asked={f"field-{level.pk}": ["A"]})

    with pytest.raises(Refused) as refused:
        own_fields.change(level, {"choices": ["B", "C"]}, by=None)
    assert (refused.value.code, refused.value.details["members"]) == ("choice_in_use", 1)

    level, before = own_fields.change(level, {"choices": ["B", "A"], "renamed": {"A": "B", "B": "A"}}, by=None)
    member.refresh_from_db()
    segment.refresh_from_db()
    assert (level.choices, segment.asked) == (["B", "A"], {f"field-{level.pk}": ["B"]})
    assert member.custom[str(level.pk)] == ["B", "A"]

    own_fields.change(level, before, by=None)
    member.refresh_from_db()
    level.refresh_from_db()
    assert (level.choices, member.custom[str(level.pk)]) == (["A", "B", "C"], ["A", "B"])


def test_no_more_than_forty_fields(tenant):
    for n in range(own_fields.MOST):
        CustomFieldFactory(place=n)

    with pytest.raises(Refused) as refused:
        own_fields.add({"name": "One more", "kind": "text"}, by=None)
    assert refused.value.code == "too_many"


def test_two_fields_do_not_share_a_name(tenant):
    own_fields.add({"name": "Size", "kind": "text"}, by=None)

    with pytest.raises(Refused) as refused:
        own_fields.add({"name": " size ", "kind": "text"}, by=None)
    assert refused.value.code == "a_field_once"
