"""The second factor, as this house wants it: secrets encrypted, passkeys for the one address we serve."""

from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from . import secrets, sessions


class Adapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": _("This does not fit. Look at the newest code and try again.")}

    def encrypt(self, text):
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text):
        return secrets.decrypt(encrypted_text)

    def get_totp_issuer(self):
        return gettext("Qunxing")

    def get_public_key_credential_rp_entity(self):
        """A passkey belongs to the address we serve, whatever host a request names."""
        return {"id": urlsplit(settings.BASE_URL).hostname, "name": gettext("Qunxing")}

    def generate_authenticator_name(self, user, type):
        return sessions.device(self.request.headers.get("User-Agent", ""))


def code(label):
    keyboard = {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
    return forms.CharField(label=label, max_length=20, widget=forms.TextInput(attrs=keyboard))


class SecondStep(AuthenticateForm):
    code = code(_("Code of the app, or recovery code"))


class OnceMore(ReauthenticateForm):
    code = code(_("Code of the app, or recovery code"))


class AddApp(ActivateTOTPForm):
    code = code(_("Code of the app"))


class AddPasskey(AddWebAuthnForm):
    """Each passkey signs in alone, so each asks for a finger, a face or a PIN."""

    name = forms.CharField(label=_("Name"), max_length=60, required=False, help_text=_("By which you know it again."))
    passwordless = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean_passwordless(self):
        return True


class RenamePasskey(EditWebAuthnForm):
    name = forms.CharField(label=_("Name"), max_length=60)


def of(user):
    """A user's passkeys, oldest first; whether there is an app; how many recovery codes are left, None where there are none."""
    found = {"passkeys": [], "app": None, "codes": None}
    for row in Authenticator.objects.filter(user=user).order_by("pk"):
        if row.type == Authenticator.Type.WEBAUTHN:
            found["passkeys"].append(row)
        elif row.type == Authenticator.Type.TOTP:
            found["app"] = row
        else:
            found["codes"] = len(row.wrap().get_unused_codes())
    return found
