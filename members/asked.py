"""Which members somebody asks for, as an address or a saved question says it: words, and of each filter values of which any will do."""

from functools import partial

from django.db.models import Q

from . import registry, search
from .models import Member

MOST_VALUES = 50  # of one filter
LONGEST_QUESTION = 100
ENDS = ("_from", "_to")  # the two fields of a filter that is a span


class Asked:
    """Which members somebody asks for: words, and of each filter values of which any will do."""

    def __init__(self, words="", values=None, known=None):
        self.filters = {each.name: each for each in (registry.filters() if known is None else known)}
        self.words = _line(words)
        given = {name: list(dict.fromkeys(filter(None, map(_line, some))))[:MOST_VALUES] for name, some in (values or {}).items()}
        given = {name: some for name, some in given.items() if some}
        self.set = {name: given[name] for name in self.filters if name in given}
        self.unknown = [name for name in given if name not in self.filters]  # of a saved question whose filter is gone

    @classmethod
    def of_address(cls, sent):
        """Of a question in an address; what stands there beside filters is not ours."""
        known = registry.filters()
        values = {each.name: [*sent.getlist(each.name), *_ends(sent, each)] for each in known}
        return cls(sent.get("q", ""), values, known)

    @classmethod
    def of_saved(cls, said, known=None):
        values = {name: some if isinstance(some, list) else [some] for name, some in said.items() if name != "q"}
        return cls(said.get("q", ""), values, known)

    @property
    def saved(self):
        return self.set | ({"q": self.words} if self.words else {})

    def pairs(self, without=None):
        """As they stand in an address; `without` a filter, or one (filter, value)."""
        kept = [("q", self.words)] if self.words else []
        return kept + [(name, each) for name, some in self.set.items() for each in some if without not in (name, (name, each))]

    @property
    def is_narrowed(self):
        return bool(self.words or self.set.keys() - {"standing"})

    def people(self):
        """Among whom is looked: the present ones, unless others are asked for."""
        fits = self.fits("standing", self.set.get("standing", [Member.Standing.CURRENT]))
        return Member.objects.known().filter(fits) if fits is not None else Member.objects.none()

    def narrowed(self, without=None):
        found = self.people()
        if self.unknown:
            return Member.objects.none()
        for name, values in self.set.items():
            if name not in ("standing", without):
                fits = self.fits(name, values)
                found = found.filter(fits) if fits is not None else Member.objects.none()
        return found

    def fits(self, name, values):
        found = [fits for value in values if (fits := self.filters[name].fits(value)) is not None]
        if not found:
            return None
        together = Q(found[0])
        for each in found[1:]:
            together |= Q(each)
        return together

    def found(self, hidden=frozenset()):
        """The members that fit, each word as it stands."""
        return self.searched(self.narrowed(), hidden, search.exactly)

    def nearly_found(self, hidden=frozenset(), nobody_exactly=False):
        """With those that are nearly right, or None where no word bears an error."""
        if not self.words or not search.bears_slips(search.words_of(self.words)):
            return None
        return self.searched(self.narrowed(), hidden, partial(search.nearly, nobody_exactly=nobody_exactly))

    def searched(self, members, hidden, how):
        if not self.words:
            return members
        members, column = search.seen_by(members, hidden)
        return members.filter(how(search.words_of(self.words), column))


def _line(text):
    return "" if text is None else str(text).replace("\0", "")[:LONGEST_QUESTION].strip()


def _ends(sent, each):
    ends = [sent.get(each.name + end, "").strip() for end in ENDS] if each.kind in (registry.DAYS, registry.NUMBER) else []
    return ["..".join(ends)] if any(ends) else []
