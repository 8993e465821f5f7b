"""An owner's two files, uploaded in the browser: read, looked at, written."""

import io
import zipfile

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from crm import import_jobs, imports
from crm.tenancy import files
from crm.tenancy.models import Event, File, Job, Seat
from crm.tenancy.scope import acting_for
from crm.tenancy.work import keep_job
from groups.models import Cohort, Group, Matrix, Placement
from members.models import Member
from tests.conftest import SeatClient
from tests.factories import SeatFactory
from tests.imports.uploading import COHORTS, HEAD, MEMBERS, cohorts, members, newest, read, upload, work_off

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def state(tenant):
    """Everything that an import writes."""
    with acting_for(tenant.pk):
        return {
            "people": sorted(Member.objects.values_list("nickname", "standing", "city")),
            "sits": sorted(Placement.objects.open().values_list("member__nickname", "group__name")),
            "sat": Placement.objects.count(),
            "imported": Event.objects.filter(kind="community.imported").count(),
        }


NOTHING = {"people": [], "sits": [], "sat": 0, "imported": 0}
ALL = {
    "people": [("gone_one", "past", ""), ("周舟", "current", "北京"), ("林海", "current", "深圳"), ("王欢", "current", "上海")],
    "sits": [("周舟", "会员2群"), ("林海", "会员1群"), ("王欢", "会员2群")],
    "sat": 5,
    "imported": 1,
}


# What was found, before anything is written


def test_reading_shows_what_the_files_hold_and_writes_nothing(house, owner):
    page, job = read(owner, members(), cohorts())

    found = {name: job.outcome[name] for name in ("people", "rows", "past_members", "merged", "pairs", "rejected", "seated", "cohorts")}
    assert found == {
        "people": 3, "rows": 5, "past_members": 1, "merged": 1, "pairs": [[2, 4]], "rejected": 1, "seated": 3,
        "cohorts": [[2026, 1, 2], [2026, 2, 3]],
    }  # fmt: skip
    assert job.outcome["groups"] == [
        {"name": "会员1群", "number": 1, "people": 1, "spellings": [["会员1群", 5]], "is_new": True},
        {"name": "会员2群", "number": 2, "people": 2, "spellings": [["会员2群", 4], ["2群", 1]], "is_new": True},
    ]
    assert state(house) == NOTHING
    shown = owner.get(page, headers=ENGLISH).content.decode()
    assert "Import 3 people" in shown
    assert shown.count("btn-primary") == 1


def test_the_rows_that_would_not_go_in_can_be_taken_away_with_their_reasons(house, owner):
    page, _job = read(owner, members(*MEMBERS, '=HYPERLINK("x"),,,杭州,,,,,,,,'), cohorts())

    lines = owner.get(f"{page}rejected.csv").getvalue().decode("utf-8-sig").splitlines()

    assert lines[0] == f"{HEAD},Line,Why it stayed out"
    assert [line.split(",")[12] for line in lines[1:]] == ["6", "7"]
    assert "“1bad” cannot be a WeChat id" in lines[1]
    assert "'=HYPERLINK" in lines[2]


def test_a_filled_community_is_shown_what_would_change_before_the_button(house, owner):
    page, _ = read(owner, members(), cohorts())
    owner.post(f"{page}writing/")
    work_off(house)
    others = [f"别人{n},other_{n:04},,广州,,,2026-01-05,会员1群,,,," for n in range(4)]

    page, job = read(owner, members(MEMBERS[0].replace("深圳市", "广州"), *others), cohorts(COHORTS[2]))

    assert {name: job.outcome[name] for name in ("here", "added", "changed", "left", "moved", "new_groups")} == {
        "here": 3, "added": 4, "changed": 1, "left": 2, "moved": 0, "new_groups": 0,
    }  # fmt: skip
    shown = owner.get(page, headers=ENGLISH).content.decode()
    assert "Are these the files of this community?" in shown
    assert "Import them, and let 2 members go?" in shown
    assert state(house) == ALL


def test_members_alone_sit_in_the_groups_that_their_file_names(house, owner):
    page, job = read(owner, members())
    owner.post(f"{page}writing/")
    work_off(house)

    assert job.outcome["has_history"] is False
    assert state(house)["sits"] == [("周舟", "会员2群"), ("林海", "会员1群"), ("王欢", "会员2群")]
    with acting_for(house.pk):
        assert list(Cohort.objects.filter(state="current").values_list("year", "half")) == [imports.calendar.half_of(house.today())]


def test_members_alone_without_groups_sit_nowhere_and_the_page_says_what_is_missing(house, owner):
    page, job = read(owner, members("林海,lin_hai", head="昵称,微信号"))

    assert "Nobody sits in a group" in owner.get(page, headers=ENGLISH).content.decode()
    owner.post(f"{page}writing/")
    work_off(house)

    assert (job.outcome["seated"], state(house)["people"], state(house)["sits"]) == (0, [("林海", "current", "")], [])
    steps = {step.code: step.state for step in owner.get("/").context["guide"].steps}
    assert steps == {"files": "done", "groups": "barred", "assistant": "now", "plan": "barred"}


# Writing


def test_what_was_found_is_written_and_the_files_go(house, owner):
    page, _ = read(owner, members(), cohorts())
    with acting_for(house.pk):
        assert [files.path_of(file).exists() for file in File.objects.filter(kind="import")] == [True, True]

    answer = owner.post(f"{page}writing/")
    work_off(house)

    assert (answer.status_code, answer["Location"]) == (302, page)
    assert state(house) == ALL
    assert "Imported 3 people" in owner.get(page, headers=ENGLISH).content.decode()
    with acting_for(house.pk):
        assert list(File.objects.values_list("kind", flat=True)) == ["rejected"]
        noted = Event.objects.get(kind="community.imported")
        assert (noted.seat_id, noted.door, noted.after["people"]) == (owner.seat.pk, "page", 3)


def test_the_same_upload_from_two_tabs_is_one_job(house, owner):
    first, second = upload(owner, members(), cohorts()), upload(owner, members(), cohorts())

    assert first["Location"] == second["Location"]
    with acting_for(house.pk):
        assert (Job.objects.count(), File.objects.count()) == (1, 2)


def test_two_presses_of_the_button_write_once(house, owner):
    page, _ = read(owner, members(), cohorts())

    answers = [owner.post(f"{page}writing/")["Location"] for _ in range(2)]
    work_off(house)
    answers.append(owner.post(f"{page}writing/")["Location"])

    assert answers == [page] * 3
    with acting_for(house.pk):
        assert Job.objects.filter(kind="community.import").count() == 1
    assert state(house) == ALL


def test_other_files_wait_while_an_import_is_under_way(house, owner):
    page = upload(owner, members(), cohorts())["Location"]

    answer = upload(owner, members(MEMBERS[0]))

    assert answer.status_code == 422
    assert "An import is under way already" in answer.content.decode()
    assert page in answer.content.decode()


def test_files_read_before_another_import_are_read_again_first(house, owner):
    early, _ = read(owner, members(), cohorts())
    with acting_for(house.pk):
        late = import_jobs.read_again(newest(house), house, by=owner.seat)
    work_off(house)
    owner.post(f"/start/files/{late.pk}/writing/")
    work_off(house)

    answer = owner.post(f"{early}writing/", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (409, "stale")


def test_a_worker_that_dies_while_writing_leaves_nothing_and_the_next_one_writes_once(house, owner, monkeypatch):
    page, _ = read(owner, members(), cohorts())
    owner.post(f"{page}writing/")
    job = newest(house, "community.import")

    class Killed(BaseException):
        pass

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(imports.calendar, "lay_out", die)  # people and seats are written by then
        with pytest.raises(Killed), transaction.atomic():
            keep_job(str(house.pk), str(job.pk))
    assert state(house) == NOTHING
    with acting_for(house.pk):
        Job.objects.filter(pk=job.pk).update(due_at=job.asked_at)  # it was silent for too long
    for _ in range(2):
        keep_job(str(house.pk), str(job.pk))

    assert state(house) == ALL
    with acting_for(house.pk):
        done = Job.objects.get(pk=job.pk)
        assert (done.state, done.outcome["people"]) == ("done", 3)


def test_a_stopped_import_writes_nothing_and_can_be_taken_up_again(house, owner):
    page, _ = read(owner, members(), cohorts())
    owner.post(f"{page}writing/")
    owner.post(f"{page}stop/")
    work_off(house)
    assert state(house) == NOTHING

    owner.post(f"{page}writing/")
    work_off(house)

    assert state(house) == ALL


def test_what_breaks_on_our_side_keeps_the_files_for_another_try(house, owner, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(imports, "found", lambda *args: 1 / 0)
        page, job = read(owner, members(), cohorts())
    assert (job.state, job.problem["code"]) == ("failed", "broken")
    shown = owner.get(page, headers=ENGLISH).content.decode()
    assert "Try again with the same files" in shown

    again = owner.post(f"{page}again/")["Location"]
    work_off(house)

    assert newest(house).outcome["people"] == 3
    assert again != page


def test_a_seat_that_is_taken_away_in_the_middle_imports_nothing(house, owner, operator):
    page, _ = read(operator, members(), cohorts())
    operator.post(f"{page}writing/")
    Seat.objects.filter(pk=operator.seat.pk).update(ended_at=operator.seat.created_at)

    work_off(house)

    job = newest(house, "community.import")
    assert (job.state, job.problem["code"], state(house)) == ("failed", "seat_ended", NOTHING)
    with acting_for(house.pk):
        assert Event.objects.filter(kind="job.failed", subject=job.pk).count() == 1
    owner.post(f"{page}writing/")
    work_off(house)
    assert state(house) == ALL


def test_discarded_files_are_gone(house, owner):
    page, _ = read(owner, members(), cohorts())

    owner.post(f"{page}discarding/")

    assert "This import was discarded" in owner.get(page, headers=ENGLISH).content.decode()
    with acting_for(house.pk):
        assert list(File.objects.filter(kind="import")) == []
    answer = owner.post(f"{page}writing/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_files")
    assert state(house) == NOTHING


# Files that will not do


def workbook(rows, **parts):
    """An XLSX, with other entries put in beside."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet("成员")
    for at, row in enumerate(rows):
        sheet.write_row(at, 0, row)
    book.close()
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return SimpleUploadedFile("members.xlsx", out.getvalue())


def with_nul(book):
    """The same with a NUL for each question mark, as a workbook writes one."""
    out = io.BytesIO()
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, content.replace("林?海".encode(), "林_x0000_海".encode()))
    return SimpleUploadedFile("members.xlsx", out.getvalue())


def named(content, name="members.csv"):
    return SimpleUploadedFile(name, content)


TEXT = "\r\n".join([HEAD, *MEMBERS])
PROTECTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)  # Office puts an encrypted workbook into such a container
SHEET = [row.split(",") for row in (HEAD, *MEMBERS)]


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        pytest.param(named(b"\x89PNG\r\n\x1a\n" + bytes(200)), "binary", "not a table but a picture", id="a picture"),
        pytest.param(named((HEAD + "\r\n").encode()), "no_rows", "no rows below it", id="a header alone"),
        pytest.param(named("各位好，名单明天发。\n".encode() * 3), "no_header", "No header was found", id="a letter"),
        pytest.param(named("姓名,城市\n林海,深圳\n".encode()), "missing_column", "微信号", id="nobody is named"),
        pytest.param(named(PROTECTED, "members.xlsx"), "broken_workbook", "password", id="a password"),
        pytest.param(workbook(SHEET, **{"xl__vbaProject.bin": b"x"}), "macros", "holds macros", id="macros"),
        pytest.param(lambda: workbook(SHEET, xl__media__a=bytes(301 * 2**20)), "too_much_inside", "unpacks to far more", id="a zip bomb"),
        pytest.param(
            workbook(SHEET, **{"xl__worksheets__wide.xml": b'<sheetData><c r="A1"/><c r="XFD1048576"><v>1</v></c></sheetData>'}),
            "too_much_inside", "unpacks to far more", id="a sheet that spans everything",
        ),
        pytest.param(named(("昵称,微信号\n" + "a,b\n" * 300_001).encode()), "too_many_rows", "more than 100,000 rows", id="too many rows"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_of_people_is_refused_with_a_sentence(house, owner, file, code, words):
    file = file() if callable(file) else file  # what is large is made when it is asked for
    file.seek(0)
    page, job = read(owner, file, cohorts())

    assert (job.state, job.problem["code"]) == ("failed", code)
    assert words in owner.get(page, headers=ENGLISH).content.decode()
    assert state(house) == NOTHING


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "Choose the file of your members"),
        ({"members": named(b"")}, "empty"),
        ({"members": members(), "cohorts": members(name="other.csv")}, "Both fields hold the same file"),
    ],
)
def test_what_shows_before_reading_is_said_beside_the_fields(house, owner, files, words):
    for file in files.values():
        file.seek(0)

    answer = upload(owner, **files)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert newest(house) is None


def test_a_file_that_is_too_large_is_refused_with_its_size(house, owner, monkeypatch):
    monkeypatch.setattr(imports, "MOST_BYTES", 10**6)

    answer = upload(owner, named(b"x" * (3 * 10**6), "all.csv"))

    assert answer.status_code == 422
    assert "“all.csv” has 3 MB; at most 1 MB will do." in answer.content.decode()


def test_a_body_larger_than_any_page_takes_is_not_read(house, owner, settings):
    settings.LARGEST_BODY = 1000

    answer = upload(owner, members(), cohorts())

    assert answer.status_code == 413
    assert "too large" in answer.content.decode()


def test_a_cell_with_nul_bytes_becomes_text_that_can_be_kept(house, owner):
    page, _ = read(owner, with_nul(workbook([["昵称", "微信号"], ["林?海", "lin_hai"]])))
    owner.post(f"{page}writing/")
    work_off(house)

    assert [name for name, *_ in state(house)["people"]] == ["林海"]


def test_a_name_longer_than_any_column_rejects_its_row_alone(house, owner):
    _page, job = read(owner, members(*MEMBERS, f"{'长' * 201},long_one,,深圳,,,,,,,,"), cohorts())

    assert (job.outcome["people"], job.outcome["rejected"]) == (3, 2)


def test_swapped_files_are_recognised_and_swapped_with_one_press(house, owner):
    page, job = read(owner, cohorts(), members())
    assert (job.state, job.problem["code"]) == ("failed", "swapped")
    assert "Swap them and read again" in owner.get(page, headers=ENGLISH).content.decode()

    owner.post(f"{page}again/", {"swapped": "1"})
    work_off(house)

    assert newest(house).outcome["people"] == 3


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(cohorts(), None, "not_members"), (members(), members(MEMBERS[0]), "not_cohorts"), (cohorts(), cohorts(COHORTS[0]), "not_members")],
)
def test_a_file_of_the_other_kind_is_told_apart_by_its_columns(house, owner, first, second, code):
    for file in filter(None, (first, second)):
        file.seek(0)

    _page, job = read(owner, first, second)

    assert (job.state, job.problem["code"]) == ("failed", code)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_any_encoding_is_read(house, owner, encoding):
    _page, job = read(owner, named(TEXT.encode(encoding)))

    assert job.outcome["people"] == 3


# Who may, and what a renamed matrix changes


def test_an_operator_imports_a_viewer_looks_and_an_assistant_does_not_see_it(house, operator, viewer, assistant):
    page, _ = read(operator, members(), cohorts())

    assert [client.get(page).status_code for client in (operator, viewer, assistant)] == [200, 200, 403]
    assert [client.post(f"{page}writing/").status_code for client in (viewer, assistant, operator)] == [403, 403, 302]


def test_files_follow_a_matrix_that_was_renamed(house, owner):
    for _ in range(2):
        page, _ = read(owner, members(), cohorts())
        owner.post(f"{page}writing/")
        work_off(house)
        with acting_for(house.pk):
            Matrix.objects.update(name="Members")

    with acting_for(house.pk):
        assert (Matrix.objects.count(), Group.objects.count()) == (1, 2)
    assert state(house) == ALL


def test_another_tenant_sees_nothing_of_it(two, owner):
    stranger = SeatClient(SeatFactory(tenant=two[1], role="owner"))
    page, _ = read(owner, members(), cohorts())

    answers = [stranger.get(page.replace("qinghe", "yuanfan")), stranger.post(page.replace("qinghe", "yuanfan") + "writing/")]

    assert [answer.status_code for answer in answers] == [404, 404]
