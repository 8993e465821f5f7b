"""Where a searched word lies in a nickname, and how it matched: by the letters themselves, or by pinyin or initials."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from .names import FIRST, WORDS
from .names import _syllables as syllables

WHOLE, BEGINNING, PART, INSIDE, NOWHERE = range(5)


@dataclass(frozen=True)
class Piece:
    text: str
    hit: bool


def pieces(text, words):
    """The text cut where the words were found; the pieces joined are the text again."""
    if not words:
        return [Piece(text, False)]
    hit = [False] * len(text)
    for word in _folded(words).split():
        for at in _by_letters(text, word) or _by_pinyin(text, word):
            hit[at] = True
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
    for word in _folded(words).split():
        if not word.isascii():
            continue
        for text in texts:
            if not _by_letters(text, word) and (at := _by_pinyin(text, word)):
                found.setdefault("".join(text[place] for place in at if FIRST.match(text[place])), None)
    return list(filter(None, found))


def nearness(text, words):
    """How well the words fit: a text whole, its beginning, its initials or a later word, anything inside. The worst word counts."""
    said = _said(text)
    return max((_near(*said, word) for word in _folded(words).split()), default=NOWHERE)


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
    words = WORDS.findall(_folded(text))
    said = [part for word in words for part in (syllables(word) if FIRST.match(word) else [word])]
    initials = "".join(part if part.isdigit() else part[:1] for part in said)
    return _folded(text), "".join(said), initials, (*words[1:], *("".join(said[at:]) for at in range(1, len(said))))


def _folded(text):
    return unicodedata.normalize("NFKC", text).lower()


def _by_letters(text, word):
    """Places of the word in the text as it is searched; one character may fold into several."""
    folded, place = "", []
    for at, char in enumerate(text):
        said = _folded(char)
        folded += said
        place += [at] * len(said)
    return _everywhere(folded, place, word)


def _by_pinyin(text, word):
    """Places whose pinyin, or whose initials, hold the word; only where a whole syllable begins it."""
    said = [(at, syllable) for first, found in _runs(text) for at, syllable in zip(range(first, first + len(found)), found, strict=True)]
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
