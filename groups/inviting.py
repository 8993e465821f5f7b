"""How people come into a chat: by scanning its code while that works, else an assistant adds them; and what they are told."""

from dataclasses import dataclass

from django.db.models import Count, F, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.timezone import now
from django.utils.translation import gettext as _

from .models import GroupCode, Move, Placement

SCANS = 200  # of one code, after which it lets nobody in
MOST_BY_CODE = 200  # people in a chat, from whom on no code lets anybody in
SCAN, ADDED = "scan", "added"


@dataclass(frozen=True)
class Way:
    kind: str = ADDED
    code: GroupCode | None = None
    headcount: int = 0

    @property
    def picture(self):
        return self.code.picture if self.kind == SCAN else None

    @property
    def is_past_codes(self):
        return self.headcount >= MOST_BY_CODE


def with_used(codes):
    """How often each was used: by who was asked or has joined since, and what was told by hand."""
    seen = Move.objects.filter(
        to_group=OuterRef("group"), changed_at__gte=OuterRef("made_at"), state__in=[Move.State.ASKED, Move.State.JOINED]
    )
    many = seen.order_by().values("to_group").annotate(n=Count("pk")).values("n")
    return codes.annotate(used=F("scans") + Coalesce(Subquery(many, output_field=IntegerField()), 0))


def ways(groups, people=None):
    """{group's id: how one comes into it now}, in two questions; in one where it is known how many `people` sit in each."""
    groups = list(groups)
    codes = with_used(GroupCode.objects.filter(group__in=groups, state=GroupCode.State.WAITING)).select_related("picture")
    of = {code.group_id: code for code in codes}
    if people is None:
        people = dict(Placement.objects.open().filter(group__in=groups).order_by().values_list("group").annotate(n=Count("pk")))
    return {group: _way(of.get(group), people.get(group, 0)) for group in groups}


def _way(code, headcount):
    works = code is not None and code.expires_at > now() and code.used < SCANS and headcount < MOST_BY_CODE
    return Way(SCAN if works else ADDED, code, headcount)


def invitation(move, way=None):
    """Leaves the house, so it is written in the tenant's language."""
    text = _text if move.reshuffle_id else _text_alone
    return text(way.kind if way else ADDED, way.code.link if way and way.kind == SCAN else "") % {
        "name": move.member.nickname,
        "group": move.to_group.name,
        "link": way.code.link if way and way.code else "",
    }


def _text(kind, link):
    if kind == ADDED:
        return _(
            "Hello %(name)s! The new half-year begins, and our groups are mixed anew so that everybody meets new people."
            " Your new group is %(group)s. I am sending you the invitation now: one tap, and you are in."
        )
    if link:
        return _(
            "Hello %(name)s! The new half-year begins, and our groups are mixed anew so that everybody meets new people."
            " Your new group is %(group)s. This link leads into it: %(link)s"
        )
    return _(
        "Hello %(name)s! The new half-year begins, and our groups are mixed anew so that everybody meets new people."
        " Your new group is %(group)s. I am sending you its code: scan it, and you are in."
    )


def _text_alone(kind, link):
    """Of one person by themselves: no half-year begins, and nobody else is asked."""
    if kind == ADDED:
        return _(
            "Hello %(name)s! There is a group that fits you better: %(group)s."
            " I am sending you the invitation now: one tap, and you are in. Please leave the old group then."
        )
    if link:
        return _(
            "Hello %(name)s! There is a group that fits you better: %(group)s."
            " This link leads into it: %(link)s Please leave the old group then."
        )
    return _(
        "Hello %(name)s! There is a group that fits you better: %(group)s."
        " I am sending you its code: scan it, and you are in. Please leave the old group then."
    )


def as_ours(move, text, codes):
    """Whether a task's text is one of those that we write ourselves; what somebody worded otherwise stays."""
    own = {invitation(move), invitation(move, Way(SCAN, GroupCode()))}
    return text in own or any(text == invitation(move, Way(SCAN, code)) for code in codes)
