"""Who works for which group."""

from django.db import transaction
from django.utils.translation import gettext as _

from crm.tenancy import events
from crm.tenancy.refusals import Refused

from .models import Group


@transaction.atomic
def assign(groups, seat, *, by=None):
    """From now on this seat does the work of these groups; tasks already handed out stay where they are."""
    if seat.role == seat.Role.VIEWER:
        raise Refused(_("A viewer does no work; choose another role."), code="viewer_works_not")
    for group in groups:
        if group.assistant_id != seat.pk:
            before = {"assistant": str(group.assistant_id)} if group.assistant_id else {}
            group.assistant = seat
            group.save(update_fields=["assistant"])
            events.note("group.assigned", group, by=by, before=before, after={"assistant": str(seat.pk)})


def find(words):
    """Groups by number or by name. A number is that of a reshuffled matrix where one has it, otherwise of any."""
    groups = list(Group.objects.open().select_related("matrix").in_order())
    return [_one(word.strip(), groups) for word in words if word.strip()]


def _one(word, groups):
    found = [group for group in groups if group.name == word]
    if not found and word.isdecimal():
        found = [group for group in groups if group.number == int(word)]
        found = [group for group in found if group.matrix.is_reshuffled] or found
    if len(found) == 1:
        return found[0]
    if found:
        names = _(", ").join(f"{group.matrix.name}/{group.name}" for group in found)
        sentence = _("“%(word)s” is not one group but several: %(names)s. Name the one you mean.")
        raise Refused(sentence % {"word": word, "names": names}, code="group_unclear")
    raise Refused(_("There is no group “%(word)s”.") % {"word": word}, code="no_such_group")
