"""Members from before words, notes and texts were searched are found by them, too. Rows that are as they should be are not touched."""

import uuid

from django.db import migrations

from crm.tenancy.bulk import renew
from crm.tenancy.scope import acting_for
from members.names import search_of, sort_key

CHUNK = 1_000


def write_search(apps, schema_editor):
    """In steps, each a transaction of its own, so that nobody waits for the whole of it and a second run goes on where it stopped."""
    for tenant in apps.get_model("tenancy", "Tenant").objects.order_by("pk").values_list("pk", flat=True):
        last = uuid.UUID(int=0)
        while last:
            with acting_for(tenant):  # without a tenant the owner, too, sees no rows
                last = _write_some(apps, last)


def _write_some(apps, last):
    Member = apps.get_model("members", "Member")
    members = list(Member.objects.select_for_update(no_key=True).filter(pk__gt=last).order_by("pk")[:CHUNK])
    ids = [member.pk for member in members]
    handles = _of(apps.get_model("members", "Handle").objects.order_by("platform", "id"), ids, "value")
    former = _of(apps.get_model("members", "FormerNickname").objects.order_by("noted_at", "id"), ids, "nickname")
    notes = _of(apps.get_model("members", "Note").objects.order_by("id"), ids, "text")
    rows = []
    for member in members:
        said = search_of(member, *(found.get(member.pk, ()) for found in (handles, former, notes)))
        key = sort_key(member.nickname)[:200]
        if (said, key) != (member.search, member.sort_key):
            rows.append((member.pk, said, key))
    if rows:
        renew(Member, ["search", "sort_key"], rows)
    return ids[-1] if len(ids) == CHUNK else None


def _of(rows, ids, field):
    found = {}
    for member, text in rows.filter(member__in=ids).values_list("member_id", field):
        found.setdefault(member, []).append(text)
    return found


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("members", "0004_fields_asked_of_newcomers"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(write_search, migrations.RunPython.noop),
    ]
