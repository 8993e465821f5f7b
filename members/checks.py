"""What each field of a person may hold: a value as it would be kept, or a refusal that says what will do."""

import datetime
import uuid
from functools import cached_property

from django.utils.translation import gettext as _

from crm.tenancy import files
from crm.tenancy.models import File, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import custom
from . import words as spellings
from .models import Member

LONGEST = {"nickname": 200, "city": 60, "industry": 60, "note": 10_000, "offers": 2000, "seeks": 2000}
LONGEST_SKILL, MOST_SKILLS = 60, 40
LONGEST_TAG, MOST_TAGS = 40, 40
LEVELS = (1, 2, 3)
FIRST_YEAR, LAST_YEAR = 1990, 2199


class Known:
    """What values are read by, asked for once however many rows there are: the tenant's words and own fields, and who invites."""

    def __init__(self):
        self.words = spellings.known()
        self.inviters = {}  # {id: member, or None}, of those who were looked up together

    @cached_property
    def fields(self):
        return {str(field.pk): field for field in custom.fields()}

    @cached_property
    def region(self):
        return country()

    def look_up(self, inviters):
        """All of them in one question."""
        found = Member.objects.in_bulk([pk for pk in map(as_uuid, inviters) if pk])
        self.inviters |= {as_uuid(pk): found.get(as_uuid(pk)) for pk in inviters}

    def inviter(self, pk):
        pk = as_uuid(pk)
        return self.inviters[pk] if pk in self.inviters else Member.objects.filter(pk=pk).first()


def checked(member, values, known):
    """Each field's value as it would be kept."""
    return {name: CHECKS[name](name, value, member, known) for name, value in values.items() if name in CHECKS}


def check(name, value, member=None):
    """One field alone, for a form."""
    return CHECKS[name](name, value, member or Member(), Known())


def refused(name, sentence, code, **more):
    return Refused(sentence, code=code, status=400, field=name, **more)


def _line(text):
    return " ".join(str(text or "").replace("\0", "").split())


def _nickname(name, value, member, known):
    value = _line(value)
    if not value or len(value) > LONGEST[name]:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST[name]}
        raise refused(name, sentence, "name_malformed")
    return value


def _prose(name, value, member, known):
    value = str(value or "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(value) > LONGEST[name]:
        sentence = _("At most %(most)s characters; these are %(there)s.") % {"most": f"{LONGEST[name]:,}", "there": f"{len(value):,}"}
        raise refused(name, sentence, "too_long")
    return value


def _word(name, value, member, known):
    value = _line(value)
    if len(value) > LONGEST[name]:
        raise refused(name, _("At most %(most)s characters.") % {"most": LONGEST[name]}, "too_long")
    return getattr(known.words, name)(value) if value else ""


def _skills(name, value, member, known):
    found = _several(name, value, LONGEST_SKILL, MOST_SKILLS)
    return list(dict.fromkeys(filter(None, map(known.words.skill, found))))


def _levels(name, value, member, known):
    if not isinstance(value, dict):
        raise refused(name, _("Levels are given by skill."), "levels_malformed")
    levels = {}
    for skill, level in value.items():
        if level in (None, ""):
            continue
        if level not in LEVELS or isinstance(level, bool | float):
            raise refused(name, _("A level is 1, 2 or 3."), "levels_malformed")
        levels[known.words.skill(_line(skill))] = level
    return levels


def _tags(name, value, member, known):
    return _several(name, value, LONGEST_TAG, MOST_TAGS)


def _several(name, value, longest, most):
    found = list(dict.fromkeys(filter(None, map(_line, value or ()))))
    if too_long := next((each for each in found if len(each) > longest), None):
        sentence = _("“%(word)s” is too long: at most %(most)s characters each.") % {"word": too_long[:20], "most": longest}
        raise refused(name, sentence, "too_long")
    if len(found) > most:
        raise refused(name, _("At most %(most)s of them.") % {"most": most}, "too_many")
    return found


def _day(name, value, member, known):
    if value in (None, ""):
        return None
    try:
        day = value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise refused(name, _("A day such as 2026-11-24, please."), "day_malformed")
    return day


def _inviter(name, value, member, known):
    if value in (None, ""):
        return None
    found = value if isinstance(value, Member) else known.inviter(value)
    if found is None or found.standing not in (Member.Standing.CURRENT, Member.Standing.PAST):
        raise refused(name, _("There is no such member."), "no_such_member")
    if found.pk == member.pk:
        raise refused(name, _("Nobody invites themselves."), "own_inviter")
    return found


def _choice(name, value, member, known):
    allowed = Member.Tier.values if name == "tier" else [Member.Standing.CURRENT, Member.Standing.PAST]
    if value not in allowed:
        raise refused(name, _("One of these: %s.") % ", ".join(allowed), "no_such_choice")
    return str(value)


def _custom(name, value, member, known):
    """The values of the tenant's own fields, laid over those that are there."""
    if not isinstance(value, dict):
        raise refused(name, _("Own fields are given by their ids."), "custom_malformed")
    fields, kept = known.fields, dict(member.custom)
    for pk, each in value.items():
        if str(pk) in fields and (cleaned := custom.clean(fields[str(pk)], each)) is not None:
            kept[str(pk)] = cleaned
        elif str(pk) in fields or each is None:
            kept.pop(str(pk), None)
        elif kept.get(str(pk)) != each:
            raise refused(name, _("There is no such field any more."), "no_such_field")
    return kept


def _photo(name, value, member, known):
    if value in (None, ""):
        return None
    pictures = File.objects.filter(content_type__in=files.SHOWN).exclude(kind="logo")
    found = value if isinstance(value, File) else pictures.filter(pk=as_uuid(value)).first()
    if found is None:
        raise refused(name, _("This photo is not there any more."), "no_such_photo")
    return found


CHECKS = {
    "nickname": _nickname, "standing": _choice, "tier": _choice, "city": _word, "industry": _word, "skills": _skills,
    "skill_levels": _levels, "offers": _prose, "seeks": _prose, "joined_on": _day, "expires_on": _day, "inviter": _inviter,
    "tags": _tags, "note": _prose, "custom": _custom, "photo": _photo,
}  # fmt: skip


def country():
    return Tenant.objects.filter(pk=active_tenant()).values_list("country", flat=True).get()


def as_uuid(text):
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
