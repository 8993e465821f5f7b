"""What of this room hangs on a seat: the groups it works for, and the tasks it still has to do."""

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import ngettext

from crm.tenancy import seats
from crm.tenancy.templatetags.qx import thousands

from . import handovers
from .models import Group, Task


def _counted(rows):
    return dict(rows.order_by().values_list("assistant").annotate(number=Count("pk")))


seats.BURDENS.append(
    seats.Burden(
        counts=lambda ids: _counted(Group.objects.open().filter(assistant__in=ids)),
        says=lambda number: ngettext("%(number)s group", "%(number)s groups", number) % {"number": thousands(number)},
        url=lambda seat: reverse("groups:matrices"),
    )
)
seats.BURDENS.append(
    seats.Burden(
        counts=lambda ids: _counted(Task.objects.open().filter(assistant__in=ids)),
        says=lambda number: ngettext("%(number)s open task", "%(number)s open tasks", number) % {"number": thousands(number)},
        url=lambda seat: f"{reverse('groups:tasks')}?assistant={seat.pk}",
    )
)
seats.ENDS.append(handovers.scatter)
seats.RETURNS.append(handovers.gather)
