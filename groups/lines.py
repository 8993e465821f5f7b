"""Tasks as lines of the assistant's phone: what a row of today, or the head of a task's page, says of one."""

import datetime
from collections import Counter
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import NamedTuple

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.tenancy.templatetags.qx import ago, clock
from members import names

from .models import ArrivalStep, Group, Task


class Person(NamedTuple):
    nickname: str
    city: str
    industry: str
    sort_key: str


class Brief(NamedTuple):
    """A task with as much as a row says of it. A day has hundreds, and a whole one takes ten times as long to fetch."""

    pk: object
    kind: str
    state: str
    group_id: object
    member_id: object
    due_at: datetime.datetime
    late_at: datetime.datetime
    minutes: int
    title: str
    text: str
    wants_proof: bool
    proof_id: object
    risen: int
    reason: str
    ended_at: datetime.datetime | None
    ended_by_id: object
    after_id: object
    picture_id: object
    member: Person | None
    group: Group | None

    def get_kind_display(self):
        return Task.Kind(self.kind).label

    def get_reason_display(self):
        return Task.Reason(self.reason).label


FIELDS = [*Brief._fields[:-2], *(f"member__{name}" for name in Person._fields)]
OF_GROUP = FIELDS.index("group_id")


def briefs(*queries):
    """Lists of them, in their orders; their groups come once for all."""
    lists = [list(query.values_list(*FIELDS)) for query in queries]
    groups = Group.objects.in_bulk({row[OF_GROUP] for rows in lists for row in rows} - {None})
    return [[_brief(row, groups) for row in rows] for rows in lists]


def _brief(row, groups):
    own, person = row[: -len(Person._fields)], row[-len(Person._fields) :]
    return Brief(*own, Person(*person) if person[0] is not None else None, groups.get(own[OF_GROUP]))


def named(task):
    """Whom or what a sentence about a task names."""
    if task.member:
        return task.member.nickname
    return task.title or (task.group.short if task.group else task.get_kind_display())


def is_for_group(task, step=None):
    """Whether its text goes into the chat, whomever it is about; `step` is that of an arrival."""
    return task.group_id is not None and (task.kind in (Task.Kind.TALK, Task.Kind.PUSH) or bool(step and step.number))


class Sight:
    """The moment of a page, and what its rows say again and again, said once."""

    def __init__(self, moment):
        self.moment = moment
        self.clock, self.minutes, self.due, self.short = cache(clock), cache(_minutes), cache(_was_due), cache(_short)
        self.id, self.said = cache(str), cache(names.sort_key)
        self.invite, self.of, self.write = _("Invite %(name)s into %(group)s"), _("%(what)s: %(name)s"), _("Write to %(name)s")

    def tell_apart(self, groups):
        """The first of the members and the first of the partners are both number one: there people say the name."""
        said = Counter(group.short for group in groups)
        self.short = cache(lambda group: group.name if group and said[group.short] > 1 else _short(group))


def _minutes(minutes, due_at=None):
    said = _("%(minutes)s min") % {"minutes": minutes}
    return _("%(time)s · %(minutes)s") % {"time": clock(due_at), "minutes": said} if due_at else said


def _was_due(moment):
    return _("was due %(day)s, %(time)s") % {"day": ago(moment), "time": clock(moment)}


def _short(group):
    return group.short if group else _("in no group")


@dataclass
class Line:
    """One task as a row of the list."""

    task: Task | Brief
    to_group: Group | None  # of a move
    sight: Sight
    step: ArrivalStep | None = None
    ahead: str = ""  # the title of what comes before it

    @property
    def is_open(self):
        return self.task.state == Task.State.OPEN

    @property
    def is_barred(self):
        return self.task.state == Task.State.BARRED

    @property
    def is_late(self):
        return self.is_open and self.task.late_at <= self.sight.moment

    @property
    def is_reminded(self):
        return self.is_late and self.task.risen > 0

    @property
    def name(self):
        return named(self.task)

    @property
    def said(self):
        """How its name is said, syllable by syllable; nothing where it is written as it is said."""
        said = self.task.member.sort_key if self.task.member else self.sight.said(self.name)
        return "" if said in (names.UNSORTABLE, self.name.lower()) else said

    @property
    def to(self):
        """Whom a text is for."""
        return self.where if is_for_group(self.task, self.step) or not self.task.member else self.task.member.nickname

    @property
    def where(self):
        return self.sight.short(self.task.group)

    @property
    def group_id(self):
        return self.sight.id(self.task.group_id or "")

    @property
    def title(self):
        name = f'<bdi lang="zh">{escape(self.name)}</bdi>'
        if self.to_group:
            said = self.sight.invite % {"name": name, "group": escape(self.sight.short(self.to_group))}
        elif not self.task.title:
            said = self.sight.write % {"name": name}
        elif self.name in self.task.title:  # of a talk, and of what is about nobody
            said = f'<bdi lang="zh">{escape(self.task.title)}</bdi>'
        else:
            said = self.sight.of % {"what": escape(self.task.title), "name": name}
        return SafeString(said)  # what is not ours is escaped

    @property
    def due(self):
        return self.sight.due(self.task.due_at)

    @property
    def about(self):
        """By what the eye finds the person."""
        member = self.task.member
        where = self.where if self.is_for_later else ""
        return "·".join(filter(None, [where, member and member.city, member and member.industry]))

    @property
    def when(self):
        return self.sight.clock(self.task.due_at) if self.has_hour and not self.is_late else ""

    @property
    def has_hour(self):
        """What the rhythm asks for is due at a time of day, and so is what was put off; a wave is due all day."""
        return self.task.kind in (Task.Kind.SLOT, Task.Kind.ARRIVAL, Task.Kind.TALK) or self.is_for_later

    @property
    def is_for_later(self):
        return self.task.state in Task.UNENDED and self.task.due_at > self.sight.moment

    @property
    def minutes(self):
        return self.sight.minutes(self.task.minutes, self.task.due_at if self.has_hour else None)

    @property
    def chat(self):
        """Where the chat opens."""
        return self.task.group.chat_url if self.task.group else ""

    @property
    def picture_name(self):
        return self.task.picture.name if self.task.picture else ""
