"""The guided start: what is done shows in the rows, and it goes when it is over."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tenancy.scope import acting_for
from groups.models import Draft, Group
from tests.factories import DraftFactory, GroupFactory, InviteFactory, MatrixFactory, PlacementFactory, ReshuffleFactory, SeatFactory
from tests.imports.uploading import cohorts, members, read, work_off

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def _data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def steps(client):
    guide = client.get("/").context["guide"]
    return {step.code: step.state for step in guide.steps} if guide else None


def bring_in(client):
    page, _ = read(client, members(), cohorts())
    client.post(f"{page}writing/")
    work_off(client.tenant)


def said(page, **changes):
    """What the table of groups sends when somebody saves it."""
    forms = page.context["formset"].forms
    sent = {"form-TOTAL_FORMS": len(forms), "form-INITIAL_FORMS": len(forms)}
    sent |= {field.html_name: field.value() if field.value() is not None else "" for form in forms for field in form}
    return sent | {f"form-{name}".replace("__", "-"): value for name, value in changes.items()}


def test_an_empty_community_begins_with_the_files(owner):
    assert steps(owner) == {"files": "now", "groups": "barred", "assistant": "open", "plan": "barred"}


def test_each_step_is_ticked_by_what_is_there(house, owner):
    bring_in(owner)
    assert steps(owner) == {"files": "done", "groups": "now", "assistant": "open", "plan": "open"}

    InviteFactory(made_by=owner.seat)
    assert steps(owner) == {"files": "done", "groups": "now", "assistant": "done", "plan": "open"}

    owner.post("/start/groups/", said(owner.get("/start/groups/")))
    assert steps(owner) == {"files": "done", "groups": "done", "assistant": "done", "plan": "now"}


def test_it_goes_when_somebody_asked_for_a_plan_that_is_ready(house, owner):
    bring_in(owner)
    with acting_for(house.pk):
        matrix = Group.objects.first().matrix
    owner.post(f"/matrices/{matrix.pk}/drafts/")
    assert steps(owner)["plan"] == "open"  # it is being made
    with acting_for(house.pk):
        Draft.objects.update(state=Draft.State.READY)

    assert steps(owner) is None


def test_a_plan_that_the_calendar_proposed_leaves_the_other_steps_standing(house, owner):
    bring_in(owner)
    with acting_for(house.pk):
        reshuffle = Group.objects.first().matrix.cohorts.get(state="planned").reshuffles.get()
    DraftFactory(reshuffle=reshuffle, state="ready")

    assert steps(owner) == {"files": "done", "groups": "now", "assistant": "open", "plan": "done"}

    owner.post("/start/groups/", said(owner.get("/start/groups/")))
    SeatFactory(tenant=house, role="assistant")
    assert steps(owner) is None


def test_a_community_that_came_by_command_and_has_a_plan_is_not_guided(house, owner):
    matrix = MatrixFactory(tenant=house)
    PlacementFactory(group=GroupFactory(matrix=matrix))
    DraftFactory(reshuffle=ReshuffleFactory(matrix=matrix), state="ready")

    assert steps(owner) is None


def test_the_owner_puts_it_away_and_takes_that_back(house, owner):
    answer = owner.post("/start/dismissal/", follow=True, headers=ENGLISH)
    assert "The first steps are put away." in answer.content.decode()
    assert steps(owner) is None
    assert "/start/files/" in owner.get("/").content.decode()

    owner.post("/start/return/", {"next": "/qinghe/"})

    assert steps(owner)["files"] == "now"


def test_an_operator_is_guided_and_a_viewer_is_told_who_brings_people_in(house, operator, viewer):
    assert steps(operator)["files"] == "now"
    assert operator.post("/start/dismissal/").status_code == 403
    shown = viewer.get("/", headers=ENGLISH)
    assert shown.context["guide"] is None
    assert "The owner or an operator brings them in." in shown.content.decode()


@pytest.mark.parametrize("path", ["/matrices/", "/reshuffles/", "/trail/"])
def test_other_pages_of_an_empty_community_lead_to_the_files(owner, path):
    shown = owner.get(path).content.decode()

    assert "/start/files/" in shown
    assert "/start/sample/members.csv" in shown


def test_the_sample_is_a_pair_of_files_that_goes_in_whole(house, owner):
    pair = {name: owner.get(f"/start/sample/{name}.csv") for name in ("members", "cohorts")}
    assert pair["members"]["Content-Disposition"] == 'attachment; filename="members.csv"'

    _page, job = read(owner, *(_as_file(name, answer) for name, answer in pair.items()))

    found = {name: job.outcome[name] for name in ("people", "seated", "rejected", "cohort_rejected", "merged")}
    assert found == {"people": 40, "seated": 40, "rejected": 0, "cohort_rejected": 0, "merged": 0}
    assert (len(job.outcome["groups"]), len(job.outcome["cohorts"])) == (4, 3)


def _as_file(name, answer):
    return SimpleUploadedFile(f"{name}.csv", answer.content)


# The groups in one table


def test_groups_are_named_in_one_save_and_may_exchange_their_names(house, owner, assistant):
    bring_in(owner)
    page = owner.get("/start/groups/")

    changed = said(page, **{"0__name": "会员2群", "1__name": "会员1群", "0__capacity": "200", "1__mode": "heavy"})
    answer = owner.post("/start/groups/", changed | {"form-1-assistant": str(assistant.seat.pk)})

    assert (answer.status_code, answer["Location"]) == (302, "/qinghe/")
    with acting_for(house.pk):
        assert list(Group.objects.order_by("number").values_list("number", "name", "capacity", "mode", "assistant")) == [
            (1, "会员2群", 200, "light", None),
            (2, "会员1群", 500, "heavy", assistant.seat.pk),
        ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"0__name": "会员2群"}, "Two groups cannot both be called “会员2群”."),
        ({"0__number": "2"}, "Two groups cannot both be number 2."),
        ({"1__capacity": "1"}, "2 people sit there, so it holds at least 2."),
        ({"0__name": ""}, "This field is required."),
    ],
)
def test_what_does_not_fit_is_said_in_its_cell_and_nothing_is_saved(house, owner, changes, sentence):
    bring_in(owner)

    answer = owner.post("/start/groups/", said(owner.get("/start/groups/"), **changes), headers=ENGLISH)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    with acting_for(house.pk):
        assert list(Group.objects.order_by("number").values_list("name", "capacity")) == [("会员1群", 500), ("会员2群", 500)]


def test_another_tenants_group_is_not_named_here(two, owner):
    bring_in(owner)
    theirs = GroupFactory(tenant=two[1])

    answer = owner.post("/start/groups/", said(owner.get("/start/groups/"), **{"0__id": str(theirs.pk)}))

    assert answer.status_code == 422


def test_the_table_asks_as_often_for_thirty_groups_as_for_one(house, owner):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert owner.get("/start/groups/").status_code == 200
        return len(asked)

    matrix = MatrixFactory(tenant=house)
    PlacementFactory(group=GroupFactory(matrix=matrix))
    one = queries()
    for _ in range(29):
        GroupFactory(matrix=matrix, assistant=SeatFactory(tenant=house))

    assert queries() == one
