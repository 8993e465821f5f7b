"""Whoever asks sees one tenant's rows, whatever the code forgot."""

import threading

import pytest
from django.db import DataError, IntegrityError, ProgrammingError, connection, connections, transaction
from django.db.models import Count, ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from crm.tenancy.scope import NoTenant, acting_for, sweeping
from groups.models import Bond, BondMember, Group, Placement, Wave
from members.models import Handle, Member
from tests.factories import (
    BondFactory,
    GroupFactory,
    HandleFactory,
    MatrixFactory,
    MemberFactory,
    PlacementFactory,
    StarFactory,
    WaveFactory,
)


def one(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def names(rows):
    return [row.nickname for row in rows.all()]


@pytest.fixture
def lin(two):
    return MemberFactory(tenant=two[0], nickname="Lin")


@pytest.fixture
def zhou(two):
    return MemberFactory(tenant=two[1], nickname="Zhou")


# The scope


def test_outside_any_tenant_a_query_raises(lin):
    anybody = Member.objects.filter(nickname="Lin")

    with pytest.raises(NoTenant):
        list(anybody)
    with pytest.raises(NoTenant):
        Member(nickname="x")


def test_outside_any_tenant_the_database_shows_no_rows(lin):
    assert one("SELECT count(*) FROM members_member") == (0,)


def test_a_queryset_written_once_answers_for_the_tenant_that_asks(two, lin, zhou):
    everybody = Member.objects.order_by("id")

    with acting_for(two[0].pk):
        assert names(everybody) == ["Lin"]
        with acting_for(two[1].pk):
            assert names(everybody) == ["Zhou"]
        assert names(everybody) == ["Lin"]


@pytest.mark.parametrize("fails", [lambda: one("SELECT 1/0"), lambda: 1 / 0])
def test_after_a_failure_inside_the_outer_tenant_is_back(two, lin, fails):
    with acting_for(two[0].pk):
        with pytest.raises((DataError, ZeroDivisionError)), acting_for(two[1].pk):
            fails()

        assert names(Member.objects) == ["Lin"]
        assert one("SELECT current_setting('app.tenant')") == (str(two[0].pk),)


def test_nothing_stays_on_the_connection(two, lin):
    with acting_for(two[0].pk):
        pass

    assert one("SELECT current_setting('app.tenant', true)") == ("",)


def test_each_query_names_the_tenant(tenant):
    member = MemberFactory(inviter=MemberFactory())

    with CaptureQueriesContext(connection) as queries:
        member = Member.objects.get(pk=member.pk)
        member.inviter.save()
        member.refresh_from_db()
        member.invited.count()
        list(member.handles.all())

    assert [query["sql"] for query in queries.captured_queries if '"tenant_id" = ' not in query["sql"]] == []


# The database, where the code is wrong


def test_raw_sql_reads_and_writes_only_its_own_tenant(two, lin, zhou):
    with acting_for(two[1].pk):
        assert one("SELECT count(*) FROM members_member") == (1,)
        assert one("UPDATE members_member SET nickname = 'stolen' WHERE id = %s RETURNING id", lin.pk) is None
        assert one("DELETE FROM members_member WHERE id = %s RETURNING id", lin.pk) is None


def test_a_row_for_another_tenant_is_refused(two, zhou):
    with acting_for(two[1].pk):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Member.objects.bulk_create([Member(nickname="x", tenant_id=two[0].pk)])
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            one("UPDATE members_member SET tenant_id = %s WHERE id = %s RETURNING id", two[0].pk, zhou.pk)


def test_a_key_into_another_tenant_is_refused(two, lin, zhou):
    with acting_for(two[1].pk), pytest.raises(IntegrityError), transaction.atomic():
        zhou.inviter_id = lin.pk
        zhou.save()
        connection.check_constraints()


def test_the_sweeper_sees_keys_times_and_states_of_due_rows_alone(two):
    waves = [WaveFactory(tenant=tenant) for tenant in two]
    found = "SELECT tenant_id, id FROM groups_wave WHERE due_at <= clock_timestamp() AND state = 'waiting' ORDER BY id"

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE sweeper")
        cursor.execute(found)
        assert cursor.fetchall() == [(wave.tenant_id, wave.pk) for wave in waves]
        for sql in (
            "SELECT day FROM groups_wave",
            "SELECT id FROM members_member",
            "SELECT id FROM tenancy_user",
            "UPDATE groups_wave SET state = 'stopped'",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(sql)
        cursor.execute("SET LOCAL ROLE app")

    assert one("SELECT count(*) FROM groups_wave") == (0,)


@pytest.mark.django_db(transaction=True)
def test_sweeping_reads_all_tenants_and_ends_with_its_block():
    waves = [WaveFactory() for _ in range(2)]

    with sweeping():
        found = set(Wave.everywhere.filter(due_at__lte=now()).values_list("tenant_id", "pk"))

    assert found == {(wave.tenant_id, wave.pk) for wave in waves}
    assert one("SELECT current_user, count(*) FROM groups_wave GROUP BY 1") is None


@pytest.mark.django_db(transaction=True)
def test_a_row_that_one_worker_holds_is_skipped_by_another():
    member = MemberFactory()
    seen = []

    def other():
        try:
            with acting_for(member.tenant_id):
                seen.append(list(Member.objects.select_for_update(skip_locked=True)))
        finally:
            connections.close_all()

    with acting_for(member.tenant_id):
        Member.objects.select_for_update().get(pk=member.pk)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert seen == [[]]


@pytest.mark.django_db(transaction=True)
def test_tests_leave_no_rows_behind():
    assert one("SELECT count(*) FROM tenancy_tenant") == (0,)


# Django's own ways, on keys of two columns


def test_counting_related_rows(tenant):
    matrix = MatrixFactory()
    one_group, other = GroupFactory(matrix=matrix, name="a"), GroupFactory(matrix=matrix, name="b")
    for _ in range(3):
        PlacementFactory(group=one_group)

    counted = Group.objects.annotate(n=Count("placements")).select_related("matrix").order_by("name")

    assert [(group, group.n) for group in counted] == [(one_group, 3), (other, 0)]


def test_deleting_what_others_need_is_refused_and_what_hangs_on_it_goes_along(tenant):
    inviter = MemberFactory()
    MemberFactory(inviter=inviter)
    handle = HandleFactory()

    with pytest.raises(ProtectedError):
        inviter.delete()
    handle.member.delete()

    assert Handle.objects.count() == 0


def test_get_or_create_and_update_or_create(tenant):
    member = MemberFactory()

    first = Handle.objects.get_or_create(platform="wechat", value="wx", defaults={"member": member})
    second = Handle.objects.get_or_create(platform="wechat", value="wx", defaults={"member": member})
    third = Handle.objects.update_or_create(platform="wechat", value="wx", defaults={"member": member})

    assert [made for _, made in (first, second, third)] == [True, False, False]


def test_upserts_name_the_tenant_and_the_key(tenant):
    member = MemberFactory(nickname="x")
    again = [Member(id=member.pk, nickname="y")]

    with pytest.raises(ProgrammingError), transaction.atomic():
        Member.objects.bulk_create(again, update_conflicts=True, unique_fields=["id"], update_fields=["nickname"])
    Member.objects.bulk_create(again, update_conflicts=True, unique_fields=["tenant", "id"], update_fields=["nickname"])

    assert names(Member.objects) == ["y"]


def test_what_stands_there_already_may_be_ignored(tenant):
    member = MemberFactory()
    handles = [Handle(member=member, platform="wechat", value=value) for value in ("one", "two")]
    handles[0].save()

    Handle.objects.bulk_create([Handle(member=member, platform="wechat", value=handle.value) for handle in handles], ignore_conflicts=True)

    assert sorted(Handle.objects.values_list("value", flat=True)) == ["one", "two"]


def test_many_to_many_through_a_table_of_ours(tenant):
    couple = [MemberFactory(), MemberFactory()]
    bond = BondFactory(of=couple)
    BondFactory()

    assert list(bond.members.order_by("id")) == couple
    assert list(couple[0].bonds.all()) == [bond]
    assert [set(each.members.all()) for each in Bond.objects.filter(members=couple[1]).prefetch_related("members")] == [set(couple)]
    bond.members.remove(couple[0])
    assert [seat.member for seat in BondMember.objects.select_related("member")] == [couple[1]]


def test_bulk_update_unions_and_exclusions(tenant):
    stays, star, placed = MemberFactory.create_batch(3)
    StarFactory(member=star)
    PlacementFactory(member=placed)
    stays.nickname = "changed"

    Member.objects.bulk_update([stays], ["nickname"])

    assert names(Member.objects.exclude(placements__in=Placement.objects.open()).order_by("id")) == ["changed", star.nickname]
    assert names(Member.objects.exclude(pk__in=[star.pk, placed.pk])) == ["changed"]
    both = Member.objects.filter(pk=star.pk).union(Member.objects.filter(pk=placed.pk))
    assert {member.pk for member in both} == {star.pk, placed.pk}
    assert Member.objects.in_bulk([star.pk]) == {star.pk: star}


def test_two_tenants_may_use_the_same_names(two):
    for tenant in two:
        HandleFactory(tenant=tenant, value="wx_lin")
        MatrixFactory(tenant=tenant, name="Main")

    with acting_for(two[0].pk), pytest.raises(IntegrityError, match="a_handle_is_one_person"), transaction.atomic():
        HandleFactory(value="wx_lin")


def test_a_tenant_with_rows_is_not_deleted(lin, two):
    with acting_for(two[0].pk), pytest.raises(ProtectedError):
        two[0].delete()
