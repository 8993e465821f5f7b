import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.management import BaseCommand, CommandError


def _password():
    return secrets.token_urlsafe(32)


SECRETS = {
    "secret_key": lambda: secrets.token_urlsafe(64),
    "secret_keys": lambda: Fernet.generate_key().decode(),
    "postgres_password": _password,
    "database_password": _password,
    "migrate_database_password": _password,
    "redis_password": _password,
    "smtp_password": str,  # empty until there is a mail server
}


class Command(BaseCommand):
    help = (
        "Write the secrets of a new deployment into a folder, one file each, as docker-compose.yml names them. It refuses a folder that"
        " holds any of them. Keep a copy of secret_keys apart from the backups: without it, what is encrypted in them cannot be read."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, folder, **options):
        try:
            # The folder keeps others out. The files stay readable, since containers read them as users of their own.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            if there := sorted(name for name in SECRETS if (folder / name).exists()):
                raise CommandError(f"{folder} holds {', '.join(there)} already. Nothing was changed.")
            for name, make in SECRETS.items():
                file = folder / name
                file.touch(mode=0o600)
                file.write_text(make())
                file.chmod(0o444)
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{folder} holds {len(SECRETS)} secrets. Keep a copy of secret_keys apart from the backups.")
