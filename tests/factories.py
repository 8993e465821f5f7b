"""Rows for tests. A tenant's row is made in the scope that is open, or in that of the `tenant` it is given.

Where neither is there, it goes to the tenant of a row it is given, and else to a tenant of its own.
"""

import datetime
from contextlib import nullcontext

import factory
from django.db.models import Max
from django.utils.timezone import now
from factory import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory
from uuid_utils.compat import uuid7

from crm.tenancy import scope
from crm.tenancy.models import AccessToken, Event, File, IdempotencyKey, Invite, Job, Seat, Tenant, User
from groups.models import (
    Apart,
    Arrival,
    ArrivalStep,
    Bond,
    BondMember,
    CalendarStep,
    Calling,
    Channel,
    Cohort,
    Draft,
    Evenings,
    Group,
    GroupCode,
    Matrix,
    Move,
    Occurrence,
    Pause,
    Pin,
    Placement,
    Push,
    Reshuffle,
    Rhythm,
    Rise,
    Roster,
    RosterLine,
    Slot,
    Star,
    Sticker,
    Task,
    TermReminder,
    Tick,
    Wave,
)  # fmt: skip
from members.models import (
    Consent,
    CustomField,
    FormerNickname,
    Handle,
    ImportedRow,
    Introduction,
    Mapping,
    Member,
    Merge,
    Module,
    Note,
    Renewal,
    Segment,
    Spelling,
    Twin,
    Word,
)
from members.names import search_of, search_text, sort_key

PASSWORD = "a-password-for-tests"


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = Tenant

    slug = Sequence("tenant-{}".format)
    name = LazyAttribute(lambda made: f"Community {made.slug}")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = Sequence("user-{}@example.com".format)
    password = factory.django.Password(PASSWORD)


def the_tenant():
    """The one whose scope is open, or a new one."""
    active = scope._active.get()
    return Tenant.objects.get(pk=active) if active else TenantFactory()


class SeatFactory(DjangoModelFactory):
    class Meta:
        model = Seat

    tenant = LazyFunction(the_tenant)
    user = SubFactory(UserFactory)
    role = Seat.Role.OPERATOR
    name = Sequence("Seat {}".format)


class AccessTokenFactory(DjangoModelFactory):
    class Meta:
        model = AccessToken

    seat = SubFactory(SeatFactory)
    tenant = SelfAttribute("seat.tenant")
    kind = AccessToken.Kind.API_KEY
    hash = Sequence("{:064}".format)


class InviteFactory(DjangoModelFactory):
    class Meta:
        model = Invite

    made_by = SubFactory(SeatFactory, role=Seat.Role.OWNER)
    tenant = SelfAttribute("made_by.tenant")
    role = Seat.Role.ASSISTANT
    expires_at = LazyFunction(lambda: now() + datetime.timedelta(days=7))


# What a tenant owns


class OwnedFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    @classmethod
    def _generate(cls, strategy, params):
        given = params.pop("tenant", None)
        with _scope(given, params.values()):
            return super()._generate(strategy, params)


def _scope(given, values):
    if given is not None:
        return scope.acting_for(given.pk)
    if scope._active.get():
        return nullcontext()
    tenants = [value.tenant_id for value in values if hasattr(value, "tenant_id")]
    return scope.acting_for(tenants[0] if tenants else TenantFactory().pk)


class EventFactory(OwnedFactory):
    class Meta:
        model = Event

    kind = "member.joined"
    subject_kind = "member"
    subject = LazyFunction(uuid7)
    door = Event.Door.COMMAND


class MemberFactory(OwnedFactory):
    class Meta:
        model = Member

    nickname = Sequence("Lin {}".format)
    search = LazyAttribute(lambda made: search_text(made.nickname))
    sort_key = LazyAttribute(lambda made: sort_key(made.nickname))


class HandleFactory(OwnedFactory):
    class Meta:
        model = Handle
        skip_postgeneration_save = True

    member = SubFactory(MemberFactory)
    platform = Handle.Platform.WECHAT
    value = Sequence("wx_handle_{}".format)

    @factory.post_generation
    def is_found(self, create, extracted, **kwargs):
        values = self.member.handles.values_list("value", flat=True)
        Member.objects.filter(pk=self.member.pk).update(search=search_of(self.member, values))


class FormerNicknameFactory(OwnedFactory):
    class Meta:
        model = FormerNickname

    member = SubFactory(MemberFactory)
    nickname = Sequence("Formerly Lin {}".format)


class WordFactory(OwnedFactory):
    class Meta:
        model = Word

    kind = Word.Kind.CITY
    name = Sequence("City {}".format)


class SpellingFactory(OwnedFactory):
    class Meta:
        model = Spelling

    word = SubFactory(WordFactory)
    kind = SelfAttribute("word.kind")
    text = Sequence("City {}".format)
    key = LazyAttribute(lambda made: made.text.lower().replace(" ", ""))


class CustomFieldFactory(OwnedFactory):
    class Meta:
        model = CustomField

    name = Sequence("Field {}".format)
    kind = CustomField.Kind.TEXT


class MappingFactory(OwnedFactory):
    class Meta:
        model = Mapping

    kind = "members"
    shape = Sequence("{:064}".format)
    columns = LazyFunction(lambda: {"昵称": "nickname", "微信号": "wechat"})


class SegmentFactory(OwnedFactory):
    class Meta:
        model = Segment

    name = Sequence("Segment {}".format)
    asked = LazyFunction(lambda: {"city": "深圳"})


class TwinFactory(OwnedFactory):
    class Meta:
        model = Twin

    one = SubFactory(MemberFactory)
    other = SubFactory(MemberFactory)
    because = LazyFunction(lambda: ["same_name", "same_city"])
    score = 60


class MergeFactory(OwnedFactory):
    class Meta:
        model = Merge

    kept = SubFactory(MemberFactory)
    gone = SubFactory(MemberFactory, standing=Member.Standing.MERGED)
    because = "phone"


class RenewalFactory(OwnedFactory):
    class Meta:
        model = Renewal

    member = SubFactory(MemberFactory)
    begins_on = datetime.date(2026, 1, 1)
    ends_on = datetime.date(2026, 12, 31)
    price = 69900
    currency = "CNY"
    paid_on = SelfAttribute("begins_on")


class NoteFactory(OwnedFactory):
    class Meta:
        model = Note

    member = SubFactory(MemberFactory)
    text = Sequence("Note {}".format)


class ConsentFactory(OwnedFactory):
    class Meta:
        model = Consent

    member = SubFactory(MemberFactory)
    to = Consent.To.CONTACT


class ModuleFactory(OwnedFactory):
    class Meta:
        model = Module

    member = SubFactory(MemberFactory)
    industry = Sequence("Industry {}".format)
    skill = Sequence("Skill {}".format)


class IntroductionFactory(OwnedFactory):
    """The row alone; no link leads to it."""

    class Meta:
        model = Introduction

    member = SubFactory(MemberFactory)
    expires_at = LazyFunction(lambda: now() + datetime.timedelta(days=7))


class MatrixFactory(OwnedFactory):
    class Meta:
        model = Matrix

    name = Sequence("Matrix {}".format)


class GroupFactory(OwnedFactory):
    class Meta:
        model = Group

    matrix = SubFactory(MatrixFactory)
    name = Sequence("Group {}".format)


def half_year(matrix, ahead=0):
    """(year, half): the present one by the matrix's own calendar, and from there on."""
    current = Cohort.objects.filter(matrix=matrix, state=Cohort.State.CURRENT).first()
    today = now().date()
    year, half = (current.year, current.half) if current else (today.year, 1 if today.month < 7 else 2)
    for _ in range(ahead):
        year, half = (year, 2) if half == 1 else (year + 1, 1)
    return year, half


class CohortFactory(OwnedFactory):
    class Meta:
        model = Cohort
        django_get_or_create = ["matrix", "year", "half"]

    class Params:
        planned = Trait(ahead=1, state=Cohort.State.PLANNED)
        ahead = 0

    matrix = SubFactory(MatrixFactory)
    state = Cohort.State.CURRENT
    year = LazyAttribute(lambda made: half_year(made.matrix, made.ahead)[0])
    half = LazyAttribute(lambda made: half_year(made.matrix, made.ahead)[1])


class PlacementFactory(OwnedFactory):
    class Meta:
        model = Placement

    member = SubFactory(MemberFactory)
    group = SubFactory(GroupFactory)
    matrix = SelfAttribute("group.matrix")
    cohort = SubFactory(CohortFactory, matrix=SelfAttribute("..matrix"))
    since = LazyAttribute(lambda made: made.cohort.begins_on)


class PinFactory(OwnedFactory):
    class Meta:
        model = Pin

    matrix = SubFactory(MatrixFactory)
    member = SubFactory(MemberFactory)


class BondFactory(OwnedFactory):
    """BondFactory(of=[one, other]) puts them into it."""

    class Meta:
        model = Bond
        skip_postgeneration_save = True

    matrix = SubFactory(MatrixFactory)

    @factory.post_generation
    def of(self, create, extracted, **kwargs):
        for member in extracted or ():
            BondMemberFactory(bond=self, member=member)


class BondMemberFactory(OwnedFactory):
    class Meta:
        model = BondMember

    bond = SubFactory(BondFactory)
    member = SubFactory(MemberFactory)


class ApartFactory(OwnedFactory):
    class Meta:
        model = Apart

    matrix = SubFactory(MatrixFactory)
    one = SubFactory(MemberFactory)
    other = SubFactory(MemberFactory)


class StarFactory(OwnedFactory):
    class Meta:
        model = Star

    member = SubFactory(MemberFactory)
    since = datetime.date(2026, 1, 1)


class CalendarStepFactory(OwnedFactory):
    class Meta:
        model = CalendarStep

    cohort = SubFactory(CohortFactory, planned=True)
    kind = CalendarStep.Kind.PROPOSE
    due_at = LazyFunction(now)
    wall_time = SelfAttribute("due_at")
    time_zone = "Asia/Shanghai"


class ReshuffleFactory(OwnedFactory):
    class Meta:
        model = Reshuffle

    matrix = SubFactory(MatrixFactory)
    cohort = SubFactory(CohortFactory, matrix=SelfAttribute("..matrix"), planned=True)


class DraftFactory(OwnedFactory):
    """Still to be made; `communities.ready_draft` lets the engine make one."""

    class Meta:
        model = Draft

    reshuffle = SubFactory(ReshuffleFactory)
    number = LazyAttribute(lambda made: (made.reshuffle.drafts.aggregate(last=Max("number"))["last"] or 0) + 1)
    seed = 1
    due_at = LazyFunction(now)


class WaveFactory(OwnedFactory):
    class Meta:
        model = Wave

    reshuffle = SubFactory(ReshuffleFactory)
    assistant = SubFactory(SeatFactory, role=Seat.Role.ASSISTANT)
    day = LazyFunction(lambda: now().date())
    due_at = LazyFunction(now)


class MoveFactory(OwnedFactory):
    """`wave__reshuffle=…` for one of a given reshuffle."""

    class Meta:
        model = Move

    wave = SubFactory(WaveFactory)
    reshuffle = SelfAttribute("wave.reshuffle")
    member = SubFactory(MemberFactory)
    from_group = SubFactory(GroupFactory, matrix=SelfAttribute("..reshuffle.matrix"))
    to_group = SubFactory(GroupFactory, matrix=SelfAttribute("..reshuffle.matrix"))
    rank = Sequence(lambda n: n + 1)


class GroupCodeFactory(OwnedFactory):
    class Meta:
        model = GroupCode

    group = SubFactory(GroupFactory)
    link = "https://example.com/group"
    expires_at = LazyFunction(lambda: now() + datetime.timedelta(days=7))
    due_at = LazyAttribute(lambda made: made.expires_at)


class RosterFactory(OwnedFactory):
    class Meta:
        model = Roster

    group = SubFactory(GroupFactory)
    names = 1


class RosterLineFactory(OwnedFactory):
    class Meta:
        model = RosterLine

    roster = SubFactory(RosterFactory)
    number = Sequence(lambda n: n + 1)
    state = RosterLine.State.UNKNOWN
    text = Sequence("Somebody {}".format)


class TaskFactory(OwnedFactory):
    class Meta:
        model = Task

    kind = Task.Kind.MOVE
    group = SubFactory(GroupFactory)
    member = SubFactory(MemberFactory)
    assistant = SubFactory(SeatFactory, role=Seat.Role.ASSISTANT)
    due_at = LazyFunction(now)
    late_at = LazyAttribute(lambda made: made.due_at + datetime.timedelta(days=1))
    text = LazyAttribute(lambda made: f"Hello {made.member.nickname}!")


class TickFactory(OwnedFactory):
    class Meta:
        model = Tick

    key = LazyFunction(uuid7)
    task = SubFactory(TaskFactory)
    act = Tick.Act.DONE
    seat = SelfAttribute("task.assistant")


class RhythmFactory(OwnedFactory):
    class Meta:
        model = Rhythm

    name = Sequence("Rhythm {}".format)
    mode = "light"


class SlotFactory(OwnedFactory):
    class Meta:
        model = Slot

    rhythm = SubFactory(RhythmFactory)
    weekday = 1
    at = datetime.time(8, 30)
    title = "Morning topic"


class PauseFactory(OwnedFactory):
    class Meta:
        model = Pause

    name = "Spring festival"
    since = datetime.date(2027, 2, 6)
    until = datetime.date(2027, 2, 12)


class OccurrenceFactory(OwnedFactory):
    class Meta:
        model = Occurrence

    slot = SubFactory(SlotFactory)
    group = SubFactory(GroupFactory)
    day = datetime.date(2026, 12, 1)
    wall_time = LazyAttribute(lambda made: datetime.datetime.combine(made.day, datetime.time(8, 30), datetime.UTC))
    due_at = LazyFunction(now)


class RiseFactory(OwnedFactory):
    class Meta:
        model = Rise

    task = SubFactory(TaskFactory)
    step = 1
    due_at = LazyFunction(now)


class EveningsFactory(OwnedFactory):
    class Meta:
        model = Evenings


class ArrivalFactory(OwnedFactory):
    class Meta:
        model = Arrival

    member = SubFactory(MemberFactory)
    matrix = SubFactory(MatrixFactory)


class ArrivalStepFactory(OwnedFactory):
    class Meta:
        model = ArrivalStep

    arrival = SubFactory(ArrivalFactory)
    kind = ArrivalStep.Kind.PACKET
    number = 2
    due_at = LazyFunction(now)


class CallingFactory(OwnedFactory):
    class Meta:
        model = Calling

    arrival = SubFactory(ArrivalFactory)
    member = SubFactory(MemberFactory)


class StickerFactory(OwnedFactory):
    class Meta:
        model = Sticker

    name = Sequence("Sticker {}".format)
    picture = LazyFunction(lambda: FileFactory(kind="sticker", content_type="image/png"))


class TermReminderFactory(OwnedFactory):
    class Meta:
        model = TermReminder

    member = SubFactory(MemberFactory, expires_on=SelfAttribute("..ends_on"))
    ends_on = datetime.date(2026, 12, 31)
    due_at = LazyFunction(now)


class ChannelFactory(OwnedFactory):
    class Meta:
        model = Channel

    group = SubFactory(GroupFactory)
    kind = Channel.Kind.WECOM
    name = Sequence("Robot {}".format)
    address = Sequence("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-{:012}".format)
    hint = "qyapi.weixin.qq.com …ffff"


class PushFactory(OwnedFactory):
    class Meta:
        model = Push

    group = SubFactory(GroupFactory)
    cause = Sequence("test:{}".format)
    title = "Evening news"
    text = "Good evening!"
    due_at = LazyFunction(now)


class FileFactory(OwnedFactory):
    """The row alone; its bytes are nowhere."""

    class Meta:
        model = File

    kind = "import"
    name = Sequence("members-{}.csv".format)
    content_type = "application/octet-stream"
    size = 1
    sha256 = Sequence("{:064}".format)


class JobFactory(OwnedFactory):
    class Meta:
        model = Job

    kind = "test"
    due_at = LazyFunction(now)


class IdempotencyKeyFactory(OwnedFactory):
    class Meta:
        model = IdempotencyKey

    token = LazyFunction(uuid7)
    key = Sequence("request-{}".format)
    fingerprint = Sequence("{:064}".format)
    status = 204


class ImportedRowFactory(OwnedFactory):
    class Meta:
        model = ImportedRow

    job = SubFactory(JobFactory)
    member = SubFactory(MemberFactory)
