"""An owner's files, read: any table, the people in it, who sat where. Plain Python that knows no database."""

from .cohorts import Cohorts, Placement, read_cohorts
from .columns import spellings, tells_of
from .faults import WORDS, NoSuchFiles, NotATable, Rejection
from .folders import Community, bring_together, read_folder, without_history
from .people import People, Person, read_people
from .tables import Table, read_table
from .values import GroupNames

__all__ = [
    "WORDS",
    "Cohorts",
    "Community",
    "GroupNames",
    "NoSuchFiles",
    "NotATable",
    "People",
    "Person",
    "Placement",
    "Rejection",
    "Table",
    "bring_together",
    "read_cohorts",
    "read_folder",
    "read_people",
    "read_table",
    "spellings",
    "tells_of",
    "without_history",
]
