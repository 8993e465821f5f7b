"""Long work: asked for as a row, done by whichever worker claims it, ended once."""

import datetime
import threading

import pytest
from django.db import connection
from django.utils.timezone import now

from crm.tenancy import jobs, work
from crm.tenancy.events import through
from crm.tenancy.models import Event, Job
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for
from tests.factories import JobFactory, SeatFactory, TenantFactory

KIND = "test"
SILENCE = work.PATIENCE + datetime.timedelta(seconds=1)


@pytest.fixture
def does(monkeypatch):
    """Say what does the work of this test; what is said is called with the Work."""

    def register(function):
        monkeypatch.setitem(work.DOERS, KIND, function)
        monkeypatch.setitem(work.LABELS, KIND, "Work of a test")

    return register


@pytest.fixture
def seat(house):
    return SeatFactory(tenant=house, role="owner")


def asked(house, seat, **what):
    with acting_for(house.pk):
        return work.ask(KIND, by=seat, **what)


def keep(job):
    work.keep_job(str(job.tenant_id), str(job.pk))


def again(job):
    with acting_for(job.tenant_id):
        return Job.objects.get(pk=job.pk)


def facts(house):
    with acting_for(house.pk):
        return list(Event.objects.order_by("at", "id").values_list("kind", "seat_id", "because"))


def test_what_is_asked_for_is_done_once_and_both_are_noted(house, seat, does):
    did = []
    does(lambda at_work: did.append(at_work.job.asked) or {"rows": 3})
    job = asked(house, seat, file=None, which="all")

    for _ in range(2):
        keep(job)

    done = again(job)
    assert (did, done.state, done.outcome, done.tries) == ([{"which": "all"}], "done", {"rows": 3}, 1)
    assert done.ended_at
    assert facts(house) == [("job.asked", seat.pk, KIND), ("job.done", seat.pk, KIND)]


def test_a_refusal_ends_it_with_its_sentence(house, seat, does):
    def refuse(at_work):
        raise Refused("There is nothing to do.", code="nothing", rows=0)

    does(refuse)
    job = asked(house, seat)

    keep(job)

    failed = again(job)
    assert (failed.state, failed.problem) == ("failed", {"code": "nothing", "sentence": "There is nothing to do.", "rows": 0})
    assert facts(house)[-1][0] == "job.failed"


def test_what_breaks_says_that_it_is_our_fault_and_undoes_its_step(house, seat, does):
    def broken(at_work):
        with at_work.step():
            JobFactory(kind="made in the step")
            raise ZeroDivisionError

    does(broken)
    job = asked(house, seat)

    keep(job)

    failed = again(job)
    assert (failed.state, failed.problem["code"]) == ("failed", "broken")
    with acting_for(house.pk):
        assert Job.objects.count() == 1


def test_its_steps_say_how_far_it_came(house, seat, does):
    seen = []

    def count(at_work):
        at_work.reached("counting", 0, of=400)
        at_work.reached("counting", 100, of=400)  # within a second of the last word
        seen.append((again(at_work.job).stage, again(at_work.job).done))
        at_work.reached("counting", 400, of=400)
        seen.append((again(at_work.job).done, again(at_work.job).percent))

    does(count)

    keep(asked(house, seat))

    assert seen == [("counting", 0), (400, 100)]


def test_stopped_work_ends_at_its_next_step(house, seat, does):
    did = []

    def stop_in_the_middle(at_work):
        with acting_for(house.pk):
            work.stop(again(at_work.job), by=seat)
        with at_work.step():
            did.append("more")

    does(stop_in_the_middle)
    job = asked(house, seat)

    keep(job)

    assert (did, again(job).state) == ([], "stopped")
    assert [kind for kind, *_ in facts(house)] == ["job.asked", "job.stopped"]
    with acting_for(house.pk), pytest.raises(Refused) as refused:
        work.stop(again(job), by=seat)
    assert refused.value.code == "not_running"


def test_a_silent_worker_is_followed_by_another_and_its_own_late_words_count_no_more(house, seat, does):
    turns = []

    def work_twice(at_work):
        turns.append(at_work.job.tries)
        if len(turns) == 1:
            with acting_for(house.pk):
                Job.objects.filter(pk=at_work.job.pk).update(due_at=now() - SILENCE)
            keep(at_work.job)  # another worker finds it overdue and ends it
            at_work.reached("too late")
        return {"turn": at_work.job.tries}

    does(work_twice)
    job = asked(house, seat)

    keep(job)

    done = again(job)
    assert (turns, done.state, done.outcome, done.stage) == ([1, 2], "done", {"turn": 2}, "")


def test_a_worker_that_was_given_up_cannot_speak_for_the_one_at_work(house, seat, does):
    hands = []

    def work_twice(at_work):
        hands.append(at_work)
        if len(hands) == 1:
            with acting_for(house.pk):
                Job.objects.filter(pk=at_work.job.pk).update(due_at=now() - SILENCE)
            keep(at_work.job)
            return
        with pytest.raises(work.TakenOver):
            hands[0].reached("late")
        with pytest.raises(work.TakenOver), hands[0].step():
            pass
        hands[0].end(Job.State.FAILED)

    does(work_twice)
    job = asked(house, seat)

    keep(job)

    assert (len(hands), again(job).state, again(job).stage) == (2, "done", "")


def test_a_worker_that_speaks_is_left_at_its_work(house, seat, does):
    turns = []

    def work_on(at_work):
        turns.append(at_work.job.tries)
        keep(at_work.job)  # the sweep hands the row to a second worker

    does(work_on)

    keep(asked(house, seat))

    assert turns == [1]


def test_what_kills_its_workers_again_and_again_is_given_up(house, seat, does):
    class Killed(BaseException):
        pass

    def die(at_work):
        raise Killed

    does(die)
    job = asked(house, seat)
    for _ in range(work.MOST_TRIES):
        with pytest.raises(Killed):
            keep(job)
        with acting_for(house.pk):
            Job.objects.filter(pk=job.pk).update(due_at=now() - SILENCE)

    keep(job)

    assert (again(job).state, again(job).problem["code"]) == ("failed", "gave_up")


def at_the_same_time(function):
    both = threading.Barrier(2)

    def run():
        both.wait()
        try:
            function()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_do_it_once(does, monkeypatch):
    house = TenantFactory()
    did = []
    does(lambda at_work: did.append(at_work.job.pk))
    job = asked(house, SeatFactory(tenant=house, role="owner"))
    monkeypatch.setattr(work.keep_job, "apply_async", lambda ids, **how: work.keep_job(*ids))

    at_the_same_time(jobs.sweep)

    assert did == [job.pk]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_it_once(does):
    house = TenantFactory()
    did = []
    does(lambda at_work: did.append(at_work.job.pk))
    job = asked(house, SeatFactory(tenant=house, role="owner"))

    at_the_same_time(lambda: keep(job))

    assert did == [job.pk]
    assert again(job).tries == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_behind_a_worker_in_the_middle_of_a_step(does):
    house = TenantFactory()
    seat = SeatFactory(tenant=house, role="owner")
    found = []

    def a_long_step(at_work):
        with at_work.step():
            at_the_same_time(meanwhile)

    def meanwhile():
        keep(job)  # the sweep has queued it anew
        try:
            with acting_for(house.pk):
                work.stop(job, by=seat)
        except Refused as refusal:
            found.append(refusal.code)

    does(a_long_step)
    job = asked(house, seat)

    keep(job)

    assert (found, again(job).state, again(job).tries) == (["in_a_step"] * 2, "done", 1)


def test_work_of_two_tenants_stays_apart(two, does):
    found = {}

    def look(at_work):
        with at_work.step() as tenant:
            found[tenant.slug] = list(Job.objects.values_list("asked", flat=True))

    does(look)
    ours, theirs = (asked(house, SeatFactory(tenant=house), whose=house.slug) for house in two)

    keep(ours)
    keep(theirs)
    work.keep_job(str(ours.tenant_id), str(theirs.pk))  # another tenant's row is no row here

    assert found == {"qinghe": [{"whose": "qinghe"}], "yuanfan": [{"whose": "yuanfan"}]}
    assert again(theirs).tries == 1


def test_the_trail_names_the_door_and_the_seat_that_asked(house, owner, does):
    does(lambda at_work: None)
    with through("api"):
        job = asked(house, owner.seat)

    keep(job)

    with acting_for(house.pk):
        assert set(Event.objects.values_list("door", "seat_id")) == {("api", owner.seat.pk)}
    assert "Work of a test" in owner.get("/trail/").content.decode()
