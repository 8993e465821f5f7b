"""The lists of words among the settings: new spellings to look at, and all words with their spellings."""

from collections import defaultdict
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.tenancy import changes, rights, tabs
from crm.tenancy.pages import Cut
from crm.tenancy.refusals import Refused
from crm.tenancy.rights import does, sees

from . import places, words
from . import word_following as following
from .models import Spelling, Word
from .names import search_text, sort_key
from .nearest import Nearest
from .vocabulary import LONGEST, key

tabs.tab("words:list", gettext_lazy("Words"), icon="tag", place=17, area="members")

PROPOSALS = 12  # at once; the next come when these are looked at
SHOWN_SPELLINGS = 5
KEPT = ("q", "sort", "page")  # of an address, so that a list stays as it is while one of its words is looked at
ORDERS = ("people", "name")
CHOICES = 8
LISTS = {
    Word.Kind.CITY: gettext_lazy("Cities"),
    Word.Kind.INDUSTRY: gettext_lazy("Industries"),
    Word.Kind.SKILL: gettext_lazy("Skills"),
}


# Pages


@sees("members")
@require_safe
def lists(request):
    return _page(request, _kind(request.GET.get("kind")))


@sees("members")
@require_safe
def word(request, pk):
    """The same page with one word beside it. Of a merged one, where it went."""
    chosen = get_object_or_404(Word.objects.defer("followed").select_related("into"), pk=pk)
    return _page(request, chosen.kind, chosen)


@sees("members")
@require_safe
def alike(request, pk):
    """While somebody types: the words that this one may be."""
    chosen = get_object_or_404(Word.objects.standing(), pk=pk)
    return render(request, "members/words.html#alike", _alike(request, chosen) | {"may": True, "back": _back(request, chosen)})


# Acts


@does("members")
@require_POST
def add(request):
    kind = _kind(request.POST.get("kind"))
    spellings = [text for text in request.POST.get("spellings", "").replace("，", ",").replace("、", ",").split(",") if text.strip()]
    try:
        added = words.add(kind, request.POST.get("name", ""), spellings, by=request.seat)
    except Refused as refusal:
        new = {"name": request.POST.get("name", ""), "spellings": request.POST.get("spellings", ""), "refusal": refusal}
        return _page(request, kind, new=new, status=422)
    messages.success(request, _("“%(word)s” is in the list.") % {"word": added.name})
    return redirect(_address("words:word", added.pk, request))


@does("members")
@require_POST
def taking_in(request):
    added = words.take_in(by=request.seat)
    said = ngettext("%(n)s word is in the lists now.", "%(n)s words are in the lists now.", added) % {"n": f"{added:,}"}
    messages.success(request, said)
    return redirect(_back(request))


@does("members")
@require_POST
def acceptance(request, pk):
    accepted = words.accept(get_object_or_404(Word, pk=pk), by=request.seat)
    said = _("“%(word)s” is a word of its own now.") % {"word": accepted.name}
    _say(request, accepted, said, {"state": Word.State.PROPOSED})
    return redirect(_back(request, accepted))


@does("members")
@require_POST
def name(request, pk):
    chosen = get_object_or_404(Word.objects.standing(), pk=pk)
    wanted = request.POST.get("name", "")
    try:
        was = words.rename(chosen, wanted, by=request.seat)
    except Refused as refusal:
        if refusal.code == "merged_already":
            raise
        return _page(request, chosen.kind, chosen, refused={"act": "name", "typed": wanted, "refusal": refusal}, status=422)
    chosen.refresh_from_db()
    if was == chosen.name:
        messages.success(request, _("Nothing was different, so nothing is changed."))
    else:
        _say(request, chosen, _("“%(was)s” is called “%(word)s” now.") % {"was": was, "word": chosen.name}, {"name": was})
    return redirect(_address("words:word", pk, request))


@does("members")
@require_POST
def merge(request, pk):
    chosen = get_object_or_404(Word.objects.standing(), pk=pk)
    into = get_object_or_404(Word.objects.standing(), pk=_uuid(request.POST.get("into")))
    people = words.merge(chosen, into, by=request.seat)
    said = ngettext(
        "“%(word)s” is a spelling of “%(into)s” now; %(n)s member follows.",
        "“%(word)s” is a spelling of “%(into)s” now; %(n)s members follow.",
        people,
    )
    undo_url = reverse("words:separation", args=[pk])
    messages.success(request, said % {"word": chosen.name, "into": into.name, "n": f"{people:,}"}, extra_tags=f"undo={undo_url}")
    return redirect(_back(request, into))


@does("members")
@require_POST
def separation(request, pk):
    chosen = get_object_or_404(Word.objects.defer("followed"), pk=pk)
    words.separate(chosen, by=request.seat)
    messages.success(request, _("They are two words again."))
    return redirect(_address("words:word", pk, request))


@does("members")
@require_POST
def spelling(request, pk):
    chosen = get_object_or_404(Word.objects.standing(), pk=pk)
    typed = request.POST.get("text", "")
    try:
        added = words.add_spelling(chosen, typed, by=request.seat)
    except Refused as refusal:
        if refusal.code == "merged_already":
            raise
        return _page(request, chosen.kind, chosen, refused={"act": "spelling", "typed": typed, "refusal": refusal}, status=422)
    said = _("“%(text)s” means “%(word)s” from now on.") % {"text": added.text, "word": chosen.name}
    _say(request, chosen, said, {"without": str(added.pk)})
    return redirect(_address("words:word", pk, request))


@does("members")
@require_POST
def spelling_dropping(request, pk):
    dropped = get_object_or_404(Spelling.objects.select_related("word"), pk=pk)
    words.drop_spelling(dropped, by=request.seat)
    _say(request, dropped.word, _("“%(text)s” is no spelling of it any more.") % {"text": dropped.text}, {"spelling": dropped.text})
    return redirect(_address("words:word", dropped.word_id, request))


@does("members")
@require_POST
def dropping(request, pk):
    chosen = get_object_or_404(Word.objects.standing(), pk=pk)
    words.drop(chosen, by=request.seat)
    messages.success(request, _("“%(word)s” is gone from the list.") % {"word": chosen.name})
    return redirect(_address("words:list", None, request, kind=chosen.kind))


@does("members")
@require_POST
def undo(request, pk):
    """What the last act on this word did."""
    chosen = get_object_or_404(Word.objects.standing(), pk=pk)
    before, _after = changes.to_undo(request)
    if "name" in before:
        words.rename(chosen, before["name"], by=request.seat)
    elif "state" in before:
        words.propose_again(chosen, by=request.seat)
    elif "spelling" in before:
        words.add_spelling(chosen, before["spelling"], by=request.seat)
    elif "without" in before:
        words.drop_spelling(get_object_or_404(Spelling, pk=_uuid(before["without"]), word=chosen), by=request.seat)
    messages.success(request, _("Taken back."))
    return redirect(_back(request, chosen))


# What the page shows


def _page(request, kind, chosen=None, *, refused=None, new=None, status=200):
    may = rights.may_do(request.seat, "members")
    people = following.counts(kind)
    asked = " ".join(request.GET.get("q", "").split())[:LONGEST]
    standing = list(_standing(kind))
    found = _matching(standing, asked) if asked else standing
    sort = request.GET.get("sort", "")
    found = _in_order(found, people, sort := sort if sort.removeprefix("-") in ORDERS else "-people")
    proposals = [word for word in found if word.state == Word.State.PROPOSED]
    accepted = [word for word in found if word.state == Word.State.ACCEPTED]
    cut = Cut(len(accepted), request.GET.get("page"))
    rows = list(cut.of(accepted))
    spelled = _spellings([*rows, *([chosen] if chosen else [])])
    missing = words.missing() if may and not asked and not chosen else {}
    context = {
        "tabs": tabs.of(request, "words:list"),
        "may": may,
        "kind": kind,
        "kind_label": LISTS[kind],
        "kinds": _kinds(kind),
        "asked": asked,
        "proposals": _proposals(proposals[:PROPOSALS], standing, people),
        "waiting": len(proposals),
        "rows": [_row(word, people, spelled) for word in rows],
        "sort": sort,
        "kept": urlencode({name: request.GET[name] for name in KEPT if request.GET.get(name)} | {"page": cut.number}),
        "cut": cut,
        "everything": len(standing),
        "missing": sum(map(len, missing.values())),
        "back": _back(request, chosen),
        "licence": places.LICENCE if kind == Word.Kind.CITY else None,
        "longest": LONGEST,
        "new": new,
        "refused": refused,
        "close": _address("words:list", None, request, kind=kind),
    }
    if chosen:
        context |= {"chosen": _row(chosen, people, spelled, whole=True)} | (_alike(request, chosen, people) if may else {})
    return render(request, "members/words.html", context, status=status)


def _standing(kind):
    return Word.objects.standing().filter(kind=kind)


def _in_order(some, people, sort):
    """By how many members have them, or as they are said."""
    by_name = sorted(some, key=lambda word: (sort_key(word.name), word.name))
    if sort.removeprefix("-") == "people":
        return sorted(by_name, key=lambda word: people.get(word.name, 0) * (-1 if sort.startswith("-") else 1))
    return by_name[::-1] if sort.startswith("-") else by_name


def _kinds(kind):
    """The three lists with how many words each has, and how many wait."""
    waits = Count("pk", filter=Q(state=Word.State.PROPOSED))
    counted = Word.objects.standing().order_by().values_list("kind").annotate(words=Count("pk"), waiting=waits)
    found = {each: (count, waiting) for each, count, waiting in counted}
    return [
        {"kind": each, "label": label, "words": found.get(each, (0, 0))[0], "waiting": found.get(each, (0, 0))[1], "current": each == kind}
        for each, label in LISTS.items()
    ]


def _matching(standing, asked):
    """By name, pinyin, initials or a spelling."""
    wanted, lower = key(asked), asked.lower()
    spelled = set(Spelling.objects.filter(word__in=[word.pk for word in standing], key__contains=wanted).values_list("word", flat=True))
    return [word for word in standing if word.pk in spelled or lower in search_text(word.name) or wanted in key(word.name)]


def _spellings(some):
    """{id of a word: its spellings}, the oldest first."""
    found = defaultdict(list)
    for each in Spelling.objects.filter(word__in=[word.pk for word in some]).order_by("id"):
        found[each.word_id].append(each)
    return found


def _row(word, people, spelled, whole=False):
    others = [each for each in spelled.get(word.pk, ()) if each.key != key(word.name)]
    shown = others if whole else others[:SHOWN_SPELLINGS]
    return {"word": word, "people": people.get(word.name, 0), "spellings": shown, "more": len(others) - len(shown)}


def _proposals(some, standing, people):
    """Each with the known word that it most likely is."""
    if not some:
        return []
    accepted = {word.pk: word for word in standing if word.state == Word.State.ACCEPTED}
    spelled = defaultdict(list)
    for pk, text in Spelling.objects.filter(word__in=list(accepted)).values_list("word", "text"):
        spelled[pk].append(text)
    nearest = Nearest([(pk, [word.name, *spelled[pk]]) for pk, word in accepted.items()])
    return [{"word": word, "people": people.get(word.name, 0), "near": accepted.get(nearest.to(word.name))} for word in some]


def _alike(request, chosen, people=None):
    """Words that the chosen one may be merged into: those that fit what is typed, else the nearest and the most used."""
    typed = " ".join(request.GET.get("same", "").split())[:LONGEST]
    people = following.counts(chosen.kind) if people is None else people
    standing = [word for word in _standing(chosen.kind) if word.pk != chosen.pk]
    standing.sort(key=lambda word: (word.state != Word.State.ACCEPTED, -people.get(word.name, 0), word.name))
    if typed:
        found = _matching(standing, typed)
    else:
        is_new = chosen.state == Word.State.PROPOSED
        near = _proposals([chosen], standing, people)[0]["near"] if is_new else None
        found = ([near] if near else []) + [word for word in standing if word != near]
    return {
        "typed": typed,
        "same": [{"word": word, "people": people.get(word.name, 0)} for word in found[:CHOICES]],
        "more_same": max(0, len(found) - CHOICES),
        "chosen_pk": chosen.pk,
        "following": people.get(chosen.name, 0),
        "chosen_name": chosen.name,
    }


def _kind(asked):
    return asked if asked in Word.Kind.values else Word.Kind.CITY


def _uuid(text):
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _back(request, word=None):
    """The list that somebody came from, as its own address."""
    said = request.POST.get("next", "")
    if said and url_has_allowed_host_and_scheme(said, allowed_hosts=None) and said.startswith(reverse("words:list")):
        return said
    asked = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    kind = word.kind if word else _kind(request.GET.get("kind") or request.POST.get("kind"))
    return reverse("words:list") + "?" + urlencode({"kind": kind} | asked)


def _address(name, pk, request, **said):
    asked = said | {each: request.GET[each] for each in KEPT if request.GET.get(each)}
    return reverse(name, args=[pk] if pk else []) + (f"?{urlencode(asked)}" if asked else "") + ("#word" if pk else "")


def _say(request, word, sentence, before):
    undo_url = changes.undo(reverse("words:undo", args=[word.pk]), before, {})
    messages.success(request, sentence, extra_tags=f"undo={undo_url}" if undo_url else "")
