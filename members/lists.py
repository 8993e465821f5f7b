"""The list of members as an address asks for it: words, filters and order, one page of it or all for a file."""

from django.db.models import Count, F, Q, Window
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode

from crm.tenancy.counting import counts
from crm.tenancy.pages import SIZE, Cut

from . import hits, registry, search, twins
from .asked import Asked
from .filters import EVERYBODY, SOON
from .list_rows import Row, of_a_page
from .menus import Chip, Choice, Menu, all_choices, keep_chosen
from .models import Member

ORDERS = {"name": "sort_key", "joined": "joined_on", "expires": "expires_on"}


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
        return self.asked.nearly_found(self.hidden, self.exact_count == 0)

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
            column, nobody_exactly = "searched" if self.hidden else "search", forgiving and self.exact_count == 0
            return search.in_order(found, words, column, forgiving, nobody_exactly) if words else found.order_by("id")
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
        found = of_a_page(ids)
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
        for name, value, label, count in all_choices([each for each in shown if each.choices]):
            menu = menus[name]
            said = menu.filter.says(label) if menu.filter.says else label
            menu.choices.append(Choice(str(value), said, count, str(value) in menu.values))
        for menu in menus.values():
            keep_chosen(menu)
        return [menu for menu in menus.values() if menu.is_shown]

    @property
    def main_filters(self):
        """Those whose menus stand above the list, before it is known what each has to choose."""
        return [each for each in self.asked.filters.values() if not each.is_more]

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

    @property
    def with_menus(self):
        """The same list, with all there is to choose."""
        return f"{self.here}{'&' if len(self.here) > 1 else ''}menus=1"

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
        left = counts(**{name: self.asked.searched(self.asked.narrowed(name), self.hidden, search.exactly) for name in names})
        name = max(left, key=left.get)
        label = "、".join(str(chip.label) for chip in self.chips if chip.filter.name == name)
        return {"name": name, "label": label, "count": left[name], "way": self.address(without=name)} if left[name] else None

    @property
    def matched_by_pinyin(self):
        found = hits.by_pinyin([row.member.nickname for row in self.rows], self.words)
        return [*dict.fromkeys(found)][:3]
