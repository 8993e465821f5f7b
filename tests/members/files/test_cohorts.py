import pytest

from members.files import NoSuchFiles, NotATable, read_cohorts, read_folder, read_table

from .files import blame, cohorts, community

HEADER = "届,群,微信号"
MEMBERS = "昵称,微信号,手机号,所在群"


@pytest.mark.parametrize(
    "written",
    [
        "2026下半年",
        "2026H2",
        "2026h2",
        "2026年下半年",
        "2026-H2",
        "2026 H2",
        "２０２６Ｈ２",
        "H2 2026",
        "2026年度下半年",
        "26年下半年",
    ],
)
def test_a_half_year_is_one_however_it_is_written(written):
    assert cohorts(HEADER, f"{written},会员1群,aaaaaa").names == ["2026H2"]


def test_the_first_half_is_not_the_second():
    assert cohorts(HEADER, "2026上半年,1群,aaaaaa", "2026-H1,1群,bbbbbb", "2025下半年,1群,aaaaaa").halves == [
        (2025, 2),
        (2026, 1),
    ]


def test_placements_are_read_and_a_groups_last_spelling_is_its_name():
    found = cohorts(HEADER, "2026上半年,青禾会员1群,AAAAAA", "2026下半年,1群,aaaaaa", "2026下半年,会员1群,bbbbbb")

    assert [(one.line, one.cohort, one.group, one.wechat) for one in found.placements] == [
        (2, "2026H1", "会员1", "aaaaaa"),
        (3, "2026H2", "会员1", "aaaaaa"),
        (4, "2026H2", "会员1", "bbbbbb"),
    ]
    assert [found.groups.name(key) for key in found.groups] == ["会员1群"]
    assert found.headcount() == {"2026H1": 1, "2026H2": 2}


def test_a_group_the_product_knows_is_known_by_that_and_named_by_the_file():
    table = read_table("届,群,微信号\n2026H2,会员1群,aaaaaa".encode())

    found = read_cohorts(table, known_groups=["青禾会员1群", "会员2群"])

    assert [found.groups.name(key) for key in found.groups] == ["会员1群", "会员2群"]


def test_a_placement_that_stays_out_is_named_with_its_line():
    found = cohorts(
        HEADER,
        "2026下半年,会员1群,aaaaaa",
        "2026下半年,会员2群,AAAAAA",
        "2026上半年,会员2群,aaaaaa",
        "2026下半年,会员1群,aaaaaa",
        "2026下半年,会员1群,",
        "2026下半年,会员1群,bad id!!",
        "去年,会员1群,bbbbbb",
        "2026下半年,,bbbbbb",
        "2026下半年,会员1群",
    )

    assert blame(found.rejected) == [
        (3, "placed_twice"),
        (6, "no_identity"),
        (7, "bad_wechat_id"),
        (8, "unknown_cohort"),
        (9, "no_group"),
        (10, "wrong_column_count"),
    ]
    assert found.rejected[0].sentence.startswith("The person sits in “会员1群” for this half-year already, by line 2,")
    assert (found.repeated, len(found.placements), found.rows) == ([[2, 5]], 2, 9)


def test_people_may_be_named_by_phone():
    found = cohorts("半年,群名,手机号", "2026H2,会员1群,138 0000 0643")

    assert [(one.wechat, one.phone) for one in found.placements] == [(None, "+8613800000643")]


def test_a_table_without_half_years_is_refused():
    with pytest.raises(NotATable) as refused:
        cohorts("群,微信号", "会员1群,aaaaaa")

    assert refused.value.code == "missing_column"


def test_who_is_only_in_the_history_is_a_past_member():
    found = community(
        [MEMBERS, "A,AAAAAA,,1群"],
        [
            "届,群,微信号,手机号",
            "2026H1,会员1群,bbbbbb,",
            "2026H1,会员1群,,13800000643",
            "2025H2,会员1群,bbbbbb,13800000643",
        ]
        + ["2026H2,会员1群,aaaaaa,"],
    )

    [past] = found.past_members
    assert past.handles == ["bbbbbb", "+8613800000643"]
    assert blame(found.cohorts.rejected) == []
    assert [(year, half) for person, year, half, _ in found.history if person is past] == [(2026, 1), (2025, 2)]


def test_the_member_file_says_where_people_sit_now():
    found = community(
        [MEMBERS, "A,aaaaaa,,2群", "B,bbbbbb,,1群", "C,cccccc,,", "D,dddddd,,"],
        [HEADER, "2026H1,会员1群,aaaaaa", "2026H2,会员1群,aaaaaa", "2026H2,会员2群,cccccc"],
    )

    seats = [
        (person.nickname, f"{year}H{half}", found.groups.name(group)) for person, year, half, group in found.history
    ]
    assert seats == [
        ("A", "2026H1", "会员1群"),
        ("A", "2026H2", "会员2群"),
        ("C", "2026H2", "会员2群"),
        ("B", "2026H2", "会员1群"),
    ]
    assert [(person.nickname, was, now) for person, was, now in found.elsewhere] == [("A", "会员1", "会员2")]


def test_a_person_with_two_ids_does_not_sit_twice_either():
    found = community(
        [MEMBERS, "A,aaaaaa,13800000643,", "A,bbbbbb,13800000643,"],
        [HEADER, "2026H2,会员1群,aaaaaa", "2026H2,会员2群,bbbbbb", "2026H1,会员2群,bbbbbb"],
    )

    assert blame(found.cohorts.rejected) == [(3, "placed_twice")]
    assert [(year, half, group) for _, year, half, group in found.history] == [(2026, 2, "会员1"), (2026, 1, "会员2")]


def test_a_folder_is_read_whole(tmp_path):
    (tmp_path / "members.tsv").write_text("昵称\t微信号\t所在群\nA\taaaaaa\t1群\n")
    (tmp_path / "Cohorts.CSV").write_text("届,群,微信号\n2026H2,会员1群,aaaaaa\n", encoding="gbk")

    found = read_folder(tmp_path)

    assert [(person.nickname, person.group) for person in found.people.people] == [("A", "会员1")]


@pytest.mark.parametrize(
    ("present", "missing"), [([], "members and no cohorts"), (["members.csv"], "cohorts"), (["cohorts.csv"], "members")]
)
def test_a_folder_without_the_files_is_refused(tmp_path, present, missing):
    for name in present:
        (tmp_path / name).write_text("微信号\n")

    with pytest.raises(NoSuchFiles) as refused:
        read_folder(tmp_path)

    assert f"holds no {missing}." in refused.value.sentence


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(NoSuchFiles) as refused:
        read_folder(tmp_path / "nowhere")

    assert refused.value.code == "no_folder"
