"""What this room itself shows on the page of a person by an address of its own."""

from django.utils.translation import gettext_lazy as _

from . import panels

panels.add(panels.Panel("terms", _("Terms and renewals"), "members:terms_panel", place=20, lines=2))
panels.add(panels.Panel("introduction", _("Introduction"), "members:introduction_panel", place=25, lines=2))
