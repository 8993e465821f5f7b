"""Names that somebody goes by elsewhere, told by whoever recognised them there; they find the person from then on."""

from django.db import transaction

from . import people
from .models import FormerNickname
from .search import folded


@transaction.atomic
def learn(member, name):
    """The row that is new, or None where nothing is learnt. The caller's own fact says who told it."""
    name = " ".join(name.split())[:200]
    if not name or folded(name) == folded(member.nickname):
        return None
    row, is_new = FormerNickname.objects.get_or_create(member=people.held(member), nickname=name)
    if is_new:
        people.refresh(member)
    return row if is_new else None


@transaction.atomic
def forget(pk):
    """Whoever told it was wrong."""
    row = FormerNickname.objects.filter(pk=pk).select_related("member").first()
    if row:
        member = row.member
        row.delete()
        people.refresh(member)
