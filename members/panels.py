"""What other rooms show on the page of a person. A room registers in `AppConfig.ready`; the page fetches a panel by its address
(`members/<id>/panels/…`, with `hx-get`) and keeps its height meanwhile.

    panels.add(panels.Panel("groups", _("Groups they sat in"), "groups:member_panel", area="members", place=10))
    panels.brief(lambda member, seat: [panels.ToDo("checklist", _("A task is open"), url)])
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm.tenancy import rights

PANELS, BRIEFS = {}, []


@dataclass(frozen=True)
class Panel:
    name: str
    label: Any
    page: str  # name of the address that answers it; takes the member's id
    area: str = "members"  # of the role table: who may not see that is not shown the panel
    place: int = 50
    lines: int = 4  # of its skeleton
    aside: bool = True  # in the narrow column


@dataclass(frozen=True)
class ToDo:
    """One thing to do now about this person."""

    icon: str
    words: str
    url: str = ""
    warns: bool = False


def add(panel):
    PANELS[panel.name] = panel


def brief(function: Callable):
    """`function(member, seat)` gives what is to do, in at most one question to the database."""
    BRIEFS.append(function)
    return function


def shown_to(seat, *, aside):
    shown = [panel for panel in PANELS.values() if panel.aside == aside and rights.may_see(seat, panel.area)]
    return sorted(shown, key=lambda panel: panel.place)


def to_do(member, seat):
    return [each for function in BRIEFS for each in function(member, seat)]
