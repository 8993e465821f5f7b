"""What the trail takes back of this room, as long as nobody was here since."""

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from crm.tenancy import events, trail
from crm.tenancy.models import Event

from . import people
from .models import Handle, Member


def _added_and_left_alone(facts):
    """Nothing else was noted about them, and they have a row that can go."""
    there = set(Member.objects.known().filter(pk__in=[fact.subject for fact in facts]).values_list("pk", flat=True))
    later = Event.objects.filter(member__in=there).exclude(pk__in=[fact.pk for fact in facts]).values_list("member", flat=True)
    return [fact.pk for fact in facts if fact.subject in there - set(later)]


def _remove(fact, by):
    member = people.held(Member.objects.get(pk=fact.subject))
    try:
        with transaction.atomic():
            member.delete()
    except ProtectedError:
        raise trail.overtaken(fact) from None
    member.pk = fact.subject  # deleting empties it
    events.note("member.removed", member, by=by, member=fact.subject)
    return _("The person who was added is gone again.")


def _handle_still_there(facts):
    ids = [fact.after.get("handle") for fact in facts]
    there = {str(pk): whose for pk, whose in Handle.objects.filter(pk__in=filter(None, ids)).values_list("pk", "member")}
    return [fact.pk for fact in facts if there.get(fact.after.get("handle")) == fact.subject]


def _drop_handle(fact, by):
    people.drop_handle(Handle.objects.get(pk=fact.after["handle"]), by=by)
    return _("The handle is taken away again.")


trail.undoes("member.added", "members", _added_and_left_alone, _remove)
trail.undoes("member.handle_added", "members", _handle_still_there, _drop_handle)
