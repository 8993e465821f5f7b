"""What this room's facts say in the trail."""

from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

from .models import Member


def _names(ids):
    return dict(Member.objects.filter(pk__in=ids).values_list("pk", "nickname"))


trail.NAMES["member"] = _names
trail.PAGES["member"] = "members:member"
trail.topic("people", _("People"))
trail.tell("members.exported", _("Exported %(members)s members as a file"), icon="download", topic="people")
