"""What went into the groups, what is on its way, and what asks for somebody's word."""

from django.contrib import messages
from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_POST, require_safe

from crm.tenancy import rights
from crm.tenancy.models import Event
from crm.tenancy.pages import Cut, page
from crm.tenancy.rights import does, sees

from .. import delivery
from ..models import Group, Push
from ..names import as_uuid
from ..reasons import REASONS
from .channels import figures

ASKING, ALL = "asking", "all"
ACTS = {
    "sent": (delivery.was_sent, gettext_lazy("“%(title)s” counts as sent.")),
    "again": (delivery.again, gettext_lazy("“%(title)s” is sent once more.")),
    "by_hand": (delivery.by_hand, gettext_lazy("“%(title)s” is somebody's task now.")),
    "withdraw": (delivery.withdraw, gettext_lazy("“%(title)s” is withdrawn.")),
}


@sees("matrix")
@require_safe
def pushes(request):
    """Those that ask first."""
    group = Group.objects.filter(pk=as_uuid(request.GET.get("group"))).first()
    every = Push.objects.no_tests()
    every = every.filter(group=group) if group else every
    counts = dict(every.order_by().values_list("state").annotate(Count("pk")))
    asking = counts.get(Push.State.UNSURE, 0) + counts.get(Push.State.FAILED, 0)
    state = request.GET.get("state", "")
    state = state if state in (*Push.State.values, ASKING, ALL) else ASKING if asking else ALL
    numbers = counts | {ASKING: asking, ALL: sum(counts.values())}
    found = every if state == ALL else every.asking() if state == ASKING else every.filter(state=state)
    cut = Cut(numbers.get(state, 0), request.GET.get("page"))
    rows = list(cut.of(found.select_related("group", "channel", "member", "task__assistant__user", "by__user").newest_first()))
    for row in rows:
        row.why = REASONS.get(row.reason, "")
        row.can_withdraw = row.state in delivery.UNDER_WAY
    named = ((ASKING, _("asks you")), (ALL, pgettext("messages", "all")), *Push.State.choices)
    context = {
        "cut": cut,
        "pushes": rows,
        "state": state,
        "states": [(code, label, numbers.get(code, 0)) for code, label in named],
        "total": numbers[ALL],
        "group": group,
        "figures": figures(request.tenant),
        "may": rights.may_do(request.seat, "matrix"),
        "now": now(),
    }
    return page(request, "groups/pushes.html", context)


@does("matrix")
@require_POST
def settle(request, pk):
    """What somebody decided about one: it was sent, send it again, by hand, not at all."""
    found = get_object_or_404(Push, pk=pk)
    if (act := ACTS.get(request.POST.get("decision", ""))) is None:
        raise Http404
    verb, words = act
    verb(found, by=request.seat)
    fact = Event.objects.of(found).filter(kind__in=["push.sent", "push.withdrawn"]).exclude(before={}).newest_first().first()
    has_way_back = request.POST["decision"] in ("sent", "withdraw") and fact and rights.may_see(request.seat, "trail")
    way_back = f"undo={reverse('trail_undo', args=[fact.pk])}" if has_way_back else ""
    messages.success(request, words % {"title": found.title}, extra_tags=way_back)
    back = request.POST.get("next", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, None) else "groups:pushes")
