"""What the trail takes back of this room, as long as nobody was here since."""

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from crm.tenancy import events, trail
from crm.tenancy.models import Event

from . import people, records
from .models import Consent, Handle, Member, Module, Note


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


def _still_there(model, **how):
    def can(facts):
        there = set(model.objects.filter(pk__in=[fact.subject for fact in facts], **how).values_list("pk", flat=True))
        return [fact.pk for fact in facts if fact.subject in there]

    return can


def _withdraw(fact, by):
    records.withdraw_consent(Consent.objects.get(pk=fact.subject), by=by)
    return _("The consent is withdrawn again.")


def _withdrawn_last(facts):
    """While none of the same kind was given since."""
    there = {consent.pk: consent for consent in Consent.objects.filter(pk__in=[fact.subject for fact in facts])}
    standing = Consent.objects.filter(member__in=[each.member_id for each in there.values()], withdrawn_at=None)
    taken = set(standing.values_list("member", "to"))
    return [fact.pk for fact in facts if (one := there.get(fact.subject)) and one.withdrawn_at and (one.member_id, one.to) not in taken]


def _give_again(fact, by):
    consent = Consent.objects.get(pk=fact.subject)
    records.give_consent(consent.member, consent.to, by=by, source=consent.source)
    return _("The consent stands again.")


def _drop_module(fact, by):
    records.drop_module(Module.objects.get(pk=fact.subject), by=by)
    return _("The module is taken away again.")


def _drop_note(fact, by):
    records.drop_note(Note.objects.get(pk=fact.subject), by=by)
    return _("The note is deleted again.")


trail.undoes("consent.given", "members", _still_there(Consent, withdrawn_at=None), _withdraw)
trail.undoes("consent.withdrawn", "members", _withdrawn_last, _give_again)
trail.undoes("module.added", "members", _still_there(Module), _drop_module)
trail.undoes("note.written", "members", _still_there(Note, changed_at=None), _drop_note)
