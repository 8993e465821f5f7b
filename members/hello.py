"""What opens behind the link of an introduction: a form on the phone, without sign-in. Looking at it changes nothing.

The address is the secret and no cookie opens anything, so a form's token would protect nothing here; chat apps drop cookies anyway.
"""

import json
from functools import wraps

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.tenancy import events, files, limits
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import acting_for

from . import answers, custom, introductions
from .models import Introduction, Word

MOST_A_MINUTE, UNKNOWN_A_MINUTE = 240, 30
LARGEST_ANSWERS = 200_000  # bytes
LARGEST_FORM = introductions.HEAVIEST_PHOTO + LARGEST_ANSWERS
ROWS = 4  # for skills, where there is no script


def by_link(view):
    """Finds the introduction of the link, inside its tenant and in its language; everything else becomes a kind sentence."""

    @csrf_exempt
    @never_cache
    @sensitive_post_parameters()
    @sensitive_variables("secret")
    @limits.by_address("hello", most=MOST_A_MINUTE)
    @wraps(view)
    def opened(request, secret):
        token = introductions.token_of(secret)
        if token is None:
            limits.spend("hello-unknown", limits.address(request), most=UNKNOWN_A_MINUTE, seconds=60)
            return _sealed(_ended(request, None, _unknown()))
        tenant = token.tenant
        language = request.GET.get("lang")
        language = language if language in dict(settings.LANGUAGES) else tenant.language
        with (
            translation.override(language),
            timezone.override(tenant.zone),
            acting_for(tenant.pk),
            events.through(Event.Door.PAGE),
        ):
            introduction, fault = introductions.find(token)
            if introduction is None:
                return _sealed(_ended(request, tenant, fault))
            try:
                _refuse_too_large(request, view)
                return _sealed(view(request, tenant, introduction, fault, language))
            except Refused as refusal:
                return _sealed(_said(refusal) if _wants_json(request) else _ended(request, tenant, refusal))

    return opened


def _refuse_too_large(request, view):
    """Before a byte of it is read."""
    is_text = view.__name__ == "draft"
    most = LARGEST_ANSWERS if is_text else LARGEST_FORM
    said = request.META.get("CONTENT_LENGTH") or "0"
    if not said.isdecimal() or int(said) <= most:
        return
    if is_text:
        raise Refused(_("That is more text than anybody would read. Please make it shorter."), code="too_large", status=413)
    megabytes = introductions.HEAVIEST_PHOTO // 10**6
    raise Refused(_("This photo is too large: at most %(most)s MB will do.") % {"most": megabytes}, code="too_large", status=413)


def _unknown():
    sentence = _("Nobody made this link. Perhaps a part of it was lost: copy the whole of it from the message.")
    return Refused(sentence, code="no_such_introduction", status=410)


# Pages


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def hello(request, tenant, introduction, fault, language):
    if request.method == "POST" and (fault is None or fault.code == "introduction_over"):
        return _typed(request, tenant, introduction, language)
    if fault:
        return _ended(request, tenant, fault)
    if introduction.state in (Introduction.State.TAKEN, Introduction.State.LEFT):
        return _page(request, tenant, introduction, language, step="read")
    if introduction.state == Introduction.State.SENT and "edit" not in request.GET:
        return _page(request, tenant, introduction, language, step="thanks")
    return _page(request, tenant, introduction, language)


def _typed(request, tenant, introduction, language):
    """The whole form at once: what it does with or without script."""
    try:
        said, version = _form(request)
    except (RequestDataTooBig, SuspiciousOperation, ValueError):
        raise Refused(_("That is more text than anybody would read. Please make it shorter."), code="too_large", status=413) from None
    errors = {}
    try:
        introduction = introductions.save(introduction, said, version)
    except introductions.Stale as stale:
        return _page(request, tenant, introduction, language, stale=stale, said=said, status=409)
    except Refused as refusal:
        if refusal.code == "too_long" or refusal.details.get("field"):
            return _page(
                request, tenant, introduction, language, errors={refusal.details["field"]: refusal.sentence}, said=said, status=422
            )
        return _ended(request, tenant, refusal)
    try:
        if request.FILES.get("photo"):
            introduction = introductions.put_photo(introduction, request.FILES["photo"], _box(request))
    except Refused as refusal:
        errors["photo"] = refusal.sentence
    if not errors and request.POST.get("act") == "send":
        try:
            introductions.send(introduction)
        except Refused as refusal:
            if refusal.status == 410:
                return _ended(request, tenant, refusal)
            errors[refusal.details.get("field", "nickname")] = refusal.sentence
    if errors:
        return _page(request, tenant, introduction, language, errors=errors, status=422)
    way = f"{request.path}?lang={language}" if language != tenant.language else request.path
    if request.POST.get("act") != "send":
        way += ("&" if "?" in way else "?") + "edit=1&kept=1"
    return redirect(way)


def _form(request):
    sent = request.POST
    levels = sent.getlist("level")
    skills = [
        {"name": name, "level": int(level) if level in ("1", "2", "3") else None}
        for name, level in zip(sent.getlist("skill"), levels + [""] * len(sent.getlist("skill")), strict=False)
    ]
    said = {name: sent.get(name, "") for name in answers.LONGEST}
    own = {}
    for field in custom.asked():
        name = f"{answers.OWN}{field.pk}"
        own[str(field.pk)] = sent.getlist(name) if field.kind == custom.Kind.CHOICES else sent.get(name, "")
    said |= {"skills": skills, "custom": own, "consents": sent.getlist("consents")}
    version = sent.get("version", "")
    return said, int(version) if version.isdecimal() and len(version) < 9 else -1


def _box(request):
    """The square that was picked, as parts of the picture; None for the middle."""
    try:
        box = [float(request.POST[name]) for name in ("left", "top", "side")]
    except (KeyError, ValueError):
        return None
    return box if all(0 <= each <= 1 for each in box) else None


def _page(request, tenant, introduction, language, *, step="form", errors=None, stale=None, said=None, status=200):
    said = said or answers.typed(introduction)
    rows = said["skills"] + [{"name": "", "level": None}] * max(2, ROWS - len(said["skills"]))
    own = [_own(field, said["custom"].get(str(field.pk)), errors) for field in custom.asked()]
    context = {
        "wears": tenant,
        "tenant": tenant,
        "introduction": introduction,
        "own": own,
        "language": language,
        "step": step,
        "said": said,
        "rows": rows[: answers.MOST_SKILLS],
        "skills": {"skills": said["skills"]},
        "filled": answers.filled(introduction),
        "fields": len(answers.FIELDS) + len(own),
        "longest": answers.LONGEST,
        "most_skills": answers.MOST_SKILLS,
        "errors": errors or {},
        "stale": stale,
        "kept": "kept" in request.GET,
        "ends_on": introduction.expires_at,
        "path": request.path,
        "extra": f"?lang={language}" if language != tenant.language else "",
        "heaviest": introductions.HEAVIEST_PHOTO,
    }
    return render(request, "introduction/form.html" if step == "form" else "introduction/thanks.html", context, status=status)


def _own(field, value, errors):
    """A field of the tenant's own as the form draws it; what was picked and is no choice any more is not offered again."""
    name = f"{answers.OWN}{field.pk}"
    nothing = [] if field.kind == custom.Kind.CHOICES else ""
    return {"field": field, "name": name, "value": value or nothing, "error": (errors or {}).get(name)}


def _ended(request, tenant, fault):
    context = {"wears": tenant, "tenant": tenant, "fault": fault, "step": "ended"}
    return render(request, "introduction/ended.html", context, status=fault.status)


# What the script of the form asks for


@require_POST
@by_link
def draft(request, tenant, introduction, fault, language):
    """Saves as one types."""
    try:
        asked = json.loads(request.body)
        version, typed = int(asked["version"]), asked["answers"]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise Refused(_("These are no answers."), code="answers_malformed", status=400) from None
    if fault and fault.code != "introduction_over":
        raise fault
    introduction = introductions.save(introduction, typed, version)
    said = {"version": introduction.version, "filled": answers.filled(introduction)}
    if fault:
        return JsonResponse(said | {"sentence": str(fault.sentence), "code": fault.code}, status=410)
    return JsonResponse(said)


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def photo(request, tenant, introduction, fault, language):
    if fault:
        raise fault
    if request.method != "POST":
        if introduction.photo is None:
            raise Refused(_("There is no photo."), code="no_photo", status=404)
        answer = files.answer(introduction.photo)
        answer["Cache-Control"] = "private, no-store"
        return answer
    if "remove" in request.POST:
        introductions.drop_photo(introduction)
        return JsonResponse({"photo": None})
    if "photo" not in request.FILES:
        raise Refused(_("Choose a picture first."), code="no_file", status=400)
    introductions.put_photo(introduction, request.FILES["photo"], _box(request))
    return JsonResponse({"photo": request.path})


@require_safe
@by_link
def suggestions(request, tenant, introduction, fault, language):
    if fault:
        raise fault
    kind = request.GET.get("kind", "")
    return JsonResponse({"words": answers.suggest(kind if kind in Word.Kind.values else "", request.GET.get("q", ""))})


def _wants_json(request):
    return "application/json" in request.headers.get("Accept", "")


def _said(refusal):
    return JsonResponse({"sentence": str(refusal.sentence), "code": refusal.code} | refusal.details, status=refusal.status)


def _sealed(response):
    # The address holds the secret, so nobody who is asked next is told it.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
