"""Where a searched word lies in a nickname, and how it matched: by the letters themselves, or by pinyin or initials."""

import re
from dataclasses import dataclass
from functools import lru_cache

from . import slips
from .names import FIRST, WORDS, folded, syllables

WHOLE, BEGINNING, PART, INSIDE, NOWHERE = range(5)
BEFORE, AFTER = 8, 32  # characters of a long text around what was hit


@dataclass(frozen=True)
class Piece:
    text: str
    hit: bool


def pieces(text, words, nearly=False):
    """The text cut where the words were found, `nearly` also where one is with a slip; the pieces joined are the text again."""
    return list(_pieces(text, words, nearly)) if words else [Piece(text, False)]


@lru_cache(20_000)  # skills and tags stand in many rows, and the next letter asks for nearly the same people again
def _pieces(text, words, nearly):
    hit = [False] * len(text)
    for word in folded(words).split():
        for at in _by_letters(text, word) or _by_pinyin(text, word) or (nearly and _by_slip(text, word)) or ():
            hit[at] = True
    return tuple(_cut(text, hit))


def around(text, words):
    """The words of a long text with what stands around the first hit; empty where there is none."""
    text = " ".join(text.split())
    at = min((found[0] for word in folded(words).split() if (found := _by_letters(text, word))), default=None)
    if at is None:
        return []
    start = max(0, at - BEFORE)
    found = pieces(text[start : at + AFTER], words)
    ends = [Piece("…", False)] if start else [], [Piece("…", False)] if at + AFTER < len(text) else []
    return [*ends[0], *found, *ends[1]]


def _cut(text, hit):
    found = []
    for char, is_hit in zip(text, hit, strict=True):
        if found and found[-1].hit == is_hit:
            found[-1] = Piece(found[-1].text + char, is_hit)
        else:
            found.append(Piece(char, is_hit))
    return found


def by_pinyin(texts, words):
    """The characters that letters stood for, first ones first: of hai it may be 海, 嗨."""
    found = {}
    for word in folded(words).split():
        if not word.isascii():
            continue
        for text in texts:
            if not _by_letters(text, word) and (at := _by_pinyin(text, word)):
                found.setdefault("".join(text[place] for place in at if FIRST.match(text[place])), None)
    return list(filter(None, found))


def nearness(text, words):
    """How well the words fit: a text whole, its beginning, its initials or a later word, anything inside. The worst word counts."""
    said = _said(text)
    return max((_near(*said, word) for word in folded(words).split()), default=NOWHERE)


def _near(letters, spoken, initials, beginnings, word):
    if word in (letters, spoken, initials):
        return WHOLE
    if letters.startswith(word) or spoken.startswith(word):
        return BEGINNING
    if initials.startswith(word) or any(later.startswith(word) for later in beginnings):
        return PART
    return INSIDE if word in letters or (len(word) > 1 and word in initials) else NOWHERE


@lru_cache(maxsize=50_000)
def _said(text):
    """The text itself, how it is said, its initials, and what it is from each later word or syllable on."""
    words = WORDS.findall(folded(text))
    said = [part for word in words for part in (syllables(word) if FIRST.match(word) else [word])]
    initials = "".join(part if part.isdigit() else part[:1] for part in said)
    return folded(text), "".join(said), initials, (*words[1:], *("".join(said[at:]) for at in range(1, len(said))))


def _by_letters(text, word):
    """Places of the word in the text as it is searched."""
    return _everywhere(*_letters(text), word)


@lru_cache(20_000)
def _letters(text):
    """One character may fold into several."""
    if text.isascii():
        return text.lower().replace("\0", " "), range(len(text))
    letters, place = "", []
    for at, char in enumerate(text):
        said = folded(char)
        letters += said
        place += [at] * len(said)
    return letters, place


def _by_slip(text, word):
    if not slips.bears_one(word):
        return []
    if not word.isascii():
        return _by_pinyin(text, slips.as_said(word))
    pattern = re.compile(slips.begins(word, r"\b") + "(?:" + "|".join(slips.one_error(word)).replace(r"\M", r"\b") + ")")
    for letters, place in (_letters(text), _sounds(text)):
        if found := pattern.search(letters):
            return place[found.start() : found.end()]
    return []


def _sounds(text):
    """How the text is said, word by word, and at which place each letter of it stands."""
    letters, place = "", []
    for first, said in _runs(text):
        for at, syllable in enumerate(said, start=first):
            letters += syllable
            place += [at] * len(syllable)
        letters += "-"
        place.append(first)
    return letters, place


def _by_pinyin(text, word):
    """Places whose pinyin, or whose initials, hold the word; only where a whole syllable begins it."""
    said = _said_at(text)
    for shorten in (lambda syllable: syllable, lambda syllable: syllable[:1]):
        for start in range(len(said)):
            rest, at = word, start
            while at < len(said) and rest and (part := shorten(said[at][1])):
                if not (rest.startswith(part) or (part.startswith(rest) and shorten(said[at][1]) == said[at][1])):
                    break
                rest, at = rest[len(part) :], at + 1
            if not rest:
                return [place for place, _syllable in said[start:at]]
    return []


@lru_cache(20_000)
def _said_at(text):
    """(place, syllable) of each character; nothing where no character is spoken otherwise than it is written."""
    if not FIRST.search(text):
        return []
    return [(at, syllable) for first, found in _runs(text) for at, syllable in zip(range(first, first + len(found)), found, strict=True)]


def _runs(text):
    """Stretches of the text with one syllable for each character."""
    for match in WORDS.finditer(text):
        if FIRST.match(match[0]):
            found = syllables(match[0])
            if len(found) == len(match[0]):
                yield match.start(), found
        else:
            yield match.start(), list(match[0].lower())


def _everywhere(folded, place, word):
    at, found = folded.find(word), []
    while at >= 0:
        found += place[at : at + len(word)]
        at = folded.find(word, at + len(word))
    return found
