import sys
from dataclasses import asdict

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from crm import doctor
from crm.tenancy.commands import TenantCommand, as_json, language_of_the_shell


class Command(TenantCommand):
    help = (
        "Say what the settings and servers lack, and what to do about it. Exit status 1 where something is at fault. Run it where the"
        " web runs; it changes nothing."
    )

    def handle(self, json, **options):
        with translation.override(language_of_the_shell()):
            findings = list(doctor.examine())
            self.stdout.write(as_json([asdict(finding) for finding in findings]) if json else self.in_words(findings))
        if any(finding.state == "fault" for finding in findings):
            sys.exit(1)

    def in_words(self, findings):
        marks = {"ok": pgettext("finding", "good"), "warning": pgettext("finding", "WARNING"), "fault": pgettext("finding", "FAULT")}
        lines = [f"{marks[finding.state]:8}{finding.part}: {finding.sentence}" for finding in findings]
        faults = sum(finding.state == "fault" for finding in findings)
        lines.append(ngettext("%d fault.", "%d faults.", faults) % faults if faults else _("Nothing is at fault."))
        return "\n".join(lines)
