"""An owner's files, read: any table, the people in it, who sat where. Plain Python that knows no database."""

from .cohorts import Cohorts, Placement, read_cohorts
from .faults import WORDS, NoSuchFiles, NotATable, Rejection
from .folders import Community, read_folder
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
    "read_cohorts",
    "read_folder",
    "read_people",
    "read_table",
]
