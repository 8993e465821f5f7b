"""A push as the messages that it becomes: a text over the limit in numbered parts, cut between paragraphs or sentences."""

import re
import unicodedata
from dataclasses import dataclass

MOST_PARTS = 9
BORDERS = [re.compile(each) for each in (r"\n\s*\n", r"\n", r"[。！？!?；;…][”」』’\"')）]*\s*|\.\s+", r"[，、,：:]\s*|\s+")]
ZWJ = "\u200d"
FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


@dataclass(frozen=True)
class Piece:
    """One message. A card leads to `url`; a picture is its bytes."""

    text: str = ""
    title: str = ""
    url: str = ""
    label: str = ""
    picture: bytes = b""
    picture_type: str = ""

    @property
    def ability(self):
        return "card" if self.url else "picture" if self.picture else "text"


class TooLong(Exception):
    """It would be more messages than anybody reads."""


# How platforms count


def characters(text):
    return len(text)


def in_bytes(text):
    return len(text.encode())


def in_utf16(text):
    return len(text.encode("utf-16-le")) // 2


def parts(text, most, size):
    """Numbered where it takes several: (1/3) … Raises `TooLong`."""
    if size(text) <= most:
        return [text]
    found = [each for each in cut(text, most - size(f"({MOST_PARTS}/{MOST_PARTS})\n"), size) if each.strip()]
    if len(found) > MOST_PARTS:
        raise TooLong
    return [f"({number}/{len(found)})\n{each.strip()}" for number, each in enumerate(found, 1)]


def cut(text, most, size):
    """Pieces of at most this size that are the text again when put together."""
    found = []
    while size(text) > most:
        at = _border(text, _fits(text, most, size))
        found.append(text[:at])
        text = text[at:]
    return [*found, text]


def _fits(text, most, size):
    """How many characters fit; at least one, since nothing else would ever end."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle]) <= most else (low, middle - 1)
    return low


def _border(text, most):
    """Where to cut: after a paragraph, a line, a sentence, a word, a character, whichever is found in the latter half."""
    for border in BORDERS:
        ends = [match.end() for match in border.finditer(text, 0, most + 1) if match.end() <= most]
        if ends and ends[-1] > most // 2 and _between(text, ends[-1]):
            return ends[-1]
    return next((at for at in range(most, max(0, most - 64), -1) if _between(text, at)), most)


def _between(text, at):
    """Whether two characters, as people see them, meet here."""
    if at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if (before, after) == ("\r", "\n") or before == ZWJ or _belongs_before(after):
        return False
    if before in FLAGS and after in FLAGS:  # two letters make a flag
        return (at - len(text[:at].rstrip(FLAGS))) % 2 == 0
    return True


def _belongs_before(character):
    """Marks, selectors, skin tones, tags, and the later letters of a Korean syllable."""
    code = ord(character)
    is_mark = unicodedata.category(character) in ("Mn", "Me", "Mc") or character == ZWJ
    return is_mark or 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F or 0x1160 <= code <= 0x11FF
