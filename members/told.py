"""What this room's facts say in the trail."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

from . import people
from .models import Member


def _names(ids):
    return dict(Member.objects.filter(pk__in=ids).values_list("pk", "nickname"))


def _listed(words):
    return _now(", ").join(words)


trail.NAMES["member"] = _names
trail.PAGES["member"] = "members:member"
trail.topic("people", _("People"))
trail.tell("members.exported", _("Exported %(members)s members as a file"), icon="download", topic="people")

# One person

trail.VALUES |= {
    "fields": lambda names: _listed(str(people.LABELS.get(name, name)) for name in names),
    "platform": people.platform_name,
}
for _kind, _words, _icon, _tone in [
    ("member.added", _("Added this person"), "user-plus", "good"),
    ("member.removed", _("Took back that this person was added"), "arrow-back-up", ""),
    ("member.changed", _("Changed: %(fields)s"), "pencil", ""),
    ("member.handle_added", _("Added a handle: %(platform)s"), "id-badge-2", ""),
    ("member.handle_dropped", _("Took a handle away: %(platform)s"), "id-badge-2", ""),
]:
    trail.tell(_kind, _words, icon=_icon, tone=_tone, topic="people", whys={people.UNDONE: _("taken back")})
