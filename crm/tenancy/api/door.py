"""What is done with a request before any view: whether it can be read, may come, and has come before."""

from django.conf import settings
from django.utils.translation import gettext as _

from . import problems


def unfit(request):
    """The refusal of a body that nobody will read; none where it fits."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.headers.get("Transfer-Encoding"):
        return problems.answer(411, "length_required", _("Say in Content-Length how long the body is."))
    # Files go to the disk as they come; everything else is read into memory.
    most = settings.LARGEST_BODY if request.content_type == "multipart/form-data" else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if length.isdecimal() and int(length) > most:
        return problems.answer(413, "too_large", _("This is more than a request may bring."), most=most)
    return None
