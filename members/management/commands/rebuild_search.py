import uuid

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from crm.tenancy.models import Tenant
from crm.tenancy.scope import acting_for
from members import search
from members.models import Member

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
            search.write(members)
        if not members:
            return written
        written, last = written + len(members), members[-1].pk
