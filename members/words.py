"""A tenant's words for cities, industries and skills: reading them out of what people write, and changing the lists."""

from dataclasses import dataclass

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.scope import active_tenant

from . import places, vocabulary
from .handles import plain
from .models import Spelling, Word
from .vocabulary import LONGEST, key

CITY, INDUSTRY, SKILL = Word.Kind.CITY, Word.Kind.INDUSTRY, Word.Kind.SKILL


def known():
    """All words of the tenant with all their spellings, in two questions."""
    return Known()


@dataclass
class New:
    """A word that is not in the lists yet."""

    kind: str
    name: str
    state: str
    place: places.Place | None = None
    spellings: tuple = ()


class Known:
    """Reads spellings. What nobody knew before is remembered, and written by `settle`."""

    def __init__(self):
        self.new = {}  # (kind, key) -> New
        self._seen = {kind: {"": ""} for kind in Word.Kind.values}  # text -> name
        self._names = {}  # (kind, key) -> name
        names = {}
        for pk, kind, name in Word.objects.exclude(state=Word.State.MERGED).values_list("pk", "kind", "name"):
            names[pk] = name
            self._names[kind, key(name)] = name
        for pk, kind, spelling in Spelling.objects.values_list("word", "kind", "key"):
            if pk in names:
                self._names[kind, spelling] = names[pk]
        self._language = None

    def city(self, text):
        return self._name(CITY, text)

    def industry(self, text):
        return self._name(INDUSTRY, text)

    def skill(self, text):
        return self._name(SKILL, text)

    def skills(self, texts):
        """Each once, in their order."""
        return list(dict.fromkeys(filter(None, map(self.skill, texts))))

    def _name(self, kind, text):
        seen = self._seen[kind]
        if (name := seen.get(text)) is None:
            name = seen[text] = self._read(kind, text)
        return name

    def _read(self, kind, text):
        text = tidy(text)
        if not text:
            return ""
        if name := self._names.get((kind, key(text))):
            return name
        if found := built_in(kind, text):
            name = self._names.get((kind, key(found.chinese))) or self._names.get((kind, key(found.english)))
            if name and key(text) in map(key, found.spellings):
                # The word was written out with this spelling, and somebody took it from it.
                return self._take_up(New(kind, tidy(text), Word.State.PROPOSED))
            if name:
                return name
            place = found if kind == CITY else None
            return self._take_up(New(kind, found.called(self.language), Word.State.ACCEPTED, place, found.spellings))
        name = tidy(places.named(text)) if kind == CITY else text
        return self._names.get((kind, key(name))) or self._take_up(New(kind, name, Word.State.PROPOSED))

    def _take_up(self, new):
        for spelling in (new.name, *new.spellings):
            self._names.setdefault((new.kind, key(spelling)), new.name)
        self.new[new.kind, key(new.name)] = new
        return new.name

    @property
    def language(self):
        if self._language is None:
            self._language = Tenant.objects.values_list("language", flat=True).get(pk=active_tenant())
        return self._language

    def settle(self, by=None):
        """Write what is new: accepted where we know it by ourselves, else proposed. Returns how many words were added."""
        if not self.new:
            return 0
        tenant = one_at_a_time()
        taken = set(Spelling.objects.values_list("kind", "key"))  # somebody may have settled the same in the meantime
        taken |= {(kind, key(name)) for kind, name in Word.objects.exclude(state=Word.State.MERGED).values_list("kind", "name")}
        words, spellings = [], []
        for (kind, own), new in self.new.items():
            if (kind, own) in taken:
                continue
            word = Word(kind=kind, name=new.name, state=new.state, **where(new.place))
            words.append(word)
            spellings += _spellings(word, (new.name, *new.spellings), taken)
        Word.objects.bulk_create(words)
        Spelling.objects.bulk_create(spellings)
        self.new = {}
        if words:
            waiting = sum(word.state == Word.State.PROPOSED for word in words)
            events.note("words.taken_in", tenant, by=by, after={"words": len(words), "proposed": waiting})
        return len(words)


def one_at_a_time():
    """Lists of words are changed by one at a time, so that no two take one spelling."""
    return Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())


def tidy(text):
    """As it is shown: no marks that are not seen, no blanks in a row, not too long."""
    return " ".join(plain(text.replace("\0", "")).split())[:LONGEST].strip()


def built_in(kind, text):
    """The Place or the Entry that we know by ourselves, or None."""
    return places.find(text) if kind == CITY else vocabulary.find(kind, text)


def where(place):
    """What a word of a city holds beside its name."""
    if place is None:
        return {}
    return {"province": place.province, "country": place.country, "latitude": place.latitude, "longitude": place.longitude}


def _spellings(word, texts, taken):
    """Rows for those that no word of this kind has; `taken` grows."""
    rows = []
    for text in texts:
        if text and (word.kind, key(text)) not in taken:
            taken.add((word.kind, key(text)))
            rows.append(Spelling(word=word, kind=word.kind, text=text[:LONGEST], key=key(text)))
    return rows
