"""The rhythm of many communities: `python -m tests.benchmarks.rhythm [laying] [sweep] [waiting] [phone] [--tenants N] [--rows N]`.

`laying`: two weeks are laid out. `sweep`: what is due is swept and handed over to one and to two workers. `waiting`: what a sweep costs
while millions of rows are not yet due. `phone`: the page of an assistant with 500 open tasks. Without a word all of them.

On servers of its own, in a folder that is thrown away. Beside each figure the same done by bare SQL in the same run. Of the laying: one
INSERT of each tenant's rows, prepared beforehand, in a transaction of its own and under row level security, as ours are.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

PARTS = ("laying", "sweep", "waiting", "phone")
WANTED = [part for part in PARTS if part in sys.argv] or PARTS
TENANTS = int(sys.argv[sys.argv.index("--tenants") + 1]) if "--tenants" in sys.argv else 2000
GROUPS, HEAVY = 16, 4
COLUMNS = ["id", "slot_id", "group_id", "day", "wall_time", "due_at", "is_moved", "state"]
TYPES = ["uuid", "uuid", "uuid", "date", "timestamptz", "timestamptz", "bool", "varchar"]


def main():
    from crm import servers

    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        with servers.running(Path(folder), fast=False) as addresses:
            os.environ.update(addresses, DJANGO_SETTINGS_MODULE="crm.settings", LOG_LEVEL="ERROR")
            import django

            django.setup()
            measure()


def measure():
    from django.core.management import call_command

    import crm.wsgi  # noqa: F401 - what a process does before its first request
    from tests.benchmarks import sweeping
    from tests.benchmarks.house import as_after_a_minute

    started = time.perf_counter()
    call_command("migrate", verbosity=0)
    tenants = communities()
    as_after_a_minute()
    if "laying" in WANTED:
        laying(tenants)
    elif "sweep" in WANTED:
        laid_out(tenants)
    if "sweep" in WANTED:
        sweeping.handed_over()
    if "waiting" in WANTED:
        sweeping.while_millions_wait([tenant.pk for tenant in tenants])
    if "phone" in WANTED:
        phone(tenants[0])
    print(f"{time.perf_counter() - started:.0f} s in all")


def laying(tenants):
    from groups import jobs
    from tests.benchmarks.house import as_after_a_minute

    first = said("two weeks, the first time", lambda: laid_out(tenants))
    as_after_a_minute()
    said("the same again, which changes nothing", jobs.lay_out_rhythms, first[1])
    rows = taken(tenants)
    bare = said("bare SQL: INSERT of the same rows", lambda: inserted(rows))
    print(f"ours beside bare SQL: {first[0] / bare[0]:.2f} times (aim 2)")
    as_after_a_minute()


def phone(tenant):
    from crm.tenancy.models import Seat, User
    from crm.tenancy.scope import acting_for
    from groups.models import Group
    from tests.benchmarks import house

    user = User.objects.create_user("assistant@bench.example", "x")
    seat = Seat.objects.create(tenant=tenant, user=user, role="assistant", name="Xiao Zhou")
    with acting_for(tenant.pk):
        Group.objects.filter(number__lte=4).update(assistant=seat)
    house.of_the_rhythm(seat, 500)
    house.pages(seat, {"phone, 500 tasks": "phone/"})


def communities():
    from crm.tenancy.models import Seat, Tenant, User
    from crm.tenancy.scope import acting_for
    from groups import rhythms
    from groups.models import Group, Matrix

    user, tenants = User.objects.create_user("owner@bench.example", "x"), []
    for n in range(TENANTS):
        tenant = Tenant.objects.create(slug=f"bench-{n}", name=f"Bench {n}", language="en")
        Seat.objects.create(tenant=tenant, user=user, role="owner")
        with acting_for(tenant.pk):
            matrix = Matrix.objects.create(name="Members")
            Group.objects.bulk_create(
                Group(matrix=matrix, name=f"Group {n}", number=n, mode="heavy" if n <= HEAVY else "light") for n in range(1, GROUPS + 1)
            )
            rhythms.ready(tenant)
        tenants.append(tenant)
    print(f"{TENANTS:,} tenants × {GROUPS} groups, {HEAVY} of them heavy")
    return tenants


def said(name, act, many=None):
    started = time.perf_counter()
    found = act()
    seconds = time.perf_counter() - started
    many = found if many is None else many
    print(f"{name:40} {many:9,} rows  {seconds:7.2f} s  {many / seconds:9,.0f} rows/s")
    return seconds, many


def laid_out(tenants):
    from crm.tenancy.scope import acting_for
    from groups import occurrences

    many = 0
    for tenant in tenants:
        with acting_for(tenant.pk):
            many += occurrences.lay_out(tenant)
    return many


def taken(tenants):
    """What was laid out, by tenant, and then away with it."""
    from crm.tenancy.scope import acting_for
    from groups.models import Occurrence

    rows = {}
    for tenant in tenants:
        with acting_for(tenant.pk):
            rows[tenant.pk] = list(Occurrence.objects.values_list(*COLUMNS))
            Occurrence.objects.all().delete()
    return rows


def inserted(rows):
    from django.db import connection, transaction

    arrays, many = ", ".join(f"%s::{each}[]" for each in TYPES), 0
    sql = f"INSERT INTO groups_occurrence (tenant_id, {', '.join(COLUMNS)}) SELECT %s, * FROM unnest({arrays})"
    for tenant, its in rows.items():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
            cursor.execute(sql, [tenant, *map(list, zip(*its, strict=True))])
            many += cursor.rowcount
    return many


if __name__ == "__main__":
    main()
