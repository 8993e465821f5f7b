"""Which personal fields a role does not see. The owner says so in the settings; whoever shows a member asks here.

`people.hidden_from(seat)` says the names, `people.hides(hidden, platform)` and `people.hides_field(hidden, field)` ask about one,
and `people.without(hidden, handles)` leaves the hidden ones out of a queryset.
"""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused

from .models import Handle

LABELS = {
    "phone": gettext_lazy("Phone"),
    "wechat": gettext_lazy("WeChat id"),
    "email": gettext_lazy("E-mail"),
    "handles": gettext_lazy("Ids of other systems"),
    "note": gettext_lazy("Note of the file"),
    "notes": gettext_lazy("Notes"),
    "wishes": gettext_lazy("What they offer and seek"),
    "custom": gettext_lazy("Own fields"),
    "photo": gettext_lazy("Photo"),
}
ROLES = [Seat.Role.ASSISTANT, Seat.Role.VIEWER]  # owner and operator work with everything
USUAL = {Seat.Role.ASSISTANT: frozenset({"phone"}), Seat.Role.VIEWER: frozenset({"phone", "email"})}
OF_A_FIELD = {"offers": "wishes", "seeks": "wishes"}  # field of a member -> what hides it, where that has another name
OWN_PLATFORMS = (Handle.Platform.PHONE, Handle.Platform.WECHAT, Handle.Platform.EMAIL)


def hidden_from(seat):
    """The personal fields that this seat's role does not see."""
    return of_role(seat.tenant, seat.role)


def of_role(tenant, role):
    if role not in USUAL:
        return frozenset()
    said = tenant.hidden_fields.get(role)
    return USUAL[role] if said is None else frozenset(said) & LABELS.keys()


def name_of(platform):
    """Under which name a platform's handles are hidden."""
    return str(platform) if platform in OWN_PLATFORMS else "handles"


def hides(hidden, platform):
    return name_of(platform) in hidden


def hides_field(hidden, field):
    return OF_A_FIELD.get(field, field) in hidden


def without(hidden, handles):
    """These handles but for the hidden ones."""
    handles = handles.exclude(platform__in=[platform for platform in OWN_PLATFORMS if platform in hidden])
    return handles.filter(platform__in=OWN_PLATFORMS) if "handles" in hidden else handles


def shown(hidden, said):
    """A member as JSON has it, without what is hidden: those names stand there empty."""
    if not hidden:
        return said
    for name, value in said.items():
        if name == "handles":
            said[name] = [handle for handle in value if not hides(hidden, handle["platform"])]
        elif value and hides_field(hidden, name):
            said[name] = type(value)()
    return said


@transaction.atomic
def hide(tenant, wanted, *, by, seen=None):
    """`wanted` is {role: names}. Returns the tenant as it is now and what was hidden before, {role: names}."""
    tenant = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = {role: sorted(of_role(tenant, role)) for role in wanted}
    for role, names in wanted.items():
        if role not in USUAL or set(names) - LABELS.keys():
            raise Refused(_("There is no such field to hide."), code="no_such_field", status=400)
        if seen is not None and sorted(names) != before[role] and sorted(seen.get(role, [])) != before[role]:
            raise Refused(_("Somebody changed this in the meantime. Look at it as it is now."), code="changed_meanwhile")
    differs = {str(role): sorted(names) for role, names in wanted.items() if sorted(names) != before[role]}
    if differs:
        tenant.hidden_fields = tenant.hidden_fields | differs
        tenant.save(update_fields=["hidden_fields"])
        told = {role: ",".join(names) for role, names in differs.items()}
        events.note("tenant.fields_hidden", tenant, by=by, before={role: ",".join(before[role]) for role in differs}, after=told)
    return tenant, {role: before[role] for role in differs}
