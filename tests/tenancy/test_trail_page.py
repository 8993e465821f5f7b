import csv
import datetime
import io
import zipfile

import pytest
import python_calamine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.timezone import now
from uuid_utils.compat import uuid7

from crm.tenancy import events, trail
from crm.tenancy.models import Event
from crm.tenancy.scope import acting_for
from groups import reshuffles, waves
from groups.models import Wave
from tests.factories import DraftFactory, EventFactory, GroupFactory, MemberFactory, SeatFactory, WaveFactory
from tests.groups.communities import ready_draft, small_community


def told(response):
    return [each for acts in response.context["list"].days.values() for each in acts]


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
    noted |= {"members.exported", "community.imported", "trail.exported", "key.revoked", "ownership.handed_over"}
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


def test_days_narrow_it_by_the_tenants_clock(house, owner):
    """In Shanghai 24 November begins at 16:00 UTC of the 23rd."""
    for day, hour in ((23, 15), (23, 16), (24, 15), (24, 16)):
        EventFactory(kind=f"at.{day}.{hour}", at=datetime.datetime(2026, 11, day, hour, 30, tzinfo=datetime.UTC), tenant=house)

    assert kinds(owner.get("/trail/?from=2026-11-24&to=2026-11-24")) == ["at.24.15", "at.23.16"]
    assert kinds(owner.get("/trail/?from=2026-11-25")) == ["at.24.16"]
    assert kinds(owner.get("/trail/?to=2026-11-23")) == ["at.23.15"]


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31", "2026-11-24T00:00"])
def test_a_day_that_is_none_is_said_and_narrows_nothing(house, owner, day):
    EventFactory(kind="task.done", tenant=house)

    page = owner.get("/trail/", {"from": day, "to": day}, headers={"Accept-Language": "en"})

    assert kinds(page) == ["task.done"]
    assert page.context["list"].faults == [f"“{day}” is no day. Write it as 2026-11-24."] * 2


def test_all_conditions_hold_together_and_stand_as_chips(house, owner):
    member = MemberFactory(nickname="桂芳", tenant=house)
    right = {"kind": "task.done", "door": "phone", "seat": owner.seat, "member": member.pk, "tenant": house}
    for wrong in ({}, {"kind": "star.added"}, {"door": "page"}, {"seat": SeatFactory(tenant=house)}, {"member": uuid7()}):
        EventFactory(**right | wrong)
    EventFactory(**right, at=now() - datetime.timedelta(days=9))
    today = house.today()

    asked = {"topic": "tasks", "door": "phone", "seat": owner.seat.pk, "member": member.pk, "from": today, "to": today}
    page = owner.get("/trail/", asked, headers={"Accept-Language": "en"})

    assert page.context["list"].total == len(told(page)) == 1
    assert [str(each.says) for each in page.context["list"].conditions.values()] == [
        "Tasks", "phone", "Lily", "桂芳", str(today), str(today),
    ]  # fmt: skip


def test_a_thing_brings_what_happened_to_its_parts(house, owner):
    with acting_for(house.pk):
        draft = DraftFactory()
        wave = WaveFactory(reshuffle=draft.reshuffle)
        other = DraftFactory()
        for kind, thing in (
            ("reshuffle.approved", draft.reshuffle),
            ("draft.ready", draft),
            ("wave.handed_out", wave),
            ("draft.ready", other),
        ):
            events.note(kind, thing)

    of_reshuffle = owner.get(f"/trail/?subject=reshuffle:{draft.reshuffle_id}", headers={"Accept-Language": "en"})

    assert kinds(of_reshuffle) == ["wave.handed_out", "draft.ready", "reshuffle.approved"]
    assert kinds(owner.get(f"/trail/?subject=matrix:{draft.reshuffle.matrix_id}")) == [
        "wave.handed_out",
        "draft.ready",
        "reshuffle.approved",
    ]
    assert kinds(owner.get(f"/trail/?subject=draft:{draft.pk}")) == ["draft.ready"]
    assert kinds(owner.get(f"/trail/?subject={draft.pk}")) == ["draft.ready"]
    (condition,) = of_reshuffle.context["list"].conditions.values()
    assert str(condition.says).startswith(draft.reshuffle.matrix.name)


@pytest.mark.parametrize("kind", ["group", "matrix", "reshuffle", "draft", "member", "seat", "accesstoken", "zebra", "", ":"])
def test_a_thing_of_another_tenant_or_of_none_finds_nothing_and_has_no_name(two, owner, kind):
    group = GroupFactory(name="Leaked", tenant=two[1])
    EventFactory(subject=group.pk, tenant=two[1])

    for pk in (group.pk, uuid7(), "x", ""):
        page = owner.get("/trail/", {"subject": f"{kind}:{pk}"})
        assert (page.status_code, kinds(page), "Leaked" in page.content.decode()) == (200, [], False)


def test_the_address_holds_what_was_chosen_and_nothing_empty(house, owner):
    chosen = owner.get("/trail/?topic=tasks&door=&seat=&from=2026-11-24&to=", headers={"HX-Request": "true"})
    nothing = owner.get("/trail/?topic=&door=", headers={"HX-Request": "true"})

    assert (chosen["HX-Push-Url"], nothing["HX-Push-Url"]) == ("/qinghe/trail/?topic=tasks&from=2026-11-24", "/qinghe/trail/")


def test_what_it_is_about_is_named_with_its_page(house, owner):
    group = GroupFactory(name="会员7群", tenant=house)
    helper = SeatFactory(name="豆豆", tenant=house)
    with acting_for(house.pk):
        events.note("group.assigned", group, by=owner.seat, after={"assistant": str(helper.pk)})

    (fact,) = told(owner.get("/trail/", headers={"Accept-Language": "en"}))

    assert (fact.sentence, fact.thing.label, fact.thing.url) == ("Gave the group to 豆豆", "会员7群", f"/qinghe/groups/{group.pk}/")


def test_where_nothing_is_found_it_says_what_to_drop_and_how_many_that_brings(house, owner):
    for kind, door in (("task.done", "phone"), ("task.done", "phone"), ("star.added", "page")):
        EventFactory(kind=kind, door=door, tenant=house)

    page = owner.get("/trail/?topic=tasks&door=page")

    assert [(way["condition"].name, way["brings"]) for way in page.context["list"].ways_out] == [("topic", 1), ("door", 2)]
    assert 'href="?door=page"' in page.content.decode()
    assert 'href="?topic=tasks"' in page.content.decode()


@pytest.mark.parametrize("path", ["groups/{group}", "matrices/{matrix}", "reshuffles/{reshuffle}", "members/{member}"])
def test_pages_lead_to_the_trail_of_their_thing(house, owner, operator, viewer, path):
    with acting_for(house.pk):
        draft = DraftFactory()
        pks = {"group": GroupFactory(matrix=draft.reshuffle.matrix).pk, "matrix": draft.reshuffle.matrix_id, "member": MemberFactory().pk}
    pks["reshuffle"] = draft.reshuffle_id
    kind = path[path.index("{") + 1 : -1]
    way = f"/qinghe/trail/?member={pks[kind]}" if kind == "member" else f"/qinghe/trail/?subject={kind}:{pks[kind]}"

    seen = {client.seat.role: way in client.get("/" + path.format(**pks) + "/").content.decode() for client in (owner, operator, viewer)}

    assert seen == {"owner": True, "operator": True, "viewer": False}


def test_who_approves_hands_out_todays_waves_and_the_clock_the_later_ones(house, owner):
    community = small_community(house)
    draft = ready_draft(community)
    with acting_for(house.pk):
        house.tasks_a_day = 1
        reshuffles.approve(draft, house, by=owner.seat)
        later = Wave.objects.filter(state=Wave.State.WAITING).first()
        with events.through("job"):
            waves.hand_out(later.pk, house)

    handed = [(each.who, each.event.door) for each in told(owner.get("/trail/?topic=reshuffle")) if each.event.kind == "wave.handed_out"]

    assert set(handed) == {("", "job"), ("Lily", "command")}


# Taking it away


def taken(client, kind="csv", query=""):
    answer = client.post(f"/trail/export/{query}", {"as": kind})
    return b"".join(answer.streaming_content), answer


def rows_of(content, kind):
    if kind == "csv":
        assert content.startswith("\ufeff".encode())
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    return python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_file_holds_what_the_list_shows_and_that_it_was_taken_is_a_fact(house, owner, kind):
    member = MemberFactory(nickname="=HYPERLINK(1)", tenant=house)
    at = datetime.datetime(2026, 11, 24, 2, 3, 4, tzinfo=datetime.UTC)
    EventFactory(kind="task.done", member=member.pk, seat=owner.seat, door="phone", at=at, subject_kind="task", tenant=house)
    EventFactory(kind="star.added", tenant=house)

    content, answer = taken(owner, kind, "?topic=tasks")

    heads, *rows = rows_of(content, kind)
    harmless = "'=HYPERLINK(1)" if kind == "csv" else "=HYPERLINK(1)"  # in XLSX a text is a text
    assert len(heads) == len(rows[0]) == 10
    assert [[row[0], row[3], row[4], row[7]] for row in rows] == [["2026-11-24 10:03:04", "Lily", harmless, "task.done"]]
    assert answer["Content-Disposition"].startswith('attachment; filename="qinghe-trail-')
    with acting_for(house.pk):
        noted = Event.objects.get(kind="trail.exported")
    assert (noted.seat_id, noted.after) == (owner.seat.pk, {"events": 1, "as": kind})


def test_no_cell_of_a_sheet_is_a_formula(house, owner):
    EventFactory(kind="=1+1", because="@SUM(A1)", tenant=house)

    content, _answer = taken(owner, "xlsx")

    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert "<f>" not in file.read("xl/worksheets/sheet1.xml").decode()


def test_a_long_trail_is_taken_whole(house, owner):
    with acting_for(house.pk):
        events.note_all([{"kind": f"n.{number}", "subject": house} for number in range(1_203)])

    content, _answer = taken(owner)

    codes = [row[7] for row in rows_of(content, "csv")[1:]]
    assert codes == [f"n.{number}" for number in reversed(range(1_203))]


def test_an_operator_takes_only_their_own_acts(house, owner, operator, viewer):
    for client in (owner, operator):
        EventFactory(kind=f"by.{client.seat.role}", seat=client.seat, tenant=house)

    content, _answer = taken(operator)

    assert [row[7] for row in rows_of(content, "csv")[1:]] == ["by.operator"]
    assert viewer.post("/trail/export/").status_code == 403


def test_the_button_says_how_many_the_file_will_hold(house, owner):
    for number in range(60):
        EventFactory(kind="task.done" if number % 2 else "star.added", tenant=house)

    assert "Export these 30 facts" in owner.get("/trail/?topic=tasks", headers={"Accept-Language": "en"}).content.decode()


def test_pages_follow_each_other_without_gap_or_double(house, owner):
    moment = now()
    for number in range(120):
        EventFactory(kind=f"n.{number}", at=moment, tenant=house)  # all in one moment

    found, address = [], "/trail/"
    while address and len(found) < 200:
        page = owner.get(address)
        found += kinds(page)
        address = f"/trail/?before={page.context['list'].older}" if page.context["list"].older else None

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
    assert owner.get("/trail/").context["list"].days == {}


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
