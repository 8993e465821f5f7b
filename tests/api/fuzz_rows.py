"""The community that the fuzzer meets: a row of every kind, and what its hooks want to know of them."""

from datetime import date, timedelta

from crm.tenancy.models import AccessToken, Seat
from crm.tenancy.scope import acting_for
from groups import arrivals, occurrences, rhythms
from groups.models import ArrivalStep, Draft, Occurrence, Placement, Reshuffle, Rhythm, Slot
from members import merging, records, words
from tests.factories import (
    ChannelFactory,
    ConsentFactory,
    CustomFieldFactory,
    FileFactory,
    GroupCodeFactory,
    IntroductionFactory,
    MemberFactory,
    MoveFactory,
    NoteFactory,
    PauseFactory,
    PushFactory,
    RenewalFactory,
    RhythmFactory,
    RosterLineFactory,
    SeatFactory,
    SegmentFactory,
    SlotFactory,
    TaskFactory,
    TenantFactory,
    TwinFactory,
)
from tests.groups.communities import ready_draft, small_community


def community():
    """An owner's key, its secret, and {what: what the hooks are told}."""
    small = small_community(TenantFactory(slug="qinghe", name="Qinghe", language="en"))
    ready_draft(small)
    with acting_for(small.tenant.pk):
        seat = SeatFactory(tenant=small.tenant, role="owner", name="Lily")
        key, secret = AccessToken.make(AccessToken.Kind.API_KEY, seat)
        erased, pairs, there = _to_be_erased(), _pairs(), _of_members(small.members, seat)
        lines = [RosterLineFactory(roster__group=group) for group in small.groups]
        rows = there | _of_the_rhythm(small) | {
            "member": small.members, "members": small.members, "one": small.members[:12], "other": small.members[12:],
            "inviter": small.members[:3], "members/erasure": erased, "kept": _people("Kept", 4), "gone": _people("Gone", 12),
            "twins": pairs, "matrix": [small.matrix], "matrices": [small.matrix], "group": small.groups, "groups": small.groups,
            "assistant": small.assistants, "seat": small.assistants, "seats": Seat.objects.filter(tenant=small.tenant),
            "picture": [FileFactory(kind=rhythms.PICTURE, content_type="image/png")], "give_to": small.assistants,
            "tasks": [TaskFactory(group=small.groups[n], assistant=small.assistants[n], member=small.members[n]) for n in range(3)],
            "arrivals": [arrivals.wait(member, by=seat, matrix=small.matrix) for member in _people("New", 6)],
            "arrival-steps": _steps(small),
            "out": small.members, "instead": small.members,
            "channels": ChannelFactory.create_batch(3, group=small.groups[0]),
            "pushes": PushFactory.create_batch(3, group=small.groups[0], state="unsure"),
            "moves": [MoveFactory(member=member) for member in small.members[:3]],
            "keys": [AccessToken.make(AccessToken.Kind.API_KEY, seat)[0] for _n in range(3)],
            "drafts": Draft.objects.all(), "reshuffles": Reshuffle.objects.all(),
            "rosters": [line.roster for line in lines], "codes": [GroupCodeFactory(group=group) for group in small.groups],
            "placements": Placement.objects.all(),
        }  # fmt: skip
        return secret, {
            "spared": [str(key.pk), str(seat.pk)],
            "rows": {name: [str(row.pk) for row in found] for name, found in rows.items()},
            "names": {str(member.pk): member.nickname for member in erased},
            "pairs": {str(pair.pk): [str(pair.one_id), str(pair.other_id)] for pair in pairs},
            "lines": {str(line.roster_id): str(line.pk) for line in lines},
            "text": str(CustomFieldFactory(name="Shirt").pk),
        }


def _people(name, number):
    return [MemberFactory(nickname=f"{name} {n}") for n in range(number)]


def _steps(small):
    """Of newcomers who enter tomorrow."""
    for member in _people("Newcomer", 3):
        arrivals.plan(arrivals.wait(member, by=None, matrix=small.matrix), small.tenant.today() + timedelta(days=1), small.tenant, by=None)
    return ArrivalStep.objects.filter(number__gt=0)


def _to_be_erased():
    return _people("Erased", 6)


def _pairs():
    """`one` is the older row."""
    people = _people("Pair", 12)
    return [TwinFactory(one=one, other=other) for one, other in zip(people[::2], people[1::2], strict=True)]


def _of_the_rhythm(small):
    rhythms.ready(small.tenant)
    occurrences.lay_out(small.tenant)
    pauses = [PauseFactory(group=group) for group in small.groups]
    mine, there = [RhythmFactory() for _n in range(6)], Rhythm.objects.all()
    slots = [SlotFactory(rhythm=rhythm) for rhythm in mine]
    rows = {"rhythms": mine, "rhythm": there, "slots": slots, "slot": Slot.objects.all(), "pauses": pauses}
    return rows | {"occurrences": Occurrence.objects.all()}


def _of_members(members, seat):
    """What hangs on members, and what they are found and written by."""
    skills = [words.add("skill", f"Skill {n}", [f"Skilled {n}"], by=seat) for n in range(8)]
    kept, *gone = _people("Merged", 4)
    fields = [CustomFieldFactory(kind="choices", choices=["S", "M"]) for _n in range(3)]
    return {
        "words": skills[:5], "into": skills[5:], "word": skills[5:],
        "spellings": [word.spellings.exclude(text=word.name).first() for word in skills[:5]],
        "fields": fields, "before": fields,
        "segments": [SegmentFactory() for _n in range(3)],
        "notes": [NoteFactory(member=member) for member in members[:3]],
        "consents": [ConsentFactory(member=member) for member in members[:3]],
        "modules": [records.add_module(member, "Retail", "Selling", by=seat) for member in members[:3]],
        "renewals": [RenewalFactory(member=member, begins_on=date(2025, 1, 1), ends_on=date(2025, 12, 31)) for member in members[:3]],
        "introductions": [IntroductionFactory(member=member) for member in members[:3]],
        "merges": [merging.merge(kept, each, merging.DECIDED, by=seat) for each in gone],
    }  # fmt: skip
