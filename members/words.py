"""A tenant's words for cities, industries and skills: reading them out of what people write, and changing the lists."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import places, vocabulary
from . import word_following as following
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
        for pk, kind, name in Word.objects.standing().values_list("pk", "kind", "name"):
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

    def forget(self, kept):
        """What was taken up beyond these: whoever brought it was refused."""
        for at in self.new.keys() - kept:
            new = self.new.pop(at)
            for spelling in (new.name, *new.spellings):
                if self._names.get((new.kind, key(spelling))) == new.name:
                    del self._names[new.kind, key(spelling)]
            self._seen[new.kind] = {text: name for text, name in self._seen[new.kind].items() if name != new.name}

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
        taken |= {(kind, key(name)) for kind, name in Word.objects.standing().values_list("kind", "name")}
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


# Changing the lists


@transaction.atomic
def add(kind, name, spellings=(), *, by):
    """An accepted word. What we know of it by ourselves comes with it."""
    one_at_a_time()
    if kind not in Word.Kind.values:
        raise Refused(_("There is no such list."), code="no_such_list", status=400, field="kind")
    name = check_name(name)
    _refuse_taken(kind, name, field="name")
    texts = [check_name(text, "spellings") for text in spellings]
    for text in texts:
        _refuse_taken(kind, text, field="spellings")
    found = built_in(kind, name)
    word = Word.objects.create(kind=kind, name=name, **where(found if kind == CITY else None))
    _write_spellings(word, (name, *texts, *(found.spellings if found else ())))
    events.note("word.added", word, by=by, because=kind)
    return word


@transaction.atomic
def accept(word, by):
    """A proposed word is one of the tenant's own from now on."""
    if not Word.objects.filter(pk=word.pk, state=Word.State.PROPOSED).update(state=Word.State.ACCEPTED):
        raise Refused(_("This word does not wait for a look any more."), code="not_proposed")
    events.note("word.accepted", word, by=by, because=word.kind)
    word.refresh_from_db()
    return word


@transaction.atomic
def propose_again(word, by):
    """Take back that it was accepted."""
    if not Word.objects.filter(pk=word.pk, state=Word.State.ACCEPTED).update(state=Word.State.PROPOSED):
        raise Refused(_("This word is not in the list any more."), code="not_accepted")
    events.note("word.proposed", word, by=by, because=word.kind)
    word.refresh_from_db()
    return word


@transaction.atomic
def rename(word, name, by):
    """Members follow; the old name stays as a spelling. Returns what it was called."""
    one_at_a_time()
    word, name = _standing(word), check_name(name)
    if name == word.name:
        return name
    _refuse_taken(word.kind, name, but=word, field="name")
    old, word.name = word.name, name
    word.save(update_fields=["name"])
    _write_spellings(word, (old, name))
    members, _followed = following.take_along(word.kind, old, name)
    keys = dict(Spelling.objects.filter(word=word, key__in=[key(old), key(name)]).values_list("key", "pk"))
    events.note(
        "word.renamed",
        word,
        by=by,
        because=word.kind,
        before={"spelling": str(keys.get(key(old), "")), "same_key": key(old) == key(name)},
        after={"spelling": str(keys.get(key(name), "")), "members": members},
    )
    return old


@transaction.atomic
def merge(word, into, by):
    """One word from now on: spellings, members, modules, levels and segments follow. Returns how many members did."""
    one_at_a_time()
    word, into = _standing(word), _standing(into)
    if word.pk == into.pk or word.kind != into.kind:
        raise Refused(_("Choose another word of the same list."), code="not_two_words", status=400, field="into")
    was = word.state
    _write_spellings(word, (word.name,))
    spellings = list(Spelling.objects.filter(word=word).values_list("pk", flat=True))
    Spelling.objects.filter(pk__in=spellings).update(word=into)
    members, followed = following.take_along(word.kind, word.name, into.name)
    word.state, word.into = Word.State.MERGED, into
    word.followed = followed | {"spellings": list(map(str, spellings)), "was": was, "name": into.name}
    word.save(update_fields=["state", "into", "followed"])
    events.note("word.merged", word, by=by, because=word.kind, after={"into": str(into.pk), "members": members})
    return members


def can_separate(words):
    """Of these merged ones those that can be taken apart again: ids, in one question."""
    found = Word.objects.filter(pk__in=[word.pk for word in words], state=Word.State.MERGED).exclude(into__state=Word.State.MERGED)
    return set(found.values_list("pk", flat=True))


@transaction.atomic
def separate(word, by):
    """Take a merge back. Who was changed since stays as they are now. Returns how many members followed."""
    one_at_a_time()
    word = Word.objects.select_related("into").get(pk=word.pk)
    if word.pk not in can_separate([word]):
        raise Refused(_("The other word was merged itself in the meantime; take that back first."), code="merged_on")
    if Word.objects.standing().filter(kind=word.kind, name=word.name).exists():
        raise Refused(_("There is a word of this name again; rename that one first."), code="a_word_once")
    into, followed = word.into, word.followed
    Spelling.objects.filter(pk__in=followed.get("spellings", []), word=into).update(word=word)
    word.state, word.into, word.followed = followed.get("was", Word.State.ACCEPTED), None, {}
    word.save(update_fields=["state", "into", "followed"])
    _write_spellings(word, (word.name,))
    members = following.bring_back(word.kind, word.name, into.name, followed)
    events.note("word.separated", word, by=by, because=word.kind, after={"from": str(into.pk), "members": members})
    return members


@transaction.atomic
def add_spelling(word, text, by):
    one_at_a_time()
    word, text = _standing(word), check_name(text, "text")
    _refuse_taken(word.kind, text, field="text")
    spelling = _write_spellings(word, (text,))[0]
    events.note("word.spelling_added", word, by=by, because=word.kind, after={"spelling": str(spelling.pk)})
    return spelling


@transaction.atomic
def drop_spelling(spelling, by):
    """From now on it means nothing; read again, it is a new word that waits for a look."""
    one_at_a_time()
    spelling = Spelling.objects.select_related("word").get(pk=spelling.pk)
    if spelling.key == key(spelling.word.name):
        raise Refused(_("This is the word itself. Rename it, and this one can go."), code="own_name")
    events.note("word.spelling_dropped", spelling.word, by=by, because=spelling.kind, before={"spelling": str(spelling.pk)})
    spelling.delete()


@transaction.atomic
def drop(word, by):
    """A word that nobody has goes, with its spellings."""
    one_at_a_time()
    word = _standing(word)
    if people := following.members_with(word.kind, word.name).count():
        words = ngettext(
            "%(n)s member has this word. Merge it into another one instead.",
            "%(n)s members have this word. Merge it into another one instead.",
            people,
        )
        raise Refused(words % {"n": f"{people:,}"}, code="word_in_use", members=people)
    if word.merged_from.exists():
        raise Refused(_("Other words were merged into this one; it keeps their history."), code="holds_merged")
    events.note("word.dropped", word, by=by, because=word.kind)
    word.delete()


def missing():
    """{kind: words that stand at members and in no list}, from before there were lists."""
    names = set(Word.objects.standing().values_list("kind", "name"))
    found = {kind: [name for name in following.said(kind) if (kind, name) not in names] for kind in Word.Kind.values}
    return {kind: some for kind, some in found.items() if some}


@transaction.atomic
def take_in(by):
    """What stands at members comes into the lists; members of an odd spelling get the word itself. Returns how many were added."""
    one_at_a_time()
    words = known()
    for kind, texts in missing().items():
        for text in texts:
            name = words._name(kind, text)
            if name != text:
                following.take_along(kind, text, name)
    return words.settle(by)


def check_name(text, field="name"):
    text = tidy(str(text))
    if not text or not key(text):
        raise Refused(
            _("A word of one to %(most)s characters, please.") % {"most": LONGEST}, code="word_malformed", status=400, field=field
        )
    return text


def _standing(word):
    found = Word.objects.filter(pk=word.pk).exclude(state=Word.State.MERGED).first()
    if found is None:
        raise Refused(_("This word was merged into another one in the meantime."), code="merged_already")
    return found


def _refuse_taken(kind, text, *, field, but=None):
    spelled = Spelling.objects.filter(kind=kind, key=key(text)).exclude(word=but).select_related("word").first()
    word = spelled.word if spelled else Word.objects.standing().filter(kind=kind, name=text).exclude(pk=but and but.pk).first()
    if word:
        sentence = _("“%(text)s” is a spelling of “%(word)s” already.") % {"text": text, "word": word.name}
        raise Refused(sentence, code="spelling_taken", field=field, word=str(word.pk))


def _write_spellings(word, texts):
    """Those that no word has yet."""
    taken = set(Spelling.objects.filter(kind=word.kind, key__in=[key(text) for text in texts if text]).values_list("kind", "key"))
    rows = _spellings(word, texts, taken)
    return Spelling.objects.bulk_create(rows)
