"""What stands behind the question mark: known names, once each, none of them empty."""

from urllib.parse import unquote_to_bytes

from django.utils.translation import gettext as _

from .names import unknown
from .problems import invalid


def check(view, request):
    try:
        unquote_to_bytes(request.META.get("QUERY_STRING", "").replace("+", " ").encode("latin-1")).decode()
    except UnicodeError:
        raise invalid(non_field_errors=[_("The question is not UTF-8.")])
    known = view.questions()
    wrong = {}
    for name, values in request.query_params.lists():
        if name not in known:
            wrong[name] = [unknown(name, known)]
        elif len(values) > 1:
            wrong[name] = [_("Say it once.")]
        elif not values[0]:
            wrong[name] = [_("It is empty.")]
    if wrong:
        raise invalid(**wrong)


def fields(request, known):
    """The names that `?fields=` asks for."""
    names = list(dict.fromkeys(request.query_params["fields"].split(",")))
    wrong = [unknown(name, known) for name in names if name not in known]
    if wrong:
        raise invalid(fields=wrong)
    return names
