"""The same person twice: who is surely one is merged at once, who may be one waits in the queue for somebody who looks.

Two rows are compared only where they share something rare enough (a block): nickname, city and inviter; nickname and half of a
phone or WeChat id; nickname, city and dates. So a hundred thousand members take seconds. Equal nickname and city alone say nothing.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, work
from crm.tenancy.models import Job
from crm.tenancy.refusals import Refused

from . import handles, merging
from .files.people import SECOND_SELF
from .merging import KNOWN
from .models import Handle, Member, Twin
from .names import called, sort_key

LOOKING = "members.twins"
CROWD = 20  # what more members than this share is no sign
OPEN = (Twin.State.OPEN, Twin.State.LATER)

# What may be said of a pair, and what it counts. Signs of one kind do not add up: a name is said once.
SIGNS = {
    "near_phone": 40,
    "near_wechat": 35,
    "second_account": 30,
    "same_name": 30,
    "same_pinyin": 20,
    "same_inviter": 20,
    "same_city": 10,
    "same_joined": 10,
    "same_expires": 10,
}
SAID = {
    "near_phone": gettext_lazy("phones one digit apart"),
    "near_wechat": gettext_lazy("WeChat ids one character apart"),
    "second_account": gettext_lazy("one says it is a second account"),
    "same_name": gettext_lazy("same name"),
    "same_pinyin": gettext_lazy("names said alike"),
    "same_inviter": gettext_lazy("same inviter"),
    "same_city": gettext_lazy("same city"),
    "same_joined": gettext_lazy("joined on the same day"),
    "same_expires": gettext_lazy("same end of term"),
}


LOOKED_FOR = ["same_name", "same_inviter", "same_city"]  # what an import asks about before it writes
LOOKED_AT = sum(SIGNS[sign] for sign in LOOKED_FOR)


@dataclass(slots=True)
class Person:
    """What of a member is compared."""

    pk: object
    name: str  # without the city before it and the mark of a second account; empty for who is called by a handle
    is_second: bool
    city: str
    inviter: object
    joined: object
    expires: object
    is_current: bool
    phones: list = field(default_factory=list)
    wechats: list = field(default_factory=list)

    @property
    def pinyin(self):
        return _said(self.name)


@lru_cache(maxsize=50_000)
def _said(name):
    return sort_key(name)


@dataclass
class Found:
    """`certain` are (kept, gone, because), `doubtful` {(one, other): (signs, score)}."""

    certain: list
    doubtful: dict
    looked_at: set | None  # ids; None: everybody


# Looking


def look_for(ids=None, *, by=None):
    """Merge who is certainly one person, queue who may be; among these members and everybody. Returns how many pairs are new."""
    return write(compare(read(), ids), by=by)["new"]


def read():
    """All members as they are compared."""
    people, nicknames = {}, {}
    rows = Member.objects.filter(standing__in=KNOWN).values_list(
        "pk", "nickname", "city", "inviter", "joined_on", "expires_on", "standing"
    )  # fmt: skip
    for pk, nickname, city, inviter, joined, expires, standing in rows.iterator(10_000):
        name, is_second = core(nickname)
        nicknames[pk] = nickname.lower()
        people[pk] = Person(pk, name, is_second, city, inviter, joined, expires, standing == Member.Standing.CURRENT)
    others = []
    for pk, platform, value in Handle.objects.values_list("member", "platform", "value").iterator(10_000):
        if pk not in people:
            continue
        person = people[pk]
        if platform == Handle.Platform.PHONE:
            person.phones.append(value)
        else:
            others.append((pk, platform, value))
            if platform == Handle.Platform.WECHAT:
                person.wechats.append(value)
        if not person.is_current and value.lower() == nicknames[pk]:
            person.name = ""
    return people, others


@lru_cache(maxsize=50_000)
def core(nickname):
    """The name as it is compared, and whether it says that it is a second account."""
    text = unicodedata.normalize("NFKC", nickname).strip()
    bare = SECOND_SELF.sub("", text)
    return called(bare or text).casefold(), bool(bare) and bare != text


def compare(there, ids=None):
    people, others = there
    ids = None if ids is None else {pk for pk in ids if pk in people}
    doubtful = {}
    for one, other in _candidates(people, ids):
        if signs := signs_of(one, other):
            pair = (one.pk, other.pk) if one.pk < other.pk else (other.pk, one.pk)
            doubtful[pair] = (signs, min(100, sum(SIGNS[sign] for sign in signs)))
    return Found(_certain(people, others, ids), doubtful, ids)


def _candidates(people, ids):
    """Pairs that share a block, each once."""
    names = Counter(person.name for person in people.values())
    blocks = {}
    for person in people.values():
        if person.name:
            for key in _keys(person, names[person.name] > 1):
                blocks.setdefault(key, []).append(person)
    done = set()
    for block in blocks.values():
        if 1 < len(block) <= CROWD and (ids is None or any(person.pk in ids for person in block)):
            for one, other in combinations(block, 2):
                pair = (one.pk, other.pk)
                if one is not other and pair not in done and (ids is None or one.pk in ids or other.pk in ids):
                    done.add(pair)
                    yield one, other


def _keys(person, is_shared):
    if person.city and person.inviter:
        yield "pinyin", person.pinyin, person.city, person.inviter
    if not is_shared:
        return
    if person.city and person.joined and person.expires:
        yield "dates", person.name, person.city, person.joined, person.expires
    # Where two values differ in one place, one half of them is the same.
    for value in person.phones:
        half = len(value) // 2
        yield "phone", person.name, value[:half], len(value)
        yield "phone", person.name, len(value), value[half:]
    for value in person.wechats:
        for half in {len(value) // 2, (len(value) - 1) // 2}:  # the other one may be a character longer
            yield "wechat", person.name, value[:half]
            yield "wechat", person.name, half, value[-half:]


def signs_of(one, other):
    """The codes of what makes these two look like one person; empty where that is not enough to ask."""
    if not one.name or not other.name:
        return []
    said = {
        "same_name": one.name == other.name,
        "same_city": bool(one.city) and one.city == other.city,
        "same_inviter": one.inviter is not None and one.inviter == other.inviter,
        "same_joined": one.joined is not None and one.joined == other.joined,
        "same_expires": one.expires is not None and one.expires == other.expires,
        "second_account": one.is_second != other.is_second,
    }
    # One syllable is said alike by hundreds: 杰, 洁.
    said["same_pinyin"] = not said["same_name"] and one.pinyin == other.pinyin and " " in one.pinyin
    if said["same_name"]:
        said["near_phone"] = _any_near(one.phones, other.phones, by_length=True)
        said["near_wechat"] = _any_near(one.wechats, other.wechats)
    is_asked = (
        ((said["same_name"] or said["same_pinyin"]) and said["same_city"] and said["same_inviter"])
        or (said["same_name"] and (said["near_phone"] or said["near_wechat"]))
        or (said["same_name"] and said["second_account"] and said["same_city"] and said["same_joined"] and said["same_expires"])
    )
    return [sign for sign in SIGNS if said.get(sign)] if is_asked else []


def _any_near(ours, theirs, by_length=False):
    return any(is_near(one, other) for one in ours for other in theirs if not by_length or len(one) == len(other))


def is_near(one, other):
    """One character replaced, too many or missing."""
    if len(one) > len(other):
        one, other = other, one
    if one == other or len(other) - len(one) > 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[at + 1 :] == other[at + 1 :] if len(one) == len(other) else one[at:] == other[at + 1 :]


def _certain(people, others, ids):
    """A phone that somebody wrote as their id on another platform is a phone all the same."""
    whose = {value: pk for pk, person in people.items() for value in person.phones}
    found = []
    for pk, _platform, value in others:
        mobile = handles.MAINLAND.fullmatch(value)
        phone = mobile and "+86" + mobile[2]
        if phone in whose and whose[phone] != pk and (ids is None or pk in ids or whose[phone] in ids):
            kept, gone = sorted((people[pk], people[whose[phone]]), key=lambda person: (not person.is_current, not person.name, person.pk))
            found.append((kept.pk, gone.pk, "phone"))
    return found


# Writing


@transaction.atomic
def write(found, *, by=None):
    """{"new": pairs to look at, "merged": who was certainly one}"""
    known = {(pair.one_id, pair.other_id): pair for pair in Twin.objects.all()}
    merged = sum(_merge_certain(*each, known, by) for each in found.certain)
    if merged:  # the pairs of who was merged are others now
        gone = set(Member.objects.filter(standing=Member.Standing.MERGED).values_list("pk", flat=True))
        known = {(pair.one_id, pair.other_id): pair for pair in Twin.objects.all()}
        found.doubtful = {pair: signs for pair, signs in found.doubtful.items() if not gone & set(pair)}
    new = [
        Twin(one_id=one, other_id=other, because=signs, score=score)
        for (one, other), (signs, score) in found.doubtful.items()
        if (one, other) not in known
    ]
    Twin.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)
    _bring_up_to_date(found, known)
    return {"new": len(new), "merged": merged}


def _merge_certain(kept, gone, because, known, by):
    pair = known.get((min(kept, gone), max(kept, gone)))
    if pair is not None and pair.state == Twin.State.APART:
        return False
    try:
        merging.merge(Member(pk=kept), Member(pk=gone), because, by=by)
    except Refused:  # one of them became part of a third
        return False
    return True


def _bring_up_to_date(found, known):
    """Other signs than before; and pairs that nobody has looked at and that are alike no more are gone."""
    changed, over = [], []
    for pair, twin in known.items():
        if twin.state not in OPEN or not (found.looked_at is None or found.looked_at & set(pair)):
            continue
        signs, score = found.doubtful.get(pair, ([], 0))
        if not signs and twin.state == Twin.State.OPEN:
            over.append(twin.pk)
        elif signs and signs != twin.because:
            twin.because, twin.score = signs, score
            changed.append(twin)
    Twin.objects.filter(pk__in=over).delete()
    Twin.objects.bulk_update(changed, ["because", "score"], batch_size=500)


# As long work


def ask_to_look(*, by):
    """Over everybody, as a job; while one is running it is that one."""
    running = Job.objects.filter(kind=LOOKING, state=Job.State.WAITING).first()
    return running or work.ask(LOOKING, by=by)


@work.does_work(LOOKING, gettext_lazy("Looking for the same person twice"))
def keep_looking(job):
    with job.step():
        there = read()
    found = compare(there)
    with job.step():
        return write(found, by=job.job.seat)


# Deciding


def waiting():
    """Pairs of two who are still there."""
    return Twin.objects.waiting().filter(one__standing__in=KNOWN, other__standing__in=KNOWN)


def _held(pair):
    found = Twin.objects.select_for_update().filter(pk=pair.pk).first()
    if found is None:
        raise Refused(_("This pair is gone: the two are alike no more."), code="pair_gone")
    if found.state not in OPEN:
        sentence = _("This pair was decided already: %(state)s.") % {"state": Twin.State(found.state).label}
        raise Refused(sentence, code="decided_already", state=found.state)
    return found


@transaction.atomic
def merge(pair, keep, *, by):
    """`keep` is the id of the one whose row stays."""
    people = {member.pk: member for member in Member.objects.filter(pk__in=[pair.one_id, pair.other_id])}
    if keep not in people:
        raise Refused(_("Say which of the two stays."), code="not_of_this_pair", status=400, field="keep")
    list(Member.objects.select_for_update().filter(pk__in=people).order_by("pk"))  # members before pairs, as every merge does
    _held(pair)
    kept = people.pop(keep)
    return merging.merge(kept, people.popitem()[1], merging.DECIDED, by=by)


@transaction.atomic
def apart(pair, *, by):
    return _decide(pair, Twin.State.APART, "twin.apart", by)


@transaction.atomic
def later(pair, *, by):
    return _decide(pair, Twin.State.LATER, "twin.later", by)


def _decide(pair, state, kind, by):
    pair = _held(pair)
    was, pair.state, pair.decided_at, pair.decided_by = pair.state, state, now(), by
    pair.save(update_fields=["state", "decided_at", "decided_by"])
    one, other = str(pair.one_id), str(pair.other_id)
    events.note(kind, pair, by=by, member=pair.one_id, before={"state": was}, after={"state": state, "one": one, "other": other})
    return pair


@transaction.atomic
def reopen(pair, *, by):
    """It waits to be decided again."""
    pair = Twin.objects.select_for_update().get(pk=pair.pk)
    if pair.state not in (Twin.State.APART, Twin.State.LATER):
        raise Refused(_("This pair was merged. Take the merge back instead."), code="merged_already")
    was, pair.state, pair.decided_at, pair.decided_by = pair.state, Twin.State.OPEN, None, None
    pair.save(update_fields=["state", "decided_at", "decided_by"])
    events.note("twin.reopened", pair, by=by, member=pair.one_id, before={"state": was})
    return pair


def are_apart(one, other):
    """Whether somebody said that these two (ids) are not the same person."""
    return Twin.objects.filter(one=min(one, other), other=max(one, other), state=Twin.State.APART).exists()


def keep_apart(pairs, *, by):
    """Of each of these (id, id) somebody said, before they stood in the queue, that they are two."""
    for one, other in pairs:
        one, other = min(one, other), max(one, other)
        there = set(Member.objects.filter(pk__in=[one, other], standing__in=KNOWN).values_list("pk", flat=True))
        if len(there) < 2:
            continue
        pair, _made = Twin.objects.get_or_create(one_id=one, other_id=other, defaults={"because": LOOKED_FOR, "score": LOOKED_AT})
        if pair.state in OPEN:
            _decide(pair, Twin.State.APART, "twin.apart", by)


def alike(pair):
    """The pairs that wait with the very same signs, this one among them."""
    return waiting().filter(because=pair.because, state=Twin.State.OPEN) if pair.because else Twin.objects.none()


@transaction.atomic
def merge_alike(pair, number, *, by):
    """All pairs with these signs, each keeping the row that `choose` names. `number` is how many the asker was told."""
    pairs = list(alike(pair))
    if len(pairs) != number:
        raise Refused(_("There are %(now)s such pairs now. Look at them again.") % {"now": len(pairs)}, code="changed_meanwhile")
    done = []
    for ids in [(each.one_id, each.other_id) for each in pairs]:
        one, other = (merging.root_of(Member.objects.get(pk=pk)) for pk in ids)  # an earlier pair may have had one of them
        if one.pk != other.pk and not are_apart(one.pk, other.pk):
            done.append(merging.merge(*choose(one, other), merging.DECIDED, by=by))
    return done


def choose(one, other):
    """The row that stays by itself, then the other: who is here before who left, a name before a handle, the older one."""
    weight = {}
    for member in (one, other):
        known_by = list(member.handles.values_list("value", flat=True))
        is_past, is_second = member.standing != Member.Standing.CURRENT, core(member.nickname)[1]
        since = (member.joined_on is None, str(member.joined_on), member.pk)
        weight[member.pk] = (is_past, merging.is_nameless(member, known_by), is_second, since)
    return sorted((one, other), key=lambda member: weight[member.pk])
