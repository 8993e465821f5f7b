"""Many rows at once, under the same policy as one."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from psycopg.errors import FeatureNotSupported
from uuid_utils.compat import uuid7

from crm.tenancy.bulk import load
from crm.tenancy.scope import NoTenant, acting_for
from members.models import FormerNickname, Member
from tests.factories import MemberFactory

FIELDS = ["id", "member", "nickname", "noted_at"]


def row(member, nickname="Lin"):
    return uuid7(), member.pk, nickname, "2026-01-01T00:00Z"


def test_copy_into_the_table_itself_is_refused(tenant):
    with (
        pytest.raises(FeatureNotSupported, match="COPY FROM not supported with row-level security"),
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy("COPY members_member (id) FROM STDIN") as copy,
    ):
        copy.write_row([uuid7()])


def test_rows_are_loaded_into_the_active_tenant(two):
    member = MemberFactory(tenant=two[0])
    rows = [row(member, f"Lin\t{n}\\ 莉莉") for n in range(1000)]

    with acting_for(two[0].pk):
        assert load(FormerNickname, FIELDS, rows) == 1000
        assert load(FormerNickname, FIELDS, [row(member, "twice in one transaction")]) == 1

    with acting_for(two[0].pk):
        assert FormerNickname.objects.count() == 1001
        assert FormerNickname.objects.get(pk=rows[7][0]).nickname == "Lin\t7\\ 莉莉"
    with acting_for(two[1].pk):
        assert FormerNickname.objects.count() == 0


def test_loaded_rows_do_not_point_into_another_tenant(two):
    member = MemberFactory(tenant=two[0])

    with acting_for(two[1].pk), pytest.raises(IntegrityError), transaction.atomic():
        load(FormerNickname, FIELDS, [row(member)])
        connection.check_constraints()


def test_outside_a_tenant_nothing_is_loaded(db):
    with pytest.raises(NoTenant):
        load(Member, ["id", "nickname"], [(uuid7(), "x")])


def test_the_policy_holds_against_load_too(two):
    member = MemberFactory(tenant=two[0])

    with acting_for(two[0].pk), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant', %s, true)", [str(two[1].pk)])
        load(FormerNickname, FIELDS, [row(member)])
