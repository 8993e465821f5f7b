"""Members as a file: columns as chosen, both kinds, without what a role does not see."""

import csv
import io

import pytest
from python_calamine import CalamineWorkbook

from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from members import exports
from tests.factories import CustomFieldFactory, HandleFactory, MemberFactory, SegmentFactory


def content(answer):
    return b"".join(answer.streaming_content)


def rows(answer):
    return list(csv.reader(io.StringIO(content(answer).decode().removeprefix("\ufeff"))))


@pytest.fixture
def lin(house):
    field = CustomFieldFactory(name="鞋码", kind="choices", choices=["1", "2"], tenant=house)
    member = MemberFactory(nickname="=Lin", tags=["老"], offers="教写作", custom={str(field.pk): ["1", "2"]}, tenant=house)
    HandleFactory(member=member, platform="phone", value="+8613800000643")
    HandleFactory(member=member, platform="shop", value="A-1")
    MemberFactory(nickname="Zhou", tenant=house)
    return member


def test_the_columns_are_asked_for_with_the_number(owner, lin):
    asks = owner.post("/members/export/?q=lin", {"ask": "1"})

    assert asks.context["number"] == 1
    assert "鞋码" in asks.content.decode()


def test_only_the_chosen_columns_are_in_it(owner, lin):
    found = rows(owner.post("/members/export/", {"as": "csv", "column": ["nickname", "phone", "tags", "ids"]}))

    assert found[1:] == [["'=Lin", "'+8613800000643", "老", "shop:A-1"], ["Zhou", "", "", ""]]


def test_the_tenants_own_fields_are_columns(owner, lin):
    found = rows(owner.post("/members/export/"))

    assert dict(zip(found[0], found[1], strict=True))["鞋码"] == "1/2"


def test_an_excel_file_holds_the_same_as_text(owner, lin, house):
    answer = owner.post("/members/export/", {"as": "xlsx", "column": ["nickname", "phone"]})
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content(answer))).get_sheet_by_index(0).to_python()

    assert sheet[1:] == [["=Lin", "+8613800000643"], ["Zhou", ""]]
    assert answer["Content-Disposition"].endswith('.xlsx"')
    with acting_for(house.pk):
        assert Event.objects.get(kind="members.exported").after == {"members": 2, "as": "xlsx", "columns": 2}


def test_who_was_picked_alone_is_in_it(owner, lin, house):
    found = rows(owner.post("/members/export/", {"as": "csv", "column": ["nickname"], "member": [lin.pk]}))

    assert found[1:] == [["'=Lin"]]
    with acting_for(house.pk):
        assert Event.objects.get(kind="members.exported").after["members"] == 1


def test_a_segment_alone_is_who_is_taken(owner, lin, house):
    segment = SegmentFactory(asked={"tag": ["老"]}, tenant=house)

    assert len(rows(owner.post(f"/members/export/?segment={segment.pk}"))) == 2
    assert owner.post(f"/members/export/?segment={lin.pk}").status_code == 404  # not everybody instead


def test_what_a_role_does_not_see_is_no_column(lin, house):
    with acting_for(house.pk):
        for hidden, gone in [
            ({"phone"}, {"phone"}),
            ({"handles"}, {"ids", "wecom", "planet"}),
            ({"wishes", "note"}, {"offers", "seeks", "note"}),
        ]:
            left = {cell.name for cell in exports.columns(frozenset(hidden))}
            assert {cell.name for cell in exports.columns()} - left == gone
        assert "鞋码" not in {cell.label for cell in exports.columns(frozenset({"custom"}))}
    assert Tenant.objects.get(pk=house.pk).hidden_fields == {}
