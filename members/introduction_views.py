"""The operator's side of introductions: who is asked, what waits for a look, and what of it is taken over."""

import datetime
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Exists, F, OuterRef
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from crm.tenancy import files
from crm.tenancy.community import as_uuid
from crm.tenancy.counting import counts
from crm.tenancy.pages import Cut, page
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import answers, custom, introductions, people, segments
from .models import Consent, Introduction, Member

SIZE = 10
NEW_FOR = datetime.timedelta(days=60)
MOST_NEWCOMERS = 20
NEWEST_FIRST = (F("joined_on").desc(nulls_last=True), "sort_key", "id")
STATES = {
    "waiting": gettext_lazy("to look at"),
    "out": pgettext_lazy("link", "out"),
    "over": gettext_lazy("unanswered"),
    "looked": gettext_lazy("looked at"),
}
OWN = answers.OWN
TEXTS = ("nickname", "city", "industry", "offers", "seeks")
NOT_TAKEN = (gettext_lazy("is another person"), gettext_lazy("says nothing of use"), gettext_lazy("will write it anew"))


@dataclass
class Line:
    """One field side by side: what is known, what they say."""

    name: str
    label: str
    now: str
    said: str
    kind: str = "text"
    error: str = ""
    picked: bool | None = None  # None: as it differs
    choices: list | None = None
    chosen: list | None = None  # of the choices, where there may be several

    @property
    def differs(self):
        return self.said != self.now

    @property
    def is_picked(self):
        return (self.differs and bool(self.said)) if self.picked is None else self.picked


@dataclass
class Answer:
    """An introduction as the queue shows it."""

    introduction: Introduction
    own: list  # the tenant's own fields
    posted: object = None
    errors: dict | None = None

    @property
    def member(self):
        return self.introduction.member

    @property
    def said(self):
        return answers.typed(self.introduction)

    @property
    def lines(self):
        for name in TEXTS:
            kind = "long" if name in ("offers", "seeks") else "text"
            yield self._line(name, str(people.LABELS[name]), getattr(self.member, name), self.said.get(name, ""), kind)
        known = skills_as_text([{"name": name, "level": self.member.skill_levels.get(name)} for name in self.member.skills])
        yield self._line("skills", str(people.LABELS["skills"]), known, skills_as_text(self.said.get("skills", [])))

        said = self.said["custom"]
        for field in self.own:
            if field.is_asked or str(field.pk) in said:
                yield self._own_line(field, said.get(str(field.pk)))

    def _own_line(self, field, said):
        name = f"{OWN}{field.pk}"
        if self.posted is not None:
            said = self.posted.getlist(f"value-{name}") if field.kind == custom.Kind.CHOICES else self.posted.get(f"value-{name}", "")
        try:
            said, error = custom.clean(field, said), ""
        except Refused as refusal:
            error = refusal.sentence
        line = Line(name, field.name, custom.shown(field, self.member.custom.get(str(field.pk))), custom.shown(field, said), field.kind)
        line.error, line.choices, line.chosen = (self.errors or {}).get(name, error), field.choices, said if isinstance(said, list) else []
        if field.kind == custom.Kind.CHOICE and said:
            line.choices = list(dict.fromkeys([*field.choices, said]))
        if self.posted is not None:
            line.picked = name in self.posted.getlist("take")
        return line

    def _line(self, name, label, known, said, kind="text"):
        picked = None
        if self.posted is not None:
            said, picked = self.posted.get(f"value-{name}", said), name in self.posted.getlist("take")
        return Line(name, label, known, said, kind, (self.errors or {}).get(name, ""), picked)

    @property
    def consents(self):
        labels = dict(Consent.To.choices)
        return [(code, labels[code]) for code in self.said.get("consents", []) if code in labels]

    @property
    def reason(self):
        return self.introduction.answers.get(introductions.LEFT, "")


def skills_as_text(skills):
    """直播 3、写作: the level stands behind the skill."""
    said = (f"{each['name']} {each['level']}" if each.get("level") else each["name"] for each in skills)
    return _(", ").join(said)


def skills_from_text(text):
    names, levels = [], {}
    for each in text.replace("，", ",").replace("、", ",").split(","):
        name, _space, level = each.strip().rpartition(" ")
        if not name or level not in ("1", "2", "3"):
            name, level = each.strip(), ""
        if name and name not in names:
            names.append(name)
            if level:
                levels[name] = int(level)
    return names, levels


# The queue


@never_cache
@require_safe
@does("members")
def queue(request):
    return page(request, "members/introductions.html", _queue(request))


def _queue(request, answer=None, links=None, asked=None):
    state = request.GET.get("state")
    state = state if state in STATES else "waiting"
    looked = Introduction.objects.exclude(state__in=introductions.OPEN)
    sets = {"waiting": introductions.waiting(), "out": introductions.out(), "over": introductions.unanswered(), "looked": looked}
    among, own = segments.Among(request), custom.fields()
    theirs, new = {code: among.of(rows, "member") for code, rows in sets.items()}, newcomers()
    not_asked = among.of(never_asked()) if among.chosen else new
    found = counts(new=new, not_asked=not_asked, **sets, **{f"{code}_among": rows for code, rows in theirs.items()})
    cut = Cut(found[f"{state}_among"], request.GET.get("page"), SIZE)
    order = {"waiting": "sent_at", "out": "expires_at", "over": "-expires_at", "looked": "-looked_at"}[state]
    rows = cut.of(theirs[state].select_related("member", "photo", "looked_by__user", "asked_by__user").order_by(order, "id"))
    shown = [answer if answer and each.pk == answer.introduction.pk else Answer(each, own) for each in rows]
    return {
        "state": state,
        "among": among,
        "tabs": [
            {"code": code, "label": label, "count": found[f"{code}_among"], "current": code == state} for code, label in STATES.items()
        ],
        "counts": found,
        "cut": cut,
        "answers": shown,
        "newcomers": list(not_asked.order_by(*NEWEST_FIRST)[:MOST_NEWCOMERS]) if links is None else [],
        "links": links,
        "asked": asked,
        "days": introductions.DAYS,
        "reasons": NOT_TAKEN,
    }


def never_asked():
    return Member.objects.current().exclude(Exists(Introduction.objects.filter(member=OuterRef("pk"))))


def newcomers():
    """Who came lately and was never asked."""
    return never_asked().filter(joined_on__gte=now().date() - NEW_FOR)


@never_cache
@require_POST
@sensitive_variables("links", "asked")
@does("members")
def give_links(request):
    """For several at once: a list to copy, name and link. The links are shown here and never again."""
    ids = [pk for pk in map(as_uuid, request.POST.getlist("member")) if pk][: introductions.MOST_AT_ONCE]
    members = list(Member.objects.current().filter(pk__in=ids).order_by("sort_key", "id"))
    if not members:
        raise Refused(_("Choose at least one person."), code="nobody_chosen", status=400)
    asked = introductions.ask_all(members, by=request.seat, days=_days(request))
    return render(request, "members/introductions.html", _queue(request, links=asked))


def _days(request):
    days = request.POST.get("days")
    return int(days) if days in map(str, introductions.DAYS) else 7


# The panel on the page of a person


@never_cache
@require_safe
@sees("members")
def panel(request, pk):
    member = get_object_or_404(Member.objects.all(), pk=pk)
    return render(request, "members/_introduction_panel.html", _panel(member))


def _panel(member, link=None, tenant=None, days=7):
    last = list(member.introductions.select_related("asked_by__user", "looked_by__user").order_by("-asked_at", "-id")[:5])
    current = last[0] if last else None
    context = {"member": member, "current": current, "earlier": last[1:], "days": introductions.DAYS, "link": link, "now": now()}
    if link:
        context["words"] = introductions.words(member, link, tenant, days)
    return context


@never_cache
@require_POST
@sensitive_variables("link")
@does("members")
def give_link(request, pk):
    member = get_object_or_404(Member.objects.known(), pk=pk)
    days = _days(request)
    _introduction, link = introductions.ask(member, by=request.seat, days=days)
    context = _panel(member, link, request.tenant, days)
    if request.htmx:
        return render(request, "members/_introduction_panel.html", context)
    return render(request, "members/introduction_link.html", context)


@require_POST
@does("members")
def revocation(request, pk):
    introduction = get_object_or_404(Introduction, pk=pk)
    introductions.revoke(introduction, by=request.seat)
    undo = reverse("members:introduction_return", args=[introduction.pk])
    messages.success(request, _("The link is taken back."), extra_tags=f"undo={undo}")
    return redirect(_back(request, introduction))


@require_POST
@does("members")
def returning(request, pk):
    introduction = introductions.restore(get_object_or_404(Introduction, pk=pk), by=request.seat)
    messages.success(request, _("The link works again."))
    return redirect(_back(request, introduction))


def _back(request, introduction):
    queue = reverse("members:introductions")
    wanted = request.POST.get("next", "")
    is_ours = wanted.startswith(reverse("members:list")) and "//" not in wanted and "\\" not in wanted
    return (
        wanted
        if is_ours
        else queue
        if introduction.state == Introduction.State.SENT
        else reverse("members:member", args=[introduction.member_id])
    )


# Looking


@require_POST
@does("members")
def taking_over(request, pk):
    """All, or only the fields that are ticked, as they were edited here."""
    introduction = get_object_or_404(Introduction.objects.select_related("member", "photo"), pk=pk)
    ticked = [name for name in (*TEXTS, "skills") if name in request.POST.getlist("take")]
    wanted = {name: request.POST.get(f"value-{name}", "") for name in ticked if name != "skills"}
    if "skills" in ticked:
        wanted["skills"], wanted["skill_levels"] = skills_from_text(request.POST.get("value-skills", ""))
    own = custom.fields()
    wanted |= _own_wanted(request.POST, own)
    said = answers.typed(introduction)
    consents = [code for code in request.POST.getlist("consent") if code in said.get("consents", [])]
    try:
        introductions.take_over(introduction, wanted, consents=consents, photo="photo" in request.POST.getlist("take"), by=request.seat)
    except Refused as refusal:
        name = refusal.details.get("field")
        if refusal.status != 400 or name is None:
            raise
        name = f"{OWN}{name}" if name in {str(field.pk) for field in own} else name.replace("skill_levels", "skills")
        answer = Answer(introduction, own, request.POST, {name: refusal.sentence})
        return render(request, "members/introductions.html", _queue(request, answer=answer), status=422)
    taken = len(ticked) + len(wanted.get("custom", ()))
    words = ngettext("Taken over: %(n)s field.", "Taken over: %(n)s fields.", taken) % {"n": taken}
    messages.success(request, words, extra_tags=f"undo={reverse('members:introduction_undo', args=[introduction.pk])}")
    return redirect("members:introductions")


def _own_wanted(posted, own):
    """What is ticked of the tenant's own fields: {"custom": {id: value}}."""
    ticked = [field for field in own if f"{OWN}{field.pk}" in posted.getlist("take")]
    values = {}
    for field in ticked:
        name = f"value-{OWN}{field.pk}"
        values[str(field.pk)] = posted.getlist(name) if field.kind == custom.Kind.CHOICES else posted.get(name, "")
    return {"custom": values} if values else {}


@require_POST
@does("members")
def leaving(request, pk):
    introduction = get_object_or_404(Introduction, pk=pk)
    reason = request.POST.get("reason") or request.POST.get("because", "")
    introductions.leave(introduction, reason, by=request.seat)
    undo = reverse("members:introduction_undo", args=[introduction.pk])
    messages.success(request, _("Not taken over; nothing was changed."), extra_tags=f"undo={undo}")
    return redirect("members:introductions")


@require_POST
@does("members")
def undo(request, pk):
    introductions.take_back(get_object_or_404(Introduction, pk=pk), by=request.seat)
    messages.success(request, _("The answer waits again, and what it changed is as it was."))
    return redirect("members:introductions")


@require_safe
@does("members")
def photo(request, pk):
    introduction = get_object_or_404(Introduction.objects.select_related("photo"), pk=pk)
    if introduction.photo is None:
        raise Http404
    return files.answer(introduction.photo)
