import uuid

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for
from members.models import FormerNickname, Handle, Member, Note
from members.names import search_of, sort_key

CHUNK = 1_000


class Command(BaseCommand):
    help = "Write anew what members are found and sorted by."

    def add_arguments(self, parser):
        parser.add_argument("--tenant", help="the slug of one community; otherwise all")

    def handle(self, *, tenant=None, **options):
        tenants = Tenant.objects.order_by("slug")
        for each in tenants.filter(slug=tenant) if tenant else tenants:
            written = rebuild(each)
            self.stdout.write(_("%(slug)s: %(members)s members written anew") % {"slug": each.slug, "members": f"{written:,}"})


def rebuild(tenant):
    """In steps, so that nobody waits for the whole of it. Returns how many there are."""
    written, last = 0, uuid.UUID(int=0)
    while True:
        with acting_for(tenant.pk):
            members = list(Member.objects.select_for_update(no_key=True).filter(pk__gt=last).order_by("pk")[:CHUNK])
            write(members)
        if not members:
            return written
        written, last = written + len(members), members[-1].pk


def write(members):
    """What these members are found and sorted by."""
    ids = [member.pk for member in members]
    handles = _of(Handle.objects.filter(member__in=ids).order_by("platform", "id").values_list("member_id", "value"))
    former = _of(FormerNickname.objects.filter(member__in=ids).order_by("noted_at", "id").values_list("member_id", "nickname"))
    notes = _of(Note.objects.filter(member__in=ids).order_by("id").values_list("member_id", "text"))
    for member in members:
        own = (handles.get(member.pk, ()), former.get(member.pk, ()), notes.get(member.pk, ()))
        member.search, member.sort_key = search_of(member, *own), sort_key(member.nickname)[:200]
    Member.objects.bulk_update(members, ["search", "sort_key"])


def _of(pairs):
    found = {}
    for member, text in pairs:
        found.setdefault(member, []).append(text)
    return found
