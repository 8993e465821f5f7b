import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm.tenancy import events, trail
from crm.tenancy.scope import acting_for
from tests.factories import EventFactory, MemberFactory, SeatFactory


def told(response):
    return [each for acts in response.context["days"].values() for each in acts]


def kinds(response):
    return [each.event.kind for each in told(response)]


def test_it_shows_the_own_facts_newest_first(two, owner):
    ours, theirs = two
    for days, kind in ((2, "star.added"), (0, "task.done"), (1, "reshuffle.approved")):
        EventFactory(kind=kind, at=now() - datetime.timedelta(days=days), tenant=ours)
    EventFactory(kind="draft.ready", tenant=theirs)

    assert kinds(owner.get("/trail/")) == ["task.done", "reshuffle.approved", "star.added"]


def test_a_fact_is_said_in_words_with_who_and_whom(house, owner):
    member = MemberFactory(nickname="桂芳🐳", tenant=house)
    helper = SeatFactory(name="阿远", tenant=house)
    EventFactory(kind="wave.handed_out", subject_kind="wave", after={"moves": 1200, "assistant": str(helper.pk)}, tenant=house)
    EventFactory(
        kind="task.impossible", subject_kind="task", member=member.pk, seat=helper, because="no_answer", door="phone", tenant=house
    )

    with translation.override("en"):
        page = owner.get("/trail/", headers={"Accept-Language": "en"})
        said = {each.event.kind: each for each in told(page)}

    assert said["wave.handed_out"].sentence == "Handed 1,200 tasks to 阿远"
    impossible = said["task.impossible"]
    assert (impossible.who, impossible.why, impossible.member.label) == ("阿远", "does not answer", "桂芳🐳")
    assert impossible.member.url == f"/qinghe/members/{member.pk}/"


def test_an_unknown_fact_shows_its_code_and_a_missing_value_a_dash(house, owner):
    EventFactory(kind="moon.landed", tenant=house)
    EventFactory(kind="reshuffle.approved", after={}, tenant=house)

    page = owner.get("/trail/")

    assert "moon.landed" in page.content.decode()
    assert any("—" in each.sentence for each in told(page))


def test_every_fact_that_our_verbs_note_has_words(tenant):
    noted = {"draft.requested", "draft.ready", "draft.impossible", "draft.failed", "draft.stopped", "reshuffle.approved", "cohort.began"}
    noted |= {"wave.handed_out", "move.joined", "group.assigned", "task.done", "task.impossible", "task.reopened", "seat.added", "key.made"}
    noted |= {f"{rule}.{act}" for rule in ("pin", "bond", "apart", "star") for act in ("added", "removed")}
    noted |= {"members.exported", "community.imported", "ownership.handed_over"}
    noted |= {f"seat.{act}" for act in ("role_changed", "renamed", "ended", "restored", "left")}
    noted |= {f"invite.{act}" for act in ("made", "renewed", "revoked", "restored", "used")}

    assert noted - trail.SENTENCES.keys() == set()


@pytest.mark.parametrize(
    ("asked", "found"), [("topic=tasks", ["task.done"]), ("door=page", ["star.added"]), ("topic=other", ["moon.landed"])]
)
def test_topics_and_doors_narrow_it(house, owner, asked, found):
    EventFactory(kind="task.done", door="phone", tenant=house)
    EventFactory(kind="star.added", door="page", tenant=house)
    EventFactory(kind="moon.landed", door="job", tenant=house)

    assert kinds(owner.get(f"/trail/?{asked}")) == found


def test_seats_and_members_narrow_it(house, owner):
    member = MemberFactory(tenant=house)
    EventFactory(kind="task.done", seat=owner.seat, tenant=house)
    EventFactory(kind="star.added", member=member.pk, tenant=house)

    assert kinds(owner.get(f"/trail/?seat={owner.seat.pk}")) == ["task.done"]
    assert kinds(owner.get("/trail/?seat=none")) == ["star.added"]
    assert kinds(owner.get(f"/trail/?member={member.pk}")) == ["star.added"]
    for nonsense in ("seat=x", "member=x", f"seat={uuid7()}"):
        assert kinds(owner.get(f"/trail/?{nonsense}")) == []


def test_pages_follow_each_other_without_gap_or_double(house, owner):
    moment = now()
    for number in range(120):
        EventFactory(kind=f"n.{number}", at=moment, tenant=house)  # all in one moment

    found, address = [], "/trail/"
    while address and len(found) < 200:
        page = owner.get(address)
        found += kinds(page)
        address = f"/trail/?before={page.context['older']}" if page.context["older"] else None

    assert sorted(found) == sorted(f"n.{number}" for number in range(120))


@pytest.mark.parametrize("mark", ["x", "1_x", "nan_" + "0" * 32, "9" * 40 + "_" + "0" * 32])
def test_a_mark_that_means_nothing_is_the_newest_page(house, owner, mark):
    EventFactory(kind="task.done", tenant=house)

    assert kinds(owner.get(f"/trail/?before={mark}")) == ["task.done"]


def test_operators_and_assistants_see_their_own_acts_alone(house, owner, operator, assistant, viewer):
    for client in (owner, operator, assistant):
        EventFactory(kind=f"by.{client.seat.role}", seat=client.seat, tenant=house)

    assert sorted(kinds(owner.get("/trail/"))) == ["by.assistant", "by.operator", "by.owner"]
    assert kinds(operator.get("/trail/")) == ["by.operator"]
    assert kinds(assistant.get("/trail/")) == ["by.assistant"]
    assert kinds(operator.get(f"/trail/?seat={owner.seat.pk}")) == []
    assert viewer.get("/trail/").status_code == 403


def test_thirty_facts_take_as_many_queries_as_one_and_fifteen_at_most(house, owner):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert owner.get("/trail/").status_code == 200
        return len(asked)

    def add():
        EventFactory(
            kind="task.done", seat=SeatFactory(tenant=house, user__password=None), member=MemberFactory(tenant=house).pk, tenant=house
        )

    add()
    one = queries()
    for _ in range(29):
        add()

    assert queries() == one <= 15


def test_an_empty_trail_says_what_will_stand_there(house, owner):
    assert owner.get("/trail/").context["days"] == {}


def test_what_a_page_does_is_noted_as_done_through_the_page(house, owner):
    MemberFactory(tenant=house)
    b"".join(owner.post("/members/export/").streaming_content)

    (noted,) = told(owner.get("/trail/"))

    assert (noted.event.kind, noted.event.door, noted.who) == ("members.exported", "page", "Lily")


def test_a_name_is_shown_as_text(house, owner):
    member = MemberFactory(nickname="<img src=x onerror=1>", tenant=house)
    with acting_for(house.pk):
        events.note("star.added", member, member=member)

    assert "<img" not in owner.get("/trail/").content.decode()
