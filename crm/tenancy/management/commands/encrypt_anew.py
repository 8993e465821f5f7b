from django.core.management import CommandError
from django.utils.translation import gettext as _

from crm.tenancy.commands import TenantCommand
from crm.tenancy.encrypting import encrypt_anew


class Command(TenantCommand):
    help = (
        "Write every secret in the database anew with the first of SECRET_KEYS. To change keys: put a new one in front, restart, run"
        " this, drop the old one. Exit status 1 and the old values where a secret cannot be read with any of the keys."
    )

    def act(self, json, **options):
        found = encrypt_anew(told=None if json else self.stderr.write)
        lost = {place: counts for place, counts in found.items() if counts["unreadable"]}
        if lost:
            said = [
                _("%(place)s: %(unreadable)s cannot be read; written between %(first)s and %(last)s.")
                % {"place": place, "unreadable": counts["unreadable"], "first": min(counts["written"]), "last": max(counts["written"])}
                for place, counts in lost.items()
            ]
            said.append(_("Add the key of those days to the end of SECRET_KEYS, and run this again. Everything else has the newest key."))
            raise CommandError("\n".join(said))
        return {place: {"anew": counts["anew"], "already": counts["already"]} for place, counts in found.items()}

    def in_words(self, answer):
        lines = [_("%(place)s: %(anew)s anew, %(already)s already.") % ({"place": place} | counts) for place, counts in answer.items()]
        return "\n".join([*lines, _("Everything is encrypted with the first key. The others may be dropped.")])
