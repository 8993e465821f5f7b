"""Parts of the page of a person that this room answers."""

from django.shortcuts import get_object_or_404, render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from crm.tenancy import rights
from crm.tenancy.rights import sees
from members.models import Member

from ..models import Task

MOST = 12


@require_safe
@sees("tasks")
def tasks(request, pk):
    """The tasks about one member, open ones first; an assistant sees their own."""
    member = get_object_or_404(Member.objects.only("pk", "tenant"), pk=pk)
    found = Task.objects.filter(member=member).select_related("assistant__user", "group")
    if not rights.sees_all(request.seat, "tasks"):
        found = found.of(request.seat)
    is_open = found.open().in_order()
    ended = found.exclude(state=Task.State.OPEN).order_by("-ended_at", "-id")
    context = {"open": list(is_open[:MOST]), "ended": list(ended[:MOST]), "now": now()}
    return render(request, "groups/_member_tasks.html", context)
