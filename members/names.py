"""What a nickname is searched, sorted and drawn by."""

# ruff: noqa: SIM905 (lists to be read)

import re
import unicodedata
from functools import lru_cache

from crm.tenancy import pinyin

from .cities import CITIES

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
WORDS = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
FIRST = re.compile(rf"[{HAN}]")
LETTER = re.compile(r"[^\W_]")
PARTS = re.compile(r"\s*[-－—–_|｜·・/]+\s*|\s+")
UNSORTABLE = "zzz"  # emoji alone come last, under any collation

# Read otherwise as a surname than the dictionary reads them first.
SURNAMES = dict(
    pair.split(":")
    for pair in "单:shan 解:xie 仇:qiu 曾:zeng 查:zha 盖:ge 区:ou 任:ren 朴:piao 乐:yue 覃:qin 缪:miao 翟:zhai "
    "冼:xian 晁:chao 尉:wei 宓:mi 华:hua".split()
)


def search_text(nickname, handles=(), former=()):
    """All that someone may type to find a member, in one line: names, their pinyin and initials, handles."""
    found = []
    for name in (nickname, *former):
        found.append(unicodedata.normalize("NFKC", name).lower())
        found += _spoken(name)
    found += (handle.lower() for handle in handles)
    return " ".join(dict.fromkeys(filter(None, found)))


SECTION = " \n "  # between names, handles, words and texts in what a member is searched by
LONGEST_TEXT = 500  # of a note that is searched, so that rows stay small enough to be walked over


def search_of(member, handles=(), former=(), notes=()):
    """All that a member is found by: names, then handles, then skills and tags, then what they offer, seek and is noted.

    Of who was merged into another or erased it is nothing.
    """
    if member.standing in ("merged", "erased"):
        return ""
    words = [part for word in (*member.skills, *member.tags) for part in _parts(word)]
    texts = [_flat(text)[:LONGEST_TEXT] for text in (member.offers, member.seeks, member.note, *notes) if text]
    lines = [[search_text(member.nickname, (), former)], map(_flat, handles), words, texts]
    return SECTION.join(" ".join(dict.fromkeys(filter(None, line))) for line in lines).rstrip(" \n")


@lru_cache(maxsize=10_000)
def _parts(word):
    return (_flat(word), *_spoken(word))


def folded(text):
    """As it is compared in a search."""
    if text.isascii():
        return text.replace("\0", " ").lower()
    return unicodedata.normalize("NFKC", text).replace("\0", " ").lower()


def _flat(text):
    return " ".join(folded(text).split())


def sort_key(nickname):
    """Pinyin, syllable by syllable, without emoji: 贺想 stands before 恒."""
    return " ".join(said for word in _words(nickname) for said in syllables(word)) or UNSORTABLE


def called(nickname):
    """The name alone, without the city before it and what follows: of 深圳-贺想⭐-直播 it is 贺想⭐."""
    name = unicodedata.normalize("NFKC", nickname).strip()
    parts = [part for part in PARTS.split(name) if LETTER.search(part)]
    if len(parts) > 1:
        return parts[1] if parts[0].removesuffix("市") in CITIES else parts[0]
    return name


def avatar(nickname):
    """The one character that stands for a member: of 深圳-贺想⭐-直播 it is 贺."""
    name = called(nickname)
    found = FIRST.search(name) or LETTER.search(name)
    return found[0].upper() if found else name[:1]


def _words(name):
    return WORDS.findall(unicodedata.normalize("NFKC", name).lower())


@lru_cache(maxsize=10_000)
def _spoken(name):
    """Pinyin and initials of the whole name, and of each word where it has several readings."""
    return tuple(_readings(name))


def _readings(name):
    words = _words(name)
    if not any(FIRST.match(word) for word in words):
        return
    said_of = [syllables(word) for word in words]
    yield "".join(said for word in said_of for said in word)
    yield "".join(said if said.isdigit() else said[:1] for word in said_of for said in word)
    if len(words) > 1:  # where a word begins, one that is nearly right may begin, too
        yield "-".join("".join(said) for said in said_of)
    for word in words:
        if word[0] in SURNAMES and _read(word) != syllables(word):
            yield "".join(_read(word))


@lru_cache(maxsize=10_000)
def syllables(word):
    """A word as it is said, with its first character as a surname where that differs."""
    if word[0] in SURNAMES and word not in CITIES:
        return (SURNAMES[word[0]], *_read(word)[1:])
    return _read(word)


@lru_cache(maxsize=10_000)
def _read(word):
    return tuple(pinyin.syllables(word)) if FIRST.match(word) else (word,)
