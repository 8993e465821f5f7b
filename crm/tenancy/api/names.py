"""Names that nobody knows: refused, with the nearest one that is known."""

from difflib import get_close_matches

from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail


def unknown(name, known):
    """The sentence for a name that is not among the known ones."""
    near = get_close_matches(name, known, n=1)
    if near:
        sentence = _("There is no “%(name)s” here. Did you mean “%(near)s”?") % {"name": name, "near": near[0]}
    elif known:
        sentence = _("There is no “%(name)s” here. There are: %(known)s.") % {"name": name, "known": ", ".join(sorted(known))}
    else:
        sentence = _("There is no “%s” here; nothing is asked for.") % name
    return ErrorDetail(sentence, code="unknown")
