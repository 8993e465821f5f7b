"""allauth, as this house wants it: by e-mail, closed to strangers, and each seat led to its own first page."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.utils import dateformat, translation
from django.utils.translation import gettext_lazy as _

from . import links, mail
from .limits import TooMany
from .models import Seat, User
from .refusals import answer

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


WAYS = {
    "reauthenticate": _("With the password"),
    "mfa_reauthenticate": _("With a code"),
    "mfa_reauthenticate:webauthn": _("With a passkey"),
}
# Its refusals for which a page of their own with the right status is the better answer, and after how many seconds to come back.
LIMITED = {"too_many_login_attempts": 300, "rate_limited": 300}


class Adapter(DefaultAccountAdapter):
    def pre_login(self, request, user, **kwargs):
        if user.is_demo and not settings.EMBEDDED:
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **kwargs)

    def get_password_change_redirect_url(self, request):
        return links.root_path("account")

    def get_reauthentication_methods(self, user):
        return [method | {"description": WAYS[method["id"]]} for method in super().get_reauthentication_methods(user)]

    def validation_error(self, code, *args):
        if code in LIMITED:
            raise ImmediateHttpResponse(answer(self.request, TooMany(LIMITED[code])))
        return super().validation_error(code, *args)

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
            "link": links.whole("account"),
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
