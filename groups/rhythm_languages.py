"""A ready rhythm in another language: as long as nobody changed what its slots say."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.tenancy import events
from crm.tenancy.refusals import Refused

from . import laying, rhythms
from .models import Rhythm, Slot
from .ready_rhythms import NAMES, SLOTS

LANGUAGES = [code for code, _name in settings.LANGUAGES]
WORDS = ("title", "text")


def of(rhythm):
    """The language in which it is as it was made; None where somebody changed a word of it."""
    if not rhythm.is_usual:
        return None
    said = set(Slot.objects.open().filter(rhythm=rhythm).values_list(*WORDS))
    return next((code for code in LANGUAGES if said and said <= set(_ready(rhythm.mode, code))), None)


def others(rhythm):
    """The languages in which it can be had."""
    language = of(rhythm)
    return [code for code in LANGUAGES if code != language] if language else []


def _ready(mode, language):
    """[(title, text)]"""
    with override(language):
        return [(str(each.title), str(each.text)) for each in SLOTS[mode]]


def _name(mode, language):
    with override(language):
        return str(NAMES[mode])


@transaction.atomic
def remake(rhythm, language, *, by):
    """Its words in this language; when each slot is done, by whom and for how long stays as it is. What is not done yet follows."""
    laying.at_once()
    rhythm = Rhythm.objects.open().filter(pk=rhythm.pk).first() or rhythm
    if language not in LANGUAGES:
        sentence = _("One of these: %s.") % ", ".join(LANGUAGES)
        raise Refused(sentence, code="no_such_choice", status=400, field="language")
    before = of(rhythm)
    if before is None:
        sentence = _("Somebody changed what this rhythm says, so it is not written anew. Change its slots one by one.")
        raise Refused(sentence, code="rhythm_changed")
    if before == language:
        return rhythm
    into = dict(zip(_ready(rhythm.mode, before), _ready(rhythm.mode, language), strict=True))
    for slot in Slot.objects.open().select_for_update().filter(rhythm=rhythm):
        slot.title, slot.text = into[slot.title, slot.text]
        slot.save(update_fields=WORDS)
    if rhythm.name == _name(rhythm.mode, before):
        rhythm.name = rhythms.free_name(_name(rhythm.mode, language))
        rhythm.save(update_fields=["name"])
    events.note("rhythm.remade", rhythm, by=by, before={"language": before}, after={"language": language})
    laying.follow(anew=True)
    return rhythm
