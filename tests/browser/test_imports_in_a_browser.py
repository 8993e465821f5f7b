"""Files brought through the page: chosen, guessed, looked at, decided, written. With WALK=long every file of both sample communities, and
the bad ones."""

import json
import os
import re
from pathlib import Path

import pytest
from django.db.models import Count

from crm.tenancy.models import Job
from crm.tenancy.scope import acting_for
from groups.models import Group, Placement
from members.models import Member
from tests.factories import SeatFactory, TenantFactory
from tests.imports.test_bad_files import PROTECTED, workbook
from tests.imports.uploading import HEAD

from .people import PHONE, Somebody, expect, fits, needs_chromium, ready

pytestmark = [needs_chromium, pytest.mark.django_db(transaction=True)]
SAMPLES = Path(__file__).parents[3] / "shared/data"
LONG = pytest.mark.skipif(os.environ.get("WALK") != "long", reason="all files are walked with WALK=long")
PATIENCE = 120_000  # ms, on a machine that has other things to do
ROWS = [
    "老板,boss_one,,,,,,会员1群,,,,",
    "林海,lin_hai,13800000001,深圳市,电商,文案/直播,2026-01-05,会员1群,2027-01-05,boss_one,,",
    "林海,lin_hai_9,,深圳,,,,,,boss_one,,",
    "坏行,1bad,,杭州,母婴,,2026-09-01,会员1群,2027-09-01,,,",
]


@pytest.fixture
def owner(chromium, live_server, worker, settings, tmp_path):
    settings.DATA_DIR, settings.LANGUAGE_CODE = tmp_path, "en"
    tenant = TenantFactory(slug="qinghe", name="Qinghe", language="zh-hans")
    with acting_for(tenant.pk):
        seat = SeatFactory(tenant=tenant, role="owner", name="Owner")
    person = Somebody(chromium, live_server, seat, accept_downloads=True)
    person.tenant = tenant
    yield person
    person.close()
    assert person.complaints == []


def bring(owner, file, second=None):
    """The page of a file when it was read: its tag of state, or the sentence of its refusal."""
    page = owner.goes("imports/")
    with page.expect_file_chooser() as chooser:
        page.locator("label[for=file]").click()
    chooser.value.set_files(file)
    if second:
        page.get_by_text("Who sat where comes in a second file").click()
        with page.expect_file_chooser() as chooser:
            page.locator("label[for=second]").click()
        chooser.value.set_files(second)
    page.get_by_role("button", name="Upload and read").click()
    expect(page.locator(".qx-steps li").nth(2).or_(page.locator("main [role=alert]")).first).to_be_visible(timeout=PATIENCE)
    ready(page)
    expect(page.locator("#import [role=progressbar]")).to_have_count(0, timeout=PATIENCE)
    ready(page)
    return page


def counts(page):
    """{name of a tab: its number}"""
    found = {}
    for tab in page.locator(".qx-counts a").all():
        found[tab.locator("span").inner_text()] = int(tab.locator("b").inner_text().replace(",", ""))
    return found


def rows_of(page):
    return [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) rows?", page.locator("header .facts").inner_text())]


def write(page):
    page.locator(".qx-head .acts").get_by_role("button", name=re.compile("^(Import|Keep)")).click()
    expect(page.locator(".qx-note.good[role=status]")).to_be_visible(timeout=PATIENCE)
    return page.locator(".qx-note.good[role=status]").inner_text()


def discard(page):
    page.get_by_role("button", name="Discard").click()
    page.locator("#discarding").get_by_role("button", name="Discard").click()
    expect(page.locator("#past")).to_be_visible()


def test_a_file_is_chosen_looked_at_decided_by_a_key_and_imported(owner, tmp_path):
    file = tmp_path / "members.csv"
    file.write_text("\r\n".join([HEAD, *ROWS]), encoding="utf-8-sig")

    page = bring(owner, file)
    assert counts(page) == {"new": 3, "changed": 0, "the same": 0, "doubtful": 1, "rejected": 1}
    expect(page.get_by_label("昵称")).to_have_value("nickname")
    page.keyboard.press("m")
    expect(page.get_by_text("You said: the same person.")).to_be_visible()
    ready(page)
    assert counts(page)["new"] == 2
    page.set_viewport_size(PHONE)
    fits(page)

    assert "2 new" in write(page)
    with acting_for(owner.tenant.pk):
        assert sorted(Member.objects.values_list("nickname").annotate(n=Count("handles"))) == [("林海", 3), ("老板", 1)]


@LONG
@pytest.mark.parametrize("name", ["yuanfan", "qinghe"])
def test_every_file_of_a_sample_community(owner, name):
    if not SAMPLES.is_dir():
        pytest.skip("the sample communities lie outside the project, in ../shared/data")
    folder = SAMPLES / name
    expected = json.loads((folder / "expected.json").read_text())

    for kind, which in ("gbk", "members-gbk.csv"), ("xlsx", "members.xlsx"):
        page = bring(owner, folder / which)
        assert rows_of(page)[0] == expected[f"{kind}_rows"]
        assert counts(page) == {"new": expected[f"{kind}_people"], "changed": 0, "the same": 0, "doubtful": 0, "rejected": 0}
        discard(page)

    page = bring(owner, folder / "members.csv", folder / "cohorts.csv")
    assert rows_of(page)[:2] == [expected["data_rows"], expected["cohort_rows"]]
    assert counts(page)["rejected"] == len(expected["rejected"])
    page.locator(".qx-counts").get_by_role("link", name="rejected").click()
    expect(page.locator("#rejected tbody td.num").first).to_be_visible()
    ready(page)
    lines = page.locator("#rejected tbody td.num").all_inner_texts()
    assert lines == [str(row["line"]) for row in expected["rejected"]]
    assert f"Imported {expected['people_in_file']:,} people" in write(page)
    _is_as_expected(owner.tenant, expected)

    for which in ("members.xlsx", "members-gbk.csv", "members.csv", "cohorts.csv"):  # each again, alone: nobody is new, nobody leaves
        page = bring(owner, folder / which)
        assert counts(page)["new"] == 0
        write(page)
        _is_as_expected(owner.tenant, expected)

    page = bring(owner, folder / "interactions.csv")
    assert rows_of(page)[0] == expected["interaction_rows"]
    assert f"{expected['interaction_rows']:,}" in write(page)

    for which in ("sales.csv", "meetups.csv", "jielong.txt"):  # other rooms read these; here each ends in a sentence
        page = bring(owner, folder / which)
        assert page.locator("main [role=alert]").inner_text().strip()
    assert owner.goes("members/").locator(".qx-head .facts").inner_text().startswith(f"{expected['people_in_file']:,} people")


def _is_as_expected(tenant, expected):
    with acting_for(tenant.pk):
        current = Member.objects.current()
        assert current.count() == expected["people_in_file"]
        assert Member.objects.filter(standing="past").count() == expected["past_members"]
        assert {str(group.number): group.headcount for group in Group.objects.with_headcount()} == expected["people_by_group"]
        assert dict(current.values_list("city").annotate(n=Count("id"))) == expected["people_by_city"]
        assert current.filter(tier="partner").count() == expected["partners"]
        placed = Placement.objects.values_list("cohort__year", "cohort__half").annotate(n=Count("id"))
        last = max(expected["placements_by_cohort"])
        found = {f"{year}H{half}": many for year, half, many in placed}
        assert found == expected["placements_by_cohort"] | {last: expected["placements_by_cohort"][last] + 5}  # the odd ones sit there, too


@LONG
def test_bad_files_end_in_a_sentence(owner, tmp_path):
    bad = {
        "password.xlsx": PROTECTED,
        "macros.xlsm": workbook(**{"xl__vbaProject.bin": b"x"}),
        "unpacks.xlsx": workbook(**{"xl__media__a": bytes(301 * 2**20)}),
        "half.xlsx": workbook()[:900],
        "picture.csv": b"\xff\xd8\xff\xe0" + bytes(range(256)) * 9,
        "nul.csv": bytes(5000),
        "words.csv": "今天天气不错\n".encode() * 40,
        "no-rows.csv": HEAD.encode(),
        "twice.csv": f"{HEAD},微信号码\n".encode() + b",".join([b"x"] * 13),
    }
    for name, content in bad.items():
        file = tmp_path / name
        file.write_bytes(content)
        page = bring(owner, file)
        said = page.locator("main [role=alert]")
        if name != "twice.csv":  # two columns that may be one field are shown, and one of them is taken
            assert "Nothing was written" in said.inner_text(), name
    with acting_for(owner.tenant.pk):
        assert not Member.objects.exists()
        assert not Job.objects.filter(state="waiting").exists()

    file = tmp_path / "too-large.csv"
    with file.open("wb") as out:
        out.truncate(51 * 10**6)
    page = owner.goes("imports/")
    page.locator("#file").set_input_files(file)
    expect(page.locator("[data-chosen]").first).to_contain_text("at most 50 MB will do")
