"""What the groups of a matrix are called, how many each holds, how it is run, and who looks after it: said of all at once."""

from django.db import transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from crm.tenancy import events
from crm.tenancy.refusals import Refused

from . import assistants
from .models import Group

SAID = ("name", "number", "capacity", "mode")


@transaction.atomic
def name_groups(said, *, by):
    """`said` is [(group's id, {name, number, capacity, mode, assistant: a seat or None})]. That somebody looked is a fact, too."""
    groups = Group.objects.select_for_update().in_bulk([pk for pk, _values in said])
    changed = []
    for pk, values in said:
        group = groups[pk]
        before = {name: getattr(group, name) for name in SAID}
        after = {name: values[name] for name in SAID}
        if before != after:
            changed.append((group, before, after))
    _take(changed)
    for group, before, after in changed:
        known = {name: before[name] for name in SAID[1:] if before[name] != after[name]}  # names of groups stay out of the facts
        events.note("group.changed", group, by=by, before=known, after={name: after[name] for name in known})
    for pk, values in said:
        _look_after(groups[pk], values["assistant"], by)
    for matrix in {group.matrix_id: group.matrix for group in groups.values()}.values():
        events.note("groups.named", matrix, by=by, after={"groups": sum(group.matrix_id == matrix.pk for group in groups.values())})


def _take(changed):
    """Two groups may exchange their names, so first each lets go of its own."""
    renamed = [group for group, before, after in changed if before["name"] != after["name"]]
    for group in renamed:
        Group.objects.filter(pk=group.pk).update(name=str(uuid7()))
    taken = Group.objects.exclude(pk__in=[group.pk for group in renamed]).values_list("matrix_id", "name")
    others = set(taken)
    for group, _before, after in changed:
        if (group.matrix_id, after["name"]) in others:
            raise Refused(_("There is a group “%(name)s” already. Give this one another name.") % after, code="a_group_name_once")
        for name, value in after.items():
            setattr(group, name, value)
        group.save(update_fields=SAID)


def _look_after(group, seat, by):
    if seat:
        assistants.assign([group], seat, by=by)
    elif group.assistant_id:
        before = {"assistant": str(group.assistant_id)}
        group.assistant = None
        group.save(update_fields=["assistant"])
        events.note("group.assigned", group, by=by, before=before, after={"assistant": None})
