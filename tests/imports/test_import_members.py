"""One file into a tenant by the command: the same code as the page, the same keys as the whole folder's."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count

from crm.tenancy.models import Event, File, Job
from crm.tenancy.scope import acting_for
from groups.models import Placement
from members import comparing, intake
from members.files import packed
from members.models import Mapping, Member
from tests.imports.uploading import HEAD, MEMBERS

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parents[3] / "shared/data"


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


def bring(file, **options):
    out = io.StringIO()
    call_command("import_members", str(file), tenant="qinghe", json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def write(folder, text, name="members.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_it_prints_the_keys_of_the_whole_folders_command(house, tmp_path):
    counts = bring(write(tmp_path, "\n".join([HEAD, *MEMBERS])))

    keys = ["matrix", "people", "past_members", "rows", "blank", "groups", "cohorts", "placements", "merged", "rejected", "cohort_rejected"]
    assert set(keys) <= counts.keys()
    assert (counts["people"], counts["rows"], counts["merged"], counts["added"], counts["kind"]) == (3, 5, [[2, 4]], 3, "members")
    assert [(row["line"], row["code"]) for row in counts["rejected"]] == [(6, "bad_wechat_id")]


def test_a_dry_run_says_the_same_and_writes_nothing(house, tmp_path):
    file = write(tmp_path, "\n".join([HEAD, *MEMBERS]))

    dry = bring(file, dry_run=True)
    with acting_for(house.pk):
        assert (Member.objects.count(), Event.objects.count(), Job.objects.count(), Mapping.objects.count()) == (0, 0, 0, 0)
    wet = bring(file)

    assert dry | {"dry_run": False} == wet


def test_who_stands_far_apart_in_a_long_file_is_told_of_as_one(house, tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "AT_ONCE", 3)  # blocks, of which one is in memory
    for module in (comparing, intake):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    head = "昵称,微信号,手机号,城市,邀请人微信号"
    first = ["林海,lin_hai,13800000001,深圳,zhou_zhou", "王欢,wang_huan,,,", "李明,li_ming,,,", "周舟,zhou_zhou,,,"]
    first.append(",lin_hai_2,13800000001,,")
    second = ["新来,xin_lai_1,,,", "林海,lin_hai,,上海,xin_lai_2", "陈默,chen_mo,,,", "海林,,13800000001,,", "新二,xin_lai_2,,,lin_hai"]

    counts = bring(write(tmp_path, "\n".join([head, *first])))
    assert (counts["people"], counts["added"], counts["merged"]) == (4, 4, [[2, 6]])
    with acting_for(house.pk):
        assert dict(Member.objects.exclude(inviter=None).values_list("nickname", "inviter__nickname")) == {"林海": "周舟"}

    counts = bring(write(tmp_path, "\n".join([head, *second])))
    assert (counts["people"], counts["added"], counts["changed"]) == (5, 3, 1)
    with acting_for(house.pk):
        known = dict(Member.objects.exclude(inviter=None).values_list("nickname", "inviter__nickname"))
        assert known == {"林海": "新二", "新二": "林海"}
        lin_hai = Member.objects.get(nickname="林海")
        assert (lin_hai.city, *lin_hai.former_nicknames.values_list("nickname", flat=True)) == ("上海", "海林")
        assert sorted(lin_hai.handles.values_list("value", flat=True)) == ["+8613800000001", "lin_hai", "lin_hai_2"]
    counts = bring(write(tmp_path, "\n".join([head, *second])))
    assert (counts["added"], counts["changed"]) == (0, 0)


def test_a_part_lets_nobody_go_and_the_whole_does(house, tmp_path):
    bring(write(tmp_path, "\n".join([HEAD, *MEMBERS])))
    part = write(tmp_path, "\n".join([HEAD, MEMBERS[0]]), "part.csv")

    assert bring(part)["left"] == 0
    assert bring(part, whole=True)["left"] == 2


def test_a_mapping_is_given_as_json_and_remembered(house, tmp_path):
    mapping = json.dumps({"称呼": "nickname", "联络": "wechat", "店铺号": "id:shop"})
    bring(write(tmp_path, "称呼,联络,店铺号\n林海,lin_hai,77\n"), mapping=mapping)
    bring(write(tmp_path, "称呼,联络,店铺号\n王欢,wang_huan,78\n"))

    with acting_for(house.pk):
        held = sorted(Member.objects.values_list("nickname", "handles__platform", "handles__value"))
    assert held == [("林海", "shop", "77"), ("林海", "wechat", "lin_hai"), ("王欢", "shop", "78"), ("王欢", "wechat", "wang_huan")]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("[1]", "JSON object"),
        ("{", "JSON object"),
        ('{"昵称": "shoe_size"}', "cannot be"),
        ('{"昵称": "wechat", "城市": "wechat"}', "both to be read"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(house, tmp_path, mapping, words):
    with pytest.raises(CommandError, match=words):
        bring(write(tmp_path, "\n".join([HEAD, *MEMBERS])), mapping=mapping)


def test_who_spoke_to_whom_is_kept_and_the_strangers_are_named(house, tmp_path):
    log = write(tmp_path, "时间,群,发言人微信号,类型,对象微信号\n2026-07-01 20:15,会员1群,lin_hai,回复,\n", "log.csv")

    assert bring(log, dry_run=True)["unknown_speakers"] == ["lin_hai"]
    bring(log)

    with acting_for(house.pk):
        assert File.objects.get().kind == "interactions"


def test_an_earlier_day_counts_whatever_file_comes_first(house, tmp_path):
    head = "时间,群,发言人微信号,类型,对象微信号\n"
    bring(write(tmp_path, "\n".join([HEAD, *MEMBERS])))
    for n, days in enumerate((["07-03", "07-02"], ["06-30 09:00", "07-01"], ["07-09"])):
        rows = "".join(f"2026-{day},会员1群,lin_hai,回复,\n" for day in days)
        bring(write(tmp_path, head + rows, f"log{n}.csv"))

    with acting_for(house.pk):
        assert [str(day) for day in Member.objects.exclude(first_spoke_on=None).values_list("first_spoke_on", flat=True)] == ["2026-06-30"]


def test_what_cannot_be_read_is_said_on_stderr(house, tmp_path):
    with pytest.raises(CommandError, match="There is no file"):
        bring(tmp_path / "none.csv")
    with pytest.raises(CommandError, match="There is no tenant"):
        call_command("import_members", str(write(tmp_path, HEAD)), tenant="nobody")


@pytest.mark.parametrize("name", ["qinghe", "yuanfan"])
def test_every_file_of_the_samples_is_read_as_its_owner_means_it(house, name):
    if not SAMPLES.is_dir():
        pytest.skip("the sample communities lie outside the project, in ../shared/data")
    folder, expected = SAMPLES / name, json.loads((SAMPLES / name / "expected.json").read_text())

    for kind, file in ("gbk", "members-gbk.csv"), ("xlsx", "members.xlsx"):
        counts = bring(folder / file, dry_run=True)
        assert (counts["rows"], counts["people"], sorted(counts["merged"])) == (
            expected[f"{kind}_rows"], expected[f"{kind}_people"], sorted(expected[f"{kind}_same_person"]),
        )  # fmt: skip
    counts = bring(folder / "cohorts.csv")
    assert (counts["placements"], counts["cohorts"], counts["groups"]) == (expected["cohort_rows"], expected["cohorts"], expected["groups"])
    counts = bring(folder / "members.csv")
    assert (counts["people"], counts["rows"], counts["blank"]) == (
        expected["people_in_file"],
        expected["data_rows"],
        expected["blank_rows"],
    )
    assert [(row["line"], row["code"]) for row in counts["rejected"]] == [(row["line"], row["why"]) for row in expected["rejected"]]
    assert sorted(counts["merged"]) == sorted(expected["same_person"])
    counts = bring(folder / "interactions.csv", dry_run=True)
    assert (counts["rows"], counts["unknown_speakers"]) == (expected["interaction_rows"], ["owner_main"])
    with acting_for(house.pk):
        assert dict(Member.objects.current().values_list("city").annotate(n=Count("id"))) == expected["people_by_city"]
        assert Placement.objects.open().count() == expected["people_in_file"]
