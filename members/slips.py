"""Slips of who types: one wrong letter, or another character that sounds the same."""

import re

from .names import FIRST, WORDS, syllables

SHORTEST, LONGEST = 4, 24  # letters of a word in which a slip is forgiven
ANYWHERE = 5  # from so many letters on it may stand within a word: 海燕 in 林海燕


def bears_one(word):
    if word.isascii():
        return SHORTEST <= len(word) <= LONGEST and not word.isdigit()
    return len(word) > 1 and bool(FIRST.search(word))


def begins(word, beginning):
    """What stands before the pattern of a word: the sign for the beginning of a word, where it has to begin one."""
    return "" if len(word) >= ANYWHERE else beginning


def as_said(word):
    return "".join(said for part in WORDS.findall(word) for said in (syllables(part) if FIRST.match(part) else (part,)))


def one_error(word):
    """Patterns of all that one error makes of a word: a letter wrong, missing or too many, or two that changed places."""
    at, last = range(len(word)), len(word) - 1
    spelled = [re.escape(letter) for letter in word]
    join = "".join
    found = [join(spelled[:i]) + "." + join(spelled[i + 1 :]) for i in at]
    found += [join(spelled[:i]) + "." + join(spelled[i:]) for i in at if i]
    found += [join(spelled[:i] + spelled[i + 1 :]) for i in at if i < last]
    found += [join([*spelled[:i], spelled[i + 1], spelled[i], *spelled[i + 2 :]]) for i in at if i < last]
    found.append(join(spelled[:last]) + r"\M")  # the database's sign for the end of a word
    return list(dict.fromkeys(found))
