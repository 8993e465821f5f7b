from django.conf import settings
from django.core.management import CommandError
from django.utils.translation import gettext as _

from crm.tenancy.commands import TenantCommand, tenant_by
from crm.tenancy.erasing import erase


class Command(TenantCommand):
    help = (
        "Erase a tenant for good: its members, its trail, its files, its seats, and the people who sit nowhere else. It asks for the slug"
        " once more. It needs MIGRATE_DATABASE_URL. Backups that were made before still hold it."
    )

    def add_arguments(self, parser):
        parser.add_argument("slug", help="The tenant.")

    def act(self, slug, **options):
        tenant = tenant_by(slug)
        if not settings.DATABASES["default"]["MIGRATE"]:
            raise CommandError(_("Erasing a community needs the migrating login: set MIGRATE_DATABASE_URL."))
        asked = _("Everything of %(name)s will be erased and cannot be brought back. Type %(slug)s to erase it:")
        self.stderr.write(asked % {"name": tenant.name, "slug": slug})
        if _typed() != slug:
            raise CommandError(_("Nothing was erased."))
        gone = erase(tenant)
        return {"tenant": slug, "rows": sum(gone.values()), "people": gone["tenancy_user"]}

    def in_words(self, answer):
        return _("%(tenant)s is erased: %(rows)s rows, among them %(people)s people who sat nowhere else.") % answer


def _typed():
    try:
        return input().strip()
    except EOFError:
        return ""
