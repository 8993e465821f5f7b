"""The rhythm: laid out two weeks ahead, once each whatever happens; what has not begun follows every change."""

import datetime
import threading

import pytest
import time_machine
from django.db import connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.tenancy import community, seats
from crm.tenancy.models import Event, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from groups import jobs, laying, occurrences, rhythms, setup, tasks, texts
from groups.models import Group, Matrix, Occurrence, Pause, Rhythm, Slot, Task
from tests.factories import GroupFactory, MatrixFactory, MemberFactory, PlacementFactory, SeatFactory, TaskFactory

MONDAY = datetime.datetime(2026, 11, 30, 10, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
A_DAY = datetime.timedelta(days=1)


@pytest.fixture
def clock():
    """Monday, ten in the morning in Shanghai; `clock.move_to` and `clock.shift` go on."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def by(house):
    return SeatFactory(tenant=house, role="owner")


@pytest.fixture
def group(clock, by, tenant):
    """A light group whose two weeks are laid out."""
    group = GroupFactory(name="Group 1", assistant=SeatFactory(tenant=tenant, role="assistant"))
    rhythms.ready(tenant)
    occurrences.lay_out(tenant)
    return group


def handed_out(house):
    """The sweep finds what is due; as a worker would, one message each."""
    with acting_for(house.pk):
        due = list(Occurrence.objects.filter(state="waiting", due_at__lte=datetime.datetime.now(datetime.UTC)).values_list("pk", flat=True))
    for pk in due:
        jobs.hand_out_occurrence(str(house.pk), str(pk))


def waiting(**which):
    """[(title, "12-01 08:30")] of what is ahead."""
    rows = Occurrence.objects.filter(state="waiting", **which).select_related("slot").order_by("wall_time")
    return [(row.slot.title, f"{row.wall_time:%m-%d %H:%M}") for row in rows]


TUESDAYS, FRIDAYS = ["12-01 08:30", "12-08 08:30"], ["12-04 20:30", "12-11 20:30"]


def morning():
    return Slot.objects.get(rhythm__mode="light", weekday=1)


def first():
    return Occurrence.objects.filter(slot=morning()).order_by("day").first()


# Laying out


def test_two_weeks_are_laid_out_once_however_often(group, tenant):
    for _ in range(3):
        occurrences.lay_out(tenant)
    jobs.lay_out_rhythms()

    assert [at for _, at in waiting()] == sorted(TUESDAYS + FRIDAYS)
    assert len({title for title, _ in waiting()}) == 2
    assert Rhythm.objects.count() == 2
    assert sum(slot.minutes for slot in Slot.objects.filter(rhythm__mode="heavy")) == 80


@pytest.mark.django_db(transaction=True)
def test_two_workers_lay_out_and_hand_out_at_once(house):
    SeatFactory(tenant=house, role="owner")
    with acting_for(house.pk):
        GroupFactory.create_batch(3, matrix=MatrixFactory())
        rhythms.ready(house)
    gate, problems = threading.Barrier(4), []

    def work(act):
        try:
            gate.wait(20)
            act()
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    def both(*acts):
        threads = [threading.Thread(target=work, args=[act]) for act in acts]
        [thread.start() for thread in threads]
        [thread.join(60) for thread in threads]

    both(*[jobs.lay_out_rhythms] * 4)
    with acting_for(house.pk):
        laid_out = Occurrence.objects.count()
        assert laid_out == Occurrence.objects.values("slot", "group", "day").distinct().count() > 0
        Occurrence.objects.update(due_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        pks = list(Occurrence.objects.values_list("pk", flat=True))
    both(*[lambda: [jobs.hand_out_occurrence(str(house.pk), str(pk)) for pk in pks]] * 4)

    assert problems == []
    with acting_for(house.pk):
        assert Task.objects.count() == Event.objects.filter(kind="occurrence.handed_out").count() == laid_out


def test_early_on_its_day_it_is_a_task_with_its_text_filled_in(group, house, clock):
    PlacementFactory(group=group, member=MemberFactory(nickname="Lin"), since=datetime.date(2026, 11, 29))
    slot = morning()
    wanted = {"text": "{group}, week { week }: ｛newcomers｝ came :-}", "minutes": 7, "within": 30, "wants_proof": True}
    rhythms.change_slot(slot, wanted, by=group.assistant)

    clock.move_to(MONDAY + datetime.timedelta(hours=18, minutes=55))  # five to five on Tuesday
    handed_out(house)
    assert Task.objects.count() == 0
    clock.shift(datetime.timedelta(minutes=5))
    handed_out(house)
    handed_out(house)

    task = Task.objects.get()
    assert task.text == "Group 1, week 49: Lin came :-}"
    assert (task.kind, task.group, task.assistant, task.minutes, task.wants_proof) == ("slot", group, group.assistant, 7, True)
    assert task.due_at == datetime.datetime(2026, 12, 1, 0, 30, tzinfo=datetime.UTC)
    assert task.late_at - task.due_at == datetime.timedelta(minutes=30)


@pytest.mark.django_db
def test_the_hour_that_the_clock_skips_becomes_the_next_minute(by, tenant):
    Tenant.objects.filter(pk=tenant.pk).update(time_zone="Europe/Berlin")
    with time_machine.travel(datetime.datetime(2027, 3, 22, 12, tzinfo=datetime.UTC), tick=False):
        slot = rhythms.add_slot({"weekday": 6, "at": "02:30", "title": "Night owls"}, by=by, group=GroupFactory())

        night = Occurrence.objects.get(slot=slot, day="2027-03-28")

    assert night.due_at == datetime.datetime(2027, 3, 28, 1, 0, tzinfo=datetime.UTC)  # three o'clock there
    assert f"{night.wall_time:%H:%M}" == "02:30"


# Changes


def test_a_slot_changes_at_any_minute_and_what_is_not_done_follows(group, house, by, clock):
    other = GroupFactory(name="Group 2", matrix=group.matrix)
    laying.follow()
    clock.move_to(MONDAY + datetime.timedelta(hours=23))  # Tuesday, nine: both tasks are out
    handed_out(house)
    done, open_one = Task.objects.get(group=group), Task.objects.get(group=other)
    tasks.tick(done.pk, "done", "0198c0c0-0000-7000-8000-000000000001", by=by)

    rhythms.change_slot(morning(), {"at": "21:15", "title": "Evening topic"}, by=by)

    done.refresh_from_db(), open_one.refresh_from_db()
    assert (f"{done.due_at:%H:%M}", done.title == "Evening topic", done.state) == ("00:30", False, "done")
    assert (f"{open_one.due_at:%H:%M}", open_one.title, open_one.state) == ("13:15", "Evening topic", "open")
    assert waiting(slot=morning(), group=group) == [("Evening topic", "12-08 21:15")]

    rhythms.change_slot(morning(), {"weekday": 3}, by=by)  # once a week: who had it this week has it next week
    slot = Slot.objects.get(title="Evening topic")
    assert waiting(slot=slot, group=group) == [("Evening topic", "12-10 21:15")]
    assert waiting(slot=slot, group=other) == [("Evening topic", "12-03 21:15"), ("Evening topic", "12-10 21:15")]
    assert Task.objects.get(pk=open_one.pk).state == "withdrawn"

    clock.move_to(datetime.datetime(2026, 12, 3, 12, tzinfo=datetime.UTC))
    handed_out(house)
    assert Task.objects.get(pk=open_one.pk).state == "open"  # the same task, on its new day
    assert Task.objects.count() == 2


def test_a_slot_that_is_dropped_takes_what_is_not_done_along_and_comes_back(group, house, by, clock):
    slot = morning()
    clock.move_to(MONDAY + datetime.timedelta(hours=20))
    handed_out(house)

    rhythms.drop_slot(slot, by=by)
    assert (Task.objects.get().state, [at for _, at in waiting()]) == ("withdrawn", FRIDAYS)
    with pytest.raises(Refused) as refusal:
        rhythms.change_slot(slot, {"minutes": 9}, by=by)
    assert refusal.value.code == "slot_dropped"

    rhythms.bring_slot_back(slot, by=by)
    assert [at for _, at in waiting(slot=slot)] == TUESDAYS


def test_a_pause_over_days_that_are_laid_out_and_taken_away_again(group, house, by, clock):
    clock.move_to(MONDAY + datetime.timedelta(hours=20))  # Tuesday's task is out
    handed_out(house)

    pause = rhythms.add_pause({"name": "A rest", "since": datetime.date(2026, 12, 1), "until": datetime.date(2026, 12, 8)}, by=by)
    assert [at for _, at in waiting()] == ["12-11 20:30"]
    assert (Task.objects.get().state, Occurrence.objects.filter(state="paused").count()) == ("withdrawn", 3)
    handed_out(house)

    rhythms.drop_pause(pause, by=by)
    handed_out(house)
    assert [at for _, at in waiting()] == ["12-04 20:30", "12-08 08:30", "12-11 20:30"]
    assert [task.state for task in Task.objects.all()] == ["open"]
    with pytest.raises(Refused):
        rhythms.drop_pause(pause, by=by)


def test_other_rhythms_modes_and_closed_groups(group, by, tenant):
    heavy = Rhythm.objects.get(mode="heavy")
    mine = rhythms.copy(heavy, "Mine", by=by)
    rhythms.follow([group], mine, by=by)
    assert set(Occurrence.objects.values_list("slot__rhythm", flat=True)) == {mine.pk}
    rhythms.drop(mine, by=by)
    assert [at for _, at in waiting()] == sorted(TUESDAYS + FRIDAYS)
    rhythms.bring_back(mine, [str(group.pk)], by=by)
    assert set(Occurrence.objects.values_list("slot__rhythm", flat=True)) == {mine.pk}
    rhythms.follow([group], None, by=by)
    setup.change_groups(group.matrix, {group.pk: {"mode": "heavy"}}, by=by)
    assert set(Occurrence.objects.values_list("slot__rhythm", flat=True)) == {heavy.pk}
    setup.close(group, tenant, by=by)
    assert waiting() == []
    setup.reopen(group, by=by)
    assert len(waiting()) == 17  # nine a week; this Monday's plan was due at nine
    refused = {"usual_rhythm": lambda: rhythms.drop(heavy, by=by), "a_rhythm_name_once": lambda: rhythms.copy(heavy, "Mine", by=by)}
    for code, act in refused.items():
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == code


def test_another_time_zone_keeps_the_wall_time(group, house, tenant, by, clock):
    clock.move_to(MONDAY + datetime.timedelta(hours=20))
    handed_out(house)
    before = waiting()

    community.change(tenant, {"time_zone": "Asia/Tokyo"}, by=by)

    assert waiting() == before
    assert f"{Task.objects.get().due_at:%d %H:%M}" == "30 23:30"  # half past eight in Tokyo
    assert {f"{due:%H:%M}" for due in Occurrence.objects.filter(state="waiting").values_list("due_at", flat=True)} == {"20:00"}


# Moving


def test_one_is_moved_for_this_once_and_stays_moved(group, house, by, clock):
    moved = occurrences.move(first(), datetime.date(2026, 12, 3), "19:00", by=by)
    rhythms.change_slot(morning(), {"at": "09:00"}, by=by)
    rhythms.change_slot(morning(), {"weekday": 2}, by=by)
    slot = moved.slot
    assert [at for _, at in waiting(slot=slot)] == ["12-03 19:00", "12-09 09:00"]

    clock.move_to(datetime.datetime(2026, 12, 3, 0, tzinfo=datetime.UTC))
    handed_out(house)
    assert f"{Task.objects.get().due_at:%d %H:%M}" == "03 11:00"
    occurrences.move(moved, datetime.date(2026, 12, 5), "19:00", by=by)  # its task goes back, and comes again on that day
    assert (Task.objects.get().state, [at for _, at in waiting(slot=slot)]) == ("withdrawn", ["12-05 19:00", "12-09 09:00", "12-16 09:00"])
    clock.move_to(datetime.datetime(2026, 12, 5, 0, tzinfo=datetime.UTC))
    handed_out(house)
    assert [task.state for task in Task.objects.filter(title=slot.title)] == ["open"]


def test_one_is_moved_for_every_week_or_dropped_for_once(group, by):
    occurrences.move(first(), datetime.date(2026, 12, 2), "19:00", by=by, always=True)
    assert [at for _, at in waiting(slot__weekday=2)] == ["12-02 19:00", "12-09 19:00"]

    one = Occurrence.objects.filter(slot__weekday=2).order_by("day").first()
    occurrences.drop(one, by=by)
    rhythms.change_slot(one.slot, {"minutes": 9}, by=by)
    assert [at for _, at in waiting(slot__weekday=2)] == ["12-09 19:00"]
    occurrences.bring_back(one, by=by)
    assert [at for _, at in waiting(slot__weekday=2)] == ["12-02 19:00", "12-09 19:00"]


def test_where_nothing_can_be_moved_to(group, by):
    rhythms.add_pause({"name": "A rest", "since": datetime.date(2026, 12, 5), "until": datetime.date(2026, 12, 5), "group": group}, by=by)
    wrong = {(datetime.date(2026, 11, 30), "09:59"): "moment_over", (datetime.date(2026, 12, 5), "12:00"): "paused"}
    wrong |= {(datetime.date(2027, 12, 5), "12:00"): "too_far", (datetime.date(2026, 12, 2), "25:00"): "no_such_time"}

    for (day, at), code in wrong.items():
        with pytest.raises(Refused) as refusal:
            occurrences.move(first(), day, at, by=by)
        assert refusal.value.code == code


# What a slot may hold


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("text", "Hello {grop}!", "no_such_variable"), ("text", "Hello {}!", "no_such_variable"), ("text", "x" * 5001, "text_too_long"),
        ("at", "half past", "no_such_time"), ("weekday", 7, "out_of_range"), ("minutes", 0, "out_of_range"),
        ("within", True, "out_of_range"),
        ("given", "all", "no_such_choice"), ("practice", "", "no_such_choice"), ("title", " ", "title_malformed"),
        ("picture", "0198c0c0-0000-7000-8000-000000000001", "no_such_picture"),
    ],
)  # fmt: skip
def test_what_no_slot_holds(field, value, code, by, tenant):
    with pytest.raises(Refused) as refusal:
        rhythms.add_slot({"weekday": 1, "at": "09:00", "title": "Topic"} | {field: value}, by=by, group=GroupFactory())

    assert (refusal.value.code, refusal.value.status, refusal.value.details["field"]) == (code, 400, field)
    assert not Slot.objects.filter(group__isnull=False).exists()


def test_an_unknown_variable_is_named_with_those_that_there_are():
    with pytest.raises(Refused) as refusal:
        texts.check("Hello {grop} and { group }")

    assert "{grop}" in refusal.value.sentence
    assert all(f"{{{name}}}" in refusal.value.sentence for name in texts.variables())
    assert refusal.value.details["proposal"] == "group"


# Who does it


def test_by_turns_and_to_whoever_is_free(group, house, tenant, by, clock):
    one, other = group.assistant, SeatFactory(tenant=tenant, role="assistant")
    groups = [group, GroupFactory(matrix=group.matrix), GroupFactory(matrix=group.matrix)]
    TaskFactory(assistant=one, group=group, minutes=20)
    turn, _free = [
        rhythms.add_slot({"weekday": 1, "at": at, "title": given, "given": given, "minutes": 15}, by=by, rhythm=rhythms.of(group))
        for at, given in (("09:00", "turn"), ("10:00", "free"))
    ]

    clock.move_to(MONDAY + datetime.timedelta(hours=20))
    handed_out(house)

    def who(slot):
        return [row.task.assistant for row in Occurrence.objects.filter(slot=slot, day="2026-12-01").order_by("id").select_related("task")]

    assert len(groups) == len(who(turn)) == 3
    assert who(turn) == [other, one, other]
    minutes = {seat: sum(task.minutes for task in Task.objects.open().filter(assistant=seat)) for seat in (one, other)}
    assert abs(minutes[one] - minutes[other]) <= 15


def test_who_left_hands_their_open_tasks_on_and_gets_no_new_ones(group, house, tenant, by, clock):
    clock.move_to(MONDAY + datetime.timedelta(hours=20))
    handed_out(house)
    left = group.assistant

    seats.end(left, by=by)
    jobs.lay_out_rhythms()

    assert [(task.assistant, task.state) for task in Task.objects.all()] == [(by, "open")]
    clock.move_to(datetime.datetime(2026, 12, 4, 12, tzinfo=datetime.UTC))
    handed_out(house)
    assert {task.assistant for task in Task.objects.all()} == {by}


def test_who_carries_how_much_and_whom_a_change_takes_over_the_budget(group, tenant, by):
    monday, assistant = MONDAY.date(), group.assistant
    TaskFactory(assistant=assistant, group=group, minutes=20, due_at=MONDAY)
    assert occurrences.load(tenant, monday) == {assistant.pk: 33}
    assert occurrences.load(tenant, monday + 7 * A_DAY) == {assistant.pk: 13}
    change = {"minutes": 35}
    assert occurrences.over_budget(tenant, lambda: rhythms.change_slot(morning(), change, by=by)) == []  # nobody counts theirs
    assistant.minutes_a_week = 60
    assistant.save()

    over = occurrences.over_budget(tenant, lambda: rhythms.change_slot(morning(), change, by=by))

    assert over == [(assistant, 63, 60)]
    assert morning().minutes == 5
    assert not Event.objects.filter(kind="slot.set").exists()


# Laws: whatever is done in whatever order


ACTS = st.one_of(
    st.tuples(st.just("slot"), st.integers(0, 5), st.integers(0, 6), st.integers(0, 23)),
    st.tuples(st.just("add"), st.integers(0, 2), st.integers(0, 6), st.integers(0, 23)),
    st.tuples(st.just("drop"), st.integers(0, 5), st.just(0), st.just(0)),
    st.tuples(st.just("back"), st.integers(0, 5), st.just(0), st.just(0)),
    st.tuples(st.just("pause"), st.integers(0, 3), st.integers(0, 9), st.integers(0, 4)),
    st.tuples(st.just("unpause"), st.integers(0, 3), st.just(0), st.just(0)),
    st.tuples(st.just("move"), st.integers(0, 20), st.integers(0, 9), st.integers(0, 23)),
    st.tuples(st.just("once"), st.integers(0, 20), st.just(0), st.just(0)),
    st.tuples(st.just("follow"), st.integers(0, 1), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("mode"), st.integers(0, 1), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("lay"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 40), st.just(0), st.just(0)),
    st.tuples(st.just("do"), st.integers(0, 5), st.just(0), st.just(0)),
)


class Undone(Exception):
    pass


def one_of(rows, at):
    rows = list(rows)
    return rows[at % len(rows)] if rows else None


def act(what, a, b, c, house, by, clock):
    """One change, as far as it can be made."""
    day = house.today() + b * A_DAY
    group = one_of(Group.objects.order_by("id"), a)
    if what == "slot" and (slot := one_of(Slot.objects.open().order_by("id"), a)):
        rhythms.change_slot(slot, {"weekday": b, "at": datetime.time(c)}, by=by)
    elif what == "add":
        where = {"group": group} if a else {"rhythm": rhythms.of(group)}
        rhythms.add_slot({"weekday": b, "at": datetime.time(c), "title": "More"}, by=by, **where)
    elif what == "drop" and (slot := one_of(Slot.objects.open().order_by("id"), a)):
        rhythms.drop_slot(slot, by=by)
    elif what == "back" and (slot := one_of(Slot.objects.exclude(ended_on=None).order_by("id"), a)):
        rhythms.bring_slot_back(slot, by=by)
    elif what == "pause":
        rhythms.add_pause({"name": "A rest", "since": day, "until": day + c * A_DAY, "group": group if a == 1 else None}, by=by)
    elif what == "unpause" and (pause := one_of(Pause.objects.order_by("id"), a)):
        rhythms.drop_pause(pause, by=by)
    elif what == "move" and (row := one_of(Occurrence.objects.filter(state="waiting").order_by("id"), a)):
        occurrences.move(row, day, datetime.time(c, 30), by=by)
    elif what == "once" and (row := one_of(Occurrence.objects.filter(state="waiting").order_by("id"), a)):
        occurrences.drop(row, by=by)
    elif what == "follow":
        rhythms.follow([group], [None, *Rhythm.objects.open().order_by("id")][b], by=by)
    elif what == "mode":
        setup.change_groups(group.matrix, {group.pk: {"mode": ["light", "heavy"][b]}}, by=by)
    elif what == "wait":
        clock.shift(datetime.timedelta(hours=a))
        handed_out(house)
    elif what == "do" and (task := one_of(Task.objects.open().order_by("id"), a)):
        tasks.tick(task.pk, "done", f"0198c0c0-0000-7000-8000-{Event.objects.count():012}", by=by)
    occurrences.lay_out(house)


def said_by_the_slots(house):
    """What has to be ahead, worked out plainly: {(slot, group, moment on the wall)} that waits."""
    today, here = house.today(), datetime.datetime.now(house.zone).replace(tzinfo=datetime.UTC)
    rows = {(row.slot_id, row.group_id, row.day): row for row in Occurrence.objects.select_related("task")}
    pauses, slots, found = list(Pause.objects.all()), list(Slot.objects.open()), set()
    for group in Group.objects.select_related("rhythm"):
        followed = group.rhythm or Rhythm.objects.get(mode=group.mode, is_usual=True)
        for slot in (each for each in slots if each.rhythm_id == followed.pk or each.group_id == group.pk):
            day = next(today + n * A_DAY for n in range(7) if (today + n * A_DAY).weekday() == slot.weekday)
            for each in (day, day + 7 * A_DAY):
                row = rows.get((slot.pk, group.pk, each))
                if row and (row.state == "dropped" or (row.task and row.task.state == "done")):
                    continue
                wall = row.wall_time if row and row.is_moved else laying.wall(each, slot.at)
                is_paused = any(p.since <= wall.date() <= p.until and p.group_id in (None, group.pk) for p in pauses)
                if wall > here and not is_paused:
                    found.add((slot.pk, group.pk, wall))
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=10))
def test_whatever_is_done_what_is_ahead_is_what_the_slots_say(acts, house, by):
    moved = {}
    with pytest.raises(Undone), time_machine.travel(MONDAY, tick=False) as clock, transaction.atomic(), acting_for(house.pk):
        matrix = Matrix.objects.create(name="Members")
        GroupFactory.create_batch(2, matrix=matrix)
        rhythms.ready(house)
        laying.follow()
        for what, *numbers in acts:
            try:
                act(what, *numbers, house, by, clock)
            except Refused:
                continue
            today = laying.wall(house.today(), datetime.time(0))
            rows = Occurrence.objects.exclude(state__in=["dropped", "paused"]).select_related("task")
            here = datetime.datetime.now(house.zone).replace(tzinfo=datetime.UTC)
            undone = [row for row in rows if not (row.task and row.task.state == "done")]
            ahead = {(row.slot_id, row.group_id, row.wall_time) for row in undone if row.wall_time > here}
            out_of_sight = {key for key in ahead if key[2] >= today + 14 * A_DAY} | {
                (row.slot_id, row.group_id, row.wall_time) for row in rows if row.is_moved
            }
            assert ahead - out_of_sight == said_by_the_slots(house) - out_of_sight
            # Once a week each; a task for one occurrence alone; and a moved one stands where it was moved to.
            weeks = [(row.slot_id, row.group_id, row.day.isocalendar()[:2]) for row in Occurrence.objects.all()]
            assert len(weeks) == len(set(weeks))
            carried = [row.task_id for row in rows if row.task_id and row.task.state == "open"]
            assert len(carried) == len(set(carried))
            now_moved = dict(Occurrence.objects.filter(is_moved=True).values_list("pk", "wall_time"))
            if what != "move":
                assert all(moved.get(pk, wall) == wall for pk, wall in now_moved.items())
            moved = now_moved
        raise Undone
