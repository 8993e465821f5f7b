"""What this room gives to the palette: its members, found as the list finds them, and its pages."""

from urllib.parse import urlencode

from django.db.models import Case, Count, F, Q, Value, When, Window
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import palette, rights

from . import hits, search
from .filters import EVERYBODY
from .hidden import hidden_from, hides
from .list_rows import TEXTS, Row, of_a_page
from .models import Handle, Member
from .names import called

WEIGHED = 48  # so many, chosen by the database, are weighed by their names

palette.section("members", gettext_lazy("Members"), 10)
palette.page(gettext_lazy("Members whose term ends soon"), "members:list", icon="calendar-event", area="members", query="term=soon")
palette.page(gettext_lazy("Partners"), "members:list", icon="diamond", area="members", query="tier=partner")
palette.act(
    gettext_lazy("Export all members"), "members:export", icon="download", area="members", is_posted=True, words=(gettext_lazy("Download"),)
)


def look(request, words, most):
    """The nearest ones, found as the list finds them; past members after present ones that fit as well."""
    hidden = hidden_from(request.seat)
    rows, nearly = _best(words, hidden)
    weighed = sorted(
        (_weight(*said, words), _is_elsewhere(said[0], words, nearly), gone, at, pk) for at, (pk, *said, gone, _all) in enumerate(rows)
    )
    weighed = weighed[:most]
    members = of_a_page([pk for *_rest, pk in weighed])
    options = [_option(Row(members[pk], words, hidden, nearly), near) for near, *_rest, pk in weighed]
    total = rows[0][-1] if rows else 0
    first = members[weighed[0][-1]] if weighed and weighed[0][0] <= hits.PART else None
    return palette.Found(
        options,
        total,
        all_url=f"{reverse('members:list')}?{urlencode({'q': words, 'standing': EVERYBODY})}",
        all_label=_("All %(number)s members with “%(words)s”") % {"number": f"{total:,}", "words": words},
        then_label=_("With %(name)s") % {"name": called(first.nickname)} if first else "",
        then=_acts_with(first, request.seat, hidden) if first else [],
    )


def _best(words, hidden):
    """(id, nickname, searched, past, how many of all) of those to be weighed, and whether a slip was forgiven.

    Where somebody is so written, nobody else is meant: here one wants to get to a person, and the list shows the others, too."""
    typed = search.words_of(words)
    if not typed:
        return [], False
    members, column = search.seen_by(Member.objects.known(), hidden)
    rows = _rows(members.filter(search.exactly(typed, column)), typed, column)
    nearly = None if rows else search.nearly(typed, column, nobody_exactly=True)
    return (rows, False) if nearly is None else (_rows(members.filter(nearly), typed, column), True)


def _rows(members, typed, column):
    found = members.annotate(seen=F(column), total=Window(Count("pk")), guess=_guess(typed[0], column), gone=_is_past())
    return list(found.order_by("guess", "gone", "sort_key", "id").values_list("pk", "nickname", "seen", "gone", "total")[:WEIGHED])


def _acts_with(member, seat, hidden):
    platform = Handle.Platform.WECHAT
    wechat = "" if hides(hidden, platform) else next((known["value"] for known in member.known_by if known["platform"] == platform), "")
    found = []
    if wechat:
        found.append(palette.Option(_("Copy the WeChat id"), icon="copy", second=wechat, does=("data-copy", wechat)))
    if rights.may_see(seat, "trail"):
        url = f"{reverse('trail')}?member={member.pk}"
        found.append(palette.Option(_("See what happened with them"), icon="history", url=url))
    return found


def _is_past():
    return Case(When(standing=Member.Standing.PAST, then=Value(1)), default=Value(0))


def _guess(first, column):
    """Of thousands that fit, those are weighed in which a name, a part of it or a handle begins with the first word."""
    begins = Q(**{f"{column}__startswith": first}) | Q(**{f"{column}__contains": f" {first}"}) | Q(**{f"{column}__contains": f"-{first}"})
    return Case(When(begins, then=Value(0)), default=Value(1))


def _is_elsewhere(nickname, words, nearly):
    """Of those who are nearly so written, who is it by name comes before who is it by a handle or a note."""
    return nearly and not any(piece.hit for piece in hits.pieces(nickname, words, nearly))


def _weight(nickname, seen, words):
    return max(_nearness(nickname, seen, word) for word in search.words_of(words))


def _nearness(nickname, seen, word):
    """By the name before all else; then by anything that the member is known by; a forgiven slip last."""
    near = hits.nearness(called(nickname), word)
    if near == hits.WHOLE or f" {word} " in f" {seen} ":
        return hits.WHOLE
    return min(near, hits.PART if f" {word}" in f" {seen}" else hits.INSIDE)


def _option(row, near):
    member, by_name = row.member, any(piece.hit for piece in row.name)
    other = row.second if not by_name and row.second and any(piece.hit for piece in row.second["pieces"]) else None
    groups = [strip_tags(cell["html"]) for cell in row.cells if cell["value"]]
    return palette.Option(
        label=member.nickname,
        near=near,
        pieces=row.name,
        second="·".join(filter(None, [member.city, member.industry, *groups])),
        how=other["pieces"] if other else [],
        how_label=_how(row, other),
        avatar=member.nickname,
        marks=mark_safe("".join(mark["html"] for mark in row.marks)),
        tag=str(member.get_standing_display()) if member.standing == Member.Standing.PAST else "",
        url=reverse("members:member", args=[member.pk]),
        is_data=True,
    )


def _how(row, other):
    if other is None:
        return _("nearly so written") if row.is_nearly else _("by pinyin") if hits.by_pinyin([row.member.nickname], row.words) else ""
    if other.get("of"):
        return str(TEXTS[other["of"]])
    if other["formerly"]:
        return _("formerly")
    value = "".join(piece.text for piece in other["pieces"])
    platform = next(known["platform"] for known in row.member.known_by if known["value"] == value)
    return str(Handle.Platform(platform).label) if platform in Handle.Platform.values else platform


palette.finds("members", look, area="members")
