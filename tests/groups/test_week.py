"""The week calendar: what it shows, moving a slot, who has too much and what mends it; rhythms, pauses, and minutes of a seat."""

import datetime
import itertools
import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from crm.tenancy.models import Event, Seat
from crm.tenancy.scope import acting_for
from groups import occurrences
from groups.models import Occurrence, Pause, Rhythm, Slot
from groups.spreading import spread
from tests.conftest import KeyClient
from tests.factories import GroupFactory, MatrixFactory, RhythmFactory, SeatFactory, SlotFactory

MONDAY = datetime.date(2026, 11, 30)
ENGLISH = {"Accept-Language": "en"}
NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)  # a Sunday; in Shanghai it is eight in the evening
UNDO = re.compile(r'action="/qinghe(/week/undo/[^"]+)"')


@pytest.fixture(autouse=True)
def sunday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def hands(house):
    """Two assistants, each with two light groups: one full, one with room."""
    with acting_for(house.pk):
        return [SeatFactory(tenant=house, role="assistant", name=name) for name in ("Man", "Yuan")]


@pytest.fixture
def groups(house, hands):
    with acting_for(house.pk):
        matrix = MatrixFactory(name="Members")
        found = [GroupFactory(matrix=matrix, name=f"Members {n + 1}", number=n + 1, assistant=hands[n // 2]) for n in range(4)]
        usual = RhythmFactory(name="Light", mode="light", is_usual=True)
        RhythmFactory(name="Heavy", mode="heavy", is_usual=True)
        SlotFactory(rhythm=usual, weekday=1, title="Morning topic", minutes=5)
        SlotFactory(rhythm=usual, weekday=4, title="Best reviews", minutes=8, at=datetime.time(20))
        occurrences.lay_out(house)
    return found


def budget(seat, minutes):
    Seat.objects.filter(pk=seat.pk).update(minutes_a_week=minutes)


def week(client, monday=MONDAY):
    return client.get(f"week/?week={monday.isoformat()}").context["week"]


def cells(row):
    return [[entry.slot.title for entry in day] for day in row.days]


def one(house, group, title):
    with acting_for(house.pk):
        return Occurrence.objects.get(group=group, slot__title=title, day__gte=MONDAY, day__lt=MONDAY + datetime.timedelta(7))


def days_of(house, title):
    with acting_for(house.pk):
        rows = Occurrence.objects.filter(slot__title=title, day__gte=MONDAY, day__lt=MONDAY + datetime.timedelta(7))
        return dict(rows.order_by("group__number").values_list("group__number", "wall_time__date"))


def moves(client, row, day, reach="once", **more):
    said = {"day": day.isoformat(), "at": "10:00", "reach": reach, "was": row.wall_time.isoformat()}
    return client.post(f"week/moves/{row.pk}/", said | more)


# What it shows


def test_groups_by_days_and_who_carries_how_much(owner, groups, hands):
    budget(hands[0], 20)
    budget(hands[1], 100)

    shown = week(owner)

    assert [cells(row) for row in shown.rows] == [[[], ["Morning topic"], [], [], ["Best reviews"], [], []]] * 4
    assert [(str(each.seat), each.minutes, each.over, each.free, each.works_for) for each in shown.hands] == [
        ("Man", 26, 6, 0, ["1群–2群"]),
        ("Yuan", 26, 0, 74, ["3群–4群"]),
    ]


def test_a_week_far_ahead_shows_what_the_slots_say(owner, groups):
    shown = week(owner, MONDAY + datetime.timedelta(weeks=9))

    assert [cells(row) for row in shown.rows] == [[[], ["Morning topic"], [], [], ["Best reviews"], [], []]] * 4
    assert sum(each.minutes for each in shown.hands) == 52


@pytest.mark.parametrize("asked", ["", "nonsense", "2026-13-40", "0001-01-01", "9999-12-31"])
def test_any_week_can_be_asked_for(owner, groups, asked):
    assert owner.get("week/", {"week": asked}).status_code == 200


def test_what_a_light_group_has_beyond_the_usual_is_too_much(owner, house, groups, operator):
    with acting_for(house.pk):
        SlotFactory(rhythm=None, group=groups[3], weekday=3, title="Chat", minutes=6)
        occurrences.lay_out(house)

    assert [(entry.group.name, entry.slot.title) for entry in week(owner).too_much] == [("Members 4", "Chat")]


def test_thirty_groups_are_read_with_as_many_questions_as_one(owner, house, groups, hands):
    budget(hands[0], 20)
    budget(hands[1], 100)
    owner.get("week/")
    asked = []
    for more in (0, 30):
        with acting_for(house.pk):
            for n in range(more):
                GroupFactory(matrix=groups[0].matrix, name=f"More {n}", number=50 + n, assistant=hands[1])
            occurrences.lay_out(house)
        with CaptureQueriesContext(
            connection,
        ) as found:
            owner.get(f"week/?week={MONDAY.isoformat()}")
        asked.append(len(found))

    assert asked[0] == asked[1]


def test_without_groups_it_says_what_comes_first(owner):
    page = owner.get("week/")

    assert (page.status_code, page.context["week"].rows) == (200, [])
    assert "/qinghe/settings/matrices/" in page.content.decode()


# Moving


def test_a_slot_is_moved_for_this_week_and_back(owner, house, groups):
    row = one(house, groups[0], "Morning topic")
    thursday = MONDAY + datetime.timedelta(3)

    page = owner.post(
        f"week/moves/{row.pk}/", {"day": thursday, "at": "10:00", "reach": "once", "was": row.wall_time.isoformat()}, follow=True
    )
    moved = days_of(house, "Morning topic")
    owner.post(UNDO.search(page.content.decode())[1], {"next": "/qinghe/week/"})

    tuesday = MONDAY + datetime.timedelta(1)
    assert moved == {1: thursday, 2: tuesday, 3: tuesday, 4: tuesday}
    assert days_of(house, "Morning topic") == dict.fromkeys([1, 2, 3, 4], tuesday)


def test_for_every_week_it_moves_in_all_groups_of_the_rhythm(owner, house, groups):
    thursday = MONDAY + datetime.timedelta(3)

    moves(owner, one(house, groups[0], "Morning topic"), thursday, "always")

    assert days_of(house, "Morning topic") == dict.fromkeys([1, 2, 3, 4], thursday)


def test_who_was_overtaken_overwrites_nothing(owner, operator, house, groups):
    row = one(house, groups[0], "Morning topic")
    moves(operator, row, MONDAY + datetime.timedelta(2))

    answer = moves(owner, row, MONDAY + datetime.timedelta(5))

    assert answer.status_code == 422
    assert "2026-12-02" in answer.context["wrong"][0]
    assert days_of(house, "Morning topic")[1] == MONDAY + datetime.timedelta(2)


def test_who_would_get_too_much_is_named_before_it_is_saved(owner, house, groups, hands):
    """From this week into the next one, in which there is just enough."""
    budget(hands[0], 26)
    row = one(house, groups[0], "Morning topic")
    later = MONDAY + datetime.timedelta(8)

    asked = owner.get(f"week/moves/{row.pk}/?day={later.isoformat()}")
    refused = moves(owner, row, later)
    stayed = days_of(house, "Morning topic")[1]
    moves(owner, row, later, anyway=refused.context["over_mark"])

    said = [(str(each["seat"]), each["minutes"], each["over"]) for each in asked.context["over"]]
    assert (said, refused.status_code, stayed) == ([("Man", 31, 5)], 422, MONDAY + datetime.timedelta(1))
    assert days_of(house, "Morning topic")[1] == later


def test_one_is_left_out_this_once(owner, house, groups):
    owner.post(f"week/moves/{one(house, groups[0], 'Morning topic').pk}/dropping/")

    assert [len(row.entries) for row in week(owner).rows] == [1, 2, 2, 2]


# Too much, and what mends it


def test_the_proposal_mends_it_exactly_and_is_taken_back(owner, house, groups, hands):
    budget(hands[0], 20)
    budget(hands[1], 40)
    [found] = owner.get(f"week/?week={MONDAY}").context["mendings"]
    said = {"week": MONDAY.isoformat(), "seat": str(hands[0].pk), "proposal": found.mark}

    page = owner.post("week/mending/", said, follow=True)
    mended = [(str(each.seat), each.minutes) for each in page.context["week"].hands]
    again = owner.post("week/mending/", said)
    owner.post(UNDO.search(page.content.decode())[1])

    assert [(entry.group.number, entry.minutes) for entry in found.entries] == [(1, 8)]
    assert (sorted(mended), again.status_code) == ([("Man", 18), ("Yuan", 34)], 409)
    assert [each.over for each in week(owner).hands] == [6, 0]


def test_where_nobody_has_room_it_says_so(owner, groups, hands):
    budget(hands[0], 20)
    budget(hands[1], 26)

    [found] = owner.get(f"week/?week={MONDAY}").context["mendings"]

    assert (found.shares, found.stays_over) == ([], 6)


def test_what_is_too_much_for_one_is_spread_over_several_and_comes_back_as_a_whole(owner, operator, house, groups, hands, english):
    """Fourteen minutes over: one has room for five, another for eight, a third for nine, so no one of them can take it all."""
    budget(hands[0], 12)
    budget(hands[1], 31)
    with acting_for(house.pk):
        for name, room in (("Lin", 8), ("Yu", 9)):
            SeatFactory(tenant=house, role="assistant", name=name, minutes_a_week=room)
    page = owner.get(f"week/?week={MONDAY}", headers=ENGLISH)
    [found] = page.context["mendings"]
    said = {"week": MONDAY.isoformat(), "seat": str(hands[0].pk), "proposal": found.mark}

    done = owner.post("week/mending/", said, follow=True, headers=ENGLISH)
    mended = {str(each.seat): each.minutes for each in done.context["week"].hands}
    told = owner.get("trail/", headers=ENGLISH).content.decode()
    again = operator.post("week/mending/", said)
    owner.post(UNDO.search(done.content.decode())[1])

    assert ({str(share.to.seat): share.minutes for share in found.shares}, found.stays_over) == ({"Lin": 8, "Yu": 8}, 0)
    assert "8 min go to Lin" in page.content.decode()
    assert (mended["Man"], mended["Lin"], mended["Yu"], again.status_code) == (10, 8, 8, 409)
    assert "Gave 2 slots of Man to 2 others, for one week" in told
    after = {str(each.seat): each.minutes for each in week(owner).hands}
    assert (after["Man"], after["Lin"], after["Yu"]) == (26, 0, 0)


def test_all_proposals_of_a_week_are_carried_out_together_and_come_back_together(owner, house, groups, hands, english):
    """Man is six minutes over and Yuan, too; Lin has room for one piece of each, Yu for nothing, and Zhou is away."""
    budget(hands[0], 20)
    budget(hands[1], 20)
    with acting_for(house.pk):
        lin = SeatFactory(tenant=house, role="assistant", name="Lin", minutes_a_week=16)
        SeatFactory(tenant=house, role="assistant", name="Yu", minutes_a_week=4)
        zhou = SeatFactory(tenant=house, role="assistant", name="Zhou", minutes_a_week=90)
        Seat.objects.filter(pk=zhou.pk).update(stand_in=lin.pk, stand_in_until=MONDAY + datetime.timedelta(1))
    page = owner.get(f"week/?week={MONDAY}", headers=ENGLISH)
    seen, text = page.context["together"], re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.content.decode()))
    said = {"week": MONDAY.isoformat(), "proposal": page.context["together_mark"]}

    stale = owner.post("week/mending/", said | {"proposal": seen[0].mark})
    done = owner.post("week/mending/", said, follow=True, headers=ENGLISH)
    mended = {str(each.seat): each.minutes for each in done.context["week"].hands}
    told = owner.get("trail/", headers=ENGLISH).content.decode()
    again = owner.post("week/mending/", said)
    back = owner.post(UNDO.search(done.content.decode())[1], follow=True, headers=ENGLISH).content.decode()

    assert sorted((str(each.hands.seat), each.minutes) for each in seen) == [("Man", 8), ("Yuan", 8)]
    assert "Give on 2 slots of 2 people?" in text
    assert "Man → Lin 8 min" in text
    assert (stale.status_code, again.status_code) == (409, 409)
    assert "Done: 2 people are within the budget." in done.content.decode()
    assert (mended["Man"], mended["Yuan"], mended["Lin"]) == (18, 18, 16)
    assert "2 slots of 2 people who had too much" in told
    assert "Man, Yuan have it again." in back
    assert {str(each.seat): each.minutes for each in week(owner).hands} == {"Man": 26, "Yuan": 26, "Lin": 0, "Yu": 0, "Zhou": 0}


def test_what_nobody_has_room_for_stays_over_and_is_said(owner, groups, hands, english):
    budget(hands[0], 12)
    budget(hands[1], 26 + 8)
    page = owner.get(f"week/?week={MONDAY}", headers=ENGLISH)
    [found] = page.context["mendings"]

    said = {"week": MONDAY.isoformat(), "seat": str(hands[0].pk), "proposal": found.mark}
    done = owner.post("week/mending/", said, follow=True, headers=ENGLISH)

    assert (found.minutes, found.stays_over) == (8, 6)
    assert "6 minutes stay over." in page.content.decode()
    assert "Man is still 6 minutes over." in done.content.decode()


def test_what_is_dealt_to_whoever_is_free_does_not_come_back_to_who_gave(owner, house, groups, hands):
    """Once Man has less to do they are the freest, so what is dealt would land on them."""
    with acting_for(house.pk):
        SlotFactory(rhythm=None, group=groups[0], weekday=2, title="Question", minutes=5)
        SlotFactory(rhythm=None, group=groups[2], weekday=6, title="Chat", minutes=9, given="free")
        occurrences.lay_out(house)
    budget(hands[0], 20)
    budget(hands[1], 60)
    before = week(owner)
    [found] = owner.get(f"week/?week={MONDAY}").context["mendings"]

    done = owner.post("week/mending/", {"week": MONDAY.isoformat(), "seat": str(hands[0].pk), "proposal": found.mark}, follow=True)

    minutes = {str(each.seat): each.minutes for each in done.context["week"].hands}
    was = {str(each.seat): each.minutes for each in before.hands}
    assert minutes == was | {"Man": was["Man"] - found.minutes, "Yuan": was["Yuan"] + found.minutes}


@given(
    pieces=st.lists(st.sampled_from([1, 3, 5, 6, 8, 10, 14, 20]), max_size=5), rooms=st.lists(st.integers(0, 25), max_size=3),
    wanted=st.integers(1, 45),
)  # fmt: skip
@trying(max_examples=50, deadline=None)
def test_whoever_takes_stays_within_and_it_is_mended_exactly_where_it_can_be(pieces, rooms, wanted):
    """Against all ways there are: as near as can be, by the least pieces, to the fewest people, of the fewest minutes."""
    found = spread(pieces, rooms, wanted)

    every = itertools.product([None, *range(len(rooms))], repeat=len(pieces))
    ways = [{piece: to for piece, to in enumerate(way) if to is not None} for way in every]
    assert _worth(found, pieces, rooms, wanted) == min(filter(None, (_worth(way, pieces, rooms, wanted) for way in ways)))


def _worth(way, pieces, rooms, wanted):
    left = list(rooms)
    for piece, to in way.items():
        left[to] -= pieces[piece]
    total = sum(pieces[piece] for piece in way)
    return min(left, default=0) >= 0 and (max(wanted - total, 0), len(way), len(set(way.values())), total)


def test_ninety_pieces_are_spread_over_twelve_people_without_a_long_look():
    pieces, rooms = [5, 8, 12, 15, 6, 10] * 15, [7, 11, 13, 9, 22, 31, 8, 17, 19, 23, 29, 6]

    found = spread(pieces, rooms, 400)

    assert sum(pieces[piece] for piece in found) >= sum(rooms) - 12


# The panel of a slot


def said_of(slot, **more):
    held = {name: getattr(slot, name) for name in ("title", "practice", "weekday", "minutes", "within", "given", "text")}
    return held | {"at": slot.at.strftime("%H:%M"), "seen": ""} | more


def test_a_variable_that_nobody_knows_is_named_and_what_was_typed_stays(owner, house, groups):
    with acting_for(house.pk):
        slot = Slot.objects.get(title="Morning topic")

    page = owner.post(f"week/slots/{slot.pk}/", said_of(slot, text="Hello {grupo}"))

    assert (page.status_code, page.context["fields"]["text"].value()) == (422, "Hello {grupo}")
    assert "{grupo}" in str(page.context["fields"].errors["text"])


def test_the_text_is_shown_as_a_group_reads_it(owner, house, groups):
    page = owner.post("week/slots/preview/", {"text": "Hello {group}", "group": str(groups[2].pk)})

    assert "Hello Members 3" in page.content.decode()


def test_at_the_side_the_text_is_that_of_its_own_week(owner, house, groups):
    row = one(house, groups[2], "Morning topic")
    with acting_for(house.pk):
        Slot.objects.filter(pk=row.slot_id).update(text="Week {week}")

    assert owner.get(f"week/slots/{row.slot_id}/?once={row.pk}").context["filled"] == "Week 49"


def test_a_saved_slot_is_followed_by_what_has_not_begun(owner, house, groups, hands):
    with acting_for(house.pk):
        slot = Slot.objects.get(title="Morning topic")
    seen = owner.get(f"week/slots/{slot.pk}/").context["fields"]["seen"].value()

    saved = owner.post(f"week/slots/{slot.pk}/", said_of(slot, minutes=9, weekday=2, seen=seen))
    stale = owner.post(f"week/slots/{slot.pk}/", said_of(slot, minutes=30, seen=seen))

    assert (saved.status_code, stale.status_code) == (302, 422)
    assert [cells(row)[2] for row in week(owner).rows] == [["Morning topic"]] * 4
    assert "minutes" in stale.context["fields"].errors


def test_a_longer_slot_says_whom_it_takes_over_the_budget(owner, house, groups, hands):
    budget(hands[1], 30)
    with acting_for(house.pk):
        slot = Slot.objects.get(title="Morning topic")
    said = said_of(slot, minutes=20, seen=owner.get(f"week/slots/{slot.pk}/").context["fields"]["seen"].value())

    asked = owner.post(f"week/slots/{slot.pk}/", said)
    done = owner.post(f"week/slots/{slot.pk}/", said | {"anyway": asked.context["over_mark"]})

    assert (asked.status_code, [str(each["seat"]) for each in asked.context["over"]], done.status_code) == (422, ["Yuan"], 302)


@pytest.mark.parametrize(("kind", "rows"), [("rhythm", 4), ("group", 1)])
def test_a_slot_is_added_to_a_rhythm_or_to_one_group(owner, house, groups, kind, rows):
    with acting_for(house.pk):
        of = {"rhythm": Rhythm.objects.get(name="Light"), "group": groups[1]}[kind]
        fresh = said_of(Slot(title="Chat", weekday=2, at=datetime.time(9)), **{"for": f"{kind}:{of.pk}"})

    owner.post("week/slots/new/", fresh)
    nowhere = owner.post("week/slots/new/", fresh | {"for": ""})

    assert (sum("Chat" in day for row in week(owner).rows for day in cells(row)), nowhere.status_code) == (rows, 422)


def test_a_dropped_slot_is_done_no_more_and_comes_back(owner, house, groups):
    with acting_for(house.pk):
        slot = Slot.objects.get(title="Morning topic")

    page = owner.post(f"week/slots/{slot.pk}/dropping/?week={MONDAY}", follow=True)
    after = [len(row.entries) for row in page.context["week"].rows]
    owner.post(UNDO.search(page.content.decode())[1])

    assert (after, [len(row.entries) for row in week(owner).rows]) == ([1] * 4, [2] * 4)


# Rhythms and pauses


def test_a_copy_is_named_changed_and_followed(owner, house, groups):
    with acting_for(house.pk):
        light = Rhythm.objects.get(name="Light")

    made = owner.post(f"rhythms/{light.pk}/copy/", {"name": "\0Quiet"}, follow=True).context["rhythm"]
    twin = owner.post(f"rhythms/{made.pk}/", {"name": "Light", "seen": ""})
    owner.post(f"rhythms/{made.pk}/groups/", {"group": [str(groups[0].pk)]})

    assert (twin.status_code, owner.get(f"rhythms/{made.pk}/").context["followers"]) == (422, [groups[0]])
    owner.post(f"rhythms/{made.pk}/dropping/")
    assert [cells(row)[1] for row in week(owner).rows] == [["Morning topic"]] * 4


def test_the_holidays_of_the_country_are_offered_as_pauses(owner, house, groups):
    offered = {each.name: each for each in owner.get("rhythms/").context["days_off"]}
    said = {"name": "Chinese New Year", "since": "2027-02-05", "until": "2027-02-10"}

    page = owner.post("pauses/", said, follow=True)
    wrong = owner.post("pauses/", said | {"until": "2027-02-01"})

    house_pauses = [(pause.name, str(pause.since)) for pause in page.context["pauses"]]
    assert len(offered) > 5
    assert (house_pauses, wrong.status_code) == ([("Chinese New Year", "2027-02-05")], 422)
    left = [each.since.isoformat() for each in page.context["days_off"]]
    assert "2027-02-05" not in left
    assert [each["since"] for each in KeyClient(owner.seat).get("pauses/days-off/").json()] == left
    with acting_for(house.pk):
        pause = Pause.objects.get()
    owner.post(f"pauses/{pause.pk}/dropping/")
    assert owner.get("rhythms/").context["pauses"] == []


def test_paused_days_show_their_slots_as_resting(owner, house, groups):
    owner.post("pauses/", {"name": "Rest", "since": MONDAY.isoformat(), "until": (MONDAY + datetime.timedelta(2)).isoformat()})

    shown = week(owner)

    assert [len(row.entries) for row in shown.rows] == [1] * 4
    assert [pause.name for pause in shown.pauses] == ["Rest"]


def test_who_only_looks_changes_nothing(viewer, house, groups):
    row = one(house, groups[0], "Morning topic")

    answers = [viewer.get("week/"), viewer.get("rhythms/"), viewer.get(f"week/moves/{row.pk}/"), moves(viewer, row, MONDAY)]

    assert [answer.status_code for answer in answers] == [200, 200, 403, 403]


# Minutes of a seat


def test_the_owner_says_how_much_somebody_can_bear_and_takes_it_back(owner, assistant, house):
    path = f"settings/seats/{assistant.seat.pk}/"
    held = {"name": "Xiaoyu", "role": "assistant"}

    owner.post(path, held | {"minutes_a_week": "300"})
    set_to = Seat.objects.get(pk=assistant.seat.pk).minutes_a_week
    owner.post(path, held)  # a page from before it could be said
    kept = Seat.objects.get(pk=assistant.seat.pk).minutes_a_week
    wrong = owner.post(path, held | {"minutes_a_week": "0"})
    with acting_for(house.pk):
        fact = Event.objects.get(kind="seat.minutes_set")
    owner.post(f"trail/{fact.pk}/undo/")

    assert (set_to, kept, wrong.status_code, Seat.objects.get(pk=assistant.seat.pk).minutes_a_week) == (300, 300, 422, None)
