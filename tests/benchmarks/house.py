"""Import, approve, and the pages of the main job on the invented community: `python -m tests.benchmarks.house [REQUESTS]`.

It runs on servers of its own, in a folder that is thrown away. For each page: p50 and p95 of the whole request through Django's test
client, queries, and the median time of its own SQL alone, run again on the same connection.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 200
SLUG = "bench"


def main():
    from crm import servers

    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        with servers.running(Path(folder), fast=False) as addresses:
            os.environ.update(addresses, DJANGO_SETTINGS_MODULE="crm.settings", LOG_LEVEL="ERROR")
            import django

            django.setup()
            measure(Path(folder))


def measure(folder, requests=REQUESTS, *, migrated=False):
    from django.core.management import call_command

    import crm.wsgi  # noqa: F401 - what a process does before its first request
    from groups import reshuffling

    if not migrated:
        call_command("migrate", verbosity=0)
    reshuffling.warm()
    owner, assistant, matrix = _import(folder)
    draft = _propose(owner.tenant, matrix)
    as_after_a_minute()
    pages(owner, {"plan": f"drafts/{draft.pk}/", "plan, a point": f"drafts/{draft.pk}/?moves=1200"}, requests)
    _approve(draft, owner)
    as_after_a_minute()
    pages(
        owner,
        {
            "overview": "",
            "members": "members/",
            "members, searched": "members/?q=lin",
            "their menus": "members/?menus=1",
            "carrying out": f"reshuffles/{draft.reshuffle_id}/",
            "tasks": "tasks/",
            "trail": "trail/",
        },
        requests,
    )
    pages(assistant, {"phone": "phone/"}, requests)
    of_the_rhythm(assistant, 500)
    pages(assistant, {"phone, 500 of the rhythm more": "phone/"}, requests)


def _import(folder):
    from crm.demo import community
    from crm.imports import load_community
    from crm.tenancy.models import Seat, Tenant, User
    from crm.tenancy.scope import acting_for
    from groups.models import Group, Matrix

    files = folder / "files"
    files.mkdir()
    community.invent(Tenant().today()).write(files)
    spent = []
    for slug in ("first", SLUG):
        started = time.perf_counter()
        loaded = load_community(files, slug)
        spent.append(time.perf_counter() - started)
    counts = loaded.counts
    print(f"import: {counts['rows']:,} rows and {counts['placements']:,} placements in {min(spent):.2f} s (aim 3 s)")
    started = time.perf_counter()
    load_community(files, SLUG)
    print(f"the same again, which changes nothing: {time.perf_counter() - started:.2f} s")
    seats = []
    for role in (Seat.Role.OWNER, Seat.Role.ASSISTANT):
        user = User.objects.create_user(f"{role}@bench.example", "x")
        seats.append(Seat.objects.create(tenant=loaded.tenant, user=user, role=role, name=role))
    with acting_for(loaded.tenant.pk):
        matrix = Matrix.objects.reshuffled().get()
        Group.objects.filter(number__lte=4).update(assistant=seats[1])
    return *seats, matrix


def as_after_a_minute():
    """PostgreSQL tidies tables that grew, and looks at their sizes, within a minute; until then it guesses and walks every row."""
    from django.db import connection

    with connection.migrating(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _propose(tenant, matrix):
    from crm.tenancy.scope import acting_for
    from groups import reshuffles, thinking
    from groups.models import Draft

    started = time.perf_counter()
    with acting_for(tenant.pk):
        draft = reshuffles.propose(matrix, tenant, seed=1, at_once=True)
    thinking.think_now(tenant.pk, draft.pk)
    with acting_for(tenant.pk):
        draft = Draft.objects.select_related("reshuffle__matrix", "reshuffle__cohort").get(pk=draft.pk)
    print(f"propose, from the click to the plan with its figures: {time.perf_counter() - started:.1f} s, {draft.figures['moves']:,} moves")
    return draft


def _approve(draft, owner):
    from crm.tenancy.scope import acting_for
    from groups import reshuffles

    started = time.perf_counter()
    with acting_for(owner.tenant_id):
        reshuffles.approve(draft, owner.tenant, by=owner)
    print(f"approve {draft.figures['moves']:,} moves: {time.perf_counter() - started:.2f} s (aim 2 s)")


def of_the_rhythm(seat, number):
    from datetime import timedelta

    from django.utils.timezone import now

    from crm.tenancy.scope import acting_for
    from groups.models import Group, Task

    with acting_for(seat.tenant_id):
        groups, moment = list(Group.objects.filter(assistant=seat)), now() - timedelta(hours=1)
        same = {"kind": Task.Kind.SLOT, "assistant": seat, "due_at": moment, "late_at": moment + timedelta(days=1), "title": "早安选题"}
        Task.objects.bulk_create(Task(**same, group=groups[n % len(groups)], rank=n, text="早上好！今天聊聊开场。") for n in range(number))
    as_after_a_minute()


def pages(seat, them, requests=REQUESTS):
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.force_login(seat.user)
    client.cookies["script"] = "1"  # as a browser says from the second page on
    for name, path in them.items():
        address, asked = f"/{seat.tenant.slug}/{path}", {"HX-Request": "true", "HX-Trigger": "menus-later"} if "menus=" in path else {}
        answer = client.get(address, headers=asked)
        assert answer.status_code == 200, (address, answer.status_code)
        with CaptureQueriesContext(connection) as captured:
            client.get(address, headers=asked)
        queries = captured.captured_queries
        spent = []
        for _ in range(requests):
            started = time.perf_counter()
            client.get(address, headers=asked)
            spent.append((time.perf_counter() - started) * 1000)
        p95 = quantiles(spent, n=20)[-1]
        sql = sum(float(query["time"]) for query in queries) * 1000
        size, sent = len(answer.content) // 1024, len(client.get(address, headers=asked | {"Accept-Encoding": "gzip"}).content) // 1024
        print(
            f"{name:18} p50 {median(spent):6.1f} ms   p95 {p95:6.1f} ms   {len(queries):3} queries, {sql:5.1f} ms of SQL   {size:4} KB"
            f"{f', sent as {sent} KB' if sent < size else ''}"
        )


if __name__ == "__main__":
    main()
