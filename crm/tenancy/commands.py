"""What commands for a tenant stand on: tables that are up to date, the tenant by its slug, JSON for machines."""

import fcntl
import json
import os

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import translation

from crm import servers

from .models import Tenant
from .refusals import Refused


class TenantCommand(BaseCommand):
    """Inherit and give `act(**options)`, which returns what is printed, and `in_words(answer)`, how a person reads it."""

    requires_system_checks = []
    any_tables = False  # true for what works with the tables of every version

    def create_parser(self, *args, **kwargs):
        parser = super().create_parser(*args, **kwargs)
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of words.")
        return parser

    def handle(self, **options):
        with translation.override(language_of_the_shell()):
            if not self.any_tables:
                ensure_migrated()
            try:
                answer = self.act(**options)
            except Refused as refusal:
                raise CommandError(str(refusal.sentence)) from refusal
            except ValidationError as error:
                raise CommandError(" ".join(error.messages)) from error
            self.stdout.write(as_json(answer) if options["json"] else self.in_words(answer))

    def act(self, **options):
        raise NotImplementedError

    def in_words(self, answer):
        return "\n".join(f"{name}: {value}" for name, value in answer.items())


def as_json(answer):
    return json.dumps(answer, ensure_ascii=False, default=str)


def tenant_by(slug):
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        there = ", ".join(Tenant.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no tenant “{slug}”. There are: {there}.")
    return tenant


def ensure_migrated():
    """Bring the tables up to date where something is missing and the migrating login is at hand."""
    if _is_migrated():
        return
    if not settings.DATABASES["default"]["MIGRATE"]:
        raise CommandError("The tables are not up to date. Run `manage.py migrate` with MIGRATE_DATABASE_URL set.")
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with servers.locked(settings.DATA_DIR / "migrating", fcntl.LOCK_EX):  # two commands that start at once
        if not _is_migrated():
            call_command("migrate", verbosity=0)


def _is_migrated():
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def language_of_the_shell():
    said = next(filter(None, map(os.environ.get, ["LC_ALL", "LC_MESSAGES", "LANG"])), "")
    return "zh-hans" if said.startswith("zh") else "en"
