"""An owner's files, read as the tenant means them: which file is which, what was said of its columns, dates and groups, and what the tenant
knows already. Nothing is written here."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from types import MappingProxyType

from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused
from groups import intake as seats
from groups.models import Group, Matrix
from members import custom, words
from members.files import (
    FIELDS,
    WORDS,
    Alias,
    Manner,
    NotATable,
    bring_together,
    history_alone,
    read_interactions,
    read_table,
    shape_of,
    spellings,
    tells_of,
    without_history,
)
from members.files.columns import SYNONYMS
from members.models import Mapping

MATRIX = "会员"
MOST_ROWS = {"members": 100_000, "cohorts": 1_000_000, "interactions": 1_000_000}
SPELLINGS = ("groups", "spellings")  # kind and shape under which it is remembered how files spell groups
NOTHING = MappingProxyType({})


@dataclass(frozen=True)
class How:
    """How files are read: what somebody said of them, and what the tenant knows already."""

    mappings: dict = field(default_factory=dict)  # {kind of file: {key of a column: field, or ""}}, said for these files
    order: str = ""  # of dates
    whole: bool = True  # who is not in the file has left the community
    remembered: dict = field(default_factory=dict)  # {(kind, shape): mapping}, of earlier files
    known_groups: tuple = ()
    said_groups: dict = field(default_factory=dict)  # {spelling: name of a group; its own, where it is to be made; empty: forgotten}
    settled_groups: tuple = ()  # what was said of groups, for these files and earlier ones, as the reader takes it
    now: tuple | None = None  # (year, half) that the community is in
    customs: dict = field(default_factory=dict)
    words: object = None
    pairs: dict = field(default_factory=dict)  # {key of a doubtful pair: what somebody said of it}

    @property
    def all_groups(self):
        return (*self.known_groups, *self.settled_groups)

    def mapping_of(self, kind, table):
        said = self.mappings.get(kind)
        return said if said is not None else self.remembered.get((kind, shape_of(table.header)), {})


@dataclass
class Reading:
    """Files as they tell it, before anything is written."""

    kind: str  # members, cohorts, interactions: what the first file is
    tables: dict  # {kind: table}
    how: How
    community: object = None
    interactions: object = None
    spellings: dict = field(default_factory=dict)  # {key of a group: {spelling: how often}}
    mappings: dict = field(default_factory=dict)  # {kind: what was used}

    @property
    def header(self):
        return {kind: table.header for kind, table in self.tables.items()}


def how(tenant, *, mappings=NOTHING, order="", whole=True, pairs=NOTHING, groups=NOTHING):
    """What the open tenant knows of its files, with what somebody said of these."""
    remembered = {(row.kind, row.shape): row.columns for row in Mapping.objects.all()}
    known = words.known()
    known.language  # noqa: B018 (asked for now, since files are read without the database)
    return How(
        mappings=dict(mappings),
        order=order,
        whole=whole,
        pairs=dict(pairs),
        remembered=remembered,
        known_groups=tuple(known_groups()),
        said_groups=dict(groups),
        settled_groups=_settled_groups(remembered.get(SPELLINGS, {}), groups),
        now=None if whole else seats.half_now(matrix_name()),
        customs={f"custom:{field.pk}": _reader_of(field) for field in custom.fields()},
        words=known,
    )


def _reader_of(field):
    """A function from a cell to the value of a field of the tenant's own."""

    def read(text):
        try:
            return custom.clean(field, text)
        except Refused as refusal:
            raise ValueError(refusal.sentence) from None

    return read


def read_tables(first, second=None, *, told=lambda stage: None, any_kind=False):
    """{kind: table} of one or two files, each given as (path, its owner's name for it). With `any_kind` each may be any file of a
    community; else the first is the list of members. Refuses with a sentence what is no table, or not the one that is meant."""
    try:
        if not any_kind:
            told("members")
            tables = {"members": _table("members", *first)}
            if second:
                told("cohorts")
                tables["cohorts"] = _table("cohorts", *second)
            _refuse_the_wrong_kind(tables)
            return tables
        tables = {}
        for place, file in ("members", first), ("cohorts", second):
            if file:
                told(place)
                kind, table = _any_table(*file)
                if kind in tables or (tables and kind == "interactions") or "interactions" in tables:
                    raise _no_pair(tables, kind, table)
                tables[kind] = table
        return dict(sorted(tables.items(), key=lambda item: list(FIELDS).index(item[0])))
    except NotATable as fault:
        raise Refused(sentence_of(fault), code=fault.code, status=400) from None


def read(tables, how, *, region="CN", told=lambda stage: None):
    """What the tables hold."""
    told("joining")
    kind = next(iter(tables))
    mappings = {each: how.mapping_of(each, table) for each, table in tables.items()}
    reading = Reading(kind, tables, how, mappings=mappings)
    try:
        if kind == "interactions":
            reading.interactions = read_interactions(tables[kind], how.all_groups, mappings[kind], how.order)
            return reading
        reading.community = community_of(tables, mappings, how, region)
    except NotATable as fault:
        raise Refused(sentence_of(fault), code=fault.code, status=400) from None
    found = defaultdict(Counter)
    for each, table in tables.items():
        for key, spelled in spellings(table, reading.community.groups, mappings[each]).items():
            found[key].update(spelled)
    reading.spellings = found
    return reading


def community_of(tables, mappings, how, region):
    manner = Manner(mappings.get("members", {}), how.order, how.customs, how.words)
    if "members" not in tables:
        return history_alone(tables["cohorts"], region, how.all_groups, mappings["cohorts"], how.now)
    if "cohorts" not in tables:
        return without_history(tables["members"], region, how.all_groups, manner)
    known = how.settled_groups if how.whole else how.all_groups
    return bring_together(
        tables["members"], tables["cohorts"], region,
        manner=manner, cohorts_mapping=mappings["cohorts"], known_groups=known, now=how.now,
    )  # fmt: skip


def sentence_of(fault):
    """What is wrong with a file or a row, in the reader's language."""
    return _(WORDS[fault.code]) % fault.data


def _any_table(path, name):
    """(kind, table) of a file that says itself what it is. One that names nobody is read as a list of members, to be mapped."""
    content = path.read_bytes()
    _refuse_too_long(content, name, max(MOST_ROWS.values()))
    table = read_table(content, name, tuple(SYNONYMS), loose=True)
    kind = tells_of(table) or "members"
    return kind, _sized(table, kind)


def _table(kind, path, name):
    content = path.read_bytes()
    _refuse_too_long(content, name, MOST_ROWS[kind])
    return _sized(read_table(content, name, FIELDS[kind]), kind)


def _refuse_too_long(content, name, most):
    # Counted before it is read: fifty megabytes of short lines become gigabytes of rows.
    if max(content.count(b"\n"), content.count(b"\r")) > 3 * most:
        raise NotATable("too_many_rows", name=name, most=f"{most:,}")


def _sized(table, kind):
    if table.row_count > MOST_ROWS[kind]:
        raise NotATable("too_many_rows", name=table.name, most=f"{MOST_ROWS[kind]:,}")
    if not table.row_count:
        raise NotATable("no_rows", name=table.name)
    return table


def _no_pair(tables, kind, table):
    names = {"one": next(iter(tables.values())).name, "other": table.name}
    sentence = _(
        "“%(one)s” and “%(other)s” do not go together. A list of members and who sat where may come together; bring others one by one."
    )
    return Refused(sentence % names, code="no_pair", status=400)


def _refuse_the_wrong_kind(tables):
    """Which file is which shows in its columns, wherever it was dropped."""
    kinds = {place: tells_of(table) for place, table in tables.items()}
    names = {place: table.name for place, table in tables.items()}
    if kinds == {"members": "cohorts", "cohorts": "members"}:
        sentence = _("“%(members)s” tells who sat where, and “%(cohorts)s” who the members are: each stands in the other's place.")
        raise Refused(sentence % names, code="swapped", status=400)
    if kinds["members"] == "cohorts":
        sentence = _("“%(members)s” tells who sat where. It is the second file; the first one is your list of members.")
        raise Refused(sentence % names, code="not_members", status=400)
    if kinds.get("cohorts") == "members":
        sentence = _("“%(cohorts)s” is a list of members, too. The second file tells who sat where, in columns such as 届, 群, 微信号.")
        raise Refused(sentence % names, code="not_cohorts", status=400)


# Groups


def unknown_groups(reading):
    """[(spelling, rows that stay out, whether it may be several)] of group names that the community does not have."""
    community = reading.community
    found = Counter()
    for rejection in (*community.people.rejected, *community.cohorts.rejected):
        if rejection.code in ("unknown_group", "doubtful_group"):
            found[rejection.data["value"], rejection.code == "doubtful_group"] += 1
    return [(spelling, rows, is_doubtful) for (spelling, is_doubtful), rows in found.most_common()]


def settled_groups(reading):
    """[(spelling, name of the group that somebody said it is)] of spellings that these files have."""
    spelled = {spelling for found in reading.spellings.values() for spelling in found}
    settled = [each if isinstance(each, Alias) else Alias(each, each) for each in reading.how.settled_groups]
    return [tuple(each) for each in settled if each.spelling in spelled]


def matrix_name():
    """The matrix that files without a name for it mean: the only one that is reshuffled, whatever it is called by now."""
    names = list(Matrix.objects.reshuffled().values_list("name", flat=True)[:2])
    return names[0] if len(names) == 1 else MATRIX


def _settled_groups(remembered, said):
    """Spellings as the reader of files takes them; and the names of groups that are to be made."""
    names = {str(pk): name for pk, name in Group.objects.filter(pk__in=remembered.values()).values_list("pk", "name")}
    known = [(spelling, names[pk]) for spelling, pk in remembered.items() if pk in names and spelling not in said]
    earlier = [Alias(spelling, name) for spelling, name in known if spelling != name]
    return (*earlier, *(name if spelling == name else Alias(spelling, name) for spelling, name in said.items() if name))


def known_groups():
    return list(Group.objects.open().filter(matrix__name=matrix_name()).values_list("name", flat=True))
