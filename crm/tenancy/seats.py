"""Verbs of tenants and seats: open a tenant; give, change, end and hand over a seat; make a link for a first sign-in."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import events, links, rights, trail
from .models import AccessToken, Invite, Seat, Tenant, User
from .refusals import Refused
from .scope import acting_for, active_tenant

LINK_LASTS = datetime.timedelta(days=7)
RESTORED_WITHIN = datetime.timedelta(days=1)
MOST_MINUTES = 7 * 24 * 60


@transaction.atomic
def open_tenant(slug, email, name=""):
    """A new tenant with its owner's seat; whatever else it needs comes with its files."""
    if Tenant.objects.filter(slug=slug).exists():
        raise Refused(_("There is a tenant “%(slug)s” already.") % {"slug": slug}, code="slug_taken")
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    return add(tenant, email, Seat.Role.OWNER)


@transaction.atomic
def add(tenant, email, role, *, name="", by=None):
    """Give a user a seat; one that is not known yet is made, without a password."""
    email = email.strip().lower()
    validate_email(email)
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email)
    if not user.is_active:
        raise Refused(_("%(email)s is switched off.") % {"email": email}, code="user_inactive")
    if Seat.objects.filter(tenant=tenant, user=user, ended_at=None).exists():
        raise Refused(_("%(email)s has a seat here already.") % {"email": email}, code="seat_taken")
    seat = Seat.objects.create(tenant=tenant, user=user, role=role, name=name)
    with acting_for(tenant.pk):
        events.note("seat.added", seat, by=by, after={"role": role})
    return seat


def first_link(seat):
    """Opens once, within a week: it lets the seat's user choose a password and signs them in."""
    _token, secret = AccessToken.make(AccessToken.Kind.SIGN_IN, seat, subject_id=seat.pk, expires_at=now() + LINK_LASTS)
    return settings.BASE_URL + links.root_path("first_sign_in", secret)


def of(tenant, email):
    return Seat.objects.standing().filter(tenant=tenant, user__email__iexact=email.strip()).select_related("tenant", "user").first()


# Work that hangs on seats


@dataclass(frozen=True)
class Burden:
    """Work that names a seat. A room registers its own in `AppConfig.ready`, so that nobody leaves it lying unseen."""

    counts: Callable  # (ids of seats) -> {id: how many}
    says: Callable  # (how many) -> in words, with the number
    url: Callable  # (seat) -> where it is seen


BURDENS = []


def burdens_of(seats):
    """{seat's id: [(burden, how many), …]} of those that carry any; one question a burden."""
    ids, found = [seat.pk for seat in seats], {}
    for burden in BURDENS if ids else []:
        for pk, number in burden.counts(ids).items():
            found.setdefault(pk, []).append((burden, number))
    return found


# What a room does when somebody works no more, (seat, by), and when they have their seat again, (seat, since when it was ended, by)
ENDS, RETURNS = [], []


# Changing seats: each change is in force with the next request, which reads its seat anew


@transaction.atomic
def change_role(seat, role, *, by):
    seat = _as_it_is(seat, by)
    if role == seat.role:
        return seat
    before = seat.role
    if before == Seat.Role.OWNER:
        _refuse_the_last_owner(seat, _("Make somebody else an owner first: a community needs one."))
        _end_invites(seat, now())  # who may no longer invite gives no seat by a link from before
    seat.role = role
    seat.save(update_fields=["role"])
    events.note("seat.role_changed", seat, by=by, before={"role": before}, after={"seat": str(seat.pk), "role": role})
    if role == Seat.Role.VIEWER:
        _works_no_more(seat, by)
    return seat


@transaction.atomic
def rename(seat, name, *, by):
    seat = _as_it_is(seat, by)
    if name == seat.name:
        return seat
    seat.name = name
    seat.save(update_fields=["name"])
    events.note("seat.renamed", seat, by=by, after={"seat": str(seat.pk)})
    return seat


@transaction.atomic
def set_minutes(seat, minutes, *, by):
    """How much work somebody can bear in a week; None: nobody counts."""
    seat = _as_it_is(seat, by)
    if minutes == seat.minutes_a_week:
        return seat
    before, seat.minutes_a_week = seat.minutes_a_week, minutes
    seat.save(update_fields=["minutes_a_week"])
    events.note("seat.minutes_set", seat, by=by, before={"minutes": before}, after={"seat": str(seat.pk), "minutes": minutes})
    return seat


@transaction.atomic
def end(seat, *, by):
    """Take a seat away. Its keys, its links and the open invites it made end with it; what it did stays."""
    if seat.pk == by.pk:
        raise Refused(_("This is your own seat. To give it up, leave the community."), code="own_seat")
    seat = _as_it_is(seat, by)
    _refuse_the_last_owner(seat, _("This is the only owner; a community needs one."))
    return _end(seat, "seat.ended", by)


@transaction.atomic
def leave(seat):
    """Give up one's own seat; every role may."""
    _one_at_a_time(seat.tenant_id)
    seat = _standing(seat)
    if seat is None:
        raise Refused(_("This seat was taken away already."), code="seat_ended")
    _refuse_the_last_owner(seat, _("You are the only owner. Hand the community over to somebody first, then leave."))
    return _end(seat, "seat.left", seat)


@transaction.atomic
def restore(seat, *, by):
    """Undo the end of a seat, with the keys and invites that ended with it."""
    _one_at_a_time(seat.tenant_id, by)
    seat = Seat.objects.select_related("user", "tenant").get(pk=seat.pk)
    if seat.ended_at is None:
        return seat
    if seat.ended_at < now() - RESTORED_WITHIN:
        raise Refused(_("This seat ended more than a day ago. Invite them anew."), code="ended_long_ago")
    if not seat.user.is_active:
        raise Refused(_("%(email)s is switched off.") % {"email": seat.user.email}, code="user_inactive")
    if Seat.objects.filter(tenant=seat.tenant_id, user=seat.user_id, ended_at=None).exists():
        raise Refused(_("%(email)s has a seat here already.") % {"email": seat.user.email}, code="seat_taken")
    AccessToken.objects.filter(seat=seat, revoked_at=seat.ended_at).update(revoked_at=None)
    Invite.objects.filter(made_by=seat, revoked_at=seat.ended_at).update(revoked_at=None)
    since, seat.ended_at = seat.ended_at, None
    seat.save(update_fields=["ended_at"])
    events.note("seat.restored", seat, by=by, after={"seat": str(seat.pk), "role": seat.role})
    for follow in RETURNS:
        follow(seat, since, by=by)
    return seat


@transaction.atomic
def hand_over(to, *, by):
    """`to` becomes owner and whoever hands over an operator, at once. Their open invites go along."""
    to = _as_it_is(to, by)
    if to.is_owner:
        raise Refused(_("%(name)s is an owner already.") % {"name": to}, code="owner_already")
    if not to.user.is_active:
        raise Refused(_("%(email)s is switched off.") % {"email": to.user.email}, code="user_inactive")
    before = to.role
    Seat.objects.filter(pk=to.pk).update(role=Seat.Role.OWNER)
    Seat.objects.filter(pk=by.pk).update(role=Seat.Role.OPERATOR)
    open_ones = Invite.objects.open().filter(made_by=by.pk)
    AccessToken.objects.filter(subject_id__in=list(open_ones.values_list("pk", flat=True)), revoked_at=None).update(seat=to)
    open_ones.update(made_by=to)
    events.note("ownership.handed_over", to, by=by, before={"role": before}, after={"seat": str(to.pk)})


def _one_at_a_time(tenant_id, by=None):
    """Changes of a tenant's seats wait for each other. Two owners may be at each other at this moment, so `by` is read anew."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
    if by is not None:
        asker = _standing(by)
        rights.refuse_unless(asker is not None and rights.may_do(asker, "settings"), "settings")


def _as_it_is(seat, by):
    _one_at_a_time(seat.tenant_id, by)
    if found := Seat.objects.select_related("user", "tenant").filter(pk=seat.pk, ended_at=None).first():
        return found
    raise Refused(_("This seat was taken away already."), code="seat_ended")


def _standing(seat):
    return Seat.objects.standing().select_related("user", "tenant").filter(pk=seat.pk).first()


def is_last_owner(seat):
    others = Seat.objects.standing().filter(tenant=seat.tenant_id, role=Seat.Role.OWNER).exclude(pk=seat.pk)
    return seat.is_owner and not others.exists()


def _refuse_the_last_owner(seat, sentence):
    if is_last_owner(seat):
        raise Refused(sentence, code="last_owner")


def _end(seat, kind, by):
    seat.ended_at = now()
    seat.save(update_fields=["ended_at"])
    _end_invites(seat, seat.ended_at)
    AccessToken.objects.filter(seat=seat, revoked_at=None).update(revoked_at=seat.ended_at)
    events.note(kind, seat, by=by, after={"seat": str(seat.pk), "role": seat.role})
    _works_no_more(seat, by)
    return seat


def _works_no_more(seat, by):
    for follow in ENDS:
        follow(seat, by=by)


def _end_invites(seat, moment):
    AccessToken.objects.filter(seat=seat, kind=AccessToken.Kind.INVITE, revoked_at=None).update(revoked_at=moment)
    Invite.objects.filter(made_by=seat, used_at=None, revoked_at=None).update(revoked_at=moment)


for _kind, _words, _icon in [
    ("seat.role_changed", gettext_lazy("Changed the role of %(seat)s to %(role)s"), "id-badge-2"),
    ("seat.renamed", gettext_lazy("Changed what %(seat)s is called"), "pencil"),
    ("seat.minutes_set", gettext_lazy("Set what %(seat)s can bear to %(minutes)s minutes a week"), "clock"),
    ("seat.ended", gettext_lazy("Took the seat of %(seat)s away"), "user-x"),
    ("seat.restored", gettext_lazy("Gave %(seat)s their seat back"), "arrow-back-up"),
    ("seat.left", gettext_lazy("Left the community"), "logout"),
    ("ownership.handed_over", gettext_lazy("Handed the community over to %(seat)s"), "crown"),
]:
    trail.tell(_kind, _words, icon=_icon, topic="settings")


def _ended_last(facts):
    """Within a day, while the seat is not back and its user has no other."""
    facts = trail.newest(facts, ["seat.ended", "seat.left", "seat.restored"])
    others = Seat.objects.filter(tenant=active_tenant(), user=OuterRef("user"), ended_at=None)
    gone = Seat.objects.filter(tenant=active_tenant(), pk__in=[fact.subject for fact in facts], user__is_active=True)
    can = set(gone.filter(~Exists(others), ended_at__gte=now() - RESTORED_WITHIN).values_list("pk", flat=True))
    return [fact.pk for fact in facts if fact.subject in can]


def _give_back(fact, by):
    seat = restore(Seat.objects.get(tenant=active_tenant(), pk=fact.subject), by=by)
    return _("%(name)s has the seat again, as %(role)s.") % {"name": seat, "role": seat.get_role_display()}


def _changed_last(facts):
    facts = trail.newest(facts, ["seat.role_changed", "ownership.handed_over"])
    standing = Seat.objects.standing().filter(tenant=active_tenant(), pk__in=[fact.subject for fact in facts])
    roles = dict(standing.values_list("pk", "role"))
    return [fact.pk for fact in facts if roles.get(fact.subject) == fact.after.get("role") and fact.before.get("role") in Seat.Role.values]


def _role_before(fact, by):
    seat = change_role(Seat.objects.get(tenant=active_tenant(), pk=fact.subject), fact.before["role"], by=by)
    return _("%(name)s: the role is %(role)s now.") % {"name": seat, "role": seat.get_role_display()}


def _minutes_set_last(facts):
    facts = trail.newest(facts, ["seat.minutes_set"])
    standing = Seat.objects.standing().filter(tenant=active_tenant(), pk__in=[fact.subject for fact in facts])
    minutes = dict(standing.values_list("pk", "minutes_a_week"))
    return [fact.pk for fact in facts if fact.subject in minutes and minutes[fact.subject] == fact.after.get("minutes")]


def _minutes_before(fact, by):
    seat = set_minutes(Seat.objects.get(tenant=active_tenant(), pk=fact.subject), fact.before.get("minutes"), by=by)
    if seat.minutes_a_week is None:
        return _("Nobody counts the minutes of %(name)s.") % {"name": seat}
    return _("%(name)s can bear %(minutes)s minutes a week.") % {"name": seat, "minutes": f"{seat.minutes_a_week:,}"}


trail.undoes("seat.minutes_set", "settings", _minutes_set_last, _minutes_before)
trail.undoes("seat.ended", "settings", _ended_last, _give_back)
trail.undoes("seat.role_changed", "settings", _changed_last, _role_before)
