"""What this room's facts say in the trail."""

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.tenancy import trail

from . import bulk, introductions, people, terms
from .models import Introduction, Member, Renewal


def _names(ids):
    return dict(Member.objects.filter(pk__in=ids).values_list("pk", "nickname"))


def _listed(words):
    return _now(", ").join(words)


trail.NAMES["member"] = _names
trail.PAGES["member"] = "members:member"
trail.topic("people", _("People"))
trail.tell("members.exported", _("Exported %(members)s members as a file"), icon="download", topic="people")

# One person

trail.VALUES |= {
    "fields": lambda names: _listed(str(people.LABELS.get(name, name)) for name in names),
    "platform": people.platform_name,
}
for _kind, _words, _icon, _tone in [
    ("member.added", _("Added this person"), "user-plus", "good"),
    ("member.removed", _("Took back that this person was added"), "arrow-back-up", ""),
    ("member.changed", _("Changed: %(fields)s"), "pencil", ""),
    ("member.handle_added", _("Added a handle: %(platform)s"), "id-badge-2", ""),
    ("member.handle_dropped", _("Took a handle away: %(platform)s"), "id-badge-2", ""),
]:
    trail.tell(_kind, _words, icon=_icon, tone=_tone, topic="people", whys={people.UNDONE: _("taken back")})
# Terms
trail.tell("renewal.added", _("Renewed the membership until %(ends_on)s"), icon="calendar-event", topic="people", tone="good")
trail.tell("renewal.taken_back", _("Took back a renewal; the term ends on %(expires_on)s"), icon="arrow-back-up", topic="people")


def _newest_renewals(facts):
    later = Renewal.objects.filter(member=OuterRef("member"), begins_on__gt=OuterRef("begins_on"))
    can = set(Renewal.objects.filter(pk__in=[fact.subject for fact in facts]).exclude(Exists(later)).values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in can]


def _take_back_renewal(fact, by):
    terms.take_back(Renewal.objects.get(pk=fact.subject), by=by)
    return _now("The term is as it was before.")


trail.undoes("renewal.added", "members", _newest_renewals, _take_back_renewal)

_ALLOWED = {
    "contact": _("to be written to"),
    "exposure": _("to be shown to others"),
    "photo": _("to have the photo shown"),
    people.UNDONE: _("taken back"),
}
for _kind, _words, _icon in [
    ("note.written", _("Wrote a note"), "file-text"),
    ("note.changed", _("Changed a note"), "file-text"),
    ("note.dropped", _("Deleted a note"), "file-text"),
    ("consent.given", _("Noted a consent"), "shield-check"),
    ("consent.withdrawn", _("Noted that a consent was withdrawn"), "shield-check"),
    ("module.added", _("Added a module"), "puzzle"),
    ("module.dropped", _("Took a module away"), "puzzle"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="people", whys=_ALLOWED)
trail.tell("tenant.fields_hidden", _("Set which personal fields a role does not see"), icon="eye-off", topic="settings")
# Many at once, and segments

for _kind, _words, _icon in [
    ("member.tagged", _("Tagged"), "tag"),
    ("member.untagged", _("Took a tag off"), "tag"),
    ("member.tier_set", _("Changed the tier"), "diamond"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="people", whys={"undone": _("taken back")})
trail.tell("members.acted", _("Did something to %(members)s members at once"), icon="users", topic="people", whys=bulk.LABELS)
trail.tell("members.taken_back", _("Took that back for %(members)s members"), icon="arrow-back-up", topic="people", whys=bulk.LABELS)
trail.tell("segment.saved", _("Saved a segment"), icon="bookmark", topic="people")
trail.tell("segment.changed", _("Changed a segment"), icon="bookmark", topic="people")
trail.tell("segment.dropped", _("Deleted a segment"), icon="trash", topic="people")
trail.tell("segment.returned", _("Brought a segment back"), icon="arrow-back-up", topic="people")
trail.tell("member.erased", _("Erased the data of this person"), icon="user-x", topic="people", tone="warn")
trail.tell("member.dossier_made", _("Took all that is known of this person as a file"), icon="download", topic="people")



# Introductions
for _kind, _words, _icon, _tone in [
    ("introduction.asked", _("Was asked for an introduction"), "link", ""),
    ("introduction.asked_anew", _("Was given a new link for the introduction"), "refresh", ""),
    ("introduction.revoked", _("The link of the introduction was taken back"), "ban", ""),
    ("introduction.restored", _("The link of the introduction works again"), "arrow-back-up", ""),
    ("introduction.sent", _("Sent an introduction"), "message-circle", "good"),
    ("introduction.taken", _("Took the introduction over: %(fields)s"), "check", "good"),
    ("introduction.left", _("Did not take the introduction over"), "ban", ""),
    ("introduction.waits_again", _("Took back the look at an introduction"), "arrow-back-up", ""),
]:
    trail.tell(_kind, _words, icon=_icon, tone=_tone, topic="people")


def _of_introductions(state):
    def can(facts):
        facts = trail.newest(facts, ["introduction.revoked", "introduction.restored", "introduction.taken", "introduction.left",
                                     "introduction.waits_again", "introduction.asked_anew"])  # fmt: skip
        still = set(Introduction.objects.filter(pk__in=[fact.subject for fact in facts], state=state).values_list("pk", flat=True))
        return [fact.pk for fact in facts if fact.subject in still]

    return can


def _unlook(fact, by):
    introductions.take_back(Introduction.objects.get(pk=fact.subject), by=by)
    return _now("The answer waits again, and what it changed is as it was.")


def _relink(fact, by):
    introductions.restore(Introduction.objects.get(pk=fact.subject), by=by)
    return _now("The link works again.")


trail.undoes("introduction.taken", "members", _of_introductions(Introduction.State.TAKEN), _unlook)
trail.undoes("introduction.left", "members", _of_introductions(Introduction.State.LEFT), _unlook)
trail.undoes("introduction.revoked", "members", _of_introductions(Introduction.State.REVOKED), _relink)
