"""What stands in a cell: cities, skills, yes and no, half-years, names of groups."""

# ruff: noqa: SIM905 (lists to be read)

import re
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from members.handles import plain

SKILL_PARTS = re.compile(r"[、,;/|\n\t]+")
YES = frozenset("是 yes y true t 1 ✓ ✔ ✔️ √ ☑ ☑️ ✅ 对 有 合伙人 partner".split())

HALVES = {1: "上半年 上半 上 一 h1 1h s1 first 第一 1".split(), 2: "下半年 下半 下 二 h2 2h s2 second 第二 2".split()}
HALF_OF = {word: half for half, words in HALVES.items() for word in words}
YEAR_FIRST = re.compile(r"(20\d\d|\d\d(?=年|h))(?:年度?)?(.+)", re.ASCII)
YEAR_LAST = re.compile(r"(.+?)(20\d\d)年?", re.ASCII)

CHINESE = {digit: n for n, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
NUMERAL = "[〇零一二两三四五六七八九十百]"
NUMBERED = [
    re.compile(pattern)
    for pattern in (
        rf"第?(\d+|(?<=第){NUMERAL}+)(?:号|#)?群",
        rf"第?({NUMERAL}+)(?:号)?群$",
        r"(?:群|group|no\.?|#)(\d+)",
        r"(\d+)(?!.*\d)",
    )
]
LONGEST_NAME = 80
ASIDE = re.compile(r"[(\[【].*?[)\]】]")
GROUP_WORDS = re.compile(r"群聊|微信群|群|group|[\s_\-–—·.#:]+")
# Such a word tells two kinds of groups apart, as the name of a community does not: 合伙人会员1群 is not 会员1群.
KINDS = re.compile("高级|初级|中级|普通|合伙|svip|vip|新|老|体验|核心|正式|预备|试|临时|男|女|付费|免费")


@lru_cache(maxsize=10_000)
def skills(text):
    """A cell's skills, each once. A blank parts two of them, unless it stands inside of English words."""
    found = []
    for part in SKILL_PARTS.split(plain(text)):
        found += [part.strip()] if part.isascii() and SKILL_PARTS.search(plain(text)) else part.split()
    return tuple(dict.fromkeys(filter(None, found)))


def is_yes(text):
    return plain(text).lower() in YES


@lru_cache(maxsize=1_000)
def half_year(text):
    """(2026, 2) for 2026下半年, 2026H2, 2026年下半年, H2 2026; None for what is no half-year."""
    text = re.sub(r"[\s_\-–—/.·届期()']+", "", plain(text).lower())
    if found := YEAR_FIRST.fullmatch(text):
        year, half = found[1], found[2]
    elif found := YEAR_LAST.fullmatch(text):
        year, half = found[2], found[1]
    else:
        return None
    half = HALF_OF.get(half) or HALF_OF.get(half.removesuffix("half").removesuffix("半年"))
    return (int(year) % 100 + 2000, half) if half else None


def number_of(numeral):
    """12 of 12 and of 十二."""
    if numeral.isdecimal():
        return int(numeral)
    if "百" in numeral:
        hundreds, _, rest = numeral.partition("百")
        return number_of(hundreds or "一") * 100 + (number_of(rest.strip("零〇")) if rest.strip("零〇") else 0)
    if "十" in numeral:
        tens, _, ones = numeral.partition("十")
        return number_of(tens or "一") * 10 + (number_of(ones) if ones else 0)
    return int("".join(str(CHINESE[digit]) for digit in numeral))


@lru_cache(maxsize=10_000)
def parts_of_a_group(text):
    """The words before a group's number, and the number: (青禾会员, 3) of 青禾会员3群, (会员a, None) of 会员A群."""
    text = "".join(plain(text).lower().split())
    if len(text) > LONGEST_NAME:
        return text, None
    text = ASIDE.sub("", text) or text
    for pattern in NUMBERED:
        if found := pattern.search(text):
            words = text[: found.start()] + " " + text[found.end() :]
            return GROUP_WORDS.sub("", words), number_of(found[1])
    return GROUP_WORDS.sub("", text) or text, None


class Alias(NamedTuple):
    """A spelling of which somebody said what group it means."""

    spelling: str
    name: str


class GroupNames:
    """The groups of a community under every spelling: 青禾会员3群, 会员3群 and 3群 have one key."""

    def __init__(self, names=()):
        """Of a group spelled in several ways, the last spelling is its name; an Alias among them is a spelling and no group."""
        names = list(names)
        aliases = {plain(name.spelling): name.name for name in names if isinstance(name, Alias) and name.spelling != name.name}
        names = [plain(name) for name in names if not isinstance(name, Alias) and plain(name) not in aliases]
        self.by_number = defaultdict(set)  # number -> the words that groups with this number go by
        parts = {name: parts_of_a_group(name) for name in names if name}
        for words, number in sorted(set(parts.values()), key=lambda part: len(part[0])):
            if words or number is None:
                self._take_in(words, number)
        for words, number in set(parts.values()):
            if not self.find_parts(words, number):
                self.by_number[number].add(words)
        self.names = {}
        for name in names:
            if name and len(keys := self.find_parts(*parts[name])) == 1:
                self.names[keys[0]] = name
        found = ((spelling, self.find_parts(*parts_of_a_group(name))) for spelling, name in aliases.items())
        self._found = {spelling: keys for spelling, keys in found if len(keys) == 1}

    def _take_in(self, words, number):
        known = self.by_number[number]
        # Without a number, a longer name is another group: 深圳读书群 beside 读书群.
        if number is None or not any(_same_kind(words, other) for other in known):
            known.add(words)

    def __len__(self):
        return len(self.names)

    def __iter__(self):
        return iter(sorted(self.names, key=lambda key: (self.number(key) is None, self.number(key) or 0, key)))

    def name(self, key):
        return self.names[key]

    def number(self, key):
        return parts_of_a_group(self.names[key])[1]

    def find(self, text):
        """The keys a spelling may mean: none of an unknown group, several of a doubtful one."""
        if text not in self._found:
            self._found[text] = self._found.get(plain(text)) or self.find_parts(*parts_of_a_group(text))
        return self._found[text]

    def find_parts(self, words, number):
        known = self.by_number.get(number, set())
        if words in known:
            return [key_of(words, number)]
        inside = [other for other in known if other and other in words and _same_kind(words, other)]
        if inside:
            return [key_of(max(inside, key=len), number)]
        if number is None and not words:
            return []
        return sorted(key_of(other, number) for other in known if not words or words in other)


def key_of(words, number):
    return words if number is None else f"{words}{number}"


def _same_kind(longer, shorter):
    """Whether only the name of the community tells these apart."""
    if shorter not in longer:
        return False
    return not KINDS.search(longer.replace(shorter, "", 1))
