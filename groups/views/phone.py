"""The assistant's phone. Every page works without script; with it, the next task comes by itself and a dropped line is no matter."""

import json
import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import files, links, rights
from crm.tenancy.models import Seat
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees
from crm.tenancy.templatetags import qx
from crm.tenancy.templatetags.tenancy import html_language

from .. import answering, callers, efforts, evening_page, lines, phone, tasks
from ..models import Arrival, ArrivalStep, Task, Tick
from ..templatetags.phone import MODULES

A_MONTH = 30  # days
ASSETS = ["css/tokens.css", "css/phone.css", "js/theme.js", "js/phone.js", *MODULES, "icons.svg"]


@sees("phone")
@gzip_page  # in a lift every byte counts; of five hundred tasks it is one in twenty
@never_cache
@ensure_csrf_cookie
def today(request):
    day = phone.today(request.seat)
    wave = None if day.left else phone.next_wave(request.seat)
    return render(request, "phone/today.html", {"day": day, "wave": wave, **_shell(request)})


@sees("phone")
@gzip_page
@never_cache
@ensure_csrf_cookie
def task(request, pk):
    line = phone.find(request.seat, pk)
    if line is None:
        raise Http404
    context = {"line": line, "faces": line.to_group and phone.faces(line.task), "place": phone.place(request.seat, line.task)}
    if line.step and line.step.number:
        context |= _arrival(request, line)
    return render(request, "phone/task.html", context | _shell(request))


def _arrival(request, line):
    """The steps around this one, and at the welcome who is named."""
    (row,) = evening_page.rows(Arrival.objects.filter(pk=line.step.arrival_id))
    named = callers.shown(row.arrival, request.tenant) if line.step.kind == "welcome" and line.is_open else None
    is_asked = line.step.kind in ("welcome", "chain") and answering.is_asked(row.arrival, request.tenant)
    answers = answering.asked(row.arrival, request.tenant) if is_asked else None
    steps = [step for step in row.steps if step.kind != "announce" or not step.is_ended or step == line.step]
    return {"row": row, "steps": steps, "callers": named, "labels": callers.LABELS, "answers": answers}


@sees("phone")
@never_cache
@ensure_csrf_cookie
def arrivals(request):
    """Who enters today, with their steps."""
    mine = Arrival.objects.on(request.tenant.today()).filter(pk__in=evening_page.seen_by(request.seat).values("pk"))
    rows = evening_page.rows(mine)
    piles = phone.by_group(rows, lambda row: row.arrival.group_id)
    context = {"piles": piles, "left": sum(row.next is not None for row in rows), "unasked": _unasked(request)}
    return render(request, "phone/arrivals.html", context | _shell(request))


def _unasked(request):
    """Welcomed today or yesterday, and nobody has said who answered: each with those who were named."""
    found = list(answering.unasked(evening_page.seen_by(request.seat), request.tenant))
    asked = answering.asked_of(found, request.tenant)
    return [{"arrival": arrival, "answers": asked[arrival.pk]} for arrival in found if arrival.pk in asked]


@sees("phone")
@never_cache
@ensure_csrf_cookie
def me(request):
    days = phone.last_days(request.seat)
    others = Seat.objects.standing().filter(user=request.user).exclude(pk=request.seat.pk).select_related("tenant").order_by("tenant__name")
    context = {
        "days": days,
        "most": max(day["done"] for day in days),
        "done": sum(day["done"] for day in days),
        "work": sum(day["work"] for day in days),
        "month": efforts.of_seat(request.seat, A_MONTH),
        "others": [seat for seat in others if rights.may_see(seat, "phone")],
    }
    return render(request, "phone/me.html", context | _shell(request))


@sees("phone")
@require_safe
def picture(request, pk):
    """What is to be sent with the text."""
    line = phone.find(request.seat, pk)
    if line is None or line.task.picture is None:
        raise Http404
    return files.answer(line.task.picture)


@does("phone")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def proof(request, pk):
    """A photo that shows what was done. A form without script says with it that it is done."""
    if request.method != "POST":
        line = phone.find(request.seat, pk)
        if line is None or line.task.proof is None:
            raise Http404
        return files.answer(line.task.proof)
    asked = tasks.prove(pk, request.FILES.get("photo"), by=request.seat)
    if "act" in request.POST:
        return _ticked(request, _said(request) | {"task": pk})
    sentence = _("The photo is kept.")
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"task": str(asked.pk), "sentence": sentence})
    messages.success(request, sentence)
    return redirect("phone:task", pk)


@require_POST
@does("phone")
def ticks(request):
    """One act. A phone sends JSON and gets JSON; a form without script is led on to the next task."""
    return _ticked(request, _said(request))


def _ticked(request, said):
    asked = tasks.tick(said["task"], said["act"], said["key"], by=request.seat, **said["more"])
    sentence = _in_words(asked, said["act"])
    if "application/json" in request.headers.get("Accept", ""):
        said = {"task": str(asked.pk), "state": asked.state, "at": now().isoformat(), "sentence": sentence}
        following = phone.onward(asked, request.seat)
        return JsonResponse(said | ({"then": reverse("phone:task", args=[following])} if following else {}))
    messages.success(request, sentence, extra_tags="" if said["act"] == Tick.Act.UNDO else str(asked.pk))
    following = phone.onward(asked, request.seat)
    return redirect(reverse("phone:task", args=[following]) if following else _then(request, asked, said["act"]))


@sees("phone")
@never_cache
def manifest(request):
    """In the language of whoever installs it, so no cache keeps it for another."""
    home = reverse("phone:today")
    return JsonResponse(
        {
            "id": home,
            "name": f"{request.tenant.name} · {_('Qunxing')}",
            "short_name": request.tenant.name,
            "lang": html_language(),
            "dir": "ltr",
            "start_url": home,
            "scope": home,
            "display": "standalone",
            "background_color": "#f4f6f5",
            "theme_color": "#f4f6f5",
            "icons": [
                {"src": static("icons/phone.svg"), "sizes": "any", "type": "image/svg+xml"},
                {"src": static("icons/phone-192.png"), "sizes": "192x192", "type": "image/png"},
                {"src": static("icons/phone-512.png"), "sizes": "512x512", "type": "image/png"},
                {"src": static("icons/phone-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
            ],
        },
        content_type="application/manifest+json",
    )


@sees("phone")
@never_cache
def worker(request):
    """The worker's file is everybody's; whose cache it keeps is said here."""
    assets = [static(path) for path in ASSETS]
    said = {"seat": str(request.seat.pk), "home": reverse("phone:today"), "assets": assets}
    said["version"] = uuid.uuid5(uuid.NAMESPACE_URL, " ".join(assets)).hex[:8]
    body = f"self.PHONE = {json.dumps(said)};\nimportScripts({json.dumps(static('js/phone-worker.js'))});\n"
    return HttpResponse(body, content_type="text/javascript; charset=utf-8")


def _shell(request):
    """`new_key` is another one wherever a form asks for it: sent twice, that form is one act."""
    return {
        "new_key": uuid.uuid4,
        "reasons": Task.Reason.choices,
        "untils": phone.untils(request.tenant),
        "may_overrule": rights.sees_all(request.seat, "tasks"),
        "leave": links.root_path("account_logout"),
        "now": now(),
    }


def _said(request):
    """What was sent, checked."""
    try:
        sent = json.loads(request.body) if request.content_type == "application/json" else request.POST
        task, key = uuid.UUID(str(sent["task"])), uuid.UUID(str(sent["key"]))
        act = Tick.Act(sent["act"])
        more = {name: _writable(str(sent.get(name) or "")) for name in ("reason", "note", "until")}
        more["ago"] = min(max(int(sent.get("ago") or 0), 0), 10**9)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        sentence = _("This tick cannot be read: it needs a task, an act (done, impossible, later or undo) and a key.")
        raise Refused(sentence, code="unreadable", status=400) from None
    return {"task": task, "key": key, "act": act, "more": more}


def _writable(text):
    """Without what no database keeps: a phone would send the same tick again and again."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def _in_words(asked, act):
    name = {"name": lines.named(asked)}
    if act == Tick.Act.LATER and asked.state == Task.State.OPEN:
        return _("%(name)s: put off until %(day)s, %(time)s.") % (name | {"day": qx.day(asked.due_at), "time": qx.clock(asked.due_at)})
    if asked.state == Task.State.OPEN:
        return _("%(name)s is open again.") % name
    if asked.state == Task.State.DONE and asked.member:
        step = ArrivalStep.objects.filter(task=asked).first() if asked.kind == Task.Kind.ARRIVAL else None
        return _("Sent to %(name)s.") % ({"name": asked.group.short} if lines.is_for_group(asked, step) else name)
    if asked.state == Task.State.DONE:
        return _("%(name)s is done.") % name
    words = name | {"reason": asked.get_reason_display()}
    return _("%(name)s: not possible (%(reason)s).") % words


def _then(request, asked, act):
    if act == Tick.Act.UNDO:
        return reverse("phone:task", args=[asked.pk])
    try:
        return reverse("phone:task", args=[uuid.UUID(request.POST["then"])])
    except (ValueError, KeyError):
        return reverse("phone:today")
