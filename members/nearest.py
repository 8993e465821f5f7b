"""Which known word a new one most likely is: by its letters and by how it sounds."""

from collections import Counter
from difflib import SequenceMatcher

from crm.tenancy import pinyin

from .vocabulary import key

ENOUGH = 0.62
LOOKED_AT = 25  # candidates that share most letters; comparing thousands in full would take seconds


class Nearest:
    """`words` are (id, spellings) of those that may be meant."""

    def __init__(self, words):
        self.keys = [(pk, spelling) for pk, spellings in words for spelling in dict.fromkeys(map(key, spellings)) if spelling]
        self.with_letter, self.with_sound = {}, {}
        for at, (_pk, spelling) in enumerate(self.keys):
            for letter in set(spelling):
                self.with_letter.setdefault(letter, []).append(at)
            self.with_sound.setdefault(_sound(spelling), []).append(at)

    def to(self, text):
        """The id of the nearest word, or None where none is near."""
        wanted = key(text)
        if alike := self.with_sound.get(_sound(wanted)):
            return self.keys[alike[0]][0]
        shared = Counter(at for letter in set(wanted) for at in self.with_letter.get(letter, ()))
        tried = sorted(shared, key=lambda at: (-shared[at] / (len(self.keys[at][1]) + len(wanted)), at))[:LOOKED_AT]
        best = max(((_alike(wanted, self.keys[at][1]), -at) for at in tried), default=(0, 0))
        return self.keys[-best[1]][0] if best[0] >= ENOUGH else None


def _alike(one, other):
    ratio = SequenceMatcher(None, one, other).ratio()
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) > 1 and shorter in longer:
        ratio = max(ratio, 0.7 + len(shorter) / len(longer) / 10)
    if one.isascii() or other.isascii():  # 杭州 and 常州 sound alike, and are not; what is written in letters may be a slip
        ratio = max(ratio, SequenceMatcher(None, _sound(one), _sound(other)).ratio() - 0.1)
    return ratio


def _sound(text):
    return "".join(pinyin.syllables(text))
