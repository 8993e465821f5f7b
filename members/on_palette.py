"""What this room gives to the palette: its members, found as the list finds them, and its pages."""

from urllib.parse import urlencode

from django.db.models import Case, Count, Q, Value, When, Window
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import palette, rights

from . import hits
from .lists import EVERYBODY, Row, with_all
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
    """The nearest ones; past members after present ones that fit as well."""
    found = Member.objects.matching(words).annotate(total=Window(Count("pk")), guess=_guess(words), gone=_is_past())
    rows = found.order_by("guess", "gone", "sort_key", "id").values_list("pk", "nickname", "search", "gone", "total")[:WEIGHED]
    weighed = sorted((_weight(nickname, search, words), gone, at, pk) for at, (pk, nickname, search, gone, _all) in enumerate(rows))[:most]
    members = with_all(Member.objects.all()).in_bulk([pk for *_rest, pk in weighed])
    options = [_option(members[pk], words, near) for near, _gone, _at, pk in weighed]
    total = rows[0][-1] if rows else 0
    first = members[weighed[0][-1]] if weighed and weighed[0][0] <= hits.PART else None
    return palette.Found(
        options,
        total,
        all_url=f"{reverse('members:list')}?{urlencode({'q': words, 'standing': EVERYBODY})}",
        all_label=_("All %(number)s members with “%(words)s”") % {"number": f"{total:,}", "words": words},
        then_label=_("With %(name)s") % {"name": called(first.nickname)} if first else "",
        then=_acts_with(first, request.seat) if first else [],
    )


def _acts_with(member, seat):
    wechat = next((known["value"] for known in member.known_by if known["platform"] == Handle.Platform.WECHAT), "")
    found = []
    if wechat:
        found.append(palette.Option(_("Copy the WeChat id"), icon="copy", second=wechat, does=("data-copy", wechat)))
    if rights.may_see(seat, "trail"):
        url = f"{reverse('trail')}?member={member.pk}"
        found.append(palette.Option(_("See what happened with them"), icon="history", url=url))
    return found


def _is_past():
    return Case(When(standing=Member.Standing.PAST, then=Value(1)), default=Value(0))


def _guess(words):
    """Of thousands that fit, those are weighed in which a name, a part of it or a handle begins with the first word."""
    first = words.lower().split()[0]
    begins = Q(search__startswith=first) | Q(search__contains=f" {first}") | Q(search__contains=f"-{first}")
    return Case(When(begins, then=Value(0)), default=Value(1))


def _weight(nickname, search, words):
    return max(_nearness(nickname, search, word) for word in words.lower().split())


def _nearness(nickname, search, word):
    """By the name before all else; then by anything that the member is known by."""
    near = hits.nearness(called(nickname), word)
    if near == hits.WHOLE or f" {word} " in f" {search} ":
        return hits.WHOLE
    return min(near, hits.PART if f" {word}" in f" {search}" else hits.INSIDE)


def _option(member, words, near):
    row = Row(member, words)
    by_name = any(piece.hit for piece in row.name)
    other = row.second if not by_name and row.second and any(piece.hit for piece in row.second["pieces"]) else None
    groups = [strip_tags(cell["html"]) for cell in row.cells if cell["value"]]
    return palette.Option(
        label=member.nickname,
        near=near,
        pieces=row.name,
        second="·".join(filter(None, [member.city, member.industry, *groups])),
        how=other["pieces"] if other else [],
        how_label=_how(member, other, row, words),
        avatar=member.nickname,
        marks=mark_safe("".join(mark["html"] for mark in row.marks)),
        tag=str(member.get_standing_display()) if member.standing == Member.Standing.PAST else "",
        url=reverse("members:member", args=[member.pk]),
        is_data=True,
    )


def _how(member, other, row, words):
    if other is None:
        return _("by pinyin") if hits.by_pinyin([member.nickname], words) else ""
    if other["formerly"]:
        return _("formerly")
    value = "".join(piece.text for piece in other["pieces"])
    platform = next(known["platform"] for known in member.known_by if known["value"] == value)
    return str(Handle.Platform(platform).label) if platform in Handle.Platform.values else platform


palette.finds("members", look, area="members")
