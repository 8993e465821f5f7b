"""The filters of this room: what is known of a member, and the fields that the tenant defined."""

import datetime
import uuid
from decimal import Decimal, InvalidOperation

from django.db.models import Case, CharField, Count, DecimalField, Exists, F, Func, OuterRef, Q, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from . import registry
from .models import CustomField, Handle, Introduction, Member
from .names import folded
from .registry import DAYS, NUMBER, TEXT, Filter

EVERYBODY = "all"
NONE = "none"
SOON = datetime.timedelta(days=30)
LONGEST_SPAN = 3650  # days


def as_uuid(text):
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def _counted(field, members=None):
    found = Member.objects.current() if members is None else members
    return found.exclude(**{field: ""}).values(value=F(field), label=F(field)).annotate(count=Count("pk")).order_by("-count", field)


def _each(field):
    """Of a list that each member has, how many have each of its words."""
    said = Func(F(field), function="unnest", output_field=CharField())
    return Member.objects.current().values(value=said).annotate(label=F("value"), count=Count("pk")).order_by("-count", "value")


def _said(choices):
    return lambda code: choices(code).label if code in choices.values else code


def _is_one_of(choices, field):
    return lambda value: Q(**{field: value}) if value in choices.values else None


# Standing is asked before all others: whom the list is about


def standing(value):
    if value == EVERYBODY:
        return Q(standing__in=(Member.Standing.CURRENT, Member.Standing.PAST))
    return Q(standing=value) if value in (Member.Standing.CURRENT, Member.Standing.PAST) else None


def _everybody():
    return Member.objects.known().values(value=F("standing"), label=F("standing")).annotate(count=Count("pk")).order_by("standing")


# Days


def span(value, read):
    """`from..to`, either of them open; None where it is neither."""
    first, dots, last = value.partition("..")
    try:
        found = [read(each) if each else None for each in (first, last)]
    except (ValueError, InvalidOperation):
        return None
    return found if dots and any(each is not None for each in found) else None


def _a_day(text):
    day = datetime.date.fromisoformat(text)
    if len(text) != 10:
        raise ValueError
    return day


def _a_number(text):
    number = Decimal(text)
    if not number.is_finite() or abs(number) > 10**15:
        raise InvalidOperation
    return number


def _between(field, read):
    def fits(value):
        if (found := span(value, read)) is None:
            return None
        ends = {f"{field}__gte": found[0], f"{field}__lte": found[1]}
        return Q(**{name: end for name, end in ends.items() if end is not None})

    return fits


def says_span(value):
    first, _dots, last = value.partition("..")
    if first and last:
        return _now("%(first)s to %(last)s") % {"first": first, "last": last}
    return _now("from %s on") % first if first else _now("until %s") % last


def _term(value):
    today = timezone.localdate()
    if value == "over":
        return Q(expires_on__lt=today)
    if value == NONE:
        return Q(expires_on=None)
    days = SOON.days if value == "soon" else int(value) if value.isascii() and value.isdigit() and len(value) < 5 else 0
    if not 0 < days <= LONGEST_SPAN:
        return None
    return Q(expires_on__range=(today, today + datetime.timedelta(days=days)))


def _terms():
    today = timezone.localdate()
    ending = Member.objects.current().filter(expires_on__lte=today + SOON)
    state = Case(When(expires_on__lt=today, then=Value("over")), default=Value("soon"))
    return ending.annotate(value=state, label=F("value")).values("value", "label").annotate(count=Count("pk")).order_by("-value")


def _says_term(value):
    known = {"soon": _now("Ends within 30 days"), "over": _now("Is over"), NONE: _now("Without an end")}
    return known.get(value) or (_now("Ends within %s days") % value if value.isdigit() else value)


# People


def _inviter(value):
    if value == NONE:
        return Q(inviter=None)
    return Q(inviter=pk) if (pk := as_uuid(value)) else None


def _inviters():
    brought = Member.objects.current().exclude(inviter=None).values(value=Cast("inviter_id", CharField()), label=F("inviter__nickname"))
    return brought.annotate(count=Count("pk")).order_by("-count", "value")


def nicknames(values):
    ids = list(filter(None, map(as_uuid, values)))
    return {str(pk): name for pk, name in Member.objects.filter(pk__in=ids).values_list("pk", "nickname")}


HAS_IT = {"yes": _("has one"), "no": _("has none")}


def _phone(value):
    has = Exists(Handle.objects.filter(member=OuterRef("pk"), platform=Handle.Platform.PHONE))
    return {"yes": Q(has), "no": ~Q(has)}.get(value)


def _introduced(value):
    introductions = Introduction.objects.filter(member=OuterRef("pk"))
    if value == NONE:
        return ~Q(Exists(introductions))
    return Q(Exists(introductions.filter(state=value))) if value in Introduction.State.values else None


def _introductions():
    asked = Introduction.objects.filter(member__standing=Member.Standing.CURRENT).values(value=F("state"), label=F("state"))
    return asked.annotate(count=Count("member", distinct=True)).order_by("value")


JOINED, EXPIRES = pgettext_lazy("day", "Joined"), pgettext_lazy("day", "Expires")
for _each_filter in [
    Filter("city", _("City"), "map-pin", lambda value: Q(city=value), lambda: _counted("city"), order=10),
    Filter("industry", _("Industry"), "building", lambda value: Q(industry=value), lambda: _counted("industry"), order=12),
    Filter("skill", _("Skill"), "tool", lambda value: Q(skills__contains=[value]), lambda: _each("skills"), order=14),
    Filter("tag", _("Tag"), "tag", lambda value: Q(tags__contains=[value]), lambda: _each("tags"), order=34),
    Filter(
        "tier", _("Tier"), "diamond", _is_one_of(Member.Tier, "tier"), lambda: _counted("tier"), 50, _said(Member.Tier), is_more=True
    ),
    Filter(
        "term", _("Term"), "calendar-event", _term, _terms, 52, _says_term,
        fixed=(("7", _("Ends within 7 days")), ("90", _("Ends within 90 days")), (NONE, _("Without an end"))), is_more=True,
    ),
    Filter(
        "standing", _("Standing"), "user-check", standing, _everybody, 54, _said(Member.Standing),
        fixed=((EVERYBODY, _("current and past")),), is_more=True,
    ),
    Filter("joined", JOINED, "calendar-event", _between("joined_on", _a_day), order=60, says=says_span, kind=DAYS, is_more=True),
    Filter("expires", EXPIRES, "calendar-event", _between("expires_on", _a_day), order=62, says=says_span, kind=DAYS, is_more=True),
    Filter(
        "phone", _("Phone"), "device-mobile", _phone, order=64, says=lambda value: HAS_IT.get(value, value),
        fixed=tuple(HAS_IT.items()), is_more=True,
    ),
    Filter(
        "introduction", _("Introduction"), "clipboard-text", _introduced, _introductions, 66, _said(Introduction.State),
        fixed=((NONE, _("never asked for")),), is_more=True,
    ),
    Filter(
        "inviter", _("Invited by"), "user-plus", _inviter, _inviters, 68, names=nicknames, fixed=((NONE, _("nobody")),), is_more=True
    ),
]:  # fmt: skip
    registry.add_filter(_each_filter)


# The tenant's own fields


def _of_fields():
    return [_of_field(field, at) for at, field in enumerate(CustomField.objects.filter(retired_at=None).order_by("place", "id"))]


def name_of_field(pk):
    return f"field-{pk}"


def _of_field(field, at):
    key, kinds = str(field.pk), CustomField.Kind
    said = KeyTextTransform(key, "custom")
    how = {"order": 100 + at, "is_more": True}
    name, icon = name_of_field(key), "clipboard-text"
    if field.kind in (kinds.CHOICE, kinds.CHOICES):
        many = field.kind == kinds.CHOICES
        fits = (lambda value: Q(custom__contains={key: [value]})) if many else (lambda value: Q(custom__contains={key: value}))
        return Filter(name, field.name, icon, fits, lambda: _choices_of(key, many), **how)
    if field.kind == kinds.TEXT:
        return Filter(name, field.name, icon, lambda value: _holds(key, value), kind=TEXT, **how)
    if field.kind == kinds.DATE:
        return Filter(name, field.name, icon, lambda value: _within(said, value, _a_day, str), kind=DAYS, says=says_span, **how)
    number = Case(When(_is_number(key), then=Func(said, template="(%(expressions)s)::numeric", output_field=DecimalField())))
    return Filter(name, field.name, icon, lambda value: _within(number, value, _a_number, lambda n: n), kind=NUMBER, says=says_span, **how)


def _is_number(key):
    """What is no number stays out."""
    return Exact(Func(KeyTransform(key, "custom"), function="jsonb_typeof", output_field=TextField()), Value("number"))


def _holds(key, value):
    """Members whose text holds it, whatever the case."""
    return Q(**{f"custom__{key}__icontains": value}) if folded(value).strip() else None


def _within(read, value, parse, store):
    if (found := span(value, parse)) is None:
        return None
    inside = Q()
    for end, way in zip(found, ("gte", "lte"), strict=True):
        if end is not None:
            inside &= _compared(read, way, store(end))
    return inside


def _compared(read, way, end):
    return Q({"gte": GreaterThanOrEqual, "lte": LessThanOrEqual}[way](read, Value(end)))


def _choices_of(key, many):
    each = Func(KeyTransform(key, "custom"), function="jsonb_array_elements_text", output_field=TextField())
    said = each if many else KeyTextTransform(key, "custom")
    found = Member.objects.current().filter(custom__has_key=key).values(value=Cast(said, TextField()))
    return found.annotate(label=F("value"), count=Count("pk")).order_by("-count", "value")


registry.add_filters_of(_of_fields)
