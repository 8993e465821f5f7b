"""What the facts about words and fields say in the trail, and how they are taken back from it."""

from uuid import UUID

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

from . import words
from .models import CustomField, Spelling, Word

for _kind, _words, _icon in [
    ("words.taken_in", _("Took %(words)s new words into the lists; %(proposed)s of them wait for a look"), "tag"),
    ("word.added", _("Added a word to the lists"), "plus"),
    ("word.accepted", _("Accepted a new word"), "check"),
    ("word.proposed", _("Took back that a word was accepted"), "arrow-back-up"),
    ("word.renamed", _("Renamed a word; %(members)s members follow"), "pencil"),
    ("word.merged", _("Merged a word into another one; %(members)s members follow"), "git-merge"),
    ("word.separated", _("Took a merge of words back; %(members)s members follow"), "arrow-back-up"),
    ("word.spelling_added", _("Added a spelling to a word"), "plus"),
    ("word.spelling_dropped", _("Took a spelling from a word"), "minus"),
    ("word.dropped", _("Took away a word that nobody has"), "trash"),
    ("field.added", _("Added a field"), "plus"),
    ("field.changed", _("Changed a field"), "pencil"),
    ("field.retired", _("Retired a field; what members hold in it is kept"), "ban"),
    ("field.returned", _("Brought a field back"), "arrow-back-up"),
    ("fields.ordered", _("Put the fields into another order"), "arrows-sort"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="people", whys=dict(Word.Kind.choices))
trail.NAMES["word"] = lambda ids: dict(Word.objects.filter(pk__in=ids).values_list("pk", "name"))
trail.PAGES["word"] = "words:word"
trail.NAMES["customfield"] = lambda ids: dict(CustomField.objects.filter(pk__in=ids).values_list("pk", "name"))
trail.PAGES["customfield"] = "words:field"


def _words_of(facts):
    return {fact.pk: Word(pk=fact.subject) for fact in facts}


def _separable(facts):
    can = words.can_separate(list(_words_of(facts).values()))
    merges = trail.newest([fact for fact in facts if fact.subject in can], ["word.merged", "word.separated"])
    return [fact.pk for fact in merges]


def _separate(fact, by):
    words.separate(Word.objects.get(pk=fact.subject), by=by)
    return _now("They are two words again.")


def _still_accepted(facts):
    can = set(Word.objects.filter(pk__in=[fact.subject for fact in facts], state=Word.State.ACCEPTED).values_list("pk", flat=True))
    return [fact.pk for fact in trail.newest(facts, ["word.accepted", "word.proposed"]) if fact.subject in can]


def _propose_again(fact, by):
    words.propose_again(Word.objects.get(pk=fact.subject), by)
    return _now("The word waits for a look again.")


def _renamable(facts):
    """While the old name is still a spelling of the word."""
    old = {fact.pk: fact.before.get("spelling") for fact in facts if not fact.before.get("same_key")}
    spelled = dict(Spelling.objects.filter(pk__in=filter(None, old.values())).values_list("pk", "word"))
    newest = trail.newest(facts, ["word.renamed", "word.merged"])
    return [fact.pk for fact in newest if old.get(fact.pk) and spelled.get(UUID(old[fact.pk])) == fact.subject]


def _rename_back(fact, by):
    words.rename(Word.objects.get(pk=fact.subject), Spelling.objects.get(pk=fact.before["spelling"]).text, by)
    return _now("The word has its old name again.")


trail.undoes("word.merged", "members", _separable, _separate)
trail.undoes("word.accepted", "members", _still_accepted, _propose_again)
trail.undoes("word.renamed", "members", _renamable, _rename_back)
