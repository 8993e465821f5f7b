from pathlib import Path

from crm.imports import load_community
from crm.tenancy.commands import TenantCommand


class Command(TenantCommand):
    help = (
        "Make or update a tenant from a folder of its owner's files: members.csv and cohorts.csv (or .xlsx, .tsv). Rows that do not"
        " fit are rejected, each with its line, while the rest goes in. The same folder again changes nothing. Exit status 1 and a"
        " sentence on stderr where the folder cannot be read; nothing is half-written."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--name", default="", help="what a new tenant is called; its slug, unless given")

    def act(self, folder, tenant, name, **options):
        return load_community(folder, tenant, name=name).counts

    def in_words(self, counts):
        lines = [f"{key}: {len(value) if isinstance(value, list) else value}" for key, value in counts.items()]
        return "\n".join(lines + [f"  line {said['line']}: {said['sentence']}" for said in counts["rejected"]])
