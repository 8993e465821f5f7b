from django.core.management import CommandError

from crm.tenancy import seats
from crm.tenancy.commands import TenantCommand, tenant_by


class Command(TenantCommand):
    help = "Make an API key. It acts as its seat, with that seat's rights, and is printed once."

    def add_arguments(self, parser):
        parser.add_argument("slug", help="The tenant.")
        parser.add_argument("--seat", required=True, metavar="EMAIL", help="Whose seat the key acts as.")
        parser.add_argument("--name", default="", help="What the key is for.")

    def act(self, slug, seat, name, **options):
        found = seats.of(tenant_by(slug), seat)
        if found is None:
            raise CommandError(f"{seat} has no seat in “{slug}”. Give them one with `manage.py add_seat`.")
        return {"tenant": slug, "seat": found.user.email, "role": found.role, "key": seats.make_key(found, name[:60])}

    def in_words(self, answer):
        return answer["key"]
