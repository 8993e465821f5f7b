"""allauth, as this house wants it: by e-mail, closed to strangers, and each seat led to its own first page."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from . import links
from .models import Seat


class Adapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request):
        return settings.SIGN_UP_OPEN

    def pre_login(self, request, user, **kwargs):
        if user.is_demo and not settings.EMBEDDED:
            raise ValidationError(_("Demo accounts work in the demo alone."))
        return super().pre_login(request, user, **kwargs)


def home_of(seat):
    """Assistants live on the phone; everybody else begins with today."""
    name = "phone:today" if seat.role == Seat.Role.ASSISTANT else "today"
    return links.path_of(seat.tenant, name)
