"""The two sample communities are read as the page beside them says. Without the samples these tests are skipped."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from members.files import read_folder, read_people, read_table

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample communities do not lie beside this checkout")

both = pytest.mark.parametrize("name", ["qinghe", "yuanfan"])


@cache
def read(name):
    return read_folder(SAMPLES / name)


def expected(name):
    return json.loads((SAMPLES / name / "expected.json").read_text())


@both
def test_the_rows_that_stay_out_are_named_with_line_and_reason(name):
    rejected = read(name).people.rejected

    assert [{"line": row.line, "why": row.code} for row in rejected] == expected(name)["rejected"]


@both
def test_doubles_become_one_person(name):
    people = read(name).people

    found = {"same_person": people.merged, "people_in_file": len(people.people), "data_rows": people.rows}
    assert found | {"blank_rows": len(people.blank)} == {key: expected(name)[key] for key in (*found, "blank_rows")}


@both
def test_people_are_counted_by_group_city_and_tier(name):
    community = read(name)

    people = community.people.people
    groups = Counter(str(community.groups.number(person.group)) for person in people)
    assert groups == expected(name)["people_by_group"]
    assert Counter(person.city for person in people) == expected(name)["people_by_city"]
    assert sum(person.partner for person in people) == expected(name)["partners"]


@both
def test_the_history_is_read_half_year_by_half_year(name):
    community = read(name)

    found = {
        "groups": len(community.groups),
        "cohorts": len(community.cohorts.names),
        "cohort_rows": len(community.cohorts.placements),
        "placements_by_cohort": community.cohorts.headcount(),
        "past_members": len(community.past_members),
    }
    assert found == {key: expected(name)[key] for key in found}


@both
def test_the_five_that_look_like_trouble_come_in_unchanged_and_sit_in_group_two(name):
    community = read(name)
    lines = (SAMPLES / name / "members.csv").read_text(encoding="utf-8-sig").split("\n")

    odd = [person for person in community.people.people if person.lines[0] in expected(name)["odd_but_valid"]]

    seated = [(person, community.groups.number(group)) for person, *_, group in community.history if person in odd]
    assert seated == [(person, 2) for person in odd]
    assert {person.nickname for person in odd} == {
        '=HYPERLINK("http://x","点我")',
        "\u202e反写",
        "👨\u200d👩\u200d👧\u200d👦家庭号",
        "长备注",
        "<script>alert(1)</script>",
    }
    long_note = next(person for person in odd if person.nickname == "长备注")
    assert long_note.note == lines[long_note.lines[0] - 1].split(",")[-1]
    assert len(long_note.note) == 5000


@both
@pytest.mark.parametrize(("kind", "file"), [("gbk", "members-gbk.csv"), ("xlsx", "members.xlsx")])
def test_the_other_member_files_can_be_read_alone(name, kind, file):
    people = read_people(read_table(SAMPLES / name / file))

    found = {"rows": people.rows, "people": len(people.people), "same_person": people.merged}
    assert {f"{kind}_{key}": value for key, value in found.items()} == {
        f"{kind}_{key}": expected(name)[f"{kind}_{key}"] for key in found
    }
    assert people.rejected == []


def test_the_workbook_says_the_same_of_each_person_as_the_text():
    of_text = {
        person.wechat[0]: (person.nickname, person.phones, person.city, person.joined, person.expires, person.skills)
        for person in read("qinghe").people.people
        if person.wechat
    }

    of_workbook = read_people(read_table(SAMPLES / "qinghe" / "members.xlsx"), read("qinghe").groups)

    assert len(of_workbook.people) > 5000
    for person in of_workbook.people:
        facts = (person.nickname, person.phones, person.city, person.joined, person.expires, person.skills)
        assert facts == of_text[person.wechat[0]]
