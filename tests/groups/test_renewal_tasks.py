"""Whose term ends soon becomes a task, once for each last day, and is withdrawn when they renew."""

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from crm.tenancy.jobs import sweep
from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from groups import jobs, on_terms
from groups.models import Task, TermReminder
from members import terms
from members.models import Renewal
from tests.conftest import SeatClient
from tests.factories import GroupFactory, MemberFactory, PlacementFactory, SeatFactory

A_DAY = datetime.timedelta(days=1)


def due_member(house, days=5, **fields):
    """Sits in a group of an assistant; the term ends in so many days."""
    with acting_for(house.pk):
        assistant = SeatFactory(tenant=house, role="assistant")
        member = MemberFactory(expires_on=house.today() + days * A_DAY, **fields)
        PlacementFactory(member=member, group=GroupFactory(assistant=assistant))
    return member, assistant


def laid_out(house):
    jobs.lay_out_reminders()
    with acting_for(house.pk):
        TermReminder.objects.filter(state="waiting").update(due_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        waiting = list(TermReminder.objects.filter(state="waiting").values_list("pk", flat=True))
    for pk in waiting:
        jobs.remind(str(house.pk), str(pk))


def tasks_of(house):
    with acting_for(house.pk):
        return list(Task.objects.select_related("member", "assistant", "group"))


def test_a_due_member_becomes_one_task_of_their_groups_assistant(house):
    SeatFactory(tenant=house, role="owner")
    lin, assistant = due_member(house, nickname="Lin")
    due_member(house, days=15)

    laid_out(house)
    laid_out(house)

    found = [(task.kind, task.member, task.assistant, task.state) for task in tasks_of(house)]
    assert found == [("renewal", lin, assistant, "open")]
    assert "Lin" in tasks_of(house)[0].text
    assert str(lin.expires_on) in tasks_of(house)[0].text


def test_without_an_assistant_the_owner_asks_also_who_sits_nowhere(house):
    owner = SeatFactory(tenant=house, role="owner")
    SeatFactory(tenant=house, role="viewer")
    with acting_for(house.pk):
        PlacementFactory(member=MemberFactory(expires_on=house.today()), group=GroupFactory())
        MemberFactory(expires_on=house.today())

    laid_out(house)

    assert [task.assistant for task in tasks_of(house)] == [owner, owner]


def test_who_sits_in_no_group_is_asked_by_whoever_has_least_to_do(house, owner):
    lin, busy = due_member(house)
    free = SeatFactory(tenant=house, role="assistant")
    laid_out(house)
    with acting_for(house.pk):
        zhou = MemberFactory(nickname="Zhou", expires_on=house.today())

    laid_out(house)

    assert {(task.member, task.assistant, task.group is None) for task in tasks_of(house)} == {(lin, busy, False), (zhou, free, True)}
    phone, task = SeatClient(free), next(task for task in tasks_of(house) if task.member == zhou)
    pages = [phone.get("/phone/"), phone.get(f"/phone/tasks/{task.pk}/"), owner.get("/tasks/")]
    pages.append(owner.get(f"/members/{zhou.pk}/panels/tasks/"))
    assert [page.status_code for page in pages] == [200] * 4
    assert ["不在任何群" in page.content.decode() for page in pages] == [True, True, True, False]


def test_the_tenant_says_how_many_days_before(house, owner):
    due_member(house, days=30)
    laid_out(house)
    assert tasks_of(house) == []

    Tenant.objects.filter(pk=house.pk).update(renewal_days=30)
    laid_out(house)

    assert len(tasks_of(house)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_make_one_task(house):
    SeatFactory(tenant=house, role="owner")
    due_member(house)
    with acting_for(house.pk):
        on_terms.lay_out(house)
        TermReminder.objects.update(due_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        pk = TermReminder.objects.get().pk

    def keep(_):
        try:
            jobs.lay_out_reminders()
            jobs.remind(str(house.pk), str(pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(keep, range(4)))

    assert len(tasks_of(house)) == 1
    with acting_for(house.pk):
        assert TermReminder.objects.count() == 1


def test_renewing_withdraws_the_task_and_taking_it_back_opens_it_again(house, owner):
    lin, _ = due_member(house)
    laid_out(house)
    begins = lin.expires_on + A_DAY
    said = {"begins_on": str(begins), "ends_on": str(terms.year_from(begins)), "price": "5980", "source": "direct"}

    owner.post(f"/members/{lin.pk}/renewals/", said)
    renewed = [task.state for task in tasks_of(house)]
    with acting_for(house.pk):
        renewal = Renewal.objects.get()
    owner.post(f"/members/renewals/{renewal.pk}/undo/")
    laid_out(house)

    assert renewed == ["withdrawn"]
    assert [task.state for task in tasks_of(house)] == ["open"]


def test_what_was_done_stays_done_when_they_renew(house, owner):
    lin, _ = due_member(house)
    laid_out(house)
    with acting_for(house.pk):
        Task.objects.update(state="done")
    begins = lin.expires_on + A_DAY

    owner.post(f"/members/{lin.pk}/renewals/", {"begins_on": str(begins), "ends_on": str(begins + A_DAY), "source": "gift"})

    assert [task.state for task in tasks_of(house)] == ["done"]


def test_who_leaves_or_gets_another_last_day_is_not_asked_for_the_old_one(house):
    SeatFactory(tenant=house, role="owner")
    lin, _ = due_member(house)
    laid_out(house)
    with acting_for(house.pk):
        type(lin).objects.filter(pk=lin.pk).update(standing="past")

    laid_out(house)

    assert [task.state for task in tasks_of(house)] == ["withdrawn"]


def test_the_phone_shows_it_and_its_tick_is_noted(house):
    lin, assistant = due_member(house, nickname="Lin")
    laid_out(house)
    phone, task = SeatClient(assistant), tasks_of(house)[0]

    shown = phone.get(f"/phone/tasks/{task.pk}/")
    ticked = phone.post("/phone/ticks/", {"task": str(task.pk), "act": "done", "key": "0198c0de-0000-7000-8000-000000000001"})

    assert (shown.status_code, "Lin" in shown.content.decode(), ticked.status_code) == (200, True, 302)
    with acting_for(house.pk):
        assert list(Event.objects.filter(kind="task.done").values_list("member", flat=True)) == [lin.pk]


@pytest.mark.django_db(transaction=True)
def test_the_sweep_finds_the_rows(house, monkeypatch):
    SeatFactory(tenant=house, role="owner")
    due_member(house)
    jobs.lay_out_reminders()
    with acting_for(house.pk):
        TermReminder.objects.update(due_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    handed = []
    monkeypatch.setattr(jobs.remind, "apply_async", lambda ids, **how: handed.append(ids[0]))

    sweep()

    assert handed == [str(house.pk)]
