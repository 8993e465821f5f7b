"""The pages of the settings, side by side. A room registers its own in `AppConfig.ready`."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from . import rights


@dataclass(frozen=True)
class Tab:
    name: str  # of its page
    label: Any
    icon: str
    area: str  # of the role table
    place: int


TABS = []


def tab(name, label, *, icon, place, area="settings"):
    TABS.append(Tab(name, label, icon, area, place))


def shown_to(seat):
    return sorted((each for each in TABS if rights.may_see(seat, each.area)), key=lambda each: each.place)


def first(seat):
    """Where the wheel of the rail leads this seat; empty where it may see no page of the settings."""
    return next((reverse(each.name) for each in shown_to(seat)), "")


def of(request, current):
    """What this seat may see of them, for `settings/frame.html`; `current` is the page's own name."""
    shown = shown_to(request.seat)
    return [{"label": each.label, "icon": each.icon, "url": reverse(each.name), "current": each.name == current} for each in shown]
