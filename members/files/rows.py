"""One row of a member file, checked, becomes a person."""

import re
from dataclasses import dataclass, field
from datetime import date

from members import handles
from members.cities import city

from .columns import MEMBER_FIELDS
from .faults import Fault
from .values import is_yes, skills

LONGEST = {"nickname": 200, "city": 60, "industry": 60, "skills": 60, "tags": 40}  # characters; of skills and tags each one
MONEY = re.compile(r"[¥￥$€£]?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2})0*)?\s*(?:元|块|RMB|CNY|USD)?", re.ASCII | re.IGNORECASE)
GUARDED = ("'=", "'+", "'-", "'@")
GROUP_PARTS = re.compile(r"\s*[/、,;|]\s*")
MORE = ("tags", "offers", "seeks", "paid")
NOTHING = {}  # one for all, which nobody adds to


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
    """Light, since there may be a hundred thousand of them: what holds several things is a tuple, and empty ones are all the same."""

    lines: tuple  # of the file, the first one first
    nickname: str = ""
    former: tuple = ()  # other nicknames the file has for this person
    wechat: tuple = ()
    phones: tuple = ()
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
    others: tuple = ()  # (platform, value) of ids on other platforms
    tags: tuple = ()
    offers: str = ""
    seeks: str = ""
    paid: int | None = None  # minor units
    custom: dict = field(default_factory=lambda: NOTHING)  # {id of a field of the tenant's own: value}

    @property
    def handles(self):
        return (*self.wechat, *self.phones, *(value for _, value in self.others))

    @property
    def identities(self):
        """What no two people have in common."""
        return (*self.wechat, *self.phones, *self.others)


class RowReader:
    """Rows of one file as people, by its columns. `read` raises a Fault for a row that cannot go in."""

    def __init__(self, columns, dates, groups, region, manner):
        self.columns, self.dates, self.groups, self.region = columns, dates, groups, region
        self.cell = {name: columns.reader(name) for name in MEMBER_FIELDS}
        self.ids = [(name.removeprefix("id:"), columns.reader(name)) for name in columns.at if name.startswith("id:")]
        self.customs = [(name, columns.reader(name), manner.customs[name]) for name in columns.at if name in manner.customs]
        self.has_more = bool(self.customs) or any(name in columns for name in MORE)
        self.says_partner = "partner" in columns
        self.city_of, self.industry_of, self.skills_of = _words(manner.words)

    def read(self, line, cells):
        cell = self.cell
        others = self._others(cells) if self.ids else ()
        wechat, phone = handles_in(cell["wechat"](cells), cell["phone"](cells), self.region, others)
        joined, expires = self._term(cells)
        inviter, inviter_text = self._inviter(cells)
        person = Person(
            (line,),
            nickname=_text(cell["nickname"](cells)),
            wechat=(wechat,) if wechat else (),
            phones=(phone,) if phone else (),
            city=self.city_of(cell["city"](cells)),
            industry=self.industry_of(cell["industry"](cells)),
            skills=self.skills_of(cell["skills"](cells)),
            joined=joined,
            expires=expires,
            group=group_in(cell["group"](cells), self.groups),
            inviter=inviter,
            inviter_text=inviter_text,
            partner=is_yes(cell["partner"](cells)) if self.says_partner else None,
            note=_text(cell["note"](cells)),
            others=others,
        )
        if self.has_more:
            self._add_more(person, cells)
        self._refuse_too_long(person)
        return person

    def _others(self, cells):
        """Ids on other platforms, in their normal forms."""
        found = []
        for platform, reader in self.ids:
            text = reader(cells)
            if not handles.plain(text):
                continue
            value = handles.normal(platform, text, self.region)
            if not value:
                raise Fault("bad_handle", value=text.strip()[:60], column=self.columns.header_of(f"id:{platform}"))
            found.append((platform, value))
        return tuple(found)

    def _term(self, cells):
        joined, expires = self._day("joined", cells), self._day("expires", cells)
        if joined and expires and expires < joined:
            raise Fault("expires_before_joined", joined=joined.isoformat(), expires=expires.isoformat())
        return joined, expires

    def _day(self, name, cells):
        value = self.cell[name](cells)
        try:
            return self.dates.read(value)
        except ValueError:
            raise Fault("bad_date", value=value.strip(), column=self.columns.header_of(name)) from None

    def _inviter(self, cells):
        """Their handle in its normal form, or how the file names them otherwise."""
        text = handles.plain(self.cell["inviter"](cells))
        known = handles.wechat(text) or handles.phone(text, self.region) if text else None
        return (known, "") if known else ("", text)

    def _add_more(self, person, cells):
        """What few files have."""
        cell = self.cell
        person.tags = skills(cell["tags"](cells))
        person.offers, person.seeks = cell["offers"](cells).strip(), cell["seeks"](cells).strip()
        person.paid = self._amount(cell["paid"](cells))
        if self.customs:
            person.custom = self._customs(cells)

    def _customs(self, cells):
        found = {}
        for name, reader, clean in self.customs:
            text = reader(cells).strip()
            if not handles.plain(text):
                continue
            try:
                found[name.removeprefix("custom:")] = clean(text)
            except ValueError as wrong:
                raise Fault("bad_value", value=text[:40], column=self.columns.header_of(name), why=str(wrong)) from None
        return found or NOTHING

    def _amount(self, text):
        text = handles.plain(text)
        found = MONEY.fullmatch(text) if text else None
        if text and not found:
            raise Fault("bad_amount", value=text[:40], column=self.columns.header_of("paid"))
        return int(found[1].replace(",", "")) * 100 + int((found[2] or "0").ljust(2, "0")) if found else None

    def _refuse_too_long(self, person):
        for name, most in LONGEST.items():
            said = getattr(person, name)
            for value in said if name in ("skills", "tags") else (said,):
                if len(value) > most:
                    raise Fault("too_long", value=value[:20] + "…", column=self.columns.header_of(name), length=len(value), most=most)


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


def _in_parts(text, groups):
    """The groups of a cell that names several: who sits in one of another kind, too, sits in the one that is known."""
    parts = GROUP_PARTS.split(text)
    return sorted({key for part in parts for key in groups.find(part)}) if len(parts) > 1 else []


def group_in(value, groups):
    """The key of the group a cell names, None where it names none."""
    text = handles.plain(value)
    if not text or text in ("未分群", "待分群", "未入群"):
        return None
    keys = groups.find(text) or _in_parts(text, groups)
    if not keys:
        raise Fault("unknown_group", value=text, example=next((groups.name(key) for key in groups), "会员1群"))
    if len(keys) > 1:
        names = [groups.name(key) for key in keys]
        raise Fault("doubtful_group", value=text, names=", ".join(names), example=names[0])
    return keys[0]
