"""The community that the fuzzer meets: rows of every kind in every state that an act asks for, and what its hooks want to know of them.

A name of `rows` is a field of a body, a collection of the address, or `collection/act` for what one act uses up; `-` is its DELETE.
"""

import io
from datetime import date, timedelta

from django.core.files.base import ContentFile
from django.utils.timezone import now
from PIL import Image

from crm import import_jobs
from crm.tenancy import files
from crm.tenancy.models import AccessToken, Event, Job, Seat
from crm.tenancy.scope import acting_for
from groups import occurrences, reshuffles, rhythms, roster_booking
from groups.models import Calling, Draft, Move, Occurrence, Placement, Reshuffle, Rhythm
from members import merging, records, words
from tests import factories as make
from tests.factories import MemberFactory
from tests.groups.communities import ready_draft, small_community
from tests.imports import uploading

USED_UP = 4  # beside each that an act uses up, so many are only looked at


def community(each):
    """An owner's key, its secret, the tenant, and what the hooks are told. An act finds `each` rows that it may use up."""
    tenant = make.TenantFactory(slug="qinghe", name="Qinghe", language="en", tasks_a_day=4)
    small = small_community(tenant)
    ready_draft(small)
    approved, going, back = (_going(tenant, is_approved=is_approved) for is_approved in (False, True, True))
    with acting_for(tenant.pk):
        seat = make.SeatFactory(tenant=tenant, role="owner", name="Lily")
        key, secret = AccessToken.make(AccessToken.Kind.API_KEY, seat)
        rows = {
            "member": small.members, "members": small.members, "inviter": small.members[:3], "one": small.members[:12],
            "other": small.members[12:], "matrix": [small.matrix], "matrices": [small.matrix], "group": small.groups,
            "speaker": small.members,
            "groups": small.groups, "assistant": small.assistants, "seat": small.assistants, "give_to": small.assistants,
            "seats": Seat.objects.filter(tenant=tenant), "placements": Placement.objects.all()[:6],
            "cohorts": small.matrix.cohorts.all(), "drafts": Draft.objects.all(), "reshuffles": Reshuffle.objects.all(),
            "picture": [_photo(rhythms.PICTURE)],
        }  # fmt: skip
        parts = _taken_back, _of_groups, _of_work, _arrivals, _rosters, _of_the_rhythm, _of_people, _of_words, _reshuffles
        for part in parts:
            rows |= part(small, each, seat)
        rows |= _carried_out(small, each, going, back, approved)
    rows |= _imports(tenant, seat)
    with acting_for(tenant.pk):
        known = _beside(small, each, going, back)
        return secret, tenant, known | {
            "spared": [str(key.pk), str(seat.pk)],
            "rows": {name: [str(row.pk) for row in found] for name, found in rows.items()},
            "more": {
                "member": known["loose"] + known["silent"], "group": known["coded"], "moves": known["asked"], "give_to": known["hands"],
            },
            "names": {str(member.pk): member.nickname for member in rows["members/erasure"]},
            "pairs": {str(pair.pk): [str(pair.one_id), str(pair.other_id)] for pair in rows["twins/merge"]},
            "lines": {str(roster.pk): str(roster.lines.get().pk) for roster in rows["rosters/settling"]},
            "named": {str(pk): str(member) for pk, member in Calling.objects.values_list("arrival", "member")},
            "text": str(make.CustomFieldFactory(name="Shirt").pk),
        }  # fmt: skip


def _photo(kind):
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "PNG")
    return files.keep(ContentFile(out.getvalue(), name="a.png"), kind, by=None, most=1000)


def _people(name, number):
    return [MemberFactory(nickname=f"{name} {n}") for n in range(number)]


def _sending(small, each):
    """(where somebody sits, another group of theirs)"""
    seats = Placement.objects.open().filter(group__in=small.groups, member__standing="current").order_by("id")[: 2 * each]
    return [[str(seat.pk), next(str(group.pk) for group in small.groups if group.pk != seat.group_id)] for seat in seats]


def _beside(small, each, going, back):
    """What a body needs one after another, and cannot be found by a name alone."""
    return {
        "loose": [str(member.pk) for member in _people("Loose", 4 * each)],
        "asked": [str(pk) for pk in Move.objects.filter(reshuffle=going[0], state=Move.State.ASKED).values_list("pk", flat=True)],
        "silent": [_silent(member) for member in _people("Silent", each)],
        "sending": _sending(small, each),
        "hands": [str(seat.pk) for seat in going[1]],
        "moves_back": back[0].moves.count(),
        "coded": [str(group.pk) for group in _groups(small, each)],
        "merging": [[str(member.pk) for member in pair] for pair in zip(_people("Kept", each), _people("Gone", each), strict=True)],
    }


def _going(tenant, *, is_approved):
    """A further matrix with a plan: (its reshuffle, its assistants)."""
    with acting_for(tenant.pk):
        number = Reshuffle.objects.count()
    small = small_community(tenant, groups=2, each=6, name=f"Going {number}", first=100 * number)
    draft = ready_draft(small)
    with acting_for(tenant.pk):
        if is_approved:
            reshuffles.approve(Draft.objects.select_related("reshuffle").get(pk=draft.pk), tenant, by=None)
        return Reshuffle.objects.get(pk=draft.reshuffle_id), small.assistants, draft


def _groups(small, number, **fields):
    return [make.GroupFactory(matrix=small.matrix, **fields) for _n in range(number)]


def _taken_back(small, each, seat):
    """Of what can be made and ended alone: some that are looked at, and those that are ended."""
    matrix, group, slot_of = {"matrix": small.matrix}, {"group": small.groups[0]}, {"rhythm": make.RhythmFactory()}

    def bond():
        return make.BondFactory(**matrix, of=_people("Bound", 2))

    def renewal():
        return make.RenewalFactory(begins_on=date(2025, 1, 1), ends_on=date(2025, 12, 31))

    def spelling():
        return make.SpellingFactory(word=word)

    word = words.add("city", "Spelled", by=seat)
    ways = {
        "aparts": lambda: make.ApartFactory(**matrix), "bonds": bond, "channels": lambda: make.ChannelFactory(**group),
        "handles": make.HandleFactory, "introductions": make.IntroductionFactory, "invites": lambda: make.InviteFactory(made_by=seat),
        "keys": lambda: AccessToken.make(AccessToken.Kind.API_KEY, seat)[0], "modules": make.ModuleFactory, "notes": make.NoteFactory,
        "pauses": lambda: make.PauseFactory(**group), "pins": lambda: make.PinFactory(**matrix), "renewals": renewal,
        "rhythms": make.RhythmFactory, "segments": make.SegmentFactory, "slots": lambda: make.SlotFactory(**slot_of),
        "spellings": spelling, "stars": make.StarFactory, "stickers": lambda: make.StickerFactory(picture=_photo("sticker")),
        "words": lambda: make.WordFactory(kind="skill"),
    }  # fmt: skip
    rows = {name: [way() for _n in range(USED_UP)] for name, way in ways.items()}
    rows |= {f"{name}/-": [way() for _n in range(each)] for name, way in ways.items()}
    shown = [make.SlotFactory(**slot_of, picture=_photo(rhythms.PICTURE)) for _n in range(USED_UP)]
    return rows | {"slot": rows["slots"], "rhythm": rows["rhythms"], "slots/picture": shown}


def _of_groups(small, each, seat):
    codes = {name: [make.GroupCodeFactory(group=group) for group in _groups(small, each)] for name in ("codes/counting", "codes/dropping")}
    return codes | {
        "codes": [make.GroupCodeFactory(group=group) for group in small.groups],
        "groups/closing": _groups(small, each), "groups/reopening": _groups(small, each, closed_on=small.tenant.today()),
        "pushes": make.PushFactory.create_batch(USED_UP, group=small.groups[0]),
        "pushes/settling": make.PushFactory.create_batch(each, group=small.groups[0], state="unsure"),
    }  # fmt: skip


def _of_work(small, each, seat):
    a_task = {"group": small.groups[0], "assistant": small.assistants[0]}
    tasks = [make.TaskFactory(group=small.groups[n % 3], assistant=small.assistants[n % 3]) for n in range(3 * each)]
    shown = [make.TaskFactory(**a_task, picture=_photo(rhythms.PICTURE), proof=_photo("proof")) for _n in range(USED_UP)]
    modules = [records.add_module(member, "Retail", "Selling", by=seat) for member in _people("Undone", each)]
    facts = Event.objects.filter(kind="module.added", subject__in=[module.pk for module in modules])
    return {
        "tasks": tasks[:USED_UP], "tasks/ticks": tasks[USED_UP:], "tasks/proof": shown, "tasks/picture": shown,
        "jobs": make.JobFactory.create_batch(USED_UP, state="done"), "jobs/stop": make.JobFactory.create_batch(each, seat=seat),
        "events": Event.objects.all()[:USED_UP], "events/undo": facts,
    }  # fmt: skip


def _arrivals(small, each, seat):
    """Newcomers who wait, who were called off, and who stand at the first of their steps or at their welcome."""
    matrix, group = {"matrix": small.matrix}, small.groups[0]
    rows = {f"arrivals/{act}": make.ArrivalFactory.create_batch(each, **matrix) for act in ("evening", "urgency", "calling-off")}
    rows |= {"arrivals": make.ArrivalFactory.create_batch(USED_UP, **matrix)}
    rows["arrivals/return"] = make.ArrivalFactory.create_batch(each, **matrix, state="called_off")
    rows["arrivals/queue"], rows["arrivals/chasing"] = ([_planned(small, 1) for _n in range(each)] for _act in range(2))
    for _n in range(USED_UP):
        _planned(small, -1)  # who is left over from an evening
    entering = {"day": small.tenant.today(), "at": "20:05", "group": group, "state": "planned", "assistant": small.assistants[0]}

    def step(kind, number, state):
        arrival = make.ArrivalFactory(**matrix, **entering)
        ended = {"state": state, "ended_at": now(), "ended_by": small.assistants[0]} if state == "done" else {}
        task = make.TaskFactory(kind="arrival", group=group, assistant=small.assistants[0], member=arrival.member, **ended)
        return make.ArrivalStepFactory(arrival=arrival, kind=kind, number=number, state=state, task=task)

    states = {"done": "handed_out", "skipping": "handed_out", "undo": "done"}
    rows |= {f"arrival-steps/{act}": [step("packet", 2, state) for _n in range(each)] for act, state in states.items()}
    rows["arrival-steps"] = [step("packet", 2, "handed_out") for _n in range(USED_UP)]
    welcomes = [step("welcome", 4, "handed_out") for _n in range(each)]
    for at, welcome in enumerate(welcomes):
        make.CallingFactory(arrival=welcome.arrival, member=small.members[at % 8 * 3])
    welcomed = make.ArrivalFactory.create_batch(each, **matrix, **entering | {"state": "welcomed", "welcomed_at": now()})
    for at, arrival in enumerate(welcomed):
        make.CallingFactory(arrival=arrival, member=small.members[at % 8 * 3])
    return rows | {"arrivals/caller-swaps": [welcome.arrival for welcome in welcomes], "arrivals/answers": welcomed}


def _planned(small, days):
    day = small.tenant.today() + timedelta(days=days)
    return make.ArrivalFactory(matrix=small.matrix, group=small.groups[0], state="planned", day=day, at="20:05")


def _silent(member):
    """Who rests, since they did not answer three times in a row."""
    for _n in range(3):
        make.CallingFactory(member=member, answered=False)
    return str(member.pk)


def _rosters(small, each, seat):
    """One open list of a group at a time, each with one name that is nobody's."""
    rows = {
        name: [make.RosterLineFactory(roster__group=group).roster for group in _groups(small, many)]
        for name, many in {"rosters": USED_UP, **dict.fromkeys(["rosters/booking", "rosters/dropping", "rosters/settling"], each)}.items()
    }
    booked = [make.RosterLineFactory(roster__group=group).roster for group in _groups(small, each)]
    for roster in booked:
        roster_booking.book(roster, by=seat, sure=True)
    return rows | {"rosters/undo": booked}


def _of_the_rhythm(small, each, seat):
    rhythms.ready(small.tenant)
    occurrences.lay_out(small.tenant)
    ahead = list(Occurrence.objects.filter(state="waiting", group__in=small.groups, day__gt=small.tenant.today() + timedelta(days=1)))
    names = ("occurrences", "occurrences/moving", "occurrences/dropping", "occurrences/return")
    rows = {name: ahead[at :: len(names)] for at, name in enumerate(names)}
    for row in rows["occurrences/return"]:
        occurrences.drop(row, by=seat)
    return rows | {"rhythms/language": Rhythm.objects.filter(is_usual=True)}


def _of_people(small, each, seat):
    """What is done to people as a whole."""

    def pairs(**fields):
        """`one` is the older row."""
        people = _people("Pair", 2 * each)
        return [make.TwinFactory(one=one, other=other, **fields) for one, other in zip(people[::2], people[1::2], strict=True)]

    decided = {"state": "apart", "decided_at": now()}
    rows = {f"twins/{act}": pairs(**fields) for act, fields in {"apart": {}, "later": {}, "merge": {}, "reopening": decided}.items()}
    return rows | {
        "twins": rows["twins/apart"][:USED_UP], "members/erasure": _people("Erased", each),
        "merges": [make.MergeFactory() for _n in range(USED_UP)],
        "merges/undo": [merging.merge(*_people("Merged", 2), merging.DECIDED, by=seat) for _n in range(each)],
        "consents": make.ConsentFactory.create_batch(USED_UP), "consents/withdrawal": make.ConsentFactory.create_batch(each),
    }  # fmt: skip


def _of_words(small, each, seat):
    """And the own fields."""
    skills = [words.add("skill", f"Skill {n}", [f"Skilled {n}"], by=seat) for n in range(2)]
    fields = {act: [make.CustomFieldFactory(**given) for _n in range(each)] for act, given in FIELDS.items()}
    merged = [make.WordFactory(kind="skill") for _n in range(each)]
    for word in merged:
        words.merge(word, skills[0], by=seat)
    return fields | {
        "fields": [make.CustomFieldFactory(kind="choices", choices=["S", "M"]) for _n in range(USED_UP)],
        "before": [make.CustomFieldFactory()], "into": skills[:1], "word": skills,
        "words/acceptance": [make.WordFactory(kind="skill", state="proposed") for _n in range(each)],
        "words/merge": [make.WordFactory(kind="skill") for _n in range(each)], "words/separation": merged,
    }  # fmt: skip


FIELDS = {"fields/retirement": {}, "fields/return": {"retired_at": now()}}


def _imports(tenant, seat):
    """Files that were read, the first of them written."""
    read = []
    for n in range(4):
        with acting_for(tenant.pk):
            row = f"Read {n},read_{n},,杭州,,,,,,,,"
            read.append(import_jobs.ask_reading(uploading.members(row), None, tenant, by=seat, whole=False))
        uploading.work_off(tenant, "community.")
        if n == 0:
            with acting_for(tenant.pk):
                import_jobs.ask_writing(Job.objects.get(pk=read[0].pk), tenant, by=seat)
            uploading.work_off(tenant, "community.")
    acts = {"undo": read[:1], "writing": read[1:2], "columns": read[2:3], "pairs": read[3:]}
    return {"imports": read} | {f"imports/{act}": rows for act, rows in acts.items()}


def _reshuffles(small, each, seat):
    """What is asked of one move or draft alone."""
    wave = make.WaveFactory(assistant=small.assistants[0])
    one, other = (make.GroupFactory(matrix=wave.reshuffle.matrix) for _n in range(2))
    there = {"wave": wave, "from_group": one, "to_group": other}
    return {
        "moves": make.MoveFactory.create_batch(USED_UP, **there), "moves/joining": make.MoveFactory.create_batch(each, **there),
        "drafts/stop": [make.DraftFactory(reshuffle=wave.reshuffle) for _n in range(each)],
    }  # fmt: skip


def _carried_out(small, each, going, back, approved):
    """Two reshuffles that are carried out, one to be taken back, and a plan to be approved."""
    some = going[0].moves.values_list("pk", flat=True)[: 3 * each : 2]
    Move.objects.filter(pk__in=list(some)).update(state=Move.State.ASKED)
    acts = ("pausing", "resuming", "passing", "asking", "late", "keeping")
    return {f"reshuffles/{act}": [going[0]] for act in acts} | {"reshuffles/rolling-back": [back[0]], "drafts/approval": [approved[2]]}
