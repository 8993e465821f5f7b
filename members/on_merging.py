"""How the rows of this room follow when two members become one."""

from django.utils.timezone import now
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

from . import following, merging
from .models import Consent, FormerNickname, Handle, Introduction, Member, Merge, Module, Note, Renewal, Twin

OPEN_PAIR = (Twin.State.OPEN, Twin.State.LATER)


def _names(kept, gone, book):
    """The name that is not shown any more is a former one; a handle that stood for a name is none."""
    for row in FormerNickname.objects.filter(member=gone, nickname=kept.nickname):
        book.set_aside(row)
    there = FormerNickname.objects.filter(member__in=[kept, gone], nickname=gone.nickname)
    handles = Handle.objects.filter(member__in=[kept, gone]).values_list("value", flat=True)
    if gone.nickname != kept.nickname and gone.nickname.lower() not in map(str.lower, handles) and not there.exists():
        book.add(FormerNickname(member=kept, nickname=gone.nickname))


def _consents(kept, gone, book):
    """The last word counts: a consent given before it was withdrawn in the other row does not stand any more."""
    for to in Consent.To.values:
        rows = list(Consent.objects.filter(member__in=[kept, gone], to=to))
        withdrawn = max((row.withdrawn_at for row in rows if row.withdrawn_at), default=None)
        for row in rows:
            if withdrawn and row.withdrawn_at is None and row.given_at < withdrawn:
                book.change(row, withdrawn_at=withdrawn)


def _introductions(kept, gone, book):
    """One may be open: rather the one whose answer waits for a look. The other's link opens nothing any more."""
    is_open = (Introduction.State.ASKED, Introduction.State.SENT)
    theirs = Introduction.objects.filter(member=gone, state__in=is_open).first()
    ours = Introduction.objects.filter(member=kept, state__in=is_open).first()
    if ours and theirs:
        ends = ours if (ours.state, theirs.state) == is_open else theirs
        book.change(ends, state=Introduction.State.LEFT if ends.state == Introduction.State.SENT else Introduction.State.REVOKED)


def _pairs(kept, gone, book):
    """A pair with somebody else becomes theirs and the kept one's. Where that is there too, «not the same person» counts of both."""
    for pair in Twin.objects.filter(one=gone) | Twin.objects.filter(other=gone):
        third = pair.other_id if pair.one_id == gone.pk else pair.one_id
        if third == kept.pk:
            book.change(pair, state=Twin.State.MERGED, decided_at=now(), decided_by_id=getattr(book.by, "pk", book.by))
            continue
        one, other = sorted((kept.pk, third))
        same = Twin.objects.filter(one=one, other=other).first()
        if same is None:
            book.change(pair, one_id=one, other_id=other)
            continue
        if pair.state == Twin.State.APART and same.state in OPEN_PAIR:
            book.change(same, state=pair.state, decided_at=pair.decided_at, decided_by_id=pair.decided_by_id)
        book.set_aside(pair)


following.rule(FormerNickname, _names)
following.rule(Consent, _consents)
following.rule(Introduction, _introductions)
following.rule(Twin, _pairs, alone=["one", "other"])
following.called(Handle, _("identities"))
following.called(FormerNickname, _("former nicknames"))
following.called(Note, _("notes"))
following.called(Consent, _("consents"))
following.called(Module, _("modules"))
following.called(Renewal, _("paid terms"))
following.called(Introduction, _("introductions"))
following.called(Member, _("people they brought"))


# What the trail says, and takes back while nothing stands in its way

for _kind, _words, _icon in [
    ("member.merged", _("Two rows of one person became one"), "git-merge"),
    ("member.unmerged", _("The rows that were merged are two again"), "arrow-back-up"),
    ("twin.apart", _("These two are not the same person"), "arrows-split"),
    ("twin.later", _("Put off whether two members are the same person"), "clock"),
    ("twin.reopened", _("Whether two members are the same person is to be decided again"), "arrow-back-up"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="people", whys=merging.BECAUSE)


def _still_merged(facts):
    wanted = {fact.after.get("merge"): fact.pk for fact in facts}
    there = merging.can_be_taken_back(Merge.objects.filter(pk__in=filter(None, wanted)))
    return [wanted[str(pk)] for pk in there.values_list("pk", flat=True)]


def _two_again(fact, by):
    stays = merging.take_back(Merge.objects.get(pk=fact.after["merge"]), by=by)
    return " ".join(filter(None, [_now("The two are two again."), merging.what_stays(stays)]))


trail.undoes("member.merged", "members", _still_merged, _two_again)
