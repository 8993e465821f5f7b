"""A late task is brought to its assistant, to another one and to the owner: once each, whatever happens."""

import datetime
import threading
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils.timezone import now

from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from groups import jobs, rises
from groups.models import Rise, Task
from tests.conftest import SeatClient
from tests.factories import GroupFactory, OccurrenceFactory, SeatFactory, TaskFactory

from .test_phone import fresh, tick

MINUTE = datetime.timedelta(minutes=1)
STEPS = ["task.reminded", "task.passed_on", "task.brought_up"]


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def noon(house):
    """The zone in which it is about noon now: nobody is disturbed at night."""
    zone = next(zone for zone in (f"Etc/GMT{hour:+d}" for hour in range(-14, 13)) if now().astimezone(ZoneInfo(zone)).hour == 12)
    Tenant.objects.filter(pk=house.pk).update(time_zone=zone)
    return now()


def late(client, minutes=5, **fields):
    with acting_for(client.tenant.pk):
        late_at = now() - minutes * MINUTE
        task = TaskFactory(assistant=client.seat, due_at=late_at - 30 * MINUTE, late_at=late_at, **fields)
        rises.promise([task], Tenant.objects.get(pk=client.tenant.pk))
        return task


def steps(task):
    with acting_for(task.tenant_id):
        return list(Rise.objects.filter(task=task).order_by("step").values_list("step", "state"))


def facts(task):
    with acting_for(task.tenant_id):
        return list(Event.objects.filter(subject=task.pk, kind__in=STEPS).order_by("at", "id").values_list("kind", flat=True))


def pull(task):
    """The clock goes on: what waits is due now, and the task so late that it may be."""
    with acting_for(task.tenant_id):
        moment = now() - datetime.timedelta(minutes=200)
        Task.objects.filter(pk=task.pk).update(due_at=moment - MINUTE, late_at=moment)
        Rise.objects.filter(task=task, state="waiting").update(due_at=now() - MINUTE)


def keep(task):
    """What a sweep hands over, twice, as after a crash."""
    with acting_for(task.tenant_id):
        due = list(Rise.objects.filter(task=task, due_at__lte=now()).values_list("pk", flat=True))
    for pk in due * 2:
        jobs.rise(str(task.tenant_id), str(pk))


def test_it_goes_from_hand_to_hand_once_each(noon, owner, assistant, viewer):
    other = SeatClient(SeatFactory(tenant=owner.tenant, role="assistant", name="Doudou"))
    task = late(assistant)

    keep(task)
    assert (facts(task), fresh(task).assistant_id) == (STEPS[:1], assistant.seat.pk)
    assert "You were reminded" in assistant.get("phone/").content.decode()
    pull(task)
    keep(task)
    assert (facts(task), fresh(task).assistant_id) == (STEPS[:2], other.seat.pk)
    assert str(task.pk) in other.get("phone/").content.decode()
    assert str(task.pk) not in owner.get("phone/").content.decode()
    pull(task)
    keep(task)
    keep(task)

    assert (facts(task), fresh(task).assistant_id) == (STEPS, other.seat.pk)
    assert steps(task) == [(1, "done"), (2, "done"), (3, "done")]
    assert str(task.pk) in owner.get("phone/").content.decode()
    assert "1 was brought before the owner" in owner.get("").content.decode()


def test_what_one_was_reminded_of_stands_first(noon, assistant):
    first = late(assistant, minutes=-60, rank=0)
    with acting_for(assistant.tenant.pk):
        Task.objects.filter(pk=first.pk).update(due_at=now() - datetime.timedelta(days=2))
    reminded = late(assistant, rank=9)
    keep(reminded)

    assert assistant.get("phone/").context["day"].next.task.pk == reminded.pk


def test_it_waits_for_its_minutes(noon, house, assistant):
    Tenant.objects.filter(pk=house.pk).update(rises_after=[10, 20, 30])
    task = late(assistant, minutes=5)

    keep(task)

    assert (facts(task), steps(task)) == ([], [(1, "waiting")])


@pytest.mark.parametrize("act", ["done", "impossible"])
def test_what_ends_is_brought_to_nobody_any_more(noon, assistant, act):
    task = late(assistant)
    keep(task)

    tick(assistant, task, act, reason="other")
    pull(task)
    keep(task)

    assert (facts(task), steps(task)) == (STEPS[:1], [(1, "done"), (2, "withdrawn")])


def test_what_was_taken_back_goes_on_where_it_was(noon, assistant, operator):
    task = late(assistant, kind="given")
    keep(task)
    tick(assistant, task)
    tick(assistant, task, "undo")
    pull(task)

    keep(task)

    assert facts(task) == STEPS[:2]
    assert fresh(task).assistant_id == operator.seat.pk


def test_what_is_put_off_is_late_later(noon, assistant):
    task = late(assistant)
    tick(assistant, task, "later", until="hour")
    with acting_for(task.tenant_id):
        Rise.objects.filter(task=task).update(due_at=now())  # a sweep that read it before

    keep(task)

    assert (facts(task), steps(task)) == ([], [(1, "waiting")])
    with acting_for(task.tenant_id):
        assert Rise.objects.get(task=task).due_at >= fresh(task).late_at


def test_a_withdrawn_task_and_one_of_an_import_are_no_matter(noon, house, assistant):
    withdrawn = late(assistant)
    with acting_for(house.pk):
        Task.objects.filter(pk=withdrawn.pk).update(state="withdrawn")
        unpromised = TaskFactory(assistant=assistant.seat, late_at=now() + MINUTE)
    keep(withdrawn)
    for _twice in range(2):
        jobs.lay_out_reminders()

    assert steps(withdrawn) == [(1, "withdrawn")]
    assert steps(unpromised) == [(1, "waiting")]


def test_where_nobody_else_works_it_stays_and_the_owner_hears_of_it(noon, owner, assistant):
    task = late(assistant)
    for _step in range(3):
        keep(task)
        pull(task)

    assert fresh(task).assistant_id == assistant.seat.pk
    with acting_for(task.tenant_id):
        assert list(Rise.objects.filter(task=task).order_by("step").values_list("to", flat=True)) == [
            assistant.seat.pk, assistant.seat.pk, owner.seat.pk,
        ]  # fmt: skip


def test_at_night_nobody_is_disturbed(tenant):
    tenant.rises_after = [0, 60, 180]
    midnight = datetime.datetime(2026, 12, 2, 0, 0, tzinfo=tenant.zone)
    evening = datetime.datetime(2026, 12, 1, 21, 30, tzinfo=tenant.zone)

    found = [[rises.moment_of(late_at, step, tenant).astimezone(tenant.zone) for step in (1, 2, 3)] for late_at in (midnight, evening)]

    assert [[f"{moment:%d %H:%M}" for moment in moments] for moments in found] == [
        ["02 09:00", "02 10:00", "02 12:00"],
        ["01 21:30", "02 10:00", "02 12:00"],
    ]


def test_a_tenant_sets_its_own_times_and_what_waits_follows(owner, assistant, api):
    task = late(assistant, minutes=-600)

    saved = api.patch("/tenant/", {"rises_after": [30, 45, 45]})
    bad = [api.patch("/tenant/", {"rises_after": said}) for said in ([30, 10, 60], [1, 2], [1, 2, 10**6])]

    assert saved.json()["rises_after"] == [30, 45, 45]
    assert [answer.status_code for answer in bad] == [400] * 3
    with acting_for(task.tenant_id):
        tenant = Tenant.objects.get(pk=task.tenant_id)
        assert Rise.objects.get(task=task).due_at == rises.moment_of(task.late_at, 1, tenant)
    page = owner.get("settings/").content.decode()
    assert page.count('name="rises_after_') == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_step_bring_it_once(noon, owner, assistant, operator):
    task = late(assistant, minutes=400)
    keep(task)
    pull(task)
    with acting_for(task.tenant_id):
        pk = str(Rise.objects.get(task=task, step=2).pk)

    def work():
        try:
            jobs.rise(str(task.tenant_id), pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]

    assert facts(task) == STEPS[:2]


def test_what_the_rhythm_hands_out_rises_as_well(noon, house, assistant):
    with acting_for(house.pk):
        row = OccurrenceFactory(group=GroupFactory(assistant=assistant.seat), day=house.today(), due_at=now())
    jobs.hand_out_occurrence(str(house.pk), str(row.pk))

    with acting_for(house.pk):
        task = Task.objects.get(occurrences=row.pk)
    assert steps(task) == [(1, "waiting")]
