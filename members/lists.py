"""The list of members as an address asks for it: words, filters and order, one page of it or all for a file."""

import datetime
from dataclasses import dataclass, field

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, F, OuterRef, Q, Value, When
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from crm.tenancy.counting import counts
from crm.tenancy.pages import Cut

from . import hits, registry
from .models import FormerNickname, Handle, Member
from .registry import Filter

ORDERS = {"name": "sort_key", "joined": "joined_on", "expires": "expires_on"}
EVERYBODY = "all"
MOST_CHOICES = 80
LONGEST_QUESTION = 100
SOON = datetime.timedelta(days=30)


# The filters of this room


def _standing(members, value):
    if value == EVERYBODY:
        return members.known()
    return members.known().filter(standing=value) if value in Member.Standing.values else None


def _tier(members, value):
    return members.filter(tier=value) if value in Member.Tier.values else None


def _counted(field):
    return (
        Member.objects.current()
        .exclude(**{field: ""})
        .values(value=F(field), label=F(field))
        .annotate(count=Count("pk"))
        .order_by("-count", field)
    )


def _everybody():
    return Member.objects.known().values(value=F("standing"), label=F("standing")).annotate(count=Count("pk")).order_by("standing")


def _term(members, value):
    today = timezone.localdate()
    if value == "over":
        return members.filter(expires_on__lt=today)
    return members.filter(expires_on__range=(today, today + SOON)) if value == "soon" else None


def _terms():
    today = timezone.localdate()
    ending = Member.objects.current().filter(expires_on__lte=today + SOON)
    state = Case(When(expires_on__lt=today, then=Value("over")), default=Value("soon"))
    return ending.annotate(value=state, label=F("value")).values("value", "label").annotate(count=Count("pk")).order_by("-value")


def _labels(choices):
    return lambda code: choices(code).label if code in choices.values else code


TERMS = {"soon": _("Ends within 30 days"), "over": _("Is over")}

registry.add_filter(
    Filter("city", _("City"), "map-pin", lambda members, value: members.filter(city=value), lambda: _counted("city"), order=10)
)
registry.add_filter(Filter("tier", _("Tier"), "diamond", _tier, lambda: _counted("tier"), order=30, says=_labels(Member.Tier)))
registry.add_filter(
    Filter(
        "standing",
        _("Standing"),
        "user-check",
        _standing,
        _everybody,
        fixed=((EVERYBODY, _("current and past")),),
        order=40,
        says=_labels(Member.Standing),
    )
)
registry.add_filter(Filter("term", _("Term"), "calendar-event", _term, _terms, order=35, says=TERMS.get))


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count: int


@dataclass
class Chip:
    """One filter as it stands above the list."""

    filter: Filter
    value: str
    way: str  # the list's address without this filter, to which a value is joined
    choices: list = field(default_factory=list)

    @property
    def label(self):
        known = dict(self.filter.fixed) | {choice.value: choice.label for choice in self.choices}
        return known.get(self.value, self.value)


class MemberList:
    def __init__(self, asked):
        self.words = asked.get("q", "")[:LONGEST_QUESTION].strip()
        self.set = {each.name: asked[each.name][:LONGEST_QUESTION] for each in registry.filters() if asked.get(each.name)}
        sort = asked.get("sort", "name")
        self.sort = sort if sort.removeprefix("-") in ORDERS else "name"
        self.page = asked.get("page")

    @property
    def scope(self):
        """The people among whom is looked: the present ones, unless others are asked for."""
        asked = _standing(Member.objects.all(), self.set.get("standing", Member.Standing.CURRENT))
        return Member.objects.none() if asked is None else asked

    @property
    def found(self):
        return self._narrowed(self.set).matching(self.words)

    def _narrowed(self, filters):
        found = self.scope
        for each in registry.filters():
            if each.name in filters and each.name != "standing":
                found = each.narrow(found, filters[each.name]) if found is not None else None
        return Member.objects.none() if found is None else found

    @property
    def ordered(self):
        column = F(ORDERS[self.sort.removeprefix("-")])
        by = column.desc(nulls_last=True) if self.sort.startswith("-") else column.asc(nulls_last=True)
        if self.sort == "name":
            by = "sort_key"  # the index knows no nulls here, and there are none
        return self.found.order_by(by, "id")

    @cached_property
    def counts(self):
        """How many are found among how many, and what stands in the brief: one walk over the members, two of a narrowed list."""
        current, today = Q(standing=Member.Standing.CURRENT), timezone.localdate()
        found = Member.objects.known().aggregate(
            everybody=Count("pk"),
            current=Count("pk", filter=current),
            partners=Count("pk", filter=current & Q(tier=Member.Tier.PARTNER)),
            soon=Count("pk", filter=current & Q(expires_on__range=(today, today + SOON))),
            over=Count("pk", filter=current & Q(expires_on__lt=today)),
            joined=Count("pk", filter=current & Q(joined_on__gt=today - SOON, joined_on__lte=today)),
            joined_before=Count("pk", filter=current & Q(joined_on__gt=today - 2 * SOON, joined_on__lte=today - SOON)),
        )
        found["past"] = found["everybody"] - found["current"]
        standing = self.set.get("standing", Member.Standing.CURRENT)
        found["all"] = found["everybody"] if standing == EVERYBODY else found.get(standing, 0)
        is_narrowed = self.words or self.set.keys() - {"standing"}
        found["found"] = self.found.count() if is_narrowed else found["all"]
        return found

    @cached_property
    def cut(self):
        return Cut(self.counts["found"], self.page)

    @cached_property
    def rows(self):
        """First the ids of this page, then all that is shown of them, so that pages far behind cost no more than the first."""
        ids = list(self.cut.of(self.ordered.values_list("pk", flat=True)))
        found = with_all(Member.objects.filter(pk__in=ids)).in_bulk(ids) if ids else {}
        return [Row(found[pk], self.words) for pk in ids if pk in found]

    @cached_property
    def chips(self):
        """All filters with what may be chosen, in one question."""
        asked = [
            each.choices().annotate(filter=Value(each.name)).values_list("filter", "value", "label", "count")[:MOST_CHOICES]
            for each in registry.filters()
        ]
        chips = {each.name: Chip(each, self.set.get(each.name, ""), self._without(each.name)) for each in registry.filters()}
        for name, value, label, count in asked[0].union(*asked[1:], all=True):
            says = chips[name].filter.says
            chips[name].choices.append(Choice(str(value), says(label) if says else label, count))
        return list(chips.values())

    def _without(self, name):
        kept = {"q": self.words, "sort": "" if self.sort == "name" else self.sort} | {
            other: self.set.get(other) for other in self.set if other != name
        }
        said = urlencode({key: value for key, value in kept.items() if value})
        return f"?{said}{'&' if said else ''}"

    @property
    def columns(self):
        return [column for column in registry.columns() if not column.beside_name]

    @cached_property
    def way_out(self):
        """Where nothing is found: the one condition without which most would be."""
        names = [name for name in self.set if name != "standing"]
        if not names:
            return None
        left = counts(
            **{name: self._narrowed({kept: self.set[kept] for kept in names if kept != name}).matching(self.words) for name in names}
        )
        name = max(left, key=left.get)
        chip = next(chip for chip in self.chips if chip.filter.name == name)
        return {"name": name, "label": chip.label, "count": left[name]} if left[name] else None

    @property
    def matched_by_pinyin(self):
        found = hits.by_pinyin([row.member.nickname for row in self.rows], self.words)
        return [*dict.fromkeys(found)][:3]


def with_all(members):
    """With handles, former nicknames and the registered columns, read in the same question as the rows."""
    of_member = {"member": OuterRef("pk")}
    return members.select_related("inviter").annotate(
        known_by=ArraySubquery(
            Handle.objects.filter(**of_member).order_by("platform", "id").values(json=JSONObject(platform="platform", value="value"))
        ),
        formerly=ArraySubquery(FormerNickname.objects.filter(**of_member).order_by("noted_at", "id").values("nickname")),
        **{f"column_{column.name}": column.reads() for column in registry.columns()},
    )


@dataclass(frozen=True)
class Row:
    """A member as the list shows them, with the hits of the search."""

    member: Member
    words: str = ""

    @property
    def name(self):
        return hits.pieces(self.member.nickname, self.words)

    @cached_property
    def second(self):
        """The line below the name: the handle or the former nickname that was hit, else the first handle."""
        shown = [known["value"] for known in sorted(self.member.known_by, key=lambda known: known["platform"] != Handle.Platform.WECHAT)]
        others = [*shown, *self.member.formerly]
        for text in others:
            found = hits.pieces(text, self.words)
            if any(piece.hit for piece in found):
                return {"pieces": found, "formerly": text not in shown}
        return {"pieces": hits.pieces(others[0], ""), "formerly": not shown} if others else None

    @property
    def cells(self):
        return self._drawn(beside_name=False)

    @property
    def marks(self):
        return self._drawn(beside_name=True)

    def _drawn(self, beside_name):
        shown = [column for column in registry.columns() if column.beside_name == beside_name]
        values = ((column, getattr(self.member, f"column_{column.name}")) for column in shown)
        return [{"label": column.label, "value": value, "html": column.draws(value)} for column, value in values]
