"""An owner's folder, read whole: the community today and its history."""

from dataclasses import dataclass, field
from pathlib import Path

from .cohorts import Cohorts, Seats, read_cohorts
from .columns import COHORT_FIELDS, MEMBER_FIELDS
from .faults import Fault, NoSuchFiles
from .people import People, read_people, roots
from .tables import read_table
from .values import GroupNames

ENDINGS = (".csv", ".xlsx", ".tsv")


@dataclass(slots=True)
class PastMember:
    """Somebody who sat in a group once and is not in the member file."""

    wechat: list = field(default_factory=list)
    phones: list = field(default_factory=list)

    @property
    def handles(self):
        return [*self.wechat, *self.phones]


@dataclass(slots=True)
class Community:
    people: People
    cohorts: Cohorts
    past_members: list
    history: list  # (Person or PastMember, year, half, group key), the present half-year included
    elsewhere: list  # (Person, group key by the cohorts, group key by the member file) where the two differ

    @property
    def groups(self):
        return self.cohorts.groups


def read_folder(path, region="CN"):
    tables = tables_in(path)
    return bring_together(tables["members"], tables["cohorts"], region)


def files_in(path):
    """The member file and the cohort file of a folder."""
    folder = Path(path)
    if not folder.is_dir():
        raise NoSuchFiles("no_folder", name=folder.name)
    members, cohorts = _file_in(folder, "members"), _file_in(folder, "cohorts")
    if missing := [name for name, file in (("members", members), ("cohorts", cohorts)) if not file]:
        raise NoSuchFiles("no_such_files", name=folder.name, missing=" and no ".join(missing))
    return members, cohorts


def tables_in(path):
    """{"members": table, "cohorts": table} of a folder."""
    members, cohorts = files_in(path)
    return {"members": read_table(members, fields=MEMBER_FIELDS), "cohorts": read_table(cohorts, fields=COHORT_FIELDS)}


def without_history(members_table, region="CN", known_groups=(), manner=None):
    """The community of a member table alone. Its groups are those known already, if any are, else those that it names itself."""
    people = read_people(members_table, GroupNames(known_groups) if known_groups else None, region, manner)
    return Community(people, Cohorts([], [], [], [], 0, people.groups, [], []), [], [], [])


def bring_together(members_table, cohorts_table, region="CN", *, manner=None, cohorts_mapping=None, known_groups=(), now=None):
    """The community that a member table and a cohort table tell of. `now` is the half-year it is in, where that is known."""
    cohorts = read_cohorts(cohorts_table, region, known_groups, cohorts_mapping, now)
    people = read_people(members_table, cohorts.groups, region, manner)
    return _together(people, cohorts)


def history_alone(cohorts_table, region="CN", known_groups=(), mapping=None, now=None):
    """What a cohort table tells without the list of members: everybody in it is known by that alone."""
    cohorts = read_cohorts(cohorts_table, region, known_groups, mapping, now)
    return _together(People([], [], [], [], 0, [], cohorts.groups), cohorts)


def _together(people, cohorts):
    people.people = list(people.people)  # who sat where is told of each of them
    who = {handle: person for person in people.people for handle in person.handles}
    past = _past_members(cohorts, who)
    _only_one_seat_each(cohorts, who)
    history, elsewhere = _history(people, cohorts, who)
    return Community(people, cohorts, past, history, elsewhere)


def _file_in(folder, name):
    files = {file.name.lower(): file for file in sorted(folder.iterdir(), reverse=True) if file.is_file()}
    return next((files[name + ending] for ending in ENDINGS if name + ending in files), None)


def _past_members(cohorts, who):
    """Those whom only the cohorts know; they are entered into `who`, too."""
    present = list({id(person): person for person in who.values()}.values())
    same_as = roots(item.handles for item in [*present, *cohorts.placements])[len(present) :]
    past = {}
    for placement, root in zip(cohorts.placements, same_as, strict=True):
        person = next((who[handle] for handle in placement.handles if handle in who), None)
        if person is None:
            person = present[root] if root < len(present) else past.setdefault(root, PastMember())
        if isinstance(person, PastMember):
            person.wechat += [placement.wechat] if placement.wechat and placement.wechat not in person.wechat else []
            person.phones += [placement.phone] if placement.phone and placement.phone not in person.phones else []
        for handle in placement.handles:
            who.setdefault(handle, person)
    return list(past.values())


def _only_one_seat_each(cohorts, who):
    """A person with two WeChat ids may sit twice where each id alone does not."""
    seats, kept = Seats(cohorts.groups), []
    for placement in cohorts.placements:
        try:
            if seats.take(placement, id(who[placement.handles[0]])):
                kept.append(placement)
        except Fault as fault:
            cells = [placement.cohort, cohorts.groups.name(placement.group), *placement.handles]
            cohorts.rejected.append(fault.at(placement.line, cells))
    cohorts.placements = kept
    cohorts.repeated += seats.repeated
    cohorts.rejected.sort(key=lambda rejection: rejection.line)


def _history(people, cohorts, who):
    """Everyone's seats. Where people sit today, the member file knows better than the last half-year does."""
    history, elsewhere, seated = [], [], set()
    for placement in cohorts.placements:
        person, group = who[placement.handles[0]], placement.group
        if (placement.year, placement.half) == cohorts.present and not isinstance(person, PastMember):
            seated.add(id(person))
            if person.group and person.group != group:
                elsewhere.append((person, group, person.group))
                group = person.group
        history.append((person, placement.year, placement.half, group))
    if cohorts.present:
        late = (person for person in people.people if person.group and id(person) not in seated)
        history += [(person, *cohorts.present, person.group) for person in late]
    return history, elsewhere
