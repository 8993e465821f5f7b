"""Why a message was not sent, waits, or may have been sent: codes of pushes and channels, in words."""

from django.utils.translation import gettext_lazy as _

from .models import Task

REASONS = dict(Task.Reason.choices) | {
    "no_such_channel": _("the platform does not know this channel any more"),
    "wrong_signature": _("the platform does not accept the signature"),
    "not_from_here": _("the robot only takes messages from certain IP addresses"),
    "group_moved": _("the group has another number there now"),
    "keyword_missing": _("the robot only takes messages with its keyword in them"),
    "refused": _("the platform did not take this message"),
    "too_many": _("the platform asks for a pause"),
    "busy": _("the platform was busy"),
    "redirected": _("the address leads elsewhere, which is not followed"),
    "unknown_answer": _("the platform answered something unknown"),
    "server_error": _("the platform broke while it had the message"),
    "no_answer": _("no answer came"),
    "line_cut": _("the line was cut in the middle"),
    "worker_died": _("our own work was broken off in the middle"),
    "no_connection": _("the platform could not be reached"),
    "no_such_host": _("there is no server of this name"),
    "inner_address": _("the address lies inside our own network"),
    "no_address": _("the address is not valid"),
    "no_picture": _("the picture is not there any more"),
    "picture_too_large": _("the picture is too large for this platform"),
    "picture_type": _("this platform does not take such a picture"),
    "too_long": _("the text is too long for this platform"),
    "switched_off": _("the channel is switched off"),
    "hour_over": _("its hour was over already"),
    "rests": _("the channel rests, as the platform asked"),
    "quiet": _("quiet hours"),
    "a_day": _("enough for this day"),
    "pace": _("enough for this minute"),
    "decided": _("somebody decided so"),
}
