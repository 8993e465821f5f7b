from datetime import timedelta

from django.core.management import CommandError
from django.utils.timezone import now

from crm.tenancy import keys, scopes, seats
from crm.tenancy.commands import TenantCommand, tenant_by

LONGEST = 3650


class Command(TenantCommand):
    help = "Make an API key. It acts as its seat, with that seat's rights or a part of them, and is printed once."

    def add_arguments(self, parser):
        parser.add_argument("slug", help="The tenant.")
        parser.add_argument("--seat", required=True, metavar="EMAIL", help="Whose seat the key acts as.")
        parser.add_argument("--name", default="", help="What the key is for.")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            dest="may",
            metavar="SCOPE",
            help=f"What of the seat's rights it may use; once for each. Without: all of them. There are: {', '.join(scopes.known())}.",
        )
        parser.add_argument("--expires", type=int, metavar="DAYS", help="After so many days it opens nothing. Without: never.")

    def act(self, slug, seat, name, may, expires, **options):
        found = seats.of(tenant_by(slug), seat)
        if found is None:
            raise CommandError(f"{seat} has no seat in “{slug}”. Give them one with `manage.py add_seat`.")
        if expires is not None and not 1 <= expires <= LONGEST:
            raise CommandError(f"--expires takes 1 to {LONGEST} days.")
        expires_at = None if expires is None else now() + timedelta(days=expires)
        key, secret = keys.make(found, name[:60], may=may, expires_at=expires_at)
        return {
            "tenant": slug,
            "seat": found.user.email,
            "role": found.role,
            "scopes": key.scopes,
            "expires_at": key.expires_at,
            "key": secret,
        }

    def in_words(self, answer):
        return answer["key"]
