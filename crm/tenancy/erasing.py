"""A whole tenant erased for good, with its trail, its files, and the people who sat nowhere else."""

import shutil

import structlog
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from .backups import tables
from .files import folder_of
from .models import Seat, Tenant, User
from .scope import acting_for

log = structlog.get_logger(__name__)


def erase(tenant):
    """All or nothing; needs the migrating login, since nobody else may delete what is append-only. Returns what went, by table."""
    pk, gone = tenant.pk, {}
    with connection.migrating(), transaction.atomic(durable=True):
        Tenant.objects.select_for_update().get(pk=pk)  # whoever writes for it waits, and is refused in the end
        people = list(Seat.objects.filter(tenant_id=pk).values_list("user_id", flat=True))
        found = [table for table in tables() if "tenant_id" in table.columns]
        with acting_for(pk), connection.cursor() as cursor:
            cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
            kept = [name for (name,) in cursor.fetchall()]
            for name in kept:
                cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER append_only")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for table in found:
                cursor.execute(f"DELETE FROM {table.sql_name} WHERE tenant_id = %s", [pk])
                gone[table.name] = cursor.rowcount
            cursor.execute("DELETE FROM tenancy_tenant WHERE id = %s", [pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for name in kept:
                cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER append_only")
        gone["tenancy_user"] = _erase_people(people)
    shutil.rmtree(folder_of(pk), ignore_errors=True)
    log.info("tenant erased", tenant=str(pk), rows=sum(gone.values()))
    return gone


def _erase_people(people):
    left = User.objects.filter(pk__in=people, seats=None, is_superuser=False)
    names = {str(pk) for pk in left.values_list("pk", flat=True)}
    theirs = [each.pk for each in Session.objects.iterator() if each.get_decoded().get(SESSION_KEY) in names]
    Session.objects.filter(pk__in=theirs).delete()
    return left.delete()[1].get("tenancy.User", 0)
