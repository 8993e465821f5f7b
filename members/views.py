from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from crm.tenancy import events, trail
from crm.tenancy.counting import counts
from crm.tenancy.models import Event
from crm.tenancy.pages import page
from crm.tenancy.rights import does, sees

from . import exports, merging, people
from .lists import SOON, MemberList, Row, with_all
from .models import Handle, Member

NEWEST_EVENTS = 20


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


@sees("members")
def member(request, pk):
    found = get_object_or_404(with_all(Member.objects.all()), pk=pk)
    if found.standing == Member.Standing.MERGED:
        return redirect("members:member", merging.root_of(found).pk)
    brought = Member.objects.filter(inviter=found)
    what_happened = trail.told(Event.objects.about_member(*merging.ids_of(found)).newest_first()[:NEWEST_EVENTS])
    today = timezone.localdate()
    context = {
        "member": found,
        "brought": counts(all=brought, here=brought.current()),
        "row": Row(found),
        "wechats": [known["value"] for known in found.known_by if known["platform"] == Handle.Platform.WECHAT],
        "phones": [known["value"] for known in found.known_by if known["platform"] == Handle.Platform.PHONE],
        "events": what_happened,
        "days_left": (found.expires_on - today).days if found.expires_on else None,
        "days_here": (today - found.joined_on).days if found.joined_on else None,
        "here_since": _span(found.joined_on, today),
        "soon": SOON.days,
    }
    return render(request, "members/member.html", context)


def _span(since, today):
    """(years, months) between two days."""
    if not since or since > today:
        return None
    months = (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)
    return divmod(months, 12)
