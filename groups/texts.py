"""Variables in the text of a slot: `{group}`, `{newcomers}` … Any room registers its own."""

import datetime
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import dates
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy.refusals import Refused
from members.models import Member

from .models import Placement

LONGEST = 5000
NEW_FOR = datetime.timedelta(days=7)
MOST_NAMES = 20
BRACED = re.compile(r"[{｛]([^{}｛｝]*)[}｝]")  # a Chinese keyboard types wide braces


@dataclass(frozen=True)
class Variable:
    label: Any
    value: Callable  # (group, moment on the tenant's wall) -> text


VARIABLES = {}


def register(name, label):
    """Say what `{name}` stands for: `function(group, moment) -> str`. The moment has the tenant's zone."""

    def keep(function):
        VARIABLES[name] = Variable(label, function)
        return function

    return keep


def variables():
    return {name: variable.label for name, variable in VARIABLES.items()}


def check(text):
    """Refuse a text with a variable that does not exist."""
    if len(text) > LONGEST:
        sentence = _("A text of %(most)s characters at most.") % {"most": f"{LONGEST:,}"}
        raise Refused(sentence, code="text_too_long", status=400, field="text")
    unknown = dict.fromkeys(name for name in _named(text) if name not in VARIABLES)
    if unknown:
        near = difflib.get_close_matches(next(iter(unknown)), VARIABLES, n=1, cutoff=0.5)
        words = {"unknown": _braced(unknown), "known": _braced(VARIABLES), "near": _braced(near)}
        sentence = _("There is no variable %(unknown)s. There are these: %(known)s.") % words
        if near:
            sentence = _("There is no variable %(unknown)s. Is %(near)s meant? There are these: %(known)s.") % words
        raise Refused(sentence, code="no_such_variable", status=400, field="text", unknown=list(unknown), proposal=near[0] if near else "")


def _named(text):
    return [name.strip() for name in BRACED.findall(text)]


def _braced(names):
    return _(", ").join(f"{{{name}}}" for name in names)


def filled(text, group, moment):
    """The text as it is sent: in the language that is active, at that moment. What is no variable any more stands as it is."""
    values = {name: str(VARIABLES[name].value(group, moment)) for name in set(_named(text)) if name in VARIABLES}
    return BRACED.sub(lambda found: values.get(found[1].strip(), found[0]), text)


@register("group", gettext_lazy("the group's name"))
def _group(group, moment):
    return group.name


@register("number", gettext_lazy("the group's number"))
def _number(group, moment):
    return group.number or group.name


@register("week", gettext_lazy("the number of the week in the year"))
def _week(group, moment):
    return moment.isocalendar().week


@register("date", gettext_lazy("the day, as 2026-12-01"))
def _date(group, moment):
    return moment.date().isoformat()


@register("weekday", gettext_lazy("the day of the week"))
def _weekday(group, moment):
    return dates.WEEKDAYS[moment.weekday()]


@register("members", gettext_lazy("how many sit in the group"))
def _members(group, moment):
    return Placement.objects.open().filter(group=group).count()


@register("newcomers", gettext_lazy("who came into the group within a week"))
def _newcomers(group, moment):
    seats = Placement.objects.open().filter(group=group, since__gt=moment.date() - NEW_FOR, member__standing=Member.Standing.CURRENT)
    names = list(seats.order_by("since", "id").values_list("member__nickname", flat=True)[: MOST_NAMES + 1])
    if len(names) > MOST_NAMES:
        return _("%(names)s and others") % {"names": _(", ").join(names[:MOST_NAMES])}
    return _(", ").join(names)
