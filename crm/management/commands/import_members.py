import json
from pathlib import Path

from crm.imports import import_file
from crm.tenancy.commands import TenantCommand, tenant_by
from crm.tenancy.refusals import Refused


class Command(TenantCommand):
    help = (
        "Bring one file of an owner's into a tenant: a list of members, who sat where, or who spoke to whom; which it is shows in its"
        " columns. Whoever is not in the file stays as they are, unless --whole says that it is the whole community. Rows that do not fit"
        " are rejected, each with its line. The same file again changes nothing. Prints the keys of load_community. Exit status 1 and a"
        " sentence on stderr where the file cannot be read; nothing is half-written."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        mapping = 'what columns mean: {"称呼": "nickname", "内部编号": ""}; "" leaves one out'
        parser.add_argument("--mapping", default="", metavar="JSON", help=mapping)
        dates = "the order of its dates, where the file does not tell"
        parser.add_argument("--dates", default="", choices=["", "ymd", "mdy", "dmy"], help=dates)
        parser.add_argument("--whole", action="store_true", help="who is not in the file has left")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")

    def act(self, file, tenant, mapping, dates, whole, dry_run, **options):
        if not file.is_file():
            raise Refused(f"There is no file “{file.name}”.", code="no_file", status=400)
        return import_file(file, tenant_by(tenant), mapping=_mapping(mapping), order=dates, whole=whole, dry_run=dry_run)

    def in_words(self, counts):
        lines = [f"{key}: {len(value) if isinstance(value, list) else value}" for key, value in counts.items()]
        return "\n".join(lines + [f"  line {said['line']}: {said['sentence']}" for said in counts["rejected"]])


def _mapping(text):
    try:
        mapping = json.loads(text) if text else None
    except ValueError:
        mapping = ()
    if mapping is not None and not (isinstance(mapping, dict) and all(isinstance(field, str) for field in mapping.values())):
        sentence = 'The mapping must be a JSON object of columns and fields, such as {"称呼": "nickname"}.'
        raise Refused(sentence, code="bad_mapping", status=400)
    return mapping
