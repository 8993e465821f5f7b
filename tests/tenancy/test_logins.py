"""What each of the two database logins may do."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from crm.tenancy.scope import acting_for
from members.models import Member
from tests.factories import MemberFactory, TenantFactory


def one(sql, using=connection):
    with using.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


def test_we_serve_as_app_and_migrate_as_owner(db, migrating_login):
    assert one("SELECT session_user, current_user") == ("crm", "app")
    assert one("SELECT session_user, current_user", migrating_login) == ("crm_migrate", "owner")


def test_no_role_of_ours_stands_above_row_level_security(db):
    strong = "rolsuper OR rolbypassrls OR rolcreaterole"
    ours = "'crm', 'crm_migrate', 'app', 'owner', 'sweeper'"

    assert one(f"SELECT count(*), bool_or({strong}) FROM pg_roles WHERE rolname IN ({ours})") == (5, False)


def test_the_serving_login_owns_nothing(db):
    assert one("SELECT count(*) FROM pg_class WHERE relowner IN ('crm'::regrole, 'app'::regrole, 'sweeper'::regrole)") == (0,)


@pytest.mark.parametrize(
    "sql",
    [
        "SET ROLE owner",
        "SET ROLE crm_migrate",
        "SET SESSION AUTHORIZATION crm_migrate",
        "CREATE TABLE mine()",
        "TRUNCATE groups_pin CASCADE",
        "DROP TABLE groups_pin",
        "ALTER TABLE groups_pin DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE groups_pin NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE tenancy_event DISABLE TRIGGER append_only",
        "DROP POLICY tenant ON groups_pin",
        "ALTER ROLE crm BYPASSRLS",
        "GRANT owner TO crm",
        "SET session_replication_role = replica",
    ],
)
@pytest.mark.parametrize("role", ["app", "NONE", "sweeper"])
def test_the_serving_login_cannot_become_owner(db, role, sql):
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
            cursor.execute(sql)


def test_tables_do_not_change_with_the_serving_login(db):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), connection.schema_editor() as editor:
        editor.execute("CREATE TABLE mine()")


@pytest.mark.django_db(transaction=True)
def test_a_server_without_the_migrating_login_says_so(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "MIGRATE", None)

    try:
        with pytest.raises(ImproperlyConfigured, match="MIGRATE_DATABASE_URL"):
            call_command("migrate", verbosity=0)
    finally:
        monkeypatch.undo()  # before the flush, which needs the login


@pytest.mark.django_db(transaction=True)
def test_migrate_comes_back_as_the_serving_login():
    call_command("migrate", verbosity=0)

    assert one("SELECT session_user, current_user") == ("crm", "app")


@pytest.mark.django_db(transaction=True)
def test_a_data_migration_sees_a_tenants_rows_only_when_it_opens_it():
    tenant = TenantFactory()
    MemberFactory(tenant=tenant, nickname="before")

    with connection.migrating():
        assert one("SELECT count(*) FROM members_member") == (0,)
        with acting_for(tenant.pk):
            assert Member.objects.update(nickname="after") == 1

    with acting_for(tenant.pk):
        assert Member.objects.get().nickname == "after"
