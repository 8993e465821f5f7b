from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from crm.tenancy import events, rights
from crm.tenancy.pages import page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import bulk, bulk_views, exports, people, segment_views, segments
from .filters import SOON
from .segment_views import SegmentForm


@sees("members")
def members(request):
    """A POST saves its conditions as a segment, so that those who save stay where they are."""
    if request.htmx.trigger == "menus-later":
        return render(request, "members/members.html#menus", {"list": segments.listed(request)})
    form = SegmentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        rights.refuse_unless(rights.may_do(request.seat, "members"), "members")
        try:
            return segment_views.save(request)
        except Refused as refusal:
            form.is_valid()
            form.add_error(refusal.details.get("field"), refusal.sentence)
    shown = segments.listed(request)
    today = timezone.localdate()
    context = {
        "list": shown,
        "menus_later": _come_later(request),
        "today": today,
        "soon": today + SOON,
        "form": form,
        "verbs": bulk.verbs(request.seat),
        "may_act": rights.may_do(request.seat, "members"),
        "way_back": f"&{shown.here[1:]}",
    }
    response = page(request, "members/members.html", context)
    if request.method == "POST":
        response.status_code = 422
    if shown.is_typed:  # the address follows; what is empty does not stand in it
        way = request.path + shown.address().rstrip("?")
        response["HX-Replace-Url" if request.htmx.trigger == "search" else "HX-Push-Url"] = way
    return response


def _come_later(request):
    """To count what each menu has to choose takes longer than all the rest of the page. A browser that runs our script, as its
    cookie says, asks for the menus when the list stands; without script they come with the page."""
    return request.method == "GET" and request.COOKIES.get("script") == "1" and "menus" not in request.GET


@require_POST
@does("members")
def export(request):
    """The file holds what the list of this address shows, or who was picked; with `ask` first the columns are chosen.

    It is an act: it is noted who took how many away."""
    hidden = people.hidden_from(request.seat)
    shown, by_hand = segments.listed(request), request.POST.get("all") != "1" and "member" in request.POST
    members, number = bulk_views.chosen(request) if by_hand else (shown.ordered, shown.counts["found"])
    columns = exports.columns(hidden)
    if request.POST.get("ask"):
        picked = members.values_list("pk", flat=True) if by_hand else []
        context = {"number": number, "columns": columns, "picked": picked, "query": request.GET.urlencode(), "hides": bool(hidden)}
        return page(request, "members/export.html", context, part="ask")
    kind = "xlsx" if request.POST.get("as") == "xlsx" else "csv"
    wanted = set(request.POST.getlist("column"))
    chosen = [cell for cell in columns if not wanted or cell.name in wanted] or columns
    events.note("members.exported", request.tenant, by=request.seat, after={"members": number, "as": kind, "columns": len(chosen)})
    pieces = exports.file_of(request.tenant, members.order_by("sort_key", "id") if by_hand else members, kind, chosen)
    response = StreamingHttpResponse(pieces, content_type=exports.KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="{exports.name_of(request.tenant, kind)}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
