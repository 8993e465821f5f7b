"""A program uploads an owner's two files, looks at what was found, and has them written."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.tenancy.scope import acting_for
from members.models import Member
from tests.conftest import KeyClient
from tests.factories import SeatFactory
from tests.imports.uploading import MEMBERS, cohorts, members, newest, work_off

pytestmark = pytest.mark.django_db
IMPORTS = "/api/v1/imports/"


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def post(api, path=IMPORTS, **files):
    """As a form with files, which the client for JSON does not send."""
    return Client(headers={"Authorization": f"Bearer {api.secret}", "Accept-Language": "en"}).post(path, files)


def test_files_are_uploaded_read_looked_at_and_written(house, api):
    answer = post(api, members=members(), cohorts=cohorts())
    job = newest(house)
    assert (answer.status_code, answer["Location"], answer.json()["state"]) == (202, f"/api/v1/jobs/{job.pk}/", "waiting")

    work_off(house)
    found = api.get(f"imports/{job.pk}/").json()
    assert (found["state"], found["found"]["people"], found["found"]["rejected"], found["writing"]) == ("done", 3, 1, None)
    assert [(row["file"], row["line"]) for row in found["rejected_rows"]] == [("members", 6)]

    asked = api.post(f"imports/{job.pk}/writing/")
    writing = newest(house, "community.import")
    assert (asked.status_code, asked["Location"]) == (202, f"/api/v1/jobs/{writing.pk}/")
    work_off(house)

    done = api.get(f"imports/{job.pk}/").json()
    assert (done["writing"]["state"], done["writing"]["outcome"]["people"]) == ("done", 3)
    assert api.get(f"jobs/{writing.pk}/").json()["state"] == "done"
    with acting_for(house.pk):
        assert Member.objects.current().count() == 3


def test_a_file_that_will_not_do_is_a_problem_with_a_code(house, api):
    answers = [post(api), post(api, members=members(), cohorts=members()), post(api, members=members(), notes=cohorts())]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(400, "invalid"), (400, "same_file"), (400, "invalid")]
    assert answers[0].json()["fields"]["members"][0]["code"] == "required"
    assert newest(house) is None


def test_other_files_clash_with_an_import_under_way(house, api):
    post(api, members=members())

    answer = post(api, members=members(MEMBERS[0]))

    assert (answer.status_code, answer.json()["code"], answer.json()["job"]) == (409, "import_running", str(newest(house).pk))


def test_what_was_not_read_is_not_written(house, api):
    post(api, members=members())

    answer = api.post(f"imports/{newest(house).pk}/writing/")

    assert (answer.status_code, answer.json()["code"]) == (409, "import_running")


def test_an_upload_sent_again_under_its_number_is_one_job(house, api):
    client = Client(headers={"Authorization": f"Bearer {api.secret}", "Idempotency-Key": "once"})

    first, second = (client.post(IMPORTS, {"members": members()}) for _ in range(2))

    assert (first.status_code, second.status_code, second.json()["id"]) == (202, 202, first.json()["id"])


def test_an_upload_may_be_larger_than_any_other_body(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    assert post(api, members=members()).status_code == 202
    assert api.post("members/", {"nickname": "x" * 200}).status_code == 413


def test_files_are_sent_as_a_form_and_acts_as_json(house, api):
    refused = api.post("imports/", {"members": "x"})
    post(api, members=members())

    assert refused.status_code == 415
    assert post(api, f"{IMPORTS}{newest(house).pk}/writing/", members=members()).status_code == 415


def test_a_viewers_key_looks_and_an_assistants_does_not(house, api):
    post(api, members=members())
    work_off(house)
    path = f"imports/{newest(house).pk}/"

    seen = {}
    for role in ("viewer", "assistant"):
        key = KeyClient(SeatFactory(tenant=house, role=role))
        seen[role] = (key.get(path).status_code, key.post(f"{path}writing/").status_code, post(key, members=members()).status_code)

    assert seen == {"viewer": (200, 403, 403), "assistant": (403, 403, 403)}


def test_the_schema_says_that_files_are_sent(api):
    schema = json.loads(api.get("schema/").content)

    operation = schema["paths"][IMPORTS]["post"]
    assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]
    assert "202" in operation["responses"]


def test_columns_are_said_differences_seen_and_all_of_it_taken_back(house, api):
    file = SimpleUploadedFile("members.csv", "称呼,联络\n林海,lin_hai\n".encode())
    post(api, members=file, any_kind="true", whole="false")
    work_off(house)
    job = newest(house)
    assert api.get(f"imports/{job.pk}/").json()["columns"]["members"][1]["samples"] == [["lin_hai", "lin_hai"]]

    for mapping, code in ({"联络": "nonsense"}, "bad_mapping"), ({"称呼": "note", "联络": "note"}, "column_twice"):
        refused = api.post(f"imports/{job.pk}/columns/", {"mappings": {"members": mapping}})
        assert (refused.status_code, refused.json()["code"]) == (400, code)
    asked = api.post(f"imports/{job.pk}/columns/", {"mappings": {"members": {"称呼": "nickname", "联络": "wechat"}}})
    assert asked.status_code == 202
    work_off(house)
    pk = newest(house).pk
    assert [row["name"] for row in api.get(f"imports/{pk}/").json()["differences"]["new"]] == ["林海"]
    api.post(f"imports/{pk}/writing/")
    work_off(house)
    with acting_for(house.pk):
        assert Member.objects.count() == 1

    assert api.post(f"imports/{pk}/undo/").status_code == 202
    work_off(house)

    assert api.get(f"imports/{pk}/").json()["undoing"]["outcome"]["removed"] == 1
    with acting_for(house.pk):
        assert Member.objects.count() == 0
