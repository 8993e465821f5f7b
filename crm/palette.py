"""Ctrl K: members, groups, plans, seats, pages and acts in one place. Rooms register what they have in `crm.tenancy.palette`."""

import re
from dataclasses import replace

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from crm import navigation
from crm.tenancy import links, palette, rights, tabs
from crm.tenancy.pages import page
from crm.tenancy.signin import home_of
from groups.on_palette import SPOKEN
from members import hits

MOST = 6  # in one section, while somebody types
LONGEST_QUESTION = 100
FURTHER = {
    "groups:reshuffles": (SPOKEN, _("Plan")),
    "groups:matrices": (_("Groups"),),
    "groups:tasks": (_("To do"),),
}  # words for these pages
APOSTROPHE = re.compile(r"(?<=[a-z])['’](?=[a-z])", re.IGNORECASE)  # input methods write xi'an

palette.section("pages", _("Go to"), 50)
palette.section("acts", _("Do"), 60)
palette.section("communities", _("Your other communities"), 70)
for _room, label, icon, name, area, _counted, _others in navigation.ENTRIES:
    palette.page(label, name, icon=icon, area=area, words=FURTHER.get(name, ()), place=10)
palette.page(_("Change password"), "account_change_password", icon="key", area=None, is_outside=True)
palette.page(_("Your account"), "account", icon="user", area=None, is_outside=True)
palette.page(_("Leave the community"), "leave", icon="door-enter", area=None)
palette.act(_("Bring files in"), "imports:list", icon="upload", area="members", words=(_("Import"),))
palette.act(_("Invite somebody"), "seats", icon="user-plus", area="settings", words=(_("Seats"),))
palette.act(_("Make a key"), "keys", icon="key", area="settings", words=(_("API keys"),))
palette.act(_("Keys of the keyboard"), icon="help", does=("data-dialog", "#key-help"), words=(_("Help"), _("Shortcuts")))
for theme, label, icon in [
    ("light", _("Light theme"), "sun"),
    ("dark", _("Dark theme"), "moon"),
    ("system", _("System theme"), "device-desktop"),
]:
    palette.act(label, icon=icon, does=("data-theme-set", theme), words=(_("Theme"),))
for code, label in [("zh-hans", _("Switch to Chinese")), ("en", _("Switch to English"))]:
    palette.act(label, "set_language", icon="language", is_outside=True, is_posted=True, field=("language", code), words=(_("Language"),))
palette.act(_("Sign out"), "account_logout", icon="logout", is_outside=True, is_posted=True)


@require_safe
def answer(request):
    """Everybody with a seat may ask; each finder and each offer looks at the right of its own area."""
    words = APOSTROPHE.sub("", request.GET.get("q", "")[:LONGEST_QUESTION].replace("\0", "")).strip()
    sections = _sections(request, words)
    context = {"words": words, "sections": sections, "total": sum(max(each["total"], len(each["options"])) for each in sections)}
    return page(request, "palette.html", context, part="answer")


def _sections(request, words):
    """The section with the nearest hit first."""
    found = {}
    for finder in palette.FINDERS:
        if (words or finder.section == "acts") and rights.may_see(request.seat, finder.area):
            found.setdefault(finder.section, []).append(finder.looks(request, words, MOST))
    for name in ("pages", "acts"):
        found.setdefault(name, []).append(_offers(request, name, words))
    found["communities"] = [_communities(request, words)]
    shown = [_shown(palette.SECTIONS[name], answers, words) for name, answers in found.items()]
    return sorted((each for each in shown if each["options"]), key=lambda each: (each["near"], each["place"]))


def _shown(section, answers, words):
    options = sorted((option for each in answers for option in each.options), key=lambda option: option.near)
    main = answers[0]
    return {
        "label": section.label,
        "name": section.name,
        "place": section.place,
        "near": options[0].near if options and words else 0,
        "options": options[:MOST] if words else options,
        "total": sum(each.total for each in answers),
        "all_url": main.all_url if main.total > MOST else "",
        "all_label": main.all_label,
        "then_label": main.then_label,
        "then": main.then,
    }


def _offers(request, section, words):
    offered = [offer for offer in palette.OFFERS if offer.section == section and offer.is_for(request.seat)]
    if section == "pages":
        offered += [palette.of_tab(tab) for tab in tabs.TABS if rights.may_see(request.seat, tab.area)]
    counts = {} if words else _to_do(request)
    options = [_offered(offer, words, counts) for offer in sorted(offered, key=lambda offer: offer.place)]
    return palette.Found([option for option in options if option.near < hits.NOWHERE])


def _to_do(request):
    return {entry["url"]: entry["count"] for part in navigation.rail(request) for entry in part["entries"]}


def _offered(offer, words, counts):
    label, url = str(offer.label), _address(offer)
    option = palette.Option(
        label, pieces=hits.pieces(label, words), icon=offer.icon, count=counts.get(url), does=offer.does, field=offer.field
    )
    option = replace(option, posts=url) if offer.is_posted else replace(option, url=url)
    if not words:
        return option
    near = max(min(hits.nearness(text, word) for text in offer.said) for word in words.split())
    if near < hits.NOWHERE and not any(piece.hit for piece in option.pieces):
        other = min(offer.said, key=lambda text: hits.nearness(text, words.split()[0]))
        option = replace(option, how=hits.pieces(other, words))
    return replace(option, near=near)


def _address(offer):
    if not offer.name:
        return ""
    return (links.root_path if offer.is_outside else reverse)(offer.name) + (f"?{offer.query}" if offer.query else "")


def _communities(request, words):
    """The other seats of this user."""
    others = [seat.tenant for seat in request.seats if seat != request.seat]
    homes = {seat.tenant_id: home_of(seat) for seat in request.seats}
    options = [
        palette.Option(
            tenant.name,
            near=hits.nearness(tenant.name, words) if words else 0,
            pieces=hits.pieces(tenant.name, words),
            icon="arrows-exchange",
            url=homes[tenant.pk],
            is_data=True,
        )
        for tenant in others
    ]
    return palette.Found([option for option in options if option.near < hits.NOWHERE])
