from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from crm.tenancy import events
from crm.tenancy.pages import page
from crm.tenancy.rights import does, sees

from . import exports, people
from .lists import SOON, MemberList


@sees("members")
def members(request):
    found = MemberList(request.GET, people.hidden_from(request.seat))
    asks = request.htmx.trigger if request.htmx else ""
    found.is_typed = asks in ("search", "menus")  # then the menus stay as they are
    today = timezone.localdate()
    response = page(request, "members/members.html", {"list": found, "today": today, "soon": today + SOON})
    if found.is_typed:  # the address follows; what is empty does not stand in it
        way = request.path + found.address().rstrip("?")
        response["HX-Replace-Url" if asks == "search" else "HX-Push-Url"] = way
    return response


@require_POST
@does("members")
def export(request):
    """The file holds what the list of this address shows. It is an act: it is noted who took how many away."""
    found = MemberList(request.GET, people.hidden_from(request.seat))
    events.note("members.exported", request.tenant, by=request.seat, after={"members": found.counts["found"]})
    lines = exports.as_csv(request.tenant, found.ordered)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{exports.name_of(request.tenant)}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
