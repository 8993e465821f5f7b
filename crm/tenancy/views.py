from django.contrib import messages
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from . import events, sheets
from . import trail as words
from .models import Event
from .pages import page
from .refusals import Refused
from .rights import does, sees
from .scope import acting_for
from .trail_list import TrailList

AT_ONCE = 500  # facts that are put into words together for a file


@sees("trail")
def trail(request):
    """Newest first; the whole state of the list stands in its address."""
    shown = TrailList(request.GET, request.seat)
    context = {"list": shown, "topics": words.TOPICS, "doors": Event.Door.choices, "query": shown.address}
    response = page(request, "trail.html", context)
    if request.htmx:
        response["HX-Push-Url"] = f"{request.path}?{shown.address}" if shown.address else request.path
    return response


@require_POST
@does("trail")
def undo(request, pk):
    """Take one act back, and show the same page again: that of a slip which offered it, else the list."""
    shown = TrailList(request.GET, request.seat)
    fact = get_object_or_404(shown.everything, pk=pk)
    messages.success(request, words.take_back(fact, by=request.seat))
    way = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(way, None):
        return redirect(way)
    return redirect(f"{reverse('trail')}?{shown.address}".rstrip("?"))


@require_POST
@does("trail")
def export(request):
    """The file holds what the list of this address shows at this moment. That somebody took it away is a fact, too."""
    kind = "xlsx" if request.POST.get("as") == "xlsx" else "csv"
    shown, moment = TrailList(request.GET, request.seat), now()
    found = shown.found.filter(at__lte=moment)
    number = found.order_by().count()
    if kind == "xlsx" and number > sheets.MOST_ROWS:
        raise Refused(_("A sheet holds 1,048,575 rows. Choose fewer days, or take the file as CSV."), code="too_many_rows")
    events.note("trail.exported", request.tenant, by=request.seat, after={"events": number, "as": kind})
    rows = _rows(request.tenant, found, shown.seats)
    heads = [_("When"), _("What"), _("Why"), _("Who"), _("Member"), _("Door"), _("About"), _("Code"), _("Thing"), _("Its id")]
    lines = sheets.as_xlsx(heads, rows) if kind == "xlsx" else sheets.as_csv(heads, rows)
    response = StreamingHttpResponse(lines, content_type=sheets.XLSX if kind == "xlsx" else sheets.CSV)
    response["Content-Disposition"] = f'attachment; filename="{request.tenant.slug}-trail-{timezone.localdate():%Y-%m-%d}.{kind}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _rows(tenant, found, seats):
    """The request's scope, clock and language are gone when these are read, so they open their own."""
    language = translation.get_language()

    def rows():
        with acting_for(tenant.pk), translation.override(language), timezone.override(tenant.zone):
            chunk = []
            for event in found.iterator(AT_ONCE):
                chunk.append(event)
                if len(chunk) == AT_ONCE:
                    yield from map(_cells, words.told(chunk, seats))
                    chunk = []
            yield from map(_cells, words.told(chunk, seats))

    return rows()


def _cells(told):
    event = told.event
    return [
        f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}",
        told.sentence,
        told.why,
        told.who,
        told.member.label if told.member else "",
        event.get_door_display(),
        words.topic_of(event.kind),
        event.kind,
        event.subject_kind,
        event.subject,
    ]
