"""Which members look like one person: what of each is compared, which two are compared at all, and what speaks for them.

Two rows are compared only where they share something rare enough (a block): nickname, city and inviter; nickname and half of a
phone or WeChat id; nickname, city and dates. So a hundred thousand members take seconds. Equal nickname and city alone say nothing.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

from django.utils.translation import gettext_lazy

from . import handles
from .files.people import SECOND_SELF
from .merging import KNOWN
from .models import Handle, Member
from .names import called, sort_key

CROWD = 20  # what more members than this share is no sign
# What may be said of a pair, and what it counts. Signs of one kind do not add up: a name is said once.
SIGNS = {
    "near_phone": 40,
    "near_wechat": 35,
    "second_account": 30,
    "same_name": 30,
    "same_pinyin": 20,
    "same_inviter": 20,
    "same_city": 10,
    "same_joined": 10,
    "same_expires": 10,
}
SAID = {
    "near_phone": gettext_lazy("phones one digit apart"),
    "near_wechat": gettext_lazy("WeChat ids one character apart"),
    "second_account": gettext_lazy("one says it is a second account"),
    "same_name": gettext_lazy("same name"),
    "same_pinyin": gettext_lazy("names said alike"),
    "same_inviter": gettext_lazy("same inviter"),
    "same_city": gettext_lazy("same city"),
    "same_joined": gettext_lazy("joined on the same day"),
    "same_expires": gettext_lazy("same end of term"),
}


LOOKED_FOR = ["same_name", "same_inviter", "same_city"]  # what an import asks about before it writes
LOOKED_AT = sum(SIGNS[sign] for sign in LOOKED_FOR)


@dataclass(slots=True)
class Person:
    """What of a member is compared."""

    pk: object
    name: str  # without the city before it and the mark of a second account; empty for who is called by a handle
    is_second: bool
    city: str
    inviter: object
    joined: object
    expires: object
    is_current: bool
    phones: list = field(default_factory=list)
    wechats: list = field(default_factory=list)

    @property
    def pinyin(self):
        return _said(self.name)


@lru_cache(maxsize=50_000)
def _said(name):
    return sort_key(name)


@dataclass
class Found:
    """`certain` are (kept, gone, because), `doubtful` {(one, other): (signs, score)}."""

    certain: list
    doubtful: dict
    looked_at: set | None  # ids; None: everybody


def read():
    """All members as they are compared."""
    people, nicknames = {}, {}
    rows = Member.objects.filter(standing__in=KNOWN).values_list(
        "pk", "nickname", "city", "inviter", "joined_on", "expires_on", "standing"
    )  # fmt: skip
    for pk, nickname, city, inviter, joined, expires, standing in rows.iterator(10_000):
        name, is_second = core(nickname)
        nicknames[pk] = nickname.lower()
        people[pk] = Person(pk, name, is_second, city, inviter, joined, expires, standing == Member.Standing.CURRENT)
    others = []
    for pk, platform, value in Handle.objects.values_list("member", "platform", "value").iterator(10_000):
        if pk not in people:
            continue
        person = people[pk]
        if platform == Handle.Platform.PHONE:
            person.phones.append(value)
        else:
            others.append((pk, platform, value))
            if platform == Handle.Platform.WECHAT:
                person.wechats.append(value)
        if not person.is_current and value.lower() == nicknames[pk]:
            person.name = ""
    return people, others


@lru_cache(maxsize=50_000)
def core(nickname):
    """The name as it is compared, and whether it says that it is a second account."""
    text = unicodedata.normalize("NFKC", nickname).strip()
    bare = SECOND_SELF.sub("", text)
    return called(bare or text).casefold(), bool(bare) and bare != text


def compare(there, ids=None):
    people, others = there
    ids = None if ids is None else {pk for pk in ids if pk in people}
    doubtful = {}
    for one, other in _candidates(people, ids):
        if signs := signs_of(one, other):
            pair = (one.pk, other.pk) if one.pk < other.pk else (other.pk, one.pk)
            doubtful[pair] = (signs, min(100, sum(SIGNS[sign] for sign in signs)))
    return Found(_certain(people, others, ids), doubtful, ids)


def _candidates(people, ids):
    """Pairs that share a block, each once."""
    names = Counter(person.name for person in people.values())
    blocks = {}
    for person in people.values():
        if person.name:
            for key in _keys(person, names[person.name] > 1):
                blocks.setdefault(key, []).append(person)
    done = set()
    for block in blocks.values():
        if 1 < len(block) <= CROWD and (ids is None or any(person.pk in ids for person in block)):
            for one, other in combinations(block, 2):
                pair = (one.pk, other.pk)
                if one is not other and pair not in done and (ids is None or one.pk in ids or other.pk in ids):
                    done.add(pair)
                    yield one, other


def _keys(person, is_shared):
    if person.city and person.inviter:
        yield "pinyin", person.pinyin, person.city, person.inviter
    if not is_shared:
        return
    if person.city and person.joined and person.expires:
        yield "dates", person.name, person.city, person.joined, person.expires
    # Where two values differ in one place, one half of them is the same.
    for value in person.phones:
        half = len(value) // 2
        yield "phone", person.name, value[:half], len(value)
        yield "phone", person.name, len(value), value[half:]
    for value in person.wechats:
        for half in {len(value) // 2, (len(value) - 1) // 2}:  # the other one may be a character longer
            yield "wechat", person.name, value[:half]
            yield "wechat", person.name, half, value[-half:]


def signs_of(one, other):
    """The codes of what makes these two look like one person; empty where that is not enough to ask."""
    if not one.name or not other.name:
        return []
    said = {
        "same_name": one.name == other.name,
        "same_city": bool(one.city) and one.city == other.city,
        "same_inviter": one.inviter is not None and one.inviter == other.inviter,
        "same_joined": one.joined is not None and one.joined == other.joined,
        "same_expires": one.expires is not None and one.expires == other.expires,
        "second_account": one.is_second != other.is_second,
    }
    # One syllable is said alike by hundreds: 杰, 洁.
    said["same_pinyin"] = not said["same_name"] and one.pinyin == other.pinyin and " " in one.pinyin
    if said["same_name"]:
        said["near_phone"] = _any_near(one.phones, other.phones, by_length=True)
        said["near_wechat"] = _any_near(one.wechats, other.wechats)
    is_asked = (
        ((said["same_name"] or said["same_pinyin"]) and said["same_city"] and said["same_inviter"])
        or (said["same_name"] and (said["near_phone"] or said["near_wechat"]))
        or (said["same_name"] and said["second_account"] and said["same_city"] and said["same_joined"] and said["same_expires"])
    )
    return [sign for sign in SIGNS if said.get(sign)] if is_asked else []


def _any_near(ours, theirs, by_length=False):
    return any(is_near(one, other) for one in ours for other in theirs if not by_length or len(one) == len(other))


def is_near(one, other):
    """One character replaced, too many or missing."""
    if len(one) > len(other):
        one, other = other, one
    if one == other or len(other) - len(one) > 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[at + 1 :] == other[at + 1 :] if len(one) == len(other) else one[at:] == other[at + 1 :]


def _certain(people, others, ids):
    """A phone that somebody wrote as their id on another platform is a phone all the same."""
    whose = {value: pk for pk, person in people.items() for value in person.phones}
    found = []
    for pk, _platform, value in others:
        mobile = handles.MAINLAND.fullmatch(value)
        phone = mobile and "+86" + mobile[2]
        if phone in whose and whose[phone] != pk and (ids is None or pk in ids or whose[phone] in ids):
            kept, gone = sorted((people[pk], people[whose[phone]]), key=lambda person: (not person.is_current, not person.name, person.pk))
            found.append((kept.pk, gone.pk, "phone"))
    return found


# Writing
