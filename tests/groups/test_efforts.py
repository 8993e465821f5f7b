"""What the community costs in hands, by week, group, practice and assistant; and what one has done in a month."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from crm.tenancy.models import Seat
from crm.tenancy.scope import acting_for
from groups import efforts
from groups.models import Task
from tests.conftest import KeyClient
from tests.factories import GroupFactory, OccurrenceFactory, SeatFactory, SlotFactory, TaskFactory, TenantFactory


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def group(house, assistant):
    """This week: a chain of 20 minutes done, 10 to do; 15 laid out. The week before: 30, not possible. Another group: 40."""
    monday = efforts.monday_of(house.today())
    noon = datetime.datetime.combine(monday, datetime.time(12), house.zone)
    with acting_for(house.pk):
        group = GroupFactory(number=5, assistant=assistant.seat)
        slot = SlotFactory(practice="chain", minutes=15)
        same = {"assistant": assistant.seat, "group": group, "due_at": noon}
        ended = {"state": "done", "ended_at": now(), "ended_by": assistant.seat}
        chain = TaskFactory(**same, **ended, kind="slot", title="Chain", minutes=20)
        OccurrenceFactory(slot=slot, group=group, task=chain, state="handed_out", day=monday)
        TaskFactory(**same, minutes=10)
        TaskFactory(**same, minutes=99, state="withdrawn")
        OccurrenceFactory(
            slot=slot, group=group, day=monday + datetime.timedelta(days=6),
            wall_time=datetime.datetime.combine(monday + datetime.timedelta(days=6), datetime.time(20), datetime.UTC),
        )  # fmt: skip
        TaskFactory(**same | {"due_at": noon - datetime.timedelta(days=7)}, minutes=30, state="impossible", ended_at=now())
        TaskFactory(**same | {"group": GroupFactory()}, minutes=40)
        return group


def test_minutes_are_counted_by_week_practice_and_assistant(house, group, assistant):
    with acting_for(house.pk):
        found = efforts.of(house, group=group)
        everywhere = efforts.of(house)

    assert [(week.planned, week.done) for week in found.weeks.values()] == [(45, 20), (30, 0), (0, 0), (0, 0), (0, 0)]
    assert {str(label): (each.planned, each.done) for label, each in found.practices.items()} == {
        "order chain": (35, 20), "invite into another group": (40, 0),
    }  # fmt: skip
    assert {seat: (each.planned, each.done) for seat, each in found.assistants.items()} == {assistant.seat.pk: (45, 20)}
    assert everywhere.this_week.planned == 85


def test_pages_say_what_was_planned_and_done(owner, assistant, group):
    Seat.objects.filter(pk=assistant.seat.pk).update(minutes_a_week=60)

    of_group, overview, tasks = (owner.get(path).content.decode() for path in (f"groups/{group.pk}/", "", "tasks/"))

    assert "of 45 min this week" in of_group
    assert "order chain" in of_group
    assert "of 1 h 25 min planned" in overview
    assert "20 min of 1 h 25 min" in tasks
    assert "budget 1 h" in tasks


def test_a_month_of_what_one_did_stands_on_the_phone(assistant, group):
    page = assistant.get("phone/me/")

    month = {str(label): each for label, each in page.context["month"].items()}
    assert month == {"order chain": {"done": 1, "minutes": 20}}
    assert "The last 30 days" in page.content.decode()


def test_a_group_without_work_shows_no_card(owner, house):
    with acting_for(house.pk):
        group = GroupFactory()

    assert 'id="effort"' not in owner.get(f"groups/{group.pk}/").content.decode()


@pytest.mark.parametrize("path", ["groups/{}/", "tasks/", ""])
def test_pages_ask_as_much_for_thirty_tasks_as_for_one(owner, group, path):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            owner.get(path.format(group.pk))
        return len(asked)

    few = questions()
    with acting_for(group.tenant_id):
        TaskFactory.create_batch(29, group=group, assistant=Task.objects.first().assistant, kind="slot", title="Post")

    assert questions() == few


TASKS = st.lists(
    st.tuples(
        st.sampled_from(["chain", "post", "talk", "move", "given"]),  # practices of slots, and kinds
        st.integers(0, 1), st.integers(0, 1), st.integers(0, 5),  # group, assistant, weeks ago
        st.integers(1, 60), st.sampled_from(["open", "barred", "done", "impossible", "withdrawn"]),
    ),
    max_size=8,
)  # fmt: skip


@given(tasks=TASKS)
@trying(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sums_are_those_of_the_tasks_whatever_they_are(db, tasks):
    """Every week, practice and assistant, on the pages and for programs; of a slot's talk the packet counts with it."""
    house = TenantFactory()
    with acting_for(house.pk):
        groups, seats = [GroupFactory() for _n in range(2)], [SeatFactory(tenant=house, role="assistant") for _n in range(2)]
        monday, expected = efforts.monday_of(house.today()), []
        for what, group, seat, ago, minutes, state in tasks:
            day = monday - datetime.timedelta(days=7 * ago)
            due = datetime.datetime.combine(day, datetime.time(12), house.zone)
            same = {"group": groups[group], "assistant": seats[seat], "due_at": due, "state": state}
            if what in ("move", "given"):
                TaskFactory(**same, kind=what, minutes=minutes)
            else:
                ahead = TaskFactory(**same, kind="slot", minutes=2) if what == "talk" else None
                task = TaskFactory(**same, kind="slot", minutes=minutes, after=ahead)
                slot = SlotFactory(practice=what)
                OccurrenceFactory(slot=slot, group=groups[group], task=task, state="handed_out", day=day)
                minutes += 2 if ahead else 0
            if state != "withdrawn":
                expected.append((group, seat, str(day), what, minutes, minutes if state == "done" else 0))
        for group in (None, *range(2)):
            mine = [row for row in expected if group in (None, row[0])]
            found = efforts.of(house, group=group if group is None else groups[group])
            shown = [(str(week), each.planned, each.done) for week, each in found.weeks.items()]
            assert shown == [(week, *_sum(mine, 2, week)) for week, _planned, _done in shown]
            assert sum(each.planned for each in found.practices.values()) == sum(planned for _week, planned, _done in shown)
            assert {seat: (each.planned, each.done) for seat, each in found.assistants.items()} == {
                seats[seat].pk: _sum([row for row in mine if row[2] == str(monday)], 1, seat)
                for seat in range(2) if any(row[1] == seat and row[2] == str(monday) for row in mine)
            }  # fmt: skip
        six_weeks = efforts.sums(house, monday - datetime.timedelta(days=35), monday + datetime.timedelta(days=6), ["practice"])
        assert {row["practice"]: (row["planned"], row["done"]) for row in six_weeks} == {
            what: _sum(expected, 3, what) for what in {row[3] for row in expected}
        }


def _sum(rows, place, value):
    return tuple(sum(row[figure] for row in rows if row[place] == value) for figure in (4, 5))


# Programs


def rows_of(answer, *names):
    assert answer.status_code == 200, answer.json()
    return sorted(tuple(row[name] for name in (*names, "planned", "done")) for row in answer.json()["rows"])


def test_a_program_reads_what_the_pages_show(api, group, assistant, house):
    monday = efforts.monday_of(house.today())
    before = monday - datetime.timedelta(days=7)

    this_week = api.get("/effort/", {"group": group.pk})
    by_week = api.get("/effort/", {"group": group.pk, "since": before, "until": monday + datetime.timedelta(days=6)})
    by_practice = api.get("/effort/", {"by": "assistant,practice", "group": group.pk})
    by_group = api.get("/effort/", {"by": "group"})

    assert (this_week.json()["since"], this_week.json()["until"]) == (str(monday), str(monday + datetime.timedelta(days=6)))
    assert this_week.json()["rows"] == [
        {"week": str(monday), "group": None, "practice": None, "assistant": None, "planned": 45, "done": 20}
    ]
    assert rows_of(by_week, "week") == [(str(before), 30, 0), (str(monday), 45, 20)]
    hand = str(assistant.seat.pk)
    assert rows_of(by_practice, "practice", "assistant") == [("chain", hand, 35, 20), ("move", hand, 10, 0)]
    assert (str(group.pk), 45, 20) in rows_of(by_group, "group")
    assert rows_of(api.get("/effort/", {"practice": "chain"})) == [(35, 20)]
    assert rows_of(api.get("/effort/", {"assistant": group.pk})) == []


def test_an_assistants_key_sees_their_own_effort(group, assistant, house):
    other = SeatFactory(tenant=house, role="assistant")

    own, of_nobody = (KeyClient(seat).get("/effort/", {"by": "group"}) for seat in (assistant.seat, other))

    assert (str(group.pk), 45, 20) in rows_of(own, "group")
    assert rows_of(of_nobody) == []


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"by": "week,colour"}, "by"),
        ({"since": "2026-02-30"}, "since"),
        ({"since": "0001-01-01"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "until"),
        ({"since": "2025-01-01", "until": "2026-02-01"}, "until"),
        ({"practice": "x"}, "practice"),
        ({"month": "2026-01"}, "month"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_its_name(api, group, question, field):
    answer = api.get("/effort/", question)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
