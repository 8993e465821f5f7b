"""What this room shows on the page of a person: the groups they sat in, and the tasks about them."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.tenancy import rights
from members import panels, timeline

from .models import Placement, Task

panels.add(panels.Panel("groups", _("Groups they sat in"), "groups:member_panel", place=10))
panels.add(panels.Panel("tasks", _("Tasks about them"), "groups:member_tasks", area="tasks", place=60))


@panels.brief
def open_tasks(member, seat):
    if not rights.may_see(seat, "tasks"):
        return
    late = Task.objects.late().filter(member=member).count()
    if late:
        words = ngettext("%(n)d task about them is late", "%(n)d tasks about them are late", late) % {"n": late}
        yield panels.ToDo("clock", words, f"{reverse('groups:tasks')}?state=late", warns=True)


@timeline.knows("reshuffle")
def sat(member):
    """Also what was so before anybody used this product: an import brings whole half-years."""
    for placement in Placement.objects.filter(member=member).select_related("group", "cohort"):
        words = _("In %(group)s for %(half)s") % {"group": placement.group.name, "half": placement.cohort.name}
        yield timeline.of_day(placement.since, words, "layout-grid", url=reverse("groups:group", args=[placement.group_id]))
