"""Who is named in a newcomer's welcome: people of that group who have something to say to them, in turn, and none of them too often.

They are written down with the text that names them, when the step is handed out: a phone copies that text without asking anybody,
so whoever stands in it counts as named from then on. Skipped or taken back, they are free again.
"""

import datetime
from collections import defaultdict
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events
from crm.tenancy.models import Event
from crm.tenancy.refusals import Refused
from crm.tenancy.scope import active_tenant
from crm.tenancy.templatetags.qx import iso
from members.models import Introduction, Member, Spelling, Word
from members.vocabulary import key

from . import answering, evenings
from .calendar import instant
from .models import ArrivalStep, Calling, Pin, Placement, Star, Task

POINTS = {"offers_sought": 35, "same_city": 30, "same_skill": 20, "seeks_offered": 15, "same_industry": 15, "star": 6, "host": 4}
LATELY = ((7, -20), (14, -12), (28, -6))  # so many days ago at most: who was named lately comes later
LOOKS_BACK = datetime.timedelta(days=182)
LABELS = {
    "offers_sought": gettext_lazy("has what they seek"),
    "same_city": gettext_lazy("same city"),
    "same_skill": gettext_lazy("same ability"),
    "seeks_offered": gettext_lazy("seeks what they offer"),
    "same_industry": gettext_lazy("same industry"),
    "star": gettext_lazy("star"),
    "host": gettext_lazy("host of the group"),
    "lately": gettext_lazy("named lately"),
}
WITH_WORD = ("offers_sought", "seeks_offered", "same_skill", "same_industry")
SHORTEST = 2  # letters of a word that is looked for in what people write


@dataclass(frozen=True)
class Said:
    """Of somebody, what may bind them to somebody else; texts in the normal form of spellings."""

    pk: object
    city: str = ""
    industry: str = ""
    skills: tuple = ()
    offers: str = ""
    seeks: str = ""
    is_star: bool = False
    is_host: bool = False


@dataclass
class Caller:
    """Somebody who could be named: why, as parts that add up, and how often they were named this week."""

    pk: object
    why: list  # [code, points, word]
    this_week: int = 0
    last: datetime.datetime | None = None
    times: int = 0
    is_resting: bool = False
    rests_until: datetime.datetime | None = None  # since they never answer; else they rest for the number of a week
    answered: bool | None = None
    member: Member = field(default=None, compare=False)

    @property
    def points(self):
        return sum(points for _code, points, _word in self.why)


# Reading words out of what people write


@dataclass
class Terms:
    """The community's words for industries and skills, each with all its spellings."""

    spellings: dict  # name -> keys

    @classmethod
    def known(cls):
        kinds = (Word.Kind.INDUSTRY, Word.Kind.SKILL)
        names = dict(Word.objects.standing().filter(kind__in=kinds).values_list("pk", "name"))
        found = defaultdict(set)
        for name in names.values():
            found[name].add(key(name))
        for word, spelling in Spelling.objects.filter(kind__in=kinds).values_list("word", "key"):
            if word in names:
                found[names[word]].add(spelling)
        return cls({name: {each for each in keys if len(each) >= SHORTEST} for name, keys in found.items()})

    def within(self, text):
        """Words that stand in a text, the longest first."""
        found = [name for name, keys in self.spellings.items() if any(each in text for each in keys)]
        return sorted(found, key=lambda name: (-len(name), name))

    def stands(self, name, text):
        return any(each in text for each in self.spellings.get(name, ()))


def rank(newcomer, people, named, terms, *, moment, monday, cap, silent=None):
    """Best first. `named` is {id: when they were named in the last weeks}. Who was named often enough this week rests, and comes last.

    `silent` is {id: until when they rest since they never answer}.
    """
    silent = silent or {}
    sought, offered = terms.within(newcomer.seeks), set(terms.within(newcomer.offers)) | set(newcomer.skills)
    found = []
    for each in people:
        times = sorted(named.get(each.pk, ()))
        why, last = _why(newcomer, each, terms, sought, offered), times[-1] if times else None
        if lately := last and next((less for days, less in LATELY if moment - last <= datetime.timedelta(days=days)), 0):
            why.append(["lately", lately, ""])
        this_week = sum(at >= monday for at in times)
        rests = this_week >= cap or each.pk in silent
        found.append(Caller(each.pk, why, this_week, last, len(times), is_resting=rests, rests_until=silent.get(each.pk)))
    never = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    # Of several who were named in one welcome, whoever was named less often before comes first: else some would never catch up.
    return sorted(found, key=lambda each: (each.is_resting, -each.points, each.last or never, each.times, str(each.pk)))


def _why(newcomer, each, terms, sought, offered):
    why = []

    def says(code, word=""):
        why.append([code, POINTS[code], word])

    has = next((word for word in sought if word in each.skills or word == each.industry or terms.stands(word, each.offers)), None)
    wants = next((word for word in sorted(offered) if terms.stands(word, each.seeks)), None) if each.seeks else None
    same = next((skill for skill in newcomer.skills if skill in each.skills), None)
    if has:
        says("offers_sought", has)
    if newcomer.city and newcomer.city == each.city:
        says("same_city", each.city)
    if same:
        says("same_skill", same)
    if wants:
        says("seeks_offered", wants)
    if newcomer.industry and newcomer.industry == each.industry:
        says("same_industry", each.industry)
    if each.is_star:
        says("star")
    if each.is_host:
        says("host")
    return why


# Of a group, out of the database


def said_of(member):
    """What a newcomer says of themselves: an answer that was sent counts before what we knew."""
    said = {name: getattr(member, name) for name in ("city", "industry", "offers", "seeks")} | {"skills": list(member.skills)}
    sent = Introduction.objects.filter(member=member.pk, state=Introduction.State.SENT).first()
    if sent:
        answers = sent.answers
        said |= {name: answers[name] for name in ("city", "industry", "offers", "seeks") if answers.get(name)}
        said["skills"] = [skill["name"] for skill in answers.get("skills", ())] or said["skills"]
    return said


def _as_said(pk, said, **more):
    texts = {name: key(said[name] or "") for name in ("offers", "seeks")}
    return Said(pk, said["city"], said["industry"], tuple(said["skills"]), **texts, **more)


def ranked(arrival, tenant):
    """Everybody of the arrival's group who could be named, best first, and who rests."""
    asked, moment = evenings.of_tenant(), now()
    seats = Placement.objects.open().filter(group=arrival.group_id).exclude(member=arrival.member_id)
    fields = ("pk", "city", "industry", "skills", "offers", "seeks")
    rows = Member.objects.current().filter(pk__in=seats.values("member")).order_by("pk").values(*fields)
    stars = set(Star.objects.shining().values_list("member", flat=True))
    hosts = set(Pin.objects.filter(matrix=arrival.matrix_id, because=Pin.Because.HOST).values_list("member", flat=True))
    people = [_as_said(row["pk"], row, is_star=row["pk"] in stars, is_host=row["pk"] in hosts) for row in rows]
    named, monday = defaultdict(list), _monday(tenant)
    for member, at in Calling.objects.filter(at__gte=moment - LOOKS_BACK).exclude(arrival=arrival.pk).values_list("member", "at"):
        named[member].append(at)
    silent = answering.resting(asked.rest_days, moment)
    newcomer = _as_said(arrival.member_id, said_of(arrival.member))
    return rank(newcomer, people, named, Terms.known(), moment=moment, monday=monday, cap=asked.calls_a_week, silent=silent)


def _monday(tenant):
    """The first moment of the present week."""
    today = tenant.today()
    return instant(datetime.datetime.combine(today - datetime.timedelta(days=today.weekday()), datetime.time(0)), tenant.zone)


@dataclass
class Shown:
    """What the operator sees: who is named or would be, and who else is near, one of them resting where somebody does."""

    named: list
    others: list
    is_written: bool
    cap: int


def shown(arrival, tenant):
    found, asked = ranked(arrival, tenant), evenings.of_tenant()
    written = {calling.member_id: calling for calling in arrival.callings.all()}
    if written:
        named = [Caller(pk, calling.why, answered=calling.answered) for pk, calling in written.items()]
        by_pk = {each.pk: each for each in found}
        for each in named:
            each.this_week = (by_pk[each.pk].this_week if each.pk in by_pk else 0) + 1
    else:
        named = [each for each in found if not each.is_resting][: asked.callers]
    taken = {each.pk for each in named}
    free = [each for each in found if each.pk not in taken and not each.is_resting][:1]
    resting = sorted((each for each in found if each.is_resting and each.pk not in taken), key=lambda each: -each.points)[:1]
    members = Member.objects.in_bulk([each.pk for each in [*named, *free, *resting]])
    for each in [*named, *free, *resting]:
        each.member = members[each.pk]
    named.sort(key=lambda each: (-each.points, str(each.pk)))
    return Shown(named, free + resting, bool(written), asked.calls_a_week)


# Writing down


def _alone():
    """One naming at a time in a community, whoever asks: only so is the number of a week exact."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"callers of {active_tenant()}"])


@transaction.atomic
def name(arrival, tenant):
    """Choose for this arrival, and write it down. Those who were written before are chosen anew."""
    _alone()
    arrival.callings.all().delete()
    best = [each for each in ranked(arrival, tenant) if not each.is_resting][: evenings.of_tenant().callers]
    return Calling.objects.bulk_create(Calling(arrival=arrival, member_id=each.pk, why=each.why) for each in best)


def free(arrival):
    """Nobody is named in this welcome."""
    arrival.callings.all().delete()


@transaction.atomic
def swap(arrival, out, tenant, *, by, into=None):
    """Somebody else in the place of `out`: this one, or the best whom nobody has put aside yet."""
    step = _held(arrival)
    _alone()
    row = _named(arrival, out)
    aside = {fact.before.get("member") for fact in Event.objects.of(arrival).filter(kind="arrival.caller_swapped")}
    taken = set(arrival.callings.values_list("member", flat=True))
    found = [each for each in ranked(arrival, tenant) if each.pk not in taken]
    if into is None:
        awake = [each for each in found if not each.is_resting]
        found = [each for each in awake if str(each.pk) not in aside] or awake
    else:
        found = [each for each in found if each.pk == into]
    if not found:
        raise Refused(_("Nobody else of this group can be named this week."), code="nobody_else")
    if found[0].rests_until:
        words = {"day": iso(found[0].rests_until)}
        sentence = _("They did not answer three times in a row and rest until %(day)s. Wake them first, or choose somebody else.") % words
        raise Refused(sentence, code="rests")
    if found[0].is_resting:
        raise Refused(_("They have been named often enough this week; choose somebody else."), code="named_often_enough")
    row.delete()
    Calling.objects.create(arrival=arrival, member_id=found[0].pk, why=found[0].why)
    before, after = {"member": str(out)}, {"member": str(found[0].pk)}
    events.note("arrival.caller_swapped", arrival, by=by, member=found[0].pk, before=before, after=after)
    return step


@transaction.atomic
def take_out(arrival, out, *, by):
    """One less; one stays at least."""
    step = _held(arrival)
    _alone()
    row = _named(arrival, out)
    if arrival.callings.count() < 2:
        raise Refused(_("Somebody has to greet them; swap this one instead."), code="last_caller")
    row.delete()
    events.note("arrival.caller_swapped", arrival, by=by, before={"member": str(out)}, after={"member": None})
    return step


def _held(arrival):
    """The welcome that is to be sent, and its task, held."""
    task = Task.objects.select_for_update(of=["self"]).open().filter(arrival_steps__arrival=arrival, arrival_steps__kind="welcome").first()
    step = ArrivalStep.objects.filter(Q(task=task), arrival=arrival, state=ArrivalStep.State.HANDED_OUT).first() if task else None
    if step is None:
        raise Refused(_("Who is named is chosen when the welcome comes next, until it is sent."), code="welcome_not_next")
    step.task = task
    return step


def _named(arrival, member):
    row = arrival.callings.filter(member=member).first()
    if row is None:
        raise Refused(_("They are not named in this welcome any more."), code="not_named")
    return row
