"""One command erases a tenant with everything of it, and nothing of another's."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

from crm.tenancy import catalogue
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from tests.deployment.test_backups import everything, fill
from tests.factories import SeatFactory, TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR


def erase(slug, monkeypatch, typed):
    monkeypatch.setattr("builtins.input", lambda: typed)
    call_command("erase_tenant", slug, stdout=StringIO(), stderr=StringIO())


def test_a_tenant_goes_with_everything_and_its_neighbour_keeps_everything(data, monkeypatch):
    other = TenantFactory(slug="yuanfan")
    fill(other)
    both = SeatFactory(tenant=other).user
    before = everything(data)

    tenant = TenantFactory(slug="qinghe")
    fill(tenant)
    SeatFactory(tenant=tenant, user=both)
    assert everything(data) != before
    erase("qinghe", monkeypatch, "qinghe")

    after = everything(data)
    named = {name for name, rows in after.items() if str(tenant.pk) in f"{name}{rows}"}
    assert named == set()
    # Groups of rights are the house's own, whoever made them.
    assert {name: rows for name, rows in after.items() if not name.startswith("auth_group")} == {
        name: rows for name, rows in before.items() if not name.startswith("auth_group")
    }


def test_the_trail_is_guarded_again_afterwards(data, monkeypatch):
    fill(TenantFactory(slug="qinghe"))
    other = TenantFactory(slug="yuanfan")
    fill(other)

    erase("qinghe", monkeypatch, "qinghe")

    assert catalogue.faults() == []
    with pytest.raises(DatabaseError), transaction.atomic(), acting_for(other.pk):
        Event.objects.all().delete()


@pytest.mark.parametrize("typed", ["", "yuanfan", "Qinghe"])
def test_without_its_slug_typed_once_more_nothing_is_erased(data, monkeypatch, typed):
    fill(TenantFactory(slug="qinghe"))
    before = everything(data)

    with pytest.raises(CommandError, match="Nothing was erased"):
        erase("qinghe", monkeypatch, typed)

    assert everything(data) == before


def test_without_the_migrating_login_nothing_is_erased(settings, data, monkeypatch):
    fill(TenantFactory(slug="qinghe"))
    before = everything(data)

    monkeypatch.setitem(connection.settings_dict, "MIGRATE", None)
    try:
        with pytest.raises(CommandError, match="MIGRATE_DATABASE_URL"):
            erase("qinghe", monkeypatch, "qinghe")
    finally:
        monkeypatch.undo()

    assert everything(data) == before
