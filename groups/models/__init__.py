from .arrivals import Arrival, ArrivalStep, Calling, Evenings, Sticker
from .codes import GroupCode
from .delivery import Channel, Push
from .matrices import Cohort, Group, Matrix, Placement
from .reshuffles import PATIENCE, CalendarStep, Draft, Move, Reshuffle, Wave
from .rhythms import Occurrence, Pause, Rhythm, Slot
from .rosters import Roster, RosterLine
from .rules import Apart, Bond, BondMember, Pin, Star
from .tasks import Rise, Task, TermReminder, Tick

__all__ = [
    "PATIENCE", "Apart", "Arrival", "ArrivalStep", "Bond", "BondMember", "CalendarStep", "Calling", "Channel", "Cohort", "Draft",
    "Evenings", "Group", "GroupCode", "Matrix", "Move", "Occurrence", "Pause", "Pin", "Placement", "Push", "Reshuffle", "Rhythm", "Rise",
    "Roster", "RosterLine", "Slot", "Star", "Sticker", "Task", "TermReminder", "Tick", "Wave",
]  # fmt: skip
