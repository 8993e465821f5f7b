"""An owner's files, read: any table, the people in it, who sat where. Plain Python that knows no database."""

from .cohorts import Cohorts, Placement, read_cohorts
from .columns import FIELDS, Columns, keys_of, shape_of, spellings, tells_of
from .faults import WORDS, NoSuchFiles, NotATable, Rejection
from .folders import Community, bring_together, files_in, history_alone, read_folder, tables_in, without_history
from .interactions import Interactions, read_interactions
from .people import People, read_people
from .rows import Manner, Person
from .tables import Table, read_table
from .values import Alias, GroupNames

__all__ = [
    "FIELDS",
    "WORDS",
    "Alias",
    "Cohorts",
    "Columns",
    "Community",
    "GroupNames",
    "Interactions",
    "Manner",
    "NoSuchFiles",
    "NotATable",
    "People",
    "Person",
    "Placement",
    "Rejection",
    "Table",
    "bring_together",
    "files_in",
    "history_alone",
    "keys_of",
    "read_cohorts",
    "read_folder",
    "read_interactions",
    "read_people",
    "read_table",
    "shape_of",
    "spellings",
    "tables_in",
    "tells_of",
    "without_history",
]
