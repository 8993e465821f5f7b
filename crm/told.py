"""What the facts of the roof say in the trail: an import fills several rooms."""

from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

trail.tell(
    "community.imported",
    _("Read the community's files: %(people)s members, %(rejected)s rows rejected"),
    icon="file-import",
    topic="people",
)
