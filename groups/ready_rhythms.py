"""The rhythms that every community begins with, in its language. They are rows like any others: change them, or copy them."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from .models import Group, Slot

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
POST, CHAIN, TALK, REVIEW = Slot.Practice.POST, Slot.Practice.CHAIN, Slot.Practice.TALK, Slot.Practice.REVIEW
NAMES = {Group.Mode.LIGHT: _("Light rhythm"), Group.Mode.HEAVY: _("Heavy rhythm")}


@dataclass(frozen=True)
class Ready:
    weekday: int
    at: datetime.time
    practice: str
    title: Any
    minutes: int
    text: Any


MORNING = Ready(
    TUE, datetime.time(8, 30), POST, _("Morning topic"), 5,
    _("Good morning, {group}! The topic of week {week}: what did you try last week that worked? One sentence is enough."),
)  # fmt: skip

SLOTS = {
    Group.Mode.LIGHT: [
        MORNING,
        Ready(
            FRI, datetime.time(20, 30), REVIEW, _("Best reviews"), 8,
            _("{group}, these are the best reviews of week {week}. Read one tonight, and tell its writer what you take from it."),
        ),
    ],
    Group.Mode.HEAVY: [
        Ready(
            MON, datetime.time(9), POST, _("Plan of the week"), 6,
            _("{group}, week {week} begins. Write your one aim below; on Sunday we look at who got there."),
        ),
        MORNING,
        Ready(
            TUE, datetime.time(20), CHAIN, _("Order chain"), 12,
            _("{group}, tonight's order chain is open. Write your number, your name and how many."),
        ),
        Ready(
            WED, datetime.time(12, 30), POST, _("Case"), 8,
            _("{group}, today's case: one of us, and what they did step by step. Ask them here."),
        ),
        Ready(
            THU, datetime.time(20), CHAIN, _("Order chain"), 12,
            _("{group}, the second order chain of this week is open. Write your number, your name and how many."),
        ),
        Ready(
            FRI, datetime.time(12), POST, _("Show your orders"), 6,
            _("{group}, show what you sold this week: a picture says more than words."),
        ),
        Ready(
            FRI, datetime.time(20, 30), TALK, _("Talk"), 15,
            _("{group}, tonight one of us talks about what they can do best. The red packet comes first, then the talk."),
        ),
        Ready(
            SAT, datetime.time(21), CHAIN, _("End of the chain"), 10,
            _("{group}, the order chain closes tonight. Who still wants to come along?"),
        ),
        Ready(
            SUN, datetime.time(20), POST, _("Board of the week"), 6,
            _("{group}, this is the board of week {week}. Well done, all of you!"),
        ),
    ],
}  # fmt: skip
