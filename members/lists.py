"""The list of members as an address asks for it: words, filters and order, one page of it or all for a file."""

from dataclasses import dataclass, field
from functools import cache

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Q, Value, Window
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from crm.tenancy.counting import counts
from crm.tenancy.pages import SIZE, Cut

from . import hits, registry, search, twins
from .filters import EVERYBODY, SOON
from .hidden import hides, hides_field
from .models import FormerNickname, Handle, Member

__all__ = ["EVERYBODY", "SOON", "Asked", "MemberList", "Row", "with_all"]

ORDERS = {"name": "sort_key", "joined": "joined_on", "expires": "expires_on"}
MOST_CHOICES = 200
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
        fits = self._fits("standing", self.set.get("standing", [Member.Standing.CURRENT]))
        return Member.objects.known().filter(fits) if fits is not None else Member.objects.none()

    def narrowed(self, without=None):
        found = self.people()
        if self.unknown:
            return Member.objects.none()
        for name, values in self.set.items():
            if name not in ("standing", without):
                fits = self._fits(name, values)
                found = found.filter(fits) if fits is not None else Member.objects.none()
        return found

    def _fits(self, name, values):
        found = [fits for value in values if (fits := self.filters[name].fits(value)) is not None]
        if not found:
            return None
        together = Q(found[0])
        for each in found[1:]:
            together |= Q(each)
        return together

    def found(self, hidden=frozenset()):
        """The members that fit, each word as it stands."""
        return self._searched(self.narrowed(), hidden, search.exactly)

    def nearly_found(self, hidden=frozenset()):
        """With those that are nearly right, or None where no word bears an error."""
        if not self.words or search.nearly(search.words_of(self.words)) is None:
            return None
        return self._searched(self.narrowed(), hidden, search.nearly)

    def _searched(self, members, hidden, how):
        if not self.words:
            return members
        members, column = search.seen_by(members, hidden)
        return members.filter(how(search.words_of(self.words), column))


def _line(text):
    return "" if text is None else str(text).replace("\0", "")[:LONGEST_QUESTION].strip()


def _ends(sent, each):
    ends = [sent.get(each.name + end, "").strip() for end in ENDS] if each.kind in (registry.DAYS, registry.NUMBER) else []
    return ["..".join(ends)] if any(ends) else []


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count: int | None
    is_set: bool = False


@dataclass
class Menu:
    """One filter with what may be chosen."""

    filter: registry.Filter
    values: list
    choices: list = field(default_factory=list)

    @property
    def is_shown(self):
        return bool(self.choices) or self.filter.kind != registry.CHOICES or self.filter.choices is None

    @property
    def fixed(self):
        return [Choice(value, label, None, value in self.values) for value, label in self.filter.fixed]

    @property
    def ends(self):
        first, _dots, last = (self.values[0] if self.values else "").partition("..")
        return {"first": first, "last": last}


@dataclass(frozen=True)
class Chip:
    """One value of one filter as it stands above the list."""

    filter: registry.Filter
    value: str
    label: str
    without: str  # the address without it


class MemberList:
    is_typed = False

    def __init__(self, sent, hidden=frozenset(), asked=None):
        self.sent, self.hidden = sent, hidden
        self.asked = asked or Asked.of_address(sent)
        self.words, self.set = self.asked.words, self.asked.set
        sort = sent.get("sort", "")
        self.sort = sort if sort.removeprefix("-") in ORDERS else "" if self.words else "name"
        self.page = sent.get("page")
        self.segment = sent.get("segment", "")[:40]

    @cached_property
    def found(self):
        """Who fits; where those are few, also who fits nearly."""
        return self.nearly if self.is_tolerant else self.exact

    @property
    def exact(self):
        return self.asked.found(self.hidden)

    @cached_property
    def nearly(self):
        return self.asked.nearly_found(self.hidden)

    @property
    def exact_count(self):
        return self._exactly[0] if self.asked.is_narrowed else None

    @cached_property
    def _exactly(self):
        return self._walked(self.exact)

    @cached_property
    def _nearly(self):
        return self._walked(self.nearly, forgiving=True)

    def _walked(self, found, forgiving=False):
        """How many fit, and the ids of the first page where that is asked for: one walk over the members for both."""
        if self.page not in (None, "", "1"):
            return found.count(), None
        rows = list(self._in_order(found, forgiving).annotate(fitting=Window(Count("pk"))).values_list("pk", "fitting")[:SIZE])
        return rows[0][1] if rows else 0, [pk for pk, _all in rows]

    @cached_property
    def is_tolerant(self):
        return bool(self.words) and self.exact_count < search.FEW and self.nearly is not None

    @property
    def ordered(self):
        return self._in_order(self.found, self.is_tolerant)

    def _in_order(self, found, forgiving):
        if not self.sort:
            words = search.words_of(self.words)
            return search.in_order(found, words, "searched" if self.hidden else "search", forgiving) if words else found.order_by("id")
        column = F(ORDERS[self.sort.removeprefix("-")])
        by = column.desc(nulls_last=True) if self.sort.startswith("-") else column.asc(nulls_last=True)
        if self.sort == "name":
            by = "sort_key"  # the index knows no nulls here, and there are none
        return found.order_by(by, "id")

    @cached_property
    def counts(self):
        """How many are found among how many, and what stands in the brief: one walk over the members, two of a narrowed list."""
        current, today = Q(standing=Member.Standing.CURRENT), timezone.localdate()
        brief = {} if self.is_typed else self._brief(current, today)
        found = Member.objects.known().aggregate(everybody=Count("pk"), current=Count("pk", filter=current), **brief)
        found["past"] = found["everybody"] - found["current"]
        standing = self.set.get("standing", [Member.Standing.CURRENT])
        found["all"] = found["everybody"] if EVERYBODY in standing else sum(found.get(each, 0) for each in standing)
        found["exact"] = found["all"] if self.exact_count is None else self.exact_count
        found["found"] = self._nearly[0] if self.is_tolerant else found["exact"]
        found["nearly"] = found["found"] - found["exact"]
        return found

    @staticmethod
    def _brief(current, today):
        """What stands above the list, which stays there while somebody types."""
        return {
            "partners": Count("pk", filter=current & Q(tier=Member.Tier.PARTNER)),
            "soon": Count("pk", filter=current & Q(expires_on__range=(today, today + SOON))),
            "over": Count("pk", filter=current & Q(expires_on__lt=today)),
            "joined": Count("pk", filter=current & Q(joined_on__gt=today - SOON, joined_on__lte=today)),
            "joined_before": Count("pk", filter=current & Q(joined_on__gt=today - 2 * SOON, joined_on__lte=today - SOON)),
        }

    @cached_property
    def pairs(self):
        """How many pairs may be the same person twice."""
        return twins.waiting().count()

    @cached_property
    def cut(self):
        return Cut(self.counts["found"], self.page)

    @cached_property
    def rows(self):
        """First the ids of this page, then all that is shown of them, so that pages far behind cost no more than the first."""
        ids = self._ids
        found = everything().in_bulk(ids) if ids else {}
        return [Row(found[pk], self.words, self.hidden, self._is_nearly(found[pk])) for pk in ids if pk in found]

    @property
    def _ids(self):
        walked = self._nearly[1] if self.is_tolerant else self._exactly[1] if self.asked.is_narrowed else None
        return list(self.cut.of(self.ordered.values_list("pk", flat=True))) if walked is None else walked

    def _is_nearly(self, member):
        return self.is_tolerant and not all(word in member.search for word in search.words_of(self.words))

    # What stands above the list

    @cached_property
    def menus(self):
        """All filters with what may be chosen, in one question."""
        shown = [each for each in self.asked.filters.values() if not (each.name.startswith("field-") and "custom" in self.hidden)]
        menus = {each.name: Menu(each, self.set.get(each.name, [])) for each in shown}
        for name, value, label, count in _all_choices([each for each in shown if each.choices]):
            menu = menus[name]
            said = menu.filter.says(label) if menu.filter.says else label
            menu.choices.append(Choice(str(value), said, count, str(value) in menu.values))
        for menu in menus.values():
            _keep_chosen(menu)
        return [menu for menu in menus.values() if menu.is_shown]

    @property
    def main_menus(self):
        return [menu for menu in self.menus if not menu.filter.is_more]

    @property
    def more_menus(self):
        return [menu for menu in self.menus if menu.filter.is_more]

    @cached_property
    def chips(self):
        """What is asked for, value by value, each with the address without it."""
        chips = []
        for name, values in self.set.items():
            each = self.asked.filters[name]
            fixed, named = dict(each.fixed), each.names(values) if each.names else {}
            for value in values:
                label = fixed.get(value) or named.get(value) or (each.says(value) if each.says else value)
                chips.append(Chip(each, value, label, self.address(without=(name, value))))
        return chips

    def address(self, **how):
        pairs = self.asked.pairs(**how)
        kept = [("segment", self.segment)] if self.segment and pairs else []
        sort = [("sort", self.sort)] if self.sort not in ("", "name") else []
        return "?" + urlencode([*pairs, *kept, *sort])

    @cached_property
    def here(self):
        return self.address()

    @property
    def columns(self):
        return [column for column in registry.columns() if not column.beside_name]

    @cached_property
    def way_out(self):
        """Where nothing is found: the one condition without which most would be."""
        names = [name for name in self.set if name != "standing"]
        if not names:
            return None
        left = counts(**{name: self.asked._searched(self.asked.narrowed(name), self.hidden, search.exactly) for name in names})
        name = max(left, key=left.get)
        label = "、".join(str(chip.label) for chip in self.chips if chip.filter.name == name)
        return {"name": name, "label": label, "count": left[name], "way": self.address(without=name)} if left[name] else None

    @property
    def matched_by_pinyin(self):
        found = hits.by_pinyin([row.member.nickname for row in self.rows], self.words)
        return [*dict.fromkeys(found)][:3]


ASKED, MOST_ASKED = {}, 200  # {day and filters: their choices as one question}, and how many of them are kept


def _all_choices(filters):
    """Put together once for a day and these filters; whose members are counted is decided when it is asked."""
    key = timezone.localdate(), tuple(each.name for each in filters)
    if key not in ASKED:
        if len(ASKED) >= MOST_ASKED:
            ASKED.clear()
        each_one = [
            each.choices().annotate(filter=Value(each.name)).values_list("filter", "value", "label", "count")[:MOST_CHOICES]
            for each in filters
        ]
        ASKED[key] = each_one[0].union(*each_one[1:], all=True)
    return ASKED[key].all()


def _keep_chosen(menu):
    """What is chosen stands in its menu, though few have it."""
    there = {choice.value for choice in menu.choices} | {value for value, _label in menu.filter.fixed}
    missing = [value for value in menu.values if value not in there] if menu.filter.kind == registry.CHOICES else []
    named = menu.filter.names(missing) if menu.filter.names and missing else {}
    for value in missing:
        said = named.get(value) or (menu.filter.says(value) if menu.filter.says else value)
        menu.choices.insert(0, Choice(value, said, None, True))


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


def everything():
    """All members with all of it, of the tenant that is active when it is asked; put together once, which takes longer than reading."""
    return _everything(tuple(registry.COLUMNS)).all()


@cache
def _everything(columns):
    """Asked itself, it would keep the first answer; whoever asks gets a copy."""
    return with_all(Member.objects.all())


TEXTS = {
    "offers": pgettext_lazy("search", "offers"),
    "seeks": pgettext_lazy("search", "seeks"),
    "note": pgettext_lazy("search", "note"),
}  # which are searched, and how a hit in one is called


@dataclass(frozen=True)
class Row:
    """A member as the list shows them, with the hits of the search."""

    member: Member
    words: str = ""
    hidden: frozenset = frozenset()
    is_nearly: bool = False  # found with a slip forgiven

    def _pieces(self, text):
        return hits.pieces(text, self.words, self.is_nearly)

    @property
    def name(self):
        return self._pieces(self.member.nickname)

    @property
    def choose(self):
        return _("Choose %(name)s") % {"name": self.member.nickname}

    @cached_property
    def second(self):
        """The line below the name: where it was hit, in a handle, a former nickname or a text; else the first handle."""
        known = [each for each in self.member.known_by if not hides(self.hidden, each["platform"])]
        shown = [each["value"] for each in sorted(known, key=lambda each: each["platform"] != Handle.Platform.WECHAT)]
        others = [*shown, *self.member.formerly]
        for text in others:
            found = self._pieces(text)
            if any(piece.hit for piece in found):
                return {"pieces": found, "formerly": text not in shown, "lead": "" if text in shown else _("formerly")}
        if self.words and not self.is_hit_above:
            for name in TEXTS:
                text = "" if hides_field(self.hidden, name) else getattr(self.member, name)
                found = hits.around(text, self.words) if text else []
                if found:
                    return {"pieces": found, "of": name, "lead": TEXTS[name]}
        return {"pieces": hits.pieces(others[0], ""), "formerly": not shown, "lead": "" if shown else _("formerly")} if others else None

    @property
    def is_hit_above(self):
        """In what the row shows anyway."""
        shown = [self.member.nickname, *self.member.skills[:3], *self.member.tags]
        return any(piece.hit for text in shown for piece in self._pieces(text))

    @property
    def skills(self):
        """Three of them, those that were hit first."""
        found = [self._pieces(skill) for skill in self.member.skills]
        return sorted(found, key=lambda pieces: not any(piece.hit for piece in pieces))[:3]

    @property
    def tags(self):
        return [self._pieces(tag) for tag in self.member.tags[:3]]

    @property
    def cells(self):
        return self._drawn(beside_name=False)

    @property
    def marks(self):
        return self._drawn(beside_name=True)

    @property
    def drawn(self):
        """The cells alone, as the list has them in every row."""
        return [column.draws(getattr(self.member, f"column_{column.name}")) for column in registry.columns() if not column.beside_name]

    @property
    def mark(self):
        shown = (column for column in registry.columns() if column.beside_name)
        return format_html_join("", "{}", ((column.draws(getattr(self.member, f"column_{column.name}")),) for column in shown))

    def _drawn(self, beside_name):
        shown = [column for column in registry.columns() if column.beside_name == beside_name]
        values = ((column, getattr(self.member, f"column_{column.name}")) for column in shown)
        return [{"label": column.label, "value": value, "html": column.draws(value)} for column, value in values]
