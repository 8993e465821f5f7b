"""The row is the promise: found by any sweep, kept once by whichever job comes first."""

import datetime
import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from celery.signals import task_prerun
from django.apps import apps
from django.db import connections
from django.utils.timezone import now

from crm.celery import app
from crm.tenancy import effects, turns
from crm.tenancy.jobs import keep_together, sweep
from crm.tenancy.models import DueModel, Event
from crm.tenancy.scope import acting_for
from groups import calendar, jobs, texts, waves
from groups.models import CalendarStep, Cohort, Draft, Move, Occurrence, Placement, Task, Wave
from tests.factories import (
    CalendarStepFactory,
    DraftFactory,
    MoveFactory,
    OccurrenceFactory,
    PlacementFactory,
    SeatFactory,
    TenantFactory,
    WaveFactory,
)

LATER = datetime.timedelta(hours=1)


@pytest.fixture
def at_once(settings):
    """Jobs run where they are called, as if a worker had taken them."""
    before = app.conf.task_always_eager, app.conf.task_eager_propagates
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager, app.conf.task_eager_propagates = before


def a_wave(tenant, moves=3, **fields):
    with acting_for(tenant.pk):
        SeatFactory(tenant=tenant, role="owner")
        wave = WaveFactory(**fields)
        MoveFactory.create_batch(moves, wave=wave, from_group__matrix=wave.reshuffle.matrix)
    return wave


def kept(tenant):
    """How many tasks there are for each move, and how many waves were noted as handed out."""
    with acting_for(tenant.pk):
        tasks = [Task.objects.filter(member=move.member_id).count() for move in Move.objects.order_by("pk")]
        return tasks, Event.objects.filter(kind="wave.handed_out").count()


def at_the_same_time(act, times=2):
    gate = threading.Barrier(times)
    problems = []

    def run():
        try:
            gate.wait(20)
            act()
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


# Who keeps what


def test_every_due_row_has_a_keeper():
    due = {model for model in apps.get_models() if issubclass(model, DueModel)}

    assert due == effects.KEEPERS.keys()


def test_every_due_row_can_be_found_without_reading_the_table():
    for model in effects.KEEPERS:
        found = [index for index in model._meta.indexes if index.fields == ["due_at"] and index.condition is not None]
        assert len(found) == 1, model


# The sweep


@pytest.mark.django_db(transaction=True)
def test_a_sweep_keeps_what_is_due_in_every_tenant(at_once):
    ours, theirs = TenantFactory(), TenantFactory()
    a_wave(ours)
    a_wave(theirs, moves=2)

    sweep()

    assert (kept(ours), kept(theirs)) == (([1, 1, 1], 1), ([1, 1], 1))


@pytest.mark.django_db(transaction=True)
def test_a_sweep_leaves_alone_what_is_not_due_or_is_done(at_once):
    tenant = TenantFactory()
    a_wave(tenant, due_at=now() + LATER)
    a_wave(tenant, state=Wave.State.STOPPED, moves=1)

    sweep()

    assert kept(tenant) == ([0, 0, 0, 0], 0)


@pytest.mark.django_db(transaction=True)
def test_a_second_sweep_changes_nothing(at_once):
    tenant = TenantFactory()
    a_wave(tenant)

    sweep()
    sweep()

    assert kept(tenant) == ([1, 1, 1], 1)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_change_nothing(at_once):
    tenant = TenantFactory()
    for _ in range(5):
        a_wave(tenant)

    at_the_same_time(sweep)

    assert kept(tenant) == ([1] * 15, 5)


@pytest.mark.django_db(transaction=True)
def test_what_a_clock_set_back_hides_is_found_when_its_time_comes_again(at_once, time_machine):
    tenant = TenantFactory()
    begin = now()
    a_wave(tenant, due_at=begin + LATER)

    time_machine.move_to(begin - 24 * LATER)
    sweep()
    assert kept(tenant)[1] == 0
    time_machine.move_to(begin + 48 * LATER)
    sweep()
    time_machine.move_to(begin)
    sweep()

    assert kept(tenant) == ([1, 1, 1], 1)


# The claim


@pytest.mark.django_db(transaction=True)
def test_a_wave_is_handed_out_once_by_however_many_workers():
    tenant = TenantFactory()
    wave = a_wave(tenant, moves=20)

    at_the_same_time(lambda: jobs.hand_out(str(tenant.pk), str(wave.pk)), times=4)
    jobs.hand_out(str(tenant.pk), str(wave.pk))

    assert kept(tenant) == ([1] * 20, 1)


@pytest.mark.django_db(transaction=True)
def test_a_half_year_begins_once_by_however_many_workers():
    tenant = TenantFactory()
    with acting_for(tenant.pk):
        seat = PlacementFactory()
        reshuffle = calendar.lay_out(seat.matrix, tenant)
        CalendarStep.objects.update(due_at=now())
        step = CalendarStep.objects.get(cohort=reshuffle.cohort, kind=CalendarStep.Kind.BEGIN)

    at_the_same_time(lambda: jobs.keep_step(str(tenant.pk), str(step.pk)), times=4)
    jobs.keep_step(str(tenant.pk), str(step.pk))

    with acting_for(tenant.pk):
        assert Event.objects.filter(kind="cohort.began").count() == 1
        assert Cohort.objects.get(state=Cohort.State.CURRENT) == reshuffle.cohort
        assert [(each.cohort_id, each.until) for each in Placement.objects.order_by("id")] == [
            (seat.cohort_id, reshuffle.cohort.begins_on),
            (reshuffle.cohort_id, None),
        ]


@pytest.mark.django_db(transaction=True)
def test_a_step_that_is_not_due_is_not_kept():
    step = CalendarStepFactory(due_at=now() + LATER, kind=CalendarStep.Kind.BEGIN)

    jobs.keep_step(str(step.tenant_id), str(step.pk))

    with acting_for(step.tenant_id):
        assert CalendarStep.objects.get().state == CalendarStep.State.WAITING


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_somebody_thinks_about_is_left_alone():
    draft = DraftFactory(due_at=now() + LATER)

    jobs.think(str(draft.tenant_id), str(draft.pk))

    with acting_for(draft.tenant_id):
        assert (Draft.objects.get().tries, Draft.objects.get().state) == (0, Draft.State.WAITING)


def a_tenant_with_due_slots(*minutes, **fields):
    """Due so many minutes ago."""
    tenant = TenantFactory()
    with acting_for(tenant.pk):
        SeatFactory(tenant=tenant, role="owner")
        for minute in minutes:
            OccurrenceFactory(due_at=now() - datetime.timedelta(minutes=minute), **fields)
    return tenant


def handed_out(tenant):
    """Tasks, and rows that wait."""
    with acting_for(tenant.pk):
        return Task.objects.count(), Occurrence.objects.filter(state="waiting").count()


@pytest.mark.django_db(transaction=True)
def test_what_is_kept_together_is_asked_for_once_a_tenant_whatever_is_due(monkeypatch):
    ours, theirs = a_tenant_with_due_slots(3, 9, 5), a_tenant_with_due_slots(1, -LATER.total_seconds() / 60)
    handed = []
    monkeypatch.setattr(keep_together, "apply_async", lambda args, **how: handed.append(args))

    sweep()
    sweep()
    for args in list(handed):
        keep_together(*args)
    sweep()

    assert [(name, [tenant for tenant, _ in rows]) for name, rows in handed] == [
        ("groups.jobs.hand_out_occurrence", [str(ours.pk), str(theirs.pk)])
    ]
    assert {tenant: handed_out(tenant) for tenant in (ours, theirs)} == {ours: (3, 0), theirs: (1, 1)}


@pytest.fixture
def falters(monkeypatch):
    """The real job fails where a group is called like this, each time anew. Returns how often it was tried."""
    tried, real = Counter(), texts.filled

    def filled(text, group, moment):
        tried[group.name] += 1
        return real(text, group, moment) if group.name != "broken" else 1 / 0

    monkeypatch.setattr(texts, "filled", filled)
    return tried


@pytest.mark.django_db(transaction=True)
def test_tenants_that_fail_again_and_again_let_the_others_pass_and_rest_longer_each_time(at_once, falters, monkeypatch, time_machine):
    monkeypatch.setattr(turns, "AT_ONCE", 2)
    broken = [a_tenant_with_due_slots(minutes, group__name="broken") for minutes in (60, 50, 40, 30)]
    sound = [a_tenant_with_due_slots(minutes) for minutes in (20, 10, 5)]
    begin = now()

    for n in range(20):
        time_machine.move_to(begin + n * datetime.timedelta(seconds=31))
        sweep()
        if n == 3:
            kept_soon = [handed_out(tenant) for tenant in sound]
    tries = falters.pop("broken")
    with monkeypatch.context() as mended:
        mended.setattr(texts, "filled", lambda text, group, moment: text)
        time_machine.move_to(begin + 3 * LATER)
        sweep()
        sweep()

    assert kept_soon == [(1, 0)] * 3
    assert 4 * 4 <= tries <= 4 * 6
    assert [handed_out(tenant) for tenant in broken] == [(1, 0)] * 4


@pytest.mark.django_db(transaction=True)
def test_rows_that_fail_again_and_again_let_the_others_pass(at_once, monkeypatch, time_machine):
    app.conf.task_eager_propagates = False  # as in a worker, where the sweep hears nothing of it
    monkeypatch.setattr(turns, "AT_ONCE", 2)
    tenant, begin, real = TenantFactory(), now(), waves.invitation
    monkeypatch.setattr(waves, "invitation", lambda move, way: 1 / 0 if move.wave_id in broken else real(move, way))
    broken = {a_wave(tenant, moves=1, due_at=begin - LATER).pk for _ in range(5)}
    a_wave(tenant, moves=1, due_at=begin)

    for n in range(4):
        time_machine.move_to(begin + n * datetime.timedelta(seconds=31))
        sweep()

    assert kept(tenant) == ([0, 0, 0, 0, 0, 1], 1)


@contextmanager
def again_after_a_death(job, *args):
    """The message comes a second time, as its worker died with it."""
    job.push_request(delivery_info={"redelivered": True})
    task_prerun.send(sender=job, task=job, args=args)
    yield
    job.pop_request()


@pytest.mark.django_db(transaction=True)
def test_what_workers_die_of_rests(monkeypatch, time_machine):
    tenant = a_tenant_with_due_slots(1)
    wave, handed, begin = a_wave(tenant), [], now()
    monkeypatch.setattr(keep_together, "apply_async", lambda args, **how: handed.append((keep_together, args)))
    monkeypatch.setattr(jobs.hand_out, "apply_async", lambda args, **how: handed.append((jobs.hand_out, args)))

    def swept(seconds):
        handed.clear()
        time_machine.move_to(begin + datetime.timedelta(seconds=seconds))
        sweep()
        return len(handed)

    seen = [swept(0), swept(31)]
    for job, args in handed:
        with again_after_a_death(job, *args):
            pass  # and it dies again
    seen += [swept(62), swept(93)]

    assert seen == [2, 2, 0, 2]
    assert str(wave.pk) in str(handed)


@pytest.mark.django_db(transaction=True)
def test_after_a_worker_died_with_several_tenants_each_comes_alone(monkeypatch):
    tenants = [a_tenant_with_due_slots(minutes) for minutes in (2, 1)]
    handed = []
    monkeypatch.setattr(keep_together, "apply_async", lambda args, **how: handed.append(args))
    sweep()
    name, rows = handed.pop()

    with again_after_a_death(keep_together, name, rows):
        keep_together.run(name, rows)
    not_yet = [handed_out(tenant) for tenant in tenants]
    for args in handed:
        keep_together(*args)

    assert handed == [[name, [row]] for row in rows]
    assert (not_yet, [handed_out(tenant) for tenant in tenants]) == ([(0, 1)] * 2, [(1, 0)] * 2)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_leaves_its_promise_to_be_kept(at_once, monkeypatch):
    tenant = TenantFactory()
    wave = a_wave(tenant)

    with monkeypatch.context() as patched:
        patched.setattr("groups.waves.invitation", lambda *_move: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            jobs.hand_out(str(tenant.pk), str(wave.pk))
    assert kept(tenant) == ([0, 0, 0], 0)
    sweep()

    assert kept(tenant) == ([1, 1, 1], 1)


# The nudge


def test_a_nudge_hands_over_ids_once_the_transaction_stands(tenant, monkeypatch, django_capture_on_commit_callbacks):
    wave = a_wave(tenant)
    handed = []
    monkeypatch.setattr(jobs.hand_out, "apply_async", lambda ids, **kwargs: handed.append(ids))

    with django_capture_on_commit_callbacks(execute=True):
        effects.nudge(wave)
        assert handed == []

    assert handed == [(str(tenant.pk), str(wave.pk))]


def test_without_a_broker_a_nudge_is_no_error(tenant, monkeypatch, django_capture_on_commit_callbacks):
    wave = a_wave(tenant)

    def fail(*args, **kwargs):
        raise jobs.hand_out.OperationalError("no broker")

    monkeypatch.setattr(jobs.hand_out, "apply_async", fail)

    with django_capture_on_commit_callbacks(execute=True):
        effects.nudge(wave)

    wave.refresh_from_db()
    assert wave.state == "waiting"  # the next sweep finds it
