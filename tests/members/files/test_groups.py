import pytest

from members.files import GroupNames

from .files import HEADER, blame, people


@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "会员3群",
            "青禾会员3群",
            "3群",
            "第3群",
            "三群",
            "3 群",
            "Group 3",
            "group3",
            "３群",
            "会员群3",
            "会员三群",
            "03群",
        ),
        *("3号群", "会员-3群", " 会员 3 群 ", "会员3群（满）", "会员3群(500人)", "第三群", "3"),
    ],
)
def test_a_group_is_one_group_however_it_is_written(spelling):
    groups = GroupNames(["会员1群", "会员3群", "会员13群", "会员30群"])

    assert [groups.name(key) for key in groups.find(spelling)] == ["会员3群"]


@pytest.mark.parametrize(
    ("spelling", "number"), [("十群", 10), ("会员十二群", 12), ("第二十一群", 21), ("一百零二群", 102)]
)
def test_chinese_numerals_are_numbers(spelling, number):
    groups = GroupNames([f"会员{n}群" for n in (2, 10, 12, 21, 102)])

    assert [groups.number(key) for key in groups.find(spelling)] == [number]


@pytest.mark.parametrize("spelling", ["会员99群", "四群", "合伙人会员1群", "VIP1群", "三农群", "会员群"])
def test_another_group_is_not_taken_for_a_known_one(spelling):
    assert GroupNames(["会员1群", "会员3群"]).find(spelling) == []


def test_the_last_spelling_is_the_name():
    groups = GroupNames(["1群", "青禾会员1群", "会员2群", "会员1群"])

    assert [groups.name(key) for key in groups] == ["会员1群", "会员2群"]


def test_the_list_may_write_the_name_longer_than_people_do():
    groups = GroupNames(["青禾会员1群", "青禾会员2群"])

    assert [groups.name(key) for key in (*groups.find("会员1群"), *groups.find("2群"))] == [
        "青禾会员1群",
        "青禾会员2群",
    ]


def test_groups_without_a_number_are_told_by_the_longest_known_name():
    groups = GroupNames(["读书群", "深圳读书群", "A群", "B群"])

    found = [groups.find(spelling) for spelling in ("青禾读书群", "青禾深圳读书群", "a群", "跑步群")]

    assert [[groups.name(key) for key in keys] for keys in found] == [["读书群"], ["深圳读书群"], ["A群"], []]


def test_a_number_that_two_kinds_of_groups_have_is_asked_about():
    groups = GroupNames(["会员1群", "合伙人1群", "会员2群"])

    found = people(
        HEADER,
        "A,aaaaaa,,,1群,,",
        "B,bbbbbb,,,青禾会员1群,,",
        "C,cccccc,,,合伙人1群,,",
        "D,dddddd,,,2群,,",
        groups=groups,
    )

    assert blame(found.rejected) == [(2, "doubtful_group")]
    assert "会员1群" in found.rejected[0].sentence
    assert [groups.name(person.group) for person in found.people] == ["会员1群", "合伙人1群", "会员2群"]


def test_a_member_file_alone_brings_its_own_groups():
    found = people(
        HEADER,
        "A,aaaaaa,,,青禾会员1群,,",
        "B,bbbbbb,,,1群,,",
        "C,cccccc,,,会员1群,,",
        "D,dddddd,,,,,",
        "E,eeeeee,,,会员1群,,",
    )

    assert [found.groups.name(key) for key in found.groups] == ["会员1群"]
    assert [person.group for person in found.people] == ["会员1", "会员1", "会员1", None, "会员1"]


def test_who_sits_in_a_group_of_another_kind_too_sits_in_the_known_one():
    found = people(
        HEADER,
        "贺想,hexiang01,,深圳,会员6群/合伙人2群,,",
        "林海,lin_hai,,深圳,合伙人2群 / 会员7群,,",
        "王欢,wang_huan,,深圳,合伙人1群/合伙人2群,,",
        groups=GroupNames(["会员6群", "会员7群"]),
    )

    assert [found.groups.name(person.group) for person in found.people] == ["会员6群", "会员7群"]
    assert blame(found.rejected) == [(4, "unknown_group")]
