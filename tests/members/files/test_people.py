import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.files import GroupNames

from .files import HEADER, blame, people

GROUPS = GroupNames(["会员1群", "会员2群", "会员3群"])


def only(header, row, **options):
    [person] = people(header, row, **options).people
    return person


@pytest.mark.parametrize(
    ("row", "code", "says"),
    [
        ("贺想,hexiang01,13800000643", "wrong_column_count", "3 cells"),
        ("贺想,,,深圳,会员1群,,", "no_identity", "lin_2025"),
        ("贺想,无,-,深圳,会员1群,,", "no_identity", "13800000643"),
        ("贺想,bad id!!,,深圳,会员1群,,", "bad_wechat_id", "“bad id!!”"),
        ("贺想,short,,深圳,会员1群,,", "bad_wechat_id", "6 to 20"),
        ("贺想,1hexiang,,深圳,会员1群,,", "bad_wechat_id", "a letter first"),
        ("贺想,h23456789012345678901,,深圳,会员1群,,", "bad_wechat_id", "6 to 20"),
        ("贺想,贺想_hexiang,,深圳,会员1群,,", "bad_wechat_id", "“贺想_hexiang”"),
        ("贺想,,1380000,深圳,会员1群,,", "bad_phone", "“1380000”"),
        ("贺想,,12800000643,深圳,会员1群,,", "bad_phone", "11 digits"),
        ("贺想,hexiang01,1.38E+10,深圳,会员1群,,", "phone_cut", "its last digits are cut off"),
        ("贺想,,4.008001234E+11,深圳,会员1群,,", "phone_cut", "“4.008001234E+11”"),
        ("贺想,hexiang01,,深圳,会员1群,2025-13-45,", "bad_date", "“入群时间”"),
        ("贺想,hexiang01,,深圳,会员1群,2025-02-29,", "bad_date", "2025-01-02"),
        ("贺想,hexiang01,,深圳,会员1群,,2025年1月", "bad_date", "“到期时间”"),
        ("贺想,hexiang01,,深圳,会员1群,2025-05-02,2024-01-02", "expires_before_joined", "2024-01-02"),
        ("贺想,hexiang01,,深圳,会员99群,,", "unknown_group", "会员1群"),
    ],
)
def test_a_row_that_stays_out_says_the_rule_and_a_value_that_works(row, code, says):
    found = people(HEADER, "林,lin_2025,,深圳,会员1群,2025-01-02,2026-01-02", row, groups=GROUPS)

    assert blame(found.rejected) == [(3, code)]
    assert says in found.rejected[0].sentence
    assert [person.wechat for person in found.people] == [("lin_2025",)]


@pytest.mark.parametrize(
    "phone",
    [
        "13800000643",
        "+86 13800000643",
        "8613800000643",
        "008613800000643",
        "138 0000 0643",
        "138-0000-0643",
        "(+86)138-0000-0643",
        "１３８００００0６43",
        "＋８６　138 0000 0643",
        "13800000643.0",
        "1.3800000643E+10",
        '"=""13800000643"""',
        "'13800000643",
        "\u202d13800000643\u202c",
    ],
)
def test_a_phone_is_one_number_however_it_is_written(phone):
    assert only("手机号", phone).phones == ("+8613800000643",)


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        ("+852 9123 4567", "+85291234567"),
        ("0044 20 7946 0958", "+442079460958"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("010-88886666", "+861088886666"),
    ],
)
def test_phones_of_other_countries_and_landlines_are_phones(phone, number):
    assert only("手机号", phone).phones == (number,)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2025-01-02",
            "2025/1/2",
            "2025年1月2日",
            "2025.01.02",
            "２０２５－０１－０２",
            "20250102",
            "2025 年 1 月 2 日",
        ),
        *(
            "2025-01-02 10:30",
            "2025-01-02T10:30:00+08:00",
            "2025/1/2 上午 9:05",
            "2025年1月2日 10时30分",
            "20250102 10:30:59",
        ),
        *("2025-1-2 星期四", "2025年1月2号", "'2025-01-02", "45659", "2 Jan 2025", "2025-Jan-02"),
        *('"Jan 2, 2025"', "January 2nd 2025", "02-Jan-25"),
    ],
)
def test_a_day_is_one_day_however_it_is_written(written):
    assert str(only("微信号,入群时间", f"hexiang01,{written}").joined) == "2025-01-02"


@pytest.mark.parametrize(
    ("days", "read"),
    [
        (["1/2/2025", "3/25/2025"], ["2025-01-02", "2025-03-25"]),
        (["1/2/2025", "25/3/2025"], ["2025-02-01", "2025-03-25"]),
        (["25.3.2025 10:00", "1.2.2025"], ["2025-03-25", "2025-02-01"]),
        (["1/2/25", "12/31/24"], ["2025-01-02", "2024-12-31"]),
        (["31/12/24", "1/2/25"], ["2024-12-31", "2025-02-01"]),
        (["99-1-2", "24-2-31", "24-12-31"], None),
        (["24-12-31", "25-1-2"], ["2024-12-31", "2025-01-02"]),
        (["24年12月31日", "25年1月2日"], ["2024-12-31", "2025-01-02"]),
        (["2025-01-02", "25/3/2025", "1/2/2025"], ["2025-01-02", "2025-03-25", "2025-02-01"]),
    ],
)
def test_whether_day_or_month_comes_first_is_found_from_the_whole_file(days, read):
    found = people("微信号,入群时间", *(f"hexiang{n:02},{day}" for n, day in enumerate(days)))

    if read is None:
        assert "bad_date" in {rejection.code for rejection in found.rejected}
    else:
        assert [str(person.joined) for person in found.people] == read


def test_a_file_whose_days_could_be_read_both_ways_says_so():
    assert people("微信号,入群时间", "hexiang01,1/2/2025").dates_doubtful
    assert not people("微信号,入群时间", "hexiang01,1/2/2025", "lin_2025,1/31/2025").dates_doubtful


@pytest.mark.parametrize("forever", ["永久", "长期有效", "无", "-", ""])
def test_a_membership_without_an_end_has_none(forever):
    assert only("微信号,到期时间", f"hexiang01,{forever}").expires is None


@pytest.mark.parametrize(
    ("written", "city"),
    [
        *(
            (form, "深圳")
            for form in ("深圳", "深圳市", "深圳 ", "深圳·市区", "　深圳", "广东深圳", "广东省深圳市", "广东-深圳")
        ),
        *(
            (form, "深圳")
            for form in ("深圳市南山区", "深圳南山", "深圳 南山", "广东省深圳市南山区", "深圳/东莞", "中国·深圳")
        ),
        *((form, "北京") for form in ("北京市", "北京市朝阳区", "北京朝阳", "北京·市区")),
        *((form, "长春") for form in ("吉林长春", "吉林省长春市", "长春市")),
        *((form, "吉林") for form in ("吉林", "吉林市", "吉林省吉林市")),
        *((form, "香港") for form in ("香港", "香港特别行政区")),
        *((form, "南宁") for form in ("广西南宁", "广西壮族自治区南宁市")),
        *((form, "New York") for form in ("New York", "new york")),
        *(("昆山市", "昆山"), ("宁海县", "宁海县"), ("海外", "海外"), ("", ""), ("-", ""), ("广东", "广东")),
    ],
)
def test_a_city_is_one_city_however_it_is_written(written, city):
    assert only("微信号,城市", f"hexiang01,{written}").city == city


@pytest.mark.parametrize(
    ("written", "skills"),
    [
        *(
            (form, ("小红书", "直播", "AI工具"))
            for form in ("小红书/直播/AI工具", "小红书、直播、AI工具", '"小红书,直播,AI工具"')
        ),
        *(
            (form, ("小红书", "直播", "AI工具"))
            for form in ("小红书，直播，AI工具", "小红书;直播；AI工具", "小红书 直播　AI工具")
        ),
        (" 直播、、直播 ", ("直播",)),
        ('"public speaking, SEO"', ("public speaking", "SEO")),
        ("", ()),
    ],
)
def test_skills_are_told_apart_by_any_of_the_usual_marks(written, skills):
    assert only("微信号,技能标签", f"hexiang01,{written}").skills == skills


@pytest.mark.parametrize("yes", ["是", "yes", "TRUE", "1", "✓", "√", " Y "])
def test_a_partner_is_told_by_any_yes(yes):
    assert only("微信号,合伙人", f"hexiang01,{yes}").partner


@pytest.mark.parametrize("no", ["", "否", "no", "0", "FALSE", "-", "×"])
def test_anything_else_is_no_partner(no):
    assert not only("微信号,合伙人", f"hexiang01,{no}").partner


@pytest.mark.parametrize(
    "written", ["lin_2025", " LIN_2025 ", "ｌｉｎ＿２０２５", "\u200blin_2025\u200e", "'lin_2025", "Lin_2025\t"]
)
def test_a_wechat_id_is_one_id_however_it_is_written(written):
    assert only("微信号", written).wechat == ("lin_2025",)


def test_an_inviter_may_be_an_id_a_phone_or_only_a_name():
    found = people("微信号,邀请人", "hexiang01,LIN_2025", "wang_2025,138 0000 0643", "zhang_2025,老林", "zhao_2025,无")

    assert [(person.inviter, person.inviter_text) for person in found.people] == [
        ("lin_2025", ""),
        ("+8613800000643", ""),
        ("", "老林"),
        ("", ""),
    ]


def test_one_phone_or_one_id_makes_one_person_by_whichever_way_round():
    found = people(
        "昵称,微信号,手机号,城市",
        "A(小号),,13800000643,",
        "C,cccccc,,深圳",
        "A,AAAAAA,+86 138-0000-0643,上海",
        "B, aaaaaa ,13800000644,",
    )

    one, other = found.people
    assert (one.lines, one.nickname, one.former) == ((2, 4, 5), "A", ("B", "A(小号)"))
    assert (one.wechat, one.phones, one.city) == (("aaaaaa",), ("+8613800000643", "+8613800000644"), "上海")
    assert (other.lines, other.nickname) == ((3,), "C")
    assert found.merged == [[2, 4], [2, 5]]


def test_two_ids_with_one_phone_are_both_kept():
    found = people("昵称,微信号,手机号", "A,aaaaaa,13800000643", "A,bbbbbb,13800000643")

    assert [person.handles for person in found.people] == [("aaaaaa", "bbbbbb", "+8613800000643")]


def test_equal_names_are_not_one_person():
    assert len(people("昵称,微信号,城市", "贺想,hexiang01,深圳", "贺想,hexiang02,深圳").people) == 2


def test_no_id_at_all_joins_nobody():
    assert len(people("昵称,微信号,手机号", "A,无,13800000643", "B,无,13800000644", "C,-,13800000645").people) == 3


@pytest.mark.parametrize("name", ["林(小号)", "林（小号）", "林(2)", "林-小号", "林 【备用】"])
@pytest.mark.parametrize("first", [True, False])
def test_the_name_shown_is_not_that_of_the_second_phone(name, first):
    rows = [f"{name},lin_2025", "林老师,lin_2025"]

    [person] = people("昵称,微信号", *(rows if first else reversed(rows))).people

    assert (person.nickname, person.former) == ("林老师", (name,))


def test_a_row_that_stays_out_joins_nobody():
    found = people(
        "昵称,微信号,手机号,入群时间", "A,aaaaaa,13800000643,", "x,aaaaaa,13800000644,2025-13-45", "B,,13800000644,"
    )

    assert [(person.nickname, person.former) for person in found.people] == [("A", ()), ("B", ())]


def test_what_the_first_row_lacks_a_later_one_gives():
    found = people(
        "昵称,微信号,城市,入群时间,合伙人,备注", "A,aaaaaa,,,,", "A,aaaaaa,深圳,2025-01-02,是,好", "A,aaaaaa,上海,,,坏"
    )

    [person] = found.people
    assert (person.city, str(person.joined), person.partner, person.note) == ("深圳", "2025-01-02", True, "好\n坏")


IDS = st.sampled_from(["", "aaaaaa", "AAAAAA", "bbbbbb", "cccccc", "dddddd"])
PHONES = st.sampled_from(["", "13800000641", "+86 13800000641", "13800000642", "13800000643"])


@given(rows=st.lists(st.tuples(IDS, PHONES), max_size=9), data=st.data())
def test_rows_in_any_order_give_the_same_people(rows, data):
    lines = [f"{n},{wechat},{phone}" for n, (wechat, phone) in enumerate(rows)]

    def facts(lines):
        found = people("昵称,微信号,手机号", *lines)
        return (
            Counter(
                (frozenset([person.nickname, *person.former]), frozenset(person.handles), len(person.lines))
                for person in found.people
            ),
            len(found.merged),
            Counter(code for _, code in blame(found.rejected)),
        )

    assert facts(data.draw(st.permutations(lines))) == facts(lines)


@pytest.mark.parametrize(
    "value", ["([" * 60_000, "1 " * 60_000, "一" * 60_000, " " * 60_000 + "x", "2025-" * 60_000, "第" * 60_000]
)
def test_a_monstrous_cell_is_read_to_its_end(value):
    """A pattern that tries all ways to read it would take longer than anybody waits."""
    deadline = time.process_time() + 60

    people(
        HEADER,
        f"{value},hexiang01,,{value},{value},,",
        f"{value},hexiang01,,,,{value},",
        f",,{value},,,,",
        f"{value}(小号),hexiang01,,,,,",
    )

    assert time.process_time() < deadline
