from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.utils.translation import gettext as _

from crm.tenancy import backups
from crm.tenancy.commands import TenantCommand


class Command(TenantCommand):
    help = (
        "Fill an empty database and the data folder from a file of `manage.py backup`, or change nothing. It needs MIGRATE_DATABASE_URL,"
        " the SECRET_KEYS the backup was made with, and the version that made it; migrate to a newer one afterwards."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--lost-keys", action="store_true", help="The keys are lost for good: restore what is not encrypted.")

    def act(self, file, lost_keys, json, **options):
        if not settings.DATABASES["default"]["MIGRATE"]:
            raise CommandError(_("Filling the tables needs the migrating login: set MIGRATE_DATABASE_URL."))
        try:
            manifest = backups.restore(file, sealed=not lost_keys, told=None if json else self.stderr.write)
        except OSError as error:
            raise CommandError(_("The files could not be written: %s. Nothing was changed.") % error.strerror) from None
        files = sum(name.startswith("media/") for name in manifest["entries"])
        return {"tenants": manifest["tenants"], "rows": sum(manifest["rows"].values()), "files": files, "made_at": manifest["made_at"]}

    def in_words(self, answer):
        said = _("Back as it was at %(made_at)s. Communities: %(tenants)s, rows: %(rows)s, files: %(files)s.")
        return said % (answer | {"rows": f"{answer['rows']:,}"})
