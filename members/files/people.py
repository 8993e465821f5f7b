"""Rows of a member file become people: checked, and several rows of one person joined."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from members import handles
from members.cities import city

from .columns import IDENTITIES, MEMBER_FIELDS, Columns
from .dates import Dates
from .faults import Fault
from .values import GroupNames, is_yes, parts_of_a_group, skills

SECOND_SELF = re.compile(
    r"\s*[-(（\[【]?\s*(小号|副号|备用号?|分号|马甲|第?[二三]?号机|(?<=[(（\[【])\d{1,2})\s*[)）\]】]?\s*$"
)

LONGEST = {"nickname": 200, "city": 60, "industry": 60, "skills": 60, "tags": 40}  # characters; of skills and tags each one
MONEY = re.compile(r"[¥￥$€£]?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2})0*)?\s*(?:元|块|RMB|CNY|USD)?", re.ASCII | re.IGNORECASE)


GUARDED = ("'=", "'+", "'-", "'@")


@dataclass(frozen=True)
class Manner:
    """How a tenant's files are read: what somebody said of their columns and dates, and the tenant's own words and fields.

    `words` knows `city`, `industry` and `skill` (text -> name). `customs` is {"custom:<id>": a function from text to a value}, which raises
    ValueError for what does not fit."""

    mapping: dict = field(default_factory=dict)  # {key of a column: field, or "" for one left out}
    order: str = ""  # of dates, one of ORDERS; empty: found from the file
    customs: dict = field(default_factory=dict)
    words: object = None


@dataclass(slots=True)
class Person:
    lines: list  # of the file, the first one first
    nickname: str = ""
    former: list = field(default_factory=list)  # other nicknames the file has for this person
    wechat: list = field(default_factory=list)
    phones: list = field(default_factory=list)
    city: str = ""
    industry: str = ""
    skills: tuple = ()
    joined: date | None = None
    expires: date | None = None
    group: str | None = None  # a key of GroupNames
    inviter: str = ""  # a handle in its normal form
    inviter_text: str = ""  # where the file names the inviter otherwise
    partner: bool | None = None  # None: the file does not say
    note: str = ""
    others: list = field(default_factory=list)  # (platform, value) of ids on other platforms
    tags: tuple = ()
    offers: str = ""
    seeks: str = ""
    paid: int | None = None  # minor units
    custom: dict = field(default_factory=dict)  # {id of a field of the tenant's own: value}

    @property
    def handles(self):
        return [*self.wechat, *self.phones, *(value for _, value in self.others)]

    @property
    def identities(self):
        """What no two people have in common."""
        return [*self.wechat, *self.phones, *self.others] if self.others else [*self.wechat, *self.phones]


@dataclass(slots=True)
class People:
    people: list
    merged: list  # [first line of a person, a later line of theirs]
    rejected: list
    blank: list
    rows: int
    unknown_columns: list
    groups: GroupNames
    date_order: str = "ymd"
    dates_doubtful: bool = False  # day and month could be read either way round in the whole file
    date_example: str = ""  # a date of the file that has to be read in one order or the other
    columns: Columns | None = None
    dates: Dates | None = None


def read_people(table, groups=None, region="CN", manner=None):
    """The people in a table. Without a list of groups, those of the file itself are taken for right."""
    manner = manner or Manner()
    columns = Columns(table, MEMBER_FIELDS, manner.mapping)
    if not any(field.startswith("id:") for field in columns.at):
        columns.require(*IDENTITIES)
    dates = Dates((columns.reader(name)(cells) for name in ("joined", "expires") for _, cells in table.rows), manner.order)
    groups = groups or _groups_of(table, columns)
    read = _row_reader(columns, dates, groups, region, manner)
    good, rejected = [], list(table.rejected)
    for line, cells in table.rows:
        try:
            good.append(read(line, cells))
        except Fault as fault:
            rejected.append(fault.at(line, cells))
    people, merged = _merge(good)
    rejected.sort(key=lambda rejection: rejection.line)
    return People(
        people, merged, rejected, table.blank, table.row_count, columns.unknown, groups, dates.order, dates.doubtful,
        dates.example, columns, dates,
    )  # fmt: skip


def _groups_of(table, columns):
    """The groups a member file names itself, under the way it spells most of them."""
    cell = columns.reader("group")
    spellings = Counter(cell(cells) for _, cells in table.rows)
    words = Counter()
    for spelling, count in spellings.items():
        words[parts_of_a_group(spelling)[0]] += count
    return GroupNames(sorted(spellings, key=lambda spelling: (words[parts_of_a_group(spelling)[0]], spelling)))


def _row_reader(columns, dates, groups, region, manner):
    cell = {name: columns.reader(name) for name in MEMBER_FIELDS}
    ids = [(name.removeprefix("id:"), columns.reader(name)) for name in columns.at if name.startswith("id:")]
    more = [name for name in ("tags", "offers", "seeks", "paid") if name in columns]
    says_partner = "partner" in columns
    customs = [(name, columns.reader(name), manner.customs[name]) for name in columns.at if name in manner.customs]
    city_of, industry_of, skill_of = _words(manner.words)

    def read(line, cells):
        others = [other for platform, reader in ids if (other := other_id(platform, reader(cells)))] if ids else []
        wechat, phone = handles_in(cell["wechat"](cells), cell["phone"](cells), region, others)
        joined, expires = (day_in(cell[name](cells), name) for name in ("joined", "expires"))
        if joined and expires and expires < joined:
            raise Fault("expires_before_joined", joined=joined.isoformat(), expires=expires.isoformat())
        inviter = handles.plain(cell["inviter"](cells))
        known_inviter = handles.wechat(inviter) or handles.phone(inviter, region) if inviter else None
        person = Person(
            [line],
            nickname=_text(cell["nickname"](cells)),
            wechat=[wechat] if wechat else [],
            phones=[phone] if phone else [],
            city=city_of(cell["city"](cells)),
            industry=industry_of(cell["industry"](cells)),
            skills=skill_of(cell["skills"](cells)),
            joined=joined,
            expires=expires,
            group=group_in(cell["group"](cells), groups),
            inviter=known_inviter or "",
            inviter_text="" if known_inviter else inviter,
            partner=is_yes(cell["partner"](cells)) if says_partner else None,
            note=_text(cell["note"](cells)),
            others=others,
        )
        if more or customs:
            read_more(person, cells)
        refuse_too_long(person)
        return person

    def read_more(person, cells):
        person.tags = skills(cell["tags"](cells)) if "tags" in more else ()
        person.offers, person.seeks = cell["offers"](cells).strip(), cell["seeks"](cells).strip()
        person.paid = amount_in(cell["paid"](cells))
        for name, reader, clean in customs:
            text = reader(cells).strip()
            if not handles.plain(text):
                continue
            try:
                person.custom[name.removeprefix("custom:")] = clean(text)
            except ValueError as wrong:
                raise Fault("bad_value", value=text[:40], column=columns.header_of(name), why=str(wrong)) from None

    def other_id(platform, text):
        if not handles.plain(text):
            return None
        value = handles.normal(platform, text, region)
        if not value:
            raise Fault("bad_handle", value=text.strip()[:60], column=columns.header_of(f"id:{platform}"))
        return platform, value

    def amount_in(text):
        text = handles.plain(text)
        found = MONEY.fullmatch(text) if text else None
        if text and not found:
            raise Fault("bad_amount", value=text[:40], column=columns.header_of("paid"))
        return int(found[1].replace(",", "")) * 100 + int((found[2] or "0").ljust(2, "0")) if found else None

    def refuse_too_long(person):
        for name, most in LONGEST.items():
            said = getattr(person, name)
            for value in said if name in ("skills", "tags") else [said]:
                if len(value) > most:
                    raise Fault("too_long", value=value[:20] + "…", column=columns.header_of(name), length=len(value), most=most)

    def day_in(value, name):
        try:
            return dates.read(value)
        except ValueError:
            raise Fault("bad_date", value=value.strip(), column=columns.header_of(name)) from None

    return read


def _text(cell):
    """As it stands, without the ' that keeps a table from working out what looks like a formula."""
    text = cell.strip()
    return text[1:] if text.startswith(GUARDED) else text


def _words(words):
    """What a cell's city, industry and skills are called: by the tenant's own words, else by the tables that come with the product."""
    if not words:
        return city, handles.plain, skills
    return words.city, words.industry, lambda text: tuple(dict.fromkeys(filter(None, map(words.skill, skills(text)))))


def handles_in(wechat_cell, phone_cell, region="CN", others=()):
    """A row's WeChat id and phone in their normal forms; a Fault where one is wrong or all are missing."""
    wechat_text, phone_text = handles.plain(wechat_cell), handles.plain(phone_cell)
    if not wechat_text and not phone_text and not others:
        raise Fault("no_identity")
    wechat = handles.wechat(wechat_text)
    if wechat_text and not wechat:
        raise Fault("bad_wechat_id", value=wechat_text)
    phone = handles.phone(phone_text, region) if phone_text else None
    if phone_text and not phone:
        raise Fault("phone_cut" if _is_cut(phone_text) else "bad_phone", value=phone_text)
    return wechat, phone


def _is_cut(text):
    """1.38E+10: a spreadsheet has shortened a long number, and its last digits are lost."""
    found = handles.SCIENTIFIC.fullmatch(text)
    return bool(found) and len(found[2]) < int(found[3])


def group_in(value, groups):
    """The key of the group a cell names, None where it names none."""
    text = handles.plain(value)
    if not text or text in ("未分群", "待分群", "未入群"):
        return None
    keys = groups.find(text)
    if not keys:
        raise Fault("unknown_group", value=text, example=next((groups.name(key) for key in groups), "会员1群"))
    if len(keys) > 1:
        names = [groups.name(key) for key in keys]
        raise Fault("doubtful_group", value=text, names=", ".join(names), example=names[0])
    return keys[0]


def roots(handles_of_each):
    """For each item the position of the first that is the same person, joined by handles in common."""
    parent, first_with = [], {}

    def root(at):
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for at, item in enumerate(handles_of_each):
        parent.append(at)
        for handle in item:
            one, other = root(first_with.setdefault(handle, at)), root(at)
            parent[max(one, other)] = min(one, other)
    return [root(at) for at in range(len(parent))]


def _merge(rows):
    """One person for all rows that are the same one's, and which lines were joined."""
    people, merged = [], []
    for row, root in zip(rows, roots(row.identities for row in rows), strict=True):
        if rows[root] is row:
            people.append(row)
        else:
            merged.append([rows[root].lines[0], row.lines[0]])
            join(rows[root], row)
    return people, merged


def join(person, row):
    """Fill what the person lacks from a later row. No name and no handle is lost."""
    person.lines += row.lines
    person.wechat += [value for value in row.wechat if value not in person.wechat]
    person.phones += [value for value in row.phones if value not in person.phones]
    person.others += [other for other in row.others if other not in person.others]
    person.custom = row.custom | person.custom
    for name in ("city", "industry", "skills", "joined", "expires", "group", "tags", "offers", "seeks", "paid"):
        if not getattr(person, name):
            setattr(person, name, getattr(row, name))
    if not person.inviter and not person.inviter_text:
        person.inviter, person.inviter_text = row.inviter, row.inviter_text
    person.partner = person.partner or row.partner
    if row.note and row.note not in person.note.split("\n"):
        person.note = f"{person.note}\n{row.note}" if person.note else row.note
    names = list(dict.fromkeys(filter(None, (person.nickname, *person.former, row.nickname))))
    names.sort(
        key=lambda name: bool(SECOND_SELF.search(name[-12:]))
    )  # the sort is stable: else the first row's name is shown
    if names:
        person.nickname, *person.former = names
