"""Files that no owner should have to think about: each ends in a sentence or is read all the same, and nothing is half-written."""

import io
import zipfile

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.tenancy.models import Job
from crm.tenancy.scope import acting_for
from members.files import workbooks
from members.models import Member
from tests.imports.uploading import HEAD, MEMBERS, newest, work_off

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
PROTECTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
ABOVE = f"青禾成员表\n导出于今天\n{HEAD}\n{MEMBERS[0]}\n合计,1,,,,,,,,,,\n".replace(",", ";")
ROWS = [row.split(",") for row in (HEAD, *MEMBERS[:2])]


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def bring(client, content, name="members.csv"):
    answer = client.post("/imports/", {"file": SimpleUploadedFile(name, content)}, headers=ENGLISH)
    assert answer.status_code == 302, answer.content.decode()
    work_off(client.tenant)
    return answer["Location"], newest(client.tenant)


def refused(house, client, content, name="members.csv"):
    """The sentence of a file that is refused; nothing of it is written."""
    page, job = bring(client, content, name)
    assert job.state == "failed", job.outcome
    assert job.problem["sentence"] in client.get(page, headers=ENGLISH).content.decode().replace("&#x27;", "'")
    with acting_for(house.pk):
        assert Member.objects.count() == 0
        assert not Job.objects.filter(state="waiting").exists()
    return job.problem["code"]


def workbook(rows=ROWS, **parts):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet("成员")
    for at, row in enumerate(rows):
        sheet.write_row(at, 0, row)
    book.close()
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def spread(last=""):
    """A workbook whose column somebody once made bold, down to its millionth row; perhaps something stands in that."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet, style = book.add_worksheet(), book.add_format({"bold": True})
    for at, row in enumerate(ROWS):
        sheet.write_row(at, 0, row)
    sheet.write(1_000_000, 0, last or None, style)
    book.close()
    return out.getvalue()


def test_a_workbook_with_a_million_empty_rows_is_its_people(house, owner):
    _page, job = bring(owner, spread(), "members.xlsx")

    assert (job.state, job.outcome["people"], job.outcome["blank"]) == ("done", 2, 0)


def test_a_workbook_that_is_too_much_for_its_process_is_refused_and_ours_lives_on(house, owner, monkeypatch):
    monkeypatch.setattr(workbooks, "MOST_MEMORY", 200 * 2**20)

    assert refused(house, owner, spread("x"), "members.xlsx") == "too_much_inside"


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        pytest.param(PROTECTED, "m.xlsx", "password", id="password"),
        pytest.param(workbook(**{"xl__vbaProject.bin": b"x"}), "m.xlsm", "macros", id="macros"),
        pytest.param(lambda: workbook(xl__media__a=bytes(301 * 2**20)), "m.xlsx", "too_much_inside", id="unpacks to more than 300 MB"),
        pytest.param(workbook()[:900], "m.xlsx", "broken_workbook", id="half a workbook"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 9, "members.csv", "binary", id="a picture called csv"),
        pytest.param(b"\0" * 5000, "members.csv", "empty_file", id="NUL bytes alone"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(house, owner, content, name, code):
    assert refused(house, owner, content() if callable(content) else content, name) == code


def test_a_quote_on_line_40_000_costs_its_row_alone(house, owner):
    rows = [f"人{n},person_{n:05}" for n in range(40_010)]
    rows[39_998] = '"人,person_39998'

    _page, job = bring(owner, "\n".join(["昵称,微信号", *rows]).encode())

    assert (job.outcome["people"], job.outcome["rejected"]) == (40_009, 1)


@pytest.mark.parametrize(
    ("content", "people"),
    [
        pytest.param(f"{HEAD}\r\n{MEMBERS[0]}\n{MEMBERS[1]}\r{MEMBERS[3]}".encode(), 3, id="mixed line ends"),
        pytest.param(f"{HEAD}\n{MEMBERS[0]}\n".encode("utf-16"), 1, id="UTF-16"),
        pytest.param(f"{HEAD}\n{MEMBERS[0]}\n".encode("gb18030"), 1, id="GB18030"),
        pytest.param(ABOVE.encode(), 1, id="a title above, a total below"),
        pytest.param(f"{HEAD}\n{HEAD}\n{MEMBERS[0]}\n".encode(), 1, id="the header line twice"),
    ],
)
def test_what_is_only_odd_is_read(house, owner, content, people):
    _page, job = bring(owner, content)

    assert (job.state, job.outcome["people"]) == ("done", people)


def test_a_phone_that_a_spreadsheet_cut_is_said_and_not_guessed(house, owner):
    page, job = bring(owner, f"{HEAD}\n林海,,1.38E+10,,,,,,,,,\n{MEMBERS[1]}\n".encode())

    assert (job.outcome["people"], job.outcome["rejected"]) == (1, 1)
    assert "its last digits are cut off" in owner.get(f"{page}?tab=rejected", headers=ENGLISH).content.decode()
