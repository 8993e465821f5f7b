"""A row of the list of members: what is read with each, and how it is shown with what was hit in it."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from crm.tenancy.pages import SIZE
from crm.tenancy.prepared import Prepared

from . import hits, registry
from .hidden import hides, hides_field
from .models import FormerNickname, Handle, Member


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


STAND_INS = {f"pk{number}": UUID(int=2**80 + number) for number in range(SIZE)}


@cache
def _of_a_page(columns):
    """Put together once, which takes longer than reading."""
    return Prepared(lambda: with_all(Member.objects.filter(pk__in=STAND_INS.values())), **STAND_INS)


def of_a_page(ids):
    """{id: member with all of it}, of as many as stand on a page."""
    if not ids:
        return {}
    asked = {name: ids[min(number, len(ids) - 1)] for number, name in enumerate(STAND_INS)}
    return {member.pk: member for member in _of_a_page(tuple(registry.COLUMNS)).rows(**asked)}


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

    def _drawn(self, beside_name):
        shown = [column for column in registry.columns() if column.beside_name == beside_name]
        values = ((column, getattr(self.member, f"column_{column.name}")) for column in shown)
        return [{"label": column.label, "value": value, "html": column.draws(value)} for column, value in values]
