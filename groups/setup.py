"""Verbs of how matrices and groups are set up: what they are called, how they are run, how many they hold, which are open."""

import math

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from uuid_utils.compat import uuid7

from crm.tenancy import changes, events
from crm.tenancy.models import Seat, Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant

from . import calendar, laying, rhythms
from .models import Arrival, Group, Matrix, Move, Placement, Reshuffle
from .models.matrices import WEIGHTS
from .names import as_uuid

MATRIX_KINDS = {
    "name": "matrix.named",
    "is_reshuffled": "matrix.reshuffled_set",
    "lead_days": "matrix.lead_days_set",
    "minutes_per_move": "matrix.minutes_set",
    "least_percent": "matrix.least_set",
    "code_days": "matrix.code_days_set",
    "half_life": "matrix.half_life_set",
    "weights": "matrix.weights_set",
}
GROUP_KINDS = dict.fromkeys(["name", "number", "mode", "capacity", "least", "chat_url"], "group.changed") | {"assistant": "group.assigned"}
LONGEST_NAME = 60
LONGEST_LINK = 300
CHAT_APPS = ("https", "weixin", "wxwork", "lark", "feishu", "dingtalk", "slack", "tg", "discord")  # whose links open a chat

# Least and most. A plan is proposed before its half-year, which is 181 days long at least.
LIMITS = {
    "lead_days": (1, 180),
    "minutes_per_move": (1, 240),
    "least_percent": (0, 100),
    "code_days": (1, 365),
    "half_life": (0.1, 20),
    "number": (1, 9999),
    "capacity": (1, 200_000),
    "least": (0, 200_000),
}
HEAVIEST = 100  # a weight; so that the costs of all members still fit into whole numbers


# Matrices


@transaction.atomic
def add_matrix(values, *, by):
    _one_at_a_time()
    fields = {name: check_matrix(name, value) for name, value in values.items()}
    _refuse_twin(Matrix.objects.filter(name=fields["name"]), _("There is a matrix of this name already."), "a_matrix_name_once")
    matrix = Matrix.objects.create(**fields)
    rhythms.ready(Tenant.objects.get(pk=active_tenant()))
    events.note("matrix.added", matrix, by=by)
    return matrix


@transaction.atomic
def change_matrix(matrix, wanted, tenant, *, by, seen=None):
    """Returns the matrix as it is now and what the changed fields held before. What the calendar has not begun moves with it."""
    _one_at_a_time()
    wanted = {name: check_matrix(name, value) for name, value in wanted.items()}
    if "name" in wanted:
        twins = Matrix.objects.filter(name=wanted["name"]).exclude(pk=matrix.pk)
        _refuse_twin(twins, _("There is a matrix of this name already."), "a_matrix_name_once")
    matrix, before = changes.change(matrix, wanted, MATRIX_KINDS, by=by, seen=seen)
    if before.get("is_reshuffled"):
        _refuse_in_the_middle(matrix)
        calendar.take_down(matrix)
    elif "is_reshuffled" in before:
        calendar.lay_out(matrix, tenant)
    if "lead_days" in before:
        calendar.put_off(matrix, tenant)
    return matrix, before


def _one_at_a_time():
    """Two who give one name at the same moment are told, the second one. First of all locks, as it is of the rhythm's."""
    Tenant.objects.select_for_update(no_key=True).get(pk=active_tenant())  # who ticks meanwhile writes rows that point at it


def _refuse_in_the_middle(matrix):
    if Reshuffle.objects.filter(matrix=matrix, state=Reshuffle.State.APPROVED).exists():
        sentence = _("A reshuffle of this matrix is being carried out. It can be switched off when its half-year has begun.")
        raise Refused(sentence, code="being_carried_out", field="is_reshuffled")


def check_matrix(name, value):
    if name == "name":
        return _a_name(value)
    if name == "weights":
        return _weights(value)
    return _within(name, value) if name in LIMITS else value


def _weights(weights):
    """All of them, each within reason. Where none counts, no plan is better than another."""
    if not isinstance(weights, dict) or set(weights) - set(WEIGHTS):
        raise Refused(_("There are these weights: %s.") % ", ".join(WEIGHTS), code="no_such_weight", status=400, field="weights")
    for name, weight in weights.items():
        if not _is_number(weight) or not 0 <= weight <= HEAVIEST:
            sentence = _("A weight is a number from 0 to %(most)s.") % {"most": HEAVIEST}
            raise Refused(sentence, code="out_of_range", status=400, field=name)
    if not any(weights.values()):
        raise Refused(_("One thing must count at least."), code="nothing_counts", status=400, field="known")
    return weights


# Groups


@transaction.atomic
def add_group(matrix, values, *, by):
    _one_at_a_time()
    Matrix.objects.select_for_update().get(pk=matrix.pk)
    group = _add(matrix, values, by)
    laying.follow()
    return group


@transaction.atomic
def change_groups(matrix, wanted, *, by, seen=None, added=None):
    """Several groups of a matrix at once, and perhaps a new one: all of it or nothing.

    `wanted` and `seen` are {group's id: {field: value}}. Returns what the changed fields held before, {group's id: {field: code}}.
    """
    _one_at_a_time()
    Matrix.objects.select_for_update().get(pk=matrix.pk)
    groups = {group.pk: group for group in Group.objects.select_for_update().filter(matrix=matrix)}
    differs = {pk: _checked(groups[pk], values) for pk, values in _differences(groups, wanted, seen).items()}
    after = {pk: changes.seen_of(group, GROUP_KINDS) | differs.get(pk, {}) for pk, group in groups.items()}
    _refuse_clashes(groups, after, differs)
    _let_go_of_names(groups, differs)
    before = {pk: changes.keep(groups[pk], differs[pk], GROUP_KINDS, by=by) for pk in differs}
    if added:
        _add(matrix, added, by)
    if added or any("mode" in held for held in before.values()):
        laying.follow()  # another mode, another rhythm
    return {pk: held for pk, held in before.items() if held}


def _differences(groups, wanted, seen):
    """Of each group what is to be set. Who was overtaken in several groups hears of all of them."""
    differs, overtaken = {}, []
    for pk, values in wanted.items():
        try:
            differs[pk] = changes.differences(groups[pk], values, GROUP_KINDS, seen and seen.get(pk))
        except changes.Overtaken as each:
            overtaken.append(each)
    if overtaken:
        overtaken[0].also = overtaken[1:]
        raise overtaken[0]
    return differs


def _checked(group, values):
    """What was left alone is not asked about: a seat that was taken away may stay where it stands."""
    checked = {name: check_group(name, value, group.pk) for name, value in values.items()}
    return changes.differences(group, checked, GROUP_KINDS)


def _refuse_clashes(groups, after, differs):
    """No two groups have one name, no two open ones one number, and the least is not above the capacity."""
    for pk in differs:
        mine, others = after[pk], [other for other in groups if other != pk]
        if any(after[other]["name"] == mine["name"] for other in others):
            sentence = _("There is a group “%(name)s” already. Give this one another name.") % mine
            raise Refused(sentence, code="a_group_name_once", field="name", group=str(pk))
        if groups[pk].closed_on is None:
            _refuse_number(mine["number"], [after[other]["number"] for other in others if groups[other].closed_on is None], pk)
        _refuse_too_much(mine, pk)


def _refuse_number(number, taken, pk):
    if number is not None and number in taken:
        free = next(n for n in range(number, number + len(taken) + 1) if n not in taken)
        sentence = _("Another open group of this matrix has the number %(number)s.") % {"number": number}
        raise Refused(sentence, code="number_taken", field="number", group=str(pk or ""), proposal=free)


def _refuse_too_much(values, pk):
    if values.get("least") is not None and values["least"] > values["capacity"]:
        sentence = _("At least %(least)s people, but it holds %(capacity)s: that cannot be.") % values
        more = {"field": "least", "group": str(pk or ""), "proposal": values["capacity"]}
        raise Refused(sentence, code="least_above_capacity", status=400, **more)


def _let_go_of_names(groups, differs):
    """Two groups may exchange their names, so the one that still holds a wanted name lets go of it first."""
    wanted = {values["name"] for values in differs.values() if "name" in values}
    for pk, group in groups.items():
        if group.name in wanted and "name" in differs.get(pk, {}):
            Group.objects.filter(pk=pk).update(name=str(uuid7()))


def _add(matrix, values, by):
    fields = {name: check_group(name, value) for name, value in values.items()}
    fields = {name: field.get_default() for name in ("capacity", "mode", "chat_url") if (field := Group._meta.get_field(name))} | fields
    sentence = _("There is a group “%(name)s” already. Give this one another name.") % fields
    _refuse_twin(Group.objects.filter(matrix=matrix, name=fields["name"]), sentence, "a_group_name_once")
    _refuse_number(fields.get("number"), list(Group.objects.open().filter(matrix=matrix).values_list("number", flat=True)), None)
    _refuse_too_much(fields, None)
    assistant = fields.pop("assistant", None)
    group = Group.objects.create(matrix=matrix, assistant_id=assistant, **fields)
    events.note("group.added", group, by=by, after={name: fields.get(name) for name in ("number", "mode", "capacity", "least")})
    if assistant:
        events.note("group.assigned", group, by=by, after={"assistant": str(assistant)})
    return group


def check_group(name, value, pk=None):
    try:
        if name == "name":
            return _a_name(value)
        if name == "assistant":
            return _assistant(value)
        if name == "mode" and value not in Group.Mode.values:
            raise Refused(_("Light or heavy."), code="no_such_mode", status=400, field="mode")
        if name == "chat_url":
            return _chat_link(value)
        return _within(name, value) if name in LIMITS and value is not None else value
    except Refused as refusal:
        refusal.details["group"] = str(pk or "")
        raise


def _chat_link(link):
    """Empty: there is none. What would run in the page instead of opening an app is no link to a chat."""
    link = str(link or "").strip()
    app, _colons, rest = link.partition("://")
    if link and (app.lower() not in CHAT_APPS or not rest or len(link) > LONGEST_LINK or not link.isprintable() or " " in link):
        sentence = _("A link that opens the chat begins with https:// or with the name of its app, such as weixin://.")
        raise Refused(sentence, code="no_chat_link", status=400, field="chat_url")
    return link


def _assistant(pk):
    """A seat that stands and works; None: the owner does the work."""
    if pk in (None, ""):
        return None
    seat = Seat.objects.standing().filter(tenant_id=active_tenant(), pk=as_uuid(pk)).first()
    if seat is None:
        raise Refused(_("This seat was taken away; choose another one."), code="seat_ended", field="assistant")
    if seat.role == Seat.Role.VIEWER:
        raise Refused(_("A viewer does no work; choose another role."), code="viewer_works_not", field="assistant")
    return seat.pk


@transaction.atomic
def close(group, tenant, *, by):
    """Nobody may sit in it or be on the way into it."""
    _one_at_a_time()
    group = Group.objects.select_for_update().get(pk=group.pk)
    if group.closed_on:
        raise Refused(_("This group is closed already."), code="already_closed")
    if people := Placement.objects.open().filter(group=group).count():
        words = ngettext(
            "%(n)s person sits in this group. It can be closed when nobody does.",
            "%(n)s people sit in this group. It can be closed when nobody does.",
            people,
        )
        raise Refused(words % {"n": f"{people:,}"}, code="group_not_empty", people=people)
    coming = Move.objects.coming().filter(to_group=group).exclude(state=Move.State.KEPT).count()
    if coming:
        words = ngettext(
            "%(n)s person is on the way into this group. It cannot be closed before their half-year has begun.",
            "%(n)s people are on the way into this group. It cannot be closed before their half-year has begun.",
            coming,
        )
        raise Refused(words % {"n": f"{coming:,}"}, code="group_awaited", people=coming)
    entering = Arrival.objects.filter(group=group, state=Arrival.State.PLANNED).count()
    if entering:
        words = ngettext(
            "%(n)s newcomer is to enter this group. Plan another group for them first.",
            "%(n)s newcomers are to enter this group. Plan another group for them first.",
            entering,
        )
        raise Refused(words % {"n": f"{entering:,}"}, code="group_awaited", people=entering)
    group.closed_on = tenant.today()
    group.save(update_fields=["closed_on"])
    laying.follow()
    events.note("group.closed", group, by=by)
    return group


@transaction.atomic
def reopen(group, *, by):
    _one_at_a_time()
    Matrix.objects.select_for_update().get(pk=group.matrix_id)
    group = Group.objects.select_for_update().get(pk=group.pk)
    if group.closed_on is None:
        raise Refused(_("This group is open already."), code="already_open")
    taken = Group.objects.open().filter(matrix=group.matrix_id).values_list("number", flat=True)
    if group.number is not None and group.number in taken:
        number = {"number": group.number}
        group.number = None  # somebody else goes by it now
        events.note("group.changed", group, by=by, before=number, after={"number": None})
    group.closed_on = None
    group.save(update_fields=["closed_on", "number"])
    laying.follow()
    events.note("group.reopened", group, by=by)
    return group


# What may be


def _refuse_twin(twins, sentence, code):
    if twins.exists():
        raise Refused(sentence, code=code, field="name")


def _a_name(name):
    name = " ".join(str(name).split())
    if not name or len(name) > LONGEST_NAME:
        sentence = _("A name of one to %(most)s characters, please.") % {"most": LONGEST_NAME}
        raise Refused(sentence, code="name_malformed", status=400, field="name")
    return name


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _within(name, value):
    least, most = LIMITS[name]
    if not _is_number(value) or not least <= value <= most:
        words = {"least": f"{least:,}", "most": f"{most:,}"}
        raise Refused(_("A number from %(least)s to %(most)s.") % words, code="out_of_range", status=400, field=name)
    return value
