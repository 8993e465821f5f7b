"""allauth, as this house wants it: by e-mail, closed to strangers, and each seat led to its own first page."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import dateformat, translation
from django.utils.translation import gettext_lazy as _

from . import links, mail
from .models import Seat, User

# What allauth tells an account's owner about: its name of the mail, and our words for it.
CHANGES = {
    "password_changed": _("The password was changed"),
    "password_reset": _("The password was set anew by a link"),
    "password_set": _("A password was set"),
    "totp_activated": _("An authenticator app was added"),
    "totp_deactivated": _("The authenticator app was removed"),
    "recovery_codes_generated": _("New recovery codes were made"),
    "webauthn_added": _("A passkey was added"),
    "webauthn_removed": _("A passkey was removed"),
}


class Adapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request):
        return settings.SIGN_UP_OPEN

    def pre_login(self, request, user, **kwargs):
        if user.is_demo and not settings.EMBEDDED:
            raise ValidationError(_("Demo accounts work in the demo alone."))
        return super().pre_login(request, user, **kwargs)

    def send_mail(self, template_prefix, email, context):
        """allauth's mails in our frame. Their links begin with BASE_URL, whatever host the request named."""
        name = template_prefix.rpartition("/")[2]
        user = context.get("user") or User.objects.filter(email__iexact=email).first()
        language = (user and user.language) or translation.get_language()
        if name in CHANGES:
            with translation.override(language):
                said = self._change(name, context)
            mail.send("account_changed", email, language=language, context={"email": email, **said})
        else:
            mail.send(name, email, language=language, context={"email": email, "open": settings.SIGN_UP_OPEN, "link": _link(name, context)})

    def _change(self, name, context):
        return {
            "what": str(CHANGES[name]),
            "at": dateformat.format(context["timestamp"], "Y-m-d H:i e"),
            "ip": context["ip"],
            "browser": context["user_agent"],
            "link": links.whole("account_change_password"),
        }


def _link(name, context):
    if name == "password_reset_key":
        return links.whole("account_reset_password_from_key", uidb36=context["uid"], key=context["key"])
    if name == "unknown_account":
        return links.whole("account_signup" if settings.SIGN_UP_OPEN else "account_login")
    return links.whole("account_reset_password")


def home_of(seat):
    """Assistants live on the phone; everybody else begins with today."""
    name = "phone:today" if seat.role == Seat.Role.ASSISTANT else "today"
    return links.path_of(seat.tenant, name)
