"""What the facts of the roof say in the trail: an import fills several rooms."""

from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

trail.tell(
    "community.imported",
    _("Read the community's files: %(people)s members, %(rejected)s rows rejected"),
    icon="file-import",
    topic="people",
)
trail.tell("import.discarded", _("Discarded files that were read"), icon="trash", topic="people")
trail.tell("guide.dismissed", _("Put the first steps away"), icon="eye-off")
trail.tell("guide.brought_back", _("Brought the first steps back"), icon="eye")
