"""What this room does to many members at once: seat them in another group, give a task of each to whoever works for their group."""

import datetime

from django import forms
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.tenancy import events
from crm.tenancy.models import Tenant
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from members import bulk
from members.models import Member

from . import rises, waves
from .calendar import HANDED_OUT_AT, instant
from .models import Cohort, Group, Placement, Task
from .names import as_uuid

LONGEST_TEXT = 2_000
MINUTES = 2


def _tenant():
    return Tenant.objects.get(pk=active_tenant())


# Another group


class GroupForm(forms.Form):
    group = forms.ChoiceField(label=gettext_lazy("Group"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        groups = Group.objects.open().with_headcount().in_order()
        self.fields["group"].choices = [(str(group.pk), f"{group.name} · {group.headcount} / {group.capacity}") for group in groups]


def _group(values, *, lock=False):
    groups = Group.objects.select_for_update() if lock else Group.objects.all()
    group = groups.filter(pk=as_uuid(values["group"])).first()
    if group is None or group.closed_on:
        raise Refused(_("This group is closed; choose another one."), code="group_closed", field="group")
    return group


def _room_for(ids, values):
    group = _group(values)
    here = Placement.objects.open().filter(group=group)
    coming = Member.objects.current().filter(pk__in=ids).exclude(pk__in=here.values("member")).count()
    free = group.capacity - here.count()
    if coming > free:
        words = {"group": group.name, "free": f"{max(free, 0):,}", "coming": f"{coming:,}"}
        sentence = _("%(group)s has %(free)s places left, and %(coming)s people would come. Choose fewer, or another group.")
        raise Refused(sentence % words, code="group_full", field="group")


def _move(ids, values, *, by, job):
    """Where they sit now ends today. Who sits there already, or left the community, is not touched."""
    group, today = _group(values, lock=True), _tenant().today()
    cohort = Cohort.objects.filter(matrix=group.matrix_id, state=Cohort.State.CURRENT).first()
    if cohort is None:
        raise Refused(_("No half-year of this matrix has begun yet, so nobody can sit in it."), code="no_half_year", field="group")
    members = list(Member.objects.current().select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    sits = {each.member_id: each for each in Placement.objects.open().filter(matrix=group.matrix_id, member__in=members)}
    moving = [member for member in members if member.pk not in sits or sits[member.pk].group_id != group.pk]
    Placement.objects.filter(pk__in=[sits[member.pk].pk for member in moving if member.pk in sits]).update(until=today)
    seat = {"group": group, "matrix_id": group.matrix_id, "cohort": cohort, "since": today}
    made = Placement.objects.bulk_create(Placement(member=member, **seat) for member in moving)
    events.note_all(
        {
            "kind": "member.moved", "subject": member, "member": member.pk, "by": by, "before": _seat_of(sits.get(member.pk)),
            "after": _seat_of(placement) | {"job": str(job.pk)},
        }
        for member, placement in zip(moving, made, strict=True)
    )  # fmt: skip


def _seat_of(placement):
    return {"group": str(placement.group_id), "placement": str(placement.pk)} if placement else {}


def _move_back(facts, values, *, by):
    """Whoever sits where they were put sits again where they sat before; their placement there goes on as if nothing had been."""
    facts = {fact.member: fact for fact in facts}
    list(Member.objects.select_for_update(no_key=True).filter(pk__in=facts).order_by("pk"))
    there = Placement.objects.open().filter(pk__in=[fact.after["placement"] for fact in facts.values()])
    touched = dict(there.values_list("member_id", "pk"))
    there.delete()
    before = [facts[pk].before["placement"] for pk in touched if facts[pk].before]
    Placement.objects.filter(pk__in=before).update(until=None)
    members = Member.objects.in_bulk(touched)
    events.note_all(
        {
            "kind": "member.moved", "subject": members[pk], "member": pk, "by": by, "because": "undone",
            "before": {"group": facts[pk].after["group"]}, "after": {"group": facts[pk].before.get("group")},
        }
        for pk in touched
    )  # fmt: skip
    return [pk for pk in facts if pk not in touched]


def _says_moved(number, values):
    name = Group.objects.filter(pk=as_uuid(values["group"])).values_list("name", flat=True).first() or "—"
    words = ngettext("%(n)s person sits in %(group)s now.", "%(n)s people sit in %(group)s now.", number)
    return words % {"n": f"{number:,}", "group": name}


# A task of each


class TaskForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("What is to be sent or done"), max_length=LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 4})
    )
    due = forms.DateField(label=gettext_lazy("Due on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.today = _tenant().today()
        self.fields["due"].initial = self.today
        self.fields["due"].widget.attrs["min"] = self.today.isoformat()
        self.fields["due"].help_text = _("Each goes to whoever works for the member's group. Who sits in no group gets none.")

    def clean_due(self):
        due = self.cleaned_data["due"]
        if not self.today <= due <= self.today + datetime.timedelta(days=366):
            raise forms.ValidationError(_("A day from today on, within a year."))
        return due


def _sits(ids):
    """{member's id: group's id}; of several groups the one of a reshuffled matrix."""
    seats = Placement.objects.open().filter(member__in=ids, member__standing=Member.Standing.CURRENT)
    return dict(seats.order_by("matrix__is_reshuffled", "id").values_list("member_id", "group_id"))


def _somebody_sits(ids, values):
    if not _sits(ids):
        raise Refused(_("None of them sits in a group, so nobody works for them."), code="no_group", status=400)


def _give(ids, values, *, by, job):
    tenant, sits, due = _tenant(), _sits(ids), datetime.date.fromisoformat(values["due"])
    hands = waves.hands({str(group) for group in sits.values()}, tenant, due)
    late = instant(datetime.datetime.combine(due + datetime.timedelta(days=1), datetime.time(0)), tenant.zone)
    same = {"kind": Task.Kind.GIVEN, "text": values["text"], "minutes": MINUTES, "late_at": late}
    same["due_at"] = min(max(now(), instant(datetime.datetime.combine(due, HANDED_OUT_AT), tenant.zone)), late)
    tasks = [Task(member_id=pk, group_id=group, assistant_id=hands[str(group)], **same) for pk, group in sorted(sits.items())]
    Task.objects.bulk_create(tasks)
    rises.promise(tasks, _tenant())
    events.note_all(
        {"kind": "task.given", "subject": task, "member": task.member_id, "by": by, "after": {"job": str(job.pk)}} for task in tasks
    )


def _take_back(facts, values, *, by):
    """What nobody has done yet is withdrawn; what is done stays done."""
    wanted = {fact.subject: fact.member for fact in facts}
    tasks = list(Task.objects.open().select_for_update().filter(pk__in=wanted).order_by("pk"))
    Task.objects.filter(pk__in=[task.pk for task in tasks]).update(state=Task.State.WITHDRAWN, ended_at=now(), ended_by=by)
    events.note_all({"kind": "task.withdrawn", "subject": task, "member": task.member_id, "by": by} for task in tasks)
    return [member for task, member in wanted.items() if task not in {each.pk for each in tasks}]


def _says_given(number, values):
    return ngettext("%(n)s task is given.", "%(n)s tasks are given.", number) % {"n": f"{number:,}"}


bulk.verb(
    "move", gettext_lazy("Seat in a group"), icon="arrows-move", form=GroupForm, check=_room_for, act=_move, undo=_move_back,
    says=_says_moved, area="matrix", order=20,
)  # fmt: skip
bulk.verb(
    "task", gettext_lazy("Give a task"), icon="checklist", form=TaskForm, check=_somebody_sits, act=_give, undo=_take_back,
    says=_says_given, area="tasks", order=22,
)  # fmt: skip
