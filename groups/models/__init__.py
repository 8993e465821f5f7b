from .matrices import Cohort, Group, Matrix, Placement
from .reshuffles import PATIENCE, CalendarStep, Draft, Move, Reshuffle, Wave
from .rules import Apart, Bond, BondMember, Pin, Star
from .tasks import Task, TermReminder, Tick

__all__ = [
    "PATIENCE", "Apart", "Bond", "BondMember", "CalendarStep", "Cohort", "Draft", "Group", "Matrix", "Move", "Pin", "Placement",
    "Reshuffle", "Star", "Task", "TermReminder", "Tick", "Wave",
]  # fmt: skip
