"""Since when members speak: of an interaction file the day on which each of them is first heard, and which days it tells of."""

from django.db import connection, transaction

from crm.tenancy import events
from crm.tenancy.models import Event

from .models import Handle, Member

KEPT = "interactions.kept"


@transaction.atomic
def keep(read, subject, *, by=None):
    """`read` is an interaction file as it was read. An earlier day than the one that is known counts; files come in any order."""
    _first_days({speaker: moment.date() for speaker, moment in read.began.items()})
    after = {"rows": read.rows, "rejected": len(read.rejected), "people": len(read.speakers)}
    if read.first:
        after |= {"from": read.first.date().isoformat(), "to": read.last.date().isoformat()}
    return events.note(KEPT, subject, by=by, after=after)


def _first_days(days):
    """{WeChat id: day}. Who has several ids spoke with the first of them."""
    handles, members = Handle._meta.db_table, Member._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {members} AS member SET first_spoke_on = spoke.day
            FROM (
                SELECT handle.member_id, min(said.day) AS day
                FROM {handles} AS handle JOIN unnest(%s::text[], %s::date[]) AS said (value, day) ON said.value = handle.value
                WHERE handle.platform = %s GROUP BY handle.member_id
            ) AS spoke
            WHERE member.id = spoke.member_id AND (member.first_spoke_on IS NULL OR member.first_spoke_on > spoke.day)
            """,
            [list(days), list(days.values()), Handle.Platform.WECHAT],
        )


def known_days():
    """The first and the last day that the files tell of; None where there is none."""
    spans = [fact.after for fact in Event.objects.filter(kind=KEPT) if fact.after.get("to")]
    return (min(span["from"] for span in spans), max(span["to"] for span in spans)) if spans else None
