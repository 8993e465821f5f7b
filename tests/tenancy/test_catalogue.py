"""Every tenant-owned table is kept apart, and the walk that says so sees what is wrong."""

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ProjectState
from django.test.utils import isolate_apps

from crm.tenancy import catalogue
from crm.tenancy.models import Event, TenantField, TenantModel
from crm.tenancy.scope import acting_for
from groups.models import Tick
from tests.factories import EventFactory, GroupFactory, SeatFactory, TaskFactory, TickFactory


def run(login, sql):
    with login.cursor() as cursor:
        cursor.execute(sql)


def test_every_table_is_kept_apart(db):
    assert catalogue.faults() == []


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("ALTER TABLE groups_wave DISABLE ROW LEVEL SECURITY", "Wave: row level security"),
        ("ALTER TABLE groups_wave NO FORCE ROW LEVEL SECURITY", "Wave: row level security"),
        ("DROP POLICY tenant ON groups_pin", "Pin: its policies"),
        ("ALTER POLICY tenant ON groups_pin USING (true)", "Pin: its policies"),
        ("CREATE POLICY more ON groups_pin USING (true)", "Pin: its policies"),
        ("DROP POLICY sweep ON groups_wave", "Wave: its policies"),
        ("GRANT SELECT (day) ON groups_wave TO sweeper", "Wave: its columns"),
        ("REVOKE SELECT (state) ON groups_wave FROM sweeper", "Wave: its columns"),
        ("GRANT SELECT ON groups_wave TO sweeper", "Wave: it is granted"),
        ("GRANT TRUNCATE ON groups_pin TO app", "Pin: it is granted"),
        ("GRANT SELECT ON groups_pin TO public", "Pin: it is granted"),
        ("GRANT UPDATE ON tenancy_event TO app", "Event: it is granted"),
        ("DROP TRIGGER append_only ON tenancy_event", "Event: its append-only trigger"),
        ("ALTER TABLE tenancy_event DISABLE TRIGGER append_only", "Event: its append-only trigger"),
        ("DROP TRIGGER append_only ON groups_tick", "Tick: its append-only trigger"),
        ("ALTER TABLE groups_pin DROP CONSTRAINT groups_pin_pkey CASCADE", "Pin: its primary key"),
        ("ALTER TABLE groups_pin ADD UNIQUE (because)", "Pin: unique index groups_pin_because_key"),
        ("ALTER TABLE groups_pin ADD FOREIGN KEY (id) REFERENCES tenancy_seat (id)", "Pin: unknown: FOREIGN KEY (id)"),
        ("ALTER TABLE groups_move DROP COLUMN task_id", "Move: missing: FOREIGN KEY (tenant_id, task_id)"),
        ("CREATE TABLE stray (tenant_id uuid)", "stray: no model knows this table"),
    ],
)
def test_the_walk_sees_a_table_made_wrong(migrating_login, sql, fault):
    run(migrating_login, sql)

    found = catalogue.faults(connection=migrating_login)
    assert [each for each in found if fault in each], found


def test_the_walk_sees_a_model_whose_table_was_made_by_hand(migrating_login):
    fields = {
        "id": models.UUIDField(primary_key=True),
        "tenant": TenantField(),
        "member": models.ForeignKey("members.Member", models.CASCADE),
        "seat": models.ForeignKey("tenancy.Seat", models.CASCADE),
        "due_at": models.DateTimeField(),
        "state": models.CharField(max_length=12),
    }
    state = ProjectState.from_apps(apps)
    migrations.CreateModel("Wrong", fields.items()).state_forwards("members", state)
    wrong = state.apps.get_model("members", "Wrong")
    assert catalogue.table_faults(wrong, migrating_login) == ["there is no such table"]

    run(
        migrating_login,
        "CREATE TABLE members_wrong (id uuid PRIMARY KEY, tenant_id uuid, member_id uuid, due_at timestamptz, state text,"
        " seat_id uuid REFERENCES tenancy_seat (id))",
    )

    assert catalogue.table_faults(wrong, migrating_login) == [
        "row level security is not enabled and forced",
        "its policies are []",
        "its columns are granted []",
        "it is granted []",
        "its primary key is not (tenant_id, id)",
        "unique index members_wrong_pkey does not start with tenant_id",
        "missing: FOREIGN KEY (tenant_id) REFERENCES tenancy_tenant(id)",
        "missing: FOREIGN KEY (tenant_id, member_id) REFERENCES members_member(tenant_id, id)",
        "missing: FOREIGN KEY (tenant_id, seat_id) REFERENCES tenancy_seat(tenant_id, id)",
        "unknown: FOREIGN KEY (seat_id) REFERENCES tenancy_seat(id)",
    ]


@isolate_apps("members", "crm.tenancy")
def test_the_walk_sees_models_that_cannot_be_kept_apart():
    class Left(TenantModel):
        rights = models.ManyToManyField("Right")

        class Meta:
            app_label = "members"

    class Right(TenantModel):
        class Meta:
            app_label = "members"

    class Child(Left):
        class Meta:
            app_label = "members"

    class Global(models.Model):
        left = models.ForeignKey(Left, models.CASCADE)

        class Meta:
            app_label = "members"

    assert list(catalogue.design_faults(Left._meta.apps)) == [
        "members.Left_rights: an automatic many-to-many table has no tenant; give it an explicit through model.",
        "members.Child.left_ptr: a global table must not point to a tenant-owned one.",
        "members.Global.left: a global table must not point to a tenant-owned one.",
    ]


# Append-only


@pytest.mark.parametrize(("model", "made"), [(Event, EventFactory), (Tick, TickFactory)])
def test_what_is_append_only_is_written_once(tenant, model, made):
    row = made()

    for change in (
        lambda: model.objects.update(id=row.pk),
        lambda: model.objects.all().delete(),
        row.delete,
        row.save,
        lambda: list(model.objects.select_for_update()),
    ):
        with pytest.raises(DatabaseError, match=r"permission denied|append-only"), transaction.atomic():
            change()

    assert model.objects.get() == row


@pytest.mark.parametrize("change", ["UPDATE tenancy_event SET kind = 'left'", "DELETE FROM tenancy_event"])
def test_an_event_is_not_changed_by_the_owner_of_the_tables_either(migrating_login, change):
    with pytest.raises(DatabaseError, match="tenancy_event is append-only"):
        run(migrating_login, change)


def test_the_mark_may_come_and_go_in_a_migration(migrating_login):
    key = models.UUIDField(primary_key=True)
    state = ProjectState.from_apps(apps)

    for operation in (
        migrations.CreateModel("Ledger", [("id", key), ("tenant", TenantField(append_only=True))]),
        migrations.AlterField("ledger", "tenant", TenantField()),
        migrations.AlterField("ledger", "tenant", TenantField(append_only=True)),
        migrations.AddField("ledger", "seat", models.ForeignKey("tenancy.Seat", models.PROTECT, null=True)),
    ):
        before, state = state, state.clone()
        operation.state_forwards("members", state)
        with migrating_login.schema_editor(atomic=False) as editor:
            operation.database_forwards("members", editor, before, state)

        assert catalogue.table_faults(state.apps.get_model("members", "Ledger"), migrating_login) == []


# Keys


def test_no_group_has_an_assistant_of_another_tenant(two):
    ours, theirs = (SeatFactory(tenant=tenant) for tenant in two)

    with acting_for(two[0].pk):
        GroupFactory(assistant=ours)
        with pytest.raises(IntegrityError, match="assistant_id"), transaction.atomic():
            GroupFactory(assistant=theirs)
            connection.check_constraints()


def test_no_task_is_about_a_member_of_another_tenant(two):
    theirs = TaskFactory(tenant=two[1])

    with acting_for(two[0].pk), pytest.raises(IntegrityError, match="member_id"), transaction.atomic():
        TaskFactory(member=theirs.member)
        connection.check_constraints()
