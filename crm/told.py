"""What the facts of the roof say in the trail: an import fills several rooms."""

from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

trail.tell(
    "community.imported",
    _("Read the community's files: %(people)s members, %(rejected)s rows rejected"),
    icon="file-import",
    topic="people",
)
trail.tell(
    "community.import_undone",
    _("Took an import back: %(removed)s members removed, %(restored)s as before, %(kept)s kept"),
    icon="arrow-back-up",
    topic="people",
)
trail.tell("interactions.kept", _("Kept an interaction file: %(rows)s rows of %(people)s speakers"), icon="messages", topic="people")
trail.tell("import.discarded", _("Discarded files that were read"), icon="trash", topic="people")
trail.tell("guide.dismissed", _("Put the first steps away"), icon="eye-off")
trail.tell("guide.brought_back", _("Brought the first steps back"), icon="eye")
