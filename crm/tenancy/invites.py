"""Verbs of invites: a link that gives a person a seat, once. Made, sent, made anew, revoked, taken."""

import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from . import constraints, events, links, mail, scopes, trail
from .models import AccessToken, Invite, Seat
from .models.access import hashed
from .refusals import Refused
from .scope import acting_for, active_tenant
from .templatetags.qx import short_day

LIVES = {1: gettext_lazy("one day"), 7: gettext_lazy("a week"), 30: gettext_lazy("30 days")}
KEPT = datetime.timedelta(days=30)  # in which an invite that nobody took stays in sight and can be made anew


@transaction.atomic
def make(tenant, role, *, by, name="", email="", days=7, asked_with=None):
    """Returns the invite and its link, which is shown once."""
    if asked_with:
        _refuse_more_than(asked_with, role)
    expires_at = now() + datetime.timedelta(days=days)
    invite = Invite.objects.create(tenant=tenant, role=role, name=name, email=email.strip().lower(), made_by=by, expires_at=expires_at)
    events.note("invite.made", invite, by=by, after={"role": role, "days": days})
    return invite, _link(invite)


def _refuse_more_than(key, role):
    """Otherwise a small key would get itself a large seat."""
    if not all(scopes.holds(key, *scope.split(":")) for scope in scopes.within(Seat(role=role))):
        raise Refused(_("A key gives no seat that may more than itself."), code="more_than_own_key", status=403)


@transaction.atomic
def make_anew(invite, *, by):
    """Another link for as long as the first one was meant to live; from now on only it works."""
    invite = _unused(invite)
    days = max(1, round((invite.expires_at - invite.made_at) / datetime.timedelta(days=1)))
    invite.made_by, invite.made_at = by, now()
    invite.expires_at = invite.made_at + datetime.timedelta(days=days)
    invite.save(update_fields=["made_by", "made_at", "expires_at"])
    _tokens(invite).update(revoked_at=now())
    events.note("invite.renewed", invite, by=by, after={"role": invite.role, "days": days})
    return invite, _link(invite)


@transaction.atomic
def revoke(invite, *, by):
    invite = _unused(invite)
    invite.revoked_at = now()
    invite.save(update_fields=["revoked_at"])
    _tokens(invite).update(revoked_at=invite.revoked_at)
    events.note("invite.revoked", invite, by=by, after={"role": invite.role})
    return invite


@transaction.atomic
def restore(invite, *, by):
    """Undo the revoking: the link that was out works again."""
    invite = Invite.objects.select_for_update(of=["self"]).get(pk=invite.pk)
    if invite.revoked_at is None or not Seat.objects.standing().filter(pk=invite.made_by_id).exists():
        raise Refused(_("This invite cannot come back. Make a new one."), code="invite_ended")
    AccessToken.objects.filter(subject_id=invite.pk, revoked_at=invite.revoked_at).update(revoked_at=None)
    invite.revoked_at = None
    invite.save(update_fields=["revoked_at"])
    events.note("invite.restored", invite, by=by, after={"role": invite.role})
    return invite


@transaction.atomic
def take(invite, user, *, name=""):
    """Sit down. Whoever flips the row first does; for everybody else, and ever after, it is used."""
    invite = Invite.objects.select_for_update(of=["self"]).select_related("tenant", "made_by__user").get(pk=invite.pk)
    if fault := why_not(invite):
        raise fault
    try:
        with transaction.atomic():
            seat = Seat.objects.create(tenant=invite.tenant, user=user, role=invite.role, name=name or invite.name)
    except IntegrityError as error:
        if constraints.name(error) != "one_seat_a_user":
            raise
        raise Refused(_("You have a seat here already."), code="seat_taken") from None
    invite.used_at, invite.seat = now(), seat
    invite.save(update_fields=["used_at", "seat"])
    _tokens(invite).update(revoked_at=invite.used_at, last_used_at=invite.used_at)
    with acting_for(invite.tenant_id):
        events.note("invite.used", invite, by=seat, after={"role": invite.role})
        events.note("seat.added", seat, by=invite.made_by, because="invite", after={"role": seat.role, "seat": str(seat.pk)})
    return seat


# Finding one


def find(secret):
    """(invite, refusal): the invite of this link, and why it gives no seat any more. No invite where nobody made the link."""
    token = AccessToken.objects.filter(hash=hashed(secret), kind=AccessToken.Kind.INVITE).first()
    known = Invite.objects.select_related("tenant", "made_by__user")
    invite = known.filter(pk=token.subject_id, tenant=token.tenant_id).first() if token else None
    if invite is None:
        sentence = _("Nobody made this link. Perhaps a part of it was lost: copy the whole of it from the message.")
        return None, Refused(sentence, code="no_such_invite", status=410)
    fault = why_not(invite)
    if fault is None and token.revoked_at:
        sentence = _("A newer link took its place. Look for the newest message, or ask whoever invited you.")
        fault = Refused(sentence, code="invite_replaced", status=410)
    return invite, fault


def why_not(invite):
    """The refusal; None while the invite gives a seat."""
    if invite.used_at:
        sentence = _("This invite has been used; it gives one seat, once. If it was you, sign in. If not, ask for a new one.")
        return Refused(sentence, code="invite_used", status=410)
    if invite.revoked_at or invite.made_by.ended_at or not invite.made_by.user.is_active:
        sentence = _("This invite was taken back. If you still want to join, ask the community's owner for a new one.")
        return Refused(sentence, code="invite_revoked", status=410)
    if invite.expires_at <= now():
        sentence = _("This invite is over. Ask whoever sent it for a new one; that takes them a minute.")
        return Refused(sentence, code="invite_over", status=410)
    return None


# Sending it


def words(invite, link):
    """What goes with the link into a chat, in the tenant's language."""
    with translation.override(invite.tenant.language):
        days = max(1, round((invite.expires_at - now()) / datetime.timedelta(days=1)))
        greeting = _("Hello %(name)s!") % {"name": invite.name} if invite.name else _("Hello!")
        invites = _("%(tenant)s invites you to work with it as %(role)s. Open this link in a browser and take your seat:")
        ends = ngettext("It works once, within a day.", "It works once, within %(days)d days.", days) % {"days": days}
        said = {"tenant": invite.tenant.name, "role": invite.get_role_display()}
        return f"{greeting}\n{invites % said}\n{link}\n{ends}"


def send(invite, link):
    """By mail, if it has an address. True when it was handed over."""
    with translation.override(invite.tenant.language):
        expires_on = short_day(invite.last_day)
    context = {"invite": invite, "tenant": invite.tenant, "link": link, "expires_on": expires_on}
    return bool(invite.email) and mail.send("invite", invite.email, language=invite.tenant.language, context=context)


def _link(invite):
    fields = {"subject_id": invite.pk, "made_by": invite.made_by, "expires_at": invite.expires_at}
    _token, secret = AccessToken.make(AccessToken.Kind.INVITE, invite.made_by, **fields)
    return settings.BASE_URL + links.root_path("invite", secret)


def _unused(invite):
    invite = Invite.objects.select_for_update(of=["self"]).select_related("tenant").get(pk=invite.pk)
    if invite.used_at:
        raise Refused(_("This invite has been used already."), code="invite_used")
    if invite.revoked_at:
        raise Refused(_("This invite was revoked already."), code="invite_revoked")
    return invite


def _tokens(invite):
    return AccessToken.objects.filter(subject_id=invite.pk, kind=AccessToken.Kind.INVITE, revoked_at=None)


for _kind, _words, _icon in [
    ("invite.made", gettext_lazy("Invited somebody: %(role)s"), "user-plus"),
    ("invite.renewed", gettext_lazy("Made the link of an invite anew: %(role)s"), "refresh"),
    ("invite.revoked", gettext_lazy("Revoked an invite: %(role)s"), "ban"),
    ("invite.restored", gettext_lazy("Took back the revoking of an invite: %(role)s"), "arrow-back-up"),
    ("invite.used", gettext_lazy("Took an invite and the seat: %(role)s"), "user-check"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="settings")


def _revoked_last(facts):
    facts = trail.newest(facts, ["invite.revoked", "invite.restored"])
    revoked = Invite.objects.filter(tenant=active_tenant(), pk__in=[fact.subject for fact in facts], used_at=None, expires_at__gt=now())
    can = set(revoked.exclude(revoked_at=None).filter(made_by__in=Seat.objects.standing()).values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in can]


def _bring_back(fact, by):
    restore(Invite.objects.get(tenant=active_tenant(), pk=fact.subject), by=by)
    return _("The invite stands again, with the link it had.")


trail.undoes("invite.revoked", "settings", _revoked_last, _bring_back)
