"""An owner's folder becomes a tenant, by the command that owners and machines use."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count

from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from groups.models import Cohort, Group, Placement
from members.models import FormerNickname, Handle, Member

SAMPLES = Path(__file__).parents[3] / "shared/data"
HEAD = "昵称,微信号,手机号,城市,行业,技能标签,入群时间,所在群,到期时间,邀请人微信号,合伙人,备注"


def load(folder, slug="qinghe"):
    out = io.StringIO()
    call_command("load_community", str(folder), tenant=slug, json=True, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def folder(tmp_path):
    """A community of five in two groups, with a half-year behind it."""

    def write(members=None, cohorts=None, encoding="utf-8-sig"):
        members = members or [
            "林海,lin_hai,13800000001,深圳市,电商,文案/直播,2026-01-05,会员1群,2027-01-05,,是,",
            "王欢,wang_huan,13800000002,上海,教育,剪辑,2026-02-05,会员2群,2027-02-05,lin_hai,,",
            "林海(小号),lin_hai_2,13800000001,深圳,电商,文案,2026-01-05,会员1群,2027-01-05,,是,",
            "周舟,zhou_zhou,,北京,电商,,2026-08-01,会员2群,2027-08-01,gone_one,,",
            "陈晨,chen_chen,,杭州,母婴,,2026-09-01,,2027-09-01,,,",
            "坏行,1bad,,杭州,母婴,,2026-09-01,会员1群,2027-09-01,,,",
        ]
        cohorts = cohorts or [
            "2026上半年,会员1群,lin_hai",
            "2026上半年,会员1群,wang_huan",
            "2026上半年,会员2群,gone_one",
            "2026下半年,会员1群,LIN_HAI",
            "2026下半年,会员2群,wang_huan",
            "2026下半年,会员1群,wang_huan",
            "2026下半年,会员1群,zhou_zhou",
        ]
        (tmp_path / "members.csv").write_bytes("\r\n".join([HEAD, *members, ""]).encode(encoding))
        (tmp_path / "cohorts.csv").write_bytes("\n".join(["届,群,微信号", *cohorts, ""]).encode(encoding))
        return tmp_path

    return write


def state(slug="qinghe"):
    """Everything that a load writes, without the moments."""
    with acting_for(Tenant.objects.get(slug=slug).pk):
        return {
            "members": sorted(Member.objects.values_list("id", "nickname", "standing", "tier", "city", "inviter", "search")),
            "handles": sorted(Handle.objects.values_list("member", "platform", "value")),
            "names": sorted(FormerNickname.objects.values_list("member", "nickname")),
            "placements": sorted(Placement.objects.values_list("id", "member", "group", "cohort", "since", "until"), key=str),
            "cohorts": sorted(Cohort.objects.values_list("id", "year", "half", "state")),
            "events": Event.objects.count(),
        }


@pytest.mark.parametrize("name", ["qinghe", "yuanfan"])
def test_the_sample_communities_are_read_as_their_owners_mean_them(db, name):
    if not SAMPLES.is_dir():
        pytest.skip("the sample communities lie outside the project, in ../shared/data")
    expected = json.loads((SAMPLES / name / "expected.json").read_text())

    counts = load(SAMPLES / name, name)

    keys = {"people": "people_in_file", "past_members": "past_members", "rows": "data_rows", "blank": "blank_rows"}
    keys |= {"groups": "groups", "cohorts": "cohorts", "placements": "cohort_rows"}
    assert {ours: counts[ours] for ours in keys} == {ours: expected[theirs] for ours, theirs in keys.items()}
    assert sorted(counts["merged"]) == sorted(expected["same_person"])
    assert [(row["line"], row["code"]) for row in counts["rejected"]] == [(row["line"], row["why"]) for row in expected["rejected"]]
    assert counts["cohort_rejected"] == []
    with acting_for(Tenant.objects.get(slug=name).pk):
        current = Member.objects.current()
        assert current.count() == expected["people_in_file"]
        assert {str(group.number): group.headcount for group in Group.objects.with_headcount()} == expected["people_by_group"]
        assert dict(current.values_list("city").annotate(n=Count("id"))) == expected["people_by_city"]
        assert current.filter(tier="partner").count() == expected["partners"]
        present = {cohort.code: cohort.state for cohort in Cohort.objects.all()}
        assert present["2026H2"] == "current"


def test_what_is_good_goes_in_and_the_rest_is_named_with_its_line(db, folder):
    counts = load(folder())

    assert {key: counts[key] for key in ("matrix", "people", "past_members", "rows", "groups", "cohorts", "placements", "merged")} == {
        "matrix": "会员", "people": 4, "past_members": 1, "rows": 6, "groups": 2, "cohorts": 2, "placements": 6, "merged": [[2, 4]],
    }  # fmt: skip
    assert [(row["line"], row["code"]) for row in counts["rejected"]] == [(7, "bad_wechat_id")]
    assert [(row["line"], row["code"]) for row in counts["cohort_rejected"]] == [(7, "placed_twice")]
    assert "1bad" in counts["rejected"][0]["sentence"]


def test_people_are_one_with_all_their_names_and_handles(db, folder):
    load(folder())

    with acting_for(Tenant.objects.get().pk):
        lin = Member.objects.get(nickname="林海")
        assert sorted(lin.handles.values_list("value", flat=True)) == ["+8613800000001", "lin_hai", "lin_hai_2"]
        assert list(lin.former_nicknames.values_list("nickname", flat=True)) == ["林海(小号)"]
        assert (lin.city, lin.tier, lin.skills) == ("深圳", "partner", ["文案", "直播"])
        assert Member.objects.get(nickname="王欢").inviter == lin
        assert Member.objects.get(nickname="周舟").inviter.standing == "past"
        assert [member.nickname for member in Member.objects.matching("linhai")] == ["林海"]
        assert [member.nickname for member in Member.objects.matching("wh")] == ["王欢"]


def test_the_member_file_says_where_people_sit_now(db, folder):
    load(folder())

    with acting_for(Tenant.objects.get().pk):
        sits = dict(Placement.objects.open().values_list("member__nickname", "group__name"))
        assert sits == {"林海": "会员1群", "王欢": "会员2群", "周舟": "会员2群"}


def test_the_same_folder_again_changes_nothing(db, folder):
    load(folder())
    before = state()

    load(folder())

    assert state() == before


def test_a_later_export_brings_the_tenant_up_to_date(db, folder):
    load(folder())
    members = [
        "林海,lin_hai,13800000001,广州,电商,文案/直播,2026-01-05,会员2群,2027-01-05,,是,",
        "新来,xin_lai,,上海,教育,,2026-11-05,会员1群,2027-11-05,,,",
        "周舟,zhou_zhou,,北京,电商,,2026-08-01,会员2群,2027-08-01,,,",
    ]

    load(folder(members=members))

    with acting_for(Tenant.objects.get().pk):
        assert sorted(Member.objects.current().values_list("nickname", flat=True)) == ["周舟", "新来", "林海"]
        assert Member.objects.get(nickname="王欢").standing == "past"
        assert Member.objects.get(nickname="林海").city == "广州"
        sits = dict(Placement.objects.open().values_list("member__nickname", "group__name"))
        assert sits == {"林海": "会员2群", "新来": "会员1群", "周舟": "会员2群"}
        assert Event.objects.filter(kind="community.imported").count() == 2


def test_a_gbk_file_is_read_all_the_same(db, folder):
    assert load(folder(encoding="gb18030"))["people"] == 4


def test_the_last_half_year_of_the_files_is_the_present_one_whatever_the_date(db, folder):
    load(folder(cohorts=["2019上半年,会员1群,lin_hai", "2019下半年,会员2群,lin_hai"]))

    with acting_for(Tenant.objects.get().pk):
        assert Cohort.objects.get(state="current").code == "2019H2"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "cohorts.csv").unlink(), "no cohorts"),
        (lambda folder: (folder / "members.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200)), "picture"),
        (lambda folder: (folder / "members.csv").write_bytes(b""), "empty"),
        (lambda folder: (folder / "cohorts.csv").write_text("Dear all,\nthe list comes tomorrow.\n"), "header"),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused_whole(db, folder, spoil, words, monkeypatch):
    monkeypatch.setenv("LANG", "C")
    path = folder()
    spoil(path)

    with pytest.raises(CommandError, match=words):
        load(path)

    assert not Tenant.objects.exists()


def test_a_load_that_breaks_half_way_leaves_nothing(db, folder, monkeypatch):
    from crm import imports

    def broken(*args, **kwargs):
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(imports, "seat", broken)

    with pytest.raises(RuntimeError):
        load(folder())

    assert not Tenant.objects.exists()


def test_a_slug_that_is_an_address_of_ours_is_refused(db, folder):
    with pytest.raises(CommandError, match="reserved"):
        load(folder(), "accounts")
