"""The same person twice: who is surely one is merged at once, who may be one waits in the queue for somebody who looks."""


from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.tenancy import events, work
from crm.tenancy.models import Job
from crm.tenancy.refusals import Refused

from . import merging, resemblance
from .merging import KNOWN
from .models import Member, Twin

LOOKING = "members.twins"
OPEN = (Twin.State.OPEN, Twin.State.LATER)

# Looking


def look_for(ids=None, *, by=None):
    """Merge who is certainly one person, queue who may be; among these members and everybody. Returns how many pairs are new."""
    return write(resemblance.compare(resemblance.read(), ids), by=by)["new"]


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
        there = resemblance.read()
    found = resemblance.compare(there)
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
        signs = {"because": resemblance.LOOKED_FOR, "score": resemblance.LOOKED_AT}
        pair, _made = Twin.objects.get_or_create(one_id=one, other_id=other, defaults=signs)
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
        is_past, is_second = member.standing != Member.Standing.CURRENT, resemblance.core(member.nickname)[1]
        since = (member.joined_on is None, str(member.joined_on), member.pk)
        weight[member.pk] = (is_past, merging.is_nameless(member, known_by), is_second, since)
    return sorted((one, other), key=lambda member: weight[member.pk])
