"""The room for files: any kind through one door, columns mapped, differences seen, a part that lets nobody go, and all of it taken back."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy.models import Event, File, Job
from crm.tenancy.scope import acting_for
from groups.models import CalendarStep, Cohort, Draft, Group, Placement, Reshuffle
from members import people, speaking
from members.models import CustomField, FormerNickname, Handle, ImportedRow, Mapping, Member
from tests.imports.uploading import MEMBERS, cohorts, members, newest, work_off

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
LOG = "时间,群,发言人微信号,类型,对象微信号\n2026-07-01 20:15,会员1群,lin_hai,回复,wang_huan\n"
SAMPLES = Path(__file__).parents[3] / "shared/data"


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def bring(client, file, second=None):
    """The page of a file that was read, and its job."""
    sent = {"file": file} | ({"second": second} if second else {})
    answer = client.post("/imports/", sent, headers=ENGLISH)
    assert answer.status_code == 302, answer.content.decode()
    work_off(client.tenant)
    return answer["Location"], newest(client.tenant)


def write(client, page):
    answer = client.post(f"{page}writing/")
    assert answer.status_code == 302, answer.content.decode()
    work_off(client.tenant)


def shown(client, page):
    return client.get(page, headers=ENGLISH).content.decode()


def table(text, name="members.csv"):
    return SimpleUploadedFile(name, text.encode())


def state(tenant):
    with acting_for(tenant.pk):
        return {
            "members": sorted(
                Member.objects.values_list("nickname", "standing", "city", "tier", "search", "inviter__nickname", "expires_on"),
                key=str,
            ),
            "handles": sorted(Handle.objects.values_list("member__nickname", "platform", "value")),
            "names": sorted(FormerNickname.objects.values_list("member__nickname", "nickname")),
            "seats": sorted(Placement.objects.values_list("member__nickname", "group__name", "since", "until"), key=str),
            "groups": sorted(Group.objects.values_list("name", flat=True)),
            "halves": sorted(Cohort.objects.values_list("year", "half", "state")),
            "steps": CalendarStep.objects.count(),
            "plans": Reshuffle.objects.count(),
        }


def people_here(tenant):
    with acting_for(tenant.pk):
        return dict(Member.objects.values_list("nickname", "standing"))


# Any file, told by its columns


def test_a_file_says_itself_what_it_is(house, owner):
    kinds = {}
    for file in (
        members(),
        cohorts(),
        table(LOG, "log.csv"),
    ):
        page, job = bring(owner, file)
        kinds[job.outcome["kind"]] = file.name
        owner.post(f"{page}discarding/")

    assert kinds == {"members": "members.csv", "cohorts": "cohorts.csv", "interactions": "log.csv"}


def test_two_files_may_come_in_either_field(house, owner):
    _page, job = bring(owner, cohorts(), members())

    assert (job.outcome["kind"], job.outcome["people"], job.outcome["placements"]) == ("members", 3, 5)


def test_nothing_is_written_before_the_word_and_the_list_says_what_came(house, owner):
    page, _job = bring(owner, members())
    assert people_here(house) == {}
    assert "waits for your word" in shown(owner, "/imports/")
    entry = next(
        entry for room in owner.get("/imports/").context["navigation"] for entry in room["entries"] if entry["url"].endswith("/imports/")
    )
    assert entry["count"] == 1

    write(owner, page)

    assert len(people_here(house)) == 3
    listed = shown(owner, "/imports/")
    assert "members.csv" in listed
    assert ">imported<" in listed


def test_the_list_asks_as_many_questions_for_many_imports_as_for_one(house, owner):
    counts = []
    for many in 1, 12:
        for n in range(many):
            page, _job = bring(owner, members(f"人{many}{n},person_{many}_{n},,深圳,,,,,,,,"))
            write(owner, page)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            owner.get("/imports/")
        counts.append(len(asked))

    assert counts[0] == counts[1]


# A part of the community


def test_a_part_of_the_members_lets_nobody_go(house, owner):
    page, _job = bring(owner, members(), cohorts())
    write(owner, page)
    before = state(house)["seats"]

    page, job = bring(owner, members(MEMBERS[1].replace("上海", "苏州"), "新人,new_one,,广州,,,2026-10-01,会员1群,,,,"))
    assert {name: job.outcome[name] for name in ("added", "touched", "left", "same")} == {
        "added": 1,
        "touched": 1,
        "left": 0,
        "same": 0,
    }
    write(owner, page)

    assert people_here(house) == {"林海": "current", "王欢": "current", "周舟": "current", "gone_one": "past", "新人": "current"}
    assert [seat for seat in state(house)["seats"] if seat[0] != "新人"] == before


def test_the_whole_community_is_said_and_then_the_others_have_left(house, owner):
    page, _job = bring(owner, members())
    write(owner, page)
    page, job = bring(owner, members(MEMBERS[0]))

    answer = owner.post(f"{page}columns/", {"whole": "1"})
    work_off(house)
    page, job = answer["Location"], newest(house)

    assert job.outcome["left"] == 2
    assert "let 2 members go" in shown(owner, page)
    write(owner, page)
    assert people_here(house) == {"林海": "current", "王欢": "past", "周舟": "past"}


def test_who_sat_where_alone_seats_those_who_are_here_and_touches_nobody_else(house, owner):
    page, _job = bring(owner, members("甲,person_a,,,,,,会员1群,,,,", "乙,person_b,,,,,,会员2群,,,,"))
    write(owner, page)

    page, _job = bring(owner, cohorts("2020上半年,会员2群,person_a", "2020上半年,会员1群,long_gone"))
    write(owner, page)

    with acting_for(house.pk):
        assert sorted(Placement.objects.open().values_list("member__nickname", "group__name")) == [
            ("乙", "会员2群"),
            ("甲", "会员1群"),
        ]
        assert Placement.objects.filter(cohort__year=2020).count() == 2
    assert people_here(house)["long_gone"] == "past"


# What would change


def test_changes_are_shown_field_by_field_before_and_after(house, owner):
    page, _job = bring(owner, members())
    write(owner, page)

    changed = MEMBERS[1].replace("上海", "苏州").replace("2027-02-05", "2028-02-05").replace("2群", "1群")
    page, job = bring(owner, members(changed, MEMBERS[3]))

    assert job.outcome["fields"] == {"city": 1, "expires_on": 1, "group": 1}
    text = shown(owner, f"{page}?tab=changed")
    for words in ("上海", "苏州", "2027-02-05", "2028-02-05"):
        assert words in text
    assert (job.outcome["added"], job.outcome["touched"], job.outcome["same"]) == (0, 1, 1)


def test_the_same_file_twice_changes_nothing(house, owner):
    page, _job = bring(owner, members(), cohorts())
    write(owner, page)
    before = state(house)
    with acting_for(house.pk):
        events = Event.objects.filter(kind="community.imported").count()

    page, job = bring(owner, members(), cohorts())
    write(owner, page)

    assert (job.outcome["added"], job.outcome["touched"], job.outcome["same"]) == (0, 0, 3)
    assert state(house) == before
    with acting_for(house.pk):
        assert Event.objects.filter(kind="community.imported").count() == events
    assert "nothing changed" in shown(owner, page)


def test_an_old_nickname_is_not_lost(house, owner):
    page, _job = bring(owner, members("旧名,person_a,,,,,,,,,,"))
    write(owner, page)
    page, _job = bring(owner, members("新名,person_a,,,,,,,,,,"))
    write(owner, page)

    assert state(house)["names"] == [("新名", "旧名")]


# What the columns mean

STRANGE = "称呼,联络,座右铭,邮件\n林海,lin_hai,好,lin@example.com\n王欢,wang_huan,早,\n"


def test_columns_that_nobody_knows_are_said_by_hand_and_remembered(house, owner):
    page, job = bring(owner, table(STRANGE.replace(",邮件", ",信箱地址")))
    assert (job.state, job.problem["code"]) == ("failed", "missing_column")
    assert "lin_hai" in shown(owner, page)
    with acting_for(house.pk):
        field = CustomField.objects.create(name="座右铭", kind="text")
    chosen = {"members-0": "nickname", "members-1": "wechat", "members-2": f"custom:{field.pk}", "members-3": "id:email"}

    answer = owner.post(f"{page}columns/", chosen)
    work_off(house)
    write(owner, answer["Location"])

    assert state(house)["handles"] == [
        ("林海", "email", "lin@example.com"),
        ("林海", "wechat", "lin_hai"),
        ("王欢", "wechat", "wang_huan"),
    ]
    with acting_for(house.pk):
        assert Member.objects.get(nickname="林海").custom == {str(field.pk): "好"}
        assert Mapping.objects.get().settled_by == owner.seat
    page, job = bring(owner, table("称呼,联络,座右铭,信箱地址\n周舟,zhou_zhou,在,\n"))
    assert (job.state, job.outcome["people"], job.outcome["mapped"]) == ("done", 1, ["members"])
    assert "as you settled it" in shown(owner, page)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"members-0": "nickname", "members-1": "nickname"}, "is read as Nickname already"),
        ({"members-0": "nickname", "members-1": "", "members-3": ""}, "No column is read as"),
    ],
)
def test_what_cannot_be_is_said_beside_the_column(house, owner, chosen, words):
    page, _job = bring(owner, table(STRANGE))

    answer = owner.post(f"{page}columns/", chosen, headers=ENGLISH)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    with acting_for(house.pk):
        assert not Job.objects.filter(state="waiting").exists()


def test_a_header_that_comes_twice_is_two_columns(house, owner):
    page, job = bring(owner, table("昵称,微信号,备注,备注\n林海,lin_hai,第一,第二\n"))
    assert job.outcome["people"] == 1

    answer = owner.post(f"{page}columns/", {"members-2": "", "members-3": "note"})
    work_off(house)
    write(owner, answer["Location"])

    with acting_for(house.pk):
        assert Member.objects.get().note == "第二"


def test_the_order_of_dates_is_shown_and_can_be_changed(house, owner):
    page, _job = bring(owner, table("昵称,微信号,入群时间\n林海,lin_hai,1/2/2025\n"))
    assert "2025-01-02" in shown(owner, page)

    answer = owner.post(f"{page}columns/", {"order": "dmy"})
    work_off(house)
    page = answer["Location"]
    assert "2025-02-01" in shown(owner, page)
    write(owner, page)

    with acting_for(house.pk):
        assert Member.objects.get().joined_on.isoformat() == "2025-02-01"


# Taken back


def undo(client, page):
    client.post(f"{page}undoing/")
    work_off(client.tenant)
    assert newest(client.tenant, "community.import_undo").state == "done"


def test_an_import_is_taken_back_as_a_whole(house, owner):
    page, _job = bring(owner, members(MEMBERS[0], MEMBERS[1]))
    write(owner, page)
    before = state(house)
    page, _job = bring(
        owner,
        members(
            MEMBERS[0].replace("深圳市", "广州").replace("会员1群", "会员2群"),
            "改名,wang_huan,13800000009,,,,,,,,,",
            "新人,new_one,,,,,,会员1群,,lin_hai,,",
        ),
        cohorts(),
    )
    write(owner, page)
    assert state(house) != before

    undo(owner, page)

    assert state(house) == before
    assert "was taken back" in shown(owner, page)
    with acting_for(house.pk):
        assert ImportedRow.objects.exclude(job__asked__reading=page.split("/")[-2]).count() == 2
        assert Event.objects.get(kind="community.import_undone").after == {"removed": 3, "restored": 2, "kept": 0}


def test_whom_somebody_touched_since_stays_and_is_named(house, owner):
    page, _job = bring(owner, members())
    write(owner, page)
    with acting_for(house.pk):
        people.change(Member.objects.get(nickname="周舟"), {"city": "南京"}, by=owner.seat)

    undo(owner, page)

    assert people_here(house) == {"周舟": "current"}
    text = shown(owner, page)
    assert "1 member stays" in text
    assert "周舟" in text


def test_the_half_year_ahead_goes_with_the_first_import_unless_somebody_works_on_it(house, owner):
    before = state(house)
    page, _job = bring(owner, members(), cohorts())
    write(owner, page)
    assert state(house)["plans"] == 1
    undo(owner, page)
    assert state(house) == before

    page, _job = bring(owner, members(), cohorts())
    write(owner, page)
    with acting_for(house.pk):
        Draft.objects.create(reshuffle=Reshuffle.objects.get(), number=1, due_at=now())
    undo(owner, page)
    assert state(house)["plans"] == 1


def test_the_half_year_that_an_import_had_followed_by_a_later_one_is_the_current_one_again(house, owner):
    page, _job = bring(owner, members(), cohorts("2026上半年,会员1群,lin_hai"))
    write(owner, page)
    before = state(house)
    page, _job = bring(owner, members(), cohorts("2026下半年,会员2群,lin_hai", "2026下半年,会员2群,wang_huan"))
    write(owner, page)
    assert state(house)["halves"] != before["halves"]

    undo(owner, page)

    assert state(house)["halves"] == before["halves"]


def test_an_import_is_taken_back_once(house, owner):
    page, _job = bring(owner, members())
    write(owner, page)
    undo(owner, page)

    answer = owner.post(f"{page}undoing/", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")


def test_a_row_that_names_two_members_makes_them_one_and_the_way_back_parts_them(house, owner):
    page, _job = bring(owner, members("林海,lin_hai,,深圳,,,,,,,,", "海哥,,13800000001,,,,,,,,,"))
    write(owner, page)
    before = people_here(house)

    page, job = bring(owner, members("林海,lin_hai,13800000001,,,,,,,,,"))
    assert job.outcome["joins"] == 1
    write(owner, page)
    assert sorted(people_here(house).values()) == ["current", "merged"]

    undo(owner, page)
    assert people_here(house) == before


# Rows that stay out


def test_rejected_rows_are_corrected_and_brought_again(house, owner):
    page, _job = bring(owner, members())
    write(owner, page)
    rejected = owner.get(f"{page}rejected.csv", headers=ENGLISH).getvalue().decode("utf-8-sig")
    assert rejected.splitlines()[0].endswith("备注,Line,Why it stayed out")
    assert rejected.count("\n") == 2

    page, job = bring(owner, SimpleUploadedFile("again.csv", rejected.replace("1bad", "one_good").encode()))
    write(owner, page)

    assert (job.outcome["people"], job.outcome["rejected"]) == (1, 0)
    assert "坏行" in people_here(house)


# Interactions


def test_an_interaction_file_is_checked_and_kept(house, owner):
    page, _job = bring(owner, members())
    write(owner, page)
    log = LOG + "2026-07-02 20:15,会员9群,stranger_1,@,lin_hai\n昨天,会员1群,lin_hai,回复,\n"

    page, job = bring(owner, table(log, "log.csv"))
    assert {name: job.outcome[name] for name in ("rows", "rejected", "people", "unknown_speakers", "unknown_groups")} == {
        "rows": 3, "rejected": 1, "people": 2, "unknown_speakers": 1, "unknown_groups": 1,
    }  # fmt: skip
    assert "stranger_1" in shown(owner, page)
    write(owner, page)

    with acting_for(house.pk):
        assert File.objects.get(kind="interactions").name == "log.csv"
        spoke = {str(day) for day in Member.objects.exclude(first_spoke_on=None).values_list("first_spoke_on", flat=True)}
        assert (spoke, speaking.known_days()) == ({"2026-07-01"}, ("2026-07-01", "2026-07-02"))
    bring(owner, members())  # other files follow; this one stays
    with acting_for(house.pk):
        assert File.objects.filter(kind="interactions").count() == 1


# Who may


def test_a_viewer_sees_and_brings_nothing(house, owner, viewer):
    page, _job = bring(owner, members())

    assert viewer.get(page).status_code == 200
    assert viewer.post("/imports/", {"file": members()}).status_code == 403
    assert viewer.post(f"{page}writing/").status_code == 403


def test_a_page_of_files_read_anew_leads_to_the_newest(house, owner):
    page, _job = bring(owner, members())
    answer = owner.post(f"{page}columns/", {})
    work_off(house)

    assert owner.get(page)["Location"] == answer["Location"]
    with acting_for(house.pk):
        assert Job.objects.filter(kind="community.reading").count() == 2
    assert shown(owner, "/imports/").count("waits for your word") == 2  # the brief and the row


def test_every_row_of_a_tab_can_be_turned_to(house, owner):
    page, _job = bring(owner, members(*(f"人{n:03},person_{n:03},,深圳,,,,,,,," for n in range(330)), *(["坏,1bad,,,,,,,,,,"] * 60)))

    def rows(number, tab="new"):
        context = owner.get(f"{page}?tab={tab}&page={number}").context
        return context["rejected"] if tab == "rejected" else [row["name"] for row in context["new"]]

    assert rows(1) == [f"人{n:03}" for n in range(25)]
    assert rows(14) == [f"人{n:03}" for n in range(325, 330)]
    assert [line for _kind, line, _why in rows(3, "rejected")] == [str(n) for n in range(382, 392)]
    counts = []
    for number in 1, 14:
        with CaptureQueriesContext(connection) as asked:
            rows(number)
        counts.append(len(asked))
    assert counts[0] == counts[1]


# The sample communities


@pytest.mark.parametrize("name", ["qinghe", "yuanfan"])
def test_the_sample_files_are_read_through_the_page_as_their_owners_mean_them(house, owner, name):
    if not SAMPLES.is_dir():
        pytest.skip("the sample communities lie outside the project, in ../shared/data")
    folder, expected = SAMPLES / name, json.loads((SAMPLES / name / "expected.json").read_text())

    def file(which):
        return SimpleUploadedFile(which, (folder / which).read_bytes())

    for kind, which in ("gbk", "members-gbk.csv"), ("xlsx", "members.xlsx"):
        _page, job = bring(owner, file(which))
        found = job.outcome
        assert (found["rows"], found["people"], found["merged"]) == (
            expected[f"{kind}_rows"],
            expected[f"{kind}_people"],
            len(expected[f"{kind}_same_person"]),
        )
    _page, job = bring(owner, file("interactions.csv"))
    assert (job.outcome["rows"], job.outcome["rejected"]) == (expected["interaction_rows"], 0)

    page, job = bring(owner, file("members.csv"), file("cohorts.csv"))
    found = job.outcome
    assert (found["people"], found["past_members"], found["rejected"]) == (
        expected["people_in_file"],
        expected["past_members"],
        len(expected["rejected"]),
    )
    assert {f"{year}H{half}": many for year, half, many in found["cohorts"]}.keys() == expected["placements_by_cohort"].keys()
    write(owner, page)

    with acting_for(house.pk):
        current = Member.objects.current()
        assert {str(group.number): group.headcount for group in Group.objects.with_headcount()} == expected["people_by_group"]
        assert dict(current.values_list("city").annotate(n=Count("id"))) == expected["people_by_city"]
        assert current.filter(tier="partner").count() == expected["partners"]
    _page, job = bring(owner, file("members.xlsx"))
    assert (job.outcome["added"], job.outcome["left"]) == (0, 0)
