"""What opens a transaction or a savepoint goes to the server with the first statement inside, and all holds as if it had gone at once."""

import pytest
from django.db import DataError, IntegrityError, ProgrammingError, connection, transaction
from django.db.utils import InternalError
from psycopg.pq import TransactionStatus

from crm.tenancy import events
from crm.tenancy.models import Event, Tenant
from crm.tenancy.scope import acting_for
from members.models import Member
from tests.factories import MemberFactory


def said(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


class Sudden(Exception):
    """Something breaks in the middle."""


def state():
    return connection.connection.info.transaction_status


@pytest.fixture
def names(transactional_db):
    """Of the tenants that stand in the database now."""
    connection.ensure_connection()
    return lambda: sorted(Tenant.objects.values_list("slug", flat=True))


def made(slug):
    return Tenant.objects.create(slug=slug, name=slug)


def test_where_nothing_is_asked_nothing_is_opened(names):
    with transaction.atomic():
        with transaction.atomic():
            pass
        assert state() == TransactionStatus.IDLE
        assert said("SELECT 1") == 1
        assert state() == TransactionStatus.INTRANS

    assert state() == TransactionStatus.IDLE


def test_the_first_statement_is_taken_back_with_its_transaction(names):
    with pytest.raises(Sudden), transaction.atomic():
        made("first")
        raise Sudden

    assert names() == []


def test_what_is_done_in_a_savepoint_is_taken_back_alone(names):
    with transaction.atomic():
        with pytest.raises(Sudden), transaction.atomic():  # opened before anything was asked
            made("inside")
            raise Sudden
        made("between")
        with pytest.raises(Sudden), transaction.atomic():
            with transaction.atomic():
                made("lost")
            raise Sudden
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                made("between")
            made("last")

    assert names() == ["between", "last"]


def test_a_failure_that_was_swallowed_is_heard_where_its_savepoint_ends(names):
    with transaction.atomic():
        with pytest.raises(InternalError, match="aborted"), transaction.atomic(), pytest.raises(DataError):
            said("SELECT 1 / 0")
        made("after")

    assert names() == ["after"]


def test_after_a_statement_that_cannot_be_read_the_transaction_is_still_one(names):
    with pytest.raises(Sudden), transaction.atomic():
        with pytest.raises(ProgrammingError):
            said("SELEKT 1")
        made("inside")
        raise Sudden

    assert names() == []


def test_copied_and_streamed_rows_are_those_of_the_tenant(two, transactional_db):
    for tenant, name in zip(two, ("Lin", "Zhou"), strict=True):
        with acting_for(tenant.pk):
            MemberFactory(nickname=name)

    with acting_for(two[0].pk):
        assert [row.nickname for row in Member.objects.iterator(chunk_size=1)] == ["Lin"]
    copied = "COPY (SELECT nickname FROM members_member) TO STDOUT"
    with acting_for(two[1].pk), connection.cursor() as cursor, cursor.copy(copied) as copy:
        assert [bytes(row) for row in copy] == [b"Zhou\n"]


def test_a_tenant_inside_another_is_told_in_order(two):
    with acting_for(two[0].pk):
        with acting_for(two[1].pk):
            pass
        assert said("SELECT current_setting('app.tenant')") == str(two[0].pk)
        with pytest.raises(Sudden), transaction.atomic(), acting_for(two[1].pk):
            raise Sudden
        assert said("SELECT current_setting('app.tenant')") == str(two[0].pk)


def test_what_is_written_unheard_is_there_for_the_next_question_and_after_the_end(two, transactional_db):
    lin = MemberFactory(tenant=two[0])

    def kinds():
        return list(Event.objects.filter(kind__startswith="held.").order_by("id").values_list("kind", flat=True))

    with acting_for(two[0].pk):
        events.note("held.read", lin)
        assert kinds() == ["held.read"]
        with pytest.raises(Sudden), transaction.atomic():
            events.note("held.lost", lin)
            raise Sudden
        with transaction.atomic():
            events.note("held.first", lin)
            with acting_for(two[1].pk):
                events.note("held.theirs", lin)
        events.note("held.last", lin)
    with acting_for(two[0].pk):
        assert kinds() == ["held.read", "held.first", "held.last"]
    with acting_for(two[1].pk):
        assert kinds() == ["held.theirs"]


def test_a_fault_in_what_is_written_unheard_takes_all_back(two, transactional_db):
    lin = MemberFactory(tenant=two[0], nickname="Lin")

    with pytest.raises(DataError), acting_for(two[0].pk):
        Member.objects.update(nickname="Lin the second")
        events.note("longer than any kind is " * 9, lin)

    with acting_for(two[0].pk):
        assert Member.objects.get().nickname == "Lin"


@pytest.fixture
def pooled(transactional_db):
    other = connection.copy("default")
    other.settings_dict["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 1, "timeout": 10}}
    other._connection_pools = {}
    yield other
    other.close()
    other.close_pool()


def test_a_connection_that_the_server_has_ended_is_not_used_again(pooled):
    def process():
        with pooled.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            found = cursor.fetchone()[0]
        pooled.close()
        return found

    first = process()
    assert process() == first
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert process() != first


def test_where_a_pooler_forgets_plans_the_question_is_asked_without(pooled, monkeypatch):
    monkeypatch.setattr(type(pooled), "keeps_plans", True)
    assert pooled.often("SELECT 1 + %s", [1]) == pooled.often("SELECT 1 + %s", [1]) == [(2,)]
    with pooled.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    assert pooled.often("SELECT 1 + %s", [1]) == [(2,)]
    assert not pooled.keeps_plans
