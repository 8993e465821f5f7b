from pathlib import Path

from django.core.management import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy import backups
from crm.tenancy.commands import TenantCommand


class Command(TenantCommand):
    help = (
        "Write everything into one file: all rows of all communities as they are at one moment, and what people uploaded. The serving"
        " login is enough, and everybody can go on working. SECRET_KEYS are not in it."
    )
    any_tables = True

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="A new file, such as 2026-11-24.zip.")

    def act(self, file, json, **options):
        try:
            manifest = backups.write(file, told=None if json else self.stderr.write)
        except OSError as error:
            raise CommandError(_("%(file)s cannot be written: %(reason)s.") % {"file": file, "reason": error.strerror}) from None
        files = sum(name.startswith("media/") for name in manifest["entries"])
        counts = {"tenants": manifest["tenants"], "rows": sum(manifest["rows"].values()), "files": files, "lost": manifest["lost"]}
        return {"file": str(file), "bytes": file.stat().st_size} | counts

    def in_words(self, answer):
        lines = [
            _("%(file)s is whole, %(megabytes).1f MB. Communities: %(tenants)s, rows: %(rows)s, files: %(files)s.")
            % (answer | {"rows": f"{answer['rows']:,}", "megabytes": answer["bytes"] / 1e6}),
            _("SECRET_KEYS are not in it. Keep them elsewhere: without them, what is encrypted in it cannot be read."),
        ]
        if lost := answer["lost"]:
            said = ngettext("%d file is not as it was uploaded, or gone:", "%d files are not as they were uploaded, or gone:", len(lost))
            lines += [said % len(lost), *lost]
        return "\n".join(lines)
