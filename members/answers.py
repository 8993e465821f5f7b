"""What a newcomer's form holds: what is known before they type, what of it is kept, and words that it proposes."""

import unicodedata

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.tenancy.refusals import Refused

from . import custom
from .models import Consent, Word

LONGEST = {"nickname": 60, "city": 60, "industry": 60, "offers": 1000, "seeks": 1000}
MOST_SKILLS, LONGEST_SKILL = 12, 30
FIELDS = ("nickname", "city", "industry", "skills", "offers", "seeks")  # what is counted as filled, and the tenant's own beside it
OWN = "field-"  # before the id of a field of the tenant's own, where it has a name among others


def typed(introduction):
    """What stands in the form; before anything was typed, what the community knows already."""
    said = {name: value for name, value in introduction.answers.items() if not name.startswith("_")}
    return {"custom": {}} | said if said else known(introduction.member)


def known(member):
    skills = [{"name": skill, "level": member.skill_levels.get(skill)} for skill in member.skills[:MOST_SKILLS]]
    said = {name: getattr(member, name)[:most] for name, most in LONGEST.items()}
    held = {str(field.pk): member.custom.get(str(field.pk)) for field in custom.asked()}
    own = {pk: value if isinstance(value, list) else str(value) for pk, value in held.items() if value not in (None, "", [])}
    return said | {"skills": skills, "custom": own, "consents": []}


def filled(introduction):
    said = typed(introduction)
    return sum(1 for name in FIELDS if said.get(name)) + sum(1 for value in said["custom"].values() if value)


def clean(said):
    """Of what a stranger sends, what is kept. What is too long is refused, so that nothing is cut in silence."""
    if not isinstance(said, dict):
        raise Refused(_("These are no answers."), code="answers_malformed", status=400)
    kept = {name: _text(name, said.get(name), most) for name, most in LONGEST.items()}
    kept["skills"] = _skills(said.get("skills"))
    kept["custom"] = _own(said.get("custom"))
    consents = said.get("consents") if isinstance(said.get("consents"), list) else []
    kept["consents"] = [code for code in Consent.To.values if code in consents]
    return kept


def _text(name, value, most):
    value = unicodedata.normalize("NFC", value if isinstance(value, str) else "").replace("\0", "").replace("\r\n", "\n")
    value = value.encode("utf-8", "ignore").decode()  # half a character out of a script
    value = value.strip() if name in ("offers", "seeks") else " ".join(value.split())
    if len(value) > most:
        sentence = _("At most %(most)s characters, please; these are %(there)s.") % {"most": f"{most:,}", "there": f"{len(value):,}"}
        raise Refused(sentence, code="too_long", status=400, field=name)
    return value


def _skills(value):
    found = {}
    for each in value if isinstance(value, list) else []:
        name = _text("skills", each.get("name") if isinstance(each, dict) else each, LONGEST_SKILL)
        level = each.get("level") if isinstance(each, dict) else None
        if name:
            found.setdefault(name, level if level in (1, 2, 3) and not isinstance(level, bool | float) else None)
    if len(found) > MOST_SKILLS:
        raise Refused(_("At most %(most)s skills, please.") % {"most": MOST_SKILLS}, code="too_many", status=400, field="skills")
    return [{"name": name, "level": level} for name, level in found.items()]


def _own(value):
    """Of the fields that are asked, what stands in them, as it was typed."""
    value, kept = value if isinstance(value, dict) else {}, {}
    for field in custom.asked():
        pk = str(field.pk)
        if isinstance(said := value.get(pk), list):
            found = [_text(OWN + pk, each, custom.LONGEST_CHOICE) for each in said[: custom.MOST_CHOICES]]
            found = [each for each in dict.fromkeys(found) if each]
        else:
            said = "" if isinstance(said, bool | dict) or said is None else str(said)
            found = _text(OWN + pk, said, custom.LONGEST_TEXT)
        if found:
            kept[pk] = found
    return kept


def suggest(kind, text):
    """Words of the community that begin as this text does, or hold it."""
    text = " ".join(str(text).replace("\0", "").split())[:60]
    if kind not in Word.Kind.values or not text:
        return []
    words = Word.objects.accepted().filter(kind=kind)
    found = words.filter(Q(name__icontains=text) | Q(spellings__text__istartswith=text)).distinct().order_by("name")[:30]
    names = [word.name for word in found]
    return sorted(names, key=lambda name: (not name.lower().startswith(text.lower()), len(name), name))[:8]
