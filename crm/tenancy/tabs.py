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


def of(request, current):
    """What this seat may see of them, for `settings/_tabs.html`; `current` is the page's own name."""
    shown = sorted((each for each in TABS if rights.may_see(request.seat, each.area)), key=lambda each: each.place)
    return [{"label": each.label, "icon": each.icon, "url": reverse(each.name), "current": each.name == current} for each in shown]
