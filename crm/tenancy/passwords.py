"""Django's rules for passwords, in our words: its Chinese says 你 to the owner."""

from django.contrib.auth import password_validation as django
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class NotLikeYou(django.UserAttributeSimilarityValidator):
    def get_error_message(self):
        return _("The password is too much like your name or your e-mail address.")

    def get_help_text(self):
        return _("Not like your name or your e-mail address.")


class LongEnough(django.MinimumLengthValidator):
    def get_error_message(self):
        least = self.min_length
        said = ngettext(
            "The password is too short: at least %(least)s character.", "The password is too short: at least %(least)s characters.", least
        )
        return said % {"least": least}

    def get_help_text(self):
        least = self.min_length
        return ngettext("At least %(least)s character.", "At least %(least)s characters.", least) % {"least": least}


class NotCommon(django.CommonPasswordValidator):
    def get_error_message(self):
        return _("Too many people use this password.")

    def get_help_text(self):
        return _("None that many people use.")
