"""Rows that may be somebody else of the file or somebody who is here: said before the import, and held to afterwards."""

import pytest

from crm.tenancy.models import Event, Job
from crm.tenancy.scope import acting_for
from members import twins
from members.models import Handle, ImportedRow, Member, Merge, Twin
from tests.imports.uploading import members, newest, work_off

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
BOSS = "老板,boss_one,,,,,,,,,,"
LIN = "林海,lin_hai,,深圳,,,,,2027-01-01,boss_one,,"
AGAIN = "林海,lin_hai_9,13800000009,深圳,电商,,,,,boss_one,,后来的"


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def bring(client, *rows):
    answer = client.post("/imports/", {"file": members(*rows)}, headers=ENGLISH)
    assert answer.status_code == 302, answer.content.decode()
    work_off(client.tenant)
    return answer["Location"]


def pairs_of(client, page):
    return client.get(f"{page}?tab=doubtful").context["pairs"]


def say(client, page, decision, pair=None, **headers):
    key = (pair or pairs_of(client, page)[0])["key"]
    return client.post(f"{page}pairs/", {"pair": key, "decision": decision}, headers=ENGLISH | headers)


def write(client, page):
    assert client.post(f"{page}writing/").status_code == 302
    work_off(client.tenant)
    assert newest(client.tenant, "community.import").state == "done"


def people_here(tenant):
    """{nickname: [handles of each who is called so]}"""
    found = {}
    with acting_for(tenant.pk):
        for member in Member.objects.known().order_by("id"):
            found.setdefault(member.nickname, []).append(sorted(member.handles.values_list("value", flat=True)))
    return found


@pytest.fixture
def lin(house, owner):
    """One of two rows is here already."""
    write(owner, bring(owner, BOSS, LIN))


def test_the_same_person_is_one_member_with_both_handles_and_what_either_row_says(house, owner, lin):
    page = bring(owner, AGAIN)
    before = owner.get(page).context["numbers"]
    assert (before["new"], before["open"]) == (1, 1)

    say(owner, page, "same")
    after = owner.get(page).context["numbers"]
    assert (after["new"], after["open"]) == (0, 0)
    assert people_here(house)["林海"] == [["lin_hai"]]  # nothing is written before the word
    write(owner, page)

    assert people_here(house)["林海"] == [["+8613800000009", "lin_hai", "lin_hai_9"]]
    with acting_for(house.pk):
        found = Member.objects.get(nickname="林海")
        assert (found.industry, found.note, str(found.expires_on)) == ("电商", "后来的", "2027-01-01")
        assert not Twin.objects.exists()
        assert not Merge.objects.exists()


def test_the_same_person_twice_in_one_file_is_one_and_the_file_again_changes_nothing(house, owner):
    page = bring(owner, BOSS, LIN, AGAIN)
    say(owner, page, "same")
    write(owner, page)
    assert people_here(house)["林海"] == [["+8613800000009", "lin_hai", "lin_hai_9"]]

    page = bring(owner, BOSS, LIN, AGAIN)

    numbers = owner.get(page).context["numbers"]
    assert {name: numbers[name] for name in ("new", "changed", "same", "doubtful")} == {"new": 0, "changed": 0, "same": 2, "doubtful": 0}


def test_another_person_comes_in_and_is_never_asked_about_again(house, owner, lin):
    page = bring(owner, AGAIN)
    say(owner, page, "apart")
    write(owner, page)

    assert people_here(house)["林海"] == [["lin_hai"], ["+8613800000009", "lin_hai_9"]]
    with acting_for(house.pk):
        assert [pair.state for pair in Twin.objects.all()] == ["apart"]
        assert Event.objects.filter(kind="twin.apart").count() == 1
        twins.look_for()
        assert not twins.waiting().exists()
    assert pairs_of(owner, bring(owner, LIN, AGAIN.replace("电商", "教育"))) == []


@pytest.mark.parametrize("decision", ["", "later"])
def test_who_is_left_open_comes_in_and_waits_among_the_doubles(house, owner, lin, decision):
    page = bring(owner, AGAIN)
    say(owner, page, decision)
    write(owner, page)
    work_off(house)  # who is here twice is looked for after an import

    assert len(people_here(house)["林海"]) == 2
    with acting_for(house.pk):
        assert [pair.state for pair in twins.waiting()] == ["open"]
    assert "/members/twins/" in owner.get(page).content.decode()


def test_what_was_said_holds_when_the_files_are_read_again_another_way(house, owner, lin):
    page = bring(owner, AGAIN)
    say(owner, page, "same")

    page = owner.post(f"{page}columns/", {"members-4": ""})["Location"]
    work_off(house)
    assert [pair["decision"] for pair in pairs_of(owner, page)] == ["same"]
    write(owner, page)

    assert len(people_here(house)["林海"]) == 1


def test_the_import_is_taken_back_with_what_was_said(house, owner, lin):
    before = people_here(house)
    page = bring(owner, AGAIN)
    say(owner, page, "same")
    write(owner, page)

    owner.post(f"{page}undoing/")
    work_off(house)

    assert people_here(house) == before
    with acting_for(house.pk):
        assert Member.objects.get(nickname="林海").industry == ""
        assert ImportedRow.objects.count() == 2


def test_whom_somebody_merged_in_the_meantime_is_followed(house, owner, lin):
    page = bring(owner, AGAIN)
    say(owner, page, "same")
    with acting_for(house.pk):
        gone = Member.objects.get(nickname="林海")
        kept = Member.objects.create(nickname="海哥")
        Handle.objects.create(member=kept, platform="wechat", value="hai_ge")
        twins.merging.merge(kept, gone, "decided", by=owner.seat)
    write(owner, page)

    assert people_here(house)["林海"] == [["+8613800000009", "hai_ge", "lin_hai", "lin_hai_9"]]


def test_the_next_open_pair_comes_by_itself_and_what_was_said_can_be_taken_back(house, owner):
    page = bring(owner, BOSS, LIN, AGAIN, "王欢,wang_huan,,北京,,,,,,boss_one,,", "王欢,wang_huan_2,,北京,,,,,,boss_one,,")
    first, second = pairs_of(owner, page)

    answer = say(owner, page, "apart", first, HX_Request="true")
    assert answer.context["pair"]["key"] == second["key"]
    assert answer["HX-Replace-Url"].endswith(f"pair={second['key']}")
    assert "You said: another person." in owner.get(f"{page}?tab=doubtful&pair={first['key']}", headers=ENGLISH).content.decode()

    say(owner, page, "", first)
    assert [pair["decision"] for pair in pairs_of(owner, page)] == ["", ""]


def test_nothing_is_decided_of_what_is_not_there_or_written_already(house, owner, viewer, lin):
    page = bring(owner, AGAIN)
    pair = pairs_of(owner, page)[0]
    asks = {"Accept": "application/json"}

    assert say(owner, page, "same", {"key": "7:8"}, **asks).json()["code"] == "no_such_pair"
    assert say(owner, page, "perhaps", pair, **asks).json()["code"] == "no_such_decision"
    assert say(viewer, page, "same", pair).status_code == 403
    write(owner, page)
    say(owner, page, "same", pair)

    with acting_for(house.pk):
        assert Job.objects.get(pk=page.split("/")[-2]).asked.get("pairs", {}) == {}
    assert len(people_here(house)["林海"]) == 2
